/** Distinguished names and general names (RFC 5280 sections 4.1.2.4 and 4.2.1.6) for the PKI lab. */

import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { implicit, contentOf, explicit, oid, sequence, setOf, string, type Der, type StringType } from './der.js';

const ATTRIBUTES: Record<string, { oid: string; as: StringType }> = {
  CN: { oid: '2.5.4.3', as: 'utf8' },
  SN: { oid: '2.5.4.4', as: 'utf8' },
  serialNumber: { oid: '2.5.4.5', as: 'printable' },
  C: { oid: '2.5.4.6', as: 'printable' },
  L: { oid: '2.5.4.7', as: 'utf8' },
  ST: { oid: '2.5.4.8', as: 'utf8' },
  O: { oid: '2.5.4.10', as: 'utf8' },
  OU: { oid: '2.5.4.11', as: 'utf8' },
  DC: { oid: '0.9.2342.19200300.100.1.25', as: 'ia5' },
  emailAddress: { oid: '1.2.840.113549.1.9.1', as: 'ia5' },
};

export interface Attribute {
  /** `CN`, `O`, ... or a dotted object identifier. */
  type: string;
  value: string;
  as?: StringType;
}
/**
 * `CN=a,O=b` (no escapes; text without `=` is a CN; `''` is the empty name), or a list of RDNs where an inner list is one RDN
 * of several values, or the DER of a Name.
 */
export type NameInput = string | (Attribute | Attribute[])[] | Uint8Array;

function rdn(attributes: Attribute[]): Der {
  return setOf(
    ...attributes.map(({ type, value, as }) => {
      const known = ATTRIBUTES[type];
      return sequence(oid(known?.oid ?? type), string(value, as ?? known?.as ?? 'utf8'));
    }),
  );
}

function parse(text: string): Attribute[] {
  if (text === '') return [];
  if (!text.includes('=')) return [{ type: 'CN', value: text }];
  return text.split(',').map((part) => {
    const at = part.indexOf('=');
    return { type: part.slice(0, at).trim(), value: part.slice(at + 1) };
  });
}

/** The DER of a Name. */
export function name(input: NameInput): Der {
  if (input instanceof Uint8Array) return input;
  const rdns = typeof input === 'string' ? parse(input) : input;
  return sequence(...rdns.map((item) => rdn(Array.isArray(item) ? item : [item])));
}

export type GeneralName =
  | { dns: string }
  | { email: string }
  | { uri: string }
  | { ip: string | Uint8Array }
  | { directory: NameInput }
  | { registeredId: string }
  | { other: { oid: string; value: Der } }
  | { raw: Der };
/** Text is taken for an address, a URI (with `://`), a mail address (with `@`) or else a DNS name. */
export type GeneralNameInput = string | GeneralName;

function address(text: string): Uint8Array {
  const [host = '', prefix] = text.split('/');
  const parsed = ipaddr.parse(host);
  if (prefix === undefined) return Uint8Array.from(parsed.toByteArray());
  const mask =
    parsed.kind() === 'ipv4'
      ? ipaddr.IPv4.subnetMaskFromPrefixLength(Number(prefix))
      : ipaddr.IPv6.subnetMaskFromPrefixLength(Number(prefix));
  return Uint8Array.from([...parsed.toByteArray(), ...mask.toByteArray()]);
}

function spelled(text: string): GeneralName {
  if (isIP(text) !== 0) return { ip: text };
  if (text.includes('://')) return { uri: text };
  return text.includes('@') ? { email: text } : { dns: text };
}

/** One GeneralName. An address with `/prefix` is the form of name constraints (address and mask). Texts are not checked. */
export function generalName(input: GeneralNameInput): Der {
  const value = typeof input === 'string' ? spelled(input) : input;
  if ('raw' in value) return value.raw;
  if ('other' in value) return implicit(0, true, Buffer.concat([oid(value.other.oid), explicit(0, value.other.value)]));
  if ('email' in value) return implicit(1, false, Buffer.from(value.email));
  if ('dns' in value) return implicit(2, false, Buffer.from(value.dns));
  if ('directory' in value) return explicit(4, name(value.directory));
  if ('uri' in value) return implicit(6, false, Buffer.from(value.uri));
  if ('ip' in value) return implicit(7, false, typeof value.ip === 'string' ? address(value.ip) : value.ip);
  return implicit(8, false, contentOf(oid(value.registeredId)));
}

export const generalNames = (inputs: GeneralNameInput[]): Der => sequence(...inputs.map(generalName));
