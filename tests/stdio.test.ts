/** The built server over real stdio: every client there is, both protocol eras, every kind of bad input, and a prompt end. */

import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterEach, describe, expect, it } from 'vitest';

import { catalogue } from '../src/tools/index.js';
import { describeTool } from '../src/tools/tool.js';
import { auditIn } from './support/audit.js';
import { newHome } from './support/home.js';
import { MODERN, RawServer } from './support/server.js';

const listing = JSON.parse(JSON.stringify(catalogue().map(describeTool))) as { name: string }[];
const CANARY = 'canary-55aa07';
const PASSWORD = 'correct horse battery staple';

const servers: RawServer[] = [];
function start(env: Record<string, string> = {}): RawServer {
  const server = new RawServer(env);
  servers.push(server);
  return server;
}
afterEach(() => {
  for (const server of servers.splice(0)) server.child.kill('SIGKILL');
});

const command = {
  command: process.execPath,
  args: ['dist/main.js'],
  stderr: 'ignore' as const,
  env: { SECURITY_MCP_HOME: newHome() },
};

/** One call of each tool, with what its answer must hold. */
async function callEachTool(
  call: (name: string, input: Record<string, unknown>) => Promise<Record<string, unknown>>,
): Promise<void> {
  const { hash } = await call('password_hash', { password: PASSWORD, algorithm: 'argon2id' });
  expect(await call('password_verify', { password: PASSWORD, hash })).toMatchObject({
    valid: true,
    needs_rehash: false,
  });
  expect(await call('password_strength', { password: 'Password1!' })).toMatchObject({ policy: { accepted: false } });
  expect(await call('digest_compute', { algorithm: 'sha256', text: 'abc' })).toMatchObject({ input_bytes: 3 });
  const { token } = await call('jwt_sign', { subject: 'alice', audience: 'api' });
  expect(await call('jwt_verify', { token, audience: 'api' })).toMatchObject({ valid: true, claims: { sub: 'alice' } });
  const { envelope } = await call('envelope_seal', { plaintext: 'a secret', password: PASSWORD, iterations: 220_000 });
  const rewrapped = await call('envelope_rewrap', {
    envelope,
    password: PASSWORD,
    new_password: `${PASSWORD} 2`,
    iterations: 220_000,
  });
  expect(rewrapped).toMatchObject({ content_unchanged: true });
  expect(await call('envelope_open', { envelope: rewrapped['envelope'], password: `${PASSWORD} 2` })).toMatchObject({
    plaintext: 'a secret',
  });
  expect(await call('inspect', { text: String(token) })).toMatchObject({ kind: 'jwt' });
  // Two clients share the home: each has a key of its own.
  const name = `key-${randomUUID()}`;
  const made = { name, purpose: 'jwt', algorithm: 'ES256' };
  expect(await call('key_create', made)).toMatchObject({ key: { ...made, primary_version: 1 }, key_id: `${name}.1` });
  expect(await call('key_rotate', { name })).toMatchObject({ key_id: `${name}.2` });
  const retired = await call('key_retire', { name, version: 1, state: 'destroyed' });
  expect(retired).toMatchObject({ key: { versions: [{ state: 'destroy_scheduled' }, { state: 'enabled' }] } });
  expect(await call('key_list', { name, public: true })).toMatchObject({
    keys: [{ primary_version: 2 }],
    jwks: { keys: [{ kid: `${name}.2`, alg: 'ES256', use: 'sig' }] },
  });
}

describe('the clients', () => {
  it("1.x, which today's hosts ship, lists and calls every tool", async () => {
    const client = new Client({ name: 'one', version: '1' });
    await client.connect(new StdioClientTransport(command));
    try {
      expect(client.getServerCapabilities()).toEqual({
        tools: { listChanged: false },
        prompts: { listChanged: false },
        resources: { listChanged: false, subscribe: false },
        completions: {},
      });
      expect((await client.listTools()).tools).toEqual(listing);
      await callEachTool(async (name, input) => {
        const result = await client.callTool({ name, arguments: input });
        expect(result.isError).toBeUndefined();
        expect(JSON.parse((result.content as { text: string }[])[0]?.text ?? '')).toEqual(result.structuredContent);
        return result.structuredContent as Record<string, unknown>;
      });
      const refused = await client.callTool({ name: 'password_hash', arguments: { password: 'hunter2' } });
      expect(refused).toMatchObject({ isError: true });
      expect(refused).not.toHaveProperty('structuredContent');
      await expect(client.callTool({ name: 'no_such_tool', arguments: {} })).rejects.toMatchObject({ code: -32_602 });
    } finally {
      await client.close();
    }
  });

  it.each([
    ['older', 'legacy' as const, '2025-11-25'],
    ['2026', { pin: '2026-07-28' }, '2026-07-28'],
  ])('2.x in the %s era lists and calls every tool', async (_era, mode, version) => {
    const client = new ModernClient({ name: 'two', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(new ModernTransport(command));
    try {
      expect(client.getNegotiatedProtocolVersion()).toBe(version);
      expect((await client.listTools()).tools).toEqual(listing);
      await callEachTool(
        async (name, input) =>
          (await client.callTool({ name, arguments: input })).structuredContent as Record<string, unknown>,
      );
      const refused = await client.callTool({ name: 'envelope_open', arguments: { envelope: '{}', password: 'x' } });
      expect(refused).toMatchObject({ isError: true });
      expect(refused).not.toHaveProperty('structuredContent');
    } finally {
      await client.close();
    }
  });

  it("the Inspector's command line finds nothing to say about the list and calls a tool", async () => {
    const inspector = ['--cli', '--config', 'mcp.json', '--server', 'security'];
    const run = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
      promisify(execFile)(
        process.execPath,
        ['node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', ...inspector, ...args],
        {
          env: { ...process.env, MCP_INSPECTOR_SECRET_STORE: 'memory' },
        },
      );
    const list = await run('--method', 'tools/list', '--strict');
    expect((JSON.parse(list.stdout) as { tools: unknown[] }).tools).toEqual(listing);
    expect(list.stderr).not.toMatch(/Warning: tool|Error: tool/);
    const call = await run(
      '--method',
      'tools/call',
      '--tool-name',
      'digest_compute',
      '--tool-arg',
      'algorithm=sha256',
      '--tool-arg',
      'text=abc',
    );
    expect(JSON.parse(call.stdout)).toMatchObject({ structuredContent: { input_bytes: 3 } });
  });
});

describe('the protocol', () => {
  it('advertises what is true: a list that does not change, to be kept for an hour by one client', async () => {
    const server = start();
    const { result } = await server.request(1, 'server/discover', { _meta: MODERN });
    expect(result).toMatchObject({
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: { listChanged: false } },
    });
    const list = await server.request(2, 'tools/list', { _meta: MODERN });
    expect(list.result).toMatchObject({ ttlMs: 3_600_000, cacheScope: 'private' });
    await server.end();
  });

  it('refuses an unsupported revision on a connection that is already modern, and goes on', async () => {
    const server = start();
    await server.request(1, 'tools/list', { _meta: MODERN });
    for (const [id, version, requested] of [
      [2, '2031-01-01', '2031-01-01'],
      [3, CANARY, 'unknown'],
    ] as const) {
      const answer = await server.request(id, 'tools/list', {
        _meta: { ...MODERN, 'io.modelcontextprotocol/protocolVersion': version },
      });
      expect(answer.error).toEqual({
        code: -32_022,
        message: 'Unsupported protocol version.',
        data: { supported: ['2026-07-28'], requested },
      });
    }
    const initialize = await server.request(4, 'initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    });
    expect(initialize.error).toMatchObject({ code: -32_022, data: { supported: ['2026-07-28'] } });
    expect((await server.request(5, 'tools/list', { _meta: MODERN })).result).toBeDefined();
    await server.end();
  });

  it('answers every kind of bad line with JSON-RPC, echoes nothing, and serves the next', async () => {
    const server = start();
    await server.initialize();
    const lines: [string | Buffer, number, number | string | null][] = [
      [`${CANARY}\n`, -32_700, null],
      [`{"jsonrpc":"2.0","id":1,"method":"${CANARY}\n`, -32_700, null],
      [Buffer.from([0xff, 0xfe, 0x0a]), -32_700, null],
      [Buffer.from([0x00, 0x0a]), -32_700, null],
      [`[{"jsonrpc":"2.0","id":1,"method":"ping"}]\n`, -32_600, null],
      [`"${CANARY}"\n`, -32_600, null],
      ['null\n', -32_600, null],
      ['{}\n', -32_600, null],
      [`{"id":101,"method":"${CANARY}"}\n`, -32_600, 101],
      [`{"jsonrpc":"1.0","id":"a","method":"ping"}\n`, -32_600, 'a'],
      [`{"jsonrpc":"2.0","id":102,"method":5}\n`, -32_600, 102],
      [`{"jsonrpc":"2.0","id":null,"method":"ping"}\n`, -32_600, null],
      [`{"jsonrpc":"2.0","id":1.5,"method":"ping"}\n`, -32_600, null],
      [`{"jsonrpc":"2.0","id":{"${CANARY}":1},"method":"ping"}\n`, -32_600, null],
      [`{"jsonrpc":"2.0","id":103,"method":"ping","params":[1]}\n`, -32_600, 103],
      [
        `{"jsonrpc":"2.0","id":104,"method":"tools/call","params":{"arguments":${'['.repeat(20_000)}${']'.repeat(20_000)}}}\n`,
        -32_600,
        104,
      ],
      [`{"jsonrpc":"2.0","id":105,"method":"${CANARY}"}\n`, -32_601, 105],
      [`{"jsonrpc":"2.0","id":106,"method":"tools/call","params":{"name":"${CANARY}"}}\n`, -32_602, 106],
      [`{"jsonrpc":"2.0","id":107,"method":"tools/call","params":{"name":{"a":"${CANARY}"}}}\n`, -32_602, 107],
      [`{"jsonrpc":"2.0","id":108,"method":"tools/list","params":{"cursor":{"${CANARY}":1}}}\n`, -32_602, 108],
      [`{"jsonrpc":"2.0","id":109,"method":"initialize","params":{"protocolVersion":{"${CANARY}":1}}}\n`, -32_602, 109],
      [`{"jsonrpc":"2.0","id":110,"method":"ping","params":{"_meta":"${CANARY}"}}\n`, -32_602, 110],
      [`{"jsonrpc":"2.0","id":111,"method":"ping","params":{"_meta":null}}\n`, -32_602, 111],
      [
        `{"jsonrpc":"2.0","id":112,"method":"ping","params":{"_meta":{"progressToken":{"${CANARY}":1}}}}\n`,
        -32_602,
        112,
      ],
    ];
    for (const [i, [line, code, id]] of lines.entries()) {
      server.write(line);
      expect((await server.request(`after-${i}`, 'ping')).result).toEqual({});
      const fault = await server.answer((answer) => answer.error !== undefined);
      expect(fault, String(line).slice(0, 60)).toMatchObject({ jsonrpc: '2.0', id, error: { code } });
      server.stdout = '';
    }
    for (const quiet of [
      '\n',
      '  \r\n',
      '{"jsonrpc":"2.0","method":"notifications/unknown"}\n',
      '{"jsonrpc":"2.0","id":9,"result":{}}\n',
    ])
      server.write(quiet);
    await server.request('last', 'ping');
    expect(server.answers.map(({ id }) => id)).toEqual(['last']);
    await server.end();
    expect(server.stdout + server.stderr).not.toContain(CANARY);
  });

  it('refuses arguments that are no object like any other bad input, and audits it', async () => {
    const server = start();
    await server.initialize();
    for (const [id, given] of [CANARY, 1, [], [CANARY], true].entries())
      expect(JSON.stringify(await server.call(id, 'inspect', given))).toContain('arguments must be one object');
    await server.end();
    expect((await auditIn(server.home)).filter(({ code }) => code === 'input_invalid')).toHaveLength(5);
    expect(server.stdout + server.stderr).not.toContain(CANARY);
  });

  it('keeps no place for requests that it refuses', async () => {
    const server = start();
    await server.initialize();
    for (let id = 0; id < 600; id++) server.write({ jsonrpc: '2.0', id, method: 'ping', params: { _meta: [] } });
    expect((await server.request('after', 'ping')).result).toEqual({});
    await server.end();
  });

  it('refuses a line over 4 MiB by its id, wherever that stands, and serves the next message', async () => {
    const server = start();
    await server.initialize();
    const filler = 'x'.repeat(12 * 1_048_576);
    server.write(`{"method":"tools/call","params":{"id":5,"a":"${filler}"},"jsonrpc":"2.0","id":77}\n`);
    const answer = await server.answer(({ id }) => id === 77);
    expect(answer.error).toEqual({ code: -32_600, message: 'Invalid request: the line is over 4194304 bytes.' });
    expect((await server.request(78, 'ping')).result).toEqual({});
    expect(
      (await server.call(79, 'digest_compute', { algorithm: 'sha256', text: 'y'.repeat(1_000_000) }))[
        'structuredContent'
      ],
    ).toMatchObject({ input_bytes: 1_000_000 });
    expect(await server.end()).toEqual({ code: 0, signal: null });
  });

  it('never sends what a handler throws, nor fields that a tool does not declare', async () => {
    const server = start();
    await server.initialize();
    const answer = await server.call(1, 'password_hash', {
      password: { literal: PASSWORD },
      cost: 10,
      allow_weak: true,
    });
    expect(Object.keys(answer['structuredContent'] as object)).toEqual(['hash', 'algorithm', 'parameters', 'strength']);
    const refusal = await server.call(2, 'password_hash', { password: CANARY, algorithm: CANARY });
    expect(refusal).toEqual({
      isError: true,
      content: [{ type: 'text', text: expect.not.stringContaining(CANARY) as string }],
    });
    await server.end();
  });

  it('a client that cancels gets no answer, and what it asked for is stopped', async () => {
    const server = start({ SECURITY_MCP_ENGINE: 'portable' });
    await server.initialize();
    server.write({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'password_hash', arguments: { password: PASSWORD, cost: 15 } },
    });
    server.write({
      jsonrpc: '2.0',
      id: 2,
      method: 'tools/call',
      params: { name: 'digest_compute', arguments: { algorithm: 'sha256', text: '' } },
    });
    await server.answer(({ id }) => id === 2);
    server.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await server.call(3, 'password_hash', { password: PASSWORD, cost: 10 });
    await server.end();
    expect(server.answers.map(({ id }) => id)).toEqual(['init', 2, 3]);
    expect((await auditIn(server.home)).map(({ outcome }) => outcome)).toContain('cancelled');
  });
});

describe('the end', () => {
  it('answers what is under way when the client closes its end, and exits 0', async () => {
    const server = start();
    for (const id of [1, 2, 3])
      server.write({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'digest_compute', arguments: { algorithm: 'sha256', text: String(id) } },
      });
    expect(await server.end()).toEqual({ code: 0, signal: null });
    expect(new Set(server.answers.map(({ id }) => id))).toEqual(new Set([1, 2, 3]));
  });

  it('comes also without a line end and without any message', async () => {
    const server = start();
    server.write('{"jsonrpc":"2.0","id":1,"method":"ping"}');
    expect(await server.end()).toEqual({ code: 0, signal: null });
    expect(server.answers).toMatchObject([{ id: 1, result: {} }]);
    expect(await start().end()).toEqual({ code: 0, signal: null });
  });

  it.each(['native', 'portable'])('does not wait for heavy work (%s engine)', async (engine) => {
    const server = start({ SECURITY_MCP_ENGINE: engine });
    await server.initialize();
    for (let id = 1; id <= 6; id++) {
      server.write({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'password_hash', arguments: { password: PASSWORD, cost: 15 } },
      });
    }
    await server.request('seen', 'ping');
    const timer = setTimeout(() => server.child.kill('SIGABRT'), 2_000);
    const { signal } = await server.end();
    clearTimeout(timer);
    expect(signal).not.toBe('SIGABRT');
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'on %s what is under way is cancelled and audited',
    async (signal) => {
      const server = start();
      await server.initialize();
      for (let id = 1; id <= 3; id++) {
        server.write({
          jsonrpc: '2.0',
          id,
          method: 'tools/call',
          params: { name: 'password_hash', arguments: { password: PASSWORD, cost: 15 } },
        });
      }
      await server.request('seen', 'ping');
      server.child.kill(signal);
      await server.exited;
      expect((await auditIn(server.home)).filter(({ outcome }) => outcome === 'cancelled')).toHaveLength(3);
    },
  );

  it('comes on SIGTERM and when standard output is closed', async () => {
    const terminated = start();
    await terminated.initialize();
    terminated.child.kill('SIGTERM');
    expect(await terminated.exited).toEqual({ code: 0, signal: null });
    const unread = start();
    await unread.initialize();
    unread.child.stdout.destroy();
    unread.write({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    expect((await unread.exited).signal).toBeNull();
  });
});

describe('the start', () => {
  it('works without any configuration, and says where the key of its tokens is', async () => {
    const server = start();
    await server.initialize();
    await server.end();
    expect(server.stderr).toContain('JWT_SECRET_KEY is not set');
    for (const line of server.stderr.trim().split('\n')) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it.runIf(process.platform !== 'win32')(
    'is refused for a key file that is not text, is a pipe or is empty',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'security-mcp-'));
      const [binary, pipe, empty] = ['binary', 'pipe', 'empty'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      writeFileSync(binary, Buffer.alloc(64, 0xff));
      execFileSync('mkfifo', [pipe]);
      writeFileSync(empty, '\n');
      for (const file of [binary, pipe, empty]) {
        const server = start({ JWT_SECRET_KEY_FILE: file });
        expect(await server.exited).toEqual({ code: 2, signal: null });
        expect(server.stderr).toMatch(/JWT_SECRET_KEY_FILE /);
        expect(server.stderr).not.toContain(folder);
      }
      rmSync(folder, { recursive: true });
    },
  );

  it('is refused with every problem named, on standard error alone, with exit code 2', async () => {
    const server = start({ JWT_SECRET_KEY: CANARY, SECURITY_MCP_BCRYPT_COST: '99' });
    expect(await server.exited).toEqual({ code: 2, signal: null });
    expect(server.stdout).toBe('');
    expect(server.stderr).toMatch(/JWT_SECRET_KEY is \d+ bytes.*\n.*SECURITY_MCP_BCRYPT_COST must be/);
    expect(server.stderr).not.toContain(CANARY);
  });
});
