/** The key of the environment in the ring: it needs no store. The stored keys are tested in tests/storage/keys.test.ts. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { SecurityError } from '../../src/crypto/errors.js';
import { signJwt, verifyJwt } from '../../src/crypto/jwt.js';
import { createKeyRing, type KeyRing, type KeyStore, type SigningRingKey } from '../../src/crypto/keyring.js';
import { temporaryRing } from '../support/pipeline.js';

const secret = 'a-secret-of-at-least-32-bytes-for-tests';
const previous = 'another-secret-of-32-bytes-or-more-for-tests';
const now = new Date('2026-06-01T12:00:00Z');

/** A store that cannot be opened. */
const unusable = new Proxy({} as KeyStore, {
  get: () => async () => {
    throw new SecurityError('storage_unavailable', 'The store cannot be opened.', { hint: 'Mend it.' });
  },
});

const ringOf = (jwtSecret?: string, jwtSecretPrevious?: string): KeyRing =>
  createKeyRing({
    ...(jwtSecret === undefined ? {} : { jwtSecret }),
    ...(jwtSecretPrevious === undefined ? {} : { jwtSecretPrevious }),
    store: unusable,
  });

async function tokenOf(key: SigningRingKey): Promise<string> {
  return (await signJwt({ ttlSeconds: 60 }, key, now, 'jti')).token;
}

async function reason(token: string, ring: KeyRing): Promise<string> {
  const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
  const verdict = await verifyJwt(token, await ring.verifyingKeys({ kid: header.kid }), {}, now);
  return verdict.valid ? 'valid' : verdict.reason;
}

describe('JWT_SECRET_KEY', () => {
  it('is the default key of HS256 without any store, under the RFC 7638 thumbprint of the secret, cut to 64 bits', async () => {
    const ring = ringOf(secret);
    const key = await ring.signingKey();
    const thumbprint = createHash('sha256')
      .update(`{"k":"${Buffer.from(secret).toString('base64url')}","kty":"oct"}`)
      .digest();
    expect(key).toMatchObject({
      id: `jwt-secret-key.${thumbprint.subarray(0, 8).toString('base64url')}`,
      name: 'jwt-secret-key',
      algorithm: 'HS256',
    });
    expect(await ring.signingKey('jwt-secret-key')).toEqual(key);
    expect(await ring.signingKey(undefined, 'HS256')).toEqual(key);
    expect(await ring.verifyingKeys({ name: 'jwt-secret-key' })).toMatchObject([{ kid: key.id }]);
  });

  it('has the same id in another process that has the same secret', async () => {
    const script = `
      const { createKeyRing } = await import(${JSON.stringify(new URL('../../build/crypto/keyring.js', import.meta.url))});
      process.stdout.write((await createKeyRing({ jwtSecret: process.env.SECRET }).signingKey()).id);`;
    const there = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env: { SECRET: secret } });
    expect(there.toString()).toBe((await ringOf(secret).signingKey()).id);
  });

  it('verifies in one process what it signed in another, without the store', async () => {
    expect(await reason(await tokenOf(await ringOf(secret).signingKey()), ringOf(secret))).toBe('valid');
    expect(await reason(await tokenOf(await ringOf(secret).signingKey()), ringOf(previous))).toBe('key_unknown');
  });

  it('leaves the store alone for ids that no stored key can have', async () => {
    for (const id of ['', 'a', 'a.0', 'a.01', 'A.1', '../a.1', 'a.1\n', 'a\0.1', '\ud800.1', `${'a'.repeat(65)}.1`]) {
      expect(await ringOf(secret).unwrappingKey(id)).toBeNull();
      expect(await ringOf(secret).verifyingKeys({ kid: id })).toEqual([]);
    }
    await expect(ringOf(secret).unwrappingKey('a.1')).rejects.toMatchObject({ code: 'storage_unavailable' });
  });

  it('has another id for every other secret', async () => {
    const ids = await Promise.all(
      [secret, `${secret} `, secret.toUpperCase(), previous].map((s) => ringOf(s).signingKey()),
    );
    expect(new Set(ids.map(({ id }) => id)).size).toBe(4);
  });

  it('shows as a key of the ring, and is changed where it is set', async () => {
    const ring = ringOf(secret, previous);
    const [key] = await ring.list('jwt-secret-key');
    expect(key).toMatchObject({ purpose: 'jwt', algorithm: 'HS256', primaryVersion: 2 });
    expect(key?.versions.map(({ version, state }) => [version, state])).toEqual([
      [1, 'enabled'],
      [2, 'enabled'],
    ]);
    expect(key?.versions[1]?.keyId).toBe((await ring.signingKey()).id);
    expect(JSON.stringify(key)).not.toContain(secret);
    const refusedWith = { code: 'key_state_refused', hint: expect.stringContaining('JWT_SECRET_KEY') as string };
    await expect(ring.rotate('jwt-secret-key')).rejects.toMatchObject(refusedWith);
    await expect(ring.retire('jwt-secret-key', 1, 'disabled')).rejects.toMatchObject(refusedWith);
    await expect(ring.setPolicy('jwt-secret-key', {})).rejects.toMatchObject(refusedWith);
  });
});

describe('JWT_SECRET_KEY_PREVIOUS', () => {
  it('verifies what it signed before, and no longer signs', async () => {
    const old = await tokenOf(await ringOf(previous).signingKey());
    const ring = ringOf(secret, previous);
    expect(await reason(old, ring)).toBe('valid');
    expect(await ring.verifyingKeys({ name: 'jwt-secret-key' })).toHaveLength(2);
    for (const args of [[], ['jwt-secret-key'], [undefined, 'HS256'], ['jwt-secret-key', 'HS256']] as const) {
      expect((await ring.signingKey(...args)).signing.export().toString()).toBe(secret);
    }
  });

  it('alone never signs: the default is a stored key, and its name is unknown', async () => {
    const ring = ringOf(undefined, previous);
    await expect(ring.signingKey()).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(ring.signingKey('jwt-secret-key')).rejects.toMatchObject({ code: 'key_unknown' });
    expect(await reason(await tokenOf(await ringOf(previous).signingKey()), ring)).toBe('valid');
  });

  it('that is the same secret is one key, not two of one id', async () => {
    expect(await ringOf(secret, secret).verifyingKeys({ name: 'jwt-secret-key' })).toHaveLength(1);
  });
});

describe('a key name', () => {
  const ring = temporaryRing(secret);

  it.each(['nobody', 'jwt-none', 'jwt-HS256', '', '__proto__', 'jwt-secret-key.', 'constructor', 'envelope'])(
    '%j is no key that signs, and none is made',
    async (name) => {
      await expect(ring.signingKey(name)).rejects.toMatchObject({ code: 'key_unknown' });
      expect(await ring.list()).toHaveLength(1);
    },
  );

  it('is a name, never an id', async () => {
    const { id } = await ring.signingKey();
    await expect(ring.signingKey(id)).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('with an algorithm that is not its own is refused', async () => {
    for (const [name, algorithm] of [
      ['jwt-secret-key', 'HS512'],
      ['jwt-secret-key', 'RS256'],
      ['jwt-es256', 'ES384'],
    ] as const) {
      await expect(ring.signingKey(name, algorithm)).rejects.toMatchObject({
        code: 'input_invalid',
        message: 'key and algorithm do not fit together: a key has one algorithm for life.',
      });
    }
  });
});
