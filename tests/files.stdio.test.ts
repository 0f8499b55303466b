/** Runs over whole files that end before their time, on the built program: nothing has the name of the output, and a cancelled run leaves nothing at all. */

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { RawServer } from './support/server.js';

/** Nobody encrypts as much in the time that it takes to stop; on the disk there is nothing of it. */
const SIZE = 2 ** 33;

let folder = '';
let path = '';
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'files-')));
  path = join(folder, 'large');
  writeFileSync(path, '');
  truncateSync(path, SIZE);
});
afterEach(() => rmSync(folder, { recursive: true }));

const others = (): string[] => readdirSync(folder).filter((name) => name !== 'large');

/** A server that is in the middle of encrypting the file. */
async function encrypting(): Promise<RawServer> {
  const server = new RawServer({ SECURITY_MCP_FILES: folder });
  await server.initialize();
  server.write({
    jsonrpc: '2.0',
    id: 'large',
    method: 'tools/call',
    params: { name: 'file_encrypt', arguments: { path, key: 'file' }, _meta: { progressToken: 'p' } },
  });
  await server.answer((answer) => (answer as { method?: string }).method === 'notifications/progress');
  return server;
}

it('a kill leaves a draft of the owner, and no output', async () => {
  const server = await encrypting();
  server.child.kill('SIGKILL');
  await server.exited;
  expect(others()).toEqual([expect.stringMatching(/^\.security-mcp-[0-9a-f-]{36}\.part$/)]);
});

it('a cancellation by the client leaves nothing, and the server answers others meanwhile', async () => {
  const server = await encrypting();
  const other = await server.call('light', 'digest_compute', { algorithm: 'sha256', text: 'x' });
  expect(other['isError']).not.toBe(true);
  expect(others()).toHaveLength(1);
  server.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'large' } });
  for (let i = 0; others().length > 0; i++)
    await server.call(`until-${i}`, 'digest_compute', { algorithm: 'sha256', text: 'x' });
  await server.end();
  expect(others()).toEqual([]);
});

it('the end of the client, and a signal to the server, leave nothing', async () => {
  for (const stop of [
    (server: RawServer) => server.child.stdin.end(),
    (server: RawServer) => void server.child.kill('SIGTERM'),
  ]) {
    const server = await encrypting();
    stop(server);
    await server.exited;
    expect(others()).toEqual([]);
  }
});

it('Ctrl-C on the command line leaves nothing, and says so', async () => {
  const child = spawn(
    process.execPath,
    ['dist/main.js', 'call', 'file_encrypt', JSON.stringify({ path, key: 'file' })],
    {
      env: { ...process.env, SECURITY_MCP_FILES: folder, SECURITY_MCP_HOME: join(folder, 'home') },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exited = new Promise((resolve) => child.on('close', resolve));
  // No progress is drawn where standard error is no terminal: the draft tells that it has begun.
  while (!others().some((name) => name.endsWith('.part')) && child.exitCode === null)
    await new Promise((resolve) => setImmediate(resolve));
  child.kill('SIGINT');
  expect(await exited).toBe(1);
  expect(JSON.parse(said)).toMatchObject({ error: { code: 'cancelled' } });
  expect(others()).toEqual(['home']);
});
