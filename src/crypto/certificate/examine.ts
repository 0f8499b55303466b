/**
 * The whole judgement, in its order: path, missing issuers where that was asked for, then (only for a chain that is trusted)
 * revocation, then every check. What is fetched arrives through an argument; nothing here dials.
 */

import { readBundle } from './bundle.js';
import { connectionChecks, hostnameCheck, pathChecks, pinCheck, type RevocationMode } from './checks.js';
import { revocationChecks } from './checks-revocation.js';
import type { ConnectionFacts } from './connection.js';
import type { CertificateFetcher, FailedFetch } from './fetcher.js';
import type { Reference } from './hostname.js';
import type { CheckDraft, Judgement } from './judgement.js';
import { parseCertificate, type Certificate } from './parse.js';
import { buildPath, isSound, missingIssuer, PATH_LIMITS, type Path, type TrustAnchors } from './path.js';
import { assemble } from './report.js';
import { checkRevocation, type ChainRevocation, type RevocationCache } from './revocation.js';
import type { Fault } from './rules.js';
import type { Random } from '../random.js';

export interface ExamineRequest {
  target: string;
  /** The time judged for. */
  at: Date;
  /** Whether that time was asked for, rather than being now. */
  timeGiven: boolean;
  reference: Reference | null;
  revocation: RevocationMode;
  pins: readonly string[];
  fetchMissing: boolean;
  crls: readonly Uint8Array[];
  ocspResponses: readonly Uint8Array[];
  /** What else is to be said of the certificates that were given, as a sentence. */
  note?: string;
  /** A private key was given along, in text that others have read. */
  keyShown?: boolean;
}

export interface ExamineServices {
  anchors: TrustAnchors;
  /** Null where nothing may be fetched. */
  fetcher: CertificateFetcher | null;
  cache: RevocationCache;
  random: Random;
  /** The real time, for what is kept. */
  now: Date;
  signal: AbortSignal;
}

const MAX_FETCHED_ISSUERS = 3;
const MAX_ISSUER_BYTES = 65_536;
const MAX_URLS = 2;

/** Judges what a probe of a server found. */
export async function examineConnection(
  facts: ConnectionFacts,
  request: ExamineRequest,
  services: ExamineServices,
): Promise<Judgement> {
  const sent = facts.certificates.slice(0, PATH_LIMITS.given + 1).map(parseCertificate);
  const [leaf] = sent;
  const others = sent.slice(1).filter((entry) => entry !== null);
  if (leaf === undefined || leaf === null) {
    const checks = connectionChecks(facts);
    if (leaf === null) checks.push(unreadableLeaf());
    return assemble({ target: request.target, at: request.at, checks, path: null, revocation: request.revocation });
  }
  return examine(leaf, others, facts, request, services);
}

/** Judges a certificate with what was given beside it, without any server. */
export function examineCertificate(
  leaf: Certificate,
  others: readonly Certificate[],
  request: ExamineRequest,
  services: ExamineServices,
): Promise<Judgement> {
  return examine(leaf, others, null, request, services);
}

async function examine(
  leaf: Certificate,
  others: readonly Certificate[],
  facts: ConnectionFacts | null,
  request: ExamineRequest,
  services: ExamineServices,
): Promise<Judgement> {
  const { at, timeGiven, reference, pins, target } = request;
  const { anchors } = services;
  const { path, fetched } = await findPath(leaf, others, facts !== null, request, services);
  const trusted = isSound(path);
  const revocation = request.revocation === 'off' ? null : await revocationOf(path, trusted, facts, request, services);
  const checks: CheckDraft[] = [
    ...connectionChecks(facts),
    ...pathChecks({ path, anchors, facts, timeGiven, fetched }, at),
    hostnameCheck(leaf, path.faults, reference),
    ...revocationChecks(path, revocation, { mode: request.revocation, offline: facts === null, trusted }),
    pinCheck(path, pins),
  ];
  if (request.note !== undefined) addTo(checks, 'chain', request.note);
  if (request.keyShown === true) tellKeyShown(checks);
  // What was given to judge by mostly speaks of the certificate alone: then its CAs' being unknown is told and refuses nothing.
  const spoken = facts === null && trusted && revocation !== null && revocation.certificates[0]?.status !== 'unknown';
  return assemble({ target, at, checks, path, revocation: spoken ? 'soft' : request.revocation });
}

/** Says something more in a check, after its own words. */
function addTo(checks: readonly CheckDraft[], name: CheckDraft['check'], sentence: string): void {
  const check = checks.find((entry) => entry.check === name);
  if (check === undefined) return;
  check.headline ??= check.explanation;
  check.explanation = `${check.explanation} ${sentence}`;
}

const KEY_SHOWN = 'A private key was given along with the certificate, and whoever has read that text has it.';

/** Told beside what is wrong with the key, or as a warning of its own. */
function tellKeyShown(checks: CheckDraft[]): void {
  const position = checks.findIndex(({ check }) => check === 'key');
  const key = checks[position];
  if (key === undefined) return;
  if (key.status === 'fail') return addTo(checks, 'key', KEY_SHOWN);
  checks[position] = {
    check: 'key',
    status: 'warn',
    code: 'private_key_shown',
    headline: KEY_SHOWN,
    explanation: `${KEY_SHOWN} It was not used.`,
    action: 'Replace the key and the certificate.',
    remedy: 'Replace the key and the certificate if the key is theirs; give certificates alone.',
  };
}

/**
 * The best path; where an issuer is missing and may be fetched, the best with it. That it was not sent stays a fault, because
 * most clients fetch nothing; that it could not be fetched is told with the reason.
 */
async function findPath(
  leaf: Certificate,
  others: readonly Certificate[],
  live: boolean,
  { at, fetchMissing }: ExamineRequest,
  { anchors, fetcher, signal }: ExamineServices,
): Promise<{ path: Path; fetched: Fault | null }> {
  const fetchable = live && !fetchMissing;
  const build = (intermediates: readonly Certificate[]): Path =>
    buildPath(leaf, { at, purpose: 'serverAuth', anchors, intermediates, fetchable });
  const sent = build(others);
  if (!fetchMissing || fetcher === null || !endsOpen(sent)) return { path: sent, fetched: null };
  let path = sent;
  let failure: FailedFetch | null = null;
  const fetched: Certificate[] = [];
  for (let round = 0; round < MAX_FETCHED_ISSUERS && endsOpen(path); round++) {
    const found = await fetchIssuers(path.certificates.at(-1) as Certificate, fetcher, signal);
    if ('fault' in found) failure = found;
    if (!('certificates' in found)) break;
    fetched.push(...found.certificates);
    path = build([...others, ...fetched]);
  }
  // What was fetched and leads nowhere is no part of the judgement.
  if (!path.anchored) return { path: withFetchFailure(sent, failure ?? LEADS_NOWHERE), fetched: null };
  const position = sent.certificates.length - 1;
  return { path, fetched: missingIssuer(sent.certificates[position] as Certificate, position, false) };
}

/** Whether a path ends for want of an issuer. */
function endsOpen({ anchored, faults }: Path): boolean {
  return !anchored && faults.some(isOpenEnd);
}

function isOpenEnd({ code }: Fault): boolean {
  return code === 'missing_intermediate' || code === 'untrusted_root';
}

const LEADS_NOWHERE: FailedFetch = {
  fault: 'untrusted_root',
  explanation: 'What was fetched leads to no root that is trusted here.',
};
const NO_ADDRESS: FailedFetch = {
  fault: 'no_address',
  explanation: 'It could not be fetched: the certificate names no address for it.',
};
const NO_CERTIFICATE: FailedFetch = {
  fault: 'unreadable',
  explanation: 'It could not be fetched: what the address gave holds no certificate.',
};

/** The path, with why its missing issuer did not come. */
function withFetchFailure(path: Path, { explanation, remedy }: FailedFetch): Path {
  const faults = path.faults.map((fault): Fault => {
    if (!isOpenEnd(fault)) return fault;
    const { headline = fault.explanation, action = fault.remedy } = fault;
    return {
      ...fault,
      headline,
      action,
      explanation: `${fault.explanation} ${explanation}`,
      remedy: remedy === undefined ? fault.remedy : `${fault.remedy} ${remedy}`,
    };
  });
  return { ...path, faults };
}

/** The certificates under the addresses that a certificate names for its issuer, or why there are none. */
async function fetchIssuers(
  tip: Certificate,
  fetcher: CertificateFetcher,
  signal: AbortSignal,
): Promise<{ certificates: Certificate[] } | FailedFetch> {
  let failure = NO_ADDRESS;
  for (const url of tip.caIssuersUrls.slice(0, MAX_URLS)) {
    const answer = await fetcher.fetch({ url, kind: 'ca_issuers', maxBytes: MAX_ISSUER_BYTES, signal });
    if ('fault' in answer) {
      failure = { ...answer, explanation: `It could not be fetched. ${answer.explanation}` };
      continue;
    }
    const certificates = readBundle(answer.bytes, 8)?.certificates ?? [];
    if (certificates.length > 0) return { certificates };
    failure = NO_CERTIFICATE;
  }
  return failure;
}

/**
 * Of a trusted chain all that can be found out; of another one nothing is fetched, and only what was given or stapled is judged:
 * null where that is nothing.
 */
async function revocationOf(
  path: Path,
  trusted: boolean,
  facts: ConnectionFacts | null,
  { at, crls, ocspResponses }: ExamineRequest,
  { fetcher, cache, random, now, signal }: ExamineServices,
): Promise<ChainRevocation | null> {
  const staple = facts?.staple;
  const evidence = crls.length + ocspResponses.length > 0 || staple !== undefined;
  if (!trusted && (!evidence || path.certificates.length < 2)) return null;
  return checkRevocation(path.certificates, {
    at,
    now,
    fetcher: trusted ? fetcher : null,
    cache,
    random,
    signal,
    crls,
    ocspResponses,
    ...(staple === undefined ? {} : { staple }),
  });
}

function unreadableLeaf(): CheckDraft {
  return {
    check: 'chain',
    status: 'unknown',
    code: 'unreadable',
    explanation: 'The certificate that the server sends cannot be read.',
    remedy: 'Have it issued anew.',
  };
}
