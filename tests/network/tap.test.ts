/** The stream between a socket and TLS: it passes bytes both ways, holds back what is not to go on, and ends a flood. */

import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { afterEach, expect, it } from 'vitest';

import { Tap } from '../../src/network/tap.js';
import { closeServers, tcpServer } from '../support/tls-servers.js';

afterEach(closeServers);

interface Seen {
  observed: number;
  passed: number;
  floods: number;
}

async function run(act: (socket: Socket) => void, maxBytes: number, passes = true): Promise<Seen> {
  const server = await tcpServer(act);
  const seen: Seen = { observed: 0, passed: 0, floods: 0 };
  const tap = new Tap(connect(server.port, '127.0.0.1'), {
    maxBytes,
    observe(chunk) {
      seen.observed += chunk.length;
      return passes;
    },
    onFlood: () => (seen.floods += 1),
  });
  tap.on('data', (chunk: Buffer) => (seen.passed += chunk.length));
  tap.write('hello');
  await new Promise((done) => tap.once('close', done));
  await server.quiet();
  return seen;
}

it('passes what comes, and ends with the connection', async () => {
  const act = (socket: Socket): void => void socket.once('data', () => socket.end(Buffer.alloc(200_000)));
  expect(await run(act, 1_000_000)).toEqual({ observed: 200_000, passed: 200_000, floods: 0 });
});

it('holds back what is not to go on', async () => {
  expect(await run((socket) => socket.end(Buffer.alloc(5_000)), 10_000, false)).toMatchObject({ passed: 0, floods: 0 });
});

it('ends a flood at the limit, once', async () => {
  const seen = await run((socket) => socket.write(Buffer.alloc(8_000_000)), 262_144);
  expect(seen.floods).toBe(1);
  expect(seen.passed).toBeLessThanOrEqual(262_144);
});
