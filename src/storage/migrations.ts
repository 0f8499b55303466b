/**
 * How the tables come to be: numbered steps, forwards only, run by the first process that needs them while others wait.
 *
 * To add a migration: append an object to MIGRATIONS whose statements fit both engines ({blob}, {strict} and so on are filled
 * in per engine), and add its columns to schema.ts. Never change one that was released. A program of the former version may
 * still run beside it: new columns need a default, and nothing may be dropped or renamed that it uses.
 */

import { randomUUID } from 'node:crypto';

import { sql, type Transaction } from 'kysely';

import { SecurityError } from '../crypto/errors.js';
import type { Database } from './schema.js';

export type EngineName = 'sqlite' | 'postgres';

type Migration = readonly string[];

/** What differs between the engines. SQLite's STRICT tables refuse what PostgreSQL would refuse. */
const WORDS: Readonly<Record<EngineName, Readonly<Record<string, string>>>> = {
  sqlite: { '{int}': 'integer', '{blob}': 'blob', '{strict}': 'strict', '{strict, rowid}': 'strict, without rowid' },
  postgres: { '{int}': 'bigint', '{blob}': 'bytea', '{strict}': '', '{strict, rowid}': '' },
};

/** Small tables that are found by a text key need no second tree for it ({strict, rowid}). */
export const MIGRATIONS: readonly Migration[] = [
  [
    `create table keys (
      name text not null primary key,
      purpose text not null,
      algorithm text not null,
      created_at {int} not null,
      rotate_after_days {int},
      policy text,
      primary_version {int} not null
    ) {strict, rowid}`,
    `create table key_versions (
      name text not null references keys (name),
      version {int} not null check (version > 0),
      key_id text not null unique,
      state text not null check (state in ('enabled', 'disabled', 'destroy_scheduled', 'destroyed')),
      created_at {int} not null,
      destroy_after {int},
      public_jwk text,
      wrapped {blob},
      primary key (name, version),
      check ((state = 'destroyed') = (wrapped is null))
    ) {strict}`,
    `create table attempts (
      subject text not null primary key,
      charges text not null,
      consecutive_failures {int} not null,
      blocked_until {int} not null,
      updated_at {int} not null
    ) {strict, rowid}`,
    `create index attempts_idle on attempts (updated_at)`,
    `create table audit_entries (
      sequence {int} not null primary key,
      segment {int} not null,
      time {int} not null,
      boot_id text not null,
      session text not null,
      tool text not null,
      caller text not null,
      outcome text,
      code text,
      entry text not null,
      mac {blob} not null
    ) {strict}`,
    `create index audit_entries_session on audit_entries (session, sequence)`,
    `create index audit_entries_tool on audit_entries (tool, sequence)`,
    `create index audit_entries_outcome on audit_entries (outcome, sequence)`,
    `create index audit_entries_time on audit_entries (time, sequence)`,
    `create table audit_segments (
      segment {int} not null primary key,
      first_sequence {int} not null,
      last_sequence {int},
      head {blob} not null,
      signature {blob},
      created_at {int} not null,
      sealed_at {int},
      dropped_at {int}
    ) {strict}`,
    `create table clock (id {int} not null primary key check (id = 1), latest {int} not null) {strict}`,
  ],
  [
    `alter table audit_segments add column exported_at {int}`,
    // Each would be written with every entry; what an operator looks for in a whole audit may take a moment.
    `drop index audit_entries_tool`,
    `drop index audit_entries_outcome`,
    `drop index audit_entries_time`,
  ],
  [
    `create table secrets (
      name text not null primary key,
      version {int} not null check (version > 0),
      kind text not null,
      origin text not null,
      shown {int} not null check (shown in (0, 1)),
      created_at {int} not null,
      expires_at {int},
      deleted_at {int},
      entropy_bits {int},
      fingerprint text not null,
      wrapped {blob} not null
    ) {strict, rowid}`,
  ],
];

/**
 * Brings the tables to the version of this program, inside a transaction that shuts out every other (the caller's lock).
 * Gives the version. Throws `storage_unavailable` where the store is of a newer program.
 */
export async function migrate(trx: Transaction<Database>, engine: EngineName): Promise<number> {
  await sql`create table if not exists meta (name text not null primary key, value text not null) ${sql.raw(engine === 'sqlite' ? 'strict, without rowid' : '')}`.execute(
    trx,
  );
  const version = await schemaVersion(trx);
  if (version > MIGRATIONS.length) throw newerThanThis();
  for (const migration of MIGRATIONS.slice(version))
    for (const statement of migration) await sql.raw(inWordsOf(engine, statement)).execute(trx);
  if (version < MIGRATIONS.length) {
    const entry = { name: 'schema_version', value: String(MIGRATIONS.length) };
    await trx
      .insertInto('meta')
      .values(entry)
      .onConflict((on) => on.column('name').doUpdateSet({ value: entry.value }))
      .execute();
    await trx
      .insertInto('meta')
      .values({ name: 'store_id', value: randomUUID() })
      .onConflict((on) => on.column('name').doNothing())
      .execute();
  }
  return MIGRATIONS.length;
}

async function schemaVersion(trx: Transaction<Database>): Promise<number> {
  const row = await trx.selectFrom('meta').select('value').where('name', '=', 'schema_version').executeTakeFirst();
  if (row === undefined) return 0;
  if (/^[1-9]\d{0,8}$/.test(row.value)) return Number(row.value);
  throw new SecurityError('storage_damaged', 'The version of the store cannot be read.', {
    hint: 'Have the operator restore a backup.',
  });
}

function inWordsOf(engine: EngineName, statement: string): string {
  return statement.replaceAll(/\{[a-z, ]+\}/g, (word) => WORDS[engine][word] ?? word);
}

function newerThanThis(): SecurityError {
  return new SecurityError('storage_unavailable', 'The store was made by a newer version of this program.', {
    hint: 'Have the operator install that version here too, or point SECURITY_MCP_HOME or SECURITY_MCP_DATABASE_URL at another store.',
  });
}
