/**
 * From BER to definite lengths (X.690 section 8): old exports write PKCS#12 with indefinite lengths and with OCTET STRINGs cut
 * into pieces. What comes out is read by the strict reader; the octets that are hashed or are certificates stay as they were.
 */

import { DerFault, TAG } from './der.js';

const MAX_DEPTH = 24;
const CONSTRUCTED = 0x20;
const CUT_OCTET_STRING = TAG.octetString | CONSTRUCTED;
/** X.690 section 8.1.5: the two zero octets that end an indefinite length. */
const END_OF_CONTENTS = 0x00;

/** How many elements may still be read, of all that one call reads. */
export interface ElementBudget {
  left: number;
}

/** There are more elements than the budget allows. */
export class TooManyElements extends DerFault {}

/** The one element that `bytes` are, with definite lengths throughout. Throws DerFault, also where anything follows it. */
export function toDefinite(bytes: Uint8Array, budget: ElementBudget): Uint8Array {
  const reader = new BerReader(bytes, budget);
  const element = reader.element(0);
  if (reader.at !== bytes.length) throw new DerFault();
  return join(element);
}

class BerReader {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #budget: ElementBudget;

  constructor(bytes: Uint8Array, budget: ElementBudget) {
    this.#bytes = bytes;
    this.#budget = budget;
  }

  /** The pieces of the next element: its header, then its content. */
  element(depth: number): Uint8Array[] {
    if (depth > MAX_DEPTH) throw new DerFault();
    if (--this.#budget.left < 0) throw new TooManyElements();
    const tag = this.#octet();
    if (tag === END_OF_CONTENTS || (tag & 0x1f) === 0x1f) throw new DerFault();
    const length = this.#length();
    const constructed = (tag & CONSTRUCTED) !== 0;
    if (!constructed) {
      if (length === null) throw new DerFault();
      return [header(tag, length), this.#take(length)];
    }
    const children = this.#children(length, depth);
    if (tag !== CUT_OCTET_STRING) return withHeader(tag, children.flat());
    // Section 8.7.3: the pieces are OCTET STRINGs themselves, here already in one piece each.
    if (children.some(([first]) => first?.[0] !== TAG.octetString)) throw new DerFault();
    return withHeader(
      TAG.octetString,
      children.flatMap((pieces) => pieces.slice(1)),
    );
  }

  #children(length: number | null, depth: number): Uint8Array[][] {
    const children: Uint8Array[][] = [];
    if (length === null) {
      while (this.#bytes[this.at] !== END_OF_CONTENTS) children.push(this.element(depth + 1));
      if (this.#bytes[this.at + 1] !== 0) throw new DerFault();
      this.at += 2;
      return children;
    }
    const end = this.at + length;
    if (end > this.#bytes.length) throw new DerFault();
    while (this.at < end) children.push(this.element(depth + 1));
    if (this.at !== end) throw new DerFault();
    return children;
  }

  /** Null where the length is indefinite. */
  #length(): number | null {
    const first = this.#octet();
    if (first < 0x80) return first;
    const octets = first & 0x7f;
    if (octets === 0) return null;
    if (octets > 4) throw new DerFault();
    let length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + this.#octet();
    return length;
  }

  #octet(): number {
    const octet = this.#bytes[this.at++];
    if (octet === undefined) throw new DerFault();
    return octet;
  }

  #take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new DerFault();
    const content = this.#bytes.subarray(this.at, end);
    this.at = end;
    return content;
  }
}

function withHeader(tag: number, content: Uint8Array[]): Uint8Array[] {
  return [
    header(
      tag,
      content.reduce((sum, piece) => sum + piece.length, 0),
    ),
    ...content,
  ];
}

function header(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 | octets.length, ...octets);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
