/** Password hashes are told by scheme and parameters, with their age; the salt and the digest are never shown. */

import { scryptSync } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { codes, expectSound, text } from './fixtures.js';

const SALT = 'CanarySaltCanarySaltCa';
const DIGEST = 'CanaryDigestCanaryDigestCanaryD';

const bcrypt = (version: string, cost: string): string => `$${version}$${cost}$${SALT}${DIGEST}`;

describe('bcrypt', () => {
  it.each([
    ['2b', '12', ['reads_72_bytes']],
    ['2y', '15', ['reads_72_bytes']],
    ['2a', '10', ['aging_parameters', 'reads_72_bytes']],
    ['2b', '11', ['aging_parameters', 'reads_72_bytes']],
    ['2b', '09', ['reads_72_bytes', 'weak_parameters']],
    ['2b', '04', ['reads_72_bytes', 'weak_parameters']],
    ['2b', '03', ['invalid_cost', 'reads_72_bytes']],
    ['2b', '32', ['invalid_cost', 'reads_72_bytes']],
    ['2b', '16', ['excessive_cost', 'reads_72_bytes']],
    ['2x', '12', ['broken_variant', 'reads_72_bytes']],
    ['2', '12', ['broken_variant', 'reads_72_bytes']],
  ])('$%s$%s$', async (version, cost, expected) => {
    const inspection = await text(bcrypt(version, cost));
    expect(inspection).toMatchObject({
      kind: 'bcrypt_hash',
      summary: `A bcrypt password hash, cost ${Number(cost)}.`,
      details: { algorithm: 'bcrypt', version: `$${version}$`, cost: Number(cost) },
    });
    expect(codes(inspection)).toEqual(expected);
    expect(JSON.stringify(inspection)).not.toContain('Canary');
  });

  it('in the forms of htpasswd, Django and LDAP', async () => {
    for (const around of ['alice:', 'bcrypt$', '{BCRYPT}', '{CRYPT}'])
      expect((await text(around + bcrypt('2y', '12'))).kind).toBe('bcrypt_hash');
  });

  it('of another length is not one', async () => {
    expect((await text(`${bcrypt('2b', '12')}x`)).kind).toBe('unknown');
    expect((await text(bcrypt('2b', '12').slice(0, -1))).kind).toBe('unknown');
  });
});

describe('argon2', () => {
  const phc = (variant: string, parameters: string, salt = 'Q2FuYXJ5U2FsdENhbmFyeQ'): string =>
    `$${variant}$${parameters}$${salt}$Q2FuYXJ5RGlnZXN0Q2FuYXJ5RGlnZXN0Q2FuYXJ5RGk`;

  it.each([
    ['at the least of OWASP', phc('argon2id', 'v=19$m=19456,t=2,p=1'), []],
    ['with less memory', phc('argon2id', 'v=19$m=4096,t=3,p=1'), ['weak_parameters']],
    ['of variant i', phc('argon2i', 'v=19$m=65536,t=3,p=4'), ['weak_parameters']],
    ['of variant d', phc('argon2d', 'v=19$m=65536,t=3,p=4'), ['weak_parameters']],
    ['with a short salt', phc('argon2id', 'v=19$m=19456,t=2,p=1', 'Q2FuYXJ5c2E'), ['weak_parameters']],
    ['over what is verified', phc('argon2id', 'v=19$m=4194304,t=2,p=1'), ['excessive_cost']],
    ['of version 16', phc('argon2id', 'm=19456,t=2,p=1'), ['not_verifiable']],
    ['with less memory than lanes need', phc('argon2id', 'v=19$m=7,t=2,p=1'), ['not_verifiable']],
    ['in the form of Django', `argon2${phc('argon2id', 'v=19$m=102400,t=2,p=8')}`, []],
  ])('%s', async (_name, hash, expected) => {
    const inspection = await text(hash);
    expect(inspection.kind).toBe('argon2_hash');
    expect(codes(inspection)).toEqual(expected);
    expect(JSON.stringify(inspection)).not.toMatch(/Q2FuYXJ5/);
    expectSound(inspection);
  });

  it('is told with its parameters', async () => {
    expect(await text(phc('argon2id', 'v=19$m=19456,t=1,p=4'))).toMatchObject({
      summary: 'An argon2id password hash, 19456 KiB, 1 pass.',
      details: { algorithm: 'argon2id', version: 19, memory_kib: 19_456, passes: 1, parallelism: 4 },
    });
  });

  it('with a number of thousands of digits is not one', async () => {
    expect((await text(phc('argon2id', `v=19$m=${'9'.repeat(5_000)},t=2,p=1`))).kind).toBe('unknown');
  });
});

describe('another scheme', () => {
  const hex = 'c0ffee00'.repeat(16);
  const b64 = 'Q2FuYXJ5U2FsdENhbmFyeQ';

  it.each([
    // The published string of passlib's documentation of scrypt in PHC form has ln=16.
    ['scrypt, weak', `$scrypt$ln=14,r=8,p=1$${b64}$${b64}`, 'scrypt', ['weak_parameters']],
    ['scrypt, sufficient', `$scrypt$ln=17,r=8,p=1$${b64}$${b64}`, 'scrypt', []],
    ['scrypt, excessive', `$scrypt$ln=40,r=8,p=1$${b64}$${b64}`, 'scrypt', ['excessive_cost']],
    ['PBKDF2 of passlib', `$pbkdf2-sha256$29000$${b64}$${b64}`, 'PBKDF2', ['weak_parameters']],
    ['PBKDF2 in PHC form', `$pbkdf2-sha512$i=210000,l=32$${b64}$${b64}`, 'PBKDF2', []],
    ['PBKDF2 of Django, weak', `pbkdf2_sha256$260000$salt$${b64}=`, 'PBKDF2 (Django)', ['weak_parameters']],
    ['PBKDF2 of Django, today', `pbkdf2_sha256$1200000$salt$${b64}=`, 'PBKDF2 (Django)', []],
    ['PBKDF2, excessive', `pbkdf2_sha256$2000000000$salt$${b64}=`, 'PBKDF2 (Django)', ['excessive_cost']],
    ['PBKDF2 of werkzeug', `pbkdf2:sha256:260000$salt$${hex.slice(0, 64)}`, 'PBKDF2 (werkzeug)', ['weak_parameters']],
    ['scrypt of werkzeug', `scrypt:32768:8:1$salt$${hex}`, 'scrypt (werkzeug)', ['weak_parameters']],
    ['SCRAM', `SCRAM-SHA-256$4096:${b64}==$${b64}=:${b64}=`, 'SCRAM-SHA-256 (PostgreSQL)', ['weak_parameters']],
    ['MD5-crypt', '$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/', 'MD5-crypt', ['outdated_scheme']],
    ['MD5-crypt of Apache', '$apr1$saltsalt$qjXMvbEw8oaL.CzflDtaK/', 'MD5-crypt (Apache)', ['outdated_scheme']],
    [
      'SHA-256-crypt',
      '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8',
      'SHA-256-crypt',
      ['outdated_scheme'],
    ],
    ['SHA-512-crypt', `$6$rounds=10000$saltstring$${'a'.repeat(86)}`, 'SHA-512-crypt', ['outdated_scheme']],
    ['yescrypt', `$y$j9T$${'s'.repeat(22)}$${'h'.repeat(43)}`, 'yescrypt', []],
    ['phpass of WordPress', '$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0', 'phpass (WordPress, phpBB)', ['outdated_scheme']],
    ['phpass of phpBB', '$H$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0', 'phpass (WordPress, phpBB)', ['outdated_scheme']],
    ['LDAP, salted', `{SSHA}${'A'.repeat(32)}`, 'a salted digest (LDAP)', ['outdated_scheme']],
    ['LDAP, bare', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'a bare digest (LDAP)', ['outdated_scheme']],
    ['Django, old', `sha1$salt$${hex.slice(0, 40)}`, 'a salted digest (Django, werkzeug)', ['outdated_scheme']],
    ['MySQL', `*${hex.slice(0, 40).toUpperCase()}`, 'MySQL 4.1 (double SHA-1)', ['outdated_scheme']],
    ['PostgreSQL, old', `md5${hex.slice(0, 32)}`, 'PostgreSQL (MD5 over password and user name)', ['outdated_scheme']],
    ['NTLM', `$NT$${hex.slice(0, 32)}`, 'NTLM', ['outdated_scheme']],
    ['NTLM of FreeBSD', `$3$$${hex.slice(0, 32)}`, 'NTLM', ['outdated_scheme']],
  ])('%s', async (_name, hash, algorithm, expected) => {
    const inspection = await text(hash);
    expect(inspection.summary).toBe(`A password hash: ${algorithm}.`);
    expect(inspection.details['algorithm']).toBe(algorithm);
    expect(codes(inspection)).toEqual(expected);
    expect(JSON.stringify(inspection)).not.toContain(hash.slice(-12));
    expectSound(inspection);
  });

  it('tells rounds and costs', async () => {
    expect((await text(`$6$rounds=10000$saltstring$${'a'.repeat(86)}`)).details['rounds']).toBe(10_000);
    expect((await text(`$6$saltstring$${'a'.repeat(86)}`)).details['rounds']).toBe(5_000);
    expect((await text('$P$BIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0')).details['log2_rounds']).toBe(13);
    const made = scryptSync('password', 'salt', 64, { N: 32_768, r: 8, p: 1, maxmem: 2 ** 26 }).toString('hex');
    expect((await text(`scrypt:32768:8:1$salt$${made}`)).details['log2_n']).toBe(15);
  });

  it('is found in a line of /etc/shadow', async () => {
    const inspection = await text(`root:$6$saltstring$${'a'.repeat(86)}:19700:0:99999:7:::`);
    expect(inspection.summary).toBe('A password hash: SHA-512-crypt.');
  });
});

describe('bare hexadecimal', () => {
  it.each([
    [32, 'MD5 or NTLM', ['not_for_passwords', 'weak_digest']],
    [40, 'SHA-1', ['not_for_passwords', 'weak_digest']],
    [56, 'SHA-224', ['not_for_passwords']],
    [64, 'SHA-256', ['not_for_passwords']],
    [96, 'SHA-384', ['not_for_passwords']],
    [128, 'SHA-512', ['not_for_passwords']],
  ])('of %i digits has the length of %s', async (length, name, expected) => {
    for (const digits of ['0123456789abcdef', '0123456789ABCDEF']) {
      const inspection = await text(digits.repeat(8).slice(0, length));
      expect(inspection).toMatchObject({
        kind: 'hex_digest',
        details: { bytes: length / 2, possible_algorithm: name },
      });
      expect(codes(inspection)).toEqual(expected);
      expect(JSON.stringify(inspection)).not.toContain(digits);
    }
  });

  it('of another length or of mixed case is nothing', async () => {
    expect((await text('ab'.repeat(17))).kind).toBe('unknown');
    expect((await text('aB'.repeat(16))).kind).toBe('unknown');
  });
});
