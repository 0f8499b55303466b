/**
 * x509-limbo (C2SP, the part of it under SECURITY_MCP_VECTORS): chains that others have stumbled over, each through the whole
 * judgement, with revocation asked hard where lists are given. What is judged otherwise stands in `limbo-deviations.ts`.
 */

import { afterAll, beforeEach, expect, it, vi } from 'vitest';

import { namesCover, readReference } from '../../../src/crypto/certificate/hostname.js';
import { parseCertificate, type Certificate } from '../../../src/crypto/certificate/parse.js';
import { buildPath, isSound, PATH_LIMITS } from '../../../src/crypto/certificate/path.js';
import { verifySignature } from '../../../src/crypto/certificate/signature.js';
import { codesOf, judgeGiven } from '../../support/pki/judge.js';
import { describeWithVectors, readVectors, vectorsPresent } from '../../support/vectors.js';
import { LIMBO_DEVIATIONS, mayDeviate } from './limbo-deviations.js';

vi.mock(import('../../../src/crypto/certificate/signature.js'), async (load) => {
  const real = await load();
  return { ...real, verifySignature: vi.fn(real.verifySignature) };
});

interface LimboCase {
  id: string;
  features: string[];
  expected_result: 'SUCCESS' | 'FAILURE';
  validation_kind: 'SERVER' | 'CLIENT';
  validation_time: string | null;
  trusted_certs: string[];
  untrusted_intermediates: string[];
  peer_certificate: string;
  expected_peer_name: { kind: string; value: string } | null;
  max_chain_depth: number | null;
  crls: string[];
}

interface Answer {
  trusted: boolean;
  /** Of failures, warnings and what was not found out. */
  codes: string[];
}

/** Where a case names no time, any within the life of its certificates will do. */
const TIME = '2026-11-01T00:00:00Z';

function readAll(pems: readonly string[]): Certificate[] {
  return pems
    .map((pem) => parseCertificate(Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64')))
    .filter((entry) => entry !== null);
}

async function answerTo(item: LimboCase): Promise<Answer> {
  const [leaf] = readAll([item.peer_certificate]);
  if (leaf === undefined) return { trusted: false, codes: ['unreadable'] };
  const at = new Date(item.validation_time ?? TIME);
  const anchors = readAll(item.trusted_certs);
  const intermediates = readAll(item.untrusted_intermediates);
  const serverName = item.validation_kind === 'SERVER' ? item.expected_peer_name?.value : undefined;
  if (item.validation_kind === 'SERVER' && item.max_chain_depth === null) {
    const judgement = await judgeGiven([leaf, ...intermediates], at, {
      anchors,
      crls: item.crls.map((pem) => Buffer.from(pem)),
      revocation: item.crls.length > 0 ? 'hard' : 'off',
      ...(serverName === undefined ? {} : { serverName }),
    });
    return { trusted: judgement.verdict === 'trusted', codes: codesOf(judgement) };
  }
  // Clients, and limits of a caller, are no part of the tools: the path alone, and the name.
  const path = buildPath(leaf, {
    at,
    purpose: item.validation_kind === 'SERVER' ? 'serverAuth' : 'clientAuth',
    anchors: { certificates: anchors, isPublic: () => false },
    intermediates,
    ...(item.max_chain_depth === null
      ? {}
      : { maxIntermediates: Math.min(item.max_chain_depth, PATH_LIMITS.intermediates) }),
  });
  const reference = serverName === undefined ? null : readReference(serverName);
  const named = serverName === undefined || (reference !== null && namesCover(leaf.subjectAltNames ?? [], reference));
  return { trusted: isSound(path) && named, codes: path.faults.map(({ code }) => code) };
}

const wanted = ({ expected_result }: LimboCase): boolean => expected_result === 'SUCCESS';

describeWithVectors('x509-limbo', () => {
  // The body of a skipped block runs too.
  const testcases = vectorsPresent
    ? readVectors<{ testcases: LimboCase[] }>('x509-limbo/limbo-part.json').testcases
    : [];
  const tally = { right: 0, told: 0, verified: 0 };
  const verified = vi.mocked(verifySignature);

  beforeEach(() => void verified.mockClear());

  it.each(testcases.map((item) => [item.id, item] as const))('%s', async (id, item) => {
    const { trusted, codes } = await answerTo(item);
    const deviation = LIMBO_DEVIATIONS[id];
    if (trusted === wanted(item)) {
      tally.right += 1;
      expect(deviation, 'it is judged as expected: its deviation is no longer needed').toBeUndefined();
    } else {
      expect(deviation, `judged otherwise without a reason: ${codes.join(', ')}`).toBeDefined();
      if (deviation?.told !== undefined) {
        tally.told += 1;
        expect(codes).toContain(deviation.told);
      }
    }
    // However many certificates of one name are given. Lists are signed too: one each.
    tally.verified += verified.mock.calls.length;
    expect(verified.mock.calls.length).toBeLessThanOrEqual(PATH_LIMITS.signatureChecks + item.crls.length);
  });

  it('deviates only where that is open to debate, and never refuses a good chain otherwise', () => {
    const byId = new Map(testcases.map((item) => [item.id, item]));
    for (const [id, { reason }] of Object.entries(LIMBO_DEVIATIONS)) {
      const item = byId.get(id);
      expect(item, `${id} is no case`).toBeDefined();
      expect(mayDeviate(id, item?.features ?? []), id).toBe(true);
      expect(reason.length, id).toBeGreaterThan(40);
    }
    const refused = Object.keys(LIMBO_DEVIATIONS).filter((id) => byId.get(id)?.expected_result === 'SUCCESS');
    expect(refused).toEqual(['pathlen::validation-ignores-pathlen-in-leaf']);
  });

  afterAll(() => {
    expect(testcases).toHaveLength(104);
    expect(tally.verified).toBeGreaterThan(104);
    expect(tally.right).toBeGreaterThanOrEqual(95);
    expect(tally.right + tally.told).toBeGreaterThanOrEqual(102);
  });
});
