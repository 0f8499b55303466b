/** The checks that a path gives: lifetimes, what expires soon, several faults at once, and OpenSSL's word beside ours. */

import { beforeAll, describe, expect, it } from 'vitest';

import { pathChecks } from '../../../src/crypto/certificate/checks.js';
import type { ConnectionFacts } from '../../../src/crypto/certificate/connection.js';
import { type Check, type CheckName } from '../../../src/crypto/certificate/judgement.js';
import type { Path } from '../../../src/crypto/certificate/path.js';
import type { Fault } from '../../../src/crypto/certificate/rules.js';
import { type CertificateOptions, type Issued } from '../../support/pki/certificates.js';
import { judgeSent, read, shown } from '../../support/pki/judge.js';
import { createLab, GOOD_NAME, type Lab } from '../../support/pki/lab.js';

let lab: Lab;
beforeAll(async () => {
  lab = await createLab();
});

const pathOf = (chain: Issued[], faults: Fault[] = []): Path => ({
  certificates: chain.map(read),
  anchored: true,
  faults,
});
const good = (): Issued[] => [lab.good, lab.intermediate, lab.rootEc];
function one(checks: readonly Check[], name: CheckName): Check {
  const found = checks.filter(({ check }) => check === name);
  expect(found).toHaveLength(1);
  return found[0] as Check;
}
interface Asked {
  facts?: ConnectionFacts | null;
  isPublic?: boolean;
  timeGiven?: boolean;
  at?: Date;
}
const ofPath = (path: Path, { facts = null, isPublic = false, timeGiven = false, at = lab.at }: Asked = {}): Check[] =>
  pathChecks({ path, facts, timeGiven, fetched: null, anchors: { certificates: [], isPublic: () => isPublic } }, at);

describe('the public lifetime', () => {
  const lived = (from: string, seconds: number, isPublic = true): Check => {
    const notBefore = new Date(from);
    const leaf = lab.leaf({ notBefore, notAfter: new Date(notBefore.getTime() + seconds * 1000) });
    return one(ofPath(pathOf([leaf, lab.intermediate, lab.rootEc]), { isPublic, at: notBefore }), 'lifetime');
  };
  it.each([
    ['2019-01-01T00:00:00Z', 825],
    ['2026-03-14T23:59:59Z', 398],
    ['2026-03-15T00:00:00Z', 200],
    ['2027-03-15T00:00:00Z', 100],
    ['2029-03-15T00:00:00Z', 47],
  ])('of a certificate issued on %s is %i days to the second', (from, days) => {
    expect(lived(from, days * 86_400 - 1)).toMatchObject({ status: 'pass', explanation: `It lives ${days} days.` });
    expect(lived(from, days * 86_400)).toMatchObject({
      status: 'fail',
      code: 'lifetime_too_long',
      explanation: `It lives ${days + 1} days; a public certificate issued on ${from.slice(0, 10)} may live ${days}.`,
    });
  });

  it('does not bind private CAs, nor certificates older than the rule, nor chains that end nowhere', () => {
    expect(lived('2026-11-01T00:00:00Z', 86_400 * 3_650, false)).toMatchObject({
      status: 'skipped',
      code: 'private_ca',
    });
    expect(lived('2017-01-01T00:00:00Z', 86_400 * 1_000)).toMatchObject({ status: 'pass' });
    const open = { ...pathOf([lab.leaf({ notAfter: lab.days(3_000) })]), anchored: false };
    expect(one(ofPath(open, { isPublic: true }), 'lifetime').code).toBe('private_ca');
  });
});

describe('expires soon', () => {
  const validity = (options: Partial<CertificateOptions>, chain: Issued[] = [lab.intermediate, lab.rootEc]): Check =>
    one(ofPath(pathOf([lab.leaf(options), ...chain])), 'validity');
  const after = (hours: number): Date => new Date(lab.at.getTime() + hours * 3_600_000);

  it('is a tenth of the life that is left', () => {
    // Ninety days: thirty gone at the least, nine left at the most.
    expect(validity({ notBefore: lab.days(-81), notAfter: after(9 * 24) })).toMatchObject({ status: 'pass' });
    expect(validity({ notBefore: lab.days(-81), notAfter: after(9 * 24 - 2) })).toMatchObject({
      status: 'warn',
      code: 'expires_soon',
      explanation: expect.stringContaining('in 8 days'),
    });
    expect(validity({ notBefore: lab.days(-4), notAfter: after(48) })).toMatchObject({ status: 'pass' });
  });

  it('is less than a day, but for one that lives no longer: there it is a third of its life', () => {
    expect(validity({ notBefore: lab.days(-4), notAfter: after(23) }).explanation).toMatch(
      /^It expires in less than a day/,
    );
    expect(validity({ notBefore: after(-12), notAfter: after(12) }).status).toBe('pass');
    expect(validity({ notBefore: after(-18), notAfter: after(6) }).status).toBe('warn');
  });

  it('is told of a CA certificate that ends first', () => {
    const ending = lab.issueCa({ subject: 'CN=Ending', issuer: lab.rootEc, notAfter: lab.days(2) });
    const found = validity({ issuer: ending }, [ending, lab.rootEc]);
    expect(found).toMatchObject({ status: 'warn', code: 'expires_soon' });
    expect(found.explanation).toMatch(/^The CA certificate Ending expires in 2 days/);
  });
});

describe("OpenSSL's word", () => {
  const chain = (opensslError: string | null | undefined, more: Asked = {}): Check => {
    const { opensslError: _none, ...facts } = shown(good());
    return one(
      ofPath(pathOf(good()), { facts: opensslError === undefined ? facts : { ...facts, opensslError }, ...more }),
      'chain',
    );
  };

  it('that agrees is not told', () => {
    expect(chain(null)).toMatchObject({
      status: 'pass',
      explanation: 'Leads to the trusted root Lab Root EC in 2 steps.',
    });
  });

  it('that differs makes it unknown, and both are told', () => {
    const found = chain('UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
    expect(found).toMatchObject({ status: 'unknown', code: 'openssl_disagrees' });
    expect(found.explanation).toBe(
      'By our own validation the chain is sound; OpenSSL refuses it (UNABLE_TO_GET_ISSUER_CERT_LOCALLY).',
    );
    expect(found.remedy).not.toBe('');
  });

  it('that was not heard, because the handshake ended, makes it unknown', () => {
    expect(chain(undefined)).toMatchObject({ status: 'unknown', code: 'handshake_incomplete' });
  });

  it('about the time counts only where the judgement is for now', () => {
    for (const error of ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']) {
      expect(chain(error, { timeGiven: true }).status).toBe('pass');
      expect(chain(error, { timeGiven: false }).code).toBe('openssl_disagrees');
    }
    expect(chain('SELF_SIGNED_CERT_IN_CHAIN', { timeGiven: true }).code).toBe('openssl_disagrees');
  });

  it('costs the trust in the judgement, and never mends it', async () => {
    const question = { anchors: [lab.rootEc], serverName: GOOD_NAME };
    const differing = await judgeSent(
      shown([lab.good, lab.intermediate], { opensslError: 'INVALID_CA' }),
      lab.at,
      question,
    );
    expect([differing.verdict, one(differing.checks, 'chain').code]).toEqual(['undetermined', 'openssl_disagrees']);
    const forged = await judgeSent(shown([lab.leaf({ corruptSignature: true }), lab.intermediate]), lab.at, question);
    expect([forged.verdict, one(forged.checks, 'chain').code]).toEqual(['untrusted', 'bad_signature']);
  });
});

describe('several faults of one check', () => {
  const fault = (code: string, severity: Fault['severity'] = 'fail'): Fault => ({
    check: 'chain',
    code,
    severity,
    position: 0,
    explanation: `About ${code}.`,
    remedy: 'Mend it.',
  });

  it('are told as the first failure and the words of the others, substance before form', () => {
    const told = (...faults: Fault[]): Check => one(ofPath(pathOf(good(), faults)), 'chain');
    expect(told(fault('a', 'warn'), fault('b'))).toMatchObject({
      status: 'fail',
      code: 'b',
      explanation: 'About b. About a.',
    });
    expect(told(fault('key_identifier'), fault('bad_signature')).code).toBe('bad_signature');
    expect(told(fault('a', 'warn'))).toMatchObject({ status: 'warn', code: 'a' });
    expect(told(...['a', 'b', 'c', 'd', 'e', 'f'].map((code) => fault(code))).explanation).toBe(
      'About a. About b. About c. About d.',
    );
  });
});
