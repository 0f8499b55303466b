/** Explains PKCS#12 files (RFC 7292) without their password: how the content is encrypted and how it is authenticated. */

import { finding, type Finding, type Inspection } from './report.js';

type Asn1 = import('node-forge').asn1.Asn1;

/** The parser makes an object of every element, so size is time. */
const MAX_BYTES = 262_144;
const MAX_NODES = 2_000;
const DATA_OID = '1.2.840.113549.1.7.1';

const ENCRYPTIONS: Readonly<Record<string, readonly [name: string, weak: boolean]>> = {
  '1.2.840.113549.1.12.1.3': ['PBE with SHA-1 and 3-key triple DES', true],
  '1.2.840.113549.1.12.1.5': ['PBE with SHA-1 and 128-bit RC2', true],
  '1.2.840.113549.1.12.1.6': ['PBE with SHA-1 and 40-bit RC2', true],
  '1.2.840.113549.1.5.13': ['PBES2', false],
};
const MAC_DIGESTS: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'SHA-1',
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
};

/** A PKCS#12 file in DER or BER, or null where the bytes are none. */
export async function inspectPkcs12(bytes: Uint8Array): Promise<Inspection | null> {
  if (bytes.length > MAX_BYTES || bytes[0] !== 0x30) return null;
  const { default: forge } = await import('node-forge');
  const { asn1, util } = forge;
  const read = (text: string): Asn1 => asn1.fromDer(util.createBuffer(text), false);
  try {
    const [version, authSafe, macData] = childrenOf(read(Buffer.from(bytes).toString('latin1')));
    const [contentType, content] = childrenOf(authSafe);
    if (typeof version?.value !== 'string' || version.value !== '\x03' || typeof contentType?.value !== 'string')
      return null;
    if (asn1.derToOid(contentType.value) !== DATA_OID) return null;
    const oids = new Set<string>();
    collectOids(read(octets(childrenOf(content)[0])), asn1, oids, { left: MAX_NODES });
    const encryptions = Object.entries(ENCRYPTIONS).filter(([oid]) => oids.has(oid));
    const mac = macData === undefined ? null : readMac(macData, asn1);
    const findings = encryptions
      .filter(([, [, weak]]) => weak)
      .map(([, [name]]) =>
        finding(
          'high',
          'weak_encryption',
          `It is encrypted with ${name}.`,
          'Export it anew with AES-256 (openssl pkcs12 -export without -legacy).',
        ),
      );
    findings.push(...macFindings(mac));
    return {
      kind: 'pkcs12',
      summary: `A PKCS#12 file (${encryptions.map(([, [name]]) => name).join(', ') || 'not encrypted'}); it was not opened.`,
      details: { encryption: encryptions.map(([, [name]]) => name), mac: mac ?? 'none', bytes: bytes.length },
      findings,
    };
  } catch {
    return null;
  }
}

interface Mac {
  digest: string;
  iterations: number;
}

function readMac(macData: Asn1, asn1: typeof import('node-forge').asn1): Mac {
  const [digestInfo, , iterations] = childrenOf(macData);
  const oid = childrenOf(childrenOf(digestInfo)[0])[0]?.value;
  const name = typeof oid === 'string' ? asn1.derToOid(oid) : '';
  const count =
    typeof iterations?.value === 'string'
      ? Number.parseInt(Buffer.from(iterations.value, 'latin1').toString('hex'), 16)
      : 1;
  return { digest: MAC_DIGESTS[name] ?? 'other', iterations: count };
}

function macFindings(mac: Mac | null): Finding[] {
  if (mac === null)
    return [finding('medium', 'no_mac', 'Nothing authenticates the file as a whole.', 'Export it anew with a MAC.')];
  const findings: Finding[] = [];
  if (mac.digest === 'SHA-1')
    findings.push(
      finding(
        'low',
        'legacy_mac',
        'Its MAC is HMAC-SHA-1 under the old key derivation.',
        'Export it anew with SHA-256.',
      ),
    );
  if (mac.iterations < 10_000)
    findings.push(
      finding(
        'medium',
        'weak_derivation',
        `Its password is tested with ${mac.iterations} iterations: guessing is cheap.`,
        'Use a long random password and a current tool.',
      ),
    );
  return findings;
}

function childrenOf(node: Asn1 | undefined): Asn1[] {
  if (node === undefined || !Array.isArray(node.value)) throw new TypeError('not constructed');
  return node.value;
}

/** The content of an OCTET STRING, also where BER has cut it into pieces. */
function octets(node: Asn1 | undefined): string {
  if (node === undefined) throw new TypeError('no content');
  return Array.isArray(node.value) ? node.value.map(octets).join('') : node.value;
}

function collectOids(
  node: Asn1,
  asn1: typeof import('node-forge').asn1,
  into: Set<string>,
  budget: { left: number },
): void {
  const pending: Asn1[] = [node];
  for (let next = pending.pop(); next !== undefined && budget.left > 0; next = pending.pop()) {
    budget.left--;
    if (Array.isArray(next.value)) pending.push(...next.value);
    else if (next.type === asn1.Type.OID) into.add(asn1.derToOid(next.value));
  }
}
