/** Many calls: a database that restarts under them loses nothing that was answered, and ten thousand in a row leave memory and handles as they were. */

import { readdirSync, readFileSync } from 'node:fs';

import { afterEach, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/crypto/random.js';
import { Audit } from '../../src/storage/audit.js';
import { environmentKey } from '../../src/storage/key-file.js';
import { createVault } from '../../src/storage/master-key.js';
import { newHome } from '../support/home.js';
import { MIB } from '../support/memory.js';
import { postgresMissing } from '../support/postgres.js';
import { RawServer } from '../support/server.js';
import { open, postgres } from '../support/stores.js';

const MASTER_KEY = Buffer.alloc(32, 7);
const CALLS = process.env['MODE'] === 'slow' ? 10_000 : 2_000;
const AT_ONCE = 100;

const servers: RawServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.child.kill('SIGKILL');
});

async function start(env: Record<string, string>): Promise<RawServer> {
  const server = new RawServer({ SECURITY_MCP_CALLS_PER_MINUTE: '100000/100000', ...env });
  servers.push(server);
  await server.initialize();
  return server;
}

interface Told {
  token?: string;
  digest?: string;
  error?: { code: string; hint: string };
}

async function ask(server: RawServer, id: string, tool: string, input: unknown): Promise<Told> {
  const { content } = await server.call(id, tool, input);
  return JSON.parse((content as { text: string }[])[0]?.text ?? '') as Told;
}

describe.skipIf(postgresMissing)('PostgreSQL that restarts under load', () => {
  it.each(['SIGINT', 'SIGQUIT'] as const)(
    '(%s) fails calls in our words, keeps an entry of each that was answered, and serves them all again',
    { timeout: 120_000 },
    async (signal) => {
      const database = await postgres();
      const databaseUrl = await database.newDatabase();
      const env = { SECURITY_MCP_DATABASE_URL: databaseUrl, SECURITY_MCP_MASTER_KEY: MASTER_KEY.toString('base64url') };
      const two = await Promise.all([start(env), start(env)]);
      let next = 0;
      const tokens: string[] = [];
      const codes = new Set<string>();
      let answered = 0;
      const one = async (server: RawServer): Promise<boolean> => {
        const { token, error } = await ask(server, `sign-${++next}`, 'jwt_sign', { subject: 'a' });
        if (token !== undefined) answered = tokens.push(token);
        else if (error !== undefined) {
          codes.add(error.code);
          expect(error.hint).toMatch(/\.$/);
        }
        return token !== undefined;
      };
      const state = { isDown: true };
      // Calls without a pause while it is down, and after until one is answered.
      const lane = async (server: RawServer): Promise<void> => {
        while (!(await one(server)) || state.isDown);
      };
      const [first] = two;
      await Promise.all(two.map(one));
      const load = Promise.all(two.flatMap((server) => [lane(server), lane(server), lane(server)]));
      await database.stop(signal);
      await one(first);
      await database.restart();
      state.isDown = false;
      await load;

      for (const code of codes) expect(['storage_unavailable', 'audit_unavailable']).toContain(code);
      expect(codes.size).toBeGreaterThan(0);
      const store = open({ databaseUrl });
      const audit = new Audit(store, createVault(store, environmentKey(MASTER_KEY), systemRandom));
      expect(await audit.verify()).toMatchObject({ intact: true });
      const entries = await audit.query({ limit: 100_000, tool: 'jwt_sign', outcome: 'ok' });
      expect(entries.length).toBeGreaterThanOrEqual(answered);
      for (const [i, token] of [tokens[0], tokens.at(-1)].entries())
        for (const server of two)
          expect(await ask(server, `verify-${i}`, 'jwt_verify', { token })).toMatchObject({ valid: true });
    },
  );
});

describe.skipIf(process.platform !== 'linux')(`${CALLS} calls in a row`, () => {
  /** Resident memory in bytes, and what the process has open. */
  const measure = ({ child: { pid = 0 } }: RawServer): { bytes: number; handles: number; threads: number } => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const number = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
    return {
      bytes: number('VmRSS') * 1_024,
      handles: readdirSync(`/proc/${pid}/fd`).length,
      threads: number('Threads'),
    };
  };

  it('leave memory, descriptors and threads as they were', { timeout: 600_000 }, async () => {
    const server = await start({ SECURITY_MCP_HOME: newHome() });
    const seen = { lines: 0, wake: (): void => undefined };
    server.child.stdout.on('data', (text: string) => {
      seen.lines += text.split('\n').length - 1;
      // What was counted is not kept here either.
      server.stdout = '';
      seen.wake();
    });
    const KINDS = [
      ['digest_compute', { algorithm: 'sha256', text: 'x' }],
      ['jwt_sign', { subject: 'a' }],
      ['envelope_seal', { plaintext: 'x' }],
      ['jwt_verify', { token: 'x.y.z' }],
      ['inspect', { path: '/nowhere' }],
      ['digest_compute', { unknown: 'x' }],
    ] as const;
    const run = async (count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent += AT_ONCE) {
        const until = seen.lines + AT_ONCE;
        for (let i = 0; i < AT_ONCE; i++) {
          const [name, input] = KINDS[(sent + i) % KINDS.length] ?? KINDS[0];
          server.write({
            jsonrpc: '2.0',
            id: `${sent}-${i}`,
            method: 'tools/call',
            params: { name, arguments: input },
          });
        }
        while (seen.lines < until) await new Promise<void>((resolve) => (seen.wake = resolve));
      }
    };
    await run(CALLS / 2);
    const before = measure(server);
    await run(CALLS);
    const after = measure(server);
    expect([after.handles, after.threads]).toEqual([before.handles, before.threads]);
    expect((after.bytes - before.bytes) / MIB).toBeLessThan(48);
    expect(await server.end()).toEqual({ code: 0, signal: null });
    expect(server.stderr).not.toContain('"level":"error"');
  });
});
