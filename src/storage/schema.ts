/**
 * The tables, as the queries see them: the same names, types and meaning on SQLite and PostgreSQL. The statements that make
 * them stand in migrations.ts. Times are whole milliseconds since 1970 of the store's clock (`Store.now`), JSON is text.
 * There are no boolean, date and JSON columns: those three differ between the engines.
 *
 * The rows of `attempts` are only changed by whoever has locked them, with an upsert that is the same on both engines
 * (attempts.ts); what is decided meanwhile is in attempt-rules.ts.
 */

export type KeyVersionState = 'enabled' | 'disabled' | 'destroy_scheduled' | 'destroyed';

export interface MetaTable {
  /** `schema_version`, `store_id`, and those of master-key.ts. */
  name: string;
  value: string;
}

export interface KeysTable {
  name: string;
  purpose: string;
  algorithm: string;
  created_at: number;
  rotate_after_days: number | null;
  /** The operator's policy as JSON. */
  policy: string | null;
  primary_version: number;
}

export interface KeyVersionsTable {
  name: string;
  version: number;
  /** `name.version`, never reused: a destroyed version keeps its row. */
  key_id: string;
  state: KeyVersionState;
  created_at: number;
  destroy_after: number | null;
  public_jwk: string | null;
  /** The private part as `Vault.wrap` gives it; null once destroyed. */
  wrapped: Uint8Array | null;
}

export interface AttemptsTable {
  /** A keyed fingerprint: it tells nothing about what is guessed at. */
  subject: string;
  /** The last charges that were not given back, newest first, as JSON: `[time, id, 1 while the outcome is unknown]`. */
  charges: string;
  consecutive_failures: number;
  blocked_until: number;
  /** When it was last touched; what has been idle for long may be forgotten. */
  updated_at: number;
}

export interface AuditEntriesTable {
  /** 1, 2, 3 and so on without a gap, over all segments. */
  sequence: number;
  segment: number;
  time: number;
  boot_id: string;
  session: string;
  tool: string;
  caller: string;
  outcome: string | null;
  code: string | null;
  /** The whole entry as canonical JSON: what `mac` covers. The columns beside it only serve to find it. */
  entry: string;
  mac: Uint8Array;
}

export interface AuditSegmentsTable {
  segment: number;
  first_sequence: number;
  /** The latest so far; null while there is none. The segment is open as long as `sealed_at` is null. */
  last_sequence: number | null;
  /** The MAC of its latest entry, which the next one goes on from. Its row is the lock of whoever appends. */
  head: Uint8Array;
  /** Ed25519, once the segment is sealed. */
  signature: Uint8Array | null;
  created_at: number;
  sealed_at: number | null;
  /** When its entries were written elsewhere. */
  exported_at: number | null;
  /** When its entries were dropped after an export. */
  dropped_at: number | null;
}

export interface SecretsTable {
  name: string;
  /** Counts what was kept under the name: a former value cannot be put back. */
  version: number;
  kind: string;
  origin: string;
  /** 1: the value was in an answer to the model, or came from it. */
  shown: number;
  created_at: number;
  expires_at: number | null;
  /** Set by a deletion, which can be undone for seven days. */
  deleted_at: number | null;
  entropy_bits: number | null;
  fingerprint: string;
  /** The value as `Vault.wrap` gives it. */
  wrapped: Uint8Array;
}

export interface ClockTable {
  /** Always 1. */
  id: number;
  /** The latest time ever seen. */
  latest: number;
}

export interface Database {
  meta: MetaTable;
  keys: KeysTable;
  key_versions: KeyVersionsTable;
  attempts: AttemptsTable;
  audit_entries: AuditEntriesTable;
  audit_segments: AuditSegmentsTable;
  clock: ClockTable;
  secrets: SecretsTable;
}
