/** Rewrapping replaces what wraps the content key and nothing else; where it must replace more, it says so. */

import { GeneralEncrypt } from 'jose';
import { describe, expect, it } from 'vitest';

import { fromUtf8, utf8 } from '../../src/crypto/bytes.js';
import { openEnvelope, sealEnvelope } from '../../src/crypto/envelope.js';
import { rewrapEnvelope, type RewrapRequest } from '../../src/crypto/rewrap.js';
import { decryptContent, readJwe, unwrapContentKey } from '../../src/crypto/jwe.js';
import { systemRandom } from '../../src/crypto/random.js';
import { cheapJwe, cheapLegacy, NOW, parseJwe, PASSWORD, refusalOf } from '../support/envelopes.js';

const REJECTED = /^{"code":"envelope_rejected"/;
const NEW_PASSWORD = 'staple battery horse correct';
const LEAST = 220_000;

const rewrap = (request: RewrapRequest): ReturnType<typeof rewrapEnvelope> =>
  rewrapEnvelope({ iterations: LEAST, ...request }, NOW, systemRandom);
const open = async (envelope: string, password: string, context?: string): Promise<string> =>
  (await openEnvelope({ envelope, password, ...(context === undefined ? {} : { context }) }, NOW)).plaintext;

describe('rewrapping a JWE', () => {
  it('leaves protected header, nonce, ciphertext and tag byte for byte; the old password opens no longer', async () => {
    const envelope = await cheapJwe('a secret', { context: 'c' });
    const moved = await rewrap({ envelope, password: PASSWORD, newPassword: NEW_PASSWORD, context: 'c' });
    const [{ recipients: before, ...rest }, { recipients: after, ...same }] = [
      parseJwe(envelope),
      parseJwe(moved.envelope),
    ];
    expect(JSON.stringify(same)).toBe(JSON.stringify(rest));
    expect(after).toHaveLength(1);
    expect(after[0]?.header['p2s']).not.toBe(before[0]?.header['p2s']);
    expect(after[0]?.encrypted_key).not.toBe(before[0]?.encrypted_key);
    expect(moved).toMatchObject({
      before: { format: 'jwe', kdf: { name: 'PBKDF2-HMAC-SHA512', iterations: 1_000 } },
      after: { format: 'jwe', kdf: { name: 'PBKDF2-HMAC-SHA512', iterations: LEAST } },
      contentUnchanged: true,
    });
    expect(await open(moved.envelope, NEW_PASSWORD, 'c')).toBe('a secret');
    expect(await refusalOf(open(moved.envelope, PASSWORD, 'c'))).toMatch(REJECTED);
    expect(await refusalOf(open(moved.envelope, NEW_PASSWORD))).toMatch(REJECTED);
  });

  it('without a new password gives the same password more iterations and a new salt', async () => {
    const envelope = await cheapJwe('a secret');
    const moved = await rewrap({ envelope, password: PASSWORD });
    expect(await openEnvelope({ envelope: moved.envelope, password: PASSWORD }, NOW)).toEqual({
      plaintext: 'a secret',
      format: 'jwe',
    });
    expect(parseJwe(moved.envelope).recipients[0]?.header).toMatchObject({ p2c: LEAST });
  });

  it('with reencrypt replaces everything: content key, nonce, ciphertext and tag', async () => {
    const envelope = await cheapJwe('a secret', { context: 'c' });
    const moved = await rewrap({ envelope, password: PASSWORD, reencrypt: true, context: 'c' });
    expect(moved.contentUnchanged).toBe(false);
    const [before, after] = [parseJwe(envelope), parseJwe(moved.envelope)];
    for (const member of ['iv', 'ciphertext', 'tag'] as const) expect(after[member]).not.toBe(before[member]);
    expect(after.protected).toBe(before.protected);
    expect(await open(moved.envelope, PASSWORD, 'c')).toBe('a secret');
    // What the old content key opened, it opens no longer.
    const [old, fresh] = [readJwe(before), readJwe(after)];
    const contentKey = old === null ? null : await unwrapContentKey(old, { password: PASSWORD });
    if (contentKey === null || fresh === null) throw new Error('not read');
    expect(decryptContent(fresh, contentKey, 'c')).toBeNull();
  });

  it('keeps the other recipients, whose keys still open it', async () => {
    const keyEncryptionKey = systemRandom(32);
    const envelope = await cheapJwe('for two', { keyEncryptionKey });
    const moved = await rewrap({ envelope, password: PASSWORD, newPassword: NEW_PASSWORD });
    expect(parseJwe(moved.envelope).recipients[1]).toEqual(parseJwe(envelope).recipients[1]);
    const jwe = readJwe(parseJwe(moved.envelope));
    if (jwe === null) throw new Error('not read');
    const contentKey = await unwrapContentKey(jwe, { kid: 'ring.1', keyEncryptionKey });
    expect(fromUtf8(decryptContent(jwe, contentKey ?? new Uint8Array(32), undefined) ?? utf8('?'))).toBe('for two');
    expect(await open(moved.envelope, NEW_PASSWORD)).toBe('for two');
  });

  it('with reencrypt and other recipients is refused by name, whether the password is right or not', async () => {
    const envelope = await cheapJwe('for two', { keyEncryptionKey: systemRandom(32) });
    const refusals = await Promise.all(
      [PASSWORD, 'wrong'].map((password) => refusalOf(rewrap({ envelope, password, reencrypt: true }))),
    );
    expect(refusals[0]).toMatch(/^{"code":"input_invalid","message":"reencrypt would lock the other recipients/);
    expect(refusals[1]).toBe(refusals[0]);
  });

  // jose protects whatever of alg, p2s and p2c its caller does not put elsewhere, where there is one recipient.
  it.each([
    ['all of its wrapping', { enc: 'A256GCM', alg: 'PBES2-HS512+A256KW' }, {}],
    ['salt and iterations', { enc: 'A256GCM' }, { alg: 'PBES2-HS512+A256KW' }],
  ])('that protects %s is encrypted anew, and opens', async (_title, header, own) => {
    const encryption = new GeneralEncrypt(utf8('from jose')).setProtectedHeader(header);
    encryption.addRecipient(utf8(PASSWORD)).setUnprotectedHeader(own).setKeyManagementParameters({ p2c: 1_000 });
    const envelope = JSON.stringify(await encryption.encrypt());
    expect(await open(envelope, PASSWORD)).toBe('from jose');
    const moved = await rewrap({ envelope, password: PASSWORD, newPassword: NEW_PASSWORD });
    expect(moved.contentUnchanged).toBe(false);
    expect(moved.before).toEqual({ format: 'jwe', kdf: { name: 'PBKDF2-HMAC-SHA512', iterations: 1_000 } });
    expect(await open(moved.envelope, NEW_PASSWORD)).toBe('from jose');
  });

  it('that protects the salt and has other recipients is refused by name: they would be locked out', async () => {
    const password = { alg: 'PBES2-HS512+A256KW' };
    const envelope = await cheapJwe('for two', { keyEncryptionKey: systemRandom(32) });
    const { recipients, ...rest } = parseJwe(envelope);
    const [first, second] = recipients;
    const { p2s, p2c } = first?.header ?? {};
    const protectedText = Buffer.from(JSON.stringify({ enc: 'A256GCM', p2s, p2c })).toString('base64url');
    const mixed = { ...rest, protected: protectedText, recipients: [{ ...first, header: password }, second] };
    expect(await refusalOf(rewrap({ envelope: JSON.stringify(mixed), password: PASSWORD }))).toMatch(
      /^{"code":"input_invalid","message":"reencrypt would lock/,
    );
  });
});

describe('rewrapping an envelope of the earlier service', () => {
  it('makes a JWE of it, with the context that is asked for', async () => {
    const envelope = await cheapLegacy('old data');
    const moved = await rewrap({ envelope, password: PASSWORD, newPassword: NEW_PASSWORD, context: 'c' });
    expect(moved).toMatchObject({
      before: { format: 'fernet', kdf: { name: 'PBKDF2-HMAC-SHA256', iterations: 1_000 } },
      after: { format: 'jwe', kdf: { name: 'PBKDF2-HMAC-SHA512', iterations: LEAST } },
      contentUnchanged: false,
    });
    expect(await open(moved.envelope, NEW_PASSWORD, 'c')).toBe('old data');
    expect(await refusalOf(open(moved.envelope, PASSWORD, 'c'))).toMatch(REJECTED);
  });

  it('refuses an envelope that carries its key: anybody can have made it, and a password would seem to vouch for it', async () => {
    const key = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
    const { envelope: token } = await sealEnvelope({ plaintext: 'old data', fernetKey: key }, NOW, systemRandom);
    const envelope = JSON.stringify({ encrypted_data: token, key_info: key });
    expect(await refusalOf(rewrap({ envelope, password: NEW_PASSWORD }))).toMatch(REJECTED);
    expect(await refusalOf(open(envelope, NEW_PASSWORD))).toMatch(REJECTED);
    // Without a password it is told what to do with it.
    expect(await refusalOf(rewrap({ envelope, newPassword: NEW_PASSWORD }))).toContain('envelope_seal');
  });
});

describe('rewrapping refuses', () => {
  const cases: [string, () => Promise<RewrapRequest>][] = [
    ['a wrong password', async () => ({ envelope: await cheapJwe('x'), password: 'wrong' })],
    ['a missing context', async () => ({ envelope: await cheapJwe('x', { context: 'c' }), password: PASSWORD })],
    ['a wrong context', async () => ({ envelope: await cheapJwe('x'), password: PASSWORD, context: 'c' })],
    ['a wrong password of the earlier form', async () => ({ envelope: await cheapLegacy('x'), password: 'wrong' })],
    ['a bare token, which no password opens', async () => ({ envelope: 'gAAAA', password: PASSWORD })],
    ['what is no envelope', async () => ({ envelope: '{}', password: PASSWORD })],
  ];
  it.each(cases)('%s with the error of opening', async (_title, request) => {
    const ofOpening = await refusalOf(openEnvelope({ envelope: '{}', password: 'x' }, NOW));
    expect(await refusalOf(rewrap(await request()))).toBe(ofOpening);
  });

  it.each([
    ['password is needed', {}],
    ['iterations must be from 220000 to 2000000', { password: PASSWORD, iterations: 219_999 }],
    ['iterations must be from 220000 to 2000000', { password: PASSWORD, iterations: 2_000_001 }],
  ])('by name: %s', async (message, request) => {
    const refusal = await refusalOf(rewrap({ envelope: await cheapJwe('x'), ...request }));
    expect(refusal).toContain(`"input_invalid","message":"${message}`);
  });
});
