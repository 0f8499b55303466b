/**
 * Makes the one-click bundle (MCPB, manifest 0.3) of the built program: npm run bundle [-- --here] [-- --to FOLDER]
 * With --here it holds the native parts of this platform alone, taken from node_modules; otherwise those of every platform that hosts
 * run on, from the registry, each compared with the integrity in the lock file. Prints the path and its SHA-256.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { catalogue } from '../build/tools/index.js';

/** Those for which there is an SQLite (libsql). Without the engines for passwords the portable ones serve; without SQLite nothing does. */
const PLATFORMS = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-x64-gnu',
  'linux-x64-musl',
  'win32-x64-msvc',
];
const NATIVE = /^node_modules\/(libsql|detect-libc|@neon-rs\/load|@libsql\/.+|@node-rs\/.+)$/;

const { values } = parseArgs({ options: { here: { type: 'boolean' }, to: { type: 'string', default: '.' } } });
const about = JSON.parse(readFileSync('package.json', 'utf8'));
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;

const setting = (title, description, more = {}) => ({ type: 'string', title, description, required: false, ...more });
const manifest = {
  manifest_version: '0.3',
  name: about.name,
  display_name: 'Security MCP',
  version: about.version,
  description: about.description,
  author: { name: about.author },
  license: about.license,
  keywords: about.keywords,
  icon: 'icon.png',
  server: {
    type: 'node',
    entry_point: 'dist/main.js',
    mcp_config: {
      command: 'node',
      // Several folders unfold among the arguments only.
      args: ['${__dirname}/dist/main.js', 'serve', '${user_config.folders}'],
      env: {
        JWT_SECRET_KEY: '${user_config.jwt_secret_key}',
        SECURITY_MCP_MASTER_KEY: '${user_config.master_key}',
        SECURITY_MCP_DATABASE_URL: '${user_config.database_url}',
        SECURITY_MCP_NETWORK: '${user_config.network}',
        SECURITY_MCP_READ_ONLY: '${user_config.read_only}',
      },
    },
  },
  user_config: {
    folders: {
      type: 'directory',
      title: 'Folders for files',
      description: 'What tools may read, encrypt, and deliver secrets to. None where it is left empty.',
      required: false,
      multiple: true,
    },
    network: setting(
      'Network',
      'What certificate checks may dial: public (the internet), any (private networks too), or off.',
      {
        default: 'public',
      },
    ),
    read_only: {
      type: 'boolean',
      title: 'Read only',
      description: 'Leave out the tools that sign, make or store something.',
      required: false,
      default: false,
    },
    jwt_secret_key: setting(
      'JWT key',
      'HS256 key of at least 32 bytes that is shared with other programs. Without it a key of the store signs.',
      { sensitive: true },
    ),
    master_key: setting(
      'Master key',
      '32 bytes as base64url, base64 or hex. Needed with a database; without it a file in the home is used.',
      { sensitive: true },
    ),
    database_url: setting('Database', 'postgres://… where several machines share one store.', { sensitive: true }),
  },
  tools: catalogue().map(({ name, title }) => ({ name, description: title })),
  compatibility: { platforms: ['darwin', 'linux', 'win32'], runtimes: { node: about.engines.node } },
};

const stage = mkdtempSync(join(tmpdir(), 'security-mcp-bundle-'));
try {
  for (const file of ['LICENSE', 'README.md', 'SECURITY.md']) cpSync(file, join(stage, file));
  cpSync('docs/images/icon.png', join(stage, 'icon.png'));
  cpSync('dist', join(stage, 'dist'), { recursive: true, filter: (file) => !file.endsWith('.map') });
  const { name, version, type, license } = about;
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify({ name, version, type, license }, null, 2)}\n`);
  writeFileSync(join(stage, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  if (values.here) copyNativeParts();
  else fetchNativeParts();
  const file = resolve(values.to, `${name}-${version}.mcpb`);
  mkdirSync(values.to, { recursive: true });
  mcpb('validate', join(stage, 'manifest.json'));
  mcpb('pack', stage, file);
  console.log(`${file}\nSHA-256 ${createHash('sha256').update(readFileSync(file)).digest('hex')}`);
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function mcpb(...args) {
  execFileSync(process.execPath, ['node_modules/@anthropic-ai/mcpb/dist/cli/cli.js', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** What npm installed for this platform. */
function copyNativeParts() {
  for (const folder of Object.keys(lock).filter((folder) => NATIVE.test(folder)))
    try {
      cpSync(folder, join(stage, folder), { recursive: true });
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
}

function fetchNativeParts() {
  const wanted = Object.keys(lock).filter((folder) => {
    const [, name] = NATIVE.exec(folder) ?? [];
    if (name === undefined) return false;
    const isOfPlatform = lock[folder].os !== undefined;
    return !isOfPlatform || PLATFORMS.some((platform) => name.endsWith(platform));
  });
  const packages = wanted.map((folder) => `${NATIVE.exec(folder)[1]}@${lock[folder].version}`);
  // --force takes packages of other platforms too.
  const options = ['--force', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', '--prefix', stage, '--no-save', ...options, ...packages], {
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  const installed = JSON.parse(readFileSync(join(stage, 'node_modules/.package-lock.json'), 'utf8')).packages;
  for (const [folder, { integrity }] of Object.entries(installed))
    if (!wanted.includes(folder) || integrity !== lock[folder].integrity)
      throw new Error(`${folder} is not what the lock file says.`);
  for (const folder of wanted) if (!(folder in installed)) throw new Error(`${folder} was not installed.`);
}
