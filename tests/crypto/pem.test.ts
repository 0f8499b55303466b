/** PEM blocks are found as RFC 7468 section 2 writes them, whatever stands around them. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { pemBlocks, pemBytes } from '../../src/crypto/pem.js';

const block = (label: string, body = 'QUJD'): string => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
const labels = (text: string, max?: number): string[] => pemBlocks(text, max).map(({ label }) => label);

describe('the blocks of a text', () => {
  it('are found in order, with what stands between them passed over', () => {
    const text = `Bag attributes\n${block('CERTIFICATE')}subject=x\r\n${block('PRIVATE KEY')}end`;
    expect(labels(text)).toEqual(['CERTIFICATE', 'PRIVATE KEY']);
    const [first] = pemBlocks(text);
    expect(first?.whole).toBe(block('CERTIFICATE').trim());
    expect(text.slice(first?.end)).toMatch(/^\nsubject=x/);
  });

  it('end at one that is cut off, or whose end names another label', () => {
    expect(labels(`${block('A')}-----BEGIN B-----\nQUJD\n${block('C')}`)).toEqual(['A']);
    expect(labels(`${block('A')}-----BEGIN B-----\nQUJD\n-----END C-----`)).toEqual(['A']);
    expect(labels('-----BEGIN ')).toEqual([]);
  });

  it('are not begun by what has no label', () => {
    expect(labels(`-----BEGIN -----\n-----BEGIN small-----\n-----BEGIN ${'A'.repeat(41)}-----\n${block('A')}`)).toEqual(
      ['A'],
    );
  });

  it('are at most as many as asked for', () => {
    expect(labels(block('A').repeat(5), 2)).toEqual(['A', 'A']);
  });
});

describe('whatever the text', () => {
  const label = fc.stringMatching(/^[A-Z0-9]{1,10}( [A-Z0-9]{1,10}){0,2}$/);

  it('what was written is read, in lines or not', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(label, fc.base64String({ maxLength: 100 }))), (parts) => {
        for (const [before, after] of [
          ['\n', '\n'],
          ['\r\n', '\r\n'],
          ['', ''],
        ]) {
          const text = parts.map(
            ([name, body]) => `-----BEGIN ${name}-----${before}${body}${after}-----END ${name}-----`,
          );
          expect(pemBlocks(text.join('\n')).map(({ label: name, body }) => [name, body.trim()])).toEqual(parts);
        }
      }),
    );
  });

  it('no text is an error, and each block is a part of it that begins and ends with its markers', () => {
    const piece = fc.constantFrom('-----BEGIN ', '-----END ', 'A', '-----', '\n', ' ', '-', 'é');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const text = pieces.join('');
        for (const { label: name, body, whole, end } of pemBlocks(text)) {
          expect(text.slice(end - whole.length, end)).toBe(whole);
          expect(whole).toBe(`-----BEGIN ${name}-----${body}-----END ${name}-----`);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the bytes of a body', () => {
  it('are its base64, without headers (RFC 1421 section 4.6)', () => {
    expect(pemBytes('\r\nQU\r\nJD\r\n')).toEqual(Buffer.from('ABC'));
    expect(pemBytes('\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nQUJD\n')).toEqual(Buffer.from('ABC'));
  });

  it('are none where anything else stands there', () => {
    expect(pemBytes('\nQU%JD\n')).toBeNull();
    expect(pemBytes(block('A'))).toBeNull();
  });
});
