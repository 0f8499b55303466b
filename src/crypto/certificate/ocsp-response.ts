/** The structure of an OCSP response (RFC 6960 section 4.2.1): read as it was received, bounded, judged in `ocsp.ts`. */

import {
  attempt,
  contextTag,
  DerFault,
  DerReader,
  readBitBytes,
  readCount,
  readIntegerBytes,
  readOid,
  readOnly,
  readTime,
  readWhole,
  TAG,
  type Element,
} from './der.js';
import { readName, type DistinguishedName } from './names.js';
import { readAlgorithm, readExtensions, type AlgorithmIdentifier, type Extension } from './parse.js';
import { reasonOf, type Revocation } from './revocation-answer.js';

export const OCSP_LIMITS = {
  bytes: 65_536,
  /** Answers in one response; some responders send those of a whole batch. */
  responses: 256,
  certificates: 8,
} as const;

const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1';
const INVALIDITY_DATE = '2.5.29.24';

export interface CertId {
  hash: string;
  issuerNameHash: Uint8Array;
  issuerKeyHash: Uint8Array;
  serial: Uint8Array;
}

export interface SingleResponse {
  id: CertId;
  /** `unknown`: the responder does not know the certificate. */
  status: 'good' | 'unknown' | Revocation;
  thisUpdate: Date;
  nextUpdate: Date | null;
  extensions: readonly Extension[];
}

export interface BasicResponse {
  /** What is signed. */
  tbs: Uint8Array;
  responder: { name: DistinguishedName } | { keyHash: Uint8Array };
  producedAt: Date;
  responses: readonly SingleResponse[];
  extensions: readonly Extension[];
  signatureAlgorithm: AlgorithmIdentifier;
  signature: Uint8Array;
  /** The certificates sent along, unread. */
  certificates: readonly Uint8Array[];
}

/** OCSPResponseStatus other than successful; 4 is not used. */
const STATUSES = {
  1: 'malformed_request',
  2: 'internal_error',
  3: 'try_later',
  5: 'sig_required',
  6: 'unauthorized',
} as const;
export type ResponseProblem = (typeof STATUSES)[keyof typeof STATUSES] | 'malformed' | 'unsupported_type' | 'too_large';

/** Reads an OCSPResponse: the basic response in it, or why there is none. */
export function parseOcspResponse(der: Uint8Array): BasicResponse | ResponseProblem {
  if (der.length > OCSP_LIMITS.bytes) return 'too_large';
  const read = attempt(() => {
    const outer = readWhole(der, TAG.sequence);
    const status = readCount(outer.next(TAG.enumerated));
    const body = outer.optional(contextTag(0, true));
    outer.end();
    if (status !== 0) return (STATUSES as Readonly<Record<number, ResponseProblem>>)[status] ?? 'malformed';
    if (body === null) return 'malformed';
    const bytes = readWhole(body.content, TAG.sequence);
    const type = readOid(bytes.next(TAG.oid));
    const basic = bytes.next(TAG.octetString).content;
    bytes.end();
    return type === BASIC_RESPONSE ? readBasicResponse(basic) : 'unsupported_type';
  });
  return read ?? 'malformed';
}

function readBasicResponse(der: Uint8Array): BasicResponse {
  const outer = readWhole(der, TAG.sequence);
  const tbs = outer.next(TAG.sequence);
  const signatureAlgorithm = readAlgorithm(outer.next());
  const signature = readBitBytes(outer.next(TAG.bitString));
  const wrapped = outer.optional(contextTag(0, true));
  outer.end();
  const certificates =
    wrapped === null ? [] : readList(readWhole(wrapped.content, TAG.sequence), wholeOf, 'certificates');

  const reader = new DerReader(tbs.content);
  const version = reader.optional(contextTag(0, true));
  // Only v1 is defined. DER leaves the default out, and yet some responders write it.
  if (version !== null && readCount(readOnly(version.content, TAG.integer)) !== 0) throw new DerFault();
  const responder = readResponder(reader.next());
  const producedAt = readTime(reader.next(TAG.generalizedTime));
  const responses = readList(reader.into(TAG.sequence), readSingle, 'responses');
  const extensions = readUniqueExtensions(reader.optional(contextTag(1, true)));
  reader.end();
  return { tbs: tbs.whole, responder, producedAt, responses, extensions, signatureAlgorithm, signature, certificates };
}

function readList<T>(reader: DerReader, read: (element: Element) => T, kind: 'responses' | 'certificates'): T[] {
  const list: T[] = [];
  while (!reader.done) {
    if (list.length >= OCSP_LIMITS[kind]) throw new DerFault();
    list.push(read(reader.next(TAG.sequence)));
  }
  return list;
}

function wholeOf({ whole }: Element): Uint8Array {
  return whole;
}

function readResponder(element: Element): BasicResponse['responder'] {
  if (element.tag === contextTag(1, true)) return { name: readName(element.content) };
  if (element.tag === contextTag(2, true)) return { keyHash: readOnly(element.content, TAG.octetString).content };
  throw new DerFault();
}

function readUniqueExtensions(element: Element | null): Extension[] {
  const extensions = element === null ? [] : readExtensions(element.content);
  if (new Set(extensions.map(({ oid }) => oid)).size < extensions.length) throw new DerFault();
  return extensions;
}

function readSingle({ content }: Element): SingleResponse {
  const reader = new DerReader(content);
  const id = readCertId(reader.into(TAG.sequence));
  const status = reader.next();
  const thisUpdate = readTime(reader.next(TAG.generalizedTime));
  const next = reader.optional(contextTag(0, true));
  const extensions = readUniqueExtensions(reader.optional(contextTag(1, true)));
  reader.end();
  return {
    id,
    status: readStatus(status, extensions),
    thisUpdate,
    nextUpdate: next === null ? null : readTime(readOnly(next.content, TAG.generalizedTime)),
    extensions,
  };
}

function readCertId(reader: DerReader): CertId {
  const hash = readAlgorithm(reader.next()).oid;
  const issuerNameHash = reader.next(TAG.octetString).content;
  const issuerKeyHash = reader.next(TAG.octetString).content;
  const serial = readIntegerBytes(reader.next(TAG.integer));
  reader.end();
  return { hash, issuerNameHash, issuerKeyHash, serial };
}

function readStatus({ tag, content }: Element, extensions: readonly Extension[]): SingleResponse['status'] {
  if (tag === contextTag(0, false) && content.length === 0) return 'good';
  if (tag === contextTag(2, false) && content.length === 0) return 'unknown';
  if (tag !== contextTag(1, true)) throw new DerFault();
  const reader = new DerReader(content);
  const at = readTime(reader.next(TAG.generalizedTime));
  const reason = reader.optional(contextTag(0, true));
  reader.end();
  const invalidity = extensions.find(({ oid }) => oid === INVALIDITY_DATE);
  return {
    at,
    reason: reason === null ? 'unspecified' : reasonOf(readCount(readOnly(reason.content, TAG.enumerated))),
    invalidAt: invalidity === undefined ? null : readTime(readOnly(invalidity.value)),
  };
}
