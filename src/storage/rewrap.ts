/** Every value that the vault has wrapped, wherever it is kept: for a rotation of the master key, and for trying a backup. */

import type { Transaction } from 'kysely';

import { labelOf } from './key-rows.js';
import type { WrapLabel } from './master-key.js';
import type { Database } from './schema.js';
import { secretLabel } from './secrets.js';

export interface WrappedValue {
  wrapped: Uint8Array;
  label: WrapLabel;
  /** Puts another form of it in its place. */
  replace(wrapped: Uint8Array): Promise<void>;
}

const PAGE = 500;

/** A new table that keeps wrapped values is added here. */
export async function* wrappedValues(trx: Transaction<Database>): AsyncGenerator<WrappedValue> {
  yield* ofKeys(trx);
  yield* ofSecrets(trx);
}

async function* ofSecrets(trx: Transaction<Database>): AsyncGenerator<WrappedValue> {
  for (let after = ''; ;) {
    const rows = await trx
      .selectFrom('secrets')
      .select(['name', 'version', 'wrapped'])
      .where('name', '>', after)
      .orderBy('name')
      .limit(PAGE)
      .execute();
    for (const { name, version, wrapped } of rows)
      yield {
        wrapped,
        label: secretLabel({ name, version }),
        replace: async (again) =>
          void (await trx.updateTable('secrets').set({ wrapped: again }).where('name', '=', name).execute()),
      };
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.name;
  }
}

async function* ofKeys(trx: Transaction<Database>): AsyncGenerator<WrappedValue> {
  for (let after = { name: '', version: 0 }; ;) {
    const rows = await trx
      .selectFrom('key_versions')
      .innerJoin('keys', 'keys.name', 'key_versions.name')
      .select(['key_versions.name', 'version', 'purpose', 'wrapped'])
      .where((is) =>
        is.or([
          is('key_versions.name', '>', after.name),
          is.and([is('key_versions.name', '=', after.name), is('version', '>', after.version)]),
        ]),
      )
      .orderBy('key_versions.name')
      .orderBy('version')
      .limit(PAGE)
      .execute();
    for (const { name, version, purpose, wrapped } of rows) {
      if (wrapped === null) continue;
      yield {
        wrapped,
        label: labelOf(purpose, name, version),
        replace: async (again) =>
          void (await trx
            .updateTable('key_versions')
            .set({ wrapped: again })
            .where('name', '=', name)
            .where('version', '=', version)
            .execute()),
      };
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last;
  }
}
