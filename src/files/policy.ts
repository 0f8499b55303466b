/**
 * Which files the tools may touch: those inside the folders that the operator lists in SECURITY_MCP_FILES, and no other.
 * A refusal never repeats the path, and is the same for paths outside the folders whether they exist or not.
 */

import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, parse, relative, resolve, sep } from 'node:path';

import { SecurityError } from '../crypto/errors.js';

/** A folder as the operator spells it, and where it really lies. */
export interface AllowedFolder {
  readonly given: string;
  readonly real: string;
}

/** PATH_MAX of Linux; longer paths cannot be opened anywhere. */
const MAX_PATH_BYTES = 4_096;

/**
 * The folder at `path`, or null where it is not the absolute path of a directory that exists. The root of a file system is
 * refused: it holds devices and the environment of this very process. For the start only: it waits for the disk.
 */
export function resolveFolder(path: string): AllowedFolder | null {
  if (!isAbsolute(path) || goesUp(path)) return null;
  try {
    const real = realpathSync.native(path);
    return statSync(real).isDirectory() && parse(real).root !== real ? { given: resolve(path), real } : null;
  } catch {
    return null;
  }
}

/** Whether `path`, which must have been resolved, lies really inside one of the folders. */
export function liesInside(folders: readonly AllowedFolder[], path: string): boolean {
  return folders.some(({ real }) => contains(real, path));
}

/**
 * Refuses what can be refused by its text. It goes before every look at the disk: looking alone would tell what exists
 * outside the folders, and on Windows would reach out to servers named in the path. `..` is refused wherever it leads:
 * after a symbolic link the text alone does not say where that is.
 */
export function checkText(path: string, folders: readonly AllowedFolder[]): void {
  if (folders.length === 0) throw refusals.noFolder();
  if (path.includes('\0') || Buffer.byteLength(path) > MAX_PATH_BYTES) throw refusals.notAPath();
  if (!isAbsolute(path)) throw refusals.relative();
  if (goesUp(path)) throw refusals.goesUp();
  if (!folders.some(({ given, real }) => contains(given, path) || contains(real, path))) throw refusals.outside();
}

function contains(folder: string, path: string): boolean {
  const rest = relative(folder, path);
  return rest !== '..' && !rest.startsWith(`..${sep}`) && !isAbsolute(rest);
}

function goesUp(path: string): boolean {
  return /(?:^|[\\/])\.\.(?:[\\/]|$)/.test(path);
}

function refusal(problem: string, hint: string): () => SecurityError {
  return () => new SecurityError('path_refused', `path ${problem}.`, { hint });
}

const NAME_THE_FOLDER = 'have the operator name the folder in SECURITY_MCP_FILES and start the server again';

/** Every refusal there is. What stands under "inside" is said only of what really lies in an allowed folder. */
export const refusals = {
  noFolder: refusal('cannot be used: no folder is allowed', `Give the content itself, or ${NAME_THE_FOLDER}.`),
  notAPath: refusal(`holds a NUL character or is over ${MAX_PATH_BYTES} bytes`, 'Check the path.'),
  relative: refusal('is not absolute', 'Give the whole path from the root; ~ and relative paths are not expanded.'),
  goesUp: refusal('holds ".." as a part', 'Give the path without it.'),
  outside: refusal('lies outside the allowed folders', `Give a path inside them, or ${NAME_THE_FOLDER}.`),
  // A link that leads out and one that leads nowhere are one case: else links would tell what exists outside.
  nowhere: refusal(
    'leads to no file in the allowed folders',
    `There is none, or a symbolic link leads out of them. Check the path, or ${NAME_THE_FOLDER}.`,
  ),
  // Inside:
  notRegular: refusal('is not a regular file', 'Folders, devices, pipes and sockets are not read: name a file.'),
  severalNames: refusal(
    'is a file with a second name (a hard link)',
    'It may be a file elsewhere too: remove it, or give another path.',
  ),
  delivered: refusal(
    'holds a secret that was delivered there',
    'It was put there so that no tool shows it. Use the secret by its reference, secret://NAME; secret_list tells names and fingerprints.',
  ),
  unwritable: refusal('cannot be written', 'Check the permissions of the folder and the health of its disk.'),
  full: refusal('cannot be written: the disk is full', 'Make room, then try again.'),
  unreadable: refusal('cannot be read', 'Check the permissions of the file and the health of its disk.'),
  tooBig: (maxBytes: number) => refusal(`is a file of over ${maxBytes} bytes`, 'Name a smaller file.')(),
} as const;
