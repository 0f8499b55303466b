/**
 * PostgreSQL through pg and kysely's dialect. Each transaction takes a connection of a small pool and has one deadline for
 * everything in it, the waiting included: when it passes, the connection is torn down, so that a server that has vanished
 * without a word fails calls as surely as one that was stopped.
 */

import { Kysely, PostgresDialect, sql, type PostgresPoolClient, type Transaction } from 'kysely';
import pg from 'pg';

import type { Engine, StoreReport, WriteOptions } from './engine.js';
import { explainPostgres, faults, isConflict, isLost } from './faults.js';
import { MIGRATIONS, migrate } from './migrations.js';
import type { Database } from './schema.js';
import { clock, PATIENCE_MS, persist, Turns } from './turns.js';
import { checkedInteger, checkedValue } from './values.js';

const CONNECTIONS = 4;
const CONNECT_MS = 3_000;
/** Under the patience of a call, so that the server says why before we hang up. */
const STATEMENT_MS = 4_000;
/** A process that stands still inside a transaction must not hold its locks for long. */
const IDLE_IN_TRANSACTION_MS = 5_000;
/** Our tables have common names and a schema of their own, so that they may live in a database beside others. */
const SCHEMA = 'security_mcp';
/** Any number that no other program takes an advisory lock by: "smcp" and 1. */
const MIGRATION_LOCK = 0x736d_6370_0001;

const types: pg.CustomTypesConfig = {
  getTypeParser(oid: Parameters<typeof pg.types.getTypeParser>[0], format?: 'text' | 'binary'): unknown {
    if (oid === pg.types.builtins.INT8) return (text: string) => checkedInteger(BigInt(text));
    return pg.types.getTypeParser(oid, format);
  },
};

/**
 * The settings that the URL stands for. `require`, `prefer` and `verify-ca` mean `verify-full` here, as in pg 8 but without its
 * warning: what asks for encryption gets it checked. Only `no-verify` leaves the certificate unchecked, as its name says.
 */
function settingsOf(url: string): pg.PoolConfig {
  const full = url.replaceAll(/([?&]sslmode=)(?:allow|prefer|require|verify-ca)(?=&|$)/g, '$1verify-full');
  const [, options = ''] = /[?&]options=([^&]*)/.exec(full) ?? [];
  return {
    // What the URL says goes before what stands here, but for the search path, which is added to its options.
    connectionString: full.replaceAll(/(?<=[?&])options=[^&]*/g, ''),
    options: `${decodeURIComponent(options)} -c search_path=${SCHEMA}`.trim(),
    application_name: 'security-mcp',
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    lock_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
    keepAlive: true,
    types,
  };
}

export class PostgresEngine implements Engine {
  readonly name = 'postgres';
  readonly usable = true;
  readonly #settings: pg.PoolConfig;
  /** Host, port and name of the database. */
  readonly #location: string;
  readonly #turns = new Turns(CONNECTIONS);
  #pool: pg.Pool;

  private constructor(url: string) {
    try {
      this.#settings = settingsOf(url);
      // It reads the URL and the files that it names; the pool would do so with the first connection only.
      const { host, port, database } = new pg.Client(this.#settings);
      this.#location = `${host}:${port}/${database ?? ''}`;
    } catch (error) {
      throw faults.badUrl(error);
    }
    this.#pool = this.#newPool();
  }

  /** Connects, and brings the tables to the version of this program. */
  static async open(url: string): Promise<PostgresEngine> {
    const engine = new PostgresEngine(url);
    try {
      await engine.transact(
        'write',
        async (trx) => {
          // Held to the end of the transaction: whoever comes second finds the tables made.
          await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(trx);
          const { rows } = await sql<{
            found: boolean;
          }>`select to_regnamespace(${SCHEMA}) is not null as found`.execute(trx);
          // Even with "if not exists" it asks for the right to make one.
          if (rows[0]?.found !== true) await sql`create schema ${sql.id(SCHEMA)}`.execute(trx);
          await migrate(trx, 'postgres');
        },
        // Under a snapshot from before the lock the tables that were made meanwhile would not be seen.
        { isolation: 'read committed' },
      );
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  #newPool(): pg.Pool {
    const pool = new pg.Pool(this.#settings);
    // A connection that breaks while nobody waits on it is an event, and one that nobody listens to ends the process.
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    return pool;
  }

  async transact<T>(
    kind: 'read' | 'write',
    work: (trx: Transaction<Database>) => Promise<T>,
    { isolation = 'serializable', timeoutMs }: WriteOptions = {},
  ): Promise<T> {
    const deadline = clock() + PATIENCE_MS;
    let begun = false;
    const attempt = (): Promise<T> => {
      begun = false;
      return this.#withClient(deadline, timeoutMs, (db) =>
        db
          .transaction()
          .setIsolationLevel(kind === 'read' ? 'repeatable read' : isolation)
          .setAccessMode(kind === 'read' ? 'read only' : 'read write')
          .execute((trx) => {
            begun = true;
            return work(trx);
          }),
      );
    };
    // A connection from before the server went away shows it only when it is used; nothing has happened on it yet.
    const isStale = (error: unknown): boolean => !begun && isLost(error) && !(error instanceof ConnectFault);
    try {
      return await persist(attempt, (error) => isConflict(error) || isStale(error), deadline);
    } catch (error) {
      throw explainPostgres(error instanceof ConnectFault ? error.cause : error);
    }
  }

  async #withClient<T>(
    deadline: number,
    timeoutMs: number | undefined,
    run: (db: Kysely<Database>) => Promise<T>,
  ): Promise<T> {
    const endTurn = await this.#turns.take(deadline);
    try {
      const client = await this.#connect(deadline);
      let spoilt = false;
      let late = false;
      const timer = setTimeout(
        () => {
          late = true;
          client.connection.stream.destroy();
          this.#distrustPool();
        },
        timeoutMs ?? deadline - clock(),
      );
      try {
        // kysely gives up a connection whose rollback failed.
        const pool = onlyThis(client, (destroy) => (spoilt ||= destroy));
        return await run(new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }));
      } catch (error) {
        spoilt ||= isLost(error);
        throw late ? faults.unreachable(error) : error;
      } finally {
        clearTimeout(timer);
        client.release(late || spoilt);
      }
    } finally {
      endTurn();
    }
  }

  async #connect(deadline: number): Promise<pg.PoolClient> {
    const connecting = this.#pool.connect();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(faults.unreachable()), deadline - clock());
    });
    try {
      return await Promise.race([connecting, late]);
    } catch (cause) {
      connecting.then((client) => client.release(true)).catch(() => undefined);
      throw new ConnectFault(cause);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The connections of the pool are as old as the one that stopped answering: they go, and new ones are made on demand. */
  #distrustPool(): void {
    const pool = this.#pool;
    this.#pool = this.#newPool();
    pool.end().catch(() => undefined);
  }

  async now(db: Kysely<Database>): Promise<number> {
    // Not now(), which stands still in a transaction: a wait for a lock takes time.
    const { rows } = await sql<{
      time: number;
    }>`select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as time`.execute(db);
    return rows[0]?.time ?? 0;
  }

  async report(): Promise<StoreReport> {
    const version = await this.transact('write', async (trx) => {
      // Writes, so that a store that cannot be written is found out.
      await trx
        .updateTable('meta')
        .set({ value: String(MIGRATIONS.length) })
        .where('name', '=', 'schema_version')
        .execute();
      const { rows } = await sql<{ server_version: string }>`show server_version`.execute(trx);
      return rows[0]?.server_version ?? '';
    });
    return {
      engine: this.name,
      location: this.#location,
      version: `PostgreSQL ${version}`,
      schemaVersion: MIGRATIONS.length,
    };
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

/** No connection could be had: trying again at once would only wait again. */
class ConnectFault extends Error {
  constructor(cause: unknown) {
    super('no connection', { cause });
  }
}

/** A pool of the one connection that a transaction has already, with values checked as on SQLite. */
function onlyThis(
  client: pg.PoolClient,
  release: (destroy: boolean) => void,
): { connect(): Promise<PostgresPoolClient>; end(): Promise<void>; options: object } {
  const checked = {
    query: (text: string, values: readonly unknown[]) => client.query(text, values.map(checkedValue)),
    release: (destroy = false) => release(destroy),
  };
  return {
    connect: async () => checked as unknown as PostgresPoolClient,
    end: async () => undefined,
    options: {},
  };
}
