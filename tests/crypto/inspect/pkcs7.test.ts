/** PKCS#7 and CMS messages are recognised, and the certificates of those that are signed are listed. */

import { describe, expect, it } from 'vitest';

import { issue, issueCa } from '../../support/pki/certificates.js';
import { buildCrl } from '../../support/pki/crl.js';
import { bytes, codes, expectSound, integer, NOW, octets, oid, pem, sequence, text, tlv } from './fixtures.js';
import { PKCS7_PEM } from './literals.js';

const at = NOW;
const ca = issueCa({ subject: 'CN=Some CA', at });
const leaf = issue({ subject: 'CN=leaf.example', issuer: ca, san: ['leaf.example'], at });
const crl = buildCrl({ issuer: ca, at });
const SIGNED = oid('1.2.840.113549.1.7.2');

interface Parts {
  certificates?: readonly Uint8Array[];
  crls?: readonly Uint8Array[];
  signers?: number;
}

function signedData({ certificates = [], crls = [], signers = 0 }: Parts): Buffer {
  return sequence(
    integer('01'),
    tlv(0x31),
    sequence(oid('1.2.840.113549.1.7.1')),
    ...(certificates.length > 0 ? [tlv(0xa0, ...certificates)] : []),
    ...(crls.length > 0 ? [tlv(0xa1, ...crls)] : []),
    tlv(0x31, ...Array.from({ length: signers }, () => sequence(integer('01')))),
  );
}

const message = (parts: Parts): Buffer => sequence(SIGNED, tlv(0xa0, signedData(parts)));

describe('a PKCS#7 file', () => {
  it('of OpenSSL (crl2pkcs7) is told with its certificates', async () => {
    const inspection = await text(PKCS7_PEM);
    expect(inspection.kind).toBe('pkcs7');
    expect(inspection.summary).toBe(
      'A PKCS#7 file of 1 certificate and 0 CRLs, signed by nobody. Trust was not judged.',
    );
    expect(inspection.details['certificates']).toMatchObject([{ subject: 'CN=p7.example', key: 'EC P-256' }]);
    expectSound(inspection);
  });

  it('holds certificates and CRLs, in whatever order', async () => {
    const inspection = await bytes(message({ certificates: [ca.der, leaf.der], crls: [crl.der] }));
    expect(inspection.details).toEqual({
      content: 'signedData',
      signers: 0,
      certificate_count: 2,
      crl_count: 1,
      certificates: [
        expect.objectContaining({ subject: 'CN=Some CA', ca: true }),
        expect.objectContaining({ subject: 'CN=leaf.example', ca: false }),
      ],
    });
    expect(codes(inspection)).toEqual([]);
  });

  it('is the same as PEM of either label, as base64 and in BER', async () => {
    const der = message({ certificates: [leaf.der] });
    const expected = await bytes(der);
    for (const label of ['PKCS7', 'CMS']) expect(await text(pem(label, der))).toEqual(expected);
    expect(await text(der.toString('base64'))).toEqual(expected);
    const open = (tag: number, content: Uint8Array): Buffer =>
      Buffer.concat([Buffer.from([tag, 0x80]), content, Buffer.from([0, 0])]);
    const inner = open(0xa0, signedData({ certificates: [leaf.der] }));
    expect(await bytes(open(0x30, Buffer.concat([SIGNED, inner])))).toEqual(expected);
  });

  it('that is signed is a message whose signature was not checked', async () => {
    const inspection = await bytes(message({ certificates: [leaf.der], signers: 2 }));
    expect(inspection.summary).toBe(
      'A signed message (PKCS#7, CMS) with 2 signatures, 1 certificate and 0 CRLs; no signature was checked.',
    );
  });

  it.each([
    ['empty', message({})],
    ['unreadable', message({ certificates: [sequence(integer('01'))] })],
    ['trailing_data', Buffer.concat([message({ certificates: [leaf.der] }), Buffer.from([0])])],
  ])('has the finding %s', async (code, file) => {
    const inspection = await bytes(file);
    expect(codes(inspection)).toEqual([code]);
    expectSound(inspection);
  });

  it.each([
    ['1.2.840.113549.1.7.1', 'plain data'],
    ['1.2.840.113549.1.7.3', 'not opened'],
    ['1.2.840.113549.1.9.16.1.23', 'not opened'],
  ])('of content %s says so', async (type, words) => {
    const inspection = await bytes(sequence(oid(type), tlv(0xa0, octets(Buffer.alloc(8)))));
    expect(inspection.kind).toBe('pkcs7');
    expect(inspection.summary).toContain(words);
  });

  it('is not seen in other pairs of a type and a value', async () => {
    expect((await bytes(sequence(oid('1.2.3.4'), tlv(0xa0, octets(Buffer.alloc(8)))))).kind).toBe('unknown');
    expect((await bytes(sequence(SIGNED, tlv(0xa0, sequence())))).kind).toBe('unknown');
  });
});
