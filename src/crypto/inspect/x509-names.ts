/** The names and signature algorithms of certificates and requests, as text for a reader. */

import type * as Asn1X509 from '@peculiar/asn1-x509';

import { shownText, finding, type Finding } from './report.js';

export const PSS_OID = '1.2.840.113549.1.1.10';

const SIGNATURE_ALGORITHMS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'MD2 with RSA',
  '1.2.840.113549.1.1.3': 'MD4 with RSA',
  '1.2.840.113549.1.1.4': 'MD5 with RSA',
  '1.2.840.113549.1.1.5': 'SHA-1 with RSA',
  '1.3.14.3.2.29': 'SHA-1 with RSA',
  '1.2.840.113549.1.1.14': 'SHA-224 with RSA',
  '1.2.840.113549.1.1.11': 'SHA-256 with RSA',
  '1.2.840.113549.1.1.12': 'SHA-384 with RSA',
  '1.2.840.113549.1.1.13': 'SHA-512 with RSA',
  '1.2.840.10040.4.3': 'SHA-1 with DSA',
  '2.16.840.1.101.3.4.3.2': 'SHA-256 with DSA',
  '1.2.840.10045.4.1': 'SHA-1 with ECDSA',
  '1.2.840.10045.4.3.1': 'SHA-224 with ECDSA',
  '1.2.840.10045.4.3.2': 'SHA-256 with ECDSA',
  '1.2.840.10045.4.3.3': 'SHA-384 with ECDSA',
  '1.2.840.10045.4.3.4': 'SHA-512 with ECDSA',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
  '2.16.840.1.101.3.4.3.17': 'ML-DSA-44',
  '2.16.840.1.101.3.4.3.18': 'ML-DSA-65',
  '2.16.840.1.101.3.4.3.19': 'ML-DSA-87',
};

/** The OIDs of SHA-2 (2.16.840.1.101.3.4.2.n) as RSASSA-PSS-params hold them; without any, the hash is SHA-1 (RFC 4055 section 3.1). */
const PSS_HASHES: readonly (readonly [oid: string, name: string])[] = [
  ['0609608648016503040201', 'SHA-256'],
  ['0609608648016503040202', 'SHA-384'],
  ['0609608648016503040203', 'SHA-512'],
];

/** "SHA-256 with RSA", or the OID of what has no name here. */
export function signatureOf({ algorithm, parameters }: Asn1X509.AlgorithmIdentifier): string {
  if (algorithm !== PSS_OID) return SIGNATURE_ALGORITHMS[algorithm] ?? shownText(algorithm, 80);
  const held = Buffer.from(new Uint8Array(parameters ?? new ArrayBuffer(0)).subarray(0, 64)).toString('hex');
  return `${PSS_HASHES.find(([oid]) => held.includes(oid))?.[1] ?? 'SHA-1'} with RSASSA-PSS`;
}

export function signatureFindings(name: string, root: boolean): Finding[] {
  if (!/^(?:MD\d|SHA-1) /.test(name)) return [];
  const hash = name.split(' ')[0] ?? '';
  return root
    ? [
        finding(
          'low',
          'weak_signature',
          `It is signed with ${hash}; on a root nothing rests on that, but what it issues must not be.`,
        ),
      ]
    : [
        finding(
          'high',
          'weak_signature',
          `It is signed with ${hash}, which no longer resists forgery.`,
          'Have it issued anew with SHA-256.',
        ),
      ];
}

const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.15': 'businessCategory',
  '2.5.4.17': 'postalCode',
  '2.5.4.42': 'GN',
  '2.5.4.97': 'organizationIdentifier',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

/** A distinguished name in the order of the certificate; what RFC 4514 section 2.4 says is escaped, so that no value can pass for two. */
export function nameText(name: Asn1X509.Name, maxLength = 300): string {
  const parts = name.map((rdn) =>
    rdn
      .map(
        ({ type, value }) => `${ATTRIBUTE_NAMES[type] ?? type}=${value.toString().replaceAll(/[\\,+"<>;]/g, '\\$&')}`,
      )
      .join('+'),
  );
  return shownText(parts.join(', '), maxLength);
}
