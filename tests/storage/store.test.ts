/** The store on both engines: transactions, conflicts between processes, values, time, and opening on first need. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import type { Kysely } from 'kysely';
import { describe, expect, it } from 'vitest';

import type { Database, Store } from '../../src/storage/store.js';
import { MIGRATIONS } from '../../src/storage/migrations.js';
import { newHome } from '../support/home.js';
import { Child, engines, open, refusal } from '../support/stores.js';

async function put(db: Kysely<Database>, name: string, value: string): Promise<void> {
  await db
    .insertInto('meta')
    .values({ name, value })
    .onConflict((on) => on.column('name').doUpdateSet({ value }))
    .execute();
}

async function value(store: Store, name: string): Promise<string | undefined> {
  const row = await store.read((db) =>
    db.selectFrom('meta').select('value').where('name', '=', name).executeTakeFirst(),
  );
  return row?.value;
}

describe.each(engines)('the store on $name', ({ name, missing, place }) => {
  it.skipIf(missing)('keeps what a write made, for another store and after closing', async () => {
    const options = await place();
    const store = open(options);
    expect(store.engine).toBe(name);
    await store.write((trx) => put(trx, 'a', '1'));
    expect(await value(open(options), 'a')).toBe('1');
    await store.close();
    await refusal(
      store.read(async () => 1),
      'storage_unavailable',
    );
    expect(await value(open(options), 'a')).toBe('1');
  });

  it.skipIf(missing)('undoes a write whose work throws, and passes its error on', async () => {
    const store = open(await place());
    const fault = new Error('of the work');
    const work = store.write(async (trx) => {
      await put(trx, 'a', '1');
      throw fault;
    });
    await expect(work).rejects.toBe(fault);
    expect(await value(store, 'a')).toBeUndefined();
  });

  it.skipIf(missing)('gives a read one snapshot, and lets it write nothing', async () => {
    const options = await place();
    const [store, other] = [open(options), open(options)];
    await store.write((trx) => put(trx, 'a', '1'));
    await store.read(async (db) => {
      const before = await db.selectFrom('meta').select('value').where('name', '=', 'a').executeTakeFirst();
      await other.write((trx) => put(trx, 'a', '2'));
      const after = await db.selectFrom('meta').select('value').where('name', '=', 'a').executeTakeFirst();
      expect([before?.value, after?.value]).toEqual(['1', '1']);
    });
    expect(await value(store, 'a')).toBe('2');
    await expect(store.read((db) => put(db, 'a', '3'))).rejects.toThrow();
    expect(await value(store, 'a')).toBe('2');
  });

  it.skipIf(missing)('runs 100 concurrent read-then-write works one after the other', async () => {
    const store = open(await place());
    await Promise.all(
      Array.from({ length: 100 }, () =>
        store.write(async (trx) => {
          const row = await trx.selectFrom('meta').select('value').where('name', '=', 'n').executeTakeFirst();
          await put(trx, 'n', String(Number(row?.value ?? 0) + 1));
        }),
      ),
    );
    expect(await value(store, 'n')).toBe('100');
  });

  it.skipIf(missing)('loses none of 4 times 50 increments by 4 processes that start at once on nothing', async () => {
    const options = await place();
    const children = Array.from({ length: 4 }, () => new Child('count', options, '50'));
    const codes = await Promise.all(children.map((child) => child.exited));
    expect([codes, children.map((child) => child.stderr)]).toEqual([
      [0, 0, 0, 0],
      ['', '', '', ''],
    ]);
    expect(await value(open(options), 'counter')).toBe('200');
  });

  it.skipIf(missing)('gives every value back as it was, or refuses it, alike on both', async () => {
    const store = open(await place());
    const row = fc.record({
      entry: fc.string({ unit: 'binary', maxLength: 50 }),
      time: fc.oneof(fc.maxSafeInteger(), fc.double()),
      mac: fc.uint8Array({ maxLength: 50 }),
      code: fc.option(fc.string()),
    });
    await fc.assert(
      fc.asyncProperty(row, async ({ entry, time, mac, code }) => {
        const storable =
          [entry, code ?? ''].every((text) => !text.includes('\0') && text.isWellFormed()) &&
          Number.isSafeInteger(time);
        const rest = { sequence: 1, segment: 1, boot_id: '', session: '', tool: '', caller: '', outcome: null };
        const work = store.write(async (trx) => {
          await trx.deleteFrom('audit_entries').execute();
          await trx
            .insertInto('audit_entries')
            .values({ ...rest, entry, time, mac, code })
            .execute();
        });
        if (!storable) {
          await expect(work).rejects.toThrow();
          return;
        }
        await work;
        const back = await store.read((db) => db.selectFrom('audit_entries').selectAll().executeTakeFirstOrThrow());
        expect(Uint8Array.from(back.mac)).toEqual(mac);
        expect([back.entry, back.time, back.code]).toEqual([entry, time + 0, code]);
      }),
      { numRuns: 100 },
    );
  });

  it.skipIf(missing)('counts as numbers, and tells a broken constraint without its values', async () => {
    const store = open(await place());
    const counted = await store.read((db) =>
      db
        .selectFrom('meta')
        .select((is) => is.fn.countAll().as('n'))
        .execute(),
    );
    expect(counted).toEqual([{ n: 2 }]);
    const twice = store.write((trx) => trx.insertInto('meta').values({ name: 'store_id', value: 'canary' }).execute());
    const error = await twice.catch((thrown: unknown) => thrown as Error & { code: string });
    expect(error).toMatchObject({ name: 'StoreFault', message: 'the store refused a statement' });
    expect(JSON.stringify([error, (error as Error).stack])).not.toContain('canary');
  });

  it.skipIf(missing)('tells the time, and who it is', async () => {
    const options = await place();
    const store = open(options);
    const [before, time] = [Date.now(), await store.write((trx) => store.now(trx))];
    // The PostgreSQL of the test is on this machine.
    expect(time).toBeGreaterThanOrEqual(before - 1);
    expect(time).toBeLessThanOrEqual(Date.now() + 1);
    const report = await store.report();
    expect(report).toMatchObject({ engine: name, schemaVersion: MIGRATIONS.length });
    expect(report.version).toMatch(name === 'sqlite' ? /^SQLite 3\./ : /^PostgreSQL 18\./);
    expect(report.location).not.toContain('canary');
  });
});

describe('the time on SQLite', () => {
  it('never goes back, not over a restart, and goes on all the same', async () => {
    const home = newHome();
    const decade = 10 * 365 * 86_400_000;
    const now = (store: Store): Promise<number> => store.write((trx) => store.now(trx));
    const first = open({ home });
    const time = await now(first);
    await first.close();
    const back = open({ home, systemClock: () => Date.now() - decade });
    const later = await now(back);
    expect(later).toBeGreaterThanOrEqual(time);
    expect(later).toBeLessThan(time + decade);
    const start = performance.now();
    while (performance.now() < start + 3);
    expect(await back.read((db) => back.now(db))).toBeGreaterThan(later);
  });

  it('is the latest that any process has seen', async () => {
    const home = newHome();
    const ahead = open({ home, systemClock: () => Date.now() + 100_000 });
    const behind = open({ home });
    const time = await ahead.write((trx) => ahead.now(trx));
    expect(await behind.write((trx) => behind.now(trx))).toBeGreaterThanOrEqual(time);
  });
});

describe('opening', () => {
  it('happens with the first need: until then nothing is made', async () => {
    const home = newHome();
    const store = open({ home });
    expect(existsSync(home)).toBe(false);
    await store.read(async () => undefined);
    expect(readdirSync(home)).toContain('security-mcp.db');
  });

  it.skipIf(process.platform === 'win32')('makes a folder 0700 and files 0600, whatever the umask', async () => {
    for (const mask of [0o000, 0o022, 0o077, 0o277]) {
      const before = process.umask(mask);
      try {
        const home = newHome();
        await open({ home }).write((trx) => put(trx, 'a', '1'));
        expect(statSync(home).mode & 0o777).toBe(0o700);
        for (const file of readdirSync(home)) expect(statSync(join(home, file)).mode & 0o777, file).toBe(0o600);
      } finally {
        process.umask(before);
      }
    }
  });

  it('that fails is told, and tried again by a later call', async () => {
    const store = open({ home: undefined });
    await refusal(
      store.read(async () => 1),
      'storage_unavailable',
    );
  });
});
