/** Reads X.509 certificates (RFC 5280 section 4): every field that a judgement rests on, as slices of the received bytes. */

import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

import { equalBytes } from '../bytes.js';
import {
  attempt,
  contextTag,
  DerFault,
  DerReader,
  readBitBytes,
  readBoolean,
  readCount,
  readIntegerBytes,
  readNamedBits,
  readOid,
  readOnly,
  readTime,
  readWhole,
  TAG,
  type Element,
} from './der.js';
import { readGeneralName, readGeneralNames, readName, type DistinguishedName, type GeneralName } from './names.js';

/** The parser looks at every octet, so size is time: real certificates have 1 to 8 KiB, the largest with many names some 300 KiB. */
export const MAX_CERTIFICATE_BYTES = 524_288;
/** Looking at a key takes time that grows with the square of its size; the largest in use (RSA 16384, ML-DSA-87) have under 3 KiB. */
export const MAX_KEY_BYTES = 4_096;
const MAX_EXTENSIONS = 64;
const MAX_URLS = 8;
const MAX_DISTRIBUTION_POINTS = 64;

export const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  freshestCrl: '2.5.29.46',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
} as const;

export const PURPOSE = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  any: '2.5.29.37.0',
} as const;

export interface AlgorithmIdentifier {
  oid: string;
  /** The DER of the parameters, or null where there are none. */
  parameters: Uint8Array | null;
  /** The whole AlgorithmIdentifier. */
  der: Uint8Array;
}

export interface Extension {
  oid: string;
  critical: boolean;
  /** The DER inside the OCTET STRING. */
  value: Uint8Array;
}

export interface NameConstraints {
  permitted: readonly GeneralName[];
  excluded: readonly GeneralName[];
  /** Subtrees with `minimum` or `maximum`, which RFC 5280 section 4.2.1.10 forbids, or no subtree at all. */
  unusual: boolean;
}

export interface DistributionPoint {
  /** The names under `fullName`; empty where the point is named relative to the CRL issuer or not at all. */
  fullName: readonly GeneralName[];
  /** `nameRelativeToCRLIssuer`: recognised, not resolved. */
  relative: boolean;
  /** Only some reasons are covered (bits of ReasonFlags), or null for all. */
  reasons: readonly boolean[] | null;
  /** An indirect CRL: issued by somebody other than the certificate's issuer. */
  crlIssuer: readonly GeneralName[] | null;
}

export interface AuthorityKeyIdentifier {
  keyIdentifier: Uint8Array | null;
  issuer: readonly GeneralName[] | null;
  serial: Uint8Array | null;
}

export interface Certificate {
  der: Uint8Array;
  /** What is signed. */
  tbs: Uint8Array;
  version: number;
  serial: Uint8Array;
  issuer: DistinguishedName;
  subject: DistinguishedName;
  notBefore: Date;
  notAfter: Date;
  /** SubjectPublicKeyInfo. */
  spki: Uint8Array;
  spkiAlgorithm: AlgorithmIdentifier;
  /** The bits of subjectPublicKey, which OCSP hashes. */
  keyBits: Uint8Array;
  /** Null where node:crypto cannot read the key. */
  publicKey: KeyObject | null;
  signatureAlgorithm: AlgorithmIdentifier;
  /** The algorithm inside and the one outside what is signed are the same, parameters included. */
  signatureAlgorithmsAgree: boolean;
  signature: Uint8Array;
  hasUniqueIds: boolean;
  extensions: readonly Extension[];
  /** Some extension stands twice (RFC 5280 section 4.2). */
  duplicateExtension: boolean;
  /** Known extensions whose content is not what their OID says. */
  malformedExtensions: readonly string[];

  basicConstraints: { ca: boolean; pathLength: number | null } | null;
  /** Bits of KeyUsage, or null where the extension is absent. */
  keyUsage: readonly boolean[] | null;
  extendedKeyUsage: readonly string[] | null;
  subjectAltNames: readonly GeneralName[] | null;
  nameConstraints: NameConstraints | null;
  authorityKeyIdentifier: AuthorityKeyIdentifier | null;
  subjectKeyIdentifier: Uint8Array | null;
  ocspUrls: readonly string[];
  caIssuersUrls: readonly string[];
  distributionPoints: readonly DistributionPoint[];
  /** The TLS feature extension (RFC 7633) demands a stapled OCSP response. */
  mustStaple: boolean;
}

/** Positions in KeyUsage (RFC 5280 section 4.2.1.3). */
export const KEY_USAGE = {
  digitalSignature: 0,
  keyEncipherment: 2,
  keyAgreement: 4,
  keyCertSign: 5,
  crlSign: 6,
} as const;

/** Reads one certificate, or null where the bytes are not exactly one well-formed certificate. */
export function parseCertificate(der: Uint8Array): Certificate | null {
  if (der.length > MAX_CERTIFICATE_BYTES) return null;
  return attempt(() => readCertificate(der));
}

export function readAlgorithm(element: Element): AlgorithmIdentifier {
  if (element.tag !== TAG.sequence) throw new DerFault();
  const reader = new DerReader(element.content);
  const oid = readOid(reader.next(TAG.oid));
  const parameters = reader.done ? null : reader.next().whole;
  reader.end();
  return { oid, parameters, der: element.whole };
}

function readCertificate(der: Uint8Array): Certificate {
  const outer = readWhole(der, TAG.sequence);
  const tbs = outer.next(TAG.sequence);
  const signatureAlgorithm = readAlgorithm(outer.next());
  const signature = readBitBytes(outer.next(TAG.bitString));
  outer.end();

  const reader = new DerReader(tbs.content);
  const explicitVersion = reader.optional(contextTag(0, true));
  const version = explicitVersion === null ? 1 : readCount(readOnly(explicitVersion.content, TAG.integer)) + 1;
  const serial = readIntegerBytes(reader.next(TAG.integer));
  const innerAlgorithm = readAlgorithm(reader.next());
  const issuer = readName(reader.next(TAG.sequence).whole);
  const validity = reader.into(TAG.sequence);
  const notBefore = readTime(validity.next());
  const notAfter = readTime(validity.next());
  validity.end();
  const subject = readName(reader.next(TAG.sequence).whole);
  const spki = reader.next(TAG.sequence);
  const issuerUniqueId = reader.optional(contextTag(1, false));
  const subjectUniqueId = reader.optional(contextTag(2, false));
  const wrapped = reader.optional(contextTag(3, true));
  reader.end();
  const key = readPublicKeyInfo(spki);
  const extensions = wrapped === null ? [] : readExtensions(wrapped.content);
  return {
    der,
    tbs: tbs.whole,
    version,
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    ...key,
    signatureAlgorithm,
    signatureAlgorithmsAgree: equalBytes(innerAlgorithm.der, signatureAlgorithm.der),
    signature,
    hasUniqueIds: issuerUniqueId !== null || subjectUniqueId !== null,
    extensions,
    duplicateExtension: new Set(extensions.map(({ oid }) => oid)).size < extensions.length,
    ...readKnownExtensions(extensions),
  };
}

/** SubjectPublicKeyInfo, also of a certification request. Throws DerFault. */
export function readPublicKeyInfo(
  spki: Element,
): Pick<Certificate, 'spki' | 'spkiAlgorithm' | 'keyBits' | 'publicKey'> {
  const reader = new DerReader(spki.content);
  const spkiAlgorithm = readAlgorithm(reader.next());
  const keyBits = readBitBytes(reader.next(TAG.bitString));
  reader.end();
  let publicKey: KeyObject | null = null;
  try {
    if (spki.whole.length <= MAX_KEY_BYTES)
      publicKey = createPublicKey({ key: Buffer.from(spki.whole), format: 'der', type: 'spki' });
  } catch {
    // Told as a weak key: one that cannot be read cannot be judged strong.
  }
  return { spki: spki.whole, spkiAlgorithm, keyBits, publicKey };
}

/** Reads Extensions; shared with CRLs and OCSP responses. Throws DerFault. */
export function readExtensions(content: Uint8Array): Extension[] {
  const reader = new DerReader(readOnly(content, TAG.sequence).content);
  const extensions: Extension[] = [];
  while (!reader.done) {
    const entry = reader.into(TAG.sequence);
    const oid = readOid(entry.next(TAG.oid));
    const flag = entry.optional(TAG.boolean);
    const value = entry.next(TAG.octetString).content;
    entry.end();
    extensions.push({ oid, critical: flag !== null && readBoolean(flag), value });
    if (extensions.length > MAX_EXTENSIONS) throw new DerFault();
  }
  if (extensions.length === 0) throw new DerFault();
  return extensions;
}

type Known = Pick<
  Certificate,
  | 'basicConstraints'
  | 'keyUsage'
  | 'extendedKeyUsage'
  | 'subjectAltNames'
  | 'nameConstraints'
  | 'authorityKeyIdentifier'
  | 'subjectKeyIdentifier'
  | 'ocspUrls'
  | 'caIssuersUrls'
  | 'distributionPoints'
  | 'mustStaple'
>;

/** What the known extensions of a certificate say, also of those that a request asks for. */
export function readKnownExtensions(
  extensions: readonly Extension[],
): Known & Pick<Certificate, 'malformedExtensions'> {
  const malformedExtensions: string[] = [];
  const read = <T>(oid: string, fallback: T, parse: (value: Uint8Array) => T): T => {
    const extension = extensions.find((entry) => entry.oid === oid);
    if (extension === undefined) return fallback;
    try {
      return parse(extension.value);
    } catch (error) {
      if (!(error instanceof DerFault)) throw error;
      malformedExtensions.push(oid);
      return fallback;
    }
  };
  const access = read(OID.authorityInfoAccess, { ocsp: [], caIssuers: [] }, readInfoAccess);
  const known = {
    basicConstraints: read(OID.basicConstraints, null, readBasicConstraints),
    keyUsage: read(OID.keyUsage, null, (value) => readNamedBits(readOnly(value, TAG.bitString))),
    extendedKeyUsage: read(OID.extendedKeyUsage, null, readPurposes),
    subjectAltNames: read(OID.subjectAltName, null, readGeneralNames),
    nameConstraints: read(OID.nameConstraints, null, readNameConstraints),
    authorityKeyIdentifier: read(OID.authorityKeyIdentifier, null, readAuthorityKeyIdentifier),
    subjectKeyIdentifier: read(OID.subjectKeyIdentifier, null, (value) => readOnly(value, TAG.octetString).content),
    ocspUrls: access.ocsp,
    caIssuersUrls: access.caIssuers,
    distributionPoints: read(OID.crlDistributionPoints, [], readDistributionPoints),
    mustStaple: read(OID.tlsFeature, false, readTlsFeature),
  };
  return { ...known, malformedExtensions };
}

function readBasicConstraints(value: Uint8Array): { ca: boolean; pathLength: number | null } {
  const reader = readWhole(value, TAG.sequence);
  const flag = reader.optional(TAG.boolean);
  const length = reader.optional(TAG.integer);
  reader.end();
  return { ca: flag !== null && readBoolean(flag), pathLength: length === null ? null : readCount(length) };
}

function readPurposes(value: Uint8Array): string[] {
  const reader = readWhole(value, TAG.sequence);
  const purposes: string[] = [];
  while (!reader.done) purposes.push(readOid(reader.next(TAG.oid)));
  if (purposes.length === 0) throw new DerFault();
  return purposes;
}

function readNameConstraints(value: Uint8Array): NameConstraints {
  const reader = readWhole(value, TAG.sequence);
  const permitted = readSubtrees(reader.optional(contextTag(0, true)));
  const excluded = readSubtrees(reader.optional(contextTag(1, true)));
  reader.end();
  const unusual = permitted.unusual || excluded.unusual || permitted.bases.length + excluded.bases.length === 0;
  return { permitted: permitted.bases, excluded: excluded.bases, unusual };
}

function readSubtrees(element: Element | null): { bases: GeneralName[]; unusual: boolean } {
  const bases: GeneralName[] = [];
  let unusual = element?.content.length === 0;
  const list = new DerReader(element?.content ?? new Uint8Array());
  while (!list.done) {
    const subtree = list.into(TAG.sequence);
    bases.push(readGeneralName(subtree));
    const minimum = subtree.optional(contextTag(0, false));
    if (minimum !== null && minimum.content.some((byte) => byte !== 0)) unusual = true;
    if (subtree.optional(contextTag(1, false)) !== null) unusual = true;
    subtree.end();
  }
  return { bases, unusual };
}

function readAuthorityKeyIdentifier(value: Uint8Array): AuthorityKeyIdentifier {
  const reader = readWhole(value, TAG.sequence);
  const keyIdentifier = reader.optional(contextTag(0, false))?.content ?? null;
  const issuer = reader.optional(contextTag(1, true));
  const serial = reader.optional(contextTag(2, false))?.content ?? null;
  reader.end();
  return { keyIdentifier, issuer: issuer === null ? null : readNameList(issuer.content), serial };
}

function readNameList(content: Uint8Array): GeneralName[] {
  const reader = new DerReader(content);
  const names: GeneralName[] = [];
  while (!reader.done) names.push(readGeneralName(reader));
  return names;
}

function readInfoAccess(value: Uint8Array): { ocsp: string[]; caIssuers: string[] } {
  const reader = readWhole(value, TAG.sequence);
  const found = { ocsp: [] as string[], caIssuers: [] as string[] };
  while (!reader.done) {
    const entry = reader.into(TAG.sequence);
    const method = readOid(entry.next(TAG.oid));
    const location = readGeneralName(entry);
    entry.end();
    if (location.type !== 'uri') continue;
    if (method === '1.3.6.1.5.5.7.48.1' && found.ocsp.length < MAX_URLS) found.ocsp.push(location.value);
    if (method === '1.3.6.1.5.5.7.48.2' && found.caIssuers.length < MAX_URLS) found.caIssuers.push(location.value);
  }
  return found;
}

function readDistributionPoints(value: Uint8Array): DistributionPoint[] {
  const reader = readWhole(value, TAG.sequence);
  const points: DistributionPoint[] = [];
  while (!reader.done) {
    const entry = reader.into(TAG.sequence);
    const name = entry.optional(contextTag(0, true));
    const reasons = entry.optional(contextTag(1, false));
    const crlIssuer = entry.optional(contextTag(2, true));
    entry.end();
    points.push({
      ...readDistributionPointName(name),
      reasons: reasons === null ? null : readNamedBits(reasons),
      crlIssuer: crlIssuer === null ? null : readNameList(crlIssuer.content),
    });
    if (points.length > MAX_DISTRIBUTION_POINTS) throw new DerFault();
  }
  return points;
}

/** DistributionPointName (RFC 5280 section 4.2.1.13), also of a CRL's issuing distribution point. */
export function readDistributionPointName(element: Element | null): Pick<DistributionPoint, 'fullName' | 'relative'> {
  if (element === null) return { fullName: [], relative: false };
  const reader = new DerReader(element.content);
  const { tag, content } = reader.next();
  reader.end();
  if (tag === contextTag(0, true)) return { fullName: readNameList(content), relative: false };
  if (tag === contextTag(1, true)) return { fullName: [], relative: true };
  throw new DerFault();
}

/** RFC 7633: a SEQUENCE OF INTEGER; 5 is status_request, 17 status_request_v2. */
function readTlsFeature(value: Uint8Array): boolean {
  const reader = readWhole(value, TAG.sequence);
  const features: number[] = [];
  while (!reader.done) features.push(readCount(reader.next(TAG.integer)));
  return features.includes(5) || features.includes(17);
}

export function findExtension(certificate: Certificate, oid: string): Extension | undefined {
  return certificate.extensions.find((extension) => extension.oid === oid);
}

/** SHA-256 of the SubjectPublicKeyInfo in base64, as pins are written (RFC 7469 section 2.4). */
export function spkiPin(certificate: Certificate): string {
  return createHash('sha256').update(certificate.spki).digest('base64');
}
