/** What can be asked of the audit and done with it: entries, verification, sealed segments, export, dropping what is old. */

import type { Transaction } from 'kysely';

import { genesis, sealSegment, signingKey } from '../crypto/audit-chain.js';
import { SecurityError } from '../crypto/errors.js';
import { rfc3339 } from '../crypto/text.js';
import { AuditLog, lockOpenSegment, storeIdOf } from './audit-log.js';
import { verifyAudit, type Verification, type VerifyOptions } from './audit-verify.js';
import type { Vault } from './master-key.js';
import type { AuditSegmentsTable, Database } from './schema.js';
import type { Store } from './store.js';

export interface AuditQuery {
  tool?: string;
  outcome?: string;
  /** Milliseconds since 1970, both included. */
  since?: number;
  until?: number;
  /** Only entries before this one: the next page. */
  before?: number;
  limit: number;
  /** Of this session alone. */
  session?: string;
}

export type StoredEntry = Record<string, unknown>;

export interface SegmentDescription {
  segment: number;
  first_sequence: number;
  /** Less than the first where it holds none. */
  last_sequence: number;
  state: 'open' | 'sealed' | 'exported' | 'dropped';
  /** RFC 3339; null while it is open. */
  sealed_at: string | null;
}

export class Audit extends AuditLog {
  readonly #store: Store;
  readonly #vault: Vault;

  constructor(store: Store, vault: Vault) {
    super(store, vault);
    this.#store = store;
    this.#vault = vault;
  }

  /** The newest first. */
  query({ tool, outcome, since, until, before, limit, session }: AuditQuery): Promise<StoredEntry[]> {
    return this.#store.read(async (trx) => {
      let query = trx
        .selectFrom('audit_entries')
        .select(['sequence', 'entry'])
        .orderBy('sequence', 'desc')
        .limit(limit);
      if (session !== undefined) query = query.where('session', '=', session);
      if (tool !== undefined) query = query.where('tool', '=', tool);
      if (outcome !== undefined) query = query.where('outcome', '=', outcome);
      if (since !== undefined) query = query.where('time', '>=', since);
      if (until !== undefined) query = query.where('time', '<=', until);
      if (before !== undefined) query = query.where('sequence', '<', before);
      const rows = await query.execute();
      return rows.map(({ entry }) => readEntry(entry));
    });
  }

  verify(options: VerifyOptions = {}): Promise<Verification> {
    return verifyAudit(this.#store, this.#vault, options);
  }

  async segments(): Promise<SegmentDescription[]> {
    const rows = await this.#store.read((trx) =>
      trx.selectFrom('audit_segments').selectAll().orderBy('segment').execute(),
    );
    return rows.map(describeSegment);
  }

  /** Closes the open segment under a signature and begins the next. Gives the one that was closed; null where it held nothing. */
  async seal(): Promise<SegmentDescription | null> {
    const opened = await this.#vault.open();
    const key = opened.guardKey('audit-chain');
    const signer = signingKey(opened.guardKey('audit-sign'));
    return this.#store.write(
      async (trx) => {
        const open = await lockOpenSegment(trx, this.#store, key);
        const { segment, first_sequence: firstSequence, last_sequence: lastSequence, head } = open;
        if (lastSequence === null) return null;
        const storeId = await storeIdOf(trx);
        const before = await segmentRow(trx, segment - 1);
        const start = before?.head ?? genesis(key, storeId);
        const signature = sealSegment({ storeId, segment, firstSequence, lastSequence, start, head }, signer);
        const now = await this.#store.now(trx);
        await trx
          .updateTable('audit_segments')
          .set({ signature, sealed_at: now })
          .where('segment', '=', segment)
          .execute();
        await trx
          .insertInto('audit_segments')
          .values({
            segment: segment + 1,
            first_sequence: lastSequence + 1,
            last_sequence: null,
            head,
            signature: null,
            created_at: now,
            sealed_at: null,
            exported_at: null,
            dropped_at: null,
          })
          .execute();
        return describeSegment({ ...open, signature, sealed_at: now });
      },
      { isolation: 'read committed' },
    );
  }

  /** Marks a sealed segment as exported, once its entries have been written elsewhere. */
  async markExported(segment: number): Promise<void> {
    await this.#store.write(async (trx) => {
      const row = await segmentRow(trx, segment);
      if (row === undefined || row.sealed_at === null) return;
      await trx
        .updateTable('audit_segments')
        .set({ exported_at: await this.#store.now(trx) })
        .where('segment', '=', segment)
        .execute();
    });
  }

  /** Drops the entries of a sealed segment that was exported; its signed head stays. Throws `input_invalid`. */
  async drop(segment: number): Promise<SegmentDescription> {
    return this.#store.write(async (trx) => {
      const row = await segmentRow(trx, segment);
      if (row === undefined) throw refuse('is no segment of this audit', 'security-mcp audit segments lists them.');
      if (row.sealed_at === null) throw refuse('is still open', 'Close it first: security-mcp audit seal.');
      if (row.exported_at === null)
        throw refuse(
          'has not been exported',
          `Write it elsewhere first: security-mcp audit export --segment ${segment}.`,
        );
      // The chain is verified from the first entry that is kept: nothing may be left before it.
      const before = await segmentRow(trx, segment - 1);
      if (before !== undefined && before.dropped_at === null)
        throw refuse('is not the oldest that is kept', `Drop segment ${segment - 1} first.`);
      const dropped_at = row.dropped_at ?? (await this.#store.now(trx));
      await trx.deleteFrom('audit_entries').where('segment', '=', segment).execute();
      await trx.updateTable('audit_segments').set({ dropped_at }).where('segment', '=', segment).execute();
      return describeSegment({ ...row, dropped_at });
    });
  }

  /** The entries from `from` to `to` in pages, as the JSON Lines of an export: each with its MAC. */
  async *lines(from: number, to: number): AsyncGenerator<string> {
    for (let next = from; next <= to;) {
      const first = next;
      const rows = await this.#store.read((trx) =>
        trx
          .selectFrom('audit_entries')
          .select(['sequence', 'entry', 'mac'])
          .where('sequence', '>=', first)
          .where('sequence', '<=', to)
          .orderBy('sequence')
          .limit(1_000)
          .execute(),
      );
      if (rows.length === 0) return;
      for (const { entry, mac } of rows)
        yield `${JSON.stringify({ entry, mac: Buffer.from(mac).toString('base64url') })}\n`;
      next = (rows.at(-1)?.sequence ?? to) + 1;
    }
  }
}

function segmentRow(trx: Transaction<Database>, segment: number): Promise<AuditSegmentsTable | undefined> {
  return trx.selectFrom('audit_segments').selectAll().where('segment', '=', segment).executeTakeFirst();
}

function describeSegment(row: AuditSegmentsTable): SegmentDescription {
  const { segment, first_sequence, last_sequence, sealed_at, exported_at, dropped_at } = row;
  return {
    segment,
    first_sequence,
    last_sequence: last_sequence ?? first_sequence - 1,
    state: dropped_at !== null ? 'dropped' : exported_at !== null ? 'exported' : sealed_at !== null ? 'sealed' : 'open',
    sealed_at: sealed_at === null ? null : rfc3339(new Date(sealed_at)),
  };
}

function readEntry(entry: string): StoredEntry {
  try {
    return JSON.parse(entry) as StoredEntry;
  } catch {
    throw new SecurityError('storage_damaged', 'An entry of the audit cannot be read.', {
      hint: 'Have the operator run security-mcp audit verify: it names the first entry that was changed.',
    });
  }
}

function refuse(problem: string, hint: string): SecurityError {
  return new SecurityError('input_invalid', `The segment ${problem}.`, { hint });
}
