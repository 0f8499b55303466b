#!/usr/bin/env node
/** Composition root: the only file that touches the process (arguments, environment, signals, standard streams). */

import { spawnSync } from 'node:child_process';
import { Console } from 'node:console';
import { randomUUID } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, homedir } from 'node:os';
import { delimiter, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { App } from './app.js';
import { loadConfig, SECRET_VARIABLES, type Config, type ConfigResult } from './config.js';
import { resolveFolder } from './files/policy.js';
import type { CallResult } from './guard/call.js';
import type { Meter } from './guard/meter.js';
import { notOpened } from './guard/not-opened.js';
import type { Guide } from './guide/guide.js';
import { describeCause } from './guard/redact.js';
import { createLog, type Log } from './log.js';
import type { Metrics } from './metrics.js';
import { askSecret } from './prompt.js';
import type { RunningServer } from './server.js';
import { defaultHome } from './storage/home.js';

const EXIT_CONFIGURATION = 2;
const STDERR = 2;
/** For the audit of what was under way, and the log. */
const FLUSH_PATIENCE_MS = 1_500;
/** The logger takes as long to load as the rest of the program: a client that is waiting for its first answers comes first. */
const WARN_AFTER_MS = 1_000;

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Text in UTF-8; anything else throws. `regular`: nothing that waits for somebody to write, as a pipe does. */
function readBounded(path: string, maxBytes: number, regular = false): string {
  const file = openSync(path, regular ? constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) : 'r');
  try {
    if (regular && !fstatSync(file).isFile()) throw new TypeError('no regular file');
    const buffer = Buffer.alloc(maxBytes + 2);
    let length = 0;
    for (let read = 1; read > 0 && length < buffer.length; length += read)
      read = readSync(file, buffer, length, buffer.length - length, null);
    if (length > maxBytes + 1) throw new RangeError('file is too large');
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(buffer.subarray(0, length));
  } finally {
    closeSync(file);
  }
}

/** Whether a process is there, whoever's it is. */
function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM';
  }
}

async function readStdin(maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) throw new RangeError('input is too large');
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readConfig(folders: readonly string[] = []): ConfigResult {
  const readSecretFile = (path: string, maxBytes: number): string => readBounded(path, maxBytes, true);
  const files = {
    readSecretFile,
    resolveFolder,
    isAbsolute,
    defaultHome: defaultHome(process.env, process.platform, userFolder()),
    pathDelimiter: delimiter,
  };
  return loadConfig(process.env, files, folders);
}

/** Empty where the system knows none: a user id without an entry in a container. */
function userFolder(): string {
  try {
    return homedir();
  } catch {
    return '';
  }
}

function configured(folders: readonly string[]): Config {
  const loaded = readConfig(folders);
  // What this process starts (a browser) inherits its environment.
  for (const name of SECRET_VARIABLES) delete process.env[name];
  if ('config' in loaded) return loaded.config;
  process.stderr.write(`security-mcp does not start: ${loaded.problems.length} setting(s) to mend.\n`);
  for (const problem of loaded.problems) process.stderr.write(`  - ${problem}\n`);
  return process.exit(EXIT_CONFIGURATION);
}

type CreateApp = typeof import('./app.js').createApp;

function assemble(createApp: CreateApp, config: Config, log: Log, meter?: Meter): App {
  return createApp(config, {
    ...(meter === undefined ? {} : { meter }),
    reportFailure: (correlationId, tool, cause) =>
      log.error('call failed', { correlation_id: correlationId, tool, cause }),
    clock: () => performance.now(),
    now: () => new Date(),
    newId: () => randomUUID(),
    processors: availableParallelism(),
    poolThreads: Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) || 4,
    userId: process.geteuid?.(),
    processId: process.pid,
    browser: { platform: process.platform, environment: process.env },
    threadScript: new URL('./workers/thread.js', import.meta.url),
  });
}

async function loadMetrics(app: () => App | undefined): Promise<Metrics> {
  const { createMetrics } = await import('./metrics.js');
  return createMetrics(version, {
    queues: () => app()?.pipeline.queues ?? {},
    auditsPending: () => app()?.auditsPending() ?? 0,
  });
}

/** What every call is told where the tools do not load: which they will not in this process. */
function notLoaded(log: Log, error: unknown): Extract<CallResult, { kind: 'refused' }> {
  log.error('the tools do not load', { cause: describeCause(error) });
  const { code, message, hint } = notOpened(error);
  return { kind: 'refused', error: { code, message, hint } };
}

async function serveStandardStreams(folders: readonly string[]): Promise<void> {
  // Standard output belongs to JSON-RPC: what a library prints goes to standard error.
  globalThis.console = new Console(process.stderr);
  const config = configured(folders);
  const log = createLog(STDERR, config.logLevel);
  let metrics: Metrics | undefined;
  // The tools are loaded with the first call: a client that is waiting for the list of them gets it before.
  let app: App | undefined;
  let loading: Promise<App> | undefined;
  const loaded = (): Promise<App> =>
    (loading ??= import('./app.js').then(({ createApp }) => (app = assemble(createApp, config, log, metrics))));

  let guiding: Promise<Guide> | undefined;
  const loadGuide = async (): Promise<Guide> =>
    (await import('./guide/guide.js')).guideOf((await loaded()).pipeline, config, version);

  const calls = new Set<Promise<unknown>>();
  let server: RunningServer | undefined;
  const warnings = [...config.warnings];
  if (config.metricsPort !== undefined) {
    metrics = await loadMetrics(() => app);
    await metrics
      .listen(config.metricsPort)
      .catch(() =>
        warnings.push('SECURITY_MCP_METRICS_PORT cannot be listened on (is it taken?): no metrics are served.'),
      );
    await loaded();
  }
  if (config.jwtSecret === undefined && config.databaseUrl === undefined)
    warnings.push(
      'JWT_SECRET_KEY is not set: tokens are signed with the key of the store, which this machine alone has.',
    );
  const warn = (): void => {
    for (const warning of warnings.splice(0)) log.warn(warning);
  };
  let ending = false;
  const end = async (code: number): Promise<void> => {
    if (ending) return;
    ending = true;
    warn();
    // First the callers, so that what is under way is known to be cancelled; then the log of it; then the threads.
    await server?.close();
    // A call that came while the tools were loaded is audited too.
    const written = Promise.allSettled(calls)
      .then(() => app?.pipeline.settled())
      .then(() => log.flush());
    await Promise.race([written, new Promise((resolve) => setTimeout(resolve, FLUSH_PATIENCE_MS))]);
    metrics?.close();
    await app?.close();
    // A native computation cannot be interrupted, and a regular exit would wait for it: seconds at a high cost.
    if (app?.pipeline.busy === true) process.kill(process.pid, 'SIGKILL');
    process.exit(code);
  };
  const crash = (error: unknown): void => {
    log.error('unforeseen fault, ending', { cause: describeCause(error) });
    void end(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(0));

  const [{ serve }, { preparedList }] = await Promise.all([import('./server.js'), import('./tools/prepared.js')]);
  server = serve({
    pipeline: {
      async call(...call) {
        const answered = loaded().then(
          (begun) => begun.pipeline.call(...call),
          (error: unknown) => notLoaded(log, error),
        );
        calls.add(answered);
        try {
          return await answered;
        } finally {
          calls.delete(answered);
        }
      },
    },
    listing: preparedList(config.toolsets, config.readOnly),
    guide: () => (guiding ??= loadGuide()),
    version,
    input: process.stdin,
    output: process.stdout,
    onFault: (error) => log.error('protocol fault', { cause: describeCause(error) }),
    onClosed: () => void end(0),
  });
  if (process.stdin.isTTY)
    process.stderr.write('security-mcp serves MCP on standard input and output. For people: security-mcp --help\n');
  setTimeout(warn, WARN_AFTER_MS).unref();
}

async function runCommand(args: readonly string[]): Promise<void> {
  // A reader that has had enough (`| head`) is no fault, and nothing unforeseen may print its text.
  process.stdout.on('error', () => process.exit(1));
  process.on('uncaughtException', (error) => {
    process.stderr.write(`security-mcp: unforeseen fault ${JSON.stringify(describeCause(error))}\n`);
    process.exit(1);
  });
  const [{ runCli }, { createApp }] = await Promise.all([import('./cli.js'), import('./app.js')]);
  const colourful = !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  let app: App | undefined;
  const code = await runCli(args, {
    version,
    nodeVersion: process.version,
    platform: `${process.platform} ${process.arch}`,
    isTerminal: process.stdout.isTTY === true,
    isErrorTerminal: process.stderr.isTTY === true,
    drawing: {
      colours: process.stdout.isTTY === true && colourful,
      columns: process.stdout.columns ?? 100,
    },
    loadConfig: () => readConfig(),
    environment: process.env,
    isWindows: process.platform === 'win32',
    absolute: (path) => resolve(path),
    now: () => new Date(),
    versionOf: (path) => spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 5_000 }).stdout,
    program: { node: process.execPath, script: fileURLToPath(import.meta.url) },
    start: (config) =>
      (app ??= assemble(createApp, config, createLog(STDERR, config.logLevel === 'info' ? 'error' : config.logLevel))),
    print: (text) => new Promise((resolve) => process.stdout.write(text, () => resolve())),
    printError: (text) => new Promise((resolve) => process.stderr.write(text, () => resolve())),
    readFile: readBounded,
    isAlive,
    interruption() {
      const interruption = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
      return interruption.signal;
    },
    readStdin,
    askSecret: (question, confirm) =>
      askSecret(question, confirm, { stdin: process.stdin, stderr: process.stderr, readStdin }),
    userId: process.geteuid?.(),
  });
  await app?.close();
  process.exitCode = code;
}

const args = process.argv.slice(2);
const [command = 'serve', ...rest] = args;
if (command === 'serve' && !rest.some((argument) => argument.startsWith('-'))) await serveStandardStreams(rest);
else await runCommand(args);
