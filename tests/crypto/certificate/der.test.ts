/** DER is read in the one form that X.690 section 10 allows; everything else is a fault, and nothing is read past the end. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  DerFault,
  DerReader,
  elementsOf,
  readBits,
  readBitBytes,
  readBoolean,
  readCount,
  readIntegerBytes,
  readNamedBits,
  readOid,
  readText,
  readTime,
  readWhole,
  TAG,
  type Element,
} from '../../../src/crypto/certificate/der.js';
import { boolean, integer, namedBits, octetString, oid, sequence, string, tlv } from '../../support/pki/der.js';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const element = (der: Uint8Array): Element => new DerReader(der).next();
const ofHex = (hex: string): Element => element(bytes(hex));
const time = (text: string, tag: number = TAG.utcTime): Date => readTime(element(tlv(tag, Buffer.from(text))));

describe('lengths (X.690 sections 8.1.3 and 10.1)', () => {
  it.each([
    ['indefinite', '3080 0000'],
    ['the long form of what the short form says', '30817f'.padEnd(6 + 0x7f * 2, '00')],
    ['a needless zero octet', `30820080${'00'.repeat(0x80)}`],
    ['four octets for one', '308400000001 00'],
    ['4 GiB', '3084ffffffff 00'],
    ['2 GiB', '308480000000 00'],
    ['five octets', '30850000000001 00'],
    ['127 octets', `30ff${'00'.repeat(127)}`],
    ['one octet more than there is', '300200'],
    ['octets of length past the end', '3082ff'],
    ['no length', '30'],
    ['nothing', ''],
  ])('refuses %s', (_, hex) => {
    expect(() => ofHex(hex)).toThrow(DerFault);
  });

  it('are read back whatever the size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70_000 }), (size) => {
        const { content, whole } = element(octetString(new Uint8Array(size)));
        expect(content.length).toBe(size);
        expect(whole.length).toBe(size + 2 + (size < 128 ? 0 : size < 256 ? 1 : size < 65_536 ? 2 : 3));
      }),
    );
  });
});

describe('a reader', () => {
  it('refuses tags of more than one octet (X.690 section 8.1.2.4), which no certificate has', () => {
    for (const hex of ['1f1f00', '3f8100', 'bf2100', 'ff7f00']) expect(() => ofHex(hex), hex).toThrow(DerFault);
  });

  it('refuses another tag than was expected, a constructed string among them', () => {
    expect(() => new DerReader(sequence()).next(TAG.set)).toThrow(DerFault);
    expect(() => new DerReader(bytes('24 03 04 01 00')).next(TAG.octetString)).toThrow(DerFault);
    expect(() => new DerReader(bytes('23 04 03 02 00 00')).next(TAG.bitString)).toThrow(DerFault);
  });

  it('refuses what is left over after the whole', () => {
    expect(() => readWhole(Buffer.concat([sequence(), bytes('00')]), TAG.sequence)).toThrow(DerFault);
    expect(() => readWhole(Buffer.concat([sequence(), sequence()]), TAG.sequence)).toThrow(DerFault);
    expect(readWhole(sequence(), TAG.sequence).done).toBe(true);
  });

  it('passes over an optional element that is not there, and consumes nothing', () => {
    const reader = new DerReader(integer(5));
    expect(reader.optional(TAG.boolean)).toBeNull();
    expect(readCount(reader.next(TAG.integer))).toBe(5);
    expect(reader.optional(TAG.boolean)).toBeNull();
    expect(reader.peeked).toBe(-1);
    expect(() => reader.next()).toThrow(DerFault);
  });

  it('hands out slices of what it was given', () => {
    const input = sequence(octetString(bytes('aabb')));
    expect(elementsOf(element(input).content)[0]?.content.buffer).toBe(input.buffer);
  });

  it('throws nothing but DerFault, whatever it is given', () => {
    const readers: ((one: Element) => unknown)[] = [
      readBoolean,
      readIntegerBytes,
      readCount,
      readBits,
      readNamedBits,
      readOid,
      readTime,
      readText,
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (input) => {
        for (const read of readers) {
          try {
            for (const one of elementsOf(input)) read(one);
          } catch (error) {
            expect(error).toBeInstanceOf(DerFault);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a BOOLEAN (X.690 section 11.1)', () => {
  it('is 00 or FF', () => {
    expect(readBoolean(element(boolean(true)))).toBe(true);
    expect(readBoolean(element(boolean(false)))).toBe(false);
    for (const hex of ['0100', '010101', '0101fe', '0102ffff'])
      expect(() => readBoolean(ofHex(hex)), hex).toThrow(DerFault);
  });
});

describe('an INTEGER (X.690 section 8.3)', () => {
  it.each([
    ['empty', '0200'],
    ['with a needless zero', '02020001'],
    ['with needless ones', '0202ff80'],
    ['zero in two octets', '02020000'],
  ])('refuses one that is %s', (_, hex) => {
    expect(() => readIntegerBytes(ofHex(hex))).toThrow(DerFault);
  });

  it('keeps the zero before a high bit, and negative ones as they are', () => {
    expect(readIntegerBytes(ofHex('02020080'))).toEqual(bytes('0080'));
    expect(readIntegerBytes(ofHex('0201ff'))).toEqual(bytes('ff'));
    expect(readIntegerBytes(ofHex('0202ff7f'))).toEqual(bytes('ff7f'));
  });

  it('as a count is small and not negative', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 39 - 1 }), (n) => {
        expect(readCount(element(integer(n)))).toBe(n);
      }),
    );
    for (const n of [-1, -128, -(2 ** 31), 2n ** 40n, 2n ** 64n])
      expect(() => readCount(element(integer(n))), String(n)).toThrow(DerFault);
  });
});

describe('a BIT STRING (X.690 sections 8.6 and 11.2)', () => {
  it.each([
    ['empty, without the octet of unused bits', '0300'],
    ['eight unused bits', '03020800'],
    ['unused bits of nothing', '030101'],
    ['unused bits that are set', '03020101'],
    ['many unused bits that are set', '0302077f'],
  ])('refuses %s', (_, hex) => {
    expect(() => readBits(ofHex(hex))).toThrow(DerFault);
  });

  it('of keys and signatures is whole octets', () => {
    expect(readBitBytes(ofHex('030200aa'))).toEqual(bytes('aa'));
    expect(() => readBitBytes(ofHex('030201aa'))).toThrow(DerFault);
  });

  it('of named bits gives those that are set', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 20 })), (set) => {
        const read = readNamedBits(element(namedBits(set))).flatMap((on, bit) => (on ? [bit] : []));
        expect(read).toEqual(set.toSorted((a, b) => a - b));
      }),
    );
  });
});

describe('an OBJECT IDENTIFIER (X.690 section 8.19)', () => {
  it.each([
    // X.690 section 8.19.5: the example.
    ['2.999.3', '0603883703'],
    ['1.2.840.113549.1.1.11', '06092a864886f70d01010b'],
    ['0.9.2342.19200300.100.1.25', '060a0992268993f22c640119'],
    ['0.0', '060100'],
    ['1.39', '06014f'],
    ['2.0', '060150'],
    ['2.47', '06017f'],
  ])('%s', (dotted, hex) => {
    expect(readOid(ofHex(hex))).toBe(dotted);
  });

  it('may have an arc as long as a UUID (X.667 section 8, RFC 4122 section 3)', () => {
    // The example of X.667.
    const dotted = '2.25.329800735698586629295641978511506172918';
    expect(readOid(element(oid(dotted)))).toBe(dotted);
    expect(readOid(element(oid('2.329800735698586629295641978511506172918.1')))).toBe(
      '2.329800735698586629295641978511506172918.1',
    );
  });

  it('is read back, whatever its arcs', () => {
    const arcs = fc.tuple(
      fc.constantFrom(0, 1, 2),
      fc.integer({ min: 0, max: 39 }),
      fc.array(fc.maxSafeNat(), { maxLength: 6 }),
    );
    fc.assert(
      fc.property(arcs, ([first, second, rest]) => {
        const dotted = [first, second, ...rest].join('.');
        expect(readOid(element(oid(dotted)))).toBe(dotted);
      }),
    );
  });

  it.each([
    ['empty', '0600'],
    ['with a needless 80 at the start', '06028001'],
    ['with a needless 80 in an arc', '06032a8001'],
    ['cut off in an arc', '06022a86'],
    ['over 64 octets', `0641${'01'.repeat(65)}`],
  ])('refuses one that is %s', (_, hex) => {
    expect(() => readOid(ofHex(hex))).toThrow(DerFault);
  });
});

describe('a time (RFC 5280 section 4.1.2.5)', () => {
  it.each([
    ['500101000000Z', '1950-01-01T00:00:00.000Z'],
    ['491231235959Z', '2049-12-31T23:59:59.000Z'],
    ['000229120000Z', '2000-02-29T12:00:00.000Z'],
  ])('UTCTime %s: years from 50 are of the century before', (text, iso) => {
    expect(time(text).toISOString()).toBe(iso);
  });

  it.each([
    ['99991231235959Z', '9999-12-31T23:59:59.000Z'],
    ['20500101000000Z', '2050-01-01T00:00:00.000Z'],
    ['00010101000000Z', '0001-01-01T00:00:00.000Z'],
  ])('GeneralizedTime %s', (text, iso) => {
    expect(time(text, TAG.generalizedTime).toISOString()).toBe(iso);
  });

  it.each([
    ['a 13th month', '261301000000Z'],
    ['month zero', '260001000000Z'],
    ['day zero', '260100000000Z'],
    ['a 31st of April', '260431000000Z'],
    ['a 29th of February in a common year', '250229000000Z'],
    ['the 24th hour', '260101240000Z'],
    ['the 60th minute', '260101006000Z'],
    ['a leap second', '161231235960Z'],
    ['no seconds', '2601010000Z'],
    ['an offset', '260101000000+0100'],
    ['an offset of nothing', '260101000000+0000'],
    ['a small z', '260101000000z'],
    ['no zone', '260101000000'],
    ['a fraction', '260101000000.0Z'],
    ['spaces', ' 60101000000Z'],
    ['a sign', '-60101000000Z'],
    ['digits that are none of ASCII', '２６０１０１００００００Z'],
    ['a line after it', '260101000000Z\n'],
    ['a GeneralizedTime in its place', '20260101000000Z'],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(() => time(text)).toThrow(DerFault);
  });

  it.each([
    '20260101000000.5Z',
    '20260101000000',
    '2026010100Z',
    '20260101000000+0000',
    '260101000000Z',
    '20000229240000Z',
  ])('refuses the GeneralizedTime %s', (text) => {
    expect(() => time(text, TAG.generalizedTime)).toThrow(DerFault);
  });

  it('refuses every other type', () => {
    expect(() => time('260101000000Z', TAG.ia5String)).toThrow(DerFault);
  });
});

describe('a text', () => {
  it.each(['utf8', 'bmp', 'universal', 'teletex'] as const)('in %s is read', (as) => {
    expect(readText(element(string('Zürich', as)))).toBe('Zürich');
  });

  it.each(['printable', 'ia5', 'numeric', 'visible'] as const)('in %s is ASCII', (as) => {
    expect(readText(element(string('Zurich 1', as)))).toBe('Zurich 1');
    expect(readText(element(string('Zürich', as)))).toBeNull();
  });

  it.each([
    ['UTF-8 that is overlong', '0c02c080'],
    ['UTF-8 that is cut off', '0c01c3'],
    ['UTF-8 of half a surrogate pair', '0c03eda080'],
    ['a BMPString of odd length', '1e03004120'],
    ['a BMPString with half a surrogate pair', '1e02d83d'],
    ['a UniversalString of five octets', '1c050000004100'],
    ['a UniversalString past the last character', '1c0400110000'],
    ['a UniversalString of half a surrogate pair', '1c040000d83d'],
    ['a BIT STRING', '03020041'],
  ])('is null for %s', (_, hex) => {
    expect(readText(ofHex(hex))).toBeNull();
  });

  it('keeps a byte order mark, which a reader would not see, and NUL', () => {
    expect(readText(element(string('\uFEFFa')))).toBe('\uFEFFa');
    expect(readText(element(string('\uFEFFa', 'bmp')))).toBe('\uFEFFa');
    expect(readText(element(string('a\0b')))).toBe('a\0b');
  });
});
