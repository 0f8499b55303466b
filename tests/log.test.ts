/** The log: lines in order, whole, from its level on. */

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createLog, LineWriter } from '../src/log.js';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'security-mcp-log-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the line writer', () => {
  it('writes everything, in order, however much comes at once', async () => {
    const path = join(folder, 'order');
    const fd = openSync(path, 'w');
    const writer = new LineWriter(fd);
    const lines = Array.from({ length: 5_000 }, (_, i) => `${i} ${'x'.repeat(i % 200)}\n`);
    await Promise.all(lines.map((line) => writer.append(line)));
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
  });

  it('rejects what could not be written, and goes on', async () => {
    const fd = openSync(join(folder, 'closed'), 'w');
    const reading = openSync(join(folder, 'closed'), 'r');
    closeSync(fd);
    await expect(new LineWriter(reading).append('x\n')).rejects.toMatchObject({ code: 'EBADF' });
    closeSync(reading);
  });
});

describe('the log', () => {
  it('writes lines from its level on', async () => {
    for (const [level, expected] of [
      ['info', ['warn', 'error']],
      ['error', ['error']],
      ['silent', []],
    ] as const) {
      const path = join(folder, level);
      const fd = openSync(path, 'w');
      const log = createLog(fd, level);
      log.warn('a warning');
      log.error('an error', { cause: { type: 'Error' } });
      await log.flush();
      closeSync(fd);
      const lines = readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(lines.map((line) => line['level'])).toEqual(expected);
    }
  });

  it('is quiet about a lost line', async () => {
    const reading = openSync(join(folder, 'info'), 'r');
    const log = createLog(reading, 'info');
    log.warn('lost');
    await log.flush();
    closeSync(reading);
  });
});
