/** The commands on the store as a whole, for operators: backup, restore, rotating the master key, copying to the other engine. */

import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import type { App } from './app.js';
import { recorded } from './cli-operator.js';
import type { Config } from './config.js';
import { base64url, equalBytes } from './crypto/bytes.js';
import { fileFault, tellRefusal } from './cli-fault.js';
import { SecurityError } from './crypto/errors.js';
import { systemRandom } from './crypto/random.js';
import { KEY_BYTES } from './crypto/wrapping.js';
import {
  giveName,
  openBackup,
  passingIdentity,
  writeBackup,
  type BackupKey,
  type BackupLock,
} from './storage/backup.js';
import { Home } from './storage/home.js';
import { environmentKey, KEY_FILE } from './storage/key-file.js';
import { createVault } from './storage/master-key.js';
import { Audit } from './storage/audit.js';
import { insertRows, requireEmpty, rowsOf, tryEverything, WHOLE_STORE_MS } from './storage/snapshot.js';
import { lazyStore, type Store } from './storage/store.js';

interface World {
  start(config: Config): App;
  print(text: string): Promise<void>;
  printError(text: string): Promise<void>;
  readFile(path: string, maxBytes: number): string;
  /** A secret from the terminal, or from standard input. */
  askSecret(question: string, confirm: boolean): Promise<string | null>;
  userId: number | undefined;
}

const [OK, FAILED, USAGE] = [0, 1, 2];
const MAX_IDENTITY_BYTES = 65_536;
const MIN_PASSPHRASE = 12;

export const STORAGE_USAGE = `usage:
  security-mcp backup FILE [--recipient age1...] [--overwrite]
      everything in one file in the age format: for a recipient, or under a passphrase that is asked for
  security-mcp restore FILE [--identity KEYFILE] [--master-key-to NEWFILE]
      into a store that is empty; --master-key-to only writes the master key of the backup into a new file
  security-mcp master-key rotate
      a new master key, and everything wrapped anew under it; where the key comes from the environment, the new one
      from SECURITY_MCP_NEW_MASTER_KEY or its _FILE twin
  security-mcp storage copy [--to-home FOLDER]
      to another store that is empty: the folder, or the database of SECURITY_MCP_COPY_TO_DATABASE_URL
`;

type Command = 'backup' | 'restore' | 'master-key' | 'storage';

interface Options {
  file?: string;
  recipient?: string;
  overwrite?: boolean;
  identity?: string;
  masterKeyTo?: string;
  toHome?: string;
}

const OPTIONS: Readonly<Record<Command, Readonly<Record<string, keyof Options>>>> = {
  backup: { '--recipient': 'recipient', '--overwrite': 'overwrite' },
  restore: { '--identity': 'identity', '--master-key-to': 'masterKeyTo' },
  'master-key': {},
  storage: { '--to-home': 'toHome' },
};

function optionsOf(command: Command, args: readonly string[]): Options | null {
  const options: Options = {};
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] ?? '';
    const name = OPTIONS[command][argument];
    if (name === undefined) {
      if (argument.startsWith('-')) return null;
      words.push(argument);
      continue;
    }
    if (options[name] !== undefined) return null;
    if (name === 'overwrite') options.overwrite = true;
    else {
      const value = args[++i];
      if (value === undefined || value === '') return null;
      options[name] = value;
    }
  }
  const [word] = words;
  if (words.length !== 1 || word === undefined || word === '') return null;
  if (command === 'master-key') return word === 'rotate' ? options : null;
  if (command === 'storage') return word === 'copy' ? options : null;
  return { ...options, file: resolve(word) };
}

/** Gives the exit code: 0 done, 1 refused or failed, 2 wrong usage. */
export async function storageCommand(
  command: Command,
  args: readonly string[],
  world: World,
  config: Config,
): Promise<number> {
  const options = optionsOf(command, args);
  if (options === null) {
    await world.printError(`security-mcp: ${STORAGE_USAGE}`);
    return USAGE;
  }
  try {
    const run = { backup, restore, 'master-key': rotate, storage: copy }[command];
    await world.print(await run(options, world, config));
    return OK;
  } catch (error) {
    await tellRefusal(error instanceof SecurityError ? error : fileFault(error), world);
    return FAILED;
  }
}

async function backup(
  { file = '', recipient, overwrite = false }: Options,
  world: World,
  config: Config,
): Promise<string> {
  if (!overwrite && existsSync(file))
    throw new SecurityError('file_exists', 'There is a file of that name already.', {
      hint: 'Give another name, or --overwrite to replace it.',
    });
  const app = world.start(config);
  const { store, vault } = await app.storage();
  const { lock, key } = await lockFor(recipient, world);
  const masterKey = await vault.masterKey();
  const draft = join(dirname(file), `.security-mcp-backup-${randomUUID()}`);
  try {
    const { rows, entries } = await recorded(app, 'backup', async () => {
      const written = await writeBackup(store, masterKey, lock, draft, systemRandom);
      const verified = await tryBackup(draft, key, written, world.userId);
      giveName(draft, file, overwrite);
      return { rows: written, entries: verified };
    });
    return `Backed up ${rows} rows, and tried: read back, ${entries} audit entries verified, every key opened.\n`;
  } finally {
    if (existsSync(draft)) unlinkSync(draft);
  }
}

/** For a recipient the trial has a key of its own, which is gone with it. */
async function lockFor(recipient: string | undefined, world: World): Promise<{ lock: BackupLock; key: BackupKey }> {
  if (recipient === undefined) {
    const passphrase = await newPassphrase(world);
    return { lock: { passphrase }, key: { passphrase } };
  }
  const passing = await passingIdentity();
  return { lock: { recipients: [recipient, passing.recipient] }, key: { identity: passing.identity } };
}

async function newPassphrase(world: World): Promise<string> {
  const passphrase = await world.askSecret('Passphrase of the backup', true);
  if (passphrase !== null && Array.from(passphrase).length >= MIN_PASSPHRASE) return passphrase;
  throw new SecurityError(
    'password_weak',
    `A passphrase of at least ${MIN_PASSPHRASE} characters is needed, twice the same.`,
    {
      hint: 'Whoever has the file can try passphrases without limit: use several random words, or --recipient.',
    },
  );
}

/** Restores the backup into a store that lives as long as this takes. Gives the number of audit entries that it verified. */
async function tryBackup(path: string, key: BackupKey, rows: number, userId: number | undefined): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'security-mcp-trial-'));
  const opened = await openBackup(path, key);
  const store = lazyStore({ home: join(folder, 'home'), owner: userId });
  try {
    const vault = createVault(store, environmentKey(opened.header.masterKey), systemRandom);
    const count = await store.write((trx) => insertRows(trx, opened.rows()), { timeoutMs: WHOLE_STORE_MS });
    const { intact, entries } = await new Audit(store, vault).verify();
    await tryEverything(store, vault);
    if (count === rows && intact) return entries;
    throw new SecurityError('storage_damaged', 'The backup was read back and is not sound: no file was made.', {
      hint: 'Run security-mcp audit verify: the store itself may be damaged.',
    });
  } finally {
    opened.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function backupKey({ identity }: Options, world: World): Promise<BackupKey> {
  if (identity === undefined) {
    const passphrase = await world.askSecret('Passphrase of the backup', false);
    return { passphrase: passphrase ?? '' };
  }
  const text = world.readFile(identity, MAX_IDENTITY_BYTES);
  return { identity: /^AGE-SECRET-KEY-\S+$/m.exec(text)?.[0] ?? '' };
}

async function restore(options: Options, world: World, config: Config): Promise<string> {
  accessSync(options.file ?? '', constants.R_OK);
  const opened = await openBackup(options.file ?? '', await backupKey(options, world));
  try {
    const { masterKey, createdAt } = opened.header;
    if (options.masterKeyTo !== undefined) {
      const path = resolve(options.masterKeyTo);
      const draft = `${path}.draft-${randomUUID()}`;
      writeFileSync(draft, `${base64url(masterKey)}\n`, { mode: 0o600, flag: 'wx' });
      giveName(draft, path, false);
      return 'The master key of the backup is in that file, which you alone may read. Set SECURITY_MCP_MASTER_KEY_FILE to it.\n';
    }
    const app = world.start(config);
    const { store, vault } = await app.storage();
    await store.read(requireEmpty);
    const settle = prepareKey(masterKey, config, world);
    try {
      const rows = await recorded(
        app,
        'restore',
        async () => {
          const restored = await store.write((trx) => insertRows(trx, opened.rows()), { timeoutMs: WHOLE_STORE_MS });
          await tryEverything(store, vault);
          return restored;
        },
        false,
      );
      return `Restored ${rows} rows of ${createdAt}; every key opens.\n`;
    } catch (error) {
      settle();
      throw error;
    }
  } finally {
    opened.close();
  }
}

/** Puts the master key where the store will look for it, and gives the way to take it back. */
function prepareKey(masterKey: Uint8Array, config: Config, world: World): () => void {
  if (config.masterKey !== undefined) {
    if (equalBytes(config.masterKey, masterKey)) return () => undefined;
    throw new SecurityError('master_key_wrong', 'SECURITY_MCP_MASTER_KEY is not the master key of the backup.', {
      hint: 'Write that key into a new file with security-mcp restore FILE --master-key-to NEWFILE, set SECURITY_MCP_MASTER_KEY_FILE to it, and restore again.',
    });
  }
  const home = new Home(config.home ?? '', world.userId);
  const text = `${base64url(masterKey)}\n`;
  const made = home.create(KEY_FILE, text);
  if (!made && home.read(KEY_FILE) !== text)
    throw new SecurityError('master_key_wrong', 'The folder SECURITY_MCP_HOME has another master key already.', {
      hint: 'Restore into a folder that is new.',
    });
  return () => (made ? home.remove(KEY_FILE) : undefined);
}

async function rotate(_options: Options, world: World, config: Config): Promise<string> {
  const app = world.start(config);
  const { vault } = await app.storage();
  const given = config.newMasterKey;
  if (config.masterKey !== undefined && given === undefined)
    throw new SecurityError('input_invalid', 'The master key comes from the environment, and no new one was given.', {
      hint: 'Set SECURITY_MCP_NEW_MASTER_KEY_FILE to a file with 32 random bytes as base64url, rotate, then make that file the one of SECURITY_MCP_MASTER_KEY_FILE.',
    });
  if (given !== undefined && config.masterKey !== undefined && equalBytes(given, config.masterKey))
    throw new SecurityError('input_invalid', 'The new master key is the one in force.', { hint: 'Make another one.' });
  const count = await recorded(app, 'master_key_rotate', () => vault.rotate(given ?? systemRandom(KEY_BYTES)));
  const next =
    config.masterKey === undefined
      ? 'The new key is in master.key; running servers go on.'
      : 'Set SECURITY_MCP_MASTER_KEY to it for every server now, and start the running ones anew: until then they cannot use the keys.';
  return `A new master key is in force, and ${count} values are wrapped anew. ${next} Make a backup.\n`;
}

async function copy({ toHome }: Options, world: World, config: Config): Promise<string> {
  const target = targetOf(toHome, config, world);
  const app = world.start(config);
  const source = await app.storage();
  try {
    const masterKey = await source.vault.masterKey();
    await target.read(requireEmpty);
    if (toHome !== undefined) {
      const home = new Home(resolve(toHome), world.userId);
      if (!home.create(KEY_FILE, `${base64url(masterKey)}\n`))
        throw new SecurityError('input_invalid', 'The folder has a master key already.', {
          hint: 'Name a new folder.',
        });
    }
    const whole = { timeoutMs: WHOLE_STORE_MS };
    const rows = await recorded(app, 'storage_copy', async () => {
      const copied = await source.store.read(
        (from) => target.write((to) => insertRows(to, rowsOf(from)), whole),
        whole,
      );
      await tryEverything(target, createVault(target, environmentKey(masterKey), systemRandom));
      return copied;
    });
    const next =
      toHome === undefined
        ? 'Set SECURITY_MCP_DATABASE_URL to that database and SECURITY_MCP_MASTER_KEY_FILE to the master key of this store (the file master.key of its home) for every server.'
        : 'Set SECURITY_MCP_HOME to that folder, and take SECURITY_MCP_DATABASE_URL away.';
    return `Copied ${rows} rows; every key opens there. ${next} What is written to the old store from now on is not copied.\n`;
  } finally {
    await target.close();
  }
}

function targetOf(toHome: string | undefined, config: Config, world: World): Store {
  const { copyToDatabaseUrl: databaseUrl } = config;
  if ((toHome === undefined) === (databaseUrl === undefined))
    throw new SecurityError('input_invalid', 'One place to copy to is needed.', {
      hint: 'Give --to-home FOLDER, or set SECURITY_MCP_COPY_TO_DATABASE_URL.',
    });
  const place = toHome === undefined ? { databaseUrl } : { home: resolve(toHome) };
  return lazyStore({ ...place, owner: world.userId });
}
