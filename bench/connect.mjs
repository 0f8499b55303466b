/** Connect time: from spawning the server to the answer of the first tools/list, beside a one-tool server of the same SDK. */

import { spawn } from 'node:child_process';

import { interleave, median, row, timeMs } from './measure.mjs';
import { cleanEnvironment, connect, JWT_SECRET_KEY, MINIMAL_SERVER, SERVER } from './rig.mjs';

const ROUNDS = 15;

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
    ours: () => connect(SERVER, { JWT_SECRET_KEY }),
    minimal: () => connect(MINIMAL_SERVER),
    oursKeyless: () => connect(SERVER),
    bare: async () => ({ ms: await bareNodeMs() }),
  };
  // Once unmeasured: the files come into the cache of the operating system.
  await interleave(1, contestants);
  const samples = await interleave(ROUNDS, contestants);
  const [ours, minimal, keyless, bare] = ['ours', 'minimal', 'oursKeyless', 'bare'].map((name) =>
    median(samples[name].map(({ ms }) => ms)),
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
      row({
        what: 'resident memory then',
        ours: median(samples.ours.map(({ mib }) => mib)),
        reference: median(samples.minimal.map(({ mib }) => mib)),
        unit: 'MiB',
        against: 'minimal server, same SDK, one tool',
        goal: { atMost: 1.2 },
      }),
    ],
  };
}
