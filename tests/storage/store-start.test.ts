/** The built server and its store: the start opens and makes nothing, whatever the store. */

import { chmodSync, existsSync, mkdirSync } from 'node:fs';

import { expect, it } from 'vitest';

import { newHome } from '../support/home.js';
import { RawServer } from '../support/server.js';

it('a server lists its tools without making or opening a store', async () => {
  const home = newHome();
  const server = new RawServer({ SECURITY_MCP_HOME: home });
  await server.initialize();
  expect((await server.request(1, 'tools/list')).result?.['tools']).toBeInstanceOf(Array);
  expect(await server.end()).toEqual({ code: 0, signal: null });
  expect(existsSync(home)).toBe(false);
});

it('so it does with a home or a database that cannot be used', async () => {
  const home = newHome();
  mkdirSync(home);
  chmodSync(home, 0o777);
  const away = { SECURITY_MCP_DATABASE_URL: 'postgres://u@127.0.0.1:9/d', SECURITY_MCP_MASTER_KEY: '00'.repeat(32) };
  for (const env of [{}, away]) {
    const server = new RawServer({ SECURITY_MCP_HOME: home, ...env });
    await server.initialize();
    expect((await server.request(1, 'tools/list')).result?.['tools']).toBeInstanceOf(Array);
    expect(await server.end()).toEqual({ code: 0, signal: null });
  }
});
