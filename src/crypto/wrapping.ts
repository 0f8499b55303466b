/** Keys that wrap keys: the master key's text forms, sub-keys by HKDF-SHA-256 (RFC 5869), and wrapping with AES-256-GCM (NIST SP 800-38D). */

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';

import { fromAnyBase64, fromHex, utf8 } from './bytes.js';
import type { Random } from './random.js';

export const KEY_BYTES = 32;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** The first byte of what is wrapped; another one would mean another construction. */
const FORMAT = 1;
const HEADER_BYTES = 3;

/** The 32 bytes that a master key's text stands for (base64url, base64 or hex), or null where it does not stand for 32 bytes. */
export function parseMasterKey(text: string): Uint8Array | null {
  const trimmed = text.trim();
  const bytes = /^[0-9a-fA-F]{64}$/.test(trimmed) ? fromHex(trimmed) : fromAnyBase64(trimmed);
  return bytes?.length === KEY_BYTES && !/\s/.test(trimmed) ? bytes : null;
}

/** 32 bytes for one purpose. `salt` tells stores apart that were given the same key. */
export function deriveKey(key: Uint8Array, purpose: string, salt: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, utf8(salt), utf8(`security-mcp 1 ${purpose}`), KEY_BYTES));
}

/** What a wrapped value belongs to. It opens as that alone: moved to another name, version or purpose it does not. */
export interface WrapLabel {
  purpose: string;
  name: string;
  version: number;
}

/** JSON of a list: no two labels have the same text. */
function authenticated(header: Uint8Array, { purpose, name, version }: WrapLabel): Uint8Array {
  return Buffer.concat([header, utf8(JSON.stringify([purpose, name, version]))]);
}

/** Format (1 byte), generation of the wrapping key (2, big-endian), nonce (12), ciphertext, tag (16). All is authenticated. */
export function wrapBytes(
  key: Uint8Array,
  generation: number,
  plaintext: Uint8Array,
  label: WrapLabel,
  random: Random,
): Uint8Array {
  if (!Number.isInteger(generation) || generation < 0 || generation > 0xffff)
    throw new RangeError('no such generation');
  const header = Uint8Array.of(FORMAT, generation >> 8, generation & 0xff);
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(authenticated(header, label));
  return Buffer.concat([header, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** The generation of the key that wrapped it, or null where it is nothing wrapped. */
export function wrapGeneration(wrapped: Uint8Array): number | null {
  if (wrapped.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES || wrapped[0] !== FORMAT) return null;
  return ((wrapped[1] ?? 0) << 8) | (wrapped[2] ?? 0);
}

/** What was wrapped under this key and label, or null: another key, another label, or changed. */
export function unwrapBytes(key: Uint8Array, wrapped: Uint8Array, label: WrapLabel): Uint8Array | null {
  if (wrapGeneration(wrapped) === null) return null;
  const nonceEnd = HEADER_BYTES + NONCE_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(HEADER_BYTES, nonceEnd), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(authenticated(wrapped.subarray(0, HEADER_BYTES), label));
  decipher.setAuthTag(wrapped.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(nonceEnd, -TAG_BYTES)), decipher.final()]);
  } catch {
    return null;
  }
}
