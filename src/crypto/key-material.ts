/**
 * What a key of the ring is made of: which algorithms each purpose has, making and reading key material, and the checks that
 * stored material passes before it is used (RFC 7517, RFC 7518, RFC 8037).
 */

import { createPrivateKey, createPublicKey, createSecretKey, generateKeyPair, type KeyObject } from 'node:crypto';

import { inputInvalid } from './errors.js';
import { isJsonObject, parseBoundedJson } from './json.js';
import { algorithmsOf, isJwtAlgorithm, JWT_ALGORITHMS, readPublicKeyPem } from './jwt-keys.js';
import { AGREEMENT_ALGORITHM, isAgreementKey } from './key-agreement.js';
import type { Random } from './random.js';

export const KEY_PURPOSES = ['jwt', 'envelope', 'hmac', 'file'] as const;
export type KeyPurpose = (typeof KEY_PURPOSES)[number];

/**
 * `HMAC`: for HMAC with any digest. A256KW: RFC 7518 section 4.4. ECDH-ES+A256KW: section 4.6, with P-256. X25519: an identity of age.
 */
export const KEY_ALGORITHMS = [...JWT_ALGORITHMS, 'A256KW', AGREEMENT_ALGORITHM, 'HMAC', 'X25519'] as const;
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

export const DEFAULT_ALGORITHMS = { jwt: 'HS256', envelope: 'A256KW', hmac: 'HMAC', file: 'X25519' } as const;

export function isKeyPurpose(purpose: string): purpose is KeyPurpose {
  return KEY_PURPOSES.includes(purpose as KeyPurpose);
}

export function isAlgorithmOf(purpose: KeyPurpose, algorithm: string): algorithm is KeyAlgorithm {
  if (purpose === 'jwt') return isJwtAlgorithm(algorithm);
  return algorithm === DEFAULT_ALGORITHMS[purpose] || (purpose === 'envelope' && algorithm === AGREEMENT_ALGORITHM);
}

function generate(type: 'ed25519' | 'x25519' | 'ec' | 'rsa', options: object): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    generateKeyPair(type as 'ec', options as { namedCurve: string }, (error, _public, privateKey) => {
      if (error === null) resolve(privateKey);
      else reject(error);
    });
  });
}

/** A new secret or private key. */
export async function makeKey(algorithm: KeyAlgorithm, random: Random): Promise<KeyObject> {
  switch (algorithm) {
    case 'EdDSA':
      return generate('ed25519', {});
    case 'X25519':
      return generate('x25519', {});
    case 'ES256':
    case AGREEMENT_ALGORITHM:
      return generate('ec', { namedCurve: 'P-256' });
    case 'ES384':
      return generate('ec', { namedCurve: 'P-384' });
    case 'PS256':
    case 'RS256':
      return generate('rsa', { modulusLength: 3072 });
    case 'A256KW':
      return createSecretKey(random(32));
    case 'HMAC':
      // RFC 2104 section 3: at least as long as the digest; SHA-512 is the longest.
      return createSecretKey(random(64));
    default:
      // RFC 7518 section 3.2: a key as long as the hash.
      return createSecretKey(random(Number(algorithm.slice(2)) / 8));
  }
}

/** What others may have of a key: the public part of a pair; of a secret, itself. */
export function publicPart(key: KeyObject): KeyObject {
  return key.type === 'private' ? createPublicKey(key) : key;
}

function fits(algorithm: KeyAlgorithm, key: KeyObject): boolean {
  if (algorithm === 'A256KW') return key.type === 'secret' && key.symmetricKeySize === 32;
  if (algorithm === 'HMAC') return key.type === 'secret' && (key.symmetricKeySize ?? 0) >= 32;
  if (algorithm === AGREEMENT_ALGORITHM) return key.type === 'private' && isAgreementKey(key);
  if (algorithm === 'X25519') return key.type === 'private' && key.asymmetricKeyType === 'x25519';
  return key.type !== 'public' && algorithmsOf(publicPart(key)).includes(algorithm);
}

/** The bytes of a secret, or PKCS#8 (RFC 5958) in DER. */
export function encodeKey(key: KeyObject): Uint8Array {
  return key.type === 'secret' ? key.export() : key.export({ format: 'der', type: 'pkcs8' });
}

/** The public part as a JWK in one spelling, without `kid`; null for secrets. */
export function publicJwkText(key: KeyObject): string | null {
  if (key.type === 'secret') return null;
  const jwk = publicPart(key).export({ format: 'jwk' });
  return JSON.stringify(Object.fromEntries(Object.entries(jwk).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Whether a key of this algorithm has a public part. */
export function isPair(algorithm: KeyAlgorithm): boolean {
  return (
    algorithm === AGREEMENT_ALGORITHM ||
    algorithm === 'X25519' ||
    (isJwtAlgorithm(algorithm) && !algorithm.startsWith('HS'))
  );
}

/** What `encodeKey` wrote, or null where it is no key of this algorithm or does not fit the public part beside it. */
export function decodeKey(algorithm: KeyAlgorithm, bytes: Uint8Array, publicJwk: string | null): KeyObject | null {
  try {
    const key = isPair(algorithm)
      ? createPrivateKey({ key: Buffer.from(bytes), format: 'der', type: 'pkcs8' })
      : createSecretKey(bytes);
    return fits(algorithm, key) && publicJwkText(key) === publicJwk ? key : null;
  } catch {
    return null;
  }
}

/** What a JWK Set publishes of a key (RFC 7517 section 4). */
export function publishedJwk(key: KeyObject, keyId: string, algorithm: KeyAlgorithm): Record<string, string> {
  const jwk = publicPart(key).export({ format: 'jwk' }) as Record<string, string>;
  return { ...jwk, kid: keyId, alg: algorithm, use: algorithm === AGREEMENT_ALGORITHM ? 'enc' : 'sig' };
}

/** A private key in PEM, or a private or secret JWK, that fits the algorithm. Throws `input_invalid`. */
export function readKey(text: string, algorithm: KeyAlgorithm): KeyObject {
  const key = readAnyKey(text);
  if (key === null)
    throw inputInvalid(
      'key_text',
      'is neither a private key in PEM nor a JWK with its private part',
      'Give PKCS#8, PKCS#1 or SEC 1 in PEM without a passphrase, or one JWK with "d" or "k".',
    );
  if (!fits(algorithm, key))
    throw inputInvalid(
      'key_text',
      'holds a key that does not fit the algorithm',
      'Name the algorithm of the key: HS256 wants 32 bytes, ES256 the curve P-256, RS256 an RSA key of 2048 bits.',
    );
  // The same checks as on public keys from outside: size, exponent, ROCA.
  if (key.type === 'private' && algorithm !== 'X25519')
    readPublicKeyPem(publicPart(key).export({ format: 'pem', type: 'spki' }).toString());
  return key;
}

function readAnyKey(text: string): KeyObject | null {
  try {
    if (text.includes('-----BEGIN')) return createPrivateKey(text);
    const jwk = parseBoundedJson(text, { maxBytes: 65_536, maxDepth: 4 });
    if (!isJsonObject(jwk)) return null;
    if (jwk['kty'] !== 'oct') return createPrivateKey({ key: jwk, format: 'jwk' });
    return typeof jwk['k'] === 'string' ? createSecretKey(Buffer.from(jwk['k'], 'base64url')) : null;
  } catch {
    return null;
  }
}
