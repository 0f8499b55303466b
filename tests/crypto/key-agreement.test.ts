/** ECDH-ES+A256KW: the published vector of the key derivation, jose on the other side, and what is no ephemeral key. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

import { CompactEncrypt, GeneralEncrypt, generalDecrypt, type GeneralJWE, type JWK } from 'jose';
import { describe, expect, it } from 'vitest';

import { base64url, utf8 } from '../../src/crypto/bytes.js';
import { openEnvelope, sealEnvelope } from '../../src/crypto/envelope.js';
import { agreeAsRecipient, agreeAsSender, concatKdf, readEphemeralKey } from '../../src/crypto/key-agreement.js';
import { systemRandom } from '../../src/crypto/random.js';
import { rewrapEnvelope } from '../../src/crypto/rewrap.js';

interface Changeable {
  header: Record<string, unknown> & { epk?: { x: string; y: string } };
  encrypted_key: string;
}

const NOW = new Date('2026-06-01T12:00:00Z');
const pair = (): { privateKey: KeyObject; publicKey: KeyObject } => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const own = pair();
const ID = 'post.1';
const ring = (id: string): Promise<KeyObject | null> => Promise.resolve(id === ID ? own.privateKey : null);
const seal = async (plaintext = 'for the post'): Promise<string> =>
  (await sealEnvelope({ plaintext, key: { id: ID, publicKey: own.publicKey }, context: 'c' }, NOW, systemRandom))
    .envelope;
const open = async (envelope: string, context: string | null = 'c', keys = ring): Promise<string> =>
  (await openEnvelope({ envelope, ...(context === null ? {} : { context }) }, NOW, keys)).plaintext;

describe('the Concat KDF', () => {
  // https://www.rfc-editor.org/rfc/rfc7518#appendix-C
  it('RFC 7518 appendix C', () => {
    const z = Uint8Array.from([
      158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218, 128, 106, 72,
      246, 218, 167, 121, 140, 254, 144, 196,
    ]);
    expect(base64url(concatKdf(z, 'A128GCM', 'Alice', 'Bob', 128))).toBe('VqqN6vgjbSBcIijNcacQGg');
  });
});

describe('an envelope for a public key', () => {
  it('is opened by the private key alone, with its context', async () => {
    const envelope = await seal();
    expect(JSON.parse(envelope)).toMatchObject({
      recipients: [{ header: { alg: 'ECDH-ES+A256KW', kid: ID, epk: { kty: 'EC', crv: 'P-256' } } }],
    });
    expect(await open(envelope)).toBe('for the post');
    for (const [context, keys] of [
      ['d', ring],
      [null, ring],
      ['c', () => Promise.resolve(pair().privateKey)],
      ['c', () => Promise.resolve(systemRandom(32))],
      ['c', () => Promise.resolve(null)],
    ] as const)
      await expect(open(envelope, context, keys as typeof ring)).rejects.toMatchObject({ code: 'envelope_rejected' });
  });

  it('has another ephemeral key each time', async () => {
    const epk = async (): Promise<string> =>
      JSON.stringify((JSON.parse(await seal()) as GeneralJWE).recipients[0]?.header);
    expect(await epk()).not.toBe(await epk());
  });

  it('is opened by generalDecrypt of jose', async () => {
    const { plaintext } = await generalDecrypt(JSON.parse(await seal()) as GeneralJWE, own.privateKey, {
      keyManagementAlgorithms: ['ECDH-ES+A256KW'],
    });
    expect(Buffer.from(plaintext).toString()).toBe('for the post');
  });

  it('that jose made for the published key, alone or beside a password, opens here', async () => {
    const published = createPublicKey({ key: own.publicKey.export({ format: 'jwk' }) as JWK, format: 'jwk' });
    const header = { alg: 'ECDH-ES+A256KW', kid: ID };
    const alone = new GeneralEncrypt(utf8('from jose')).setProtectedHeader({ enc: 'A256GCM' });
    alone.addRecipient(published).setUnprotectedHeader(header);
    expect(await open(JSON.stringify(await alone.encrypt()), null)).toBe('from jose');
    const both = new GeneralEncrypt(utf8('from jose')).setProtectedHeader({ enc: 'A256GCM' });
    both
      .addRecipient(published)
      .setUnprotectedHeader(header)
      .addRecipient(utf8('a password'))
      .setUnprotectedHeader({ alg: 'PBES2-HS512+A256KW' });
    expect(await open(JSON.stringify(await both.encrypt()), null)).toBe('from jose');
    // Another serialization is another thing.
    const compact = await new CompactEncrypt(utf8('x'))
      .setProtectedHeader({ ...header, enc: 'A256GCM' })
      .encrypt(published);
    await expect(open(compact, null)).rejects.toThrow();
  });

  it('is rewrapped to a password and back, with its ciphertext as it was', async () => {
    const envelope = await seal();
    const [unwrap, newest] = [ring, async () => ({ id: ID, publicKey: own.publicKey })];
    const locked = await rewrapEnvelope(
      { envelope, newPassword: 'seven silver otters', context: 'c' },
      NOW,
      systemRandom,
      {
        unwrap,
        newest,
      },
    );
    expect(locked).toMatchObject({ contentUnchanged: true, before: { keyId: ID } });
    const back = await rewrapEnvelope(
      { envelope: locked.envelope, password: 'seven silver otters', newKey: await newest(), context: 'c' },
      NOW,
      systemRandom,
      { unwrap, newest },
    );
    expect(back).toMatchObject({ contentUnchanged: true, after: { keyId: ID } });
    expect(await open(back.envelope)).toBe('for the post');
    expect((JSON.parse(back.envelope) as GeneralJWE).ciphertext).toBe((JSON.parse(envelope) as GeneralJWE).ciphertext);
  });

  it('with anything changed is rejected, and never read as a key of another kind', async () => {
    const envelope = await seal();
    const changed = (change: (recipient: Changeable) => void): string => {
      const whole = JSON.parse(envelope) as { recipients: [Changeable] };
      change(whole.recipients[0]);
      return JSON.stringify(whole);
    };
    const other = agreeAsSender(own.publicKey).epk;
    for (const broken of [
      changed(({ header }) => (header.epk = other)),
      changed(({ header }) => (header.epk!.x = header.epk!.y)),
      changed(({ header }) => delete header.epk),
      changed(({ header }) => (header['alg'] = 'A256KW')),
      changed(({ header }) => (header['alg'] = 'ECDH-ES')),
      changed(({ header }) => (header['apu'] = 'QWxpY2U')),
      changed(({ header }) => (header['apv'] = 'Qm9i')),
      changed(({ header }) => (header['kid'] = 'post.2')),
      changed((recipient) => (recipient.encrypted_key = base64url(systemRandom(40)))),
    ])
      // What names no key that could open it asks for a password.
      await expect(open(broken)).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:envelope_rejected|input_invalid)$/) as string,
      });
  });
});

describe('an ephemeral key', () => {
  const { epk } = agreeAsSender(own.publicKey);
  it('is one of P-256 in its one spelling', () => {
    expect(readEphemeralKey({ ...epk, kid: 'x' })).toEqual(epk);
    for (const value of [
      null,
      'x',
      [],
      {},
      { ...epk, kty: 'OKP' },
      { ...epk, crv: 'P-384' },
      { ...epk, x: `${epk.x}=` },
      { ...epk, x: epk.x.slice(1) },
      { ...epk, y: 5 },
      { ...epk, d: epk.x },
    ])
      expect(readEphemeralKey(value)).toBeNull();
  });

  it('off the curve, or the point at infinity, agrees on nothing (invalid-curve attack)', () => {
    for (const [x, y] of [
      [epk.x, base64url(systemRandom(32))],
      [base64url(new Uint8Array(32)), base64url(new Uint8Array(32))],
      [base64url(new Uint8Array(32).fill(255)), epk.y],
    ] as const)
      expect(agreeAsRecipient(own.privateKey, { ...epk, x, y })).toBeNull();
    expect(agreeAsRecipient(own.privateKey, epk)).toHaveLength(32);
  });
});
