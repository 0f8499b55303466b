/** JWT tools: sign with a key of the ring, verify with the ring or with given public keys (RFC 7519, RFC 8725). */

import { z } from 'zod';

import { base64url } from '../crypto/bytes.js';
import { inputInvalid } from '../crypto/errors.js';
import { isJsonObject } from '../crypto/json.js';
import { JWT_ALGORITHMS, readJwks, readPublicKeyPem } from '../crypto/jwt-keys.js';
import { JWT_LIMITS, JWT_REASONS, signJwt, splitJws, verifyJwt, type JwtExpectations } from '../crypto/jwt.js';
import { rfc3339 } from '../crypto/text.js';
import { longestTtlSeconds, MAX_POLICY_TTL_SECONDS, requireAllowed } from '../crypto/token-policy.js';
import { audience, claimText, instant, keyName, secret, seconds, text, saveAs } from './fields.js';
import { requireFree, save } from './save.js';
import { defineTool } from './tool.js';

/** A kid of a given JWKS that is told, and so reaches the audit: a label, not free text. */
const KEY_LABEL = /^[\x21-\x7e]{1,256}$/;

/** An object of claims. zod would drop a member called `__proto__` in silence, so it is refused first. */
function claims(): z.ZodType<Record<string, unknown>> {
  return z.preprocess(
    (value, context) => {
      if (isJsonObject(value) && Object.hasOwn(value, '__proto__'))
        context.addIssue('holds a name that JSON readers misread');
      return value;
    },
    z.record(z.string().max(256), z.unknown()),
  );
}

export const jwtSign = defineTool({
  name: 'jwt_sign',
  title: 'Sign a JWT',
  description:
    'Signs a JSON Web Token with a key of the ring (default: JWT_SECRET_KEY where set, else jwt). Lives 1,800 seconds unless ttl_seconds says otherwise; at most a day, or what the key allows. Registered claims have their own fields.',
  effect: 'writes',
  reach: 'local',
  cost: 'light',
  audit: ['ttl_seconds', 'algorithm', 'allow_missing_expiry'],
  auditOutput: ['key_id', 'jwt_id'],
  input: z.strictObject({
    claims: claims().optional(),
    subject: claimText().optional(),
    issuer: claimText().optional(),
    audience: audience().optional(),
    ttl_seconds: z.int().min(1).max(MAX_POLICY_TTL_SECONDS).optional(),
    not_before: instant().optional(),
    key: keyName().optional(),
    algorithm: z.enum(JWT_ALGORITHMS).optional(),
    allow_missing_expiry: z.boolean().optional(),
    save_as: saveAs(),
  }),
  output: z.strictObject({
    token: z.string(),
    key_id: z.string(),
    algorithm: z.enum(JWT_ALGORITHMS),
    issued_at: z.string(),
    expires_at: z.string().nullable(),
    jwt_id: z.string(),
  }),
  async run(
    {
      claims,
      subject,
      issuer,
      audience: aud,
      ttl_seconds,
      not_before,
      key: name,
      algorithm,
      allow_missing_expiry,
      save_as,
    },
    context,
  ) {
    const { ring, now, random } = context;
    await requireFree(save_as, context);
    if (allow_missing_expiry === true && ttl_seconds !== undefined) {
      throw inputInvalid('allow_missing_expiry', 'and ttl_seconds exclude each other', 'Leave one of them out.');
    }
    const key = await ring.signingKey(name, algorithm);
    const longest = longestTtlSeconds(key.policy);
    if (key.policy !== undefined) {
      const neverExpires = allow_missing_expiry === true;
      requireAllowed(key.policy, { issuer, audience: aud, ttlSeconds: ttl_seconds, neverExpires });
    }
    if (ttl_seconds !== undefined && ttl_seconds > longest)
      throw inputInvalid('ttl_seconds', `must be at most ${longest}`, 'Only a policy of the operator allows more.');
    const request = {
      ...(claims === undefined ? {} : { claims }),
      ...(subject === undefined ? {} : { subject }),
      ...(issuer === undefined ? {} : { issuer }),
      ...(aud === undefined ? {} : { audience: aud }),
      ...(allow_missing_expiry === true
        ? {}
        : { ttlSeconds: ttl_seconds ?? Math.min(JWT_LIMITS.defaultTtlSeconds, longest) }),
      ...(not_before === undefined ? {} : { notBefore: new Date(not_before) }),
    };
    const signed = await signJwt(request, key, now(), base64url(random(16)));
    return {
      token: await save(save_as, { kind: 'jwt', origin: 'generated', shown: false, value: signed.token }, context),
      key_id: key.id,
      algorithm: key.algorithm,
      issued_at: rfc3339(signed.issuedAt),
      expires_at: signed.expiresAt === null ? null : rfc3339(signed.expiresAt),
      jwt_id: signed.jwtId,
    };
  },
});

export const jwtVerify = defineTool({
  name: 'jwt_verify',
  title: 'Verify a JWT',
  description:
    'Verifies signature and claims with the ring, or with jwks or public_key. The algorithm comes from the key. A bad token is a result: valid false with the reason.',
  effect: 'none',
  reach: 'local',
  cost: 'light',
  audit: ['clock_tolerance_seconds', 'max_age_seconds', 'allow_missing_expiry'],
  auditOutput: ['key_id'],
  input: z.strictObject({
    token: secret('token', JWT_LIMITS.tokenBytes + 1),
    issuer: claimText().optional(),
    audience: audience().optional(),
    subject: claimText().optional(),
    key: keyName().optional().describe('Only this key of the ring.'),
    jwks: z
      .union([text(65_536), z.looseObject({})])
      .optional()
      .describe('JWK Set or JWK.'),
    public_key: text(16_384).optional().describe('PEM public key or certificate.'),
    required_claims: z.array(text(256)).max(32).optional(),
    clock_tolerance_seconds: seconds(JWT_LIMITS.clockToleranceSeconds).optional(),
    max_age_seconds: seconds(31_536_000).optional(),
    allow_missing_expiry: z.boolean().optional(),
  }),
  output: z.strictObject({
    valid: z.boolean(),
    reason: z.enum(JWT_REASONS).optional(),
    claims: z.record(z.string(), z.unknown()).optional(),
    key_id: z.string().optional(),
    algorithm: z.enum(JWT_ALGORITHMS).optional(),
    warning: z.string().optional(),
  }),
  async run({ token, key, jwks, public_key, ...input }, { ring, now, references }) {
    const given = Object.entries({ key, jwks, public_key }).filter(([, value]) => value !== undefined);
    if (given.length > 1) {
      throw inputInvalid(
        given[0]?.[0] ?? 'key',
        'is given together with another source of keys',
        'Give one of key, jwks and public_key.',
      );
    }
    const keys =
      jwks === undefined
        ? public_key === undefined
          ? await ring.verifyingKeys({ name: key, kid: kidOf(token) })
          : [readPublicKeyPem(public_key)]
        : readJwks(jwks);
    const verdict = await verifyJwt(token.trim(), keys, expectationsOf(input), now());
    if (!verdict.valid) return { valid: false, reason: verdict.reason };
    const { claims, keyId, algorithm } = verdict;
    const unchecked = claims['aud'] !== undefined && input.audience === undefined;
    return {
      valid: true,
      // What is in a token that the caller has only named may be as secret as the token.
      ...(references.has('token') ? {} : { claims }),
      algorithm,
      ...(keyId !== undefined && KEY_LABEL.test(keyId) ? { key_id: keyId } : {}),
      ...(unchecked
        ? {
            warning: 'The token is meant for an audience that was not checked: give audience (RFC 7519 section 4.1.3).',
          }
        : {}),
    };
  },
});

interface ExpectationFields {
  issuer?: string | undefined;
  audience?: string | string[] | undefined;
  subject?: string | undefined;
  required_claims?: string[] | undefined;
  clock_tolerance_seconds?: number | undefined;
  max_age_seconds?: number | undefined;
  allow_missing_expiry?: boolean | undefined;
}

function expectationsOf(input: ExpectationFields): JwtExpectations {
  const { required_claims, clock_tolerance_seconds, max_age_seconds, allow_missing_expiry } = input;
  return {
    ...(input.issuer === undefined ? {} : { issuer: input.issuer }),
    ...(input.audience === undefined ? {} : { audience: input.audience }),
    ...(input.subject === undefined ? {} : { subject: input.subject }),
    ...(required_claims === undefined ? {} : { requiredClaims: required_claims }),
    ...(clock_tolerance_seconds === undefined ? {} : { clockToleranceSeconds: clock_tolerance_seconds }),
    ...(max_age_seconds === undefined ? {} : { maxAgeSeconds: max_age_seconds }),
    ...(allow_missing_expiry === undefined ? {} : { allowMissingExpiry: allow_missing_expiry }),
  };
}

/** The key that the token says it was signed with, where it says so. */
function kidOf(token: string): string | undefined {
  const kid = splitJws(token.trim())?.header['kid'];
  return typeof kid === 'string' && KEY_LABEL.test(kid) ? kid : undefined;
}
