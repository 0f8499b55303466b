/** The limit on guessing of the built server: shared by processes, kept over restarts, freed by an operator only. */

import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';

import { afterEach, describe, expect, it } from 'vitest';

import { newHome, USER } from './support/home.js';
import { RawServer } from './support/server.js';
import { engines } from './support/stores.js';

/** crypt_blowfish wrapper.c: "U*U" under this salt at cost 5. */
const HASH = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
const MASTER_KEY = Buffer.alloc(32, 7).toString('base64url');

const servers: RawServer[] = [];
async function start(env: Record<string, string>): Promise<RawServer> {
  const server = new RawServer(env);
  servers.push(server);
  await server.initialize();
  return server;
}
afterEach(() => {
  for (const server of servers.splice(0)) server.child.kill('SIGKILL');
});

interface Verdict {
  valid?: boolean;
  error?: { code: string; hint: string; retry_after_seconds?: number };
}

async function verify(server: RawServer, id: number, password: string, hash = HASH): Promise<Verdict> {
  const { content } = await server.call(id, 'password_verify', { password, hash });
  return JSON.parse((content as { text: string }[])[0]?.text ?? '') as Verdict;
}

function operator(env: Record<string, string>, ...args: string[]): Promise<{ code: number | null; stdout: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['dist/main.js', ...args],
      { env: { ...process.env, ...env } },
      (_error, stdout) => resolve({ code: child.exitCode, stdout }),
    );
  });
}

describe.each(engines)('servers that share a store on $name', ({ missing, place }) => {
  const placeEnv = async (): Promise<Record<string, string>> => {
    const { home = '', databaseUrl } = await place();
    return {
      SECURITY_MCP_HOME: home,
      ...(databaseUrl === undefined
        ? {}
        : { SECURITY_MCP_DATABASE_URL: databaseUrl, SECURITY_MCP_MASTER_KEY: MASTER_KEY }),
    };
  };

  it.skipIf(missing)(
    'compare five times where four of them get fifty wrong passwords each at once, on an empty store',
    { timeout: 60_000 },
    async () => {
      const env = await placeEnv();
      const four = await Promise.all(Array.from({ length: 4 }, () => start(env)));
      const verdicts = await Promise.all(
        four.flatMap((server) => Array.from({ length: 50 }, (_, i) => verify(server, i, `wrong ${i}`))),
      );
      expect(verdicts.filter(({ valid }) => valid === false)).toHaveLength(5);
      const refused = verdicts.flatMap(({ error }) => error ?? []);
      expect(refused).toHaveLength(195);
      for (const { code, retry_after_seconds } of refused)
        expect([code, retry_after_seconds]).toEqual(['rate_limited', expect.any(Number)]);
    },
  );

  it.skipIf(missing)(
    'refuse the sixth of six attempts over six restarts, in any spelling, until an operator resets it',
    { timeout: 60_000 },
    async () => {
      const env = await placeEnv();
      const attempt = async (i: number): Promise<Verdict> => {
        const server = await start(env);
        const verdict = await verify(server, 1, 'wrong', HASH.replace('$2a$', ['$2a$', '$2b$', '$2y$'][i % 3] ?? ''));
        await (i % 2 === 0 ? server.end() : (server.child.kill('SIGKILL'), server.exited));
        return verdict;
      };
      for (let i = 0; i < 5; i++) expect(await attempt(i)).toMatchObject({ valid: false });
      expect(await attempt(5)).toMatchObject({ error: { code: 'rate_limited' } });

      const listed = await operator(env, 'attempts', 'list');
      const { attempts } = JSON.parse(listed.stdout) as { attempts: { subject: string }[] };
      expect(attempts).toMatchObject([{ consecutive_failures: 5, blocked_until: null }]);
      expect(listed.stdout).not.toContain(HASH.slice(7, 29));
      const subject = attempts[0]?.subject ?? '';
      expect(await operator(env, 'attempts', 'reset', 'A'.repeat(43))).toMatchObject({ code: 1 });
      expect(await operator(env, 'attempts', 'reset', subject)).toEqual({ code: 0, stdout: '{"reset":1}\n' });
      expect(await attempt(6)).toMatchObject({ valid: false });
      for (const wrong of [[], ['reset'], ['reset', 'x'], ['list', 'x'], ['reset', '--all', 'x']])
        expect((await operator(env, 'attempts', ...wrong)).code).toBe(2);
      expect(await operator(env, 'attempts', 'reset', '--all')).toEqual({ code: 0, stdout: '{"reset":1}\n' });
    },
  );

  it.skipIf(missing)('refuse no right password, many at once in two of them', { timeout: 60_000 }, async () => {
    const env = await placeEnv();
    const two = await Promise.all([start(env), start(env)]);
    const verdicts = await Promise.all(
      two.flatMap((server) => Array.from({ length: 12 }, (_, i) => verify(server, i, 'U*U'))),
    );
    expect(verdicts.map(({ valid }) => valid)).toEqual(Array.from({ length: 24 }, () => true));
  });
});

describe.skipIf(USER === undefined)('where the store cannot be opened', () => {
  it('a guess is refused with the next step, and a new start after mending works', async () => {
    const home = newHome();
    mkdirSync(home);
    chmodSync(home, 0o755);
    const server = await start({ SECURITY_MCP_HOME: home });
    const { error } = await verify(server, 1, 'U*U');
    expect(error).toMatchObject({
      code: 'audit_unavailable',
      hint: expect.stringContaining('chmod 700') as string,
    });
    chmodSync(home, 0o700);
    expect(await verify(await start({ SECURITY_MCP_HOME: home }), 1, 'U*U')).toMatchObject({ valid: true });
  });
});
