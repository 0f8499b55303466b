/**
 * Reads files inside the allowed folders, never holding the event loop.
 *
 * The one rule is that the file lies really inside: a symbolic link may stand in the path as long as what it leads to does.
 * (To refuse every link would mean to compare spellings, which differ where file systems fold case.) A hard link inside to a
 * file outside is a file inside: nothing tells its two names apart.
 */

import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, readlink, realpath, type FileHandle } from 'node:fs/promises';

import { SecurityError } from '../crypto/errors.js';
import { checkText, liesInside, refusals, type AllowedFolder } from './policy.js';
import { DELIVERED_BIT } from './write.js';

export interface ReadLimits {
  maxBytes: number;
  /** Ends the reading between two pieces. */
  signal: AbortSignal;
}

/** What is asked of the file system; an argument so that tests can change it between two questions. */
export interface FileSystem {
  realpath(path: string): Promise<string>;
  lstat(path: string): Promise<BigIntStats>;
  open(path: string, flags: number): Promise<FileHandle>;
  readlink(path: string): Promise<string>;
}

export const fileSystem: FileSystem = {
  realpath,
  lstat: (path) => lstat(path, { bigint: true }),
  open,
  readlink,
};

/** Small enough that hashing a piece with the slowest digest holds the event loop for about a millisecond. */
const PIECE_BYTES = 262_144;
/** Files open at once, over all calls: bounds memory, descriptors, and the pieces between two turns of another call. */
const MAX_OPEN = 32;

// Opening must not wait for the other end of a pipe, nor follow a link, nor make a terminal ours. Windows knows none of the
// three; there the constants are undefined, which counts as 0.
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

export class AllowedFiles {
  readonly #folders: readonly AllowedFolder[];
  readonly #system: FileSystem;
  #open = 0;

  constructor(folders: readonly AllowedFolder[], system: FileSystem = fileSystem) {
    this.#folders = folders;
    this.#system = system;
  }

  /** The whole file. Throws `path_refused`, or `rate_limited` where too many are being read. */
  async read(path: string, limits: ReadLimits): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.pieces(path, limits)) pieces.push(Uint8Array.from(piece));
    return Buffer.concat(pieces);
  }

  /** How many bytes the file has now. Throws as `read` does. */
  async size(path: string): Promise<number> {
    const file = await openInside(path, this.#folders, this.#system);
    try {
      return Number((await orRefuse(file.stat({ bigint: true }), refusals.unreadable)).size);
    } finally {
      await file.close();
    }
  }

  /** The file in pieces, in constant memory: a piece is good until the next is asked for. Throws as `read` does. */
  async *pieces(path: string, { maxBytes, signal }: ReadLimits): AsyncGenerator<Uint8Array, void> {
    if (this.#open >= MAX_OPEN) throw tooManyOpen();
    this.#open++;
    try {
      signal.throwIfAborted();
      const file = await openInside(path, this.#folders, this.#system);
      try {
        yield* piecesOf(file, maxBytes, signal);
      } finally {
        await file.close();
      }
    } finally {
      this.#open--;
    }
  }
}

/** Opens the regular file at `path`; what is open then is proven to lie inside the folders. */
async function openInside(path: string, folders: readonly AllowedFolder[], system: FileSystem): Promise<FileHandle> {
  checkText(path, folders);
  const real = await orRefuse(system.realpath(path), refusals.nowhere);
  if (!liesInside(folders, real)) throw refusals.nowhere();
  const checked = await orRefuse(system.lstat(real), refusals.nowhere);
  // Before opening: that alone rewinds a tape and starts a watchdog.
  if (!checked.isFile()) throw refusals.notRegular();
  const file = await orRefuse(system.open(real, READ_FLAGS), refusals.unreadable);
  try {
    // Between the check and the opening the path may have come to lead elsewhere: now the open file is judged, not its name.
    const opened = await orRefuse(file.stat({ bigint: true }), refusals.unreadable);
    if (!opened.isFile() || !isSame(opened, checked) || !liesInside(folders, await whereIs(file, real, system)))
      throw refusals.nowhere();
    if ((opened.mode & BigInt(DELIVERED_BIT)) !== 0n) throw refusals.delivered();
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  // Some Node versions on Windows tell 64 bits of the volume's number for a path and 32 for a descriptor (libuv #4698).
  return one.ino === other.ino && BigInt.asUintN(32, one.dev) === BigInt.asUintN(32, other.dev);
}

/**
 * Where the open file lies. Linux says it of the descriptor, which no race can deceive. Elsewhere the path is looked up once
 * more: there, a process that can rewrite the folder while it is read could still win by changing it back and forth in step.
 */
async function whereIs(file: FileHandle, real: string, system: FileSystem): Promise<string> {
  try {
    return await system.readlink(`/proc/self/fd/${file.fd}`);
  } catch {
    return orRefuse(system.realpath(real), refusals.nowhere);
  }
}

async function* piecesOf(file: FileHandle, maxBytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const { size } = await orRefuse(file.stat({ bigint: true }), refusals.unreadable);
  if (size > BigInt(maxBytes)) throw refusals.tooBig(maxBytes);
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  let total = 0;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await orRefuse(file.read(piece, 0, PIECE_BYTES, null), refusals.unreadable);
    if (bytesRead === 0) return;
    // The size told may be less than what comes: the file grows, or is of a kind that tells none.
    total += bytesRead;
    if (total > maxBytes) throw refusals.tooBig(maxBytes);
    yield piece.subarray(0, bytesRead);
  }
}

/** The file system's own errors hold the path: they end here. */
async function orRefuse<T>(work: Promise<T>, refusal: () => SecurityError): Promise<T> {
  try {
    return await work;
  } catch {
    throw refusal();
  }
}

function tooManyOpen(): SecurityError {
  return new SecurityError('rate_limited', `More than ${MAX_OPEN} files would be read at once.`, {
    hint: 'Try again when one of them is done.',
    retryAfterSeconds: 1,
  });
}
