/** SIGKILL in the middle of writes and of master-key rotations. SECURITY_MCP_TEST_KILLS makes it more of them than 6. */

import { describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/crypto/random.js';
import { Audit } from '../../src/storage/audit.js';
import { Home } from '../../src/storage/home.js';
import { environmentKey, fileKey } from '../../src/storage/key-file.js';
import { createVault } from '../../src/storage/master-key.js';
import { newHome, USER } from '../support/home.js';
import { Child, engines, open } from '../support/stores.js';

const KILLS = Number(process.env['SECURITY_MCP_TEST_KILLS'] ?? (process.env['MODE'] === 'slow' ? 200 : 6));
const TIMEOUT_MS = 30_000 + KILLS * 3_000;

/** Up to a few turns of the event loop later than now: the child is somewhere else each time. */
async function aMoment(): Promise<void> {
  for (let turns = Math.floor(Math.random() * 60); turns > 0; turns--)
    await new Promise((resolve) => setImmediate(resolve));
}

describe.each(engines)('killed in the middle of writes on $name', ({ name, missing, place }) => {
  it.skipIf(missing)(
    'a process leaves whole transactions, and every one that it was told of',
    { timeout: TIMEOUT_MS },
    async () => {
      const options = await place();
      const store = open(options);
      let next = 0;
      for (let kill = 0; kill < Math.ceil(KILLS / 3); kill++) {
        const child = new Child('pairs', options, String(next));
        await child.wrote(1 + Math.floor(Math.random() * 10));
        await aMoment();
        const told = (await child.kill()).map(Number);
        expect(child.stderr).toBe('');
        const names = new Set(
          (await store.read((db) => db.selectFrom('meta').select('name').execute())).map((row) => row.name),
        );
        for (let i = next; i <= next + told.length; i++) {
          expect(names.has(`left-${i}`), `pair ${i}`).toBe(names.has(`right-${i}`));
          if (told.includes(i)) expect(names.has(`left-${i}`), `pair ${i}`).toBe(true);
        }
        next += told.length + 1;
      }
      if (name === 'sqlite') {
        const { SqliteFacade } = await import('../../src/storage/sqlite.js');
        const facade = new SqliteFacade(new Home(options.home ?? '', USER).path('security-mcp.db'));
        expect(facade.prepare('pragma integrity_check').all([])).toEqual([{ integrity_check: 'ok' }]);
        facade.close();
      }
    },
  );
});

describe.each(engines)('killed in the middle of audit entries on $name', ({ missing, place }) => {
  it.skipIf(missing)(
    'two processes leave a chain that verifies, with every entry they were told of',
    { timeout: TIMEOUT_MS },
    async () => {
      const options = await place();
      const store = open(options);
      const key =
        options.databaseUrl === undefined
          ? fileKey(() => new Home(options.home ?? '', USER))
          : environmentKey(Buffer.alloc(32, 7));
      const audit = new Audit(store, createVault(store, key, systemRandom));
      const told: string[] = [];
      for (let kill = 0; kill < Math.ceil(KILLS / 6); kill++) {
        const children = [0, 1].map((who) => new Child('audit', options, `${kill}-${who}`));
        await Promise.all(children.map((child) => child.wrote(1 + Math.floor(Math.random() * 30))));
        await aMoment();
        for (const child of children) told.push(...(await child.kill()));
        expect(children.map(({ stderr }) => stderr).join('')).toBe('');
        expect(await audit.verify()).toMatchObject({ intact: true });
      }
      const entries = await audit.query({ limit: 1_000_000 });
      const kept = new Set(entries.map(({ call_id }) => call_id));
      expect(told.filter((id) => !kept.has(id))).toEqual([]);
      expect(told.length).toBeGreaterThan(KILLS / 6);
      expect(kept.size).toBe(entries.length);
    },
  );
});

it(
  'killed in the middle of a rotation, a process leaves a key that opens everything',
  { timeout: TIMEOUT_MS },
  async () => {
    const home = newHome();
    const first = createVault(
      open({ home }),
      fileKey(() => new Home(home, USER)),
      systemRandom,
    );
    const guardKey = (await first.open()).guardKey('fingerprint');
    const told: string[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const child = new Child('rotate', { home });
      await child.wrote(1 + Math.floor(Math.random() * 4));
      await aMoment();
      told.push(...(await child.kill()).filter((line) => line !== 'rotated'));
      expect(child.stderr).toBe('');
      const store = open({ home });
      const vault = await createVault(
        store,
        fileKey(() => new Home(home, USER)),
        systemRandom,
      ).open();
      expect(vault.guardKey('fingerprint')).toEqual(guardKey);
      await store.read(async (db) => {
        const rows = await db.selectFrom('meta').selectAll().where('name', 'like', 'wrapped-%').execute();
        for (const { name, value } of rows) {
          const plaintext = await vault.unwrap(db, Buffer.from(value, 'hex'), { purpose: 'test', name, version: 1 });
          expect(Buffer.from(plaintext).toString()).toBe(name);
        }
        expect(told.filter((name) => !rows.some((row) => row.name === name))).toEqual([]);
      });
      await store.close();
    }
    expect(told.length).toBeGreaterThanOrEqual(KILLS);
  },
);
