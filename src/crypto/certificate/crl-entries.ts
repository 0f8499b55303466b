/**
 * The entries of a revocation list (RFC 5280 section 5.3). There may be hundreds of thousands, so they are walked by their
 * offsets in the received bytes, without an object for each.
 */

import { attempt, DerFault, DerReader, readCount, readOnly, readTime, TAG } from './der.js';
import { isPermanent, reasonOf, type Revocation } from './revocation-answer.js';

export interface EntrySearch {
  /** The content of the serial number's INTEGER. */
  serial: Uint8Array;
  /** Whether an entry under this certificateIssuer (GeneralNames; null: the issuer of the list) is of the right issuer. */
  isOfIssuer: (certificateIssuer: Uint8Array | null) => boolean;
  mayHaveExtensions: boolean;
}

export interface EntryFinding {
  /** How many entries there are. */
  count: number;
  found: Revocation | null;
  /** Some entry has a critical extension that is not known: the whole list must not be used (RFC 5280 section 5.3). */
  unknownCritical: boolean;
  /** Some entry names the issuer of its certificate, as those of indirect lists do. */
  namesIssuers: boolean;
}

/** The last octets of the entry extensions that are known, all of the arc 2.5.29 (RFC 5280 section 5.3). */
const ENTRY_EXTENSION = { reasonCode: 21, invalidityDate: 24, certificateIssuer: 29 } as const;

/**
 * Walks all entries, because any of them can forbid to use the list, and gives the one of the certificate. Of several, one that
 * is for good counts. Throws DerFault.
 */
export function findEntry(entries: Uint8Array, search: EntrySearch): EntryFinding {
  const { serial, isOfIssuer, mayHaveExtensions } = search;
  const finding: EntryFinding = { count: 0, found: null, unknownCritical: false, namesIssuers: false };
  const cursor = new Cursor(entries);
  let issuer: Uint8Array | null = null;
  while (cursor.at < entries.length) {
    finding.count++;
    const entryEnd = cursor.enter(TAG.sequence, entries.length);
    const serialEnd = cursor.enter(TAG.integer, entryEnd);
    const matches = cursor.isInteger(serialEnd, serial);
    cursor.at = serialEnd;
    const dateAt = cursor.at;
    const dateTag = entries[dateAt] === TAG.generalizedTime ? TAG.generalizedTime : TAG.utcTime;
    const dateEnd = cursor.enter(dateTag, entryEnd);
    if (dateEnd - cursor.at !== (dateTag === TAG.utcTime ? 13 : 15)) throw new DerFault();
    cursor.at = dateEnd;
    let reason: Uint8Array | null = null;
    let invalidity: Uint8Array | null = null;
    if (cursor.at < entryEnd) {
      const listEnd = cursor.enter(TAG.sequence, entryEnd);
      if (!mayHaveExtensions || listEnd !== entryEnd || cursor.at === listEnd) throw new DerFault();
      while (cursor.at < listEnd) {
        const { kind, critical, value } = cursor.extension(listEnd, matches);
        if (kind === ENTRY_EXTENSION.reasonCode) reason = value;
        else if (kind === ENTRY_EXTENSION.invalidityDate) invalidity = value;
        else if (kind === ENTRY_EXTENSION.certificateIssuer) {
          // It holds for the following entries too (RFC 5280 section 5.3.3).
          issuer = value;
          finding.namesIssuers = true;
        } else if (critical) finding.unknownCritical = true;
      }
    }
    if (!matches || !isOfIssuer(issuer)) continue;
    if (finding.found !== null && isPermanent(finding.found.reason)) continue;
    const date = readTime(new DerReader(entries.subarray(dateAt, dateEnd)).next());
    finding.found = { at: date, reason: readReason(reason), invalidAt: readInvalidity(invalidity) };
  }
  return finding;
}

/** One place in the bytes of the entries. Its methods are the reader's of `der.ts` without its slices. */
class Cursor {
  readonly #bytes: Uint8Array;
  at = 0;
  /** Handed out anew for each extension, so that a list costs no memory by its length. */
  readonly #extension: { kind: number; critical: boolean; value: Uint8Array | null } = {
    kind: 0,
    critical: false,
    value: null,
  };

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Steps over the header of an element of that tag; gives where its content ends. */
  enter(tag: number, limit: number): number {
    const bytes = this.#bytes;
    let length = bytes[this.at + 1];
    if (bytes[this.at] !== tag || length === undefined) throw new DerFault();
    this.at += 2;
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0 || octets > 3) throw new DerFault();
      length = 0;
      for (let i = 0; i < octets; i++) length = length * 256 + (bytes[this.at++] ?? 0);
      if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerFault();
    }
    const end = this.at + length;
    if (end > limit) throw new DerFault();
    return end;
  }

  /** Whether the INTEGER up to `end` has that content. A number must have one spelling, or it could hide. */
  isInteger(end: number, content: Uint8Array): boolean {
    const bytes = this.#bytes;
    const first = bytes[this.at] ?? 0;
    const length = end - this.at;
    const second = length > 1 ? (bytes[this.at + 1] ?? 0) : -1;
    if (length === 0 || (first === 0 && second >= 0 && second < 0x80) || (first === 0xff && second >= 0x80))
      throw new DerFault();
    if (length !== content.length) return false;
    // From the end: there serial numbers of one issuer differ most.
    for (let i = length - 1; i >= 0; i--) if (bytes[this.at + i] !== content[i]) return false;
    return true;
  }

  /** Steps over an Extension. `value` is given where it is wanted or carries over to other entries. */
  extension(limit: number, wanted: boolean): Readonly<{ kind: number; critical: boolean; value: Uint8Array | null }> {
    const bytes = this.#bytes;
    const end = this.enter(TAG.sequence, limit);
    const oidEnd = this.enter(TAG.oid, end);
    const known = oidEnd - this.at === 3 && bytes[this.at] === 0x55 && bytes[this.at + 1] === 0x1d;
    const kind = known ? (bytes[this.at + 2] ?? 0) : 0;
    this.at = oidEnd;
    let critical = false;
    if (this.at < end && bytes[this.at] === TAG.boolean) {
      const flagEnd = this.enter(TAG.boolean, end);
      const flag = bytes[this.at];
      if (flagEnd - this.at !== 1 || (flag !== 0 && flag !== 0xff)) throw new DerFault();
      critical = flag === 0xff;
      this.at = flagEnd;
    }
    const valueEnd = this.enter(TAG.octetString, end);
    if (valueEnd !== end) throw new DerFault();
    const needed = wanted || kind === ENTRY_EXTENSION.certificateIssuer;
    const extension = this.#extension;
    extension.kind = kind;
    extension.critical = critical;
    extension.value = needed ? bytes.subarray(this.at, valueEnd) : null;
    this.at = valueEnd;
    return extension;
  }
}

/** A reason that cannot be read must not hide that the certificate is listed. */
function readReason(value: Uint8Array | null): Revocation['reason'] {
  return reasonOf(value === null ? 0 : (attempt(() => readCount(readOnly(value, TAG.enumerated))) ?? 0));
}

/** Likewise a date that cannot be read: then the key counts as never having been safe. */
function readInvalidity(value: Uint8Array | null): Date | null {
  if (value === null) return null;
  return attempt(() => readTime(readOnly(value, TAG.generalizedTime))) ?? new Date(0);
}
