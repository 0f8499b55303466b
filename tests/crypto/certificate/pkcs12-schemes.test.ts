/** What a PKCS#12 file asks for is bounded before any work, and what is guessed at is told without any. */

import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { isPkcs12, openPkcs12, pkcs12GuessSubject, type Pkcs12Result } from '../../../src/crypto/certificate/pkcs12.js';
import {
  certificateBag,
  crlBag,
  encryptedSafe,
  nestedBag,
  pbes2Safe,
  pfx,
  plainSafe,
} from '../../support/pkcs12-builder.js';
import { FILES, LEAF, MID, PASSWORD } from '../../support/pkcs12-files.js';
import { integer, nullValue, octetString, oid, sequence, tlv } from '../../support/pki/der.js';

/** How often anything was hashed or derived. */
const work = vi.hoisted(() => ({ done: 0 }));
vi.mock('node:crypto', async (original) => {
  const actual = await original<typeof import('node:crypto')>();
  const counted =
    <A extends unknown[], R>(compute: (...args: A) => R) =>
    (...args: A): R => {
      work.done++;
      return compute(...args);
    };
  return { ...actual, hash: counted(actual.hash), pbkdf2: counted(actual.pbkdf2) };
});
beforeEach(() => {
  work.done = 0;
});

const problem = (name: string): Pkcs12Result => ({ problem: name }) as Pkcs12Result;
const files = Object.values(FILES);
const contents = sequence(certificateBag(MID), certificateBag(LEAF));

describe('bounds, before any work', () => {
  const safe = [plainSafe(certificateBag(LEAF))];
  const old = (salt: Uint8Array, iterations: number | bigint): Uint8Array =>
    encryptedSafe(
      sequence(oid('1.2.840.113549.1.12.1.3'), sequence(octetString(salt), integer(iterations))),
      Buffer.alloc(64),
    );
  const salt = Buffer.alloc(8);
  const big = Buffer.alloc(100_000);
  it.each<[string, string, () => Uint8Array]>([
    ['a MAC of 10^9 iterations', 'too_costly', () => pfx(safe, { iterations: 1_000_000_000 })],
    ['a MAC of 2^70 iterations', 'too_costly', () => pfx(safe, { iterations: 2n ** 70n })],
    ['a MAC of 10^6 + 1 iterations', 'too_costly', () => pfx(safe, { iterations: 1_000_001 })],
    ['PBKDF2 of 10^9 iterations', 'too_costly', () => pfx([pbes2Safe('x', contents, { iterations: 1_000_000_000 })])],
    ['PBMAC1 of 10^9 iterations', 'too_costly', () => pfx(safe, { pbmac1: { iterations: 1e9, keyLength: 32 } })],
    ['the old encryption of 10^9 iterations', 'too_costly', () => pfx([old(salt, 1_000_000_000)])],
    ['many safes that are allowed each', 'too_costly', () => pfx(Array.from({ length: 3 }, () => old(salt, 600_000)))],
    [
      'many PBKDF2 that are allowed each',
      'too_costly',
      () => pfx(Array.from({ length: 60 }, () => pbes2Safe('x', salt, { iterations: 600_000 }))),
    ],
    ['no iterations of the MAC', 'not_pkcs12', () => pfx(safe, { iterations: 0 })],
    ['less than no iterations', 'not_pkcs12', () => pfx([old(salt, -5)])],
    ['a MAC with a large salt', 'too_large', () => pfx(safe, { salt: big })],
    ['PBKDF2 with a large salt', 'too_large', () => pfx([pbes2Safe('x', contents, { salt: big })])],
    ['the old encryption with a large salt', 'too_large', () => pfx([old(big, 1)])],
    ['a salt of 1 MiB', 'too_large', () => pfx(safe, { salt: Buffer.alloc(1_048_576) })],
    ['a file of over 1 MiB', 'too_large', () => pfx([plainSafe(certificateBag(Buffer.alloc(1_048_577)))])],
    ['10,000 bags', 'too_large', () => pfx([plainSafe(...Array.from({ length: 10_000 }, () => crlBag()))])],
    ['257 bags', 'too_large', () => pfx([plainSafe(...Array.from({ length: 257 }, () => crlBag()))])],
    ['bags in many safes', 'too_large', () => pfx(Array.from({ length: 60 }, () => plainSafe(...manyBags(5))))],
    ['65 safes', 'too_large', () => pfx(Array.from({ length: 65 }, () => plainSafe()))],
    [
      'an endless attribute',
      'too_large',
      () => pfx([plainSafe(certificateBag(LEAF, { attributes: Array.from({ length: 30_000 }, nullValue) }))]),
    ],
    ['deep nesting', 'not_pkcs12', () => pfx([plainSafe(nested(200))])],
    ['RC4', 'unsupported', () => pfx([encryptedSafe(sequence(oid('1.2.840.113549.1.12.1.1'), nullValue()), salt)])],
    ['scrypt', 'unsupported', () => pfx([pbes2Safe('x', salt, { kdf: '1.3.6.1.4.1.11591.4.11' })])],
    ['an unknown HMAC', 'unsupported', () => pfx([pbes2Safe('x', salt, { hmac: '1.2.3' })])],
    ['an unknown cipher', 'unsupported', () => pfx([pbes2Safe('x', salt, { cipher: '1.2.3' })])],
    ['a vector of another length', 'unsupported', () => pfx([pbes2Safe('x', salt, { ivBytes: 8 })])],
    ['a key of another length', 'unsupported', () => pfx([pbes2Safe('x', salt, { keyLength: 16 })])],
    ['a key of 2^31 octets', 'unsupported', () => pfx([pbes2Safe('x', salt, { keyLength: 2 ** 31 })])],
    ['PBMAC1 with a short key', 'unsupported', () => pfx(safe, { pbmac1: { keyLength: 19 } })],
    ['PBMAC1 with a long key', 'unsupported', () => pfx(safe, { pbmac1: { keyLength: 65 } })],
    ['a MAC with MD5', 'unsupported', () => pfx(safe, { digest: '1.2.840.113549.2.5' })],
    ['a signed file', 'unsupported', () => pfx(safe, { contentType: '1.2.840.113549.1.7.2' })],
    ['an enveloped safe', 'unsupported', () => pfx([sequence(oid('1.2.840.113549.1.7.3'), tlv(0xa0, nullValue()))])],
    ['an encrypted safe without a MAC', 'unsupported', () => pfx([pbes2Safe(PASSWORD, contents)], { password: null })],
    ['another version', 'not_pkcs12', () => pfx(safe, { version: 2 })],
  ])('%s', async (_name, expected, make) => {
    const file = make();
    expect(await openPkcs12(file, PASSWORD)).toEqual(problem(expected));
    expect(work.done).toBe(0);
  });

  it('a password of over 1,024 characters', async () => {
    expect(await openPkcs12(FILES.aes256.bytes, 'x'.repeat(1025))).toEqual(problem('too_large'));
    expect(work.done).toBe(0);
    expect(await openPkcs12(FILES.aes256.bytes, 'x'.repeat(1024))).toEqual(problem('wrong_password'));
  });

  it('would see work where there is some, and decrypts nothing before the MAC is right', async () => {
    await openPkcs12(FILES.legacy.bytes, 'wrong');
    expect(work.done).toBe(2048);
    work.done = 0;
    await openPkcs12(FILES.aes256.bytes, 'wrong');
    expect(work.done).toBe(2048);
    work.done = 0;
    await openPkcs12(FILES.aes256.bytes, PASSWORD);
    expect(work.done).toBe(2049);
  });

  it('256 bags are opened', async () => {
    const result = await openPkcs12(pfx([plainSafe(...manyBags(255), certificateBag(LEAF))]), PASSWORD);
    expect(result).toMatchObject({ certificates: [LEAF] });
  });

  function manyBags(count: number): Uint8Array[] {
    return Array.from({ length: count }, () => crlBag());
  }
  function nested(depth: number): Uint8Array {
    return depth === 0 ? certificateBag(LEAF) : nestedBag(nested(depth - 1));
  }
});

describe('what is guessed at', () => {
  it('is one for all spellings of a file, and another for each file', () => {
    const safes = [plainSafe(certificateBag(LEAF))];
    const subject = pkcs12GuessSubject(pfx(safes));
    expect(subject).not.toBeNull();
    // The derivation fills a block with the salt over and over: twice the salt derives the same.
    expect(pkcs12GuessSubject(pfx(safes, { salt: Buffer.alloc(16, 5) }))).toEqual(subject);
    const subjects = files.map(({ bytes }) => pkcs12GuessSubject(bytes)?.toString());
    expect(new Set(subjects).size).toBe(files.length);
    expect(pkcs12GuessSubject(FILES.withoutMac.bytes)).toBeNull();
    const modern = (salt: number): Uint8Array => pfx(safes, { salt: Buffer.of(salt), pbmac1: { keyLength: 32 } });
    expect(pkcs12GuessSubject(modern(1))).toEqual(pkcs12GuessSubject(modern(2)));
    expect(work.done).toBe(0);
  });

  it('is there wherever a password is tried', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const changed = new Uint8Array(FILES.aes128.bytes);
        const index = at % changed.length;
        changed[index] = (changed[index] ?? 0) ^ mask;
        work.done = 0;
        await openPkcs12(changed, PASSWORD);
        if (work.done > 0) expect(isPkcs12(changed) && pkcs12GuessSubject(changed) !== null).toBe(true);
      }),
    );
  });
});
