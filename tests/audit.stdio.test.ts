/** The audit on the built server and its command line: what a session sees, what an operator does, and what is answered where it cannot be written. */

import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { auditIn } from './support/audit.js';
import { newHome, USER } from './support/home.js';
import { postgresMissing, PostgresServer } from './support/postgres.js';
import { RawServer } from './support/server.js';

const servers: RawServer[] = [];
async function start(env: Record<string, string> = {}): Promise<RawServer> {
  const server = new RawServer(env);
  servers.push(server);
  await server.initialize();
  return server;
}
afterEach(() => {
  for (const server of servers.splice(0)) server.child.kill('SIGKILL');
});

interface Entry {
  sequence: number;
  tool: string;
  event: string;
  outcome?: string;
}
/** What any of the calls answers; which of it is there depends on the call. */
interface Told {
  digest?: string;
  error?: Record<string, unknown>;
  entries: Entry[];
  next_before?: number;
  verification: { intact: boolean; entries: number; head: string };
}

let calls = 0;
/** The answer, or the error, as JSON. */
async function call(server: RawServer, name: string, input: unknown): Promise<Told> {
  const result = await server.call(++calls, name, input);
  const [block] = result['content'] as { text: string }[];
  return JSON.parse(block?.text ?? '') as Told;
}
const digest = (server: RawServer): Promise<Told> =>
  call(server, 'digest_compute', { algorithm: 'sha256', text: 'abc' });

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}
function audit(home: string, ...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['dist/main.js', 'audit', ...args],
      { env: { ...process.env, SECURITY_MCP_HOME: home } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

describe('audit_query', () => {
  it('shows the entries of its own session, newest first, in pages, and the proof of all', async () => {
    const home = newHome();
    const other = await start({ SECURITY_MCP_HOME: home });
    await digest(other);
    const server = await start({ SECURITY_MCP_HOME: home });
    for (let i = 0; i < 3; i++) await digest(server);
    await call(server, 'jwt_sign', { subject: 'alice' });
    await call(server, 'digest_compute', { algorithm: 'none' });
    const first = await call(server, 'audit_query', { limit: 4 });
    expect(first.entries.map((entry) => [entry.tool, entry.event, entry.outcome])).toEqual([
      ['digest_compute', 'answered', 'refused'],
      ['jwt_sign', 'answered', 'ok'],
      ['jwt_sign', 'asked', undefined],
      ['digest_compute', 'answered', 'ok'],
    ]);
    const rest = await call(server, 'audit_query', { limit: 4, before: first.next_before });
    expect(rest.entries.map(({ sequence }) => sequence)).toEqual([3, 2]);
    expect(rest).not.toHaveProperty('next_before');
    const refused = await call(server, 'audit_query', { outcome: 'refused' });
    expect(refused.entries).toHaveLength(1);
    expect(JSON.stringify(first) + JSON.stringify(rest)).not.toContain('boot_id');

    const { verification } = await call(server, 'audit_query', { verify: true, limit: 1 });
    expect(verification).toMatchObject({ intact: true });
    expect(verification.entries).toBeGreaterThanOrEqual(10);
    const again = await call(server, 'audit_query', { verify: true, checkpoint: verification.head });
    expect(again.verification.intact).toBe(true);
    const forged = await call(server, 'audit_query', { verify: true, checkpoint: `${verification.head}x` });
    expect(forged.error).toMatchObject({ code: 'input_invalid' });
  });
});

describe('security-mcp audit', () => {
  it('lists, verifies, seals, exports and drops; what changes it is audited', async () => {
    const home = newHome();
    const server = await start({ SECURITY_MCP_HOME: home });
    for (let i = 0; i < 5; i++) await digest(server);
    await server.end();
    const checkpoint = await audit(home, 'checkpoint');
    const file = join(home, 'checkpoint.txt');
    writeFileSync(file, checkpoint.stdout);
    expect((await audit(home, 'list', '--tool', 'digest_compute', '--limit', '2')).stdout.split('\n')).toHaveLength(3);
    expect(await audit(home, 'verify', '--checkpoint', file)).toMatchObject({ code: 0 });

    expect((await audit(home, 'seal')).code).toBe(0);
    const exported = await audit(home, 'export', '--segment', '1');
    expect(exported.stdout.trim().split('\n')).toHaveLength(6);
    expect(JSON.parse(exported.stdout.split('\n')[0] ?? '')).toMatchObject({ mac: expect.any(String) as string });
    expect((await audit(home, 'drop', '--segment', '1')).code).toBe(2);
    expect(await audit(home, 'drop', '--segment', '2', '--yes')).toMatchObject({ code: 1 });
    expect(JSON.parse((await audit(home, 'drop', '--before', '2100-01-01T00:00:00Z', '--yes')).stdout)).toEqual({
      dropped: [1],
    });
    expect(JSON.parse((await audit(home, 'segments')).stdout)).toMatchObject({
      segments: [{ state: 'dropped' }, { state: 'open' }],
    });
    const verified = JSON.parse((await audit(home, 'verify', '--checkpoint', file)).stdout) as { intact: boolean };
    expect(verified.intact).toBe(true);
    const tools = (await auditIn(home)).map(({ tool, event }) => `${String(tool)} ${String(event)}`);
    expect(tools).toEqual(expect.arrayContaining(['audit_seal answered', 'audit_drop asked', 'audit_drop answered']));
  });

  it.each([
    [],
    ['x'],
    ['list', '--limit', '0'],
    ['list', '--since', 'soon'],
    ['verify', '--tool', 'x'],
    ['drop', '--yes'],
  ])('wrong usage %j exits 2', async (...args) => {
    const { code, stdout, stderr } = await audit(newHome(), ...args);
    expect([code, stdout, stderr.startsWith('security-mcp: usage')]).toEqual([2, '', true]);
  });

  it('exits 1 where the chain is broken, and says where', async () => {
    const home = newHome();
    const server = await start({ SECURITY_MCP_HOME: home });
    for (let i = 0; i < 5; i++) await digest(server);
    await server.end();
    const { SqliteFacade } = await import('../src/storage/sqlite.js');
    const facade = new SqliteFacade(join(home, 'security-mcp.db'));
    facade.prepare(`delete from audit_entries where sequence = 3`).run([]);
    facade.close();
    const { code, stdout } = await audit(home, 'verify');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ intact: false, first_break: { sequence: 3, problem: 'missing' } });
  });
});

const mounted: string[] = [];
afterAll(() => {
  for (const folder of mounted) spawnSync('umount', ['-l', folder]);
});

/** A small disk of its own, or '' where none can be mounted. */
const disk = ((): string => {
  if (process.platform !== 'linux' || USER !== 0) return '';
  const folder = newHome();
  mkdirSync(folder, { mode: 0o700 });
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'tmpfs', folder]).status !== 0) return '';
  mounted.push(folder);
  return folder;
})();

describe('where the audit cannot be written', () => {
  it.skipIf(USER === undefined)('nothing is answered but the list, with what must be mended', async () => {
    const home = newHome();
    mkdirSync(home);
    chmodSync(home, 0o755);
    const server = await start({ SECURITY_MCP_HOME: home });
    expect(JSON.stringify(await server.request('list', 'tools/list'))).toContain('audit_query');
    const { error } = await digest(server);
    expect(error).toMatchObject({ code: 'audit_unavailable', hint: expect.stringContaining('chmod 700') as string });
    expect(JSON.stringify(error)).not.toContain(home);
    chmodSync(home, 0o700);
    expect(await digest(await start({ SECURITY_MCP_HOME: home }))).toHaveProperty('digest');
  });

  it.skipIf(disk === '')('a full disk is told, and with room again it goes on where it was', async () => {
    const server = await start({ SECURITY_MCP_HOME: disk, SECURITY_MCP_CALLS_PER_MINUTE: '60000/6000' });
    await digest(server);
    const ballast = join(disk, 'ballast');
    let kept = 1;
    try {
      for (let size = 1_900_000; size > 1_000; size = Math.floor(size * 0.7))
        try {
          writeFileSync(ballast, Buffer.alloc(size));
          break;
        } catch {
          // Less.
        }
      for (let size = 65_536; size >= 1; size = Math.floor(size / 2))
        try {
          for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
        } catch {
          // Less.
        }
      let error: Told['error'];
      for (; error === undefined && kept < 5_000; kept++) error = (await digest(server)).error;
      expect(error).toMatchObject({ code: 'audit_unavailable' });
      expect(error?.['message']).toContain('The disk of the store is full.');
    } finally {
      unlinkSync(ballast);
    }
    expect(await digest(server)).toHaveProperty('digest');
    await server.end();
    const entries = await auditIn(disk);
    expect(entries.length).toBeGreaterThanOrEqual(kept - 1);
  });

  it.skipIf(postgresMissing)(
    'a database that goes away fails calls within five seconds, and the chain has no gap after',
    async () => {
      const database = await PostgresServer.start();
      try {
        const url = await database.newDatabase();
        const env = {
          SECURITY_MCP_DATABASE_URL: `${url}?sslmode=disable`,
          SECURITY_MCP_MASTER_KEY: Buffer.alloc(32, 7).toString('base64url'),
        };
        const server = await start(env);
        expect(await digest(server)).toHaveProperty('digest');
        await database.stop('SIGQUIT');
        const before = performance.now();
        const { error } = await digest(server);
        expect(error).toMatchObject({ code: 'audit_unavailable' });
        expect(performance.now() - before).toBeLessThan(5_500);
        expect(JSON.stringify(await server.request('list', 'tools/list'))).toContain('audit_query');
        await database.restart();
        let answer: Partial<Told> = {};
        // The failure to open is told again for a second without trying.
        for (let tries = 0; tries < 2_000 && answer.digest === undefined; tries++) answer = await digest(server);
        expect(answer).toHaveProperty('digest');
        const { verification, entries } = await call(server, 'audit_query', { verify: true, limit: 200 });
        expect(verification.intact).toBe(true);
        const sequences = entries.map(({ sequence }) => sequence).toReversed();
        expect(sequences).toEqual(sequences.map((_, i) => (sequences[0] ?? 0) + i));
      } finally {
        await database.remove();
      }
    },
  );
});
