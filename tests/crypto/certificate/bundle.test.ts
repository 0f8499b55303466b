/** Certificates are found in whatever people have: PEM in any order with anything around it, DER, PKCS#7, bare base64. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BUNDLE_MAX_BYTES, pickLeaf, readBundle, type Bundle } from '../../../src/crypto/certificate/bundle.js';
import { issue, issueCa, toPem, type Issued } from '../../support/pki/certificates.js';
import { explicit, implicit, integer, nullValue, oid, sequence, setOf } from '../../support/pki/der.js';
import { buildCrl } from '../../support/pki/crl.js';
import { read } from '../../support/pki/judge.js';
import { newKey } from '../../support/pki/keys.js';

const key = newKey('p256');
const root = issueCa({ subject: 'CN=Root', key });
const sub = issueCa({ subject: 'CN=Sub', issuer: root, key });
const leaf = issue({ subject: 'CN=a.test', issuer: sub, key, san: ['a.test'] });
const crl = buildCrl({ issuer: root }).der;
const secret = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
function bundle(input: string | Uint8Array, max?: number): Bundle {
  const found = readBundle(typeof input === 'string' ? utf8(input) : input, max);
  if (found === null) throw new Error('a bundle was expected');
  return found;
}
const held = ({ certificates }: Bundle, ...wanted: Issued[]): void =>
  expect(certificates.map(({ der }) => Buffer.from(der).toString('base64'))).toEqual(
    wanted.map(({ der }) => Buffer.from(der).toString('base64')),
  );

function pkcs7(...members: Uint8Array[]): Uint8Array {
  const data = sequence(oid('1.2.840.113549.1.7.1'));
  const signed = sequence(integer(1), setOf(), data, implicit(0, true, Buffer.concat(members)), setOf());
  return sequence(oid('1.2.840.113549.1.7.2'), explicit(0, signed));
}

describe('PEM', () => {
  it('in any order keeps its order, and what stands twice is taken once', () => {
    held(bundle([root, leaf, sub, leaf, root].map(({ pem }) => pem).join('\n')), root, leaf, sub);
  });

  it('with text around it, CRLF, a byte order mark and no line breaks', () => {
    held(
      bundle(`\uFEFFsubject=CN = a\r\nissuer=x\r\n${leaf.pem.replaceAll('\n', '\r\n')}\r\n---\n${sub.pem}bye`),
      leaf,
      sub,
    );
    held(bundle(leaf.pem.replaceAll('\n', '')), leaf);
    held(bundle(leaf.pem.replaceAll('\n', '\n   ')), leaf);
  });

  it('that begins with a digit, as `openssl s_client -showcerts` numbers its chain', () => {
    held(bundle(`0 s:CN = a.test\n${leaf.pem}1 s:CN = Sub\n${sub.pem}`), leaf, sub);
  });

  it('with headers before the base64 (RFC 1421)', () => {
    held(bundle(leaf.pem.replace('-----\n', '-----\nLocal-Id: 1\nX-Note: a\n\n')), leaf);
  });

  it('of the other labels that certificates have', () => {
    held(bundle(toPem(leaf.der, 'X509 CERTIFICATE')), leaf);
    held(bundle(toPem(Buffer.concat([leaf.der, sequence()]), 'TRUSTED CERTIFICATE')), leaf);
    expect(bundle(toPem(Buffer.concat([leaf.der, sequence()]))).unreadable).toBe(1);
    held(bundle(toPem(pkcs7(leaf.der, sub.der), 'PKCS7')), leaf, sub);
    held(bundle(toPem(pkcs7(leaf.der, sub.der), 'CMS')), leaf, sub);
  });

  it('with CRLs and keys among them, which are told and not read', () => {
    const found = bundle(`${secret}${leaf.pem}${toPem(crl, 'X509 CRL')}`);
    held(found, leaf);
    expect(found).toMatchObject({ privateKey: true, unreadable: 0, leftOut: 0 });
    expect(found.crls.map((der) => Buffer.compare(der, crl))).toEqual([0]);
    for (const label of ['RSA PRIVATE KEY', 'EC PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'])
      expect(bundle(toPem(nullValue(), label)).privateKey, label).toBe(true);
    expect(bundle(toPem(nullValue(), 'CERTIFICATE REQUEST'))).toEqual({
      certificates: [],
      crls: [],
      unreadable: 0,
      leftOut: 0,
      privateKey: false,
    });
  });

  it('that cannot be read is counted', () => {
    expect(bundle(toPem(Buffer.from('garbage'))).unreadable).toBe(1);
    expect(bundle('-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----').unreadable).toBe(1);
    expect(bundle(leaf.pem.replace('M', 'N')).unreadable).toBe(1);
    expect(bundle(`${leaf.pem}${toPem(pkcs7(sub.der, sequence()), 'PKCS7')}`)).toMatchObject({ unreadable: 1 });
  });

  it('that was cut off is counted, not passed over', () => {
    const found = bundle(`${leaf.pem}${sub.pem.slice(0, 200)}`);
    held(found, leaf);
    expect(found.unreadable).toBe(1);
    expect(readBundle(utf8(leaf.pem.slice(0, 200)))).toBeNull();
  });

  it('past the limit is counted', () => {
    const found = bundle([leaf, sub, root].map(({ pem }) => pem).join(''), 2);
    held(found, leaf, sub);
    expect(found.leftOut).toBe(1);
  });
});

describe('other forms', () => {
  it('DER', () => held(bundle(leaf.der), leaf));
  it('PKCS#7 in DER', () => held(bundle(pkcs7(leaf.der, implicit(1, true, sequence()), root.der)), leaf, root));
  it('bare base64, in lines or not', () => {
    held(bundle(Buffer.from(leaf.der).toString('base64')), leaf);
    held(bundle(leaf.pem.replaceAll(/-----.*-----/g, '')), leaf);
  });

  it.each([
    ['nothing', ''],
    ['words', 'a certificate, please'],
    ['base64 of nothing', Buffer.alloc(100, 7).toString('base64')],
    ['a broken DER', leaf.der.subarray(0, -1)],
    ['DER and more', Buffer.concat([leaf.der, Buffer.of(0)])],
    ['octets that are no text', Uint8Array.of(0xff, 0xfe, 0, 1)],
    ['over 4 MiB', Buffer.concat([Buffer.from(leaf.pem), Buffer.alloc(BUNDLE_MAX_BYTES, 0x20)])],
    ['a digit', '0'],
  ])('%s is none', (_, input) => {
    expect(readBundle(typeof input === 'string' ? utf8(input) : input)).toBeNull();
  });

  it('never throws', () => {
    const piece = fc.constantFrom(
      leaf.pem,
      leaf.pem.slice(0, 300),
      leaf.pem.slice(300),
      '-----BEGIN CERTIFICATE-----',
      '-----END CERTIFICATE-----',
      '-----BEGIN X509 CRL-----',
      '\n',
      'AAAA',
      secret,
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (parts) => {
        expect(readBundle(utf8(parts.join('')))?.certificates.length ?? 0).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readBundle(Uint8Array.of(0x30, ...bytes))),
    );
  });
});

describe('the certificate to judge', () => {
  const picked = (...list: Issued[]): string => {
    const certificates = list.map(read);
    return (
      ['none', 'root', 'sub', 'leaf', 'self'][
        1 + [root, sub, leaf, self].findIndex(({ der }) => pickLeaf(certificates)?.der === der)
      ] ?? ''
    );
  };
  const self = issue({ subject: 'CN=self', key, san: ['a.test'] });

  it('is the one that issued none of the others, in any order', () => {
    for (const list of [
      [leaf, sub, root],
      [root, sub, leaf],
      [sub, leaf],
      [root, leaf],
    ])
      expect(picked(...list)).toBe('leaf');
  });

  it('is a CA where there is nothing else', () => {
    expect(picked(root, sub)).toBe('sub');
    expect(picked(root)).toBe('root');
    expect(picked(self)).toBe('self');
    expect(picked(root, self)).toBe('self');
    expect(pickLeaf([])).toBeNull();
  });

  it('is the first where all issued each other', () => {
    const a = issueCa({ subject: 'CN=A', key, issuerName: 'CN=B' });
    const b = issueCa({ subject: 'CN=B', key, issuerName: 'CN=A' });
    const certificates = [a, b].map(read);
    expect(pickLeaf(certificates)).toBe(certificates[0]);
  });
});
