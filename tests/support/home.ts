/** Temporary homes of the store. */

import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Removed after the run. */
export const base = realpathSync.native(
  mkdtempSync(join(process.env['TESTS_FOLDER'] ?? tmpdir(), 'security-mcp-home-')),
);

/** Who runs the tests; undefined where the platform has no user ids. */
export const USER = process.geteuid?.();

let made = 0;

/** The path of a home that is not there yet. */
export function newHome(): string {
  return join(base, `home-${++made}`);
}
