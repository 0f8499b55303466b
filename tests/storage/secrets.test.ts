/** Stored secrets on both engines: wrapped, bounded, never overwritten, deleted with a delay, and of no use moved elsewhere. */

import { describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/crypto/random.js';
import { MAX_SECRET_BYTES, MAX_SECRETS, type NewSecret } from '../../src/crypto/secret.js';
import { environmentKey } from '../../src/storage/key-file.js';
import { createVault } from '../../src/storage/master-key.js';
import { Secrets } from '../../src/storage/secrets.js';
import type { Store } from '../../src/storage/store.js';
import { engines, open, refusal, timed } from '../support/stores.js';

const DAY = 86_400_000;
const VALUE = 'canary of the store';
const secretOf = (name: string, more: Partial<NewSecret> = {}): NewSecret => ({
  name,
  kind: 'text',
  origin: 'human',
  shown: false,
  value: VALUE,
  ...more,
});

describe.each(engines)('secrets on $name', ({ missing, place }) => {
  const test = it.skipIf(missing);
  const room = async (): Promise<{ store: Store; secrets: Secrets; time: { now: number } }> => {
    const time = { now: 1_000_000 };
    const store = timed(open(await place()), () => time.now);
    return {
      store,
      time,
      secrets: new Secrets(store, createVault(store, environmentKey(Buffer.alloc(32, 7)), systemRandom)),
    };
  };

  test('come back as they were put, and tell nothing of their value without the key', async () => {
    const { store, secrets } = await room();
    await secrets.put(secretOf('db', { entropyBits: 131.7, kind: 'token', origin: 'generated' }));
    expect(await secrets.get('db')).toMatchObject({ value: VALUE, entropyBits: 131, kind: 'token', shown: false });
    await secrets.put(secretOf('same'));
    await secrets.put(secretOf('other', { value: 'another' }));
    const [db, other, same] = await secrets.list();
    expect(same?.fingerprint).toBe(db?.fingerprint);
    expect(other?.fingerprint).not.toBe(db?.fingerprint);
    const rows = await store.read((trx) => trx.selectFrom('secrets').selectAll().execute());
    const stored = rows.map((row) => JSON.stringify(row) + Buffer.from(row.wrapped).toString('latin1')).join();
    expect(stored).not.toContain(VALUE);
  });

  test('are not overwritten unless that was asked for, and a former value cannot be put back', async () => {
    const { store, secrets } = await room();
    await secrets.put(secretOf('db'));
    await refusal(secrets.put(secretOf('db')), 'secret_exists');
    await refusal(secrets.requireFree('db'), 'secret_exists');
    await secrets.requireFree('free');
    const before = await store.read((trx) => trx.selectFrom('secrets').selectAll().executeTakeFirstOrThrow());
    await secrets.put(secretOf('db', { value: 'newer' }), { overwrite: true });
    expect((await secrets.get('db')).value).toBe('newer');
    await store.write((trx) => trx.updateTable('secrets').set({ wrapped: before.wrapped }).execute());
    await refusal(secrets.get('db'), 'storage_damaged');
  });

  test('of one name do not open under another', async () => {
    const { store, secrets } = await room();
    await secrets.put(secretOf('a'));
    await store.write((trx) => trx.updateTable('secrets').set({ name: 'b' }).execute());
    await refusal(secrets.get('b'), 'storage_damaged');
  });

  test('that were deleted keep their name for seven days and can be restored; an operator destroys at once', async () => {
    const { secrets, time } = await room();
    await secrets.put(secretOf('db'));
    await secrets.remove('db');
    await refusal(secrets.get('db'), 'secret_unknown');
    await refusal(secrets.list('db'), 'secret_unknown');
    await refusal(secrets.remove('db'), 'secret_unknown');
    await refusal(secrets.put(secretOf('db'), { overwrite: true }), 'secret_exists');
    expect((await secrets.listDeleted()).map(({ name }) => name)).toEqual(['db']);
    await secrets.restore('db');
    expect((await secrets.get('db')).value).toBe(VALUE);
    await refusal(secrets.restore('db'), 'secret_unknown');
    await secrets.remove('db');
    time.now += 7 * DAY - 1;
    await refusal(secrets.put(secretOf('db')), 'secret_exists');
    time.now += 1;
    await refusal(secrets.restore('db'), 'secret_unknown');
    await secrets.put(secretOf('db', { value: 'anew' }));
    await secrets.destroy('db');
    await refusal(secrets.destroy('db'), 'secret_unknown');
    await secrets.put(secretOf('db'));
  });

  test('end with their time', async () => {
    const { secrets, time } = await room();
    await secrets.put(secretOf('brief', { expiresAt: time.now + 60_000 }));
    time.now += 59_999;
    expect((await secrets.get('brief')).value).toBe(VALUE);
    time.now += 1;
    await refusal(secrets.get('brief'), 'secret_unknown');
    expect(await secrets.list()).toEqual([]);
    await secrets.put(secretOf('brief'));
  });

  test('are bounded in size and number', async () => {
    const { store, secrets } = await room();
    await secrets.put(secretOf('longest', { value: 'x'.repeat(MAX_SECRET_BYTES) }));
    await refusal(secrets.put(secretOf('longer', { value: 'x'.repeat(MAX_SECRET_BYTES + 1) })), 'input_invalid');
    await refusal(secrets.put(secretOf('empty', { value: '' })), 'input_invalid');
    const row = await store.read((trx) => trx.selectFrom('secrets').selectAll().executeTakeFirstOrThrow());
    await store.write(async (trx) => {
      for (let i = 1; i < MAX_SECRETS; i++)
        await trx
          .insertInto('secrets')
          .values({ ...row, name: `s${i}`, wrapped: row.wrapped.subarray(0, 40) })
          .execute();
    });
    await refusal(secrets.put(secretOf('one-more')), 'input_invalid');
  });

  test('of one name that are put at the same moment: one is', async () => {
    const where = await place();
    const vaults = [0, 1, 2, 3].map(() => {
      const store = open(where);
      return new Secrets(store, createVault(store, environmentKey(Buffer.alloc(32, 7)), systemRandom));
    });
    const outcomes = await Promise.allSettled(
      vaults.map((secrets, i) => secrets.put(secretOf('db', { value: `value ${i}` }))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
