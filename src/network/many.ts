/** Many targets at once: a bounded number in parallel, each result kept as soon as it is there, whatever ends the call. */

import { setMaxListeners } from 'node:events';

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
