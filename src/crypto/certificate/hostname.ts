/**
 * Whether a certificate is for a host (RFC 9525): subject alternative names only, never the common name; a wildcard is a whole
 * left-most label, stands for one label and needs two labels after it; addresses match iPAddress names alone.
 */

import { equalBytes } from '../bytes.js';
import { showAddress, showGeneralName, type GeneralName } from './names.js';

/** The name or address a client wanted to reach. */
export type Reference = { type: 'dns'; name: string } | { type: 'ip'; bytes: Uint8Array };

const MAX_NAME_LENGTH = 253;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/**
 * Reads a host as given: lower case, without its trailing dot, internationalised labels in A-label form, addresses in any
 * spelling as bytes. Null where it is no host name.
 */
export function readReference(host: string): Reference | null {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (bare.length === 0 || bare.length > MAX_NAME_LENGTH + 1) return null;
  const address = bare.includes(':') ? readIpv6(bare) : readIpv4(bare);
  if (address !== null) return { type: 'ip', bytes: address };
  if (bare.includes(':') || /[\s/\\?#@%*<>^|[\]]/.test(bare)) return null;
  let ascii: string;
  try {
    // The WHATWG host parser: IDNA mapping to A-labels, and lower case.
    ascii = new URL(`http://${bare}/`).hostname;
  } catch {
    return null;
  }
  const odd = readIpv4(ascii);
  if (odd !== null) return { type: 'ip', bytes: odd };
  const name = ascii.replace(/\.$/, '');
  return isHostName(name) ? { type: 'dns', name } : null;
}

function readIpv4(text: string): Uint8Array | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const bytes = match?.slice(1) ?? [];
  const sound = match !== null && bytes.every((part) => String(Number(part)) === part && Number(part) < 256);
  return sound ? Uint8Array.from(bytes.map(Number)) : null;
}

function readIpv6(text: string): Uint8Array | null {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text)) return null;
  let canonical: string;
  try {
    canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  } catch {
    return null;
  }
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after];
  return Uint8Array.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}

export function isHostName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && name.split('.').every((label) => LABEL.test(label));
}

export function showReference(reference: Reference): string {
  return reference.type === 'dns' ? reference.name : (showAddress(reference.bytes) ?? '');
}

/** Whether one presented dNSName covers a reference name (RFC 9525 section 6.3). */
export function dnsNameCovers(presented: string, name: string): boolean {
  const pattern = presented.toLowerCase();
  if (!pattern.startsWith('*.')) return isHostName(pattern) && pattern === name;
  const rest = pattern.slice(2);
  if (!isHostName(rest) || !rest.includes('.')) return false;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot + 1) === rest;
}

/** Whether any of the names covers the reference. */
export function namesCover(names: readonly GeneralName[], reference: Reference): boolean {
  return names.some((entry) => {
    if (reference.type === 'dns') return entry.type === 'dns' && dnsNameCovers(entry.value, reference.name);
    return entry.type === 'ip' && equalBytes(entry.value, reference.bytes);
  });
}

/** Why names that look as if they covered the reference do not, or null: what a person would otherwise not understand. */
export function nearMiss(names: readonly GeneralName[], reference: Reference): string | null {
  if (reference.type === 'ip') {
    const text = showReference(reference);
    const asName = names.some((entry) => entry.type === 'dns' && entry.value === text);
    return asName
      ? 'The address stands in it as a DNS name, which does not count: it must be an IP address entry.'
      : null;
  }
  const { name } = reference;
  for (const entry of names) {
    if (entry.type !== 'dns') continue;
    const value = entry.value.toLowerCase();
    if (!value.includes('*')) continue;
    const rest = value.slice(value.indexOf('.') + 1);
    const shown = showGeneralName(entry);
    if (!value.startsWith('*.') && name.endsWith(`.${rest}`))
      return `${shown} is a partial wildcard, which does not count: only a whole left-most label may be one.`;
    if (!value.startsWith('*.')) continue;
    if (!rest.includes('.') && name.endsWith(`.${rest}`))
      return `${shown} is too wide: a wildcard needs two labels after it.`;
    if (name === rest) return `${shown} does not cover the bare domain.`;
    if (name.endsWith(`.${rest}`)) return `${shown} covers one label only, and this name has more.`;
  }
  return null;
}
