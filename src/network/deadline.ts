/** One time limit over everything done for a target, joined with the caller's cancellation. */

import { CANCELLED, NetworkFault, TIMED_OUT, type Fault } from './fault.js';

export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #endsAtMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #onOuter = (): void => this.#controller.abort();

  constructor(timeoutMs: number, outer?: AbortSignal) {
    this.#endsAtMs = performance.now() + timeoutMs;
    this.#timer = setTimeout(() => this.#controller.abort(), timeoutMs);
    this.#outer = outer;
    if (outer?.aborted) this.#controller.abort();
    else outer?.addEventListener('abort', this.#onOuter, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  remainingMs(): number {
    return Math.max(0, this.#endsAtMs - performance.now());
  }

  /** What to say once it is over. The caller's own time limit is a timeout too; anything else of theirs is a cancellation. */
  fault(): Fault {
    return this.#outer?.aborted === true ? abortFault(this.#outer) : TIMED_OUT;
  }

  /** The work's outcome, or a fault at the deadline. The work is not stopped: this is for what cannot be (`dns.lookup`). */
  async race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    let onAbort = (): void => undefined;
    const over = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(new NetworkFault(this.fault()));
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([work, over]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Frees the timer and the listener. */
  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#onOuter);
  }
}

/** The fault for work that the caller's signal stopped. */
export function abortFault(signal: AbortSignal): Fault {
  const reason: unknown = signal.reason;
  const { name, code } = (reason ?? {}) as { name?: unknown; code?: unknown };
  return name === 'TimeoutError' || code === 'timeout' ? TIMED_OUT : CANCELLED;
}
