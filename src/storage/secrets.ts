/**
 * The stored secrets: each wrapped under the vault with its name and version authenticated, so that no row can stand in for another
 * or for a former one. Nothing that reads their rows opens them but `get`.
 */

import { createHmac } from 'node:crypto';

import type { Transaction } from 'kysely';

import { base64url, fromUtf8, utf8 } from '../crypto/bytes.js';
import { inputInvalid, SecurityError } from '../crypto/errors.js';
import {
  MAX_SECRET_BYTES,
  MAX_SECRETS,
  SECRET_KINDS,
  SECRET_ORIGINS,
  secretExists,
  secretUnknown,
  type NewSecret,
  type SecretDescription,
  type SecretStore,
  type StoredSecret,
} from '../crypto/secret.js';
import type { Vault, WrapLabel } from './master-key.js';
import type { Database, SecretsTable } from './schema.js';
import type { Store } from './store.js';

type Trx = Transaction<Database>;

/** How long what a tool deleted can be brought back by an operator. */
const RESTORABLE_MS = 7 * 86_400_000;
const FINGERPRINT_BYTES = 12;

export function secretLabel({ name, version }: Pick<SecretsTable, 'name' | 'version'>): WrapLabel {
  return { purpose: 'secret', name, version };
}

/** A deleted secret, and until when it can be brought back. */
export interface DeletedSecret extends SecretDescription {
  restorableUntil: number;
}

export class Secrets implements SecretStore {
  readonly #store: Store;
  readonly #vault: Vault;

  constructor(store: Store, vault: Vault) {
    this.#store = store;
    this.#vault = vault;
  }

  async put(secret: NewSecret, { overwrite = false }: { overwrite?: boolean } = {}): Promise<SecretDescription> {
    const bytes = utf8(secret.value);
    if (bytes.length === 0 || bytes.length > MAX_SECRET_BYTES)
      throw inputInvalid('The secret', `is empty or over ${MAX_SECRET_BYTES} bytes`, 'Give 1 to 65,536 bytes of text.');
    const opened = await this.#vault.open();
    const fingerprint = await this.fingerprint(secret.value);
    return this.#store.write(async (trx) => {
      const now = await this.#store.now(trx);
      await purge(trx, now);
      const before = await rowOf(trx, secret.name);
      // A deleted one keeps its name: else deleting and making anew would be the destruction that is delayed.
      if (before !== undefined && (!overwrite || before.deleted_at !== null)) throw secretExists();
      const { count } = await trx
        .selectFrom('secrets')
        .select((is) => is.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      if (before === undefined && count >= MAX_SECRETS) throw tooMany();
      const version = (before?.version ?? 0) + 1;
      const row: SecretsTable = {
        name: secret.name,
        version,
        kind: secret.kind,
        origin: secret.origin,
        shown: secret.shown ? 1 : 0,
        created_at: now,
        expires_at: secret.expiresAt ?? null,
        deleted_at: null,
        entropy_bits: secret.entropyBits === undefined ? null : Math.floor(secret.entropyBits),
        fingerprint,
        wrapped: opened.wrap(bytes, secretLabel({ name: secret.name, version })),
      };
      await trx.deleteFrom('secrets').where('name', '=', secret.name).execute();
      await trx.insertInto('secrets').values(row).execute();
      return describe(row);
    });
  }

  async get(name: string): Promise<StoredSecret> {
    const opened = await this.#vault.open();
    return this.#store.read(async (trx) => {
      const row = await rowOf(trx, name);
      if (row === undefined || !isLive(row, await this.#store.now(trx))) throw secretUnknown();
      const value = fromUtf8(await opened.unwrap(trx, row.wrapped, secretLabel(row)));
      if (value === null) throw damaged();
      return { ...describe(row), value };
    });
  }

  async requireFree(name: string): Promise<void> {
    const row = await this.#store.read(async (trx) => {
      const found = await rowOf(trx, name);
      return found !== undefined && !isGone(found, await this.#store.now(trx)) ? found : undefined;
    });
    if (row !== undefined) throw secretExists();
  }

  async list(name?: string): Promise<SecretDescription[]> {
    const rows = await this.#store.read(async (trx) => {
      const now = await this.#store.now(trx);
      let query = trx.selectFrom('secrets').selectAll().orderBy('name');
      if (name !== undefined) query = query.where('name', '=', name);
      return (await query.execute()).filter((row) => isLive(row, now));
    });
    if (name !== undefined && rows.length === 0) throw secretUnknown();
    return rows.map(describe);
  }

  remove(name: string): Promise<void> {
    return this.#change(name, (row, now) => {
      if (!isLive(row, now)) throw secretUnknown();
      return { deleted_at: now };
    });
  }

  /** For operators: what can still be brought back. */
  async listDeleted(): Promise<DeletedSecret[]> {
    return this.#store.read(async (trx) => {
      const now = await this.#store.now(trx);
      const rows = await trx.selectFrom('secrets').selectAll().where('deleted_at', 'is not', null).execute();
      return rows
        .filter((row) => !isGone(row, now))
        .map((row) => ({ ...describe(row), restorableUntil: (row.deleted_at ?? 0) + RESTORABLE_MS }));
    });
  }

  /** For operators: undoes a deletion. Throws `secret_unknown`. */
  restore(name: string): Promise<void> {
    return this.#change(name, (row, now) => {
      if (row.deleted_at === null || isGone(row, now)) throw secretUnknown();
      return { deleted_at: null };
    });
  }

  /** For operators: destroys at once, deleted or not, which frees the name. Throws `secret_unknown`. */
  async destroy(name: string): Promise<void> {
    await this.#store.write(async (trx) => {
      const { numDeletedRows } = await trx.deleteFrom('secrets').where('name', '=', name).executeTakeFirstOrThrow();
      if (Number(numDeletedRows) === 0) throw secretUnknown();
    });
  }

  async fingerprint(value: string): Promise<string> {
    const key = (await this.#vault.open()).guardKey('fingerprint');
    const mac = createHmac('sha256', key).update('secret\0').update(value, 'utf8').digest();
    return base64url(mac.subarray(0, FINGERPRINT_BYTES));
  }

  async #change(name: string, work: (row: SecretsTable, now: number) => Partial<SecretsTable>): Promise<void> {
    await this.#store.write(async (trx) => {
      const row = await rowOf(trx, name);
      if (row === undefined) throw secretUnknown();
      const to = work(row, await this.#store.now(trx));
      await trx.updateTable('secrets').set(to).where('name', '=', name).execute();
    });
  }
}

function rowOf(trx: Trx, name: string): Promise<SecretsTable | undefined> {
  return trx.selectFrom('secrets').selectAll().where('name', '=', name).executeTakeFirst();
}

function isExpired({ expires_at }: SecretsTable, now: number): boolean {
  return expires_at !== null && expires_at <= now;
}

function isLive(row: SecretsTable, now: number): boolean {
  return row.deleted_at === null && !isExpired(row, now);
}

/** Neither there nor to be brought back. */
function isGone(row: SecretsTable, now: number): boolean {
  return isExpired(row, now) || (row.deleted_at !== null && row.deleted_at + RESTORABLE_MS <= now);
}

async function purge(trx: Trx, now: number): Promise<void> {
  await trx
    .deleteFrom('secrets')
    .where((is) => is.or([is('expires_at', '<=', now), is('deleted_at', '<=', now - RESTORABLE_MS)]))
    .execute();
}

function describe(row: SecretsTable): SecretDescription {
  const kind = SECRET_KINDS.find((known) => known === row.kind);
  const origin = SECRET_ORIGINS.find((known) => known === row.origin);
  if (kind === undefined || origin === undefined) throw damaged();
  return {
    name: row.name,
    kind,
    origin,
    shown: row.shown !== 0,
    createdAt: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.entropy_bits === null ? {} : { entropyBits: row.entropy_bits }),
    fingerprint: row.fingerprint,
  };
}

function damaged(): SecurityError {
  return new SecurityError(
    'storage_damaged',
    'A secret of the store is damaged: what is stored of it does not fit together.',
    {
      hint: 'Have the operator restore a backup of the database.',
    },
  );
}

function tooMany(): SecurityError {
  return inputInvalid(
    'The store',
    `holds ${MAX_SECRETS} secrets, as many as it takes`,
    'Delete what is not needed: secret_delete.',
  );
}
