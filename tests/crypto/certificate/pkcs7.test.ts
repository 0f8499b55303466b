/** The certificates and CRLs of PKCS#7 messages, in DER and as they are written while streaming. */

import { describe, expect, it } from 'vitest';

import { readBundle } from '../../../src/crypto/certificate/bundle.js';
import { readPkcs7 } from '../../../src/crypto/certificate/pkcs7.js';
import { issueCa } from '../../support/pki/certificates.js';
import { buildCrl } from '../../support/pki/crl.js';
import { explicit, implicit, integer, oid, sequence, tlv, toPem } from '../../support/pki/der.js';

const ca = issueCa({ subject: 'CN=Some CA' });
const crl = buildCrl({ issuer: ca });
const SIGNED = oid('1.2.840.113549.1.7.2');
const data = sequence(
  integer(1),
  tlv(0x31),
  sequence(oid('1.2.840.113549.1.7.1')),
  // An attribute certificate has a context tag, and is passed over.
  implicit(0, true, Buffer.concat([ca.der, implicit(1, true, Buffer.alloc(0))])),
  implicit(1, true, crl.der),
  tlv(0x31),
);
const der = sequence(SIGNED, explicit(0, data));
const END = Buffer.from([0, 0]);
const ber = Buffer.concat([Buffer.from([0x30, 0x80]), SIGNED, Buffer.from([0xa0, 0x80]), data, END, END]);

describe('a PKCS#7 message', () => {
  it.each([
    ['in DER', der],
    ['in BER of indefinite length', ber],
  ])('%s gives its certificates and CRLs as they are', (_form, bytes) => {
    expect(readPkcs7(bytes)).toMatchObject({ content: 'signedData', signers: 0 });
    const bundle = readBundle(bytes);
    expect(bundle?.certificates.map((one) => Buffer.from(one.der))).toEqual([Buffer.from(ca.der)]);
    expect(bundle?.crls.map((one) => Buffer.from(one))).toEqual([Buffer.from(crl.der)]);
    expect(readBundle(Buffer.from(toPem(bytes, 'PKCS7')))?.crls).toHaveLength(1);
  });

  it('of encrypted content is one, and no bundle', () => {
    const encrypted = sequence(oid('1.2.840.113549.1.7.3'), explicit(0, sequence(integer(0))));
    expect(readPkcs7(encrypted)).toEqual({ content: 'envelopedData' });
    expect(readBundle(encrypted)).toBeNull();
  });

  it.each([
    ['cut off', der.subarray(0, -1)],
    ['followed by something', Buffer.concat([der, END])],
    ['of another type', sequence(oid('1.2.3'), explicit(0, data))],
    ['without content', sequence(SIGNED)],
    [
      'of more than 2,000 members',
      sequence(
        SIGNED,
        explicit(0, sequence(integer(1), tlv(0x31), sequence(), tlv(0xa0, Buffer.from('3000'.repeat(2_001), 'hex')))),
      ),
    ],
  ])('that is %s is none', (_name, bytes) => {
    expect(readPkcs7(bytes)).toBeNull();
  });
});
