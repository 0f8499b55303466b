/** Bytes and their text forms (RFC 4648). Decoders are strict: one byte string has exactly one accepted text. */

import { timingSafeEqual } from 'node:crypto';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

/** The text of `bytes`, or null where they are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** RFC 4648 section 5 with padding, as Fernet writes it. */
export function base64urlPadded(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_');
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Decodes base64url without padding (RFC 7515 section 2), or null where the text is not canonical. */
export function fromBase64url(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}

/** Decodes base64url with its padding (the form of the Fernet spec), or null where the text is not canonical. */
export function fromBase64urlPadded(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64url');
  return base64urlPadded(bytes) === text ? bytes : null;
}

/** Decodes either base64 alphabet, padded or not, white space ignored, or null where anything else is in the text. */
export function fromAnyBase64(text: string): Uint8Array | null {
  const bare = text.replaceAll(/\s+/g, '').replace(/={1,2}$/, '');
  return fromBase64url(bare.replaceAll('+', '-').replaceAll('/', '_'));
}

/** Decodes hexadecimal of either case, or null where the text is not whole pairs of digits. */
export function fromHex(text: string): Uint8Array | null {
  return text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text) ? Buffer.from(text, 'hex') : null;
}

/** Compares in time that depends on the lengths alone. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
