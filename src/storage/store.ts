/**
 * The store: what the program remembers, in one place on one of two engines. It opens with the first call that needs it, so
 * that a server whose store cannot be opened still serves the calls that do not.
 */

import type { Kysely, Transaction } from 'kysely';

import { SecurityError } from '../crypto/errors.js';
import type { Engine, ReadOptions, StoreReport, WriteOptions } from './engine.js';
import { faults } from './faults.js';
import { Home, type Owner } from './home.js';
import type { EngineName } from './migrations.js';
import type { Database } from './schema.js';
import { clock } from './turns.js';

export type { ReadOptions, StoreReport, WriteOptions } from './engine.js';
export type { Database } from './schema.js';

/**
 * Both transactions: never one inside another (it would wait for itself), nothing waited for in them but the database, and
 * short, for SQLite holds the event loop and, when writing, every other process. Both may run `work` more than once. They
 * throw `storage_unavailable` or `storage_damaged`, saying what to mend, within 5 seconds; `work`'s own errors pass as they
 * are, with nothing written. Where a commit was sent and no answer came, it may have been done.
 */
export interface Store {
  readonly engine: EngineName;
  /** One snapshot: what is read belongs together. */
  read<T>(work: (trx: Transaction<Database>) => Promise<T>, options?: ReadOptions): Promise<T>;
  /** All or nothing, durable when it resolves. */
  write<T>(work: (trx: Transaction<Database>) => Promise<T>, options?: WriteOptions): Promise<T>;
  /**
   * Whole milliseconds since 1970 by the store's clock, which all its users share: PostgreSQL's own; on SQLite the system's,
   * never going back, not even over restarts (what is decided by it belongs into a `write`, which keeps the time).
   */
  now(db: Kysely<Database>): Promise<number>;
  /** What an operator wants to know. It opens the store and writes to it. */
  report(): Promise<StoreReport>;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Absolute path of the folder of the embedded engine. */
  home?: string | undefined;
  /** A postgres:// URL; without it the store is a file in the home. */
  databaseUrl?: string | undefined;
  /** Whose the home must be: the effective user id of this process; undefined where there is none. */
  owner: Owner;
  /** Milliseconds since 1970 by the system's clock. */
  systemClock?: () => number;
}

/** How long a failure to open is told again without trying. */
const RETRY_OPEN_MS = 1_000;

export function lazyStore(options: StoreOptions): Store {
  return new LazyStore(options);
}

class LazyStore implements Store {
  readonly engine: EngineName;
  readonly #options: StoreOptions;
  #opening: Promise<Engine> | undefined;
  #open: Engine | undefined;
  #failed: { error: unknown; until: number } | undefined;
  #closed = false;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.engine = options.databaseUrl === undefined ? 'sqlite' : 'postgres';
  }

  async read<T>(work: (trx: Transaction<Database>) => Promise<T>, options: ReadOptions = {}): Promise<T> {
    return (await this.#ready()).transact('read', work, options);
  }

  async write<T>(work: (trx: Transaction<Database>) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    return (await this.#ready()).transact('write', work, options);
  }

  async now(db: Kysely<Database>): Promise<number> {
    return (await this.#ready()).now(db);
  }

  async report(): Promise<StoreReport> {
    return (await this.#ready()).report();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const engine = await this.#opening?.catch(() => undefined);
    await engine?.close();
  }

  #ready(): Promise<Engine> {
    if (this.#closed) return Promise.reject(faults.busy());
    if (this.#open !== undefined && !this.#open.usable) {
      this.#open.close().catch(() => undefined);
      this.#open = undefined;
      this.#opening = undefined;
    }
    if (this.#failed !== undefined && clock() < this.#failed.until) return Promise.reject(this.#failed.error);
    return (this.#opening ??= this.#start());
  }

  async #start(): Promise<Engine> {
    try {
      this.#open = await openEngine(this.#options);
      this.#failed = undefined;
      return this.#open;
    } catch (error) {
      this.#opening = undefined;
      this.#failed = { error, until: clock() + RETRY_OPEN_MS };
      throw error;
    }
  }
}

/** The drivers and kysely are loaded here, with the first need: they are a good part of the start otherwise. */
async function openEngine({ databaseUrl, home, owner, systemClock = Date.now }: StoreOptions): Promise<Engine> {
  if (databaseUrl !== undefined) {
    const { PostgresEngine } = await loaded(import('./postgres.js'));
    return PostgresEngine.open(databaseUrl);
  }
  if (home === undefined) throw faults.noHome();
  const place = new Home(home, owner);
  const { SqliteEngine } = await loaded(import('./sqlite.js'));
  return SqliteEngine.open(place, systemClock);
}

async function loaded<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    throw error instanceof SecurityError ? error : faults.noDriver(error);
  }
}
