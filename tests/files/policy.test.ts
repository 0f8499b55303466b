/** The path policy by its text alone, and which folders an operator can allow. Nothing here is opened. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, parse, sep } from 'node:path';

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { SecurityError } from '../../src/crypto/errors.js';
import { checkText, liesInside, resolveFolder, type AllowedFolder } from '../../src/files/policy.js';

const base = realpathSync.native(mkdtempSync(join(tmpdir(), 'security-mcp-policy-')));
afterAll(() => rmSync(base, { recursive: true }));
const real = join(base, 'real');
const link = join(base, 'link');
mkdirSync(real);
symlinkSync(real, link);
writeFileSync(join(base, 'file'), '');

const FOLDERS: AllowedFolder[] = [{ given: link, real }];

function problem(path: string, folders: readonly AllowedFolder[] = FOLDERS): string {
  try {
    checkText(path, folders);
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(SecurityError);
    expect(error).toHaveProperty('code', 'path_refused');
    return (error as SecurityError).message;
  }
}

describe('a folder can be allowed', () => {
  it('where it is an existing directory with an absolute path, and is known by both its names', () => {
    expect(resolveFolder(real)).toEqual({ given: real, real });
    expect(resolveFolder(link)).toEqual({ given: link, real });
    expect(resolveFolder(`${real}${sep}.${sep}`)).toEqual({ given: real, real });
  });

  it.each([
    ['a relative path', 'tests'],
    ['a file', join(base, 'file')],
    ['what does not exist', join(base, 'nothing')],
    ['the root of the file system', parse(base).root],
    ['a path with ..', `${real}${sep}..${sep}real`],
    ['a home folder that nobody expanded', '~'],
    ['a NUL', `${real}\0`],
  ])('but not %s', (_title, path) => {
    expect(resolveFolder(path)).toBeNull();
  });
});

describe('the text of a path', () => {
  it('passes inside a folder, under the name that was given and under the real one', () => {
    for (const path of [join(real, 'a'), join(link, 'a', 'b'), real, join(real, '..a'), join(real, 'a..', '...')])
      expect(problem(path)).toBe('');
  });

  it.each([
    ['beside the folders', `${base}${sep}other`, 'path lies outside the allowed folders.'],
    ['with a folder as the beginning of its name', `${real}-secret${sep}a`, 'path lies outside the allowed folders.'],
    ['above the folders', base, 'path lies outside the allowed folders.'],
    ['relative', `real${sep}a`, 'path is not absolute.'],
    ['under ~', `~${sep}a`, 'path is not absolute.'],
    ['a file: URL', `file://${real}/a`, 'path is not absolute.'],
    ['with .. that leads out', `${real}${sep}..${sep}a`, 'path holds ".." as a part.'],
    ['with .. that leads nowhere in particular', `${real}/a/../b`, 'path holds ".." as a part.'],
    ['ending in ..', `${real}${sep}..`, 'path holds ".." as a part.'],
    ['with .. between backslashes', `${real}\\..\\b`, 'path holds ".." as a part.'],
    ['with NUL', `${real}${sep}a\0`, 'path holds a NUL character or is over 4096 bytes.'],
    ['of 5,000 characters', `${real}${sep}${'a'.repeat(5_000)}`, 'path holds a NUL character or is over 4096 bytes.'],
    [
      'of 2,000 letters in 6,000 bytes',
      `${real}/${'€'.repeat(2_000)}`,
      'path holds a NUL character or is over 4096 bytes.',
    ],
  ])('is refused %s', (_title, path, message) => {
    expect(problem(path)).toBe(message);
  });

  it('passes nowhere where no folder is allowed', () => {
    expect(problem(join(real, 'a'), [])).toBe('path cannot be used: no folder is allowed.');
  });

  it('never passes unless it begins with a folder, and is never repeated', () => {
    const part = fc.constantFrom('..', '.', '', 'a', 'real', 'link', '...', '\0', '~', base, real, '\\', 'é\n');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const path = `${sep}${parts.join(sep)}`;
        const refused = problem(path);
        if (refused === '') expect(liesInside([{ given: link, real: link }, ...FOLDERS], join(path))).toBe(true);
        else expect(refused).not.toContain(base);
      }),
    );
  });
});

it('only the real place of a folder counts for a resolved path', () => {
  expect(liesInside(FOLDERS, join(real, 'a'))).toBe(true);
  expect(liesInside(FOLDERS, join(link, 'a'))).toBe(false);
  expect(liesInside(FOLDERS, `${real}-secret`)).toBe(false);
  expect(liesInside([], real)).toBe(false);
});
