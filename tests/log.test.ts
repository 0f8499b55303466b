/** The log: lines in order, whole, and an append that says when it was not written. */

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createLog, LineWriter } from '../src/log.js';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'security-mcp-log-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const entry = {
  event: 'answered',
  time: '2026-06-01T12:00:00.000Z',
  boot_id: 'b',
  call_id: 'c',
  tool: 't',
  caller: 'x',
  outcome: 'ok',
} as const;

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
  it('writes audit entries at every level, and other lines from its level on', async () => {
    for (const [level, expected] of [
      ['info', ['warn', 'error', 'info']],
      ['error', ['error', 'info']],
      ['silent', ['info']],
    ] as const) {
      const path = join(folder, level);
      const fd = openSync(path, 'w');
      const log = createLog(fd, level);
      log.warn('a warning');
      log.error('an error', { cause: { type: 'Error' } });
      await log.append(entry);
      await log.flush();
      closeSync(fd);
      const lines = readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(lines.map((line) => line['level'])).toEqual(expected);
      expect(lines.at(-1)).toEqual({ level: 'info', kind: 'audit', ...entry });
    }
  });

  it('rejects an audit entry that could not be written, and is quiet about a lost log line', async () => {
    const reading = openSync(join(folder, 'info'), 'r');
    const log = createLog(reading, 'info');
    log.warn('lost');
    await expect(log.append(entry)).rejects.toMatchObject({ code: 'EBADF' });
    await log.flush();
    closeSync(reading);
  });
});
