/** How much memory something keeps, measured between two collections of garbage. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export const MIB = 1_048_576;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function inUse(): number {
  // What the first finds of buffers is given back by the second.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The bytes by which memory has grown while the result of `work` is held. */
export async function growth<T>(work: () => T | Promise<T>): Promise<{ bytes: number; result: T }> {
  const before = inUse();
  const result = await work();
  return { bytes: inUse() - before, result };
}
