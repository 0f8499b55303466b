/** PBKDF2 (RFC 8018 section 5.2) with the bounds within which this product derives a key from a password. */

import { pbkdf2 } from 'node:crypto';

export type Pbkdf2Hash = 'sha256' | 'sha512';

export interface KdfUse {
  name: 'PBKDF2-HMAC-SHA256' | 'PBKDF2-HMAC-SHA512';
  iterations: number;
}

/** What an envelope from outside may ask for. */
export const OPEN_ITERATIONS = { min: 1_000, max: 2_000_000 } as const;
export const SALT_BYTES = { min: 8, max: 64, made: 16 } as const;
export const DEFAULT_ITERATIONS = 600_000;
/** OWASP Password Storage Cheat Sheet: the least for each hash; below it an opening advises to rewrap. */
export const ADVISED_ITERATIONS = { sha256: 600_000, sha512: 220_000 } as const;

/** Derives a 32-byte key on the thread pool. The caller has checked the iterations against OPEN_ITERATIONS. */
export function deriveKey(
  password: string,
  salt: Uint8Array,
  iterations: number,
  hash: Pbkdf2Hash,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, 32, hash, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

export function kdfUse(hash: Pbkdf2Hash, iterations: number): KdfUse {
  return { name: hash === 'sha256' ? 'PBKDF2-HMAC-SHA256' : 'PBKDF2-HMAC-SHA512', iterations };
}

/** What to say of an envelope whose derivation has become weak, or null. */
export function kdfAdvice(use: KdfUse): string | null {
  const advised = use.name === 'PBKDF2-HMAC-SHA256' ? ADVISED_ITERATIONS.sha256 : ADVISED_ITERATIONS.sha512;
  return use.iterations < advised
    ? `sealed with ${use.iterations} iterations of ${use.name}, under today's ${advised}: use envelope_rewrap`
    : null;
}

export function isIterationCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= OPEN_ITERATIONS.min && Number(value) <= OPEN_ITERATIONS.max;
}

export function isSaltLength(bytes: Uint8Array): boolean {
  return bytes.length >= SALT_BYTES.min && bytes.length <= SALT_BYTES.max;
}
