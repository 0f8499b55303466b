/** Reading inside real folders: what is read, what is refused and with which words, and that it ends. */

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { resolveFolder } from '../../src/files/policy.js';
import { AllowedFiles, fileSystem, type FileSystem } from '../../src/files/read.js';
import {
  base,
  CANARY,
  file,
  folders,
  inside,
  limits,
  NOWHERE,
  outside,
  OUTSIDE,
  POSIX,
  refusal,
  secretFile,
  text,
} from '../support/files.js';

describe('a file inside an allowed folder', () => {
  it('is read, whole and to the byte', async () => {
    expect(await text(file('content'))).toBe('content');
    expect(await text(file(''))).toBe('');
    mkdirSync(join(inside, 'deep', 'er'), { recursive: true });
    expect(await text(file('deeper', join('deep', 'er', 'x')))).toBe('deeper');
  });

  it.runIf(POSIX).each(['a\nb', 'ключ', '..a', ' ', '-rf', '~', 'a\\b', '%2e%2e', '\u202egpj.exe', '$(id)'])(
    'is read whatever its name: %j',
    async (name) => {
      expect(await text(file('named', name))).toBe('named');
    },
  );

  it('is read through a symbolic link that stays inside', async () => {
    symlinkSync(file('linked'), join(inside, 'stays'));
    expect(await text(join(inside, 'stays'))).toBe('linked');
  });

  it('is read by either name of a folder that is itself a link', async () => {
    const alias = join(base, 'alias');
    symlinkSync(inside, alias);
    const path = file('two names', 'two-names');
    const files = new AllowedFiles([resolveFolder(alias)].filter((known) => known !== null));
    for (const name of [path, join(alias, 'two-names')])
      expect(Buffer.from(await files.read(name, limits)).toString()).toBe('two names');
  });

  it('is what a hard link inside says it is: two names of one file cannot be told apart', async () => {
    linkSync(secretFile, join(inside, 'hard'));
    expect(await text(join(inside, 'hard'))).toBe('outside');
  });

  it('comes in pieces of at most 256 KiB', async () => {
    const sizes: number[] = [];
    const path = file('x'.repeat(600_000));
    for await (const piece of new AllowedFiles(folders).pieces(path, { ...limits, maxBytes: 600_000 }))
      sizes.push(piece.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(262_144);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(600_000);
  });
});

describe('outside the folders', () => {
  it('what exists and what does not are one refusal, word for word', async () => {
    const paths = [secretFile, join(outside, CANARY), outside, join(base, CANARY, 'x'), `${inside}-${CANARY}`, '/'];
    for (const path of paths) expect(await refusal(path)).toBe(OUTSIDE);
  });

  it('nothing is looked up at all', async () => {
    const asked: string[] = [];
    const refuse = (path: string): Promise<never> => {
      asked.push(path);
      return Promise.reject(new Error(path));
    };
    const system = { realpath: refuse, lstat: refuse, open: refuse, readlink: refuse };
    for (const path of [secretFile, `${inside}/../outside/secret`, 'secret', '\\\\server\\share\\x', `${inside}/\0`])
      await refusal(path, system);
    expect(asked).toEqual([]);
  });

  it
    .runIf(POSIX)
    .each([
      '/dev/zero',
      '/dev/stdin',
      '/proc/self/environ',
      '/proc/self/fd/0',
      `/proc/self/root${secretFile}`,
      `/proc/self/root${inside}`,
      '/etc/passwd',
    ])('%s stays unread', async (path) => {
    expect(await refusal(path)).toBe(OUTSIDE);
  });

  it('links that lead there, or to nothing there, or round in a circle, are one refusal with a missing file', async () => {
    const targets = [
      secretFile,
      join(outside, CANARY),
      '/dev/zero',
      '/proc/self/environ',
      join(inside, 'link-5'),
      '..',
    ];
    targets.forEach((target, i) => symlinkSync(target, join(inside, `link-${i + 1}`)));
    symlinkSync(outside, join(inside, 'way-out'));
    const names = [
      ...targets.map((_, i) => `link-${i + 1}`),
      join('way-out', 'secret'),
      join('way-out', CANARY),
      CANARY,
    ];
    for (const name of names) expect(await refusal(join(inside, name)), name).toBe(NOWHERE);
  });

  it('a name over 255 bytes or a file in the place of a folder is a missing file too', async () => {
    expect(await refusal(join(inside, CANARY.repeat(40)))).toBe(NOWHERE);
    expect(await refusal(join(file('x'), CANARY))).toBe(NOWHERE);
  });
});

describe('what is no regular file is refused', () => {
  const NOT_REGULAR = 'path is not a regular file.';

  it('a folder, also the allowed one itself', async () => {
    mkdirSync(join(inside, 'folder'));
    expect(await refusal(join(inside, 'folder'))).toBe(NOT_REGULAR);
    expect(await refusal(inside)).toBe(NOT_REGULAR);
  });

  it.runIf(POSIX)(
    'a pipe, without waiting for its writer, even one that takes the place of a file in the middle',
    async () => {
      const pipe = join(inside, 'pipe');
      execFileSync('mkfifo', [pipe]);
      expect(await refusal(pipe)).toBe(NOT_REGULAR);
      const path = file('soon a pipe');
      const swap = {
        ...fileSystem,
        open: (p: string, flags: number) => (renameSync(pipe, path), fileSystem.open(p, flags)),
      };
      expect(await refusal(path, swap)).toBe(NOWHERE);
    },
  );

  it.runIf(POSIX)('a socket', async () => {
    const server = createServer();
    // The path of a socket must be short (104 bytes on macOS): it is made elsewhere and moved.
    const elsewhere = mkdtempSync(join(tmpdir(), 's-'));
    await new Promise<void>((resolve) => server.listen(join(elsewhere, 's'), resolve));
    renameSync(join(elsewhere, 's'), join(inside, 'socket'));
    rmSync(elsewhere, { recursive: true });
    expect(await refusal(join(inside, 'socket'))).toBe(NOT_REGULAR);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('size', () => {
  const TOO_BIG = 'path is a file of over 1000 bytes.';

  it('at the bound is read, over it refused', async () => {
    expect(await text(file('x'.repeat(1_000)))).toHaveLength(1_000);
    expect(await refusal(file('x'.repeat(1_001)))).toBe(TOO_BIG);
  });

  it('is told by a file of a terabyte before a byte of it is read', async () => {
    const path = file('');
    truncateSync(path, 2 ** 40);
    expect(await refusal(path)).toBe(TOO_BIG);
    const pieces = new AllowedFiles(folders).pieces(path, { ...limits, maxBytes: 2 ** 30 });
    await expect(pieces.next()).rejects.toMatchObject({ code: 'path_refused' });
    unlinkSync(path);
  });

  it('is bounded also while the file grows', async () => {
    const path = file('x'.repeat(600));
    const growing = async (): Promise<number> => {
      let bytes = 0;
      for await (const piece of new AllowedFiles(folders).pieces(path, limits)) {
        bytes += piece.length;
        if (bytes < 6_000) appendFileSync(path, 'x'.repeat(600));
      }
      return bytes;
    };
    await expect(growing()).rejects.toMatchObject({ code: 'path_refused', message: TOO_BIG });
  });
});

describe('the reading ends', () => {
  it('when the caller has gone, before and in the middle', async () => {
    const path = file('x'.repeat(600_000));
    const reason = new Error('gone');
    const files = new AllowedFiles(folders);
    await expect(files.read(path, { maxBytes: 1e6, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const middle = async (): Promise<void> => {
      for await (const _ of files.pieces(path, { maxBytes: 1e6, signal: controller.signal })) controller.abort(reason);
    };
    await expect(middle()).rejects.toBe(reason);
  });

  it('with every descriptor closed, whatever its end', async () => {
    const opened: { fd: number }[] = [];
    const system: FileSystem = {
      ...fileSystem,
      open: async (path, flags) => {
        const handle = await fileSystem.open(path, flags);
        opened.push(handle);
        return handle;
      },
    };
    const path = file('x'.repeat(600));
    const big = file('x'.repeat(1_001));
    await text(path, system);
    await refusal(big, system);
    for await (const _ of new AllowedFiles(folders, system).pieces(path, limits)) break;
    await refusal(path, { ...system, readlink: async () => secretFile });
    expect(opened.map(({ fd }) => fd)).toEqual([-1, -1, -1, -1]);
  });

  it('33 files at once are one too many, and its end makes room again', async () => {
    const files = new AllowedFiles(folders);
    const path = file('x');
    const readers = Array.from({ length: 32 }, () => files.pieces(path, limits));
    for (const reader of readers) await reader.next();
    await expect(files.read(path, limits)).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 });
    await readers[0]?.return();
    expect(await files.read(path, limits)).toHaveLength(1);
    for (const reader of readers) await reader.return();
  });
});

it.skipIf(!POSIX || process.getuid?.() === 0)(
  'a file without permission is refused (skipped for root, who may all)',
  async () => {
    const path = file('x');
    chmodSync(path, 0);
    expect(await refusal(path)).toBe('path cannot be read.');
  },
);
