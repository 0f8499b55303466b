/** How many cases a fuzz test tries and from which seed: a few in the fast run, its share of 100,000 in the slow one (`npm run test:slow`). */

import { randomInt } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';

import fc from 'fast-check';
import { expect } from 'vitest';

import { growth, MIB } from '../support/memory.js';

export const SLOW = process.env['MODE'] === 'slow';

/** Another for every run; FUZZ_SEED repeats one. fast-check prints it with a failure. */
export const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31 - 1));

/** Of the JavaScript heap and buffers, over all cases of one test but those that warm it up: caches may fill, nothing may pile up. */
const MAX_GROWTH = 8 * MIB;

/** Over this a case hangs. It is far more than any takes, so that a slow machine is no failure. */
const DEADLINE_MS = 100_000;

/** So long a test may take whose cases are many. */
export const PATIENCE_MS = 3_600_000;

interface Cases {
  fast: number;
  slow: number;
}

/** How the cases are shared out; each file shares its own among its tests. */
export const CASES = {
  parsers: { fast: 1_000, slow: 70_000 },
  inputs: { fast: 170, slow: 24_000 },
  stream: { fast: 30, slow: 6_000 },
} as const satisfies Record<string, Cases>;

/** The part of one test of those of a file, where all parts together are `whole`. */
export function portion({ fast, slow }: Cases, part: number, whole: number): Cases {
  return { fast: Math.ceil((fast * part) / whole), slow: Math.ceil((slow * part) / whole) };
}

/** Tries the property, in slow mode with the seed told and the memory measured between the first cases and the last. */
export async function fuzz<T>(
  name: string,
  { fast, slow }: Cases,
  arbitrary: fc.Arbitrary<T>,
  holds: (value: T) => Promise<void> | void,
): Promise<void> {
  const property = fc.asyncProperty(arbitrary, async (value) => {
    await holds(value);
  });
  const tried = (numRuns: number, seed: number): Promise<void> =>
    Promise.resolve(fc.assert(property, { numRuns, seed, timeout: DEADLINE_MS }));
  if (!SLOW) return tried(fast, SEED);
  process.stdout.write(`fuzz: ${name}: ${slow} cases, FUZZ_SEED=${SEED}\n`);
  const first = Math.ceil(slow / 4);
  await tried(first, SEED);
  // The other seed follows from the first.
  const { bytes } = await growth(async () => {
    await tried(slow - first, SEED + 1);
    // Until then the last case is still being spoken of.
    await turn();
  });
  process.stdout.write(`fuzz: ${name}: held, with ${bytes} bytes more in memory\n`);
  expect(bytes, `${name}: bytes kept after ${slow - first} cases`).toBeLessThan(MAX_GROWTH);
}
