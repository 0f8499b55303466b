/** From checks to a judgement: the verdict, one sentence for a person, and the chain as it may be shown. */

import { hex } from '../bytes.js';
import { rfc3339 } from '../text.js';
import { fingerprint, inOrder, moreDays, type RevocationMode } from './checks.js';
import type { ChainEntry, Check, CheckName, CheckDraft, Judgement, Verdict } from './judgement.js';
import { shortName, showGeneralName, showName } from './names.js';
import { spkiPin, type Certificate } from './parse.js';
import type { Path } from './path.js';
import { keyName } from './rules.js';
import { signatureKind } from './signature.js';

const DAY_MS = 86_400_000;
const MAX_NAMES = 50;

export interface JudgementParts {
  target: string;
  at: Date;
  checks: readonly CheckDraft[];
  path: Path | null;
  revocation: RevocationMode;
}

export function assemble({ target, at, checks, path, revocation }: JudgementParts): Judgement {
  const ordered = inOrder(checks);
  const verdict = verdictOf(ordered, path !== null, revocation);
  const leaf = path?.certificates[0] ?? null;
  return {
    target,
    verdict,
    summary: summarize(verdict, ordered, path, at),
    checks: ordered.map(answered),
    chain: path === null ? [] : path.certificates.map(chainEntry),
    not_after: leaf === null ? null : rfc3339(leaf.notAfter),
    days_remaining: leaf === null ? null : Math.floor((leaf.notAfter.getTime() - at.getTime()) / DAY_MS),
  };
}

function answered({ check, status, code, explanation, remedy }: CheckDraft): Check {
  return { check, status, code, explanation, ...(remedy === undefined ? {} : { remedy }) };
}

/**
 * `untrusted` where anything is known to be wrong; `trusted` where nothing is and everything that must be known is;
 * otherwise `undetermined`. What was not found out is never good.
 */
function verdictOf(checks: readonly CheckDraft[], judged: boolean, revocation: RevocationMode): Verdict {
  if (!judged) return 'undetermined';
  if (checks.some(({ check, status }) => status === 'fail' && check !== 'connection')) return 'untrusted';
  const open = checks.some(
    ({ check, status }) =>
      (status === 'unknown' && (check !== 'revocation' || revocation === 'hard')) ||
      (check === 'connection' && status === 'fail'),
  );
  return open ? 'undetermined' : 'trusted';
}

/** What a person should be told of first. */
const URGENCY: readonly CheckName[] = [
  'revocation',
  'chain',
  'validity',
  'hostname',
  'pin',
  'stapling',
  'purpose',
  'key',
  'signature',
  'protocol',
  'lifetime',
  'connection',
];

function byUrgency(checks: readonly CheckDraft[], status: Check['status']): CheckDraft[] {
  return checks
    .filter((entry) => entry.status === status)
    .toSorted((a, b) => URGENCY.indexOf(a.check) - URGENCY.indexOf(b.check));
}

function summarize(verdict: Verdict, checks: readonly CheckDraft[], path: Path | null, at: Date): string {
  const failures = byUrgency(checks, 'fail');
  const unknowns = byUrgency(checks, 'unknown');
  const warnings = byUrgency(checks, 'warn');
  if (verdict !== 'trusted') {
    const [first, ...others] = verdict === 'untrusted' ? failures : [...failures, ...unknowns];
    if (first === undefined) return 'It could not be judged.';
    const more = others.length === 0 ? '' : ` (and ${others.length} more problem${others.length === 1 ? '' : 's'})`;
    return `${problemSentence(first, path, at)}${more}.`;
  }
  const leaf = path?.certificates[0] as Certificate;
  const anchor = path?.certificates.at(-1) ?? leaf;
  const notes = [...failures, ...unknowns, ...warnings].map(headline);
  const root = anchor === leaf ? 'as a trust anchor itself' : `by way of the root ${shortName(anchor.subject)}`;
  return [`Trusted ${root}, valid ${moreDays(leaf.notAfter, at)}`, ...notes.slice(0, 2).map(lowerFirst)]
    .join('; but ')
    .concat('.');
}

function problemSentence(check: CheckDraft, path: Path | null, at: Date): string {
  const leaf = path?.certificates[0];
  if (check.code === 'expired' && leaf !== undefined && at > leaf.notAfter)
    return `Expired ${ago(at.getTime() - leaf.notAfter.getTime())} ago; renew it`;
  const action = check.action ?? check.remedy;
  return `${headline(check)}${action === undefined ? '' : `; ${lowerFirst(unended(action))}`}`;
}

function ago(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  if (hours < 1) return 'less than an hour';
  if (hours < 48) return `${hours} hour${hours === 1 ? '' : 's'}`;
  return `${Math.floor(hours / 24)} days`;
}

function headline({ headline: own, explanation }: CheckDraft): string {
  return unended(own ?? explanation);
}

function unended(sentence: string): string {
  return sentence.replace(/\.$/, '');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function chainEntry(certificate: Certificate, position: number): ChainEntry {
  return {
    subject: showName(certificate.subject),
    issuer: showName(certificate.issuer),
    serial: hex(certificate.serial.subarray(0, 32)),
    not_before: rfc3339(certificate.notBefore),
    not_after: rfc3339(certificate.notAfter),
    key: keyName(certificate.publicKey),
    signature_algorithm: signatureKind(certificate.signatureAlgorithm).name,
    spki_sha256: spkiPin(certificate),
    sha256: fingerprint(certificate),
    ...(position === 0 ? { names: (certificate.subjectAltNames ?? []).slice(0, MAX_NAMES).map(showGeneralName) } : {}),
  };
}
