/** Explains PKCS#12 files (RFC 7292) without their password: what of them is encrypted how, and how they are authenticated. */

import { readElement } from './der.js';
import { EXPOSED } from './keys.js';
import { finding, type Finding, type Inspection } from './report.js';

type Asn1 = import('node-forge').asn1.Asn1;

/** The parser makes an object of every element, so size is time. */
const MAX_BYTES = 262_144;
const MAX_NODES = 2_000;
const MAX_CONTENTS = 32;
const DATA_OID = '1.2.840.113549.1.7.1';
const PBES2_OID = '1.2.840.113549.1.5.13';
const TRIPLE_DES_OID = '1.2.840.113549.3.7';
const PBKDF2_OID = '1.2.840.113549.1.5.12';
/** A private key in the open (RFC 7292 section 4.2.1). */
const KEY_BAG_OID = '1.2.840.113549.1.12.10.1.1';
const CERT_BAG_OID = '1.2.840.113549.1.12.10.1.3';

const ENCRYPTIONS: Readonly<Record<string, readonly [name: string, weak: boolean]>> = {
  '1.2.840.113549.1.12.1.1': ['PBE with SHA-1 and 128-bit RC4', true],
  '1.2.840.113549.1.12.1.2': ['PBE with SHA-1 and 40-bit RC4', true],
  '1.2.840.113549.1.12.1.3': ['PBE with SHA-1 and 3-key triple DES', true],
  '1.2.840.113549.1.12.1.4': ['PBE with SHA-1 and 2-key triple DES', true],
  '1.2.840.113549.1.12.1.5': ['PBE with SHA-1 and 128-bit RC2', true],
  '1.2.840.113549.1.12.1.6': ['PBE with SHA-1 and 40-bit RC2', true],
  [PBES2_OID]: ['PBES2', false],
};
/** The ciphers that PBES2 names in its parameters. */
const CIPHERS: Readonly<Record<string, string>> = {
  [TRIPLE_DES_OID]: 'triple DES',
  '2.16.840.1.101.3.4.1.2': 'AES-128-CBC',
  '2.16.840.1.101.3.4.1.22': 'AES-192-CBC',
  '2.16.840.1.101.3.4.1.42': 'AES-256-CBC',
};
const MAC_DIGESTS: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'SHA-1',
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
  '1.2.840.113549.1.5.14': 'PBMAC1',
};
const MAX_SOUND_ITERATIONS = 10_000_000;
const LEAST_ITERATIONS = 10_000;

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
    const safe = readSafe(read(octets(childrenOf(content)[0])), read, asn1);
    const mac = macData === undefined ? null : readMac(macData, asn1);
    // RFC 9579: the count that matters stands in the parameters of PBMAC1, and this one means nothing.
    const cutOff = isCutOff(bytes);
    const macCounts = mac === null || cutOff || mac.digest === 'PBMAC1' ? [] : [mac.iterations];
    const encryption = [...safe.oids].flatMap((oid) => ENCRYPTIONS[oid]?.[0] ?? []);
    const ciphers = [...safe.oids].flatMap((oid) => CIPHERS[oid] ?? []);
    const told = [...encryption, ...ciphers].join(', ');
    return {
      kind: 'pkcs12',
      summary: `A PKCS#12 file (${told || 'not encrypted'}); it was not opened.`,
      details: {
        encryption,
        ciphers,
        ...(safe.iterations.length > 0 ? { iterations: safe.iterations.slice(0, 8) } : {}),
        mac: mac ?? 'none',
        bytes: bytes.length,
      },
      findings: [
        ...encryptionFindings(safe),
        ...derivationFindings([...safe.iterations, ...macCounts]),
        ...(cutOff ? [CUT_OFF] : macFindings(mac)),
      ],
    };
  } catch {
    return null;
  }
}

const CUT_OFF = finding(
  'medium',
  'cut_off',
  'The file ends before its end: a part is missing.',
  'Give the whole file.',
);

/** The parser reads over a missing end; a length that is indefinite (BER) says nothing about it. */
function isCutOff(bytes: Uint8Array): boolean {
  return bytes[1] !== 0x80 && readElement(bytes) === null;
}

interface Safe {
  oids: Set<string>;
  /** Of the key derivations that stand in the open. */
  iterations: number[];
}

/** Walks an AuthenticatedSafe and the bags in it that are not encrypted, over at most MAX_NODES elements. */
function readSafe(authenticatedSafe: Asn1, read: (text: string) => Asn1, asn1: typeof import('node-forge').asn1): Safe {
  const safe: Safe = { oids: new Set(), iterations: [] };
  const pending: Asn1[] = [authenticatedSafe];
  let left = MAX_NODES;
  let contents = MAX_CONTENTS;
  for (let next = pending.pop(); next !== undefined && left > 0; next = pending.pop()) {
    left--;
    if (!Array.isArray(next.value)) continue;
    const [first, second] = next.value;
    const oid = first?.type === asn1.Type.OID && typeof first.value === 'string' ? asn1.derToOid(first.value) : '';
    if (oid !== '') safe.oids.add(oid);
    // ContentInfo of type data: the bags lie in its OCTET STRING. (In EncryptedContentInfo an algorithm follows the type.)
    const explicit = second?.tagClass === asn1.Class.CONTEXT_SPECIFIC;
    if (oid === DATA_OID && explicit && Array.isArray(second.value)) {
      if (contents-- > 0) pending.push(read(octets(second.value[0])));
    } else pending.push(...next.value.slice(0, left));
    const derivation = oid === PBKDF2_OID || (ENCRYPTIONS[oid] !== undefined && oid !== PBES2_OID);
    // PBKDF2-params and pkcs-12PbeParams both are a salt and a count.
    const count = derivation && Array.isArray(second?.value) ? second.value[1] : undefined;
    if (typeof count?.value === 'string') safe.iterations.push(integer(count.value));
  }
  return safe;
}

/** A count as a number; what is over any sense is told as the largest that is exact. */
function integer(octetsText: string): number {
  const digits = Buffer.from(octetsText.slice(0, 16), 'latin1').toString('hex');
  return octetsText.length > 7 ? Number.MAX_SAFE_INTEGER : Number.parseInt(digits || '0', 16);
}

interface Mac {
  digest: string;
  iterations: number;
}

function readMac(macData: Asn1, asn1: typeof import('node-forge').asn1): Mac {
  const [digestInfo, , iterations] = childrenOf(macData);
  const oid = childrenOf(childrenOf(digestInfo)[0])[0]?.value;
  const name = typeof oid === 'string' ? asn1.derToOid(oid) : '';
  return {
    digest: MAC_DIGESTS[name] ?? 'other',
    // DEFAULT 1 (RFC 7292 section 4).
    iterations: typeof iterations?.value === 'string' ? integer(iterations.value) : 1,
  };
}

function weakEncryption(name: string): Finding {
  return finding(
    'high',
    'weak_encryption',
    `Part of it is encrypted with ${name}.`,
    'Export it anew with AES-256 (openssl pkcs12 -export without -legacy).',
  );
}

function encryptionFindings({ oids }: Safe): Finding[] {
  const findings: Finding[] = [];
  for (const [oid, [name, weak]] of Object.entries(ENCRYPTIONS))
    if (weak && oids.has(oid)) findings.push(weakEncryption(name));
  if (oids.has(TRIPLE_DES_OID)) findings.push(weakEncryption('triple DES'));
  if (oids.has(KEY_BAG_OID)) findings.push(EXPOSED);
  else if (oids.has(CERT_BAG_OID))
    findings.push(finding('info', 'certificates_in_the_open', 'Its certificates are not encrypted; they are public.'));
  return findings;
}

const EXCESSIVE = finding(
  'high',
  'excessive_iterations',
  'It asks for more iterations than any honest file: opening it would take minutes to years.',
  'Do not open it: such counts are used to exhaust a reader.',
);

/** What the counts of iterations say, those of the encryption and that of the MAC together: the least is what guessing meets. */
function derivationFindings(counts: readonly number[]): Finding[] {
  const findings: Finding[] = [];
  if (counts.some((count) => count > MAX_SOUND_ITERATIONS)) findings.push(EXCESSIVE);
  const least = Math.min(...counts);
  if (least < LEAST_ITERATIONS)
    findings.push(
      finding(
        'medium',
        'weak_derivation',
        `A key is derived from the password with ${least} iteration${least === 1 ? '' : 's'}: guessing the password is cheap.`,
        'Use a long random password, or export it anew with more (openssl pkcs12 -export -iter 600000).',
      ),
    );
  return findings;
}

function macFindings(mac: Mac | null): Finding[] {
  if (mac === null)
    return [finding('medium', 'no_mac', 'Nothing authenticates the file as a whole.', 'Export it anew with a MAC.')];
  return mac.digest === 'SHA-1'
    ? [
        finding(
          'low',
          'legacy_mac',
          'Its MAC is HMAC-SHA-1 under the old key derivation.',
          'Export it anew with SHA-256.',
        ),
      ]
    : [];
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
