/** Keys that are lines of text, OpenSSH's, PuTTY's and those of age, are told by their public part. */

import { describe, expect, it } from 'vitest';

import { CANARY, codes, expectSound, text } from './fixtures.js';
import { OPENSSH } from './literals.js';

describe('an OpenSSH key', () => {
  it('public, with the fingerprint that ssh-keygen -l tells', async () => {
    expect(await text(OPENSSH.publicLine)).toEqual({
      kind: 'ssh_public_key',
      summary: 'An OpenSSH public key (Ed25519).',
      details: { type: 'ssh-ed25519', fingerprint: OPENSSH.fingerprint },
      findings: [],
    });
  });

  it('public, RSA of 1024 bits', async () => {
    const inspection = await text(OPENSSH.shortRsaLine);
    expect(inspection.summary).toBe('An OpenSSH public key (RSA 1024).');
    expect(codes(inspection)).toEqual(['weak_key']);
  });

  it('public, DSA', async () => {
    const blob = Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.from('ssh-dss'), Buffer.alloc(40)]);
    expect(codes(await text(`ssh-dss ${blob.toString('base64')}`))).toEqual(['outdated_key_type']);
  });

  it('public, of another type inside than outside, is none', async () => {
    expect((await text(OPENSSH.publicLine.replace('ssh-ed25519', 'ssh-rsa'))).kind).toBe('unknown');
  });

  it('private, in the open', async () => {
    const inspection = await text(OPENSSH.privatePem);
    expect(inspection.summary).toBe('A private key (OpenSSH, Ed25519), not encrypted.');
    expect(inspection.details).toMatchObject({ encrypted: false, fingerprint: OPENSSH.fingerprint });
    expect(codes(inspection)).toEqual(['private_key_exposed']);
    expect(JSON.stringify(inspection)).not.toContain(OPENSSH.privatePem.split('\n')[3]);
  });

  it('private, under a passphrase', async () => {
    const inspection = await text(OPENSSH.lockedPem);
    expect(inspection.summary).toBe('A private key (OpenSSH, Ed25519), under a passphrase; it was not opened.');
    expect(inspection.details).toMatchObject({ encrypted: true, fingerprint: OPENSSH.lockedFingerprint, rounds: 16 });
    expect(codes(inspection)).toEqual(['encrypted_private_key_shown']);
  });
});

describe('a PuTTY key', () => {
  const file = (version: number, cipher: string): string =>
    `PuTTY-User-Key-File-${version}: ssh-ed25519\r\nEncryption: ${cipher}\r\nComment: ${CANARY}\r\nPublic-Lines: 2\r\n`;

  it.each([
    [3, 'none', ['private_key_exposed']],
    [3, 'aes256-cbc', ['encrypted_private_key_shown']],
    [2, 'aes256-cbc', ['encrypted_private_key_shown', 'weak_derivation']],
  ] as const)('of version %i, encryption %s', async (version, cipher, expected) => {
    const inspection = await text(file(version, cipher));
    expect(inspection.kind).toBe('private_key');
    expect(codes(inspection)).toEqual(expected);
    expectSound(inspection);
  });
});

describe('an age key', () => {
  const secret = `AGE-SECRET-KEY-1${'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'.repeat(2).slice(0, 58)}`;
  const recipient = `age1${'qpzry9x8gf2tvdw0s3jn54khce6mua7l'.repeat(2).slice(0, 58)}`;

  it('secret', async () => {
    for (const input of [secret, `# created: 2026-01-01T00:00:00Z\n# public key: ${recipient}\n${secret}\n`]) {
      const inspection = await text(input);
      expect(inspection.kind).toBe('age_identity');
      expect(codes(inspection)).toEqual(['private_key_exposed']);
      expect(JSON.stringify(inspection)).not.toContain(secret.slice(16, 40));
    }
  });

  it('public', async () => {
    expect(await text(recipient)).toMatchObject({ kind: 'age_recipient', findings: [] });
  });
});
