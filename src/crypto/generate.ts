/** Makes secrets without bias: passwords, passphrases, tokens, UUIDs (RFC 9562) and raw keys, with the entropy of how they are made. */

import { base64url, hex } from './bytes.js';
import type { Random } from './random.js';

export interface Generated {
  value: string;
  /** log2 of the number of values that are equally likely. */
  entropyBits: number;
}

const CLASSES = {
  lower: 'abcdefghijklmnopqrstuvwxyz',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  digits: '0123456789',
  symbols: '!#$%&*+-./:;<=>?@^_~',
} as const;
export type CharacterClass = keyof typeof CLASSES;
export const CHARACTER_CLASSES = Object.keys(CLASSES) as CharacterClass[];

/** A whole number from 0 to `below` - 1, each as likely: numbers of the part that does not divide evenly are thrown away. */
export function uniform(below: number, random: Random): number {
  const limit = 0x1_0000_0000 - (0x1_0000_0000 % below);
  for (;;) {
    const bytes = random(4);
    const number = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
    if (number < limit) return number % below;
  }
}

/**
 * A password of characters that are each as likely, thrown away and made anew until every class is in it: so all passwords with every
 * class are equally likely. Their number is counted by inclusion and exclusion.
 */
export function generatePassword(length: number, classes: readonly CharacterClass[], random: Random): Generated {
  const sets = classes.map((name) => CLASSES[name]);
  const alphabet = sets.join('');
  for (;;) {
    const value = Array.from({ length }, () => alphabet[uniform(alphabet.length, random)]).join('');
    if (!sets.every((set) => Array.from(set).some((character) => value.includes(character)))) continue;
    return {
      value,
      entropyBits: Math.log2(
        countWithAll(
          length,
          sets.map((set) => set.length),
        ),
      ),
    };
  }
}

function countWithAll(length: number, sizes: readonly number[]): number {
  let count = 0;
  for (let left = 0; left < 2 ** sizes.length; left++) {
    const missing = sizes.filter((_, i) => (left & (1 << i)) !== 0);
    const rest = sizes.reduce((sum, size) => sum + size, 0) - missing.reduce((sum, size) => sum + size, 0);
    count += (missing.length % 2 === 0 ? 1 : -1) * rest ** length;
  }
  return count;
}

/** Words of a list, each as likely, with hyphens between. */
export function generatePassphrase(count: number, words: readonly string[], random: Random): Generated {
  const chosen = Array.from({ length: count }, () => words[uniform(words.length, random)]);
  return { value: chosen.join('-'), entropyBits: count * Math.log2(words.length) };
}

const ENCODERS = {
  base64url,
  hex,
  base64: (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64'),
} as const;
export type KeyEncoding = keyof typeof ENCODERS;
export const KEY_ENCODINGS = Object.keys(ENCODERS) as KeyEncoding[];

/** Random bytes: a token, or a raw key. */
export function generateBytes(count: number, encoding: KeyEncoding, random: Random): Generated {
  return { value: ENCODERS[encoding](random(count)), entropyBits: count * 8 };
}

/** RFC 9562 sections 5.4 and 5.7. A UUID of version 7 begins with the time, which is no secret. */
export function generateUuid(version: 4 | 7, now: Date, random: Random): Generated {
  const bytes = Buffer.from(random(16));
  if (version === 7) bytes.writeUIntBE(now.getTime(), 0, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const text = bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { value: text, entropyBits: version === 4 ? 122 : 74 };
}
