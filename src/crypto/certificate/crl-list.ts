/**
 * The structure of a certificate revocation list (RFC 5280 section 5.1), all but its entries: those are a slice of the received
 * bytes until somebody looks for one of them (`crl-entries.ts`).
 */

import { equalBytes, fromUtf8 } from '../bytes.js';
import { pemBlocks, pemBytes } from '../pem.js';
import {
  attempt,
  contextTag,
  DerFault,
  DerReader,
  readBitBytes,
  readBoolean,
  readCount,
  readNamedBits,
  readTime,
  readWhole,
  TAG,
  type Element,
} from './der.js';
import { readName, type DistinguishedName } from './names.js';
import {
  OID,
  readAlgorithm,
  readDistributionPointName,
  readExtensions,
  type AlgorithmIdentifier,
  type DistributionPoint,
  type Extension,
} from './parse.js';

export const CRL_LIMITS = {
  bytes: 10_485_760,
  /** All but the entries is small; what is not is there to cost memory. */
  issuerBytes: 16_384,
  extensionBytes: 262_144,
} as const;

export const CRL_OID = {
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
} as const;

/** IssuingDistributionPoint (RFC 5280 section 5.2.5): what the list is for. */
export interface CrlScope extends Pick<DistributionPoint, 'fullName' | 'relative'> {
  onlyUserCertificates: boolean;
  onlyCaCertificates: boolean;
  onlyAttributeCertificates: boolean;
  /** Bits of ReasonFlags, or null for all. */
  onlySomeReasons: readonly boolean[] | null;
  /** May hold certificates of other issuers. */
  indirect: boolean;
}

export interface RevocationList {
  /** What is signed. */
  tbs: Uint8Array;
  version: number;
  issuer: DistinguishedName;
  thisUpdate: Date;
  nextUpdate: Date | null;
  /** The content of revokedCertificates, unread. */
  entries: Uint8Array;
  extensions: readonly Extension[];
  /** Lists the changes since another list only. */
  isDelta: boolean;
  scope: CrlScope | null;
  authorityKeyIdentifier: Uint8Array | null;
  signatureAlgorithm: AlgorithmIdentifier;
  /** The algorithm inside and the one outside what is signed are the same. */
  signatureAlgorithmsAgree: boolean;
  signature: Uint8Array;
}

/** Reads one CRL (DER), or null where the bytes are not exactly one. */
export function readCrl(der: Uint8Array): RevocationList | null {
  if (der.length > CRL_LIMITS.bytes) return null;
  return attempt(() => readList(der));
}

function readList(der: Uint8Array): RevocationList {
  const outer = readWhole(der, TAG.sequence);
  const tbs = outer.next(TAG.sequence);
  const signatureAlgorithm = readAlgorithm(outer.next());
  const signature = readBitBytes(outer.next(TAG.bitString));
  outer.end();

  const reader = new DerReader(tbs.content);
  const version = reader.optional(TAG.integer);
  const innerAlgorithm = readAlgorithm(reader.next());
  const issuer = bounded(reader.next(TAG.sequence), CRL_LIMITS.issuerBytes);
  const thisUpdate = readTime(reader.next());
  const hasNext = reader.peeked === TAG.utcTime || reader.peeked === TAG.generalizedTime;
  const nextUpdate = hasNext ? readTime(reader.next()) : null;
  const entries = reader.optional(TAG.sequence);
  const wrapped = reader.optional(contextTag(0, true));
  reader.end();
  const extensions = wrapped === null ? [] : readExtensions(bounded(wrapped, CRL_LIMITS.extensionBytes).content);
  if (new Set(extensions.map(({ oid }) => oid)).size < extensions.length) throw new DerFault();
  const valueOf = (wanted: string): Uint8Array | null => extensions.find(({ oid }) => oid === wanted)?.value ?? null;
  const scope = valueOf(CRL_OID.issuingDistributionPoint);
  const authority = valueOf(OID.authorityKeyIdentifier);
  return {
    tbs: tbs.whole,
    version: version === null ? 1 : readCount(version) + 1,
    issuer: readName(issuer.whole),
    thisUpdate,
    nextUpdate,
    entries: entries?.content ?? new Uint8Array(),
    extensions,
    isDelta: valueOf(CRL_OID.deltaCrlIndicator) !== null,
    scope: scope === null ? null : readScope(scope),
    authorityKeyIdentifier:
      authority === null ? null : (readWhole(authority, TAG.sequence).optional(contextTag(0, false))?.content ?? null),
    signatureAlgorithm,
    signatureAlgorithmsAgree: equalBytes(innerAlgorithm.der, signatureAlgorithm.der),
    signature,
  };
}

function bounded(element: Element, maxBytes: number): Element {
  if (element.whole.length > maxBytes) throw new DerFault();
  return element;
}

function readScope(value: Uint8Array): CrlScope {
  const reader = readWhole(value, TAG.sequence);
  const flag = (number: number): boolean => {
    const element = reader.optional(contextTag(number, false));
    return element !== null && readBoolean(element);
  };
  const name = readDistributionPointName(reader.optional(contextTag(0, true)));
  const onlyUserCertificates = flag(1);
  const onlyCaCertificates = flag(2);
  const reasons = reader.optional(contextTag(3, false));
  const indirect = flag(4);
  const onlyAttributeCertificates = flag(5);
  reader.end();
  return {
    ...name,
    onlyUserCertificates,
    onlyCaCertificates,
    onlyAttributeCertificates,
    onlySomeReasons: reasons === null ? null : readNamedBits(reasons),
    indirect,
  };
}

/** The CRLs in what was given or fetched: one of DER, or the `X509 CRL` blocks of a PEM text (RFC 7468 section 6). */
export function splitCrls(bytes: Uint8Array): Uint8Array[] {
  if (bytes[0] === TAG.sequence) return [bytes];
  const blocks = pemBlocks(fromUtf8(bytes) ?? '').filter(({ label }) => label === 'X509 CRL');
  return blocks.map(({ body }) => pemBytes(body)).filter((der) => der !== null);
}
