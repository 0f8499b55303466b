/**
 * Global set-up: the tests of threads, server and command line run what was built, so it is brought up to date where it is not. And a
 * folder for what the tests write, which goes when all have run.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}

export default function setup(): () => void {
  const isBuilt = ['dist/main.js', 'build/main.js'].every(
    (file) => existsSync(file) && newest('src') <= statSync(file).mtimeMs,
  );
  if (!isBuilt)
    execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit', shell: process.platform === 'win32' });
  const folder = mkdtempSync(join(tmpdir(), 'security-mcp-tests-'));
  process.env['TESTS_FOLDER'] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
