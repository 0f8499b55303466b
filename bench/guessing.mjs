/** What the durable limit on guessing costs: a charge and its refund on SQLite, beside two synced writes of this machine. */

import { randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { interleave, median, perCallUs, row } from './measure.mjs';

const ROUNDS = 15;
const CALLS = 40;
/** A page of SQLite's log and its frame header, about what a small commit appends. */
const BYTES = 4_120;

export async function run() {
  const [{ Attempts }, { lazyStore }] = await Promise.all([
    import('../build/storage/attempts.js'),
    import('../build/storage/store.js'),
  ]);
  const home = mkdtempSync(join(tmpdir(), 'security-mcp-bench-'));
  const store = lazyStore({ home, owner: process.geteuid?.() });
  const attempts = new Attempts(store, { guesses: 5, windowSeconds: 60, random: randomBytes });
  const { signal } = new AbortController();
  const guess = async () => (await attempts.charge('bench', signal)).refund();
  await guess();
  const file = openSync(join(home, 'bench'), 'w');
  const bytes = randomBytes(BYTES);
  try {
    const contestants = {
      guess: perCallUs(CALLS, guess),
      synced: perCallUs(CALLS, () => {
        for (let write = 0; write < 2; write++) {
          writeSync(file, bytes);
          fdatasyncSync(file);
        }
      }),
    };
    await interleave(2, contestants);
    const { guess: ours, synced } = await interleave(ROUNDS, contestants);
    const rate = 2e6 / median(synced);
    return {
      note: `medians of ${ROUNDS} interleaved rounds of ${CALLS}; this machine does ${rate.toFixed(0)} synced writes a second`,
      rows: [
        row({
          what: 'charge and refund of a guess, SQLite',
          ours: median(ours),
          reference: median(synced),
          unit: 'us',
          against: 'two synced appends to a file beside it',
        }),
      ],
    };
  } finally {
    closeSync(file);
    await store.close();
    rmSync(home, { recursive: true, force: true });
  }
}
