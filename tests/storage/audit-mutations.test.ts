/** Ten thousand mutations of a stored chain, each of one row, one column or one byte: every one is found, no later than where it is. */

import { describe, expect, it } from 'vitest';

import { signingKey } from '../../src/crypto/audit-chain.js';
import { systemRandom } from '../../src/crypto/random.js';
import { storeIdOf } from '../../src/storage/audit-log.js';
import { verifyChain, type StoredChain } from '../../src/storage/audit-verify.js';
import { Audit } from '../../src/storage/audit.js';
import { environmentKey } from '../../src/storage/key-file.js';
import { createVault } from '../../src/storage/master-key.js';
import type { AuditEntriesTable, AuditSegmentsTable } from '../../src/storage/schema.js';
import { engines, open } from '../support/stores.js';

/** `npm run test:slow` makes five times as many. */
const MUTATIONS = process.env['MODE'] === 'slow' ? 10_000 : 2_000;

interface Tables {
  entries: AuditEntriesTable[];
  segments: AuditSegmentsTable[];
}

/** The chain of tables in memory, read as verification reads the store. */
function chainOf(storeId: string, { entries, segments }: Tables): StoredChain {
  const sorted = entries.toSorted((a, b) => a.sequence - b.sequence);
  const first = segments[0]?.first_sequence ?? Number.MAX_SAFE_INTEGER;
  const open = segments.at(-1);
  const last = open === undefined ? 0 : (open.last_sequence ?? open.first_sequence - 1);
  return {
    storeId,
    segments,
    stray: sorted.find(({ sequence }) => sequence < first || sequence > last)?.sequence,
    page: (from, to) =>
      Promise.resolve(sorted.filter(({ sequence }) => sequence >= from && sequence <= to).slice(0, 7)),
  };
}

const pick = (count: number): number => Math.floor(Math.random() * count);
const flipped = (bytes: Uint8Array): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[pick(copy.length)]! ^= 1 << pick(8);
  return copy;
};
const scratched = (text: string): string => {
  const at = pick(text.length);
  return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 + pick(15))) + text.slice(at + 1);
};

/** Changes the tables, and gives the sequence that a break may be found at, at the latest. */
type Mutation = (tables: Tables) => number;

const some = ({ entries }: Tables): AuditEntriesTable => entries[pick(entries.length)] as AuditEntriesTable;
const LATEST = Number.MAX_SAFE_INTEGER;

const MUTATIONS_OF: Record<string, Mutation> = {
  'a scratched entry': (tables) => {
    const row = some(tables);
    row.entry = scratched(row.entry);
    return row.sequence;
  },
  'a flipped bit of a MAC': (tables) => {
    const row = some(tables);
    row.mac = flipped(row.mac);
    return row.sequence;
  },
  'a changed column': (tables) => {
    const row = some(tables);
    const column = (['tool', 'caller', 'boot_id', 'session'] as const)[pick(4)]!;
    row[column] = scratched(row[column]);
    return row.sequence;
  },
  'a changed outcome': (tables) => {
    const row = some(tables);
    row.outcome = row.outcome === null ? 'ok' : null;
    return row.sequence;
  },
  'a changed time': (tables) => {
    const row = some(tables);
    row.time += 1 + pick(1_000);
    return row.sequence;
  },
  'a deleted entry': (tables) => {
    const [gone] = tables.entries.splice(pick(tables.entries.length), 1);
    return gone!.sequence;
  },
  'a copy over another': (tables) => {
    const [from, to] = [some(tables), some(tables)];
    if (from === to) return MUTATIONS_OF['a changed time']!(tables);
    Object.assign(to, { ...from, sequence: to.sequence });
    return to.sequence;
  },
  'two exchanged': (tables) => {
    const [one, other] = [some(tables), some(tables)];
    if (one === other) return MUTATIONS_OF['a changed time']!(tables);
    [one.sequence, other.sequence] = [other.sequence, one.sequence];
    return Math.min(one.sequence, other.sequence);
  },
  'one inserted, the rest moved': (tables) => {
    const row = some(tables);
    const after = row.sequence;
    for (const entry of tables.entries) if (entry.sequence > after) entry.sequence += 1;
    tables.entries.push({ ...row, sequence: after + 1 });
    return after + 1;
  },
  'one left out, the rest moved': (tables) => {
    const at = pick(tables.entries.length);
    const [gone] = tables.entries.splice(at, 1);
    for (const entry of tables.entries) if (entry.sequence > gone!.sequence) entry.sequence -= 1;
    return gone!.sequence;
  },
  'a cut tail': (tables) => {
    const kept = pick(tables.entries.length);
    tables.entries.splice(kept);
    return kept + 1;
  },
  'one added at the end': (tables) => {
    tables.entries.push({ ...some(tables), sequence: tables.entries.length + 1 + pick(3) });
    return LATEST;
  },
  'a changed segment': (tables) => {
    const segment = tables.segments[pick(tables.segments.length)]!;
    const change = pick(5);
    if (change === 0) segment.head = flipped(segment.head);
    else if (change === 1) segment.first_sequence += 1;
    else if (change === 2) segment.last_sequence = (segment.last_sequence ?? 0) + (pick(2) === 0 ? 1 : -1);
    else if (change === 3) segment.sealed_at = segment.sealed_at === null ? 1 : null;
    else if (segment.signature !== null) segment.signature = flipped(segment.signature);
    else segment.segment += 1;
    return LATEST;
  },
  'a segment deleted': (tables) => {
    tables.segments.splice(pick(tables.segments.length), 1);
    return LATEST;
  },
};

describe.each(engines)('of a chain on $name', ({ name, missing, place }) => {
  it.skipIf(missing)('each is found', async () => {
    const store = open(await place());
    const vault = createVault(store, environmentKey(systemRandom(32)), systemRandom);
    const audit = new Audit(store, vault);
    for (const part of [0, 1, 2]) {
      const own = Array.from({ length: 8 }, (_, i) =>
        audit.append({
          event: 'answered',
          time: new Date(Date.UTC(2026, 0, 1) + i).toISOString(),
          boot_id: `boot-${part}`,
          call_id: `call-${part}-${i}`,
          tool: i % 2 === 0 ? 'jwt_sign' : 'inspect',
          caller: 'tests',
          outcome: i % 3 === 0 ? 'ok' : 'refused',
        }),
      );
      await Promise.all(own);
      if (part < 2) await audit.seal();
    }
    const opened = await vault.open();
    const keys = { chain: opened.guardKey('audit-chain'), signer: signingKey(opened.guardKey('audit-sign')) };
    const { storeId, ...stored } = await store.read(async (trx) => ({
      storeId: await storeIdOf(trx),
      entries: await trx.selectFrom('audit_entries').selectAll().orderBy('sequence').execute(),
      segments: await trx.selectFrom('audit_segments').selectAll().orderBy('segment').execute(),
    }));
    expect(await verifyChain(chainOf(storeId, stored), keys)).toEqual({ verified: 24, broken: null });
    const kinds = Object.entries(MUTATIONS_OF);
    for (let i = 0; i < MUTATIONS; i++) {
      const tables = structuredClone(stored);
      const [kind, mutate] = kinds[i % kinds.length]!;
      const latest = mutate(tables);
      const { broken } = await verifyChain(chainOf(storeId, tables), keys);
      expect(broken?.sequence, `${name}: ${kind}`).toBeLessThanOrEqual(latest);
    }
  });
});
