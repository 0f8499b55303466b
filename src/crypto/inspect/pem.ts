/**
 * Explains PEM (RFC 7468) and what lies in it, and bare DER. Of many blocks the first is explained, certificates are listed,
 * and all are looked through for private keys.
 */

import { firstElement } from '../certificate/der.js';
import { pemBlocks, pemBytes, type PemBlock } from '../pem.js';
import { inspectAge } from './age.js';
import { describeBundle } from './bundle.js';
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
import { inspectPkcs7 } from './pkcs7.js';
import { finding, type Finding, type Inspection } from './report.js';
import { inspectRequest } from './request.js';
import { inspectCrl, inspectOcspResponse } from './revocation.js';
import { inspectCertificate, inspectLooseCertificate } from './x509.js';

type Reader = (der: Uint8Array, now: Date) => Inspection | null;

const CERTIFICATE = /^(?:TRUSTED |X509 )?CERTIFICATE$/;
/** Labels of RFC 7468, OpenSSL and age, and who reads what they stand for. */
const READERS: readonly (readonly [label: RegExp, read: Reader])[] = [
  [CERTIFICATE, (der, now) => inspectCertificate(der, now) ?? inspectLooseCertificate(der)],
  [/^(?:NEW )?CERTIFICATE REQUEST$/, inspectRequest],
  [/^X509 CRL$/, inspectCrl],
  [/^(?:PKCS7|PKCS #7 SIGNED DATA|CMS)$/, inspectPkcs7],
  [/^PKCS12$/, inspectPkcs12],
  [/^OCSP RESPONSE$/, inspectOcspResponse],
  [/^AGE ENCRYPTED FILE$/, (bytes) => inspectAge(Buffer.from(bytes).toString('latin1'), 'armor')],
];
/** What `openssl ecparam -genkey` and `openssl dsaparam -genkey` write before the key. */
const PARAMETER_LABELS = ['EC PARAMETERS', 'DSA PARAMETERS', 'DH PARAMETERS'];

export function inspectPem(text: string, now: Date): Inspection {
  // In JSON and in .env files the lines of a key are joined by \n, written out.
  const lines = text.includes('-----\\n') ? text.replaceAll('\\r', '').replaceAll('\\n', '\n') : text;
  const blocks = pemBlocks(lines);
  const first = blocks.find(({ label }) => !PARAMETER_LABELS.includes(label)) ?? blocks[0];
  const others = blocks.filter((block) => block !== first);
  const inspection = first === undefined ? brokenPem() : inspectBlock(first, now);
  const exposed = exposedKeys(lines, blocks);
  if (exposed !== null && inspection.kind !== 'private_key') inspection.findings.push(exposed);
  if (exposed === EXPOSED) inspection.findings = inspection.findings.filter((entry) => entry !== EXPOSED_LOCKED);
  if (exposed === EXPOSED && !inspection.findings.includes(EXPOSED)) inspection.findings.push(EXPOSED);
  if (others.length > 0) inspection.details['other_blocks'] = countLabels(others);
  if (blocks.length > 0 && lines.includes('-----BEGIN ', blocks.at(-1)?.end)) inspection.findings.push(CUT_OFF);
  addBundle(inspection, blocks, now);
  return inspection;
}

const CUT_OFF = finding(
  'low',
  'broken_pem',
  'Something follows the last block that was read: a block without a matching end, or one too many.',
  'Give the whole text, the last marker line included.',
);

/** What the certificates of a text are together, where there are several. */
function addBundle(inspection: Inspection, blocks: readonly PemBlock[], now: Date): void {
  const certificates = blocks.filter(({ label }) => CERTIFICATE.test(label));
  if (certificates.length < 2) return;
  const ders = certificates.map(({ label, body }) => {
    const der = pemBytes(body);
    return der !== null && label.startsWith('TRUSTED') ? firstElement(der) : der;
  });
  const bundle = describeBundle(ders, now, true);
  inspection.findings.push(...bundle.findings);
  if (inspection.kind === 'certificate') inspection.details['further_certificates'] = certificates.length - 1;
  inspection.details['certificates'] = bundle.certificates;
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
  if (label.startsWith('OPENSSH')) return inspectOpenSshPrivateKey(pemBytes(body), label).details['encrypted'] === true;
  return label.startsWith('ENCRYPTED') || body.slice(0, 400).includes('Proc-Type: 4,ENCRYPTED');
}

/** The labels of blocks with their counts, the first 8 labels. */
function countLabels(blocks: readonly PemBlock[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { label } of blocks) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Object.fromEntries([...counts].slice(0, 8));
}

function inspectBlock(block: PemBlock, now: Date): Inspection {
  const { label, body, whole } = block;
  if (label.startsWith('PGP ') && !label.includes('PRIVATE KEY')) {
    return {
      kind: 'openpgp',
      summary: `An OpenPGP block (${label}); what is in it is not explained here.`,
      details: { label },
      findings: [],
    };
  }
  const bytes = pemBytes(body);
  if (label.includes('PRIVATE KEY')) {
    if (label.startsWith('OPENSSH')) return inspectOpenSshPrivateKey(bytes, label);
    const opaque = bytes === null || isLocked(block) || label.startsWith('PGP');
    return inspectPrivateKey(opaque ? null : tryPrivateKey(whole, bytes), label, isLocked(block));
  }
  const read = label.endsWith('PUBLIC KEY')
    ? () => publicKeyOf(whole)
    : READERS.find(([pattern]) => pattern.test(label))?.[1];
  if (bytes === null || read === undefined) return unexplained(label, bytes, false);
  // OpenSSL's own label: its trust settings follow the certificate.
  const found =
    label === 'TRUSTED CERTIFICATE' ? read(firstElement(bytes), now) : withTrailing(bytes, (der) => read(der, now));
  return found ?? unexplained(label, bytes, true);
}

function publicKeyOf(pem: string): Inspection | null {
  const key = tryPublicKey(pem);
  return key === null ? null : inspectPublicKey(key);
}

/** `known`: its label is, and what is in it is something else. */
function unexplained(label: string, bytes: Uint8Array | null, known: boolean): Inspection {
  const findings: Finding[] = [];
  if (bytes === null)
    findings.push(finding('low', 'broken_pem', 'Its body is not base64.', 'Give the text as it was issued.'));
  if (known)
    findings.push(
      finding(
        'medium',
        'unreadable',
        'What is in it is not what its label says, or is too large.',
        'Give the text as it was issued.',
      ),
    );
  return {
    kind: 'pem',
    summary: `A PEM block "${label}" ${known || bytes === null ? 'that cannot be read' : 'of a kind not explained here'}.`,
    details: { label, bytes: bytes?.length ?? 0 },
    findings,
  };
}

/** Explains bare DER, or gives null where it is nothing known. */
export function inspectDer(bytes: Uint8Array, now: Date): Inspection | null {
  return withTrailing(
    bytes,
    (der) =>
      inspectCertificate(der, now) ??
      inspectRequest(der) ??
      inspectCrl(der, now) ??
      inspectPkcs7(der, now) ??
      inspectOcspResponse(der, now) ??
      inspectPkcs12(der) ??
      inspectDerKey(der) ??
      inspectLooseCertificate(der),
  );
}

/** Inspects the first element alone, and says so where more follows it: Node and others read over that in silence. */
function withTrailing(bytes: Uint8Array, inspect: (der: Uint8Array) => Inspection | null): Inspection | null {
  const der = firstElement(bytes);
  const inspection = inspect(der);
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
