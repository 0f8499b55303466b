/** Writing inside the allowed folders: whole or not at all, nothing overwritten unasked, no way out of the folders. */

import { randomUUID } from 'node:crypto';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { SecurityError } from '../../src/crypto/errors.js';
import { AllowedFiles } from '../../src/files/read.js';
import { FileWriter } from '../../src/files/write.js';
import { CANARY, folders, inside, limits, newName, outside, POSIX, secretFile } from '../support/files.js';

const writer = new FileWriter(folders, randomUUID);
const fresh = (): string => join(inside, newName());
const drafts = (): string[] => readdirSync(inside).filter((name) => name.startsWith('.security-mcp-'));

async function put(path: string, content: string, overwrite = false, delivered = false): Promise<void> {
  const draft = await writer.draft(path, { overwrite, delivered });
  await draft.write(Buffer.from(content));
  await draft.commit();
}
async function refused(work: Promise<unknown>, code = 'path_refused'): Promise<string> {
  const error: unknown = await work.then(
    () => new Error('nothing was refused'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SecurityError)) throw error;
  expect(error.code).toBe(code);
  expect(JSON.stringify([error.message, error.hint])).not.toContain(CANARY);
  expect(drafts()).toEqual([]);
  return error.message;
}

describe('a new file', () => {
  it('is for its owner alone and has its name when it is whole', async () => {
    const path = fresh();
    const draft = await writer.draft(path, { overwrite: false });
    await draft.write(Buffer.from('one '));
    expect(existsSync(path)).toBe(false);
    await draft.write(Buffer.from('two'));
    await draft.commit();
    expect(readFileSync(path, 'utf8')).toBe('one two');
    if (POSIX) expect(statSync(path).mode & 0o7777).toBe(0o600);
    expect(drafts()).toEqual([]);
  });

  it('that is given up leaves nothing', async () => {
    const path = fresh();
    const draft = await writer.draft(path, { overwrite: false });
    await draft.write(Buffer.alloc(100_000));
    await draft.discard();
    expect([existsSync(path), drafts()]).toEqual([false, []]);
  });

  it('overwrites nothing, not even what came while it was written', async () => {
    const path = fresh();
    writeFileSync(path, 'before');
    await refused(writer.draft(path, { overwrite: false }), 'file_exists');
    const other = fresh();
    const draft = await writer.draft(other, { overwrite: false });
    await draft.write(Buffer.from('late'));
    writeFileSync(other, 'first');
    await refused(draft.commit(), 'file_exists');
    expect([readFileSync(path, 'utf8'), readFileSync(other, 'utf8')]).toEqual(['before', 'first']);
  });

  it('replaces a file where that was asked for', async () => {
    const path = fresh();
    writeFileSync(path, 'before', { mode: 0o644 });
    await put(path, 'after', true);
    expect(readFileSync(path, 'utf8')).toBe('after');
    if (POSIX) expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

describe.skipIf(!POSIX)('refused are', () => {
  it('paths outside, relative ones, and those that go up', async () => {
    await refused(writer.draft(join(outside, 'x'), { overwrite: false }));
    await refused(writer.draft('x', { overwrite: false }));
    await refused(writer.draft(`${inside}/../outside/x`, { overwrite: false }));
    await refused(writer.draft(`${inside}/`, { overwrite: true }));
    await refused(writer.draft(inside, { overwrite: true }));
    await refused(writer.draft(join(inside, 'nowhere', 'x'), { overwrite: false }));
    await refused(writer.draft(join(inside, `.security-mcp-${randomUUID()}.part`), { overwrite: false }));
  });

  it('symbolic links: as the file, leading nowhere, and as a folder that leads out', async () => {
    const [link, dangling, folder] = [fresh(), fresh(), fresh()];
    symlinkSync(secretFile, link);
    symlinkSync(join(outside, 'not-there'), dangling);
    symlinkSync(outside, folder);
    for (const path of [link, dangling]) await refused(writer.draft(path, { overwrite: true }));
    await refused(writer.draft(join(folder, 'x'), { overwrite: false }));
    expect(readFileSync(secretFile, 'utf8')).toBe('outside');
    expect(existsSync(join(outside, 'not-there'))).toBe(false);
  });

  it('hard links, devices and folders in the place of the file', async () => {
    const [hard, folder] = [fresh(), fresh()];
    linkSync(secretFile, hard);
    mkdirSync(folder);
    expect(await refused(writer.draft(hard, { overwrite: true }))).toContain('second name');
    await refused(writer.draft(folder, { overwrite: true }));
    expect(readFileSync(secretFile, 'utf8')).toBe('outside');
  });
});

it('a draft that is a second name of its file, left by a kill as it got the name, does not hinder replacing it', async () => {
  const [path, other] = [fresh(), fresh()];
  await put(path, 'before');
  linkSync(path, join(inside, `.security-mcp-${randomUUID()}.part`));
  await put(path, 'after', true);
  expect([readFileSync(path, 'utf8'), drafts()]).toEqual(['after', []]);
  linkSync(path, other);
  expect(await refused(writer.draft(path, { overwrite: true }))).toContain('second name');
});

it('drafts that a killed process left are taken away, those of a running one are not', async () => {
  const [old, young] = [0, 1].map(() => join(inside, `.security-mcp-${randomUUID()}.part`)) as [string, string];
  for (const path of [old, young]) writeFileSync(path, 'left');
  const past = new Date(Date.now() - 3 * 3_600_000);
  utimesSync(old, past, past);
  await put(fresh(), 'x');
  expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  utimesSync(young, past, past);
  await put(fresh(), 'x');
  expect(drafts()).toEqual([]);
});

it.skipIf(!POSIX)('what was delivered is read by no tool again, and can be changed by a delivery', async () => {
  const path = fresh();
  await put(path, 'a secret', false, true);
  await expect(new AllowedFiles(folders).read(path, limits)).rejects.toMatchObject({ code: 'path_refused' });
  expect(await writer.readForChange(path, 1_000)).toBe('a secret');
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  await refused(writer.readForChange(path, 3));
  expect(await writer.readForChange(fresh(), 1_000)).toBeNull();
});
