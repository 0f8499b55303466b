/** Throughput of password_hash with eight calls in flight, beside @node-rs/bcrypt alone on as many threads. */

import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { interleave, median, row, timeMs } from './measure.mjs';
import { CPU_SLOTS, GOOD_PASSWORD, runAtOnce, startPipeline } from './rig.mjs';

const IN_FLIGHT = 8;
/** Hashes in one sample: one to two seconds of work on two processors. */
const SAMPLES = [
  { cost: 10, hashes: 48, rounds: 5, goal: undefined },
  { cost: 12, hashes: 16, rounds: 5, goal: { atLeast: 0.9 } },
];
const RESOLUTION_MS = 1;

/** Runs `work`; gives hashes a second and the longest that the event loop was held up. */
async function sample(hashes, work) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const ms = await timeMs(work);
  delay.disable();
  // The histogram holds the time between two ticks of its timer: the interval itself is no delay.
  return { perSecond: (hashes * 1000) / ms, worstDelayMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS) };
}

export async function run() {
  const { hash } = await import('@node-rs/bcrypt');
  const pipeline = await startPipeline();
  const raw = (cost) => hash(GOOD_PASSWORD, cost, randomBytes(16));
  const ours = (cost) => pipeline.call('password_hash', { password: GOOD_PASSWORD, cost });
  try {
    // Loads the dictionaries of zxcvbn and starts every thread.
    await runAtOnce(IN_FLIGHT, IN_FLIGHT, () => ours(10));
    await runAtOnce(IN_FLIGHT, CPU_SLOTS, () => raw(10));
    const rows = [];
    for (const { cost, hashes, rounds, goal } of SAMPLES) {
      const samples = await interleave(rounds, {
        ours: () => sample(hashes, () => runAtOnce(hashes, IN_FLIGHT, () => ours(cost))),
        raw: () => sample(hashes, () => runAtOnce(hashes, CPU_SLOTS, () => raw(cost))),
      });
      const against = `@node-rs/bcrypt alone, ${CPU_SLOTS} at once`;
      const medianOf = (name, figure) => median(samples[name].map((entry) => entry[figure]));
      const worstOf = (name) => Math.max(...samples[name].map((entry) => entry.worstDelayMs));
      rows.push(
        row({
          what: `password_hash, cost ${cost}`,
          ours: medianOf('ours', 'perSecond'),
          reference: medianOf('raw', 'perSecond'),
          unit: 'perSecond',
          against,
          goal,
        }),
        row({
          what: `worst event-loop delay, cost ${cost}`,
          ours: worstOf('ours'),
          reference: worstOf('raw'),
          unit: 'ms',
          against,
        }),
      );
    }
    return {
      note: `${IN_FLIGHT} calls in flight, in process; medians of ${SAMPLES[0].rounds} interleaved rounds`,
      rows,
    };
  } finally {
    await pipeline.close();
  }
}
