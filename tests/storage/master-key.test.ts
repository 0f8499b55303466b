/** The vault: keys of the guard that never change, wrapping under labels, a wrong key told apart from damage, rotation. */

import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/crypto/random.js';
import { Home } from '../../src/storage/home.js';
import { environmentKey, fileKey } from '../../src/storage/key-file.js';
import { createVault, type Vault, type WrapLabel } from '../../src/storage/master-key.js';
import type { Store } from '../../src/storage/store.js';
import { newHome, USER } from '../support/home.js';
import { engines, open, refusal } from '../support/stores.js';

const label: WrapLabel = { purpose: 'key', name: 'session', version: 1 };
const secret = Buffer.from('canary-secret');
const KEY = systemRandom(32);

function withKey(store: Store, key = KEY): Vault {
  return createVault(store, environmentKey(key), systemRandom);
}

function withFile(store: Store, home: string): Vault {
  return createVault(
    store,
    fileKey(() => new Home(home, USER)),
    systemRandom,
  );
}

async function opens(store: Store, vault: Vault, wrapped: Uint8Array): Promise<string> {
  const opened = await vault.open();
  return Buffer.from(await store.read((db) => opened.unwrap(db, wrapped, label))).toString();
}

async function spoil(store: Store, name: string, value: string | null): Promise<void> {
  await store.write(async (trx) => {
    if (value === null) await trx.deleteFrom('meta').where('name', '=', name).execute();
    else await trx.updateTable('meta').set({ value }).where('name', '=', name).execute();
  });
}

describe.each(engines)('the vault on $name', ({ missing, place }) => {
  it.skipIf(missing)('gives the same keys of the guard to every process, one for each purpose', async () => {
    const options = await place();
    const [one, other] = await Promise.all([withKey(open(options)).open(), withKey(open(options)).open()]);
    const keys = (['fingerprint', 'audit-chain', 'audit-sign'] as const).map((purpose) => {
      expect(one.guardKey(purpose)).toEqual(other.guardKey(purpose));
      expect(one.guardKey(purpose)).toHaveLength(32);
      return Buffer.from(one.guardKey(purpose)).toString('hex');
    });
    expect(new Set(keys).size).toBe(3);
  });

  it.skipIf(missing)('opens what it wrapped under that label alone, and nothing that was changed', async () => {
    const store = open(await place());
    const vault = await withKey(store).open();
    const wrapped = vault.wrap(secret, label);
    const unwrap = (bytes: Uint8Array, as: WrapLabel): Promise<Uint8Array> =>
      store.read((db) => vault.unwrap(db, bytes, as));
    expect(Buffer.from(await unwrap(wrapped, label))).toEqual(secret);
    for (const as of [
      { ...label, name: 'other' },
      { ...label, version: 2 },
      { ...label, purpose: 'secret' },
    ])
      await refusal(unwrap(wrapped, as), 'storage_damaged');
    for (let at = 0; at < wrapped.length; at++) {
      const changed = Uint8Array.from(wrapped, (byte, i) => (i === at ? byte ^ 1 : byte));
      await refusal(unwrap(changed, label), 'storage_damaged');
    }
    for (const cut of [0, 1, 30, wrapped.length - 1])
      await refusal(unwrap(wrapped.subarray(0, cut), label), 'storage_damaged');
    expect(vault.wrap(secret, label)).not.toEqual(wrapped);
  });

  it.skipIf(missing)('tells a wrong key from damage', async () => {
    const options = await place();
    const store = open(options);
    await withKey(store).open();
    const wrong = withKey(store, systemRandom(32));
    expect((await refusal(wrong.open(), 'master_key_wrong')).message).toBe(
      'SECURITY_MCP_MASTER_KEY is not the key of this store.',
    );
    await refusal(wrong.status(), 'master_key_wrong');
    const rows = await store.read((db) => db.selectFrom('meta').selectAll().execute());
    for (const [name, value] of [
      ['root_keys', `AQAA${'A'.repeat(100)}`],
      ['root_keys', '!'],
      ['root_keys', null],
      ['master_key_check', 'AAAA'],
      ['master_key_check', null],
      ['store_id', null],
    ] as const) {
      await spoil(store, name, value);
      await refusal(withKey(store).open(), 'storage_damaged');
      await store.write(async (trx) => {
        await trx.deleteFrom('meta').execute();
        await trx.insertInto('meta').values(rows).execute();
      });
    }
    await withKey(store).open();
  });

  it.skipIf(missing)('makes no new root in a store that has lost its vault', async () => {
    const store = open(await place());
    await withKey(store).open();
    await store.write(async (trx) => {
      await trx.deleteFrom('meta').where('name', 'in', ['root_keys', 'master_key_check']).execute();
      await trx
        .insertInto('audit_segments')
        .values({
          segment: 1,
          first_sequence: 1,
          head: Buffer.of(1),
          last_sequence: null,
          signature: null,
          created_at: 1,
          sealed_at: null,
          dropped_at: null,
        })
        .execute();
    });
    await refusal(withKey(store).open(), 'storage_damaged');
  });

  it.skipIf(missing)('looks without making', async () => {
    const store = open(await place());
    expect(await withKey(store).status()).toBe('absent');
    expect(await withKey(store).status()).toBe('absent');
    await withKey(store).open();
    expect(await withKey(store).status()).toBe('sound');
  });

  it.skipIf(missing)(
    'takes a new master key in one transaction: the old one opens nothing, what was wrapped opens',
    async () => {
      const options = await place();
      const store = open(options);
      const before = withKey(store);
      const running = await before.open();
      const wrapped = running.wrap(secret, label);
      const next = systemRandom(32);
      await before.rotate(next);
      await refusal(withKey(store).open(), 'master_key_wrong');
      const after = withKey(open(options), next);
      expect(await opens(store, after, wrapped)).toBe(secret.toString());
      expect((await after.open()).guardKey('audit-chain')).toEqual(running.guardKey('audit-chain'));
      // A process from before the rotation goes on with what it knows, and what it wraps is read by the others.
      expect(Buffer.from(await store.read((db) => running.unwrap(db, wrapped, label)))).toEqual(secret);
      expect(await opens(store, after, running.wrap(secret, label))).toBe(secret.toString());
      // What is wrapped now is under a key that the old master key and an old copy of the database do not give.
      const fresh = (await after.open()).wrap(secret, label);
      await refusal(
        store.read((db) => running.unwrap(db, fresh, label)),
        'master_key_wrong',
      );
      await refusal(before.rotate(systemRandom(32)), 'master_key_wrong');
    },
  );
});

describe('the key file', () => {
  const start = (home = newHome()): { home: string; store: Store; vault: Vault } => {
    const store = open({ home });
    return { home, store, vault: withFile(store, home) };
  };
  const restarted = async (home: string, wrapped: Uint8Array): Promise<string> => {
    const { store, vault } = start(home);
    return opens(store, vault, wrapped);
  };

  it('is made with the first need, 0600, once for all who start at the same time', async () => {
    const home = newHome();
    const vaults = await Promise.all(Array.from({ length: 8 }, () => start(home).vault.open()));
    expect(new Set(vaults.map((vault) => Buffer.from(vault.guardKey('fingerprint')).toString('hex'))).size).toBe(1);
    expect(readdirSync(home).filter((name) => name.includes('master'))).toEqual(['master.key']);
    expect(readFileSync(join(home, 'master.key'), 'utf8')).toMatch(/^[\w-]{43}\n$/);
    if (process.platform !== 'win32') expect(statSync(join(home, 'master.key')).mode & 0o777).toBe(0o600);
  });

  it('that is missing, wrong or no key is refused, and never made anew for a store that has a vault', async () => {
    const { home, vault } = start();
    await vault.open();
    const path = join(home, 'master.key');
    const right = readFileSync(path, 'utf8');
    rmSync(path);
    expect((await refusal(start(home).vault.open(), 'master_key_wrong')).message).toMatch(/is missing/);
    expect(existsSync(path)).toBe(false);
    for (const text of ['', 'short', `${'A'.repeat(43)}\n`, right.slice(0, 40)]) {
      writeFileSync(path, text, { mode: 0o600 });
      await refusal(start(home).vault.open(), 'master_key_wrong');
    }
    writeFileSync(path, right);
    await start(home).vault.open();
  });

  it('that is no key is refused in a new store too', async () => {
    const { home, store, vault } = start();
    await store.read(async () => 1);
    writeFileSync(join(home, 'master.key'), 'not a key', { mode: 0o600 });
    await refusal(vault.open(), 'master_key_wrong');
  });

  it.skipIf(process.platform === 'win32')('that others may read, or that is a link, is refused', async () => {
    const { home, vault } = start();
    await vault.open();
    const path = join(home, 'master.key');
    chmodSync(path, 0o640);
    expect((await refusal(start(home).vault.open(), 'storage_unavailable')).hint).toContain(
      'chmod 600 "$SECURITY_MCP_HOME/master.key"',
    );
    chmodSync(path, 0o600);
    renameSync(path, join(home, 'elsewhere'));
    symlinkSync(join(home, 'elsewhere'), path);
    await refusal(start(home).vault.open(), 'storage_unavailable');
  });

  it('is replaced by a rotation, and running processes need not notice', async () => {
    const { home, store, vault } = start();
    const other = await start(home).vault.open();
    const wrapped = (await vault.open()).wrap(secret, label);
    const before = readFileSync(join(home, 'master.key'), 'utf8');
    // A draft of the first key, left by a kill.
    writeFileSync(join(home, 'master.key.draft-x'), before, { mode: 0o600 });
    for (let i = 0; i < 3; i++) await vault.rotate(systemRandom(32));
    expect(readFileSync(join(home, 'master.key'), 'utf8')).not.toBe(before);
    expect(readdirSync(home).filter((name) => name.includes('master'))).toEqual(['master.key']);
    expect(await restarted(home, wrapped)).toBe(secret.toString());
    const fresh = (await vault.open()).wrap(secret, label);
    expect(Buffer.from(await store.read((db) => other.unwrap(db, fresh, label)))).toEqual(secret);
  });

  it('left by a kill before or after the commit of a rotation is settled by the next start', async () => {
    const { home, vault } = start();
    const wrapped = (await vault.open()).wrap(secret, label);
    const [path, next] = [join(home, 'master.key'), join(home, 'master.key.new')];
    const old = readFileSync(path, 'utf8');
    // Before the commit: whole, or in part.
    for (const text of [`${Buffer.from(systemRandom(32)).toString('base64url')}\n`, 'AAAA', '']) {
      writeFileSync(next, text, { mode: 0o600 });
      expect(await restarted(home, wrapped)).toBe(secret.toString());
      expect([readFileSync(path, 'utf8'), existsSync(next)]).toEqual([old, false]);
    }
    // After it.
    await vault.rotate(systemRandom(32));
    renameSync(path, next);
    writeFileSync(path, old, { mode: 0o600 });
    expect(await restarted(home, wrapped)).toBe(secret.toString());
    expect(readFileSync(path, 'utf8')).not.toBe(old);
    expect(existsSync(next)).toBe(false);
    // A rotation that finds it so settles it first.
    const newest = readFileSync(path, 'utf8');
    renameSync(path, next);
    writeFileSync(path, old, { mode: 0o600 });
    await start(home).vault.rotate(systemRandom(32));
    expect([old, newest]).not.toContain(readFileSync(path, 'utf8'));
    expect(await restarted(home, wrapped)).toBe(secret.toString());
  });

  it('of 8 rotations at once by 4 stores leaves one key that opens everything', async () => {
    const { home, vault } = start();
    const wrapped = (await vault.open()).wrap(secret, label);
    const vaults = [vault, start(home).vault, start(home).vault, start(home).vault];
    await Promise.all([...vaults, ...vaults].map((each) => each.rotate(systemRandom(32))));
    expect(await restarted(home, wrapped)).toBe(secret.toString());
    expect(readdirSync(home).filter((name) => name.includes('master'))).toEqual(['master.key']);
  });
});
