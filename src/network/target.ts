/**
 * What a caller may name as a target: `host`, `host:port`, `[v6]:port` or a bare IPv6 address. A host that any resolver
 * would read as an address (`127.1`, `0x7f.1`, full-width digits) becomes that address here, so that it is judged as such.
 */

import { isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';

import type { StartTlsProtocol } from '../crypto/certificate/checker.js';
import { parseAddress } from './address.js';

/** The protocols that begin in plaintext and can change to TLS, with their ports. */
export const STARTTLS_PORTS: Readonly<Record<StartTlsProtocol, number>> = {
  smtp: 25,
  imap: 143,
  pop3: 110,
  ftp: 21,
  ldap: 389,
  postgres: 5432,
  xmpp: 5222,
};

const DEFAULT_PORT = 443;
const MAX_NAME_LENGTH = 253;

export interface Target {
  /** A name as A-labels in lower case without a final dot, or an address in canonical spelling. */
  host: string;
  isAddress: boolean;
  port: number;
  /** `host:port`, for a reader. */
  label: string;
}

export interface Unreadable {
  explanation: string;
  remedy: string;
}

const FORM = 'Give the host alone, such as example.com, example.com:8443, 192.0.2.1 or [2001:db8::1]:443.';
const unreadable = (explanation: string, remedy = FORM): { problem: Unreadable } => ({
  problem: { explanation, remedy },
});

/** Reads a target. The port, where none is given, is 443 or that of the STARTTLS protocol. */
export function parseTarget(text: string, starttls?: StartTlsProtocol): { target: Target } | { problem: Unreadable } {
  // A person pastes the address of a page: with nothing but a host in it, it is clear what is meant.
  const given = text.trim().replace(/^https:\/\/([^/?#@\\]+)\/?$/i, '$1');
  if (given === '') return unreadable('The target is empty.');
  if (given.length > MAX_NAME_LENGTH + 8)
    return unreadable('The target is longer than a host name can be (253 characters).');
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(given)) return unreadable('The target is a URL.');
  // A percent sign is a zone or an encoding: both are ways to hide which address is meant.
  if (/[\s\p{Cc}/\\?#@%,]/u.test(given)) {
    return unreadable('The target holds a character that no host has, such as a space, a slash, @ or %.');
  }
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]*)\]|([^:[\]]+))(?::([^:]*))?$/.exec(given) ?? [];
  const host = bracketed ?? plain ?? (given.split(':').length > 2 ? given : undefined);
  if (host === undefined) return unreadable('The target is not a host with or without a port.');
  const port =
    digits === undefined ? (starttls === undefined ? DEFAULT_PORT : STARTTLS_PORTS[starttls]) : Number(digits);
  if (digits !== undefined && (!/^\d{1,5}$/.test(digits) || port < 1 || port > 65_535)) {
    return unreadable('The port is not a number from 1 to 65535.');
  }
  const canonical = bracketed === undefined && plain !== undefined ? canonicalHost(plain) : canonicalV6(host);
  if (canonical === undefined) {
    return unreadable('The target is neither a valid host name nor a valid address.');
  }
  const address = parseAddress(canonical);
  const label = canonical.includes(':') ? `[${canonical}]:${port}` : `${canonical}:${port}`;
  return { target: { host: canonical, isAddress: address !== undefined, port, label } };
}

/** A host without a port (a name to verify or to send as SNI), or undefined. */
export function parseHost(text: string): { host: string; isAddress: boolean } | undefined {
  const host = isIPv6(text)
    ? canonicalV6(text)
    : /[\s\p{Cc}/\\?#@%,:[\]]/u.test(text)
      ? undefined
      : canonicalHost(text);
  return host === undefined ? undefined : { host, isAddress: parseAddress(host) !== undefined };
}

function canonicalV6(text: string): string | undefined {
  return isIPv6(text) ? parseAddress(text)?.toString() : undefined;
}

/**
 * The host as a resolver would see it. `domainToASCII` is the host parser of the WHATWG URL standard: it maps (IDNA),
 * and reads what ends in a number as an IPv4 address in the way of inet_aton, or refuses it.
 */
function canonicalHost(text: string): string | undefined {
  const ascii = domainToASCII(text);
  if (ascii === '' || ascii.length > MAX_NAME_LENGTH + 1) return undefined;
  const name = ascii.replace(/\.$/, '').toLowerCase();
  const labels = name.split('.');
  // RFC 1035 section 2.3.4; the underscore is no letter of host names, but DNS has such names and servers behind them.
  const isName = name.length <= MAX_NAME_LENGTH && labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label));
  return isName ? name : undefined;
}
