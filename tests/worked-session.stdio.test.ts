/** The worked session of the README, call by call, over stdio: what the model sees of it holds no secret. */

import { mkdtempSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import bcrypt from 'bcryptjs';
import { expect, it } from 'vitest';

import { auditIn } from './support/audit.js';
import { callsIn, type DocumentedCall } from './support/documented.js';
import { RawServer } from './support/server.js';

const SHOP = '/home/ada/shop';

/** The calls as the README writes them. */
function session(): DocumentedCall[] {
  const readme = readFileSync('README.md', 'utf8');
  const [, section = ''] = /\n## A worked session\n([\s\S]*?)\n## /.exec(readme) ?? [];
  return callsIn(section);
}

it('makes a password, stores its hash, writes it into .env and signs a token, and shows the model none of it', async () => {
  const shop = realpathSync(mkdtempSync(join(tmpdir(), 'shop-')));
  writeFileSync(join(shop, '.env'), 'PORT=8080\n');
  const server = new RawServer({ SECURITY_MCP_FILES: shop, SECURITY_MCP_LOG_LEVEL: 'debug' });
  await server.initialize();
  const calls = session();
  expect(calls.map(({ tool }) => tool)).toEqual([
    'secret_generate',
    'password_hash',
    'secret_deliver',
    'secret_deliver',
    'jwt_sign',
    'secret_deliver',
  ]);
  for (const [i, { tool, input, answer }] of calls.entries()) {
    const here = JSON.parse(JSON.stringify(input).replaceAll(SHOP, shop)) as object;
    const result = await server.call(i, tool, here);
    expect(result['isError'], JSON.stringify(result)).not.toBe(true);
    const told = JSON.parse(JSON.stringify(result['structuredContent']).replaceAll(shop, SHOP)) as object;
    expect(Object.keys(told)).toEqual(Object.keys(answer));
    for (const [field, value] of Object.entries(answer))
      if (typeof value === 'string' && /^(?:secret:|\/)/.test(value)) expect(told).toHaveProperty(field, value);
  }
  server.child.stdin.end();
  await server.exited;

  const env = readFileSync(join(shop, '.env'), 'utf8');
  const variables = new Map(
    [...env.matchAll(/^(\w+)=(?:'(.*)'|"(.*)"|(.*))$/gm)].map(([, name, a, b, c]) => [name, a ?? b ?? c ?? '']),
  );
  expect(env.startsWith('PORT=8080\n')).toBe(true);
  expect(statSync(join(shop, '.env')).mode & 0o777).toBe(0o600);
  const password = variables.get('DB_PASSWORD') ?? '';
  const hash = readFileSync(join(shop, 'db-password.hash'), 'utf8');
  const token = variables.get('API_TOKEN') ?? '';
  expect(password).toHaveLength(20);
  expect(await bcrypt.compare(password, hash)).toBe(true);
  expect(token.split('.')).toHaveLength(3);

  const audit = JSON.stringify(await auditIn(server.home));
  for (const secret of [password, hash, token, token.split('.')[2] ?? '']) {
    expect(secret.length).toBeGreaterThan(15);
    expect(server.stdout).not.toContain(JSON.stringify(secret).slice(1, -1));
    expect(server.stderr).not.toContain(secret);
    expect(audit).not.toContain(secret);
  }
});
