/** Text that comes from outside: what a reader cannot see, or what reorders what is read, is shown as an escape, and length is bounded. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { escapeUntrusted, rfc3339 } from '../../src/crypto/text.js';

const escaped = (codePoint: number): string => `a\\u{${codePoint.toString(16).toUpperCase()}}b`;

const SMUGGLERS = [
  // Trojan Source, CVE-2021-42574: https://trojansource.codes/
  ['left-to-right embedding', 0x202a],
  ['right-to-left embedding', 0x202b],
  ['pop directional formatting', 0x202c],
  ['left-to-right override', 0x202d],
  ['right-to-left override', 0x202e],
  ['left-to-right isolate', 0x2066],
  ['right-to-left isolate', 0x2067],
  ['first strong isolate', 0x2068],
  ['pop directional isolate', 0x2069],
  ['left-to-right mark', 0x200e],
  ['right-to-left mark', 0x200f],
  ['Arabic letter mark', 0x061c],
  ['zero-width space', 0x200b],
  ['zero-width non-joiner', 0x200c],
  ['zero-width joiner', 0x200d],
  ['word joiner', 0x2060],
  ['byte order mark', 0xfeff],
  ['soft hyphen', 0x00ad],
  ['a tag character', 0xe0041],
  ['NUL', 0x00],
  ['bell', 0x07],
  ['backspace', 0x08],
  ['tab', 0x09],
  ['line feed', 0x0a],
  ['carriage return', 0x0d],
  ['escape, which starts terminal commands', 0x1b],
  ['delete', 0x7f],
  ['next line', 0x85],
  ['the C1 control sequence introducer', 0x9b],
  ['line separator', 0x2028],
  ['paragraph separator', 0x2029],
  ['a private-use character', 0xe000],
  ['an unassigned character', 0x0378],
  ['a noncharacter', 0xffff],
] as const;

describe('characters that deceive', () => {
  it.each(SMUGGLERS)('%s is escaped', (_name, codePoint) => {
    expect(escapeUntrusted(`a${String.fromCodePoint(codePoint)}b`)).toBe(escaped(codePoint));
  });

  it('half a surrogate pair is escaped', () => {
    expect(escapeUntrusted('a\uD83Db')).toBe(escaped(0xd83d));
    expect(escapeUntrusted('a\uDE00b')).toBe(escaped(0xde00));
  });

  // Default_Ignorable_Code_Point of Unicode TR 44, outside the general category Cf: letters and marks that draw nothing.
  it.each([
    ['a variation selector', 0xfe0f],
    ['a supplementary variation selector, which can carry any byte', 0xe0101],
    ['the combining grapheme joiner', 0x034f],
    ['the Hangul filler', 0x3164],
    ['the half-width Hangul filler', 0xffa0],
  ])('%s is escaped, as DESIGN section 7 wants of invisible characters', (_name, codePoint) => {
    expect(escapeUntrusted(`a${String.fromCodePoint(codePoint)}b`)).toBe(escaped(codePoint));
  });

  it('whatever comes in, nothing invisible of the general categories C, Zl and Zp comes out', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        expect(escapeUntrusted(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('ordinary text', () => {
  it.each([
    'CN=example.com, O=Example Ltd.',
    'Bücher für Österreich',
    '日本語の名前',
    'שלום עולם',
    '😀 and 🇦🇹',
    'C:\\path "quoted" <b>&amp;',
  ])('%j stays as it is', (text) => {
    expect(escapeUntrusted(text)).toBe(text);
  });
});

describe('the length', () => {
  it('may be the limit, and what is more is cut with an ellipsis', () => {
    expect(escapeUntrusted('a'.repeat(200))).toBe('a'.repeat(200));
    expect(escapeUntrusted('a'.repeat(201))).toBe(`${'a'.repeat(200)}…`);
    expect(escapeUntrusted('abcdef', 3)).toBe('abc…');
  });

  it('is bounded also where every character becomes an escape', () => {
    const text = escapeUntrusted('\u{E0041}'.repeat(100_000), 10);
    expect(text.length).toBeLessThanOrEqual(10 * '\\u{E0041}'.length + 1);
  });

  it('cut through a surrogate pair leaves an escape, not half a character', () => {
    const text = escapeUntrusted('ab😀', 3);
    expect(text).toBe('ab\\u{D83D}…');
    expect(text.isWellFormed()).toBe(true);
  });
});

describe('times', () => {
  it('are RFC 3339 in UTC, with a fraction only where there is one', () => {
    expect(rfc3339(new Date('2026-06-01T12:00:00Z'))).toBe('2026-06-01T12:00:00Z');
    expect(rfc3339(new Date('2026-06-01T14:00:00.250+02:00'))).toBe('2026-06-01T12:00:00.250Z');
    expect(rfc3339(new Date(0))).toBe('1970-01-01T00:00:00Z');
  });
});
