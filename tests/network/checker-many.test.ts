/** Many targets in one call: some at a time, each told when it is finished, and nothing lost when the call is cut off. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MAX_PARALLEL } from '../../src/network/many.js';
import { checking, countedSockets, withPort } from '../support/pki/checking.js';
import { hostileServer } from '../support/pki/hostile-servers.js';
import { httpServer, type HttpRunning } from '../support/pki/http-servers.js';
import { codesOf } from '../support/pki/judge.js';
import { createLab, GOOD_NAME } from '../support/pki/lab.js';
import { closeAll, type Running } from '../support/pki/listen.js';
import { tlsServer } from '../support/pki/tls-servers.js';

/** OpenSSL goes by the real clock. */
const lab = await createLab({ at: new Date() });
const question = { serverName: GOOD_NAME } as const;
let good: Running, reset: Running, silent: Running;

beforeAll(async () => {
  good = await tlsServer({ chain: [lab.good, lab.intermediate], privateKey: lab.good.privateKey });
  [reset, silent] = await Promise.all([hostileServer('reset'), hostileServer('silent')]);
});
afterAll(() => closeAll([good, reset, silent]));

describe('a hundred targets', () => {
  it('are judged sixteen at a time, each told once, in the order they were asked', async () => {
    const sockets = countedSockets();
    const check = checking({ anchors: [lab.rootEc], doors: { connect: sockets.connect } });
    const targets = Array.from({ length: 100 }, (_, i) => withPort(i % 10 === 3 ? reset : good));
    const told: number[] = [];
    const results = await check(targets, question, { onFinished: (finished) => told.push(finished) });
    expect(results.map(({ judgement }) => judgement.target)).toEqual(targets);
    expect(results.map(({ judgement }) => judgement.verdict)).toEqual(
      targets.map((_, i) => (i % 10 === 3 ? 'undetermined' : 'trusted')),
    );
    expect(told).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(sockets.most()).toBeLessThanOrEqual(MAX_PARALLEL);
    expect(sockets.most()).toBeGreaterThan(1);
    expect(sockets.all()).toBe(100);
  });

  it('that are slow do not hold up the others, and cost each its own time', async () => {
    const check = checking({ anchors: [lab.rootEc] });
    const targets = [
      ...Array.from({ length: 8 }, () => withPort(silent)),
      ...Array.from({ length: 20 }, () => withPort(good)),
    ];
    const order: string[] = [];
    const results = await check(targets, { ...question, timeoutSeconds: 3 }, { onFinished: () => order.push('') });
    const verdicts = results.map(({ judgement }) => judgement.verdict);
    expect(verdicts).toEqual([...Array<string>(8).fill('undetermined'), ...Array<string>(20).fill('trusted')]);
    expect(results.slice(0, 8).flatMap(({ judgement }) => codesOf(judgement))).toEqual(Array(8).fill('timeout'));
    expect(order).toHaveLength(28);
  });
});

describe('a call that is cancelled', () => {
  it('keeps what is finished, tells the rest, and dials no more', async () => {
    const sockets = countedSockets();
    const check = checking({ anchors: [lab.rootEc], doors: { connect: sockets.connect } });
    // Fifteen of the sixteen at work are held by servers that say nothing; the good ones pass one after the other.
    const targets = Array.from({ length: 100 }, (_, i) => withPort(i < MAX_PARALLEL - 1 ? silent : good));
    const controller = new AbortController();
    const results = await check(targets, question, {
      signal: controller.signal,
      onFinished(finished) {
        if (finished === 5) controller.abort();
      },
    });
    expect(results).toHaveLength(100);
    const finished = results.filter(({ judgement }) => judgement.verdict === 'trusted');
    expect(finished).toHaveLength(5);
    for (const { judgement } of results) {
      if (judgement.verdict === 'trusted') continue;
      expect(judgement).toMatchObject({ verdict: 'undetermined', chain: [] });
      expect(codesOf(judgement)).toEqual(['cancelled']);
    }
    expect(sockets.all()).toBe(MAX_PARALLEL - 1 + 5);
    expect(sockets.open()).toBe(0);
  });

  it('before it begins dials nothing', async () => {
    const sockets = countedSockets();
    const check = checking({ anchors: [lab.rootEc], doors: { connect: sockets.connect } });
    const results = await check([withPort(good), 'www.example.com'], question, { signal: AbortSignal.abort() });
    expect(results.flatMap(({ judgement }) => codesOf(judgement))).toEqual(['cancelled', 'cancelled']);
    expect(sockets.all()).toBe(0);
  });

  it('while revocation is asked still judges what the server showed', async () => {
    const controller = new AbortController();
    const responder: HttpRunning = await httpServer(() => {
      controller.abort();
      return { manner: 'hang' };
    });
    const leaf = lab.leaf({ aia: { ocsp: [responder.url] } });
    const server = await tlsServer({ chain: [leaf, lab.intermediate], privateKey: leaf.privateKey });
    try {
      const [found] = await checking({ anchors: [lab.rootEc] })([withPort(server)], question, controller);
      expect(found?.judgement.verdict).toBe('trusted');
      expect(codesOf(found!.judgement)).toEqual(['revocation_unavailable']);
      expect(found?.judgement.chain).toHaveLength(3);
    } finally {
      await closeAll([responder, server]);
    }
  });
});
