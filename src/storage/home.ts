/**
 * The home of the store: a folder and files that nobody else may read or write. What is found otherwise (a mode that lets
 * others in, a foreign owner, a symbolic link in the place) is refused with the command that mends it, never mended silently:
 * somebody else may have read it. The errors name SECURITY_MCP_HOME and file names of this program, not the path itself.
 */

import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { SecurityError } from '../crypto/errors.js';
import { faults } from './faults.js';

/** A user and what the platform knows of permissions: undefined where it has neither (Windows: the profile folder protects). */
export type Owner = number | undefined;

/** The per-user data folder of this program where SECURITY_MCP_HOME names none, or undefined where there is no such place. */
export function defaultHome(
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
  userFolder: string,
): string | undefined {
  const isSet = (value: string | undefined): value is string => value !== undefined && value.trim() !== '';
  if (platform === 'win32') {
    const local = env['LOCALAPPDATA'];
    return isSet(local) ? `${local}\\security-mcp` : isSet(userFolder) ? `${userFolder}\\security-mcp` : undefined;
  }
  const data = env['XDG_DATA_HOME'];
  // The XDG specification: a path that is not absolute is to be ignored.
  if (platform !== 'darwin' && data?.startsWith('/') === true) return `${data}/security-mcp`;
  // A HOME that is relative, or that a host left unexpanded, would be another folder for every folder it is started in.
  if (!userFolder.startsWith('/')) return undefined;
  return `${userFolder}/${platform === 'darwin' ? 'Library/Application Support' : '.local/share'}/security-mcp`;
}

export class Home {
  readonly #folder: string;
  readonly #owner: Owner;

  /** Makes the folder where there is none. Throws `storage_unavailable` where it is not ours alone. */
  constructor(folder: string, owner: Owner) {
    this.#folder = folder;
    this.#owner = owner;
    if (look(folder) === null) makeFolder(folder);
    const found = look(folder);
    if (found === null) throw faults.cannotOpen();
    if (!found.isDirectory()) throw notThePlace('The folder SECURITY_MCP_HOME', 'a folder', found);
    this.#checkRights(found, 'The folder SECURITY_MCP_HOME', 'chmod 700', '');
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** The names of what is in it. */
  names(): string[] {
    try {
      return readdirSync(this.#folder);
    } catch (error) {
      throw explainDisk(error);
    }
  }

  /** Whether the file is there, ours alone and no link. Throws `storage_unavailable` where it is there and not so. */
  checkFile(name: string): boolean {
    const found = look(this.path(name));
    if (found === null) return false;
    const what = `The file ${name} in SECURITY_MCP_HOME`;
    if (!found.isFile()) throw notThePlace(what, 'a regular file', found);
    this.#checkRights(found, what, 'chmod 600', name);
    return true;
  }

  /** Makes an empty file 0600 where there is none, and gives its path. */
  prepareFile(name: string): string {
    if (!this.checkFile(name)) {
      try {
        closeSync(openNew(this.path(name)));
        this.#syncFolder();
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw explainDisk(error);
      }
      this.checkFile(name);
    }
    return this.path(name);
  }

  /** The text of a small file, or null where there is none. */
  read(name: string): string | null {
    if (!this.checkFile(name)) return null;
    try {
      return readFileSync(this.path(name), 'utf8');
    } catch (error) {
      if (isCode(error, 'ENOENT')) return null;
      throw explainDisk(error);
    }
  }

  /** Writes a file durably and whole: at no time does its name lead to a part of it. One that is there stays, and gives false. */
  create(name: string, text: string): boolean {
    const draft = `${name}.draft-${randomUUID()}`;
    try {
      this.write(draft, text);
      linkSync(this.path(draft), this.path(name));
      this.remove(draft);
      this.#syncFolder();
      return true;
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false;
      throw explainDisk(error);
    } finally {
      this.remove(draft);
    }
  }

  /** Writes a file anew, in place of a former one, durably when it returns; a kill on the way leaves a part of it. */
  write(name: string, text: string): void {
    try {
      this.remove(name);
      const file = openNew(this.path(name));
      try {
        // Whole or not at all: writeSync may write a part and call it done.
        writeFileSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      this.#syncFolder();
    } catch (error) {
      throw explainDisk(error);
    }
  }

  /** Puts `from` in the place of `to`, durably when it returns. */
  replace(from: string, to: string): void {
    try {
      renameSync(this.path(from), this.path(to));
      this.#syncFolder();
    } catch (error) {
      throw explainDisk(error);
    }
  }

  remove(name: string): void {
    try {
      unlinkSync(this.path(name));
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw explainDisk(error);
    }
  }

  #checkRights(found: Stats, what: string, command: string, name: string): void {
    if (this.#owner === undefined) return;
    // Single quotes for the shell are not needed: these are names of this program.
    const target = name === '' ? '"$SECURITY_MCP_HOME"' : `"$SECURITY_MCP_HOME/${name}"`;
    const where = 'with SECURITY_MCP_HOME being the folder that security-mcp doctor names';
    if (found.uid !== this.#owner)
      throw refused(
        `${what} belongs to another user.`,
        `Have the operator find out why, then run: chown "$(id -u)" ${target}, ${where}.`,
      );
    if ((found.mode & 0o077) !== 0)
      throw refused(
        `${what} may be read or written by other users.`,
        `Have the operator run: ${command} ${target}, ${where}; where others may have read it, its keys are to be replaced.`,
      );
  }

  /** Makes names durable that were given or taken. Some systems cannot do it for folders; there the disk decides. */
  #syncFolder(): void {
    try {
      const folder = openSync(this.#folder, 'r');
      try {
        fsyncSync(folder);
      } finally {
        closeSync(folder);
      }
    } catch (error) {
      if (!isCode(error, 'EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP')) throw explainDisk(error);
    }
  }
}

/** What is at the path itself, links not followed; null where there is nothing. */
function look(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw explainDisk(error);
  }
}

/** Folder by folder: Node's own recursion never ends where a folder cannot be made under one that is there (/proc). */
function makeAncestors(path: string): void {
  if (look(path) !== null || dirname(path) === path) return;
  makeAncestors(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  }
}

function makeFolder(path: string): void {
  try {
    makeAncestors(dirname(path));
    mkdirSync(path, { mode: 0o700 });
    // The umask may have taken rights that we need ourselves.
    chmodSync(path, 0o700);
  } catch (error) {
    // Another process made it meanwhile.
    if (!isCode(error, 'EEXIST')) throw explainDisk(error);
  }
}

/** Opens a new file for writing: one that is there, or a link in its place, is refused. 0600 whatever the umask. */
function openNew(path: string): number {
  const file = openSync(path, 'wx', 0o600);
  try {
    fchmodSync(file, 0o600);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function isCode(error: unknown, ...codes: string[]): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && codes.includes(code);
}

/** Errors of the file system hold the path: only their codes live on. */
function explainDisk(error: unknown): SecurityError {
  if (error instanceof SecurityError) return error;
  if (isCode(error, 'ENOSPC', 'EDQUOT')) return faults.full(error);
  if (isCode(error, 'EROFS', 'EACCES', 'EPERM')) return faults.readOnly(error);
  if (isCode(error, 'EIO')) return faults.diskError(error);
  return faults.cannotOpen(error);
}

function refused(message: string, hint: string): SecurityError {
  return new SecurityError('storage_unavailable', message, { hint });
}

function notThePlace(what: string, wanted: string, found: Stats): SecurityError {
  const is = found.isSymbolicLink() ? 'is a symbolic link' : `is not ${wanted}`;
  return refused(
    `${what} ${is}.`,
    `Have the operator put ${wanted} in its place, or set SECURITY_MCP_HOME to another path.`,
  );
}
