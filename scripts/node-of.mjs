/** Programs of Node, of the versions that are tested: from npm, by platform, into node_modules/.cache. Nothing of them is run at install. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const VERSIONS = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'];
const windows = process.platform === 'win32';

/** The path of that Node, fetched where it is not there yet. */
export function nodeOf(version) {
  const name = `node-${windows ? 'win' : process.platform}-${process.arch}`;
  const folder = resolve('node_modules/.cache/nodes', version);
  const program = join(folder, 'node_modules', name, 'bin', windows ? 'node.exe' : 'node');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    execFileSync('npm', ['install', '--prefix', folder, ...options, `${name}@${version}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: windows,
    });
  }
  return program;
}
