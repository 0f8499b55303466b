/** Tokens: the published examples verify, what is signed verifies, and one changed character makes any of it invalid. */

import { createSecretKey, type KeyObject } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fromUtf8 } from '../../src/crypto/bytes.js';
import { isDeeperThan } from '../../src/crypto/json.js';
import { JWT_ALGORITHMS, readJwks, type JwtAlgorithm } from '../../src/crypto/jwt-keys.js';
import { claimsOf, JWT_LIMITS, signJwt, splitJws, verifyJws, verifyJwt } from '../../src/crypto/jwt.js';
import { makeKey, publicPart } from '../../src/crypto/key-material.js';
import { systemRandom } from '../../src/crypto/random.js';
import {
  EXAMPLE_TOKENS,
  FRODO,
  hs256,
  JOE_CLAIMS,
  RFC7515_EC_KEY,
  RFC7515_HMAC_KEY,
  RFC7515_P521_KEY,
  RFC7515_RSA_KEY,
  RFC7520_HMAC_KEY,
  RFC7520_RSA_KEY,
  RFC8037_KEY,
} from '../support/jose-examples.js';
import { describeWithVectors, readVectors, type WycheproofCase, type WycheproofFile } from '../support/vectors.js';

const before = new Date((JOE_CLAIMS.exp - 1) * 1000);
const now = new Date('2026-06-01T12:00:00Z');
const nowSeconds = now.getTime() / 1000;

describe('the token of RFC 7515 appendix', () => {
  it.each([
    ['A.1 (HS256), also RFC 7519 section 3.1', EXAMPLE_TOKENS.hs256, RFC7515_HMAC_KEY, 'HS256'],
    ['A.2 (RS256)', EXAMPLE_TOKENS.rs256, RFC7515_RSA_KEY, 'RS256'],
    ['A.3 (ES256)', EXAMPLE_TOKENS.es256, RFC7515_EC_KEY, 'ES256'],
  ])('%s verifies until it expires', async (_name, token, jwk, algorithm) => {
    const keys = readJwks(jwk);
    expect(await verifyJwt(token, keys, { issuer: 'joe' }, before)).toEqual({
      valid: true,
      claims: JOE_CLAIMS,
      algorithm,
    });
    expect(await verifyJwt(token, keys, {}, new Date(JOE_CLAIMS.exp * 1000))).toEqual({
      valid: false,
      reason: 'expired',
    });
  });

  it('A.4 (ES512) is refused, with its key and without: the algorithm is none of ours', async () => {
    expect(await verifyJws(EXAMPLE_TOKENS.es512, readJwks(RFC7515_EC_KEY))).toEqual({ reason: 'algorithm_refused' });
    expect(() => readJwks(RFC7515_P521_KEY)).toThrow(/type or curve that no supported algorithm uses/);
  });

  it.each([RFC7515_HMAC_KEY, RFC7515_RSA_KEY, RFC7515_EC_KEY])(
    'A.5 (none), also RFC 7519 section 6.1, is refused under every key: $kty',
    async (jwk) => {
      expect(await verifyJwt(EXAMPLE_TOKENS.none, readJwks(jwk), {}, before)).toEqual({
        valid: false,
        reason: 'algorithm_refused',
      });
    },
  );
});

describe('a payload that is no claims', () => {
  it.each([
    ['RFC 8037 appendix A.4 (EdDSA)', EXAMPLE_TOKENS.eddsa, RFC8037_KEY, 'EdDSA', 'Example of Ed25519 signing'],
    ['RFC 7520 section 4.1 (RS256)', EXAMPLE_TOKENS.frodoRs256, RFC7520_RSA_KEY, 'RS256', FRODO],
    ['RFC 7520 section 4.4 (HS256)', EXAMPLE_TOKENS.frodoHs256, RFC7520_HMAC_KEY, 'HS256', FRODO],
  ])('%s verifies as a signature, and is malformed as a token', async (_name, token, jwk, algorithm, text) => {
    const keys = readJwks({ keys: [jwk] });
    const verified = await verifyJws(token, keys);
    expect(verified).toMatchObject({ algorithm, ...('kid' in jwk ? { keyId: jwk.kid } : {}) });
    expect('payload' in verified && fromUtf8(verified.payload)).toBe(text);
    expect(await verifyJwt(token, keys, {}, now)).toEqual({ valid: false, reason: 'malformed' });
  });

  it('of RFC 7520 section 4.2 is refused: PS384 is none of ours', async () => {
    expect(await verifyJws(EXAMPLE_TOKENS.frodoPs384, readJwks(RFC7520_RSA_KEY))).toEqual({
      reason: 'algorithm_refused',
    });
  });

  it('may be empty', async () => {
    const verified = await verifyJws(hs256(Buffer.alloc(32), { alg: 'HS256' }, ''), [
      { key: createSecretKey(Buffer.alloc(32)), algorithms: ['HS256'] },
    ]);
    expect(verified).toMatchObject({ payload: new Uint8Array(0) });
  });
});

interface JwsCase extends WycheproofCase {
  jws: string;
}

interface JwsGroup {
  public?: object;
  private: { keys: Record<string, unknown>[] };
  tests: JwsCase[];
}

/** The verifier's half of a key set: a few of Wycheproof's groups hold the private half only. */
function publicSet(group: JwsGroup): object {
  if (group.public !== undefined) return group.public;
  const isPrivate = ([name]: [string, unknown]): boolean => ['d', 'p', 'q', 'dp', 'dq', 'qi'].includes(name);
  return {
    keys: group.private.keys.map((jwk) => Object.fromEntries(Object.entries(jwk).filter((entry) => !isPrivate(entry)))),
  };
}

// https://github.com/C2SP/wycheproof/blob/main/testvectors_v1/json_web_key_test.json
describeWithVectors('JWS and JWK, Wycheproof', () => {
  it('agrees on every vector, refusing the key set or the token', async () => {
    const { testGroups } = readVectors<WycheproofFile<JwsGroup>>('wycheproof/json_web_key_test.json');
    const wrong: number[] = [];
    let cases = 0;
    for (const group of testGroups) {
      for (const { tcId, jws, result } of group.tests) {
        cases++;
        let valid = false;
        try {
          valid = 'payload' in (await verifyJws(jws, readJwks(publicSet(group))));
        } catch (error) {
          expect(error).toMatchObject({ code: 'input_invalid' });
        }
        if (valid !== (result === 'valid')) wrong.push(tcId);
      }
    }
    expect(wrong).toEqual([]);
    expect(cases).toBe(26);
  });
});

const made = Object.fromEntries(
  await Promise.all(JWT_ALGORITHMS.map(async (algorithm) => [algorithm, await makeKey(algorithm, systemRandom)])),
) as Record<JwtAlgorithm, KeyObject>;

async function signed(algorithm: JwtAlgorithm, claims: Record<string, unknown>, ttlSeconds = 60): Promise<string> {
  const key = { id: `${algorithm}.1`, algorithm, signing: made[algorithm] };
  return (await signJwt({ claims, ttlSeconds }, key, now, 'jti-1')).token;
}

function candidate(algorithm: JwtAlgorithm): Parameters<typeof verifyJwt>[1] {
  return [{ kid: `${algorithm}.1`, key: publicPart(made[algorithm]), algorithms: [algorithm] }];
}

describe.each(JWT_ALGORITHMS)('%s', (algorithm) => {
  it('verifies what it signed', async () => {
    const keys = candidate(algorithm);
    const depth = JWT_LIMITS.depth - 1;
    const values = fc.dictionary(
      fc.string().map((name) => `x-${name}`),
      fc.jsonValue({ maxDepth: depth - 1 }),
    );
    await fc.assert(
      fc.asyncProperty(values, async (claims) => {
        const verdict = await verifyJwt(await signed(algorithm, claims), keys, {}, now);
        const known = { iat: nowSeconds, exp: nowSeconds + 60, jti: 'jti-1' };
        expect(verdict).toEqual({
          valid: true,
          claims: JSON.parse(JSON.stringify({ ...claims, ...known })) as unknown,
          algorithm,
          keyId: keys[0]?.kid,
        });
      }),
      { numRuns: 20 },
    );
  });

  it('does not verify with any one character changed', async () => {
    const keys = candidate(algorithm);
    const token = await signed(algorithm, { role: 'reader' });
    const alphabet = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. ');
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: token.length - 1 }),
        fc.constantFrom(...alphabet),
        fc.constantFrom('replace', 'insert', 'remove'),
        async (at, character, how) => {
          const tail = token.slice(how === 'insert' ? at : at + 1);
          const changed = token.slice(0, at) + (how === 'remove' ? '' : character) + tail;
          fc.pre(changed !== token);
          expect((await verifyJwt(changed, keys, {}, now)).valid).toBe(false);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('does not verify under another key of its kind', async () => {
    const verifying = publicPart(await makeKey(algorithm, systemRandom));
    const token = await signed(algorithm, {});
    expect(await verifyJwt(token, [{ key: verifying, algorithms: [algorithm] }], {}, now)).toEqual({
      valid: false,
      reason: 'signature',
    });
  });
});

it('Ed25519, the name RFC 9864 gives EdDSA over that curve, verifies with the same key', async () => {
  const [signing, verifying] = [made.EdDSA, publicPart(made.EdDSA)];
  if (signing === undefined) throw new Error('no signing key');
  const { CompactSign } = await import('jose');
  const token = await new CompactSign(Buffer.from(JSON.stringify({ exp: nowSeconds + 1 })))
    .setProtectedHeader({ alg: 'Ed25519' })
    .sign(signing);
  expect(await verifyJwt(token, [{ key: verifying, algorithms: ['EdDSA'] }], {}, now)).toMatchObject({
    valid: true,
    algorithm: 'EdDSA',
  });
});

describe('signing', () => {
  const key = { id: 'k.1', algorithm: 'HS256' as const, signing: createSecretKey(Buffer.alloc(32, 1)) };
  const keys = [{ kid: key.id, key: key.signing, algorithms: [key.algorithm] }];

  it('writes alg, kid and typ, whole seconds, and the registered claims from their own fields', async () => {
    const late = new Date(now.getTime() + 900);
    const request = { subject: 'alice', issuer: 'us', audience: ['a', 'b'], ttlSeconds: 60, notBefore: now };
    const made = await signJwt(request, key, late, 'id-1');
    const parts = splitJws(made.token);
    expect(parts?.header).toEqual({ alg: 'HS256', kid: 'k.1', typ: 'JWT' });
    expect(parts && claimsOf(parts.payload)).toEqual({
      sub: 'alice',
      iss: 'us',
      aud: ['a', 'b'],
      nbf: nowSeconds,
      iat: nowSeconds,
      exp: nowSeconds + 60,
      jti: 'id-1',
    });
    expect(made).toMatchObject({ issuedAt: now, expiresAt: new Date(now.getTime() + 60_000), jwtId: 'id-1' });
  });

  it('never makes a token valid before the time that was asked for', async () => {
    const notBefore = new Date(now.getTime() + 1_500);
    const { token } = await signJwt({ ttlSeconds: 60, notBefore }, key, now, 'id');
    const early = await verifyJwt(token, keys, {}, new Date(notBefore.getTime() - 100));
    expect(early).toEqual({ valid: false, reason: 'not_yet_valid' });
    expect((await verifyJwt(token, keys, {}, new Date(now.getTime() + 2_000))).valid).toBe(true);
  });

  it.each(['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'])('refuses %s in claims', async (name) => {
    await expect(signJwt({ claims: { [name]: 1 }, ttlSeconds: 60 }, key, now, 'id')).rejects.toMatchObject({
      code: 'input_invalid',
      message: `claims holds ${name}, which has a field of its own.`,
    });
  });

  it('refuses an expiry that comes before the beginning', async () => {
    const at = (seconds: number): Promise<unknown> =>
      signJwt({ ttlSeconds: 60, notBefore: new Date(now.getTime() + seconds * 1000) }, key, now, 'id');
    await expect(at(60)).rejects.toMatchObject({ code: 'input_invalid' });
    await expect(at(59)).resolves.toBeDefined();
  });

  it('refuses claims too deep or too large, and reads back those just within', async () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });
    const deepest = nested(JWT_LIMITS.depth) as Record<string, unknown>;
    expect(isDeeperThan(deepest, JWT_LIMITS.depth)).toBe(false);
    const sign = (claims: Record<string, unknown>): Promise<{ token: string }> =>
      signJwt({ claims, ttlSeconds: 60 }, key, now, 'id');
    expect((await verifyJwt((await sign(deepest)).token, keys, {}, now)).valid).toBe(true);
    await expect(sign({ a: deepest })).rejects.toThrow('claims nests deeper than 16 levels.');

    const filled = (bytes: number): Record<string, unknown> => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) });
    expect((await verifyJwt((await sign(filled(16_384))).token, keys, {}, now)).valid).toBe(true);
    await expect(sign(filled(16_385))).rejects.toThrow('claims is over 16384 bytes.');
  });

  it('refuses to make a token larger than verification reads', async () => {
    // 512 characters that JSON writes as six bytes each, in every field that takes them.
    const worst = '\u0001'.repeat(512);
    const audience = Array.from({ length: 16 }, () => worst);
    const request = { claims: { a: 'x'.repeat(16_000) }, subject: worst, issuer: worst, audience, ttlSeconds: 60 };
    await expect(signJwt(request, key, now, 'id')).rejects.toMatchObject({
      code: 'input_invalid',
      message: expect.stringContaining('make a token over 65536 bytes') as string,
    });
  });

  it('carries names of the language as plain names, and refuses __proto__, which JSON readers misread', async () => {
    const signed = async (json: string): Promise<string> =>
      (await signJwt({ claims: JSON.parse(json) as Record<string, unknown>, ttlSeconds: 60 }, key, now, 'id')).token;
    const plain = await verifyJwt(await signed('{"constructor":1,"toString":{"a":2}}'), keys, {}, now);
    expect(plain).toMatchObject({ valid: true, claims: { constructor: 1, toString: { a: 2 } } });
    const misread = await verifyJwt(await signed('{"__proto__":{"admin":true}}'), keys, {}, now);
    expect(misread).toEqual({ valid: false, reason: 'malformed' });
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });
});
