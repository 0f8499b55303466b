/** Limits on guessing on both engines: the window, waits, blocks, kills, clocks, several processes, a store that is gone. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SecurityError } from '../../src/crypto/errors.js';
import { systemRandom } from '../../src/crypto/random.js';
import { Attempts, listAttempts, prune, resetAttempts, type AttemptsOptions } from '../../src/storage/attempts.js';
import type { Store } from '../../src/storage/store.js';
import { never } from '../support/engines.js';
import { Child, engines, open, postgres, refusal, timed } from '../support/stores.js';
import { postgresMissing } from '../support/postgres.js';

const START = 1_767_225_600_000;
const DAY_MS = 86_400_000;
const DECADE_MS = 3_650 * DAY_MS;

function limit(store: Store, changes: Partial<AttemptsOptions> = {}): Attempts {
  return new Attempts(store, { guesses: 5, windowSeconds: 60, random: systemRandom, patienceMs: 0, ...changes });
}

/** A wrong guess that is let through, or the seconds to wait. */
async function wrong(attempts: Attempts, subject = 'a'): Promise<'guessed' | number | undefined> {
  try {
    await (await attempts.charge(subject, never)).keep();
    return 'guessed';
  } catch (error) {
    if (error instanceof SecurityError && error.code === 'rate_limited') return error.retryAfterSeconds;
    throw error;
  }
}

async function times<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < count; i++) results.push(await work());
  return results;
}

describe.each(engines)('guesses at one secret on $name', ({ missing, place }) => {
  async function clocked(): Promise<{ attempts: Attempts; store: Store; time: { now: number } }> {
    const time = { now: START };
    const store = timed(open(await place()), () => time.now);
    return { attempts: limit(store), store, time };
  }

  it.skipIf(missing)('are five in a minute, and a right one gives its place back', async () => {
    const { attempts, time } = await clocked();
    await times(4, () => wrong(attempts));
    const good = await attempts.charge('a', never);
    expect(good.remaining).toBe(0);
    await good.refund();
    expect(await wrong(attempts)).toBe('guessed');
    expect(await wrong(attempts)).toBe(60);
    expect(await wrong(attempts, 'b')).toBe('guessed');
    time.now += 59_999;
    expect(await wrong(attempts)).toBe(1);
    time.now += 1;
    expect(await wrong(attempts)).toBe('guessed');
  });

  it.skipIf(missing)(
    'wait twice as long after each further failure, up to an hour; a right one ends that',
    async () => {
      const { attempts, time } = await clocked();
      const waits: number[] = [];
      while (waits.length < 12) {
        const wait = await wrong(attempts);
        if (typeof wait !== 'number') continue;
        waits.push(wait);
        time.now += wait * 1000;
      }
      expect(waits).toEqual([60, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600, 3_600]);
      await (await attempts.charge('a', never)).refund();
      time.now += 60_000;
      expect(await times(6, () => wrong(attempts))).toEqual([...Array.from({ length: 5 }, () => 'guessed'), 60]);
    },
  );

  it.skipIf(missing)('are blocked by a hundred failures in a row until an operator resets them', async () => {
    const { attempts, store, time } = await clocked();
    for (let i = 0; i < 100; i++) {
      expect(await wrong(attempts)).toBe('guessed');
      time.now += 3_600_000;
    }
    await wrong(attempts, 'b');
    time.now += DECADE_MS;
    const error = await refusal(attempts.charge('a', never), 'rate_limited');
    expect(error.hint).toContain('attempts reset');
    expect(error.retryAfterSeconds).toBeUndefined();
    expect(await listAttempts(store)).toMatchObject([
      { subject: 'b', consecutive_failures: 1, blocked_until: null },
      { subject: 'a', consecutive_failures: 100, blocked_until: 'reset' },
    ]);
    expect(await resetAttempts(store, 'a')).toBe(1);
    expect(await resetAttempts(store, 'a')).toBe(0);
    expect(await times(6, () => wrong(attempts))).toEqual([...Array.from({ length: 5 }, () => 'guessed'), 60]);
    expect(await resetAttempts(store, null)).toBe(2);
    expect(await listAttempts(store)).toEqual([]);
  });

  it.skipIf(missing)('that are right and under way at once are not refused for each other', async () => {
    const { attempts } = await clocked();
    const right = async (): Promise<void> => {
      const charge = await attempts.charge('a', never);
      await new Promise((resolve) => setImmediate(resolve));
      await charge.refund();
    };
    await Promise.all(Array.from({ length: 20 }, right));
    expect((await attempts.charge('a', never)).remaining).toBe(4);
  });

  it.skipIf(missing)('nor are those of two processes', async () => {
    const { store } = await clocked();
    const [one, other] = [limit(store, { patienceMs: 60_000 }), limit(store, { patienceMs: 60_000 })];
    const held = await Promise.all(Array.from({ length: 5 }, () => one.charge('a', never)));
    const waiting = other.charge('a', never);
    await held[0]?.refund();
    await (await waiting).refund();
    for (const charge of held.slice(1)) await charge.refund();
    expect((await other.charge('a', never)).remaining).toBe(4);
  });

  it.skipIf(missing)('that are wrong and under way at once, in two processes, are five at the most', async () => {
    const { store } = await clocked();
    const processes = [limit(store, { patienceMs: 5_000 }), limit(store, { patienceMs: 5_000 })];
    const outcomes = await Promise.all(Array.from({ length: 30 }, (_, i) => wrong(processes[i % 2] as Attempts)));
    expect(outcomes.filter((outcome) => outcome === 'guessed')).toHaveLength(5);
  });

  it.skipIf(missing)('stop waiting when the caller goes away, here or elsewhere', async () => {
    const { attempts, store } = await clocked();
    await times(5, () => attempts.charge('a', never));
    for (const process of [attempts, limit(store, { patienceMs: 60_000 })]) {
      const caller = new AbortController();
      const waiting = process.charge('a', caller.signal);
      setImmediate(() => caller.abort(new Error('gone')));
      await expect(waiting).rejects.toThrow('gone');
    }
  });

  it.skipIf(missing)(
    'cost one each where the process is killed before the outcome, and count as failures',
    async () => {
      const options = await place();
      const remaining: string[] = [];
      for (let i = 0; i < 5; i++) {
        const child = new Child('charge', options, 'a');
        await child.wrote(1);
        remaining.push(...(await child.kill()));
        expect(child.stderr).toBe('');
      }
      expect(remaining).toEqual(['4', '3', '2', '1', '0']);
      const store = open(options);
      const real = await store.write((trx) => store.now(trx));
      expect(await wrong(limit(store))).toEqual(expect.any(Number));
      const later = limit(timed(store, () => real + 61_000));
      expect(await times(2, () => wrong(later))).toEqual(['guessed', 30]);
    },
  );

  it.skipIf(missing)('are not freed by a system clock that is set back ten years, nor held by it', async () => {
    const options = await place();
    expect(await times(5, () => wrong(limit(open(options))))).not.toContain(undefined);
    const back = open({ ...options, systemClock: () => Date.now() - DECADE_MS });
    const wait = await wrong(limit(back));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60);
  });

  it.skipIf(missing)('are forgotten when they hold nobody back, and never before', async () => {
    const { attempts, store, time } = await clocked();
    for (const subject of ['right', 'wrong', 'waiting']) await wrong(attempts, subject);
    await (await attempts.charge('right', never)).refund();
    await times(99, async () => (await wrong(attempts, 'blocked'), (time.now += 3_600_000)));
    await wrong(attempts, 'blocked');
    time.now += DAY_MS;
    for (let i = 0; i < 30; i++) if ((await wrong(attempts, 'waiting')) !== 'guessed') time.now += 60_000;
    const left = async (days: number, maxRows?: number): Promise<string[]> => {
      await store.write((trx) => prune(trx, time.now + days * DAY_MS, maxRows));
      const rows = await store.read((db) => db.selectFrom('attempts').select('subject').orderBy('subject').execute());
      return rows.map(({ subject }) => subject);
    };
    expect(await left(0)).toEqual(['blocked', 'waiting', 'wrong']);
    expect(await left(0, 2)).toEqual(['blocked', 'waiting']);
    expect(await left(0, 0)).toEqual(['blocked', 'waiting']);
    expect(await left(29)).toEqual(['blocked', 'waiting']);
    expect(await left(31)).toEqual(['blocked']);
    expect(await left(3_650, 0)).toEqual(['blocked']);
  });

  it.skipIf(missing)(
    'whatever the order of events: never more than the limit in any window',
    { timeout: 120_000 },
    async () => {
      const store = open(await place());
      const event = fc.oneof(
        { weight: 4, arbitrary: fc.constant('wrong' as const) },
        { weight: 2, arbitrary: fc.constant('begin' as const) },
        { weight: 1, arbitrary: fc.constantFrom('right' as const, 'fail' as const, 'restart' as const) },
        { weight: 2, arbitrary: fc.integer({ min: 0, max: 40_000 }) },
      );
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
          const subject = `run-${++run}`;
          let now = START;
          const fresh = (): Attempts =>
            limit(
              timed(store, () => now),
              { guesses: 3 },
            );
          let attempts = fresh();
          const unrefunded: number[] = [];
          let underWay: { refund(): Promise<void>; keep(): Promise<void>; at: number }[] = [];
          const charge = async (): Promise<void> => {
            // Own guesses under way are waited for, which would wait for ever here: another process goes on.
            const process = underWay.length > 0 ? fresh() : attempts;
            const charged = await process.charge(subject, never).catch(() => null);
            if (charged === null) return;
            unrefunded.push(now);
            underWay.push({ ...charged, at: now });
          };
          for (const event of events) {
            if (typeof event === 'number') now += event;
            else if (event === 'restart') {
              attempts = fresh();
              underWay = [];
            } else if (event === 'begin') await charge();
            else if (event === 'wrong') {
              const before = underWay.length;
              await charge();
              if (underWay.length > before) await underWay.pop()?.keep();
            } else {
              const one = underWay.shift();
              if (one === undefined) continue;
              await (event === 'right' ? one.refund() : one.keep());
              if (event === 'right') unrefunded.splice(unrefunded.indexOf(one.at), 1);
            }
            for (const at of unrefunded)
              expect(unrefunded.filter((time) => time >= at && time < at + 60_000).length).toBeLessThanOrEqual(3);
          }
        }),
        { numRuns: 40 },
      );
    },
  );
});

describe.skipIf(postgresMissing)('with the database server gone', () => {
  it(
    'guesses are refused, saying what to mend, and go on when it is back, still counted',
    { timeout: 60_000 },
    async () => {
      const server = await postgres();
      const store = open({ databaseUrl: await server.newDatabase() });
      const attempts = limit(store);
      await times(4, () => wrong(attempts));
      const under = await attempts.charge('a', never);
      await server.stop('SIGQUIT');
      await refusal(attempts.charge('b', never), 'storage_unavailable');
      await refusal(under.keep(), 'storage_unavailable');
      await server.restart();
      expect(await wrong(attempts)).toEqual(expect.any(Number));
      expect(await wrong(attempts, 'b')).toBe('guessed');
    },
  );
});
