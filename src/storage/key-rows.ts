/** The rows of keys and their versions: how they are read, what they must say to hold together, and what is told of them. */

import type { Transaction } from 'kysely';

import { SecurityError } from '../crypto/errors.js';
import { isAlgorithmOf, isKeyPurpose } from '../crypto/key-material.js';
import { keyUnknown, type KeyDescription, type NewKey } from '../crypto/keyring.js';
import { readTokenPolicy, type TokenPolicy } from '../crypto/token-policy.js';
import type { WrapLabel } from './master-key.js';
import type { KeysTable, KeyVersionsTable } from './schema.js';
import type { Database, Store } from './store.js';

export const DAY_MS = 86_400_000;

export type Trx = Transaction<Database>;
export type Row = Omit<KeyVersionsTable, 'created_at'> & Pick<KeysTable, 'purpose' | 'algorithm' | 'policy'>;

/** The columns by name: a later version of the program may have added others. */
export function versionsQuery(trx: Trx) {
  return trx
    .selectFrom('key_versions')
    .innerJoin('keys', 'keys.name', 'key_versions.name')
    .select([
      'key_versions.name',
      'version',
      'key_id',
      'state',
      'destroy_after',
      'public_jwk',
      'wrapped',
      'purpose',
      'algorithm',
      'policy',
    ]);
}

export function keyRow(trx: Trx, name: string): Promise<KeysTable | undefined> {
  return trx.selectFrom('keys').selectAll().where('name', '=', name).executeTakeFirst();
}

/** Finishes the destructions whose delay is over. */
export async function destroyDue(trx: Trx, store: Store): Promise<void> {
  await trx
    .updateTable('key_versions')
    .set({ state: 'destroyed', wrapped: null, destroy_after: null })
    .where('state', '=', 'destroy_scheduled')
    .where('destroy_after', '<=', await store.now(trx))
    .execute();
}

export async function describe(trx: Trx, store: Store, name?: string): Promise<KeyDescription[]> {
  const now = await store.now(trx);
  let keys = trx.selectFrom('keys').selectAll().orderBy('name');
  let versions = trx
    .selectFrom('key_versions')
    .select(['name', 'version', 'key_id', 'state', 'created_at', 'destroy_after'])
    .orderBy('name')
    .orderBy('version');
  if (name !== undefined) {
    keys = keys.where('name', '=', name);
    versions = versions.where('name', '=', name);
  }
  const byName = new Map<string, KeyDescription['versions']>();
  for (const row of await versions.execute()) {
    const list = byName.get(row.name) ?? [];
    byName.set(row.name, list);
    list.push({
      version: row.version,
      keyId: row.key_id,
      state: row.state,
      createdAt: row.created_at,
      ...(row.destroy_after === null ? {} : { destroyAfter: row.destroy_after }),
    });
  }
  return (await keys.execute()).map((row) => {
    const list = byName.get(row.name) ?? [];
    const primary = list.find(({ version }) => version === row.primary_version) ?? refuseRow();
    const policy = policyOf(row.policy);
    const days = row.rotate_after_days;
    return {
      name: row.name,
      ...checked(row),
      primaryVersion: row.primary_version,
      versions: list,
      ...(days === null ? {} : { rotateAfterDays: days }),
      overdue: days !== null && (primary.createdAt ?? 0) + days * DAY_MS < now,
      ...(policy === undefined ? {} : { policy }),
    };
  });
}

/** The purpose is part of it: a version moved to a key of another purpose does not open. */
export function labelOf(purpose: string, name: string, version: number): WrapLabel {
  return { purpose: `key:${purpose}`, name, version };
}

export function policyOf(text: string | null): TokenPolicy | undefined {
  return text === null ? undefined : (readTokenPolicy(text) ?? refuseRow());
}

/** What a row says of its key, if that holds together. */
export function checked(
  row: Pick<KeysTable, 'purpose' | 'algorithm'> & Partial<Row>,
): Pick<NewKey, 'purpose' | 'algorithm'> {
  const { purpose, algorithm, name, version, key_id } = row;
  if (!isKeyPurpose(purpose) || !isAlgorithmOf(purpose, algorithm)) return refuseRow();
  if (key_id !== undefined && key_id !== `${name}.${version}`) return refuseRow();
  return { purpose, algorithm };
}

export function one([key]: KeyDescription[]): KeyDescription {
  return key ?? refuseName();
}

export function refuseName(): never {
  throw keyUnknown();
}

export function refuseRow(): never {
  throw new SecurityError(
    'storage_damaged',
    'A key of the store is damaged: what is stored of it does not fit together.',
    {
      hint: 'Have the operator restore a backup of the database.',
    },
  );
}
