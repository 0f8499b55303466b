/** What is published: the npm package and its registry entry, the bill of materials, and the same bytes from every build. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { publint } from 'publint';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { SECRET_VARIABLES, VARIABLES } from '../../src/config.js';

const read = (path: string): string => readFileSync(path, 'utf8');
const about = JSON.parse(read('package.json')) as {
  name: string;
  version: string;
  mcpName: string;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
};
const npm = (...args: string[]): string =>
  execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });

describe('the npm package', () => {
  const [packed] = JSON.parse(npm('pack', '--dry-run', '--ignore-scripts', '--json')) as [
    { files: { path: string; mode: number }[]; unpackedSize: number },
  ];
  const files = packed.files.map(({ path }) => path);

  it('holds the program, what a user reads, and nothing else', () => {
    const ofThe = {
      program:
        /^dist\/(?:main|workers\/thread|parts\/[\w.-]+)\.js(?:\.map)?$|^dist\/view\/browser\.js$|^dist\/tools\/list\.json$/,
      documents: /^docs\/(?:[\w-]+|decisions\/\d{3}-[\w-]+)\.md$|^docs\/images\/[\w-]+\.(?:png|svg)$/,
    };
    const rest = files.filter((path) => !Object.values(ofThe).some((pattern) => pattern.test(path)));
    expect(rest.toSorted()).toEqual([
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist/LICENCES.md',
      'mcp.json',
      'package.json',
      'server.json',
    ]);
    for (const path of ['dist/main.js', 'dist/main.js.map', 'dist/workers/thread.js', 'docs/tools.md'])
      expect(files).toContain(path);
    expect(packed.unpackedSize).toBeLessThan(20 * 1_048_576);
  });

  it('names no source but ours and the packages in it, and holds no path of the machine that built it', () => {
    for (const path of files.filter((file) => file.endsWith('.js.map'))) {
      const { sources } = JSON.parse(read(path)) as { sources: string[] };
      expect(
        sources.filter((source) => !/^(?:\.\.\/)+(?:src|node_modules)\//.test(source) && !source.startsWith('\0')),
        path,
      ).toEqual([]);
    }
    for (const path of files.filter((file) => file.endsWith('.js')))
      expect(read(path).includes(process.cwd()), path).toBe(false);
  });

  it('depends on native parts only: every other package is bundled, and its licence is in it', () => {
    expect(Object.keys(about.dependencies)).toEqual(['libsql']);
    expect(Object.keys(about.optionalDependencies)).toEqual(['@node-rs/argon2', '@node-rs/bcrypt']);
    const licences = read('dist/LICENCES.md');
    for (const name of ['@modelcontextprotocol/server', 'zod', 'jose', 'bcryptjs', 'node-forge', 'age-encryption'])
      expect(licences).toContain(`## ${name} ${about.devDependencies[name]} (`);
  });

  it('satisfies publint', async () => {
    const { messages } = await publint({ pkgDir: '.', level: 'suggestion', strict: true });
    expect(messages).toEqual([]);
  });

  it('runs from where npm links it', () => {
    expect(about.bin).toEqual({ 'security-mcp': 'dist/main.js' });
    expect(read('dist/main.js')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });
});

it('a second build gives the same bytes', () => {
  const again = mkdtempSync('build-again-');
  try {
    execFileSync(process.execPath, ['scripts/build.mjs', again]);
    const of = (folder: string): Record<string, string> =>
      Object.fromEntries(
        readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
          .map((path) => [path.slice(folder.length), read(path)]),
      );
    expect(of(again)).toEqual(of('dist'));
  } finally {
    rmSync(again, { recursive: true });
  }
});

/** What the registry's schema of 2025-12-11 and its rules for npm packages ask for. */
const Input = {
  description: z.string().min(1).optional(),
  format: z.enum(['string', 'number', 'boolean', 'filepath']).optional(),
  default: z.string().optional(),
  choices: z.array(z.string()).optional(),
  isSecret: z.boolean().optional(),
  isRequired: z.boolean().optional(),
};
const Entry = z.strictObject({
  $schema: z.literal('https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'),
  name: z
    .string()
    .min(3)
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  packages: z.tuple([
    z.strictObject({
      registryType: z.literal('npm'),
      identifier: z.string(),
      version: z.string(),
      runtimeHint: z.literal('npx'),
      transport: z.strictObject({ type: z.literal('stdio') }),
      environmentVariables: z.array(z.strictObject({ name: z.string(), ...Input })),
    }),
  ]),
});

it('the registry entry is of this package, this version and these settings', () => {
  const entry = Entry.parse(JSON.parse(read('server.json')));
  expect(entry.name).toBe(about.mcpName);
  expect(entry.version).toBe(about.version);
  const [{ identifier, version, environmentVariables }] = entry.packages;
  expect([identifier, version]).toEqual([about.name, about.version]);
  const known = new Set<string>(VARIABLES.map(([name]) => name));
  for (const { name, isSecret = false } of environmentVariables) {
    expect(known.has(name), name).toBe(true);
    expect(isSecret, name).toBe((SECRET_VARIABLES as readonly string[]).includes(name));
  }
});

it('the bill of materials names what is shipped, and no tool of ours', () => {
  const bill = JSON.parse(npm('run', '--silent', 'sbom')) as {
    bomFormat: string;
    components: { name: string; version: string; purl: string; hashes: unknown[] }[];
    dependencies: { ref: string }[];
  };
  expect(bill.bomFormat).toBe('CycloneDX');
  const names = bill.components.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['zod', 'jose', 'kysely', 'pg', 'libsql', '@node-rs/bcrypt']));
  for (const name of ['vitest', 'typescript', 'oxlint', 'fernet', 'playwright-core']) expect(names).not.toContain(name);
  for (const { name, version, purl, hashes } of bill.components) {
    expect(purl).toBe(`pkg:npm/${name.replace('@', '%40')}@${version}`);
    expect(hashes.length, name).toBeGreaterThan(0);
  }
});
