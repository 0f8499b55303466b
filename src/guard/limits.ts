/** Limits: calls per minute of a tool, guesses at one secret, and CPU-heavy calls at once. In this process's memory. */

import { SecurityError } from '../crypto/errors.js';

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
  /** Takes the charge back after a success. Called once, or `keep` is. */
  refund(): void;
  /** Leaves the charge after a failure. */
  keep(): void;
}

/** What counts guesses. The subject is a keyed fingerprint: it tells nothing about what is guessed at. */
export interface GuessLimit {
  /** Charges one guess before the check. Throws `rate_limited`; waits while the outcome of earlier guesses decides. */
  charge(subject: string, signal: AbortSignal): Promise<GuessCharge>;
}

interface Attempts {
  /** When the guesses that count were charged. */
  times: number[];
  /** Charged guesses whose outcome is not known yet. */
  pending: number;
  consecutiveFailures: number;
  blockedUntil: number;
  settled: Set<() => void>;
}

const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 3_600_000;
const MAX_SUBJECTS = 10_000;

/**
 * `guesses` in any `windowSeconds`; past as many consecutive failures the wait doubles from 30 seconds to an hour
 * (NIST SP 800-63B section 3.2.2). A right guess is given back and clears the failures.
 */
export function createGuessLimit(guesses: number, windowSeconds: number, clock: MonotonicClock): GuessLimit {
  const subjects = new Map<string, Attempts>();
  const windowMs = windowSeconds * 1000;

  const attemptsOf = (subject: string): Attempts => {
    const known = subjects.get(subject);
    if (known !== undefined) return known;
    if (subjects.size >= MAX_SUBJECTS) forgetIdle(subjects, clock() - windowMs, clock());
    const fresh: Attempts = { times: [], pending: 0, consecutiveFailures: 0, blockedUntil: 0, settled: new Set() };
    subjects.set(subject, fresh);
    return fresh;
  };

  return {
    async charge(subject, signal) {
      const attempts = attemptsOf(subject);
      for (;;) {
        const now = clock();
        attempts.times = attempts.times.filter((time) => now - time < windowMs);
        const oldest = attempts.times[0] ?? now;
        const waitMs = Math.max(
          attempts.blockedUntil - now,
          attempts.times.length < guesses ? 0 : oldest + windowMs - now,
        );
        if (waitMs <= 0) {
          attempts.times.push(now);
          attempts.pending++;
          return chargeOf(attempts, now, guesses, clock);
        }
        // A guess under way may turn out right and give its place back: only known failures refuse.
        if (attempts.pending === 0 || attempts.blockedUntil > now) throw tooManyGuesses(waitMs);
        await nextSettled(attempts, signal);
      }
    },
  };
}

function chargeOf(attempts: Attempts, time: number, guesses: number, clock: MonotonicClock): GuessCharge {
  const settle = (): void => {
    attempts.pending--;
    for (const wake of attempts.settled) wake();
    attempts.settled.clear();
  };
  return {
    remaining: Math.max(0, guesses - attempts.times.length),
    refund() {
      const at = attempts.times.indexOf(time);
      if (at !== -1) attempts.times.splice(at, 1);
      attempts.consecutiveFailures = 0;
      settle();
    },
    keep() {
      attempts.consecutiveFailures++;
      const past = attempts.consecutiveFailures - guesses;
      if (past > 0) attempts.blockedUntil = clock() + Math.min(FIRST_WAIT_MS * 2 ** (past - 1), LONGEST_WAIT_MS);
      settle();
    },
  };
}

function nextSettled(attempts: Attempts, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      attempts.settled.delete(wake);
      reject(signal.reason);
    };
    const wake = (): void => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    if (signal.aborted) return reject(signal.reason);
    attempts.settled.add(wake);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Makes room: drops subjects that nothing is held against any more, and refuses where there are none. */
function forgetIdle(subjects: Map<string, Attempts>, windowStart: number, now: number): void {
  for (const [subject, attempts] of subjects) {
    const quiet = attempts.times.every((time) => time < windowStart) && attempts.blockedUntil <= now;
    if (quiet && attempts.pending === 0) subjects.delete(subject);
  }
  if (subjects.size >= MAX_SUBJECTS) throw tooManyGuesses(MINUTE_MS);
}

function tooManyGuesses(waitMs: number): SecurityError {
  const waitSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new SecurityError('rate_limited', 'Too many attempts on this secret.', {
    hint: `Wait ${waitSeconds} seconds; further wrong attempts make the wait longer.`,
    retryAfterSeconds: waitSeconds,
  });
}

interface Waiter {
  grant(release: () => void): void;
}

const MAX_WAITING = 256;

/** Lets `size` holders in at once, the rest in the order they came. */
export class Slots {
  readonly #waiting: Waiter[] = [];
  #free: number;

  constructor(size: number) {
    this.#free = size;
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
