/**
 * What the audit costs: appends a second by four processes at once on SQLite and, where its binaries are, on PostgreSQL, the worst
 * stall of their event loops meanwhile, and what it adds to a cheap call. Beside each rate stands the machine's own of synced writes.
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runnerImport } from 'vite';

import { interleave, median, perCallUs, row } from './measure.mjs';

const WRITERS = 4;
const SECONDS = 3;
const IN_FLIGHT = 32;
const ROUNDS = 15;
const CALLS = 40;
const PAGE_BYTES = 4_120;

/** Synced appends a second to a file. */
function syncedRate(folder) {
  const file = openSync(join(folder, 'synced'), 'w');
  const bytes = randomBytes(PAGE_BYTES);
  const end = performance.now() + 1_000;
  let count = 0;
  for (; performance.now() < end; count++) {
    writeSync(file, bytes);
    fdatasyncSync(file);
  }
  closeSync(file);
  return count;
}

/** One writer: a child that says when it is ready, begins when told, and says what it did. */
function writer(options) {
  const child = spawn(
    process.execPath,
    ['tests/support/storage-child.mjs', 'auditRate', JSON.stringify(options), String(SECONDS), String(IN_FLIGHT)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  let told = '';
  let isReady;
  const ready = new Promise((resolve) => (isReady = resolve));
  child.stdout.setEncoding('utf8').on('data', (text) => {
    told += text;
    if (told.includes('ready\n')) isReady();
  });
  const done = new Promise((resolve) => child.once('close', () => resolve(JSON.parse(told.split('\n')[1]))));
  return { ready, done, begin: () => child.stdin.write('go\n') };
}

async function rate(options) {
  const writers = Array.from({ length: WRITERS }, () => writer(options));
  await Promise.all(writers.map(({ ready }) => ready));
  for (const { begin } of writers) begin();
  const results = await Promise.all(writers.map(({ done }) => done));
  return {
    perSecond: results.reduce((sum, { count }) => sum + count, 0) / SECONDS,
    stallMs: Math.max(...results.map(({ stallMs }) => stallMs)),
  };
}

/** A digest through a pipeline with the audit in a store, and with one that keeps nothing. */
async function calls(home) {
  const [{ Audit }, { lazyStore }, { createVault }, { environmentKey }, { createPipeline }, { digestCompute }] =
    await Promise.all([
      import('../build/storage/audit.js'),
      import('../build/storage/store.js'),
      import('../build/storage/master-key.js'),
      import('../build/storage/key-file.js'),
      import('../build/guard/call.js'),
      import('../build/tools/digest.js'),
    ]);
  const store = lazyStore({ home, owner: process.geteuid?.() });
  const audit = new Audit(store, createVault(store, environmentKey(randomBytes(32)), randomBytes));
  const pipelineWith = (sink) =>
    createPipeline({
      tools: [digestCompute],
      context: { now: () => new Date() },
      audit: sink,
      guesses: undefined,
      fingerprint: undefined,
      callsPerMinute: { light: 1e9, cpu: 1e9 },
      cpuSlots: 1,
      networkSlots: 1,
      fileSlots: 1,
      exposedEnvironment: new Map(),
      timeLimitSeconds: { light: 10, cpu: 10, network: 10, file: 10 },
      clock: () => performance.now(),
      newId: () => 'bench',
      bootId: 'bench',
      reportFailure: () => undefined,
    });
  const caller = { name: 'bench', signal: new AbortController().signal };
  const digest = (pipeline) => async () => {
    const { kind } = await pipeline.call('digest_compute', { algorithm: 'sha256', text: 'hello' }, caller);
    if (kind !== 'answered') throw new Error('the call was refused');
  };
  const contestants = {
    audited: perCallUs(CALLS, digest(pipelineWith(audit))),
    bare: perCallUs(CALLS, digest(pipelineWith({ append: async () => undefined }))),
  };
  await interleave(2, contestants);
  const found = await interleave(ROUNDS, contestants);
  await store.close();
  return { audited: median(found.audited), bare: median(found.bare) };
}

/** The tests' own PostgreSQL, with its syncing on; null where there are no binaries of it. */
async function postgres() {
  const { module } = await runnerImport('./tests/support/postgres.ts');
  if (module.postgresMissing !== undefined) return null;
  const server = await module.PostgresServer.start();
  await server.stop();
  await server.restart({ fsync: 'on' });
  return server;
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'security-mcp-bench-'));
  const owner = process.geteuid?.();
  const rows = [];
  try {
    const synced = syncedRate(folder);
    const sqlite = await rate({ home: join(folder, 'home'), owner });
    const beside = `${synced} synced appends/s to a file, one process`;
    rows.push(
      row({
        what: `audit entries, SQLite, ${WRITERS} writers`,
        ours: sqlite.perSecond,
        reference: synced,
        unit: 'perSecond',
        against: beside,
      }),
    );
    const stalls = [`SQLite ${sqlite.stallMs.toFixed(0)} ms`];
    const server = await postgres();
    if (server !== null) {
      const databaseUrl = await server.newDatabase();
      const found = await rate({ home: folder, owner, databaseUrl });
      await server.remove();
      stalls.push(`PostgreSQL ${found.stallMs.toFixed(0)} ms`);
      rows.push(
        row({
          what: `audit entries, PostgreSQL, ${WRITERS} writers`,
          ours: found.perSecond,
          reference: synced,
          unit: 'perSecond',
          against: beside,
        }),
      );
    }
    const { audited, bare } = await calls(join(folder, 'calls'));
    rows.push(
      row({
        what: 'digest_compute in process, audited in SQLite',
        ours: audited,
        reference: bare,
        unit: 'us',
        against: 'the same without audit',
      }),
    );
    return { note: `worst stall of a writer's event loop: ${stalls.join(', ')}`, rows };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
