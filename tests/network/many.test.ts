/** Many targets at once: at most 16 in parallel, progress for each, and no result lost when the call ends early. */

import { afterEach, expect, it } from 'vitest';

import type { ConnectionFacts } from '../../src/crypto/certificate/connection.js';
import { inParallel, MAX_PARALLEL, type ManyOptions } from '../../src/network/many.js';
import type { Target } from '../../src/network/target.js';
import { probe } from '../../src/network/tls-probe.js';
import { ANY, closedPort, closeServers, selfSigned, target, tcpServer, tlsServer } from '../support/tls-servers.js';

afterEach(closeServers);

const own = selfSigned('example.com');
const identity = { key: own.key, cert: own.cert };
const MAX_TARGETS = 100;
const options = { policy: ANY, anchors: [own.cert], timeoutMs: 20_000 };

/** The handshakes of the checker, without its judgements. */
function probeMany(
  targets: readonly Target[],
  asked: Parameters<typeof probe>[1] & Pick<ManyOptions<Target, ConnectionFacts>, 'parallel' | 'onFinished'>,
): Promise<ConnectionFacts[]> {
  const work = (one: Target): Promise<ConnectionFacts> => probe(one, asked);
  const { signal, parallel = MAX_PARALLEL, onFinished } = asked;
  return inParallel(targets, { work, abandoned: work, signal, parallel, onFinished });
}

it('100 targets, 16 in parallel, each finished once, the results in the order of the targets', async () => {
  const server = await tlsServer(identity);
  const port = await closedPort();
  const targets = Array.from({ length: MAX_TARGETS }, (_, i) =>
    target(`127.0.0.1:${i % 10 === 0 ? port : server.port}`),
  );
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const finished: number[] = [];
  const indexes = new Set<number>();
  const found = await probeMany(targets, {
    ...options,
    signal: new AbortController().signal,
    onFinished: (facts, index, count) => {
      finished.push(count);
      indexes.add(index);
      expect(facts.port).toBe(targets[index]?.port);
    },
  });
  expect(found.map(({ fault, certificates }) => fault?.code ?? certificates.length)).toEqual(
    targets.map((_, i) => (i % 10 === 0 ? 'refused' : 1)),
  );
  expect(finished).toEqual(targets.map((_, i) => i + 1));
  expect(indexes.size).toBe(MAX_TARGETS);
  await server.quiet();
  expect(server.mostOpen).toBeLessThanOrEqual(MAX_PARALLEL);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});

it('a target that hangs has its own deadline and holds up none of the others', async () => {
  const server = await tlsServer(identity);
  const silent = await tcpServer();
  const targets = [silent, server, server, server].map(({ port }) => target(`127.0.0.1:${port}`));
  const order: number[] = [];
  const found = await probeMany(targets, {
    ...options,
    timeoutMs: 500,
    parallel: 2,
    onFinished: (_, index) => order.push(index),
  });
  expect(found.map(({ fault }) => fault?.code)).toEqual(['timeout', undefined, undefined, undefined]);
  expect(order).toEqual([1, 2, 3, 0]);
});

it('a cancelled call gives what is finished, and says of the rest that it was cancelled', async () => {
  const server = await tlsServer(identity);
  const silent = await tcpServer();
  const targets = Array.from({ length: 60 }, (_, i) => target(`127.0.0.1:${i < 20 ? server.port : silent.port}`));
  const controller = new AbortController();
  const seen: number[] = [];
  const found = await probeMany(targets, {
    ...options,
    signal: controller.signal,
    onFinished: (_, index, count) => {
      seen.push(index);
      if (count === 20) controller.abort();
    },
  });
  expect(found.map(({ fault }) => fault?.code)).toEqual(targets.map((_, i) => (i < 20 ? undefined : 'cancelled')));
  expect(found.slice(0, 20).every(({ certificates }) => certificates.length === 1)).toBe(true);
  expect(new Set(seen).size).toBe(60);
  expect(silent.connections).toBeLessThanOrEqual(MAX_PARALLEL);
  await silent.quiet();
});

it("the end of the call's own time is a timeout", async () => {
  const silent = await tcpServer();
  const targets = Array.from({ length: 20 }, () => target(`127.0.0.1:${silent.port}`));
  const found = await probeMany(targets, { ...options, signal: AbortSignal.timeout(100) });
  expect(found.map(({ fault }) => fault?.code)).toEqual(targets.map(() => 'timeout'));
});

it('nothing to do is done at once', async () => {
  expect(await inParallel([], { work: () => Promise.reject(new Error('no')), abandoned: () => 0 })).toEqual([]);
});
