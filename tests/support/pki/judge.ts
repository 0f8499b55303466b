/** The judgement of the lab's cases: `examineCertificate` where no handshake is part of the case, else `examineConnection`. */

import { expect } from 'vitest';

import type { RevocationMode } from '../../../src/crypto/certificate/checks.js';
import type { ConnectionFacts } from '../../../src/crypto/certificate/connection.js';
import {
  examineCertificate,
  examineConnection,
  type ExamineRequest,
  type ExamineServices,
} from '../../../src/crypto/certificate/examine.js';
import type { CertificateFetcher } from '../../../src/crypto/certificate/fetcher.js';
import { readReference } from '../../../src/crypto/certificate/hostname.js';
import type { Check, Judgement } from '../../../src/crypto/certificate/judgement.js';
import { parseCertificate, type Certificate } from '../../../src/crypto/certificate/parse.js';
import { RevocationCache } from '../../../src/crypto/certificate/revocation.js';
import { systemRandom } from '../../../src/crypto/random.js';
import type { Expected, PkiCase } from './case.js';
import type { Issued } from './certificates.js';

export interface Question extends Partial<ExamineRequest> {
  anchors: readonly Pick<Issued, 'der'>[];
  publicAnchors?: boolean;
  serverName?: string;
  fetcher?: CertificateFetcher | null;
}

export function read({ der }: Pick<Issued, 'der'>): Certificate {
  const certificate = parseCertificate(der);
  if (certificate === null) throw new Error('the lab makes certificates that can be read');
  return certificate;
}

/** A good handshake that showed these certificates. */
export function shown(chain: readonly Pick<Issued, 'der'>[], more: Partial<ConnectionFacts> = {}): ConnectionFacts {
  return {
    address: '127.0.0.1',
    port: 443,
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    clientCertificate: 'no',
    certificates: chain.map(({ der }) => der),
    opensslError: null,
    ...more,
  };
}

export function judgeGiven(chain: readonly Pick<Issued, 'der'>[], at: Date, question: Question): Promise<Judgement> {
  const [leaf, ...others] = chain.map(read);
  if (leaf === undefined) throw new Error('a case has a leaf');
  return examineCertificate(leaf, others, requestOf(at, question), servicesOf(at, question));
}

export function judgeSent(facts: ConnectionFacts, at: Date, question: Question): Promise<Judgement> {
  return examineConnection(facts, requestOf(at, question), servicesOf(at, question));
}

/** What OpenSSL says is no part of a case: it stands as content. */
export function judgeCase(item: PkiCase, revocation: RevocationMode): Promise<Judgement> {
  const { chain, at, staple, ocsp, crls = [], pins = [] } = item;
  const question: Question = { ...item, revocation, crls, pins, ocspResponses: ocsp === undefined ? [] : [ocsp] };
  if (staple === undefined) return judgeGiven(chain, at, question);
  return judgeSent(shown(chain, staple === null ? {} : { staple }), at, question);
}

function requestOf(at: Date, question: Question): ExamineRequest {
  const { serverName, revocation = 'soft', pins = [], fetchMissing = false, crls = [], ocspResponses = [] } = question;
  return {
    target: 'case',
    at,
    timeGiven: true,
    reference: serverName === undefined ? null : readReference(serverName),
    revocation,
    pins,
    fetchMissing,
    crls,
    ocspResponses,
  };
}

function servicesOf(at: Date, { anchors, publicAnchors = false, fetcher = null }: Question): ExamineServices {
  return {
    anchors: { certificates: anchors.map(read), isPublic: () => publicAnchors },
    fetcher,
    cache: new RevocationCache(),
    random: systemRandom,
    now: at,
    signal: new AbortController().signal,
  };
}

/** The checks that say something is wrong, may be, or could not be found out. */
export function findings({ checks }: Judgement): Check[] {
  return checks.filter(({ status }) => ['fail', 'warn', 'unknown'].includes(status));
}

export function codesOf(judgement: Judgement): string[] {
  return findings(judgement).map(({ code }) => code);
}

/** The verdict and the codes are those that the case expects, and a verdict has its reason. */
export function shouldBe(judgement: Judgement, expected: Omit<Expected, 'hard'>): void {
  const { verdict, codes, anyOf = [], absent = [], finding = false } = expected;
  const found = codesOf(judgement);
  const told = `${judgement.verdict}: ${findings(judgement)
    .map(({ check, code, explanation }) => `${check} ${code} (${explanation})`)
    .join(', ')}`;
  expect([verdict].flat(), told).toContain(judgement.verdict);
  expect(found, told).toEqual(expect.arrayContaining(codes));
  if (anyOf.length > 0)
    expect(
      anyOf.some((code) => found.includes(code)),
      told,
    ).toBe(true);
  expect(
    absent.filter((code) => found.includes(code)),
    told,
  ).toEqual([]);
  if (finding) expect(found, told).not.toEqual([]);
  const statuses = judgement.checks.map(({ status }) => status);
  if (judgement.verdict === 'untrusted') expect(statuses).toContain('fail');
  for (const { explanation, remedy, status } of judgement.checks) {
    expect(explanation.length).toBeGreaterThan(3);
    if (status === 'fail' || status === 'unknown') expect(remedy ?? '').not.toBe('');
  }
}
