/**
 * Runs the tests on every Node that is supported: npm run test:nodes [-- FILES AND OPTIONS OF VITEST]
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { delimiter, dirname } from 'node:path';

import { nodeOf, VERSIONS } from './node-of.mjs';

const failed = [];
for (const version of VERSIONS) {
  const node = nodeOf(version);
  const found = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  if (found !== `v${version}`) throw new Error(`${node} is ${found}`);
  console.log(`\nNode ${version}`);
  const { status } = spawnSync(node, ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)], {
    stdio: 'inherit',
    // What the tests start by name is this Node too.
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` },
  });
  if (status !== 0) failed.push(version);
}
console.log(failed.length === 0 ? `\nGreen on Node ${VERSIONS.join(', ')}.` : `\nRed on Node ${failed.join(', ')}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
