/**
 * ECDH-ES in JWE with P-256 (RFC 7518 section 4.6): an ephemeral key of the sender and the recipient's key agree on a secret, from
 * which the Concat KDF of NIST SP 800-56A derives the key that wraps. Whoever has the public key alone can seal, and not open.
 */

import { createHash, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';

import { fromBase64url, utf8 } from './bytes.js';
import { isJsonObject } from './json.js';

export const AGREEMENT_ALGORITHM = 'ECDH-ES+A256KW';
const KEY_BITS = 256;
const COORDINATE_BYTES = 32;

/** An ephemeral public key as it stands in a header. */
export interface EphemeralKey {
  kty: 'EC';
  crv: 'P-256';
  x: string;
  y: string;
}

/** The ephemeral key of a header, or null where it is none of P-256 in its one spelling. That it is on the curve is seen when it is used. */
export function readEphemeralKey(value: unknown): EphemeralKey | null {
  if (!isJsonObject(value)) return null;
  const { kty, crv, x, y } = value;
  if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string' || 'd' in value) return null;
  if (fromBase64url(x)?.length !== COORDINATE_BYTES || fromBase64url(y)?.length !== COORDINATE_BYTES) return null;
  return { kty, crv, x, y };
}

/** Whether a key is one of this kind. */
export function isAgreementKey(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

/** A fresh ephemeral key, and the wrapping key that it agrees on with the recipient's public key. */
export function agreeAsSender(recipient: KeyObject): { epk: EphemeralKey; wrappingKey: Uint8Array } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return { epk: { kty: 'EC', crv: 'P-256', x, y }, wrappingKey: derive(privateKey, recipient) };
}

/** The wrapping key that the recipient's private key agrees on with an ephemeral one, or null where that is no point of the curve. */
export function agreeAsRecipient(privateKey: KeyObject, epk: EphemeralKey): Uint8Array | null {
  try {
    // Node refuses what is not on the curve.
    return derive(privateKey, createPublicKey({ key: { ...epk }, format: 'jwk' }));
  } catch {
    return null;
  }
}

function derive(privateKey: KeyObject, publicKey: KeyObject): Uint8Array {
  return concatKdf(diffieHellman({ privateKey, publicKey }), AGREEMENT_ALGORITHM, '', '', KEY_BITS);
}

/** RFC 7518 section 4.6.2, for keys of at most 256 bits: one round of SHA-256. `apu` and `apv` are text. */
export function concatKdf(secret: Uint8Array, algorithm: string, apu: string, apv: string, bits: number): Uint8Array {
  const hash = createHash('sha256').update(uint32(1)).update(secret);
  for (const part of [algorithm, apu, apv]) hash.update(uint32(utf8(part).length)).update(part, 'utf8');
  return hash
    .update(uint32(bits))
    .digest()
    .subarray(0, bits / 8);
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
