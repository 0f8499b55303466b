/** No descriptors, no room, nothing writable: every call is refused in our words, nothing half-written gets a name, and it works again after. */

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { call, check, checkTold, copyOf, filesOf, template, type Place, type Template } from '../support/faulty.js';
import { newHome, USER } from '../support/home.js';
import { RawServer } from '../support/server.js';
import { run, runFaulty, straceMissing } from '../support/strace.js';

const LINUX = process.platform === 'linux';
const canLimit = LINUX && spawnSync('prlimit', ['--version']).status === 0;

let before: Template;
const mounted: string[] = [];
const servers: RawServer[] = [];
beforeAll(async () => {
  before = await template();
});
afterEach(() => {
  for (const server of servers.splice(0)) server.child.kill('SIGKILL');
});
afterAll(() => {
  for (const folder of mounted) execFileSync('umount', ['-l', folder]);
});

async function serve(place: Place): Promise<RawServer> {
  const server = new RawServer(place.env);
  servers.push(server);
  await server.initialize();
  return server;
}

interface Refused {
  code: string;
  hint: string;
}

let calls = 0;
async function ask(server: RawServer, tool: string, input: unknown): Promise<Record<string, unknown>> {
  const { content } = await server.call(`call-${++calls}`, tool, input);
  return JSON.parse((content as { text: string }[])[0]?.text ?? '') as Record<string, unknown>;
}

async function refusal(server: RawServer, tool: string, input: unknown): Promise<Refused> {
  const { error } = await ask(server, tool, input);
  expect(error, tool).toMatchObject({
    code: expect.any(String) as string,
    hint: expect.stringMatching(/\.$/) as string,
  });
  expect(JSON.stringify(error)).not.toContain('home-');
  return error as Refused;
}

/** A small disk of its own, or null where none can be mounted. */
function mountDisk(size: string): string | null {
  if (!LINUX || USER !== 0) return null;
  const folder = newHome();
  mkdirSync(folder, { mode: 0o700 });
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', folder]).status !== 0) return null;
  mounted.push(folder);
  return folder;
}

describe.skipIf(!canLimit)('a server that may open no more files', () => {
  const DIGEST = { algorithm: 'sha256', text: 'x' };
  const limit = (server: RawServer, most: number): void =>
    void execFileSync('prlimit', ['--pid', String(server.child.pid), `--nofile=${most}:4096`]);

  it('from its first call on says so, lists its tools, and ends in order', async () => {
    const place = copyOf(before);
    const server = await serve(place);
    limit(server, 10);
    expect((await refusal(server, 'digest_compute', DIGEST)).code).toBe('engine_unavailable');
    expect((await server.request('list', 'tools/list')).result).toHaveProperty('tools');
    expect(server.stderr).not.toContain(place.home);
    expect(await server.end()).toEqual({ code: 0, signal: null });
    await check(place, before);
  });

  it('in the middle refuses what needs a file, goes on with the rest, and does all again when it may', async () => {
    const place = copyOf(before);
    const server = await serve(place);
    const encrypt = { path: join(place.files, 'plain'), key: 'file', overwrite: true };
    const once = await ask(server, 'file_encrypt', encrypt);
    expect(once).toHaveProperty('output_bytes');
    const whole = filesOf(place);
    limit(server, 10);
    for (const [tool, input] of [
      ['file_encrypt', encrypt],
      ['digest_compute', { algorithm: 'sha256', path: join(place.files, 'plain') }],
      ['secret_deliver', { reference: 'secret://db', to: 'file', path: join(place.files, 'new') }],
    ] as const)
      expect((await refusal(server, tool, input)).code).toBe('path_refused');
    expect(filesOf(place)).toEqual(whole);
    expect(await ask(server, 'digest_compute', DIGEST)).toHaveProperty('digest');
    limit(server, 4_096);
    expect(await ask(server, 'file_encrypt', encrypt)).toEqual(once);
    await server.end();
    await check(place, before);
  });
});

describe.skipIf(straceMissing)('a command that may open no more files', () => {
  it.each(['master.key', 'security-mcp.db', 'security-mcp.db-wal', 'security-mcp.db-shm', ''])(
    'at %j is refused in our words, and leaves what was there',
    async (name) => {
      const place = copyOf(before);
      const fault = { call: 'openat', how: 'EMFILE', when: '1+', paths: [join(place.home, name)] } as const;
      for (const args of [
        ['call', 'key_rotate', '{"name":"jwt"}'],
        ['master-key', 'rotate'],
      ])
        checkTold(await runFaulty(args, place.env, fault), place, [before.token]);
      expect(await check(place, before)).toBeGreaterThanOrEqual(before.entries);
    },
  );
});

describe('a home that', () => {
  const disk = mountDisk('20m');

  it.skipIf(disk === null)(
    'is read-only is told by calls and by doctor, and serves again once it is writable',
    async () => {
      const folder = disk ?? '';
      const made = copyOf(before);
      for (const name of readdirSync(join(made.home, '..')))
        cpSync(join(made.home, '..', name), join(folder, name), { recursive: true });
      const place = {
        ...made,
        home: join(folder, 'home'),
        env: { ...made.env, SECURITY_MCP_HOME: join(folder, 'home') },
      };
      execFileSync('mount', ['-o', 'remount,ro', folder]);
      const server = await serve(place);
      for (const [tool, input] of [
        ['jwt_sign', { subject: 'a' }],
        ['digest_compute', { algorithm: 'sha256', text: 'x' }],
        ['key_rotate', { name: 'jwt' }],
      ] as const) {
        const { code, hint } = await refusal(server, tool, input);
        expect(code).toBe('audit_unavailable');
        expect(hint).toMatch(/writ/);
      }
      const doctor = await run(process.execPath, ['dist/main.js', 'doctor', '--json'], place.env);
      expect(doctor.code).toBe(1);
      expect(doctor.stdout).toMatch(/"status":"fail","finding":"[^"]*(?:read-only|cannot be opened)/);
      execFileSync('mount', ['-o', 'remount,rw', folder]);
      // A failure to open is told again for a second: a new process does not know of it.
      expect(await call(place, 'jwt_sign', { subject: 'a' })).toMatchObject({ key_id: 'jwt.1' });
      await server.end();
      await check(place, before);
    },
  );

  it.skipIf(straceMissing)(
    'lets nothing be made in it is told on the first start, and holds nothing after',
    async () => {
      const home = newHome();
      mkdirSync(home, { mode: 0o700 });
      const place = { ...copyOf(before), home, env: { SECURITY_MCP_HOME: home } };
      const ended = await runFaulty(['call', 'jwt_sign', '{}'], place.env, {
        call: 'openat',
        how: 'EROFS',
        when: '1+',
        paths: [join(home, 'security-mcp.db'), join(home, 'master.key')],
      });
      checkTold(ended, place, []);
      expect(ended.stdout).toContain('read-only');
      expect(readdirSync(home)).toEqual([]);
      await call(place, 'jwt_sign', {});
    },
  );
});

describe('no room', () => {
  const disk = mountDisk('1m');

  it.skipIf(disk === null)('for a file leaves neither the file nor a draft, and the file that was there', async () => {
    const place = { ...copyOf(before), files: disk ?? '' };
    place.env = { ...place.env, SECURITY_MCP_FILES: place.files };
    const path = join(place.files, 'large');
    writeFileSync(path, Buffer.alloc(700_000, 1));
    writeFileSync(`${path}.age`, 'before', { mode: 0o600 });
    const whole = filesOf(place);
    const ended = await run(
      process.execPath,
      ['dist/main.js', 'call', 'file_encrypt', JSON.stringify({ path, key: 'file', overwrite: true })],
      place.env,
    );
    expect(JSON.parse(ended.stdout)).toMatchObject({
      error: { code: 'path_refused', message: expect.stringContaining('full') as string },
    });
    checkTold(ended, place, []);
    expect(filesOf(place)).toEqual(whole);
  });

  it.skipIf(!LINUX)(
    'for files over a size, wherever a write meets it, leaves the old state or the new one',
    async () => {
      const path = (place: Place): string => join(place.files, 'large');
      for (const blocks of [1, 16, 64, 120, 300, 1_000]) {
        const place = copyOf(before);
        writeFileSync(path(place), Buffer.alloc(400_000, 1));
        const whole = filesOf(place);
        const input = JSON.stringify({ path: path(place), key: 'file' });
        const command = `ulimit -f ${blocks}; exec "$@"`;
        const ended = await run(
          'sh',
          ['-c', command, 'sh', process.execPath, 'dist/main.js', 'call', 'file_encrypt', input],
          place.env,
        );
        checkTold(ended, place, []);
        if (ended.code === 0) expect(filesOf(place).named.has('large.age')).toBe(true);
        else expect(filesOf(place)).toEqual(whole);
        await check(place, before);
      }
    },
  );
});
