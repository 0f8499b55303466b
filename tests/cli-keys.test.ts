/** `security-mcp keys`, as built: what only an operator may do with the ring, through the same pipeline, without a secret in sight. */

import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { auditIn } from './support/audit.js';
import { base, newHome } from './support/home.js';

const home = newHome();
const CANARY = 'canary-5e-marmalade-at-least-32-bytes';

async function keys(args: string[], input = ''): Promise<{ code: number | null; value: unknown; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['dist/main.js', ...args],
      { env: { ...process.env, SECURITY_MCP_HOME: home, SECURITY_MCP_LOG_LEVEL: 'debug' } },
      (_error, stdout, stderr) => {
        const value: unknown = stdout === '' ? undefined : JSON.parse(stdout);
        resolve({ code: child.exitCode, value, stderr });
      },
    );
    child.stdin?.end(input);
  });
}

it('makes, rotates, retires, restores and destroys, each audited', async () => {
  const made = await keys(['keys', 'create', 'api', 'jwt', 'EdDSA', '30']);
  expect(made).toMatchObject({ code: 0, value: { key_id: 'api.1', key: { rotate_after_days: 30 } } });
  expect(await keys(['keys', 'create', 'api', 'hmac'])).toMatchObject({
    code: 1,
    value: { error: { code: 'key_exists' } },
  });
  expect(await keys(['keys', 'rotate', 'api'])).toMatchObject({ value: { key_id: 'api.2' } });
  const state = (to: string): object => ({
    code: 0,
    value: { key: { versions: [{ state: to }, { state: 'enabled' }] } },
  });
  expect(await keys(['keys', 'retire', 'api', '1', 'destroyed'])).toMatchObject(state('destroy_scheduled'));
  expect(await keys(['keys', 'restore', 'api', '1'])).toMatchObject(state('disabled'));
  const gone = await keys(['keys', 'destroy', 'api', '1']);
  expect(gone).toMatchObject(state('destroyed'));
  const entries = await auditIn(home);
  expect(entries[0]).toMatchObject({ event: 'asked', tool: 'key_create', caller: 'command line' });
  expect(entries.at(-2)).toMatchObject({ event: 'asked', tool: 'keys_destroy', fields: { version: 1 } });
  expect(await keys(['keys', 'list'])).toMatchObject({ value: { keys: [{ name: 'api', primary_version: 2 }] } });
  expect(await keys(['keys', 'export', '--public'])).toMatchObject({
    value: { keys: [{ kid: 'api.2', crv: 'Ed25519' }] },
  });
});

it('sets a policy that binds jwt_sign, and lifts it', async () => {
  const policy = '{"issuers":["https://a"],"max_ttl_seconds":60}';
  expect(await keys(['keys', 'create', 'bound', 'jwt'])).toMatchObject({ code: 0 });
  expect(await keys(['keys', 'policy', 'bound', '-'], policy)).toMatchObject({
    code: 0,
    value: { key: { policy: { max_ttl_seconds: 60 } } },
  });
  const sign = ['call', 'jwt_sign', '{"key":"bound"}'];
  expect(await keys(sign)).toMatchObject({ code: 1, value: { error: { code: 'policy_refused' } } });
  expect(await keys(['call', 'jwt_sign', '{"key":"bound","issuer":"https://a"}'])).toMatchObject({ code: 0 });
  for (const wrong of ['{"issuer":[]}', '{"issuers":[]}', '{"max_ttl_seconds":0}', '[]', 'x', '{"issuers":[1]}'])
    expect(await keys(['keys', 'policy', 'bound', wrong])).toMatchObject({
      code: 1,
      value: { error: { code: 'input_invalid' } },
    });
  expect(await keys(['keys', 'policy', 'bound', '{}'])).toMatchObject({ code: 0 });
  expect(await keys(sign)).toMatchObject({ code: 0 });
});

it('imports PEM and JWK, and shows and logs nothing of them', async () => {
  const file = join(base, 'key.pem');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(file, privateKey.export({ format: 'pem', type: 'sec1' }));
  expect(await keys(['keys', 'import', 'pem', 'jwt', 'ES256', file])).toMatchObject({ value: { key_id: 'pem.1' } });
  const k = Buffer.from(CANARY).toString('base64url');
  const runs = [
    await keys(['keys', 'import', 'jwk', 'jwt', 'HS256', '-'], JSON.stringify({ kty: 'oct', k })),
    await keys(['keys', 'import', 'other', 'jwt', 'ES256', '-'], JSON.stringify({ kty: 'oct', k })),
    await keys(['keys', 'import', 'other', 'jwt', 'HS256', '-'], CANARY),
    await keys(['keys', 'import', 'other', 'envelope', 'A256KW', '-'], JSON.stringify({ kty: 'oct', k })),
    await keys(['keys', 'import', 'jwk', 'jwt', 'HS256', '-'], JSON.stringify({ kty: 'oct', k })),
    await keys(['keys', 'list']),
  ];
  expect(runs.map(({ code }) => code)).toEqual([0, 1, 1, 1, 1, 0]);
  for (const text of [CANARY, k]) expect(JSON.stringify(runs)).not.toContain(text);
  expect(await keys(['call', 'jwt_sign', '{"key":"jwk"}'])).toMatchObject({ value: { key_id: 'jwk.1' } });
});

it.each([
  [[]],
  [['nonsense']],
  [['export']],
  [['rotate']],
  [['retire', 'a', '1']],
  [['import', 'a', 'jwt', 'HS256', '/no/such']],
])('tells how it is used, and exits 2: %j', async (args) => {
  const { code, stderr } = await keys(['keys', ...args]);
  expect([code, stderr.startsWith('security-mcp: ')]).toEqual([2, true]);
});

it('offers what is the operator alone to no client', async () => {
  for (const tool of ['keys_import', 'keys_policy', 'keys_restore', 'keys_destroy'])
    expect((await keys(['call', tool, '{}'])).code).toBe(2);
});
