/** A home with something in it, as a template for runs that fail; and what must hold of every copy after its run. */

import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'vitest';

import { ERROR_CODES } from '../../src/crypto/errors.js';
import { createKeyRing } from '../../src/crypto/keyring.js';
import { systemRandom } from '../../src/crypto/random.js';
import { Audit } from '../../src/storage/audit.js';
import { Home } from '../../src/storage/home.js';
import { fileKey } from '../../src/storage/key-file.js';
import { createKeyStore } from '../../src/storage/keys.js';
import { createVault } from '../../src/storage/master-key.js';
import { tryEverything } from '../../src/storage/snapshot.js';
import { lazyStore } from '../../src/storage/store.js';
import { newHome, USER } from './home.js';
import { answered, bench } from './pipeline.js';
import { run, type Ended } from './strace.js';

const ENVIRONMENT_FILE = 'OTHER=1\nDB_PASSWORD=old-value\n';
const PLAINTEXT = 'what was sealed before';

/** A folder with the home of a store, and one that files may be written to. */
export interface Place {
  home: string;
  files: string;
  env: Record<string, string>;
}

export interface Template extends Place {
  /** The token, the envelope and the delivered secret that were made before the fault. */
  token: string;
  envelope: string;
  entries: number;
}

function placeAt(folder: string): Place {
  const [home, files] = [join(folder, 'home'), join(folder, 'files')];
  return { home, files, env: { SECURITY_MCP_HOME: home, SECURITY_MCP_FILES: files } };
}

/** Nothing is in it but an empty folder for files. */
export function emptyPlace(): Place {
  const place = placeAt(newHome());
  mkdirSync(place.files, { recursive: true });
  return place;
}

export async function call(place: Place, tool: string, input: unknown): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await run(
    process.execPath,
    ['dist/main.js', 'call', tool, JSON.stringify(input)],
    place.env,
  );
  expect(code, `${tool}: ${stdout}${stderr}`).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** A store that has signed, sealed, kept a secret and delivered it. */
export async function template(): Promise<Template> {
  const place = emptyPlace();
  const { token } = await call(place, 'jwt_sign', { subject: 'alice', ttl_seconds: 3_600 });
  const { envelope } = await call(place, 'envelope_seal', { plaintext: PLAINTEXT });
  await call(place, 'secret_generate', { kind: 'token', save_as: 'db' });
  cpSync('tests/support/faulty.ts', join(place.files, 'plain'));
  await run('sh', ['-c', 'umask 077; printf "%s" "$TEXT" > "$FILE"'], {
    TEXT: ENVIRONMENT_FILE,
    FILE: join(place.files, '.env'),
  });
  return { ...place, token: String(token), envelope: String(envelope), entries: await check(place) };
}

export function copyOf({ home }: Place): Place {
  const folder = newHome();
  cpSync(join(home, '..'), folder, { recursive: true, mode: 0 });
  return placeAt(folder);
}

/** The store opens, its audit is one whole chain, every key and secret opens. Gives the number of entries. */
export async function check({ home }: Place, before?: Template): Promise<number> {
  const store = lazyStore({ home, owner: USER });
  try {
    const vault = createVault(
      store,
      fileKey(() => new Home(home, USER)),
      systemRandom,
    );
    await tryEverything(store, vault);
    const { intact, entries } = await new Audit(store, vault).verify();
    expect(intact).toBe(true);
    if (before !== undefined) {
      expect(entries).toBeGreaterThanOrEqual(before.entries);
      const ring = createKeyRing({ store: createKeyStore(store, vault, systemRandom) });
      const tools = bench({}, [], undefined, ring);
      expect(answered(await tools.call('jwt_verify', { token: before.token }))).toMatchObject({ valid: true });
      const opened = answered(await tools.call('envelope_open', { envelope: before.envelope }));
      expect(opened['plaintext']).toBe(PLAINTEXT);
    }
    return entries;
  } finally {
    await store.close();
  }
}

/** Which keys the ring has, by their ids. */
export async function keysOf(place: Place): Promise<string[]> {
  const { keys } = await call(place, 'key_list', {});
  return (keys as { name: string; versions: { version: number }[] }[]).flatMap(({ name, versions }) =>
    versions.map(({ version }) => `${name}.${version}`),
  );
}

/** Only files with a meaning are in the home; a kill leaves a draft at times. */
export function checkHome({ home }: Place, mayLeave: boolean): void {
  const known = /^(?:master\.key|security-mcp\.db(?:-wal|-shm|-journal)?)$/;
  const foreign = readdirSync(home).filter((name) => !known.test(name));
  expect(foreign.filter((name) => !mayLeave || !name.startsWith('master.key.draft-'))).toEqual([]);
}

/** What is in the folder, by name; drafts, which a kill leaves, apart. */
export function filesOf({ files }: Place): { named: Map<string, string>; drafts: string[] } {
  const names = readdirSync(files);
  const isDraft = (name: string): boolean => /^\.security-mcp-[0-9a-f-]{36}\.part$/.test(name);
  return {
    named: new Map(
      names.filter((name) => !isDraft(name)).map((name) => [name, readFileSync(join(files, name), 'latin1')]),
    ),
    drafts: names.filter(isDraft),
  };
}

/** Whether it said that it was done. A process may be killed after that. */
export function saidDone({ code, stdout }: Ended): boolean {
  return code === 0 || (code === null && stdout !== '' && !stdout.startsWith('{"error"'));
}

/** A refusal is one of ours, with the next step; and nothing of a path, a key or a secret is anywhere in what was said. */
export function checkTold(ended: Ended, place: Place, secrets: readonly string[]): void {
  const { code, stdout, stderr } = ended;
  for (const secret of [place.home, 'old-value', PLAINTEXT, ...secrets]) {
    expect(stderr).not.toContain(secret);
    if (!saidDone(ended)) expect(stdout).not.toContain(secret);
  }
  expect(stderr).not.toMatch(/unforeseen|\n +at /);
  if (code === 0 || code === null) return;
  expect(code).toBe(1);
  if (stdout.startsWith('{')) {
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; hint: string } };
    expect(ERROR_CODES).toContain(error.code);
    expect(error.code).not.toBe('internal');
    expect(error.hint).toMatch(/\.$/);
  } else expect(`${stdout}${stderr}`).toMatch(/^security-mcp: [A-Z].*\. .*\.\n$/m);
}
