/** Keys in every form they are kept in are recognised; of a private one only the public part is told, with a warning. */

import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import {
  bytes,
  CANARY,
  codes,
  ecKeys,
  expectSound,
  integer,
  makeCertificate,
  octets,
  oid,
  pem,
  sequence,
  shortRsaKeys,
  text,
  tlv,
} from './fixtures.js';
import { ROOT_PEM } from './literals.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const x25519 = generateKeyPairSync('x25519');
const uncommon = generateKeyPairSync('ec', { namedCurve: 'secp224r1' });
const dsa = generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 });

const pemOf = (key: KeyObject, type: 'spki' | 'pkcs8' | 'pkcs1' | 'sec1'): string =>
  key.export({ type, format: 'pem' } as never) as unknown as string;
const derOf = (key: KeyObject, type: 'spki' | 'pkcs8' | 'pkcs1' | 'sec1'): Buffer =>
  key.export({ type, format: 'der' } as never) as unknown as Buffer;

/** What of a private key must not be in any report: its secret numbers, in every text form. */
function expectNoSecret(inspection: unknown, key: KeyObject): void {
  const json = JSON.stringify(inspection).toLowerCase();
  const jwk = key.export({ format: 'jwk' });
  for (const part of [jwk.d, jwk.p, jwk.q].filter((entry) => entry !== undefined)) {
    const raw = Buffer.from(part, 'base64url');
    for (const form of [part, raw.toString('base64'), raw.toString('hex')]) {
      expect(json).not.toContain(form.slice(0, 16).toLowerCase());
    }
  }
}

describe('a public key', () => {
  it.each([
    ['RSA 2048', rsa.publicKey, { type: 'rsa', bits: 2048, exponent: 65_537 }],
    ['EC P-256', ecKeys.publicKey, { type: 'ec', curve: 'prime256v1' }],
    ['Ed25519', ed25519.publicKey, { type: 'ed25519' }],
    ['X25519', x25519.publicKey, { type: 'x25519' }],
  ] as const)('%s', async (name, key, details) => {
    const spki = derOf(key, 'spki');
    const expected = {
      kind: 'public_key',
      summary: `A public key (${name}).`,
      details: { ...details, spki_sha256: createHash('sha256').update(spki).digest('base64') },
      findings: [],
    };
    expect(await text(pemOf(key, 'spki'))).toEqual(expected);
    expect(await bytes(spki)).toEqual(expected);
    expect(await text(spki.toString('base64'))).toEqual(expected);
  });

  it('RSA in PKCS#1, in PEM and DER', async () => {
    expect((await text(pemOf(rsa.publicKey, 'pkcs1'))).summary).toBe('A public key (RSA 2048).');
    expect((await bytes(derOf(rsa.publicKey, 'pkcs1'))).summary).toBe('A public key (RSA 2048).');
  });

  it('is not seen in a signature, which is two integers too', async () => {
    const signature = sequence(integer('11'.repeat(32)), integer('22'.repeat(32)));
    expect((await bytes(signature)).kind).toBe('unknown');
  });

  it.each([
    ['weak_key', shortRsaKeys.publicKey, ['weak_key']],
    ['uncommon_curve', uncommon.publicKey, ['uncommon_curve']],
    ['outdated_key_type', dsa.publicKey, ['outdated_key_type']],
    ['small_exponent', rsaWith('ff'.repeat(256), '03'), ['small_exponent']],
    ['broken_exponent', rsaWith('ff'.repeat(256), '01'), ['broken_exponent']],
  ])('with finding %s', async (_code, key, expected) => {
    const inspection = await text(pemOf(key, 'spki'));
    expect(codes(inspection)).toEqual(expected);
    expectSound(inspection);
  });

  it('with finding roca: a modulus that is 1 modulo every small prime', async () => {
    // CVE-2017-15361: N is a power of 65537 modulo the primes 3 to 167; 65537^0 = 1 is one.
    const primes = Array.from({ length: 166 }, (_, i) => i + 2).filter((n) => !smallDivisor(n));
    const product = primes.reduce((all, prime) => all * BigInt(prime), 1n);
    const modulus = product * ((1n << 2047n) / product + 2n) + 1n;
    const key = rsaWith(modulus.toString(16), '010001');
    expect(codes(await text(pemOf(key, 'spki')))).toEqual(['roca']);
  });

  it('with finding oversized_key, and without any work on it', async () => {
    const inspection = await bytes(derOf(rsaWith('ff'.repeat(200_000), 'ff'.repeat(200_000)), 'spki'));
    expect(codes(inspection)).toEqual(['oversized_key']);
    expect(Object.keys(inspection.details)).toEqual(['type', 'spki_sha256']);
  });

  it('with trailing_data', async () => {
    const der = Buffer.concat([derOf(ed25519.publicKey, 'spki'), Buffer.from([1])]);
    expect(codes(await bytes(der))).toEqual(['trailing_data']);
    expect(codes(await text(pem('PUBLIC KEY', der)))).toEqual(['trailing_data']);
  });
});

function smallDivisor(n: number): boolean {
  return Array.from({ length: 12 }, (_, i) => i + 2).some((divisor) => divisor < n && n % divisor === 0);
}

function rsaWith(modulus: string, exponent: string): KeyObject {
  const encode = (digits: string): string =>
    Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex').toString('base64url');
  return createPublicKey({ key: { kty: 'RSA', n: encode(modulus), e: encode(exponent) }, format: 'jwk' });
}

describe('a private key', () => {
  it.each([
    ['RSA in PKCS#8', rsa.privateKey, 'pkcs8', 'RSA 2048'],
    ['RSA in PKCS#1', rsa.privateKey, 'pkcs1', 'RSA 2048'],
    ['P-256 in PKCS#8', ecKeys.privateKey, 'pkcs8', 'EC P-256'],
    ['P-256 in SEC 1', ecKeys.privateKey, 'sec1', 'EC P-256'],
    ['Ed25519 in PKCS#8', ed25519.privateKey, 'pkcs8', 'Ed25519'],
  ] as const)('%s is told by its public part', async (_name, key, type, name) => {
    for (const inspection of [await text(pemOf(key, type)), await bytes(derOf(key, type))]) {
      expect(inspection.kind).toBe('private_key');
      expect(inspection.summary).toBe(`A private key (${name}), not encrypted.`);
      expect(codes(inspection)).toEqual(['private_key_exposed']);
      const spki = derOf(createPublicKey(key), 'spki');
      expect(inspection.details['spki_sha256']).toBe(createHash('sha256').update(spki).digest('base64'));
      expectNoSecret(inspection, key);
      expectSound(inspection);
    }
  });

  it.each(['pkcs8', 'sec1'] as const)('under a passphrase, in %s', async (type) => {
    const options = { type, format: 'pem', cipher: 'aes-256-cbc', passphrase: CANARY } as const;
    const inspection = await text(ecKeys.privateKey.export(options) as string);
    expect(inspection.summary).toMatch(/^A private key under a passphrase \(.*\); it was not opened\.$/);
    expect(codes(inspection)).toEqual(['encrypted_private_key_shown']);
  });

  it('under a passphrase, in DER', async () => {
    const options = { type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: CANARY } as const;
    expect(codes(await bytes(rsa.privateKey.export(options)))).toEqual(['encrypted_private_key_shown']);
  });

  it('that cannot be read is one that was shown all the same', async () => {
    const body = Buffer.from(CANARY.repeat(4));
    for (const input of [
      pem('PRIVATE KEY', body),
      pem('PGP PRIVATE KEY BLOCK', body),
      pem('PRIVATE KEY', body).replace(/-----END.*/, ''),
      `-----BEGIN RSA PRIVATE KEY-----\n!!!\n-----END RSA PRIVATE KEY-----`,
    ]) {
      const inspection = await text(input);
      expect(codes(inspection)).toContain('private_key_exposed');
      expect(JSON.stringify(inspection)).not.toContain(body.toString('base64').slice(0, 20));
      expectSound(inspection);
    }
  });

  it('is found beside other blocks, before and after them', async () => {
    const parameters = pem('EC PARAMETERS', oid('1.2.840.10045.3.1.7'));
    const key = pemOf(ecKeys.privateKey, 'sec1');
    expect((await text(parameters + key)).kind).toBe('private_key');
    const bundle = await text(ROOT_PEM + key);
    expect(bundle.kind).toBe('certificate');
    expect(codes(bundle)).toContain('private_key_exposed');
    const locked = ecKeys.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
    expect(codes(await text(ROOT_PEM + (locked as string)))).toContain('encrypted_private_key_shown');
    expect(codes(await text((locked as string) + key))).toEqual(['private_key_exposed']);
    expect(codes(await text(pem('CERTIFICATE', makeCertificate()) + key.slice(0, 60)))).toContain(
      'private_key_exposed',
    );
  });

  it('is found in JSON, where its lines are joined by \\n', async () => {
    const account = JSON.stringify({ type: 'service_account', private_key: pemOf(rsa.privateKey, 'pkcs8') });
    const inspection = await text(account);
    expect(inspection.summary).toBe('A private key (RSA 2048), not encrypted.');
    expectNoSecret(inspection, rsa.privateKey);
  });

  it.each([
    ['DSA', '1.2.840.10040.4.1'],
    ['DH', '1.2.840.113549.1.3.1'],
  ])('of %s that would take long to read is recognised by its form', async (_name, algorithm) => {
    const big = integer(`7f${'ff'.repeat(4_000)}`);
    const der = sequence(integer('00'), sequence(oid(algorithm), sequence(big, big, big)), octets(big));
    const inspection = await bytes(der);
    expect(inspection.summary).toBe('A private key (PKCS#8, DER); its type was not read.');
    expect(codes(inspection)).toEqual(['private_key_exposed']);
  });

  it('of DSA is not read where a byte after it hides its algorithm from a strict reader', async () => {
    const big = integer(`7f${'ff'.repeat(3_000)}`);
    const der = sequence(integer('00'), sequence(oid('1.2.840.10040.4.1'), sequence(big, big, big)), octets(big));
    const inspection = await text(pem('PRIVATE KEY', Buffer.concat([der, Buffer.from([0])])));
    expect(inspection.summary).toBe('A private key (PRIVATE KEY); its type was not read.');
  });
});

describe('a JWK', () => {
  const jwkOf = (key: KeyObject, more: object = {}): Record<string, unknown> => ({
    ...key.export({ format: 'jwk' }),
    ...more,
  });
  const json = (value: unknown): Promise<Awaited<ReturnType<typeof text>>> => text(JSON.stringify(value));

  it('public, alone', async () => {
    const inspection = await json(jwkOf(ecKeys.publicKey, { kid: 'a', use: 'sig', alg: 'ES256' }));
    expect(inspection.kind).toBe('jwk');
    expect(inspection.summary).toBe('A JSON Web Key (EC P-256), its public part only.');
    expect(inspection.details['keys']).toMatchObject([
      { name: 'EC P-256', kty: 'EC', kid: 'a', use: 'sig', alg: 'ES256' },
    ]);
    expect(inspection.findings).toEqual([]);
  });

  it.each([
    ['EC', ecKeys.privateKey],
    ['OKP', ed25519.privateKey],
    ['RSA', rsa.privateKey],
  ])('private, of type %s', async (_type, key) => {
    const inspection = await json(jwkOf(key));
    expect(inspection.summary).toContain('its secret part included');
    expect(codes(inspection)).toEqual(['private_key_exposed']);
    expectNoSecret(inspection, key);
  });

  it('symmetric', async () => {
    const inspection = await json({
      kty: 'oct',
      kid: 'k',
      k: Buffer.from(CANARY.repeat(2).slice(0, 30)).toString('base64url'),
    });
    expect(inspection.details['keys']).toEqual([{ name: 'symmetric, 30 bytes', kty: 'oct', kid: 'k', bytes: 30 }]);
    expect(codes(inspection)).toEqual(['secret_key_exposed']);
    expect(codes(await json({ kty: 'oct', k: 'c2hvcnQ' }))).toEqual(['secret_key_exposed', 'weak_key']);
  });

  it('that cannot be read', async () => {
    expect(codes(await json({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }))).toEqual(['unreadable_key']);
    expect(codes(await json({ kty: 'none\u202E', kid: '\u0000' }))).toEqual(['unreadable_key']);
  });

  it('set, with duplicate_key_id and entries that are none', async () => {
    const key = jwkOf(ecKeys.publicKey, { kid: 'same' });
    const inspection = await json({ keys: [key, key, 'no key'] });
    expect(inspection.summary).toBe('A JWK Set of 3 keys, public parts only.');
    expect(codes(inspection)).toEqual(['duplicate_key_id', 'unreadable_key']);
    expect(await json({ keys: [] })).toMatchObject({
      kind: 'jwks',
      summary: 'A JWK Set of 0 keys, public parts only.',
    });
  });

  it('set of many keys: a secret is found in the last of them too', async () => {
    const keys: object[] = Array.from({ length: 500 }, (_, i) => jwkOf(ed25519.publicKey, { kid: `\u202E${i}` }));
    keys.push(jwkOf(ecKeys.privateKey));
    const inspection = await json({ keys });
    expect(codes(inspection)).toEqual(['many_keys', 'private_key_exposed']);
    expectNoSecret(inspection, ecKeys.privateKey);
    expectSound(inspection);
  });

  it('set is not seen where "keys" are something else', async () => {
    expect((await json({ keys: ['a', 'b'] })).kind).toBe('json');
  });
});

it('a PEM block of a kind that is not explained is named', async () => {
  expect(await text(pem('ATTRIBUTE CERTIFICATE', tlv(0x30)))).toMatchObject({
    kind: 'pem',
    details: { label: 'ATTRIBUTE CERTIFICATE' },
    findings: [],
  });
  expect(await text('-----BEGIN PGP MESSAGE-----\n\nwcBM=\n=abcd\n-----END PGP MESSAGE-----')).toMatchObject({
    kind: 'openpgp',
    findings: [],
  });
  expect(codes(await text('-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----'))).toEqual(['broken_pem']);
  expect(codes(await text('-----BEGIN CERTIFICATE-----\nAAAA'))).toEqual(['broken_pem']);
});
