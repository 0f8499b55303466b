/** All that a store remembers, from one engine to the other: nothing forgotten, nothing mixed, every key opening on the other side. */

import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';

import { createKeyRing } from '../../src/crypto/keyring.js';
import { systemRandom } from '../../src/crypto/random.js';
import { Attempts } from '../../src/storage/attempts.js';
import { Audit } from '../../src/storage/audit.js';
import { environmentKey } from '../../src/storage/key-file.js';
import { createKeyStore } from '../../src/storage/keys.js';
import { createVault } from '../../src/storage/master-key.js';
import { wrappedValues } from '../../src/storage/rewrap.js';
import { insertRows, rowsOf, TABLES, tryEverything, type TableRow } from '../../src/storage/snapshot.js';
import type { Store } from '../../src/storage/store.js';
import { engines, open, refusal } from '../support/stores.js';

const MASTER = systemRandom(32);

async function filled(store: Store): Promise<void> {
  const vault = createVault(store, environmentKey(MASTER), systemRandom);
  const ring = createKeyRing({ store: createKeyStore(store, vault, systemRandom) });
  await ring.create({ name: 'api', purpose: 'jwt', algorithm: 'ES256' });
  for (let i = 0; i < 3; i++) await ring.rotate('api');
  await ring.wrappingKey();
  const attempts = new Attempts(store, { guesses: 5, windowSeconds: 60, random: systemRandom });
  await (await attempts.charge('somebody', new AbortController().signal)).keep();
  const audit = new Audit(store, vault);
  const entry = { event: 'answered', boot_id: 'b', call_id: 'c', tool: 't', caller: 'x', outcome: 'ok' };
  await Promise.all(
    Array.from({ length: 1_200 }, (_, i) => audit.append({ ...entry, time: new Date(i).toISOString() })),
  );
  await audit.seal();
}

const rowsIn = (store: Store): Promise<TableRow[]> =>
  store.read(async (trx) => {
    const rows: TableRow[] = [];
    for await (const row of rowsOf(trx)) rows.push(row);
    return rows;
  });

const withoutVersion = (rows: TableRow[]): unknown[] => rows.filter(({ row }) => row['name'] !== 'schema_version');

describe.each(engines)('from $name', ({ name, missing, place }) => {
  const test = it.skipIf(missing);

  test('the list of tables is that of the database', async () => {
    const store = open(await place());
    const found = await store.read(async (trx) => {
      const { rows } = await (
        name === 'sqlite'
          ? sql<{ name: string }>`select name from sqlite_schema where type = 'table' and name not like 'sqlite%'`
          : sql<{
              name: string;
            }>`select table_name as name from information_schema.tables where table_schema = current_schema()`
      ).execute(trx);
      return rows.map((row) => row.name).toSorted();
    });
    expect(found).toEqual(TABLES.map((table) => table.name as string).toSorted());
  });

  test.each(engines.filter((engine) => engine.missing === undefined))(
    'to $name: the same rows, and every key opens',
    async (target) => {
      const source = open(await place());
      await filled(source);
      const to = open(await target.place());
      await source.read((from) => to.write((trx) => insertRows(trx, rowsOf(from))));
      const [before, after] = await Promise.all([rowsIn(source), rowsIn(to)]);
      expect(withoutVersion(after).length).toBeGreaterThan(1_200);
      const bare = (rows: TableRow[]): string =>
        JSON.stringify(withoutVersion(rows), (_, value: unknown) =>
          value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
        );
      expect(bare(after)).toBe(bare(before));
      const vault = createVault(to, environmentKey(MASTER), systemRandom);
      await tryEverything(to, vault);
      expect(await new Audit(to, vault).verify()).toMatchObject({ intact: true, entries: 1_200 });
      await refusal(
        to.write((trx) => insertRows(trx, (async function* () {})())),
        'input_invalid',
      );
    },
  );

  test('a rotation of the master key wraps everything anew, and the former key opens nothing', async () => {
    const store = open(await place());
    await filled(store);
    const wrapped = (): Promise<string[]> =>
      store.read(async (trx) => {
        const found: string[] = [];
        for await (const value of wrappedValues(trx)) found.push(Buffer.from(value.wrapped).toString('hex'));
        return found;
      });
    const before = await wrapped();
    const running = createVault(store, environmentKey(MASTER), systemRandom);
    const opened = await running.open();
    const guard = opened.guardKey('fingerprint');
    const next = systemRandom(32);
    expect(await createVault(store, environmentKey(MASTER), systemRandom).rotate(next)).toBe(before.length);
    const after = await wrapped();
    expect(before.length).toBe(5);
    expect(after.filter((value) => before.includes(value))).toEqual([]);
    // Generation 1: none is under the first root any more.
    expect(new Set(after.map((value) => value.slice(0, 6)))).toEqual(new Set(['010001']));
    const now = createVault(store, environmentKey(next), systemRandom);
    await tryEverything(store, now);
    expect((await now.open()).guardKey('fingerprint')).toEqual(guard);
    await refusal(createVault(store, environmentKey(MASTER), systemRandom).open(), 'master_key_wrong');
    expect(await now.masterKey()).toEqual(next);
  });
});
