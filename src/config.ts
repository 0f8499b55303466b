/** The environment as one frozen Config. Every problem is reported at once, with the variable's name and how to mend it. */

import { equalBytes, utf8 } from './crypto/bytes.js';
import { BCRYPT_COST } from './crypto/password.js';
import { parseMasterKey } from './crypto/wrapping.js';
import type { AllowedFolder } from './files/policy.js';
import { DESK_SETTINGS, type DeskSetting } from './desk/setting.js';
import { NETWORK_MODES, parseAllowedHost, type NetworkPolicy } from './network/policy.js';
import { TOOLSET_NAMES, type Toolset } from './tools/toolsets.js';
import { ENGINE_SETTINGS, type EngineSetting } from './workers/engines.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Config {
  /** Absolute path of the folder of the embedded store; undefined where none is named and the system has no place for it. */
  readonly home?: string;
  /** A postgres:// URL with its password: a secret. */
  readonly databaseUrl?: string;
  /** 32 bytes; undefined for a file in the home. */
  readonly masterKey?: Uint8Array;
  /** For `master-key rotate` alone. */
  readonly newMasterKey?: Uint8Array;
  /** For `storage copy` alone. */
  readonly copyToDatabaseUrl?: string;
  readonly jwtSecret?: string;
  readonly jwtSecretPrevious?: string;
  readonly bcryptCost: number;
  readonly engine: EngineSetting;
  readonly passwordMinLength: number;
  readonly callsPerMinute: { readonly light: number; readonly cpu: number };
  readonly verifyAttempts: { readonly guesses: number; readonly windowSeconds: number };
  /** The folders that file tools may touch. */
  readonly fileFolders: readonly AllowedFolder[];
  readonly network: NetworkPolicy;
  /** PEM texts of trust anchors beside Node's bundled ones. */
  readonly extraAnchors: readonly string[];
  /** How the human is asked. */
  readonly desk: DeskSetting;
  readonly toolsets: readonly Toolset[];
  readonly readOnly: boolean;
  /** Whether secrets of every origin may be delivered. */
  readonly deliverAny: boolean;
  /** What tools may use as `env://NAME`. */
  readonly exposedEnvironment: ReadonlyMap<string, string>;
  /** Where metrics are served on the loopback address; absent where they are not. */
  readonly metricsPort?: number;
  readonly logLevel: LogLevel;
  /** What does not stop the start but should be known. */
  readonly warnings: readonly string[];
}

/** Whether a value counts as unset because a host left it unexpanded. */
export const isPlaceholder = (value: string): boolean => PLACEHOLDER.test(value.trim());

export type ConfigResult = { config: Config } | { problems: string[] };

export type Environment = Readonly<Record<string, string | undefined>>;

/** The file system, as far as the configuration asks it. */
export interface ConfigFiles {
  /** Reads a file of at most `maxBytes`, or throws. */
  readSecretFile(path: string, maxBytes: number): string;
  /** The folder at an absolute path, or null where there is none that may be allowed. */
  resolveFolder(path: string): AllowedFolder | null;
  isAbsolute(path: string): boolean;
  /** The per-user data folder of this program, or undefined where the system has no such place. */
  defaultHome: string | undefined;
  /** What stands between two paths of a list: `:`, on Windows `;`. */
  pathDelimiter: string;
}

const PREFIX = 'SECURITY_MCP_';
/** What was meant to be something else: a variable that somebody was to put in. As a secret everybody could guess it. */
const UNEXPANDED = /\$\{[^}]*\}|^\$\w+$|^%\w+%$/;
/** What a host left unexpanded, such as `${user_config.folders}`: it counts as unset. */
const PLACEHOLDER = /^\$\{[^}]*\}$/;
const MAX_SECRET_BYTES = 4_096;
const MIN_JWT_SECRET_BYTES = 32;
const MAX_FOLDERS = 32;
const MAX_EXPOSED = 64;
const MAKE_KEY = "node -p \"require('node:crypto').randomBytes(32).toString('base64url')\"";

/** The variables of this version, in the order in which they are documented. */
export const VARIABLES = [
  [
    'SECURITY_MCP_HOME',
    'per-user data folder',
    'absolute path of the folder of the store, made 0700: `security-mcp.db` and, unless the variable below is set, `master.key`',
  ],
  [
    'SECURITY_MCP_MASTER_KEY',
    '`master.key` in the home',
    '32 bytes as base64url, base64 or hex: the key that protects all keys of the store; required with PostgreSQL',
  ],
  [
    'SECURITY_MCP_DATABASE_URL',
    'a file in the home',
    '`postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full`: a store that many machines share',
  ],
  [
    'SECURITY_MCP_NEW_MASTER_KEY',
    'none',
    'for `security-mcp master-key rotate` alone, where the key in force comes from the environment',
  ],
  ['SECURITY_MCP_COPY_TO_DATABASE_URL', 'none', 'for `security-mcp storage copy` alone: the database to copy to'],
  [
    'JWT_SECRET_KEY',
    'none',
    `HS256 key, ${MIN_JWT_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes; shared by every instance that gets it. Without it tokens are signed with a key of the store`,
  ],
  ['JWT_SECRET_KEY_PREVIOUS', 'none', 'verifies only: the former `JWT_SECRET_KEY` while its tokens live on'],
  ['SECURITY_MCP_BCRYPT_COST', '12', `cost of new bcrypt hashes, ${BCRYPT_COST.min} to ${BCRYPT_COST.max}`],
  ['SECURITY_MCP_ENGINE', 'auto', 'password hashing: `native`, `portable`, or `auto` for native where it loads'],
  [
    'SECURITY_MCP_PASSWORD_MIN_LENGTH',
    '8',
    'characters, 8 to 64; 15 where the password is the only factor (SP 800-63B-4)',
  ],
  ['SECURITY_MCP_CALLS_PER_MINUTE', '6000/120', 'calls per tool and minute: light / CPU-heavy, up to 100000/100000'],
  ['SECURITY_MCP_VERIFY_ATTEMPTS', '5/60', 'guesses / seconds, per password hash or envelope, up to 100/86400'],
  [
    'SECURITY_MCP_FILES',
    'none',
    `absolute paths of the folders that tools may read and write files in, at most ${MAX_FOLDERS}, with \`:\` between (\`;\` on Windows)`,
  ],
  [
    'SECURITY_MCP_NETWORK',
    'public',
    'what certificate checks may dial: `public` the internet, `any` private networks and all ports too, `off` nothing',
  ],
  [
    'SECURITY_MCP_ALLOW_HOSTS',
    'none',
    'comma-separated private hosts to allow under `public`: names, `*.example.com`, addresses, `10.0.0.0/8`',
  ],
  ['SECURITY_MCP_PORTS', 'none', 'comma-separated ports to allow under `public` beside those of TLS services'],
  [
    'SECURITY_MCP_DESK',
    'auto',
    'how the human gets to a page: `auto` by the client, else their browser (`BROWSER`), else the terminal; `browser`, `terminal` (`security-mcp desk`), `off`',
  ],
  ['SECURITY_MCP_TOOLSETS', 'all', `comma-separated: ${TOOLSET_NAMES.map((name) => `\`${name}\``).join(', ')}`],
  ['SECURITY_MCP_READ_ONLY', 'off', '`1` leaves out tools with an effect (what signs, makes or stores)'],
  [
    'SECURITY_MCP_DELIVER_ANY',
    'off',
    '`1` lets `secret_deliver` deliver every secret, not only those that were generated or typed by the human',
  ],
  [
    'SECURITY_MCP_EXPOSE_ENV',
    'none',
    'comma-separated names of variables, at most 64, that tools may use as `env://NAME`, never read; not `JWT_SECRET_KEY` and `SECURITY_MCP_*`',
  ],
  ['SECURITY_MCP_METRICS_PORT', 'off', 'port on the loopback address for Prometheus, at `/metrics`; 1 to 65535'],
  [
    'SECURITY_MCP_LOG_LEVEL',
    'info',
    `${LOG_LEVELS.map((name) => `\`${name}\``).join(', ')}; the audit is in the store`,
  ],
] as const;

/** Other programs' settings that name further roots; what they name is trusted beside the bundled roots. */
const ANCHOR_FILES = ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'] as const;
const MAX_ANCHOR_FILE_BYTES = 4 * 1_048_576;

export const SECRET_VARIABLES = [
  'JWT_SECRET_KEY',
  'JWT_SECRET_KEY_PREVIOUS',
  'SECURITY_MCP_MASTER_KEY',
  'SECURITY_MCP_NEW_MASTER_KEY',
  'SECURITY_MCP_DATABASE_URL',
  'SECURITY_MCP_COPY_TO_DATABASE_URL',
] as const;
type SecretVariable = (typeof SECRET_VARIABLES)[number];

/** Variables whose secret may come from a file named by `NAME_FILE`. */
export const FILE_TWINS = SECRET_VARIABLES.map((name) => `${name}_FILE`);

/** `moreFolders`: those that the command line names beside SECURITY_MCP_FILES. */
export function loadConfig(env: Environment, files: ConfigFiles, moreFolders: readonly string[] = []): ConfigResult {
  const reader = new Reader(env, files);
  const home = reader.home('SECURITY_MCP_HOME');
  const databaseUrl = reader.databaseUrl('SECURITY_MCP_DATABASE_URL');
  const masterKey = reader.masterKey('SECURITY_MCP_MASTER_KEY', databaseUrl !== undefined);
  const newMasterKey = reader.masterKey('SECURITY_MCP_NEW_MASTER_KEY', false);
  const copyToDatabaseUrl = reader.databaseUrl('SECURITY_MCP_COPY_TO_DATABASE_URL');
  const jwtSecret = reader.jwtSecret('JWT_SECRET_KEY');
  const jwtSecretPrevious = reader.jwtSecret('JWT_SECRET_KEY_PREVIOUS');
  const [light, cpu] = reader.pair('SECURITY_MCP_CALLS_PER_MINUTE', [6_000, 120], [100_000, 100_000]);
  const [guesses, windowSeconds] = reader.pair('SECURITY_MCP_VERIFY_ATTEMPTS', [5, 60], [100, 86_400]);
  const metricsPort = reader.integer('SECURITY_MCP_METRICS_PORT', 0, 1, 65_535);
  const config: Config = {
    ...(home === undefined ? {} : { home }),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(masterKey === undefined ? {} : { masterKey }),
    ...(newMasterKey === undefined ? {} : { newMasterKey }),
    ...(copyToDatabaseUrl === undefined ? {} : { copyToDatabaseUrl }),
    ...(jwtSecret === undefined ? {} : { jwtSecret }),
    ...(jwtSecretPrevious === undefined ? {} : { jwtSecretPrevious }),
    bcryptCost: reader.integer('SECURITY_MCP_BCRYPT_COST', 12, BCRYPT_COST.min, BCRYPT_COST.max),
    engine: reader.choice('SECURITY_MCP_ENGINE', 'auto', ENGINE_SETTINGS),
    passwordMinLength: reader.integer('SECURITY_MCP_PASSWORD_MIN_LENGTH', 8, 8, 64),
    callsPerMinute: { light, cpu },
    verifyAttempts: { guesses, windowSeconds },
    fileFolders: reader.folders('SECURITY_MCP_FILES', moreFolders),
    network: {
      mode: reader.choice('SECURITY_MCP_NETWORK', 'public', NETWORK_MODES),
      allowHosts: reader.entries(
        'SECURITY_MCP_ALLOW_HOSTS',
        parseAllowedHost,
        'must be a comma-separated list of names, `*.example.com`, addresses and prefixes such as 10.0.0.0/8',
      ),
      ports: reader.entries(
        'SECURITY_MCP_PORTS',
        parsePort,
        'must be a comma-separated list of whole numbers from 1 to 65535',
      ),
    },
    extraAnchors: ANCHOR_FILES.flatMap((name) => reader.anchorFile(name)),
    desk: reader.choice('SECURITY_MCP_DESK', 'auto', DESK_SETTINGS),
    toolsets: reader.list('SECURITY_MCP_TOOLSETS', TOOLSET_NAMES),
    readOnly: reader.flag('SECURITY_MCP_READ_ONLY'),
    deliverAny: reader.flag('SECURITY_MCP_DELIVER_ANY'),
    exposedEnvironment: reader.exposed('SECURITY_MCP_EXPOSE_ENV'),
    ...(metricsPort === 0 ? {} : { metricsPort }),
    logLevel: reader.choice('SECURITY_MCP_LOG_LEVEL', 'info', LOG_LEVELS),
    warnings: reader.warnings,
  };
  if (reader.integer('UV_THREADPOOL_SIZE', 4, 1, 1_024) < 4) {
    reader.warnings.push('UV_THREADPOOL_SIZE is under 4: cheap calls may wait behind password hashing.');
  }
  reader.warnOfUnknown();
  reader.warnOfPlaceholders();
  if (jwtSecret === undefined && jwtSecretPrevious !== undefined) {
    reader.warnings.push(
      'JWT_SECRET_KEY_PREVIOUS is set without JWT_SECRET_KEY: old tokens verify, new ones are signed with the key of the store.',
    );
  }
  if (
    jwtSecret !== undefined &&
    jwtSecretPrevious !== undefined &&
    equalBytes(utf8(jwtSecret), utf8(jwtSecretPrevious))
  ) {
    reader.warnings.push('JWT_SECRET_KEY_PREVIOUS is the same as JWT_SECRET_KEY and has no effect.');
  }
  return reader.problems.length > 0 ? { problems: reader.problems } : { config: Object.freeze(config) };
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

class Reader {
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  readonly #env: Environment;
  readonly #files: ConfigFiles;

  constructor(env: Environment, files: ConfigFiles) {
    this.#env = env;
    this.#files = files;
  }

  /** The value, or undefined where it is unset, empty, or a placeholder that the host did not expand. */
  #value(name: string): string | undefined {
    const value = this.#env[name];
    return value === undefined || value.trim() === '' || isPlaceholder(value) ? undefined : value;
  }

  #problem(name: string, problem: string, mend: string): void {
    this.problems.push(`${name} ${problem}. ${mend}`);
  }

  /** A secret from its variable or from the file that its `_FILE` twin names; one line end at the end of the file is dropped. */
  #secret(name: SecretVariable): string | undefined {
    const direct = this.#value(name);
    const twin = `${name}_FILE`;
    const path = this.#value(twin);
    if (path === undefined && direct !== undefined && UNEXPANDED.test(direct.trim())) {
      this.#problem(
        name,
        'holds a placeholder that was not expanded',
        'Set the secret itself, or leave the variable out.',
      );
      return undefined;
    }
    if (path === undefined) return direct;
    if (direct !== undefined) {
      this.#problem(name, `and ${twin} are both set`, 'Keep one of them.');
      return undefined;
    }
    try {
      const secret = this.#files.readSecretFile(path, MAX_SECRET_BYTES).replace(/\r?\n$/, '');
      if (secret !== '') return secret;
      this.#problem(twin, 'names a file that is empty', 'Write the secret into it, or leave the variable out.');
      return undefined;
    } catch {
      this.#problem(
        twin,
        `names no file of UTF-8 text of at most ${MAX_SECRET_BYTES} bytes that can be read`,
        'Check the path and its permissions; write a random key as base64url, not as raw bytes.',
      );
      return undefined;
    }
  }

  home(name: string): string | undefined {
    const path = this.#value(name)?.trim();
    if (path === undefined) return this.#files.defaultHome;
    if (this.#files.isAbsolute(path) && !path.includes('\0')) return path;
    this.#problem(name, 'must be an absolute path', 'Leave it out for a folder of the user that the server runs as.');
    return undefined;
  }

  /** The variables that are listed and set. Those of this program are its own: no setting gives them to a tool. */
  exposed(name: string): ReadonlyMap<string, string> {
    const listed = (this.#value(name) ?? '').split(',').map((entry) => entry.trim());
    const names = listed.filter((entry) => entry !== '');
    const isOwn = (entry: string): boolean => entry.startsWith(PREFIX) || entry.startsWith('JWT_SECRET_KEY');
    if (
      names.length > MAX_EXPOSED ||
      names.some((entry) => !/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(entry) || isOwn(entry))
    ) {
      this.#problem(
        name,
        `must be at most ${MAX_EXPOSED} comma-separated names of variables, none of this program's own`,
        'Leave out JWT_SECRET_KEY and everything that begins with SECURITY_MCP_.',
      );
      return new Map();
    }
    return new Map(
      names.flatMap((entry): [string, string][] => {
        const value = this.#value(entry);
        if (value === undefined) this.warnings.push(`${name} lists a variable that is not set.`);
        return value === undefined ? [] : [[entry, value]];
      }),
    );
  }

  databaseUrl(name: SecretVariable): string | undefined {
    const url = this.#secret(name)?.trim();
    if (url === undefined) return undefined;
    // Without a host, as for a socket in the parameter `host`, it is no URL for the parser.
    const whole = url.replace('@/', '@localhost/');
    if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(whole)) {
      this.#problem(
        name,
        'is no postgres:// URL',
        'Leave it out for a file in the home; write special characters of the password as %XX.',
      );
      return undefined;
    }
    const { hostname, searchParams } = new URL(whole);
    const isLocal = /^(?:localhost|127\.[\d.]+|\[::1\]|)$/.test(hostname);
    const isEncrypted = !['', 'disable'].includes(searchParams.get('sslmode') ?? searchParams.get('ssl') ?? '');
    if (!isLocal && !isEncrypted)
      this.warnings.push(`${name} names no sslmode: the connection is not encrypted. Add sslmode=verify-full to it.`);
    if (searchParams.get('sslmode') === 'no-verify')
      this.warnings.push(`${name} says sslmode=no-verify: whoever stands between can pose as the server.`);
    return url;
  }

  masterKey(name: SecretVariable, isRequired: boolean): Uint8Array | undefined {
    const before = this.problems.length;
    const text = this.#secret(name);
    const mend = `Make one with: ${MAKE_KEY}`;
    if (text === undefined) {
      if (isRequired && this.problems.length === before)
        this.#problem(
          name,
          'is not set, and SECURITY_MCP_DATABASE_URL needs it: a key in a file would be on one machine only',
          mend,
        );
      return undefined;
    }
    const key = parseMasterKey(text);
    if (key === null) this.#problem(name, 'is not 32 bytes as base64url, base64 or hex', mend);
    return key ?? undefined;
  }

  jwtSecret(name: SecretVariable): string | undefined {
    const secret = this.#secret(name);
    if (secret === undefined) return undefined;
    const bytes = Buffer.byteLength(secret);
    if (bytes < MIN_JWT_SECRET_BYTES || bytes > MAX_SECRET_BYTES) {
      this.#problem(
        name,
        bytes > MAX_SECRET_BYTES
          ? `is over ${MAX_SECRET_BYTES} bytes`
          : `is ${bytes} bytes; HS256 needs at least ${MIN_JWT_SECRET_BYTES} (RFC 7518 section 3.2)`,
        `Make one with: ${MAKE_KEY}`,
      );
      return undefined;
    }
    if (new Set(secret).size < 8) this.warnings.push(`${name} repeats a few characters only: make a random one.`);
    return secret;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,9}$/.test(value.trim()) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.#problem(name, `must be a whole number from ${min} to ${max}`, `Leave it out for ${fallback}.`);
    return fallback;
  }

  pair(name: string, fallback: readonly [number, number], max: readonly [number, number]): readonly [number, number] {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    const match = /^(\d{1,6})\/(\d{1,6})$/.exec(value.trim());
    const [first, second] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
    if (first >= 1 && second >= 1 && first <= max[0] && second <= max[1]) return [first, second];
    this.#problem(
      name,
      `must be two whole numbers with a slash between, up to ${max[0]}/${max[1]}`,
      `Leave it out for ${fallback.join('/')}.`,
    );
    return fallback;
  }

  choice<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
    const value = this.#value(name)?.trim();
    if (value === undefined) return fallback;
    const chosen = choices.find((choice) => choice === value);
    if (chosen !== undefined) return chosen;
    this.#problem(name, `must be one of ${choices.join(', ')}`, `Leave it out for ${fallback}.`);
    return fallback;
  }

  list<T extends string>(name: string, choices: readonly T[]): readonly T[] {
    const value = this.#value(name);
    if (value === undefined || value.trim() === 'all') return choices;
    const names = value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    const chosen = choices.filter((choice) => names.includes(choice));
    if (names.length > 0 && chosen.length === new Set(names).size) return chosen;
    this.#problem(name, `must be a comma-separated list of ${choices.join(', ')}`, 'Leave it out for all.');
    return choices;
  }

  folders(name: string, more: readonly string[]): readonly AllowedFolder[] {
    const { pathDelimiter, resolveFolder } = this.#files;
    const isNamed = (path: string): boolean => path.trim() !== '' && !isPlaceholder(path);
    const own = (this.#value(name) ?? '').split(pathDelimiter).filter(isNamed);
    const paths = [...own, ...more.filter(isNamed)];
    // Counted before any is looked up.
    const folders = paths.length > MAX_FOLDERS ? [null] : paths.map((path) => resolveFolder(path));
    const found = folders.filter((folder) => folder !== null);
    if (found.length === folders.length) return found;
    if (paths.length <= MAX_FOLDERS && folders.includes(null, own.length)) {
      this.#problem(
        'A folder after `serve`',
        'must be the absolute path of an existing folder, and not the root of a file system',
        'Make the folder, or take it out of the arguments (in a bundle: out of its settings).',
      );
      return [];
    }
    this.#problem(
      name,
      `must be at most ${MAX_FOLDERS} absolute paths of existing folders with ${pathDelimiter} between, none the root of a file system and none with a placeholder such as $HOME or ~ in it`,
      'Leave it out for none.',
    );
    return [];
  }

  /** The PEM text that one of them names. One that cannot be read takes no protection away: it is told, and not trusted. */
  anchorFile(name: (typeof ANCHOR_FILES)[number]): string[] {
    const path = this.#value(name);
    if (path === undefined) return [];
    try {
      return [this.#files.readSecretFile(path, MAX_ANCHOR_FILE_BYTES)];
    } catch {
      this.warnings.push(`${name} names a file that cannot be read: its roots are not trusted here.`);
      return [];
    }
  }

  /** A comma-separated list of anything that `parse` knows; one unknown entry is a problem of the whole. */
  entries<T>(name: string, parse: (text: string) => T | undefined, problem: string): readonly T[] {
    const parts = (this.#value(name) ?? '').split(',').filter((part) => part.trim() !== '');
    const parsed = parts.map(parse);
    const known = parsed.filter((entry) => entry !== undefined);
    if (known.length === parts.length) return [...new Set(known)];
    this.#problem(name, problem, 'Leave it out for none.');
    return [];
  }

  flag(name: string): boolean {
    const value = this.#value(name)?.trim().toLowerCase();
    if (value === undefined || ['0', 'false', 'off', 'no'].includes(value)) return false;
    if (['1', 'true', 'on', 'yes'].includes(value)) return true;
    this.#problem(name, 'must be 1 or 0', 'Leave it out for 0.');
    return false;
  }

  /** A misspelt variable would otherwise be a protection that is silently off. */
  warnOfUnknown(): void {
    const known = new Set<string>([...VARIABLES.map(([name]) => name), ...FILE_TWINS]);
    for (const name of Object.keys(this.#env)) {
      const ours = name.startsWith(PREFIX) || name.startsWith('JWT_SECRET_KEY');
      if (ours && !known.has(name) && /^[A-Z0-9_]{1,64}$/.test(name))
        this.warnings.push(`${name} is not a setting of this version and has no effect.`);
    }
  }

  /** Meant to be something, and nothing: a folder or a key that is silently missing. A bundle leaves out so what its user left empty. */
  warnOfPlaceholders(): void {
    for (const name of [...VARIABLES.map(([variable]) => variable), ...FILE_TWINS]) {
      const value = this.#env[name]?.trim() ?? '';
      if (isPlaceholder(value) && !value.startsWith('${user_config.'))
        this.warnings.push(`${name} holds a placeholder that the host did not expand: it counts as unset.`);
    }
  }
}
