/** Backup, restore, rotation of the master key and copy, as built: what was signed before verifies after, what is wrong changes nothing. */

import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { auditIn } from './support/audit.js';
import { newHome } from './support/home.js';
import { postgresMissing, PostgresServer } from './support/postgres.js';
import { RawServer } from './support/server.js';

const PASSPHRASE = 'nine violet badgers whistle';

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}
type Env = Record<string, string>;

function run(env: Env, args: string[], input = ''): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['dist/main.js', ...args],
      { env: { ...process.env, ...env } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}
const done = async (env: Env, args: string[], input = ''): Promise<string> => {
  const { code, stdout, stderr } = await run(env, args, input);
  if (code !== 0) throw new Error(`exit ${code}: ${stdout}${stderr}`);
  return stdout;
};
const call = async (env: Env, tool: string, input: unknown): Promise<Record<string, unknown>> =>
  JSON.parse((await run(env, ['call', tool, '-'], JSON.stringify(input))).stdout) as Record<string, unknown>;
const at = (home: string): Env => ({ SECURITY_MCP_HOME: home });

/** A home in use, with a token and an envelope of its keys. */
async function used(): Promise<{ home: string; token: unknown; envelope: unknown }> {
  const home = newHome();
  const { token } = await call(at(home), 'jwt_sign', { subject: 'alice' });
  const { envelope } = await call(at(home), 'envelope_seal', { plaintext: 'a note' });
  return { home, token, envelope };
}
async function expectSame(env: Env, { token, envelope }: { token: unknown; envelope: unknown }): Promise<void> {
  expect(await call(env, 'jwt_verify', { token })).toMatchObject({ valid: true });
  expect(await call(env, 'envelope_open', { envelope })).toMatchObject({ plaintext: 'a note' });
}

describe('a backup under a passphrase', () => {
  let made: Awaited<ReturnType<typeof used>>;
  let file: string;
  beforeAll(async () => {
    made = await used();
    file = join(made.home, 'backup.age');
    const said = await done(at(made.home), ['backup', file], `${PASSPHRASE}\n`);
    expect(said).toMatch(
      /^Backed up \d+ rows, and tried: read back, \d+ audit entries verified, every key opened\.\n$/,
    );
  });

  it('is one file for its owner alone, in the age format, and leaves nothing beside it', async () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'latin1')).toMatch(/^age-encryption\.org\/v1\n-> scrypt \S+ 16\n/);
    expect(readdirSync(made.home).filter((name) => name.includes('backup'))).toEqual(['backup.age']);
    const decrypter = new Decrypter();
    decrypter.addPassphrase(PASSPHRASE);
    const text = await decrypter.decrypt(readFileSync(file), 'text');
    expect(text).toContain('"format":"security-mcp-backup-1"');
  });

  it('restores into a new home: what was signed and sealed before verifies and opens, and the chain goes on', async () => {
    const home = newHome();
    expect(await done(at(home), ['restore', file], `${PASSPHRASE}\n`)).toMatch(
      /^Restored \d+ rows of .*; every key opens/,
    );
    await expectSame(at(home), made);
    expect(statSync(join(home, 'master.key')).mode & 0o777).toBe(0o600);
    await auditIn(home);
  });

  it('is not restored over anything, nor written over a file', async () => {
    const other = await used();
    const before = readFileSync(join(other.home, 'master.key'));
    expect(await run(at(other.home), ['restore', file], `${PASSPHRASE}\n`)).toMatchObject({ code: 1 });
    expect(readFileSync(join(other.home, 'master.key'))).toEqual(before);
    await expectSame(at(other.home), other);
    const whole = readFileSync(file);
    expect((await run(at(made.home), ['backup', file], PASSPHRASE)).stderr).toMatch(/There is a file of that name/);
    expect(readFileSync(file)).toEqual(whole);
  });

  const DAMAGED: [string, (whole: Buffer) => Buffer, string][] = [
    ['another passphrase', (whole) => whole, 'seven other words here'],
    ['a flipped bit', (whole) => ((whole[whole.length - 40]! ^= 1), whole), PASSPHRASE],
    ['a cut end', (whole) => whole.subarray(0, -20), PASSPHRASE],
    ['a cut header', (whole) => whole.subarray(0, 60), PASSPHRASE],
    ['no backup', () => Buffer.from('hello'), PASSPHRASE],
    [
      'a cost that nobody should pay',
      (whole) => Buffer.from(whole.toString('latin1').replace(/(scrypt \S+) 16/, '$1 24'), 'latin1'),
      PASSPHRASE,
    ],
  ];
  it.each(DAMAGED)('with %s is refused, and nothing is changed', async (_, damage, passphrase) => {
    const broken = join(newHome(), '..', `broken-${Math.random()}`);
    writeFileSync(broken, damage(Buffer.from(readFileSync(file))));
    const home = newHome();
    const { code, stderr } = await run(at(home), ['restore', broken], passphrase);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^security-mcp: The file could not be opened as a backup/);
    expect(stderr).not.toContain(home);
    expect(existsSync(join(home, 'master.key'))).toBe(false);
    expect(await call(at(home), 'key_list', {})).toEqual({ keys: [] });
  });

  it('whose lines are whole but too few is refused', async () => {
    const decrypter = new Decrypter();
    decrypter.addPassphrase(PASSPHRASE);
    const lines = (await decrypter.decrypt(readFileSync(file), 'text')).trimEnd().split('\n');
    for (const fewer of [lines.slice(0, -1), lines.toSpliced(3, 1), [...lines, lines[1]]]) {
      const encrypter = new Encrypter();
      encrypter.setScryptWorkFactor(10);
      encrypter.setPassphrase(PASSPHRASE);
      const broken = join(made.home, `fewer-${Math.random()}`);
      writeFileSync(broken, await encrypter.encrypt(`${fewer.join('\n')}\n`));
      expect(await run(at(newHome()), ['restore', broken], PASSPHRASE)).toMatchObject({ code: 1 });
    }
  });

  it('needs a passphrase that is no joke', async () => {
    const { code, stderr } = await run(at(made.home), ['backup', join(made.home, 'weak.age')], 'short\n');
    expect([code, stderr.includes('at least 12 characters')]).toEqual([1, true]);
    expect(existsSync(join(made.home, 'weak.age'))).toBe(false);
  });

  it('gives its master key into a new file of its owner, never over another', async () => {
    const out = join(newHome(), '..', `key-${Math.random()}`);
    await done(at(newHome()), ['restore', file, '--master-key-to', out], PASSPHRASE);
    expect(readFileSync(out, 'utf8')).toBe(readFileSync(join(made.home, 'master.key'), 'utf8'));
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(await run(at(newHome()), ['restore', file, '--master-key-to', out], PASSPHRASE)).toMatchObject({ code: 1 });
  });
});

it('a backup for a recipient is tried, and restored with the identity', async () => {
  const made = await used();
  const identity = await generateX25519Identity();
  const file = join(made.home, 'backup.age');
  const keyFile = join(made.home, 'identity.txt');
  writeFileSync(keyFile, `# created: today\n${identity}\n`);
  const recipient = await identityToRecipient(identity);
  expect(await done(at(made.home), ['backup', file, '--recipient', recipient])).toMatch(/and tried/);
  const home = newHome();
  await done(at(home), ['restore', file, '--identity', keyFile]);
  await expectSame(at(home), made);
  expect(await run(at(made.home), ['backup', `${file}2`, '--recipient', 'age1x'])).toMatchObject({ code: 1 });
  expect(existsSync(`${file}2`)).toBe(false);
});

it('a backup is one moment of a store that servers write to meanwhile', async () => {
  const { home } = await used();
  const server = new RawServer({ SECURITY_MCP_HOME: home, SECURITY_MCP_CALLS_PER_MINUTE: '60000/6000' });
  await server.initialize();
  const stop = new AbortController();
  let calls = 0;
  const writing = (async () => {
    while (!stop.signal.aborted) await server.call(++calls, 'digest_compute', { algorithm: 'sha256', text: 'abc' });
  })();
  const file = join(home, 'backup.age');
  await done(at(home), ['backup', file], PASSPHRASE);
  stop.abort();
  await writing;
  await server.end();
  expect(calls).toBeGreaterThan(10);
  const restored = newHome();
  await done(at(restored), ['restore', file], PASSPHRASE);
  const entries = await auditIn(restored);
  expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, i) => i + 1));
  expect(entries.length).toBeLessThan((await auditIn(home)).length);
});

describe('master-key rotate', () => {
  it('puts a new key into the home; running servers and new ones go on', async () => {
    const made = await used();
    const server = new RawServer({ SECURITY_MCP_HOME: made.home });
    await server.initialize();
    await server.call(1, 'jwt_verify', { token: made.token });
    const before = readFileSync(join(made.home, 'master.key'), 'utf8');
    expect(await done(at(made.home), ['master-key', 'rotate'])).toMatch(/^A new master key is in force, and 2 values/);
    expect(readFileSync(join(made.home, 'master.key'), 'utf8')).not.toBe(before);
    expect(JSON.stringify(await server.call(2, 'jwt_verify', { token: made.token }))).toContain('"valid":true');
    expect(JSON.stringify(await server.call(3, 'envelope_open', { envelope: made.envelope }))).toContain('a note');
    const { token } = (await server.call(4, 'jwt_sign', { subject: 'bob' }))['structuredContent'] as { token: string };
    await server.end();
    await expectSame(at(made.home), made);
    expect(await call(at(made.home), 'jwt_verify', { token })).toMatchObject({ valid: true });
    const entries = await auditIn(made.home);
    expect(entries.filter(({ tool }) => tool === 'master_key_rotate').map(({ event }) => event)).toEqual([
      'asked',
      'answered',
    ]);
  });

  it('of a key of the environment needs the new one there too', async () => {
    const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)].map((key) => key.toString('base64url'));
    const env = { SECURITY_MCP_HOME: newHome(), SECURITY_MCP_MASTER_KEY: first ?? '' };
    const { token } = await call(env, 'jwt_sign', { subject: 'alice' });
    expect((await run(env, ['master-key', 'rotate'])).stderr).toMatch(/SECURITY_MCP_NEW_MASTER_KEY_FILE/);
    expect((await run({ ...env, SECURITY_MCP_NEW_MASTER_KEY: first ?? '' }, ['master-key', 'rotate'])).code).toBe(1);
    await done({ ...env, SECURITY_MCP_NEW_MASTER_KEY: second ?? '' }, ['master-key', 'rotate']);
    expect(await call(env, 'jwt_verify', { token })).toMatchObject({ error: { code: 'audit_unavailable' } });
    const next = { ...env, SECURITY_MCP_MASTER_KEY: second ?? '' };
    expect(await call(next, 'jwt_verify', { token })).toMatchObject({ valid: true });
  });
});

describe.skipIf(postgresMissing)('storage copy', () => {
  let server: PostgresServer;
  beforeAll(async () => void (server = await PostgresServer.start()));
  afterAll(() => server.remove());

  it('takes a home to PostgreSQL and back; what was signed before verifies in each', async () => {
    const made = await used();
    const url = `${await server.newDatabase()}?sslmode=disable`;
    expect(await done({ ...at(made.home), SECURITY_MCP_COPY_TO_DATABASE_URL: url }, ['storage', 'copy'])).toMatch(
      /every key opens there/,
    );
    const shared = {
      SECURITY_MCP_HOME: newHome(),
      SECURITY_MCP_DATABASE_URL: url,
      SECURITY_MCP_MASTER_KEY_FILE: join(made.home, 'master.key'),
    };
    await expectSame(shared, made);
    expect(
      (await run({ ...at(made.home), SECURITY_MCP_COPY_TO_DATABASE_URL: url }, ['storage', 'copy'])).stderr,
    ).toMatch(/holds something already/);
    const back = newHome();
    await done(shared, ['storage', 'copy', '--to-home', back]);
    await expectSame(at(back), made);
    await auditIn(back);
    const file = join(made.home, 'of-postgres.age');
    await done(shared, ['backup', file], PASSPHRASE);
    const restored = newHome();
    await done(at(restored), ['restore', file], PASSPHRASE);
    await expectSame(at(restored), made);
    const again = `${await server.newDatabase()}?sslmode=disable`;
    const other = { ...shared, SECURITY_MCP_DATABASE_URL: again };
    const foreign = { ...other, SECURITY_MCP_MASTER_KEY_FILE: join((await used()).home, 'master.key') };
    expect((await run(foreign, ['restore', file], PASSPHRASE)).stderr).toMatch(/--master-key-to/);
    await done(other, ['restore', file], PASSPHRASE);
    await expectSame(other, made);
  });
});

it.each([
  ['backup'],
  ['backup', '--nonsense'],
  ['backup', 'a', 'b'],
  ['backup', 'a', '--recipient'],
  ['restore'],
  ['restore', 'a', '--overwrite'],
  ['master-key'],
  ['master-key', 'show'],
  ['storage', 'copy', 'x'],
])('wrong usage %j exits 2', async (...args) => {
  const { code, stderr } = await run(at(newHome()), args);
  expect([code, stderr.startsWith('security-mcp: usage')]).toEqual([2, true]);
});

it.skipIf(spawnSync('age', ['--version']).status !== 0)('opens with the age command', async () => {
  const made = await used();
  const identity = await generateX25519Identity();
  const keyFile = join(made.home, 'identity.txt');
  writeFileSync(keyFile, `${identity}\n`);
  const file = join(made.home, 'backup.age');
  await done(at(made.home), ['backup', file, '--recipient', await identityToRecipient(identity)]);
  const { stdout } = spawnSync('age', ['-d', '-i', keyFile, file], { encoding: 'utf8' });
  expect(stdout).toContain('"format":"security-mcp-backup-1"');
});
