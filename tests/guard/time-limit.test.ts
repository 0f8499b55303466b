/** The time limit of a run, on a clock and timers that the tests move: only what is not spent waiting for a human counts. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { TimeLimit } from '../../src/guard/time-limit.js';

let exceeded = 0;

beforeEach(() => {
  exceeded = 0;
  vi.useFakeTimers();
});
afterEach(() => void vi.useRealTimers());

const limit = (ms: number): TimeLimit =>
  new TimeLimit(
    ms,
    () => Date.now(),
    () => void exceeded++,
  );

/** A wait that ends when it is told to. */
function wait(): { work: () => Promise<string>; end(): void; fail(): void } {
  let end = (): void => undefined;
  let fail = (): void => undefined;
  const promise = new Promise<string>((resolve, reject) => {
    end = () => resolve('typed');
    fail = () => reject(new Error('declined'));
  });
  return { work: () => promise, end: () => end(), fail: () => fail() };
}

describe('a time limit', () => {
  it('is exceeded once, when its time is over and not before', () => {
    limit(1_000);
    vi.advanceTimersByTime(999);
    expect(exceeded).toBe(0);
    vi.advanceTimersByTime(1);
    expect(exceeded).toBe(1);
    vi.advanceTimersByTime(10_000);
    expect(exceeded).toBe(1);
  });

  it('is not exceeded once it was stopped', () => {
    limit(1_000).stop();
    vi.advanceTimersByTime(10_000);
    expect(exceeded).toBe(0);
  });

  it('stands still while a human is waited for, and then goes on with what was left', async () => {
    const one = limit(1_000);
    vi.advanceTimersByTime(400);
    const human = wait();
    const typed = one.untimed(human.work);
    vi.advanceTimersByTime(100_000);
    expect(exceeded).toBe(0);
    human.end();
    await expect(typed).resolves.toBe('typed');
    vi.advanceTimersByTime(599);
    expect(exceeded).toBe(0);
    vi.advanceTimersByTime(1);
    expect(exceeded).toBe(1);
  });

  it('goes on only when the last of two waits has ended, also where one fails', async () => {
    const one = limit(1_000);
    const [first, second] = [wait(), wait()];
    const waits = [one.untimed(first.work), one.untimed(second.work)] as const;
    vi.advanceTimersByTime(5_000);
    first.fail();
    await expect(waits[0]).rejects.toThrow('declined');
    vi.advanceTimersByTime(5_000);
    expect(exceeded).toBe(0);
    second.end();
    await waits[1];
    vi.advanceTimersByTime(999);
    expect(exceeded).toBe(0);
    vi.advanceTimersByTime(1);
    expect(exceeded).toBe(1);
  });

  it('that was all used up before a wait is exceeded right after it', async () => {
    const one = limit(1_000);
    vi.setSystemTime(Date.now() + 3_000);
    const human = wait();
    const typed = one.untimed(human.work);
    human.end();
    await typed;
    vi.advanceTimersByTime(0);
    expect(exceeded).toBe(1);
  });
});
