/** Migrations: once, under a lock, forwards only. */

import { describe, expect, it } from 'vitest';

import { MIGRATIONS } from '../../src/storage/migrations.js';
import { Child, engines, open, refusal } from '../support/stores.js';

describe.each(engines)('migrations on $name', ({ missing, place }) => {
  it.skipIf(missing)('are run once by 4 processes that start at once on nothing, and all see one store', async () => {
    const options = await place();
    const children = Array.from({ length: 4 }, () => new Child('open', options));
    const codes = await Promise.all(children.map((child) => child.exited));
    expect([codes, children.map((child) => child.stderr).join('')]).toEqual([[0, 0, 0, 0], '']);
    const keys = new Set(children.flatMap((child) => child.lines));
    expect(keys.size).toBe(1);
    expect([...keys][0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it.skipIf(missing)('number the store and name it once', async () => {
    const options = await place();
    const meta = (): Promise<unknown> =>
      open(options).read((db) => db.selectFrom('meta').selectAll().orderBy('name').execute());
    const first = await meta();
    expect(first).toEqual([
      { name: 'schema_version', value: String(MIGRATIONS.length) },
      { name: 'store_id', value: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
    ]);
    expect(await meta()).toEqual(first);
  });

  it.skipIf(missing)('refuse the store of a newer program, and leave it as it is', async () => {
    const options = await place();
    const setVersion = async (from: string, to: string): Promise<void> => {
      const store = open(options);
      await store.write((trx) =>
        trx
          .updateTable('meta')
          .set({ value: to })
          .where('name', '=', 'schema_version')
          .where('value', '=', from)
          .execute(),
      );
      await store.close();
    };
    const newer = String(MIGRATIONS.length + 1);
    await setVersion(String(MIGRATIONS.length), newer);
    const error = await refusal(
      open(options).read(async () => 1),
      'storage_unavailable',
    );
    expect(error.message).toBe('The store was made by a newer version of this program.');
  });

  it.skipIf(missing)('take a version that is none for damage', async () => {
    const options = await place();
    const store = open(options);
    await store.write((trx) =>
      trx.updateTable('meta').set({ value: 'x' }).where('name', '=', 'schema_version').execute(),
    );
    await store.close();
    await refusal(
      open(options).read(async () => 1),
      'storage_damaged',
    );
  });

  it.skipIf(missing)('make tables that hold their own rules', async () => {
    const store = open(await place());
    await store.write((trx) =>
      trx
        .insertInto('keys')
        .values({
          name: 'k',
          purpose: 'jwt',
          algorithm: 'HS256',
          created_at: 1,
          rotate_after_days: null,
          policy: null,
          primary_version: 1,
        })
        .execute(),
    );
    const version = {
      name: 'k',
      version: 1,
      key_id: 'k.1',
      state: 'enabled' as const,
      created_at: 1,
      destroy_after: null,
      public_jwk: null,
    };
    const insert = (changes: object): Promise<unknown> =>
      store.write((trx) =>
        trx
          .insertInto('key_versions')
          .values({ ...version, wrapped: Buffer.of(1), ...changes })
          .execute(),
      );
    await insert({});
    for (const broken of [
      { version: 2 },
      { key_id: 'k.2' },
      { version: 3, key_id: 'k.3', name: 'unknown' },
      { version: 0, key_id: 'k.0' },
      { version: 4, key_id: 'k.4', wrapped: null },
      { version: 5, key_id: 'k.5', state: 'destroyed' },
      { version: 6, key_id: 'k.6', state: 'lost' },
      { version: 'seven', key_id: 'k.7' },
    ])
      await expect(insert(broken), JSON.stringify(broken)).rejects.toThrow();
    await insert({ version: 8, key_id: 'k.8', state: 'destroyed', wrapped: null });
  });
});
