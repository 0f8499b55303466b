/**
 * Runs the tests on every Node that is supported: npm run test:nodes [-- FILES AND OPTIONS OF VITEST]
 * The programs come from npm, by platform, into node_modules/.cache; nothing of them is run at install.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const VERSIONS = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'];
const windows = process.platform === 'win32';

/** The path of that Node, fetched where it is not there yet. */
function nodeOf(version) {
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

const failed = [];
for (const version of VERSIONS) {
  const node = nodeOf(version);
  const found = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  if (found !== `v${version}`) throw new Error(`${node} is ${found}`);
  console.log(`\nNode ${version}`);
  const { status } = spawnSync(node, ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)], {
    stdio: 'inherit',
    // What the tests start by name is this Node too.
    env: { ...process.env, PATH: `${join(node, '..')}${windows ? ';' : ':'}${process.env.PATH ?? ''}` },
  });
  if (status !== 0) failed.push(version);
}
console.log(failed.length === 0 ? `\nGreen on Node ${VERSIONS.join(', ')}.` : `\nRed on Node ${failed.join(', ')}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
