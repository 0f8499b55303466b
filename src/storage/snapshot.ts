/** All that a store remembers, as rows of its tables: read in one transaction, put into an empty store of either engine in another. */

import { sql, type Transaction } from 'kysely';

import { SecurityError } from '../crypto/errors.js';
import type { Vault } from './master-key.js';
import { MIGRATIONS } from './migrations.js';
import { wrappedValues } from './rewrap.js';
import type { Database } from './schema.js';
import type { Store } from './store.js';

type Trx = Transaction<Database>;
export type Value = string | number | Uint8Array | null;
export interface TableRow {
  table: keyof Database;
  row: Record<string, Value>;
}

/** Every table with its key, in an order in which rows may refer to those before. A test compares them with what migrations make. */
export const TABLES: readonly { name: keyof Database; key: readonly string[] }[] = [
  { name: 'meta', key: ['name'] },
  { name: 'clock', key: ['id'] },
  { name: 'keys', key: ['name'] },
  { name: 'key_versions', key: ['name', 'version'] },
  { name: 'secrets', key: ['name'] },
  { name: 'attempts', key: ['subject'] },
  { name: 'audit_segments', key: ['segment'] },
  { name: 'audit_entries', key: ['sequence'] },
];
const PAGE = 500;
const INSERTED_AT_ONCE = 100;
/** How long a transaction over everything may take: an operator waits, and nothing else waits for it but on SQLite writers for a restore. */
export const WHOLE_STORE_MS = 3_600_000;

/** All rows, page by page. `trx` gives one snapshot. */
export async function* rowsOf(trx: Trx): AsyncGenerator<TableRow> {
  for (const { name: table, key } of TABLES) {
    const columns = sql.join(key.map((column) => sql.ref(column)));
    for (let last: Record<string, Value> | undefined; ;) {
      const after = last;
      const { rows } = await (
        after === undefined
          ? sql<Record<string, Value>>`select * from ${sql.table(table)} order by ${columns} limit ${sql.lit(PAGE)}`
          : sql<Record<string, Value>>`select * from ${sql.table(table)} where (${columns}) > (${sql.join(
              key.map((column) => sql.val(after[column] ?? null)),
            )}) order by ${columns} limit ${sql.lit(PAGE)}`
      ).execute(trx);
      for (const row of rows) yield { table, row };
      if (rows.length < PAGE) break;
      last = rows.at(-1);
    }
  }
}

/**
 * Puts the rows into a store that holds nothing yet, in place of the identity that it was made with. Throws `input_invalid` where
 * it holds something, or where rows are of no table of this program.
 */
export async function insertRows(trx: Trx, rows: AsyncIterable<TableRow>): Promise<number> {
  await requireEmpty(trx);
  await trx.deleteFrom('meta').where('name', '!=', 'schema_version').execute();
  await trx.deleteFrom('clock').execute();
  let count = 0;
  let batch: TableRow[] = [];
  const flush = async (): Promise<void> => {
    const [first] = batch;
    if (first === undefined) return;
    await trx
      .insertInto(first.table as 'meta')
      .values(batch.map(({ row }) => row as never))
      .execute();
    batch = [];
  };
  for await (const entry of rows) {
    count++;
    // The tables have the version of this program, whatever that of the rows.
    if (entry.table === 'meta' && entry.row['name'] === 'schema_version') continue;
    if (batch.length >= INSERTED_AT_ONCE || (batch[0] !== undefined && batch[0].table !== entry.table)) await flush();
    batch.push(entry);
  }
  await flush();
  return count;
}

/** Throws `input_invalid` where the store holds anything but its own identity. */
export async function requireEmpty(trx: Trx): Promise<void> {
  const vault = await trx.selectFrom('meta').select('name').where('name', '=', 'root_keys').executeTakeFirst();
  let used = vault !== undefined;
  for (const { name } of TABLES) {
    if (name === 'meta' || name === 'clock') continue;
    const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(trx);
    used ||= rows.length > 0;
  }
  if (used)
    throw new SecurityError('input_invalid', 'The store that would be filled holds something already.', {
      hint: 'Name an empty database or a folder that is new: what is there is never mixed or replaced.',
    });
}

export function isTable(name: unknown): name is keyof Database {
  return TABLES.some((table) => table.name === name);
}

/** The version of the tables that this program makes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Opens every wrapped value that is kept, so that what was copied is known to be whole. Throws `storage_damaged`. */
export async function tryEverything(store: Store, vault: Vault): Promise<void> {
  const opened = await vault.open();
  await store.read(
    async (trx) => {
      for await (const { wrapped, label } of wrappedValues(trx)) await opened.unwrap(trx, wrapped, label);
    },
    { timeoutMs: WHOLE_STORE_MS },
  );
}
