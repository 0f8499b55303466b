/**
 * The whole judgement, in its order: path, missing issuers where that was asked for, then (only for a chain that is trusted)
 * revocation, then every check. What is fetched arrives through an argument; nothing here dials.
 */

import { readBundle } from './bundle.js';
import {
  connectionChecks,
  hostnameCheck,
  pathChecks,
  pinCheck,
  revocationChecks,
  type RevocationMode,
} from './checks.js';
import type { ConnectionFacts } from './connection.js';
import type { Reference } from './hostname.js';
import type { Check, Judgement } from './judgement.js';
import { parseCertificate, type Certificate } from './parse.js';
import { buildPath, isSound, missingIssuer, PATH_LIMITS, type Path, type TrustAnchors } from './path.js';
import { assemble } from './report.js';
import { checkRevocation, type ChainRevocation, type RevocationCache } from './revocation.js';
import type { Fault } from './rules.js';
import type { Random } from '../random.js';

/** Fetches what a certificate names, under the address policy. Never rejects. */
export interface CertificateFetcher {
  fetch(request: {
    url: string;
    kind: 'ocsp' | 'crl' | 'ca_issuers';
    body?: Uint8Array;
    maxBytes: number;
    signal: AbortSignal;
  }): Promise<{ bytes: Uint8Array } | { fault: string; explanation: string }>;
}

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
  const { path, fetched } = await findPath(leaf, others, request, services);
  const trusted = isSound(path);
  const revocation =
    trusted && request.revocation !== 'off' ? await revocationOf(path, facts, request, services) : null;
  const checks: Check[] = [
    ...connectionChecks(facts),
    ...pathChecks({ path, anchors, facts, timeGiven, fetched }, at),
    hostnameCheck(leaf, path.faults, reference),
    ...revocationChecks(path, revocation, request.revocation, facts === null),
    pinCheck(path, pins),
  ];
  const chain = checks.find(({ check }) => check === 'chain');
  if (chain !== undefined && request.note !== undefined) chain.explanation = `${chain.explanation} ${request.note}`;
  // What was given to judge by mostly speaks of the certificate alone: then its CAs' being unknown is told and refuses nothing.
  const spoken = facts === null && revocation !== null && revocation.certificates[0]?.status !== 'unknown';
  return assemble({ target, at, checks, path, revocation: spoken ? 'soft' : request.revocation });
}

/**
 * The best path; where an issuer is missing and may be fetched, the best with it. That it was not sent stays a fault, because
 * most clients fetch nothing.
 */
async function findPath(
  leaf: Certificate,
  others: readonly Certificate[],
  { at, fetchMissing }: ExamineRequest,
  { anchors, fetcher, signal }: ExamineServices,
): Promise<{ path: Path; fetched: Fault | null }> {
  const build = (intermediates: readonly Certificate[]): Path =>
    buildPath(leaf, { at, purpose: 'serverAuth', anchors, intermediates });
  const sent = build(others);
  if (!fetchMissing || fetcher === null) return { path: sent, fetched: null };
  let path = sent;
  const fetched: Certificate[] = [];
  for (let round = 0; round < MAX_FETCHED_ISSUERS && endsOpen(path); round++) {
    const found = await fetchIssuers(path.certificates.at(-1) as Certificate, fetcher, signal);
    if (found.length === 0) break;
    fetched.push(...found);
    path = build([...others, ...fetched]);
  }
  // What was fetched and leads nowhere is no part of the judgement.
  if (!path.anchored) return { path: sent, fetched: null };
  if (path === sent) return { path, fetched: null };
  const position = sent.certificates.length - 1;
  return { path, fetched: missingIssuer(sent.certificates[position] as Certificate, position) };
}

/** Whether a path ends for want of an issuer. */
function endsOpen({ anchored, faults }: Path): boolean {
  return !anchored && faults.some(({ code }) => code === 'missing_intermediate' || code === 'untrusted_root');
}

async function fetchIssuers(
  tip: Certificate,
  fetcher: CertificateFetcher,
  signal: AbortSignal,
): Promise<Certificate[]> {
  for (const url of tip.caIssuersUrls.slice(0, MAX_URLS)) {
    const answer = await fetcher.fetch({ url, kind: 'ca_issuers', maxBytes: MAX_ISSUER_BYTES, signal });
    const found = 'bytes' in answer ? (readBundle(answer.bytes, 8)?.certificates ?? []) : [];
    if (found.length > 0) return found;
  }
  return [];
}

function revocationOf(
  path: Path,
  facts: ConnectionFacts | null,
  { at, crls, ocspResponses }: ExamineRequest,
  { fetcher, cache, random, now, signal }: ExamineServices,
): Promise<ChainRevocation> {
  return checkRevocation(path.certificates, {
    at,
    now,
    fetcher,
    cache,
    random,
    signal,
    crls,
    ocspResponses,
    ...(facts?.staple === undefined ? {} : { staple: facts.staple }),
  });
}

function unreadableLeaf(): Check {
  return {
    check: 'chain',
    status: 'unknown',
    code: 'unreadable',
    explanation: 'The certificate that the server sends cannot be read.',
    remedy: 'Have it issued anew.',
  };
}
