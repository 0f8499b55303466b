/**
 * Writes files inside the allowed folders: into a draft beside the name, for its owner alone, that gets the name when it is whole and on
 * the disk. Nothing is overwritten unless that was asked for, and then only a regular file with one name.
 */

import { constants, type Stats } from 'node:fs';
import { link, lstat, open, readdir, readlink, realpath, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { SecurityError } from '../crypto/errors.js';
import { checkText, liesInside, refusals, type AllowedFolder } from './policy.js';

/** What a tool delivered: never read again by a tool. Regular files have no other use for this bit (read.ts). */
export const DELIVERED_BIT = 0o1000;

const DRAFT = /^\.security-mcp-[0-9a-f-]{36}\.part$/;
/** Longer than any run takes: what is older was left by a process that was killed. */
const STALE_MS = 2 * 3_600_000;
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0);

export interface DraftOptions {
  overwrite: boolean;
  /** Whether it holds a secret that no tool is to read again. */
  delivered?: boolean;
}

/** A file that is being written. Ends with `commit` or `discard`. */
export interface Draft {
  write(bytes: Uint8Array): Promise<void>;
  /** Gives it its name, durably. Throws `file_exists`. */
  commit(): Promise<void>;
  /** Takes it away; nothing of it is left. */
  discard(): Promise<void>;
}

export class FileWriter {
  readonly #folders: readonly AllowedFolder[];
  readonly #newId: () => string;
  /** What takes away each draft that is under way. */
  readonly #discards = new Set<() => Promise<void>>();

  constructor(folders: readonly AllowedFolder[], newId: () => string) {
    this.#folders = folders;
    this.#newId = newId;
  }

  /** Begins a file at `path`. Throws `path_refused` and `file_exists`, before anything is written. */
  async draft(path: string, { overwrite, delivered = false }: DraftOptions): Promise<Draft> {
    const target = await this.#target(path);
    await requireFree(target, overwrite);
    const folder = dirname(target);
    await removeDrafts(folder, ({ mtimeMs }) => Date.now() - mtimeMs > STALE_MS);
    const name = join(folder, `.security-mcp-${this.#newId()}.part`);
    const file = await orRefuse(open(name, CREATE, 0o600));
    const gone = async (): Promise<void> => {
      this.#discards.delete(gone);
      await file.close().catch(() => undefined);
      await unlink(name).catch(() => undefined);
    };
    this.#discards.add(gone);
    try {
      // Between the check and the opening the path may have come to lead elsewhere.
      if (!liesInside(this.#folders, await whereIs(file, name))) throw refusals.nowhere();
      if (delivered) await orRefuse(file.chmod(0o600 | DELIVERED_BIT));
    } catch (error) {
      await gone();
      throw error;
    }
    return {
      write: async (bytes) => {
        for (let at = 0; at < bytes.length;) at += (await orFault(file.write(bytes, at))).bytesWritten;
      },
      commit: async () => {
        try {
          await orFault(file.sync());
          await requireFree(target, overwrite);
          if (overwrite) await orFault(rename(name, target));
          else await linkNew(name, target);
          await file.close();
          this.#discards.delete(gone);
          await syncFolder(folder);
        } catch (error) {
          await gone();
          throw error;
        }
      },
      discard: gone,
    };
  }

  /** Takes away every draft that is under way: for the end of the process, which waits for no run. */
  async close(): Promise<void> {
    await Promise.all([...this.#discards].map((discard) => discard()));
  }

  /** The text of a file that is to be changed, delivered or not; null where there is none. Throws `path_refused`. */
  async readForChange(path: string, maxBytes: number): Promise<string | null> {
    const target = await this.#target(path);
    const found = await look(target);
    if (found === null) return null;
    requireOwn(found);
    if (found.size > maxBytes) throw refusals.tooBig(maxBytes);
    const file = await orRefuse(open(target, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)));
    try {
      if (!liesInside(this.#folders, await whereIs(file, target))) throw refusals.nowhere();
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await orRefuse(file.readFile()));
    } catch (error) {
      throw error instanceof SecurityError ? error : refusals.unreadable();
    } finally {
      await file.close();
    }
  }

  /** Where a file of that path would really lie. */
  async #target(path: string): Promise<string> {
    checkText(path, this.#folders);
    const name = basename(path);
    if (name === '' || name === '.' || DRAFT.test(name) || /[\\/]$/.test(path)) throw refusals.notRegular();
    const folder = await realpath(dirname(path)).catch(() => null);
    if (folder === null || !liesInside(this.#folders, folder)) throw refusals.nowhere();
    return join(folder, name);
  }
}

async function requireFree(target: string, overwrite: boolean): Promise<void> {
  const found = await look(target);
  if (found === null) return;
  requireOwn(found);
  if (!overwrite) throw fileExists();
}

/** What may be replaced or changed: a regular file, no link, that has no other name. */
function requireOwn(found: { isFile(): boolean; nlink: number }): void {
  if (!found.isFile()) throw refusals.notRegular();
  if (found.nlink > 1) throw refusals.severalNames();
}

async function linkNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? fileExists() : writeFault();
  }
  await unlink(from).catch(() => undefined);
}

async function whereIs(file: FileHandle, path: string): Promise<string> {
  try {
    return await readlink(`/proc/self/fd/${file.fd}`);
  } catch {
    return orRefuse(realpath(path));
  }
}

/** What is at the path itself; null where there is nothing. */
async function look(target: string): Promise<Stats | null> {
  const found = await lstat(target).catch(() => null);
  if (found === null || found.nlink === 1) return found;
  // A process that was killed as it gave the name has left its draft as a second one.
  await removeDrafts(dirname(target), ({ dev, ino }) => dev === found.dev && ino === found.ino);
  return lstat(target).catch(() => null);
}

async function removeDrafts(folder: string, which: (draft: Stats) => boolean): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((entry) => DRAFT.test(entry))) {
    const found = await lstat(join(folder, name)).catch(() => null);
    if (found !== null && found.isFile() && which(found)) await unlink(join(folder, name)).catch(() => undefined);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const file = await open(folder, 'r').catch(() => null);
  await file?.sync().catch(() => undefined);
  await file?.close();
}

async function orRefuse<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch {
    throw refusals.unwritable();
  }
}

async function orFault<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? refusals.full() : writeFault();
  }
}

function writeFault(): SecurityError {
  return refusals.unwritable();
}

function fileExists(): SecurityError {
  return new SecurityError('file_exists', 'There is a file of that name already.', {
    hint: 'Give another path (output, where the tool has that field), or overwrite: true to replace it.',
  });
}
