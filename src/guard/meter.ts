/** What the pipeline counts, for whoever measures. Nothing that a caller chose goes there: tools of the catalogue, codes of ours, numbers. */

import type { ErrorCode } from '../crypto/errors.js';
import type { Outcome } from './audit.js';

/** Which limit held a call up. */
export type LimitKind = 'calls' | 'guesses' | 'queue';

export interface Meter {
  /** A call has come to its end, which the audit holds. */
  ended(tool: string, outcome: Outcome, code: ErrorCode | undefined, seconds: number): void;
  limited(tool: string, limit: LimitKind): void;
  /** A call of a tool that is none: its name is not told. */
  unknown(): void;
}

/** How full the pipeline is. */
export interface Load {
  running: number;
  waiting: number;
}
