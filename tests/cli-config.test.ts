/** The entries for MCP clients: the shape that each one reads, with absolute paths, the settings in force, and no secret. */

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

import { configCommand } from '../src/cli-config.js';
import { CLIENTS } from '../src/clients.js';

const program = { node: "/opt/node v24/bin/node's", script: '/opt/security-mcp/dist/main.js' };
const CANARY = 'canary-of-the-configuration-0123456789';

async function printed(
  args: string[],
  environment: Record<string, string> = {},
  from = program,
): Promise<{ code: number; out: string; errors: string }> {
  let [out, errors] = ['', ''];
  const code = await configCommand(args, {
    program: from,
    environment,
    loadConfig: () => ({ config: { home: '/home/ada/data/security-mcp' } as never }),
    absolute: (path) => resolve('/home/ada', path),
    print: async (text) => void (out += text),
    printError: async (text) => void (errors += text),
  });
  return { code, out, errors };
}

const SETTINGS = { SECURITY_MCP_FILES: "/home/ada/it's here", JWT_SECRET_KEY_FILE: '/home/ada/jwt.key' };
const server = { command: program.node, args: [program.script], env: SETTINGS };

describe('the entry of', () => {
  it.each(['claude-desktop', 'cursor', 'windsurf', 'inspector'])('%s is one of mcpServers', async (client) => {
    const { code, out, errors } = await printed([client], SETTINGS);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ mcpServers: { security: server } });
    expect(errors).toMatch(/^\nThis belongs into /);
  });

  it('vscode is one of servers, with its type', async () => {
    const { out } = await printed(['vscode'], SETTINGS);
    expect(JSON.parse(out)).toEqual({ servers: { security: { type: 'stdio', ...server } } });
  });

  it('claude-code is a command that a shell takes apart as it was meant', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'security-mcp-'));
    writeFileSync(join(folder, 'claude'), '#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done\n');
    chmodSync(join(folder, 'claude'), 0o755);
    const { out } = await printed(['claude-code'], SETTINGS);
    const words = execFileSync('sh', ['-c', out], { encoding: 'utf8', env: { PATH: `${folder}:/usr/bin:/bin` } });
    const files = `SECURITY_MCP_FILES=${SETTINGS.SECURITY_MCP_FILES}`;
    const key = `JWT_SECRET_KEY_FILE=${SETTINGS.JWT_SECRET_KEY_FILE}`;
    expect(words).toBe(
      `mcp\nadd\n--scope\nuser\nsecurity\n--env\n${files}\n--env\n${key}\n--\n${program.node}\n${program.script}\n`,
    );
  });

  it('no setting has no env', async () => {
    const { out } = await printed(['cursor'], { PATH: '/usr/bin', SECURITY_MCP_HOME: ' ' });
    expect(JSON.parse(out)).toEqual({ mcpServers: { security: { command: program.node, args: [program.script] } } });
  });
});

it.each(CLIENTS)('%s: no secret is written down, and what to do instead is said', async (client) => {
  const secrets = { JWT_SECRET_KEY: CANARY, SECURITY_MCP_DATABASE_URL: `postgres://a:${CANARY}@db/x` };
  const { out, errors } = await printed([client], { ...secrets, SECURITY_MCP_MASTER_KEY: CANARY });
  expect(out + errors).not.toContain(CANARY);
  expect(errors).toMatch(/JWT_SECRET_KEY is set and was left out.* set JWT_SECRET_KEY_FILE/);
  expect(errors).toContain('SECURITY_MCP_DATABASE_URL_FILE');
  expect(errors).toContain('SECURITY_MCP_MASTER_KEY_FILE');
});

it('paths are absolute, placeholders are left out, and what decides where the store is stands in the entry', async () => {
  const { out, errors } = await printed(['cursor'], {
    JWT_SECRET_KEY_FILE: './jwt.key',
    SECURITY_MCP_NETWORK: '${env:NETWORK}',
    JWT_SECRET_KEY: '${input:key}',
    XDG_DATA_HOME: '/home/ada/data',
    NODE_EXTRA_CA_CERTS: 'ca.pem',
    SECURITY_MCP_EXPOSE_ENV: 'APP_SECRET',
  });
  expect((JSON.parse(out) as { mcpServers: { security: { env: unknown } } }).mcpServers.security.env).toEqual({
    SECURITY_MCP_HOME: '/home/ada/data/security-mcp',
    SECURITY_MCP_EXPOSE_ENV: 'APP_SECRET',
    JWT_SECRET_KEY_FILE: '/home/ada/jwt.key',
    NODE_EXTRA_CA_CERTS: '/home/ada/ca.pem',
  });
  expect(errors).not.toContain('left out');
  expect(errors).toContain('the client must pass on too');
});

it('with settings that stop the start no entry is printed, but what to mend', async () => {
  let [out, errors] = ['', ''];
  const code = await configCommand(['cursor'], {
    program,
    environment: {},
    loadConfig: () => ({ problems: ['SECURITY_MCP_NETWORK must be one of public, any, off.'] }),
    absolute: (path) => path,
    print: async (text) => void (out += text),
    printError: async (text) => void (errors += text),
  });
  expect([code, out]).toEqual([2, '']);
  expect(errors).toContain('  - SECURITY_MCP_NETWORK must be');
});

it('a copy in the cache of npx is told to be no place to stay', async () => {
  const { errors } = await printed(
    ['cursor'],
    {},
    { ...program, script: '/home/ada/.npm/_npx/1/security-mcp/main.js' },
  );
  expect(errors).toContain('cache of npx');
});

it('no client, an unknown one, or more than one is wrong usage, which names them all', async () => {
  for (const args of [[], ['emacs'], ['cursor', 'vscode']]) {
    const { code, out, errors } = await printed(args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(errors).toContain(CLIENTS.join(', '));
  }
});
