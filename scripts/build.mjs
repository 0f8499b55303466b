/**
 * Builds dist/, the program that is shipped: main.js and the thread of the workers, in parts that are loaded as they are needed, with
 * source maps and the licences of what is bundled; the native packages stay outside. And build/, the same as single modules, for the
 * tests, bench/ and docs/. With a folder as the argument, the bundle alone goes there.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';

import { build } from 'rolldown';

const LICENCE = /^(licen[cs]e|copying|notice)/i;

/** The folder of the package that a module belongs to, or null for our own. */
function packageOf(id) {
  if (!id.includes('/node_modules/')) return null;
  for (let folder = dirname(id); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name !== undefined) return folder;
  }
}

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder)
    .filter((file) => LICENCE.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim());
  return [`## ${name} ${version} (${license ?? 'see below'})`, ...texts].join('\n\n');
}

/** What is installed beside the program; `pg` asks for pg-native and goes without. */
const OUTSIDE = ['libsql', '@node-rs/argon2', '@node-rs/bcrypt', 'pg-native'];

/** Writes the licences. Refuses a part that would wait for the program which waits for it, and a package that was left outside. */
const shipped = {
  name: 'shipped',
  generateBundle(_options, bundle) {
    const folders = new Set();
    for (const part of Object.values(bundle)) {
      if (part.type !== 'chunk') continue;
      const outside = [...part.imports, ...part.dynamicImports].filter((id) => !(id in bundle) && !isBuiltin(id));
      for (const id of outside) if (!OUTSIDE.includes(id)) this.error(`${part.fileName} imports ${id}`);
      if (part.imports.includes('main.js')) this.error(`${part.fileName} imports main.js`);
      for (const id of part.moduleIds) folders.add(packageOf(id));
    }
    folders.delete(null);
    const licences = [...folders].map(licenceOf).sort();
    this.emitFile({
      type: 'asset',
      fileName: 'LICENCES.md',
      source: `# Licences of the packages in this program\n\n${licences.join('\n\n')}\n`,
    });
  },
};

/** The SDK's compiler of JSON Schemas, a third of it, is for forms, which src/server.ts never sends and says so. */
const withoutForms = {
  name: 'without-forms',
  load: (id) =>
    /[\\/]@modelcontextprotocol[\\/]server[\\/]dist[\\/]ajvProvider-[^\\/]+\.mjs$/.test(id)
      ? 'export const n = class { constructor() { throw new Error("no form is sent"); } };'
      : null,
};

const [folder = 'dist'] = process.argv.slice(2);

await build({
  input: { main: 'src/main.ts', 'workers/thread': 'src/workers/thread.ts' },
  platform: 'node',
  external: OUTSIDE,
  plugins: [withoutForms, shipped],
  output: {
    dir: folder,
    format: 'esm',
    cleanDir: true,
    chunkFileNames: 'parts/[name]-[hash].js',
    sourcemap: true,
  },
});

/** What runs in the browser is one script, which the page of judgements holds. */
const BROWSER_SCRIPT = 'view/browser.js';
await build({
  input: 'src/view/browser/main.ts',
  platform: 'browser',
  output: { file: join(folder, BROWSER_SCRIPT), format: 'iife', sourcemap: false },
});

if (folder === 'dist') {
  rmSync('build', { recursive: true, force: true });
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  });
  cpSync(join(folder, BROWSER_SCRIPT), join('build', BROWSER_SCRIPT));
}

/** What clients are told of the tools, so that a server can say it before it has loaded them. */
const { TOOLSETS } = await import('../build/tools/index.js');
const { describeTool } = await import('../build/tools/tool.js');
const list = Object.fromEntries(Object.entries(TOOLSETS).map(([name, tools]) => [name, tools.map(describeTool)]));
for (const target of folder === 'dist' ? ['build', folder] : [folder]) {
  mkdirSync(join(target, 'tools'), { recursive: true });
  writeFileSync(join(target, 'tools/list.json'), JSON.stringify(list));
}
