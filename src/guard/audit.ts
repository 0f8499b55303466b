/** What the audit log holds of a call, and the sink it goes to. */

import type { ErrorCode } from '../crypto/errors.js';

export type Outcome = 'ok' | 'refused' | 'failed' | 'cancelled';

export interface AuditEntry {
  event: 'asked' | 'answered';
  /** RFC 3339, UTC. */
  time: string;
  /** One server process. */
  boot_id: string;
  /** One call; `asked` and `answered` share it. */
  call_id: string;
  tool: string;
  /** What the client calls itself, escaped and bounded. */
  caller: string;
  /** Allow-listed fields of the parsed input. */
  fields?: Record<string, string | number | boolean>;
  outcome?: Outcome;
  code?: ErrorCode;
  duration_ms?: number;
  /** Ids of keys and tokens, from the output. */
  ids?: Record<string, string>;
}

/** Where entries go. `append` resolves once the entry is written as durably as the sink can; it rejects otherwise. */
export interface AuditSink {
  append(entry: AuditEntry): Promise<void>;
}
