/**
 * A rotation of the master key whose process was killed inside the commit: SQLite has it whole in its log while nobody sees it, and
 * brings it back with the next recovery. Whichever state that gives, its key must be there (https://www.sqlite.org/walformat.html).
 */

import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { systemRandom } from '../../src/crypto/random.js';
import { Home } from '../../src/storage/home.js';
import { fileKey } from '../../src/storage/key-file.js';
import { createVault, type Vault, type WrapLabel } from '../../src/storage/master-key.js';
import type { Store } from '../../src/storage/store.js';
import { newHome, USER } from '../support/home.js';
import { open } from '../support/stores.js';

const LOG = 'security-mcp.db-wal';
const [LOG_HEADER, FRAME_HEADER, PAGE] = [32, 24, 4_096];
const label: WrapLabel = { purpose: 'key', name: 'session', version: 1 };

function start(home: string): { store: Store; vault: Vault } {
  const store = open({ home });
  const key = fileKey(() => new Home(home, USER));
  return { store, vault: createVault(store, key, systemRandom) };
}

/** What a disk holds after a crash at this moment: the files, without the memory that processes share. */
function crashed(home: string): string {
  const copy = newHome();
  mkdirSync(copy, { mode: 0o700 });
  for (const name of readdirSync(home)) if (!name.endsWith('-shm')) copyFileSync(join(home, name), join(copy, name));
  return copy;
}

/** The first transaction of the log after `from`: a frame that tells the size of the database is the last of one. */
function firstCommit(log: Buffer, from: number): Buffer {
  for (let at = Math.max(from, LOG_HEADER); at < log.length; at += FRAME_HEADER + PAGE)
    if (log.readUInt32BE(at + 4) > 0) return log.subarray(from, at + FRAME_HEADER + PAGE);
  throw new Error('the log has no commit there');
}

it('a rotation that was killed in its commit leaves a key that opens everything, also after another process settled it and crashed', async () => {
  const home = newHome();
  const { store, vault } = start(home);
  const wrapped = (await vault.open()).wrap(Buffer.from('kept'), label);

  // The same store elsewhere is rotated, and its commit put where a kill would have left it: in the log, known to nobody.
  const elsewhere = crashed(home);
  await start(elsewhere).vault.rotate(systemRandom(32));
  const { length } = readFileSync(join(home, LOG));
  appendFileSync(join(home, LOG), firstCommit(readFileSync(join(elsewhere, LOG)), length));
  const next = join(home, 'master.key.new');
  writeFileSync(next, readFileSync(join(elsewhere, 'master.key')), { mode: 0o600 });

  const opensIn = async (place: string): Promise<string> => {
    const again = start(place);
    const opened = await again.vault.open();
    return Buffer.from(await again.store.read((db) => opened.unwrap(db, wrapped, label))).toString();
  };
  expect(await opensIn(crashed(home))).toBe('kept');
  await store.read(async () => undefined);
  expect(await opensIn(home)).toBe('kept');
  expect(existsSync(next)).toBe(false);
  expect(await opensIn(crashed(home))).toBe('kept');
});
