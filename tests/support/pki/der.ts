/**
 * A small DER writer (X.690) for the PKI lab. Our own, so that it can write what a careful library refuses, and so that a fault
 * of the library the product reads with does not hide behind the same library writing.
 */

export type Der = Uint8Array;

function length(size: number): number[] {
  if (size < 0x80) return [size];
  const bytes: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 + bytes.length, ...bytes];
}

/** One tag, length, value; the contents are joined. */
export function tlv(tag: number, ...contents: Uint8Array[]): Der {
  const size = contents.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Uint8Array.of(tag, ...length(size)), ...contents]);
}

export const sequence = (...parts: Der[]): Der => tlv(0x30, ...parts);
export const setOf = (...parts: Der[]): Der => tlv(0x31, ...parts.toSorted((a, b) => Buffer.compare(a, b)));
export const boolean = (value: boolean): Der => tlv(0x01, Uint8Array.of(value ? 0xff : 0));
export const nullValue = (): Der => Uint8Array.of(0x05, 0x00);
export const octetString = (bytes: Uint8Array): Der => tlv(0x04, bytes);
export const bitString = (bytes: Uint8Array, unusedBits = 0): Der => tlv(0x03, Uint8Array.of(unusedBits), bytes);
export const enumerated = (value: number): Der => tlv(0x0a, Uint8Array.of(value));

/** A number is encoded in the fewest bytes; bytes are taken as they are (also negative, empty or with needless zeros). */
export function integer(value: number | bigint | Uint8Array): Der {
  return tlv(0x02, value instanceof Uint8Array ? value : integerBytes(BigInt(value)));
}

export function integerBytes(value: bigint): Uint8Array {
  let size = 1;
  while (BigInt.asIntN(size * 8, value) !== value) size += 1;
  const hex = BigInt.asUintN(size * 8, value)
    .toString(16)
    .padStart(size * 2, '0');
  return Buffer.from(hex, 'hex');
}

export function oid(text: string): Der {
  const arcs = text.split('.').map(BigInt);
  const [first = 0n, second = 0n, ...rest] = arcs;
  const bytes = [first * 40n + second, ...rest].flatMap((arc) => {
    const groups = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) groups.unshift(Number(left & 0x7fn) | 0x80);
    return groups;
  });
  return tlv(0x06, Uint8Array.from(bytes));
}

/** A named bit list: the numbers of the bits that are set. Trailing zero bits are left out (X.690 section 11.2.2). */
export function namedBits(bits: number[]): Der {
  if (bits.length === 0) return bitString(new Uint8Array());
  const highest = Math.max(...bits);
  const bytes = new Uint8Array(Math.floor(highest / 8) + 1);
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return bitString(bytes, 7 - (highest & 7));
}

export const STRING_TAGS = {
  utf8: 0x0c,
  numeric: 0x12,
  printable: 0x13,
  teletex: 0x14,
  ia5: 0x16,
  visible: 0x1a,
  universal: 0x1c,
  bmp: 0x1e,
} as const;
export type StringType = keyof typeof STRING_TAGS;

/** The text in a string type, unchecked: a PrintableString may be made to hold anything. */
export function string(text: string, as: StringType = 'utf8'): Der {
  if (as === 'bmp') return tlv(STRING_TAGS.bmp, Buffer.from(text, 'utf16le').swap16());
  if (as === 'universal') {
    const characters = Array.from(text);
    const bytes = Buffer.alloc(characters.length * 4);
    characters.forEach((character, index) => bytes.writeUInt32BE(character.codePointAt(0) ?? 0, index * 4));
    return tlv(STRING_TAGS.universal, bytes);
  }
  return tlv(STRING_TAGS[as], Buffer.from(text, as === 'teletex' ? 'latin1' : 'utf8'));
}

/** `[n] EXPLICIT`: the whole value inside a constructed tag. */
export const explicit = (number: number, ...parts: Der[]): Der => tlv(0xa0 + number, ...parts);
/** `[n] IMPLICIT` of a constructed or a primitive type: the content only. */
export const implicit = (number: number, constructed: boolean, content: Uint8Array): Der =>
  tlv((constructed ? 0xa0 : 0x80) + number, content);

/** The content of a value, without its tag and length. */
export function contentOf(der: Der): Uint8Array {
  const first = der[1] ?? 0;
  return der.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}

const digits = (date: Date): string => date.toISOString().replaceAll(/[-:T]/gu, '').slice(0, 14);
export const utcTime = (date: Date): Der => tlv(0x17, Buffer.from(`${digits(date).slice(2)}Z`));
export const generalizedTime = (date: Date): Der => tlv(0x18, Buffer.from(`${digits(date)}Z`));
/** RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
export const time = (date: Date): Der => {
  const year = date.getUTCFullYear();
  return year >= 1950 && year < 2050 ? utcTime(date) : generalizedTime(date);
};

/** PEM (RFC 7468). */
export function toPem(der: Der, label = 'CERTIFICATE'): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .match(/.{1,64}/gu);
  return `-----BEGIN ${label}-----\n${(lines ?? []).join('\n')}\n-----END ${label}-----\n`;
}
