/** One page of the desk: what it is for, until when it may be used, and what became of it. */

import { randomBytes } from 'node:crypto';

import type { DeskWay } from '../crypto/desk.js';
import { SecurityError } from '../crypto/errors.js';

/** 256 bits, as base64url. */
const PATH_BYTES = 32;

export type Purpose =
  | { kind: 'ask'; name: string; purpose: string; caller: string; keep(value: string): Promise<void> }
  | { kind: 'show'; name: string; secretKind: string; caller: string; value: string };

export type Outcome = 'done' | 'declined' | 'expired' | 'withdrawn' | { error: unknown };

export class PendingPage {
  readonly path = randomBytes(PATH_BYTES).toString('base64url');
  readonly about: Purpose;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  through: DeskWay = 'terminal';
  outcome: Outcome | undefined;
  /** Taken by the first post that uses the page; from then on nobody else can. */
  taken = false;
  /** Resolves with the outcome, never rejects. */
  readonly ended: Promise<Outcome>;
  #end: (outcome: Outcome) => void = () => undefined;

  constructor(about: Purpose, expiresAt: number) {
    this.about = about;
    this.expiresAt = expiresAt;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Ask and show have names of their own. */
  get key(): string {
    return keyOf(this.about.kind, this.about.name);
  }

  end(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    this.taken = true;
    this.outcome = outcome;
    this.#end(outcome);
  }
}

export function keyOf(kind: Purpose['kind'], name: string): string {
  return `${kind} ${name}`;
}

/** The refusal that an outcome other than `done` means. */
export function refusalOf(outcome: Exclude<Outcome, 'done'>): unknown {
  if (typeof outcome === 'object') return outcome.error;
  switch (outcome) {
    case 'declined':
      return new SecurityError('human_declined', 'The human declined.', {
        hint: 'Do not ask again unless they want it; ask them how to go on.',
      });
    case 'withdrawn':
      return new SecurityError('cancelled', 'The page was withdrawn before it was used.', {
        hint: 'Call again if it is still wanted.',
      });
    case 'expired':
      return new SecurityError('human_timeout', 'The page expired before the human used it.', {
        hint: 'Ask whether they are there, then call again for a new page.',
      });
  }
}
