/** Who may go: one at a time within the process, in the order they came; and how to wait for others without holding anything. */

import { faults } from './faults.js';

/** How long a call waits for the store, all in all, before it is told that the store is busy. */
export const PATIENCE_MS = 4_500;

const LONGEST_PAUSE_MS = 12;

/** Milliseconds of a clock that never goes back. */
export function clock(): number {
  return performance.now();
}

/** A queue before something that few can use at a time. */
export class Turns {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(places = 1) {
    this.#free = places;
  }

  /** Resolves with the function that ends the turn; throws `storage_unavailable` (busy) when `deadline` passes. */
  take(deadline: number): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve(() => this.#end());
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(go);
        reject(faults.busy());
      }, deadline - clock());
      if (this.#free === 0) this.#waiting.add(go);
      else {
        this.#free--;
        go();
      }
    });
  }

  #end(): void {
    // A turn of the event loop in between: statements of SQLite never wait, so the whole queue would run as one.
    setImmediate(() => {
      const [next] = this.#waiting;
      if (next === undefined) this.#free++;
      else next();
    });
  }
}

/** Runs `attempt` until it ends otherwise than by a passing hindrance, or the deadline has passed: then with that error. */
export async function persist<T>(
  attempt: () => Promise<T>,
  passes: (error: unknown) => boolean,
  deadline: number,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!passes(error) || clock() >= deadline) throw error;
      // Chance keeps processes that wait for each other from meeting again and again.
      const pauseMs = Math.random() * Math.min(2 ** tries, LONGEST_PAUSE_MS);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
