/** BER becomes definite lengths, within its budget, or is refused. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { toDefinite, TooManyElements } from '../../../src/crypto/certificate/ber.js';
import { DerFault } from '../../../src/crypto/certificate/der.js';

const definite = (hex: string, left = 1000): string =>
  Buffer.from(toDefinite(Buffer.from(hex.replaceAll(' ', ''), 'hex'), { left })).toString('hex');

describe('toDefinite', () => {
  it.each([
    ['DER as it is', '3006 020103 0401ff', '30060201030401ff'],
    ['an indefinite length', '3080 020103 0000', '3003020103'],
    ['indefinite lengths in each other', '3080 3080 020103 0000 0500 0000', '300730030201030500'],
    ['lengths in more octets than needed', '308103 020103', '3003020103'],
    ['an OCTET STRING in pieces', '2480 0402aabb 0401cc 0000', '0403aabbcc'],
    ['pieces in pieces', '2480 2405 0401aa 0400 0401bb 0000', '0402aabb'],
    ['no pieces', '2400', '0400'],
    ['a long content', `3080 0481c8 ${'ab'.repeat(200)} 0000`, `3081cb0481c8${'ab'.repeat(200)}`],
  ])('%s', (_name, given, expected) => expect(definite(given)).toBe(expected));

  it.each([
    ['nothing', ''],
    ['something after it', '020103 00'],
    ['a length past the end', '3005 020103'],
    ['a child past its parent', '3002 020103'],
    ['no end', '3080 020103'],
    ['half an end', '3080 020103 00'],
    ['an end that is none', '3080 020103 0001'],
    ['an end where no length is open', '3002 0000'],
    ['an indefinite length of a primitive', '0480 0000'],
    ['a length of five octets', '30850000000003 020103'],
    ['a tag of several octets', '1f8101 00'],
    ['a piece that is no OCTET STRING', '2403 020103'],
    ['nesting past the limit', `${'3080'.repeat(30)}${'0000'.repeat(30)}`],
  ])('refuses %s', (_name, given) => expect(() => definite(given)).toThrow(DerFault));

  it('stops at the budget', () => {
    expect(definite('3006 0500 0500 0500', 4)).toBe('3006050005000500');
    expect(() => definite('3006 0500 0500 0500', 3)).toThrow(TooManyElements);
  });

  it('never throws anything else, and gives what it would leave as it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        let out: Uint8Array;
        try {
          out = toDefinite(bytes, { left: 100 });
        } catch (error) {
          expect(error).toBeInstanceOf(DerFault);
          return;
        }
        expect(toDefinite(out, { left: 100 })).toEqual(out);
      }),
      { numRuns: 2000 },
    );
  });
});
