/** Limits: calls per minute of a tool and CPU-heavy calls at once, in this process's memory; what a limit on guesses must do. */

import { SecurityError } from '../crypto/errors.js';
import type { Load } from './meter.js';

/** Milliseconds of a clock that never goes back. */
export type MonotonicClock = () => number;

const MINUTE_MS = 60_000;

/** At most `limit` calls in any 60 seconds: a ring of the times of the last `limit` calls. */
export class CallLimit {
  readonly #times: Float64Array;
  readonly #clock: MonotonicClock;
  #count = 0;

  constructor(limit: number, clock: MonotonicClock) {
    this.#times = new Float64Array(limit);
    this.#clock = clock;
  }

  /** Throws `rate_limited`, saying when to come back. A refused call is not counted. */
  charge(): void {
    const now = this.#clock();
    const at = this.#count % this.#times.length;
    const oldest = this.#times[at] ?? 0;
    if (this.#count >= this.#times.length && now - oldest < MINUTE_MS) {
      const waitSeconds = Math.max(1, Math.ceil((oldest + MINUTE_MS - now) / 1000));
      throw new SecurityError('rate_limited', 'Too many calls of this tool in a minute.', {
        hint: `Wait ${waitSeconds} seconds; SECURITY_MCP_CALLS_PER_MINUTE sets the limit.`,
        retryAfterSeconds: waitSeconds,
      });
    }
    this.#times[at] = now;
    this.#count++;
  }
}

export interface GuessCharge {
  /** How many further guesses the subject has now, this one taken off. */
  remaining: number;
  /** Takes the charge back after a success. Called once, or `keep` is. Where it cannot be done, the guess is spent. */
  refund(): Promise<void>;
  /** Leaves the charge after a failure. */
  keep(): Promise<void>;
}

/** What counts guesses. The subject is a keyed fingerprint: it tells nothing about what is guessed at. */
export interface GuessLimit {
  /** Charges one guess before the check, durably. Throws `rate_limited`; waits while the outcome of earlier guesses decides. */
  charge(subject: string, signal: AbortSignal): Promise<GuessCharge>;
}

interface Waiter {
  grant(release: () => void): void;
}

const MAX_WAITING = 256;

/** Lets `size` holders in at once, the rest in the order they came. */
export class Slots {
  readonly #waiting: Waiter[] = [];
  readonly #size: number;
  #free: number;

  constructor(size: number) {
    this.#size = size;
    this.#free = size;
  }

  get load(): Load {
    return { running: this.#size - this.#free, waiting: this.#waiting.length };
  }

  /** Resolves with the function that gives the slot back. Rejects with the signal's reason, or `rate_limited` when too many wait. */
  acquire(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        grant: (release) => {
          signal.removeEventListener('abort', onAbort);
          resolve(release);
        },
      };
      if (this.#free > 0) {
        this.#free--;
        return waiter.grant(this.#releaseOnce());
      }
      if (this.#waiting.length >= MAX_WAITING) {
        return reject(
          new SecurityError('rate_limited', 'Too many CPU-heavy calls are waiting.', {
            hint: 'Wait for answers before calling again.',
            retryAfterSeconds: 10,
          }),
        );
      }
      this.#waiting.push(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #releaseOnce(): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next.grant(this.#releaseOnce());
    };
  }
}
