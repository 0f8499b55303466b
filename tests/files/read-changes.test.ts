/** A path that comes to lead elsewhere while it is checked and opened: whoever changes it gains nothing. */

import { existsSync, mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { fileSystem, type FileSystem } from '../../src/files/read.js';
import { file, inside, newName, NOWHERE, outside, POSIX, refusal, secretFile, text } from '../support/files.js';

describe('a path that changes in the middle gains nothing', () => {
  /** The file system, with `change` made right before `step`. */
  function changing(step: keyof FileSystem, change: () => void): FileSystem {
    let changed = false;
    const once = <T>(work: () => T): T => {
      if (!changed) change();
      changed = true;
      return work();
    };
    switch (step) {
      case 'open':
        return { ...fileSystem, open: (path, flags) => once(() => fileSystem.open(path, flags)) };
      case 'lstat':
        return { ...fileSystem, lstat: (path) => once(() => fileSystem.lstat(path)) };
      case 'realpath':
      case 'readlink':
        return { ...fileSystem, [step]: (path: string) => once(() => fileSystem[step](path)) };
      default:
        throw new Error('no such step');
    }
  }

  /** A file in a folder of its own, and what turns that folder into a link to one outside with a file of the same name. */
  function swappable(): { path: string; swap: () => void; back: () => void } {
    const name = newName();
    const away = join(outside, name);
    mkdirSync(join(inside, name));
    mkdirSync(away);
    const path = file('inside', join(name, 'f'));
    writeFileSync(join(away, 'f'), 'outside');
    return {
      path,
      swap: () => {
        renameSync(join(inside, name), join(inside, `${name}-old`));
        symlinkSync(away, join(inside, name));
      },
      back: () => {
        unlinkSync(join(inside, name));
        renameSync(join(inside, `${name}-old`), join(inside, name));
      },
    };
  }

  it('a file swapped for a link before it is opened', async () => {
    const path = file('inside');
    const system = changing('open', () => {
      unlinkSync(path);
      symlinkSync(secretFile, path);
    });
    expect(await refusal(path, system)).toMatch(POSIX ? /^path cannot be read\.$/ : /^path /);
  });

  it.each(['realpath', 'lstat', 'open'] as const)('its folder swapped for a link out, before %s', async (step) => {
    const { path, swap } = swappable();
    expect(await refusal(path, changing(step, swap))).toBe(NOWHERE);
  });

  it.runIf(existsSync('/proc/self/fd'))('and swapped back before it is looked at again', async () => {
    const { path, swap, back } = swappable();
    const system = changing('lstat', swap);
    expect(
      await refusal(path, {
        ...system,
        open: async (p, flags) => {
          const handle = await fileSystem.open(p, flags);
          back();
          return handle;
        },
      }),
    ).toBe(NOWHERE);
  });

  it('where no descriptor can be asked, the path is looked up again', async () => {
    const withoutProc: FileSystem = { ...fileSystem, readlink: () => Promise.reject(new Error('no /proc')) };
    const { path, swap } = swappable();
    expect(await text(path, withoutProc)).toBe('inside');
    expect(await refusal(path, { ...changing('lstat', swap), readlink: withoutProc.readlink })).toBe(NOWHERE);
  });

  it('another file put in its place is not taken for the one that was checked', async () => {
    const path = file('checked');
    const other = file('other');
    expect(
      await refusal(
        path,
        changing('open', () => renameSync(other, path)),
      ),
    ).toBe(NOWHERE);
  });
});
