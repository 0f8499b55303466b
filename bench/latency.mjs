/** Latency of light calls over stdio while eight heavy ones are in flight, beside the latency of an idle server. */

import { setTimeout as sleep } from 'node:timers/promises';

import { interleave, median, row, timeMs } from './measure.mjs';
import { GOOD_PASSWORD, SERVER, startServer, UNLIMITED } from './rig.mjs';

const IN_FLIGHT = 8;
const COST = 12;
const ROUNDS = 3;
const CALLS = 20;
const PAUSE_MS = 50;

/** CALLS light calls with a pause after each, in milliseconds. */
async function latenciesMs(server) {
  const measured = [];
  for (let call = 0; call < CALLS; call++) {
    measured.push(await timeMs(() => server.call('digest_compute', { algorithm: 'sha256', text: 'hello' })));
    await sleep(PAUSE_MS);
  }
  return measured;
}

/** Runs `work` while `hash` is called IN_FLIGHT at a time, and gives its result when the last hash has come back. */
async function underLoad(hash, work) {
  const stopping = new AbortController();
  const lanes = Array.from({ length: IN_FLIGHT }, async () => {
    while (!stopping.signal.aborted) await hash();
  });
  try {
    return await work();
  } finally {
    stopping.abort();
    await Promise.all(lanes);
  }
}

export async function run() {
  const server = await startServer(SERVER, { SECURITY_MCP_CALLS_PER_MINUTE: UNLIMITED });
  let hashes = 0;
  const hash = async () => {
    await server.call('password_hash', { password: GOOD_PASSWORD, cost: COST });
    hashes++;
  };
  const measure = () => latenciesMs(server);
  try {
    // Loads the dictionaries of zxcvbn and the logger, which happens once.
    await hash();
    await measure();
    const samples = await interleave(ROUNDS, { idle: measure, loaded: () => underLoad(hash, measure) });
    const [idleMs, loadedMs] = [samples.idle.flat(), samples.loaded.flat()];
    const line = (what, ours, reference) =>
      row({ what, ours, reference, unit: 'ms', against: 'idle server', goal: { under: 50 } });
    return {
      note: `digest_compute over stdio with ${IN_FLIGHT} password_hash (cost ${COST}) in flight; ${loadedMs.length} calls each in ${ROUNDS} interleaved rounds, ${hashes} hashes meanwhile`,
      rows: [
        line('median latency under load', median(loadedMs), median(idleMs)),
        line('worst latency under load', Math.max(...loadedMs), Math.max(...idleMs)),
      ],
    };
  } finally {
    await server.close();
  }
}
