/** The checker against servers of the lab: every live case, and what a target may cost and reach. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { CheckedTarget } from '../../src/crypto/certificate/checker.js';
import { inParallel } from '../../src/network/many.js';
import { liveCases, type LiveCase } from '../support/pki/cases.js';
import { checking, lookupFails, withPort } from '../support/pki/checking.js';
import { LIVE_CODES } from '../support/pki/contract-codes.js';
import type { LiveTarget } from '../support/pki/cases-live.js';
import { codesOf, shouldBe } from '../support/pki/judge.js';
import { createLab, GOOD_NAME } from '../support/pki/lab.js';
import { tlsServer } from '../support/pki/tls-servers.js';

/** OpenSSL goes by the real clock. */
const lab = await createLab({ at: new Date() });
const cases = liveCases();
const results = new Map<string, CheckedTarget>();
const targets = new Map<string, LiveTarget>();

/** Servers that never answer are given little time; what answers may be slow on a busy machine. */
const secondsFor = ({ expected }: LiveCase): number => (expected.codes.includes('timeout') ? 0.5 : 20);

async function run(item: LiveCase): Promise<void> {
  const target = await item.start(lab);
  targets.set(item.name, target);
  const check = checking({
    anchors: [lab.rootEc],
    doors: { lookup: lookupFails('ENOTFOUND') },
    ...(item.loopbackForbidden === true ? { policy: { mode: 'public', allowHosts: [], ports: [target.port] } } : {}),
  });
  const found = await check([withPort(target)], {
    timeoutSeconds: secondsFor(item),
    ...(item.serverName === undefined ? {} : { serverName: item.serverName }),
    ...(item.starttls === undefined ? {} : { starttls: item.starttls }),
  });
  results.set(item.name, found[0] as CheckedTarget);
}

beforeAll(async () => {
  await inParallel(cases, { parallel: 6, work: run, abandoned: run });
}, 120_000);

afterAll(async () => {
  await Promise.all([...targets.values()].map(({ close }) => close()));
});

describe('every live case', () => {
  it.each(cases.map((item) => [item.name, item] as const))('%s', (name, item) => {
    const { judgement } = results.get(name) as CheckedTarget;
    shouldBe(judgement, item.expected);
    if (item.loopbackForbidden === true) expect(targets.get(name)?.connections).toBe(0);
  });

  it('and every code of the contract that needs a server', () => {
    const reached = new Set([...results.values()].flatMap(({ judgement }) => codesOf(judgement)));
    expect(LIVE_CODES.filter((code) => !reached.has(code))).toEqual([]);
    expect(cases.length).toBeGreaterThanOrEqual(42);
  });
});

describe('a trust anchor that is no root', () => {
  it.each(['the intermediate', 'the certificate itself'])('%s given as trust is enough', async (which) => {
    const server = await tlsServer({ chain: [lab.good, lab.intermediate], privateKey: lab.good.privateKey });
    const anchors = [which === 'the intermediate' ? lab.intermediate : lab.good];
    const [found] = await checking({ anchors })([withPort(server)], { serverName: GOOD_NAME, revocation: 'off' });
    await server.close();
    expect(found?.facts.opensslError).toBeNull();
    expect(found?.judgement.verdict).toBe('trusted');
  });
});

describe('without a network', () => {
  it.each(['ENOTFOUND', 'EAI_AGAIN', 'ENODATA'])('a resolver that answers %s gives no verdict', async (code) => {
    const check = checking({ anchors: [lab.rootEc], doors: { lookup: lookupFails(code) } });
    for (const revocation of ['soft', 'hard', 'off'] as const) {
      const [found] = await check(['www.example.com', 'other.example.com:8443'], { revocation });
      expect(found?.judgement).toMatchObject({ verdict: 'undetermined', chain: [] });
      expect(codesOf(found!.judgement)).toEqual(['name_not_found']);
    }
  });

  it('a resolver that never answers ends at the deadline', async () => {
    const check = checking({ anchors: [lab.rootEc], doors: { lookup: () => new Promise(() => undefined) } });
    const [found] = await check(['www.example.com'], { timeoutSeconds: 0.2 });
    expect(found?.judgement.verdict).toBe('undetermined');
    expect(codesOf(found!.judgement)).toEqual(['timeout']);
  });

  it('a policy that allows none dials and resolves nothing', async () => {
    const asked: string[] = [];
    const lookup = (name: string): Promise<string[]> => {
      asked.push(name);
      return Promise.resolve(['127.0.0.1']);
    };
    const check = checking({
      anchors: [lab.rootEc],
      policy: { mode: 'off', allowHosts: [], ports: [] },
      doors: {
        lookup,
        connect() {
          throw new Error('dialled');
        },
      },
    });
    const found = await check(['www.example.com', '127.0.0.1', '[::1]:443'], {});
    expect(found.map(({ judgement }) => judgement.verdict)).toEqual(Array(3).fill('undetermined'));
    expect(found.flatMap(({ judgement }) => codesOf(judgement))).toEqual(Array(3).fill('network_refused'));
    expect(asked).toEqual([]);
  });
});

describe('what is no target', () => {
  it('refuses the whole call before anything is dialled', async () => {
    const check = checking({
      anchors: [lab.rootEc],
      doors: {
        connect() {
          throw new Error('dialled');
        },
      },
    });
    for (const bad of ['', 'https://a.test/x', 'a b', 'a.test:0', 'a.test:70000', '[::1'])
      await expect(check(['127.0.0.1:1', bad], {}), bad).rejects.toMatchObject({ code: 'input_invalid' });
    await expect(check(['127.0.0.1:1'], { serverName: 'a b' })).rejects.toMatchObject({ code: 'input_invalid' });
  });
});
