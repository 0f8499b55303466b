/** PostgreSQL going away and coming back, wrong URLs and TLS: clear errors in time, no credentials in them, and it works again. */

import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';

import { postgresMissing } from '../support/postgres.js';
import { open, postgres, refusal } from '../support/stores.js';
import { selfSigned } from '../support/tls-servers.js';

const one = async (): Promise<number> => 1;

describe.skipIf(postgresMissing)('a server that', () => {
  it.each(['SIGINT', 'SIGQUIT'] as const)(
    'is stopped (%s) in the middle fails calls, and serves them when it is back',
    async (signal) => {
      const server = await postgres();
      const store = open({ databaseUrl: await server.newDatabase() });
      await Promise.all([1, 2, 3, 4].map(() => store.write((trx) => store.now(trx))));
      const during = store.write(async (trx) => {
        await server.stop(signal);
        await store.now(trx);
      });
      expect((await refusal(during, 'storage_unavailable')).message).toBe('The database server does not answer.');
      await refusal(store.read(one), 'storage_unavailable');
      await server.restart();
      expect(await store.read(one)).toBe(1);
      // Connections of the pool that the server has ended meanwhile are no fault of a call.
      await Promise.all([1, 2, 3, 4].map(() => store.read(one)));
    },
  );

  it('restarts between two calls is not noticed', async () => {
    const server = await postgres();
    const store = open({ databaseUrl: await server.newDatabase() });
    await Promise.all([1, 2, 3, 4].map(() => store.read((db) => store.now(db))));
    await server.stop('SIGQUIT');
    await server.restart();
    await Promise.all([1, 2, 3, 4, 5, 6].map(() => store.read(one)));
  });

  it('vanishes without a word fails calls all the same, and serves them when it is back', async () => {
    const server = await postgres();
    const store = open({ databaseUrl: await server.newDatabase() });
    await store.read(one);
    server.freeze('SIGSTOP');
    try {
      const [pooled, fresh] = await Promise.all([
        refusal(store.read(one), 'storage_unavailable'),
        refusal(open({ databaseUrl: server.url() }).read(one), 'storage_unavailable'),
      ]);
      expect([pooled.message, fresh.message]).toEqual(Array(2).fill('The database server does not answer.'));
    } finally {
      server.freeze('SIGCONT');
    }
    expect(await store.read(one)).toBe(1);
  });

  it('holds a lock for another fails the call as busy, and keeps nothing of it', async () => {
    const store = open({ databaseUrl: await (await postgres()).newDatabase() });
    const insert = (value: string) => (trx: Parameters<Parameters<typeof store.write>[0]>[0]) =>
      trx.insertInto('meta').values({ name: 'a', value }).execute();
    await store.write(async (trx) => {
      await insert('1')(trx);
      const error = await refusal(store.write(insert('2')), 'storage_unavailable');
      expect(error.message).toMatch(/^The store is busy\.|^The database server does not answer\./);
    });
    const rows = await store.read((db) => db.selectFrom('meta').select('value').where('name', '=', 'a').execute());
    expect(rows).toEqual([{ value: '1' }]);
  });

  it('loses the connection of a transaction does not end the process', async () => {
    const server = await postgres();
    const store = open({ databaseUrl: await server.newDatabase() });
    const work = store.write(async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      await server.query(`select pg_terminate_backend(${rows[0]?.pid ?? 0})`);
      await store.now(trx);
    });
    await refusal(work, 'storage_unavailable');
    expect(await store.read(one)).toBe(1);
  });
});

describe.skipIf(postgresMissing)('the URL', () => {
  it.each([['sslmode=verify-full'], ['sslmode=require'], ['sslmode=prefer'], ['sslmode=no-verify'], ['ssl=true']])(
    'with %s to a server without TLS is refused: nothing goes unencrypted that was to be encrypted',
    async (parameters) => {
      const url = (await postgres()).url('postgres', `?${parameters}`);
      const error = await refusal(open({ databaseUrl: url }).read(one), 'storage_unavailable');
      expect(error.message).toBe('No trusted encrypted connection to the database server can be made.');
    },
  );

  it.each([
    ['a database that is not there', '/canary-none', 'The database server refuses this user, password or database.'],
    [
      'a certificate file that is not there',
      '/postgres?sslrootcert=/canary/ca.pem',
      'SECURITY_MCP_DATABASE_URL cannot be used.',
    ],
  ])('that names %s is refused', async (_name, rest, message) => {
    const { port } = await postgres();
    const url = `postgres://postgres:canary-pa55@127.0.0.1:${port}${rest}`;
    expect((await refusal(open({ databaseUrl: url }).read(one), 'storage_unavailable')).message).toBe(message);
  });

  it('that names a port where nobody listens is refused at once', async () => {
    const url = 'postgres://user:canary-pa55@127.0.0.1:9/canary';
    const error = await refusal(open({ databaseUrl: url }).read(one), 'storage_unavailable');
    expect(error.message).toBe('The database server does not answer.');
    expect(error.retryAfterSeconds).toBe(2);
  });

  it('keeps its own options beside ours, and the tables have a schema of their own', async () => {
    const url = `${await (await postgres()).newDatabase()}?options=-c%20geqo%3Doff&sslmode=disable`;
    const store = open({ databaseUrl: url });
    const rows = await store.read(async (db) => [
      ...(await sql<Record<string, string>>`show geqo`.execute(db)).rows,
      ...(await sql<Record<string, string>>`show search_path`.execute(db)).rows,
      ...(await sql<Record<string, string>>`show application_name`.execute(db)).rows,
    ]);
    expect(rows).toEqual([{ geqo: 'off' }, { search_path: 'security_mcp' }, { application_name: 'security-mcp' }]);
  });
});

describe.skipIf(postgresMissing)('encryption', () => {
  it('is checked against the named root and the host name, and only no-verify leaves it unchecked', async () => {
    const server = await postgres();
    const { key, cert } = selfSigned('localhost');
    const root = server.file('root.pem', cert);
    await server.stop();
    await server.restart({
      ssl: 'on',
      ssl_cert_file: server.file('server.crt', cert),
      ssl_key_file: server.file('server.key', key),
    });
    const isEncrypted = (host: string, parameters: string): Promise<unknown> =>
      open({ databaseUrl: `postgres://postgres@${host}:${server.port}/postgres?${parameters}` }).read(
        async (db) => (await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(db)).rows,
      );
    for (const mode of ['verify-full', 'verify-ca', 'require', 'prefer'])
      expect(await isEncrypted('localhost', `sslmode=${mode}&sslrootcert=${root}`)).toEqual([{ ssl: true }]);
    expect(await isEncrypted('127.0.0.1', 'sslmode=no-verify')).toEqual([{ ssl: true }]);
    for (const [host, parameters] of [
      ['localhost', 'sslmode=verify-full'],
      ['localhost', 'sslmode=require'],
      ['127.0.0.1', `sslmode=verify-full&sslrootcert=${root}`],
      ['127.0.0.1', `sslmode=require&sslrootcert=${root}&uselibpqcompat=true`],
    ] as const) {
      const error = await refusal(isEncrypted(host, parameters), 'storage_unavailable');
      expect(error.message).toBe('No trusted encrypted connection to the database server can be made.');
    }
  });
});
