/** Which password engine computes: by the setting, by what loads, and both with the same answers. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createEngine, createPortableEngine } from '../../src/workers/engines.js';
import { ThreadPool } from '../../src/workers/pool.js';
import { native, never, portable, threadScript } from '../support/engines.js';

const pool = new ThreadPool(threadScript, 1);

it('is the native one where it loads, and the portable one where that is asked for', async () => {
  expect(await createEngine('auto', pool).report()).toEqual({ bcrypt: 'native', argon2: 'native' });
  expect(await createEngine('native', pool).report()).toEqual({ bcrypt: 'native', argon2: 'native' });
  expect(await createEngine('portable', pool).report()).toEqual({ bcrypt: 'portable', argon2: 'portable' });
});

describe('both engines compute the same', () => {
  const salt = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((password) => password.isWellFormed());

  it('bcrypt, for every password of at most 72 bytes without NUL, the empty one included', async () => {
    const passwords = text.filter((password) => Buffer.byteLength(password) <= 72 && !password.includes('\0'));
    await fc.assert(
      fc.asyncProperty(passwords, salt, async (password, salt) => {
        const hash = await native.bcrypt(password, salt, 4, never);
        expect(hash).toMatch(/^\$2b\$04\$[./A-Za-z0-9]{53}$/);
        expect(await portable.bcrypt(password, salt, 4, never)).toBe(hash);
      }),
      {
        numRuns: 40,
        examples: [
          ['', new Uint8Array(16)],
          ['ü'.repeat(36), new Uint8Array(16).fill(255)],
        ],
      },
    );
  });

  it('argon2, for every variant and all parameters within the limits, NUL and lone accents included', async () => {
    const requests = fc.record({
      variant: fc.constantFrom('argon2id' as const, 'argon2i' as const, 'argon2d' as const),
      password: fc.tuple(text, fc.constantFrom('\0', 'x', '\u0301')).map((parts) => parts.join('')),
      salt: fc.uint8Array({ minLength: 8, maxLength: 64 }),
      memoryKib: fc.integer({ min: 128, max: 300 }),
      passes: fc.integer({ min: 1, max: 3 }),
      parallelism: fc.integer({ min: 1, max: 16 }),
      lengthBytes: fc.integer({ min: 12, max: 129 }),
    });
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const tag = Buffer.from(await native.argon2(request, never));
        expect(tag).toHaveLength(request.lengthBytes);
        expect(Buffer.from(await portable.argon2(request, never))).toEqual(tag);
      }),
      { numRuns: 40 },
    );
  });
});

describe('the portable engine', () => {
  const engine = createPortableEngine(pool);
  const request = { variant: 'argon2id' as const, password: 'x', salt: Buffer.alloc(16), memoryKib: 8, passes: 1 };

  it('stops when its caller goes away, and computes for the next one', async () => {
    const gone = new AbortController();
    const reason = new Error('the caller went away');
    const computing = engine.bcrypt('password', Buffer.alloc(16), 15, gone.signal);
    const waiting = engine.argon2({ ...request, parallelism: 1, lengthBytes: 16 }, gone.signal);
    gone.abort(reason);
    await expect(computing).rejects.toBe(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(await engine.argon2({ ...request, parallelism: 1, lengthBytes: 16 }, never)).toHaveLength(16);
  });

  it('fails without the text of its library', async () => {
    await expect(engine.argon2({ ...request, parallelism: 2, lengthBytes: 16 }, never)).rejects.toThrow(
      /^worker job argon2 failed$/,
    );
    await expect(engine.bcrypt('password', Buffer.alloc(3), 4, never)).rejects.toThrow(/^worker job bcrypt failed$/);
  });
});
