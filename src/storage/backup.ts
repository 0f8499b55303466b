/**
 * A backup: all rows of a store and its master key, as lines of JSON in one file encrypted in the age format (age-encryption.org/v1),
 * under a passphrase or for a recipient. It is written beside its name, read back and tried, and only then given the name.
 */

import { closeSync, createReadStream, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';

import { passphraseIdentity, passphraseRecipient } from '../crypto/age/passphrase.js';
import { base64url, fromBase64url } from '../crypto/bytes.js';
import type { Random } from '../crypto/random.js';
import { SecurityError } from '../crypto/errors.js';
import { rfc3339 } from '../crypto/text.js';
import { isTable, rowsOf, SCHEMA_VERSION, WHOLE_STORE_MS, type TableRow, type Value } from './snapshot.js';
import type { Store } from './store.js';

const MAX_LINE_BYTES = 8 * 1_048_576;
const CHUNK_BYTES = 65_536;

/** How a backup is locked, and opened again. */
export type BackupLock = { passphrase: string } | { recipients: readonly string[] };
export type BackupKey = { passphrase: string } | { identity: string };

export interface BackupHeader {
  schemaVersion: number;
  masterKey: Uint8Array;
  createdAt: string;
}

const FORMAT = 'security-mcp-backup-1';

/** Writes a backup to a new file `path`, 0600, durably; `draft` is its name on the way. Gives the number of rows. */
export async function writeBackup(
  store: Store,
  masterKey: Uint8Array,
  lock: BackupLock,
  draft: string,
  random: Random,
): Promise<number> {
  return store.read(
    async (trx) => {
      const encrypter = new Encrypter();
      if ('passphrase' in lock) encrypter.addRecipient(passphraseRecipient(lock.passphrase, random));
      else for (const recipient of lock.recipients) addRecipient(encrypter, recipient);
      const createdAt = rfc3339(new Date(await store.now(trx)));
      let count = 0;
      async function* lines(): AsyncGenerator<string> {
        yield JSON.stringify({
          format: FORMAT,
          schema_version: SCHEMA_VERSION,
          created_at: createdAt,
          master_key: base64url(masterKey),
        });
        for await (const { table, row } of rowsOf(trx)) {
          count++;
          yield JSON.stringify({ table, row: encoded(row) });
        }
        yield JSON.stringify({ end: true, rows: count });
      }
      const encrypted = await encrypter.encrypt(ReadableStream.from<Uint8Array>(chunks(lines())));
      const file = openSync(draft, 'wx', 0o600);
      try {
        for await (const chunk of encrypted as unknown as AsyncIterable<Uint8Array>)
          for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      return count;
    },
    { timeoutMs: WHOLE_STORE_MS },
  );
}

/** An identity that lives as long as the trial of a backup for others, and what to encrypt to for it. */
export async function passingIdentity(): Promise<{ identity: string; recipient: string }> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** Gives a draft its name, durably. Throws `file_exists` where there is one and `overwrite` is false. */
export function giveName(draft: string, path: string, overwrite: boolean): void {
  try {
    if (overwrite) renameSync(draft, path);
    else {
      linkSync(draft, path);
      unlinkSync(draft);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new SecurityError('file_exists', 'There is a file of that name already.', {
        hint: 'Give another name, or --overwrite to replace it.',
      });
    throw error;
  }
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } catch {
    // Some platforms sync no folders.
  } finally {
    closeSync(folder);
  }
}

function addRecipient(encrypter: Encrypter, recipient: string): void {
  try {
    encrypter.addRecipient(recipient);
  } catch (cause) {
    throw new SecurityError('input_invalid', 'The recipient is none of age (age1...).', {
      hint: 'Give the public key that age-keygen printed.',
      cause,
    });
  }
}

async function* chunks(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let pending: Buffer[] = [];
  let size = 0;
  for await (const line of lines) {
    const bytes = Buffer.from(`${line}\n`);
    pending.push(bytes);
    size += bytes.length;
    if (size < CHUNK_BYTES) continue;
    yield Uint8Array.from(Buffer.concat(pending));
    pending = [];
    size = 0;
  }
  if (size > 0) yield Uint8Array.from(Buffer.concat(pending));
}

export interface OpenBackup {
  header: BackupHeader;
  /** The rows, once. Ends with `input_invalid` where the file is not whole. */
  rows(): AsyncGenerator<TableRow>;
  close(): void;
}

/** Opens a backup. Throws `input_invalid`: one text for a wrong passphrase, another file, and what was changed. */
export async function openBackup(path: string, key: BackupKey): Promise<OpenBackup> {
  const decrypter = new Decrypter();
  try {
    if ('passphrase' in key) decrypter.addIdentity(passphraseIdentity(key.passphrase));
    else decrypter.addIdentity(key.identity);
  } catch (cause) {
    throw new SecurityError('input_invalid', 'The identity is none of age (AGE-SECRET-KEY-1...).', {
      hint: 'Give the file that age-keygen wrote.',
      cause,
    });
  }
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const source = ReadableStream.from<Uint8Array>(bytesOf(file));
  const lines = linesOf(opened(() => decrypter.decrypt(source)));
  const close = (): void => void file.destroy();
  try {
    const header = headerOf((await lines.next()).value as string | undefined);
    return { header, close, rows: () => rowsIn(lines) };
  } catch (error) {
    close();
    throw error;
  }
}

async function* bytesOf(file: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  for await (const chunk of file) yield Uint8Array.from(chunk);
}

async function* opened(decrypt: () => Promise<ReadableStream<Uint8Array>>): AsyncGenerator<Uint8Array> {
  try {
    yield* (await decrypt()) as unknown as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw notWhole(cause);
  }
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of bytes) {
    rest = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
      yield rest.toString('utf8', start, end);
      start = end + 1;
    }
    rest = rest.subarray(start);
    if (rest.length > MAX_LINE_BYTES) throw notWhole();
  }
  if (rest.length > 0) throw notWhole();
}

function headerOf(line: string | undefined): BackupHeader {
  const { format, schema_version, created_at, master_key } = parsed(line ?? '{}');
  const masterKey = typeof master_key === 'string' ? fromBase64url(master_key) : null;
  if (format !== FORMAT || !Number.isInteger(schema_version) || masterKey?.length !== 32) throw notWhole();
  if ((schema_version as number) > SCHEMA_VERSION)
    throw new SecurityError('input_invalid', 'The backup was made by a newer version of this program.', {
      hint: 'Install that version here, and restore with it.',
    });
  return { schemaVersion: schema_version as number, masterKey, createdAt: String(created_at) };
}

async function* rowsIn(lines: AsyncGenerator<string>): AsyncGenerator<TableRow> {
  let count = 0;
  for await (const line of lines) {
    const entry = parsed(line);
    if (entry['end'] === true) {
      if (entry['rows'] !== count || (await lines.next()).done !== true) throw notWhole();
      return;
    }
    const { table, row } = entry;
    if (!isTable(table) || typeof row !== 'object' || row === null) throw notWhole();
    count++;
    yield { table, row: decoded(row as Record<string, unknown>) };
  }
  throw notWhole();
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw notWhole();
  }
}

function encoded(row: Record<string, Value>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? { b: base64url(value) } : value]),
  );
}

function decoded(row: Record<string, unknown>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]): [string, Value] => {
      if (value === null || typeof value === 'string' || typeof value === 'number') return [name, value];
      const bytes = fromBase64url(String((value as { b?: unknown }).b));
      if (bytes === null) throw notWhole();
      return [name, bytes];
    }),
  );
}

function notWhole(cause?: unknown): SecurityError {
  return new SecurityError('input_invalid', 'The file could not be opened as a backup.', {
    hint: 'Either the passphrase or identity is another, or the file is no backup of this program, or it was changed or cut.',
    ...(cause === undefined ? {} : { cause }),
  });
}
