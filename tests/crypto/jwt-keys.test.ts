/** Keys for verifying: what a JWK Set or a PEM may hold, what each key may be used for, and which keys are refused. */

import { generateKeyPairSync, type KeyObject } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  algorithmsOf,
  hasRocaFingerprint,
  JWT_ALGORITHMS,
  readJwks,
  readPublicKeyPem,
} from '../../src/crypto/jwt-keys.js';
import {
  RFC7515_EC_KEY,
  RFC7515_HMAC_KEY,
  RFC7515_RSA_KEY,
  RFC7520_HMAC_KEY,
  RFC7520_RSA_KEY,
  RFC8037_KEY,
  refusal,
} from '../support/jose-examples.js';
import { describeWithVectors, readVectors, type WycheproofFile } from '../support/vectors.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const oct = (bytes: number): object => ({ kty: 'oct', k: Buffer.alloc(bytes, 1).toString('base64url') });

describe('what a key may be used for', () => {
  it.each([
    ['32 symmetric bytes', oct(32), ['HS256']],
    ['47 symmetric bytes', oct(47), ['HS256']],
    ['48 symmetric bytes', oct(48), ['HS256', 'HS384']],
    ['64 symmetric bytes, RFC 7515 appendix A.1', RFC7515_HMAC_KEY, ['HS256', 'HS384', 'HS512']],
    ['64 bytes declared for HS384', { ...RFC7515_HMAC_KEY, alg: 'HS384' }, ['HS384']],
    ['RSA, RFC 7515 appendix A.2', RFC7515_RSA_KEY, ['RS256', 'PS256']],
    ['RSA declared for PS256', { ...RFC7515_RSA_KEY, alg: 'PS256' }, ['PS256']],
    ['P-256, RFC 7515 appendix A.3', RFC7515_EC_KEY, ['ES256']],
    ['P-384', p384.publicKey.export({ format: 'jwk' }), ['ES384']],
    ['Ed25519, RFC 8037 appendix A.2', RFC8037_KEY, ['EdDSA']],
    ['Ed25519 declared as RFC 9864 says', { ...RFC8037_KEY, alg: 'Ed25519' }, ['EdDSA']],
  ])('%s', (_name, jwk, algorithms) => {
    expect(readJwks(jwk).map((key) => key.algorithms)).toEqual([algorithms]);
  });

  it('is at most one family: no key is symmetric and asymmetric', () => {
    for (const { publicKey } of [rsa, p384]) expect(algorithmsOf(publicKey).join()).not.toContain('HS');
  });
});

describe('a JWK Set', () => {
  it('may be one JWK, a set, or the text of either', () => {
    const set = { keys: [{ ...RFC7515_EC_KEY, kid: 'a' }, RFC7520_RSA_KEY] };
    for (const input of [set, JSON.stringify(set)]) {
      expect(readJwks(input).map(({ kid }) => kid)).toEqual(['a', 'bilbo.baggins@hobbiton.example']);
    }
    expect(readJwks(JSON.stringify(RFC7520_HMAC_KEY))).toMatchObject([{ kid: RFC7520_HMAC_KEY.kid }]);
    expect(readJwks(RFC8037_KEY)[0]?.kid).toBeUndefined();
  });

  it.each([
    { use: 'enc' },
    { use: 'tls' },
    { key_ops: ['sign'] },
    { key_ops: [] },
    { key_ops: 'verify' },
    { alg: 'RSA-OAEP' },
    { alg: 'RS1' },
    { alg: 'PS384' },
    { alg: 'none' },
    { alg: 5 },
  ])('leaves out a key with %j, and is refused where none is left', (member) => {
    const jwk = { ...RFC7515_RSA_KEY, ...member };
    expect(readJwks({ keys: [jwk, { ...RFC7515_EC_KEY, kid: 'a' }] }).map(({ kid }) => kid)).toEqual(['a']);
    expect(refusal(() => readJwks(jwk))).toBe('jwks holds no key for verifying signatures.');
  });

  it('takes a key for verifying among other operations', () => {
    expect(readJwks({ ...RFC7515_RSA_KEY, key_ops: ['sign', 'verify'], use: 'sig' })).toHaveLength(1);
  });

  const many = (count: number): object => ({
    keys: Array.from({ length: count }, (_, i) => ({ ...oct(32), kid: String(i) })),
  });
  it('holds 1 to 32 keys', () => {
    expect(readJwks(many(32))).toHaveLength(32);
    for (const input of [many(33), many(0), { keys: {} }, { keys: null }, { keys: 'x' }]) {
      expect(refusal(() => readJwks(input))).toBe('jwks must hold 1 to 32 keys.');
    }
  });

  it.each([
    ['text that is no JSON', 'not json'],
    ['a number', '5'],
    ['an array', [RFC7515_EC_KEY]],
    ['null', null],
    ['nothing', undefined],
    ['text over 64 KiB', JSON.stringify({ ...RFC7515_EC_KEY, a: 'x'.repeat(65_536) })],
    ['text nested too deep', `{"kty":"EC","a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
    [
      'an object nested too deep to be written',
      JSON.parse('{"keys":'.repeat(20_000) + '{}' + '}'.repeat(20_000)) as object,
    ],
  ])('is not %s', (_name, input) => {
    expect(refusal(() => readJwks(input))).toBe('jwks is not a JWK Set or a JWK.');
  });

  it('holds nothing but JWKs', () => {
    for (const member of [null, 'x', 5, []]) {
      expect(refusal(() => readJwks({ keys: [RFC7515_EC_KEY, member] }))).toBe(
        'jwks holds something that is not a JWK.',
      );
    }
  });

  it('does not mix symmetric and asymmetric keys (RFC 8725 section 3.1), not even where one is left out', () => {
    for (const use of ['sig', 'enc']) {
      const set = { keys: [RFC7515_EC_KEY, { ...RFC7515_HMAC_KEY, use }] };
      expect(refusal(() => readJwks(set))).toBe('jwks mixes symmetric and asymmetric keys.');
    }
  });

  it('has one key for each kid, and a kid is text (RFC 7517 section 4.5)', () => {
    const set = {
      keys: [
        { ...RFC7515_EC_KEY, kid: 'a' },
        { ...RFC7515_RSA_KEY, kid: 'a', use: 'enc' },
      ],
    };
    expect(refusal(() => readJwks(set))).toBe('jwks holds two keys of one kid.');
    for (const kid of [1, null, ['a'], {}]) {
      expect(refusal(() => readJwks({ ...RFC7515_EC_KEY, kid }))).toBe('jwks holds a kid that is not text.');
    }
  });
});

describe('a private key is refused, whatever it is meant for', () => {
  const pairs = [rsa, p384, generateKeyPairSync('ed25519'), generateKeyPairSync('x25519')];
  it.each(pairs.map(({ privateKey }) => [privateKey.asymmetricKeyType, privateKey] as const))('%s', (_type, key) => {
    const jwk = key.export({ format: 'jwk' });
    for (const input of [jwk, { ...jwk, use: 'enc' }, JSON.stringify({ keys: [jwk] })]) {
      expect(refusal(() => readJwks(input))).toBe('jwks holds a private key.');
    }
    const texts = [
      key.export({ type: 'pkcs8', format: 'pem' }),
      key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
    ];
    for (const text of texts) {
      expect(refusal(() => readPublicKeyPem(text.toString()))).toBe('public_key holds a private key.');
      expect(refusal(() => readPublicKeyPem(pem(rsa.publicKey) + text.toString()))).toBe(
        'public_key holds a private key.',
      );
    }
  });

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'])('also where only %s is left of it', (name) => {
    expect(refusal(() => readJwks({ ...RFC7515_RSA_KEY, [name]: 'AQAB' }))).toBe('jwks holds a private key.');
  });
});

describe('an unsound key is refused', () => {
  const modulus = (bits: number): string =>
    generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' }).n ?? '';
  const bits = 'jwks holds an RSA key outside 2048 to 8192 bits.';
  const exponent = 'jwks holds an RSA key with an unsound public exponent.';
  const secret = 'jwks holds a symmetric key under 32 bytes or not in base64url.';
  const unfit = 'jwks holds a key that does not fit its alg or is too short for it.';
  const unread = 'jwks holds a key that cannot be read.';
  it.each([
    ['RSA of 1024 bits', { ...RFC7515_RSA_KEY, n: modulus(1024) }, bits],
    ['RSA of 2040 bits', { ...RFC7515_RSA_KEY, n: modulus(2040) }, bits],
    ['RSA of 16,384 bits', { ...RFC7515_RSA_KEY, n: Buffer.alloc(2048, 0xff).toString('base64url') }, bits],
    ['exponent 1', { ...RFC7515_RSA_KEY, e: 'AQ' }, exponent],
    ['exponent 2', { ...RFC7515_RSA_KEY, e: 'Ag' }, exponent],
    ['exponent 65536', { ...RFC7515_RSA_KEY, e: 'AQAA' }, exponent],
    ['exponent over 32 bits', { ...RFC7515_RSA_KEY, e: 'AQAAAAE' }, exponent],
    ['no symmetric bytes', oct(0), secret],
    ['31 symmetric bytes', oct(31), secret],
    ['symmetric bytes with padding', { kty: 'oct', k: Buffer.alloc(32).toString('base64') }, secret],
    ['symmetric bytes with stray bits', { kty: 'oct', k: `${'A'.repeat(42)}B` }, secret],
    ['a number for symmetric bytes', { kty: 'oct', k: 5 }, secret],
    ['32 bytes for HS512', { ...oct(32), alg: 'HS512' }, unfit],
    ['47 bytes for HS384', { ...oct(47), alg: 'HS384' }, unfit],
    ['P-256 for ES384', { ...RFC7515_EC_KEY, alg: 'ES384' }, unfit],
    ['P-256 for HS256', { ...RFC7515_EC_KEY, alg: 'HS256' }, unfit],
    ['RSA for ES256', { ...RFC7515_RSA_KEY, alg: 'ES256' }, unfit],
    ['symmetric for RS256', { ...oct(64), alg: 'RS256' }, unfit],
    ['a point not on its curve', { ...RFC7515_EC_KEY, y: RFC7515_EC_KEY.x }, unread],
    ['a point without y', { ...RFC7515_EC_KEY, y: undefined }, unread],
    ['a curve of another name', { ...RFC7515_EC_KEY, crv: 'P-384' }, unread],
    ['31 bytes of Ed25519', { ...RFC8037_KEY, x: Buffer.alloc(31, 1).toString('base64url') }, unread],
    ['an unknown kty', { kty: 'XYZ' }, unread],
    ['no kty', { keys: [{}] }, unread],
  ])('%s', (_name, jwk, message) => {
    expect(refusal(() => readJwks(jwk))).toBe(message);
  });

  const unsupported = [
    generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    generateKeyPairSync('ed448'),
    generateKeyPairSync('x25519'),
    generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha256' }),
    generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }),
  ].map(
    ({ publicKey }) => [publicKey.asymmetricKeyDetails?.namedCurve ?? publicKey.asymmetricKeyType, publicKey] as const,
  );
  it.each(unsupported)('%s, in PEM and as a JWK where it has one, by its type', (_type, key) => {
    const message = 'holds a key of a type or curve that no supported algorithm uses.';
    expect(refusal(() => readPublicKeyPem(pem(key)))).toBe(`public_key ${message}`);
    if (['rsa-pss', 'dsa'].includes(String(key.asymmetricKeyType))) return;
    expect(refusal(() => readJwks(key.export({ format: 'jwk' })))).toBe(`jwks ${message}`);
  });
});

describe('the mark of the ROCA generator', () => {
  // Nemec et al., "The Return of Coppersmith's Attack" (CCS 2017), section 3.2: N = 65537^k modulo the small primes.
  const primes =
    JSON.parse(`[3,5,7,11,13,17,19,23,29,31,37,41,43,47,53,59,61,67,71,73,79,83,89,97,101,103,107,109,113,127,
    131,137,139,149,151,157,163,167]`) as number[];
  const primorial = primes.reduce((product, prime) => product * BigInt(prime), 2n);

  it('is on every power of 65537 modulo their product, plus any multiple of it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 5000n }), fc.bigInt({ min: 0n, max: 2n ** 1800n }), (k, multiple) => {
        expect(hasRocaFingerprint((65_537n ** k % primorial) + multiple * primorial)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('is not on other moduli', () => {
    for (const { n } of [RFC7515_RSA_KEY, RFC7520_RSA_KEY]) {
      expect(hasRocaFingerprint(BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`))).toBe(false);
    }
    expect(hasRocaFingerprint(0n)).toBe(false);
  });
});

// https://github.com/C2SP/wycheproof/blob/main/testvectors_v1/json_web_key_test.json
describeWithVectors('the ROCA key of Wycheproof', () => {
  it('is refused by its name', () => {
    const { testGroups } = readVectors<WycheproofFile<{ comment: string; public: object }>>(
      'wycheproof/json_web_key_test.json',
    );
    const group = testGroups.find(({ comment }) => comment === 'jws_rsa_roca_key');
    expect(refusal(() => readJwks(group?.public))).toBe(
      'jwks holds an RSA key of the ROCA generator, which can be factored.',
    );
  });
});

it('there are no algorithms but these', () => {
  expect(JWT_ALGORITHMS).toEqual(['HS256', 'HS384', 'HS512', 'PS256', 'RS256', 'ES256', 'ES384', 'EdDSA']);
});
