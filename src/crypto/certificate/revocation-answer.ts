/**
 * What an OCSP response (RFC 6960) or a CRL (RFC 5280 section 5) says of one certificate, and the rules both share: when a
 * statement is of the right time, and what a revocation means for an earlier moment.
 */

import type { Certificate } from './parse.js';

const REASONS = {
  0: 'unspecified',
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  8: 'removeFromCRL',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
} as const;

/** The names of CRLReason (RFC 5280 section 5.3.1). */
export type RevocationReason = (typeof REASONS)[keyof typeof REASONS];

/** The name of a CRLReason. A number that is none says as much as no reason: the certificate is revoked all the same. */
export function reasonOf(code: number): RevocationReason {
  return (REASONS as Readonly<Record<number, RevocationReason>>)[code] ?? 'unspecified';
}

/** Why a source could not tell; the code is of the table of its kind. */
export interface UnknownAnswer<Code extends string = string> {
  status: 'unknown';
  code: Code;
  /** One or two constant sentences. */
  explanation: string;
}

export interface GoodAnswer {
  status: 'good';
  /** When the statement says that newer information will be there. */
  until: Date | null;
  /** Revoked by now, but not yet at the time that was asked about. */
  revokedLater?: { at: Date; reason: RevocationReason };
}

export interface RevokedAnswer {
  status: 'revoked';
  at: Date;
  reason: RevocationReason;
  until: Date | null;
}

export type RevocationAnswer<Code extends string = string> = GoodAnswer | RevokedAnswer | UnknownAnswer<Code>;

export interface Revocation {
  at: Date;
  reason: RevocationReason;
  /** Since when the key may have been in other hands (invalidityDate), where the issuer says so. */
  invalidAt: Date | null;
}

/** What a signed source says of a certificate. */
export interface Statement {
  thisUpdate: Date;
  nextUpdate: Date | null;
  /** Null: not revoked. */
  revocation: Revocation | null;
}

export interface Moment {
  /** The time that is asked about. */
  at: Date;
  /** The clock, where `at` is another time. */
  now: Date;
}

/** How far clocks may differ: a statement may be dated so much after our time. None is granted to nextUpdate. */
export const CLOCK_TOLERANCE_SECONDS = 60;

/**
 * How old a statement without nextUpdate may be: the longest that the Baseline Requirements (section 4.9.10) let an OCSP
 * response for a subscriber live.
 */
export const MAX_AGE_DAYS = 10;

const DAY_MS = 86_400_000;

export const STALE_CODES = ['times_implausible', 'not_yet_valid', 'expired', 'too_old', 'certificate_expired'] as const;
export type StaleCode = (typeof STALE_CODES)[number];

/** Whether `date` lies after everything that is known to have passed. */
export function isInFuture(date: Date, { at, now }: Moment): boolean {
  return date.getTime() > Math.max(at.getTime(), now.getTime()) + CLOCK_TOLERANCE_SECONDS * 1_000;
}

/**
 * Why a statement tells nothing for the moment, or null. One from after `at` does tell: whoever knows more now also knew of
 * every revocation before. One that ended before `at` does not.
 */
function staleness({ thisUpdate, nextUpdate }: Statement, moment: Moment): StaleCode | null {
  if (nextUpdate !== null && nextUpdate < thisUpdate) return 'times_implausible';
  if (isInFuture(thisUpdate, moment)) return 'not_yet_valid';
  if (nextUpdate !== null) return moment.at > nextUpdate ? 'expired' : null;
  return moment.at.getTime() - thisUpdate.getTime() > MAX_AGE_DAYS * DAY_MS ? 'too_old' : null;
}

/** Revocations of these reasons say that the key was fine before. Without a reason, a compromise cannot be ruled out. */
const HARMLESS_BEFORE: ReadonlySet<RevocationReason> = new Set([
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'privilegeWithdrawn',
]);

/**
 * Whether the certificate still counted at `at`, before its revocation. Only where the source tells of the past (a date after
 * its own thisUpdate is a mistake, and the certificate is listed as revoked) and no compromise may lie behind it.
 */
function wasGoodBefore({ at: revokedAt, reason, invalidAt }: Revocation, thisUpdate: Date, at: Date): boolean {
  if (at >= revokedAt || revokedAt.getTime() > thisUpdate.getTime() + CLOCK_TOLERANCE_SECONDS * 1_000) return false;
  return HARMLESS_BEFORE.has(reason) && (invalidAt === null || invalidAt > at);
}

/** A hold can be lifted; every other revocation is for good (RFC 5280 section 5.3.1). */
export function isPermanent(reason: RevocationReason): boolean {
  return reason !== 'certificateHold' && reason !== 'removeFromCRL';
}

/** What an authentic statement means for the certificate at the moment, or why it means nothing. */
export function conclude(
  statement: Statement,
  certificate: Certificate,
  moment: Moment,
): GoodAnswer | RevokedAnswer | StaleCode {
  const { thisUpdate, nextUpdate: until, revocation } = statement;
  const stale = staleness(statement, moment);
  if (revocation !== null && !wasGoodBefore(revocation, thisUpdate, moment.at)) {
    const { at, reason } = revocation;
    // What is revoked for good stays revoked, however old the statement is.
    return stale === null || isPermanent(reason) ? { status: 'revoked', at, reason, until } : stale;
  }
  if (stale !== null) return stale;
  if (revocation !== null) {
    const { at, reason } = revocation;
    return { status: 'good', until, revokedLater: { at, reason } };
  }
  // Issuers drop a certificate from their records once it has expired (RFC 5280 section 3.3).
  return thisUpdate > certificate.notAfter ? 'certificate_expired' : { status: 'good', until };
}
