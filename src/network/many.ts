/** Many targets at once: a bounded number in parallel, each result kept as soon as it is there, whatever ends the call. */

import { setMaxListeners } from 'node:events';

import type { ConnectionFacts } from '../crypto/certificate/connection.js';
import { abortFault } from './deadline.js';
import type { Target } from './target.js';
import { probe, type ProbeOptions } from './tls-probe.js';

export const MAX_TARGETS = 100;
export const MAX_PARALLEL = 16;

export interface ManyOptions<T, R> {
  /** Does the work of one item. Should end soon after the signal; what it returns then is kept like any other result. */
  work: (item: T, index: number) => Promise<R>;
  /** The result of an item that was not begun before the signal was aborted. */
  abandoned: (item: T, index: number) => R | Promise<R>;
  signal?: AbortSignal | undefined;
  parallel?: number;
  /** Called once for each item, as it is finished. */
  onFinished?: ((result: R, index: number, finished: number) => void) | undefined;
}

/** One result for each item, in the order of the items. Rejects only where `work` does. */
export async function inParallel<T, R>(items: readonly T[], options: ManyOptions<T, R>): Promise<R[]> {
  const { work, abandoned, signal, parallel = MAX_PARALLEL, onFinished } = options;
  // Every target in work listens to it; Node would warn of a leak at eleven.
  if (signal !== undefined) setMaxListeners(0, signal);
  const results: R[] = [];
  const queue = items.entries();
  let finished = 0;
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      const result = await (signal?.aborted === true ? abandoned(item, index) : work(item, index));
      results[index] = result;
      finished += 1;
      onFinished?.(result, index, finished);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
  return results;
}

/** The facts of each target, in their order; each target has `timeoutMs` for itself, from when its turn comes. */
export function probeMany(
  targets: readonly Target[],
  options: ProbeOptions & Pick<ManyOptions<Target, ConnectionFacts>, 'parallel' | 'onFinished'>,
): Promise<ConnectionFacts[]> {
  const { signal, parallel = MAX_PARALLEL, onFinished } = options;
  return inParallel(targets, {
    work: (target) => probe(target, options),
    abandoned: (target) => neverDialled(target, signal),
    signal,
    parallel,
    onFinished,
  });
}

/** What is to be said of a target whose turn did not come. */
export function neverDialled(target: Target, signal: AbortSignal | undefined): ConnectionFacts {
  const facts: ConnectionFacts = { port: target.port, clientCertificate: 'unknown', certificates: [] };
  return signal === undefined ? facts : { ...facts, fault: abortFault(signal) };
}
