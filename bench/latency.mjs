/** Latency of light calls over stdio while eight heavy ones are in flight, beside the latency of an idle server. */

import { setTimeout as sleep } from 'node:timers/promises';

import { median, row, timeMs } from './measure.mjs';
import { GOOD_PASSWORD, SERVER, startServer, UNLIMITED } from './rig.mjs';

const IN_FLIGHT = 8;
const COST = 12;
const CALLS = 40;
const PAUSE_MS = 50;

/** One call every PAUSE_MS, each in milliseconds. */
async function latenciesMs(server) {
  const measured = [];
  for (let call = 0; call < CALLS; call++) {
    measured.push(await timeMs(() => server.call('digest_compute', { algorithm: 'sha256', text: 'hello' })));
    await sleep(PAUSE_MS);
  }
  return measured;
}

export async function run() {
  const server = await startServer(SERVER, { SECURITY_MCP_CALLS_PER_MINUTE: UNLIMITED });
  const hash = () => server.call('password_hash', { password: GOOD_PASSWORD, cost: COST });
  try {
    // Loads the dictionaries of zxcvbn and the logger, which happens once.
    await hash();
    await latenciesMs(server);
    const idleMs = await latenciesMs(server);
    const stopping = new AbortController();
    let hashes = 0;
    const lanes = Array.from({ length: IN_FLIGHT }, async () => {
      while (!stopping.signal.aborted) {
        await hash();
        hashes++;
      }
    });
    const loadedMs = await latenciesMs(server);
    stopping.abort();
    await Promise.all(lanes);
    const reference = median(idleMs);
    const line = (what, ours, idle, goal) =>
      row({ what, ours, reference: idle, unit: 'ms', against: 'idle server', goal });
    return {
      note: `digest_compute over stdio with ${IN_FLIGHT} password_hash (cost ${COST}) in flight; ${CALLS} calls each, ${hashes} hashes meanwhile`,
      rows: [
        line('median latency under load', median(loadedMs), reference, { under: 50 }),
        line('worst latency under load', Math.max(...loadedMs), Math.max(...idleMs), { under: 50 }),
      ],
    };
  } finally {
    await server.close();
  }
}
