/**
 * Side-by-side measurements (`npm run bench`, or `node bench/run.mjs connect calls ...` for single parts). Every figure is a
 * ratio taken in one run on one machine; the raw medians stand beside it and mean little elsewhere.
 */

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

import { tableOf, timeMs } from './measure.mjs';
import { SERVER } from './rig.mjs';

/** In this order: fernet changes String.prototype and so comes last. */
const PARTS = ['connect', 'calls', 'hashing', 'latency', 'fernet'];

async function runPart(name) {
  const { run } = await import(`./${name}.mjs`);
  let report;
  const ms = await timeMs(async () => {
    report = await run();
  });
  console.log(`\n${name} (${(ms / 1000).toFixed(0)} s): ${report.note}\n`);
  console.log(tableOf(report.rows));
}

async function main(asked) {
  const unknown = asked.filter((name) => !PARTS.includes(name));
  if (unknown.length > 0) {
    console.error(`There is no such part. These are: ${PARTS.join(', ')}`);
    return 2;
  }
  if (!existsSync(SERVER)) {
    console.error('dist/ is missing: run npm run build first.');
    return 2;
  }
  console.log(`Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores`);
  for (const name of PARTS) if (asked.length === 0 || asked.includes(name)) await runPart(name);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
