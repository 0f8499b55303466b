/** A process of its own on a store, for tests with several processes and with kills. It runs the built program. */

import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { createKeyRing } from '../../build/crypto/keyring.js';
import { Audit } from '../../build/storage/audit.js';
import { Attempts } from '../../build/storage/attempts.js';
import { Home } from '../../build/storage/home.js';
import { environmentKey, fileKey } from '../../build/storage/key-file.js';
import { createKeyStore } from '../../build/storage/keys.js';
import { createVault } from '../../build/storage/master-key.js';
import { lazyStore } from '../../build/storage/store.js';

const [scenario, json, ...args] = process.argv.slice(2);
const options = JSON.parse(json);
const store = lazyStore(options);
const keys =
  options.databaseUrl === undefined
    ? fileKey(() => new Home(options.home, options.owner))
    : environmentKey(Buffer.alloc(32, 7));
const vault = createVault(store, keys, randomBytes);
const say = (line) => process.stdout.write(`${line}\n`);

const entryOf = (call_id) => ({
  event: 'answered',
  boot_id: `boot-${process.pid}`,
  call_id,
  tool: 'digest_compute',
  caller: 'tests',
  outcome: 'ok',
  duration_ms: 0.4,
  fields: { algorithm: 'sha256' },
});

const scenarios = {
  /** Opens store and vault at once with others, and tells a key of the guard: it must be the same for all. */
  async open() {
    const opened = await vault.open();
    say(Buffer.from(opened.guardKey('fingerprint')).toString('hex'));
  },

  /** Adds one to a counter that it reads first, so many times. */
  async count() {
    for (let i = 0; i < Number(args[0]); i++) {
      await store.write(async (trx) => {
        const row = await trx.selectFrom('meta').select('value').where('name', '=', 'counter').executeTakeFirst();
        const value = String(Number(row?.value ?? 0) + 1);
        await trx
          .insertInto('meta')
          .values({ name: 'counter', value })
          .onConflict((on) => on.column('name').doUpdateSet({ value }))
          .execute();
      });
    }
    say('done');
  },

  /** Two rows that belong together, in one transaction, without end; says each number that is committed. */
  async pairs() {
    const first = Number(args[0]);
    for (let i = first; ; i++) {
      await store.write(async (trx) => {
        await trx
          .insertInto('meta')
          .values({ name: `left-${i}`, value: 'x'.repeat(5_000) })
          .execute();
        await trx
          .insertInto('meta')
          .values({ name: `right-${i}`, value: 'x' })
          .execute();
      });
      say(i);
    }
  },

  /** Uses the default envelope key at once with others, tells it, and rotates a key of all so many times; says each new id. */
  async rotateKeys() {
    const ring = createKeyRing({ store: createKeyStore(store, vault, randomBytes) });
    await ring.wrappingKey();
    const first = await ring.unwrappingKey('envelope.1');
    say(Buffer.from(first).toString('hex'));
    for (let i = 0; i < Number(args[0]); i++) {
      const { primaryVersion, versions } = await ring.rotate('envelope');
      // No half state: what is told is whole.
      if (versions.length !== primaryVersion) throw new Error('a half state was seen');
      say(`envelope.${primaryVersion}`);
    }
  },

  /** Appends entries without end, several at a time; says each that is committed. */
  async audit() {
    const audit = new Audit(store, vault);
    const worker = async (who) => {
      for (let i = 0; ; i++) {
        const call_id = `${args[0]}-${who}-${i}`;
        await audit.append({ ...entryOf(call_id), time: new Date().toISOString() });
        say(call_id);
      }
    };
    await Promise.all([0, 1, 2, 3].map(worker));
  },

  /** Appends as many entries as it can for so many seconds, so many at a time; says how many, and the worst stall in ms. */
  async auditRate() {
    const [seconds, parallel] = args.map(Number);
    const audit = new Audit(store, vault);
    await audit.append({ ...entryOf('first'), time: new Date().toISOString() });
    const delays = monitorEventLoopDelay({ resolution: 1 });
    say('ready');
    await new Promise((resolve) => process.stdin.once('data', resolve));
    delays.enable();
    const end = performance.now() + seconds * 1000;
    let count = 0;
    const worker = async () => {
      while (performance.now() < end) {
        await audit.append({ ...entryOf('x'), time: new Date().toISOString() });
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: parallel }, worker));
    say(JSON.stringify({ count, stallMs: delays.max / 1e6 }));
    process.stdin.destroy();
  },

  /** Charges a guess and never says how it ended. */
  async charge() {
    const attempts = new Attempts(store, { guesses: 5, windowSeconds: 60, random: randomBytes });
    const { remaining } = await attempts.charge(args[0], new AbortController().signal);
    say(remaining);
    await new Promise((resolve) => setTimeout(resolve, 1e9));
  },

  /** Replaces the master key without end; between two, wraps something. */
  async rotate() {
    for (;;) {
      const opened = await vault.open();
      const name = `wrapped-${Date.now()}-${randomBytes(4).toString('hex')}`;
      const value = Buffer.from(opened.wrap(Buffer.from(name), { purpose: 'test', name, version: 1 })).toString('hex');
      await store.write((trx) => trx.insertInto('meta').values({ name, value }).execute());
      say(name);
      await vault.rotate(randomBytes(32));
      say('rotated');
    }
  },
};

await scenarios[scenario]();
await store.close();
