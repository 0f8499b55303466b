/** Every task of an agent, on the built server over stdio: names, errors and hints suffice to come to the outcome. */

import { afterAll, describe, expect, it } from 'vitest';

import { play } from './agent.js';
import { auditAndKeys } from './audit-and-keys.js';
import { certificates } from './certificates.js';
import { envelopes } from './envelopes.js';
import { Host, newFolder, type ClientKind } from './host.js';
import { passwords } from './passwords.js';
import { secretsAndFiles } from './secrets-and-files.js';
import { unfounded } from './mending.js';
import type { Call, Theme } from './task.js';
import { tokens } from './tokens.js';

const themes: readonly Theme[] = [passwords, tokens, envelopes, secretsAndFiles, certificates, auditAndKeys];
const tasks = themes.flatMap((theme) => theme.tasks);

/** One server of each client for all tasks without settings of their own, and the folder that it may use. */
const shared = new Map<ClientKind, Promise<[Host, string]>>();

async function start(client: ClientKind): Promise<[Host, string]> {
  const files = newFolder();
  const host = new Host(client);
  await host.start({ SECURITY_MCP_FILES: files });
  return [host, files];
}

function sharedHost(client: ClientKind): Promise<[Host, string]> {
  const host = shared.get(client) ?? start(client);
  shared.set(client, host);
  return host;
}

afterAll(async () => {
  for (const [host] of await Promise.all(shared.values())) await host.end();
});

describe.each(themes)('$name', ({ client = 'modern', tasks: own }) => {
  it.each(own)('$asks', (task) => play(task, client, () => sharedHost(client)));
});

describe('the rule of mending', () => {
  const mending = {
    before: { a: 1 },
    told: 'b must be text, such as deep. Set c to true.',
    heard: 'of 1,800',
    fields: ['a'],
  };
  it.each([
    ['a field that the error does not name', { a: 1, d: 'deep' }, { unnamed: ['d'], invented: [] }],
    ['a field that is left out without a word', {}, { unnamed: ['a'], invented: [] }],
    ['a value from nowhere', { a: 1, b: 'wide' }, { unnamed: [], invented: ['b'] }],
    ['a number from nowhere', { a: 1, b: 180 }, { unnamed: [], invented: ['b'] }],
    ['a truth value that is not the one', { a: 1, c: false }, { unnamed: [], invented: ['c'] }],
    ['nothing in what was said', { a: 1, b: 'deep', c: [true, 1_800] }, { unnamed: [], invented: [] }],
  ])('notices %s', (_what, after, faults) => expect(unfounded({ ...mending, after })).toEqual(faults));

  it('passes over a field that the tool does not have', () =>
    expect(unfounded({ ...mending, before: { a: 1, page: 2 }, after: { a: 1 } }).unnamed).toEqual([]));
});

describe('all of them', () => {
  const calls = (from: readonly Call[]): Call[] =>
    from.flatMap((call) => [call, ...calls((call.mends ?? []).flatMap(({ first = [] }) => first))]);

  it('are at least 25, each another, and at least 15 begin with a mistake', () => {
    expect(new Set(tasks.map(({ asks }) => asks)).size).toBe(tasks.length);
    expect(tasks.length).toBeGreaterThanOrEqual(25);
    const mistaken = tasks.filter((task) => task.calls.some(({ mends = [] }) => mends.length > 0));
    expect(mistaken.length).toBeGreaterThanOrEqual(15);
  });

  it('use every tool of the list', async () => {
    const [{ tools }] = await sharedHost('modern');
    const listed = [...tools.keys()];
    const used = new Set(tasks.flatMap((task) => calls(task.calls)).map(({ tool }) => tool));
    expect(listed).toHaveLength(24);
    expect([...used].toSorted()).toEqual(listed.toSorted());
  });
});
