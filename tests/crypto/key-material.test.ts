/** Keys from elsewhere: what text is taken for which algorithm, and what is published of it. */

import { generateKeyPairSync } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { SecurityError } from '../../src/crypto/errors.js';
import { publishedJwk, readKey } from '../../src/crypto/key-material.js';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const x = generateKeyPairSync('x25519');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const smallRsa = generateKeyPairSync('rsa', { modulusLength: 1_024 });
const pem = (key: typeof ec.privateKey, type: 'pkcs8' | 'sec1' | 'pkcs1' = 'pkcs8'): string =>
  key.export({ format: 'pem', type }).toString();
const jwk = (key: typeof ec.privateKey): string => JSON.stringify(key.export({ format: 'jwk' }));
const oct = (bytes: number): string => JSON.stringify({ kty: 'oct', k: Buffer.alloc(bytes, 7).toString('base64url') });

type Algorithm = Parameters<typeof readKey>[1];

describe('a key from elsewhere', () => {
  it.each<[string, string, Algorithm]>([
    ['PKCS#8', pem(ec.privateKey), 'ES256'],
    ['SEC 1', pem(ec.privateKey, 'sec1'), 'ES256'],
    ['PKCS#1', pem(rsa.privateKey, 'pkcs1'), 'RS256'],
    ['a JWK of an elliptic curve', jwk(ec.privateKey), 'ES256'],
    ['a JWK of Ed25519', jwk(ed.privateKey), 'EdDSA'],
    ['a JWK of X25519', jwk(x.privateKey), 'X25519'],
    ['an elliptic key that agrees', jwk(ec.privateKey), 'ECDH-ES+A256KW'],
    ['a secret of 32 bytes', oct(32), 'HS256'],
    ['a key-encryption key', oct(32), 'A256KW'],
    ['a secret of 32 bytes for HMAC', oct(32), 'HMAC'],
  ])('in the form of %s is taken', (_form, text, algorithm) => {
    const key = readKey(text, algorithm);
    expect(key.type).toBe(text.includes('"oct"') ? 'secret' : 'private');
    const again = key.type === 'secret' ? readKey(JSON.stringify(key.export({ format: 'jwk' })), algorithm) : null;
    expect(again?.equals(key) ?? true).toBe(true);
  });

  it.each<[string, string, Algorithm]>([
    ['text', 'text', 'ES256'],
    ['a public key', ec.publicKey.export({ format: 'pem', type: 'spki' }).toString(), 'ES256'],
    ['a public JWK', jwk(ec.publicKey), 'ES256'],
    ['a list', `[${jwk(ec.privateKey)}]`, 'ES256'],
    ['a secret JWK without its secret', '{"kty":"oct"}', 'HS256'],
    ['a secret JWK with a number', '{"kty":"oct","k":1}', 'HS256'],
    [
      'a private key under a passphrase',
      ec.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
      'ES256',
    ],
    ['a broken PEM', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', 'ES256'],
  ])('that is %s is refused as none', (_what, text, algorithm) => {
    expect(() => readKey(text, algorithm)).toThrowError(
      expect.objectContaining({
        code: 'input_invalid',
        message: 'key_text is neither a private key in PEM nor a JWK with its private part.',
      }) as Error,
    );
  });

  it.each<[string, string, Algorithm]>([
    ['another curve', pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey), 'ES256'],
    ['another kind', pem(rsa.privateKey), 'ES256'],
    ['31 bytes of secret', oct(31), 'HS256'],
    ['31 bytes of secret for HMAC', oct(31), 'HMAC'],
    ['33 bytes of a wrapping key', oct(33), 'A256KW'],
    ['a private key for HMAC', pem(ec.privateKey), 'HMAC'],
    ['a secret for a signature', oct(32), 'EdDSA'],
    ['Ed25519 for X25519', pem(ed.privateKey), 'X25519'],
  ])('that is %s does not fit', (_what, text, algorithm) => {
    expect(() => readKey(text, algorithm)).toThrowError(
      expect.objectContaining({
        code: 'input_invalid',
        message: 'key_text holds a key that does not fit the algorithm.',
      }) as Error,
    );
  });

  it('of RSA under 2048 bits is refused by the checks of keys from outside, without repeating it', () => {
    const text = pem(smallRsa.privateKey);
    let refusal: unknown;
    try {
      readKey(text, 'RS256');
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(SecurityError);
    expect(refusal).toMatchObject({ code: 'input_invalid' });
    expect(JSON.stringify(refusal)).not.toContain(text.split('\n')[1]);
  });
});

describe('what is published', () => {
  it('has no private part, and says what the key is for', () => {
    for (const [key, algorithm, use] of [
      [ec.privateKey, 'ES256', 'sig'],
      [ec.privateKey, 'ECDH-ES+A256KW', 'enc'],
      [rsa.privateKey, 'RS256', 'sig'],
    ] as const) {
      const published = publishedJwk(key, 'name.1', algorithm);
      expect(published).toMatchObject({ kid: 'name.1', alg: algorithm, use });
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(published).not.toHaveProperty(member);
    }
  });
});
