/**
 * A reader for DER (X.690 section 10), as strict as signatures need: definite minimal lengths, nothing left over. It hands out
 * slices of the input, so that what is signed is hashed as it was received, and a list of 10 MiB costs no more memory than it has.
 */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The first octet of a context-specific tag. */
export function contextTag(number: number, constructed: boolean): number {
  return 0x80 | (constructed ? 0x20 : 0) | number;
}

export interface Element {
  /** The identifier octet. */
  tag: number;
  content: Uint8Array;
  /** Identifier and length octets included. */
  whole: Uint8Array;
}

/** What is not DER, or not the structure that was expected. Its message never leaves this folder. */
export class DerFault extends Error {}

/** Reads elements one after the other. Every method throws DerFault where the input is not what it says. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The identifier octet of the next element, or -1 at the end. */
  get peeked(): number {
    return this.#bytes[this.#at] ?? -1;
  }

  /** The next element, of the given tag where one is given. */
  next(tag?: number): Element {
    const bytes = this.#bytes;
    const start = this.#at;
    const found = bytes[start];
    let at = start + 2;
    let length = bytes[start + 1];
    if (found === undefined || length === undefined || (found & 0x1f) === 0x1f) throw new DerFault();
    if (tag !== undefined && found !== tag) throw new DerFault();
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0 || octets > 4 || at + octets > bytes.length) throw new DerFault();
      length = 0;
      for (let i = 0; i < octets; i++) length = length * 256 + (bytes[at++] ?? 0);
      if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerFault();
    }
    const end = at + length;
    if (end > bytes.length) throw new DerFault();
    this.#at = end;
    return { tag: found, content: bytes.subarray(at, end), whole: bytes.subarray(start, end) };
  }

  /** The next element where it has the given tag; otherwise null, and nothing is consumed. */
  optional(tag: number): Element | null {
    return this.peeked === tag ? this.next(tag) : null;
  }

  /** A reader of the content of the next element. */
  into(tag: number): DerReader {
    return new DerReader(this.next(tag).content);
  }

  /** Throws where anything is left. */
  end(): void {
    if (!this.done) throw new DerFault();
  }
}

/** The one element that `bytes` are, without anything after it. */
export function readOnly(bytes: Uint8Array, tag?: number): Element {
  const reader = new DerReader(bytes);
  const element = reader.next(tag);
  reader.end();
  return element;
}

/** A reader of the content of the one element that `bytes` are. */
export function readWhole(bytes: Uint8Array, tag: number): DerReader {
  return new DerReader(readOnly(bytes, tag).content);
}

/** What `read` gives, or null where it throws DerFault. */
export function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerFault) return null;
    throw error;
  }
}

/** The first element of the bytes, or all of them where they do not begin with one. */
export function firstElement(bytes: Uint8Array): Uint8Array {
  return attempt(() => new DerReader(bytes).next().whole) ?? bytes;
}

/** The elements of a content, in order. Throws DerFault where there are more than `max`. */
export function elementsOf(content: Uint8Array, max: number = Number.POSITIVE_INFINITY): Element[] {
  const reader = new DerReader(content);
  const elements: Element[] = [];
  while (!reader.done) {
    if (elements.length >= max) throw new DerFault();
    elements.push(reader.next());
  }
  return elements;
}

export function readBoolean({ content }: Element): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerFault();
  return content[0] === 0xff;
}

/** An INTEGER's octets, which must be minimal (X.690 section 8.3.2). */
export function readIntegerBytes({ content }: Element): Uint8Array {
  const [first, second = 0] = content;
  if (first === undefined) throw new DerFault();
  if (content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    throw new DerFault();
  return content;
}

/** A small INTEGER that is not negative. */
export function readCount(element: Element): number {
  const bytes = readIntegerBytes(element);
  if (bytes.length > 5 || (bytes[0] ?? 0) >= 0x80) throw new DerFault();
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** The octets of a BIT STRING and how many bits of the last are unused: these are zero (X.690 section 11.2.1). */
export function readBits({ content }: Element): { bytes: Uint8Array; unused: number } {
  const [unused] = content;
  if (unused === undefined || unused > 7 || (unused > 0 && content.length === 1)) throw new DerFault();
  if (((content.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0) throw new DerFault();
  return { bytes: content.subarray(1), unused };
}

/** The octets of a BIT STRING that is whole octets, as keys and signatures are. */
export function readBitBytes(element: Element): Uint8Array {
  const { bytes, unused } = readBits(element);
  if (unused !== 0) throw new DerFault();
  return bytes;
}

/** KeyUsage and ReasonFlags have nine bits; longer lists are there to cost memory. */
const MAX_NAMED_BIT_OCTETS = 8;

/** A named-bit list (X.680 section 22.2): whether each bit is set, from bit 0. */
export function readNamedBits(element: Element): boolean[] {
  const { bytes, unused } = readBits(element);
  if (bytes.length > MAX_NAMED_BIT_OCTETS) throw new DerFault();
  const bits: boolean[] = [];
  for (let i = 0; i < bytes.length * 8 - unused; i++) bits.push((((bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1) === 1);
  return bits;
}

/** An OBJECT IDENTIFIER in dotted form. An arc may be as long as a UUID (`2.25.`, X.667 section 8). */
export function readOid({ content }: Element): string {
  const last = content.at(-1);
  if (last === undefined || last >= 0x80 || content.length > 64) throw new DerFault();
  const arcs: (number | bigint)[] = [];
  let value: number | bigint = 0;
  for (const [i, byte] of content.entries()) {
    if (byte === 0x80 && (i === 0 || (content[i - 1] ?? 0) < 0x80)) throw new DerFault();
    value = nextGroup(value, byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length === 0) {
      const first = value < 40 ? 0 : value < 80 ? 1 : 2;
      arcs.push(first, typeof value === 'bigint' ? value - 80n : value - first * 40);
    } else arcs.push(value);
    value = 0;
  }
  return arcs.join('.');
}

function nextGroup(value: number | bigint, group: number): number | bigint {
  return typeof value === 'number' && value < 2 ** 46 ? value * 128 + group : BigInt(value) * 128n + BigInt(group);
}

/** UTCTime or GeneralizedTime in the one form that RFC 5280 section 4.1.2.5 allows: whole seconds, `Z`. */
export function readTime({ tag, content }: Element): Date {
  const text = Buffer.from(content).toString('latin1');
  const form =
    tag === TAG.utcTime ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
  const match = tag === TAG.utcTime || tag === TAG.generalizedTime ? form.exec(text) : null;
  if (match === null) throw new DerFault();
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = tag === TAG.utcTime ? year + (year < 50 ? 2000 : 1900) : year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const same = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
  if (!same || date.getUTCMinutes() !== minute || date.getUTCSeconds() !== second) throw new DerFault();
  return date;
}

const decoders = {
  // A byte order mark is a character like any other: it is shown, escaped.
  utf8: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }),
  utf16: new TextDecoder('utf-16be', { fatal: true, ignoreBOM: true }),
};

/** The text of a string type, or null where the element is none or its content is not of its type. */
export function readText({ tag, content }: Element): string | null {
  try {
    switch (tag) {
      case TAG.utf8String:
        return decoders.utf8.decode(content);
      case TAG.bmpString:
        return decoders.utf16.decode(content);
      case TAG.universalString: {
        if (content.length % 4 !== 0) return null;
        const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
        const characters = Array.from({ length: content.length / 4 }, (_, i) => view.getUint32(i * 4));
        const text = characters.map((codePoint) => String.fromCodePoint(codePoint)).join('');
        return characters.some((codePoint) => codePoint >= 0xd800 && codePoint < 0xe000) ? null : text;
      }
      case TAG.teletexString:
        return Buffer.from(content).toString('latin1');
      case TAG.printableString:
      case TAG.ia5String:
      case TAG.numericString:
      case TAG.visibleString:
        return isAscii(content) ? Buffer.from(content).toString('latin1') : null;
      default:
        return null;
    }
  } catch {
    return null;
  }
}

export function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}
