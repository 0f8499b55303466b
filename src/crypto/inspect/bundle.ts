/** Explains what several certificates are together: in which order they stand, and which of them is unfit. */

import { pickLeaf } from '../certificate/bundle.js';
import { firstElement } from '../certificate/der.js';
import { sameName } from '../certificate/names.js';
import { parseCertificate, type Certificate } from '../certificate/parse.js';
import { isSelfIssued, keyName, weakKeyReason } from '../certificate/rules.js';
import { signatureKind } from '../certificate/signature.js';
import { rfc3339 } from '../text.js';
import { finding, type Finding } from './report.js';
import { briefName } from './x509-parts.js';

/** Reading a key takes most of the time. */
const MAX_READ = 64;
const MAX_POSITIONS = 8;

export interface BundleReport {
  certificates: Record<string, unknown>[];
  findings: Finding[];
}

/** At most the first 64 are looked at. `ordered`: what the order says is told, as of a file that a server sends from. */
export function describeBundle(ders: readonly (Uint8Array | null)[], now: Date, ordered: boolean): BundleReport {
  const all = ders.slice(0, MAX_READ);
  const read = all.map((der) => (der === null ? null : parseCertificate(firstElement(der))));
  const certificates = read.filter((entry) => entry !== null);
  const expired = read.map((entry) => entry !== null && entry.notAfter <= now);
  const trailing = all.map((der) => der !== null && firstElement(der).length < der.length);
  const findings = [
    ...told(
      read.map((entry) => entry === null),
      'medium',
      'unreadable',
      'cannot be read',
      'Give them as they were issued.',
    ),
    ...told(trailing, 'medium', 'trailing_data', 'have bytes after their end', 'Use them without these bytes.'),
    ...told(expired, 'high', 'expired_in_bundle', 'expired', 'Renew them.'),
    ...told(read.map(isWeak), 'high', 'weak_in_bundle', 'have a weak key or signature', 'Replace them.'),
    ...(ordered ? orderFindings(certificates) : []),
  ];
  if (ders.length > MAX_READ)
    findings.push(
      finding('low', 'many_certificates', `Only the first ${MAX_READ} of its ${ders.length} certificates were read.`),
    );
  return { certificates: certificates.map(describeBriefly), findings };
}

function describeBriefly(certificate: Certificate): Record<string, unknown> {
  return {
    subject: briefName(certificate.subject),
    issuer: briefName(certificate.issuer),
    not_after: rfc3339(certificate.notAfter),
    key: keyName(certificate.publicKey),
    ca: certificate.basicConstraints?.ca === true,
  };
}

function isWeak(certificate: Certificate | null): boolean {
  if (certificate === null) return false;
  // On a root nothing rests on the signature.
  return (
    weakKeyReason(certificate) !== null ||
    (!isSelfIssued(certificate) && signatureKind(certificate.signatureAlgorithm).weak)
  );
}

/** One finding for all certificates of which it is so, by their numbers. */
function told(
  isSo: readonly boolean[],
  severity: Finding['severity'],
  code: string,
  what: string,
  remedy: string,
): Finding[] {
  const numbers = isSo.flatMap((entry, i) => (entry ? [i + 1] : []));
  if (numbers.length === 0) return [];
  const list = `${numbers.slice(0, MAX_POSITIONS).join(', ')}${numbers.length > MAX_POSITIONS ? ', ...' : ''}`;
  return [finding(severity, code, `Of its ${isSo.length} certificates these ${what}: ${list}.`, remedy)];
}

/** A server sends its own certificate first, then each issuer after what it issued (RFC 8446 section 4.4.2). */
function orderFindings(certificates: readonly Certificate[]): Finding[] {
  const ends = certificates.filter((entry) => entry.basicConstraints?.ca !== true);
  const leaf = pickLeaf(certificates);
  // Roots to trust, or the certificates of several servers, have no order.
  if (leaf === null || ends.length !== 1) return [];
  if (certificates[0] !== leaf)
    return [
      finding(
        'medium',
        'leaf_not_first',
        `The certificate of the server or client is number ${certificates.indexOf(leaf) + 1}; it must come first (RFC 8446 section 4.4.2).`,
        'Put it first, then each issuer after what it issued.',
      ),
    ];
  const chain = chainOf(leaf, certificates);
  if (chain.some((entry, i) => certificates[i] !== entry))
    return [
      finding(
        'low',
        'chain_out_of_order',
        'Its certificates do not stand each before its issuer; some clients cannot use such a chain.',
        'Put each issuer after what it issued.',
      ),
    ];
  const rest = certificates.length - chain.length;
  return rest === 0
    ? []
    : [
        finding(
          'low',
          'outside_the_chain',
          `${rest} of its certificates issued none of those before: an intermediate is missing, or they do not belong there.`,
          'Take them out, or add the certificate between them.',
        ),
      ];
}

/** The leaf and its issuers by name, as far as they are there. */
function chainOf(leaf: Certificate, certificates: readonly Certificate[]): Certificate[] {
  const chain = [leaf];
  for (let last: Certificate | undefined = leaf; last !== undefined;) {
    const { issuer }: Certificate = last;
    last = isSelfIssued(last)
      ? undefined
      : certificates.find((entry) => !chain.includes(entry) && sameName(entry.subject, issuer));
    if (last !== undefined) chain.push(last);
  }
  return chain;
}
