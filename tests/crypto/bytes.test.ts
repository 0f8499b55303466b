/** Bytes and their text forms: every decoder gives back what its encoder wrote, and takes no second spelling of it. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  base64,
  base64url,
  base64urlPadded,
  equalBytes,
  fromAnyBase64,
  fromBase64url,
  fromBase64urlPadded,
  fromHex,
  fromUtf8,
  hex,
  utf8,
} from '../../src/crypto/bytes.js';

const anyBytes = fc.uint8Array({ maxLength: 200 });

/** Text near base64: the alphabets, padding, white space and what is none of it. */
const nearBase64 = fc.string({
  unit: fc.constantFrom(...Array.from('ABCXYZabcxyz0189-_+/= \n.é\0')),
  maxLength: 24,
});

// https://www.rfc-editor.org/rfc/rfc4648#section-10
const RFC_4648_VECTORS = [
  ['', '', ''],
  ['f', 'Zg==', '66'],
  ['fo', 'Zm8=', '666f'],
  ['foo', 'Zm9v', '666f6f'],
  ['foob', 'Zm9vYg==', '666f6f62'],
  ['fooba', 'Zm9vYmE=', '666f6f6261'],
  ['foobar', 'Zm9vYmFy', '666f6f626172'],
] as const;

describe('the vectors of RFC 4648 section 10', () => {
  it.each(RFC_4648_VECTORS)('%j is %j in base64 and %j in hexadecimal', (text, inBase64, inHex) => {
    const bytes = utf8(text);
    expect(base64(bytes)).toBe(inBase64);
    expect(base64urlPadded(bytes)).toBe(inBase64);
    expect(base64url(bytes)).toBe(inBase64.replaceAll('=', ''));
    expect(hex(bytes)).toBe(inHex);
    for (const decoded of [
      fromBase64urlPadded(inBase64),
      fromBase64url(inBase64.replaceAll('=', '')),
      fromAnyBase64(inBase64),
      fromHex(inHex),
    ]) {
      expect(decoded).toEqual(Buffer.from(bytes));
    }
  });

  it('the two alphabets differ in the characters 62 and 63 alone', () => {
    const bytes = Uint8Array.of(0xfb, 0xff, 0xbf);
    expect(base64(bytes)).toBe('+/+/');
    expect(base64url(bytes)).toBe('-_-_');
    expect(base64urlPadded(bytes)).toBe('-_-_');
  });
});

describe('decoding undoes encoding', () => {
  it.each([
    ['base64url', base64url, fromBase64url],
    ['padded base64url', base64urlPadded, fromBase64urlPadded],
    ['hexadecimal', hex, fromHex],
    ['any base64, given base64', base64, fromAnyBase64],
    ['any base64, given base64url', base64url, fromAnyBase64],
    ['any base64, given padded base64url', base64urlPadded, fromAnyBase64],
  ])('%s', (_name, encode, decode) => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(decode(encode(bytes))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('the encoders read the view they are given, not the buffer behind it', () => {
    const view = Uint8Array.of(1, 2, 3, 4, 5).subarray(1, 4);
    expect(hex(view)).toBe('020304');
    expect(base64(view)).toBe('AgME');
    expect(base64url(view)).toBe('AgME');
  });

  it('UTF-8 round-trips every text without half surrogates', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(fromUtf8(utf8(text))).toBe(text);
      }),
    );
  });

  it('a byte order mark is kept as a character', () => {
    expect(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\uFEFFa');
  });
});

describe('one byte string has exactly one text', () => {
  it.each([
    ['base64url', fromBase64url, base64url],
    ['padded base64url', fromBase64urlPadded, base64urlPadded],
  ])('%s: what decodes encodes to the very same text', (_name, decode, encode) => {
    fc.assert(
      fc.property(nearBase64, (text) => {
        const bytes = decode(text);
        if (bytes !== null) expect(encode(bytes)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['padding', 'Zg=='],
    ['non-zero trailing bits after one byte', 'Zh'],
    ['non-zero trailing bits after two bytes', 'Zm9'],
    ['a single character', 'Z'],
    ['a length of 1 modulo 4', 'Zm9vY'],
    ['the other alphabet, plus', 'ab+c'],
    ['the other alphabet, slash', 'ab/c'],
    ['a space', 'Zm 9v'],
    ['a line feed at the end', 'Zm9v\n'],
    ['a space in front', ' Zm9v'],
    ['a character of no alphabet', 'Zm9v!'],
    ['a NUL', 'Zm9v\0'],
    ['a letter beyond ASCII that truncates to one', 'Zm9\u0176'],
  ])('base64url refuses %s', (_name, text) => {
    expect(fromBase64url(text)).toBeNull();
  });

  it.each([
    ['missing padding', 'Zg'],
    ['too little padding', 'Zg='],
    ['too much padding', 'Zm8=='],
    ['padding where none is due', 'Zm9v='],
    ['padding in the middle', 'Zg==Zg=='],
    ['non-zero trailing bits', 'Zh=='],
    ['the other alphabet', 'ab+/'],
    ['white space', 'Zg==\n'],
  ])('padded base64url refuses %s', (_name, text) => {
    expect(fromBase64urlPadded(text)).toBeNull();
  });

  it.each([
    ['non-zero trailing bits', 'Zh=='],
    ['a length of 1 modulo 4', 'Zm9vY'],
    ['padding in the middle', 'Zg==Zg=='],
    ['three padding characters', 'Z==='],
    ['a character of no alphabet', 'Zm9*'],
  ])('the lenient decoder still refuses %s', (_name, text) => {
    expect(fromAnyBase64(text)).toBeNull();
  });

  it('the lenient decoder ignores white space between characters', () => {
    expect(fromAnyBase64(' Zm9v\r\n\tYmFy \n')).toEqual(Buffer.from('foobar'));
  });

  it.each([
    ['an odd number of digits', 'abc'],
    ['a prefix', '0x12'],
    ['a letter past f', '0g'],
    ['white space', '12 34'],
    ['a line feed at the end', '12\n4'],
    ['full-width digits', '\uFF11\uFF12'],
  ])('hexadecimal refuses %s', (_name, text) => {
    expect(fromHex(text)).toBeNull();
  });

  it('hexadecimal takes either case', () => {
    expect(fromHex('aBcDeF')).toEqual(Buffer.from([0xab, 0xcd, 0xef]));
  });

  it.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]],
    ['a sequence that stops early', [0xe2, 0x82]],
    ['a code point past U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ])('UTF-8 refuses %s', (_name, bytes) => {
    expect(fromUtf8(Uint8Array.from(bytes))).toBeNull();
  });
});

describe('equal bytes', () => {
  it('are equal exactly where their hexadecimal is', () => {
    const few = fc.uint8Array({ maxLength: 3, max: 2 });
    fc.assert(
      fc.property(few, few, (a, b) => {
        expect(equalBytes(a, b)).toBe(hex(a) === hex(b));
      }),
      { numRuns: 500 },
    );
  });

  it('of different lengths are unequal instead of an exception', () => {
    expect(equalBytes(new Uint8Array(3), new Uint8Array(4))).toBe(false);
    expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });
});
