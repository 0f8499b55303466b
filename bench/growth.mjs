/** How the store grows: what a call costs on a store that holds little, and on ones that hold a thousand and a hundred times as much. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { interleave, median, perCallUs, row } from './measure.mjs';

const ROUNDS = 9;
const CALLS = 20;
const ENTRIES = [1_000, 100_000, 1_000_000];
/** `keys` holds a thousand at most, `attempts` a hundred thousand. */
const SUBJECTS = 100_000;

async function roomAt(home) {
  const [{ Audit }, { Attempts }, { lazyStore }, { createVault }, { environmentKey }, { createKeyStore }] =
    await Promise.all([
      import('../build/storage/audit.js'),
      import('../build/storage/attempts.js'),
      import('../build/storage/store.js'),
      import('../build/storage/master-key.js'),
      import('../build/storage/key-file.js'),
      import('../build/storage/keys.js'),
    ]);
  const store = lazyStore({ home, owner: process.geteuid?.() });
  const vault = createVault(store, environmentKey(Buffer.alloc(32, 7)), randomBytes);
  const attempts = new Attempts(store, { guesses: 5, windowSeconds: 60, random: randomBytes });
  return { store, audit: new Audit(store, vault), attempts, keys: createKeyStore(store, vault, randomBytes) };
}

const entry = (i) => ({
  event: 'answered',
  time: new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString(),
  boot_id: `boot-${i % 97}`,
  call_id: randomBytes(16).toString('hex'),
  tool: 'digest_compute',
  caller: 'bench',
  outcome: 'ok',
  duration_ms: 0.4,
});

async function fill({ store, audit }, entries) {
  for (let at = 0; at < entries; at += 10_000)
    await Promise.all(Array.from({ length: Math.min(10_000, entries - at) }, (_, i) => audit.append(entry(at + i))));
  const subjects = Math.min(entries, SUBJECTS);
  for (let at = 0; at < subjects; at += 500)
    await store.write((trx) =>
      trx
        .insertInto('attempts')
        .values(
          Array.from({ length: Math.min(500, subjects - at) }, () => ({
            subject: randomBytes(32).toString('base64url'),
            charges: '[]',
            consecutive_failures: 1,
            blocked_until: 0,
            updated_at: Date.now(),
          })),
        )
        .execute(),
    );
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'security-mcp-bench-'));
  const rooms = [];
  try {
    const sizes = [];
    let verifying = '';
    for (const entries of ENTRIES) {
      const home = join(folder, String(entries));
      const room = await roomAt(home);
      rooms.push(room);
      await fill(room, entries);
      if (entries === ENTRIES.at(-1)) {
        globalThis.gc?.();
        const before = process.memoryUsage().rss;
        const started = performance.now();
        const { intact, entries: verified } = await room.audit.verify();
        if (!intact || verified !== entries) throw new Error('the chain does not verify');
        const seconds = ((performance.now() - started) / 1000).toFixed(1);
        const grown = Math.max(0, (process.memoryUsage().rss - before) / 1_048_576).toFixed(0);
        verifying = `${entries.toLocaleString('en')} entries verified in ${seconds} s, resident memory grew by ${grown} MiB`;
      }
      sizes.push((statSync(join(home, 'security-mcp.db')).size / 1_048_576).toFixed(0));
    }
    const { signal } = new AbortController();
    const measured = {};
    for (const [name, work] of Object.entries({
      'append an audit entry': ({ audit }) => audit.append(entry(0)),
      'charge and refund a guess': async ({ attempts }) => (await attempts.charge('bench', signal)).refund(),
      'the last 20 entries of a session': ({ audit }) => audit.query({ limit: 20, session: 'boot-1' }),
    })) {
      const contestants = Object.fromEntries(rooms.map((room, i) => [String(i), perCallUs(CALLS, () => work(room))]));
      await interleave(2, contestants);
      const found = await interleave(ROUNDS, contestants);
      measured[name] = rooms.map((_, i) => median(found[String(i)]));
    }
    const rows = Object.entries(measured).flatMap(([name, [small, middle, large]]) => [
      row({ what: `${name}, 100,000 entries`, ours: middle, reference: small, unit: 'us', against: '1,000 entries' }),
      row({ what: `${name}, 1,000,000 entries`, ours: large, reference: small, unit: 'us', against: '1,000 entries' }),
    ]);
    return { note: `files of ${sizes.join(', ')} MiB; ${verifying}`, rows };
  } finally {
    await Promise.all(rooms.map(({ store }) => store.close()));
    rmSync(folder, { recursive: true, force: true });
  }
}
