/** From checks to a judgement: the verdict, one sentence for a person, the chain as it may be shown, and a short form. */

import { hex } from '../bytes.js';
import { rfc3339 } from '../text.js';
import { fingerprint, inOrder, type RevocationMode } from './checks.js';
import type { ChainEntry, Check, CheckName, Judgement, Verdict } from './judgement.js';
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
  checks: readonly Check[];
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
    checks: ordered,
    chain: path === null ? [] : path.certificates.map(chainEntry),
    not_after: leaf === null ? null : rfc3339(leaf.notAfter),
    days_remaining: leaf === null ? null : Math.floor((leaf.notAfter.getTime() - at.getTime()) / DAY_MS),
  };
}

/**
 * `untrusted` where anything is known to be wrong; `trusted` where nothing is and everything that must be known is;
 * otherwise `undetermined`. What was not found out is never good.
 */
function verdictOf(checks: readonly Check[], judged: boolean, revocation: RevocationMode): Verdict {
  if (!judged) return 'undetermined';
  if (checks.some(({ check, status }) => status === 'fail' && check !== 'connection')) return 'untrusted';
  const open = checks.some(
    ({ check, status, code }) =>
      (status === 'unknown' && (check !== 'revocation' || revocation === 'hard')) ||
      (check === 'connection' && status === 'fail' && code !== 'client_certificate_required'),
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

function byUrgency(checks: readonly Check[], status: Check['status']): Check[] {
  return checks
    .filter((entry) => entry.status === status)
    .toSorted((a, b) => URGENCY.indexOf(a.check) - URGENCY.indexOf(b.check));
}

function summarize(verdict: Verdict, checks: readonly Check[], path: Path | null, at: Date): string {
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
  const days = Math.floor((leaf.notAfter.getTime() - at.getTime()) / DAY_MS);
  const anchor = path?.certificates.at(-1) ?? leaf;
  const notes = [...failures, ...unknowns, ...warnings].map((check) => sentence(check.explanation));
  const root = anchor === leaf ? 'as a trust anchor itself' : `by way of the root ${shortName(anchor.subject)}`;
  return [`Trusted ${root}, valid ${days} more days`, ...notes.slice(0, 2).map(lowerFirst)].join('; but ').concat('.');
}

function problemSentence(check: Check, path: Path | null, at: Date): string {
  const leaf = path?.certificates[0];
  if (check.code === 'expired' && leaf !== undefined && at > leaf.notAfter)
    return `Expired ${ago(at.getTime() - leaf.notAfter.getTime())} ago; renew it`;
  // Of a CA further up its own words tell which.
  if (check.code === 'missing_intermediate' && leaf !== undefined && check.explanation.includes(' its issuer '))
    return `The intermediate certificate ${shortName(leaf.issuer)} is not sent; append it to the chain file of the server`;
  const remedy = check.remedy === undefined ? '' : `; ${lowerFirst(sentence(check.remedy))}`;
  return `${sentence(check.explanation)}${remedy}`;
}

function ago(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  if (hours < 1) return 'less than an hour';
  if (hours < 48) return `${hours} hour${hours === 1 ? '' : 's'}`;
  return `${Math.floor(hours / 24)} days`;
}

/** The first sentence, without its period. */
function sentence(text: string): string {
  return (/^.*?[^.]\.(?=\s+[A-Z]|$)/.exec(text)?.[0] ?? text).replace(/\.$/, '');
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

/** How much of the short form a reader gets: at most 2 KB of JSON a target, whatever the certificates hold. */
export const CONCISE_BYTES = 2_048;
/** What the tool adds around a judgement: the facts of the connection. */
const RESERVED_BYTES = 192;

export type ConciseEntry = Pick<ChainEntry, 'subject'> & Partial<ChainEntry>;
export type ConciseJudgement = Omit<Judgement, 'chain'> & { chain: ConciseEntry[] };

interface Room {
  /** Bytes of the explanation of a check that has nothing to say. */
  calm: number;
  /** Of everything else that is told. */
  text: number;
  /** Of the summary. */
  summary: number;
  /** Certificates of the chain. */
  entries: number;
  /** Whether checks that nobody asked for are told at all. */
  idle: boolean;
  /** Whether remedies and all of the leaf are told. */
  details: boolean;
}

/** From roomy to narrow: first what passed says less, then the chain, then what was not asked for, at last what is wrong. */
const ROOMS: readonly Room[] = [
  { calm: 80, text: 600, summary: 600, entries: 4, idle: true, details: true },
  { calm: 40, text: 600, summary: 600, entries: 3, idle: true, details: true },
  { calm: 0, text: 400, summary: 400, entries: 3, idle: true, details: true },
  { calm: 0, text: 400, summary: 400, entries: 2, idle: false, details: true },
  { calm: 0, text: 260, summary: 260, entries: 1, idle: false, details: true },
  { calm: 0, text: 160, summary: 200, entries: 1, idle: false, details: true },
  { calm: 0, text: 100, summary: 200, entries: 1, idle: false, details: true },
  { calm: 0, text: 60, summary: 200, entries: 1, idle: false, details: true },
  { calm: 0, text: 40, summary: 200, entries: 1, idle: false, details: false },
];
/** Fits twelve checks that all fail. */
const NARROWEST: Room = { calm: 0, text: 16, summary: 120, entries: 1, idle: false, details: false };

/** Codes of checks that nobody asked for or that have no object. */
const IDLE: ReadonlySet<string> = new Set(['not_asked', 'not_given', 'offline', 'private_ca']);

/** The short form: all checks, the leaf, and of the CA certificates what tells them apart. Texts are cut until it fits. */
export function concise(judgement: Judgement): ConciseJudgement {
  for (const room of ROOMS) {
    const short = shorten(judgement, room);
    if (Buffer.byteLength(JSON.stringify(short)) <= CONCISE_BYTES - RESERVED_BYTES) return short;
  }
  return shorten(judgement, NARROWEST);
}

function shorten(judgement: Judgement, room: Room): ConciseJudgement {
  const { target, summary, checks, chain, ...rest } = judgement;
  return {
    target: cut(target, Math.min(120, room.summary)),
    ...rest,
    summary: cut(summary, room.summary),
    checks: checks
      .filter(({ status, code }) => room.idle || status !== 'skipped' || !IDLE.has(code))
      .map((check) => shortenCheck(check, room)),
    chain: chain.slice(0, room.entries).map((entry, position) => shortenEntry(entry, position, room)),
  };
}

function shortenCheck({ check, status, code, explanation, remedy }: Check, { calm, text, details }: Room): Check {
  if (status === 'pass' || status === 'skipped') {
    const short = calm > 0 ? cut(explanation, calm) : status === 'pass' ? 'Good.' : 'Not judged.';
    return { check, status, code, explanation: short };
  }
  return {
    check,
    status,
    code,
    explanation: cut(explanation, text),
    ...(remedy === undefined || !details ? {} : { remedy: cut(remedy, text) }),
  };
}

function shortenEntry(entry: ChainEntry, position: number, { text, details }: Room): ConciseEntry {
  const { subject, issuer, not_after, key, signature_algorithm, sha256, names = [] } = entry;
  if (position > 0) return { subject: cut(subject, Math.min(text, 120)), not_after, key };
  if (!details) return { subject: cut(subject, text), not_after, sha256 };
  return {
    ...entry,
    subject: cut(subject, Math.min(text, 200)),
    issuer: cut(issuer, Math.min(text, 200)),
    signature_algorithm: cut(signature_algorithm, 40),
    names: names.slice(0, 3).map((name) => cut(name, Math.min(text, 80))),
  };
}

/** Cuts to so many bytes of JSON, between whole characters. */
function cut(text: string, maxBytes: number): string {
  if (jsonBytes(text) <= maxBytes) return text;
  let kept = '';
  let left = maxBytes - jsonBytes('…');
  for (const character of text) {
    left -= jsonBytes(character);
    if (left < 0) break;
    kept += character;
  }
  return `${kept}…`;
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}
