/** The operator's policy of a key: what its JSON may say, and which tokens it allows. */

import { describe, expect, it } from 'vitest';

import { JWT_LIMITS } from '../../src/crypto/jwt.js';
import {
  longestTtlSeconds,
  MAX_POLICY_TTL_SECONDS,
  readTokenPolicy,
  requireAllowed,
  type TokenPolicy,
  type TokenRequest,
} from '../../src/crypto/token-policy.js';

describe('the text of a policy', () => {
  it.each([
    '{}',
    '{"issuers":["a"]}',
    '{"audiences":["a","b"],"max_ttl_seconds":1}',
    `{"max_ttl_seconds":${MAX_POLICY_TTL_SECONDS}}`,
  ])('%s is one', (text) => {
    expect(readTokenPolicy(text)).toEqual(JSON.parse(text));
  });

  it.each([
    ['no object', '[]'],
    ['null', 'null'],
    ['no JSON', '{'],
    ['a name it does not have', '{"issuer":["a"]}'],
    ['a name it does not have beside one it has', '{"issuers":["a"],"x":1}'],
    ['no list', '{"issuers":"a"}'],
    ['an empty list', '{"audiences":[]}'],
    ['an empty issuer', '{"issuers":["a",""]}'],
    ['an issuer that is no text', '{"issuers":[1]}'],
    ['half a surrogate pair', '{"issuers":["\\ud800"]}'],
    ['no lifetime', '{"max_ttl_seconds":0}'],
    ['a fraction of a second', '{"max_ttl_seconds":1.5}'],
    ['a lifetime as text', '{"max_ttl_seconds":"60"}'],
    ['more than ten years', `{"max_ttl_seconds":${MAX_POLICY_TTL_SECONDS + 1}}`],
    ['more than 8 KiB', `{"issuers":["${'a'.repeat(8_192)}"]}`],
    ['a list in the list', '{"issuers":[["a"]]}'],
  ])('%s is none', (_what, text) => {
    expect(readTokenPolicy(text)).toBeNull();
  });
});

describe('a token', () => {
  const policy: TokenPolicy = { issuers: ['us', 'them'], audiences: ['app', 'web'], max_ttl_seconds: 60 };
  const fine: TokenRequest = { issuer: 'us', audience: 'app', ttlSeconds: 60, neverExpires: false };
  const lifetime = 'lifetime';

  it.each<Partial<TokenRequest>>([
    {},
    { issuer: 'them' },
    { audience: ['web', 'app'] },
    { ttlSeconds: undefined },
    { ttlSeconds: 1 },
  ])('with %j is allowed', (change) => {
    expect(() => requireAllowed(policy, { ...fine, ...change })).not.toThrow();
  });

  it.each<[string, Partial<TokenRequest>]>([
    ['issuer', { issuer: undefined }],
    ['issuer', { issuer: 'Us' }],
    ['issuer', { issuer: '' }],
    ['audience', { audience: undefined }],
    ['audience', { audience: [] }],
    ['audience', { audience: 'other' }],
    ['audience', { audience: ['app', 'other'] }],
    [lifetime, { ttlSeconds: 61 }],
    [lifetime, { neverExpires: true }],
    [lifetime, { ttlSeconds: undefined, neverExpires: true }],
  ])('is refused for its %s: %j', (what, change) => {
    expect(() => requireAllowed(policy, { ...fine, ...change })).toThrowError(
      expect.objectContaining({
        code: 'policy_refused',
        message: `The operator's policy of this key does not allow this ${what}.`,
        hint: expect.stringMatching(/key_list|ttl_seconds/) as string,
      }) as Error,
    );
  });

  it('of any kind is allowed by a policy that binds nothing', () => {
    for (const change of [{ issuer: undefined }, { audience: undefined }, { ttlSeconds: 1e9 }, { neverExpires: true }])
      expect(() => requireAllowed({}, { ...fine, ...change })).not.toThrow();
  });

  it('lives at most as long as the policy says, and a day without one', () => {
    expect(longestTtlSeconds(policy)).toBe(60);
    expect(longestTtlSeconds({})).toBe(JWT_LIMITS.ttlSeconds);
    expect(longestTtlSeconds(undefined)).toBe(86_400);
  });
});
