/** The extensions of certificates (RFC 5280 section 4.2, RFC 7633) as DER, each possible to leave out, falsify or repeat. */

import {
  boolean,
  explicit,
  implicit,
  contentOf,
  integer,
  namedBits,
  octetString,
  oid,
  sequence,
  type Der,
} from './der.js';
import { generalName, generalNames, type GeneralNameInput, type NameInput } from './names.js';

export interface RawExtension {
  oid: string;
  critical?: boolean;
  /** The DER inside the OCTET STRING. */
  value: Uint8Array;
}

export const EXTENSION_OIDS = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInformationAccess: '1.3.6.1.5.5.7.1.1',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
  ocspNonce: '1.3.6.1.5.5.7.48.1.2',
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',
  sctList: '1.3.6.1.4.1.11129.2.4.2',
  precertificatePoison: '1.3.6.1.4.1.11129.2.4.3',
} as const;

export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
export type KeyUsage = (typeof KEY_USAGES)[number];

const PURPOSES = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  OCSPSigning: '1.3.6.1.5.5.7.3.9',
  any: '2.5.29.37.0',
} as const;
/** A known name or a dotted object identifier. */
export type Purpose = keyof typeof PURPOSES | `${number}.${string}`;

export interface NameConstraintsInput {
  permitted?: GeneralNameInput[];
  excluded?: GeneralNameInput[];
}
export interface DistributionPointInput {
  urls?: string[];
  /** Bits of ReasonFlags (1 keyCompromise ... 8 aACompromise). */
  reasons?: number[];
  crlIssuer?: NameInput;
}
export interface AuthorityKeyIdentifierInput {
  keyIdentifier?: Uint8Array;
  issuer?: NameInput;
  serial?: Uint8Array;
}

/** The Extension itself. */
export function extension({ oid: id, critical = false, value }: RawExtension): Der {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

export const keyUsage = (uses: KeyUsage[]): Der => namedBits(uses.map((use) => KEY_USAGES.indexOf(use)));

export const extendedKeyUsage = (purposes: Purpose[]): Der =>
  sequence(
    ...purposes.map((purpose) => oid(purpose in PURPOSES ? PURPOSES[purpose as keyof typeof PURPOSES] : purpose)),
  );

export function basicConstraints(ca: boolean, pathLength?: number): Der {
  return sequence(...(ca ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)]));
}

export function nameConstraints({ permitted, excluded }: NameConstraintsInput): Der {
  const subtrees = (number: number, names: GeneralNameInput[] | undefined): Der[] =>
    names ? [implicit(number, true, Buffer.concat(names.map((item) => sequence(generalName(item)))))] : [];
  return sequence(...subtrees(0, permitted), ...subtrees(1, excluded));
}

export function authorityKeyIdentifier({ keyIdentifier, issuer, serial }: AuthorityKeyIdentifierInput): Der {
  return sequence(
    ...(keyIdentifier ? [implicit(0, false, keyIdentifier)] : []),
    ...(issuer === undefined ? [] : [implicit(1, true, generalName({ directory: issuer }))]),
    ...(serial ? [implicit(2, false, serial)] : []),
  );
}

export function authorityInformationAccess(access: { ocsp?: string[]; caIssuers?: string[] }): Der {
  const description = (method: string, uri: string): Der => sequence(oid(method), generalName({ uri }));
  return sequence(
    ...(access.ocsp ?? []).map((uri) => description('1.3.6.1.5.5.7.48.1', uri)),
    ...(access.caIssuers ?? []).map((uri) => description('1.3.6.1.5.5.7.48.2', uri)),
  );
}

/** `[0] fullName` of a DistributionPointName, inside its own `[0]`. */
export function distributionPointName(urls: string[]): Der {
  const names = generalNames(urls.map((uri) => ({ uri })));
  return explicit(0, implicit(0, true, contentOf(names)));
}

export function crlDistributionPoints(points: (string | DistributionPointInput)[]): Der {
  return sequence(
    ...points.map((point) => {
      const { urls, reasons, crlIssuer } = typeof point === 'string' ? { urls: [point] } : point;
      return sequence(
        ...(urls ? [distributionPointName(urls)] : []),
        ...(reasons ? [implicit(1, false, contentOf(namedBits(reasons)))] : []),
        ...(crlIssuer === undefined ? [] : [implicit(2, true, generalName({ directory: crlIssuer }))]),
      );
    }),
  );
}

export const certificatePolicies = (policies: string[]): Der =>
  sequence(...policies.map((policy) => sequence(oid(policy))));

/** RFC 5280 section 4.2.1.11: how many certificates further down an explicit policy is needed, or mapping is forbidden. */
export function policyConstraints(requireExplicitPolicy?: number, inhibitPolicyMapping?: number): RawExtension {
  const skip = (number: number, value: number | undefined): Der[] =>
    value === undefined ? [] : [implicit(number, false, contentOf(integer(value)))];
  const value = sequence(...skip(0, requireExplicitPolicy), ...skip(1, inhibitPolicyMapping));
  return { oid: EXTENSION_OIDS.policyConstraints, critical: true, value };
}

/** RFC 7633: the features as their TLS extension numbers; 5 is status_request. */
export const tlsFeature = (features: number[]): Der => sequence(...features.map((feature) => integer(feature)));

/** RFC 6962 section 3.1: what makes a precertificate unusable. */
export const precertificatePoison = (): RawExtension => ({
  oid: EXTENSION_OIDS.precertificatePoison,
  critical: true,
  value: Uint8Array.of(0x05, 0x00),
});

/** An extension of no known meaning (an arc under the lab's own). */
export const unknownExtension = (critical: boolean): RawExtension => ({
  oid: '1.3.6.1.4.1.55555.1.99',
  critical,
  value: octetString(Buffer.from('unknown')),
});
