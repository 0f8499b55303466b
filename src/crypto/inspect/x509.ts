/** Explains X.509 certificates (RFC 5280). It reads them; it does not judge trust. */

import { createHash, X509Certificate } from 'node:crypto';

import { hex } from '../bytes.js';
import { parseCertificate, type Certificate } from '../certificate/parse.js';
import { certificateFaults, isSelfIssued, weakKeyReason } from '../certificate/rules.js';
import { verifySignature } from '../certificate/signature.js';
import { rfc3339 } from '../text.js';
import { duration, finding, type Finding, type Inspection } from './report.js';
import { briefName, keyOf, namesDetails, nameText, signatureFindings, signatureName } from './x509-parts.js';

/** Node makes an object of every element, so size is time. */
const MAX_LOOSE_BYTES = 262_144;
/** The faults of form in `certificate/rules.ts`: a client that follows RFC 5280 refuses the certificate for each. */
const FORM_CODES: ReadonlySet<string> = new Set([
  'malformed_extension',
  'duplicate_extension',
  'unsupported_version',
  'unknown_critical_extension',
  'serial_number',
  'empty_issuer',
  'bad_signature',
]);

/** A certificate in DER, or null where the bytes are none. */
export function inspectCertificate(der: Uint8Array, now: Date): Inspection | null {
  const certificate = parseCertificate(der);
  return certificate === null ? null : describeCertificate(certificate, now);
}

/** What OpenSSL takes for a certificate and a strict reader does not; null where it is neither. */
export function inspectLooseCertificate(der: Uint8Array): Inspection | null {
  // What is longer than 127 bytes has a length of several; Node would look for PEM in anything else.
  if (der[0] !== 0x30 || (der[1] ?? 0) <= 0x80 || der.length > MAX_LOOSE_BYTES) return null;
  try {
    // Throws where the bytes are no certificate.
    const { fingerprint256 } = new X509Certificate(der);
    return {
      kind: 'certificate',
      summary: 'A certificate whose encoding breaks the rules of DER or of RFC 5280; it was not explained further.',
      details: { sha256: fingerprint256.replaceAll(':', '').toLowerCase(), bytes: der.length },
      findings: [
        finding(
          'high',
          'malformed_certificate',
          'OpenSSL reads it, and strict clients refuse it; what two clients read differently can deceive one of them.',
          'Have it issued anew.',
        ),
      ],
    };
  } catch {
    return null;
  }
}

function describeCertificate(certificate: Certificate, now: Date): Inspection {
  const { subject, issuer, notBefore, notAfter, publicKey, signatureAlgorithm, tbs, signature } = certificate;
  const ca = certificate.basicConstraints?.ca === true;
  const names = certificate.subjectAltNames ?? [];
  const key = keyOf(certificate);
  const selfSigned =
    isSelfIssued(certificate) && publicKey !== null && verifySignature(signatureAlgorithm, publicKey, tbs, signature);
  const findings = [
    ...validityFindings(notBefore, notAfter, now),
    ...key.findings,
    ...signatureFindings(signatureAlgorithm, selfSigned && ca),
    ...formFindings(certificate, selfSigned && ca, now),
  ];
  const reason = key.findings.length > 0 ? null : weakKeyReason(certificate);
  if (reason !== null)
    findings.push(
      finding('medium', 'unaccepted_key', `TLS clients do not accept its key: it ${reason}.`, 'Use P-256 or RSA 3072.'),
    );
  if (selfSigned)
    findings.push(
      finding(
        'info',
        'self_signed',
        'The certificate is signed by its own key.',
        'That is right for a root; a server wants one from a CA its clients trust.',
      ),
    );
  if (!ca && names.length === 0)
    findings.push(
      finding(
        'medium',
        'no_subject_alternative_name',
        'It has no subject alternative name, so no current client accepts it for a host (RFC 9525).',
        'For a server, issue it anew with the host names as SAN.',
      ),
    );
  if (names.some((name) => name.type === 'dns' && /^[\d.]+$|:/.test(name.value)))
    findings.push(
      finding(
        'medium',
        'address_as_dns_name',
        'An address stands among its names as a DNS name, where no client looks for one (RFC 9525).',
        'Issue it anew with the address as an IP address.',
      ),
    );
  const left = notAfter.getTime() - now.getTime();
  const life =
    notBefore > now
      ? `not valid before ${rfc3339(notBefore)}`
      : left <= 0
        ? `expired ${duration(left / 1000)} ago`
        : `valid for ${duration(left / 1000)} more`;
  return {
    kind: 'certificate',
    summary: `A ${ca ? 'CA ' : ''}certificate for ${briefName(subject) || 'an empty subject'}, issued by ${selfSigned ? 'itself' : briefName(issuer) || 'an empty name'}, ${life} (${key.name}). Trust was not judged.`,
    details: {
      subject: nameText(subject),
      issuer: nameText(issuer),
      serial: hex(certificate.serial.subarray(0, 64)),
      not_before: rfc3339(notBefore),
      not_after: rfc3339(notAfter),
      key: key.details,
      signature_algorithm: signatureName(signatureAlgorithm),
      ca,
      sha256: createHash('sha256').update(certificate.der).digest('hex'),
      ...namesDetails(names),
    },
    findings,
  };
}

/** What a root calls itself is nobody's concern: it is trusted by its key. */
function formFindings(certificate: Certificate, root: boolean, now: Date): Finding[] {
  const context = { at: now, purpose: 'serverAuth', publicAnchor: false, anchored: false } as const;
  return certificateFaults([certificate], context)
    .filter(({ code }) => FORM_CODES.has(code) && !(root && code === 'serial_number'))
    .map(({ code, explanation, remedy }) => finding('high', code, explanation, remedy));
}

function validityFindings(notBefore: Date, notAfter: Date, now: Date): Finding[] {
  if (notAfter <= notBefore)
    return [
      finding(
        'high',
        'never_valid',
        'Its validity ends before it begins, so it is valid at no time.',
        'Have it issued anew.',
      ),
    ];
  if (notBefore > now) {
    const seconds = (notBefore.getTime() - now.getTime()) / 1000;
    return [
      finding(
        'medium',
        'not_yet_valid',
        `It becomes valid in ${duration(seconds)}.`,
        'Wait, or check the clock of whoever issued it.',
      ),
    ];
  }
  const left = notAfter.getTime() - now.getTime();
  if (left <= 0) return [finding('high', 'expired', `It expired ${duration(left / 1000)} ago.`, 'Renew it.')];
  const share = left / (notAfter.getTime() - notBefore.getTime());
  return share < 0.2
    ? [finding('low', 'expires_soon', `It expires in ${duration(left / 1000)}.`, 'Renew it now.')]
    : [];
}
