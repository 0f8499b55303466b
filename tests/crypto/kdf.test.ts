/** PBKDF2 gives the published keys, and its bounds hold on both sides. */

import { describe, expect, it } from 'vitest';

import { hex, utf8 } from '../../src/crypto/bytes.js';
import {
  ADVISED_ITERATIONS,
  DEFAULT_ITERATIONS,
  deriveKey,
  isIterationCount,
  isSaltLength,
  kdfAdvice,
  kdfUse,
} from '../../src/crypto/kdf.js';
import { describeWithVectors, readVectors, type WycheproofCase, type WycheproofFile } from '../support/vectors.js';

/*
 * RFC 8018 section 5.2: block i of the output depends on P, S, c and i alone, and a block of HMAC-SHA-256 has 32 bytes.
 * So the 32 bytes that `deriveKey` gives are the beginning of every longer output, and begin with every shorter one.
 */
async function expectKey(password: string, salt: string, iterations: number, published: string): Promise<void> {
  const key = hex(await deriveKey(password, utf8(salt), iterations, 'sha256'));
  const shared = Math.min(64, published.length);
  expect(key).toHaveLength(64);
  expect(key.slice(0, shared)).toBe(published.slice(0, shared));
}

describe('PBKDF2-HMAC-SHA256', () => {
  // https://www.rfc-editor.org/rfc/rfc7914#section-11
  it.each([
    [
      'passwd',
      'salt',
      1,
      '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc' +
        '49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783',
    ],
    [
      'Password',
      'NaCl',
      80_000,
      '4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56' +
        'a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d',
    ],
  ])('RFC 7914 section 11: %s, %s, %d', expectKey);

  // The inputs of https://www.rfc-editor.org/rfc/rfc6070#section-2, whose results are of SHA-1. The results with SHA-256 were
  // published at https://stackoverflow.com/a/5136918; the case of 16,777,216 iterations is over our limit and left out.
  it.each([
    ['password', 'salt', 1, '120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b'],
    ['password', 'salt', 2, 'ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43'],
    ['password', 'salt', 4_096, 'c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a'],
    [
      'passwordPASSWORDpassword',
      'saltSALTsaltSALTsaltSALTsaltSALTsalt',
      4_096,
      '348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1c635518c7dac47e9',
    ],
    ['pass\0word', 'sa\0lt', 4_096, '89b69d0516f829893c696226650a8687'],
  ])('inputs of RFC 6070 section 2: %j, %j, %d', expectKey);

  // https://www.rfc-editor.org/rfc/rfc7517#appendix-C.4: the salt is UTF8(alg) || 0x00 || p2s (RFC 7518 section 4.8.1.1), and
  // 128 bits are derived for PBES2-HS256+A128KW: the beginning of our 256.
  it('RFC 7517 appendix C.4: the derived key of the PBES2 example', async () => {
    const salt = Buffer.concat([utf8('PBES2-HS256+A128KW\0'), Buffer.from('2WCTcJZ1Rvd_CJuJripQ1w', 'base64url')]);
    const key = await deriveKey('Thus from my lips, by yours, my sin is purged.', salt, 4_096, 'sha256');
    expect([...key.subarray(0, 16)]).toEqual([
      110, 171, 169, 92, 129, 92, 109, 117, 233, 242, 116, 233, 170, 14, 24, 75,
    ]);
  });
});

interface DerivationCase extends WycheproofCase {
  password: string;
  salt: string;
  iterationCount: number;
  dkLen: number;
  dk: string;
}

// https://github.com/C2SP/wycheproof/blob/main/testvectors_v1/pbkdf2_hmacsha256_test.json
describeWithVectors('PBKDF2-HMAC-SHA256, Wycheproof', () => {
  it('agrees on every vector whose password is UTF-8 (ours are text)', async () => {
    const { testGroups } = readVectors<WycheproofFile<{ tests: DerivationCase[] }>>(
      'wycheproof/pbkdf2_hmacsha256_test.json',
    );
    const wrong: number[] = [];
    let cases = 0;
    for (const { tcId, password, salt, iterationCount, dkLen, dk, result } of testGroups.flatMap(
      ({ tests }) => tests,
    )) {
      const text = Buffer.from(password, 'hex').toString();
      if (Buffer.from(text).toString('hex') !== password) continue;
      cases++;
      const shared = Math.min(64, dkLen * 2);
      const made = hex(await deriveKey(text, Buffer.from(salt, 'hex'), iterationCount, 'sha256'));
      if ((made.slice(0, shared) === dk.slice(0, shared)) !== (result === 'valid')) wrong.push(tcId);
    }
    expect(wrong).toEqual([]);
    expect(cases).toBe(43);
  });
});

describe('the bounds', () => {
  it('of iterations are whole numbers from 1,000 to 2,000,000, and nothing that only looks like one', () => {
    for (const count of [1_000, 1_001, 600_000, 2_000_000]) expect(isIterationCount(count)).toBe(true);
    for (const count of [
      0,
      -1,
      999,
      2_000_001,
      1e9,
      1_000.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '100000',
      '1e5',
      100_000n,
      [100_000],
      null,
      undefined,
      true,
      { valueOf: () => 100_000 },
    ]) {
      expect(isIterationCount(count)).toBe(false);
    }
  });

  it('of a salt are 8 and 64 bytes', () => {
    expect([0, 7, 8, 16, 64, 65].map((size) => isSaltLength(new Uint8Array(size)))).toEqual([
      false,
      false,
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('the advice', () => {
  it('is given under what OWASP names for each hash, and not from there on', () => {
    // https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#pbkdf2
    expect(ADVISED_ITERATIONS).toEqual({ sha256: 600_000, sha512: 220_000 });
    expect(kdfAdvice(kdfUse('sha256', 599_999))).toMatch(/^sealed with 599999 .*SHA256.* 600000: use envelope_rewrap$/);
    expect(kdfAdvice(kdfUse('sha512', 219_999))).toMatch(/^sealed with 219999 .*SHA512.* 220000: use envelope_rewrap$/);
    expect(kdfAdvice(kdfUse('sha256', 600_000))).toBeNull();
    expect(kdfAdvice(kdfUse('sha512', 220_000))).toBeNull();
    expect(kdfAdvice(kdfUse('sha256', DEFAULT_ITERATIONS))).toBeNull();
  });
});
