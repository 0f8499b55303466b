/** Inspection as a whole: whatever is given, there is a report, which is JSON, bounded, visible and without secrets. */

import { generateKeyPairSync } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { INSPECT_MAX_BYTES } from '../../src/crypto/inspect.js';
import {
  bytes,
  CANARY,
  codes,
  expectSound,
  integer,
  makeCertificate,
  makeMac,
  makePkcs12,
  makeRequest,
  NOW,
  octets,
  oid,
  pem,
  sequence,
  text,
  tlv,
  token,
} from './inspect/fixtures.js';
import { OPENSSH, PKCS12, PKCS7_PEM, REQUEST_PEM, ROOT_PEM } from './inspect/literals.js';
import { issueCa } from '../support/pki/certificates.js';
import { buildCrl, manyEntries } from '../support/pki/crl.js';
import { buildOcsp } from '../support/pki/ocsp.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const CA = issueCa({ subject: 'CN=Some CA', at: NOW });
const FERNET_KEY = Buffer.alloc(32, 0xa7).toString('base64').replaceAll('+', '-').replaceAll('/', '_');

/** One good artefact of each kind. */
const GOOD: readonly (readonly [kind: string, artefact: string | Uint8Array])[] = [
  ['jwt', token({ alg: 'ES256', kid: 'a' }, { sub: 'alice', exp: 1_800_000_000 })],
  ['jws', token({ alg: 'ES256' }, 'text')],
  ['jwe', `${Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString('base64url')}..AA.AA.AA`],
  [
    'envelope',
    '{"protected":"eyJlbmMiOiJBMjU2R0NNIn0","recipients":[{"header":{"alg":"A256KW","kid":"a.1"}}],"iv":"AA","ciphertext":"AA","tag":"AA"}',
  ],
  ['fernet', 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=='],
  ['fernet_envelope', '{"encrypted_data":"x","salt":"AAAAAAAAAAAAAAAAAAAAAA==","iterations":100000}'],
  ['bcrypt_hash', `$2b$12$${'a'.repeat(53)}`],
  ['argon2_hash', `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`],
  ['phc_hash', `$scrypt$ln=17,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`],
  ['crypt_hash', '$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/'],
  ['password_hash', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='],
  ['hex_digest', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['raw_key', FERNET_KEY],
  ['certificate', ROOT_PEM],
  ['certificate', makeCertificate()],
  ['csr', REQUEST_PEM],
  ['csr', makeRequest({ names: ['a.example'] })],
  ['public_key', publicKey.export({ type: 'spki', format: 'pem' })],
  ['private_key', privateKey.export({ type: 'pkcs8', format: 'der' })],
  ['private_key', OPENSSH.privatePem],
  ['private_key', OPENSSH.lockedPem],
  ['ssh_public_key', OPENSSH.publicLine],
  ['crl', buildCrl({ issuer: CA, at: NOW, entries: manyEntries(3) }).der],
  ['crl', buildCrl({ issuer: CA, at: NOW }).pem],
  ['ocsp_response', buildOcsp({ signer: CA, at: NOW, responses: [{ certificate: CA, issuer: CA }] })],
  ['pkcs7', PKCS7_PEM],
  ['pkcs12', Buffer.from(PKCS12.old, 'base64')],
  ['pkcs12', PKCS12.today],
  ['age_file', 'age-encryption.org/v1\n-> scrypt AAAA 18\nAAAA\n--- AAAA\n'],
  ['age_identity', `AGE-SECRET-KEY-1${'Q'.repeat(58)}`],
  ['age_recipient', `age1${'q'.repeat(58)}`],
  ['jwk', JSON.stringify(publicKey.export({ format: 'jwk' }))],
  ['jwks', JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] })],
  ['json', '{"a":1}'],
  ['openpgp', '-----BEGIN PGP MESSAGE-----\n\nAA==\n-----END PGP MESSAGE-----'],
  ['pem', pem('ATTRIBUTE CERTIFICATE', sequence())],
  ['unknown', 'hello'],
];

describe('one of each kind', () => {
  it.each(GOOD)('%s', async (kind, artefact) => {
    const inspection = typeof artefact === 'string' ? await text(artefact) : await bytes(artefact);
    expect(inspection.kind).toBe(kind);
    expectSound(inspection);
  });

  it.each(GOOD)('%s, given as bytes of text or as base64, is the same', async (kind, artefact) => {
    if (typeof artefact === 'string') expect((await bytes(Buffer.from(artefact))).kind).toBe(kind);
    else expect((await text(Buffer.from(artefact).toString('base64'))).kind).toBe(kind);
  });

  it('secret_key_exposed for what has the form of a Fernet key, which is not shown', async () => {
    const inspection = await text(FERNET_KEY);
    expect(codes(inspection)).toEqual(['secret_key_exposed']);
    expect(JSON.stringify(inspection)).not.toContain(FERNET_KEY);
  });

  it('findings come with the gravest first, each once', async () => {
    const { findings } = await text(token({ alg: 'none', kid: '../x', jku: 'a', x5u: 'b' }, {}));
    expect(findings.map(({ severity }) => severity)).toEqual(['critical', 'high', 'high', 'medium', 'low']);
  });
});

describe('what nothing recognises', () => {
  it.each([
    '',
    ' ',
    '\uFEFF',
    CANARY,
    '-----BEGIN ',
    '{',
    '[]',
    'a.b.c',
    '....',
    '$',
    `$2b$12$${CANARY}`,
    `ssh-rsa ${CANARY}`,
  ])('%j gives a report that does not hold it', async (input) => {
    expectSound(await text(input));
    expectSound(await bytes(Buffer.from(input)));
  });

  it('as bytes is counted', async () => {
    expect(await bytes(Uint8Array.of(0xff, 0xfe, 0))).toMatchObject({ kind: 'unknown', details: { bytes: 3 } });
    expect(await bytes(new Uint8Array(0))).toMatchObject({ kind: 'unknown', details: { bytes: 0 } });
  });
});

/** A chain of nested sequences, as deep as `size` bytes make it. */
function nested(size: number): Buffer {
  const heads: Buffer[] = [];
  for (let length = 0; length < size;) {
    const head = Buffer.from([0x30, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff]);
    heads.push(head);
    length += head.length;
  }
  return Buffer.concat(heads.toReversed());
}

/** Text or bytes of about `INSPECT_MAX_BYTES` that aim at one reader each. */
const HOSTILE: readonly (readonly [name: string, make: () => string | Uint8Array])[] = [
  ['one letter', () => 'a'.repeat(INSPECT_MAX_BYTES)],
  ['one padding character', () => '='.repeat(INSPECT_MAX_BYTES)],
  ['zero bytes', () => new Uint8Array(INSPECT_MAX_BYTES)],
  ['SEQUENCE tags', () => new Uint8Array(INSPECT_MAX_BYTES).fill(0x30)],
  ['invisible characters', () => '\u202E'.repeat(INSPECT_MAX_BYTES / 3)],
  ['dots', () => `a${'.'.repeat(INSPECT_MAX_BYTES)}`],
  ['dollars', () => '$'.repeat(INSPECT_MAX_BYTES)],
  ['digits of an argon2 hash', () => `$argon2id$v=19$m=${'9'.repeat(INSPECT_MAX_BYTES)},t=1,p=1$AA$AA`],
  ['hexadecimal', () => 'f'.repeat(INSPECT_MAX_BYTES - 1)],
  ['PEM begins without ends', () => '-----BEGIN '.repeat(90_000)],
  ['PEM begins of private keys without ends', () => '-----BEGIN PRIVATE KEY-----\n'.repeat(35_000)],
  ['PEM blocks', () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'.repeat(17_000)],
  ['PEM blocks of OpenSSH keys', () => OPENSSH.privatePem.repeat(2_500)],
  ['PEM headers', () => `-----BEGIN CERTIFICATE-----\n${'A: b\n'.repeat(200_000)}-----END CERTIFICATE-----`],
  ['JSON of small objects', () => `{"a":[${'{},'.repeat(340_000)}{}]}`],
  ['JSON nested deep', () => '{"a":'.repeat(200_000)],
  ['JSON of many members', () => `{${Array.from({ length: 80_000 }, (_, i) => `"\u202E${i}":1`).join()}}`],
  ['JSON of many keys', () => `{"keys":[${'{"kty":"RSA","n":"AQAB","e":"AQAB"},'.repeat(25_000)}{}]}`],
  // The size of the exponent is what node:crypto takes quadratic time over.
  ['JWK with a huge exponent', () => JSON.stringify({ kty: 'RSA', n: 'x'.repeat(500_000), e: 'x'.repeat(500_000) })],
  ['JWK with a huge secret', () => JSON.stringify({ kty: 'oct', k: 'x'.repeat(1_000_000) })],
  [
    'JWE of many recipients',
    () => `{"ciphertext":"A","iv":"A","recipients":[${'{"header":{"alg":"RSA1_5"}},'.repeat(35_000)}{}]}`,
  ],
  ['JWT of colons in a URL', () => token({ alg: 'ES256' }, { a: `x://${':'.repeat(180_000)}` })],
  ['JWT of URL beginnings', () => token({ alg: 'ES256' }, { a: '://?token&'.repeat(18_000) })],
  ['JWT of key beginnings', () => token({ alg: 'ES256' }, { a: '-----BEGIN PRIVATE KEY-----'.repeat(7_000) })],
  ['JWT header over its bound', () => token({ alg: 'a'.repeat(100_000) }, {})],
  ['age stanzas', () => `age-encryption.org/v1\n${'-> X a\n'.repeat(150_000)}--- x`],
  ['age arguments', () => `age-encryption.org/v1\n-> X ${'a '.repeat(500_000)}`],
  ['DER nested deep', () => nested(INSPECT_MAX_BYTES)],
  ['DER nested deep, within the bound of certificates', () => nested(250_000)],
  ['PKCS#12 nested deep', () => sequence(integer('03'), nested(200_000))],
  ['PKCS#12 of many elements', () => makePkcs12(Array.from({ length: 60_000 }, () => Buffer.from([5, 0])))],
  [
    'PKCS#12 within itself',
    () => {
      const data = oid('1.2.840.113549.1.7.1');
      let inner: Buffer = sequence(data);
      for (let i = 0; i < 3_000; i++) inner = sequence(sequence(data, tlv(0xa0, octets(inner))));
      return makePkcs12([inner]);
    },
  ],
  ['PKCS#12 with a huge count', () => makePkcs12([], makeMac('2.16.840.1.101.3.4.2.1', '7f'.repeat(100_000)))],
  [
    'RSA key with a huge modulus and exponent',
    () => {
      const big = integer(`7f${'ff'.repeat(450_000)}`);
      const rsa = sequence(oid('1.2.840.113549.1.1.1'), Buffer.from([5, 0]));
      return sequence(rsa, tlv(3, Buffer.from([0]), sequence(big, big)));
    },
  ],
  [
    'certificate with a huge key',
    () => {
      const big = integer(`7f${'ff'.repeat(100_000)}`);
      const rsa = sequence(oid('1.2.840.113549.1.1.1'), Buffer.from([5, 0]));
      return makeCertificate({ spki: sequence(rsa, tlv(3, Buffer.from([0]), sequence(big, big))) });
    },
  ],
  [
    'DH private key with a huge prime',
    () => {
      const big = integer(`7f${'ff'.repeat(300_000)}`);
      return sequence(integer('00'), sequence(oid('1.2.840.113549.1.3.1'), sequence(big, integer('02'))), octets(big));
    },
  ],
  ['PEM blocks of certificates', () => ROOT_PEM.repeat(1_300)],
  ['CRL of 25,000 entries', () => buildCrl({ issuer: CA, at: NOW, entries: manyEntries(25_000) }).der],
  [
    'PKCS#7 of certificates',
    () => {
      const certificates = tlv(0xa0, ...Array.from({ length: 1_500 }, () => CA.der));
      const data = sequence(integer('01'), tlv(0x31), sequence(oid('1.2.840.113549.1.7.1')), certificates);
      return sequence(oid('1.2.840.113549.1.7.2'), tlv(0xa0, data));
    },
  ],
  [
    'PKCS#7 of empty elements',
    () => {
      const certificates = tlv(0xa0, Buffer.from('3000'.repeat(500_000), 'hex'));
      const data = sequence(integer('01'), tlv(0x31), sequence(oid('1.2.840.113549.1.7.1')), certificates);
      return sequence(oid('1.2.840.113549.1.7.2'), tlv(0xa0, data));
    },
  ],
  [
    'certificate of 12,000 names',
    () => makeCertificate({ names: Array.from({ length: 12_000 }, (_, i) => `h${i}.example`) }),
  ],
  ['request of 3,000 names', () => makeRequest({ names: Array.from({ length: 3_000 }, (_, i) => `h${i}.example`) })],
];

describe('hostile input of a mebibyte', () => {
  it.each(HOSTILE)('%s', async (_name, make) => {
    const input = make();
    expectSound(typeof input === 'string' ? await text(input) : await bytes(input));
  });
});

describe('whatever is given, there is a sound report', () => {
  it('for random bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (input) => {
        expectSound(await bytes(input));
        expectSound(await text(Buffer.from(input).toString('latin1')));
        expectSound(await text(Buffer.from(input).toString('base64')));
      }),
      { numRuns: 300 },
    );
  });

  it('for random text after the beginnings that readers look for', async () => {
    const beginnings = ['', '{"keys":[', '$', '$argon2id$', 'AGE-SECRET-KEY-1', 'age1', 'ssh-rsa ', '-----BEGIN '];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...beginnings),
        fc.string({ unit: 'binary', maxLength: 200 }),
        async (begin, rest) => {
          expectSound(await text(begin + rest));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('for random headers and claims', async () => {
    const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }));
    await fc.assert(
      fc.asyncProperty(object, object, async (header, claims) => {
        expectSound(await text(token(header, claims)));
        expectSound(await text(JSON.stringify({ keys: [{ kty: 'RSA', ...header }, claims] })));
        expectSound(
          await text(JSON.stringify({ ...claims, ciphertext: 'AA', iv: '', recipients: [{ header }, claims] })),
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each(GOOD)('for a %s with bytes changed, cut out or put in', async (_kind, artefact) => {
    const original = Buffer.from(artefact);
    const change = fc.record({
      at: fc.nat({ max: original.length - 1 }),
      remove: fc.nat({ max: 3 }),
      insert: fc.uint8Array({ maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        let mutant: Buffer = original;
        for (const { at, remove, insert } of changes)
          mutant = Buffer.concat([mutant.subarray(0, at), insert, mutant.subarray(at + remove)]);
        expectSound(await bytes(mutant));
        expectSound(await text(mutant.toString('latin1')));
      }),
      { numRuns: 60 },
    );
  });
});
