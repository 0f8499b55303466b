/** age files are told by the kinds of their recipients, in every form they come in. */

import { describe, expect, it } from 'vitest';

import { bytes, codes, expectSound, pem, text } from './fixtures.js';

const file = (...stanzas: string[]): Buffer =>
  Buffer.concat([
    Buffer.from(`age-encryption.org/v1\n${stanzas.map((stanza) => `-> ${stanza}\nAAAA\n`).join('')}--- AAAA\n`),
    Buffer.from([0xff, 0x00, 0x80]),
  ]);

describe('an age file', () => {
  const recipients = file('X25519 AAAA', 'ssh-ed25519 AAAA BBBB', 'X25519 CCCC');

  it('as bytes, as armor and as base64', async () => {
    const expected = {
      kind: 'age_file',
      summary: 'A file encrypted with age for 3 recipients (X25519, ssh-ed25519); it was not opened.',
      details: { form: 'binary', recipients: ['X25519', 'ssh-ed25519', 'X25519'], recipient_count: 3 },
      findings: [],
    };
    expect(await bytes(recipients)).toEqual(expected);
    expect(await text(recipients.toString('base64'))).toEqual(expected);
    const armored = await text(pem('AGE ENCRYPTED FILE', recipients));
    expect(armored).toEqual({ ...expected, details: { ...expected.details, form: 'armor' } });
  });

  it.each([
    [18, []],
    [15, []],
    [14, ['weak_derivation']],
    [19, ['excessive_work_factor']],
    [99, ['excessive_work_factor']],
  ])('under a passphrase with work factor %i', async (factor, expected) => {
    const inspection = await bytes(file(`scrypt AAAAAAAAAAAAAAAAAAAAAA ${factor}`));
    expect(inspection.summary).toBe('A file encrypted with age under a passphrase (scrypt); it was not opened.');
    expect(inspection.details['scrypt_work_factor']).toBe(factor);
    expect(codes(inspection)).toEqual(expected);
  });

  it('with mixed_recipients', async () => {
    expect(codes(await bytes(file('scrypt AAAA 18', 'X25519 AAAA')))).toEqual(['mixed_recipients']);
  });

  it('with header_cut_off', async () => {
    expect(codes(await bytes(recipients.subarray(0, 40)))).toEqual(['header_cut_off']);
    expect(codes(await text('age-encryption.org/v1\n-> X25519 AAAA'))).toEqual(['header_cut_off']);
  });

  it('with a work factor that is no number, or thousands of recipients, is bounded', async () => {
    for (const input of [
      file('scrypt AAAA 1e999'),
      file('scrypt'),
      file(...Array.from({ length: 5_000 }, () => 'X AAAA')),
    ]) {
      const inspection = await bytes(input);
      expect(inspection.kind).toBe('age_file');
      expectSound(inspection);
    }
  });

  it('is not seen in armor around something else', async () => {
    expect(codes(await text(pem('AGE ENCRYPTED FILE', Buffer.from('something else'))))).toEqual(['unreadable']);
  });
});
