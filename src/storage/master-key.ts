/**
 * The vault: what the master key protects (docs/decisions/010-master-key.md).
 *
 * The master key wraps one thing, a list of random root keys in the table `meta`; everything else hangs on those: generation 0
 * gives the keys of the guard, which never change, the last one wraps what is new, and each opens what it wrapped. To replace
 * the master key is therefore one row, and a running server needs to know nothing of it. A check value tells a wrong master
 * key from a damaged store.
 */

import type { Kysely, Transaction } from 'kysely';

import { base64url, equalBytes, fromBase64url, fromUtf8, utf8 } from '../crypto/bytes.js';
import { SecurityError } from '../crypto/errors.js';
import type { Random } from '../crypto/random.js';
import { deriveKey, KEY_BYTES, unwrapBytes, wrapBytes, wrapGeneration, type WrapLabel } from '../crypto/wrapping.js';
import type { KeySource } from './key-file.js';
import { wrappedValues } from './rewrap.js';
import type { Database } from './schema.js';
import type { Store } from './store.js';

export type { WrapLabel } from '../crypto/wrapping.js';

/** `audit-sign` is the seed of an Ed25519 key (RFC 8032 section 5.1.5). */
export type GuardPurpose = 'fingerprint' | 'audit-chain' | 'audit-sign';

export interface OpenVault {
  /** 32 bytes, the same for the life of the store, on every engine and after every rotation. */
  guardKey(purpose: GuardPurpose): Uint8Array;
  wrap(plaintext: Uint8Array, label: WrapLabel): Uint8Array;
  /** `db` is the transaction that read `wrapped`. Throws `storage_damaged`, or `master_key_wrong` where the key was replaced. */
  unwrap(db: Kysely<Database>, wrapped: Uint8Array, label: WrapLabel): Promise<Uint8Array>;
}

export interface Vault {
  /**
   * Opens the vault, and makes it in a new store. Not inside a transaction. Throws `master_key_wrong`, or as the store does.
   */
  open(): Promise<OpenVault>;
  /** Whether the store has a vault yet; without making one. Throws where it has one that cannot be opened. */
  status(): Promise<'absent' | 'sound'>;
  /**
   * Replaces the master key by `newKey`, begins a new root, and wraps everything that is kept anew under it, in one transaction: a
   * kill at any moment leaves the old state or the new one. Gives how many values were wrapped anew.
   */
  rotate(newKey: Uint8Array): Promise<number>;
  /** The master key in force. For a backup alone. */
  masterKey(): Promise<Uint8Array>;
}

const ROOTS_LABEL: WrapLabel = { purpose: 'root-keys', name: 'meta', version: 1 };
const MAX_ROOTS = 1_000;

/** The rows of `meta` that the vault lives in. */
interface Rows {
  storeId: string;
  check: string | undefined;
  roots: string | undefined;
}

export function createVault(store: Store, source: KeySource, random: Random): Vault {
  let opening: Promise<OpenVault> | undefined;

  const rootsNow = async (): Promise<Uint8Array[]> => {
    if ((await store.read(rowsOf)).check === undefined) {
      const key = source.forNewStore(() => random(KEY_BYTES));
      await store.write((trx) => makeRoots(trx, key, random));
    }
    const { roots, unsettled } = await store.read(async (trx) => {
      const rows = await rowsOf(trx);
      const key = keyOf(rows, source);
      return key === null
        ? { unsettled: true }
        : { roots: rootsUnder(key, rows), unsettled: source.unsettled() !== null };
    });
    if (roots !== undefined && !unsettled) return roots;
    // A rotation was cut off, or is under way right now: inside a write nobody else is in the middle of one.
    await settle();
    return store.write(async (trx) => {
      const rows = await rowsOf(trx);
      return rootsUnder(keyOf(rows, source) ?? refuseKey(source), rows);
    });
  };

  /** Finishes a rotation that was cut off, or takes it back. */
  const settle = async (): Promise<void> => {
    // Killed in its commit, a process can leave it whole in SQLite's log, where nobody sees it until a recovery brings it back: which
    // key counts is known only when another commit has gone over it, or has made it durable.
    const begun = await store.write(async (trx) => {
      await writeNothing(trx);
      return source.unsettled();
    });
    if (begun === null) return;
    await store.write(async (trx) => {
      const rows = await rowsOf(trx);
      source.settle(begun, (candidate) => fits(candidate, rows));
    });
  };

  return {
    open: () =>
      (opening ??= rootsNow().then(
        (roots) => openVault(roots, source, random),
        (error: unknown) => {
          opening = undefined;
          throw error;
        },
      )),
    async status() {
      if ((await store.read(rowsOf)).check === undefined) return 'absent';
      await rootsNow();
      return 'sound';
    },
    async rotate(newKey) {
      let isPrepared = false;
      const attempt = (): Promise<number | null> =>
        store.write(async (trx) => {
          const rows = await rowsOf(trx);
          const roots = rootsUnder(keyOf(rows, source) ?? refuseKey(source), rows);
          if (roots.length >= MAX_ROOTS) throw damaged();
          // What another rotation has left since then may be the key that counts.
          if (!isPrepared && source.unsettled() !== null) return null;
          isPrepared = true;
          source.prepare(newKey);
          const renewed = [...roots, random(KEY_BYTES)];
          await setRows(trx, rows.storeId, newKey, renewed, random);
          return rewrapAll(trx, openVault(renewed, source, random));
        }, ROTATION);
      let count: number | null = null;
      while (count === null) {
        await rootsNow();
        count = await attempt();
      }
      // A process that was given its key from outside goes on with the roots it has; its next start needs the new key.
      if (source.kind === 'environment') return count;
      opening = undefined;
      await settle();
      return count;
    },
    async masterKey() {
      await rootsNow();
      return store.read(async (trx) => keyOf(await rowsOf(trx), source) ?? refuseKey(source));
    },
  };
}

/** A commit that changes nothing: an update to the same values would not be written at all. */
async function writeNothing(trx: Transaction<Database>): Promise<void> {
  const row = { name: 'settling', value: '' };
  await trx.insertInto('meta').values(row).execute();
  await trx.deleteFrom('meta').where('name', '=', row.name).execute();
}

/** Over every key of the ring; few stores have more than a hundred. */
const ROTATION = { timeoutMs: 600_000 };

/** Wraps every value anew under the newest root. The former roots stay: another process may still wrap under them. */
async function rewrapAll(trx: Transaction<Database>, vault: OpenVault): Promise<number> {
  let count = 0;
  for await (const { wrapped, label, replace } of wrappedValues(trx)) {
    await replace(vault.wrap(await vault.unwrap(trx, wrapped, label), label));
    count++;
  }
  return count;
}

function openVault(loaded: Uint8Array[], source: KeySource, random: Random): OpenVault {
  let roots = loaded;
  const wrappingKey = (generation: number): Uint8Array => deriveKey(rootOf(roots, generation), 'wrap', '');
  return {
    guardKey: (purpose) => deriveKey(rootOf(roots, 0), purpose, ''),
    wrap: (plaintext, label) => wrapBytes(wrappingKey(roots.length - 1), roots.length - 1, plaintext, label, random),
    async unwrap(db, wrapped, label) {
      const generation = wrapGeneration(wrapped);
      if (generation === null) throw damaged();
      if (generation >= roots.length) {
        // Wrapped by a process that started after a rotation.
        const rows = await rowsOf(db);
        roots = rootsUnder(keyOf(rows, source) ?? refuseKey(source), rows);
      }
      return unwrapBytes(wrappingKey(generation), wrapped, label) ?? refuseValue();
    },
  };
}

function rootOf(roots: readonly Uint8Array[], generation: number): Uint8Array {
  return roots[generation] ?? refuseValue();
}

async function rowsOf(db: Kysely<Database>): Promise<Rows> {
  const rows = await db
    .selectFrom('meta')
    .selectAll()
    .where('name', 'in', ['store_id', 'master_key_check', 'root_keys'])
    .execute();
  const value = (name: string): string | undefined => rows.find((row) => row.name === name)?.value;
  const [storeId, check, roots] = [value('store_id'), value('master_key_check'), value('root_keys')];
  if (storeId === undefined || (check === undefined) !== (roots === undefined)) throw damaged();
  return { storeId, check, roots };
}

/** First come, first served: whoever finds the rows made goes by them. */
async function makeRoots(trx: Transaction<Database>, key: Uint8Array, random: Random): Promise<void> {
  const rows = await rowsOf(trx);
  if (rows.check !== undefined) return;
  // A store that has keys or an audit had a vault: a new one would make them useless without a word.
  for (const table of ['key_versions', 'secrets', 'audit_segments'] as const)
    if (
      (
        await trx
          .selectFrom(table)
          .select((is) => is.lit(1).as('one'))
          .limit(1)
          .execute()
      ).length > 0
    )
      throw damaged();
  await setRows(trx, rows.storeId, key, [random(KEY_BYTES)], random);
}

async function setRows(
  trx: Transaction<Database>,
  storeId: string,
  key: Uint8Array,
  roots: readonly Uint8Array[],
  random: Random,
): Promise<void> {
  const plaintext = utf8(JSON.stringify(roots.map(base64url)));
  const wrapped = wrapBytes(deriveKey(key, 'wrap', storeId), 0, plaintext, ROOTS_LABEL, random);
  for (const [name, value] of [
    ['master_key_check', base64url(checkValue(key, storeId))],
    ['root_keys', base64url(wrapped)],
  ] as const)
    await trx
      .insertInto('meta')
      .values({ name, value })
      .onConflict((on) => on.column('name').doUpdateSet({ value }))
      .execute();
}

function checkValue(key: Uint8Array, storeId: string): Uint8Array {
  return deriveKey(key, 'check', storeId);
}

function fits(key: Uint8Array, { check, storeId }: Rows): boolean {
  const expected = fromBase64url(check ?? '');
  if (expected?.length !== KEY_BYTES) throw damaged();
  return equalBytes(checkValue(key, storeId), expected);
}

function keyOf(rows: Rows, source: KeySource): Uint8Array | null {
  return source.candidates().find((key) => fits(key, rows)) ?? null;
}

function rootsUnder(key: Uint8Array, { roots, storeId }: Rows): Uint8Array[] {
  const wrapped = fromBase64url(roots ?? '');
  const plaintext = wrapped === null ? null : unwrapBytes(deriveKey(key, 'wrap', storeId), wrapped, ROOTS_LABEL);
  if (plaintext === null) throw damaged();
  const list = JSON.parse(fromUtf8(plaintext) ?? '[]') as string[];
  return list.map((root) => fromBase64url(root) ?? refuseValue());
}

function refuseKey(source: KeySource): never {
  if (source.kind === 'environment')
    throw new SecurityError('master_key_wrong', 'SECURITY_MCP_MASTER_KEY is not the key of this store.', {
      hint: 'Have the operator give the key that this store was made with, or that it was last rotated to, and start the server again.',
    });
  throw new SecurityError(
    'master_key_wrong',
    source.candidates().length === 0
      ? 'The file master.key in SECURITY_MCP_HOME is missing or does not hold 32 bytes.'
      : 'The file master.key in SECURITY_MCP_HOME is not the key of this store.',
    { hint: 'Have the operator put the right file back from a backup, or give the key in SECURITY_MCP_MASTER_KEY.' },
  );
}

function damaged(): SecurityError {
  return new SecurityError('storage_damaged', 'What the master key protects in the store is damaged.', {
    hint: 'The key itself is right. Have the operator restore a backup of the database.',
  });
}

function refuseValue(): never {
  throw damaged();
}
