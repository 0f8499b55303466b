/** What the measurements run against: the built server as a child process spoken to in lines, and its pipeline in process. */

import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const SERVER = fileURLToPath(new URL('../dist/main.js', import.meta.url));
export const MINIMAL_SERVER = fileURLToPath(new URL('minimal-server.mjs', import.meta.url));
export const JWT_SECRET_KEY = randomBytes(32).toString('base64url');
/** A public example that the policy accepts. */
export const GOOD_PASSWORD = 'correct horse battery staple';
/** The most that SECURITY_MCP_CALLS_PER_MINUTE takes: here the limit must not be what is measured. */
export const UNLIMITED = '100000/100000';

/** Nothing that is measured touches the store of whoever measures. */
const HOME = mkdtempSync(join(tmpdir(), 'security-mcp-bench-'));
process.on('exit', () => rmSync(HOME, { recursive: true, force: true }));

const POOL_THREADS = 4;
/** How many CPU-heavy calls the pipeline runs at once (src/app.ts); the raw library gets as many. */
export const CPU_SLOTS = Math.max(1, Math.min(availableParallelism(), POOL_THREADS - 2));

/** This process's environment without settings of the server, which would change what is measured. */
export function cleanEnvironment() {
  const entries = Object.entries(process.env);
  return Object.fromEntries(
    entries.filter(([name]) => !/^(?:SECURITY_MCP_|JWT_SECRET_KEY|UV_THREADPOOL_SIZE)/.test(name)),
  );
}

/** A child that speaks MCP over stdio. It is driven by bare JSON lines, so that no client library's time is measured. */
export class StdioServer {
  #child;
  #waiting = new Map();
  #nextId = 1;
  #rest = '';

  constructor(script, env = {}) {
    this.#child = spawn(process.execPath, [script], {
      env: { ...cleanEnvironment(), SECURITY_MCP_HOME: HOME, ...env },
      stdio: 'pipe',
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text) => this.#onText(text));
    // Read and dropped, as a host does that keeps no log; unread it would fill up and hold the server.
    this.#child.stderr.resume();
    this.#child.on('exit', (code) => this.#fail(new Error(`the server ended with code ${code}`)));
    this.#child.stdin.on('error', () => undefined);
  }

  get pid() {
    return this.#child.pid;
  }

  #onText(text) {
    const lines = `${this.#rest}${text}`.split('\n');
    this.#rest = lines.pop();
    for (const line of lines) {
      const { id, result, error } = JSON.parse(line);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(`JSON-RPC error ${error.code}: ${error.message}`));
    }
  }

  #fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #send(message) {
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  request(method, params = {}) {
    return new Promise((resolve, reject) => {
      // What is sent to a process that is gone is never answered.
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        return reject(new Error('the server has ended'));
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#send({ id, method, params });
    });
  }

  /** The handshake of protocol 2025-11-25, which today's hosts speak. */
  async initialize(name = 'bench') {
    await this.request('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name, version: '1.0.0' },
    });
    this.#send({ method: 'notifications/initialized' });
  }

  /** Calls a tool and gives its structured content; a refusal is a fault of the measurement. */
  async call(name, input) {
    const result = await this.request('tools/call', { name, arguments: input });
    if (result.isError === true) throw new Error(`${name} was refused: ${result.content[0].text}`);
    return result.structuredContent;
  }

  /** Ends it as a host does that goes away: what is under way is not waited for. */
  end() {
    this.#child.stdin.end();
  }

  close() {
    return new Promise((resolve) => {
      this.#child.removeAllListeners('exit');
      this.#child.once('exit', resolve);
      this.#child.stdin.end();
    });
  }

  /** For those who do not go when their client has gone. */
  kill() {
    return new Promise((resolve) => {
      this.#child.removeAllListeners('exit');
      this.#child.once('exit', resolve);
      this.#child.kill('SIGKILL');
    });
  }
}

/** From spawning a server to its first list of tools, and the memory that it then takes (Linux; else not a number). */
export async function connect(script, env) {
  const startedMs = performance.now();
  const server = new StdioServer(script, env);
  await server.initialize();
  const { tools } = await server.request('tools/list');
  const ms = performance.now() - startedMs;
  if (tools.length === 0) throw new Error('the server lists no tool');
  const mib = residentMib(server.pid);
  await server.kill();
  return { ms, mib };
}

function residentMib(pid) {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

/** A server that is ready for calls. */
export async function startServer(script, env) {
  const server = new StdioServer(script, env);
  await server.initialize();
  return server;
}

/** The pipeline in this process, with an audit sink that costs nothing. */
export async function startPipeline(env = {}) {
  const [{ createApp }, { loadConfig }] = await Promise.all([import('../build/app.js'), import('../build/config.js')]);
  // No variable here names a file or a folder, so nothing is asked of the file system.
  const loaded = loadConfig(
    { JWT_SECRET_KEY, SECURITY_MCP_CALLS_PER_MINUTE: UNLIMITED, SECURITY_MCP_HOME: HOME, ...env },
    { pathDelimiter: ':', isAbsolute, defaultHome: () => HOME },
  );
  if ('problems' in loaded) throw new Error(loaded.problems.join(' '));
  const app = createApp(loaded.config, {
    audit: { append: async () => undefined },
    reportFailure: (_correlationId, tool, cause) => process.stderr.write(`${tool}: ${JSON.stringify(cause)}\n`),
    clock: () => performance.now(),
    now: () => new Date(),
    newId: () => randomUUID(),
    processors: availableParallelism(),
    poolThreads: POOL_THREADS,
    threadScript: new URL('../build/workers/thread.js', import.meta.url),
  });
  // A signal for each call, as the server gives one: shared by all, it would gather listeners.
  const caller = () => ({ name: 'bench', signal: new AbortController().signal });
  return {
    async call(name, input) {
      const result = await app.pipeline.call(name, input, caller());
      if (result.kind !== 'answered') throw new Error(`${name} was refused: ${JSON.stringify(result)}`);
      return result.value;
    },
    close: () => app.close(),
  };
}

/** Runs `work` `total` times, at most `atOnce` at a time: the next begins as soon as one ends. */
export async function runAtOnce(total, atOnce, work) {
  let begun = 0;
  const lane = async () => {
    while (begun < total) {
      begun++;
      await work();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
