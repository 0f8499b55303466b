/** Names in certificates: distinguished names (RFC 5280 section 4.1.2.4), compared as section 7.1 says, and general names (section 4.2.1.6). */

import { hex } from '../bytes.js';
import { escapeUntrusted } from '../text.js';
import { contextTag, DerFault, DerReader, elementsOf, isAscii, readOid, readText, readWhole, TAG } from './der.js';

export interface Attribute {
  oid: string;
  /** Its text, or null where it is of no string type. */
  text: string | null;
  der: Uint8Array;
}

export interface DistinguishedName {
  der: Uint8Array;
  /** Each relative name is a set of attributes. */
  relativeNames: readonly (readonly Attribute[])[];
  /** Equal for equal names (RFC 5280 section 7.1): each relative name in one spelling. */
  canonical: readonly string[];
}

const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.15': 'businessCategory',
  '2.5.4.17': 'postalCode',
  '2.5.4.42': 'GN',
  '2.5.4.97': 'organizationIdentifier',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

export const EMAIL_ATTRIBUTE = '1.2.840.113549.1.9.1';
const MAX_SHOWN = 300;

/** Reads a Name, its SEQUENCE included. Throws DerFault. */
export function readName(der: Uint8Array): DistinguishedName {
  const sets = readWhole(der, TAG.sequence);
  const relativeNames: Attribute[][] = [];
  while (!sets.done) {
    const attributes = elementsOf(sets.next(TAG.set).content).map(({ tag, content }) => {
      if (tag !== TAG.sequence) throw new DerFault();
      const reader = new DerReader(content);
      const oid = readOid(reader.next(TAG.oid));
      const value = reader.next();
      reader.end();
      return { oid, text: readText(value), der: value.whole };
    });
    if (attributes.length === 0) throw new DerFault();
    relativeNames.push(attributes);
  }
  return { der, relativeNames, canonical: relativeNames.map(canonicalRelativeName) };
}

/** Case and runs of white space do not count; string types do not count (the caseIgnoreMatch of RFC 5280 section 7.1). */
function canonicalRelativeName(attributes: readonly Attribute[]): string {
  const parts = attributes.map(({ oid, text, der }) => {
    if (text === null) return JSON.stringify([oid, null, hex(der)]);
    return JSON.stringify([oid, text.normalize('NFKC').toLowerCase().trim().replaceAll(/\s+/g, ' ')]);
  });
  return parts.toSorted().join('+');
}

export function sameName(a: DistinguishedName, b: DistinguishedName): boolean {
  return a.canonical.length === b.canonical.length && isWithin(a, b);
}

/** Whether `name` lies in the subtree of `base`: begins with the same relative names. */
export function isWithin(name: DistinguishedName, base: DistinguishedName): boolean {
  return base.canonical.every((part, i) => name.canonical[i] === part);
}

export function isEmptyName(name: DistinguishedName): boolean {
  return name.relativeNames.length === 0;
}

/** `CN=..., O=...` as a reader may see it: escaped and bounded. */
export function showName(name: DistinguishedName): string {
  const parts = name.relativeNames.map((attributes) =>
    attributes.map(({ oid, text, der }) => `${ATTRIBUTE_NAMES[oid] ?? oid}=${showValue(text, der)}`).join('+'),
  );
  return escapeUntrusted(parts.join(', '), MAX_SHOWN);
}

/** A value that cannot be taken for another attribute (RFC 4514 section 2.4). */
function showValue(text: string | null, der: Uint8Array): string {
  return text === null ? `#${hex(der.subarray(0, 16))}` : text.replaceAll(/[,+"\\<>;]|^[ #]| $/g, '\\$&');
}

/** What people call a certificate by: its common name, else organisation, else the whole name. Escaped and bounded. */
export function shortName(name: DistinguishedName): string {
  const attributes = name.relativeNames.flat();
  const found = ['2.5.4.3', '2.5.4.11', '2.5.4.10'].map(
    (oid) => attributes.findLast((entry) => entry.oid === oid)?.text,
  );
  const text = found.find((entry) => entry !== undefined && entry !== null && entry !== '');
  return text === undefined || text === null ? showName(name) || 'an empty name' : escapeUntrusted(text, 80);
}

export type GeneralName =
  | { type: 'dns' | 'mail' | 'uri'; value: string }
  | { type: 'ip'; value: Uint8Array }
  | { type: 'directory'; value: DistinguishedName }
  /** otherName, x400Address, ediPartyName, registeredID, by the number of its tag. */
  | { type: 'other'; tag: number }
  /** A name of a known kind whose content is not of that kind (letters outside ASCII in an IA5String). */
  | { type: 'malformed'; tag: number };

const TEXT_KINDS = { 1: 'mail', 2: 'dns', 6: 'uri' } as const;

/** Reads GeneralNames, its SEQUENCE included. Throws DerFault. */
export function readGeneralNames(der: Uint8Array): GeneralName[] {
  const reader = readWhole(der, TAG.sequence);
  const names: GeneralName[] = [];
  while (!reader.done) names.push(readGeneralName(reader));
  return names;
}

export function readGeneralName(reader: DerReader): GeneralName {
  const { tag, content } = reader.next();
  if ((tag & 0xc0) !== 0x80) throw new DerFault();
  const number = tag & 0x1f;
  if (number === 1 || number === 2 || number === 6) {
    if (tag !== contextTag(number, false)) throw new DerFault();
    if (!isAscii(content)) return { type: 'malformed', tag: number };
    return { type: TEXT_KINDS[number], value: Buffer.from(content).toString('latin1') };
  }
  if (tag === contextTag(7, false)) return { type: 'ip', value: content };
  if (tag === contextTag(4, true)) return { type: 'directory', value: readName(content) };
  if (number > 8) throw new DerFault();
  return { type: 'other', tag: number };
}

/** An IP address in its usual text form, or null where the bytes are none. */
export function showAddress(bytes: Uint8Array): string | null {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return null;
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0)).toString(16),
  );
  // The WHATWG serialiser compresses the longest run of zeros (RFC 5952).
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** A general name as a reader may see it. */
export function showGeneralName(name: GeneralName): string {
  switch (name.type) {
    case 'dns':
      return escapeUntrusted(name.value, 255);
    case 'mail':
    case 'uri':
      return escapeUntrusted(`${name.type}:${name.value}`, 255);
    case 'ip':
      return showAddress(name.value) ?? `ip:#${hex(name.value.subarray(0, 32))}`;
    case 'directory':
      return `directory:${showName(name.value)}`;
    default:
      return `${name.type}:${name.tag}`;
  }
}
