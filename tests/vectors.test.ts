/** No published vector lies unread: each file of them is named by a test. */

import { readdirSync, readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { describeWithVectors, vectorFiles } from './support/vectors.js';

describeWithVectors('the published vectors', () => {
  it('are each read by a test', () => {
    const tests = readdirSync('tests', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => readFileSync(`tests/${name}`, 'utf8'))
      .join('\n');
    const files = vectorFiles();
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !tests.includes(`'${file}'`))).toEqual([]);
  });
});
