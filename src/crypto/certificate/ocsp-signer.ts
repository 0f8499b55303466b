/**
 * Who signed an OCSP response, and whether they may (RFC 6960 section 4.2.2.2): the issuer of the certificate itself, or
 * somebody to whom that very issuer gave a certificate for signing OCSP responses.
 */

import { createHash } from 'node:crypto';

import { equalBytes } from '../bytes.js';
import { sameName } from './names.js';
import type { BasicResponse } from './ocsp-response.js';
import { KEY_USAGE, OID, parseCertificate, PURPOSE, type Certificate } from './parse.js';
import { weakKeyReason } from './rules.js';
import { signatureKind, verifySignature } from './signature.js';

const OCSP_NO_CHECK = '1.3.6.1.5.5.7.48.1.5';
const NON_REPUDIATION = 1;

/** Extensions of a signer's certificate that may be critical: those looked at here, and those that cannot matter to it. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  OID.basicConstraints,
  OID.keyUsage,
  OID.extendedKeyUsage,
  OID.subjectAltName,
  OID.issuerAltName,
  OID.certificatePolicies,
  OID.crlDistributionPoints,
  OCSP_NO_CHECK,
]);

export type SignerProblem =
  | 'signer_unknown'
  | 'signer_not_issued'
  | 'signer_not_valid'
  | 'signer_purpose'
  | 'signer_key_usage'
  | 'signer_weak'
  | 'signer_malformed'
  | 'weak_signature'
  | 'signature_invalid';

/**
 * The delegated signer, null where the issuer itself signed, or why the signature does not count. `at` is the time at which a
 * delegated certificate must be valid.
 */
export function findSigner(
  response: BasicResponse,
  issuer: Certificate,
  at: Date,
): { signer: Certificate | null } | SignerProblem {
  const { weak, known } = signatureKind(response.signatureAlgorithm);
  if (weak || !known) return 'weak_signature';
  let problem: SignerProblem = 'signer_unknown';
  if (isNamed(response, issuer)) {
    if (isSignedBy(response, issuer)) return { signer: null };
    problem = 'signature_invalid';
  }
  for (const der of response.certificates) {
    const candidate = parseCertificate(der);
    if (candidate === null || !isNamed(response, candidate) || equalBytes(candidate.spki, issuer.spki)) continue;
    // Before its key is used at all: that of a stranger may be made to be slow.
    const refusal = delegationProblem(candidate, issuer, at);
    if (refusal !== null) problem = refusal;
    else if (isSignedBy(response, candidate)) return { signer: candidate };
    else problem = 'signature_invalid';
  }
  return problem;
}

/** Whether the ResponderID means the certificate: by its subject or by the SHA-1 of its key. */
function isNamed({ responder }: BasicResponse, certificate: Certificate): boolean {
  if ('name' in responder) return sameName(responder.name, certificate.subject);
  return equalBytes(responder.keyHash, createHash('sha1').update(certificate.keyBits).digest());
}

function isSignedBy({ signatureAlgorithm, tbs, signature }: BasicResponse, { publicKey }: Certificate): boolean {
  return publicKey !== null && verifySignature(signatureAlgorithm, publicKey, tbs, signature);
}

function delegationProblem(candidate: Certificate, issuer: Certificate, at: Date): SignerProblem | null {
  const { signatureAlgorithm, extendedKeyUsage, keyUsage, extensions } = candidate;
  const key = issuer.publicKey;
  const issued =
    key !== null &&
    sameName(candidate.issuer, issuer.subject) &&
    candidate.signatureAlgorithmsAgree &&
    verifySignature(signatureAlgorithm, key, candidate.tbs, candidate.signature);
  if (!issued) return 'signer_not_issued';
  if (candidate.malformedExtensions.length > 0 || candidate.duplicateExtension) return 'signer_malformed';
  if (extensions.some(({ oid, critical }) => critical && !UNDERSTOOD.has(oid))) return 'signer_malformed';
  if (at < candidate.notBefore || at > candidate.notAfter) return 'signer_not_valid';
  // anyExtendedKeyUsage does not do: the delegation must be said (RFC 6960 section 4.2.2.2).
  if (extendedKeyUsage?.includes(PURPOSE.ocspSigning) !== true) return 'signer_purpose';
  if (keyUsage !== null && !keyUsage[KEY_USAGE.digitalSignature] && !keyUsage[NON_REPUDIATION])
    return 'signer_key_usage';
  return weakKeyReason(candidate) !== null || signatureKind(signatureAlgorithm).weak ? 'signer_weak' : null;
}
