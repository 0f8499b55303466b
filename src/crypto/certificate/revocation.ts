/**
 * Whether the certificates of a path are revoked: the stapled OCSP response, what was given, what the certificates name. An
 * authentic `revoked` of any source wins, one `good` is enough, and whatever could not be found out stays `unknown`.
 */

import type { Random } from '../random.js';
import type { RevocationList } from './crl-list.js';
import { ALL_REASONS, checkCrl, readCrl, splitCrls, type CrlAnswer } from './crl.js';
import { readOcspResponse, type OcspAnswer } from './ocsp.js';
import type { CertificateFetcher } from './fetcher.js';
import type { Certificate } from './parse.js';
import type { RevocationReason, UnknownAnswer } from './revocation-answer.js';
import type { RevocationCache } from './revocation-cache.js';
import { askCrl, askOcsp, crlAddresses, ocspAddresses, type FetchContext, type Subject } from './revocation-fetch.js';

export { RevocationCache } from './revocation-cache.js';

/** What is looked at of each kind that was given. */
export const GIVEN_LIMITS = { crls: 32, ocspResponses: 16 } as const;
const MAX_REASONS = 8;

export type RevocationSource = 'staple' | 'ocsp' | 'crl';

export interface UnknownReason {
  source: RevocationSource | 'certificate';
  code: string;
  /** One or two constant sentences. */
  explanation: string;
}

export type RevocationStatus =
  | {
      status: 'good';
      source: RevocationSource;
      /** When newer information is due, where the source says so. */
      until: Date | null;
      /** Revoked by now, but not yet at the time that was asked about. */
      revokedLater?: { at: Date; reason: RevocationReason };
    }
  | { status: 'revoked'; source: RevocationSource; at: Date; reason: RevocationReason }
  | { status: 'unknown'; reasons: readonly UnknownReason[] }
  /** Revocation is no part of how the certificate is kept safe. */
  | { status: 'not_needed'; code: 'short_lived' | 'no_revocation_available'; explanation: string };

/** `required`: the certificate demands a stapled response (RFC 7633), so that `absent` is a fault. */
export type Stapling =
  | { status: 'absent'; required: boolean }
  | { status: 'good'; required: boolean }
  | { status: 'revoked'; required: boolean }
  | { status: 'invalid'; required: boolean; code: string; explanation: string };

export interface ChainRevocation {
  /** Of each certificate of the path but its last, the trust anchor, which nobody revokes. Leaf first. */
  certificates: readonly RevocationStatus[];
  stapling: Stapling;
}

export interface RevocationOptions {
  /** The time that is asked about. What was given is judged as if it were then; what is fetched or stapled may be newer. */
  at: Date;
  /** The clock. */
  now: Date;
  /** Null where nothing may be fetched; nothing that was kept is used then either. */
  fetcher: CertificateFetcher | null;
  cache: RevocationCache;
  random: Random;
  /** Ends all fetching. */
  signal: AbortSignal;
  staple?: Uint8Array;
  /** DER or PEM. */
  crls?: readonly Uint8Array[];
  ocspResponses?: readonly Uint8Array[];
}

interface Finding {
  source: RevocationSource;
  answer: OcspAnswer | CrlAnswer | UnknownAnswer;
}

/**
 * The revocation of a path (leaf first, anchor last), which must be a trusted one: fetching what an untrusted certificate names
 * would let anybody make us dial. Never rejects.
 */
export async function checkRevocation(
  path: readonly Certificate[],
  options: RevocationOptions,
): Promise<ChainRevocation> {
  const subjects = path.slice(0, -1).map((certificate, i) => ({ certificate, issuer: path[i + 1] as Certificate }));
  const crls = (options.crls ?? []).flatMap(splitGiven).slice(0, GIVEN_LIMITS.crls);
  const given = givenFindings(subjects, crls, options);
  const stapled = judgeStaple(path, options);
  if (stapled !== null && subjects.length > 0) given[0]?.unshift({ source: 'staple', answer: stapled });
  const certificates = await Promise.all(
    subjects.map((subject, position) => statusOf(subject, position, given[position] ?? [], crls, options)),
  );
  return { certificates, stapling: staplingOf(path[0], stapled) };
}

function splitGiven(bytes: Uint8Array): (RevocationList | null)[] {
  const parts = splitCrls(bytes);
  return parts.length === 0 ? [null] : parts.slice(0, GIVEN_LIMITS.crls).map(readCrl);
}

function judgeStaple(path: readonly Certificate[], { staple, at, now }: RevocationOptions): OcspAnswer | null {
  const [certificate, issuer = certificate] = path;
  if (staple === undefined || certificate === undefined || issuer === undefined) return null;
  return readOcspResponse(staple, { certificate, issuer, at, now });
}

function staplingOf(leaf: Certificate | undefined, answer: OcspAnswer | null): Stapling {
  const required = leaf?.mustStaple === true;
  if (answer === null) return { status: 'absent', required };
  if (answer.status !== 'unknown') return { status: answer.status, required };
  return { status: 'invalid', required, code: answer.code, explanation: answer.explanation };
}

/** Answers that only say that a piece of evidence is about other certificates. */
const FOREIGN: ReadonlySet<string> = new Set(['other_serial', 'other_issuer_name', 'other_issuer_key', 'wrong_issuer']);

/** What was given, judged for each certificate. What is about none of them is told of the leaf alone. */
function givenFindings(
  subjects: readonly Subject[],
  crls: readonly (RevocationList | null)[],
  { at, ocspResponses = [] }: RevocationOptions,
): Finding[][] {
  const judges = [
    ...ocspResponses.slice(0, GIVEN_LIMITS.ocspResponses).map((der) => (subject: Subject): Finding => ({
      source: 'ocsp',
      answer: readOcspResponse(der, { ...subject, at }),
    })),
    ...crls.map((crl) => (subject: Subject): Finding => ({ source: 'crl', answer: checkCrl(crl, { ...subject, at }) })),
  ];
  const table = judges.map((judge) => subjects.map(judge));
  return subjects.map((_, position) =>
    table.flatMap((row) => {
      const finding = row[position];
      if (finding === undefined) return [];
      return isForeign(finding) && (position > 0 || !row.every(isForeign)) ? [] : [finding];
    }),
  );
}

function isForeign({ answer }: Finding): boolean {
  return answer.status === 'unknown' && FOREIGN.has(answer.code);
}

async function statusOf(
  subject: Subject,
  position: number,
  given: readonly Finding[],
  crls: readonly (RevocationList | null)[],
  options: RevocationOptions,
): Promise<RevocationStatus> {
  const { certificate } = subject;
  const trusted = (finding: Finding): Finding => withoutRevokedSigner(finding, subject, crls, options.at);
  const findings = given.map(trusted);
  const settled = settle(findings) ?? (position === 0 ? notNeeded(certificate) : null);
  if (settled !== null) return settled;

  if (!namesSource(certificate)) return unknownStatus(findings, NO_SOURCE);
  const { fetcher, cache, random, signal, at, now } = options;
  if (fetcher === null) return unknownStatus(findings, NOT_FETCHED);
  const context: FetchContext = { at, now, fetcher, cache, random, signal };
  const asks = [
    ...ocspAddresses(certificate).map((url) => async (): Promise<Finding> => ({
      source: 'ocsp',
      answer: await askOcsp(url, subject, context),
    })),
    ...crlAddresses(certificate).map((address) => async (): Promise<Finding> => ({
      source: 'crl',
      answer: await askCrl(address, subject, context),
    })),
  ];
  if (asks.length === 0) return unknownStatus(findings, NO_ADDRESS);
  for (const ask of asks) {
    findings.push(trusted(await ask()));
    const status = settle(findings);
    if (status !== null) return status;
  }
  return unknownStatus(findings);
}

/** An OCSP signer on a list at hand does not count. Nothing is fetched about signers (RFC 6960 section 4.2.2.2.1 leaves it open). */
function withoutRevokedSigner(
  { source, answer }: Finding,
  { issuer }: Subject,
  crls: readonly (RevocationList | null)[],
  at: Date,
): Finding {
  if (answer.status === 'unknown' || !('signer' in answer) || answer.signer === null) return { source, answer };
  const certificate = answer.signer;
  if (!crls.some((crl) => checkCrl(crl, { certificate, issuer, at }).status === 'revoked')) return { source, answer };
  const explanation = 'The certificate of the signer of the OCSP response is revoked.';
  return { source, answer: { status: 'unknown', code: 'signer_revoked', explanation } };
}

/** The status where it is certain by what was found. */
function settle(findings: readonly Finding[]): RevocationStatus | null {
  for (const { source, answer } of findings)
    if (answer.status === 'revoked') return { status: 'revoked', source, at: answer.at, reason: answer.reason };
  for (const { source, answer } of findings) {
    if (answer.status !== 'good') continue;
    const { until, revokedLater } = answer;
    return { status: 'good', source, until, ...(revokedLater === undefined ? {} : { revokedLater }) };
  }
  // Lists that cover some reasons each are as good as one when they cover all together (RFC 5280 section 6.3.3).
  const partial = findings.flatMap(({ answer }) => ('coveredReasons' in answer ? [answer] : []));
  if (partial.reduce((covered, { coveredReasons }) => covered | coveredReasons, 0) !== ALL_REASONS) return null;
  const ends = partial.flatMap(({ until }) => (until === null ? [] : [until.getTime()]));
  return { status: 'good', source: 'crl', until: ends.length === 0 ? null : new Date(Math.min(...ends)) };
}

function unknownStatus(findings: readonly Finding[], ...more: readonly UnknownReason[]): RevocationStatus {
  const reasons = new Map<string, UnknownReason>();
  for (const { source, answer } of findings)
    if (answer.status === 'unknown') {
      const { code, explanation } = answer;
      reasons.set(`${source} ${code}`, { source, code, explanation });
    }
  return { status: 'unknown', reasons: [...reasons.values(), ...more].slice(0, MAX_REASONS) };
}

const NO_SOURCE: UnknownReason = {
  source: 'certificate',
  code: 'no_source',
  explanation: 'The certificate names neither an OCSP responder nor a revocation list (CRL).',
};
const NOT_FETCHED: UnknownReason = {
  source: 'certificate',
  code: 'not_fetched',
  explanation: 'What the certificate names for revocation was not fetched.',
};
const NO_ADDRESS: UnknownReason = {
  source: 'certificate',
  code: 'no_address',
  explanation: 'The certificate names no OCSP responder or revocation list (CRL) under an http or https address.',
};

function namesSource({ ocspUrls, distributionPoints }: Certificate): boolean {
  return ocspUrls.length > 0 || distributionPoints.length > 0;
}

const NO_REVOCATION_AVAILABLE = '2.5.29.56';
const DAY_MS = 86_400_000;
/** Short-lived Subscriber Certificate (Baseline Requirements section 1.6.1), by the day of issue, newest rule first. */
const SHORT_LIVES = [
  { from: Date.UTC(2026, 2, 15), days: 7 },
  { from: Number.NEGATIVE_INFINITY, days: 10 },
] as const;

/**
 * A leaf that names no source and needs none: one so short-lived that the Baseline Requirements (sections 4.9.1.1 and 7.1.2.11.2)
 * let its issuer do without, or one whose issuer says so (noRevAvail, RFC 9608).
 */
function notNeeded(certificate: Certificate): RevocationStatus | null {
  const { notBefore, notAfter, extensions, basicConstraints } = certificate;
  if (namesSource(certificate) || basicConstraints?.ca === true) return null;
  const days = SHORT_LIVES.find(({ from }) => notBefore.getTime() >= from)?.days ?? 0;
  // The second that the Requirements count at the end is given: whole days are what issuers write.
  if (notAfter.getTime() - notBefore.getTime() <= days * DAY_MS)
    return {
      status: 'not_needed',
      code: 'short_lived',
      explanation: 'The certificate is so short-lived that it expires sooner than a revocation would be noticed.',
    };
  if (extensions.some(({ oid }) => oid === NO_REVOCATION_AVAILABLE))
    return {
      status: 'not_needed',
      code: 'no_revocation_available',
      explanation: 'The issuer says in the certificate that it does not revoke such certificates (RFC 9608).',
    };
  return null;
}
