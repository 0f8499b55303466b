/** The configuration: defaults without any, every problem at once with its variable and the mend, and never a value. */

import { describe, expect, it } from 'vitest';

import { loadConfig, VARIABLES, type Config, type ConfigFiles, type Environment } from '../src/config.js';

const CANARY = 'canary-81b2';
const SECRET = 'k'.repeat(8).concat('0123456789abcdefghijklmnopqrstuvwxyz');

/** A file system without files, whose folders are those under /srv. */
const NOTHING: ConfigFiles = {
  readSecretFile: () => {
    throw new Error('no file');
  },
  resolveFolder: (path) => (path.startsWith('/srv/') ? { given: path, real: `/real${path}` } : null),
  isAbsolute: (path) => path.startsWith('/'),
  defaultHome: '/home/u/.local/share/security-mcp',
  pathDelimiter: ':',
};

function config(env: Environment, readSecretFile = NOTHING.readSecretFile): Config {
  const result = loadConfig(env, { ...NOTHING, readSecretFile });
  if ('config' in result) return result.config;
  throw new Error(result.problems.join('\n'));
}

function problems(env: Environment, readSecretFile = NOTHING.readSecretFile): string[] {
  const result = loadConfig(env, { ...NOTHING, readSecretFile });
  return 'problems' in result ? result.problems : [];
}

it('without any environment the server has a configuration', () => {
  expect(config({})).toEqual({
    home: '/home/u/.local/share/security-mcp',
    bcryptCost: 12,
    engine: 'auto',
    passwordMinLength: 8,
    callsPerMinute: { light: 6_000, cpu: 120 },
    verifyAttempts: { guesses: 5, windowSeconds: 60 },
    fileFolders: [],
    network: { mode: 'public', allowHosts: [], ports: [] },
    extraAnchors: [],
    desk: 'auto',
    toolsets: [
      'passwords',
      'digests',
      'jwt',
      'envelopes',
      'files',
      'secrets',
      'keys',
      'certificates',
      'inspection',
      'audit',
    ],
    readOnly: false,
    deliverAny: false,
    exposedEnvironment: new Map(),
    logLevel: 'info',
    warnings: [],
  });
  expect(Object.isFrozen(config({}))).toBe(true);
});

it('an unexpanded ${...} and an empty value count as unset', () => {
  for (const value of ['${JWT_SECRET_KEY}', '${JWT_SECRET_KEY:-}', ' ', '']) {
    const env = Object.fromEntries(VARIABLES.map(([name]) => [name, value]));
    expect({ ...config(env), warnings: [] }).toEqual(config({}));
    const told = config(env).warnings;
    expect(told, 'each is told, as it may have been meant').toHaveLength(value.trim() === '' ? 0 : VARIABLES.length);
  }
});

it('reports every problem at once, each with the name of its variable and how to mend it, and no value', () => {
  const found = problems({
    SECURITY_MCP_HOME: CANARY,
    SECURITY_MCP_MASTER_KEY: CANARY,
    SECURITY_MCP_DATABASE_URL: CANARY,
    SECURITY_MCP_NEW_MASTER_KEY: CANARY,
    SECURITY_MCP_COPY_TO_DATABASE_URL: CANARY,
    JWT_SECRET_KEY: CANARY,
    JWT_SECRET_KEY_PREVIOUS: CANARY,
    SECURITY_MCP_BCRYPT_COST: CANARY,
    SECURITY_MCP_ENGINE: CANARY,
    SECURITY_MCP_PASSWORD_MIN_LENGTH: '4',
    SECURITY_MCP_CALLS_PER_MINUTE: '0/5',
    SECURITY_MCP_VERIFY_ATTEMPTS: '5',
    SECURITY_MCP_FILES: `/srv/data:${CANARY}`,
    SECURITY_MCP_NETWORK: CANARY,
    SECURITY_MCP_ALLOW_HOSTS: `10.0.0.0/8,${CANARY}:1`,
    SECURITY_MCP_PORTS: `8080,${CANARY}`,
    SECURITY_MCP_DESK: CANARY,
    SECURITY_MCP_TOOLSETS: `jwt,${CANARY}`,
    SECURITY_MCP_READ_ONLY: CANARY,
    SECURITY_MCP_DELIVER_ANY: CANARY,
    SECURITY_MCP_EXPOSE_ENV: `DB_PASSWORD,${CANARY}!`,
    SECURITY_MCP_METRICS_PORT: '0',
    SECURITY_MCP_LOG_LEVEL: CANARY,
  });
  expect(found).toHaveLength(VARIABLES.length);
  VARIABLES.forEach(([name], i) =>
    expect(
      found.some((problem) => problem.startsWith(`${name} `)),
      `${i} ${name}`,
    ).toBe(true),
  );
  for (const problem of found) expect(problem).toMatch(/\. (?:Leave|Make|Keep|Check)/);
  expect(found.join()).not.toContain(CANARY);
});

describe('JWT_SECRET_KEY', () => {
  it('under 32 bytes refuses to start and says how to make one', () => {
    expect(problems({ JWT_SECRET_KEY: 'x'.repeat(31) })).toEqual([
      "JWT_SECRET_KEY is 31 bytes; HS256 needs at least 32 (RFC 7518 section 3.2). Make one with: node -p \"require('node:crypto').randomBytes(32).toString('base64url')\"",
    ]);
    expect(config({ JWT_SECRET_KEY: 'é'.repeat(16) }).jwtSecret).toBe('é'.repeat(16));
  });

  it('is warned of when it repeats a few characters', () => {
    expect(config({ JWT_SECRET_KEY: 'ab'.repeat(20) }).warnings).toHaveLength(1);
    expect(config({ JWT_SECRET_KEY: SECRET }).warnings).toEqual([]);
  });

  it('comes from the file that JWT_SECRET_KEY_FILE names, without the line end of the file', () => {
    const env = { JWT_SECRET_KEY_FILE: '/run/secrets/jwt' };
    for (const end of ['', '\n', '\r\n']) expect(config(env, () => SECRET + end).jwtSecret).toBe(SECRET);
    expect(config(env, () => `${SECRET}\n\n`).jwtSecret).toBe(`${SECRET}\n`);
  });

  it('and its file together, or a file that cannot be read, is a problem', () => {
    expect(problems({ JWT_SECRET_KEY: SECRET, JWT_SECRET_KEY_FILE: '/x' })[0]).toMatch(
      /^JWT_SECRET_KEY and JWT_SECRET_KEY_FILE are both set\. Keep/,
    );
    expect(problems({ JWT_SECRET_KEY_FILE: `/${CANARY}` })[0]).toMatch(
      /^JWT_SECRET_KEY_FILE names no file of UTF-8 text/,
    );
    expect(problems({ JWT_SECRET_KEY_FILE: `/${CANARY}` }).join()).not.toContain(CANARY);
  });

  it('alone as the previous one, or the same as it, is warned of', () => {
    expect(config({ JWT_SECRET_KEY_PREVIOUS: SECRET }).warnings).toHaveLength(1);
    expect(config({ JWT_SECRET_KEY: SECRET, JWT_SECRET_KEY_PREVIOUS: SECRET }).warnings).toHaveLength(1);
  });
});

describe('the store', () => {
  const key = Buffer.alloc(32, 7);
  const url = 'postgres://user:p%40ss@db.example:5432/app?sslmode=verify-full';
  const both = { SECURITY_MCP_DATABASE_URL: url, SECURITY_MCP_MASTER_KEY: key.toString('hex') };

  it('lies in the home: an absolute path, or the folder of the user', () => {
    expect(config({ SECURITY_MCP_HOME: ' /srv/state ' }).home).toBe('/srv/state');
    for (const path of ['state', '~/state', '/a\0b'])
      expect(problems({ SECURITY_MCP_HOME: path })).toEqual([
        'SECURITY_MCP_HOME must be an absolute path. Leave it out for a folder of the user that the server runs as.',
      ]);
    const nowhere = loadConfig({}, { ...NOTHING, defaultHome: undefined });
    expect('config' in nowhere && 'home' in nowhere.config).toBe(false);
  });

  it('has a master key of 32 bytes in one of three forms, also from a file', () => {
    for (const form of ['base64url', 'base64', 'hex'] as const)
      expect(config({ SECURITY_MCP_MASTER_KEY: key.toString(form) }).masterKey).toEqual(key);
    expect(config({ SECURITY_MCP_MASTER_KEY_FILE: '/k' }, () => `${key.toString('base64')}\n`).masterKey).toEqual(key);
    for (const text of [CANARY, key.toString('hex').slice(2), `${key.toString('base64')}AAAA`]) {
      const found = problems({ SECURITY_MCP_MASTER_KEY: text });
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(
        /^SECURITY_MCP_MASTER_KEY is not 32 bytes as base64url, base64 or hex\. Make one with: node/,
      );
      expect(found[0]).not.toContain(text);
    }
  });

  it('may be a PostgreSQL, named by a URL that may come from a file and is never echoed', () => {
    expect(config(both)).toMatchObject({ databaseUrl: url, warnings: [] });
    const { SECURITY_MCP_DATABASE_URL: _url, ...rest } = both;
    expect(config({ ...rest, SECURITY_MCP_DATABASE_URL_FILE: '/u' }, () => `${url}\n`).databaseUrl).toBe(url);
    for (const socket of ['postgresql://user:x@/app?host=/run/pg', 'postgresql:///app?host=/run/pg'])
      expect(config({ ...both, SECURITY_MCP_DATABASE_URL: socket })).toMatchObject({
        databaseUrl: socket,
        warnings: [],
      });
    for (const wrong of [
      `mysql://u:${CANARY}@h/d`,
      `postgres:${CANARY}`,
      `postgres://u:${CANARY}@h:port/d`,
      `${CANARY}@h`,
    ]) {
      expect(problems({ ...both, SECURITY_MCP_DATABASE_URL: wrong })).toEqual([
        'SECURITY_MCP_DATABASE_URL is no postgres:// URL. Leave it out for a file in the home; write special characters of the password as %XX.',
      ]);
    }
  });

  it('needs a master key from outside when it is shared', () => {
    expect(problems({ SECURITY_MCP_DATABASE_URL: url })).toEqual([
      expect.stringMatching(
        /^SECURITY_MCP_MASTER_KEY is not set, and SECURITY_MCP_DATABASE_URL needs it: .* Make one with/,
      ) as string,
    ]);
    expect(problems({ ...both, SECURITY_MCP_MASTER_KEY: CANARY })).toHaveLength(1);
    expect(problems({ SECURITY_MCP_DATABASE_URL: url, SECURITY_MCP_MASTER_KEY_FILE: '/none' })).toHaveLength(1);
  });

  it('over a network without checked encryption is warned of', () => {
    const warnings = (end: string): readonly string[] =>
      config({ ...both, SECURITY_MCP_DATABASE_URL: `postgres://u@${end}` }).warnings;
    for (const end of ['db.example/d', '10.0.0.5/d?sslmode=disable'])
      expect(warnings(end)[0]).toMatch(/^SECURITY_MCP_DATABASE_URL names no sslmode: the connection is not encrypted/);
    expect(warnings('db.example/d?sslmode=no-verify')[0]).toMatch(/can pose as the server/);
    for (const end of [
      'localhost/d',
      '127.0.0.1:5/d',
      '[::1]/d',
      'db.example/d?sslmode=require',
      'db.example/d?ssl=true',
    ])
      expect(warnings(end)).toEqual([]);
  });
});

it('a secret that a host did not expand is refused: everybody could guess it', () => {
  for (const value of [
    '$JWT_SECRET_KEY_PLACEHOLDER_LONG_ENOUGH',
    '%JWT_SECRET_KEY_PLACEHOLDER_LONG_ENOUGH%',
    'Bearer ${input:jwt-key-that-is-long-enough-here}',
  ])
    expect(problems({ JWT_SECRET_KEY: value })).toEqual([
      'JWT_SECRET_KEY holds a placeholder that was not expanded. Set the secret itself, or leave the variable out.',
    ]);
});

describe('SECURITY_MCP_FILES', () => {
  const folders = (count: number): string => Array.from({ length: count }, (_, i) => `/srv/${i}`).join(':');

  it('lists folders with the path delimiter of the platform between, empty places not counted', () => {
    const windows = loadConfig(
      { SECURITY_MCP_FILES: 'C:\\data;D:\\' },
      { ...NOTHING, pathDelimiter: ';', resolveFolder: (path) => ({ given: path, real: path }) },
    );
    expect(windows).toMatchObject({ config: { fileFolders: [{ given: 'C:\\data' }, { given: 'D:\\' }] } });
    expect(config({ SECURITY_MCP_FILES: ':/srv/data::' }).fileFolders).toHaveLength(1);
  });

  it('is refused whole where one of them is no folder, and says how a list must be', () => {
    for (const value of ['/etc', 'data', '~/data', '${HOME}/data:/srv/data', '/srv/data:/nowhere']) {
      expect(problems({ SECURITY_MCP_FILES: value })).toEqual([
        'SECURITY_MCP_FILES must be at most 32 absolute paths of existing folders with : between, none the root of a file system and none with a placeholder such as $HOME or ~ in it. Leave it out for none.',
      ]);
    }
  });

  it('is at most 32 folders, and of more none is looked up', () => {
    expect(config({ SECURITY_MCP_FILES: folders(32) }).fileFolders).toHaveLength(32);
    const looked: string[] = [];
    const result = loadConfig(
      { SECURITY_MCP_FILES: folders(33) },
      { ...NOTHING, resolveFolder: (path) => (looked.push(path), null) },
    );
    expect(result).toHaveProperty('problems.length', 1);
    expect(looked).toEqual([]);
  });
});

it('a misspelt variable is warned of by name', () => {
  const { warnings } = config({ SECURITY_MCP_BCRYPT_COSTS: '15', JWT_SECRET_KEYS: CANARY, PATH: '/bin' });
  expect(warnings).toEqual([
    'SECURITY_MCP_BCRYPT_COSTS is not a setting of this version and has no effect.',
    'JWT_SECRET_KEYS is not a setting of this version and has no effect.',
  ]);
});

it('reads every setting', () => {
  expect(
    config({
      SECURITY_MCP_HOME: '/srv/state',
      SECURITY_MCP_BCRYPT_COST: ' 14 ',
      SECURITY_MCP_ENGINE: 'portable',
      SECURITY_MCP_PASSWORD_MIN_LENGTH: '15',
      SECURITY_MCP_CALLS_PER_MINUTE: '10/3',
      SECURITY_MCP_VERIFY_ATTEMPTS: '3/120',
      SECURITY_MCP_FILES: '/srv/data:/srv/my certificates',
      SECURITY_MCP_NETWORK: 'any',
      SECURITY_MCP_ALLOW_HOSTS: 'Git.Internal, *.lan,10.0.0.0/8,[fd00::1], 192.168.1.7,',
      SECURITY_MCP_PORTS: '8080, 8081,8080',
      SECURITY_MCP_TOOLSETS: 'jwt, passwords',
      SECURITY_MCP_READ_ONLY: 'true',
      SECURITY_MCP_LOG_LEVEL: 'silent',
    }),
  ).toMatchObject({
    home: '/srv/state',
    bcryptCost: 14,
    engine: 'portable',
    passwordMinLength: 15,
    callsPerMinute: { light: 10, cpu: 3 },
    verifyAttempts: { guesses: 3, windowSeconds: 120 },
    fileFolders: [
      { given: '/srv/data', real: '/real/srv/data' },
      { given: '/srv/my certificates', real: '/real/srv/my certificates' },
    ],
    network: {
      mode: 'any',
      allowHosts: ['git.internal', '*.lan', '10.0.0.0/8', 'fd00::1/128', '192.168.1.7/32'],
      ports: [8080, 8081],
    },
    toolsets: ['passwords', 'jwt'],
    readOnly: true,
    logLevel: 'silent',
  });
});

it('the lists of the network policy refuse what is no host and no port', () => {
  for (const value of ['*', '*.', '10.1', '2130706433', 'host:443', 'https://host', '10.0.0.0/33', 'a b', '::1%lo']) {
    expect(problems({ SECURITY_MCP_ALLOW_HOSTS: value }), value).toHaveLength(1);
  }
  for (const value of ['0', '65536', '-1', '4.5', '1e3', 'https']) {
    expect(problems({ SECURITY_MCP_PORTS: value }), value).toEqual([
      'SECURITY_MCP_PORTS must be a comma-separated list of whole numbers from 1 to 65535. Leave it out for none.',
    ]);
  }
});

describe('files of further trust anchors', () => {
  it('are read, and one that cannot be is told and not trusted', () => {
    expect(config({ SSL_CERT_FILE: '/etc/roots.pem' }, (path) => `text of ${path}`).extraAnchors).toEqual([
      'text of /etc/roots.pem',
    ]);
    const bad = config({ NODE_EXTRA_CA_CERTS: `/${CANARY}` });
    expect(bad.extraAnchors).toEqual([]);
    expect(bad.warnings.join()).toMatch(/NODE_EXTRA_CA_CERTS names a file that cannot be read/);
    expect(bad.warnings.join()).not.toContain(CANARY);
  });
});
