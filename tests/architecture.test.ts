/** The map of the house: which room may import which, who may touch the process, and who may know the SDK. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';

import { describe, expect, it } from 'vitest';

/** What each room may import. A trailing `/` names a room, `type:` allows types only, `*` everything of ours. */
const RULES: Readonly<Record<string, readonly string[]>> = {
  crypto: ['crypto/', 'node:crypto', 'node:buffer', 'jose', 'node-forge', 'age-encryption', '@zxcvbn-ts/'],
  tools: ['tools/', 'crypto/', 'view/address', 'zod', 'node:fs'],
  view: ['view/', 'crypto/text', 'type:crypto/', 'node:crypto', 'node:fs'],
  guard: ['guard/', 'crypto/errors', 'crypto/secret', 'type:tools/', 'type:storage/'],
  guide: ['guide/', 'crypto/', 'view/', 'type:guard/', 'type:tools/', 'type:config'],
  files: ['files/', 'crypto/', 'node:fs', 'node:path'],
  workers: ['workers/', 'crypto/', 'node:worker_threads', 'bcryptjs', 'hash-wasm', '@node-rs/'],
  network: [
    'network/',
    'crypto/',
    'ipaddr.js',
    'node:crypto',
    'node:dns',
    'node:events',
    'node:http',
    'node:https',
    'node:net',
    'node:stream',
    'node:tls',
    'node:url',
  ],
  storage: ['storage/', 'crypto/', 'age-encryption', 'kysely', 'libsql', 'pg', 'node:crypto', 'node:fs', 'node:path'],
  desk: [
    'desk/',
    'crypto/',
    'open',
    'node:child_process',
    'node:crypto',
    'node:fs/promises',
    'node:http',
    'type:node:net',
  ],
  lines: [],
  transport: ['lines', 'crypto/json', 'node:stream'],
  server: [
    'transport',
    'crypto/text',
    'type:guard/',
    'type:tools/',
    'type:guide/',
    '@modelcontextprotocol/server',
    'node:crypto',
    'node:stream',
  ],
  log: ['type:guard/', 'type:config', 'pino', 'node:fs'],
  config: ['crypto/', 'desk/setting', 'tools/', 'workers/', 'network/policy', 'type:files/'],
  app: ['*', 'node:crypto', '@zxcvbn-ts/language-common'],
  cli: ['*'],
  'app-desk': ['*'],
  'cli-attempts': ['*'],
  'cli-audit': ['*'],
  'cli-config': ['*'],
  'cli-fault': ['crypto/errors'],
  'cli-doctor': ['*', 'node:path'],
  clients: [],
  'cli-operator': ['*', 'node:crypto'],
  'cli-report': ['*', 'node:crypto', 'node:fs', 'node:path'],
  'cli-secrets': ['*'],
  'cli-storage': ['*', 'node:crypto', 'node:fs', 'node:os', 'node:path'],
  prompt: ['node:tty'],
  metrics: ['type:guard/', 'prom-client', 'node:http'],
  'cli-desk': ['*'],
  'cli-keys': ['*'],
  draw: ['type:crypto/', 'crypto/text'],
  main: ['*', 'node:'],
};

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

const SOURCE = 'src';
const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.split(sep).join('/'));

function withoutComments(code: string): string {
  return code.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:])\/\/.*$/gm, '$1');
}

function importsOf(file: string, code: string): Import[] {
  const found: Import[] = [];
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^;'"]*?\sfrom\s+)?'([^']+)'|\b(typeof\s+)?import\(\s*'([^']+)'\s*\)/g;
  for (const [, type, statement, typeOf, call] of withoutComments(code).matchAll(pattern)) {
    const target = statement ?? call ?? '';
    const to = target.startsWith('.') ? posix.join(posix.dirname(file), target).replace(/\.js$/, '') : target;
    found.push({ from: file, to, typeOnly: type !== undefined || typeOf !== undefined });
  }
  return found;
}

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const room = from.includes('/') ? (from.split('/')[0] ?? '') : from.replace(/\.ts$/, '');
  const own = !/^(?:node:|@|[a-z-]+$)/.test(to) || files.includes(`${to}.ts`);
  return (RULES[room] ?? []).some((rule) => {
    if (rule === '*') return own;
    const [pattern, needsType] = rule.startsWith('type:') ? [rule.slice(5), true] : [rule, false];
    if (needsType && !typeOnly) return false;
    return /[/:]$/.test(pattern) ? to.startsWith(pattern) : to === pattern || to.startsWith(`${pattern}/`);
  });
}

const sources = files.map((file) => ({ file, code: readFileSync(join(SOURCE, file), 'utf8') }));

describe('the import rule', () => {
  it('covers every room there is, and no room that is not there', () => {
    const rooms = new Set(files.map((file) => (file.includes('/') ? file.split('/')[0] : file.replace(/\.ts$/, ''))));
    expect(rooms).toEqual(new Set(Object.keys(RULES)));
  });

  it('is kept by every import of every file', () => {
    const imports = sources.flatMap(({ file, code }) => importsOf(file, code));
    expect(imports.length).toBeGreaterThan(100);
    expect(imports.filter((entry) => !isAllowed(entry)).map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('would notice a forbidden import', () => {
    const forbidden: [string, string][] = [
      ['crypto/jwt.ts', "import { z } from 'zod';"],
      ['crypto/jwt.ts', "import { readFile } from 'node:fs/promises';"],
      ['crypto/jwt.ts', "const log = await import('pino');"],
      ['tools/jwt.ts', "import { createPipeline } from '../guard/call.js';"],
      ['guard/call.ts', "import { defineTool } from '../tools/tool.js';"],
      ['guard/call.ts', "import { signJwt } from '../crypto/jwt.js';"],
      ['cli.ts', "import { Server } from '@modelcontextprotocol/server';"],
      ['tools/digest.ts', "import { AllowedFiles } from '../files/read.js';"],
      ['files/read.ts', "import { defineTool } from '../tools/tool.js';"],
      ['workers/pool.ts', "import { catalogue } from '../tools/index.js';"],
      ['server.ts', "import { createPipeline } from './guard/call.js';"],
      ['storage/store.ts', "import { createPipeline } from '../guard/call.js';"],
      ['guard/limits.ts', "import { lazyStore } from '../storage/store.js';"],
      ['network/dial.ts', "import { loadConfig } from '../config.js';"],
      ['tools/certificate.ts', "import { probe } from '../network/tls-probe.js';"],
    ];
    for (const [file, code] of forbidden) expect(importsOf(file, code).map(isAllowed), code).toEqual([false]);
    expect(importsOf('guard/call.ts', "import type { Tool } from '../tools/tool.js';").map(isAllowed)).toEqual([true]);
  });
});

describe('the edges of the program', () => {
  const using = (pattern: RegExp): string[] =>
    sources.filter(({ code }) => pattern.test(withoutComments(code))).map(({ file }) => file);

  it('only main.ts touches the process', () => {
    expect(using(/\bprocess\.[a-z]|node:process/)).toEqual(['main.ts']);
  });

  it('only server.ts knows the SDK', () => {
    expect(using(/@modelcontextprotocol\/(?!inspector)/)).toEqual(['server.ts']);
  });

  it('crypto reads no clock and no chance of its own, and logs nothing', () => {
    const impure = using(/\bDate\.now\(|new Date\(\)|Math\.random|performance\.|setTimeout|console\./);
    expect(impure.filter((file) => file.startsWith('crypto/'))).toEqual([]);
  });

  it('nothing goes past the network room by a global', () => {
    // A call of the global, not a method of that name. What is in assets.ts runs in the human's browser.
    expect(
      using(/(?:\bawait|\breturn|=>|[=(,?&|!])\s*fetch\(|globalThis\.fetch|\bnew (?:WebSocket|EventSource)\(/).filter(
        (file) => file !== 'desk/assets.ts',
      ),
    ).toEqual([]);
  });

  it('nothing writes to standard output but main.ts', () => {
    expect(
      using(/stdout|console\.log/).filter((file) => !['main.ts', 'workers/pool.ts', 'cli.ts'].includes(file)),
    ).toEqual([]);
  });
});

it('tests mirror src: every test of a room has its file there', () => {
  const rooms = ['crypto', 'desk', 'files', 'guard', 'guide', 'network', 'storage', 'tools', 'view', 'workers'];
  const tests = readdirSync('tests', { recursive: true, encoding: 'utf8' })
    .map((name) => relative('.', name).split(sep).join('/'))
    .filter((name) => name.endsWith('.test.ts') && rooms.includes(name.split('/')[0] ?? ''));
  expect(tests.length).toBeGreaterThan(5);
  const orphans = tests.filter((name) => !files.some((file) => name.startsWith(file.replace(/\.ts$/, ''))));
  expect(orphans).toEqual([]);
});
