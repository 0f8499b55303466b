/** What a database engine is to the store. */

import type { Kysely, Transaction } from 'kysely';

import type { EngineName } from './migrations.js';
import type { Database } from './schema.js';

export interface ReadOptions {
  /** How long the whole transaction may take on PostgreSQL, where it is more than the few seconds of a call: for an operator's commands. */
  timeoutMs?: number;
}

export interface WriteOptions extends ReadOptions {
  /**
   * PostgreSQL only; SQLite knows one writer at a time. `serializable`, the default, is right whatever the work reads and
   * writes: where another transaction is in the way the work runs again. `read committed` is for a single statement, or for
   * work that locks the rows it goes by: it does not run again for others.
   */
  isolation?: 'serializable' | 'read committed';
}

export interface StoreReport {
  engine: EngineName;
  /** The path of the file, or the host, port and name of the database: never a user or a password. For the operator only. */
  location: string;
  version: string;
  schemaVersion: number;
}

/** An open database whose tables are there. Whatever its methods throw is explained (faults.ts). */
export interface Engine {
  readonly name: EngineName;
  /** False when it must be opened anew. */
  readonly usable: boolean;
  transact<T>(
    kind: 'read' | 'write',
    work: (trx: Transaction<Database>) => Promise<T>,
    options: WriteOptions,
  ): Promise<T>;
  now(db: Kysely<Database>): Promise<number>;
  report(): Promise<StoreReport>;
  close(): Promise<void>;
}
