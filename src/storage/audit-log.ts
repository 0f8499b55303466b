/**
 * Writes the audit: one appender in a process, which commits whatever has come together in one transaction, onto the chain that all
 * processes of the store share. The row of the open segment is its lock (docs/decisions/014-audit-chain.md).
 */

import type { Transaction } from 'kysely';

import { entryMac, genesis } from '../crypto/audit-chain.js';
import { SecurityError } from '../crypto/errors.js';
import type { Vault } from './master-key.js';
import type { AuditEntriesTable, AuditSegmentsTable, Database } from './schema.js';
import type { Store } from './store.js';

/** What is told of a call, as the guard makes it; it is kept as it is. */
export interface AuditFacts {
  event: string;
  /** RFC 3339, UTC. */
  time: string;
  boot_id: string;
  call_id: string;
  tool: string;
  caller: string;
  outcome?: string;
  code?: string;
}

/** In one transaction. */
const MAX_BATCH = 500;
/** In one statement: SQLite takes 32,766 parameters, and a statement holds the event loop. */
const ROWS_A_STATEMENT = 100;
const MAX_PENDING = 10_000;

interface Pending {
  entry: AuditFacts;
  resolve(): void;
  reject(error: unknown): void;
}

export class AuditLog {
  readonly #store: Store;
  readonly #vault: Vault;
  #waiting: Pending[] = [];
  #writing = 0;
  #isDraining = false;

  constructor(store: Store, vault: Vault) {
    this.#store = store;
    this.#vault = vault;
  }

  /** Entries that are not committed yet. */
  get pending(): number {
    return this.#waiting.length + this.#writing;
  }

  /** Resolves when the entry is committed. Throws as the store and the vault do, and `storage_unavailable` where too many wait. */
  append(entry: AuditFacts): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= MAX_PENDING) return reject(tooManyWait());
      this.#waiting.push({ entry, resolve, reject });
      if (!this.#isDraining) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      this.#writing = batch.length;
      try {
        await this.#write(batch.map(({ entry }) => entry));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      this.#writing = 0;
    }
    this.#isDraining = false;
  }

  async #write(entries: readonly AuditFacts[]): Promise<void> {
    const key = (await this.#vault.open()).guardKey('audit-chain');
    await this.#store.write(
      async (trx) => {
        const open = await lockOpenSegment(trx, this.#store, key);
        let head = open.head;
        let sequence = open.last_sequence ?? open.first_sequence - 1;
        const rows = entries.map((facts): AuditEntriesTable => {
          sequence++;
          const entry = JSON.stringify({ sequence, ...facts });
          head = entryMac(key, head, sequence, entry);
          return { ...columnsOf(facts), sequence, segment: open.segment, entry, mac: head };
        });
        for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT)
          await trx
            .insertInto('audit_entries')
            .values(rows.slice(at, at + ROWS_A_STATEMENT))
            .execute();
        await trx
          .updateTable('audit_segments')
          .set({ head, last_sequence: sequence })
          .where('segment', '=', open.segment)
          .execute();
      },
      { isolation: 'read committed' },
    );
  }
}

/** What stands beside an entry to find it by. */
export function columnsOf({
  time,
  boot_id,
  tool,
  caller,
  outcome,
  code,
}: AuditFacts): Omit<AuditEntriesTable, 'sequence' | 'segment' | 'entry' | 'mac'> {
  return {
    time: Date.parse(time),
    boot_id,
    session: boot_id,
    tool,
    caller,
    outcome: outcome ?? null,
    code: code ?? null,
  };
}

/** The segment that entries go to, locked until the transaction ends; the first one is made here. */
export async function lockOpenSegment(
  trx: Transaction<Database>,
  store: Store,
  key: Uint8Array,
): Promise<AuditSegmentsTable> {
  const lock = (): Promise<AuditSegmentsTable | undefined> =>
    trx
      .updateTable('audit_segments')
      .set((is) => ({ segment: is.ref('segment') }))
      .where('sealed_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
  const open = await lock();
  if (open !== undefined) return open;
  await trx
    .insertInto('audit_segments')
    .values({
      segment: 1,
      first_sequence: 1,
      last_sequence: null,
      head: genesis(key, await storeIdOf(trx)),
      signature: null,
      created_at: await store.now(trx),
      sealed_at: null,
      exported_at: null,
      dropped_at: null,
    })
    .onConflict((on) => on.column('segment').doNothing())
    .execute();
  const made = await lock();
  if (made === undefined) throw noOpenSegment();
  return made;
}

export async function storeIdOf(trx: Transaction<Database>): Promise<string> {
  const { value } = await trx
    .selectFrom('meta')
    .select('value')
    .where('name', '=', 'store_id')
    .executeTakeFirstOrThrow();
  return value;
}

function noOpenSegment(): SecurityError {
  return new SecurityError('storage_damaged', 'The audit has no segment that entries could go to.', {
    hint: 'Have the operator run security-mcp audit verify, and restore a backup.',
  });
}

function tooManyWait(): SecurityError {
  return new SecurityError('storage_unavailable', 'More audit entries wait than the store takes.', {
    hint: 'Try again in a moment.',
    retryAfterSeconds: 5,
  });
}
