/** Engines for tests: both password engines on the built worker threads, and signals that never abort. */

import { setMaxListeners } from 'node:events';

import { createPkcs12Opener } from '../../src/workers/containers.js';
import { createEngine, createPortableEngine, createStrengthMeter } from '../../src/workers/engines.js';
import { ThreadPool } from '../../src/workers/pool.js';

export const threadScript = new URL('../../build/workers/thread.js', import.meta.url);

const pool = new ThreadPool(threadScript, 2);

export const portable = createPortableEngine(pool);
export const native = createEngine('native', pool);
export const openPkcs12 = createPkcs12Opener(pool);
export const strengthMeter = createStrengthMeter(pool);

export const never = new AbortController().signal;
// Every call of every test listens to it.
setMaxListeners(0, never);

/** Randomness that counts: 00 01 02 ... Reproducible, and different for each call. */
export function countingRandom(): (size: number) => Uint8Array {
  let next = 0;
  return (size) => Uint8Array.from({ length: size }, () => next++ % 256);
}
