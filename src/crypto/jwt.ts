/**
 * JSON Web Tokens in JWS compact form (RFC 7515, RFC 7519), signed and verified by jose behind the checks of RFC 8725:
 * canonical encoding, bounded size and depth, an algorithm that comes from the key, header key URLs never followed.
 */

import type { KeyObject } from 'node:crypto';

import { fromBase64url, fromUtf8 } from './bytes.js';
import { inputInvalid } from './errors.js';
import { isDeeperThan, isJsonObject, parseBoundedJson } from './json.js';
import { isJwtAlgorithm, type JwtAlgorithm, type VerifyingKey } from './jwt-keys.js';

export const JWT_LIMITS = {
  tokenBytes: 65_536,
  headerBytes: 4_096,
  depth: 16,
  claimsBytes: 16_384,
  /** Where the call names no lifetime. */
  defaultTtlSeconds: 1_800,
  /** Without an operator's policy for the key. */
  ttlSeconds: 86_400,
  clockToleranceSeconds: 300,
} as const;

/** Claims with a field of their own (RFC 7519 section 4.1); they never come through `claims`. */
const REGISTERED = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'] as const;

/** jose is loaded on first use: it costs as much start time as the rest of the tools together. */
const loadJose = (): Promise<typeof import('jose')> => import('jose');

export interface SignRequest {
  claims?: Record<string, unknown>;
  subject?: string;
  issuer?: string;
  audience?: string | string[];
  /** Absent only for a token that never expires. */
  ttlSeconds?: number;
  notBefore?: Date;
}

export interface SigningKey {
  id: string;
  algorithm: JwtAlgorithm;
  signing: KeyObject;
}

export interface SignedToken {
  token: string;
  issuedAt: Date;
  expiresAt: Date | null;
  jwtId: string;
}

/** Signs a token. `jwtId` is the `jti`. Throws `input_invalid` on claims that are too large, too deep or registered, and on a token that would be too large to verify. */
export async function signJwt(request: SignRequest, key: SigningKey, now: Date, jwtId: string): Promise<SignedToken> {
  const claims = request.claims ?? {};
  checkClaims(claims);
  const issuedAt = Math.floor(now.getTime() / 1000);
  const expiresAt = request.ttlSeconds === undefined ? null : issuedAt + request.ttlSeconds;
  // Up to the next whole second: no token is valid before the time that was asked for.
  const notBefore = request.notBefore === undefined ? undefined : Math.ceil(request.notBefore.getTime() / 1000);
  if (expiresAt !== null && notBefore !== undefined && notBefore >= expiresAt) {
    throw inputInvalid(
      'not_before',
      'is at or after the expiry, so the token would never be valid',
      'Give an earlier not_before or a longer ttl_seconds.',
    );
  }
  const { SignJWT } = await loadJose();
  const jwt = new SignJWT({ ...claims });
  jwt.setProtectedHeader({ alg: key.algorithm, kid: key.id, typ: 'JWT' }).setIssuedAt(issuedAt).setJti(jwtId);
  if (request.issuer !== undefined) jwt.setIssuer(request.issuer);
  if (request.subject !== undefined) jwt.setSubject(request.subject);
  if (request.audience !== undefined) jwt.setAudience(request.audience);
  if (notBefore !== undefined) jwt.setNotBefore(notBefore);
  if (expiresAt !== null) jwt.setExpirationTime(expiresAt);
  const token = await jwt.sign(key.signing);
  if (token.length > JWT_LIMITS.tokenBytes) {
    throw inputInvalid(
      'claims',
      `and the other fields make a token over ${JWT_LIMITS.tokenBytes} bytes, which no verification here would read`,
      'Give fewer or shorter audiences, or a smaller subject, issuer or claims.',
    );
  }
  return {
    token,
    issuedAt: new Date(issuedAt * 1000),
    expiresAt: expiresAt === null ? null : new Date(expiresAt * 1000),
    jwtId,
  };
}

/** How JSON.stringify writes half a surrogate pair; an escaped backslash before it is another text. */
const HALF_PAIR = /(?<!\\)(?:\\\\)*\\ud[89ab]/;

function checkClaims(claims: Record<string, unknown>): void {
  const registered = REGISTERED.filter((name) => Object.hasOwn(claims, name));
  if (registered.length > 0) {
    throw inputInvalid(
      'claims',
      `holds ${registered.join(', ')}, which has a field of its own`,
      'Use issuer, subject, audience, ttl_seconds and not_before; iat and jti are set by the server.',
    );
  }
  if (isDeeperThan(claims, JWT_LIMITS.depth))
    throw inputInvalid('claims', `nests deeper than ${JWT_LIMITS.depth} levels`, 'Flatten the claims.');
  const text = JSON.stringify(claims);
  if (HALF_PAIR.test(text))
    throw inputInvalid('claims', 'holds half of a surrogate pair, which has no UTF-8', 'Give whole characters.');
  if (Buffer.byteLength(text) > JWT_LIMITS.claimsBytes) {
    throw inputInvalid(
      'claims',
      `is over ${JWT_LIMITS.claimsBytes} bytes`,
      'Keep tokens small: put a reference into the claims and the data elsewhere.',
    );
  }
}

export const JWT_REASONS = [
  'malformed',
  'algorithm_refused',
  'key_unknown',
  'key_disabled',
  'signature',
  'expired',
  'not_yet_valid',
  'too_old',
  'issuer',
  'audience',
  'subject',
  'claim_missing',
] as const;
export type JwtReason = (typeof JWT_REASONS)[number];

export interface JwtExpectations {
  issuer?: string;
  audience?: string | string[];
  subject?: string;
  requiredClaims?: readonly string[];
  clockToleranceSeconds?: number;
  maxAgeSeconds?: number;
  allowMissingExpiry?: boolean;
}

/** A key that may verify, or one of the ring that is disabled, to be refused by name; that one needs no key. */
export interface CandidateKey extends Omit<VerifyingKey, 'key'> {
  key?: KeyObject;
  disabled?: boolean;
}

export interface VerifiedKey {
  keyId?: string;
  algorithm: JwtAlgorithm;
}

export type JwtVerdict =
  | ({ valid: true; claims: Record<string, unknown> } & VerifiedKey)
  | { valid: false; reason: JwtReason };

export interface JwsParts {
  header: Record<string, unknown>;
  payload: Uint8Array;
}

/**
 * Splits a compact JWS (RFC 7515 section 3.1) where its encoding is sound: three parts of canonical base64url, a header
 * that is a JSON object, bounded in size and depth. Null otherwise.
 */
export function splitJws(token: string): JwsParts | null {
  if (token.length > JWT_LIMITS.tokenBytes) return null;
  const parts = token.split('.', 4);
  if (parts.length !== 3) return null;
  const [header, payload, signature] = parts.map(fromBase64url);
  if (!header || !payload || !signature) return null;
  const parsed = jsonOf(header, JWT_LIMITS.headerBytes);
  return isJsonObject(parsed) ? { header: parsed, payload } : null;
}

/** The claims of a payload: a JSON object in UTF-8, bounded in depth, without a name that JSON readers misread. Null otherwise. */
export function claimsOf(payload: Uint8Array): Record<string, unknown> | null {
  const parsed = jsonOf(payload, JWT_LIMITS.tokenBytes);
  return isJsonObject(parsed) && !Object.hasOwn(parsed, '__proto__') ? parsed : null;
}

function jsonOf(bytes: Uint8Array, maxBytes: number): unknown {
  const text = fromUtf8(bytes);
  return text === null ? undefined : parseBoundedJson(text, { maxBytes, maxDepth: JWT_LIMITS.depth });
}

/** Verifies the signature alone: which of `keys` made it, or why none did. The payload may be anything. */
export async function verifyJws(
  token: string,
  keys: readonly CandidateKey[],
): Promise<({ payload: Uint8Array } & VerifiedKey) | { reason: JwtReason }> {
  const parts = splitJws(token);
  if (parts === null) return { reason: 'malformed' };
  const { alg: named, kid } = parts.header;
  // RFC 9864 calls EdDSA over Ed25519 "Ed25519"; the key is the same.
  const algorithm = named === 'Ed25519' ? 'EdDSA' : named;
  if (!isJwtAlgorithm(algorithm)) return { reason: 'algorithm_refused' };
  if (kid !== undefined && typeof kid !== 'string') return { reason: 'malformed' };
  // RFC 7515 section 4.1.11: no extension is understood here, also not the unencoded payload of RFC 7797, which jose takes.
  if ('crit' in parts.header || parts.header['b64'] === false) return { reason: 'malformed' };

  const byKid = kid === undefined ? keys : keys.filter((key) => key.kid === undefined || key.kid === kid);
  if (byKid.length === 0) return { reason: 'key_unknown' };
  const enabled = byKid.filter((key): key is VerifyingKey => key.disabled !== true && key.key !== undefined);
  if (enabled.length === 0) return { reason: 'key_disabled' };
  const fitting = enabled.filter((key) => key.algorithms.includes(algorithm));
  if (fitting.length === 0) return { reason: 'algorithm_refused' };

  const { compactVerify, errors } = await loadJose();
  for (const candidate of fitting) {
    try {
      const { payload } = await compactVerify(token, candidate.key, { algorithms: [named as string] });
      return { payload, algorithm, ...(candidate.kid === undefined ? {} : { keyId: candidate.kid }) };
    } catch (error) {
      // Anything but a bad signature is a header that jose refuses.
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) return { reason: 'malformed' };
    }
  }
  return { reason: 'signature' };
}

/** Verifies a token: encoding, key, signature, then claims, in that order; the first fault is the reason. */
export async function verifyJwt(
  token: string,
  keys: readonly CandidateKey[],
  expected: JwtExpectations,
  now: Date,
): Promise<JwtVerdict> {
  const verified = await verifyJws(token, keys);
  if ('reason' in verified) return { valid: false, reason: verified.reason };
  const { payload, ...by } = verified;
  const claims = claimsOf(payload);
  if (claims === null) return { valid: false, reason: 'malformed' };
  const reason = claimsReason(claims, expected, Math.floor(now.getTime() / 1000));
  return reason === null ? { valid: true, claims, ...by } : { valid: false, reason };
}

/** Why the claims are not acceptable (RFC 7519 section 4.1), or null. */
function claimsReason(claims: Record<string, unknown>, expected: JwtExpectations, now: number): JwtReason | null {
  const { iss, sub, aud, exp, nbf, iat } = claims;
  for (const time of [exp, nbf, iat]) if (time !== undefined && !Number.isFinite(time)) return 'malformed';
  const audiences = aud === undefined ? [] : Array.isArray(aud) ? (aud as unknown[]) : [aud];
  for (const name of [...audiences, iss, sub]) if (name !== undefined && typeof name !== 'string') return 'malformed';

  const tolerance = expected.clockToleranceSeconds ?? 0;
  const required = [...(expected.requiredClaims ?? [])];
  if (expected.allowMissingExpiry !== true) required.push('exp');
  if (expected.maxAgeSeconds !== undefined) required.push('iat');
  if (required.some((name) => !Object.hasOwn(claims, name))) return 'claim_missing';

  if (typeof exp === 'number' && exp <= now - tolerance) return 'expired';
  if (typeof nbf === 'number' && nbf > now + tolerance) return 'not_yet_valid';
  if (expected.maxAgeSeconds !== undefined && typeof iat === 'number') {
    if (iat > now + tolerance) return 'not_yet_valid';
    if (now - iat > expected.maxAgeSeconds + tolerance) return 'too_old';
  }
  if (expected.issuer !== undefined && iss !== expected.issuer) return 'issuer';
  if (expected.subject !== undefined && sub !== expected.subject) return 'subject';
  if (expected.audience !== undefined) {
    const wanted = Array.isArray(expected.audience) ? expected.audience : [expected.audience];
    if (!audiences.some((name) => wanted.includes(name as string))) return 'audience';
  }
  return null;
}
