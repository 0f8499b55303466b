/** What certificates, requests, CRLs and OCSP responses have in common, as an inspection tells it: names, keys, signatures. */

import { showGeneralName, showName, type DistinguishedName, type GeneralName } from '../certificate/names.js';
import { MAX_KEY_BYTES, type AlgorithmIdentifier, type Certificate } from '../certificate/parse.js';
import { signatureKind } from '../certificate/signature.js';
import { oversizedKey, summarizeKey, type KeySummary } from './keys.js';
import { duration, finding, shownText, type Finding } from './report.js';

const MAX_NAMES = 50;
const MAX_NAME_LENGTH = 300;

/** A name in the order of the certificate. */
export function nameText(name: DistinguishedName, maxLength = MAX_NAME_LENGTH): string {
  return shownText(showName(name), maxLength);
}

/** For a summary. */
export function briefName(name: DistinguishedName): string {
  return nameText(name, 120);
}

export function namesDetails(names: readonly GeneralName[]): Record<string, unknown> {
  return {
    names: names.slice(0, MAX_NAMES).map((name) => shownText(showGeneralName(name), MAX_NAME_LENGTH)),
    ...(names.length > MAX_NAMES ? { names_left_out: names.length - MAX_NAMES } : {}),
  };
}

export function keyOf({ publicKey, spki }: Pick<Certificate, 'publicKey' | 'spki'>): KeySummary {
  if (publicKey !== null) return summarizeKey(publicKey);
  if (spki.length > MAX_KEY_BYTES)
    return { details: { type: 'unknown' }, name: 'an oversized key', findings: [oversizedKey(spki.length)] };
  return {
    details: { type: 'unknown' },
    name: 'a key of a kind not read here',
    findings: [
      finding('low', 'unreadable_key', 'Its public key is broken or of a kind that this version of Node cannot read.'),
    ],
  };
}

/** "SHA-256 with RSA", or the OID of what has no name here. */
export function signatureName(algorithm: AlgorithmIdentifier): string {
  return shownText(signatureKind(algorithm).name, 80);
}

/** `root`: nothing rests on the signature. */
export function signatureFindings(algorithm: AlgorithmIdentifier, root = false): Finding[] {
  const { weak, known } = signatureKind(algorithm);
  const name = signatureName(algorithm);
  if (weak && root)
    return [
      finding(
        'low',
        'weak_signature',
        `It is signed with ${name}; on a root nothing rests on that, but what it issues must not be.`,
      ),
    ];
  if (weak)
    return [
      finding(
        'high',
        'weak_signature',
        `It is signed with ${name}, which no longer resists forgery.`,
        'Have it issued anew with SHA-256.',
      ),
    ];
  return known
    ? []
    : [
        finding(
          'low',
          'unknown_signature',
          `It is signed with ${name}, which is not checked here, or has parameters of another algorithm.`,
        ),
      ];
}

/** What is wrong with the times of a CRL or an OCSP response. */
export function updateFindings(thisUpdate: Date, nextUpdate: Date | null, now: Date): Finding[] {
  if (thisUpdate > now)
    return [finding('medium', 'not_yet_valid', 'It is dated in the future.', 'Check the clock of whoever made it.')];
  if (nextUpdate === null)
    return [finding('low', 'no_next_update', 'It does not say until when it holds.', 'Do not keep it for long.')];
  return nextUpdate <= now
    ? [
        finding(
          'medium',
          'stale',
          `It ran out ${duration((now.getTime() - nextUpdate.getTime()) / 1000)} ago, and tells nothing of today.`,
          'Fetch the current one.',
        ),
      ]
    : [];
}
