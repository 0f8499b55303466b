/** Generated secrets: every value as likely, the classes that were asked for, and the entropy that is stated. */

import { dictionary } from '@zxcvbn-ts/language-common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  CHARACTER_CLASSES,
  generateBytes,
  generatePassphrase,
  generatePassword,
  generateUuid,
  uniform,
} from '../../src/crypto/generate.js';
import { systemRandom } from '../../src/crypto/random.js';

const WORDS = dictionary['diceware-common'];

describe('uniform', () => {
  it('throws away what would favour small numbers', () => {
    const answers = [0xffff_ffff, 0xffff_fffe, 7];
    const random = (): Uint8Array => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(answers.shift() ?? 0);
      return bytes;
    };
    // 2^32 is 4 over a multiple of 6: the last four numbers are not used.
    expect(uniform(6, random)).toBe(7 % 6);
    expect(answers).toEqual([]);
  });

  it('gives each of its numbers about as often (chi-squared under the value for one in a million)', () => {
    const counts = Array.from({ length: 82 }, () => 0);
    for (let i = 0; i < 82_000; i++) counts[uniform(82, systemRandom)]! += 1;
    const chi = counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0);
    expect(chi).toBeLessThan(160);
  });
});

describe('a password', () => {
  it('has its length and every class, whatever is asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 12, max: 128 }),
        fc.uniqueArray(fc.constantFrom(...CHARACTER_CLASSES), { minLength: 1 }),
        (length, classes) => {
          const { value, entropyBits } = generatePassword(length, classes, systemRandom);
          expect(value).toHaveLength(length);
          const forms = { lower: /[a-z]/, upper: /[A-Z]/, digits: /\d/, symbols: /[^a-zA-Z\d]/ };
          for (const name of CHARACTER_CLASSES) expect(forms[name].test(value)).toBe(classes.includes(name));
          expect(entropyBits).toBeGreaterThan(length * 3.2);
        },
      ),
    );
  });

  it('counts the passwords that have every class', () => {
    // Two classes of 26: all of 52^12 but those of one case alone.
    const { entropyBits } = generatePassword(12, ['lower', 'upper'], systemRandom);
    expect(entropyBits).toBeCloseTo(Math.log2(52 ** 12 - 2 * 26 ** 12), 9);
    expect(generatePassword(20, ['digits'], systemRandom).entropyBits).toBeCloseTo(20 * Math.log2(10), 9);
  });
});

it('a passphrase is of words of the EFF list, 12.9 bits each', () => {
  // https://www.eff.org/files/2016/07/18/eff_large_wordlist.txt
  expect([WORDS.length, new Set(WORDS).size, WORDS[0], WORDS.at(-1)]).toEqual([7_776, 7_776, 'abacus', 'zoom']);
  const { value, entropyBits } = generatePassphrase(6, WORDS, systemRandom);
  expect(value.split('-').every((word) => WORDS.includes(word))).toBe(true);
  expect(entropyBits).toBeCloseTo(6 * Math.log2(7_776), 9);
});

it('bytes come in the encoding that was asked for, eight bits each', () => {
  const random = (length: number): Uint8Array => new Uint8Array(length).fill(251);
  expect(generateBytes(16, 'hex', random)).toEqual({ value: 'fb'.repeat(16), entropyBits: 128 });
  expect(generateBytes(2, 'base64', random).value).toBe('+/s=');
  expect(generateBytes(2, 'base64url', random).value).toBe('-_s');
});

describe('a UUID (RFC 9562)', () => {
  // Appendix A.6 has this time and these bits of chance.
  it('of version 7 begins with the time', () => {
    const chance = Buffer.from('0000000000000cc398c4dc0c0c07398f', 'hex');
    const { value } = generateUuid(7, new Date(0x017f22e279b0), () => chance);
    expect(value).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('of version 4 says so, and is all chance besides', () => {
    const { value, entropyBits } = generateUuid(4, new Date(), systemRandom);
    expect(value).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(entropyBits).toBe(122);
  });
});
