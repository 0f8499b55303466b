/** Real folders for tests: one that is allowed, one beside it that is not, and reading with the words of the refusal. */

import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'vitest';

import { SecurityError } from '../../src/crypto/errors.js';
import { resolveFolder, type AllowedFolder } from '../../src/files/policy.js';
import { AllowedFiles, type FileSystem } from '../../src/files/read.js';
import { never } from './engines.js';

/** Part of every path here: no error may hold it. */
export const CANARY = 'canary-f11e';
export const POSIX = process.platform !== 'win32';
export const NOWHERE = 'path leads to no file in the allowed folders.';
export const OUTSIDE = 'path lies outside the allowed folders.';

export const limits = { maxBytes: 1_000, signal: never };

/** Removed after the run. */
export const base = realpathSync.native(
  mkdtempSync(join(process.env['TESTS_FOLDER'] ?? tmpdir(), `security-mcp-files-${CANARY}-`)),
);
export const inside = join(base, 'allowed');
export const outside = join(base, 'outside');
export const secretFile = join(outside, 'secret');
mkdirSync(inside);
mkdirSync(outside);
writeFileSync(secretFile, 'outside');

export const folders: AllowedFolder[] = [inside].map((path) => {
  const folder = resolveFolder(path);
  if (folder === null) throw new Error('the folder of the test is not there');
  return folder;
});

let made = 0;

export function newName(): string {
  return `file-${++made}`;
}

/** Writes a file into the allowed folder and gives its path. */
export function file(content: string, name = newName()): string {
  const path = join(inside, name);
  writeFileSync(path, content);
  return path;
}

export async function text(path: string, system?: FileSystem): Promise<string> {
  return Buffer.from(await new AllowedFiles(folders, system).read(path, limits)).toString();
}

/** The message of the refusal, having made sure that it holds no part of the path. */
export async function refusal(path: string, system?: FileSystem): Promise<string> {
  const error: unknown = await text(path, system).then(
    (content) => new Error(`was read: ${content}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SecurityError)) throw error;
  expect(error.code).toBe('path_refused');
  expect(error.hint).toMatch(/\.$/);
  expect(JSON.stringify([error.message, error.hint, error.stack?.split('\n')[0]])).not.toContain(CANARY);
  expect(error.cause).toBeUndefined();
  return error.message;
}
