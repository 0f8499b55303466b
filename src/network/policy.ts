/**
 * Who may be dialled. The host and the port are judged before a name is resolved (a name carries data out, RFC 9076
 * section 3.2), the addresses after. `public` is the internet, `any` adds the operator's own networks, `off` is nothing;
 * cloud metadata services are never reached.
 */

import { isInRange, parseAddress, parseRange, addressKind, type AddressKind } from './address.js';
import type { Fault } from './fault.js';
import { parseTarget, type Target } from './target.js';

export const NETWORK_MODES = ['public', 'any', 'off'] as const;
export type NetworkMode = (typeof NETWORK_MODES)[number];

export interface NetworkPolicy {
  readonly mode: NetworkMode;
  /** Names, `*.example.com`, addresses and CIDR prefixes, as `parseAllowedHost` returns them. */
  readonly allowHosts: readonly string[];
  /** Ports allowed beside those of TLS services. */
  readonly ports: readonly number[];
}

/**
 * Ports where TLS is spoken from the first byte or after STARTTLS, by the IANA registry and common use. Without this list
 * a tool that a model steers could be made to knock at any service, and say whether one is there.
 */
export const TLS_PORTS: readonly number[] = Object.values({
  web: [443, 4443, 8443, 9443, 10_443, 2083, 2087, 2096],
  mail: [25, 465, 587, 143, 993, 110, 995, 4190],
  files: [21, 989, 990],
  directories: [389, 636, 3269],
  chat: [5222, 5223, 5269, 5270, 6697, 994, 5061],
  news: [119, 563],
  names: [853],
  queues: [5671, 8883],
  data: [5432],
  management: [992, 2376, 5986, 6443, 6514],
}).flat();

/** Where certificates point to (OCSP, CRL, AIA). */
export const FETCH_PORTS: readonly number[] = [80, 443];

/** Suffixes that never name a host of the public internet: asking DNS for them tells others about the network here. */
const LOCAL_SUFFIXES = Object.values({
  rfc6761: ['localhost', 'test', 'invalid', 'example'],
  rfc6762: ['local'],
  rfc6762AppendixG: ['lan', 'home', 'corp', 'intranet', 'private', 'localdomain'],
  rfc7686: ['onion'],
  rfc8375: ['home.arpa'],
  rfc9476: ['alt'],
  icann2024: ['internal'],
}).flat();

/** Names of cloud metadata services. What they resolve to is judged as well; these are not even asked for. */
const METADATA_NAMES = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
];

const refuse = (explanation: string, remedy: string): Fault => ({ code: 'network_refused', explanation, remedy });

const ALLOW_HOST =
  'The operator of this server can add the host to SECURITY_MCP_ALLOW_HOSTS, or set SECURITY_MCP_NETWORK=any to check private hosts.';
const OFF = refuse(
  'This server may not reach the network.',
  'The operator of this server can set SECURITY_MCP_NETWORK=public.',
);
const METADATA = refuse(
  'This is a cloud metadata service, which hands out credentials: it is never dialled.',
  'No setting allows it.',
);
const PORT = refuse(
  'This port is not one of a TLS service.',
  'The operator of this server can add the port to SECURITY_MCP_PORTS, or set SECURITY_MCP_NETWORK=any.',
);
const LOCAL_NAME = refuse('This name is not one of the public internet.', ALLOW_HOST);

const WHAT_IT_IS: Readonly<Record<Exclude<AddressKind, 'public' | 'metadata'>, string>> = {
  loopback: 'a loopback address: it is this machine itself',
  private: 'an address of a private network (RFC 1918, RFC 4193)',
  link_local: 'a link-local address (RFC 3927, RFC 4291)',
  multicast: 'a multicast address',
  unspecified: 'an unspecified address (RFC 1122 section 3.2.1.3)',
  carrier_grade: 'an address behind a carrier-grade NAT (RFC 6598)',
  documentation: 'an address reserved for documentation (RFC 5737, RFC 3849)',
  translated: 'an address of a translation or tunnel (such as 6to4 or Teredo)',
  reserved: 'a reserved address (RFC 6890)',
};

const ADDRESS = Object.fromEntries(
  Object.entries(WHAT_IT_IS).map(([kind, what]) => [
    kind,
    refuse(`The target is, or resolves to, ${what}.`, ALLOW_HOST),
  ]),
) as Readonly<Record<Exclude<AddressKind, 'public' | 'metadata'>, Fault>>;

/** Before anything is resolved: the refusal of a host or port, or undefined where it may be resolved. */
export function judgeHost(policy: NetworkPolicy, target: Target, ports = TLS_PORTS): Fault | undefined {
  if (policy.mode === 'off') return OFF;
  if (METADATA_NAMES.some((name) => isUnder(target.host, name))) return METADATA;
  if (target.isAddress) {
    const refusal = judgeAddress(policy, target, target.host);
    if (refusal !== undefined) return refusal;
  }
  if (policy.mode === 'any') return undefined;
  if (!target.isAddress && !isAllowedName(policy, target.host) && isLocalName(target.host)) return LOCAL_NAME;
  return ports.includes(target.port) || policy.ports.includes(target.port) ? undefined : PORT;
}

/** After resolution: the refusal of one address of the target, or undefined where it may be dialled. */
export function judgeAddress(policy: NetworkPolicy, target: Target, address: string): Fault | undefined {
  if (policy.mode === 'off') return OFF;
  const kind = addressKind(address);
  if (kind === 'metadata') return METADATA;
  if (kind === 'public' || policy.mode === 'any') return undefined;
  const isAllowed = (!target.isAddress && isAllowedName(policy, target.host)) || isAllowedAddress(policy, address);
  return isAllowed ? undefined : ADDRESS[kind];
}

/** One entry of SECURITY_MCP_ALLOW_HOSTS in canonical form, or undefined where it is none. */
export function parseAllowedHost(text: string): string | undefined {
  const entry = text.trim().replace(/^\[(.*)\]$/, '$1');
  const range = parseRange(entry);
  if (range !== undefined) return `${range[0].toString()}/${range[1]}`;
  const prefix = entry.startsWith('*.') ? '*.' : '';
  const name = entry.slice(prefix.length);
  const parsed = parseTarget(name);
  // An odd spelling of an address (`10.1`) is refused rather than guessed at.
  if (!('target' in parsed) || parsed.target.isAddress || /[:/]/.test(name)) return undefined;
  return prefix + parsed.target.host;
}

function isAllowedName(policy: NetworkPolicy, name: string): boolean {
  return policy.allowHosts.some((rule) =>
    rule.startsWith('*.') ? name.endsWith(rule.slice(1)) && name.length >= rule.length : rule === name,
  );
}

function isAllowedAddress(policy: NetworkPolicy, text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined) return false;
  return policy.allowHosts.some((rule) => {
    const range = parseRange(rule);
    return range !== undefined && isInRange(address, range);
  });
}

function isLocalName(name: string): boolean {
  return !name.includes('.') || LOCAL_SUFFIXES.some((suffix) => isUnder(name, suffix));
}

function isUnder(name: string, suffix: string): boolean {
  return name === suffix || name.endsWith(`.${suffix}`);
}
