/**
 * The signature test: a canary planted in every secret field of every tool, in calls that succeed and calls that fail,
 * shows nowhere but in the output that is declared to return it.
 */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { catalogue } from '../src/tools/index.js';
import { auditIn } from './support/audit.js';
import { post } from './support/desk.js';
import { FILES as PKCS12_FILES } from './support/pkcs12-files.js';
import { RawServer } from './support/server.js';

/** Strong enough for the password policy, and found again in any encoding a leak is likely to have. */
const CANARY = 'canary-Vq7-marmalade-9142';
const FORMS = [
  CANARY,
  Buffer.from(CANARY).toString('hex'),
  Buffer.from(CANARY).toString('base64url').slice(2, -3),
  encodeURIComponent(`${CANARY} `).trim(),
];
const FERNET_KEY = Buffer.from(`${CANARY}0123456`).toString('base64url').padEnd(44, '=');
const PKCS12 = Buffer.from(PKCS12_FILES.aes256.bytes).toString('base64');
const HASH = '$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

let server: RawServer;
let calls = 0;
let metricsPort = 0;

/** Files that tools may use, temporary ones, and what the browser was started with. */
const base = realpathSync(mkdtempSync(join(tmpdir(), 'security-mcp-signature-')));
afterAll(() => rmSync(base, { recursive: true }));
const [files, temporary, browser, started] = ['files', 'tmp', 'browser.sh', 'started'].map((name) =>
  join(base, name),
) as [string, string, string, string];

function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) =>
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    }),
  );
}

/** The human, who is sent to the address that the browser was started with. */
async function typeAtTheDesk(name: string): Promise<void> {
  writeFileSync(started, '');
  const answer = call('secret_request', { name, purpose: 'to be looked for' });
  let url = '';
  for (let i = 0; !url.startsWith('http://'); i++) {
    url =
      readFileSync(started, 'utf8')
        .split('\0')
        .find((argument) => argument.startsWith('http://')) ?? '';
    await server.request(`wait-${name}-${i}`, 'ping');
  }
  const refused = await post(url, { action: 'store', secret: CANARY.repeat(4_000) });
  expect(refused.status).toBe(422);
  expectClean(refused.text, 'the page that refuses it');
  const page = await post(url, { action: 'store', secret: CANARY });
  expect(page.status).toBe(200);
  expectClean(page.text, 'the page that has taken it');
  const { text } = await answer;
  expectClean(text, 'the answer of secret_request');
  expect(JSON.parse(text)).toEqual({ reference: `secret://${name}` });
}

beforeAll(async () => {
  for (const folder of [files, temporary]) mkdirSync(folder);
  writeFileSync(started, '');
  writeFileSync(
    browser,
    `#!/bin/sh\nprintf '%s\\0' "$@" >> ${started}\ntr '\\0' '\\n' < /proc/$PPID/cmdline >> ${started}\n`,
  );
  chmodSync(browser, 0o700);
  metricsPort = await freePort();
  server = new RawServer({
    SECURITY_MCP_FILES: files,
    SECURITY_MCP_METRICS_PORT: String(metricsPort),
    TMPDIR: temporary,
    BROWSER: browser,
    SECURITY_MCP_CALLS_PER_MINUTE: '6000/6000',
    SECURITY_MCP_LOG_LEVEL: 'debug',
    SECURITY_MCP_BCRYPT_COST: '10',
    SECURITY_MCP_EXPOSE_ENV: 'PLANTED_VARIABLE',
    PLANTED_VARIABLE: CANARY,
  });
  await server.initialize();
  // By the human, who types it for the operator's command.
  const set = spawnSync(process.execPath, ['dist/main.js', 'secret', 'set', 'planted'], {
    env: { ...process.env, SECURITY_MCP_HOME: server.home },
    input: `${CANARY}\n`,
    encoding: 'utf8',
  });
  expectClean(set.stdout + set.stderr, 'secret set');
  expect(set.status).toBe(0);
  await typeAtTheDesk('typed');
});
afterAll(() => server.child.kill('SIGKILL'));

interface Reply {
  text: string;
  isError: boolean;
}

async function call(name: string, input: unknown): Promise<Reply> {
  const result = await server.call(`call-${++calls}`, name, input);
  const [block] = result['content'] as { text: string }[];
  return { text: block?.text ?? '', isError: result['isError'] === true };
}

function expectClean(text: string, where: string): void {
  for (const form of FORMS) expect(text.includes(form), `${where} holds the canary`).toBe(false);
}

/** For each secret field: calls that succeed and calls that are refused, all with the canary in that field. */
const PLANTED: Record<string, Record<string, unknown[]>> = {
  password_hash: {
    password: [
      { password: CANARY },
      { password: { literal: CANARY } },
      { password: CANARY, algorithm: 'argon2id' },
      { password: CANARY, cost: 99 },
      { password: `${CANARY}${'x'.repeat(72)}`, allow_weak: true },
      { password: `${CANARY}\0`, allow_weak: true },
      { password: CANARY, user_inputs: [CANARY] },
      { password: { literal: CANARY, more: CANARY } },
      { password: [CANARY] },
      { password: `secret://${CANARY}` },
      { password: CANARY, [CANARY]: CANARY },
      { password: CANARY, algorithm: CANARY },
    ],
  },
  password_verify: {
    password: [
      { password: CANARY, hash: HASH },
      { password: CANARY, hash: 'nonsense' },
      { password: CANARY, hash: HASH, account: CANARY },
      { password: `${CANARY}\0`, hash: HASH },
    ],
    hash: [
      { password: 'x', hash: CANARY },
      { password: 'x', hash: `$2b$31$${CANARY}` },
      { password: 'x', hash: `$argon2id$v=19$m=9999999,t=1,p=1$${CANARY}$${CANARY}` },
    ],
  },
  password_strength: {
    password: [
      { password: CANARY },
      { password: CANARY, user_inputs: ['canary', 'marmalade'] },
      { password: { literal: CANARY } },
      { password: 5, user_inputs: CANARY },
    ],
  },
  digest_compute: {
    key: [
      { algorithm: 'sha256', text: 'x', key: CANARY },
      { algorithm: 'sha256', text: 'x', key: CANARY, key_encoding: 'hex' },
      { algorithm: CANARY, text: 'x', key: CANARY },
      { algorithm: 'md5', key: CANARY },
    ],
  },
  jwt_verify: {
    token: [
      { token: CANARY },
      {
        token: `${Buffer.from(`{"alg":"${CANARY}"}`).toString('base64url')}.e30.${Buffer.from(CANARY).toString('base64url')}`,
      },
      { token: CANARY, public_key: CANARY },
      { token: CANARY, jwks: `{"keys":["${CANARY}"]}` },
      { token: CANARY, jwks: { kty: 'oct', k: Buffer.from(CANARY).toString('base64url') } },
      { token: CANARY, key: CANARY },
    ],
  },
  envelope_seal: {
    plaintext: [
      { plaintext: CANARY, password: 'correct horse battery staple', iterations: 220_000 },
      { plaintext: CANARY },
      { plaintext: CANARY, fernet_key: 'short' },
      { plaintext: CANARY, password: 'weak' },
    ],
    password: [
      { plaintext: 'x', password: CANARY, iterations: 220_000 },
      { plaintext: 'x', password: CANARY, iterations: 1_000 },
      { plaintext: 'x', password: CANARY, fernet_key: FERNET_KEY },
      { plaintext: 'x', password: CANARY, format: 'fernet', iterations: 100_000 },
    ],
    fernet_key: [
      { plaintext: 'x', fernet_key: FERNET_KEY },
      { plaintext: 'x', fernet_key: CANARY },
      { plaintext: 'x', fernet_key: FERNET_KEY, context: 'c' },
    ],
  },
  envelope_open: {
    password: [
      { envelope: '{}', password: CANARY },
      { envelope: `{"encrypted_data":"${CANARY}","salt":"AAAAAAAAAAA="}`, password: CANARY },
      { envelope: CANARY, password: CANARY },
    ],
    fernet_key: [
      { envelope: 'gAAAA', fernet_key: FERNET_KEY },
      { envelope: 'gAAAA', fernet_key: CANARY },
      { envelope: '{}', fernet_key: CANARY, password: CANARY },
    ],
  },
  envelope_rewrap: {
    password: [
      { envelope: '{}', password: CANARY },
      { envelope: CANARY, password: CANARY, iterations: 5 },
    ],
    new_password: [
      { envelope: '{}', password: 'x', new_password: CANARY },
      { envelope: '{}', new_password: CANARY },
    ],
  },
  file_encrypt: {
    password: [
      { path: `/${CANARY}`, password: CANARY },
      { path: '/a', password: CANARY, recipients: [CANARY] },
      { path: '/a', password: CANARY, output: CANARY, armor: CANARY },
    ],
  },
  file_decrypt: {
    password: [
      { path: `/${CANARY}.age`, password: CANARY },
      { path: '/a.age', password: CANARY, identity: CANARY },
      { path: '/a', password: CANARY, output: 5 },
    ],
    identity: [
      { path: '/a.age', identity: CANARY },
      { path: '/a.age', identity: `AGE-SECRET-KEY-1${CANARY}` },
      { path: `/${CANARY}`, identity: `AGE-SECRET-KEY-1${CANARY}` },
    ],
  },
  certificate_verify: {
    password: [
      { certificates: PKCS12, password: CANARY },
      { certificates: PKCS12, password: { literal: CANARY } },
      { certificates: PKCS12.slice(0, 1_000), password: CANARY },
      { certificates: PKCS12, password: CANARY, at: CANARY },
      { certificates: PKCS12, password: CANARY, server_name: `${CANARY}/` },
      { certificates: PKCS12, password: CANARY.repeat(50) },
      { certificates: CANARY, password: CANARY },
      { path: `/${CANARY}`, password: CANARY },
      { password: CANARY, trust: CANARY },
    ],
  },
};

describe('the canary', () => {
  it('is planted in every secret field there is', () => {
    const marked = Object.fromEntries(
      catalogue()
        .filter((tool) => tool.secretFields.length > 0)
        .map((tool) => [tool.name, tool.secretFields.map(({ name }) => name)]),
    );
    expect(Object.fromEntries(Object.entries(PLANTED).map(([tool, fields]) => [tool, Object.keys(fields)]))).toEqual(
      marked,
    );
  });

  it('locks files by reference, and is delivered where it is asked to, and no answer holds it', async () => {
    const path = join(files, 'plain');
    writeFileSync(path, 'a text');
    for (const reference of ['secret://planted', 'secret://typed']) {
      const there = join(files, reference.slice(9));
      for (const [name, input] of [
        ['file_encrypt', { path, password: reference, output: `${there}.age` }],
        ['file_decrypt', { path: `${there}.age`, password: reference, output: `${there}.back` }],
        ['secret_deliver', { reference, to: 'file', path: `${there}.secret` }],
        ['secret_deliver', { reference, to: 'env_file', path: `${there}.env`, variable: 'WANTED' }],
      ] as const) {
        const { text, isError } = await call(name, input);
        expectClean(text, name);
        expect(isError, text).toBe(false);
      }
      expectClean(readFileSync(`${there}.age`, 'latin1'), 'the encrypted file');
      expect(readFileSync(`${there}.back`, 'utf8')).toBe('a text');
      expect(readFileSync(`${there}.secret`, 'utf8')).toBe(CANARY);
      expect(readFileSync(`${there}.env`, 'utf8')).toBe(`WANTED=${CANARY}\n`);
      for (const [name, input] of [
        ['inspect', { path: `${there}.secret` }],
        ['inspect', { path: `${there}.env` }],
        ['file_encrypt', { path: `${there}.secret`, password: 'correct horse battery staple' }],
      ] as const) {
        const { text, isError } = await call(name, input);
        expectClean(text, name);
        expect(isError).toBe(true);
      }
    }
  });

  /** Each of them once more, with the canary behind a reference. */
  const byReference = (field: string, input: unknown): unknown[] => {
    const given = (input as Record<string, unknown>)[field];
    const isPlain = given === CANARY || JSON.stringify(given) === JSON.stringify({ literal: CANARY });
    return isPlain
      ? ['secret://planted', 'secret://typed', 'env://PLANTED_VARIABLE'].map((reference) => ({
          ...(input as object),
          [field]: reference,
        }))
      : [];
  };

  for (const [tool, fields] of Object.entries(PLANTED)) {
    for (const [field, given] of Object.entries(fields)) {
      const inputs = given.flatMap((input) => [input, ...byReference(field, input)]);
      it.each(inputs.map((input) => [JSON.stringify(input).replaceAll(CANARY, '<canary>').slice(0, 80), input]))(
        `in ${field} of ${tool} does not come back: %s`,
        async (_title, input) => {
          expectClean((await call(tool, input)).text, `the answer of ${tool}`);
        },
      );
    }
  }

  it('comes back where a tool is declared to return it, and only there', async () => {
    const password = 'correct horse battery staple';
    const { envelope } = JSON.parse(
      (await call('envelope_seal', { plaintext: CANARY, password, iterations: 220_000 })).text,
    ) as { envelope: string };
    expectClean(envelope, 'the envelope');
    const opened = await call('envelope_open', { envelope, password });
    expect(JSON.parse(opened.text)).toMatchObject({ plaintext: CANARY });
    expectClean((await call('envelope_open', { envelope, password: 'wrong' })).text, 'a refusal');
    expectClean(
      (await call('envelope_rewrap', { envelope, password, reencrypt: true, iterations: 220_000 })).text,
      'a rewrapped envelope',
    );
  });

  it('by reference comes back from no tool at all, whatever is stored and opened again', async () => {
    const answer = async (name: string, input: unknown): Promise<Record<string, unknown>> => {
      const { text } = await call(name, input);
      expectClean(text, name);
      return JSON.parse(text) as Record<string, unknown>;
    };
    const { envelope } = await answer('envelope_seal', { plaintext: 'secret://planted' });
    expect(await answer('envelope_open', { envelope })).toMatchObject({ error: { code: 'policy_refused' } });
    expect(await answer('envelope_open', { envelope, save_as: 'planted-again' })).toMatchObject({
      plaintext: 'secret://planted-again',
    });
    expect(
      await answer('password_hash', { password: 'secret://planted-again', save_as: 'planted-hash' }),
    ).toMatchObject({
      hash: 'secret://planted-hash',
    });
    await answer('secret_list', {});
    await answer('secret_delete', { name: 'planted-again' });
    await answer('audit_query', { limit: 200 });
  });

  it('in text that is inspected comes back only as far as the text is not secret', async () => {
    const pem = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(CANARY.repeat(4)).toString('base64')}\n-----END PRIVATE KEY-----`;
    for (const text of [
      pem,
      CANARY,
      FERNET_KEY,
      `AGE-SECRET-KEY-1${'Q'.repeat(58)}`,
      `{"kty":"oct","k":"${Buffer.from(CANARY).toString('base64url')}"}`,
      `{"encrypted_data":"x","key_info":"${FERNET_KEY}"}`,
    ]) {
      const { text: report } = await call('inspect', { text });
      expectClean(report, 'the report');
      expect(report).not.toContain(FERNET_KEY);
    }
  });

  it('is in no metric, and in no argument of a process', async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(metrics).toContain('secret_deliver');
    expectClean(metrics, 'the metrics');
    if (process.platform !== 'linux') return;
    for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      let told = '';
      try {
        const children = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1]?.split(' ')[1];
        if (id !== String(server.child.pid) && children !== String(server.child.pid)) continue;
        told = readFileSync(`/proc/${id}/cmdline`, 'latin1');
      } catch {
        // It has ended.
      }
      expectClean(told, 'the arguments of a process');
    }
  });

  it('is nowhere in standard error, in the audit, in any file of the store, nor in what else standard output holds', async () => {
    await server.end();
    expectClean(server.stderr, 'standard error');
    const entries = await auditIn(server.home);
    expectClean(JSON.stringify(entries), 'the audit');
    expect(entries.filter(({ event, caller }) => event === 'answered' && caller === 'raw')).toHaveLength(calls);
    for (const folder of [server.home, temporary])
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
        if (statSync(join(folder, name)).isFile()) expectClean(readFileSync(join(folder, name), 'latin1'), name);
    expectClean(readFileSync(started, 'utf8'), 'what the browser was started with');
    const others = server.answers.filter(({ result }) => !JSON.stringify(result ?? {}).includes('plaintext'));
    expectClean(JSON.stringify(others), 'standard output');
  });
});
