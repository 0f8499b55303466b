/** What makes a rightly signed token invalid: each reason by name, and the second at which it begins. */

import { createSecretKey } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { JWT_REASONS, verifyJwt, type CandidateKey, type JwtExpectations } from '../../src/crypto/jwt.js';
import { hs256 } from '../support/jose-examples.js';

const now = new Date('2026-06-01T12:00:00Z');
const at = now.getTime() / 1000;
const secret = Buffer.alloc(32, 7);
const keys: CandidateKey[] = [{ kid: 'k.1', key: createSecretKey(secret), algorithms: ['HS256'] }];

async function verdictOf(payload: unknown, expected: JwtExpectations = {}, when = now): Promise<string> {
  const verdict = await verifyJwt(hs256(secret, { alg: 'HS256' }, payload), keys, expected, when);
  return verdict.valid ? 'valid' : verdict.reason;
}

describe('every reason is reached', () => {
  const good = hs256(secret, { alg: 'HS256' }, { exp: at + 1 });
  const claims = (payload: object): string => hs256(secret, { alg: 'HS256' }, { exp: at + 1, ...payload });
  const cases: Record<(typeof JWT_REASONS)[number], [token: string, expected?: JwtExpectations, disabled?: boolean]> = {
    malformed: ['a.b.c'],
    algorithm_refused: [hs256(secret, { alg: 'none' }, {})],
    key_unknown: [hs256(secret, { alg: 'HS256', kid: 'k.2' }, {})],
    key_disabled: [good, {}, true],
    signature: [hs256('another', { alg: 'HS256' }, {})],
    expired: [claims({ exp: at })],
    not_yet_valid: [claims({ nbf: at + 1 })],
    too_old: [claims({ iat: at - 11 }), { maxAgeSeconds: 10 }],
    issuer: [claims({ iss: 'them' }), { issuer: 'us' }],
    audience: [claims({ aud: 'them' }), { audience: 'us' }],
    subject: [claims({ sub: 'bob' }), { subject: 'alice' }],
    claim_missing: [claims({}), { requiredClaims: ['role'] }],
  };

  it.each(JWT_REASONS)('%s, and nothing of the token is told with it', async (reason) => {
    const [token, expected = {}, disabled = false] = cases[reason];
    const verdict = await verifyJwt(
      token,
      keys.map((key) => ({ ...key, disabled })),
      expected,
      now,
    );
    expect(verdict).toEqual({ valid: false, reason });
  });

  it('the signature comes before the claims: a forger learns nothing about them', async () => {
    const forged = hs256('another', { alg: 'HS256' }, { exp: 1, iss: 'them' });
    expect(await verifyJwt(forged, keys, { issuer: 'us' }, now)).toEqual({ valid: false, reason: 'signature' });
  });
});

describe('the expiry', () => {
  it.each([
    [at + 1, 0, 'valid'],
    [at, 0, 'expired'],
    [at - 1, 0, 'expired'],
    [at, 1, 'valid'],
    [at - 9, 10, 'valid'],
    [at - 10, 10, 'expired'],
    [at + 0.5, 0, 'valid'],
    [at - 0.5, 0, 'expired'],
    [0, 0, 'expired'],
    [-1, 0, 'expired'],
    [-1e308, 0, 'expired'],
    [1e308, 0, 'valid'],
  ])('%d with a tolerance of %d s is %s', async (exp, clockToleranceSeconds, result) => {
    expect(await verdictOf({ exp }, { clockToleranceSeconds })).toBe(result);
  });

  it('may be missing only where that is allowed', async () => {
    expect(await verdictOf({})).toBe('claim_missing');
    expect(await verdictOf({}, { allowMissingExpiry: true })).toBe('valid');
    expect(await verdictOf({ exp: at }, { allowMissingExpiry: true })).toBe('expired');
    expect(await verdictOf({ exp: null }, { allowMissingExpiry: true })).toBe('malformed');
  });
});

describe('the beginning', () => {
  it.each([
    [at, 0, 'valid'],
    [at + 1, 0, 'not_yet_valid'],
    [at + 1, 1, 'valid'],
    [at + 0.5, 0, 'not_yet_valid'],
    [-5, 0, 'valid'],
  ])('%d with a tolerance of %d s is %s', async (nbf, clockToleranceSeconds, result) => {
    expect(await verdictOf({ exp: at + 9, nbf }, { clockToleranceSeconds })).toBe(result);
  });
});

describe('the age', () => {
  it.each([
    [at - 10, 0, 'valid'],
    [at - 11, 0, 'too_old'],
    [at - 11, 1, 'valid'],
    [at, 0, 'valid'],
    [at + 1, 0, 'not_yet_valid'],
    [at + 1, 1, 'valid'],
    [undefined, 0, 'claim_missing'],
  ])('of a token made at %d, tolerance %d s, with 10 s allowed: %s', async (iat, clockToleranceSeconds, result) => {
    expect(await verdictOf({ exp: at + 9, iat }, { clockToleranceSeconds, maxAgeSeconds: 10 })).toBe(result);
  });

  it('does not count where no age is asked for', async () => {
    expect(await verdictOf({ exp: at + 9, iat: 1 })).toBe('valid');
    expect(await verdictOf({ exp: at + 9, iat: at + 100 })).toBe('valid');
  });
});

describe('a time that is no finite number is malformed', () => {
  it.each(['exp', 'nbf', 'iat'])('%s', async (name) => {
    for (const value of ['"1780315260"', '""', 'null', 'true', '[]', '{}', '[9999999999]', '1e400', '-1e400']) {
      const payload = `{"exp":${at + 9},"${name}":${value}}`;
      expect(await verdictOf(payload), payload).toBe('malformed');
    }
    expect(await verdictOf(`{"${name}":NaN}`)).toBe('malformed');
  });
});

describe('a name that is not text is malformed', () => {
  const names = [{ iss: 1 }, { iss: null }, { iss: ['us'] }, { sub: {} }, { sub: null }, { sub: 0 }];
  const audiences = [1, null, { 0: 'us' }, ['us', 1], [['us']], [null]].map((aud) => ({ aud }));
  it.each([...names, ...audiences])('%j', async (claims) => {
    expect(await verdictOf({ exp: at + 9, ...claims })).toBe('malformed');
  });
});

describe('the audience (RFC 7519 section 4.1.3)', () => {
  it.each([
    ['us', 'us', 'valid'],
    ['us', 'US', 'audience'],
    ['us', 'us ', 'audience'],
    [['them', 'us'], 'us', 'valid'],
    [['them'], 'us', 'audience'],
    [[], 'us', 'audience'],
    [undefined, 'us', 'audience'],
    ['us', ['them', 'us'], 'valid'],
    [['a', 'b'], ['b', 'c'], 'valid'],
    [['a', 'b'], ['c', 'd'], 'audience'],
    ['us-and-them', 'us', 'audience'],
    ['constructor', 'us', 'audience'],
  ])('%j where %j is expected: %s', async (aud, audience, result) => {
    expect(await verdictOf({ exp: at + 9, aud }, { audience })).toBe(result);
  });
});

describe('issuer and subject', () => {
  it.each([
    ['iss', 'issuer'],
    ['sub', 'subject'],
  ])('%s is compared as a whole and exactly', async (claim, field) => {
    const expected = { [field]: 'https://us.example' };
    expect(await verdictOf({ exp: at + 9, [claim]: 'https://us.example' }, expected)).toBe('valid');
    for (const value of [
      'https://us.example/',
      'https://US.example',
      'https://us.example.them.example',
      '',
      undefined,
    ]) {
      expect(await verdictOf({ exp: at + 9, [claim]: value }, expected)).toBe(field);
    }
  });
});

describe('a required claim', () => {
  it('counts where the token itself holds it, whatever its value', async () => {
    const requiredClaims = ['role'];
    for (const role of ['', 0, false, null]) {
      expect(await verdictOf({ exp: at + 9, role }, { requiredClaims })).toBe('valid');
    }
    expect(await verdictOf({ exp: at + 9 }, { requiredClaims })).toBe('claim_missing');
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('%s is not inherited', async (name) => {
    expect(await verdictOf({ exp: at + 9 }, { requiredClaims: [name] })).toBe('claim_missing');
  });
});
