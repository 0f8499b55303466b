/** The key ring of one process: which key signs, which keys verify, and which names it does not know. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/crypto/random.js';
import { JWT_ALGORITHMS } from '../../src/crypto/jwt-keys.js';
import { signJwt, verifyJwt, type CandidateKey } from '../../src/crypto/jwt.js';
import { createProcessRing, type KeyRing, type RingKey } from '../../src/crypto/keyring.js';
import { countingRandom } from '../support/engines.js';

const secret = 'a-secret-of-at-least-32-bytes-for-tests';
const previous = 'another-secret-of-32-bytes-or-more-for-tests';
const now = new Date('2026-06-01T12:00:00Z');

const ringOf = (jwtSecret?: string, jwtSecretPrevious?: string): KeyRing =>
  createProcessRing({
    ...(jwtSecret === undefined ? {} : { jwtSecret }),
    ...(jwtSecretPrevious === undefined ? {} : { jwtSecretPrevious }),
    random: systemRandom,
  });

const candidates = (ring: KeyRing): CandidateKey[] =>
  ring.verifyingKeys().map((key) => ({ kid: key.id, key: key.verifying, algorithms: [key.algorithm] }));

async function tokenOf(key: RingKey): Promise<string> {
  if (key.signing === undefined) throw new Error('the key does not sign');
  const { id, algorithm, signing } = key;
  return (await signJwt({ ttlSeconds: 60 }, { id, algorithm, signing }, now, 'jti')).token;
}

async function reason(token: string, ring: KeyRing): Promise<string> {
  const verdict = await verifyJwt(token, candidates(ring), {}, now);
  return verdict.valid ? 'valid' : verdict.reason;
}

describe('JWT_SECRET_KEY', () => {
  it('is the default key of HS256, under the RFC 7638 thumbprint of the secret, cut to 64 bits', async () => {
    const ring = ringOf(secret);
    const key = await ring.signingKey();
    const thumbprint = createHash('sha256')
      .update(`{"k":"${Buffer.from(secret).toString('base64url')}","kty":"oct"}`)
      .digest();
    expect(key).toMatchObject({
      id: `jwt-secret-key.${thumbprint.subarray(0, 8).toString('base64url')}`,
      name: 'jwt-secret-key',
      algorithm: 'HS256',
      state: 'enabled',
      ephemeral: false,
    });
    expect(await ring.signingKey('jwt-secret-key')).toBe(key);
    expect(await ring.signingKey(undefined, 'HS256')).toBe(key);
    expect(ring.verifyingKeys()).toEqual([key]);
  });

  it('has the same id in another process that has the same secret', async () => {
    const script = `
      const { createProcessRing } = await import(${JSON.stringify(new URL('../../dist/crypto/keyring.js', import.meta.url))});
      const ring = createProcessRing({ jwtSecret: process.env.SECRET, random: () => { throw new Error('no randomness') } });
      process.stdout.write((await ring.signingKey()).id);`;
    const there = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env: { SECRET: secret } });
    expect(there.toString()).toBe((await ringOf(secret).signingKey()).id);
  });

  it('verifies in one process what it signed in another', async () => {
    expect(await reason(await tokenOf(await ringOf(secret).signingKey()), ringOf(secret))).toBe('valid');
    expect(await reason(await tokenOf(await ringOf(secret).signingKey()), ringOf(previous))).toBe('key_unknown');
  });

  it('has another id for every other secret', async () => {
    const ids = await Promise.all(
      [secret, `${secret} `, secret.toUpperCase(), previous].map((s) => ringOf(s).signingKey()),
    );
    expect(new Set(ids.map(({ id }) => id)).size).toBe(4);
  });
});

describe('JWT_SECRET_KEY_PREVIOUS', () => {
  it('verifies what it signed before, and no longer signs', async () => {
    const old = await tokenOf(await ringOf(previous).signingKey());
    const ring = ringOf(secret, previous);
    expect(await reason(old, ring)).toBe('valid');
    expect(ring.verifyingKeys().map((key) => key.signing !== undefined)).toEqual([true, false]);
    for (const args of [[], ['jwt-secret-key'], [undefined, 'HS256'], ['jwt-secret-key', 'HS256']] as const) {
      expect((await ring.signingKey(...args)).verifying.export().toString()).toBe(secret);
    }
  });

  it('alone never signs: the default is a key of the process, and its name is unknown', async () => {
    const ring = ringOf(undefined, previous);
    expect(await ring.signingKey()).toMatchObject({ name: 'process-hs256', ephemeral: true });
    await expect(ring.signingKey('jwt-secret-key')).rejects.toMatchObject({ code: 'key_unknown' });
    expect(await reason(await tokenOf(await ringOf(previous).signingKey()), ring)).toBe('valid');
  });

  it('that is the same secret is one key, not two of one id', () => {
    expect(ringOf(secret, secret).verifyingKeys()).toHaveLength(1);
    expect(ringOf(secret, previous).verifyingKeys()).toHaveLength(2);
  });
});

describe('a key of the process', () => {
  it.each(JWT_ALGORITHMS)(
    '%s is made on first use, once, and signs under its name and as default',
    async (algorithm) => {
      const ring = ringOf();
      expect(ring.verifyingKeys()).toEqual([]);
      const name = `process-${algorithm.toLowerCase()}`;
      const [key, same, named] = await Promise.all([
        ring.signingKey(undefined, algorithm),
        ring.signingKey(undefined, algorithm),
        ring.signingKey(name),
      ]);
      expect(key).toBe(same);
      expect(key).toBe(named);
      expect(key).toMatchObject({ name, algorithm, state: 'enabled', ephemeral: true });
      expect(key.id).toMatch(new RegExp(`^${name}\\.[\\w-]{12}$`));
      expect(ring.verifyingKeys()).toEqual([key]);
      expect(await reason(await tokenOf(key), ring)).toBe('valid');
      expect(await reason(await tokenOf(key), ringOf())).toBe('key_unknown');
      // What verifies holds no private key.
      expect(key.verifying.type).toBe(algorithm.startsWith('HS') ? 'secret' : 'public');
    },
  );

  it('is as long as its hash, and RSA has 3,072 bits', async () => {
    const ring = ringOf();
    for (const bits of [256, 384, 512] as const) {
      expect((await ring.signingKey(undefined, `HS${bits}`)).verifying.symmetricKeySize).toBe(bits / 8);
    }
    const { verifying } = await ring.signingKey(undefined, 'RS256');
    expect(verifying.asymmetricKeyDetails).toMatchObject({ modulusLength: 3072, publicExponent: 65_537n });
  });

  it('takes key and id from the randomness it is given', async () => {
    const ring = createProcessRing({ random: countingRandom() });
    const key = await ring.signingKey();
    expect(key.verifying.export()).toEqual(Buffer.from(Array.from({ length: 32 }, (_, i) => i)));
    expect(key.id).toBe(
      `process-hs256.${Buffer.from(Array.from({ length: 9 }, (_, i) => 32 + i)).toString('base64url')}`,
    );
  });

  it('stands beside JWT_SECRET_KEY, also for HS256', async () => {
    const ring = ringOf(secret);
    expect((await ring.signingKey('process-hs256')).verifying.export().toString()).not.toBe(secret);
    expect((await ring.signingKey()).name).toBe('jwt-secret-key');
    expect(ring.verifyingKeys()).toHaveLength(2);
  });

  it('that could not be made is made at the next call', async () => {
    let broken = true;
    const random = (size: number): Uint8Array => {
      if (broken) throw new Error('no randomness');
      return systemRandom(size);
    };
    const ring = createProcessRing({ random });
    await expect(ring.signingKey()).rejects.toThrow('no randomness');
    expect(ring.verifyingKeys()).toEqual([]);
    broken = false;
    expect(await ring.signingKey()).toMatchObject({ name: 'process-hs256' });
  });
});

describe('a key name', () => {
  const names = ['nobody', 'process', 'process-', 'process-none', 'process-HS256', 'process-es512', '', '__proto__'];
  it.each([...names, 'jwt-secret-key.', 'constructor'])('%j is unknown, and no key is made', async (name) => {
    const ring = ringOf(secret);
    await expect(ring.signingKey(name)).rejects.toMatchObject({
      code: 'key_unknown',
      message: 'key names no key of the ring.',
      hint: expect.stringContaining('"jwt-secret-key"') as string,
    });
    expect(ring.verifyingKeys()).toHaveLength(1);
  });

  it('is a name, never an id', async () => {
    const ring = ringOf(secret);
    const { id } = await ring.signingKey();
    await expect(ring.signingKey(id)).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('with an algorithm that is not its own is refused', async () => {
    const ring = ringOf(secret);
    for (const [name, algorithm] of [
      ['jwt-secret-key', 'HS512'],
      ['jwt-secret-key', 'RS256'],
      ['process-es256', 'ES384'],
    ] as const) {
      await expect(ring.signingKey(name, algorithm)).rejects.toMatchObject({
        code: 'input_invalid',
        message: 'key and algorithm do not fit together: a key has one algorithm for life.',
      });
    }
  });
});
