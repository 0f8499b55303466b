/** Fernet tokens, byte for byte after the published specification (github.com/fernet/spec), on node:crypto. */

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

import { base64urlPadded, equalBytes, fromBase64urlPadded } from './bytes.js';
import type { Random } from './random.js';

const VERSION = 0x80;
const HEADER_BYTES = 1 + 8 + 16;
const MAC_BYTES = 32;
/** How far ahead a token's clock may be where its age is checked (the spec's MAX_CLOCK_SKEW). */
const MAX_CLOCK_SKEW_SECONDS = 60;

export const FERNET_KEY_BYTES = 32;

/** The 32 bytes of a Fernet key in padded base64url (signing key, then encryption key), or null where it is not one. */
export function readFernetKey(text: string): Uint8Array | null {
  const key = fromBase64urlPadded(text.trim());
  return key?.length === FERNET_KEY_BYTES ? key : null;
}

/** Makes a token: `0x80 | time in seconds, 64 bit | IV, 16 bytes | AES-128-CBC, PKCS#7 | HMAC-SHA256`, padded base64url. */
export function fernetSeal(plaintext: Uint8Array, key: Uint8Array, now: Date, random: Random): string {
  const iv = random(16);
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = VERSION;
  header.writeBigUInt64BE(BigInt(Math.floor(now.getTime() / 1000)), 1);
  header.set(iv, 9);
  const cipher = createCipheriv('aes-128-cbc', key.subarray(16), iv);
  const signed = Buffer.concat([header, cipher.update(plaintext), cipher.final()]);
  return base64urlPadded(Buffer.concat([signed, mac(signed, key)]));
}

/**
 * Opens a token, or gives null for every reason not to. With `maxAgeSeconds` the token's time is checked too, with
 * 60 seconds of clock skew into the future; without, the time is not looked at.
 */
export function fernetOpen(token: string, key: Uint8Array, now: Date, maxAgeSeconds?: number): Uint8Array | null {
  const bytes = readToken(token);
  if (bytes === null) return null;
  const signed = bytes.subarray(0, -MAC_BYTES);
  if (!equalBytes(mac(signed, key), bytes.subarray(-MAC_BYTES))) return null;
  if (maxAgeSeconds !== undefined) {
    const age = Math.floor(now.getTime() / 1000) - fernetTime(bytes);
    if (age > maxAgeSeconds || age < -MAX_CLOCK_SKEW_SECONDS) return null;
  }
  const decipher = createDecipheriv('aes-128-cbc', key.subarray(16), signed.subarray(9, HEADER_BYTES));
  try {
    return Buffer.concat([decipher.update(signed.subarray(HEADER_BYTES)), decipher.final()]);
  } catch {
    return null;
  }
}

/** Whether `text` has the outer form of a token, and if so when it was made (seconds since 1970); null otherwise. */
export function fernetCreatedAt(text: string): number | null {
  const bytes = readToken(text);
  return bytes === null ? null : fernetTime(bytes);
}

/** The MAC at the end of a token, not checked; null where `text` has not the outer form of one. */
export function fernetMac(text: string): Uint8Array | null {
  return readToken(text)?.subarray(-MAC_BYTES) ?? null;
}

/** The bytes of a token whose version and lengths are sound, or null. */
function readToken(text: string): Uint8Array | null {
  const bytes = fromBase64urlPadded(text);
  if (bytes === null || bytes[0] !== VERSION || bytes.length < HEADER_BYTES + 16 + MAC_BYTES) return null;
  return (bytes.length - HEADER_BYTES - MAC_BYTES) % 16 === 0 ? bytes : null;
}

function fernetTime(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(1));
}

function mac(signed: Uint8Array, key: Uint8Array): Uint8Array {
  return createHmac('sha256', key.subarray(0, 16)).update(signed).digest();
}
