/** What must hold when all is over: the chain verifies, and every answer that came has its entry, no other. */

import { randomBytes } from 'node:crypto';

import { Audit } from '../../build/storage/audit.js';
import { Home } from '../../build/storage/home.js';
import { environmentKey, fileKey } from '../../build/storage/key-file.js';
import { createVault } from '../../build/storage/master-key.js';
import { tryEverything } from '../../build/storage/snapshot.js';
import { lazyStore } from '../../build/storage/store.js';
import { MASTER_KEY } from './fleet.mjs';

const PAGE = 5_000;
const OTHER = new Set(['failed', 'cancelled']);

export async function judge(place, fleet, work) {
  const owner = process.geteuid?.();
  const store = lazyStore({ ...place, owner });
  const key = place.databaseUrl === undefined ? fileKey(() => new Home(place.home, owner)) : environmentKey(MASTER_KEY);
  const vault = createVault(store, key, randomBytes);
  const problems = [...work.problems];
  const audit = new Audit(store, vault);
  const sum = (map, test) => [...map].reduce((total, [key, count]) => total + (test(key) ? count : 0), 0);
  const totals = { answered: 0, lost: 0, unavailable: 0 };
  try {
    const { intact, entries } = await audit.verify();
    if (!intact) problems.push('audit: the chain is broken');
    await tryEverything(store, vault);

    const audited = new Map();
    for (let before; ;) {
      const page = await audit.query({ limit: PAGE, ...(before === undefined ? {} : { before }) });
      for (const { event, caller, tool, outcome } of page)
        if (event === 'answered') {
          const name = `${caller} ${tool} ${OTHER.has(outcome) ? 'unknown' : outcome}`;
          audited.set(name, (audited.get(name) ?? 0) + 1);
        }
      before = page.at(-1)?.sequence;
      if (page.length < PAGE) break;
    }
    for (const [client, { answered, unknown }] of fleet.clients) {
      totals.answered += sum(answered, () => true);
      totals.lost += sum(unknown, (key) => key.endsWith(' lost'));
      totals.unavailable += sum(unknown, (key) => key.endsWith(' unavailable'));
      const tools = new Set([...answered.keys(), ...unknown.keys()].map((key) => key.split(' ')[0]));
      for (const tool of tools) {
        // An answer that was lost on the way may have its entry, and need not.
        const open = sum(unknown, (key) => key.startsWith(`${tool} `));
        let more = 0;
        for (const outcome of ['ok', 'refused']) {
          const told = answered.get(`${tool} ${outcome}`) ?? 0;
          const kept = audited.get(`${client} ${tool} ${outcome}`) ?? 0;
          if (kept < told)
            problems.push(`audit: ${client} answered ${tool} (${outcome}) ${told} times, ${kept} entries`);
          more += kept - told;
        }
        if (more > open) problems.push(`audit: ${client} has ${more - open} entries of ${tool} that nobody asked for`);
      }
    }
    const { killed, ended } = fleet;
    const { rotations, guesses, compared } = work;
    return { ...totals, killed, ended, rotations, guesses, compared, entries, problems };
  } finally {
    await store.close();
  }
}
