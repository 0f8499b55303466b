/**
 * What a CRL says of a certificate (RFC 5280 section 6.3.3). A certificate that is listed under its issuer's signature is revoked;
 * one that is not listed is good only where the list is whole, fresh and for certificates like it.
 */

import { equalBytes } from '../bytes.js';
import { findEntry, type EntryFinding } from './crl-entries.js';
import { CRL_OID, type CrlScope, type RevocationList } from './crl-list.js';
import { DerFault } from './der.js';
import { readGeneralNames, sameName, type GeneralName } from './names.js';
import { KEY_USAGE, type Certificate, type DistributionPoint } from './parse.js';
import { conclude, type GoodAnswer, type RevokedAnswer, type UnknownAnswer } from './revocation-answer.js';
import { signatureKind, verifySignature } from './signature.js';

export { readCrl, splitCrls } from './crl-list.js';

/** Why a list says nothing about the certificate. */
export const CRL_EXPLANATIONS = {
  too_large: 'The revocation list (CRL) is larger than 10 MiB.',
  malformed: 'The revocation list (CRL) cannot be read.',
  unsupported_version: 'The revocation list (CRL) is of a version that is not known here.',
  wrong_issuer: 'The revocation list (CRL) is of another issuer than the certificate.',
  indirect: 'The revocation list (CRL) is an indirect one, whose entries of several issuers are not judged here.',
  issuer_may_not_sign: 'The key usage of the issuer does not allow it to sign revocation lists (no cRLSign).',
  weak_signature: 'The revocation list (CRL) is signed with an algorithm that is not accepted.',
  signature_invalid: 'The signature of the revocation list (CRL) is wrong.',
  signed_by_other_key: 'The revocation list (CRL) is signed with another key than the one that signed the certificate.',
  unknown_critical_extension: 'The revocation list (CRL) has a critical extension that must not be ignored.',
  attribute_certificates_only: 'The revocation list (CRL) is for attribute certificates only.',
  removed_from_crl: 'The revocation list (CRL) holds an entry that only a delta list may hold.',
  delta: 'The revocation list (CRL) is a delta, which tells the changes to another list only.',
  other_kind: 'The revocation list (CRL) is not for certificates of this kind (CA or not).',
  other_partition: 'The revocation list (CRL) is of another distribution point than the certificate names.',
  some_reasons: 'The revocation list (CRL) covers only some reasons for a revocation.',
  no_next_update: 'The revocation list (CRL) does not say until when it holds.',
  times_implausible: 'The revocation list (CRL) ends before it begins.',
  not_yet_valid: 'The revocation list (CRL) is dated in the future: one of the clocks is wrong.',
  expired: 'The revocation list (CRL) has expired.',
  certificate_expired:
    'The revocation list (CRL) is from after the certificate expired, when its status is no longer kept.',
} as const;
export type CrlCode = keyof typeof CRL_EXPLANATIONS;

/** All bits of ReasonFlags but the first, which is unused (RFC 5280 section 4.2.1.13). */
export const ALL_REASONS = 0b1_1111_1110;

export interface CrlQuestion {
  certificate: Certificate;
  /** Whose key signed the certificate. */
  issuer: Certificate;
  /** The time that is asked about. */
  at: Date;
  /** The clock, where `at` is another time; `at` by default. */
  now?: Date;
  /** For which point of the certificate the list was fetched; any of them where it was given. */
  distributionPoint?: DistributionPoint;
}

export interface PartialAnswer extends UnknownAnswer<'some_reasons'> {
  /** Not revoked for these reasons: bit n is bit n of ReasonFlags. */
  coveredReasons: number;
  until: Date | null;
}

export type CrlAnswer = GoodAnswer | RevokedAnswer | PartialAnswer | UnknownAnswer<Exclude<CrlCode, 'some_reasons'>>;

function unknown(code: Exclude<CrlCode, 'some_reasons'>): UnknownAnswer<Exclude<CrlCode, 'some_reasons'>> {
  return { status: 'unknown', code, explanation: CRL_EXPLANATIONS[code] };
}

/** What the list says of the certificate; `null` stands for bytes that are no list. Never throws. */
export function checkCrl(crl: RevocationList | null, question: CrlQuestion): CrlAnswer {
  if (crl === null) return unknown('malformed');
  const refusal = listProblem(crl, question);
  if (refusal !== null) return unknown(refusal);
  const entry = searchEntries(crl, question.certificate);
  if (typeof entry === 'string') return unknown(entry);
  const { certificate, at, now = at } = question;
  const { thisUpdate, nextUpdate, isDelta } = crl;
  const revocation = entry.found;
  if (revocation?.reason === 'removeFromCRL') return unknown(isDelta ? 'delta' : 'removed_from_crl');

  const answer = conclude({ thisUpdate, nextUpdate, revocation }, certificate, { at, now });
  // A serial number under the issuer's signature is that certificate, in whatever list of the issuer it stands.
  if (typeof answer !== 'string' && answer.status === 'revoked') return answer;
  const limit = scopeProblem(crl, question, entry.namesIssuers);
  if (limit !== null) return unknown(limit);
  if (nextUpdate === null) return unknown('no_next_update');
  // Never `too_old`, which is for statements without nextUpdate.
  if (typeof answer === 'string') return unknown(answer === 'too_old' ? 'expired' : answer);
  const coveredReasons = reasonsCovered(crl.scope, question.distributionPoint);
  if (coveredReasons === ALL_REASONS) return answer;
  const explanation = CRL_EXPLANATIONS.some_reasons;
  return { status: 'unknown', code: 'some_reasons', explanation, coveredReasons, until: answer.until };
}

/** Why the list must not be used at all. */
function listProblem(
  crl: RevocationList,
  { certificate, issuer }: CrlQuestion,
): Exclude<CrlCode, 'some_reasons'> | null {
  const { version, extensions, scope, signatureAlgorithm, tbs, signature } = crl;
  // The first version has no version field; `openssl ca` still makes such lists where it is not told otherwise.
  if (version > 2 || (version === 1 && extensions.length > 0)) return 'unsupported_version';
  // A list of another name can hold certificates of this issuer too, but then another key vouches for it.
  if (!sameName(crl.issuer, certificate.issuer)) return scope?.indirect === true ? 'indirect' : 'wrong_issuer';
  if (issuer.keyUsage !== null && issuer.keyUsage[KEY_USAGE.crlSign] !== true) return 'issuer_may_not_sign';
  const { weak, known } = signatureKind(signatureAlgorithm);
  if (weak || !known) return 'weak_signature';
  const key = issuer.publicKey;
  if (!crl.signatureAlgorithmsAgree || key === null || !verifySignature(signatureAlgorithm, key, tbs, signature)) {
    const { authorityKeyIdentifier: named } = crl;
    const own = issuer.subjectKeyIdentifier;
    return named !== null && own !== null && !equalBytes(named, own) ? 'signed_by_other_key' : 'signature_invalid';
  }
  // These two are the only ones of a list that are ever critical (RFC 5280 section 5.2).
  const { issuingDistributionPoint, deltaCrlIndicator } = CRL_OID;
  const isUnknown = extensions.some(
    ({ oid, critical }) => critical && oid !== issuingDistributionPoint && oid !== deltaCrlIndicator,
  );
  if (isUnknown) return 'unknown_critical_extension';
  // Attribute certificates have serial numbers of their own.
  return scope?.onlyAttributeCertificates === true ? 'attribute_certificates_only' : null;
}

function searchEntries(
  { entries, version }: RevocationList,
  { serial, issuer }: Certificate,
): EntryFinding | 'malformed' | 'unknown_critical_extension' {
  const isOfIssuer = (certificateIssuer: Uint8Array | null): boolean =>
    certificateIssuer === null ||
    readGeneralNames(certificateIssuer).some((name) => name.type === 'directory' && sameName(name.value, issuer));
  try {
    const finding = findEntry(entries, { serial, isOfIssuer, mayHaveExtensions: version > 1 });
    return finding.unknownCritical ? 'unknown_critical_extension' : finding;
  } catch (error) {
    if (error instanceof DerFault) return 'malformed';
    throw error;
  }
}

/** Why it means nothing that the certificate is not listed (RFC 5280 section 6.3.3 (b) and (c)). */
function scopeProblem(
  { scope, isDelta }: RevocationList,
  { certificate, distributionPoint }: CrlQuestion,
  namesIssuers: boolean,
): 'delta' | 'indirect' | 'other_kind' | 'other_partition' | null {
  if (isDelta) return 'delta';
  const appointed = distributionPoint?.crlIssuer ?? null;
  const isByOther = appointed !== null && !appointed.some((name) => isDirectory(name, certificate));
  if (scope?.indirect === true || namesIssuers || isByOther) return 'indirect';
  if (scope === null) return null;
  const isCa = certificate.basicConstraints?.ca === true;
  if ((scope.onlyUserCertificates && isCa) || (scope.onlyCaCertificates && !isCa)) return 'other_kind';
  const points = distributionPoint === undefined ? certificate.distributionPoints : [distributionPoint];
  return isNamed(scope) && !points.some((point) => isOfPoint(scope, point)) ? 'other_partition' : null;
}

function isDirectory(name: GeneralName, { issuer }: Certificate): boolean {
  return name.type === 'directory' && sameName(name.value, issuer);
}

/** Whether the list is one of several for the same issuer. */
function isNamed({ fullName, relative }: CrlScope): boolean {
  return relative || fullName.length > 0;
}

function isOfPoint(scope: CrlScope, { fullName, crlIssuer }: DistributionPoint): boolean {
  const names = fullName.length > 0 ? fullName : (crlIssuer ?? []);
  return scope.fullName.some((name) => names.some((other) => isSameGeneralName(name, other)));
}

function isSameGeneralName(a: GeneralName, b: GeneralName): boolean {
  if (a.type === 'directory' && b.type === 'directory') return sameName(a.value, b.value);
  if (a.type === 'uri' && b.type === 'uri') return a.value === b.value;
  return a.type === 'dns' && b.type === 'dns' && a.value.toLowerCase() === b.value.toLowerCase();
}

/** RFC 5280 section 6.3.3 (d). */
function reasonsCovered(scope: CrlScope | null, point: DistributionPoint | undefined): number {
  return flags(scope?.onlySomeReasons ?? null) & flags(point?.reasons ?? null);
}

function flags(bits: readonly boolean[] | null): number {
  if (bits === null) return ALL_REASONS;
  return bits.reduce((sum, isSet, i) => (isSet ? sum | (1 << i) : sum), 0) & ALL_REASONS;
}
