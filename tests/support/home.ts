/** Temporary homes of the store. */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll } from 'vitest';

export const base = realpathSync.native(mkdtempSync(join(tmpdir(), 'security-mcp-home-')));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Who runs the tests; undefined where the platform has no user ids. */
export const USER = process.geteuid?.();

let made = 0;

/** The path of a home that is not there yet. */
export function newHome(): string {
  return join(base, `home-${++made}`);
}
