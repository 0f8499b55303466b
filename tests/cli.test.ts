/** The command line, as built: the same tools through the same pipeline, for scripts and for people. */

import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { runCli, type CliWorld } from '../src/cli.js';
import { systemRandom } from '../src/crypto/random.js';
import { environmentKey } from '../src/storage/key-file.js';
import { createVault } from '../src/storage/master-key.js';
import { lazyStore } from '../src/storage/store.js';
import { catalogue } from '../src/tools/index.js';
import { auditIn } from './support/audit.js';
import { newHome } from './support/home.js';
import { createLab } from './support/pki/lab.js';
import { bench } from './support/pipeline.js';

const CANARY = 'canary-c11';
const lab = await createLab();
const folder = mkdtempSync(join(tmpdir(), 'security-mcp-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** Made by the first doctor. */
const home = join(folder, 'home');

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

function run(args: string[], options: { input?: string; env?: Record<string, string> } = {}): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['dist/main.js', ...args],
      { env: { ...process.env, SECURITY_MCP_HOME: home, ...options.env } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end(options.input ?? '');
  });
}

function terminal(made = bench()): { world: CliWorld; out: () => string; errors: () => string } {
  let out = '';
  let errors = '';
  const { pipeline } = made;
  const store = lazyStore({ owner: undefined });
  const world: CliWorld = {
    version: '0.0.0',
    nodeVersion: 'v24.0.0',
    platform: 'test',
    isWindows: false,
    absolute: (path) => path,
    environment: {},
    program: { node: process.execPath, script: '/opt/security-mcp/dist/main.js' },
    now: () => new Date(),
    versionOf: () => null,
    isTerminal: true,
    isErrorTerminal: true,
    drawing: { colours: false, columns: 100 },
    loadConfig: () => ({ config: {} as never }),
    start: () => ({
      pipeline,
      operator: pipeline,
      storage: async () => ({
        store,
        vault: createVault(store, environmentKey(Buffer.alloc(32)), systemRandom),
        keys: {} as never,
        attempts: {} as never,
        audit: {} as never,
        secrets: {} as never,
      }),
      engines: async () => ({ bcrypt: 'native', argon2: 'native' }),
      auditsPending: () => 0,
      close: async () => undefined,
    }),
    print: async (text) => void (out += text),
    printError: async (text) => void (errors += text),
    readFile: () => '',
    readStdin: async () => '',
    askSecret: async () => null,
    userId: undefined,
    isAlive: () => false,
    interruption: () => new AbortController().signal,
  };
  return { world, out: () => out, errors: () => errors };
}

describe('security-mcp call', () => {
  const digest = '{"algorithm":"sha256","text":"abc"}';
  const expected = {
    digest: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    algorithm: 'sha256',
    input_bytes: 3,
  };

  it('takes JSON, a file, or standard input, prints the result as JSON, and exits 0', async () => {
    const file = join(folder, 'input.json');
    writeFileSync(file, digest);
    for (const [args, input] of [
      [[digest], ''],
      [[`@${file}`], ''],
      [['-'], digest],
      [['--json', '-'], digest],
    ] as const) {
      const { code, stdout } = await run(['call', 'digest_compute', ...args], { input });
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toEqual(expected);
    }
  });

  it('reads files in the folders of SECURITY_MCP_FILES, and none without', async () => {
    const path = join(folder, 'abc');
    writeFileSync(path, 'abc');
    const input = JSON.stringify({ algorithm: 'sha256', path });
    const env = { SECURITY_MCP_FILES: folder };
    expect(JSON.parse((await run(['call', 'digest_compute', input], { env })).stdout)).toEqual(expected);
    expect((await run(['doctor'], { env })).stdout).toMatch(/✓ files +1 folder\(s\) may be read\n/);
    const without = await run(['call', 'digest_compute', input]);
    expect(without.code).toBe(1);
    expect(JSON.parse(without.stdout)).toMatchObject({ error: { code: 'path_refused' } });
    const wrong = await run(['call', 'digest_compute', input], { env: { SECURITY_MCP_FILES: path } });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/^security-mcp: SECURITY_MCP_FILES must be at most 32 absolute paths/);
    expect(wrong.stderr).not.toContain(folder);
  });

  it('exits 1 on a refusal, which comes as JSON too', async () => {
    const { code, stdout } = await run(['call', 'password_hash', '-'], { input: '{"password":"hunter2"}' });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'password_weak' } });
  });

  it('is audited like any other call', async () => {
    const env = { SECURITY_MCP_HOME: newHome() };
    expect((await run(['call', 'digest_compute', digest], { env })).stderr).toBe('');
    expect(await auditIn(env.SECURITY_MCP_HOME)).toEqual([
      expect.objectContaining({ tool: 'digest_compute', caller: 'command line', outcome: 'ok' }),
    ]);
  });

  it.each([
    [['call']],
    [['call', 'digest_compute', 'not json']],
    [['call', 'digest_compute', '[1]']],
    [['call', 'digest_compute', `@${CANARY}/missing`]],
    [['call', 'digest_compute', digest, 'more']],
    [['call', CANARY, '{}']],
    [[CANARY]],
    [['--canary']],
  ])('wrong usage %j exits 2 with the next step, and echoes nothing', async (args) => {
    const { code, stdout, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^security-mcp: /);
    expect(stderr).not.toContain(CANARY);
  });

  it('a wrong configuration exits 2 with every problem', async () => {
    const { code, stderr } = await run(['call', 'digest_compute', digest], {
      env: { SECURITY_MCP_ENGINE: CANARY, JWT_SECRET_KEY: CANARY },
    });
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(2);
    expect(stderr).not.toContain(CANARY);
  });

  it('a reader that closes early is no crash', async () => {
    const child = spawn(process.execPath, ['dist/main.js', 'tools'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.destroy();
    await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).not.toContain('Error');
  });
});

describe('security-mcp', () => {
  it('--version, --help, tools and doctor', async () => {
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await run(['--help']);
    for (const word of ['call TOOL', 'tools', 'doctor', '--json']) expect(help.stdout).toContain(word);
    const tools = await run(['tools']);
    for (const { name } of catalogue()) expect(tools.stdout).toContain(name);
    const listed = JSON.parse((await run(['tools', '--json'])).stdout) as { tools: { name: string }[] };
    expect(listed.tools.map(({ name }) => name)).toEqual(catalogue().map(({ name }) => name));
  });

  it('doctor says what is there and exits 0, and what is wrong and how to mend it and exits 1', async () => {
    const good = await run(['doctor', '--json'], {
      env: { JWT_SECRET_KEY: 'a-secret-of-thirty-two-bytes-0123456789' },
    });
    expect(good.code).toBe(0);
    const { healthy, checks } = JSON.parse(good.stdout) as {
      healthy: boolean;
      checks: { check: string; status: string }[];
    };
    expect(healthy).toBe(true);
    const ofThisMachine = ['node', 'desktop path'];
    const sound = checks.filter(({ check, status }) => status === 'ok' && !ofThisMachine.includes(check));
    expect(sound.map(({ check }) => check)).toEqual([
      'version',
      'clock',
      'configuration',
      'jwt key',
      'files',
      'network',
      'trust',
      'store',
      'master key',
      'bcrypt',
      'argon2',
      'tools',
      'pipeline',
    ]);
    const wide = await run(['doctor'], {
      env: { SECURITY_MCP_ALLOW_HOSTS: '10.0.0.0/8,*.corp.test', SECURITY_MCP_PORTS: '8200' },
    });
    expect(wide.stdout).toMatch(/✓ network +public: the internet, and 2 allowed host\(s\), and 1 further port\(s\)\n/);
    expect(wide.stdout).toMatch(/✓ trust +\d{3} roots of Node/);
    for (const mode of ['any', 'off'])
      expect((await run(['doctor'], { env: { SECURITY_MCP_NETWORK: mode } })).stdout).toMatch(
        new RegExp(`✓ network +${mode}: `),
      );
    const bad = await run(['doctor'], { env: { SECURITY_MCP_BCRYPT_COST: '3', JWT_SECRET_KEY: CANARY } });
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/✗ configuration +JWT_SECRET_KEY is .*\n✗ configuration +SECURITY_MCP_BCRYPT_COST must/);
    expect(bad.stdout).not.toContain(CANARY);
  });

  it('serve names the folders of its arguments where they are none, and not a variable that nobody set', async () => {
    const refused = await run(['serve', '/no/such/folder']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('A folder after `serve` must be the absolute path of an existing folder');
    expect(refused.stderr).not.toContain('SECURITY_MCP_FILES');
    expect((await run(['serve', '--help'])).stderr).toContain('usage: security-mcp serve [FOLDER...]');
  });

  it('doctor finds an old Node, a Node that desktop applications do not find, a wrong clock, and variables left unexpanded', async () => {
    const { world, out } = terminal();
    const faulty: CliWorld = {
      ...world,
      nodeVersion: 'v18.20.4',
      program: { ...world.program, node: '/opt/versions/node-that-no-desktop-finds' },
      now: () => new Date('2019-01-01T00:00:00Z'),
      loadConfig: () => ({ problems: [] }),
    };
    expect(await runCli(['doctor'], faulty)).toBe(1);
    expect(out()).toMatch(/✗ node +Node 20\.19 or newer is needed: install Node 24\./);
    expect(out()).toMatch(
      /! desktop path +Applications .* find no Node by its name: use the entry that `security-mcp config/,
    );
    const old = terminal();
    await runCli(['doctor'], { ...old.world, versionOf: () => 'v18.20.4\n', loadConfig: () => ({ problems: [] }) });
    expect(old.out()).toMatch(
      /✓ node +supported\n! desktop path +Applications .* find a Node that is too old by its name/,
    );
    expect(out()).toMatch(/✗ clock +The clock of this machine says 2019-01-01T00:00Z, .*: set it/);

    const { stdout } = await run(['doctor'], { env: { SECURITY_MCP_FILES: '${workspaceFolder}' } });
    expect(stdout).toMatch(/! configuration +SECURITY_MCP_FILES holds a placeholder that the host did not expand/);
  });

  it('doctor tells which store there is, and for one that cannot be used the command that mends it', async () => {
    const good = await run(['doctor'], { env: { SECURITY_MCP_HOME: newHome() } });
    expect(good.stdout).toMatch(
      /✓ store +SQLite 3\.[\d.]+ at .*security-mcp\.db, can be written, tables of version \d+\n/,
    );
    expect(good.stdout).toMatch(/✓ master key +none needed yet/);
    if (process.platform !== 'win32') {
      chmodSync(home, 0o755);
      const bad = await run(['doctor']);
      chmodSync(home, 0o700);
      expect(bad.code).toBe(1);
      expect(bad.stdout).toMatch(/✗ store +The folder SECURITY_MCP_HOME may be read .* chmod 700 .*\(the folder is /);
    }
    const url = `postgres://user:${CANARY}@127.0.0.1:9/app`;
    const key = { SECURITY_MCP_MASTER_KEY: '00'.repeat(32) };
    const away = await run(['doctor'], { env: { SECURITY_MCP_DATABASE_URL: url, ...key } });
    expect(away.code).toBe(1);
    expect(away.stdout).toMatch(/✗ store +The database server does not answer\./);
    expect(away.stdout + away.stderr).not.toContain(CANARY);
  });
});

describe('on a terminal', () => {
  it('a result is laid out for reading, with --json it is raw', async () => {
    const plain = terminal();
    expect(await runCli(['call', 'password_strength', '{"password":"Password1!"}'], plain.world)).toBe(0);
    expect(plain.out()).toMatch(/^score +1\n/);
    expect(plain.out()).toMatch(/policy\n {2}accepted +false\n {2}reasons\n {4}- +too_guessable\n/);
    const names = terminal();
    const claims = { '\u001B]0;title\u0007': '\u001B[2J', 'a\u202Eb': 1 };
    const token = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.AA`;
    await runCli(['call', 'inspect', JSON.stringify({ text: token })], names.world);
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(names.out()).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u202E]/);
    const raw = terminal();
    await runCli(['call', 'digest_compute', '{"algorithm":"md5","text":""}', '--json'], raw.world);
    expect(JSON.parse(raw.out())).toMatchObject({ algorithm: 'md5' });
  });

  it('a refusal is marked, and control characters of a content never reach the terminal', async () => {
    const refusal = terminal();
    expect(await runCli(['call', 'password_hash', '{"password":"x"}'], refusal.world)).toBe(1);
    expect(refusal.out()).toMatch(/^✗ code +password_weak\n/);
    const key = Buffer.alloc(32, 1).toString('base64url').padEnd(44, '=');
    const sealing = terminal();
    await runCli(
      ['call', 'envelope_seal', JSON.stringify({ plaintext: 'a\u001b[31mred\u202e\nb', fernet_key: key }), '--json'],
      sealing.world,
    );
    const { envelope } = JSON.parse(sealing.out()) as { envelope: string };
    const opening = terminal();
    await runCli(['call', 'envelope_open', JSON.stringify({ envelope, fernet_key: key })], opening.world);
    expect(opening.out()).toContain('a\\u{1B}[31mred\\u{202E}\n');
    expect(opening.out()).not.toContain('\u001b');
  });

  describe('certificates', () => {
    /** Nothing is dialled here: each target is judged as refused by the policy. */
    const targets = ['a.test', 'b.test', 'c.test'];
    const input = JSON.stringify({ targets });

    it('are drawn, with a bar of the progress on standard error that is taken away again', async () => {
      const { world, out, errors } = terminal();
      expect(await runCli(['call', 'certificate_check', input], world)).toBe(0);
      expect(out()).toMatch(/^\? a\.test {2}undetermined\n/);
      expect(out()).toMatch(/\n3 targets: 3 undetermined\n$/);
      expect(errors()).toMatch(/^\r\[#{8}\.{16}\] 1\/3\r\[#{16}\.{8}\] 2\/3\r\[#{24}\] 3\/3\r +\r$/);
      const one = terminal();
      await runCli(['call', 'certificate_check', '{"targets":["a.test"]}'], one.world);
      expect(one.errors()).toBe('');
    });

    it('with --json, or where standard error is no terminal, no bar is drawn', async () => {
      const raw = terminal();
      expect(await runCli(['call', 'certificate_check', input, '--json'], raw.world)).toBe(0);
      expect(raw.errors()).toBe('');
      expect(JSON.parse(raw.out())).toMatchObject({ results: targets.map((target) => ({ target })) });
      const quiet = terminal();
      await runCli(['call', 'certificate_check', input], { ...quiet.world, isErrorTerminal: false });
      expect(quiet.errors()).toBe('');
      expect(quiet.out()).toContain('3 targets');
    });

    it('a terminal gets all there is to say, a pipe the short form, and what is asked for is given', async () => {
      const asked = async (args: string[], tty: boolean): Promise<unknown> => {
        const made = bench();
        await runCli(args, { ...terminal(made).world, isTerminal: tty });
        return made.entries[0]?.fields ?? {};
      };
      expect(await asked(['call', 'certificate_check', input], true)).toMatchObject({ detail: 'full' });
      expect(await asked(['call', 'certificate_check', input], false)).not.toHaveProperty('detail');
      expect(
        await asked(['call', 'certificate_check', JSON.stringify({ targets, detail: 'concise' })], true),
      ).toMatchObject({ detail: 'concise' });
    });

    it('exit 0 whatever the verdict: the check was made', async () => {
      const { world, out } = terminal();
      const expired = { certificates: lab.good.pem, trust: lab.rootEc.pem, at: '2040-01-01T00:00:00Z' };
      expect(await runCli(['call', 'certificate_verify', JSON.stringify(expired)], world)).toBe(0);
      expect(out()).toMatch(/^✗ certificate {2}untrusted\n/);
      expect(out()).toContain('└─ CN=good.lab.test');
      const refused = terminal();
      expect(await runCli(['call', 'certificate_check', '{"targets":["a b"]}'], refused.world)).toBe(1);
      expect(refused.out()).toMatch(/^✗ code +input_invalid\n/);
    });

    describe('with --html', () => {
      const report = (name: string): string => join(folder, name);

      it('are written as a page too, whole, for whom the folder lets in, and drawn as before', async () => {
        const { world, out } = terminal();
        const path = report('new.html');
        expect(await runCli(['call', 'certificate_check', input, '--html', path], world)).toBe(0);
        expect(out()).toMatch(/\n3 targets: 3 undetermined\n$/);
        const html = readFileSync(path, 'utf8');
        expect(html).toMatch(/^<!doctype html>\n/);
        for (const target of targets) expect(html).toContain(`"target":"${target}"`);
        expect(statSync(path).mode & 0o777).toBe(0o666 & ~process.umask());
      });

      it('have all there is to say in it, also where the result goes into a pipe', async () => {
        const made = bench();
        const { world, out } = terminal(made);
        const options = ['--html', report('pipe.html')];
        expect(await runCli(['call', ...options, 'certificate_check', input], { ...world, isTerminal: false })).toBe(0);
        expect(made.entries[0]?.fields).toMatchObject({ detail: 'full' });
        expect(JSON.parse(out())).toMatchObject({ results: targets.map((target) => ({ target })) });
      });

      it('are written of a certificate that is given, too', async () => {
        const path = report('given.html');
        const given = { certificates: lab.good.pem, trust: lab.rootEc.pem };
        const args = ['call', 'certificate_verify', JSON.stringify(given), '--html', path];
        expect(await runCli(args, terminal().world)).toBe(0);
        expect(readFileSync(path, 'utf8')).toContain('"target":"certificate"');
      });

      it('replace no file unless --overwrite says so, and nothing is called before there is a place', async () => {
        const path = report('there.html');
        writeFileSync(path, 'mine');
        for (const [place, told] of [
          [path, /There is a file of that name already\. Give another name, or --overwrite/],
          [join(folder, 'no-such-folder', 'x.html'), /There is no such file or folder\./],
          [folder, /That is no regular file\./],
        ] as const) {
          const made = bench();
          const { world, errors } = terminal(made);
          expect(await runCli(['call', 'certificate_check', input, '--html', place], world)).toBe(1);
          expect(errors()).toMatch(told);
          expect(made.entries).toEqual([]);
        }
        expect(readFileSync(path, 'utf8')).toBe('mine');
        const args = ['call', 'certificate_check', input, '--html', path, '--overwrite'];
        expect(await runCli(args, terminal().world)).toBe(0);
        expect(readFileSync(path, 'utf8')).toContain('<!doctype html>');
        expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
      });

      it('are wrong usage of other tools, without a file, or twice; then nothing is called or written', async () => {
        const path = report('never.html');
        for (const args of [
          ['digest_compute', '{"algorithm":"sha256","text":"abc"}', '--html', path],
          ['certificate_check', input, '--html'],
          ['certificate_check', input, '--html', '--overwrite'],
          ['certificate_check', input, '--overwrite'],
          ['certificate_check', input, '--html', path, '--html', path],
          ['certificate_check', 'no json', '--html', path],
        ]) {
          const made = bench();
          const { world, errors } = terminal(made);
          expect(await runCli(['call', ...args], world), args.join(' ')).toBe(2);
          expect(errors()).toMatch(/^security-mcp: /);
          expect(made.entries).toEqual([]);
        }
        const refused = terminal();
        const unreadable = ['call', 'certificate_check', '{"targets":["a b"]}', '--html', path];
        expect(await runCli(unreadable, refused.world)).toBe(1);
        expect(existsSync(path)).toBe(false);
      });
    });
  });
});
