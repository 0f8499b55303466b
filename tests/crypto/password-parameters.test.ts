/** Hostile and foreign hashes: what is no hash of ours, what would cost too much, and agreement with libxcrypt. */

import { spawnSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import { hashBcrypt, parsePasswordHash, verifyPassword } from '../../src/crypto/password.js';
import { systemRandom } from '../../src/crypto/random.js';
import { native, never, portable } from '../support/engines.js';

const SALT = 'c29tZXNhbHRzb21lc2FsdA';
const TAG = 'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
const argon2 = (parameters: string, salt = SALT, tag = TAG): string => `$argon2id$v=19$${parameters}$${salt}$${tag}`;
const BCRYPT_REST = 'CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

describe('a hash whose cost is over the limits is named as such, before any work', () => {
  it.each([
    `$2b$16$${BCRYPT_REST}`,
    `$2b$31$${BCRYPT_REST}`,
    argon2('m=262145,t=1,p=1'),
    argon2('m=4294967295,t=1,p=1'),
    argon2('m=9999999999,t=1,p=1'),
    argon2('m=65536,t=17,p=1'),
    argon2('m=65536,t=9999999999,p=1'),
    argon2('m=65536,t=2,p=17'),
    argon2('m=65536,t=2,p=999'),
    argon2('m=262144,t=5,p=1'),
    argon2('m=65537,t=16,p=1'),
    argon2('m=9999999999,t=9999999999,p=999'),
  ])('%s', (hash) => {
    expect(parsePasswordHash(hash)).toBe('cost');
  });

  it.each([
    `$2b$15$${BCRYPT_REST}`,
    `$2b$04$${BCRYPT_REST}`,
    argon2('m=262144,t=4,p=16'),
    argon2('m=65536,t=16,p=1'),
    argon2('m=8,t=1,p=1'),
    argon2('m=128,t=1,p=16'),
  ])('%s is just within', (hash) => {
    expect(parsePasswordHash(hash)).toMatchObject({ salt: expect.any(Uint8Array) as unknown });
  });
});

describe('what is no hash of ours is unknown', () => {
  it.each([
    ['nothing', ''],
    ['a word', 'password'],
    ['bcrypt with cost 3', `$2b$03$${BCRYPT_REST}`],
    ['bcrypt with cost 0', `$2b$00$${BCRYPT_REST}`],
    ['bcrypt with cost 32', `$2b$32$${BCRYPT_REST}`],
    ['bcrypt with cost 99', `$2b$99$${BCRYPT_REST}`],
    ['bcrypt with a cost of one digit', `$2b$4$${BCRYPT_REST}`],
    ['bcrypt with a cost of three digits', `$2b$010$${BCRYPT_REST}`],
    ['bcrypt with a negative cost', `$2b$-1$${BCRYPT_REST}`],
    // crypt_blowfish's name for hashes of the version that mistook characters over 127; the first bcrypt; and two that never were.
    ['$2x$', `$2x$10$${BCRYPT_REST}`],
    ['$2$', `$2$10$${BCRYPT_REST}`],
    ['$2c$', `$2c$10$${BCRYPT_REST}`],
    ['$2B$', `$2B$10$${BCRYPT_REST}`],
    ['bcrypt cut by a character', `$2b$10$${BCRYPT_REST.slice(0, -1)}`],
    ['bcrypt with a character more', `$2b$10$${BCRYPT_REST}A`],
    ['bcrypt with a line break', `$2b$10$${BCRYPT_REST}\n`],
    ['bcrypt in the other alphabet', `$2b$10$${BCRYPT_REST.replace('.', '+')}`],
    ['bcrypt with something in front', ` $2b$10$${BCRYPT_REST}`],
    [
      'sha512crypt',
      '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1',
    ],
    ['scrypt', '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E'],
    ['argon2 of version 16', `$argon2id$v=16$m=65536,t=2,p=1$${SALT}$${TAG}`],
    ['argon2 without version', `$argon2id$m=65536,t=2,p=1$${SALT}$${TAG}`],
    ['an argon2 that is none', `$argon2x$v=19$m=65536,t=2,p=1$${SALT}$${TAG}`],
    ['another order of parameters', argon2('t=2,m=65536,p=1')],
    ['a key id', argon2('m=65536,t=2,p=1,keyid=AAAA')],
    ['no lanes', argon2('m=65536,t=2,p=0')],
    ['no passes', argon2('m=65536,t=0,p=1')],
    ['no memory', argon2('m=0,t=2,p=1')],
    ['m under 8p (RFC 9106 section 3.1)', argon2('m=7,t=2,p=1')],
    ['m under 8p with 16 lanes', argon2('m=127,t=2,p=16')],
    ['negative memory', argon2('m=-65536,t=2,p=1')],
    ['hexadecimal memory', argon2('m=0x100,t=2,p=1')],
    ['a fraction', argon2('m=65536.5,t=2,p=1')],
    ['memory of eleven digits', argon2('m=99999999999,t=2,p=1')],
    ['no salt', argon2('m=65536,t=2,p=1', '')],
    ['a salt of 7 bytes', argon2('m=65536,t=2,p=1', 'AAAAAAAAAA')],
    ['a salt of 66 bytes', argon2('m=65536,t=2,p=1', 'A'.repeat(88))],
    ['a salt of a length that base64 has not', argon2('m=65536,t=2,p=1', 'A'.repeat(13))],
    ['a salt with stray bits', argon2('m=65536,t=2,p=1', `${SALT.slice(0, -1)}B`)],
    ['a padded salt', argon2('m=65536,t=2,p=1', `${SALT}==`)],
    ['a tag of 11 bytes', argon2('m=65536,t=2,p=1', SALT, 'A'.repeat(15))],
    ['a tag of 130 bytes', argon2('m=65536,t=2,p=1', SALT, 'A'.repeat(174))],
    ['a tag with stray bits', argon2('m=65536,t=2,p=1', SALT, `${TAG.slice(0, -1)}5`)],
    ['a tag in base64url', argon2('m=65536,t=2,p=1', SALT, TAG.replace('/', '_'))],
    ['a text that goes on', `${argon2('m=65536,t=2,p=1')}$`],
  ])('%s', (_name, hash) => {
    expect(parsePasswordHash(hash)).toBe('unknown');
  });

  it('also where it is long and almost right', () => {
    for (const text of ['$argon2id$v=19$m=', '$2b$10$'].flatMap((start) => [
      start + '1'.repeat(1_000_000),
      start + '$'.repeat(1_000_000),
      start.repeat(100_000),
    ])) {
      expect(parsePasswordHash(text)).toBe('unknown');
    }
  });
});

/** Asks libxcrypt through Python's crypt, which Debian has up to Python 3.12. */
function crypt(password: string, setting: string): string | null {
  const script = 'import sys, json, crypt; print(crypt.crypt(*json.load(sys.stdin)) or "")';
  const input = JSON.stringify([password, setting]);
  const { status, stdout } = spawnSync('/usr/bin/python3', ['-W', 'ignore', '-c', script], { input, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

const SETTING = '$2b$04$abcdefghijklmnopqrstuu';
const present = crypt('a', SETTING)?.startsWith(SETTING) === true;
const describeWithCrypt = present ? describe : describe.skip;

describeWithCrypt(
  `libxcrypt${present ? '' : ' (skipped: needs /usr/bin/python3 with a crypt module that knows bcrypt)'}`,
  () => {
    it.each(['password', '', 'pässwörd', '日本語のパスワード', '😀😀', 'a'.repeat(72), 'ü'.repeat(36), '~!@#$%^&*()'])(
      '%j hashed there verifies here, and the other way round',
      async (password) => {
        for (const version of ['2a', '2b', '2y']) {
          const theirs = parsePasswordHash(crypt(password, SETTING.replace('2b', version)) ?? '');
          if (typeof theirs === 'string') throw new Error(theirs);
          for (const engine of [native, portable]) {
            expect(await verifyPassword(password, theirs, engine, never)).toBe(true);
            expect(await verifyPassword(`${password}x`, theirs, engine, never)).toBe(false);
          }
        }
        for (const engine of [native, portable]) {
          const ours = await hashBcrypt(password, 5, engine, systemRandom, never);
          expect(crypt(password, ours)).toBe(ours);
        }
      },
    );
  },
);
