/** Which password engine computes: by the setting, by what loads, and both with the same answers. */

import { expect, it } from 'vitest';

import { createEngine } from '../../src/workers/engines.js';
import { ThreadPool } from '../../src/workers/pool.js';
import { native, never, portable, threadScript } from '../support/engines.js';

const pool = new ThreadPool(threadScript, 1);

it('is the native one where it loads, and the portable one where that is asked for', async () => {
  expect(await createEngine('auto', pool).report()).toEqual({ bcrypt: 'native', argon2: 'native' });
  expect(await createEngine('native', pool).report()).toEqual({ bcrypt: 'native', argon2: 'native' });
  expect(await createEngine('portable', pool).report()).toEqual({ bcrypt: 'portable', argon2: 'portable' });
});

it('both compute the same, for every variant of argon2', async () => {
  const salt = Buffer.from('0123456789abcdef');
  expect(await native.bcrypt('pässword', salt, 5, never)).toBe(await portable.bcrypt('pässword', salt, 5, never));
  for (const variant of ['argon2id', 'argon2i', 'argon2d'] as const) {
    const request = {
      variant,
      password: 'pässword\0',
      salt,
      memoryKib: 64,
      passes: 2,
      parallelism: 2,
      lengthBytes: 24,
    };
    expect(Buffer.from(await native.argon2(request, never))).toEqual(
      Buffer.from(await portable.argon2(request, never)),
    );
  }
});
