/** Explains PEM (RFC 7468) and what lies in it, and bare DER. Of many blocks the first is explained and all are looked through for private keys. */

import { fromAnyBase64 } from '../bytes.js';
import { inspectAge } from './age.js';
import { readElement } from './der.js';
import { inspectOpenSshPrivateKey } from './key-lines.js';
import {
  EXPOSED,
  EXPOSED_LOCKED,
  inspectDerKey,
  inspectPrivateKey,
  inspectPublicKey,
  tryPrivateKey,
  tryPublicKey,
} from './keys.js';
import { inspectPkcs12 } from './pkcs12.js';
import { finding, type Finding, type Inspection } from './report.js';
import { inspectCertificate, inspectRequest } from './x509.js';

interface PemBlock {
  label: string;
  body: string;
  /** Both marker lines included. */
  whole: string;
}

const BEGIN = '-----BEGIN ';
const DASHES = '-----';
const MAX_LABEL = 40;
const CERTIFICATE_LABELS = ['CERTIFICATE', 'TRUSTED CERTIFICATE', 'X509 CERTIFICATE'];
/** What `openssl ecparam -genkey` and `openssl dsaparam -genkey` write before the key. */
const PARAMETER_LABELS = ['EC PARAMETERS', 'DSA PARAMETERS', 'DH PARAMETERS'];

/** The PEM blocks of a text (RFC 7468 section 2), up to the first that has no end. Looks at each character once. */
function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (let begin = text.indexOf(BEGIN); begin !== -1;) {
    const labelStart = begin + BEGIN.length;
    const labelEnd = text.slice(labelStart, labelStart + MAX_LABEL + DASHES.length).indexOf(DASHES) + labelStart;
    const label = text.slice(labelStart, labelEnd);
    if (labelEnd < labelStart || !/^[A-Z0-9 ]+$/.test(label)) break;
    const marker = `-----END ${label}-----`;
    const end = text.indexOf(marker, labelEnd);
    if (end === -1) break;
    const next = end + marker.length;
    blocks.push({ label, body: text.slice(labelEnd + DASHES.length, end), whole: text.slice(begin, next) });
    begin = text.indexOf(BEGIN, next);
  }
  return blocks;
}

export async function inspectPem(text: string, now: Date): Promise<Inspection> {
  // In JSON and in .env files the lines of a key are joined by \n, written out.
  const lines = text.includes('-----\\n') ? text.replaceAll('\\r', '').replaceAll('\\n', '\n') : text;
  const blocks = pemBlocks(lines);
  const first = blocks.find(({ label }) => !PARAMETER_LABELS.includes(label)) ?? blocks[0];
  const others = blocks.filter((block) => block !== first);
  const inspection = first === undefined ? brokenPem() : await inspectBlock(first, others, now);
  const exposed = exposedKeys(lines, blocks);
  if (exposed !== null && inspection.kind !== 'private_key') inspection.findings.push(exposed);
  if (exposed === EXPOSED) inspection.findings = inspection.findings.filter((entry) => entry !== EXPOSED_LOCKED);
  if (exposed === EXPOSED && !inspection.findings.includes(EXPOSED)) inspection.findings.push(EXPOSED);
  if (others.length > 0) inspection.details['other_blocks'] = countLabels(others);
  return inspection;
}

function brokenPem(): Inspection {
  const broken = finding(
    'low',
    'broken_pem',
    'The block has no matching end.',
    'Give the whole text, both marker lines included.',
  );
  return {
    kind: 'unknown',
    summary: 'A PEM text that is cut off or whose end does not match its beginning.',
    details: {},
    findings: [broken],
  };
}

/** Whether any block is a private key, the worst of them counting; also one that is cut off is one that was shown. */
function exposedKeys(text: string, blocks: readonly PemBlock[]): Finding | null {
  const keys = blocks.filter(({ label }) => label.includes('PRIVATE KEY'));
  const begun = [...text.matchAll(/-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY/g)].length;
  if (keys.some((block) => !isLocked(block)) || begun > keys.length) return EXPOSED;
  return keys.length > 0 ? EXPOSED_LOCKED : null;
}

function isLocked({ label, body }: PemBlock): boolean {
  if (label.startsWith('OPENSSH'))
    return inspectOpenSshPrivateKey(bodyBytes(body), label).details['encrypted'] === true;
  return label.startsWith('ENCRYPTED') || body.slice(0, 400).includes('Proc-Type: 4,ENCRYPTED');
}

/** The labels of blocks with their counts, the first 8 labels. */
function countLabels(blocks: readonly PemBlock[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { label } of blocks) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Object.fromEntries([...counts].slice(0, 8));
}

/** The bytes of a body without its header lines (RFC 1421 section 4.6), or null where they are not base64. */
function bodyBytes(body: string): Uint8Array | null {
  return fromAnyBase64(body.replaceAll(/^[A-Za-z-]+:.*$/gm, ''));
}

async function inspectBlock(block: PemBlock, others: readonly PemBlock[], now: Date): Promise<Inspection> {
  const { label, body, whole } = block;
  if (label.startsWith('PGP ') && !label.includes('PRIVATE KEY')) {
    return {
      kind: 'openpgp',
      summary: `An OpenPGP block (${label}); what is in it is not explained here.`,
      details: { label },
      findings: [],
    };
  }
  const bytes = bodyBytes(body);
  if (label.includes('PRIVATE KEY')) {
    if (label.startsWith('OPENSSH')) return inspectOpenSshPrivateKey(bytes, label);
    const opaque = bytes === null || isLocked(block) || label.startsWith('PGP');
    return inspectPrivateKey(opaque ? null : tryPrivateKey(whole, bytes), label, isLocked(block));
  }
  const found = bytes === null ? null : await inspectLabelled(label, whole, bytes, others, now);
  return found ?? unreadable(label, bytes);
}

function unreadable(label: string, bytes: Uint8Array | null): Inspection {
  const known = CERTIFICATE_LABELS.includes(label) || /(?:REQUEST|PUBLIC KEY|AGE ENCRYPTED FILE|PKCS12)$/.test(label);
  const findings =
    bytes === null
      ? [finding('low', 'broken_pem', 'Its body is not base64.', 'Give the text as it was issued.')]
      : known
        ? [
            finding(
              'medium',
              'unreadable',
              'What is in it is not what its label says, or is too large.',
              'Give the text as it was issued.',
            ),
          ]
        : [];
  return {
    kind: 'pem',
    summary: `A PEM block "${label}" ${known || bytes === null ? 'that cannot be read' : 'of a kind not explained here'}.`,
    details: { label, bytes: bytes?.length ?? 0 },
    findings,
  };
}

async function inspectLabelled(
  label: string,
  whole: string,
  bytes: Uint8Array,
  others: readonly PemBlock[],
  now: Date,
): Promise<Inspection | null> {
  if (CERTIFICATE_LABELS.includes(label)) {
    const further = others.filter((other) => CERTIFICATE_LABELS.includes(other.label)).length;
    // OpenSSL's own label: its trust settings follow the certificate.
    if (label === 'TRUSTED CERTIFICATE') return inspectCertificate(readElement(bytes)?.whole ?? bytes, now, further);
    return withTrailing(bytes, (der) => inspectCertificate(der, now, further));
  }
  if (label.endsWith('CERTIFICATE REQUEST')) return withTrailing(bytes, inspectRequest);
  if (label === 'AGE ENCRYPTED FILE') return inspectAge(Buffer.from(bytes).toString('latin1'), 'armor');
  if (label === 'PKCS12') return inspectPkcs12(bytes);
  if (!label.endsWith('PUBLIC KEY')) return null;
  const key = tryPublicKey(whole);
  return withTrailing(bytes, () => Promise.resolve(key === null ? null : inspectPublicKey(key)));
}

/** Explains bare DER, or gives null where it is nothing known. */
export function inspectDer(bytes: Uint8Array, now: Date): Promise<Inspection | null> {
  return withTrailing(
    bytes,
    async (der) =>
      (await inspectCertificate(der, now)) ??
      inspectDerKey(der) ??
      (await inspectPkcs12(der)) ??
      (await inspectRequest(der)),
  );
}

/** Inspects the first element alone, and says so where more follows it: Node and others read over that in silence. */
async function withTrailing(
  bytes: Uint8Array,
  inspect: (der: Uint8Array) => Promise<Inspection | null>,
): Promise<Inspection | null> {
  const der = readElement(bytes)?.whole ?? bytes;
  const inspection = await inspect(der);
  const trailing = bytes.length - der.length;
  if (trailing > 0)
    inspection?.findings.push(
      finding(
        'medium',
        'trailing_data',
        `${trailing} bytes follow the end of the structure; they are part of no signature.`,
        'Use the structure without them, and find out who added them.',
      ),
    );
  return inspection;
}
