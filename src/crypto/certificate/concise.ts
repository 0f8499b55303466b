/** The short form of a judgement: what is wrong and what to do, in at most 2 KB whatever the certificates hold. */

import type { ChainEntry, Check, Judgement } from './judgement.js';

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
  const narrowing = ROOMS.findIndex((room) => fits(shorten(judgement, room)));
  const room = ROOMS[narrowing] ?? NARROWEST;
  const roomier = ROOMS[narrowing < 0 ? ROOMS.length - 1 : narrowing - 1];
  const short = shorten(judgement, roomier === undefined ? room : widened(judgement, room, roomier.text));
  if (!room.details) addRemedies(short, judgement);
  return short;
}

function fits(short: ConciseJudgement): boolean {
  return Buffer.byteLength(JSON.stringify(short)) <= CONCISE_BYTES - RESERVED_BYTES;
}

/** The room with as much text, up to `most` bytes each, as still fits. */
function widened(judgement: Judgement, room: Room, most: number): Room {
  let wide = room;
  for (let step = Math.floor((most - room.text) / 2); step > 0; step = Math.floor(step / 2)) {
    const wider = { ...wide, text: wide.text + step };
    if (fits(shorten(judgement, wider))) wide = wider;
  }
  return wide;
}

const REMEDY_BYTES = 80;

/** What to do about the gravest checks, as far as there is room. */
function addRemedies({ checks, ...short }: ConciseJudgement, judgement: Judgement): void {
  for (const status of ['fail', 'unknown', 'warn'] as const)
    for (const check of checks) {
      const remedy = judgement.checks.find((whole) => whole.check === check.check)?.remedy;
      if (check.status !== status || remedy === undefined) continue;
      check.remedy = cut(remedy, REMEDY_BYTES);
      if (!fits({ ...short, checks })) delete check.remedy;
    }
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
