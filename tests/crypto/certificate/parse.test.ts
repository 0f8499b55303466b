/** Certificates are read as RFC 5280 section 4 lays them out: every field of the lab's, real ones in use, and nothing that is malformed. */

import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';

import { describe, expect, it } from 'vitest';

import { fromAnyBase64, hex } from '../../../src/crypto/bytes.js';
import { showGeneralName, showName } from '../../../src/crypto/certificate/names.js';
import { findExtension, OID, spkiPin, type Certificate } from '../../../src/crypto/certificate/parse.js';
import { verifySignature } from '../../../src/crypto/certificate/signature.js';
import { pemBlocks } from '../../../src/crypto/pem.js';
import { issue, issueCa, pinOf, type CertificateOptions, type Issued } from '../../support/pki/certificates.js';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
} from '../../support/pki/der.js';
import { EXTENSION_OIDS } from '../../support/pki/extensions.js';
import { read } from '../../support/pki/judge.js';
import { newKey } from '../../support/pki/keys.js';
import { generalNames } from '../../support/pki/names.js';

const key = newKey('p256');
const ca = issueCa({ subject: 'CN=CA', key });
const leaf = (options: Partial<CertificateOptions> = {}): Issued =>
  issue({ subject: 'CN=a', issuer: ca, key, san: ['a.test'], ...options });
const parsed = (options: Partial<CertificateOptions> = {}): Certificate => read(leaf(options));
const extra = (id: string, value: Uint8Array, critical = false): Certificate =>
  parsed({ extra: [{ oid: id, value, critical }] });

describe('a certificate', () => {
  it('is read whole', () => {
    const made = leaf({
      subject: 'C=DE,CN=a',
      serial: 0x1234n,
      san: ['a.test', '192.0.2.1', 'm@a.test', 'https://a.test/'],
      keyUsage: ['digitalSignature', 'keyAgreement'],
      extendedKeyUsage: ['serverAuth', 'clientAuth'],
      basicConstraints: true,
      aia: { ocsp: ['http://ocsp.test'], caIssuers: ['http://ca.test'] },
      crlDistributionPoints: ['http://crl.test'],
      mustStaple: true,
    });
    const certificate = read(made);
    expect(certificate).toMatchObject({
      version: 3,
      serial: Buffer.from('1234', 'hex'),
      notBefore: made.notBefore,
      notAfter: made.notAfter,
      signatureAlgorithmsAgree: true,
      hasUniqueIds: false,
      duplicateExtension: false,
      malformedExtensions: [],
      basicConstraints: { ca: false, pathLength: null },
      keyUsage: [true, false, false, false, true],
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'],
      nameConstraints: null,
      ocspUrls: ['http://ocsp.test'],
      caIssuersUrls: ['http://ca.test'],
      mustStaple: true,
    });
    expect(showName(certificate.subject)).toBe('C=DE, CN=a');
    expect(certificate.subjectAltNames?.map(showGeneralName)).toEqual([
      'a.test',
      '192.0.2.1',
      'mail:m@a.test',
      'uri:https://a.test/',
    ]);
    expect(Buffer.from(certificate.subjectKeyIdentifier ?? []).equals(made.keyIdentifier)).toBe(true);
    expect(Buffer.from(certificate.authorityKeyIdentifier?.keyIdentifier ?? []).equals(ca.keyIdentifier)).toBe(true);
    expect(certificate.distributionPoints).toMatchObject([{ relative: false, reasons: null, crlIssuer: null }]);
    expect(certificate.publicKey?.equals(made.publicKey)).toBe(true);
    expect(`sha256/${spkiPin(certificate)}`).toBe(pinOf(made));
    expect(certificate.der).toBe(made.der);
    expect(findExtension(certificate, OID.subjectAltName)?.critical).toBe(false);
    expect(findExtension(certificate, OID.nameConstraints)).toBeUndefined();
  });

  it('of a CA is read', () => {
    const made = read(
      issueCa({
        subject: 'CN=CA',
        key,
        pathLength: 0,
        nameConstraints: { permitted: ['a.test'], excluded: ['b.a.test', { ip: '192.0.2.0/24' }] },
      }),
    );
    expect(made.basicConstraints).toEqual({ ca: true, pathLength: 0 });
    expect(made.nameConstraints).toMatchObject({
      permitted: [{ type: 'dns' }],
      excluded: [{ type: 'dns' }, { type: 'ip' }],
      unusual: false,
    });
    expect(made.keyUsage).toEqual([false, false, false, false, false, true, true]);
  });

  it.each([
    ['version 1 without extensions', { version: 1 as const, san: undefined }, 1, 0],
    [
      'version 2 with unique identifiers',
      { version: 2 as const, san: undefined, issuerUniqueId: Buffer.from('x') },
      2,
      0,
    ],
  ])('of %s', (_, options, version, extensions) => {
    const { san: _none, ...rest } = options;
    const made = read(issue({ subject: 'CN=a', issuer: ca, key, ...rest }));
    expect([made.version, made.extensions.length, made.hasUniqueIds]).toEqual([version, extensions, version === 2]);
  });

  it('names both signature algorithms alike, parameters included, or it is told', () => {
    const inner = sequence(oid('1.2.840.10045.4.3.2'), nullValue());
    expect(parsed({ innerSignatureAlgorithm: inner }).signatureAlgorithmsAgree).toBe(false);
    expect(parsed({ innerSignatureAlgorithm: sequence(oid('1.2.840.10045.4.3.3')) }).signatureAlgorithmsAgree).toBe(
      false,
    );
  });

  it('with a key that cannot be read is read, without the key', () => {
    for (const spki of [
      sequence(sequence(oid('1.2.3.4')), bitString(Buffer.alloc(32))),
      sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), bitString(Buffer.alloc(65, 4))),
      sequence(
        sequence(oid('1.2.840.113549.1.1.1'), nullValue()),
        bitString(sequence(integer(Buffer.alloc(5_000, 1)), integer(3))),
      ),
    ])
      expect(parsed({ spki }).publicKey).toBeNull();
  });
});

describe('real certificates', () => {
  it('the roots of Mozilla that Node brings are read as Node reads them', () => {
    expect(rootCertificates.length).toBeGreaterThan(100);
    for (const pem of rootCertificates) {
      const der = fromAnyBase64(pemBlocks(pem)[0]?.body ?? '') ?? new Uint8Array();
      const ours = read({ der });
      const theirs = new X509Certificate(pem);
      expect(BigInt(`0x${hex(ours.serial)}`)).toBe(BigInt(`0x${theirs.serialNumber}`));
      expect(ours.notAfter.toISOString()).toBe(new Date(theirs.validTo).toISOString());
      expect(ours.basicConstraints?.ca ?? false).toBe(theirs.ca);
      expect(ours.malformedExtensions, theirs.subject).toEqual([]);
      const { publicKey } = ours;
      expect(publicKey?.equals(theirs.publicKey)).toBe(true);
      if (publicKey !== null && publicKey !== undefined && ours.signatureAlgorithm.oid !== '1.2.840.113549.1.1.5')
        expect(verifySignature(ours.signatureAlgorithm, publicKey, ours.tbs, ours.signature), theirs.subject).toBe(
          true,
        );
    }
  });
});

describe('an extension that is not what its OID says', () => {
  const E = EXTENSION_OIDS;
  it.each([
    ['basicConstraints', E.basicConstraints, sequence(boolean(true), integer(-1))],
    ['basicConstraints with TRUE as 01', E.basicConstraints, sequence(Uint8Array.of(1, 1, 1))],
    ['basicConstraints with more', E.basicConstraints, sequence(boolean(true), integer(1), nullValue())],
    [
      'basicConstraints with trailing octets',
      E.basicConstraints,
      Buffer.concat([sequence(boolean(true)), Uint8Array.of(0)]),
    ],
    ['keyUsage', '2.5.29.15', octetString(Buffer.of(1))],
    ['extendedKeyUsage that is empty', '2.5.29.37', sequence()],
    ['subjectAltName', '2.5.29.17', octetString(Buffer.of(1))],
    ['nameConstraints', E.nameConstraints, sequence(implicit(2, true, new Uint8Array()))],
    ['authorityInformationAccess', E.authorityInformationAccess, sequence(sequence(oid('1.3.6.1.5.5.7.48.1')))],
    ['crlDistributionPoints', E.crlDistributionPoints, sequence(sequence(explicit(0, nullValue())))],
    ['tlsFeature', E.tlsFeature, sequence(integer(-5))],
    ['subjectKeyIdentifier', '2.5.29.14', nullValue()],
  ])('%s is told, and read as absent', (_, id, value) => {
    const made = read(issue({ subject: 'CN=a', issuer: ca, key, onlyExtensions: [{ oid: id, value }] }));
    expect(made.malformedExtensions).toEqual([id]);
    expect(made).toMatchObject({
      basicConstraints: null,
      keyUsage: null,
      extendedKeyUsage: null,
      subjectAltNames: null,
      nameConstraints: null,
      mustStaple: false,
      ocspUrls: [],
      distributionPoints: [],
    });
  });

  it('twice is told, and the first counts', () => {
    const made = extra(E.subjectAltName, generalNames(['evil.test']));
    expect(made.duplicateExtension).toBe(true);
    expect(made.subjectAltNames?.map(showGeneralName)).toEqual(['a.test']);
  });

  it('that is unknown is kept as it is, whatever its OID', () => {
    const made = extra('2.25.329800735698586629295641978511506172918', Buffer.from('garbage'), true);
    expect(made.extensions.at(-1)).toMatchObject({
      oid: '2.25.329800735698586629295641978511506172918',
      critical: true,
    });
  });

  it('with addresses keeps those of URIs, and at most eight', () => {
    const urls = Array.from({ length: 20 }, (_, i) => `http://${i}.test`);
    expect(parsed({ aia: { ocsp: urls, caIssuers: urls } })).toMatchObject({
      ocspUrls: urls.slice(0, 8),
      caIssuersUrls: urls.slice(0, 8),
    });
    const mail = sequence(sequence(oid('1.3.6.1.5.5.7.48.1'), implicit(1, false, Buffer.from('a@b.test'))));
    expect(extra(E.authorityInformationAccess, mail).ocspUrls).toEqual([]);
  });

  it('of TLS features demands a staple by status_request of either version (RFC 7633, RFC 6961)', () => {
    for (const [features, wanted] of [
      [[5], true],
      [[17], true],
      [[23, 5], true],
      [[23], false],
      [[], false],
    ] as const)
      expect(extra(E.tlsFeature, sequence(...features.map((feature) => integer(feature)))).mustStaple).toBe(wanted);
  });
});
