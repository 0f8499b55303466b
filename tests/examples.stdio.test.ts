/**
 * The examples of docs/tools.md, call by call in one session of the built server over stdio: the answers are the documented ones.
 * `npm run docs:record` writes the answers of today into docs/examples.json instead.
 */

import { writeFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { tokensOf, BUDGET, median } from '../docs/token-count.mjs';
import { catalogue } from '../src/tools/index.js';
import { examples, EXAMPLES_FILE, ExampleSession } from './support/example-session.js';

it('there is one of every tool', () => {
  const names = catalogue().map(({ name }) => name);
  expect(examples.map(({ tool }) => tool).toSorted()).toEqual(names.toSorted());
});

it('every answer is the one that is documented, apart from what is declared to differ', async () => {
  const recording = process.env['MODE'] === 'record';
  const session = await ExampleSession.open();
  try {
    await session.run({ command: process.execPath, args: ['dist/main.js'] }, recording);
  } finally {
    await session.close();
  }
  if (recording) writeFileSync(EXAMPLES_FILE, JSON.stringify(examples));
});

it('half of the answers cost a model no more than the budget', () => {
  expect(median(examples.map(({ answer }) => tokensOf(answer)))).toBeLessThanOrEqual(BUDGET.medianAnswer);
});
