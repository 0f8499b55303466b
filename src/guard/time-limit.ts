/** How long a run may take; the clock stands still while it waits for a human. */

import type { MonotonicClock } from './limits.js';

export class TimeLimit {
  readonly #clock: MonotonicClock;
  readonly #exceed: () => void;
  #leftMs: number;
  #startedAt = 0;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, clock: MonotonicClock, exceed: () => void) {
    this.#leftMs = limitMs;
    this.#clock = clock;
    this.#exceed = exceed;
    this.#run();
  }

  /** Does what a human is waited for in; that has a limit of its own. */
  async untimed<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting++ === 0) this.stop();
    try {
      return await work();
    } finally {
      if (--this.#waiting === 0) this.#run();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#leftMs -= this.#clock() - this.#startedAt;
  }

  #run(): void {
    this.#startedAt = this.#clock();
    this.#timer = setTimeout(this.#exceed, Math.max(0, this.#leftMs));
  }
}
