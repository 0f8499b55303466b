/** OCSP (RFC 6960, nonce of RFC 9654): the request for one certificate, and what a response says of it. */

import { createHash } from 'node:crypto';

import { equalBytes } from '../bytes.js';
import { contextTag, TAG } from './der.js';
import { findSigner } from './ocsp-signer.js';
import { parseOcspResponse, type BasicResponse, type CertId, type SingleResponse } from './ocsp-response.js';
import type { Certificate } from './parse.js';
import {
  conclude,
  isInFuture,
  type GoodAnswer,
  type Moment,
  type RevokedAnswer,
  type UnknownAnswer,
} from './revocation-answer.js';

/** Why a response says nothing about the certificate. */
export const OCSP_EXPLANATIONS = {
  too_large: 'The OCSP response is larger than 64 KiB.',
  malformed: 'The OCSP response cannot be read.',
  malformed_request: 'The OCSP responder says that it did not understand the request.',
  internal_error: 'The OCSP responder says that it has an internal error.',
  try_later: 'The OCSP responder says that it cannot answer now, and to try later.',
  sig_required: 'The OCSP responder answers signed requests only.',
  unauthorized: 'The OCSP responder says that it may not answer for this certificate.',
  unsupported_type: 'The OCSP response is of a type that is not known here.',
  unsupported_hash: 'The OCSP response names the certificate with a hash function that is not accepted.',
  other_serial: 'The OCSP response is about another certificate.',
  other_issuer_name: 'The OCSP response is about a certificate of an issuer of another name.',
  other_issuer_key: 'The OCSP response is about a certificate of an issuer with another key.',
  signer_unknown: 'The OCSP response is signed by somebody whose certificate is not in it and who is not the issuer.',
  signer_not_issued: 'The signer of the OCSP response was not appointed by the issuer of the certificate.',
  signer_not_valid: 'The certificate of the signer of the OCSP response has expired or is not valid yet.',
  signer_purpose: 'The certificate of the signer of the OCSP response is not for signing OCSP responses.',
  signer_key_usage: 'The key usage of the signer of the OCSP response does not allow signatures.',
  signer_weak: 'The signer of the OCSP response has a weak key or a weakly signed certificate.',
  signer_malformed: 'The certificate of the signer of the OCSP response holds something that must not be ignored.',
  weak_signature: 'The OCSP response is signed with an algorithm that is not accepted.',
  signature_invalid: 'The signature of the OCSP response is wrong.',
  unknown_critical_extension: 'The OCSP response has a critical extension that must not be ignored.',
  nonce_mismatch: 'The OCSP response answers another request: its nonce differs.',
  produced_implausibly: 'The OCSP response says that it was signed in the future, or after it ended.',
  times_implausible: 'The OCSP response ends before it begins.',
  not_yet_valid: 'The OCSP response is dated in the future: one of the clocks is wrong.',
  expired: 'The OCSP response has expired.',
  too_old: 'The OCSP response has no end and is more than ten days old.',
  certificate_expired: 'The OCSP response is from after the certificate expired, when its status is no longer kept.',
  unknown_to_responder: 'The OCSP responder does not know the certificate.',
} as const;
export type OcspCode = keyof typeof OCSP_EXPLANATIONS;

/** Hash functions of CertID, by their object identifiers. SHA-1 is as good as any here: it is a label, not a proof. */
const CERT_ID_HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** Their AlgorithmIdentifiers as they are asked with. The NULL is what responders are used to. */
const ALGORITHMS = {
  sha1: Buffer.from('300906052b0e03021a0500', 'hex'),
  sha256: Buffer.from('300d06096086480165030402010500', 'hex'),
} as const;
export type CertIdHash = keyof typeof ALGORITHMS;

const NONCE = '1.3.6.1.5.5.7.48.1.2';
const NONCE_OID = Buffer.from('06092b0601050507300102', 'hex');
/** RFC 9654 section 2.1 lets a nonce be longer; responders of RFC 8954 take no more than these. */
export const NONCE_BYTES = { min: 1, max: 32 } as const;

function encode(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const octets: number[] = [];
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  const length = content.length < 0x80 ? [content.length] : [0x80 | octets.length, ...octets];
  return Buffer.concat([Uint8Array.of(tag, ...length), content]);
}

/** The DER of an OCSPRequest for one certificate, to be sent with POST. Throws RangeError for a nonce of an odd size. */
export function ocspRequest(
  certificate: Certificate,
  issuer: Certificate,
  { hash, nonce }: { hash: CertIdHash; nonce?: Uint8Array },
): Uint8Array {
  if (nonce !== undefined && (nonce.length < NONCE_BYTES.min || nonce.length > NONCE_BYTES.max))
    throw new RangeError('An OCSP nonce has 1 to 32 octets.');
  const id = encode(
    TAG.sequence,
    ALGORITHMS[hash],
    encode(TAG.octetString, digest(hash, certificate.issuer.der)),
    encode(TAG.octetString, digest(hash, issuer.keyBits)),
    encode(TAG.integer, certificate.serial),
  );
  const list = encode(TAG.sequence, encode(TAG.sequence, id));
  if (nonce === undefined) return encode(TAG.sequence, encode(TAG.sequence, list));
  const extension = encode(TAG.sequence, NONCE_OID, encode(TAG.octetString, encode(TAG.octetString, nonce)));
  const extensions = encode(contextTag(2, true), encode(TAG.sequence, extension));
  return encode(TAG.sequence, encode(TAG.sequence, list, extensions));
}

function digest(hash: string, bytes: Uint8Array): Uint8Array {
  return createHash(hash).update(bytes).digest();
}

export interface OcspQuestion {
  certificate: Certificate;
  /** Whose key signed the certificate. */
  issuer: Certificate;
  /** The time that is asked about. */
  at: Date;
  /** The clock, where `at` is another time; `at` by default. */
  now?: Date;
  /** What was sent with the request. */
  nonce?: Uint8Array;
}

export type OcspAnswer =
  /** `signer`: who signed in the issuer's place, where it was not the issuer. */
  ((GoodAnswer | RevokedAnswer) & { signer: Certificate | null }) | UnknownAnswer<OcspCode>;

/** What the response says of the certificate. Never throws, whatever the bytes are. */
export function readOcspResponse(der: Uint8Array, question: OcspQuestion): OcspAnswer {
  const { certificate, issuer, at, now = at, nonce } = question;
  const response = parseOcspResponse(der);
  if (typeof response === 'string') return unknown(response);
  const singles = selectSingles(response.responses, certificate, issuer);
  if (typeof singles === 'string') return unknown(singles);

  // A response from after `at` was signed with a certificate that was valid then.
  const signedBy = findSigner(response, issuer, response.producedAt > at ? response.producedAt : at);
  if (typeof signedBy === 'string') return unknown(signedBy);
  const refusal = responseProblem(response, nonce);
  if (refusal !== null) return unknown(refusal);
  const answers = singles.map((single) => judgeSingle(single, response.producedAt, certificate, { at, now }));
  const answer =
    answers.find(({ status }) => status === 'revoked') ??
    answers.find(({ status }) => status === 'unknown') ??
    answers[0];
  if (answer === undefined) return unknown('other_serial');
  return answer.status === 'unknown' ? answer : { ...answer, ...signedBy };
}

function unknown(code: OcspCode): UnknownAnswer<OcspCode> {
  return { status: 'unknown', code, explanation: OCSP_EXPLANATIONS[code] };
}

/** The answers about the certificate, or how the nearest one misses it. More than one is odd, but not forbidden. */
function selectSingles(
  responses: readonly SingleResponse[],
  certificate: Certificate,
  issuer: Certificate,
): SingleResponse[] | OcspCode {
  const problems = responses.map(({ id }) => idProblem(id, certificate, issuer));
  const fitting = responses.filter((_, i) => problems[i] === null);
  if (fitting.length > 0) return fitting;
  return problems.find((problem) => problem !== null && problem !== 'other_serial') ?? 'other_serial';
}

/** CertID (RFC 6960 section 4.1.1) must be right in all three parts: serial numbers alone are no names. */
function idProblem(id: CertId, certificate: Certificate, issuer: Certificate): OcspCode | null {
  if (!equalBytes(id.serial, certificate.serial)) return 'other_serial';
  const hash = CERT_ID_HASHES[id.hash];
  if (hash === undefined) return 'unsupported_hash';
  if (!equalBytes(id.issuerNameHash, digest(hash, certificate.issuer.der))) return 'other_issuer_name';
  return equalBytes(id.issuerKeyHash, digest(hash, issuer.keyBits)) ? null : 'other_issuer_key';
}

/** A nonce may be missing: most responders sign in advance (RFC 9654 section 3). A wrong one is a replay. */
function responseProblem({ extensions }: BasicResponse, nonce: Uint8Array | undefined): OcspCode | null {
  if (extensions.some(({ oid, critical }) => critical && oid !== NONCE)) return 'unknown_critical_extension';
  const echoed = extensions.find(({ oid }) => oid === NONCE);
  if (nonce === undefined || echoed === undefined) return null;
  return equalBytes(echoed.value, encode(TAG.octetString, nonce)) ? null : 'nonce_mismatch';
}

function judgeSingle(
  single: SingleResponse,
  producedAt: Date,
  certificate: Certificate,
  moment: Moment,
): GoodAnswer | RevokedAnswer | UnknownAnswer<OcspCode> {
  const { status, thisUpdate, nextUpdate, extensions } = single;
  if (extensions.some(({ critical }) => critical)) return unknown('unknown_critical_extension');
  if (status === 'unknown') return unknown('unknown_to_responder');
  const revocation = status === 'good' ? null : status;
  const answer = conclude({ thisUpdate, nextUpdate, revocation }, certificate, moment);
  if (typeof answer === 'string') return unknown(answer);
  const implausible = isInFuture(producedAt, moment) || (nextUpdate !== null && producedAt > nextUpdate);
  return answer.status === 'good' && implausible ? unknown('produced_implausibly') : answer;
}
