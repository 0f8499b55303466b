/** Certificates are explained as OpenSSL reads them, with what is wrong about them, and shown safely. */

import { generateKeyPairSync, X509Certificate } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import {
  bytes,
  codes,
  DAY,
  expectSound,
  makeCertificate,
  NOW,
  oid,
  pem,
  sequence,
  shortRsaKeys,
  text,
  tlv,
} from './fixtures.js';
import { issue, issueCa } from '../../support/pki/certificates.js';
import { extendedKeyUsage, EXTENSION_OIDS, unknownExtension } from '../../support/pki/extensions.js';
import { generalNames } from '../../support/pki/names.js';
import { ROOT_PEM } from './literals.js';

const CA = issueCa({ subject: 'CN=Some CA', at: NOW });

const later = (days: number): Date => new Date(NOW.getTime() + days * DAY);

describe('a certificate of OpenSSL', () => {
  it('is told as `openssl x509 -text -fingerprint -sha256` tells it', async () => {
    const inspection = await text(ROOT_PEM);
    expect(inspection.kind).toBe('certificate');
    expect(inspection.details).toEqual({
      subject: 'C=DE, O=Acme\\, Inc., CN=Test Root',
      issuer: 'C=DE, O=Acme\\, Inc., CN=Test Root',
      serial: '0123456789abcdef',
      not_before: '2026-11-25T02:07:31Z',
      not_after: '2036-11-22T02:07:31Z',
      key: { type: 'ec', curve: 'prime256v1', spki_sha256: 'oOa4mtF1JfW4f4a5R7WERypRuEfmtj5C6Gy7dkfrw1s=' },
      signature_algorithm: 'SHA-256 with ECDSA',
      ca: true,
      sha256: '38ae6766384ad391a8246614e2e8bec84944d649bc1b8739fc707112f0e9dad7',
      names: ['root.example', '192.0.2.7', 'mail:a@root.example'],
    });
    expect(inspection.summary).toBe(
      'A CA certificate for C=DE, O=Acme\\, Inc., CN=Test Root, issued by itself, not valid before 2026-11-25T02:07:31Z (EC P-256). Trust was not judged.',
    );
    expect(codes(inspection)).toEqual(['not_yet_valid', 'self_signed']);
    expectSound(inspection);
  });

  it('is the same as DER, as base64 and as PEM after other text', async () => {
    const der = new X509Certificate(ROOT_PEM).raw;
    const expected = await text(ROOT_PEM);
    expect(await bytes(der)).toEqual(expected);
    expect(await text(der.toString('base64'))).toEqual(expected);
    expect(await text(`Here it is:\r\n${ROOT_PEM.replaceAll('\n', '\r\n')}`)).toEqual(expected);
  });
});

describe('a finding on a certificate', () => {
  it.each([
    ['none where all is well', {}, []],
    ['expired', { notBefore: later(-90), notAfter: later(-1) }, ['expired']],
    ['not_yet_valid', { notBefore: later(1) }, ['not_yet_valid']],
    ['expires_soon', { notBefore: later(-80), notAfter: later(10) }, ['expires_soon']],
    ['never_valid', { notBefore: later(1), notAfter: later(-1) }, ['never_valid']],
    ['no_subject_alternative_name', { names: [] }, ['no_subject_alternative_name']],
    ['no_subject_alternative_name not on a CA', { names: [], ca: true }, []],
    ['self_signed', { issuer: 'leaf.example' }, ['self_signed']],
    ['weak_key, weak_signature on MD5', { keys: shortRsaKeys, signature: 'md5' }, ['weak_key', 'weak_signature']],
    ['weak_key, weak_signature on SHA-1', { keys: shortRsaKeys, signature: 'sha1' }, ['weak_key', 'weak_signature']],
    ['weak_key alone on SHA-256', { keys: shortRsaKeys, signature: 'sha256' }, ['weak_key']],
  ] as const)('%s', async (_name, choices, expected) => {
    const inspection = await bytes(makeCertificate(choices));
    expect(inspection.kind).toBe('certificate');
    expect(codes(inspection)).toEqual(expected);
    expectSound(inspection);
  });

  it('self_signed is not given for the name alone', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const inspection = await bytes(makeCertificate({ issuer: 'leaf.example', spki }));
    expect(codes(inspection)).toEqual([]);
    expect(inspection.summary).toContain('issued by CN=leaf.example');
  });

  it('weak_signature weighs little on a root, whose signature proves nothing', async () => {
    const root = { issuer: 'Root', subject: 'Root', ca: true, keys: shortRsaKeys, signature: 'sha1' } as const;
    const severity = async (choices: Parameters<typeof makeCertificate>[0]): Promise<string | undefined> =>
      (await bytes(makeCertificate(choices))).findings.find(({ code }) => code === 'weak_signature')?.severity;
    expect(await severity(root)).toBe('low');
    expect(await severity({ ...root, issuer: 'Other' })).toBe('high');
  });

  it('trailing_data where bytes follow it, in DER and in PEM', async () => {
    const der = Buffer.concat([makeCertificate(), Buffer.from('more')]);
    expect(new X509Certificate(der).subject).toBe('CN=leaf.example');
    for (const inspection of [await bytes(der), await text(pem('CERTIFICATE', der))]) {
      expect(codes(inspection)).toEqual(['trailing_data']);
      expect(inspection.findings[0]?.explanation).toMatch(/^4 bytes follow/);
    }
    expect(codes(await text(pem('TRUSTED CERTIFICATE', der)))).toEqual([]);
  });

  it('unreadable_key where the key is of a kind that Node does not know', async () => {
    const spki = sequence(sequence(oid('1.2.3.4')), tlv(0x03, Buffer.from([0, 1, 2])));
    const inspection = await bytes(makeCertificate({ spki }));
    expect(inspection.kind).toBe('certificate');
    expect(codes(inspection)).toEqual(['unreadable_key']);
    expectSound(inspection);
  });

  it('unreadable where PEM says certificate and holds none', async () => {
    const inspection = await text(pem('CERTIFICATE', Buffer.from('no certificate at all')));
    expect(inspection.kind).toBe('pem');
    expect(codes(inspection)).toEqual(['unreadable']);
  });
});

describe('the signature algorithm', () => {
  it('of a kind without a name is told as its OID', async () => {
    const { details } = await bytes(makeCertificate({ signature: 'unknown' }));
    expect(details['signature_algorithm']).toBe('1.2.3.4.5');
  });

  it('of RSASSA-PSS is told by the hash in its parameters, SHA-1 where there is none', async () => {
    // The signature is no longer right; only the algorithm is read.
    const withAlgorithm = (parameters: Buffer): Buffer => {
      const from = sequence(oid('1.2.840.10045.4.3.2'));
      const to = sequence(oid('1.2.840.113549.1.1.10'), parameters);
      const [tbs, , rest] = elements(makeCertificate());
      const inner = elements(tbs ?? Buffer.alloc(0)).map((part) => (part.equals(from) ? to : part));
      return sequence(sequence(...inner), to, rest ?? Buffer.alloc(0));
    };
    const hash = sequence(oid('2.16.840.1.101.3.4.2.3'));
    const sha512 = sequence(tlv(0xa0, hash), tlv(0xa1, sequence(oid('1.2.840.113549.1.1.8'), hash)));
    expect((await bytes(withAlgorithm(sha512))).details['signature_algorithm']).toBe('RSASSA-PSS SHA-512');
    const weak = await bytes(withAlgorithm(sequence()));
    expect(weak.details['signature_algorithm']).toBe('RSASSA-PSS SHA-1');
    expect(codes(weak)).toEqual(['weak_signature']);
    // The mask would be of SHA-1: no signer of sense mixes them, and the reader of signatures takes no such thing.
    const mixed = await bytes(withAlgorithm(sequence(tlv(0xa0, hash))));
    expect(codes(mixed)).toEqual(['unknown_signature']);
  });
});

/** The elements of a sequence, of short and two-byte lengths. */
function elements(der: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  const headOf = (at: number): number => (der.readUInt8(at + 1) < 0x80 ? 2 : 2 + (der.readUInt8(at + 1) & 0x7f));
  const sizeOf = (at: number): number =>
    headOf(at) + (headOf(at) === 2 ? der.readUInt8(at + 1) : der.readUIntBE(at + 2, headOf(at) - 2));
  for (let at = headOf(0); at < der.length; at += sizeOf(at)) parts.push(der.subarray(at, at + sizeOf(at)));
  return parts;
}

describe('text in a certificate', () => {
  it('is shown with bidirectional and control characters escaped', async () => {
    const inspection = await bytes(
      makeCertificate({ subject: 'safe\u202Emoc.live\u0007\u200B', names: ['a\u0000b.example', 'x\u001B[2J.example'] }),
    );
    expect(inspection.details['subject']).toBe('CN=safe\\u{202E}moc.live\\u{7}\\u{200B}');
    expectSound(inspection);
  });

  it('cannot pass for several attributes or several names', async () => {
    const inspection = await bytes(makeCertificate({ subject: 'a, O=Google', names: ['a.example, DNS:b.example'] }));
    expect(inspection.details['subject']).toBe('CN=a\\, O=Google');
    expect(inspection.details['names']).toHaveLength(1);
  });

  it('is bounded, however much there is', async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `host-${i}.example`);
    const inspection = await bytes(makeCertificate({ subject: '\u202E'.repeat(3_000), names }));
    expect(inspection.kind).toBe('certificate');
    expect(inspection.details['names_left_out']).toBe(9_950);
    expectSound(inspection);
  });
});

describe('a certificate that clients refuse for its form', () => {
  const value = extendedKeyUsage(['serverAuth']);
  it.each([
    ['malformed_extension', { extra: [{ oid: EXTENSION_OIDS.nameConstraints, value: Buffer.from([0x30, 0x03, 0]) }] }],
    ['duplicate_extension', { extra: [{ oid: EXTENSION_OIDS.extendedKeyUsage, value }] }],
    ['unknown_critical_extension', { extra: [unknownExtension(true)] }],
    [
      'unsupported_version',
      { version: 1, onlyExtensions: [{ oid: EXTENSION_OIDS.subjectAltName, value: generalNames(['a.example']) }] },
    ],
    ['serial_number', { serial: Buffer.from([0xff]) }],
    ['bad_signature', { innerSignatureAlgorithm: sequence(oid('1.2.840.10045.4.3.3')) }],
  ] as const)('%s', async (code, options) => {
    const { der } = issue({ subject: 'CN=a.example', issuer: CA, san: ['a.example'], at: NOW, ...(options as object) });
    const inspection = await bytes(der);
    expect(inspection.kind).toBe('certificate');
    expect(codes(inspection)).toEqual([code]);
    expect(inspection.findings[0]?.severity).toBe('high');
    expectSound(inspection);
  });

  it('malformed_certificate where OpenSSL reads what is no strict DER', async () => {
    // The length of the serial number in two octets instead of one.
    const [serial, long] = [Buffer.from('02021001', 'hex'), Buffer.from('0281021001', 'hex')];
    const [tbs = serial, ...rest] = elements(makeCertificate());
    const inner = sequence(sequence(...elements(tbs).map((part) => (part.equals(serial) ? long : part))), ...rest);
    expect(new X509Certificate(inner).subject).toBe('CN=leaf.example');
    for (const inspection of [await bytes(inner), await text(pem('CERTIFICATE', inner))]) {
      expect(inspection.kind).toBe('certificate');
      expect(codes(inspection)).toEqual(['malformed_certificate']);
      expectSound(inspection);
    }
  });

  it('is not seen in a text that begins like DER and holds PEM', async () => {
    expect(await bytes(Buffer.from(`0\n${ROOT_PEM}`))).toEqual(await text(ROOT_PEM));
  });
});

describe('a certificate that names or keys make useless', () => {
  const lab = async (options: object): Promise<Awaited<ReturnType<typeof bytes>>> =>
    bytes(issue({ subject: 'CN=a.example', issuer: CA, san: ['a.example'], at: NOW, ...options }).der);

  it('address_as_dns_name', async () => {
    expect(codes(await lab({ san: [{ dns: '192.0.2.1' }] }))).toEqual(['address_as_dns_name']);
    expect(codes(await lab({ san: [{ ip: '192.0.2.1' }] }))).toEqual([]);
  });

  it('unaccepted_key for a curve that no TLS client takes', async () => {
    const inspection = await lab({ key: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }) });
    expect(codes(inspection)).toEqual(['unaccepted_key']);
    expect(inspection.findings[0]?.explanation).toContain('secp256k1');
  });

  it('oversized_key, which is not looked at', async () => {
    const big = tlv(0x02, Buffer.alloc(5_000, 0x7f));
    const rsa = sequence(oid('1.2.840.113549.1.1.1'), Buffer.from([5, 0]));
    const spki = sequence(rsa, tlv(0x03, Buffer.from([0]), sequence(big, big)));
    expect(codes(await bytes(makeCertificate({ spki })))).toEqual(['oversized_key']);
  });
});
