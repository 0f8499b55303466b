/** Prompts, resources and completions of the built server, as both clients get them in both eras. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, describe, expect, it } from 'vitest';

import { catalogue } from '../../src/tools/index.js';
import { newHome } from '../support/home.js';

const home = newHome();
const folder = mkdtempSync(join(tmpdir(), 'security-mcp-'));
const JWT_SECRET = 'a-secret-of-thirty-two-bytes-0123456789';

const command = (env: Record<string, string> = {}) => ({
  command: process.execPath,
  args: ['dist/main.js', 'serve', folder, '${user_config.folders}'],
  stderr: 'ignore' as const,
  env: { SECURITY_MCP_HOME: home, JWT_SECRET_KEY: JWT_SECRET, SECURITY_MCP_NETWORK: 'off', ...env },
});

type Any = Client | ModernClient;
const opened: Any[] = [];
afterAll(async () => {
  for (const client of opened) await client.close();
});

async function connect(era: string, env: Record<string, string> = {}): Promise<Any> {
  if (era === '1.x') {
    const client = new Client({ name: 'one', version: '1' });
    await client.connect(new StdioClientTransport(command(env)));
    opened.push(client);
    return client;
  }
  const mode = era === '2026' ? { pin: '2026-07-28' } : ('legacy' as const);
  const client = new ModernClient({ name: 'two', version: '1' }, { versionNegotiation: { mode } });
  await client.connect(new ModernTransport(command(env)));
  opened.push(client);
  return client;
}

async function read(client: Any, uri: string): Promise<Record<string, unknown>> {
  const { contents } = (await client.readResource({ uri })) as { contents: { uri: string; text: string }[] };
  expect(contents).toHaveLength(1);
  expect(contents[0]?.uri).toBe(uri);
  return JSON.parse(contents[0]?.text ?? '') as Record<string, unknown>;
}

describe.each(['1.x', 'legacy', '2026'])('%s', (era) => {
  it('reads the policy, the tools, the public keys and the head of the audit, and no secret', async () => {
    const client = await connect(era);
    const { resources } = (await client.listResources()) as { resources: { uri: string; mimeType?: string }[] };
    expect(resources.map(({ uri }) => uri)).toEqual(
      expect.arrayContaining([
        'security://policy',
        'security://tools',
        'security://keys/jwks.json',
        'security://audit/head',
      ]),
    );
    const policy = await read(client, 'security://policy');
    expect(policy).toMatchObject({
      passwords: { min_length: 8, min_score: 3 },
      guesses: { attempts: 5, window_seconds: 60 },
      network: { reach: 'off' },
      files: { folders: [folder] },
      tokens: { key: 'jwt-secret-key' },
      read_only: false,
    });
    expect(JSON.stringify(policy)).not.toContain(JWT_SECRET);
    const { tools } = await read(client, 'security://tools');
    expect((tools as { name: string }[]).map(({ name }) => name)).toEqual(catalogue().map(({ name }) => name));
    expect(tools).toContainEqual(
      expect.objectContaining({ name: 'password_hash', effect: 'writes', secret_fields: ['password'] }),
    );

    const name = `key-${era.replaceAll(/[^a-z0-9]/g, '')}`;
    await client.callTool({ name: 'key_create', arguments: { name, purpose: 'jwt', algorithm: 'ES256' } });
    const { keys } = (await read(client, 'security://keys/jwks.json')) as { keys: Record<string, unknown>[] };
    expect(keys).toContainEqual(expect.objectContaining({ kid: `${name}.1`, kty: 'EC', use: 'sig' }));
    for (const key of keys) expect(key).not.toHaveProperty('d');

    const head = await read(client, 'security://audit/head');
    expect(head).toMatchObject({ intact: true, head: expect.any(String) });
    const audit = (await client.callTool({ name: 'audit_query', arguments: { tool: 'audit_query' } })) as {
      structuredContent: { entries: unknown[] };
    };
    expect(audit.structuredContent.entries, 'reading the head was a call like any other').toContainEqual(
      expect.objectContaining({ event: 'answered', outcome: 'ok' }),
    );
    await expect(client.readResource({ uri: 'security://nothing' })).rejects.toMatchObject({ code: -32_602 });
    await expect(client.readResource({ uri: 'file:///etc/passwd' })).rejects.toMatchObject({ code: -32_602 });
  });

  it('lists prompts, gets plans, and completes names of keys and secrets, and algorithms', async () => {
    const client = await connect(era);
    const { prompts } = (await client.listPrompts()) as { prompts: { name: string; arguments?: object[] }[] };
    expect(prompts.map(({ name }) => name)).toEqual(['audit_tls', 'review_jwt', 'rotate_keys', 'set_up_credentials']);
    const got = (await client.getPrompt({ name: 'audit_tls', arguments: { targets: 'example.com' } })) as {
      messages: { role: string; content: { text?: string } }[];
    };
    expect(got.messages).toHaveLength(1);
    expect(got.messages[0]?.content.text).toContain('Audit these TLS servers: example.com');
    await expect(client.getPrompt({ name: 'audit_tls', arguments: {} })).rejects.toMatchObject({ code: -32_602 });
    await expect(client.getPrompt({ name: 'no_such', arguments: {} })).rejects.toMatchObject({ code: -32_602 });

    const secret = `token-${era.replaceAll(/[^a-z0-9]/g, '')}`;
    await client.callTool({ name: 'secret_generate', arguments: { kind: 'token', save_as: secret } });
    const complete = async (name: string, argument: string, value: string): Promise<string[]> =>
      (await client.complete({ ref: { type: 'ref/prompt', name }, argument: { name: argument, value } })).completion
        .values;
    expect(await complete('rotate_keys', 'key', 'jw'), 'that of JWT_SECRET_KEY is changed where it is set').toEqual([]);
    const made = `signer-${secret}`;
    await client.callTool({ name: 'key_create', arguments: { name: made, purpose: 'jwt' } });
    await client.callTool({ name: 'key_create', arguments: { name: `${made}-mac`, purpose: 'hmac' } });
    expect(await complete('rotate_keys', 'key', made)).toEqual([made, `${made}-mac`]);
    expect(await complete('review_jwt', 'key', made)).toEqual([made]);
    expect(await complete('review_jwt', 'key', 'jw')).toEqual(['jwt-secret-key']);
    expect(await complete('rotate_keys', 'key', 'zzz')).toEqual([]);
    expect(await complete('review_jwt', 'token', 'tok')).toContain(`secret://${secret}`);
    expect(await complete('review_jwt', 'token', 'secret://to')).toContain(`secret://${secret}`);
    expect(await complete('set_up_credentials', 'algorithm', 'a')).toEqual(['argon2id']);
    expect(await complete('set_up_credentials', 'service', 's')).toEqual([]);
    await expect(complete('no_such', 'key', '')).rejects.toMatchObject({ code: -32_602 });
  });
});

it('a resource of a store that is not there is told as a fault, not as unknown', async () => {
  const file = join(folder, 'no-folder');
  writeFileSync(file, '');
  const client = await connect('2026', { SECURITY_MCP_HOME: file });
  await expect(client.readResource({ uri: 'security://keys/jwks.json' })).rejects.toMatchObject({ code: -32_603 });
});

it('what the operator left out is not offered by another way', async () => {
  const client = await connect('2026', { SECURITY_MCP_TOOLSETS: 'digests', SECURITY_MCP_READ_ONLY: '1' });
  const { resources } = (await client.listResources()) as { resources: { uri: string }[] };
  expect(resources.map(({ uri }) => uri)).toEqual(['security://policy', 'security://tools']);
  expect(((await client.listPrompts()) as { prompts: unknown[] }).prompts).toEqual([]);
  await expect(client.readResource({ uri: 'security://keys/jwks.json' })).rejects.toMatchObject({ code: -32_602 });
});

it('the instructions teach references and verdicts in under 2,000 characters', async () => {
  const client = await connect('2026');
  const text = client.getInstructions() ?? '';
  expect(text.length).toBeLessThan(2_000);
  for (const word of ['secret://NAME', 'save_as', 'undetermined', 'hint', 'secret_request'])
    expect(text).toContain(word);
});
