/** Global set-up: the tests of threads, server and command line run what was built, so it is brought up to date where it is not. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}

export default function setup(): void {
  if (existsSync('dist/main.js') && newest('src') <= newest('dist')) return;
  // What runs in a browser is compiled by itself: it knows the DOM, and nothing else does.
  for (const project of ['tsconfig.build.json', 'src/view/browser'])
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project], { stdio: 'inherit' });
}
