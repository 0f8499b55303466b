/** The limits: calls per minute and slots for heavy work, on a clock that the tests move. Guesses: tests/storage/attempts.test.ts. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SecurityError } from '../../src/crypto/errors.js';
import { CallLimit, Slots } from '../../src/guard/limits.js';
import { never } from '../support/engines.js';

function clock(): { now(): number; advance(ms: number): void } {
  let time = 1_000_000;
  return { now: () => time, advance: (ms) => void (time += ms) };
}

function refusal(run: () => void): SecurityError {
  try {
    run();
  } catch (error) {
    if (error instanceof SecurityError) return error;
  }
  throw new Error('was not refused');
}

describe('calls per minute', () => {
  it('lets the limit through and says when to come back', () => {
    const time = clock();
    const limit = new CallLimit(3, time.now);
    for (let i = 0; i < 3; i++) {
      limit.charge();
      time.advance(10_000);
    }
    const error = refusal(() => limit.charge());
    expect(error.code).toBe('rate_limited');
    expect(error.retryAfterSeconds).toBe(30);
    time.advance(30_000);
    limit.charge();
    expect(refusal(() => limit.charge()).retryAfterSeconds).toBe(10);
  });

  it('never lets more than the limit through in any 60 seconds, whatever the times', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 80 }),
        (max, steps) => {
          const time = clock();
          const limit = new CallLimit(max, time.now);
          const passed: number[] = [];
          for (const step of steps) {
            time.advance(step);
            try {
              limit.charge();
              passed.push(time.now());
            } catch {
              // refused
            }
          }
          for (const start of passed)
            expect(passed.filter((at) => at >= start && at < start + 60_000).length).toBeLessThanOrEqual(max);
        },
      ),
    );
  });

  it('counts nothing that was never called, on a clock that has only just begun', () => {
    const limit = new CallLimit(2, () => 5);
    limit.charge();
    limit.charge();
    expect(refusal(() => limit.charge())).toMatchObject({
      retryAfterSeconds: 60,
      hint: 'Wait 60 seconds; SECURITY_MCP_CALLS_PER_MINUTE sets the limit.',
    });
  });
});

describe('slots', () => {
  it('tell how many are in and how many wait', async () => {
    const slots = new Slots(2);
    expect(slots.load).toEqual({ running: 0, waiting: 0 });
    const releases = [await slots.acquire(never), await slots.acquire(never)];
    const third = slots.acquire(never);
    expect(slots.load).toEqual({ running: 2, waiting: 1 });
    for (const release of releases) release();
    (await third)();
    expect(slots.load).toEqual({ running: 0, waiting: 0 });
  });

  it('given back twice are given back once', async () => {
    const slots = new Slots(1);
    const release = await slots.acquire(never);
    release();
    release();
    expect(slots.load).toEqual({ running: 0, waiting: 0 });
    const second = await slots.acquire(never);
    void slots.acquire(never);
    release();
    expect(slots.load).toEqual({ running: 1, waiting: 1 });
    second();
  });

  it('are not taken by a caller that has gone already', async () => {
    const slots = new Slots(1);
    await expect(slots.acquire(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(slots.load).toEqual({ running: 0, waiting: 0 });
  });

  it('let so many in at once, the others in the order they came', async () => {
    const slots = new Slots(2);
    const order: number[] = [];
    const releases: (() => void)[] = [];
    const all = Array.from({ length: 6 }, (_, i) =>
      slots.acquire(never).then((release) => (order.push(i), releases.push(release))),
    );
    await Promise.all(all.slice(0, 2));
    expect(order).toEqual([0, 1]);
    for (let next = releases.shift(); next !== undefined; next = releases.shift()) {
      next();
      next();
      await Promise.resolve();
      await Promise.resolve();
    }
    await Promise.all(all);
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('forget a caller that goes away, and refuse when too many wait', async () => {
    const slots = new Slots(1);
    const release = await slots.acquire(never);
    const caller = new AbortController();
    const gone = slots.acquire(caller.signal);
    const next = slots.acquire(never);
    caller.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    release();
    (await next)();
    const held = await slots.acquire(never);
    const waiting = Array.from({ length: 256 }, () => slots.acquire(never));
    await expect(slots.acquire(never)).rejects.toMatchObject({
      code: 'rate_limited',
      hint: 'Wait for answers before calling again.',
      retryAfterSeconds: 10,
    });
    held();
    for (const one of waiting) (await one)();
  });
});
