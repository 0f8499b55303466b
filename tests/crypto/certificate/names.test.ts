/** Names are compared as RFC 5280 section 7.1 says, and shown so that no text in them can be mistaken for something else. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { DerFault } from '../../../src/crypto/certificate/der.js';
import {
  isEmptyName,
  isWithin,
  readGeneralNames,
  readName,
  sameName,
  shortName,
  showAddress,
  showGeneralName,
  showName,
  type DistinguishedName,
} from '../../../src/crypto/certificate/names.js';
import {
  explicit,
  implicit,
  integer,
  oid,
  sequence,
  setOf,
  string,
  tlv,
  type StringType,
} from '../../support/pki/der.js';
import { generalNames, name, type Attribute, type GeneralNameInput, type NameInput } from '../../support/pki/names.js';

const dn = (input: NameInput): DistinguishedName => readName(name(input));
const cn = (value: string, as?: StringType): DistinguishedName => dn([{ type: 'CN', value, ...(as ? { as } : {}) }]);
const shown = (value: string): string => showName(cn(value));
const general = (...inputs: GeneralNameInput[]): string[] =>
  readGeneralNames(generalNames(inputs)).map(showGeneralName);

describe('two names are the same', () => {
  it.each([
    ['in another case', 'Example CA', 'EXAMPLE ca'],
    ['with more white space', 'Example CA', '  Example \t\n CA '],
    ['with a space that does not break', 'Example CA', 'Example\u00A0CA'],
    ['in another composition', 'Caf\u00E9', 'Cafe\u0301'],
    ['in full width', 'Lab CA 1', '\uFF2C\uFF41\uFF42 CA 1'],
    ['with a ligature', 'office', 'o\uFB03ce'],
    ['in another case of other letters', 'ŻÓŁĆ ΣΑ', 'żółć σα'],
  ])('%s', (_, a, b) => {
    expect(sameName(cn(a), cn(b))).toBe(true);
  });

  it.each(['printable', 'teletex', 'universal', 'bmp', 'ia5', 'visible'] as const)('in UTF8String and %s', (as) => {
    expect(sameName(cn('Lab CA'), cn('lab ca', as))).toBe(true);
  });

  it('where one relative name has its attributes in another order', () => {
    const a: Attribute = { type: 'CN', value: 'a' };
    const o: Attribute = { type: 'O', value: 'b' };
    const raw = (...list: Attribute[]): DistinguishedName =>
      readName(
        sequence(
          tlv(
            0x31,
            ...list.map(({ value, type }) => sequence(oid(type === 'CN' ? '2.5.4.3' : '2.5.4.10'), string(value))),
          ),
        ),
      );
    expect(sameName(raw(a, o), raw(o, a))).toBe(true);
    expect(sameName(dn([a, o]), dn([o, a]))).toBe(false);
    expect(sameName(dn([[a, o]]), dn([a, o]))).toBe(false);
  });
});

describe('two names differ', () => {
  it.each([
    ['by a letter', 'CN=a', 'CN=b'],
    ['by the attribute', 'CN=a', 'O=a'],
    ['by the order', 'O=a,CN=b', 'CN=b,O=a'],
    ['by one more', 'O=a', 'O=a,CN=b'],
    ['by one twice', 'O=a', 'O=a,O=a'],
    ['by nothing and something', '', 'CN=a'],
    ['by an empty text', '', 'CN='],
  ])('%s', (_, a, b) => {
    expect(sameName(dn(a), dn(b))).toBe(false);
  });

  it.each([
    ['NUL', 'a\0'],
    ['NUL and more', 'a\0b'],
    ['a letter that looks the same', '\u0430'],
  ])('by %s', (_, other) => {
    expect(sameName(cn('a'), cn(other))).toBe(false);
  });

  it('where one attribute is built to look like two', () => {
    const two = readName(
      sequence(setOf(sequence(oid('2.5.4.3'), string('a')), sequence(oid('2.5.4.10'), string('b')))),
    );
    expect(sameName(cn('a"]+["2.5.4.10","b'), two)).toBe(false);
    expect(sameName(cn('a"]\n["2.5.4.10","b'), dn('CN=a,O=b'))).toBe(false);
  });

  it('where one is no text and the other the text of its bytes', () => {
    const number = readName(sequence(setOf(sequence(oid('2.5.4.3'), integer(5)))));
    expect(sameName(number, cn('#020105'))).toBe(false);
    expect(sameName(number, number)).toBe(true);
  });

  it('comparison is reflexive and symmetric, whatever the text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(sameName(cn(a), cn(a))).toBe(true);
        expect(sameName(cn(a), cn(b))).toBe(sameName(cn(b), cn(a)));
      }),
    );
  });
});

describe('a subtree', () => {
  it('holds what begins with it, itself and everything under the empty name', () => {
    expect(isWithin(dn('C=DE,O=Lab,CN=x'), dn('C=de,O=LAB'))).toBe(true);
    expect(isWithin(dn('C=DE'), dn('C=DE'))).toBe(true);
    expect(isWithin(dn('C=DE'), dn(''))).toBe(true);
    expect(isWithin(dn('C=DE'), dn('C=DE,O=Lab'))).toBe(false);
    expect(isWithin(dn('O=Lab,C=DE'), dn('C=DE'))).toBe(false);
  });
});

describe('a Name that is none is refused', () => {
  it.each([
    ['an empty relative name', sequence(tlv(0x31))],
    ['an attribute without a value', sequence(setOf(sequence(oid('2.5.4.3'))))],
    ['an attribute of three parts', sequence(setOf(sequence(oid('2.5.4.3'), string('a'), string('b'))))],
    ['an attribute that is no SEQUENCE', sequence(setOf(string('a')))],
    ['a SEQUENCE for a SET', sequence(sequence(sequence(oid('2.5.4.3'), string('a'))))],
    ['a SET for the SEQUENCE', setOf(setOf(sequence(oid('2.5.4.3'), string('a'))))],
    ['something after it', Buffer.concat([name('CN=a'), Uint8Array.of(0)])],
  ])('%s', (_, der) => {
    expect(() => readName(der)).toThrow(DerFault);
  });

  it('the empty one is a Name', () => {
    expect(isEmptyName(dn(''))).toBe(true);
    expect(shortName(dn(''))).toBe('an empty name');
  });
});

describe('a name as it is shown', () => {
  it('names the usual attributes, and others by number', () => {
    expect(showName(dn('C=DE,ST=x,L=y,O=Lab,OU=Unit,CN=a,emailAddress=a@b,DC=test,serialNumber=7'))).toBe(
      'C=DE, ST=x, L=y, O=Lab, OU=Unit, CN=a, emailAddress=a@b, DC=test, serialNumber=7',
    );
    expect(showName(dn([{ type: '1.2.3', value: 'a' }]))).toBe('1.2.3=a');
    expect(
      showName(
        dn([
          [
            { type: 'CN', value: 'a' },
            { type: 'O', value: 'b' },
          ],
        ]),
      ),
    ).toMatch(/^(?:CN=a\+O=b|O=b\+CN=a)$/);
  });

  // https://www.rfc-editor.org/rfc/rfc4514#section-4
  it.each([
    ['James "Jim" Smith, III', 'CN=James \\"Jim\\" Smith\\, III'],
    ['Before\rAfter', 'CN=Before\\u{D}After'],
    ['Lučić', 'CN=Lučić'],
    ['#Hi', 'CN=\\#Hi'],
    [' a ', 'CN=\\ a\\ '],
    [' ', 'CN=\\ '],
    ['a, O=x', 'CN=a\\, O=x'],
    ['a+O=x', 'CN=a\\+O=x'],
    ['a\\, O=x', 'CN=a\\\\\\, O=x'],
    ['<a;b>', 'CN=\\<a\\;b\\>'],
  ])('%j (RFC 4514 section 2.4)', (value, text) => {
    expect(shown(value)).toBe(text);
  });

  it('cannot be mistaken for another with more attributes', () => {
    const text = fc.stringMatching(/^[aO=, +\\]{0,8}$/);
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 3 }),
        fc.array(text, { minLength: 1, maxLength: 3 }),
        (a, b) => {
          const make = (values: string[]): string => showName(dn(values.map((value) => ({ type: 'O', value }))));
          expect(make(a) === make(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('shows what is no text as bytes', () => {
    const odd = readName(sequence(setOf(sequence(oid('2.5.4.3'), tlv(0x0c, Uint8Array.of(0xff))))));
    expect(showName(odd)).toBe('CN=#0c01ff');
    expect(shortName(odd)).toBe('CN=#0c01ff');
  });

  it('never holds what a reader cannot see, and is bounded', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { maxLength: 5 }), (values) => {
        const made = dn(values.map((value) => ({ type: 'CN', value })));
        for (const text of [showName(made), shortName(made)]) {
          expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u);
          expect(text.length).toBeLessThanOrEqual(301 * 10);
        }
      }),
    );
    expect(showName(dn(Array.from({ length: 5_000 }, () => ({ type: 'O', value: 'x'.repeat(100) })))).length).toBe(301);
    expect(shortName(cn('x'.repeat(5_000)))).toHaveLength(81);
  });

  it('in short is its last common name, else unit, else organisation', () => {
    expect(shortName(dn('CN=a,O=b,CN=c'))).toBe('c');
    expect(shortName(dn('O=b,OU=u'))).toBe('u');
    expect(shortName(dn('C=DE,O=b'))).toBe('b');
    expect(shortName(dn('CN=,O=b'))).toBe('b');
    expect(shortName(dn('C=DE'))).toBe('C=DE');
  });
});

describe('general names (RFC 5280 section 4.2.1.6)', () => {
  it('of every kind are shown', () => {
    const kinds = ['a.test', 'a@b.test', 'https://a.test/', '192.0.2.1', '2001:db8::1'];
    expect(general(...kinds)).toEqual(['a.test', 'mail:a@b.test', 'uri:https://a.test/', '192.0.2.1', '2001:db8::1']);
    const directory = [{ type: 'O', value: 'a, b' }];
    const other = { oid: '1.2.3', value: string('x') };
    expect(general({ directory }, { registeredId: '1.2.3' }, { other })).toEqual([
      'directory:O=a\\, b',
      'other:8',
      'other:0',
    ]);
  });

  it('with letters outside ASCII are malformed, and known by their kind', () => {
    const names = readGeneralNames(generalNames([{ dns: 'bücher.test' }, { email: 'ü@a.test' }, { uri: 'http://ü' }]));
    expect(names).toEqual([2, 1, 6].map((tag) => ({ type: 'malformed', tag })));
  });

  it('with NUL keep it, and it is seen', () => {
    expect(general({ dns: 'good.test\0.evil.test' })).toEqual(['good.test\\u{0}.evil.test']);
  });

  it('of addresses that are none are shown as bytes', () => {
    expect(general({ ip: Uint8Array.of(1, 2, 3) }, { ip: new Uint8Array() })).toEqual(['ip:#010203', 'ip:#']);
  });

  it.each([
    ['a constructed dNSName', implicit(2, true, string('a'))],
    ['a universal tag', string('a')],
    ['an application tag', tlv(0x41, Buffer.from('a'))],
    ['a tag there is none of', implicit(9, false, Buffer.from('a'))],
    ['a directoryName that is no Name', explicit(4, string('a'))],
    ['bytes cut off', Uint8Array.of(0x82, 5, 65)],
  ])('%s is refused', (_, der) => {
    expect(() => readGeneralNames(sequence(der))).toThrow(DerFault);
  });
});

describe('an address', () => {
  // https://www.rfc-editor.org/rfc/rfc5952#section-4
  it.each([
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['2001000000000001000000000000 0001', '2001:0:0:1::1'],
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['00000000000000000000ffffc0000201', '::ffff:c000:201'],
    ['c0000201', '192.0.2.1'],
  ])('%s is %s', (hex, text) => {
    expect(showAddress(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toBe(text);
  });

  it('of any other length is none', () => {
    for (const size of [0, 3, 5, 8, 15, 17, 32]) expect(showAddress(new Uint8Array(size))).toBeNull();
  });
});
