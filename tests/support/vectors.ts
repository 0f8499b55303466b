/** Published vector sets that lie outside the repository. Tests that read them are skipped, visibly, where they are absent. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe } from 'vitest';

const folder = process.env['SECURITY_MCP_VECTORS'] ?? '../shared/vectors';

export const vectorsPresent = existsSync(join(folder, 'wycheproof'));

/** `describe` where the vectors are there, otherwise a skipped block that says how to get them run. */
export function describeWithVectors(name: string, body: () => void): void {
  if (vectorsPresent) describe(name, body);
  else describe.skip(`${name} (skipped: set SECURITY_MCP_VECTORS to the folder of the published vectors)`, body);
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the shape of the file it names
export function readVectors<T>(path: string): T {
  return JSON.parse(readFileSync(join(folder, path), 'utf8')) as T;
}

/** Every file of vectors, as `readVectors` takes it. */
export function vectorFiles(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.json'));
}

export interface WycheproofCase {
  tcId: number;
  comment: string;
  result: 'valid' | 'invalid' | 'acceptable';
  flags: string[];
}

export interface WycheproofFile<Group> {
  testGroups: Group[];
}
