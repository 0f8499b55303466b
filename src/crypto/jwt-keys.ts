/**
 * Which JWS algorithms exist here, and which of them a key may be used with (RFC 7518 section 3, RFC 8037, RFC 8725).
 * The algorithm always comes from the key: a key names the set of algorithms it verifies, and a token outside it is refused.
 */

import { createPublicKey, createSecretKey, X509Certificate, type KeyObject } from 'node:crypto';

import { fromBase64url } from './bytes.js';
import { inputInvalid } from './errors.js';
import { isDeeperThan, isJsonObject, parseBoundedJson } from './json.js';

export const JWT_ALGORITHMS = ['HS256', 'HS384', 'HS512', 'PS256', 'RS256', 'ES256', 'ES384', 'EdDSA'] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

export interface VerifyingKey {
  kid?: string;
  key: KeyObject;
  /** The algorithms this key may be used with, by its type, curve, size and declared `alg`. */
  algorithms: readonly JwtAlgorithm[];
}

/** RFC 7518 sections 6.2.2 and 6.3.2: any one of them gives the private key away. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'] as const;
const MAX_KEYS = 32;
const MAX_JWKS_BYTES = 65_536;
const MAX_JWKS_DEPTH = 8;
const UNSUPPORTED_TYPE = [
  'holds a key of a type or curve that no supported algorithm uses',
  'Give RSA (rsaEncryption, also for PS256), P-256, P-384 or Ed25519 keys.',
] as const;
const RSA_BITS = { min: 2048, max: 8192 } as const;

export function isJwtAlgorithm(name: unknown): name is JwtAlgorithm {
  return JWT_ALGORITHMS.includes(name as JwtAlgorithm);
}

/**
 * Reads a JWK Set, one JWK, or JSON text of either (RFC 7517). Keys for another use (`use`, `key_ops`, an `alg` that is
 * not a signature's) are left out; anything unsound makes the whole set refused: private keys, a set that mixes symmetric
 * and asymmetric keys, two keys of one `kid`, short keys.
 * Throws `input_invalid`.
 */
export function readJwks(input: unknown): VerifyingKey[] {
  // An object is held to the same bounds as text: what it takes to look at a key grows with the square of its size.
  // Its depth is looked at before it is written, which recurses.
  const text = typeof input === 'string' || isDeeperThan(input, MAX_JWKS_DEPTH) ? input : JSON.stringify(input);
  const bounds = { maxBytes: MAX_JWKS_BYTES, maxDepth: MAX_JWKS_DEPTH };
  const parsed = typeof text === 'string' ? parseBoundedJson(text, bounds) : undefined;
  if (!isJsonObject(parsed)) throw badJwks('is not a JWK Set or a JWK', 'Give {"keys": [...]} or one JWK with "kty".');
  const list: unknown = 'keys' in parsed ? parsed['keys'] : [parsed];
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_KEYS) {
    throw badJwks(`must hold 1 to ${MAX_KEYS} keys`, 'Give the keys of the issuer that can have signed the token.');
  }
  const kids = new Set<string>();
  const kinds = new Set<'symmetric' | 'asymmetric'>();
  const keys: VerifyingKey[] = [];
  for (const jwk of list as unknown[]) {
    if (!isJsonObject(jwk))
      throw badJwks('holds something that is not a JWK', 'Give only JWKs, each an object with "kty".');
    kinds.add(jwk['kty'] === 'oct' ? 'symmetric' : 'asymmetric');
    if (jwk['kid'] !== undefined) {
      if (typeof jwk['kid'] !== 'string') throw badJwks('holds a kid that is not text', 'Write kid as a JSON string.');
      if (kids.has(jwk['kid'])) throw badJwks('holds two keys of one kid', 'Give each key a kid of its own.');
      kids.add(jwk['kid']);
    }
    const key = readJwk(jwk);
    if (key !== null) keys.push(key);
  }
  if (kinds.size > 1) {
    throw badJwks(
      'mixes symmetric and asymmetric keys',
      'Give either public keys or one shared secret (RFC 8725 section 3.1).',
    );
  }
  if (keys.length === 0)
    throw badJwks('holds no key for verifying signatures', 'Check "use", "key_ops", "alg" and "kty" of its keys.');
  return keys;
}

/** One JWK, or null where it is meant for something else than verifying signatures. */
function readJwk(jwk: Record<string, unknown>): VerifyingKey | null {
  const { kty, use, alg, kid, key_ops: operations } = jwk;
  if (kty !== 'oct' && PRIVATE_MEMBERS.some((name) => name in jwk)) {
    throw badJwks(
      'holds a private key',
      'Give the public part only (without d, p, q, dp, dq, qi), and replace the key: it has been shown.',
    );
  }
  if (use !== undefined && use !== 'sig') return null;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return null;
  if (alg !== undefined && !isJwtAlgorithm(alg) && alg !== 'Ed25519') return null;
  const key = kty === 'oct' ? importSecret(jwk['k']) : importPublic(jwk);
  const possible = algorithmsOf(key);
  if (possible.length === 0) throw badJwks(...UNSUPPORTED_TYPE);
  const declared = alg === 'Ed25519' ? 'EdDSA' : alg;
  const algorithms = declared === undefined ? possible : possible.filter((algorithm) => algorithm === declared);
  if (algorithms.length === 0) {
    throw badJwks(
      'holds a key that does not fit its alg or is too short for it',
      'RFC 7518 section 3: HS256 wants 32 bytes, HS384 48, HS512 64; ES256 the curve P-256, ES384 P-384.',
    );
  }
  return { ...(typeof kid === 'string' ? { kid } : {}), key, algorithms };
}

function importSecret(k: unknown): KeyObject {
  const bytes = typeof k === 'string' ? fromBase64url(k) : null;
  if (bytes === null || bytes.length < 32) {
    throw badJwks(
      'holds a symmetric key under 32 bytes or not in base64url',
      'RFC 7518 section 3.2 wants a key at least as long as the hash.',
    );
  }
  return createSecretKey(bytes);
}

/** A member of this many characters is three times as long as any that is accepted. */
const MAX_MEMBER_LENGTH = 4_096;

function importPublic(jwk: Record<string, unknown>): KeyObject {
  if (Object.values(jwk).some((value) => typeof value === 'string' && value.length > MAX_MEMBER_LENGTH))
    throw badJwks('holds a key with a member that is too long', `RSA keys have at most ${RSA_BITS.max} bits.`);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw Object.assign(badJwks('holds a key that cannot be read', 'Check its kty, crv and coordinates.'), { cause });
  }
  checkPublicKey('jwks', key);
  return key;
}

/**
 * Reads a public key in PEM: SubjectPublicKeyInfo, PKCS#1 or a certificate. Throws `input_invalid`, also on a private key.
 */
export function readPublicKeyPem(pem: string): VerifyingKey {
  if (pem.includes('PRIVATE KEY')) {
    throw inputInvalid(
      'public_key',
      'holds a private key',
      'Give the public key only, and replace this key: it has been shown.',
    );
  }
  let key: KeyObject;
  try {
    key = pem.includes('BEGIN CERTIFICATE')
      ? new X509Certificate(pem).publicKey
      : createPublicKey({ key: pem, format: 'pem' });
  } catch (cause) {
    const refusal = inputInvalid(
      'public_key',
      'is not a public key or certificate in PEM',
      'Give the text from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----.',
    );
    throw Object.assign(refusal, { cause });
  }
  checkPublicKey('public_key', key);
  const algorithms = algorithmsOf(key);
  if (algorithms.length === 0) throw inputInvalid('public_key', ...UNSUPPORTED_TYPE);
  return { key, algorithms };
}

/** What a key can be used with, by its type, curve and size (RFC 7518 sections 3.2 to 3.5, RFC 8037 section 3.1). */
export function algorithmsOf(key: KeyObject): JwtAlgorithm[] {
  if (key.type === 'secret') {
    const bytes = key.symmetricKeySize ?? 0;
    return (['HS256', 'HS384', 'HS512'] as const).filter((name) => bytes * 8 >= Number(name.slice(2)));
  }
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return ['RS256', 'PS256'];
    case 'ec':
      return (
        { prime256v1: ['ES256' as const], secp384r1: ['ES384' as const] }[key.asymmetricKeyDetails?.namedCurve ?? ''] ??
        []
      );
    case 'ed25519':
      return ['EdDSA'];
    default:
      return [];
  }
}

/** Refuses RSA keys that are short, huge, of exponent 1 or an even one, or made by the ROCA generator (CVE-2017-15361). */
function checkPublicKey(field: 'jwks' | 'public_key', key: KeyObject): void {
  if (key.asymmetricKeyType !== 'rsa') return;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < RSA_BITS.min || modulusLength > RSA_BITS.max) {
    throw inputInvalid(
      field,
      `holds an RSA key outside ${RSA_BITS.min} to ${RSA_BITS.max} bits`,
      'RFC 7518 section 3.3 wants 2048 bits or more.',
    );
  }
  if (publicExponent < 3n || publicExponent % 2n === 0n || publicExponent > 0xffff_ffffn) {
    throw inputInvalid(field, 'holds an RSA key with an unsound public exponent', 'Use a key with the exponent 65537.');
  }
  const modulus = key.export({ format: 'jwk' }).n;
  if (modulus !== undefined && hasRocaFingerprint(BigInt(`0x${Buffer.from(modulus, 'base64url').toString('hex')}`))) {
    throw inputInvalid(
      field,
      'holds an RSA key of the ROCA generator, which can be factored',
      'Replace the key (CVE-2017-15361).',
    );
  }
}

const ROCA_PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/** Whether the modulus is a power of 65537 modulo every small prime: the mark of the ROCA generator (Nemec et al. 2017, section 3.2). */
export function hasRocaFingerprint(modulus: bigint): boolean {
  return ROCA_PRIMES.every((prime) => {
    const residue = Number(modulus % BigInt(prime));
    let power = 1;
    do {
      if (power === residue) return true;
      power = (power * 65_537) % prime;
    } while (power !== 1);
    return false;
  });
}

function badJwks(problem: string, hint: string): ReturnType<typeof inputInvalid> {
  return inputInvalid('jwks', problem, hint);
}
