/** Certificate checks of the built server over real stdio, against servers of the lab: progress, cancellation, one answer twice. */

import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { auditIn } from './support/audit.js';
import { newHome } from './support/home.js';
import { withPort } from './support/pki/checking.js';
import { createLab, GOOD_NAME } from './support/pki/lab.js';
import { closeAll, closedPort, listen, LOOPBACK, type Running } from './support/pki/listen.js';
import { tlsServer } from './support/pki/tls-servers.js';
import { MODERN, RawServer } from './support/server.js';

/** OpenSSL goes by the real clock. */
const lab = await createLab({ at: new Date() });
const network = { SECURITY_MCP_NETWORK: 'any' };
const command = {
  command: process.execPath,
  args: ['dist/main.js'],
  stderr: 'ignore' as const,
  env: { ...network, SECURITY_MCP_HOME: newHome() },
};
const question = { server_name: GOOD_NAME, trust: lab.rootEc.pem };

let five: Running[];
beforeAll(async () => {
  const good = { chain: [lab.good, lab.intermediate], privateKey: lab.good.privateKey };
  const other = { chain: [lab.wildcard, lab.intermediate], privateKey: lab.wildcard.privateKey };
  five = await Promise.all([good, good, other, good, good].map(tlsServer));
});
afterAll(() => closeAll(five));

const servers: RawServer[] = [];
function start(): RawServer {
  const server = new RawServer(network);
  servers.push(server);
  return server;
}
afterEach(() => {
  for (const server of servers.splice(0)) server.child.kill('SIGKILL');
});

/** Both carry the same, and the five are judged as they are. */
function expectFive(result: object): void {
  const { structuredContent, content } = result as Record<string, unknown>;
  expect(JSON.parse((content as { text: string }[])[0]?.text ?? '')).toEqual(structuredContent);
  const { results } = structuredContent as { results: { target: string; verdict: string }[] };
  expect(results.map(({ target }) => target)).toEqual(five.map(withPort));
  expect(results.map(({ verdict }) => verdict)).toEqual(['trusted', 'trusted', 'untrusted', 'trusted', 'trusted']);
}

const FIVE_STEPS = [1, 2, 3, 4, 5].map((progress) => ({ progress, total: 5 }));

describe('progress, for each target that is finished', () => {
  it('reaches the 1.x client', async () => {
    const client = new Client({ name: 'one', version: '1' });
    await client.connect(new StdioClientTransport(command));
    try {
      const told: unknown[] = [];
      const call = { name: 'certificate_check', arguments: { ...question, targets: five.map(withPort) } };
      expectFive(await client.callTool(call, undefined, { onprogress: (step) => void told.push(step) }));
      expect(told).toEqual(FIVE_STEPS);
      expectFive(await client.callTool(call));
      expect(told).toHaveLength(5);
    } finally {
      await client.close();
    }
  });

  it.each([
    ['older', 'legacy' as const],
    ['2026', { pin: '2026-07-28' }],
  ])('reaches the 2.x client in the %s era', async (_era, mode) => {
    const client = new ModernClient({ name: 'two', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(new ModernTransport(command));
    try {
      const told: unknown[] = [];
      const call = { name: 'certificate_check', arguments: { ...question, targets: five.map(withPort) } };
      expectFive(await client.callTool(call, { onprogress: (step) => void told.push(step) }));
      expect(told).toEqual(FIVE_STEPS);
    } finally {
      await client.close();
    }
  });

  it.each([
    ['older', {}],
    ['2026', MODERN],
  ])('goes out where there is a token, before the answer, and not without one (%s era)', async (era, meta) => {
    const server = start();
    if (era === 'older') await server.initialize();
    const params = { name: 'certificate_check', arguments: { ...question, targets: five.map(withPort) } };
    await server.request('without', 'tools/call', { ...params, _meta: meta });
    await server.request('with', 'tools/call', { ...params, _meta: { ...meta, progressToken: 'token-1' } });
    await server.end();
    const sent = server.answers.filter(({ id }) => id !== 'init') as unknown as Record<string, unknown>[];
    expect(sent.map(({ id, method }) => id ?? method)).toEqual([
      'without',
      ...FIVE_STEPS.map(() => 'notifications/progress'),
      'with',
    ]);
    expect(sent.slice(1, 6).map(({ params: told }) => told)).toMatchObject(
      FIVE_STEPS.map((step) => ({ ...step, progressToken: 'token-1' })),
    );
  });
});

describe('a client that cancels', () => {
  /** Takes connections and says nothing. */
  async function silentServer(expected: number): Promise<{ running: Running; reached: Promise<Socket[]> }> {
    const sockets: Socket[] = [];
    const server = createServer();
    const reached = new Promise<Socket[]>((resolve) => {
      server.on('connection', (socket: Socket) => {
        socket.resume();
        sockets.push(socket);
        if (sockets.length === expected) resolve(sockets);
      });
    });
    return { running: await listen(server), reached };
  }

  it('has its connections closed, gets no answer, and is served again', async () => {
    const server = start();
    await server.initialize();
    const { running, reached } = await silentServer(4);
    try {
      const slow = Array.from({ length: 4 }, () => withPort(running));
      const good = withPort(five[0] as Running);
      server.write({
        jsonrpc: '2.0',
        id: 'slow',
        method: 'tools/call',
        params: { name: 'certificate_check', arguments: { ...question, targets: slow, timeout_seconds: 60 } },
      });
      const sockets = await reached;
      const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
      server.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'slow' } });
      await closed;
      const next = await server.call('next', 'certificate_check', { ...question, targets: [good] });
      expect(next['structuredContent']).toMatchObject({ results: [{ target: good, verdict: 'trusted' }] });
      await server.end();
      expect(server.answers.map(({ id }) => id)).toEqual(['init', 'next']);
      expect(running.connections).toBe(4);
      expect((await auditIn(server.home)).map(({ outcome }) => outcome)).toContain('cancelled');
    } finally {
      await running.close();
    }
  });

  it.each(['1.x', '2.x'])('through the abort signal of the %s client', async (version) => {
    const modern = version === '2.x';
    const client = modern
      ? new ModernClient({ name: 'two', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
      : new Client({ name: 'one', version: '1' });
    await (client instanceof ModernClient
      ? client.connect(new ModernTransport(command))
      : client.connect(new StdioClientTransport(command)));
    const { running, reached } = await silentServer(1);
    try {
      const abort = new AbortController();
      const options = { signal: abort.signal };
      const call = {
        name: 'certificate_check',
        arguments: { ...question, targets: [withPort(running)], timeout_seconds: 60 },
      };
      const answer =
        client instanceof ModernClient ? client.callTool(call, options) : client.callTool(call, undefined, options);
      const refused = expect(answer).rejects.toThrow();
      const [socket] = await reached;
      const closed = once(socket as Socket, 'close');
      abort.abort();
      await Promise.all([refused, closed]);
      const next = await client.callTool({
        name: 'certificate_check',
        arguments: { ...question, targets: [withPort(five[0] as Running)] },
      });
      expect(next).toMatchObject({ structuredContent: { results: [{ verdict: 'trusted' }] } });
    } finally {
      await client.close();
      await running.close();
    }
  });
});

describe('targets of one call', () => {
  const failed = (code: string): unknown =>
    expect.arrayContaining([expect.objectContaining({ check: 'connection', status: 'fail', code })]);

  it('are judged each for itself: a dead one takes nothing from a good one', async () => {
    const server = start();
    await server.initialize();
    const [dead, good] = [`${LOOPBACK}:${await closedPort()}`, withPort(five[0] as Running)];
    const result = await server.call(1, 'certificate_check', { ...question, targets: [dead, good] });
    expect(result['isError']).toBeUndefined();
    expect(result['structuredContent']).toMatchObject({
      results: [
        { target: dead, verdict: 'undetermined', checks: failed('refused') },
        { target: good, verdict: 'trusted', connection: { address: LOOPBACK } },
      ],
    });
    const wrong = await server.call(2, 'certificate_check', { ...question, targets: [good, 'a b'] });
    expect(wrong['isError']).toBe(true);
    expect(JSON.stringify(wrong)).toContain('targets[1]');
    await server.end();
  });

  it('are the public internet by default: a loopback address is not dialled, and the operator is named', async () => {
    const server = new RawServer();
    servers.push(server);
    await server.initialize();
    const dialled = (five[4] as Running).connections;
    const result = await server.call(1, 'certificate_check', { ...question, targets: [withPort(five[4] as Running)] });
    expect(result['structuredContent']).toMatchObject({
      results: [{ verdict: 'undetermined', checks: failed('network_refused'), chain: [] }],
    });
    expect(JSON.stringify(result)).toContain('SECURITY_MCP_NETWORK=any');
    expect((five[4] as Running).connections).toBe(dialled);
    await server.end();
    expect(server.stderr).not.toContain(LOOPBACK);
  });
});
