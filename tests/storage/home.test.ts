/** The home of the store: what others could read, own or lead elsewhere is refused with the command that mends it. */

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { SecurityError } from '../../src/crypto/errors.js';
import { defaultHome, Home } from '../../src/storage/home.js';
import { newHome, USER } from '../support/home.js';
import { open, refusal } from '../support/stores.js';

const POSIX = process.platform !== 'win32';

async function used(home: string): Promise<void> {
  const store = open({ home });
  await store.read(async () => undefined);
  await store.close();
}

describe('the default home', () => {
  it.each([
    ['linux', {}, '/home/a', '/home/a/.local/share/security-mcp'],
    ['linux', { XDG_DATA_HOME: '/data' }, '/home/a', '/data/security-mcp'],
    ['linux', { XDG_DATA_HOME: 'data' }, '/home/a', '/home/a/.local/share/security-mcp'],
    ['darwin', { XDG_DATA_HOME: '/data' }, '/Users/a', '/Users/a/Library/Application Support/security-mcp'],
    [
      'win32',
      { LOCALAPPDATA: 'C:\\Users\\a\\AppData\\Local' },
      'C:\\Users\\a',
      'C:\\Users\\a\\AppData\\Local\\security-mcp',
    ],
    ['linux', {}, '', undefined],
    ['win32', {}, '', undefined],
  ])('on %s with %j', (platform, env, user, home) => {
    expect(defaultHome(env, platform, user)).toBe(home);
  });
});

describe.skipIf(!POSIX)('a folder or file that is not ours alone', () => {
  it.each([0o755, 0o750, 0o710, 0o702, 0o777])('folder of mode %o: refused, with the chmod', async (mode) => {
    const home = newHome();
    await used(home);
    chmodSync(home, mode);
    const error = await refusal(used(home), 'storage_unavailable');
    expect(error.message).toBe('The folder SECURITY_MCP_HOME may be read or written by other users.');
    expect(error.hint).toContain('chmod 700 "$SECURITY_MCP_HOME"');
    chmodSync(home, 0o700);
    await used(home);
  });

  it.each(['security-mcp.db', 'security-mcp.db-wal', 'security-mcp.db-shm'])('%s', async (file) => {
    for (const mode of [0o640, 0o604, 0o620, 0o666]) {
      const home = newHome();
      await used(home);
      writeFileSync(join(home, file), '', { flag: 'a' });
      chmodSync(join(home, file), mode);
      const error = await refusal(used(home), 'storage_unavailable');
      expect(error.message).toBe(`The file ${file} in SECURITY_MCP_HOME may be read or written by other users.`);
      expect(error.hint).toContain(`chmod 600 "$SECURITY_MCP_HOME/${file}"`);
      chmodSync(join(home, file), 0o600);
      await used(home);
    }
  });

  it('a symbolic link in the place of either, wherever it leads', async () => {
    const [real, home] = [newHome(), newHome()];
    await used(real);
    symlinkSync(real, home);
    expect((await refusal(used(home), 'storage_unavailable')).message).toBe(
      'The folder SECURITY_MCP_HOME is a symbolic link.',
    );
    for (const target of [join(real, 'security-mcp.db'), '/nowhere']) {
      const other = newHome();
      mkdirSync(other, { mode: 0o700 });
      symlinkSync(target, join(other, 'security-mcp.db'));
      expect((await refusal(used(other), 'storage_unavailable')).message).toMatch(
        /security-mcp\.db .* is a symbolic link\.$/,
      );
    }
  });

  it('something else in the place of either', async () => {
    const home = newHome();
    writeFileSync(home, '');
    expect((await refusal(used(home), 'storage_unavailable')).message).toMatch(/is not a folder\.$/);
    const other = newHome();
    mkdirSync(join(other, 'security-mcp.db'), { recursive: true, mode: 0o700 });
    expect((await refusal(used(other), 'storage_unavailable')).message).toMatch(/is not a regular file\.$/);
  });

  it.skipIf(USER !== 0)('a foreign owner (tested where root runs the tests)', async () => {
    const home = newHome();
    await used(home);
    chownSync(home, 12_345, 0);
    const error = await refusal(used(home), 'storage_unavailable');
    expect(error.message).toBe('The folder SECURITY_MCP_HOME belongs to another user.');
    expect(error.hint).toContain('chown "$(id -u)" "$SECURITY_MCP_HOME"');
    chownSync(home, 0, 0);
    chownSync(join(home, 'security-mcp.db'), 12_345, 0);
    expect((await refusal(used(home), 'storage_unavailable')).message).toMatch(
      /^The file security-mcp\.db .*another user/,
    );
  });
});

it('a parent that cannot be written is told', async () => {
  const file = newHome();
  writeFileSync(file, '');
  await refusal(used(join(file, 'below')), 'storage_unavailable');
});

describe('files of the home', () => {
  it('are made whole and once: of many that make one at the same time, one wins', () => {
    const home = new Home(newHome(), USER);
    const made = ['first', 'second', 'third'].map((text) => home.create('file', text));
    expect(made).toEqual([true, false, false]);
    expect(home.read('file')).toBe('first');
    expect(readdirSync(home.path('.'))).toEqual(['file']);
    if (POSIX) expect(statSync(home.path('file')).mode & 0o777).toBe(0o600);
  });

  it('are replaced durably, and never through a link', () => {
    const home = new Home(newHome(), USER);
    const outside = newHome();
    writeFileSync(outside, 'outside');
    symlinkSync(outside, home.path('new'));
    home.write('new', 'text');
    expect(readFileSync(outside, 'utf8')).toBe('outside');
    home.replace('new', 'old');
    expect([home.read('old'), home.read('new'), existsSync(home.path('new'))]).toEqual(['text', null, false]);
    home.remove('old');
    home.remove('old');
    expect(home.read('old')).toBeNull();
  });

  it('that cannot be written are told without the path', () => {
    const home = new Home(newHome(), USER);
    expect(() => home.write('none/file', 'x')).toThrow(SecurityError);
  });
});

it.runIf(process.platform === 'linux')(
  'a place where no folder can be made is refused, and nothing waits for ever',
  async () => {
    for (const home of ['/proc/no-such-folder/home', '/dev/null/home'])
      await refusal(
        open({ home }).read(async () => undefined),
        'storage_unavailable',
      );
  },
);
