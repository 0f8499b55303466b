/**
 * What users install, run as they run it: the packed npm package by the entry that it prints for Claude Desktop, and the one-click bundle
 * by its manifest. Each answers a call of every tool, as it is documented.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { getMcpConfigForManifest, type McpbManifestAny } from '@anthropic-ai/mcpb';
import { afterAll, describe, expect, it } from 'vitest';

import { ExampleSession, type Command } from '../support/example-session.js';
import { newHome } from '../support/home.js';

const folder = mkdtempSync(join(tmpdir(), 'security-mcp-install-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function callEveryTool(command: (session: ExampleSession) => Command | Promise<Command>): Promise<void> {
  const session = await ExampleSession.open();
  try {
    await session.run(await command(session));
  } finally {
    await session.close();
  }
}

const run = (command: string, args: string[], options: { cwd?: string; env?: Record<string, string> } = {}): string =>
  execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    ...options,
    env: { ...process.env, ...options.env },
  });

describe('the npm package', () => {
  const elsewhere = mkdtempSync(join(folder, 'package-'));
  const program = join(elsewhere, 'node_modules/security-mcp/dist/main.js');

  it('installs from its tarball with three packages beside it, and no script', () => {
    run('npm', ['pack', '--ignore-scripts', '--pack-destination', elsewhere]);
    writeFileSync(join(elsewhere, 'package.json'), '{"private":true}');
    const tarball = join(elsewhere, 'security-mcp-0.1.0.tgz');
    run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', tarball], {
      cwd: elsewhere,
    });
    const lock = JSON.parse(readFileSync(join(elsewhere, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { optional?: boolean; hasInstallScript?: boolean }>;
    };
    const installed = Object.entries(lock.packages).filter(([path, { optional }]) => path !== '' && optional !== true);
    expect(installed.map(([path]) => path).toSorted()).toEqual([
      'node_modules/@neon-rs/load',
      'node_modules/detect-libc',
      'node_modules/libsql',
      'node_modules/security-mcp',
    ]);
    for (const [path, { hasInstallScript }] of installed) expect(hasInstallScript, path).toBeUndefined();
  });

  it('prints its entry for Claude Desktop, which starts it', () =>
    callEveryTool((session) => {
      const { mcpServers } = JSON.parse(
        run(join(elsewhere, 'node_modules/.bin/security-mcp'), ['config', 'claude-desktop'], {
          env: { SECURITY_MCP_FILES: session.folder },
        }),
      ) as { mcpServers: { security: Command } };
      const { security } = mcpServers;
      expect(security).toMatchObject({ command: process.execPath, args: [program] });
      expect(security.env).toMatchObject({ SECURITY_MCP_FILES: session.folder });
      return security;
    }));

  it('shows its own lines where something fails: source maps are there', () => {
    expect(existsSync(`${program}.map`)).toBe(true);
  });
});

describe('the bundle', () => {
  const unpacked = join(folder, 'bundle');

  it('is packed, says its digest, and unpacks to a valid manifest', async () => {
    const printed = run(process.execPath, ['scripts/bundle.mjs', '--here', '--to', folder]);
    const [file = '', digest = ''] = printed.trim().split('\n');
    const { createHash } = await import('node:crypto');
    expect(digest).toBe(`SHA-256 ${createHash('sha256').update(readFileSync(file)).digest('hex')}`);
    const mcpb = 'node_modules/@anthropic-ai/mcpb/dist/cli/cli.js';
    run(process.execPath, [mcpb, 'unpack', file, unpacked]);
    run(process.execPath, [mcpb, 'validate', join(unpacked, 'manifest.json')]);
    const { icon } = JSON.parse(readFileSync(join(unpacked, 'manifest.json'), 'utf8')) as { icon: string };
    expect(readFileSync(join(unpacked, icon)).subarray(1, 4).toString()).toBe('PNG');
  });

  const manifest = (): McpbManifestAny =>
    JSON.parse(readFileSync(join(unpacked, 'manifest.json'), 'utf8')) as McpbManifestAny;

  it('keeps its secret settings as such, and picks folders', () => {
    const settings = Object.entries(manifest().user_config ?? {});
    const secret = settings.filter(([, { sensitive }]) => sensitive === true).map(([name]) => name);
    expect(secret).toEqual(['jwt_secret_key', 'master_key', 'database_url']);
    expect(manifest().user_config?.['folders']).toMatchObject({ type: 'directory', multiple: true, required: false });
  });

  it('starts as its manifest says, with settings left empty too', () =>
    callEveryTool(async (session) => {
      const found = await getMcpConfigForManifest({
        manifest: manifest(),
        extensionPath: unpacked,
        systemDirs: {},
        userConfig: { folders: [session.folder], network: 'any' },
        pathSeparator: '/',
      });
      expect(found?.args).toEqual([join(unpacked, 'dist/main.js'), 'serve', session.folder]);
      // The folder is that of the argument, and the secrets are placeholders.
      return { command: process.execPath, args: found?.args ?? [], env: { ...found?.env, SECURITY_MCP_FILES: '' } };
    }));

  it('serves without the native password engines, and doctor says so', () => {
    rmSync(join(unpacked, 'node_modules/@node-rs'), { recursive: true });
    const env = { SECURITY_MCP_HOME: newHome() };
    const program = join(unpacked, 'dist/main.js');
    const doctor = spawnSync(process.execPath, [program, 'doctor'], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    expect(doctor.status).toBe(0);
    expect(doctor.stdout).toMatch(/! bcrypt +portable engine/);
    const input = JSON.stringify({ password: 'correct horse battery staple', cost: 10 });
    const { hash } = JSON.parse(run(process.execPath, [program, 'call', 'password_hash', input], { env })) as {
      hash: string;
    };
    expect(hash).toMatch(/^\$2b\$10\$/);
  });
});
