/** Connect time: from spawning the server to the answer of the first tools/list, beside a one-tool server of the same SDK. */

import { spawn } from 'node:child_process';

import { interleave, median, row, timeMs } from './measure.mjs';
import { cleanEnvironment, JWT_SECRET_KEY, MINIMAL_SERVER, SERVER, StdioServer } from './rig.mjs';

const ROUNDS = 15;

async function connectMs(script, env) {
  const startedMs = performance.now();
  const server = new StdioServer(script, env);
  await server.initialize();
  const { tools } = await server.request('tools/list');
  const elapsedMs = performance.now() - startedMs;
  if (tools.length === 0) throw new Error('the server lists no tool');
  await server.close();
  return elapsedMs;
}

/** To its exit: what Node itself costs. */
function bareNodeMs() {
  return timeMs(
    () =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, ['-e', '0'], { env: cleanEnvironment(), stdio: 'ignore' });
        child.on('error', reject);
        child.on('exit', resolve);
      }),
  );
}

export async function run() {
  const contestants = {
    ours: () => connectMs(SERVER, { JWT_SECRET_KEY }),
    minimal: () => connectMs(MINIMAL_SERVER),
    oursKeyless: () => connectMs(SERVER),
    bare: bareNodeMs,
  };
  // Once unmeasured: the files come into the cache of the operating system.
  await interleave(1, contestants);
  const samples = await interleave(ROUNDS, contestants);
  const [ours, minimal, keyless, bare] = ['ours', 'minimal', 'oursKeyless', 'bare'].map((name) =>
    median(samples[name]),
  );
  return {
    note: `spawn to the first tools/list; medians of ${ROUNDS} interleaved rounds`,
    rows: [
      row({
        what: 'connect',
        ours,
        reference: minimal,
        unit: 'ms',
        against: 'minimal server, same SDK, one tool',
        goal: { atMost: 0.8 },
      }),
      row({ what: 'connect', ours, reference: bare, unit: 'ms', against: 'node -e 0, to its exit' }),
      row({
        what: 'connect, no JWT_SECRET_KEY',
        ours: keyless,
        reference: minimal,
        unit: 'ms',
        against: 'minimal server, same SDK, one tool',
      }),
    ],
  };
}
