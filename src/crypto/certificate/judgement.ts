/** The judgement of a certificate: its checks in their fixed order, each with a code, an explanation and a remedy (CONTRACT). */

export const CHECK_NAMES = [
  'connection',
  'protocol',
  'chain',
  'hostname',
  'validity',
  'purpose',
  'key',
  'signature',
  'lifetime',
  'revocation',
  'stapling',
  'pin',
] as const;
export type CheckName = (typeof CHECK_NAMES)[number];

export const CHECK_STATUSES = ['pass', 'fail', 'warn', 'unknown', 'skipped'] as const;
export type CheckStatus = (typeof CHECK_STATUSES)[number];

export const VERDICTS = ['trusted', 'untrusted', 'undetermined'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Check {
  check: CheckName;
  status: CheckStatus;
  /** A stable name of what was found: `ok`, `expired`, `hostname_mismatch`, ... */
  code: string;
  /** One or two sentences for a person. Text from certificates in it is escaped and bounded. */
  explanation: string;
  /** What to do about it. */
  remedy?: string;
}

/** A check with what the summary says of it, where its own texts are more than one sentence. That stays inside. */
export interface CheckDraft extends Check {
  /** One sentence. */
  headline?: string;
  /** The first thing to do, as one sentence. */
  action?: string;
}

export interface ChainEntry {
  subject: string;
  issuer: string;
  /** Lower-case hexadecimal. */
  serial: string;
  /** RFC 3339, UTC. */
  not_before: string;
  not_after: string;
  /** Such as `RSA 2048`, `EC P-256`, `Ed25519`. */
  key: string;
  signature_algorithm: string;
  /** Base64 of the SHA-256 of the SubjectPublicKeyInfo, as pins are written. */
  spki_sha256: string;
  /** Lower-case hexadecimal SHA-256 of the certificate. */
  sha256: string;
  /** Subject alternative names, of the leaf. */
  names?: string[];
}

export interface Judgement {
  target: string;
  verdict: Verdict;
  /** One sentence in plain words. */
  summary: string;
  checks: Check[];
  /** The best path found, leaf first. */
  chain: ChainEntry[];
  not_after: string | null;
  days_remaining: number | null;
}
