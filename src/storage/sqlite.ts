/**
 * SQLite through libsql, behind a facade that lets through only what libsql gets right (values.ts), and kysely's dialect on
 * top of it. One connection per process, one transaction at a time on it. libsql holds the event loop while a statement runs,
 * so it is never left to wait for a lock: `busy_timeout` is 0, and waiting is done by trying again later.
 */

import { statSync } from 'node:fs';

import LibsqlDatabase from 'libsql';
import {
  Kysely,
  sql,
  SqliteDialect,
  SqliteDriver,
  type DatabaseConnection,
  type SqliteDatabase,
  type SqliteDialectConfig,
  type SqliteStatement,
  type Transaction,
  type TransactionSettings,
} from 'kysely';

import type { Engine, StoreReport } from './engine.js';
import { explainSqlite, faults, sqliteCode } from './faults.js';
import type { Home } from './home.js';
import { MIGRATIONS, migrate } from './migrations.js';
import type { Database } from './schema.js';
import { clock, PATIENCE_MS, persist, Turns } from './turns.js';
import { checkedInteger, checkedValue, ValueError } from './values.js';

const DATABASE_FILE = 'security-mcp.db';

interface LibsqlStatement {
  readonly reader: boolean;
  safeIntegers(on: boolean): this;
  run(parameters: readonly unknown[]): { changes: number; lastInsertRowid: number };
  all(parameters: readonly unknown[]): Record<string, unknown>[];
}

interface Libsql {
  readonly inTransaction: boolean;
  prepare(sql: string): LibsqlStatement;
  exec(sql: string): void;
  close(): void;
}

const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\//g;

/** libsql as kysely wants it: one statement of plain `?`, each with its value; rows of numbers, text, Buffers and null. */
export class SqliteFacade implements SqliteDatabase {
  readonly #database: Libsql;

  constructor(path: string) {
    this.#database = new LibsqlDatabase(path, { timeout: 0 }) as unknown as Libsql;
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  prepare(text: string): SqliteStatement {
    // libsql takes the first of several statements and drops the rest, and binds null where a value is missing.
    const bare = text.replaceAll(QUOTED, "''");
    if (/;\s*\S/.test(bare)) throw new ValueError('more than one statement');
    if (/\?\d|[:@$]\w/.test(bare)) throw new ValueError('only plain ? parameters are bound');
    const places = bare.split('?').length - 1;
    const statement = this.#database.prepare(text).safeIntegers(true);
    const bound = (parameters: readonly unknown[]): unknown[] => {
      if (parameters.length !== places) throw new ValueError(`${places} values needed, ${parameters.length} given`);
      return parameters.map(boundValue);
    };
    return {
      reader: statement.reader,
      all: (parameters) => statement.all(bound(parameters)).map(readRow),
      run: (parameters) => statement.run(bound(parameters)),
      iterate: () => {
        // A statement that is not read to its end keeps its snapshot, and with it the whole log.
        throw new ValueError('rows are not streamed: page by key');
      },
    };
  }

  /**
   * Runs constant statements without values. What may meet the lock of another process must come through here: a prepared
   * statement that failed with SQLITE_BUSY keeps its snapshot until it is collected, and libsql has no way to reset it; then
   * every later attempt to write would fail, for the snapshot is stale.
   */
  exec(text: string): void {
    this.#database.exec(text);
  }

  close(): void {
    this.#database.close();
  }
}

/** libsql binds every JavaScript number as a floating point number, which `json_array(?)` and others would show. */
function boundValue(value: unknown): unknown {
  const checked = checkedValue(value);
  return Number.isInteger(checked) ? BigInt(checked as number) : checked;
}

function readRow(row: Record<string, unknown>): Record<string, unknown> {
  for (const [name, value] of Object.entries(row)) {
    if (typeof value === 'bigint') row[name] = checkedInteger(value);
    else if (value instanceof ArrayBuffer) row[name] = Buffer.from(value);
  }
  return row;
}

class ImmediateDriver extends SqliteDriver {
  readonly #facade: SqliteFacade;

  constructor(facade: SqliteFacade) {
    super({ database: facade });
    this.#facade = facade;
  }

  override async beginTransaction(_connection: DatabaseConnection, settings?: TransactionSettings): Promise<void> {
    // A transaction that begins as a reader cannot become a writer once another one has written: it would fail half way.
    this.#facade.exec(
      settings?.accessMode === 'read only'
        ? 'begin; select 1 from sqlite_schema limit 1; pragma query_only = 1'
        : 'pragma query_only = 0; begin immediate',
    );
  }

  override async commitTransaction(): Promise<void> {
    this.#facade.exec('commit');
  }

  override async rollbackTransaction(): Promise<void> {
    // A full disk and the like undo the transaction by themselves.
    if (this.#facade.inTransaction) this.#facade.exec('rollback');
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #facade: SqliteFacade;

  constructor(facade: SqliteFacade) {
    super({ database: facade } satisfies SqliteDialectConfig);
    this.#facade = facade;
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.#facade);
  }
}

const isBusy = (error: unknown): boolean => [5, 6].includes(sqliteCode(error) ?? 0);
/** READONLY (also a file that was moved), IOERR, CORRUPT, CANTOPEN, NOTADB: the next call opens the file anew. */
const FATAL: readonly (number | undefined)[] = [8, 10, 11, 14, 26];

export class SqliteEngine implements Engine {
  readonly name = 'sqlite';
  readonly #path: string;
  readonly #inode: bigint;
  readonly #facade: SqliteFacade;
  readonly #db: Kysely<Database>;
  readonly #turns = new Turns();
  readonly #systemClock: () => number;
  /** Transactions that may write. */
  readonly #writing = new WeakSet<object>();
  /** A time of the store and the reading of the monotonic clock that belongs to it. */
  #anchor = { time: 0, at: 0 };
  #broken = false;

  private constructor(path: string, systemClock: () => number) {
    this.#path = path;
    this.#systemClock = systemClock;
    this.#facade = new SqliteFacade(path);
    this.#inode = statSync(path, { bigint: true }).ino;
    this.#db = new Kysely<Database>({ dialect: new ImmediateDialect(this.#facade) });
  }

  /** Opens the file in the home, made 0600 where there is none, and brings its tables to the version of this program. */
  static async open(home: Home, systemClock: () => number): Promise<SqliteEngine> {
    const path = home.prepareFile(DATABASE_FILE);
    for (const companion of ['-wal', '-shm']) home.checkFile(`${DATABASE_FILE}${companion}`);
    let engine: SqliteEngine;
    try {
      engine = new SqliteEngine(path, systemClock);
    } catch (error) {
      throw faults.cannotOpen(error);
    }
    try {
      await engine.#setUp();
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  async #setUp(): Promise<void> {
    try {
      this.#facade.exec('pragma busy_timeout = 0');
      await persist(async () => this.#facade.exec('pragma journal_mode = wal'), isBusy, clock() + PATIENCE_MS);
      this.#facade.exec('pragma synchronous = full; pragma foreign_keys = on');
    } catch (error) {
      throw explainSqlite(error);
    }
    await this.transact('write', (trx) => migrate(trx, 'sqlite'));
  }

  get usable(): boolean {
    return !this.#broken && this.#isThere();
  }

  /** Whether the path still leads to the open file. A restored backup may have taken its place. */
  #isThere(): boolean {
    try {
      return statSync(this.#path, { bigint: true }).ino === this.#inode;
    } catch {
      return false;
    }
  }

  async transact<T>(kind: 'read' | 'write', work: (trx: Transaction<Database>) => Promise<T>): Promise<T> {
    const deadline = clock() + PATIENCE_MS;
    const endTurn = await this.#turns.take(deadline);
    const attempt = (): Promise<T> =>
      this.#db
        .transaction()
        .setAccessMode(kind === 'read' ? 'read only' : 'read write')
        .execute((trx) => {
          if (kind === 'write') this.#writing.add(trx);
          return work(trx);
        });
    try {
      return await persist(attempt, isBusy, deadline);
    } catch (error) {
      if (FATAL.includes(sqliteCode(error))) this.#broken = true;
      throw explainSqlite(error);
    } finally {
      endTurn();
    }
  }

  /**
   * The system's clock, but never before the latest time ever seen: set back, it goes on from there at its own pace, so that a
   * wait neither ends early nor lasts for ever. The latest time is kept where the transaction may write.
   */
  async now(db: Kysely<Database>): Promise<number> {
    const at = clock();
    const time = Math.max(this.#systemClock(), Math.floor(this.#anchor.time + at - this.#anchor.at));
    const { rows } = await (
      this.#writing.has(db)
        ? sql<{ latest: number }>`insert into clock (id, latest) values (1, ${time})
          on conflict (id) do update set latest = max(clock.latest, excluded.latest) returning latest`
        : sql<{ latest: number }>`select latest from clock where id = 1`
    ).execute(db);
    const latest = Math.max(time, rows[0]?.latest ?? 0);
    this.#anchor = { time: latest, at };
    return latest;
  }

  async report(): Promise<StoreReport> {
    const version = await this.transact('write', async (trx) => {
      // Writes, so that a store that cannot be written is found out.
      await this.now(trx);
      const { rows } = await sql<{ version: string }>`select sqlite_version() as version`.execute(trx);
      return rows[0]?.version ?? '';
    });
    return { engine: this.name, location: this.#path, version: `SQLite ${version}`, schemaVersion: MIGRATIONS.length };
  }

  async close(): Promise<void> {
    // The last to close a database deletes its log by name: where another file has taken the name, that would be its log.
    if (!this.#isThere()) return;
    const endTurn = await this.#turns.take(clock() + PATIENCE_MS).catch(() => null);
    if (endTurn === null) return;
    try {
      // libsql leaves the log where it is: this makes the file whole by itself, unless others are at it.
      this.#facade.exec('pragma wal_checkpoint(truncate)');
    } catch {
      // What is in the log is as durable as what is in the file.
    }
    this.#facade.close();
    endTurn();
  }
}
