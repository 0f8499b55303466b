/** Certificates as people have them: PEM in any order, DER, and the certificates of a PKCS#7 message (RFC 2315, RFC 5652). */

import { fromAnyBase64, fromUtf8 } from '../bytes.js';
import { pemBlocks, pemBytes } from '../pem.js';
import { firstElement, TAG } from './der.js';
import { parseCertificate, type Certificate } from './parse.js';
import { PATH_LIMITS } from './path.js';
import { readPkcs7 } from './pkcs7.js';

export const BUNDLE_MAX_BYTES = 4 * 1_048_576;
const MAX_BLOCKS = 2_000;
/** Of all certificates together: read, they take up to twenty times as much memory. */
const MAX_TOTAL_BYTES = 2 * 1_048_576;
/** After the last block: one that was cut off, or one too many. */
const UNFINISHED = /-----BEGIN (?:(?:TRUSTED |X509 )?CERTIFICATE|X509 CRL|PKCS7|CMS)-----/;

export interface Bundle {
  /** As they came, without repetition. */
  certificates: Certificate[];
  /** CRLs that stood among them, DER. */
  crls: Uint8Array[];
  /** Blocks of a certificate's kind that could not be read. */
  unreadable: number;
  /** Certificates past the limits, which were left out. */
  leftOut: number;
  /** A private key stood among them. */
  privateKey: boolean;
}

/** Reads PEM text, one DER certificate or a PKCS#7 message in DER, or gives null where the bytes are none of these. */
export function readBundle(bytes: Uint8Array, maxCertificates: number = PATH_LIMITS.given + 1): Bundle | null {
  if (bytes.length > BUNDLE_MAX_BYTES) return null;
  const collector = new Collector(maxCertificates);
  // The octet of a SEQUENCE is also the digit 0, with which a text may begin.
  if (bytes[0] === TAG.sequence && collector.takeDer(bytes)) return collector.bundle;
  const text = fromUtf8(bytes);
  if (text === null) return null;
  const blocks = pemBlocks(text, MAX_BLOCKS);
  for (const { label, body } of blocks) collector.takeBlock(label, body);
  if (blocks.length > 0) {
    if (UNFINISHED.test(text.slice(blocks.at(-1)?.end))) collector.bundle.unreadable++;
    return collector.bundle;
  }
  // Bare base64 of DER, as a certificate is copied out of a configuration file.
  const der = /^[A-Za-z0-9+/=\s]{64,}$/.test(text) ? fromAnyBase64(text) : null;
  return der !== null && collector.takeDer(der) ? collector.bundle : null;
}

class Collector {
  readonly bundle: Bundle = { certificates: [], crls: [], unreadable: 0, leftOut: 0, privateKey: false };
  readonly #seen = new Set<string>();
  readonly #max: number;
  #bytesLeft = MAX_TOTAL_BYTES;

  constructor(maxCertificates: number) {
    this.#max = maxCertificates;
  }

  takeBlock(label: string, body: string): void {
    if (label.endsWith('PRIVATE KEY')) {
      this.bundle.privateKey = true;
      return;
    }
    const isCertificate = /^(?:TRUSTED |X509 )?CERTIFICATE$/.test(label);
    if (!isCertificate && label !== 'PKCS7' && label !== 'CMS' && label !== 'X509 CRL') return;
    const der = pemBytes(body);
    if (der === null) this.bundle.unreadable++;
    else if (label === 'X509 CRL') this.bundle.crls.push(der);
    // OpenSSL's own label: its trust settings follow the certificate.
    else if (label === 'TRUSTED CERTIFICATE') this.#takeCertificate(firstElement(der));
    else if (!this.takeDer(der)) this.bundle.unreadable++;
  }

  /** A certificate or a PKCS#7 message; false where it is neither. */
  takeDer(der: Uint8Array): boolean {
    const message = readPkcs7(der);
    if (message?.content !== 'signedData') return this.#takeCertificate(der);
    for (const certificate of message.certificates) if (!this.#takeCertificate(certificate)) this.bundle.unreadable++;
    this.bundle.crls.push(...message.crls);
    return true;
  }

  #takeCertificate(der: Uint8Array): boolean {
    const key = Buffer.from(der).toString('latin1');
    if (this.#seen.has(key)) return true;
    if (this.bundle.certificates.length >= this.#max || der.length > this.#bytesLeft) {
      this.bundle.leftOut++;
      return true;
    }
    const certificate = parseCertificate(der);
    if (certificate === null) return false;
    this.#seen.add(key);
    this.#bytesLeft -= der.length;
    this.bundle.certificates.push(certificate);
    return true;
  }
}

/**
 * Which certificate of an unordered set is the one to judge: the first that issued none of the others and is no CA, else
 * the first that issued none, else the first.
 */
export function pickLeaf(certificates: readonly Certificate[]): Certificate | null {
  const issuers = new Set(
    certificates
      .filter((entry) => entry.issuer.canonical.join('\n') !== entry.subject.canonical.join('\n'))
      .map((entry) => entry.issuer.canonical.join('\n')),
  );
  const ends = certificates.filter((entry) => !issuers.has(entry.subject.canonical.join('\n')));
  return ends.find((entry) => entry.basicConstraints?.ca !== true) ?? ends[0] ?? certificates[0] ?? null;
}
