/**
 * The stored keys of the ring. Every use reads the rows anew, so that a rotation in another process is seen at once; key
 * material is unwrapped and checked once and then remembered, for as long as the row holds the same wrapped bytes.
 */

import type { KeyObject } from 'node:crypto';

import { equalBytes } from '../crypto/bytes.js';
import { SecurityError } from '../crypto/errors.js';
import { decodeKey, encodeKey, makeKey, publicJwkText } from '../crypto/key-material.js';
import {
  keyExists,
  keyLimit,
  keyUnknown,
  RING_LIMITS,
  versionUnknown,
  type KeyDescription,
  type KeyStore,
  type KeyVersion,
  type NewKey,
} from '../crypto/keyring.js';
import type { Random } from '../crypto/random.js';
import {
  checked,
  DAY_MS,
  describe,
  destroyDue,
  keyRow,
  labelOf,
  one,
  policyOf,
  refuseName,
  refuseRow,
  versionsQuery,
  type Row,
  type Trx,
} from './key-rows.js';
import type { OpenVault, Vault } from './master-key.js';
import type { KeysTable, KeyVersionsTable, KeyVersionState } from './schema.js';
import type { Store } from './store.js';

/** How long a destruction by a tool can still be undone. */
const DESTROY_DELAY_MS = 7 * DAY_MS;
const MAX_REMEMBERED = 1_000;

export function createKeyStore(store: Store, vault: Vault, random: Random): KeyStore {
  const remembered = new Map<string, { wrapped: Uint8Array; key: KeyObject }>();

  /** Rows to versions, with the key where it is enabled. The vault is opened only where something must be unwrapped. */
  const load = async (select: (trx: Trx) => Promise<Row[]>): Promise<KeyVersion[]> => {
    let rows = await store.read(select);
    if (rows.some((row) => row.state === 'enabled' && known(row) === undefined)) {
      const opened = await vault.open();
      rows = await store.read(async (trx) => {
        const again = await select(trx);
        for (const row of again)
          if (row.state === 'enabled' && known(row) === undefined) await unwrap(trx, opened, row);
        return again;
      });
    }
    return rows.map((row) => {
      const { purpose, algorithm } = checked(row);
      const policy = policyOf(row.policy);
      const key = row.state === 'enabled' ? (known(row) ?? refuseRow()) : undefined;
      return {
        id: row.key_id,
        name: row.name,
        purpose,
        algorithm,
        ...(policy === undefined ? {} : { policy }),
        ...(key === undefined ? {} : { key }),
      };
    });
  };

  const known = (row: Row): KeyObject | undefined => {
    const entry = remembered.get(row.key_id);
    return entry !== undefined && row.wrapped !== null && equalBytes(entry.wrapped, row.wrapped)
      ? entry.key
      : undefined;
  };

  const unwrap = async (trx: Trx, opened: OpenVault, row: Row): Promise<void> => {
    const { purpose, algorithm } = checked(row);
    if (row.wrapped === null) refuseRow();
    const bytes = await opened.unwrap(trx, row.wrapped, labelOf(purpose, row.name, row.version));
    const key = decodeKey(algorithm, bytes, row.public_jwk) ?? refuseRow();
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(row.key_id, { wrapped: row.wrapped, key });
  };

  const addVersion = async (
    trx: Trx,
    opened: OpenVault,
    of: NewKey,
    version: number,
    key: KeyObject,
  ): Promise<void> => {
    await trx
      .insertInto('key_versions')
      .values({
        name: of.name,
        version,
        key_id: `${of.name}.${version}`,
        state: 'enabled',
        created_at: await store.now(trx),
        destroy_after: null,
        public_jwk: publicJwkText(key),
        wrapped: opened.wrap(encodeKey(key), labelOf(of.purpose, of.name, version)),
      })
      .execute();
  };

  const requireKey = async (name: string): Promise<KeysTable> =>
    (await store.read((trx) => keyRow(trx, name))) ?? refuseName();

  /** Changes one version that is not the primary. The row of the key is locked first, so that no rotation comes between. */
  const change = (
    name: string,
    version: number,
    work: (trx: Trx, row: KeyVersionsTable, set: (to: Partial<KeyVersionsTable>) => Promise<void>) => Promise<void>,
  ): Promise<KeyDescription> =>
    store.write(
      async (trx) => {
        const locked = await trx
          .updateTable('keys')
          .set((is) => ({ primary_version: is.ref('primary_version') }))
          .where('name', '=', name)
          .returning('primary_version')
          .executeTakeFirst();
        if (locked === undefined) throw keyUnknown();
        await destroyDue(trx, store);
        const at = { name, version };
        const row = await trx
          .selectFrom('key_versions')
          .selectAll()
          .where('name', '=', name)
          .where('version', '=', version)
          .executeTakeFirst();
        if (row === undefined) throw versionUnknown();
        await work(trx, { ...row, ...at }, async (to) => {
          if (locked.primary_version === version) throw primaryStays();
          await trx
            .updateTable('key_versions')
            .set(to)
            .where('name', '=', name)
            .where('version', '=', version)
            .execute();
        });
        return one(await describe(trx, store, name));
      },
      { isolation: 'read committed' },
    );

  return {
    async list(name) {
      const isDue = (key: KeyDescription, now: number): boolean =>
        key.versions.some(({ destroyAfter }) => destroyAfter !== undefined && destroyAfter <= now);
      const { keys, due } = await store.read(async (trx) => {
        const described = await describe(trx, store, name);
        const now = await store.now(trx);
        return { keys: described, due: described.some((key) => isDue(key, now)) };
      });
      if (name !== undefined && keys.length === 0) throw keyUnknown();
      if (!due) return keys;
      return store.write(async (trx) => {
        await destroyDue(trx, store);
        return describe(trx, store, name);
      });
    },

    async create(of) {
      if ((await store.read((trx) => keyRow(trx, of.name))) !== undefined) throw keyExists();
      const key = of.key ?? (await makeKey(of.algorithm, random));
      const opened = await vault.open();
      return store.write(
        async (trx) => {
          const made = await trx
            .insertInto('keys')
            .values({
              name: of.name,
              purpose: of.purpose,
              algorithm: of.algorithm,
              created_at: await store.now(trx),
              rotate_after_days: of.rotateAfterDays ?? null,
              policy: null,
              primary_version: 1,
            })
            .onConflict((on) => on.column('name').doNothing())
            .returning('name')
            .executeTakeFirst();
          if (made === undefined) throw keyExists();
          const { count } = await trx
            .selectFrom('keys')
            .select((is) => is.fn.countAll<number>().as('count'))
            .executeTakeFirstOrThrow();
          if (count > RING_LIMITS.keys) throw keyLimit('keys');
          await addVersion(trx, opened, of, 1, key);
          return one(await describe(trx, store, of.name));
        },
        { isolation: 'read committed' },
      );
    },

    async rotate(name) {
      const { purpose, algorithm } = checked(await requireKey(name));
      const key = await makeKey(algorithm, random);
      const opened = await vault.open();
      return store.write(
        async (trx) => {
          // One statement counts up and locks: rotations at the same moment come one after the other.
          const row = await trx
            .updateTable('keys')
            .set((is) => ({ primary_version: is('primary_version', '+', 1) }))
            .where('name', '=', name)
            .returning('primary_version')
            .executeTakeFirst();
          if (row === undefined) throw keyUnknown();
          if (row.primary_version > RING_LIMITS.versions) throw keyLimit('versions');
          await addVersion(trx, opened, { name, purpose, algorithm }, row.primary_version, key);
          return one(await describe(trx, store, name));
        },
        { isolation: 'read committed' },
      );
    },

    retire: (name, version, state) =>
      change(name, version, async (trx, row, set) => {
        const wanted: KeyVersionState = state === 'destroyed' ? 'destroy_scheduled' : state;
        if (row.state === wanted || (row.state === 'destroyed' && state === 'destroyed')) return;
        if (row.state === 'destroyed') throw alreadyDestroyed();
        if (row.state === 'destroy_scheduled') throw onlyOperator();
        const destroyAfter = state === 'destroyed' ? (await store.now(trx)) + DESTROY_DELAY_MS : null;
        await set({ state: wanted, destroy_after: destroyAfter });
      }),

    restore: (name, version) =>
      change(name, version, async (_trx, row, set) => {
        if (row.state === 'destroyed') throw alreadyDestroyed();
        if (row.state === 'destroy_scheduled') await set({ state: 'disabled', destroy_after: null });
      }),

    destroy: (name, version) =>
      change(name, version, async (_trx, row, set) => {
        if (row.state === 'destroyed') return;
        if (row.state === 'enabled')
          throw stateRefused(
            'A version in use is not destroyed.',
            'Disable it first: security-mcp keys retire NAME VERSION disabled.',
          );
        await set({ state: 'destroyed', wrapped: null, destroy_after: null });
      }),

    async setPolicy(name, policy) {
      const text = policy === null ? null : JSON.stringify(policy);
      return store.write(async (trx) => {
        if ((await keyRow(trx, name)) === undefined) throw keyUnknown();
        await trx.updateTable('keys').set({ policy: text }).where('name', '=', name).execute();
        return one(await describe(trx, store, name));
      });
    },

    primaries: (of) =>
      load((trx) => {
        const query = versionsQuery(trx).whereRef('key_versions.version', '=', 'keys.primary_version');
        return (
          'name' in of ? query.where('keys.name', '=', of.name) : query.where('purpose', '=', of.purpose)
        ).execute();
      }),

    versions: (of) =>
      load((trx) => {
        const query = versionsQuery(trx).orderBy('key_versions.version', 'desc');
        return ('name' in of ? query.where('keys.name', '=', of.name) : query.where('key_id', '=', of.id)).execute();
      }),
  };
}

function stateRefused(message: string, hint: string): SecurityError {
  return new SecurityError('key_state_refused', message, { hint });
}

function primaryStays(): SecurityError {
  return stateRefused(
    'The primary version of a key cannot be disabled or destroyed.',
    'Use key_rotate first; the version can be retired then.',
  );
}

function alreadyDestroyed(): SecurityError {
  return stateRefused('This version is destroyed: its key material is gone.', 'Use key_rotate for a new version.');
}

function onlyOperator(): SecurityError {
  return stateRefused(
    'This version is scheduled to be destroyed.',
    'An operator can undo it with security-mcp keys restore, until its time has come.',
  );
}
