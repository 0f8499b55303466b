/**
 * Asks the sources that a certificate names: its OCSP responder (RFC 6960 appendix A) and its CRL distribution points (RFC 5280
 * section 4.2.1.13). Whatever comes back is judged like any other evidence.
 */

import { createHash } from 'node:crypto';

import type { Random } from '../random.js';
import { CRL_LIMITS } from './crl-list.js';
import { checkCrl, CRL_EXPLANATIONS, readCrl, splitCrls, type CrlAnswer } from './crl.js';
import { OCSP_LIMITS } from './ocsp-response.js';
import type { CertificateFetcher, FailedFetch } from './fetcher.js';
import { NONCE_BYTES, ocspRequest, readOcspResponse, type OcspAnswer, type OcspCode } from './ocsp.js';
import type { Certificate, DistributionPoint } from './parse.js';
import type { UnknownAnswer } from './revocation-answer.js';
import type { RevocationCache } from './revocation-cache.js';

export interface FetchContext {
  at: Date;
  now: Date;
  fetcher: CertificateFetcher;
  cache: RevocationCache;
  random: Random;
  signal: AbortSignal;
}

export interface Subject {
  certificate: Certificate;
  /** Whose key signed it. */
  issuer: Certificate;
}

/** Addresses asked of each kind. */
export const MAX_URLS = 2;

/** An answer that another CertID hash may change: responders that were set up for one of them know no certificate by the other. */
const ASK_AGAIN: ReadonlySet<OcspCode> = new Set(['malformed_request', 'unauthorized', 'unknown_to_responder']);

export function ocspAddresses({ ocspUrls }: Certificate): string[] {
  return ocspUrls.filter(isFetchable).slice(0, MAX_URLS);
}

export interface CrlAddress {
  url: string;
  point: DistributionPoint;
}

/** The first address of each point before second ones: points may hold different lists, the names of one the same. */
export function crlAddresses({ distributionPoints }: Certificate): CrlAddress[] {
  const byPoint = distributionPoints.map((point) =>
    point.fullName.flatMap((name) =>
      name.type === 'uri' && isFetchable(name.value) ? [{ url: name.value, point }] : [],
    ),
  );
  return [...byPoint.flatMap((list) => list.slice(0, 1)), ...byPoint.flatMap((list) => list.slice(1))].slice(
    0,
    MAX_URLS,
  );
}

function isFetchable(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

/** Asks an OCSP responder, with the SHA-1 CertID that all know, then with SHA-256 where that may help. */
export async function askOcsp(
  url: string,
  { certificate, issuer }: Subject,
  { at, now, fetcher, cache, random, signal }: FetchContext,
): Promise<OcspAnswer | UnknownAnswer> {
  const key = cacheKey('ocsp', url, issuer, certificate.serial);
  const question = { certificate, issuer, at, now };
  const kept = cache.get(key, now);
  if (kept !== null) {
    const answer = readOcspResponse(kept, question);
    if (answer.status !== 'unknown') return answer;
  }
  let answer: OcspAnswer | UnknownAnswer = cancelled();
  for (const hash of ['sha1', 'sha256'] as const) {
    if (signal.aborted) return answer;
    const nonce = random(NONCE_BYTES.max);
    const body = ocspRequest(certificate, issuer, { hash, nonce });
    const fetched = await fetcher.fetch({ url, kind: 'ocsp', body, maxBytes: OCSP_LIMITS.bytes, signal });
    if ('fault' in fetched) return unfetched('OCSP response', fetched);
    const judged = readOcspResponse(fetched.bytes, { ...question, nonce });
    if (judged.status !== 'unknown') {
      cache.set(key, fetched.bytes, judged.until, now);
      return judged;
    }
    answer = judged;
    if (!ASK_AGAIN.has(judged.code)) return answer;
  }
  return answer;
}

const DER_SEQUENCE = 0x30;
/** RFC 5280 section 4.2.1.13 wants DER under http. Text costs several times its size to decode. */
const MAX_PEM_BYTES = 1_048_576;

/** Fetches a CRL. */
export async function askCrl(
  { url, point }: CrlAddress,
  { certificate, issuer }: Subject,
  { at, now, fetcher, cache, signal }: FetchContext,
): Promise<CrlAnswer | UnknownAnswer> {
  const key = cacheKey('crl', url, issuer, null);
  const judge = (bytes: Uint8Array): CrlAnswer => {
    if (bytes.length > (bytes[0] === DER_SEQUENCE ? CRL_LIMITS.bytes : MAX_PEM_BYTES)) return tooLarge();
    // Some servers give the PEM form.
    const crl = readCrl(splitCrls(bytes)[0] ?? bytes);
    return checkCrl(crl, { certificate, issuer, at, now, distributionPoint: point });
  };
  const kept = cache.get(key, now);
  if (kept !== null) {
    const answer = judge(kept);
    if (isUsable(answer)) return answer;
  }
  if (signal.aborted) return cancelled();
  const fetched = await fetcher.fetch({ url, kind: 'crl', maxBytes: CRL_LIMITS.bytes, signal });
  if ('fault' in fetched) return unfetched('revocation list (CRL)', fetched);
  const answer = judge(fetched.bytes);
  const isKept = isUsable(answer) && cache.set(key, fetched.bytes, answer.until, now);
  if (!isKept) fetched.release?.();
  return answer;
}

type Usable = Extract<CrlAnswer, { until: Date | null }>;

function isUsable(answer: CrlAnswer): answer is Usable {
  return answer.status !== 'unknown' || answer.code === 'some_reasons';
}

/** What is under an address is kept for the issuer whose signature it bears, and for the certificate that was asked for. */
function cacheKey(kind: 'ocsp' | 'crl', url: string, issuer: Certificate, serial: Uint8Array | null): string {
  const hash = createHash('sha256').update(issuer.subject.der).update(issuer.spki);
  if (serial !== null) hash.update(serial);
  return `${kind} ${hash.digest('base64')} ${url}`;
}

function tooLarge(): CrlAnswer {
  return { status: 'unknown', code: 'too_large', explanation: CRL_EXPLANATIONS.too_large };
}

function cancelled(): UnknownAnswer {
  return {
    status: 'unknown',
    code: 'cancelled',
    explanation: 'The time was over before revocation could be found out.',
  };
}

/** `explanation` is a constant sentence of the fetcher. */
function unfetched(what: string, { fault, explanation }: FailedFetch): UnknownAnswer {
  return { status: 'unknown', code: fault, explanation: `The ${what} could not be fetched. ${explanation}` };
}
