/** Explains X.509 certificates (RFC 5280) and certification requests (RFC 2986). It reads them; it does not judge trust. */

import { createPublicKey, X509Certificate } from 'node:crypto';

import type * as Asn1X509 from '@peculiar/asn1-x509';

import { hex } from '../bytes.js';
import { escapeUntrusted, rfc3339 } from '../text.js';
import { summarizeKey } from './keys.js';
import { duration, finding, type Finding, type Inspection } from './report.js';

const MAX_NAMES = 50;
/** The parser makes an object of every element, so size is time. */
const MAX_CERTIFICATE_BYTES = 262_144;
const MAX_REQUEST_BYTES = 65_536;

const SIGNATURE_ALGORITHMS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'MD5 with RSA',
  '1.2.840.113549.1.1.5': 'SHA-1 with RSA',
  '1.2.840.113549.1.1.11': 'SHA-256 with RSA',
  '1.2.840.113549.1.1.12': 'SHA-384 with RSA',
  '1.2.840.113549.1.1.13': 'SHA-512 with RSA',
  '1.2.840.113549.1.1.10': 'RSASSA-PSS',
  '1.2.840.10045.4.1': 'SHA-1 with ECDSA',
  '1.2.840.10045.4.3.2': 'SHA-256 with ECDSA',
  '1.2.840.10045.4.3.3': 'SHA-384 with ECDSA',
  '1.2.840.10045.4.3.4': 'SHA-512 with ECDSA',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
};

const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

/** A certificate in DER, or null where the bytes are none. `more` counts others that came with it. */
export async function inspectCertificate(der: Uint8Array, now: Date, more = 0): Promise<Inspection | null> {
  if (der.length > MAX_CERTIFICATE_BYTES) return null;
  let node: X509Certificate;
  let certificate: Asn1X509.Certificate;
  try {
    const [{ AsnConvert }, { Certificate }] = await loadAsn1();
    node = new X509Certificate(der);
    certificate = AsnConvert.parse(der, Certificate);
  } catch {
    return null;
  }
  const { tbsCertificate } = certificate;
  const subject = nameText(tbsCertificate.subject);
  const issuer = nameText(tbsCertificate.issuer);
  const notBefore = tbsCertificate.validity.notBefore.getTime();
  const notAfter = tbsCertificate.validity.notAfter.getTime();
  const key = summarizeKey(node.publicKey);
  const signature = signatureName(certificate.signatureAlgorithm.algorithm);
  const names = (node.subjectAltName ?? '').split(', ').filter((name) => name !== '');
  const selfIssued = subject === issuer && node.verify(node.publicKey);
  const details = {
    subject,
    issuer,
    serial: hex(new Uint8Array(tbsCertificate.serialNumber)),
    not_before: rfc3339(notBefore),
    not_after: rfc3339(notAfter),
    key: key.details,
    signature_algorithm: signature,
    names: names.slice(0, MAX_NAMES).map((name) => escapeUntrusted(name)),
    ca: node.ca,
    sha256: node.fingerprint256.replaceAll(':', '').toLowerCase(),
    ...(more > 0 ? { further_certificates: more } : {}),
  };
  const findings = [...validityFindings(notBefore, notAfter, now), ...key.findings, ...signatureFindings(signature)];
  if (selfIssued)
    findings.push(
      finding(
        'info',
        'self_signed',
        'The certificate is signed by its own key.',
        'That is right for a root; a server wants one from a CA its clients trust.',
      ),
    );
  if (!node.ca && names.length === 0)
    findings.push(
      finding(
        'medium',
        'no_subject_alternative_name',
        'It has no subject alternative name, so no current client accepts it for a host (RFC 9525).',
        'Issue it anew with the host names as SAN.',
      ),
    );
  const left = notAfter.getTime() - now.getTime();
  const life = left <= 0 ? `expired ${duration(left / 1000)} ago` : `valid for ${duration(left / 1000)} more`;
  return {
    kind: 'certificate',
    summary: `A certificate for ${subject || 'an empty subject'}, issued by ${selfIssued ? 'itself' : issuer}, ${notBefore > now ? 'not yet valid' : life}. Trust was not judged.`,
    details,
    findings,
  };
}

/** A certification request in DER, or null. */
export async function inspectRequest(der: Uint8Array): Promise<Inspection | null> {
  if (der.length > MAX_REQUEST_BYTES) return null;
  try {
    const [[{ AsnConvert }], { CertificationRequest }] = await Promise.all([loadAsn1(), import('@peculiar/asn1-csr')]);
    const request = AsnConvert.parse(der, CertificationRequest);
    const { subject, subjectPKInfo, attributes } = request.certificationRequestInfo;
    const spki = Buffer.from(AsnConvert.serialize(subjectPKInfo));
    const key = summarizeKey(createPublicKey({ key: spki, type: 'spki', format: 'der' }));
    const signature = signatureName(request.signatureAlgorithm.algorithm);
    const name = nameText(subject);
    return {
      kind: 'csr',
      summary: `A certification request for ${name || 'an empty subject'} (${key.name}).`,
      details: { subject: name, key: key.details, signature_algorithm: signature, attributes: attributes.length },
      findings: [...key.findings, ...signatureFindings(signature)],
    };
  } catch {
    return null;
  }
}

function loadAsn1(): Promise<[typeof import('@peculiar/asn1-schema'), typeof Asn1X509]> {
  return Promise.all([import('@peculiar/asn1-schema'), import('@peculiar/asn1-x509')]);
}

function signatureName(oid: string): string {
  return SIGNATURE_ALGORITHMS[oid] ?? escapeUntrusted(oid, 80);
}

function signatureFindings(name: string): Finding[] {
  return /^(?:MD5|SHA-1) /.test(name)
    ? [
        finding(
          'high',
          'weak_signature',
          `It is signed with ${name.split(' ')[0]}, which no longer resists forgery.`,
          'Have it issued anew with SHA-256.',
        ),
      ]
    : [];
}

function validityFindings(notBefore: Date, notAfter: Date, now: Date): Finding[] {
  if (notBefore > now)
    return [
      finding(
        'medium',
        'not_yet_valid',
        `It becomes valid in ${duration((notBefore.getTime() - now.getTime()) / 1000)}.`,
      ),
    ];
  const left = notAfter.getTime() - now.getTime();
  if (left <= 0) return [finding('high', 'expired', `It expired ${duration(left / 1000)} ago.`, 'Renew it.')];
  const share = left / (notAfter.getTime() - notBefore.getTime());
  return share < 0.2
    ? [finding('low', 'expires_soon', `It expires in ${duration(left / 1000)}.`, 'Renew it now.')]
    : [];
}

function nameText(name: Asn1X509.Name): string {
  const parts = name.map((rdn) =>
    rdn.map(({ type, value }) => `${ATTRIBUTE_NAMES[type] ?? type}=${value.toString()}`).join('+'),
  );
  return escapeUntrusted(parts.join(', '), 300);
}
