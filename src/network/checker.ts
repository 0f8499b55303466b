/** Judges certificates of servers: probes them, many at once and each within its deadline, and examines what they show. */

import type { CertificateChecker, CheckedTarget, CheckRequest, VerifyRequest } from '../crypto/certificate/checker.js';
import {
  examineCertificate,
  examineConnection,
  type ExamineRequest,
  type ExamineServices,
} from '../crypto/certificate/examine.js';
import type { CertificateFetcher } from '../crypto/certificate/fetcher.js';
import { readReference, showReference, type Reference } from '../crypto/certificate/hostname.js';
import { RevocationCache } from '../crypto/certificate/revocation.js';
import { inputInvalid, SecurityError } from '../crypto/errors.js';
import type { Random } from '../crypto/random.js';
import { givenAnchors, systemAnchors, type AnchorSet } from './anchors.js';
import type { Doors } from './dial.js';
import { fetchBytes } from './fetch.js';
import { inParallel } from './many.js';
import type { NetworkPolicy } from './policy.js';
import { parseTarget, type Target } from './target.js';
import { probe } from './tls-probe.js';

export interface CheckerOptions {
  policy: NetworkPolicy;
  /** PEM texts of trust anchors beside the bundled ones. */
  extraAnchors: readonly string[];
  random: Random;
  now(): Date;
  doors?: Doors;
}

/** For all targets of a call: what is finished by then is answered, the rest as timed out. */
export const CHECK_LIMIT_SECONDS = 220;

/** A single answer; the target's own deadline is usually nearer. */
const FETCH_LIMIT_MS = 15_000;

export function createCertificateChecker(options: CheckerOptions): CertificateChecker {
  const { policy, random, now, doors } = options;
  const cache = new RevocationCache();
  let system: AnchorSet | undefined;
  const anchorsFor = ({ trust }: CheckRequest | VerifyRequest): AnchorSet =>
    trust === undefined ? (system ??= systemAnchors(options.extraAnchors)) : givenAnchors(trust);
  const servicesFor = (
    anchors: AnchorSet,
    fetcher: CertificateFetcher | null,
    signal: AbortSignal,
  ): ExamineServices => ({
    anchors,
    fetcher,
    cache,
    random,
    now: now(),
    signal,
  });

  const checkOne = async (
    target: Target,
    text: string,
    request: CheckRequest,
    anchors: AnchorSet,
    signal: AbortSignal,
  ): Promise<CheckedTarget> => {
    const ownTime = AbortSignal.timeout(request.timeoutSeconds * 1000);
    const limited = AbortSignal.any([signal, ownTime]);
    const name = serverNameOf(request);
    const facts = await probe(target, {
      policy,
      anchors: anchors.pem,
      timeoutMs: request.timeoutSeconds * 1000,
      signal: limited,
      ...(request.starttls === undefined ? {} : { starttls: request.starttls }),
      ...(name === undefined ? {} : { serverName: name }),
      ...(doors === undefined ? {} : { doors }),
    });
    const fetcher = createFetcher(policy, doors);
    const judgement = await examineConnection(
      facts,
      examineRequestOf(text, readReference(name ?? target.host), request, now()),
      servicesFor(anchors, fetcher, limited),
    );
    return { judgement, facts };
  };

  return {
    async check(request, signal, onFinished) {
      const targets = request.targets.map((text, i) => readTarget(text, i, request));
      serverNameOf(request);
      const anchors = anchorsFor(request);
      const whole = AbortSignal.any([signal, AbortSignal.timeout(CHECK_LIMIT_SECONDS * 1000)]);
      return inParallel(targets, {
        work: (target, index) => checkOne(target, request.targets[index] ?? '', request, anchors, whole),
        // With the signal aborted this is quick: nothing is dialled any more.
        abandoned: (target, index) => checkOne(target, request.targets[index] ?? '', request, anchors, whole),
        signal: whole,
        onFinished: (_result, _index, finished) => onFinished(finished),
      });
    },
    verify(request, signal) {
      const { leaf, others, crls, ocspResponses, serverName, leftOut, keyShown } = request;
      const reference = serverName === undefined ? null : readServerName(serverName);
      const given = crls.length + ocspResponses.length > 0;
      const question: ExamineRequest = {
        ...examineRequestOf(
          'certificate',
          reference,
          { ...request, pins: [], fetchMissing: false, revocation: given ? 'hard' : 'off' },
          now(),
        ),
        crls,
        ocspResponses,
        keyShown,
        ...(leftOut === 0
          ? {}
          : { note: `${leftOut} of what was given could not be read, or was too much, and was left out.` }),
      };
      return examineCertificate(leaf, others, question, servicesFor(anchorsFor(request), null, signal));
    },
  };
}

function examineRequestOf(
  target: string,
  reference: Reference | null,
  request: Pick<CheckRequest, 'at' | 'revocation' | 'pins' | 'fetchMissing'>,
  now: Date,
): ExamineRequest {
  const { at, revocation, pins, fetchMissing } = request;
  const timeGiven = at !== undefined;
  return { target, at: at ?? now, timeGiven, reference, revocation, pins, fetchMissing, crls: [], ocspResponses: [] };
}

function readTarget(text: string, index: number, { starttls }: CheckRequest): Target {
  const read = parseTarget(text, starttls);
  if ('target' in read) return read.target;
  const { explanation, remedy } = read.problem;
  throw new SecurityError('input_invalid', `targets[${index}]: ${explanation}`, { hint: remedy });
}

function serverNameOf({ serverName }: CheckRequest): string | undefined {
  return serverName === undefined ? undefined : showReference(readServerName(serverName));
}

function readServerName(text: string): Reference {
  const reference = readReference(text);
  if (reference !== null) return reference;
  throw inputInvalid(
    'server_name',
    'is not a host name or an address',
    'Give the name alone, such as www.example.com.',
  );
}

/** Revocation and issuers are fetched under the same policy as servers are dialled. */
function createFetcher(policy: NetworkPolicy, doors: Doors | undefined): CertificateFetcher {
  return {
    async fetch({ url, kind, body, maxBytes, signal }) {
      const answer = await fetchBytes({
        url,
        policy,
        maxBytes,
        signal,
        timeoutMs: FETCH_LIMIT_MS,
        method: body === undefined ? 'GET' : 'POST',
        ...(body === undefined ? {} : { body }),
        ...(kind === 'ocsp' ? { contentType: 'application/ocsp-request', accept: 'application/ocsp-response' } : {}),
        ...(doors === undefined ? {} : { doors }),
      });
      if (answer.ok) return answer;
      const { code, explanation, remedy } = answer;
      return { fault: code, explanation, remedy };
    },
  };
}
