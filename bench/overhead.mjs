/**
 * What the pipeline adds to a call, one durable audit entry in SQLite included, beside a bare commit with synchronous=FULL on the same
 * disk; and 200 calls in flight beside the ideal, which is so many times the cost of one in a full batch.
 */

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'libsql';

import { interleave, median, row, timeMs } from './measure.mjs';
import { runAtOnce, SERVER, startPipeline, startServer, UNLIMITED } from './rig.mjs';

const ROUNDS = 9;
const CALLS = 200;
const INPUT = { algorithm: 'sha256', text: 'hello' };

const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(values.length * share)];

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'security-mcp-bench-commit-'));
  const database = new Database(join(folder, 'bare.db'));
  database.exec('pragma journal_mode = wal; pragma synchronous = full; create table t (v text) strict');
  const insert = database.prepare('insert into t values (?)');
  const pipeline = await startPipeline();
  const server = await startServer(SERVER, { SECURITY_MCP_CALLS_PER_MINUTE: UNLIMITED });
  const each = async (work) => {
    const samples = [];
    for (let i = 0; i < CALLS; i++) samples.push(await timeMs(work));
    return samples;
  };
  try {
    const contestants = {
      ours: () => each(() => pipeline.call('digest_compute', INPUT)),
      alone: () => each(async () => createHash('sha256').update(INPUT.text).digest('hex')),
      commit: () => each(async () => insert.run('an entry of about the length that an audit entry has '.repeat(6))),
    };
    await interleave(1, contestants);
    const samples = await interleave(ROUNDS, contestants);
    const [ours, alone, commit] = ['ours', 'alone', 'commit'].map((name) => samples[name].flat());
    const flight = await interleave(ROUNDS, {
      sequential: () => timeMs(() => runAtOnce(CALLS, 1, () => server.call('digest_compute', INPUT))),
      inFlight: () => timeMs(() => runAtOnce(CALLS, CALLS, () => server.call('digest_compute', INPUT))),
      batches: () => timeMs(() => runAtOnce(CALLS, 32, () => server.call('digest_compute', INPUT))),
    });
    const line = (what, share, limit) => ({
      ...row({
        what,
        ours: quantile(ours, share) - quantile(alone, share),
        reference: quantile(commit, share),
        unit: 'ms',
        against: 'a bare commit, synchronous=FULL',
      }),
      goal: { under: limit },
    });
    return {
      note: `medians of ${ROUNDS} interleaved rounds of ${CALLS} calls; none was lost`,
      rows: [
        line('what the pipeline adds, median', 0.5, 0.7),
        line('what the pipeline adds, p99', 0.99, 3),
        row({
          what: '200 calls in flight over stdio',
          ours: median(flight.inFlight),
          reference: median(flight.batches),
          unit: 'ms',
          against: 'the same 32 at a time',
          goal: { atMost: 2 },
        }),
        row({
          what: '200 calls in flight over stdio',
          ours: median(flight.inFlight),
          reference: median(flight.sequential),
          unit: 'ms',
          against: 'one after the other',
        }),
      ],
    };
  } finally {
    await Promise.all([pipeline.close(), server.close()]);
    database.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
