/** Trust anchors: Node's bundled roots (Mozilla's programme), and further ones that the operator's environment names. */

import { rootCertificates } from 'node:tls';

import { readBundle } from '../crypto/certificate/bundle.js';
import type { Certificate } from '../crypto/certificate/parse.js';
import type { TrustAnchors } from '../crypto/certificate/path.js';

/** More than any system's store holds. */
const MAX_ANCHORS = 1_000;

export interface AnchorSet extends TrustAnchors {
  /** The same anchors for OpenSSL. One array for life: the context made of it is kept. */
  pem: readonly string[];
}

/** The anchors of PEM texts that the operator added to the public ones (`SSL_CERT_FILE`, `NODE_EXTRA_CA_CERTS`). */
export function systemAnchors(extraPem: readonly string[]): AnchorSet {
  const bundled = anchorsIn(rootCertificates.join('\n'));
  const known = new Set(bundled.map(bytesOf));
  const added = extraPem.flatMap(anchorsIn).filter((anchor) => !known.has(bytesOf(anchor)));
  return {
    certificates: [...bundled, ...added],
    isPublic: (anchor) => known.has(bytesOf(anchor)),
    pem: [...rootCertificates, ...added.map(pemOf)],
  };
}

/** Given anchors in place of the system's; the public rules do not bind them. */
export function givenAnchors(certificates: readonly Certificate[]): AnchorSet {
  return { certificates, isPublic: () => false, pem: certificates.map(pemOf) };
}

function anchorsIn(pem: string): Certificate[] {
  return readBundle(Buffer.from(pem), MAX_ANCHORS)?.certificates ?? [];
}

function bytesOf(certificate: Certificate): string {
  return Buffer.from(certificate.der).toString('latin1');
}

function pemOf({ der }: Certificate): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
}
