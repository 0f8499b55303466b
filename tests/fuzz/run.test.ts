/** The slow run is one: it reaches every test, and has the cases that are promised. */

import { expect, it } from 'vitest';

import config from '../../vitest.config.js';
import { CASES } from './cases.js';

it('tells every project its mode, without which no test has more cases', () => {
  const { test } = config({ mode: 'slow', command: 'serve' });
  const modes = test?.projects?.map((project) => (project as { mode?: string }).mode) ?? [];
  expect(modes.length).toBeGreaterThan(2);
  expect(new Set(modes)).toEqual(new Set(['slow']));
});

it('has 100,000 cases', () => {
  expect(Object.values(CASES).reduce((sum, { slow }) => sum + slow, 0)).toBe(100_000);
});
