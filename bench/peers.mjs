/**
 * Connect time beside other security servers that install from npm, each in the way its package starts. They are installed outside of the
 * lock file, into node_modules/.cache, without their scripts; each lists its tools without an account.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { interleave, median, row } from './measure.mjs';
import { cleanEnvironment, connect, SERVER } from './rig.mjs';

const ROUNDS = 9;
const PEERS = [
  { name: '@coo-quack/calc-mcp', version: '2.1.1', script: 'dist/index.js' },
  { name: '@takescake/1password-mcp', version: '4.0.2', script: 'bin/1password-mcp.js' },
  { name: '@bitwarden/mcp-server', version: '2026.7.0', script: 'dist/index.js' },
  // Runs on Node 26 alone.
  ...(process.version.startsWith('v26.')
    ? [{ name: 'cyberchef-mcp', version: '4.2.0', script: 'src/node/mcp-server.mjs' }]
    : []),
];
/** What they look for before they list anything. */
const ENVIRONMENT = { BW_SESSION: 'none', OP_SERVICE_ACCOUNT_TOKEN: 'ops_none' };

function installed({ name, version, script }) {
  const folder = resolve('node_modules/.cache/peers', `${name.replaceAll('/', '-')}-${version}`);
  const path = join(folder, 'node_modules', name, script);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    execFileSync('npm', ['install', '--prefix', folder, ...options, `${name}@${version}`], {
      env: cleanEnvironment(),
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    });
  }
  return path;
}

export async function run() {
  const rows = [];
  for (const peer of PEERS) {
    const contestants = {
      ours: () => connect(SERVER),
      theirs: () => connect(installed(peer), ENVIRONMENT),
    };
    await interleave(1, contestants);
    const samples = await interleave(ROUNDS, contestants);
    rows.push(
      row({
        what: 'connect',
        ours: median(samples.ours.map(({ ms }) => ms)),
        reference: median(samples.theirs.map(({ ms }) => ms)),
        unit: 'ms',
        against: `${peer.name} ${peer.version}`,
        goal: { atMost: 0.7 },
      }),
    );
  }
  return { note: `spawn to the first tools/list; medians of ${ROUNDS} interleaved rounds`, rows };
}
