/** Digests (FIPS 180-4, FIPS 202, RFC 7693) and HMAC over them (RFC 2104), on node:crypto. */

import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';

/** Name in this product to name in OpenSSL. */
const OPENSSL_NAMES = {
  sha256: 'sha256',
  sha384: 'sha384',
  sha512: 'sha512',
  'sha512-256': 'sha512-256',
  sha224: 'sha224',
  'sha3-256': 'sha3-256',
  'sha3-384': 'sha3-384',
  'sha3-512': 'sha3-512',
  'sha3-224': 'sha3-224',
  blake2b512: 'blake2b512',
  blake2s256: 'blake2s256',
  sha1: 'sha1',
  md5: 'md5',
} as const;

export type DigestAlgorithm = keyof typeof OPENSSL_NAMES;

export const DIGEST_ALGORITHMS = Object.keys(OPENSSL_NAMES) as [DigestAlgorithm, ...DigestAlgorithm[]];

const ALIASES: ReadonlyMap<string, DigestAlgorithm> = new Map([
  ['blake2b', 'blake2b512'],
  ['blake2s', 'blake2s256'],
]);

/** Other spellings of the same algorithm (`SHA-256`, `sha3_256`, `BLAKE2b`) to ours; anything else comes back as it is. */
export function canonicalDigestName(name: unknown): unknown {
  if (typeof name !== 'string' || name.length > 32) return name;
  const plain = name
    .toLowerCase()
    .replaceAll(/[_/]/g, '-')
    .replace(/^sha-(?=\d)/, 'sha')
    .replace(/^(blake2[bs])-/, '$1');
  return ALIASES.get(plain) ?? plain;
}

/** The digest of `data`, or its HMAC where `key` is given. */
export function computeDigest(algorithm: DigestAlgorithm, data: Uint8Array, key?: Uint8Array): Uint8Array {
  return beginDigest(algorithm, key).update(data).digest();
}

/** The same over data that comes in pieces, which need be good only until the next is asked for; and how many bytes it was. */
export async function computeDigestOfPieces(
  algorithm: DigestAlgorithm,
  pieces: AsyncIterable<Uint8Array>,
  key?: Uint8Array,
): Promise<{ digest: Uint8Array; bytes: number }> {
  const digest = beginDigest(algorithm, key);
  let bytes = 0;
  for await (const piece of pieces) {
    digest.update(piece);
    bytes += piece.length;
  }
  return { digest: digest.digest(), bytes };
}

function beginDigest(algorithm: DigestAlgorithm, key: Uint8Array | undefined): Hash | Hmac {
  const name = OPENSSL_NAMES[algorithm];
  return key === undefined ? createHash(name) : createHmac(name, key);
}

/** What to tell a caller about an algorithm that is unfit, or null. HMAC does not rest on collision resistance (RFC 6151 section 2.3). */
export function digestWarning(algorithm: DigestAlgorithm, keyed: boolean): string | null {
  if (algorithm !== 'md5' && algorithm !== 'sha1') return null;
  const name = algorithm === 'md5' ? 'MD5' : 'SHA-1';
  return keyed
    ? `HMAC-${name} is not known to be broken but is no longer recommended; use HMAC with sha256 for anything new.`
    : `${name} is unfit for security: collisions can be made at will. Use it only to compare with old checksums; otherwise sha256.`;
}
