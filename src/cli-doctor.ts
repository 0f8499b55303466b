/** `security-mcp doctor`: the usual faults of an installation, each with what mends it. */

import { basename, join } from 'node:path';

import type { App } from './app.js';
import type { CliWorld } from './cli.js';
import type { Config } from './config.js';
import { SecurityError } from './crypto/errors.js';
import { escapeUntrusted } from './crypto/text.js';

const [OK, FAILED] = [0, 1];
const MIN_NODE = [20, 19] as const;
/** When this version was made: a clock before it is wrong. */
const MADE_AT = Date.UTC(2026, 10, 1);
/** What an application that was not started from a shell gets as PATH on macOS and most Linux desktops. */
const DESKTOP_PATH = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];

interface Check {
  check: string;
  status: 'ok' | 'warn' | 'fail';
  finding: string;
}

export async function doctor(json: boolean, world: CliWorld): Promise<number> {
  const checks: Check[] = [];
  const add = (check: string, status: Check['status'], finding: string): void =>
    void checks.push({ check, status, finding });
  add('version', 'ok', `security-mcp ${world.version} on Node ${world.nodeVersion}, ${world.platform}`);
  checkNode(world, add);
  checkClock(world.now(), add);
  const loaded = world.loadConfig();
  if ('problems' in loaded) for (const problem of loaded.problems) add('configuration', 'fail', problem);
  else await checkRunning(loaded.config, world, add);
  const failed = checks.some(({ status }) => status === 'fail');
  if (json) await world.print(`${JSON.stringify({ healthy: !failed, checks })}\n`);
  else {
    const marks = { ok: '✓', warn: '!', fail: '✗' };
    for (const { check, status, finding } of checks)
      await world.print(`${marks[status]} ${check.padEnd(14)} ${finding}\n`);
    await world.print(failed ? '\nMend what is marked ✗ and run doctor again.\n' : '\nReady to serve.\n');
  }
  return failed ? FAILED : OK;
}

type Add = (check: string, status: Check['status'], finding: string) => void;

/** Whether this Node is supported, and whether a desktop application that looks for it by its name finds one that is. */
function checkNode({ nodeVersion, program, isWindows, versionOf }: CliWorld, add: Add): void {
  if (!isSupported(nodeVersion)) add('node', 'fail', `Node ${MIN_NODE.join('.')} or newer is needed: install Node 24.`);
  else if (nodeVersion.startsWith('v20.')) add('node', 'warn', 'Node 20 is past its end of life: 24 is recommended.');
  else add('node', 'ok', 'supported');
  if (isWindows) return;
  let found: string | null = null;
  for (const folder of DESKTOP_PATH) found ??= versionOf(join(folder, basename(program.node)));
  if (found !== null && isSupported(found)) return add('desktop path', 'ok', 'applications find Node by its name');
  add(
    'desktop path',
    'warn',
    `Applications that were not started from a shell find ${found === null ? 'no Node' : 'a Node that is too old'} by its name: use the entry that \`security-mcp config CLIENT\` prints, with its absolute path.`,
  );
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = (/^v(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  return major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
}

/** Tokens and certificates are judged by it. */
function checkClock(now: Date, add: Add): void {
  const time = `${now.toISOString().slice(0, 16)}Z`;
  if (now.getTime() >= MADE_AT) return add('clock', 'ok', time);
  add(
    'clock',
    'fail',
    `The clock of this machine says ${time}, before this version was made: set it, or tokens and certificates are judged wrongly.`,
  );
}

async function checkRunning(config: Config, world: CliWorld, add: Add): Promise<void> {
  add('configuration', 'ok', 'readable, no problem found');
  for (const warning of config.warnings) add('configuration', 'warn', warning);
  if (config.jwtSecret === undefined)
    add('jwt key', 'ok', 'JWT_SECRET_KEY is not set: tokens are signed with the key jwt of the store');
  else
    add(
      'jwt key',
      'ok',
      `HS256 from JWT_SECRET_KEY${config.jwtSecretPrevious === undefined ? '' : ', and the previous one for verifying'}`,
    );
  const folders = config.fileFolders.length;
  add('files', 'ok', folders === 0 ? 'none: SECURITY_MCP_FILES names no folder' : `${folders} folder(s) may be read`);
  await checkNetwork(config, add);
  if (config.metricsPort !== undefined)
    add(
      'metrics',
      'ok',
      `served by each server at http://127.0.0.1:${config.metricsPort}/metrics, if the port is free`,
    );
  const app = world.start(config);
  const isStoreSound = await checkStore(config, app, add);
  const engines = await app.engines();
  for (const [algorithm, engine] of Object.entries(engines)) {
    if (engine === 'unavailable')
      add(
        algorithm,
        'fail',
        'The native engine does not load: set SECURITY_MCP_ENGINE=auto, or install the optional dependencies.',
      );
    else if (engine === 'portable' && config.engine === 'auto')
      add(algorithm, 'warn', 'portable engine (slower): the optional native package does not load here');
    else add(algorithm, 'ok', `${engine} engine`);
  }
  add(
    'tools',
    app.pipeline.tools.length > 0 ? 'ok' : 'fail',
    `${app.pipeline.tools.length} offered${config.readOnly ? ', read-only' : ''}`,
  );
  // It could only fail by what was told of the store.
  if (!isStoreSound) return;
  const tried = await app.pipeline.call(
    'digest_compute',
    { algorithm: 'sha256', text: 'abc', expected: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
    { name: 'doctor', signal: new AbortController().signal },
  );
  if (tried.kind !== 'unknown_tool') {
    const sound = tried.kind === 'answered' && tried.value['matches'] === true;
    add('pipeline', sound ? 'ok' : 'fail', sound ? 'a call passes, audited in the store' : 'a trial call failed');
  }
}

/** Opens the store, which makes an empty one where there is none yet; the master key is looked at, never made. Whether both are sound. */
async function checkStore(config: Config, app: App, add: Add): Promise<boolean> {
  const { store, vault } = await app.storage();
  const tell = (check: string, error: unknown): false => {
    if (!(error instanceof SecurityError)) throw error;
    // The variable may be unset, and the operator is the one who may know the path.
    const where = store.engine === 'sqlite' && config.home !== undefined ? ` (the folder is ${config.home})` : '';
    add(check, 'fail', escapeUntrusted(`${error.message} ${error.hint}${where}`, 2_000));
    return false;
  };
  try {
    const { location, version, schemaVersion } = await store.report();
    const place = escapeUntrusted(location, 1_000);
    add('store', 'ok', `${version} at ${place}, can be written, tables of version ${schemaVersion}`);
  } catch (error) {
    return tell('store', error);
  }
  try {
    const from = config.masterKey === undefined ? 'master.key in that folder' : 'SECURITY_MCP_MASTER_KEY';
    const sound = (await vault.status()) === 'sound';
    add('master key', 'ok', sound ? `${from} fits the store` : `none needed yet; the first use takes ${from}`);
    return true;
  } catch (error) {
    return tell('master key', error);
  }
}

async function checkNetwork({ network, extraAnchors }: Config, add: Add): Promise<void> {
  const { mode, allowHosts, ports } = network;
  const more = [
    ...(allowHosts.length === 0 ? [] : [`${allowHosts.length} allowed host(s)`]),
    ...(ports.length === 0 ? [] : [`${ports.length} further port(s)`]),
  ];
  const reach = {
    public: `public: ${['the internet', ...more].join(', and ')}`,
    any: 'any: private networks and all ports too',
    off: 'off: certificate checks dial nothing',
  };
  add('network', 'ok', reach[mode]);
  const { systemAnchors } = await import('./network/anchors.js');
  const bundled = systemAnchors([]).certificates.length;
  const added = systemAnchors(extraAnchors).certificates.length - bundled;
  add('trust', 'ok', `${bundled} roots of Node${added === 0 ? '' : `, and ${added} of the environment`}`);
}
