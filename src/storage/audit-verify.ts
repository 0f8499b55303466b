/** Proves the chain of the audit whole, or names the first entry at which it is not. Bounded in memory: it goes page by page. */

import { createPublicKey, type KeyObject } from 'node:crypto';

import {
  entryMac,
  genesis,
  isSealed,
  readCheckpoint,
  signingKey,
  writeCheckpoint,
  type Checkpoint,
} from '../crypto/audit-chain.js';
import { equalBytes } from '../crypto/bytes.js';
import { SecurityError } from '../crypto/errors.js';
import { rfc3339 } from '../crypto/text.js';
import { columnsOf, storeIdOf, type AuditFacts } from './audit-log.js';
import type { Vault } from './master-key.js';
import type { AuditEntriesTable, AuditSegmentsTable } from './schema.js';
import type { Store } from './store.js';

/** A page is verified in some five milliseconds, and holds the event loop for as long. */
const PAGE = 1_000;

/**
 * `changed`: an entry is not the one that was written there. `missing`: one is not there. `cut`: the last ones are not there.
 * `added`: there is one where none was written. `segment`: what is kept of a segment was changed. `rewritten`: the chain is whole
 * and not the one of the checkpoint.
 */
export type ChainProblem = 'changed' | 'missing' | 'cut' | 'added' | 'segment' | 'rewritten';

export interface Verification {
  intact: boolean;
  /** Verified ones. */
  entries: number;
  /** The signed checkpoint of the last entry. */
  head: string;
  first_break?: ChainBreak;
}

export interface ChainBreak {
  sequence: number;
  problem: ChainProblem;
}

export interface VerifyOptions {
  /** A checkpoint that was kept elsewhere. Throws `input_invalid` where it is none of this store. */
  checkpoint?: string;
  signal?: AbortSignal;
  /** Told after each page. */
  onProgress?(done: number, total: number): void;
}

/** What is stored of a chain. */
export interface StoredChain {
  storeId: string;
  /** In their order. */
  segments: readonly AuditSegmentsTable[];
  /** The first row outside of what the segments say they hold. */
  stray: number | undefined;
  /** The next rows from `from` to `last`, in their order; none where there are none. */
  page(from: number, last: number): Promise<readonly AuditEntriesTable[]>;
}

export interface ChainKeys {
  /** Of the HMAC. */
  chain: Uint8Array;
  /** Ed25519. */
  signer: KeyObject;
}

/** Walks a chain: how many entries are as they were written, and the first break. */
export async function verifyChain(
  chain: StoredChain,
  keys: ChainKeys,
  wanted: Checkpoint | null = null,
  options: Pick<VerifyOptions, 'signal' | 'onProgress'> = {},
): Promise<{ verified: number; broken: ChainBreak | null }> {
  const walk = new Walk(chain, keys, wanted, options);
  const broken = await walk.through();
  return { verified: walk.verified, broken };
}

export async function verifyAudit(store: Store, vault: Vault, options: VerifyOptions = {}): Promise<Verification> {
  const opened = await vault.open();
  const key = opened.guardKey('audit-chain');
  const signer = signingKey(opened.guardKey('audit-sign'));
  const { now, ...stored } = await store.read(async (trx) => {
    const segments = await trx.selectFrom('audit_segments').selectAll().orderBy('segment').execute();
    const kept = segments.filter(({ dropped_at }) => dropped_at === null);
    const first = kept[0]?.first_sequence ?? Number.MAX_SAFE_INTEGER;
    const last = lastOf(kept.at(-1)) ?? 0;
    const stray = await trx
      .selectFrom('audit_entries')
      .select('sequence')
      .where((is) => is.or([is('sequence', '<', first), is('sequence', '>', last)]))
      .orderBy('sequence')
      .limit(1)
      .executeTakeFirst();
    return { storeId: await storeIdOf(trx), segments, stray: stray?.sequence, now: await store.now(trx) };
  });
  const wanted = checkpointOf(options.checkpoint, signer, stored.storeId);
  const chain: StoredChain = { ...stored, page: (from, last) => pageOf(store, from, last) };
  const { verified, broken } = await verifyChain(chain, { chain: key, signer }, wanted, options);
  const last = stored.segments.at(-1);
  const head: Checkpoint = {
    storeId: stored.storeId,
    sequence: lastOf(last) ?? 0,
    mac: last?.head ?? genesis(key, stored.storeId),
    time: rfc3339(new Date(now)),
  };
  return {
    intact: broken === null,
    entries: verified,
    head: writeCheckpoint(head, signer),
    ...(broken === null ? {} : { first_break: broken }),
  };
}

/** The public half of the key that signs checkpoints, as base64url of its 32 bytes (RFC 8032 section 5.1.5). */
export async function checkpointKey(vault: Vault): Promise<string> {
  const jwk = createPublicKey(signingKey((await vault.open()).guardKey('audit-sign'))).export({ format: 'jwk' });
  return jwk.x ?? '';
}

/** The signed head, without verifying what leads to it. */
export async function currentCheckpoint(store: Store, vault: Vault): Promise<string> {
  const opened = await vault.open();
  const key = opened.guardKey('audit-chain');
  return store.read(async (trx) => {
    const storeId = await storeIdOf(trx);
    const last = await trx
      .selectFrom('audit_segments')
      .selectAll()
      .orderBy('segment', 'desc')
      .limit(1)
      .executeTakeFirst();
    const mac = last?.head ?? genesis(key, storeId);
    const time = rfc3339(new Date(await store.now(trx)));
    return writeCheckpoint(
      { storeId, sequence: lastOf(last) ?? 0, mac, time },
      signingKey(opened.guardKey('audit-sign')),
    );
  });
}

function lastOf(segment: AuditSegmentsTable | undefined): number | undefined {
  return segment === undefined ? undefined : (segment.last_sequence ?? segment.first_sequence - 1);
}

function checkpointOf(text: string | undefined, signer: KeyObject, storeId: string): Checkpoint | null {
  if (text === undefined) return null;
  const checkpoint = readCheckpoint(text, signer);
  if (checkpoint?.storeId === storeId) return checkpoint;
  throw new SecurityError('input_invalid', 'checkpoint is none that this store has signed.', {
    hint: 'Give the whole line as audit_query with verify, or security-mcp audit checkpoint, printed it.',
  });
}

class Walk {
  verified = 0;
  readonly #stored: StoredChain;
  readonly #keys: ChainKeys;
  readonly #wanted: Checkpoint | null;
  readonly #options: Pick<VerifyOptions, 'signal' | 'onProgress'>;

  constructor(
    stored: StoredChain,
    keys: ChainKeys,
    wanted: Checkpoint | null,
    options: Pick<VerifyOptions, 'signal' | 'onProgress'>,
  ) {
    this.#stored = stored;
    this.#keys = keys;
    this.#wanted = wanted;
    this.#options = options;
  }

  async through(): Promise<ChainBreak | null> {
    const { storeId, segments, stray } = this.#stored;
    let mac = genesis(this.#keys.chain, storeId);
    let next = 1;
    if (this.#isRewritten(0, mac)) return { sequence: 1, problem: 'rewritten' };
    const total = lastOf(segments.at(-1)) ?? 0;
    for (const [i, segment] of segments.entries()) {
      const isOpen = segment.sealed_at === null;
      const last = lastOf(segment) ?? 0;
      if (segment.segment !== i + 1 || segment.first_sequence !== next || last < next - 1)
        return { sequence: next, problem: 'segment' };
      if (isOpen !== (i === segments.length - 1) || (isOpen && segment.dropped_at !== null))
        return { sequence: next, problem: 'segment' };
      const sealed = {
        storeId,
        segment: segment.segment,
        firstSequence: next,
        lastSequence: last,
        start: mac,
        head: segment.head,
      };
      if (!isOpen && !isSealed(sealed, segment.signature ?? new Uint8Array(), this.#keys.signer))
        return { sequence: next, problem: 'segment' };
      if (segment.dropped_at === null) {
        const broken = await this.#segment(segment, next, last, mac, total, isOpen);
        if (broken !== null) return broken;
      } else if (this.#isRewritten(last, segment.head)) return { sequence: last, problem: 'rewritten' };
      mac = segment.head;
      next = last + 1;
    }
    if (stray !== undefined) return { sequence: stray, problem: 'added' };
    if (this.#wanted !== null && this.#wanted.sequence >= next) return { sequence: next, problem: 'cut' };
    return null;
  }

  async #segment(
    { segment, head }: AuditSegmentsTable,
    first: number,
    last: number,
    start: Uint8Array,
    total: number,
    isOpen: boolean,
  ): Promise<ChainBreak | null> {
    let mac = start;
    for (let next = first; next <= last;) {
      this.#options.signal?.throwIfAborted();
      const rows = await this.#stored.page(next, last);
      for (const row of rows) {
        if (row.sequence !== next) return { sequence: next, problem: 'missing' };
        mac = entryMac(this.#keys.chain, mac, next, row.entry);
        if (!equalBytes(mac, row.mac) || !isConsistent(row, segment)) return { sequence: next, problem: 'changed' };
        if (this.#isRewritten(next, mac)) return { sequence: next, problem: 'rewritten' };
        this.verified++;
        next++;
      }
      this.#options.onProgress?.(next - 1, total);
      if (rows.length === 0) return { sequence: next, problem: isOpen ? 'cut' : 'missing' };
    }
    return equalBytes(mac, head) ? null : { sequence: last, problem: 'segment' };
  }

  #isRewritten(sequence: number, mac: Uint8Array): boolean {
    return this.#wanted?.sequence === sequence && !equalBytes(this.#wanted.mac, mac);
  }
}

function pageOf(store: Store, from: number, last: number): Promise<AuditEntriesTable[]> {
  return store.read((trx) =>
    trx
      .selectFrom('audit_entries')
      .selectAll()
      .where('sequence', '>=', from)
      .where('sequence', '<=', last)
      .orderBy('sequence')
      .limit(PAGE)
      .execute(),
  );
}

/** The columns beside an entry say what it says: they are what it is found by. */
function isConsistent(row: AuditEntriesTable, segment: number): boolean {
  try {
    const facts = JSON.parse(row.entry) as AuditFacts & { sequence?: unknown };
    const columns = columnsOf(facts);
    return (
      facts.sequence === row.sequence &&
      row.segment === segment &&
      (Object.keys(columns) as (keyof typeof columns)[]).every((name) => row[name] === columns[name])
    );
  } catch {
    return false;
  }
}
