/** Password hashes: published vectors on both engines, what is refused before any work, and hashes that never verify. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { utf8 } from '../../src/crypto/bytes.js';
import {
  ARGON2_DEFAULT,
  guessSubject,
  hashArgon2id,
  hashBcrypt,
  parsePasswordHash,
  passwordProblem,
  rehashReason,
  verifyPassword,
  type PasswordEngine,
  type PasswordHash,
} from '../../src/crypto/password.js';
import { systemRandom } from '../../src/crypto/random.js';
import { countingRandom, native, never, portable } from '../support/engines.js';

const engines = [
  ['native', native],
  ['portable', portable],
] as const;

/** An engine that must not be asked: what is refused is refused before any work. */
const idle: PasswordEngine = {
  bcrypt: () => Promise.reject(new Error('bcrypt was computed')),
  argon2: () => Promise.reject(new Error('argon2 was computed')),
};

function parsed(text: string): PasswordHash {
  const hash = parsePasswordHash(text);
  if (typeof hash === 'string') throw new Error(`${text} is ${hash}`);
  return hash;
}

const verify = (password: string, hash: string, engine: PasswordEngine): Promise<boolean> =>
  verifyPassword(password, parsed(hash), engine, never);

const CHARACTERS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

describe.each(engines)('bcrypt, computed by the %s engine', (_name, engine) => {
  it.each([
    // https://github.com/openwall/crypt_blowfish/blob/main/wrapper.c, `tests`, as far as the password is UTF-8
    ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['U*U*', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK'],
    ['U*U*U', '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a'],
    [CHARACTERS, '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui'],
    ['', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy'],
    // https://github.com/djmdjm/jBCrypt/blob/master/test/org/mindrot/jbcrypt/TestBCrypt.java
    ['', '$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.'],
    ['a', '$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe'],
    ['abc', '$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i'],
    ['abcdefghijklmnopqrstuvwxyz', '$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC'],
    ['~!@#$%^&*()      ~!@#$%^&*()PNBFRD', '$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO'],
    // https://foss.heptapod.net/python-libs/passlib, tests/test_handlers_bcrypt.py, UPASS_TABLE
    ['t\u00e1\u0411\u2113\u0259', '$2a$05$Z17AXnnlpzddNUvnC6cZNOSwMA/8oNiKnHTHTwLlBijfucQQlHjaG'],
  ])('%j verifies against %s, in all three spellings', async (password, hash) => {
    for (const version of ['2a', '2b', '2y']) {
      expect(await verify(password, hash.replace('2a', version), engine)).toBe(true);
    }
    expect(await verify(`${password}x`, hash, engine)).toBe(false);
  });

  it('the vector with more than 72 bytes, of which bcrypt reads 72, is a mismatch and not cut', async () => {
    const hash = '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui';
    expect(await verify(`${CHARACTERS}chars after 72 are ignored`, hash, engine)).toBe(false);
  });

  it('hashes as $2b$ with the given salt and cost', async () => {
    const hash = await hashBcrypt(
      'U*U',
      5,
      engine,
      () => Buffer.from('10410410410410410410410410410410', 'hex'),
      never,
    );
    expect(hash).toBe('$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW');
  });

  it('verifies what it hashed, up to 72 bytes, and nothing longer', async () => {
    const exact = ['a'.repeat(72), 'ü'.repeat(36), '😀'.repeat(18), `${'a'.repeat(70)}é`];
    for (const password of exact) {
      const hash = await hashBcrypt(password, 4, engine, systemRandom, never);
      expect(await verify(password, hash, engine)).toBe(true);
      expect(await verify(`${password}a`, hash, engine)).toBe(false);
      expect(await verify(password.slice(0, -2), hash, engine)).toBe(false);
    }
  });
});

// RFC 9106 section 5 publishes vectors with a secret and associated data alone, which neither engine takes nor PHC strings
// carry. These are of the reference implementation, for version 19:
// https://github.com/P-H-C/phc-winner-argon2/blob/master/src/test.c
describe.each(engines)('argon2, computed by the %s engine', (_name, engine) => {
  it.each([
    ['password', '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA'],
    ['password', '$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8'],
    ['password', '$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E'],
    ['password', '$argon2i$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$0WgHXE2YXhPr6uVgz4uUw7XYoWxRkWtvSsLaOsEbvs8'],
    ['password', '$argon2i$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$qqlT1YrzcGzj3xrv1KZKhOMdf1QXUjHxKFJZ+IF0zls'],
    ['differentpassword', '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$FK6NoBr+qHAMI1jc73xTWNkCEoK9iGY6RWL1n7dNIu4'],
    ['password', '$argon2i$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$sDV8zPvvkfOGCw26RHsjSMvv7K2vmQq/6cxAcmxSEnE'],
    ['password', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'],
    ['password', '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'],
    ['password', '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc'],
    ['password', '$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg'],
    ['password', '$argon2id$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$kCXUjmjvc5XMqQedpMTsOv+zyJEf5PhtGiUghW9jFyw'],
    ['differentpassword', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94'],
    ['password', '$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw'],
  ])('%s verifies against %s', async (password, hash) => {
    expect(await verify(password, hash, engine)).toBe(true);
  });

  it('the mismatching vector ("passwore") is a mismatch', async () => {
    const hash = '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$8iIuixkI73Js3G1uMbezQXD0b8LG4SXGsOwoQkdAQIM';
    expect(await verify('password', hash, engine)).toBe(false);
    expect(await verify('passwore', hash, engine)).toBe(true);
  });

  it('hashes into a PHC string with a 16-byte salt and a 32-byte tag, and verifies it', async () => {
    const parameters = { memoryKib: 64, passes: 2, parallelism: 2 };
    const hash = await hashArgon2id('pässword\0x', parameters, engine, countingRandom(), never);
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=64,t=2,p=2\$AAECAwQFBgcICQoLDA0ODw\$[A-Za-z0-9+/]{43}$/);
    expect(await verify('pässword\0x', hash, engine)).toBe(true);
    expect(await verify('pässword\0y', hash, engine)).toBe(false);
    expect(await verify('pässword', hash, engine)).toBe(false);
  });

  it('reads the whole of a long password', async () => {
    const parameters = { memoryKib: 8, passes: 1, parallelism: 1 };
    const long = 'x'.repeat(4_095);
    const hash = await hashArgon2id(`${long}a`, parameters, engine, systemRandom, never);
    expect(await verify(`${long}a`, hash, engine)).toBe(true);
    expect(await verify(`${long}b`, hash, engine)).toBe(false);
  });
});

describe('a password that its algorithm cannot take', () => {
  const bcrypt = '$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
  const argon2 = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
  it.each([
    ['73 bytes', 'a'.repeat(73), 'password_too_long'],
    ['73 bytes of UTF-8 in 37 characters', `${'ü'.repeat(36)}a`, 'password_too_long'],
    ['72 bytes cut in a character', `${'a'.repeat(71)}ü`, 'password_too_long'],
    ['19 emoji', '😀'.repeat(19), 'password_too_long'],
    ['NUL in front', '\0password', 'password_has_nul'],
    ['NUL inside', 'pass\0word', 'password_has_nul'],
    ['NUL at the end', 'password\0', 'password_has_nul'],
    ['NUL and 73 bytes', `\0${'a'.repeat(72)}`, 'password_has_nul'],
  ])(
    'bcrypt: %s is refused when hashing, without work, and a mismatch when verifying',
    async (_name, password, problem) => {
      expect(passwordProblem(password, 'bcrypt')).toBe(problem);
      const code = problem === 'password_has_nul' ? 'input_invalid' : problem;
      await expect(hashBcrypt(password, 4, idle, systemRandom, never)).rejects.toMatchObject({ code });
      expect(await verify(password, bcrypt, native)).toBe(false);
    },
  );

  it('argon2: an empty one is refused when hashing and a mismatch when verifying, on either engine', async () => {
    await expect(hashArgon2id('', ARGON2_DEFAULT, idle, systemRandom, never)).rejects.toMatchObject({
      code: 'input_invalid',
      message: 'password is empty.',
    });
    expect(await verify('', argon2, native)).toBe(false);
    expect(passwordProblem('', 'argon2i')).toBe('password_empty');
    expect(passwordProblem('a'.repeat(4_096), 'argon2id')).toBeNull();
  });

  it('costs the same work as any other wrong one, and is wrong whatever that work gives', async () => {
    const asked: unknown[] = [];
    // An engine to which every password is the right one.
    const agreeing: PasswordEngine = {
      bcrypt: async (password, _salt, cost) => (asked.push([utf8(password).length <= 72, cost]), bcrypt),
      argon2: async ({ password, memoryKib, passes }) => (
        asked.push([password !== '', memoryKib, passes]),
        parsed(argon2).digest
      ),
    };
    expect(await verify('a'.repeat(72), bcrypt, agreeing)).toBe(true);
    for (const password of ['a'.repeat(73), 'a\0', 'a'.repeat(4_096)])
      expect(await verify(password, bcrypt, agreeing)).toBe(false);
    expect(asked.splice(0)).toEqual(Array.from({ length: 4 }, () => [true, 4]));
    expect(await verify('a', argon2, agreeing)).toBe(true);
    expect(await verify('', argon2, agreeing)).toBe(false);
    expect(asked).toEqual(Array.from({ length: 2 }, () => [true, 256, 2]));
  });
});

describe('verification', () => {
  const passwords = fc
    .string({ unit: 'grapheme', maxLength: 30 })
    .filter((text) => text.isWellFormed() && text !== '' && passwordProblem(text, 'bcrypt') === null);
  const parameters = { memoryKib: 32, passes: 2, parallelism: 2 };
  const hashed = (algorithm: string, password: string, engine: PasswordEngine): Promise<string> =>
    algorithm === 'bcrypt'
      ? hashBcrypt(password, 4, engine, systemRandom, never)
      : hashArgon2id(password, parameters, engine, systemRandom, never);

  it.each(['bcrypt', 'argon2id'])(
    'of %s by one engine accepts what the other hashed, and no other password',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(passwords, passwords, fc.boolean(), async (password, other, swap) => {
          const [first, second] = swap ? [native, portable] : [portable, native];
          const hash = await hashed(name, password, first);
          expect(await verify(password, hash, second)).toBe(true);
          expect(await verify(other, hash, second)).toBe(other === password);
        }),
        { numRuns: 25 },
      );
    },
  );

  it.each(['bcrypt', 'argon2id'])('of %s refuses a hash with any one character changed', async (name) => {
    const hash = await hashed(name, 'password', native);
    const original = parsed(hash);
    const alphabet = Array.from('./+=$,0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_ ');
    const cheap = (one: PasswordHash): boolean =>
      one.algorithm === 'bcrypt' ? one.cost < 7 : one.memoryKib * one.passes < 10_000;
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: hash.length - 1 }), fc.constantFrom(...alphabet), async (at, character) => {
        const changed = parsePasswordHash(hash.slice(0, at) + character + hash.slice(at + 1));
        if (typeof changed === 'string') return;
        fc.pre(cheap(changed));
        // The three names of bcrypt and the unused bits of its base64 spell the same hash.
        const { algorithm, ...values } = changed;
        const same = 'cost' in values ? { ...values, algorithm, version: '2b' } : { ...values, algorithm };
        const spelling = JSON.stringify(same) === JSON.stringify({ ...values, ...original });
        expect(await verifyPassword('password', changed, native, never)).toBe(spelling);
      }),
      { numRuns: 150 },
    );
  });
});

describe('needs_rehash', () => {
  const argon2 = (parameters: string, variant = 'argon2id', salt = 22, tag = 43): string =>
    `$${variant}$v=19$${parameters}$${'A'.repeat(salt)}$${'A'.repeat(tag)}`;
  const bcrypt = (cost: string): string => `$2b$${cost}$${'.'.repeat(53)}`;
  it.each([
    [bcrypt('12'), null],
    [bcrypt('15'), null],
    [bcrypt('11'), "bcrypt cost 11 is under today's 12"],
    [bcrypt('04'), "bcrypt cost 4 is under today's 12"],
    [argon2('m=19456,t=2,p=1'), null],
    [argon2('m=47104,t=1,p=1'), null],
    [argon2('m=12288,t=3,p=1'), null],
    [argon2('m=9216,t=4,p=1'), null],
    [argon2('m=7168,t=5,p=1'), null],
    [argon2('m=65536,t=3,p=4'), null],
    [argon2('m=19456,t=1,p=1'), "m=19456, t=1 is under today's m=19456, t=2"],
    [argon2('m=19455,t=2,p=1'), "m=19455, t=2 is under today's m=19456, t=2"],
    [argon2('m=47103,t=1,p=1'), "m=47103, t=1 is under today's m=19456, t=2"],
    [argon2('m=7167,t=16,p=1'), "m=7167, t=16 is under today's m=19456, t=2"],
    [argon2('m=19456,t=2,p=1', 'argon2i'), 'argon2i has been superseded by argon2id (RFC 9106 section 4)'],
    [argon2('m=19456,t=2,p=1', 'argon2d'), 'argon2d has been superseded by argon2id (RFC 9106 section 4)'],
    [argon2('m=19456,t=2,p=1', 'argon2id', 11), 'its salt or tag is under 16 bytes'],
    [argon2('m=19456,t=2,p=1', 'argon2id', 22, 16), 'its salt or tag is under 16 bytes'],
  ])('of %s: %s', (hash, reason) => {
    expect(rehashReason(parsed(hash), 12)).toBe(reason);
  });

  it('never asks for the renewal of what is hashed today', async () => {
    const constant: PasswordEngine = { ...idle, argon2: async ({ lengthBytes }) => new Uint8Array(lengthBytes) };
    expect(rehashReason(parsed(await hashArgon2id('x', ARGON2_DEFAULT, constant, systemRandom, never)), 12)).toBeNull();
  });
});

describe('the subject of the guessing limit', () => {
  const subject = (hash: string): string => Buffer.from(guessSubject(parsed(hash))).toString('hex');
  const base = '$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

  it('is one for every spelling of a bcrypt hash', () => {
    const spellings = [base.replace('2b', '2a'), base.replace('2b', '2y')];
    // 22 characters hold 132 bits, of which 128 are salt; 31 hold 186, of which 184 are digest.
    for (const stray of ['/', 'A', 'L']) spellings.push(base.replace('C.E5', `C${stray}E5`));
    for (const stray of ['X', 'Y', 'Z']) spellings.push(base.slice(0, -1) + stray);
    for (const spelling of spellings) expect(subject(spelling)).toBe(subject(base));
    expect(new Set([base, ...spellings]).size).toBe(9);
  });

  it('is another for another salt or digest', () => {
    for (const other of [base.replace('C.E5', 'COE5'), base.replace('E5YP', 'E5YQ'), `${base.slice(0, -1)}S`]) {
      expect(subject(other)).not.toBe(subject(base));
    }
  });
});
