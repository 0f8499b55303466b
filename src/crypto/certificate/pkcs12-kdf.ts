/** What PKCS#12 derives and decrypts with: its own key derivation (RFC 7292 appendix B), PBKDF2 and the block ciphers. */

import { createDecipheriv, hash, pbkdf2 } from 'node:crypto';

/** Sizes in octets, as appendix B.2 names them: `u` of the hash's result, `v` of what it takes at once. */
const HASHES = {
  sha1: { u: 20, v: 64 },
  sha224: { u: 28, v: 64 },
  sha256: { u: 32, v: 64 },
  sha384: { u: 48, v: 128 },
  sha512: { u: 64, v: 128 },
} as const;

export type HashName = keyof typeof HASHES;

export function hashBytes(name: HashName): number {
  return HASHES[name].u;
}

/** Appendix B.3: what the derived octets are for. */
export const PURPOSE = { key: 1, iv: 2, mac: 3 } as const;

/** A password in the forms the derivations take. */
export interface PasswordForm {
  /** RFC 7292 appendix B.1: UTF-16 with the high octet first and a final NUL. Beyond it characters are surrogate pairs. */
  bmp: Uint8Array;
  /** What PBES2 and PBMAC1 take, as every current tool writes them (RFC 8018 section 3, RFC 9579 section 5). */
  utf8: Uint8Array;
}

/** The forms to try: no password is written as the NUL alone by some tools and as no octets at all by others. */
export function passwordForms(password: string): PasswordForm[] {
  const form: PasswordForm = {
    bmp: Buffer.from(`${password}\0`, 'utf16le').swap16(),
    utf8: Buffer.from(password, 'utf8'),
  };
  return password === '' ? [form, { ...form, bmp: new Uint8Array() }] : [form];
}

/** Appendix B.2 step 2: `bytes` over and over, up to the next multiple of `v`. */
export function fillBlocks(bytes: Uint8Array, name: HashName): Uint8Array {
  const { v } = HASHES[name];
  const filled = new Uint8Array(v * Math.ceil(bytes.length / v));
  for (let i = 0; i < filled.length; i++) filled[i] = bytes[i % bytes.length] ?? 0;
  return filled;
}

/** The key derivation of RFC 7292 appendix B.2. The caller has bounded the iterations. */
export function derivePkcs12(
  name: HashName,
  purpose: (typeof PURPOSE)[keyof typeof PURPOSE],
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Uint8Array {
  const { u, v } = HASHES[name];
  const diversifier = new Uint8Array(v).fill(purpose);
  const input = Buffer.concat([fillBlocks(salt, name), fillBlocks(password, name)]);
  const derived = Buffer.alloc(length);
  for (let at = 0; at < length; at += u) {
    let block: Uint8Array = hash(name, Buffer.concat([diversifier, input]), 'buffer');
    for (let i = 1; i < iterations; i++) block = hash(name, block, 'buffer');
    derived.set(block.subarray(0, length - at), at);
    // Step 6c: each block of the input becomes itself plus the result plus one, modulo 2^(8v).
    for (let start = 0; start < input.length; start += v) {
      let carry = 1;
      for (let i = v - 1; i >= 0; i--) {
        carry += (input[start + i] ?? 0) + (block[i % u] ?? 0);
        input[start + i] = carry & 0xff;
        carry >>= 8;
      }
    }
  }
  return derived;
}

/** PBKDF2 (RFC 8018 section 5.2) on the thread pool of libuv. The caller has bounded the iterations. */
export function derivePbkdf2(
  name: HashName,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, length, name, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

export type CipherName =
  | 'aes-128-cbc'
  | 'aes-192-cbc'
  | 'aes-256-cbc'
  | 'des-ede3-cbc'
  | 'des-ede-cbc'
  | 'rc2-40'
  | 'rc2-128';

export const CIPHERS: Readonly<Record<CipherName, { keyBytes: number; blockBytes: number }>> = {
  'aes-128-cbc': { keyBytes: 16, blockBytes: 16 },
  'aes-192-cbc': { keyBytes: 24, blockBytes: 16 },
  'aes-256-cbc': { keyBytes: 32, blockBytes: 16 },
  'des-ede3-cbc': { keyBytes: 24, blockBytes: 8 },
  'des-ede-cbc': { keyBytes: 16, blockBytes: 8 },
  'rc2-40': { keyBytes: 5, blockBytes: 8 },
  'rc2-128': { keyBytes: 16, blockBytes: 8 },
};

/** Decrypts and takes the padding off (RFC 8018 section 6.1.1), or gives null where the padding is none. */
export async function decryptCbc(
  name: CipherName,
  key: Uint8Array,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Promise<Uint8Array | null> {
  if (name === 'rc2-40' || name === 'rc2-128') return decryptRc2(name === 'rc2-40' ? 40 : 128, key, iv, ciphertext);
  try {
    const decipher = createDecipheriv(name, key, iv);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    return null;
  }
}

/** Its buffers are strings whose cost grows with the square of their length. */
const RC2_PIECE_BYTES = 1_024;

/** RC2 (RFC 2268) is in OpenSSL's legacy provider only, which Node does not load. */
async function decryptRc2(
  effectiveBits: number,
  key: Uint8Array,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Promise<Uint8Array | null> {
  if (ciphertext.length === 0 || ciphertext.length % 8 !== 0) return null;
  const { default: forge } = await import('node-forge');
  const bufferOf = (bytes: Uint8Array): import('node-forge').util.ByteBuffer =>
    forge.util.createBuffer(Buffer.from(bytes).toString('latin1'));
  const cipher = forge.rc2.createDecryptionCipher(bufferOf(key), effectiveBits);
  const plaintext = Buffer.alloc(ciphertext.length);
  let vector = iv;
  for (let at = 0; at < ciphertext.length; at += RC2_PIECE_BYTES) {
    const piece = ciphertext.subarray(at, at + RC2_PIECE_BYTES);
    cipher.start(bufferOf(vector));
    cipher.update(bufferOf(piece));
    plaintext.write(cipher.output.getBytes(), at, 'latin1');
    vector = piece.subarray(-8);
  }
  const padding = plaintext.at(-1) ?? 0;
  const padded = padding >= 1 && padding <= 8 && plaintext.subarray(-padding).every((octet) => octet === padding);
  return padded ? plaintext.subarray(0, -padding) : null;
}
