/** What is malformed is no certificate, nothing makes the reader throw, and a changed certificate never validates as its original. */

import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MAX_CERTIFICATE_BYTES, parseCertificate, type Certificate } from '../../../src/crypto/certificate/parse.js';
import { verifySignature } from '../../../src/crypto/certificate/signature.js';
import { days, issue, issueCa, type CertificateOptions, type Issued } from '../../support/pki/certificates.js';
import {
  bitString,
  boolean,
  contentOf,
  explicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  tlv,
} from '../../support/pki/der.js';
import { read } from '../../support/pki/judge.js';
import { newKey } from '../../support/pki/keys.js';

const key = newKey('p256');
const ca = issueCa({ subject: 'CN=CA', key });
const leaf = (options: Partial<CertificateOptions> = {}): Issued =>
  issue({ subject: 'CN=a', issuer: ca, key, san: ['a.test'], ...options });
const parsed = (options: Partial<CertificateOptions> = {}): Certificate => read(leaf(options));

describe('what is no certificate', () => {
  const { der } = leaf();
  it.each([
    ['nothing', new Uint8Array()],
    ['one octet', Uint8Array.of(0x30)],
    ['cut short', der.subarray(0, -1)],
    ['followed by an octet', Buffer.concat([der, Uint8Array.of(0)])],
    ['twice', Buffer.concat([der, der])],
    ['over 512 KiB', sequence(octetString(new Uint8Array(MAX_CERTIFICATE_BYTES)))],
    ['of 4 GiB', Buffer.concat([Buffer.from('3084ffffffff', 'hex'), contentOf(der)])],
    ['a SET', tlv(0x31, contentOf(der))],
    ['of indefinite length', Buffer.concat([Buffer.from('3080', 'hex'), contentOf(der), Buffer.from('0000', 'hex')])],
    ['without a signature', sequence(sequence(), sequence(oid('1.2.3')))],
    ['PEM', Buffer.from(leaf().pem)],
  ])('%s', (_, bytes) => {
    expect(parseCertificate(bytes)).toBeNull();
  });

  const replaced =
    (from: Uint8Array, to: Uint8Array) =>
    (made: Buffer): Uint8Array => {
      const at = made.indexOf(from);
      expect(at).toBeGreaterThan(0);
      return sequence(contentOf(Buffer.concat([made.subarray(0, at), to, made.subarray(at + from.length)])));
    };
  it.each([
    ['a field after the extensions', (made: Buffer) => sequence(contentOf(made), nullValue())],
    ['a negative version', replaced(explicit(0, integer(2)), explicit(0, integer(-1)))],
    ['two versions', replaced(explicit(0, integer(2)), explicit(0, integer(2), integer(2)))],
    ['a serial number with needless zeros', replaced(integer(0x77777777n), integer(Buffer.from('0077777777', 'hex')))],
    ['an empty serial number', replaced(integer(0x77777777n), integer(new Uint8Array()))],
    ['TRUE as 01', replaced(boolean(true), Uint8Array.of(1, 1, 1))],
    [
      'parameters twice',
      replaced(sequence(oid('1.2.840.10045.4.3.2')), sequence(oid('1.2.840.10045.4.3.2'), nullValue(), nullValue())),
    ],
    [
      'no end of validity',
      (made: Buffer) =>
        replaced(
          sequence(
            made.subarray(made.indexOf(Buffer.from('170d', 'hex')), made.indexOf(Buffer.from('170d', 'hex')) + 30),
          ),
          sequence(
            made.subarray(made.indexOf(Buffer.from('170d', 'hex')), made.indexOf(Buffer.from('170d', 'hex')) + 15),
          ),
        )(made),
    ],
  ])('with %s', (_, change) => {
    const made = leaf({ serial: 0x77777777n, beforeSigning: (whole) => change(Buffer.from(whole)) });
    expect(parseCertificate(made.der)).toBeNull();
  });

  it('with an empty list of extensions, or more than 64', () => {
    const bare = {
      onlyExtensions: [],
      beforeSigning: (made: Uint8Array) => sequence(contentOf(made), explicit(3, sequence())),
    };
    expect(parseCertificate(leaf(bare).der)).toBeNull();
    const many = Array.from({ length: 65 }, (_, i) => ({ oid: `1.2.3.${i}`, value: nullValue() }));
    expect(parseCertificate(leaf({ onlyExtensions: many }).der)).toBeNull();
    expect(parseCertificate(leaf({ onlyExtensions: many.slice(0, 64) }).der)).not.toBeNull();
  });

  it('with a signature that is not whole octets', () => {
    const { tbs, signatureAlgorithm, signature } = parsed();
    const even = Buffer.concat([signature.subarray(0, -1), Buffer.of((signature.at(-1) ?? 0) & 0xfe)]);
    expect(parseCertificate(sequence(tbs, signatureAlgorithm.der, bitString(even)))).not.toBeNull();
    expect(parseCertificate(sequence(tbs, signatureAlgorithm.der, bitString(even, 1)))).toBeNull();
  });
});

describe('a changed certificate', () => {
  const rsa = issueCa({ subject: 'CN=RSA', key: 'rsa2048' });
  const issuers = { p256: ca, rsa, ed25519: issueCa({ subject: 'CN=Ed', key: 'ed25519' }) };
  const originals = Object.values(issuers).map((issuer) => ({
    issuer: issuer.publicKey,
    der: leaf({ issuer, san: ['a.test', '192.0.2.1'], aia: { ocsp: ['http://a.test'] }, notAfter: days(30) }).der,
  }));
  const mutation = fc.record({
    which: fc.constantFrom(...originals),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    remove: fc.nat({ max: 4 }),
    insert: fc.uint8Array({ maxLength: 4 }),
  });
  const mutated = ({
    which: { der },
    at,
    remove,
    insert,
  }: {
    which: { der: Uint8Array };
    at: number;
    remove: number;
    insert: Uint8Array;
  }): Uint8Array => {
    const start = Math.floor(at * der.length);
    return Buffer.concat([der.subarray(0, start), insert, der.subarray(start + remove)]);
  };

  it('never makes the reader throw, and never validates as its original', () => {
    fc.assert(
      fc.property(mutation, (change) => {
        const bytes = mutated(change);
        const made = parseCertificate(bytes);
        if (made === null || Buffer.compare(bytes, change.which.der) === 0) return;
        const valid =
          made.signatureAlgorithmsAgree &&
          verifySignature(made.signatureAlgorithm, change.which.issuer, made.tbs, made.signature);
        expect(valid, Buffer.from(bytes).toString('hex')).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  it('in one bit, at every place, is refused or does not validate', () => {
    for (const { der, issuer } of originals) {
      for (let bit = 0; bit < der.length * 8; bit++) {
        const bytes = Buffer.from(der);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
        const made = parseCertificate(bytes);
        if (made === null) continue;
        const valid =
          made.signatureAlgorithmsAgree && verifySignature(made.signatureAlgorithm, issuer, made.tbs, made.signature);
        expect(valid, `bit ${bit}`).toBe(false);
      }
    }
  });

  it('random octets are never a certificate', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(parseCertificate(bytes)).toBeNull();
        expect(
          parseCertificate(sequence(sequence(bytes), sequence(oid('1.2.3')), bitString(createHash('sha256').digest()))),
        ).toBeNull();
      }),
      { numRuns: 500 },
    );
  });
});
