/** Disks and files that fail: a clear error, what was there is kept, and it works again once mended. */

import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { explainPostgres, explainSqlite, isConflict, isLost, StoreFault } from '../../src/storage/faults.js';
import { SecurityError } from '../../src/crypto/errors.js';
import type { Store } from '../../src/storage/store.js';
import { newHome, USER } from '../support/home.js';
import { Child, open, refusal } from '../support/stores.js';

async function put(store: Store, name: string, value = 'x'): Promise<void> {
  await store.write((trx) => trx.insertInto('meta').values({ name, value }).execute());
}

async function names(store: Store): Promise<string[]> {
  const rows = await store.read((db) => db.selectFrom('meta').select('name').where('name', 'like', 'row-%').execute());
  return rows.map((row) => row.name);
}

const mounted: string[] = [];

/** A small disk of its own, or null where none can be mounted. */
function mountDisk(): string | null {
  if (process.platform !== 'linux' || USER !== 0) return null;
  const folder = newHome();
  mkdirSync(folder, { mode: 0o700 });
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', folder]).status !== 0) return null;
  mounted.push(folder);
  return folder;
}

const disk = mountDisk() ?? '';
const canMount = disk !== '';
afterAll(() => {
  for (const folder of mounted) execFileSync('umount', ['-l', folder]);
});

describe('a full disk', () => {
  it.skipIf(!canMount)(
    'fails writes clearly, keeps what was there, and takes writes again when there is room',
    async () => {
      const store = open({ home: disk });
      const ballast = join(disk, 'ballast');
      writeFileSync(ballast, Buffer.alloc(200_000));
      let kept = 0;
      const fill = async (): Promise<never> => {
        for (;;) {
          await put(store, `row-${kept}`, 'x'.repeat(20_000));
          kept++;
        }
      };
      const full: unknown = await fill().catch((error: unknown) => error);
      expect(full).toBeInstanceOf(SecurityError);
      expect(full).toMatchObject({ code: 'storage_unavailable', message: 'The disk of the store is full.' });
      expect(await names(store)).toHaveLength(kept);
      await refusal(put(store, 'row-more', 'x'.repeat(20_000)), 'storage_unavailable');
      unlinkSync(ballast);
      await put(store, 'row-again', 'x'.repeat(20_000));
      expect(await names(store)).toHaveLength(kept + 1);
      await store.close();
    },
  );

  it.skipIf(!canMount)('before the first start is told', async () => {
    writeFileSync(join(disk, 'ballast'), '');
    expect(() => {
      for (;;) appendFileSync(join(disk, 'ballast'), Buffer.alloc(4_096));
    }).toThrow(/ENOSPC/);
    const error = await refusal(put(open({ home: join(disk, 'below') }), 'a'), 'storage_unavailable');
    expect(error.message).toBe('The disk of the store is full.');
    unlinkSync(join(disk, 'ballast'));
  });

  it.skipIf(!canMount)('that was made read-only is told', async () => {
    const disk = mountDisk() ?? '';
    // By another process: libsql holds files until its statements are collected, and a disk in use cannot become read-only.
    expect(await new Child('count', { home: disk }, '1').exited).toBe(0);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const again = open({ home: disk });
    const error = await refusal(put(again, 'a'), 'storage_unavailable');
    execFileSync('mount', ['-o', 'remount,rw', disk]);
    expect(error.message).toMatch(/read-only|cannot be opened/);
    const mended = open({ home: disk });
    await put(mended, 'row-after');
    expect(await mended.read((db) => db.selectFrom('meta').select('name').execute())).toContainEqual({
      name: 'counter',
    });
  });
});

describe('a database file that', () => {
  /** A closed store with some content. */
  const made = async (): Promise<{ home: string; file: string }> => {
    const home = newHome();
    const store = open({ home });
    for (let i = 0; i < 20; i++) await put(store, `row-${i}`, 'x'.repeat(3_000));
    await store.close();
    return { home, file: join(home, 'security-mcp.db') };
  };

  it('is no database is told as damage, and left as it is', async () => {
    const { home, file } = await made();
    const text = 'this is no database '.repeat(1_000);
    writeFileSync(file, text);
    await refusal(names(open({ home })), 'storage_damaged');
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('is overwritten in the middle, or cut, is told as damage', async () => {
    const { home, file } = await made();
    const file2 = openSync(file, 'r+');
    for (let page = 1; page < 20; page++) writeSync(file2, Buffer.alloc(4_000, 0xa5), 0, 4_000, page * 4_096);
    closeSync(file2);
    await refusal(names(open({ home })), 'storage_damaged');
    const cut = await made();
    truncateSync(cut.file, 4_096);
    await refusal(names(open({ home: cut.home })), 'storage_damaged');
  });

  it('is replaced while it is open (a restored backup) is used from the next call on, its log untouched', async () => {
    const { home, file } = await made();
    copyFileSync(file, join(home, 'backup'));
    const store = open({ home });
    await put(store, 'row-later');
    for (const ending of ['-wal', '-shm']) rmSync(`${file}${ending}`, { force: true });
    renameSync(join(home, 'backup'), file);
    chmodSync(file, 0o600);
    expect(await names(store)).toHaveLength(20);
    await put(store, 'row-new');
    expect(await names(open({ home }))).toHaveLength(21);
    expect(existsSync(`${file}-wal`)).toBe(true);
  });

  it('is gone is made anew, as on a first start', async () => {
    const { home, file } = await made();
    const store = open({ home });
    await put(store, 'row-later');
    for (const ending of ['', '-wal', '-shm']) rmSync(`${file}${ending}`, { force: true });
    expect(await names(store)).toEqual([]);
  });
});

describe('errors of the drivers', () => {
  const sqlite = (rawCode: number): unknown =>
    Object.assign(new Error('canary'), { name: 'SqliteError', code: 'SQLITE_X', rawCode });
  const postgres = (code: string, message = 'canary'): unknown =>
    Object.assign(new Error(message), { code, detail: 'canary' });

  it.each([
    [5, 'storage_unavailable', /busy/],
    [517, 'storage_unavailable', /busy/],
    [8, 'storage_unavailable', /read-only/],
    [778, 'storage_unavailable', /reports an error/],
    [11, 'storage_damaged', /damaged/],
    [13, 'storage_unavailable', /full/],
    [14, 'storage_unavailable', /cannot be opened/],
    [26, 'storage_damaged', /no database/],
  ])('of SQLite, %i', (rawCode, code, message) => {
    expect(explainSqlite(sqlite(rawCode))).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  it.each([
    ['08006', 'storage_unavailable', /does not answer/],
    ['57P01', 'storage_unavailable', /does not answer/],
    ['57P03', 'storage_unavailable', /does not answer/],
    ['ECONNREFUSED', 'storage_unavailable', /does not answer/],
    ['ENOTFOUND', 'storage_unavailable', /does not answer/],
    ['28P01', 'storage_unavailable', /refuses this user/],
    ['3D000', 'storage_unavailable', /refuses this user/],
    ['55P03', 'storage_unavailable', /busy/],
    ['57014', 'storage_unavailable', /busy/],
    ['40001', 'storage_unavailable', /busy/],
    ['53100', 'storage_unavailable', /out of space/],
    ['53300', 'storage_unavailable', /out of space, memory or connections/],
    ['XX001', 'storage_damaged', /damaged/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'storage_unavailable', /trusted encrypted/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'storage_unavailable', /trusted encrypted/],
    ['CERT_HAS_EXPIRED', 'storage_unavailable', /trusted encrypted/],
  ])('of PostgreSQL, %s', (from, code, message) => {
    const error = explainPostgres(postgres(from));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(JSON.stringify([error, (error as Error).stack, (error as Error).cause])).not.toContain('canary');
  });

  it('of constraints keep their code alone; what is none of theirs passes as it is', () => {
    for (const error of [explainSqlite(sqlite(2067)), explainPostgres(postgres('23505'))]) {
      expect(error).toBeInstanceOf(StoreFault);
      expect(JSON.stringify([error, (error as Error).message, (error as Error).stack])).not.toContain('canary');
    }
    const own = new Error('of the work');
    expect([explainSqlite(own), explainPostgres(own)]).toEqual([own, own]);
    expect([isConflict(own), isLost(own), isLost(null), explainPostgres(undefined)]).toEqual([
      false,
      false,
      false,
      undefined,
    ]);
  });
});
