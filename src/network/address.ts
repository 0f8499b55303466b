/**
 * What kind of address an IP address is: whether it is one of the public internet, and whose it is otherwise. After the
 * IANA special-purpose registries (RFC 6890) with ipaddr.js, and what its ranges lack: IPv4 addresses carried inside IPv6.
 */

import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';

export type AddressKind =
  | 'public'
  | 'metadata'
  | 'loopback'
  | 'private'
  | 'link_local'
  | 'multicast'
  | 'unspecified'
  | 'carrier_grade'
  | 'documentation'
  | 'translated'
  | 'reserved';

/**
 * Cloud metadata services: they hand out credentials to whoever asks, so nothing lifts this list. The two /24s hold
 * those of AWS (also ECS tasks and EKS pods), Azure, Google and all that followed them.
 */
const METADATA_RANGES = [
  '169.254.169.0/24',
  '169.254.170.0/24',
  '169.254.0.23/32', // Tencent
  '169.254.42.42/32', // Scaleway
  '100.100.100.200/32', // Alibaba
  '192.0.0.192/32', // Oracle
  '168.63.129.16/32', // the wire server of Azure
  'fd00:ec2::254/128', // AWS
  'fd00:ec2::23/128', // AWS, EKS pods
  'fd00:ec2::253/128', // AWS, resolver
  'fd20:ce::254/128', // Google
  'fd00:c1::a9fe:a9fe/128', // Oracle
  'fd00:42::42/128', // Scaleway
  'fe80::a9fe:a9fe/128', // OpenStack
].map((cidr) => ipaddr.parseCIDR(cidr));

/** Documentation prefixes: RFC 5737, RFC 3849, RFC 9637. ipaddr.js counts them among the reserved. */
const DOCUMENTATION_RANGES = ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'].map(
  (cidr) => ipaddr.parseCIDR(cidr),
);

/** Global unicast (RFC 4291 section 2.4 as IANA assigns it): outside of it nothing in IPv6 is public. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

const KIND_OF_RANGE: Readonly<Record<string, AddressKind>> = {
  unicast: 'public',
  loopback: 'loopback',
  private: 'private',
  uniqueLocal: 'private',
  deprecatedSiteLocal: 'private',
  linkLocal: 'link_local',
  multicast: 'multicast',
  unspecified: 'unspecified',
  carrierGradeNat: 'carrier_grade',
};

/** The kind of a valid address in any spelling of RFC 4291, without a zone. What cannot be read is `reserved`: not public. */
export function addressKind(text: string): AddressKind {
  const address = parseAddress(text);
  if (address === undefined) return 'reserved';
  return address instanceof ipaddr.IPv4 ? kindOfV4(address) : kindOfV6(address);
}

/** The address, an IPv4-mapped one (RFC 4291 section 2.5.5.2) as the IPv4 address that is really dialled. */
export function parseAddress(text: string): IPv4 | IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  const hex = withoutDots(text);
  return hex.includes('%') || !ipaddr.IPv6.isValid(hex) ? undefined : ipaddr.process(hex);
}

/** ipaddr.js 2.5 reads `::8.8.8.8` as `::ffff:8.8.8.8`, which is another address; a tail in hexadecimal it reads right. */
function withoutDots(text: string): string {
  const [, head, tail] = /^(.*:)([\d.]+\.\d+)$/.exec(text) ?? [];
  if (head === undefined || tail === undefined || !ipaddr.IPv4.isValidFourPartDecimal(tail)) return text;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).octets;
  return `${head}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** The range that an address or a CIDR prefix (`10.0.0.0/8`) names, or undefined. */
export function parseRange(text: string): [IPv4 | IPv6, number] | undefined {
  const [, host = '', digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const base = parseAddress(host);
  if (base === undefined) return undefined;
  const maxBits = base instanceof ipaddr.IPv4 ? 32 : 128;
  const bits = digits === undefined ? maxBits : Number(digits);
  return bits <= maxBits ? [base, bits] : undefined;
}

export function isInRange(address: IPv4 | IPv6, range: readonly [IPv4 | IPv6, number]): boolean {
  const [base, bits] = range;
  if (address instanceof ipaddr.IPv4) return base instanceof ipaddr.IPv4 && address.match(base, bits);
  return base instanceof ipaddr.IPv6 && address.match(base, bits);
}

function kindOfV4(address: IPv4): AddressKind {
  if (METADATA_RANGES.some((range) => isInRange(address, range))) return 'metadata';
  if (DOCUMENTATION_RANGES.some((range) => isInRange(address, range))) return 'documentation';
  return KIND_OF_RANGE[address.range()] ?? 'reserved';
}

function kindOfV6(address: IPv6): AddressKind {
  if (METADATA_RANGES.some((range) => isInRange(address, range))) return 'metadata';
  const carried = carriedV4(address).map(kindOfV4);
  if (carried.includes('metadata')) return 'metadata';
  const range = address.range();
  // With DNS64 every IPv4-only host gets an address in 64:ff9b::/96, so what it carries decides (RFC 6052 section 3.1).
  if (address.match(ipaddr.IPv6.parse('64:ff9b::'), 96)) return carried[0] ?? 'reserved';
  if (DOCUMENTATION_RANGES.some((entry) => isInRange(address, entry))) return 'documentation';
  const kind = KIND_OF_RANGE[range] ?? 'reserved';
  if (kind !== 'public' && kind !== 'reserved') return kind;
  // Other carriers are for one's own network (RFC 8215) or given up (RFC 7526): none is a public server's.
  if (carried.length > 0) return carried.find((kind) => kind !== 'public') ?? 'translated';
  return kind === 'public' && !isInRange(address, GLOBAL_UNICAST) ? 'reserved' : kind;
}

/** The IPv4 addresses that an IPv6 address carries, by the form of its prefix. */
function carriedV4(address: IPv6): IPv4[] {
  const p = address.parts;
  const v4 = (high = 0, low = 0): IPv4 => new ipaddr.IPv4([high >> 8, high & 255, low >> 8, low & 255]);
  const last = v4(p[6], p[7]);
  const isIn = (prefix: string, bits: number): boolean => address.match(ipaddr.IPv6.parse(prefix), bits);
  if (isIn('64:ff9b::', 96)) return [last];
  // RFC 6052 section 2.2: under a /48 the address stands around bits 64 to 71; longer prefixes inside it have it last.
  if (isIn('64:ff9b:1::', 48)) {
    const [, , , third = 0, fourth = 0, fifth = 0] = p;
    return [last, v4(third, ((fourth & 255) << 8) | (fifth >> 8))];
  }
  if (isIn('2002::', 16)) return [v4(p[1], p[2])]; // 6to4, RFC 3056 section 2
  if (isIn('2001::', 32)) return [v4(p[2], p[3]), v4((p[6] ?? 0) ^ 0xffff, (p[7] ?? 0) ^ 0xffff)]; // Teredo, RFC 4380 section 4
  if (isIn('::', 96) || isIn('::ffff:0:0:0', 96)) return [last]; // IPv4-compatible and IPv4-translated
  const isIsatap = ((p[4] ?? 0) & 0xfdff) === 0 && p[5] === 0x5efe; // RFC 5214 section 6.1
  return isIsatap ? [last] : [];
}
