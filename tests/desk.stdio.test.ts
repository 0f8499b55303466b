/** secret_request on the built server: three clients, each way to the human, and no address where the model could read it. */

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, describe, expect, it } from 'vitest';

import { auditIn } from './support/audit.js';
import { post } from './support/desk.js';
import { newHome } from './support/home.js';

const VALUE = 'canary violet anchor 93';
const folder = mkdtempSync(join(tmpdir(), 'security-mcp-desk-'));
afterAll(() => rmSync(folder, { recursive: true }));

const request = { name: 'secret_request', arguments: { name: 'db-password', purpose: 'to connect' } };
const commandIn = (home: string, env: Record<string, string> = {}) => ({
  command: process.execPath,
  args: ['dist/main.js'],
  env: { PATH: process.env['PATH'] ?? '', SECURITY_MCP_HOME: home, ...env },
  stderr: 'ignore' as const,
});

/** What the human does who is sent to an address. */
async function human(url: string, what: 'type' | 'decline' = 'type'): Promise<void> {
  const { status } = await post(url, what === 'type' ? { action: 'store', secret: VALUE } : { action: 'decline' });
  expect(status).toBe(200);
}

function expectNoAddress(result: unknown): void {
  const text = JSON.stringify(result);
  expect(text).not.toMatch(/http:|127\.0\.0\.1/);
  expect(text).not.toContain(VALUE);
}

async function expectOneCall(home: string): Promise<void> {
  const entries = (await auditIn(home)).filter(({ tool }) => tool === 'secret_request');
  expect(entries.map(({ event }) => event)).toEqual(['asked', 'answered']);
}

describe('by URL elicitation', () => {
  it('of the 1.x client: one call, one page, the reference', async () => {
    const home = newHome();
    const client = new Client({ name: 'one', version: '1' }, { capabilities: { elicitation: { url: {} } } });
    const told: object[] = [];
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      told.push(params);
      void human((params as { url: string }).url);
      return { action: 'accept' };
    });
    await client.connect(new StdioClientTransport(commandIn(home)));
    const result = await client.callTool(request);
    await client.close();
    expect(result.structuredContent).toEqual({ reference: 'secret://db-password' });
    expect(told).toMatchObject([{ mode: 'url' }]);
    expectNoAddress(result);
    await expectOneCall(home);
  });

  it.each([
    ['older', 'legacy' as const],
    ['2026', { pin: '2026-07-28' }],
  ])('of the 2.x client in the %s era, accepted and declined', async (_era, mode) => {
    const home = newHome();
    const client = new ModernClient(
      { name: 'two', version: '1' },
      { versionNegotiation: { mode }, capabilities: { elicitation: { url: {} } } },
    );
    const does: ('type' | 'decline-there' | 'decline')[] = ['type', 'decline', 'decline-there'];
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      const [next] = does.splice(0, 1);
      if (next === 'decline') return { action: 'decline' };
      void human((params as { url: string }).url, next === 'type' ? 'type' : 'decline');
      return { action: 'accept' };
    });
    await client.connect(new ModernTransport(commandIn(home)));
    const result = await client.callTool(request);
    expect(result.structuredContent).toEqual({ reference: 'secret://db-password' });
    expectNoAddress(result);
    const other = { ...request, arguments: { ...request.arguments, name: 'other' } };
    for (let i = 0; i < 2; i++) {
      const declined = await client.callTool(other);
      expect(JSON.stringify(declined)).toContain('human_declined');
      expectNoAddress(declined);
    }
    const hashed = await client.callTool({ name: 'password_hash', arguments: { password: 'secret://db-password' } });
    expect(hashed.isError).toBeUndefined();
    await client.close();
    const entries = (await auditIn(home)).filter(({ tool }) => tool === 'secret_request');
    expect(entries.map(({ event }) => event)).toEqual(['asked', 'answered', 'asked', 'answered', 'asked', 'answered']);
  });
});

describe('without elicitation', () => {
  it.each([
    ['the browser of BROWSER', 'browser.sh', (script: string) => ({ BROWSER: script })],
    [
      'what the system opens addresses with',
      'xdg-open',
      () => ({ DISPLAY: ':0', PATH: `${folder}:${process.env['PATH'] ?? ''}` }),
    ],
  ])(
    'by %s: the address goes there without our secrets, and the answer holds none',
    async (_way, name, environment) => {
      const home = newHome();
      const script = join(folder, name);
      const seen = join(folder, `${name}.seen`);
      writeFileSync(seen, '');
      writeFileSync(script, `#!/bin/sh\nprintf '%s' "$1" > ${seen}\nenv > ${seen}.env\n`);
      chmodSync(script, 0o700);
      const client = new Client({ name: 'one', version: '1' });
      await client.connect(
        new StdioClientTransport(
          commandIn(home, { ...environment(script), JWT_SECRET_KEY: 'a-secret-for-tests-of-32-bytes-or-more' }),
        ),
      );
      const answer = client.callTool(request);
      let url = '';
      while (!url.startsWith('http://')) {
        url = readFileSync(seen, 'utf8');
        await client.ping();
      }
      await human(url);
      const result = await answer;
      expect(result.structuredContent).toEqual({ reference: 'secret://db-password' });
      expectNoAddress(result);
      expect(JSON.stringify(await client.callTool(request))).toContain('secret_exists');
      await client.close();
      expect(readFileSync(`${seen}.env`, 'utf8')).not.toContain('JWT_SECRET_KEY');
    },
  );

  it('switched off is refused with what the operator can do', async () => {
    const client = new Client({ name: 'one', version: '1' });
    await client.connect(new StdioClientTransport(commandIn(newHome(), { SECURITY_MCP_DESK: 'off' })));
    const result = JSON.stringify(await client.callTool(request));
    await client.close();
    expect(result).toContain('policy_refused');
    expect(result).toContain('security-mcp secret set');
  });
});
