/** The primitives of a JWE give the published values, and the reader takes nothing but the algorithms of this product. */

import { createPrivateKey } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { base64url, equalBytes, hex, utf8 } from '../../src/crypto/bytes.js';
import {
  aesGcmOpen,
  aesGcmSeal,
  aesKeyUnwrap,
  aesKeyWrap,
  decryptContent,
  encryptContent,
  readJwe,
  unwrapContentKey,
  type Jwe,
} from '../../src/crypto/jwe.js';
import { systemRandom } from '../../src/crypto/random.js';
import { describeWithVectors, readVectors, type WycheproofCase, type WycheproofFile } from '../support/vectors.js';

const bytes = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('AES key wrap', () => {
  it('RFC 3394 section 4.6: 256 bits of key data with a 256-bit key', () => {
    // https://www.rfc-editor.org/rfc/rfc3394#section-4.6
    const kek = bytes('000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F');
    const key = bytes('00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F');
    const wrapped = '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21';
    expect(hex(aesKeyWrap(key, kek))).toBe(wrapped);
    expect(aesKeyUnwrap(bytes(wrapped), kek)).toEqual(key);
  });

  it('with any bit flipped does not unwrap', () => {
    const kek = new Uint8Array(32).fill(1);
    const wrapped = aesKeyWrap(new Uint8Array(32).fill(2), kek);
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const flipped = Uint8Array.from(wrapped);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(aesKeyUnwrap(flipped, kek)).toBeNull();
    }
  });

  it('of a size that wrapping cannot make does not unwrap (node:crypto alone lets some through)', () => {
    for (const size of [0, 1, 8, 16, 23, 25, 39, 41]) {
      expect(aesKeyUnwrap(new Uint8Array(size), new Uint8Array(32))).toBeNull();
    }
  });
});

interface KeyWrapCase extends WycheproofCase {
  key: string;
  msg: string;
  ct: string;
}

// https://github.com/C2SP/wycheproof/blob/main/testvectors_v1/aes_wrap_test.json
describeWithVectors('AES key wrap, Wycheproof', () => {
  it('agrees on every vector of 256-bit keys (those of 128 and 192 bits are not ours)', () => {
    const { testGroups } = readVectors<WycheproofFile<{ keySize: number; tests: KeyWrapCase[] }>>(
      'wycheproof/aes_wrap_test.json',
    );
    const tests = testGroups.filter(({ keySize }) => keySize === 256).flatMap((group) => group.tests);
    const wrong = tests.filter(({ key, msg, ct, result }) => {
      const unwrapped = aesKeyUnwrap(bytes(ct), bytes(key));
      const opens = unwrapped !== null && equalBytes(unwrapped, bytes(msg));
      const wraps = result === 'valid' && hex(aesKeyWrap(bytes(msg), bytes(key))) === ct;
      // Wrapping eight bytes or none is "acceptable" or "invalid" there; such a key has no place here either.
      return result === 'valid' ? !opens || !wraps : unwrapped !== null;
    });
    expect(wrong.map(({ tcId }) => tcId)).toEqual([]);
    expect(tests).toHaveLength(68);
    expect(tests.filter(({ result }) => result === 'valid').length).toBeGreaterThan(10);
  });
});

describe('AES-256-GCM', () => {
  const key = bytes('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308');
  const nonce = bytes('cafebabefacedbaddecaf888');
  const text = bytes(
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255',
  );
  const cipher =
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad';

  // The test cases of the GCM specification submitted to NIST (McGrew and Viega), appendix B; SP 800-38D refers to it:
  // https://csrc.nist.gov/groups/ST/toolkit/BCM/documents/proposedmodes/gcm/gcm-spec.pdf
  it.each([
    ['13', new Uint8Array(32), new Uint8Array(12), '', '', '', '530f8afbc74536b9a963b4f1c4cb738b'],
    [
      '14',
      new Uint8Array(32),
      new Uint8Array(12),
      '00'.repeat(16),
      '',
      'cea7403d4d606b6e074ec5d3baf39d18',
      'd0d1c8a799996bf0265b98b5d48ab919',
    ],
    ['15', key, nonce, hex(text), '', cipher, 'b094dac5d93471bdec1a502270e3cc6c'],
    [
      '16',
      key,
      nonce,
      hex(text.subarray(0, 60)),
      'feedfacedeadbeeffeedfacedeadbeefabaddad2',
      cipher.slice(0, 120),
      '76fc6ece0f4e1768cddf8853bb2d551b',
    ],
  ])('test case %s of the specification', (_case, k, n, plaintext, additional, ciphertext, tag) => {
    const sealed = aesGcmSeal(k, n, bytes(plaintext), bytes(additional));
    expect([hex(sealed.ciphertext), hex(sealed.tag)]).toEqual([ciphertext, tag]);
    expect(hex(aesGcmOpen(k, n, bytes(ciphertext), bytes(tag), bytes(additional)) ?? bytes('ff'))).toBe(plaintext);
  });

  it('with a tag cut short, another nonce length or another key length opens nothing', () => {
    const { ciphertext, tag } = aesGcmSeal(key, nonce, text, bytes(''));
    for (const size of [0, 4, 8, 12, 13, 14, 15])
      expect(aesGcmOpen(key, nonce, ciphertext, tag.subarray(0, size), bytes(''))).toBeNull();
    expect(aesGcmOpen(key, nonce, ciphertext, Buffer.concat([tag, bytes('00')]), bytes(''))).toBeNull();
    expect(aesGcmOpen(key, nonce.subarray(1), ciphertext, tag, bytes(''))).toBeNull();
    expect(aesGcmOpen(key.subarray(16), nonce, ciphertext, tag, bytes(''))).toBeNull();
  });
});

interface GcmCase extends WycheproofCase {
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
}

// https://github.com/C2SP/wycheproof/blob/main/testvectors_v1/aes_gcm_test.json
describeWithVectors('AES-256-GCM, Wycheproof', () => {
  const groups = (): { ivSize: number; keySize: number; tagSize: number; tests: GcmCase[] }[] =>
    readVectors<WycheproofFile<{ ivSize: number; keySize: number; tagSize: number; tests: GcmCase[] }>>(
      'wycheproof/aes_gcm_test.json',
    ).testGroups;
  const open = ({ key, iv, ct, tag, aad }: GcmCase): Uint8Array | null =>
    aesGcmOpen(bytes(key), bytes(iv), bytes(ct), bytes(tag), bytes(aad));

  it('agrees on every vector with a nonce of 12 bytes and a tag of 16', () => {
    const tests = groups()
      .filter(({ ivSize, keySize, tagSize }) => ivSize === 96 && keySize === 256 && tagSize === 128)
      .flatMap((group) => group.tests);
    const wrong = tests.filter((test) => {
      const opened = open(test);
      if (test.result !== 'valid') return opened !== null;
      const sealed = aesGcmSeal(bytes(test.key), bytes(test.iv), bytes(test.msg), bytes(test.aad));
      const same = hex(sealed.ciphertext) === test.ct && hex(sealed.tag) === test.tag;
      return !same || opened === null || !equalBytes(opened, bytes(test.msg));
    });
    expect(wrong.map(({ tcId }) => tcId)).toEqual([]);
    expect(tests).toHaveLength(66);
  });

  it('of another size of key or nonce opens none, valid or not (RFC 7518 section 5.3 has 96 bits)', () => {
    const others = groups().filter(({ ivSize, keySize }) => ivSize !== 96 || keySize !== 256);
    expect(others.flatMap(({ tests }) => tests.filter((test) => open(test) !== null))).toEqual([]);
    expect(others.length).toBeGreaterThan(40);
  });
});

describe('PBES2-HS512+A256KW, RFC 7520 section 5.3', () => {
  // https://www.rfc-editor.org/rfc/rfc7520#section-5.3, figures 96 to 105. Its content is under A128CBC-HS256, which is not ours;
  // the key is wrapped as ours are, and has 256 bits.
  const figure = {
    recipients: [{ encrypted_key: 'd3qNhUWfqheyPp4H8sjOWsDYajoej4c5Je6rlUtFPWdgtURtmeDV1g' }],
    protected:
      'eyJhbGciOiJQQkVTMi1IUzUxMitBMjU2S1ciLCJwMnMiOiI4UTFTemluYXNSM3hjaFl6NlpaY0hBIiwicDJjIjo4MTkyLCJjdHkiOiJqd2stc2V0K2pzb24iLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0',
    iv: 'VBiCzVHNoLiR3F4V82uoTQ',
    ciphertext:
      '23i-Tb1AV4n0WKVSSgcQrdg6GRqsUKxjruHXYsTHAJLZ2nsnGIX86vMXqIi6IRsfywCRFzLxEcZBRnTvG3nhzPk0GDD7FMyXhUHpDjEYCNA_XOmzg8yZR9oyjo6lTF6si4q9FZ2EhzgFQCLO_6h5EVg3vR75_hkBsnuoqoM3dwejXBtIodN84PeqMb6asmas_dpSsz7H10fC5ni9xIz424givB1YLldF6exVmL93R3fOoOJbmk2GBQZL_SEGllv2cQsBgeprARsaQ7Bq99tT80coH8ItBjgV08AtzXFFsx9qKvC982KLKdPQMTlVJKkqtV4Ru5LEVpBZXBnZrtViSOgyg6AiuwaS-rCrcD_ePOGSuxvgtrokAKYPqmXUeRdjFJwafkYEkiuDCV9vWGAi1DH2xTafhJwcmywIyzi4BqRpmdn_N-zl5tuJYyuvKhjKv6ihbsV_k1hJGPGAxJ6wUpmwC4PTQ2izEm0TuSE8oMKdTw8V3kobXZ77ulMwDs4p',
    tag: '0HlwodAhOCILG5SQ2LQ9dg',
  };
  const jwe = {
    protectedText: figure.protected,
    contextDigest: undefined,
    hidden: undefined,
    recipients: [
      {
        wrap: { alg: 'PBES2-HS512+A256KW', p2s: '8Q1SzinasR3xchYz6ZZcHA', p2c: 8_192 } as const,
        encryptedKey: Buffer.from(figure.recipients[0]?.encrypted_key ?? '', 'base64url'),
        replaceable: false,
      },
    ],
    nonce: new Uint8Array(12),
    ciphertext: new Uint8Array(0),
    tag: new Uint8Array(16),
  };

  it('figure 97: the content key comes out of figure 102', async () => {
    const contentKey = await unwrapContentKey(jwe, { password: 'entrap_o\u2013peter_long\u2013credit_tun' });
    expect(Buffer.from(contentKey ?? []).toString('base64url')).toBe('uwsjJXaBK407Qaf0_zpcpmr1Cs0CC50hIUEyGNEt3m0');
  });

  it('another password unwraps nothing', async () => {
    expect(await unwrapContentKey(jwe, { password: 'entrap_o-peter_long-credit_tun' })).toBeNull();
  });

  it('the whole of figure 105 is not read, by design: its content is under another algorithm', () => {
    expect(readJwe(figure)).toBeNull();
  });
});

interface JweCase extends WycheproofCase {
  jwe: string;
  pt: string;
  enc?: string;
}

interface JweGroup {
  private: { alg: string; k?: string };
  tests: JweCase[];
}

// https://github.com/C2SP/wycheproof/blob/main/testvectors_v1/json_web_encryption_test.json
describeWithVectors('JWE, Wycheproof', () => {
  const groups = (): JweGroup[] =>
    readVectors<WycheproofFile<JweGroup>>('wycheproof/json_web_encryption_test.json').testGroups;

  /** The vectors are compact (RFC 7516 section 7.1); the same members make the general form that is read here. */
  const general = (compact: string): Record<string, unknown> => {
    const [header = '', encryptedKey, iv, ciphertext, tag] = compact.split('.');
    const named = Buffer.from(header, 'base64url').toString().includes('"kid"');
    const recipient = { ...(named ? {} : { header: { kid: 'kid' } }), encrypted_key: encryptedKey };
    return { protected: header, recipients: [recipient], iv, ciphertext, tag };
  };

  it('under A256KW: of its 33 vectors exactly the valid one under A256GCM opens; other contents are not ours', async () => {
    const opened: [number, string][] = [];
    let cases = 0;
    for (const { private: jwk, tests } of groups().filter((group) => group.private.alg === 'A256KW')) {
      const keyEncryptionKey = Buffer.from(jwk.k ?? '', 'base64url');
      for (const { tcId, jwe: compact, pt, enc, result } of tests) {
        cases++;
        const jwe = readJwe(general(compact));
        if (jwe === null) continue;
        const [wrap] = jwe.recipients.map((recipient) => recipient.wrap);
        const kid = wrap !== undefined && 'kid' in wrap ? wrap.kid : '';
        const contentKey = await unwrapContentKey(jwe, { kid, keyEncryptionKey });
        const plaintext = contentKey === null ? null : decryptContent(jwe, contentKey, undefined);
        if (plaintext !== null) opened.push([tcId, `${result} ${enc} ${hex(plaintext) === pt}`]);
      }
    }
    expect(opened).toEqual([[29, 'valid A256GCM true']]);
    expect(cases).toBe(33);
  });

  it('under ECDH-ES+A256KW: exactly the valid one with P-256 under A256GCM opens', async () => {
    const opened: [number, string][] = [];
    const own = groups().filter((group) => group.private.alg === 'ECDH-ES+A256KW');
    for (const { private: jwk, tests } of own)
      for (const { tcId, jwe: compact, pt, enc, result } of tests) {
        const jwe = readJwe(general(compact));
        if (jwe === null) continue;
        const keyEncryptionKey = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
        const contentKey = await unwrapContentKey(jwe, { kid: 'kid', keyEncryptionKey });
        const plaintext = contentKey === null ? null : decryptContent(jwe, contentKey, undefined);
        if (plaintext !== null) opened.push([tcId, `${result} ${enc} ${hex(plaintext) === pt}`]);
      }
    expect(opened).toEqual([[66, 'valid A256GCM true']]);
  });

  it('under any other algorithm (ECDH-ES alone, RSA, AES-GCM and shorter AES key wrap, dir, zip): not one is read', () => {
    const others = groups().filter((group) => !['A256KW', 'ECDH-ES+A256KW'].includes(group.private.alg));
    const read = others.flatMap(({ tests }) => tests.filter(({ jwe }) => readJwe(general(jwe)) !== null));
    expect(read.map(({ tcId }) => tcId)).toEqual([]);
    expect(others.flatMap(({ tests }) => tests).length).toBeGreaterThan(90);
  });
});

describe('content without its key', () => {
  const sealedWith = (contentKey: Uint8Array): Jwe => {
    const { jwe } = encryptContent(utf8(''), undefined, systemRandom);
    return { ...jwe, ...aesGcmSeal(contentKey, jwe.nonce, utf8('text'), utf8(jwe.protectedText)), recipients: [] };
  };

  it('does not open, though the key that stands in for it be the one it was sealed under', () => {
    const jwe = sealedWith(new Uint8Array(32));
    expect(decryptContent(jwe, new Uint8Array(32), undefined)).toEqual(Buffer.from('text'));
    expect(decryptContent(jwe, null, undefined)).toBeNull();
  });

  it.each([
    ['a context that it is not bound to', undefined, 'c'],
    ['an empty context that it is not bound to', undefined, ''],
    ['no context where it is bound to one', 'c', undefined],
    ['no context where it is bound to an empty one', '', undefined],
    ['another context', 'c', 'd'],
  ])('and with its key under %s it does not either', (_what, bound, given) => {
    const { jwe, contentKey } = encryptContent(utf8('text'), bound, systemRandom);
    const whole = { ...jwe, recipients: [] };
    expect(decryptContent(whole, contentKey, bound)).toEqual(Buffer.from('text'));
    expect(decryptContent(whole, contentKey, given)).toBeNull();
  });

  it('nor does what names an empty digest for its context, where none is given', () => {
    const { contentKey } = encryptContent(utf8(''), undefined, systemRandom);
    const nonce = systemRandom(12);
    const protectedText = base64url(utf8(JSON.stringify({ enc: 'A256GCM', ctx: '' })));
    const content = aesGcmSeal(contentKey, nonce, utf8('text'), utf8(protectedText));
    const jwe = { protectedText, contextDigest: '', hidden: undefined, nonce, ...content, recipients: [] };
    expect(decryptContent(jwe, contentKey, undefined)).toBeNull();
  });
});
