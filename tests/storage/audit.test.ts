/** The audit on both engines: one chain over all processes, whatever is done to it found and placed, segments sealed and dropped. */

import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/crypto/random.js';
import type { AuditFacts } from '../../src/storage/audit-log.js';
import { currentCheckpoint, type ChainProblem } from '../../src/storage/audit-verify.js';
import { Audit } from '../../src/storage/audit.js';
import { environmentKey } from '../../src/storage/key-file.js';
import { createVault, type Vault } from '../../src/storage/master-key.js';
import type { Store, StoreOptions } from '../../src/storage/store.js';
import { engines, open, refusal } from '../support/stores.js';

const MASTER = systemRandom(32);
const ENTRIES = 12;

const facts = (i: number, more: Partial<AuditFacts> = {}): AuditFacts => ({
  event: 'answered',
  time: new Date(Date.UTC(2026, 5, 1) + i * 60_000).toISOString(),
  boot_id: i % 3 === 0 ? 'boot-a' : 'boot-b',
  call_id: `call-${i}`,
  tool: i % 2 === 0 ? 'jwt_sign' : 'digest_compute',
  caller: 'tests',
  outcome: i % 4 === 0 ? 'refused' : 'ok',
  ...(i % 4 === 0 ? { code: 'input_invalid' } : {}),
  ...more,
});

interface Room {
  store: Store;
  vault: Vault;
  audit: Audit;
}

function roomOf(options: Omit<StoreOptions, 'owner'>): Room {
  const store = open(options);
  const vault = createVault(store, environmentKey(MASTER), systemRandom);
  return { store, vault, audit: new Audit(store, vault) };
}

describe.each(engines)('the audit on $name', ({ missing, place }) => {
  let options: Omit<StoreOptions, 'owner'>;
  let room: Room;

  beforeEach(async () => {
    if (missing !== undefined) return;
    options = await place();
    room = roomOf(options);
    await Promise.all(Array.from({ length: ENTRIES }, (_, i) => room.audit.append(facts(i))));
  });
  const test = it.skipIf(missing);

  test('numbers entries without a gap, in the order they came, and verifies', async () => {
    const found = await room.audit.query({ limit: 100 });
    expect(found.map(({ sequence }) => sequence)).toEqual(Array.from({ length: ENTRIES }, (_, i) => ENTRIES - i));
    expect(found.at(-1)).toEqual({ sequence: 1, ...facts(0) });
    expect(await room.audit.verify()).toMatchObject({ intact: true, entries: ENTRIES });
  });

  test('an empty one verifies too', async () => {
    const empty = roomOf(await place());
    expect(await empty.audit.verify()).toMatchObject({ intact: true, entries: 0 });
    expect(await empty.audit.seal()).toBeNull();
  });

  test('finds by session, tool, outcome and time, and pages', async () => {
    const sequences = async (query: Partial<Parameters<Audit['query']>[0]>): Promise<unknown[]> =>
      (await room.audit.query({ limit: 100, ...query })).map(({ sequence }) => sequence);
    expect(await sequences({ session: 'boot-a' })).toEqual([10, 7, 4, 1]);
    expect(await sequences({ tool: 'jwt_sign', outcome: 'refused' })).toEqual([9, 5, 1]);
    const at = (i: number): number => Date.UTC(2026, 5, 1) + i * 60_000;
    expect(await sequences({ since: at(3), until: at(5) })).toEqual([6, 5, 4]);
    expect(await sequences({ limit: 5, before: 8 })).toEqual([7, 6, 5, 4, 3]);
  });

  test('is one chain for several processes', async () => {
    const others = [roomOf(options), roomOf(options), roomOf(options)];
    await Promise.all(
      others.flatMap(({ audit }, who) =>
        Array.from({ length: 40 }, (_, i) => audit.append(facts(i, { caller: `process ${who}` }))),
      ),
    );
    expect(await room.audit.verify()).toMatchObject({ intact: true, entries: ENTRIES + 120 });
    const found = await others[0]!.audit.query({ limit: 1_000 });
    for (const who of [0, 1, 2]) {
      const own = found.filter(({ caller }) => caller === `process ${who}`);
      expect(own.map(({ call_id }) => call_id)).toEqual(Array.from({ length: 40 }, (_, i) => `call-${39 - i}`));
    }
  });

  const setEntry = (change: string) => (store: Store) =>
    store.write(async (trx) => void (await sql.raw(`update audit_entries set ${change}`).execute(trx)));
  const run =
    (...statements: string[]) =>
    (store: Store) =>
      store.write(async (trx) => {
        for (const statement of statements) await sql.raw(statement).execute(trx);
      });

  const attacks: [string, (store: Store) => Promise<void>, number, ChainProblem][] = [
    ['a flipped letter', setEntry(`entry = replace(entry, 'call-4', 'call-5') where sequence = 5`), 5, 'changed'],
    ['a changed outcome beside it', setEntry(`outcome = 'ok' where sequence = 9`), 9, 'changed'],
    ['a changed time beside it', setEntry(`time = time + 1 where sequence = 2`), 2, 'changed'],
    ['another session', setEntry(`session = 'boot-a' where sequence = 3`), 3, 'changed'],
    ['another segment', setEntry(`segment = 2 where sequence = 3`), 3, 'changed'],
    ['an entry that is no JSON', setEntry(`entry = '{' where sequence = 12`), 12, 'changed'],
    ['a deleted entry', run(`delete from audit_entries where sequence = 6`), 6, 'missing'],
    ['the first one deleted', run(`delete from audit_entries where sequence = 1`), 1, 'missing'],
    ['a cut tail', run(`delete from audit_entries where sequence > 9`), 10, 'cut'],
    ['all of it deleted', run(`delete from audit_entries`), 1, 'cut'],
    [
      'two entries that changed places',
      run(
        `update audit_entries set sequence = -1 where sequence = 4`,
        `update audit_entries set sequence = 4 where sequence = 7`,
        `update audit_entries set sequence = 7 where sequence = -1`,
      ),
      4,
      'changed',
    ],
    [
      'an entry inserted',
      run(
        `update audit_entries set sequence = -sequence where sequence > 4`,
        `update audit_entries set sequence = 1 - sequence where sequence < 0`,
        `insert into audit_entries select 5, segment, time, boot_id, session, tool, caller, outcome, code, entry, mac from audit_entries where sequence = 4`,
      ),
      5,
      'changed',
    ],
    [
      'a duplicate at the end',
      run(
        `insert into audit_entries select 13, segment, time, boot_id, session, tool, caller, outcome, code, entry, mac from audit_entries where sequence = 12`,
      ),
      13,
      'added',
    ],
    ['an entry before the first', run(`update audit_entries set sequence = 0 where sequence = 1`), 1, 'missing'],
    [
      'a splice: one left out and the rest moved up',
      run(
        `delete from audit_entries where sequence = 5`,
        `update audit_entries set sequence = -sequence where sequence > 5`,
        `update audit_entries set sequence = -sequence - 1 where sequence < 0`,
      ),
      5,
      'changed',
    ],
    ['a head that was set back', run(`update audit_segments set last_sequence = 9`), 9, 'segment'],
    [
      'a cut tail with its head set back, but for the key',
      run(
        `delete from audit_entries where sequence > 9`,
        `update audit_segments set last_sequence = 9, head = (select mac from audit_entries where sequence = 8)`,
      ),
      9,
      'segment',
    ],
    ['a segment that begins elsewhere', run(`update audit_segments set first_sequence = 3`), 1, 'segment'],
  ];

  test.each(attacks)('finds and places %s', async (_, attack, sequence, problem) => {
    await attack(room.store);
    expect((await room.audit.verify()).first_break).toEqual({ sequence, problem });
  });

  test('a checkpoint that was kept finds a tail that was cut with its head, and a chain that was written anew', async () => {
    const kept = await currentCheckpoint(room.store, room.vault);
    expect((await room.audit.verify()).head.split(' ').slice(0, 4)).toEqual(kept.split(' ').slice(0, 4));
    await room.audit.append(facts(99));
    expect(await room.audit.verify({ checkpoint: kept })).toMatchObject({ intact: true });

    await run(
      `delete from audit_entries where sequence > 9`,
      `update audit_segments set last_sequence = 9, head = (select mac from audit_entries where sequence = 9)`,
    )(room.store);
    // Whoever has the key, or found a moment when the chain was that short, makes it whole.
    expect(await room.audit.verify()).toMatchObject({ intact: true });
    expect((await room.audit.verify({ checkpoint: kept })).first_break).toEqual({ sequence: 10, problem: 'cut' });
    await Promise.all([1, 2, 3, 4].map((i) => room.audit.append(facts(i))));
    expect((await room.audit.verify({ checkpoint: kept })).first_break).toEqual({ sequence: 12, problem: 'rewritten' });
  });

  test('a checkpoint that was changed, or is of another store, is refused', async () => {
    const kept = await currentCheckpoint(room.store, room.vault);
    const other = roomOf(await place());
    for (const text of [
      kept.replace(' 12 ', ' 13 '),
      kept.slice(0, -1),
      'x',
      '',
      await currentCheckpoint(other.store, other.vault),
    ])
      await refusal(room.audit.verify({ checkpoint: text }), 'input_invalid');
  });

  test('segments are sealed, exported and dropped, and the chain verifies from what is kept', async () => {
    const before = await currentCheckpoint(room.store, room.vault);
    expect(await room.audit.seal()).toMatchObject({
      segment: 1,
      first_sequence: 1,
      last_sequence: 12,
      state: 'sealed',
    });
    await Promise.all([13, 14].map((i) => room.audit.append(facts(i))));
    const second = await currentCheckpoint(room.store, room.vault);
    await room.audit.seal();
    await room.audit.append(facts(15));
    expect(await room.audit.verify({ checkpoint: second })).toMatchObject({ intact: true, entries: 15 });

    await refusal(room.audit.drop(1), 'input_invalid');
    await refusal(room.audit.drop(3), 'input_invalid');
    await refusal(room.audit.drop(9), 'input_invalid');
    const lines: string[] = [];
    for await (const text of room.audit.lines(1, 12)) lines.push(text);
    expect(lines.map((text) => (JSON.parse(text) as { entry: string }).entry)).toEqual(
      (await room.audit.query({ limit: 12, before: 13 })).toReversed().map((entry) => JSON.stringify(entry)),
    );
    await room.audit.markExported(1);
    await room.audit.markExported(2);
    await refusal(room.audit.drop(2), 'input_invalid');
    expect(await room.audit.drop(1)).toMatchObject({ state: 'dropped' });
    expect(await room.audit.verify({ checkpoint: before })).toMatchObject({ intact: true, entries: 3 });
    expect(await room.audit.verify({ checkpoint: second })).toMatchObject({ intact: true });
    expect((await room.audit.segments()).map(({ state }) => state)).toEqual(['dropped', 'exported', 'open']);

    // What is left of the dropped segment cannot be changed either, nor can it be said to be dropped.
    const broken = async (statement: string): Promise<unknown> => {
      await run(statement)(room.store);
      return (await room.audit.verify()).first_break;
    };
    expect(await broken(`update audit_segments set dropped_at = 1 where segment = 2`)).toEqual({
      sequence: 13,
      problem: 'added',
    });
    await run(`update audit_segments set dropped_at = null where segment = 2`)(room.store);
    expect(await broken(`update audit_segments set last_sequence = 11 where segment = 1`)).toEqual({
      sequence: 1,
      problem: 'segment',
    });
    await run(`update audit_segments set last_sequence = 12 where segment = 1`)(room.store);
    expect(await broken(`update audit_segments set sealed_at = null, dropped_at = null where segment = 1`)).toEqual({
      sequence: 1,
      problem: 'segment',
    });
  });

  test('verification stops when it is cancelled', async () => {
    const controller = new AbortController();
    controller.abort(new Error('over'));
    await expect(room.audit.verify({ signal: controller.signal })).rejects.toThrow('over');
  });
});
