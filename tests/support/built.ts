/** Global set-up: the tests of threads, server and command line run what was built, so it is brought up to date where it is not. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}

export default function setup(): void {
  if (['dist/main.js', 'build/main.js'].every((file) => existsSync(file) && newest('src') <= statSync(file).mtimeMs))
    return;
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit', shell: process.platform === 'win32' });
}
