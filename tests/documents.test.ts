/** The documents: every link leads somewhere, and what they say of variables and dependencies is what the program has. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';

import { describe, expect, it } from 'vitest';

import { catalogue } from '../src/tools/index.js';

import { clientEntry } from '../src/clients.js';
import { loadConfig, VARIABLES, type ConfigFiles } from '../src/config.js';

const read = (path: string): string => readFileSync(path, 'utf8');
const listed = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .filter((name) => name.endsWith(ending));
const pages = [...readdirSync('.').filter((name) => name.endsWith('.md')), ...listed('docs', '.md')];

describe('links', () => {
  const prose = (text: string): string => text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '`code`');

  /** The anchors of a page, as GitHub makes them of its headings. */
  function anchorsOf(path: string): Set<string> {
    const headings = read(path)
      .replaceAll(/^```[\s\S]*?^```$/gm, '')
      .matchAll(/^#{1,6} (.+)$/gm);
    const anchors = new Set<string>();
    for (const [, heading = ''] of headings) {
      const base = heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-');
      let anchor = base;
      for (let i = 1; anchors.has(anchor); i++) anchor = `${base}-${i}`;
      anchors.add(anchor);
    }
    return anchors;
  }

  it.each(pages)('of %s lead to files, and to headings that are there', (page) => {
    const broken: string[] = [];
    for (const [, target = ''] of prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const path = file === '' ? page : posix.join(posix.dirname(page), file);
      if (!existsSync(path)) broken.push(target);
      else if (anchor !== undefined && !(statSync(path).isFile() && anchorsOf(path).has(anchor))) broken.push(target);
    }
    expect(broken).toEqual([]);
  });

  it('of the README lead to every page', () => {
    const readme = read('README.md');
    const unmentioned = pages.filter((page) => !page.startsWith('docs/decisions/') && !readme.includes(`(${page})`));
    expect(unmentioned).toEqual(['AGENTS.md', 'README.md']);
  });
});

it('the README shows the entries that security-mcp config prints', () => {
  const blocks = [...read('README.md').matchAll(/^```(?:json|sh)\n([\s\S]*?)^```$/gm)].map(([, text = '']) =>
    text.trim(),
  );
  const json = blocks.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text) as unknown);
  const program = { node: 'node', script: '/path/to/security-mcp/dist/main.js' };
  for (const client of ['claude-desktop', 'cursor', 'vscode'] as const)
    expect(json).toContainEqual(JSON.parse(clientEntry(client, program, {}).text));
  expect(blocks).toContain(clientEntry('claude-code', program, {}).text);
});

describe('docs/configuration.md', () => {
  const text = read('docs/configuration.md');
  const firstColumn = [...text.matchAll(/^\| (`.*?`) \|/gm)].map(([, cell = '']) => cell);
  const documented = firstColumn.flatMap((cell) => [...cell.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name));
  const files: ConfigFiles = {
    readSecretFile: () => 'a secret of more than thirty-two bytes, 0123456789',
    resolveFolder: (path) => ({ given: path, real: path }),
    isAbsolute: (path) => path.startsWith('/'),
    defaultHome: '/home/ada/.local/share/security-mcp',
    pathDelimiter: ':',
  };
  const problems = (env: Record<string, string>): string[] => {
    const result = loadConfig(env, files);
    return 'problems' in result ? result.problems : [];
  };

  it('has every variable that the program reads, and no other', () => {
    const asked = new Set<string>();
    const environment = new Proxy<Record<string, string | undefined>>(
      {},
      { get: (_target, name) => (asked.add(String(name)), undefined) },
    );
    loadConfig(environment, files);
    for (const source of listed('src', '.ts').map(read))
      for (const [, name = ''] of source.matchAll(/\b(?:env|environment)\['([A-Z_]+)'\]/g)) asked.add(name);
    // The desk asks for these by a helper.
    for (const name of ['SSH_CONNECTION', 'SSH_TTY', 'DISPLAY', 'WAYLAND_DISPLAY', 'WSL_DISTRO_NAME']) {
      expect(read('src/desk/browser.ts')).toContain(`'${name}'`);
      asked.add(name);
    }
    expect(new Set(documented)).toEqual(asked);
    expect(documented).toHaveLength(asked.size);
  });

  it('names in its text and its examples no variable that is in no table', () => {
    const named = [...text.matchAll(/\b((?:SECURITY_MCP|JWT_SECRET)_[A-Z_]*[A-Z])\b/g)].map(([, name]) => name);
    expect(named.filter((name) => !documented.includes(name))).toEqual([]);
  });

  it('tells defaults that can be set and change nothing', () => {
    const settable = VARIABLES.filter(([, fallback]) => /^[\w/]+$/.test(fallback) && fallback !== 'none');
    expect(settable.length).toBeGreaterThan(8);
    for (const [name, fallback] of settable)
      // A port that is off is a port that is not given.
      if (name !== 'SECURITY_MCP_METRICS_PORT')
        expect(loadConfig({ [name]: fallback }, files), name).toEqual(loadConfig({}, files));
  });

  it('tells bounds that hold: the last value is taken, the next is refused', () => {
    const bounded = VARIABLES.flatMap(([name, , meaning]) => {
      const [, low, high] = /(\d+) to (\d+)/.exec(meaning) ?? [];
      return high === undefined ? [] : [{ name, low: Number(low), high: Number(high) }];
    });
    expect(bounded.map(({ name }) => name)).toEqual([
      'JWT_SECRET_KEY',
      'SECURITY_MCP_BCRYPT_COST',
      'SECURITY_MCP_PASSWORD_MIN_LENGTH',
      'SECURITY_MCP_METRICS_PORT',
    ]);
    const valueOf = (name: string, number: number): string =>
      name === 'JWT_SECRET_KEY' ? 'k'.repeat(number) : String(number);
    for (const { name, low, high } of bounded) {
      for (const number of [low, high]) expect(problems({ [name]: valueOf(name, number) }), name).toEqual([]);
      for (const number of [low - 1, high + 1])
        expect(problems({ [name]: valueOf(name, number) })).toEqual([expect.stringContaining(name) as string]);
    }
    for (const [name, , meaning] of VARIABLES) {
      const [, first, second] = /up to (\d+)\/(\d+)/.exec(meaning) ?? [];
      if (second === undefined) continue;
      expect(problems({ [name]: `${first}/${second}` }), name).toEqual([]);
      expect(problems({ [name]: `${Number(first) + 1}/${second}` })).toHaveLength(1);
      expect(problems({ [name]: `${first}/${Number(second) + 1}` })).toHaveLength(1);
    }
    const many = Array.from({ length: 65 }, (_, i) => `NAME_${i}`);
    expect(VARIABLES.find(([name]) => name === 'SECURITY_MCP_EXPOSE_ENV')?.[2]).toContain('at most 64');
    expect(problems({ SECURITY_MCP_EXPOSE_ENV: many.join(',') })).toHaveLength(1);
    expect(problems({ SECURITY_MCP_EXPOSE_ENV: many.slice(1).join(',') })).toEqual([]);
  });

  it('shows problems in the words of the program', () => {
    const shown = [...text.matchAll(/^ {2}- (.*)$/gm)].map(([, problem]) => problem);
    expect(shown).toEqual(problems({ SECURITY_MCP_BCRYPT_COST: '9', SECURITY_MCP_NETWORK: 'lan' }));
  });
});

/** Not of ours, nor of Node. */
const isPackage = (name: string): boolean => !name.startsWith('.') && !isBuiltin(name);

it('docs/dependencies.md gives a reason for every package that the program uses, and for no other', () => {
  const { dependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<string, object>;
  const imported = listed('src', '.ts').flatMap((file) =>
    [...read(file).matchAll(/(?:\bfrom|^import|\bimport\() ?'((?:@[\w-]+\/)?[\w.:-]+)/gm)].map(([, name = '']) => name),
  );
  const names = new Set([...imported, ...Object.keys({ ...dependencies, ...optionalDependencies })].filter(isPackage));
  const cells = [...read('docs/dependencies.md').matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
  const fits = (name: string, cell: string): boolean =>
    cell.endsWith('*') ? name.startsWith(cell.slice(0, -1)) : name === cell;
  expect([...names].filter((name) => !cells.some((cell) => fits(name, cell)))).toEqual([]);
  expect(cells.filter((cell) => ![...names].some((name) => fits(name, cell)))).toEqual([]);
});

it('the tool reference marks every field that takes a secret', () => {
  const reference = read('docs/tools.md');
  for (const { name, secretFields } of catalogue()) {
    const [, section = ''] = reference.split(new RegExp(`^#{2,3} .*\\b${name}\\b.*$`, 'm'));
    const [own = ''] = section.split(/^#{2,3} /m);
    for (const field of secretFields)
      expect(own, `${name} ${field.name}`).toMatch(new RegExp(`^\\| \`${field.name}\` \\|.*\\*\\*secret\\*\\*`, 'm'));
  }
});

it('every threat names a test that there is', () => {
  const [, table = ''] = /\| threat \|.*\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(read('docs/threat-model.md')) ?? [];
  const rows = table.trim().split('\n');
  expect(rows.length).toBeGreaterThan(25);
  for (const row of rows) {
    const [, file = '', name = ''] = / `([\w/.-]+)`: ([^|]+) \|$/.exec(row) ?? [];
    expect(existsSync(`tests/${file}.test.ts`), row.slice(0, 60)).toBe(true);
    expect(read(`tests/${file}.test.ts`).replaceAll("\\'", "'"), row.slice(0, 60)).toContain(name.trim());
  }
});
