/** Metrics of the built server: what happened is counted, nothing that a caller chose is in them, and only this machine may ask. */

import { request } from 'node:http';
import { connect } from 'node:net';

import { afterEach, expect, it } from 'vitest';

import { catalogue } from '../src/tools/index.js';
import { closedPort } from './support/tls-servers.js';
import { RawServer } from './support/server.js';

const CANARY = 'canary-Mq3-metrics-9911';
const servers: RawServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.child.kill('SIGKILL');
});

async function start(port: number): Promise<RawServer> {
  const server = new RawServer({ SECURITY_MCP_METRICS_PORT: String(port), SECURITY_MCP_CALLS_PER_MINUTE: '4/100' });
  servers.push(server);
  await server.initialize();
  return server;
}

interface Answer {
  status: number;
  text: string;
}
function ask(port: number, options: { path?: string; method?: string; host?: string } = {}): Promise<Answer> {
  const { path = '/metrics', method = 'GET', host = `127.0.0.1:${port}` } = options;
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers: { host } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .once('error', reject)
      .end();
  });
}

it('counts calls, outcomes, codes, durations and limits, with labels of fixed lists alone', async () => {
  const port = await closedPort();
  const server = await start(port);
  for (let i = 0; i < 5; i++) await server.call(i, 'digest_compute', { algorithm: 'sha256', text: CANARY });
  await server.call('bad', 'inspect', { [CANARY]: CANARY });
  await server.call('hash', 'password_hash', { password: CANARY });
  await server.request('none', 'tools/call', { name: CANARY, arguments: {} });
  const wrong = { password: CANARY, hash: '$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' };
  for (let i = 0; i < 6; i++) await server.call(`guess-${i}`, 'password_verify', wrong);
  const { status, text } = await ask(port);
  expect(status).toBe(200);
  for (const line of [
    'security_mcp_calls_total{tool="digest_compute",outcome="ok"} 4',
    'security_mcp_calls_total{tool="digest_compute",outcome="refused"} 1',
    'security_mcp_refusals_total{tool="digest_compute",code="rate_limited"} 1',
    'security_mcp_refusals_total{tool="inspect",code="input_invalid"} 1',
    'security_mcp_limited_total{tool="digest_compute",limit="calls"} 1',
    'security_mcp_limited_total{tool="password_verify",limit="guesses"} 1',
    'security_mcp_call_duration_seconds_count{tool="digest_compute"} 5',
    'security_mcp_unknown_tools_total 1',
    'security_mcp_queue_calls{queue="cpu",state="running"} 0',
    'security_mcp_audit_pending_entries 0',
  ])
    expect(text).toContain(`${line}\n`);
  expect(text).not.toContain(CANARY);
  expect(text).not.toContain('raw');
  const tools = new Set([...text.matchAll(/tool="([^"]*)"/g)].map(([, tool]) => tool));
  const known = catalogue().map(({ name }) => name);
  expect([...tools].filter((tool) => !known.includes(tool ?? ''))).toEqual([]);
});

it('answers nothing but GET /metrics by the loopback address', async () => {
  const port = await closedPort();
  await start(port);
  expect((await ask(port, { host: `localhost:${port}` })).status).toBe(200);
  for (const host of ['evil.example.com', `evil.example.com:${port}`, '127.0.0.1', `127.0.0.1:${port + 1}`])
    expect((await ask(port, { host })).status, host).toBe(403);
  expect((await ask(port, { path: '/' })).status).toBe(404);
  expect((await ask(port, { path: `/metrics?${CANARY}` })).status).toBe(404);
  expect((await ask(port, { method: 'POST' })).status).toBe(405);
  // Garbage ends its own connection and nothing else.
  await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('\u0000garbage\r\n\r\n'));
    socket.once('close', resolve).once('error', resolve).resume();
  });
  expect((await ask(port)).status).toBe(200);
});

it('a port that is taken is told, and the server goes on', async () => {
  const port = await closedPort();
  const first = await start(port);
  const second = await start(port);
  expect(await second.call(1, 'digest_compute', { algorithm: 'sha256', text: 'a' })).not.toHaveProperty(
    'isError',
    true,
  );
  await second.end();
  expect(second.stderr).toContain('SECURITY_MCP_METRICS_PORT cannot be listened on');
  expect((await ask(port)).status).toBe(200);
  expect(await first.end()).toEqual({ code: 0, signal: null });
});
