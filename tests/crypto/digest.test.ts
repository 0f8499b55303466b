/** Digests and HMAC give the published values, whatever spelling of the algorithm is used, and unfit ones come with a warning. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { equalBytes, hex, utf8 } from '../../src/crypto/bytes.js';
import {
  canonicalDigestName,
  computeDigest,
  DIGEST_ALGORITHMS,
  digestWarning,
  type DigestAlgorithm,
} from '../../src/crypto/digest.js';
import { describeWithVectors, readVectors, type WycheproofCase, type WycheproofFile } from '../support/vectors.js';

/** The digest of "abc", by the document that publishes it. */
const OF_ABC: Record<DigestAlgorithm, readonly [source: string, digest: string]> = {
  // https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values (FIPS 180-4, FIPS 202)
  sha1: ['NIST example SHA1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  sha224: ['NIST example SHA224', '23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7'],
  sha256: ['NIST example SHA256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  sha384: [
    'NIST example SHA384',
    'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  ],
  sha512: [
    'NIST example SHA512',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
      '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  ],
  'sha512-256': ['NIST example SHA512/256', '53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23'],
  'sha3-224': ['NIST example SHA3-224', 'e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf'],
  'sha3-256': ['NIST example SHA3-256', '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532'],
  'sha3-384': [
    'NIST example SHA3-384',
    'ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25',
  ],
  'sha3-512': [
    'NIST example SHA3-512',
    'b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e' +
      '10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0',
  ],
  // https://www.rfc-editor.org/rfc/rfc7693#appendix-A
  blake2b512: [
    'RFC 7693 appendix A',
    'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1' +
      '7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
  ],
  // https://www.rfc-editor.org/rfc/rfc7693#appendix-B
  blake2s256: ['RFC 7693 appendix B', '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982'],
  // https://www.rfc-editor.org/rfc/rfc1321#appendix-A.5
  md5: ['RFC 1321 appendix A.5', '900150983cd24fb0d6963f7d28e17f72'],
};

describe('the digest of "abc"', () => {
  it.each(DIGEST_ALGORITHMS)('with %s is the published one', (algorithm) => {
    const [, digest] = OF_ABC[algorithm];
    expect(hex(computeDigest(algorithm, utf8('abc')))).toBe(digest);
  });
});

describe('MD5, the test suite of RFC 1321 appendix A.5', () => {
  it.each([
    ['', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['a', '0cc175b9c0f1b6a831c399e269772661'],
    ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
    ['abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b'],
    ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 'd174ab98d277d9f5a5611c2c9f419d9f'],
    ['1234567890'.repeat(8), '57edf4a22be3c955ac49da2e2107b67a'],
  ])('of %j', (text, digest) => {
    expect(hex(computeDigest('md5', utf8(text)))).toBe(digest);
  });
});

describe('the digest of nothing', () => {
  // FIPS 180-4 and FIPS 202; the values are in NIST's byte test vectors (CAVP), length 0.
  it.each([
    ['sha256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['sha3-256', 'a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a'],
  ] as const)('with %s is the published one', (algorithm, digest) => {
    expect(hex(computeDigest(algorithm, new Uint8Array(0)))).toBe(digest);
  });
});

// https://www.rfc-editor.org/rfc/rfc4231#section-4 (case 5 is of a truncated tag)
const RFC_4231_CASES = [
  {
    section: '4.2',
    key: Buffer.alloc(20, 0x0b),
    data: Buffer.from('Hi There'),
    sha256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    sha384: 'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
    sha512:
      '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  },
  {
    section: '4.3',
    key: Buffer.from('Jefe'),
    data: Buffer.from('what do ya want for nothing?'),
    sha256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    sha384: 'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    sha512:
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  },
  {
    section: '4.4',
    key: Buffer.alloc(20, 0xaa),
    data: Buffer.alloc(50, 0xdd),
    sha256: '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    sha384: '88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27',
    sha512:
      'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
  },
  {
    section: '4.5',
    key: Buffer.from(Array.from({ length: 25 }, (_, i) => i + 1)),
    data: Buffer.alloc(50, 0xcd),
    sha256: '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    sha384: '3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb',
    sha512:
      'b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd',
  },
  {
    section: '4.6',
    key: Buffer.alloc(20, 0x0c),
    data: Buffer.from('Test With Truncation'),
    sha256: 'a3b6167473100ee06e0c796c2955552b',
    sha384: '3abf34c3503b2a23a46efc619baef897',
    sha512: '415fad6271580a531d4179bc891d87a6',
  },
  {
    section: '4.7',
    key: Buffer.alloc(131, 0xaa),
    data: Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First'),
    sha256: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    sha384: '4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952',
    sha512:
      '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
  },
  {
    section: '4.8',
    key: Buffer.alloc(131, 0xaa),
    data: Buffer.from(
      'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    sha256: '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    sha384: '6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e',
    sha512:
      'e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58',
  },
] as const;

describe.each(RFC_4231_CASES)('HMAC, RFC 4231 section $section', ({ key, data, ...tags }) => {
  it.each(['sha256', 'sha384', 'sha512'] as const)('with %s gives the published tag', (algorithm) => {
    const tag = hex(computeDigest(algorithm, data, key));
    expect(tag.slice(0, tags[algorithm].length)).toBe(tags[algorithm]);
  });
});

interface MacCase extends WycheproofCase {
  key: string;
  msg: string;
  tag: string;
}

// https://github.com/C2SP/wycheproof/blob/main/testvectors_v1/hmac_sha256_test.json
describeWithVectors('HMAC-SHA-256, Wycheproof', () => {
  it('agrees on every vector, a truncated tag being the first bytes of the whole', () => {
    const { testGroups } = readVectors<WycheproofFile<{ tagSize: number; tests: MacCase[] }>>(
      'wycheproof/hmac_sha256_test.json',
    );
    const wrong: number[] = [];
    let cases = 0;
    for (const { tagSize, tests } of testGroups) {
      for (const { tcId, key, msg, tag, result } of tests) {
        const made = computeDigest('sha256', Buffer.from(msg, 'hex'), Buffer.from(key, 'hex')).subarray(0, tagSize / 8);
        cases++;
        if (equalBytes(made, Buffer.from(tag, 'hex')) !== (result === 'valid')) wrong.push(tcId);
      }
    }
    expect(wrong).toEqual([]);
    expect(cases).toBe(174);
  });
});

describe('an HMAC', () => {
  it('with an empty key is an HMAC, not the plain digest', () => {
    const empty = new Uint8Array(0);
    // https://www.rfc-editor.org/rfc/rfc2104#section-2: a short key is padded with zeros.
    expect(computeDigest('sha256', utf8('abc'), empty)).toEqual(
      computeDigest('sha256', utf8('abc'), new Uint8Array(64)),
    );
    expect(computeDigest('sha256', utf8('abc'), empty)).not.toEqual(computeDigest('sha256', utf8('abc')));
  });

  it('is defined for every algorithm as RFC 2104 section 2 says', () => {
    const blockBytes = (algorithm: DigestAlgorithm): number => {
      const rates: Record<string, number> = { 'sha3-224': 144, 'sha3-256': 136, 'sha3-384': 104, 'sha3-512': 72 };
      return rates[algorithm] ?? (/512|384|blake2b/.test(algorithm) ? 128 : 64);
    };
    fc.assert(
      fc.property(
        fc.constantFrom(...DIGEST_ALGORITHMS),
        fc.uint8Array({ maxLength: 64 }),
        fc.uint8Array({ maxLength: 300 }),
        (algorithm, key, data) => {
          const block = Buffer.alloc(blockBytes(algorithm));
          block.set(key);
          const inner = computeDigest(algorithm, Buffer.concat([block.map((byte) => byte ^ 0x36), data]));
          const outer = computeDigest(algorithm, Buffer.concat([block.map((byte) => byte ^ 0x5c), inner]));
          expect(hex(computeDigest(algorithm, data, key))).toBe(hex(outer));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the name of an algorithm', () => {
  it.each([
    ['SHA-256', 'sha256'],
    ['SHA256', 'sha256'],
    ['sha_256', 'sha256'],
    ['SHA-1', 'sha1'],
    ['SHA-512/256', 'sha512-256'],
    ['SHA512/256', 'sha512-256'],
    ['sha512_256', 'sha512-256'],
    ['SHA3-256', 'sha3-256'],
    ['sha3_512', 'sha3-512'],
    ['SHA-3-256', 'sha3-256'],
    ['BLAKE2b', 'blake2b512'],
    ['BLAKE2b-512', 'blake2b512'],
    ['blake2s', 'blake2s256'],
    ['blake2s_256', 'blake2s256'],
    ['MD5', 'md5'],
  ])('%s is read as %s', (spelling, name) => {
    expect(canonicalDigestName(spelling)).toBe(name);
    expect(DIGEST_ALGORITHMS).toContain(name);
  });

  it.each(DIGEST_ALGORITHMS)('%s, ours, stays as it is', (name) => {
    expect(canonicalDigestName(name)).toBe(name);
  });

  it('that is unknown, or no text at all, becomes none of ours', () => {
    for (const name of [
      'sha',
      'sha-0',
      'sha2',
      'md4',
      'blake2b256',
      'crc32',
      '',
      'sha256 ',
      'x'.repeat(100_000),
      256,
      null,
      {},
    ]) {
      expect(DIGEST_ALGORITHMS).not.toContain(canonicalDigestName(name));
    }
  });

  it('"constructor", inherited by every object, stays a text', () => {
    expect(canonicalDigestName('constructor')).toBe('constructor');
  });
});

describe('the warning', () => {
  it.each(DIGEST_ALGORITHMS)('about %s is given exactly where collisions are known', (algorithm) => {
    const unfit = algorithm === 'md5' || algorithm === 'sha1';
    expect(digestWarning(algorithm, false) !== null).toBe(unfit);
    expect(digestWarning(algorithm, true) !== null).toBe(unfit);
  });

  it('names the algorithm and what to use, and does not call HMAC broken (RFC 6151 section 2.3)', () => {
    expect(digestWarning('md5', false)).toMatch(/^MD5 .*collisions.*sha256/);
    expect(digestWarning('sha1', false)).toMatch(/^SHA-1 .*collisions.*sha256/);
    expect(digestWarning('md5', true)).toMatch(/^HMAC-MD5 is not known to be broken.*sha256/);
    expect(digestWarning('sha1', true)).toMatch(/^HMAC-SHA-1 is not known to be broken.*sha256/);
  });
});
