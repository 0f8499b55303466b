/**
 * Side-by-side measurements (`npm run bench`, or `node bench/run.mjs connect calls ...` for single parts). Every figure is a
 * ratio taken in one run on one machine; the raw medians stand beside it and mean little elsewhere.
 */

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

import { tableOf, timeMs } from './measure.mjs';
import { SERVER } from './rig.mjs';

/** In this order: fernet changes String.prototype and so comes last. */
const PARTS = [
  'connect',
  'peers',
  'overhead',
  'calls',
  'tokens',
  'hashing',
  'latency',
  'guessing',
  'oracles',
  'audit',
  'growth',
  'certificates',
  'cipher',
  'files',
  'fernet',
];

/** Measures and prints one part; whether it could be measured. */
async function runPart(name) {
  let report;
  try {
    const ms = await timeMs(async () => {
      const { run } = await import(`./${name}.mjs`);
      report = await run();
    });
    console.log(`\n${name} (${(ms / 1000).toFixed(0)} s): ${report.note}\n`);
    console.log(tableOf(report.rows));
    return true;
  } catch (error) {
    // The other parts can be measured all the same: without the optional @node-rs/bcrypt only hashing cannot.
    console.error(`\n${name}: could not be measured: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

async function main(asked) {
  const unknown = asked.filter((name) => !PARTS.includes(name));
  if (unknown.length > 0) {
    console.error(`There is no such part. These are: ${PARTS.join(', ')}`);
    return 2;
  }
  if (!existsSync(SERVER)) {
    console.error('build/ is missing: run npm run build first.');
    return 2;
  }
  console.log(`Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores`);
  console.log('ratio = ours / reference: of times the smaller is the better, of rates (/s) the larger');
  let measured = true;
  for (const name of PARTS)
    if (asked.length === 0 || asked.includes(name)) measured = (await runPart(name)) && measured;
  return measured ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
