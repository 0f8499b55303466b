/**
 * Four servers on one store, with mixed calls, kills and restarts for some minutes (`npm run soak -- --minutes 10`), half of the time on
 * SQLite and half on PostgreSQL; then what must hold: no answer without its audit entry, no wrong answer, limits exact. Ends with 1 where not.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { runnerImport } from 'vite';

import { Fleet } from './soak/fleet.mjs';
import { judge } from './soak/judge.mjs';
import { Work } from './soak/work.mjs';

const KILL_EVERY_MS = 2_000;
const LANES = 6;

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= 10_080)) {
  console.error('usage: npm run soak -- --minutes N');
  process.exit(2);
}

/** The tests' own PostgreSQL; null where there are no binaries of it. */
async function startPostgres() {
  const { module } = await runnerImport('./tests/support/postgres.ts');
  if (module.postgresMissing === undefined) return module.PostgresServer.start();
  console.log(`PostgreSQL is left out: ${module.postgresMissing}.`);
  return null;
}

async function soak(engine, place, ms, restartDatabase) {
  const fleet = await Fleet.start(place);
  const work = new Work(fleet);
  const started = performance.now();
  const isOver = () => performance.now() - started > ms;
  const lane = async () => {
    while (!isOver()) await work.one();
  };
  const disturb = async () => {
    let isRestarted = restartDatabase === undefined;
    while (!isOver()) {
      await new Promise((resolve) => setTimeout(resolve, KILL_EVERY_MS * (0.5 + Math.random())));
      if (!isRestarted && performance.now() - started > ms / 2) {
        isRestarted = true;
        await restartDatabase();
      } else await fleet.replaceOne();
    }
  };
  await Promise.all([...Array.from({ length: LANES }, lane), disturb()]);
  const seconds = (performance.now() - started) / 1000;
  await work.finish();
  await fleet.close();
  return { engine, seconds, ...(await judge(place, fleet, work)) };
}

const folder = mkdtempSync(join(tmpdir(), 'security-mcp-soak-'));
const postgres = await startPostgres();
const ms = (minutes * 60_000) / (postgres === null ? 1 : 2);
const results = [];
try {
  results.push(await soak('SQLite', { home: join(folder, 'home') }, ms));
  if (postgres !== null) {
    const place = { home: join(folder, 'none'), databaseUrl: await postgres.newDatabase() };
    const restart = async () => {
      await postgres.stop('SIGINT');
      await postgres.restart();
    };
    results.push(await soak('PostgreSQL', place, ms, restart));
  }
} finally {
  await postgres?.remove();
  rmSync(folder, { recursive: true, force: true });
}

const names = [
  'engine',
  'seconds',
  'answered',
  'lost',
  'unavailable',
  'killed',
  'ended',
  'rotations',
  'guesses',
  'compared',
  'entries',
  'problems',
];
console.log(names.map((name) => name.padStart(11)).join(''));
for (const result of results)
  console.log(
    names
      .map((name) =>
        String(
          name === 'seconds' ? result.seconds.toFixed(0) : name === 'problems' ? result.problems.length : result[name],
        ).padStart(11),
      )
      .join(''),
  );
for (const { engine, problems } of results)
  for (const problem of problems.slice(0, 20)) console.error(`${engine}: ${problem}`);
process.exitCode = results.every(({ problems }) => problems.length === 0) ? 0 : 1;
