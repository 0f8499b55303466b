/** The built server under clocks that are ten years off (libfaketime): what is judged by time says so by name, and no limit is freed or held. */

import { spawnSync } from 'node:child_process';

import { afterEach, describe, expect, it } from 'vitest';

import { auditIn } from '../support/audit.js';
import { newHome } from '../support/home.js';
import { RawServer } from '../support/server.js';
import { run } from '../support/strace.js';
import { selfSigned } from '../support/tls-servers.js';

/** crypt_blowfish wrapper.c: "U*U" under this salt at cost 5. */
const HASH = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
const [LATER, EARLIER, RIGHT] = ['+10y', '-10y', '+0'] as const;

const library = spawnSync('faketime', ['-f', '+0', 'sh', '-c', 'printf %s "$LD_PRELOAD"'], { encoding: 'utf8' });
const missing = library.status === 0 && library.stdout !== '' ? undefined : 'no faketime on this machine';
const fake = (shift: string): Record<string, string> =>
  shift === RIGHT ? {} : { LD_PRELOAD: library.stdout, FAKETIME: shift };

const servers: RawServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.child.kill('SIGKILL');
});

/** Calls one after the other of a server of its own; its end is in order. */
async function under(
  shift: string,
  home: string,
  calls: readonly (readonly [string, unknown])[],
): Promise<Record<string, unknown>[]> {
  const server = new RawServer({ SECURITY_MCP_HOME: home, ...fake(shift) });
  servers.push(server);
  await server.initialize();
  const answers: Record<string, unknown>[] = [];
  for (const [i, [tool, input]] of calls.entries()) {
    const { content } = await server.call(i, tool, input);
    answers.push(JSON.parse((content as { text: string }[])[0]?.text ?? '') as Record<string, unknown>);
  }
  expect(await server.end()).toEqual({ code: 0, signal: null });
  return answers;
}

const wrong = ['password_verify', { password: 'wrong', hash: HASH }] as const;

describe.skipIf(missing)('a clock that is ten years', () => {
  it.each([
    ['late', LATER, 'ok'],
    ['early', EARLIER, 'fail'],
  ])('%s is seen by doctor where it can be known to be wrong', async (_name, shift, status) => {
    const env = { SECURITY_MCP_HOME: newHome(), ...fake(shift) };
    const { stdout } = await run(process.execPath, ['dist/main.js', 'doctor', '--json'], env);
    const { checks } = JSON.parse(stdout) as { checks: { check: string; status: string; finding: string }[] };
    const clock = checks.find(({ check }) => check === 'clock');
    expect(clock).toMatchObject({ status });
    expect(clock?.finding).toMatch(status === 'ok' ? /^20\d\d-/ : /^The clock of this machine says 20\d\d-.*set it/);
  });

  it('off makes tokens expired or not yet valid, and no more', async () => {
    const home = newHome();
    const [signed] = await under(RIGHT, home, [['jwt_sign', { subject: 'a', not_before: new Date().toISOString() }]]);
    const verify = [['jwt_verify', { token: signed?.['token'] }]] as const;
    expect(await under(LATER, home, verify)).toEqual([expect.objectContaining({ valid: false, reason: 'expired' })]);
    expect(await under(EARLIER, home, verify)).toEqual([
      expect.objectContaining({ valid: false, reason: 'not_yet_valid' }),
    ]);
    expect(await under(RIGHT, home, verify)).toEqual([expect.objectContaining({ valid: true })]);
  });

  it('off makes certificates expired or not yet valid, by name', async () => {
    const { cert } = selfSigned('localhost');
    const verify = [['certificate_verify', { certificates: cert }]] as const;
    const home = newHome();
    const codes = async (shift: string): Promise<string> => JSON.stringify(await under(shift, home, verify));
    expect(await codes(LATER)).toContain('"code":"expired"');
    expect(await codes(EARLIER)).toContain('"code":"not_yet_valid"');
    const right = await codes(RIGHT);
    expect(right).not.toMatch(/"code":"(?:expired|not_yet_valid)"/);
  });

  it('early gives no guess that was not there, and late takes none for ever', async () => {
    const home = newHome();
    const spent = await under(
      RIGHT,
      home,
      Array.from({ length: 6 }, () => wrong),
    );
    expect(spent.map(({ valid }) => valid)).toEqual([false, false, false, false, false, undefined]);
    const refused = { error: expect.objectContaining({ code: 'rate_limited' }) as unknown };
    expect(await under(EARLIER, home, [wrong])).toEqual([refused]);
    expect(await under(RIGHT, home, [wrong])).toEqual([refused]);
    // Ten years later the guesses are forgotten: as many as at first, and no more.
    const late = await under(
      LATER,
      home,
      Array.from({ length: 6 }, () => wrong),
    );
    expect(late.map(({ valid }) => valid)).toEqual([false, false, false, false, false, undefined]);
    // Set right again, what waits does so for seconds and not for ten years; and nothing was freed.
    const [mended] = await under(RIGHT, home, [wrong]);
    const { retry_after_seconds: wait } = (mended as { error: { retry_after_seconds: number } }).error;
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60);
  });

  it('off leaves the audit one chain in the order of what happened, whatever the times say', async () => {
    const home = newHome();
    const digest = [['digest_compute', { algorithm: 'sha256', text: 'x' }]] as const;
    for (const shift of [RIGHT, LATER, EARLIER, RIGHT]) await under(shift, home, digest);
    const entries = await auditIn(home);
    expect(entries.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    const decades = entries.map(({ time }) => (Date.parse(String(time)) - Date.now()) / 315_569_520_000);
    expect(decades.map((off) => off.toFixed(1).replace('-0.0', '0.0'))).toEqual(['0.0', '1.0', '-1.0', '0.0']);
  });

  it('late for a while leaves a store that signs, seals and rotates when the clock is right again', async () => {
    const home = newHome();
    await under(LATER, home, [
      ['jwt_sign', { subject: 'a' }],
      ['key_rotate', { name: 'jwt' }],
    ]);
    const [signed, rotated] = await under(RIGHT, home, [
      ['jwt_sign', { subject: 'a' }],
      ['key_rotate', { name: 'jwt' }],
    ]);
    expect(signed).toMatchObject({ key_id: 'jwt.2' });
    expect(rotated).not.toHaveProperty('error');
    expect(await under(RIGHT, home, [['jwt_verify', { token: signed?.['token'] }]])).toMatchObject([{ valid: true }]);
    await auditIn(home);
  });
});
