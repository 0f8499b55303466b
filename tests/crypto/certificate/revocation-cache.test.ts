/** What is kept of responses: until they end, bounded in number and size, the least used going first. Times are injected. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CACHE_LIMITS, RevocationCache } from '../../../src/crypto/certificate/revocation-cache.js';

const start = new Date('2026-11-01T00:00:00Z');
const after = (seconds: number): Date => new Date(start.getTime() + seconds * 1_000);
const HOUR = 3_600;
const bytes = (size: number, fill = 1): Uint8Array => new Uint8Array(size).fill(fill);

describe('the cache', () => {
  it('keeps until the end that is said, but no longer than a day', () => {
    const cache = new RevocationCache();
    cache.set('short', bytes(1), after(HOUR), start);
    cache.set('long', bytes(2), after(1_000 * HOUR), start);
    expect(cache.get('short', after(HOUR - 1))).toEqual(bytes(1));
    expect(cache.get('short', after(HOUR))).toBeNull();
    expect(cache.get('long', after(24 * HOUR - 1))).toEqual(bytes(2));
    expect(cache.get('long', after(24 * HOUR))).toBeNull();
    expect(cache.get('long', start)).toBeNull();
  });

  it('keeps nothing that has no end, has ended, or is larger than all that may be kept', () => {
    const cache = new RevocationCache();
    cache.set('endless', bytes(1), null, start);
    cache.set('ended', bytes(1), start, start);
    cache.set('large', bytes(CACHE_LIMITS.bytes + 1), after(HOUR), start);
    for (const key of ['endless', 'ended', 'large', 'never']) expect(cache.get(key, start)).toBeNull();
  });

  it('replaces, also by nothing', () => {
    const cache = new RevocationCache();
    cache.set('a', bytes(1), after(HOUR), start);
    cache.set('a', bytes(3), after(HOUR), start);
    expect(cache.get('a', start)).toEqual(bytes(3));
    cache.set('a', bytes(1), null, start);
    expect(cache.get('a', start)).toBeNull();
  });

  it('lets go what was not used for longest', () => {
    const cache = new RevocationCache({ entries: 2, bytes: 100, bytesEach: 100, lifeMs: 1_000_000 });
    cache.set('a', bytes(1), after(HOUR), start);
    cache.set('b', bytes(1), after(HOUR), start);
    cache.get('a', start);
    cache.set('c', bytes(1), after(HOUR), start);
    expect(['a', 'b', 'c'].filter((key) => cache.get(key, start) !== null)).toEqual(['a', 'c']);
    cache.set('d', bytes(99), after(HOUR), start);
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.get(key, start) !== null)).toEqual(['c', 'd']);
    cache.set('e', bytes(100), after(HOUR), start);
    expect(['c', 'd', 'e'].filter((key) => cache.get(key, start) !== null)).toEqual(['e']);
  });

  it('does not hold on to the buffer that a response was cut from', () => {
    const cache = new RevocationCache();
    const whole = bytes(1_000);
    cache.set('slice', whole.subarray(10, 20), after(HOUR), start);
    expect(cache.get('slice', start)?.buffer.byteLength).toBe(10);
  });

  it('never holds more than it may, whatever is set and asked', () => {
    const limits = { entries: 4, bytes: 50, bytesEach: 50, lifeMs: 10_000 };
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      size: fc.nat(60),
      life: fc.nat(20),
      wait: fc.nat(5),
      isSet: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const cache = new RevocationCache(limits);
        const truth = new Map<string, { size: number; ends: number }>();
        let seconds = 0;
        for (const { key, size, life, wait, isSet } of steps) {
          seconds += wait;
          if (isSet) {
            cache.set(key, bytes(size), after(seconds + life), after(seconds));
            truth.set(key, { size, ends: seconds + Math.min(life, 10) });
          } else {
            const found = cache.get(key, after(seconds));
            const set = truth.get(key);
            if (found !== null) expect(set?.size).toBe(found.length);
            if (found !== null) expect(set?.ends).toBeGreaterThan(seconds);
          }
        }
        const held = [...truth.keys()].flatMap((key) => cache.get(key, after(seconds)) ?? []);
        expect(held.length).toBeLessThanOrEqual(limits.entries);
        expect(held.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(limits.bytes);
      }),
    );
  });
});
