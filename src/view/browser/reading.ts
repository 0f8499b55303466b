/** From an answer of certificate_check or certificate_verify, short or full, to what is drawn: every text escaped, every number judged. */

import { escapeUntrusted } from '../../crypto/text.js';
import type { CheckStatus, Verdict } from '../../crypto/certificate/judgement.js';

export interface ReadCheck {
  name: string;
  status: CheckStatus;
  code: string;
  explanation: string;
  remedy: string | undefined;
}

export interface ReadEntry {
  subject: string;
  issuer: string | undefined;
  serial: string | undefined;
  notBefore: string | undefined;
  notAfter: string | undefined;
  key: string | undefined;
  signature: string | undefined;
  pin: string | undefined;
  fingerprint: string | undefined;
  names: readonly string[];
}

export interface Target {
  name: string;
  verdict: Verdict;
  summary: string;
  checks: readonly ReadCheck[];
  /** Leaf first. */
  chain: readonly ReadEntry[];
  daysLeft: number | null;
  /** When it was judged, in milliseconds since 1970, to half a day; null where no certificate was seen. */
  judgedAt: number | null;
  /** Address, protocol, cipher, key exchange. */
  connection: readonly (readonly [label: string, value: string])[];
}

export const DAY_MS = 86_400_000;
const MAX_TEXT = 4_000;
const MAX_TARGETS = 1_000;
const MAX_ITEMS = 200;

export type Loose = Record<string, unknown>;
export function isLoose(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
const listOf = (value: unknown): Loose[] => (Array.isArray(value) ? value.slice(0, MAX_ITEMS).filter(isLoose) : []);
const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? escapeUntrusted(value, MAX_TEXT) : undefined;

const URGENCY: Readonly<Record<Verdict, number>> = { untrusted: 0, undetermined: 1, trusted: 2 };
const STATUSES: ReadonlySet<unknown> = new Set<CheckStatus>(['pass', 'fail', 'warn', 'unknown', 'skipped']);

/** The judgements of an answer, the most urgent first; null where it is another answer. */
export function targetsIn(answer: unknown): Target[] | null {
  if (!isLoose(answer)) return null;
  const list = Array.isArray(answer['results']) ? (answer['results'] as unknown[]) : [answer];
  const targets = list.slice(0, MAX_TARGETS).map((entry) => readTarget(entry));
  if (targets.length === 0 || !targets.every((target) => target !== null)) return null;
  return targets.toSorted(
    (a, b) => URGENCY[a.verdict] - URGENCY[b.verdict] || (a.daysLeft ?? Infinity) - (b.daysLeft ?? Infinity) || 0,
  );
}

function readTarget(value: unknown): Target | null {
  if (!isLoose(value) || !Array.isArray(value['checks']) || !Array.isArray(value['chain'])) return null;
  const { verdict } = value;
  if (verdict !== 'trusted' && verdict !== 'untrusted' && verdict !== 'undetermined') return null;
  const days = value['days_remaining'];
  const daysLeft = typeof days === 'number' && Number.isFinite(days) ? days : null;
  const end = instant(textOf(value['not_after']));
  return {
    name: textOf(value['target']) ?? '',
    verdict,
    summary: textOf(value['summary']) ?? '',
    checks: listOf(value['checks']).flatMap((check) => readCheck(check)),
    chain: listOf(value['chain']).map((entry) => readEntry(entry)),
    daysLeft,
    // Whole days are told, rounded down: the middle of that day is nearest.
    judgedAt: daysLeft === null || end === null ? null : end - (daysLeft + 0.5) * DAY_MS,
    connection: readConnection(value['connection']),
  };
}

function readCheck({ check, status, code, explanation, remedy }: Loose): ReadCheck[] {
  if (!STATUSES.has(status)) return [];
  return [
    {
      name: textOf(check) ?? '',
      status: status as CheckStatus,
      code: textOf(code) ?? '',
      explanation: textOf(explanation) ?? '',
      remedy: textOf(remedy),
    },
  ];
}

function readEntry(entry: Loose): ReadEntry {
  const names = Array.isArray(entry['names']) ? (entry['names'] as unknown[]) : [];
  return {
    subject: textOf(entry['subject']) ?? '',
    issuer: textOf(entry['issuer']),
    serial: textOf(entry['serial']),
    notBefore: textOf(entry['not_before']),
    notAfter: textOf(entry['not_after']),
    key: textOf(entry['key']),
    signature: textOf(entry['signature_algorithm']),
    pin: textOf(entry['spki_sha256']),
    fingerprint: textOf(entry['sha256']),
    names: names.slice(0, MAX_ITEMS).flatMap((name) => textOf(name) ?? []),
  };
}

function readConnection(value: unknown): [string, string][] {
  if (!isLoose(value)) return [];
  const labels = [
    ['Address', 'address'],
    ['Protocol', 'protocol'],
    ['Cipher', 'cipher'],
    ['Key exchange', 'key_exchange'],
  ] as const;
  return labels.flatMap(([label, field]) => {
    const told = textOf(value[field]);
    return told === undefined ? [] : [[label, told]];
  });
}

/** Milliseconds since 1970 of an RFC 3339 time, or null. */
export function instant(time: string | undefined): number | null {
  const found = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(found) ? null : found;
}

/** Whether a check has found something, or could not find out. */
export function isFinding({ status }: Pick<ReadCheck, 'status'>): boolean {
  return status === 'fail' || status === 'warn' || status === 'unknown';
}

/** Whether somebody should look at it: not trusted, or trusted with something to say. */
export function needsAttention({ verdict, checks }: Target): boolean {
  return verdict !== 'trusted' || checks.some(isFinding);
}

export interface ShownName {
  /** What a person calls a certificate: its common name, else all of its name. */
  short: string;
  /** What else is in the name. */
  rest: string;
}

/** Takes a name apart; within a value, a sign that parts values has a `\` before it (RFC 4514 section 2.4). */
export function shownName(subject: string): ShownName {
  const attributes = (subject.match(/(?:\\.|[^,+\\])+/g) ?? []).map((attribute) => attribute.trim());
  const common = attributes.findLastIndex((attribute) => /^CN=./.test(attribute));
  if (common < 0) return { short: subject === '' ? '(no subject)' : subject, rest: '' };
  const [name = ''] = attributes.splice(common, 1);
  return { short: name.slice(3).replaceAll(/\\([,+"\\<>; #])/g, '$1'), rest: attributes.join(', ') };
}

/** "88 days left", "expired 12 days ago", "9 years left". */
export function daysTold(days: number): string {
  const count = Math.abs(days);
  const [amount, unit] = count >= 2 * 365 ? [Math.floor(count / 365), 'year'] : [count, 'day'];
  const told = `${amount} ${unit}${amount === 1 ? '' : 's'}`;
  return days < 0 ? `expired ${told} ago` : days === 0 ? 'less than a day left' : `${told} left`;
}
