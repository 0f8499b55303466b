/** Signatures: published ones, every algorithm by the lab's keys, and each way in which algorithm, parameters, key and signature do not fit. */

import { constants, createPublicKey, sign, type KeyObject } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { DerReader } from '../../../src/crypto/certificate/der.js';
import { readAlgorithm, type AlgorithmIdentifier } from '../../../src/crypto/certificate/parse.js';
import { signatureKind, verifySignature } from '../../../src/crypto/certificate/signature.js';
import { explicit, integer, nullValue, oid, sequence, type Der } from '../../support/pki/der.js';
import { hashAlgorithm, newKey, signer, type Hash, type KeyName, type SignWith } from '../../support/pki/keys.js';

const DATA = Buffer.from('what is signed');
const algorithmOf = (der: Der): AlgorithmIdentifier => readAlgorithm(new DerReader(der).next());
const algorithm = (id: string, ...parameters: Der[]): AlgorithmIdentifier =>
  algorithmOf(sequence(oid(id), ...parameters));
const hexBytes = (text: string): Buffer => Buffer.from(text, 'hex');

describe('published signatures', () => {
  // https://www.rfc-editor.org/rfc/rfc8032#section-7.1
  it.each([
    [
      'TEST 1',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      'TEST 2',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
  ])('Ed25519, RFC 8032 section 7.1, %s', (_, key, message, signature) => {
    const x = hexBytes(key).toString('base64url');
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const ed25519 = algorithm('1.3.101.112');
    expect(verifySignature(ed25519, publicKey, hexBytes(message), hexBytes(signature))).toBe(true);
    expect(verifySignature(ed25519, publicKey, hexBytes(`${message}00`), hexBytes(signature))).toBe(false);
    // S + L is the same number to a lenient verifier (RFC 8032 section 5.1.7).
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(hexBytes(signature).subarray(32).toReversed()).toString('hex')}`) + order;
    const high = hexBytes(s.toString(16).padStart(64, '0')).toReversed();
    const malleable = Buffer.concat([hexBytes(signature).subarray(0, 32), high]);
    expect(verifySignature(ed25519, publicKey, hexBytes(message), malleable)).toBe(false);
  });

  // https://www.rfc-editor.org/rfc/rfc6979#appendix-A.2.5
  it.each([
    [
      '1.2.840.10045.4.3.2',
      'SHA-256',
      'EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716',
      'F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8',
    ],
    [
      '1.2.840.10045.4.3.3',
      'SHA-384',
      '0EAFEA039B20E9B42309FB1D89E213057CBF973DC0CFC8F129EDDDC800EF7719',
      '4861F0491E6998B9455193E34E7B0D284DDD7149A74B95B9261F13ABDE940954',
    ],
    [
      '1.2.840.10045.4.3.4',
      'SHA-512',
      '8496A60B5E9B47C825488827E0495B0E3FA109EC4568FD3F8D1097678EB97F00',
      '2362AB1ADBE2B8ADF9CB9EDAB740EA6049C028114F2460F96554F61FAE3302FE',
    ],
  ])('ECDSA, RFC 6979 appendix A.2.5, %s (%s)', (id, _, r, s) => {
    const x = hexBytes('60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6').toString('base64url');
    const y = hexBytes('7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299').toString('base64url');
    const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
    const signature = sequence(integer(BigInt(`0x${r}`)), integer(BigInt(`0x${s}`)));
    expect(verifySignature(algorithm(id), publicKey, Buffer.from('sample'), signature)).toBe(true);
    expect(verifySignature(algorithm(id), publicKey, Buffer.from('test'), signature)).toBe(false);
  });
});

const ALL: [KeyName, SignWith | undefined, string, boolean][] = [
  ['rsa2048', 'sha1', 'SHA-1 with RSA', true],
  ['rsa2048', 'sha224', 'SHA-224 with RSA', true],
  ['rsa2048', 'sha256', 'SHA-256 with RSA', false],
  ['rsa2048', 'sha384', 'SHA-384 with RSA', false],
  ['rsa2048', 'sha512', 'SHA-512 with RSA', false],
  ['rsa2048', { pss: 'sha1' }, 'RSASSA-PSS SHA-1', true],
  ['rsa2048', { pss: 'sha256' }, 'RSASSA-PSS SHA-256', false],
  ['rsa2048', { pss: 'sha384' }, 'RSASSA-PSS SHA-384', false],
  ['rsa2048', { pss: 'sha512' }, 'RSASSA-PSS SHA-512', false],
  ['rsa2048', { pss: 'sha256', saltLength: 0 }, 'RSASSA-PSS SHA-256', false],
  ['rsa2048', { pss: 'sha256', saltLength: 64 }, 'RSASSA-PSS SHA-256', false],
  ['rsapss2048', 'rsa-pss', 'RSASSA-PSS SHA-256', false],
  ['p256', 'sha1', 'SHA-1 with ECDSA', true],
  ['p256', 'sha224', 'SHA-224 with ECDSA', true],
  ['p256', 'sha256', 'SHA-256 with ECDSA', false],
  ['p384', 'sha384', 'SHA-384 with ECDSA', false],
  ['p521', 'sha512', 'SHA-512 with ECDSA', false],
  ['p384', 'sha256', 'SHA-256 with ECDSA', false],
  ['secp256k1', 'sha256', 'SHA-256 with ECDSA', false],
  ['ed25519', undefined, 'Ed25519', false],
  ['ed448', undefined, 'Ed448', false],
];
const made = ALL.map(([keyName, signWith, name, weak]) => {
  const { publicKey, privateKey } = newKey(keyName);
  const how = signer(privateKey, signWith);
  return { keyName, name, weak, publicKey, algorithm: algorithmOf(how.algorithm), signature: how.sign(DATA) };
});

describe.each(made)('$name by $keyName', ({ keyName, name, weak, publicKey, algorithm: own, signature }) => {
  it('is verified, and told as what it is', () => {
    expect(verifySignature(own, publicKey, DATA, signature)).toBe(true);
    expect(signatureKind(own)).toEqual({ name, weak, known: true });
  });

  it('is not verified over other data, nor with another key, nor cut or lengthened', () => {
    expect(verifySignature(own, publicKey, Buffer.concat([DATA, Buffer.of(0)]), signature)).toBe(false);
    // The RSA keys of the lab's pool come under both identifiers: as PSS keys they are left to the test below.
    const others = made.filter(
      (entry) => !entry.publicKey.equals(publicKey) && !`${entry.keyName}${keyName}`.includes('pss'),
    );
    for (const { publicKey: other } of others) expect(verifySignature(own, other, DATA, signature)).toBe(false);
    for (const odd of [
      signature.subarray(1),
      signature.subarray(0, -1),
      Buffer.concat([signature, Buffer.of(0)]),
      Buffer.concat([Buffer.of(0), signature]),
      new Uint8Array(),
    ])
      expect(verifySignature(own, publicKey, DATA, odd)).toBe(false);
  });

  it('is not verified under any other algorithm', () => {
    for (const { algorithm: other } of made) {
      if (Buffer.compare(other.der, own.der) === 0) continue;
      expect(verifySignature(other, publicKey, DATA, signature), other.oid).toBe(false);
    }
  });

  it('with a flipped bit is not verified', () => {
    fc.assert(
      fc.property(fc.nat({ max: signature.length * 8 - 1 }), (bit) => {
        const changed = Buffer.from(signature);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(verifySignature(own, publicKey, DATA, changed)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });
});

describe('parameters', () => {
  const rsa = newKey('rsa2048');
  const ec = newKey('p256');
  const ed = newKey('ed25519');
  const cases: [string, boolean, KeyObject, KeyObject, AlgorithmIdentifier, Hash | null][] = [
    ['NULL with RSA', true, rsa.publicKey, rsa.privateKey, algorithm('1.2.840.113549.1.1.11', nullValue()), 'sha256'],
    [
      'none with RSA (RFC 4055 section 5)',
      true,
      rsa.publicKey,
      rsa.privateKey,
      algorithm('1.2.840.113549.1.1.11'),
      'sha256',
    ],
    ['others with RSA', false, rsa.publicKey, rsa.privateKey, algorithm('1.2.840.113549.1.1.11', sequence()), 'sha256'],
    [
      'a NULL that is not empty with RSA',
      false,
      rsa.publicKey,
      rsa.privateKey,
      algorithm('1.2.840.113549.1.1.11', Uint8Array.of(5, 1, 0)),
      'sha256',
    ],
    [
      'none with ECDSA (RFC 5758 section 3.2)',
      true,
      ec.publicKey,
      ec.privateKey,
      algorithm('1.2.840.10045.4.3.2'),
      'sha256',
    ],
    ['NULL with ECDSA', false, ec.publicKey, ec.privateKey, algorithm('1.2.840.10045.4.3.2', nullValue()), 'sha256'],
    [
      'NULL with Ed25519 (RFC 8410 section 3)',
      false,
      ed.publicKey,
      ed.privateKey,
      algorithm('1.3.101.112', nullValue()),
      null,
    ],
  ];
  it.each(cases)('%s', (_, fit, publicKey, privateKey, own, hash) => {
    expect(verifySignature(own, publicKey, DATA, sign(hash, DATA, privateKey))).toBe(fit);
    expect(signatureKind(own).known).toBe(fit);
  });
});

describe('RSASSA-PSS parameters (RFC 4055 section 3.1)', () => {
  const { publicKey, privateKey } = newKey('rsa2048');
  const PSS = '1.2.840.113549.1.1.10';
  const hash = (name: Hash, bare = false): Der =>
    bare ? sequence(hashAlgorithm(name).subarray(2, -2)) : hashAlgorithm(name);
  const mgf = (of: Der, ...more: Der[]): Der => sequence(oid('1.2.840.113549.1.1.8'), of, ...more);
  const pss = (...parts: Der[]): AlgorithmIdentifier => algorithm(PSS, sequence(...parts));
  const sha256 = explicit(0, hash('sha256'));
  const mask256 = explicit(1, mgf(hash('sha256')));
  const salt = (bytes: number | bigint): Der => explicit(2, integer(bytes));
  const signed = (name: string, saltLength: number): Buffer =>
    sign(name, DATA, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

  it('that are all there, the trailer spelled out too', () => {
    for (const own of [pss(sha256, mask256, salt(32)), pss(sha256, mask256, salt(32), explicit(3, integer(1)))])
      expect(verifySignature(own, publicKey, DATA, signed('sha256', 32))).toBe(true);
  });

  it('whose hashes have no parameters', () => {
    const own = pss(explicit(0, hash('sha256', true)), explicit(1, mgf(hash('sha256', true))), salt(32));
    expect(verifySignature(own, publicKey, DATA, signed('sha256', 32))).toBe(true);
  });

  it('that are left out are SHA-1 and a salt of 20', () => {
    expect(verifySignature(pss(), publicKey, DATA, signed('sha1', 20))).toBe(true);
    expect(signatureKind(pss())).toEqual({ name: 'RSASSA-PSS SHA-1', weak: true, known: true });
  });

  it.each([
    ['another salt length', pss(sha256, mask256, salt(20))],
    ['a salt length left out', pss(sha256, mask256)],
    ['another hash', pss(explicit(0, hash('sha384')), explicit(1, mgf(hash('sha384'))), salt(32))],
    ['another hash of the mask', pss(sha256, explicit(1, mgf(hash('sha384'))), salt(32))],
    ['the hash of the mask left out', pss(sha256, salt(32))],
    ['the hash left out', pss(mask256, salt(32))],
    ['another trailer', pss(sha256, mask256, salt(32), explicit(3, integer(2)))],
    ['another mask generator', pss(sha256, explicit(1, sequence(oid('1.2.3'), hash('sha256'))), salt(32))],
    ['an unknown hash', pss(explicit(0, sequence(oid('1.2.3'))), explicit(1, mgf(sequence(oid('1.2.3')))), salt(32))],
    ['MD5', pss(explicit(0, hash('md5')), explicit(1, mgf(hash('md5'))), salt(16))],
    ['a negative salt', pss(sha256, mask256, salt(-1))],
    ['a salt of 4 GiB', pss(sha256, mask256, salt(2n ** 32n))],
    ['something after them', pss(sha256, mask256, salt(32), nullValue())],
    ['something after the salt', pss(sha256, mask256, explicit(2, integer(32), integer(32)))],
    ['something after the hash', pss(explicit(0, hash('sha256'), hash('sha256')), mask256, salt(32))],
    ['something after the mask', pss(sha256, explicit(1, mgf(hash('sha256'), nullValue())), salt(32))],
    [
      'odd parameters of the hash',
      pss(explicit(0, sequence(oid('2.16.840.1.101.3.4.2.1'), integer(1))), mask256, salt(32)),
    ],
    ['the wrong order', pss(mask256, sha256, salt(32))],
    ['none at all', algorithm(PSS)],
    ['NULL', algorithm(PSS, nullValue())],
  ])('with %s do not verify', (_, own) => {
    expect(verifySignature(own, publicKey, DATA, signed('sha256', 32))).toBe(false);
  });

  it('a signature without its leading zero is of the wrong length (RFC 8017 section 8.1.2)', () => {
    // Salts are random: one signature in 256 begins with zero.
    let signature = signed('sha256', 32);
    while (signature[0] !== 0) signature = signed('sha256', 32);
    const own = pss(sha256, mask256, salt(32));
    expect(verifySignature(own, publicKey, DATA, signature)).toBe(true);
    expect(verifySignature(own, publicKey, DATA, signature.subarray(1))).toBe(false);
  });

  it('a PSS key does not verify PKCS#1, and a PKCS#1 signature is none of PSS', () => {
    const key = newKey('rsapss2048');
    const pkcs1 = sign('sha256', DATA, privateKey);
    expect(verifySignature(algorithm('1.2.840.113549.1.1.11', nullValue()), key.publicKey, DATA, pkcs1)).toBe(false);
    expect(verifySignature(pss(sha256, mask256, salt(32)), publicKey, DATA, pkcs1)).toBe(false);
  });
});

describe('an ECDSA signature in another encoding', () => {
  const { publicKey, privateKey } = newKey('p256');
  const own = algorithm('1.2.840.10045.4.3.2');
  const raw = sign('sha256', DATA, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const [r, s] = [raw.subarray(0, 32), raw.subarray(32)];
  const positive = (bytes: Uint8Array): Der => integer(BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
  const padded = (bytes: Uint8Array): Der => integer(Buffer.concat([Buffer.alloc(2), bytes]));

  it('than DER is none', () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    expect(verifySignature(own, publicKey, DATA, sequence(positive(r), positive(s)))).toBe(true);
    for (const [what, odd] of Object.entries({
      'r || s': raw,
      'needless zeros': sequence(padded(r), positive(s)),
      'a third number': sequence(positive(r), positive(s), integer(0)),
      'one number': sequence(positive(r)),
      'r + n': sequence(integer(BigInt(`0x${r.toString('hex')}`) + order), positive(s)),
      zero: sequence(integer(0), integer(0)),
      n: sequence(integer(order), integer(order)),
      one: sequence(integer(1), integer(1)),
      negative: sequence(integer(-1), positive(s)),
      'a length of two octets': Buffer.concat([Buffer.of(0x30, 0x81), sequence(positive(r), positive(s)).subarray(1)]),
      'an indefinite length': Buffer.concat([Buffer.of(0x30, 0x80), positive(r), positive(s), Buffer.of(0, 0)]),
    }))
      expect(verifySignature(own, publicKey, DATA, odd), what).toBe(false);
  });
});

it('an unknown algorithm is told by its number and verifies nothing', () => {
  const { publicKey, privateKey } = newKey('p256');
  // SHA3-256 with RSA, and nothing at all.
  for (const id of ['2.16.840.1.101.3.4.3.14', '1.2.3.4']) {
    expect(signatureKind(algorithm(id))).toEqual({ name: id, weak: false, known: false });
    expect(verifySignature(algorithm(id), publicKey, DATA, sign('sha256', DATA, privateKey))).toBe(false);
  }
  for (const id of ['1.2.840.113549.1.1.2', '1.2.840.113549.1.1.4', '1.2.840.10040.4.3', '2.16.840.1.101.3.4.3.2'])
    expect(signatureKind(algorithm(id))).toMatchObject({ weak: true, known: true });
});
