/**
 * The recorded judgements that the view is tested with: the checker still judges so. `RECORD=1 npx vitest run tests/view/page-recorded.test.ts`
 * writes them anew.
 */

import { readFileSync, writeFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { concise } from '../../src/crypto/certificate/concise.js';
import { judgeFleet, type Checked } from '../support/judgements.js';

const folder = new URL('./recorded/', import.meta.url);
const recorded = (name: string): { results: Checked[] } =>
  JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as { results: Checked[] };

/** Keys are made anew in each run: all but what depends on them. */
const withoutKeys = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll(/[0-9a-f]{32,}/g, '(hex)')
    .replaceAll(/[A-Za-z0-9+/]{43}=/g, '(pin)');

it('are what the checker says of the same servers today', async () => {
  const full = await judgeFleet();
  const short = full.map(({ connection, ...judgement }) => ({ ...concise(judgement), connection }));
  if (process.env['RECORD'] !== undefined)
    for (const [name, results] of [
      ['full.json', full],
      ['concise.json', short],
    ] as const)
      writeFileSync(new URL(name, folder), `${JSON.stringify({ results }, null, 2)}\n`);
  expect(withoutKeys(recorded('full.json').results)).toBe(withoutKeys(full));
  expect(recorded('concise.json').results.map(({ target, verdict }) => [target, verdict])).toEqual(
    full.map(({ target, verdict }) => [target, verdict]),
  );
});
