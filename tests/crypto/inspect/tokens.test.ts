/** Tokens are told by header and claims, with what is wrong about them; nothing in them is believed, no secret shown. */

import { generateKeyPairSync } from 'node:crypto';

import { CompactEncrypt, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';

import { fernetSeal } from '../../../src/crypto/fernet.js';
import { CANARY, codes, expectSound, NOW, text, token } from './fixtures.js';

const now = NOW.getTime() / 1000;
const HEADER = { alg: 'ES256', typ: 'JWT' };
const CLAIMS = { sub: 'alice', aud: 'api', iat: now - 60, exp: now + 3_600 };
const findingsOf = async (header: object, claims: object, signature?: string): Promise<string[]> =>
  codes(await text(token(header, claims, signature)));

describe('a JWT', () => {
  it('of jose is told with its claims and times', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwt = await new SignJWT({ ...CLAIMS }).setProtectedHeader({ alg: 'ES256', kid: 'main.1' }).sign(privateKey);
    const expected = {
      kind: 'jwt',
      summary: 'A JSON Web Token (ES256), valid for 1 hour more by its own claims; its signature was not checked.',
      details: {
        header: { alg: 'ES256', kid: 'main.1' },
        issued_at: '2026-06-01T11:59:00Z',
        expires_at: '2026-06-01T13:00:00Z',
        claims: CLAIMS,
      },
      findings: [],
    };
    expect(await text(jwt)).toEqual(expected);
    expect(await text(`Authorization: Bearer ${jwt}\n`)).toEqual(expected);
  });

  it.each([
    ['algorithm_none', { alg: 'none' }],
    ['algorithm_none', { alg: 'NoNe' }],
    ['algorithm_none', {}],
    ['algorithm_none', { alg: 5 }],
    ['weak_algorithm', { alg: 'HS1' }],
    ['weak_algorithm', { alg: 'es256' }],
    ['legacy_algorithm', { alg: 'RS256' }],
    ['shared_secret', { alg: 'HS256' }],
    ['key_in_header', { alg: 'ES256', jku: 'https://evil.example/keys' }],
    ['key_in_header', { alg: 'ES256', x5u: 'https://evil.example/cert' }],
    ['key_in_header', { alg: 'ES256', jwk: { kty: 'EC' } }],
    ['key_in_header', { alg: 'ES256', x5c: ['AA=='] }],
    ['suspicious_key_id', { alg: 'ES256', kid: '../../dev/null' }],
    ['suspicious_key_id', { alg: 'ES256', kid: "' OR 1=1 --" }],
    ['critical_extension', { alg: 'ES256', crit: ['b64'] }],
  ])('%s: %j', async (code, header) => {
    expect(await findingsOf(header, CLAIMS)).toEqual([code]);
  });

  it.each(['ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'PS512'])('by %s has nothing against it', async (alg) => {
    expect(await findingsOf({ alg }, CLAIMS)).toEqual([]);
  });

  it.each([
    ['no_expiry', { exp: undefined }],
    ['expired', { exp: now - 1 }],
    ['expired', { exp: now }],
    ['expired', { exp: -1 }],
    ['malformed_time', { exp: '2027-01-01' }],
    ['malformed_time', { iat: null }],
    ['malformed_time', { nbf: [] }],
    ['long_life', { exp: now + 31 * 86_400 }],
    ['long_life', { iat: undefined, exp: 1e300 }],
    ['not_yet_valid', { nbf: now + 60 }],
    ['issued_in_future', { iat: now + 301 }],
    ['no_audience', { aud: undefined }],
    ['secret_in_claims', { password: 'hunter2' }],
    ['secret_in_claims', { user: [{ api_key: 'x' }] }],
  ])('%s: %j', async (code, claims) => {
    expect(await findingsOf(HEADER, { ...CLAIMS, ...claims })).toEqual([code]);
  });

  it('signature_missing', async () => {
    expect(await findingsOf(HEADER, CLAIMS, '')).toEqual(['signature_missing']);
    expect(await findingsOf({ alg: 'none' }, CLAIMS, '')).toEqual(['algorithm_none']);
  });

  it('says how long ago it expired, and how far away an absurd expiry is', async () => {
    const summaryOf = async (exp: unknown): Promise<string> => (await text(token(HEADER, { exp }))).summary;
    expect(await summaryOf(now - 3 * 86_400)).toContain('expired 3 days ago');
    expect(await summaryOf(now + 50 * 365 * 86_400)).toContain('valid for 50 years more');
    expect(await summaryOf(1e300)).toContain('valid for more than 10,000 years more');
    expect(await summaryOf('soon')).toContain('with an expiry that is no time');
  });

  it('with a number that is over every double is still JSON', async () => {
    const payload = Buffer.from('{"exp":1e999,"aud":"a"}').toString('base64url');
    const inspection = await text(`${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${payload}.AA`);
    expect(inspection.details['claims']).toEqual({ exp: 'Infinity', aud: 'a' });
    expect(codes(inspection)).toEqual(['malformed_time']);
  });

  it('whose payload is not an object is a jws', async () => {
    const inspection = await text(token(HEADER, 'just text'));
    expect(inspection).toMatchObject({ kind: 'jws', details: { payload_bytes: 11 }, findings: [] });
  });
});

describe('text in a token', () => {
  it('is escaped: in claims, names of claims and header', async () => {
    const inspection = await text(
      token(
        { alg: 'ES\u202E256', 'k\u0000': 'v' },
        { 'na\u200Bme': '\u001B[31mred', nested: { a: '\u2066' }, __proto__: 1 },
      ),
    );
    expect(inspection.details['claims']).toMatchObject({ 'na\\u{200B}me': '\\u{1B}[31mred' });
    expectSound(inspection);
  });

  it('is bounded: many claims, long claims, all of them escapes', async () => {
    for (const part of ['x', '\u202E', '\u0000', '漢', '😀\uD800']) {
      const claims = Object.fromEntries(
        Array.from({ length: 60 }, (_, i) => [`${part.repeat(20)}${i}`, part.repeat(150)]),
      );
      const inspection = await text(token({ alg: 'HS256', kid: part.repeat(100) }, claims));
      expect(inspection.kind).toBe('jwt');
      expectSound(inspection);
    }
  });

  it('does not show secrets: by the name of the claim, by their form, in URLs', async () => {
    const claims = {
      password: CANARY,
      client_secret: { deep: CANARY },
      user: { Passwort: 'x', passphrase: CANARY, accessToken: CANARY, list: [{ apiKey: CANARY }] },
      database: `postgres://admin:${CANARY}@db.example/x`,
      callback: `https://a.example/cb?access_token=${CANARY}&x=1`,
      identity: `AGE-SECRET-KEY-1${CANARY.toUpperCase()}`,
      pem: `-----BEGIN EC PRIVATE KEY-----\n${CANARY}\n-----END EC PRIVATE KEY-----`,
      cut: `-----BEGIN PRIVATE KEY-----\n${CANARY}`,
      key: { kty: 'oct', k: CANARY },
      rsa: [{ kty: 'RSA', d: CANARY, p: CANARY }],
    };
    const inspection = await text(
      token({ alg: 'ES256', jwk: { kty: 'EC', d: CANARY }, jku: `https://u:${CANARY}@x.example` }, claims),
    );
    expect(codes(inspection)).toContain('secret_in_claims');
    expect(JSON.stringify(inspection).toLowerCase()).not.toContain(CANARY);
    expect(inspection.details['claims']).toMatchObject({
      password: '[hidden]',
      database: 'postgres://[hidden]@db.example/x',
      callback: 'https://a.example/cb?access_token=[hidden]&x=1',
      key: '{"kty":"oct","k":"[hidden]"}',
    });
    expectSound(inspection);
  });

  it('about a secret is none', async () => {
    const claims = { ...CLAIMS, password_changed_at: now, password_expired: false, mfa_token: null, secretary: 'bob' };
    expect(await findingsOf(HEADER, claims)).toEqual([]);
  });
});

describe('a compact JWE', () => {
  it('of jose is told with its algorithms', async () => {
    const jwe = await new CompactEncrypt(Buffer.from(CANARY))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(Buffer.alloc(32, 1));
    expect(await text(jwe)).toEqual({
      kind: 'jwe',
      summary: 'An encrypted message (JWE, compact), key management dir, content cipher A256GCM; it was not opened.',
      details: { serialization: 'compact', header: { alg: 'dir', enc: 'A256GCM' } },
      findings: [],
    });
  });

  it.each([
    ['weak_algorithm', { alg: 'RSA1_5' }],
    ['compressed', { alg: 'dir', zip: 'DEF' }],
    ['key_in_header', { alg: 'ECDH-ES', jku: 'https://evil.example' }],
    ['iterations_refused', { alg: 'PBES2-HS512+A256KW', p2c: 2_000_001 }],
    ['iterations_refused', { alg: 'PBES2-HS512+A256KW', p2c: 999 }],
    ['iterations_refused', { alg: 'PBES2-HS512+A256KW', p2c: 'many' }],
    ['weak_derivation', { alg: 'PBES2-HS512+A256KW', p2c: 219_999 }],
    ['weak_derivation', { alg: 'PBES2-HS256+A128KW', p2c: 599_999 }],
    ['incomplete_header', {}],
  ])('%s: %j', async (code, header) => {
    const inspection = await text(
      `${Buffer.from(JSON.stringify({ enc: 'A256GCM', ...header })).toString('base64url')}....`,
    );
    expect(codes(inspection)).toEqual([code]);
    expectSound(inspection);
  });
});

describe('a Fernet token', () => {
  const seal = (time: Date): string =>
    fernetSeal(Buffer.from(CANARY), Buffer.alloc(32, 7), time, (size) => Buffer.alloc(size, 9));

  it('is told with its time', async () => {
    expect(await text(seal(NOW))).toEqual({
      kind: 'fernet',
      summary: 'A Fernet token made 2026-06-01T12:00:00Z (AES-128-CBC with HMAC-SHA256); it was not opened.',
      details: { version: '0x80', created_at: '2026-06-01T12:00:00Z', ciphertext_bytes: 16 },
      findings: [],
    });
  });

  it('issued_in_future', async () => {
    expect(codes(await text(seal(new Date(NOW.getTime() + 61_000))))).toEqual(['issued_in_future']);
  });

  it('of a time that no calendar has', async () => {
    const bytes = Buffer.from(seal(NOW), 'base64url').fill(0xff, 1, 9);
    const inspection = await text(bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_'));
    expect(inspection.kind).toBe('fernet');
    expect(inspection.details['created_at']).toBeNull();
    expectSound(inspection);
  });
});
