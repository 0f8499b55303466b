/** Envelopes in JSON are told by how their key is wrapped; nothing is opened, and a key that lies inside is not shown. */

import { GeneralSign } from 'jose';
import { describe, expect, it } from 'vitest';

import { fernetSeal } from '../../../src/crypto/fernet.js';
import { sealLegacyEnvelope } from '../../../src/crypto/legacy-envelope.js';
import { CANARY, codes, ecKeys, expectSound, NOW, text } from './fixtures.js';

const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const json = (value: unknown): ReturnType<typeof text> => text(JSON.stringify(value));
const PASSWORD = { alg: 'PBES2-HS512+A256KW', p2s: 'AAAAAAAAAAAAAAAAAAAAAA', p2c: 600_000 };
const jwe = (header: object, ...recipients: object[]): Record<string, unknown> => ({
  protected: b64({ enc: 'A256GCM', ...header }),
  recipients: recipients.map((entry) => ({ header: entry, encrypted_key: 'AA' })),
  iv: 'AAAAAAAAAAAAAAAA',
  ciphertext: Buffer.from(CANARY).toString('base64url'),
  tag: 'AAAAAAAAAAAAAAAAAAAAAA',
});

describe('a JWE in JSON', () => {
  it('in the form of envelope_seal', async () => {
    expect(await json(jwe({ typ: 'secret', ctx: 'AA' }, PASSWORD, { alg: 'A256KW', kid: 'main.2' }))).toEqual({
      kind: 'envelope',
      summary: 'An encrypted envelope (JWE, general JSON), content under A256GCM, 2 recipients; it was not opened.',
      details: {
        encryption: 'A256GCM',
        type: 'secret',
        context_bound: true,
        ciphertext_bytes: CANARY.length,
        recipients: [
          { algorithm: 'PBES2-HS512+A256KW', iterations: 600_000 },
          { algorithm: 'A256KW', key_id: 'main.2' },
        ],
      },
      findings: [],
    });
  });

  it('flattened, its header partly unprotected', async () => {
    const { recipients: _none, ...flattened } = jwe({});
    const inspection = await json({ ...flattened, unprotected: { alg: 'dir' }, header: { kid: 'k' } });
    expect(inspection.summary).toContain('flattened JSON');
    expect(inspection.details['recipients']).toEqual([{ algorithm: 'dir', key_id: 'k' }]);
    expect(codes(inspection)).toEqual([]);
  });

  it.each([
    ['iterations_refused', jwe({}, { ...PASSWORD, p2c: 1e9 })],
    ['weak_derivation', jwe({}, { ...PASSWORD, p2c: 100_000 })],
    ['weak_algorithm', jwe({}, { alg: 'RSA1_5' })],
    ['compressed', jwe({ zip: 'DEF' }, PASSWORD)],
    ['incomplete_header', { ...jwe({}, PASSWORD), protected: '%' }],
    ['no_recipient', jwe({})],
    ['too_many_recipients', jwe({}, ...Array.from({ length: 9 }, () => PASSWORD))],
  ])('%s', async (code, value) => {
    const inspection = await json(value);
    expect(inspection.kind).toBe('envelope');
    expect(codes(inspection)).toEqual([code]);
    expectSound(inspection);
  });

  it('with hostile headers is bounded and escaped', async () => {
    const bad = { alg: '\u202E'.repeat(500), kid: { deep: ['\u0000'.repeat(500)] }, p2c: '\u200B' };
    const inspection = await json(
      jwe({ enc: '\u2066'.repeat(300), typ: '\u0007' }, ...Array.from({ length: 100 }, () => bad)),
    );
    expect(inspection.kind).toBe('envelope');
    expectSound(inspection);
  });
});

describe('a JWS in JSON', () => {
  it('of jose', async () => {
    const signed = await new GeneralSign(Buffer.from(CANARY))
      .addSignature(ecKeys.privateKey)
      .setProtectedHeader({ alg: 'ES256', kid: 'a' })
      .sign();
    expect(await json(signed)).toEqual({
      kind: 'jws',
      summary: 'A signed message (JWS, general JSON) with 1 signature; none was checked.',
      details: { payload_bytes: CANARY.length, signatures: [{ algorithm: 'ES256', key_id: 'a' }] },
      findings: [],
    });
  });

  it.each([
    ['algorithm_none', { payload: 'AA', signature: '', protected: b64({ alg: 'none' }) }],
    ['signature_missing', { payload: 'AA', signature: '', protected: b64({ alg: 'ES256' }) }],
  ])('%s', async (code, value) => {
    expect(codes(await json(value))).toEqual([code]);
  });
});

describe('the envelope of the earlier service', () => {
  const random = (size: number): Uint8Array => Buffer.alloc(size, 5);
  const key = Buffer.alloc(32, 7);
  const keyText = key.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  const fernet = fernetSeal(Buffer.from(CANARY), key, NOW, random);

  it('in the form of the review', async () => {
    const { envelope } = await sealLegacyEnvelope(Buffer.from(CANARY), 'password', 1_000, NOW, random);
    const inspection = await text(envelope);
    expect(inspection.summary).toBe(
      'An envelope of the earlier service: Fernet under a password, PBKDF2-HMAC-SHA256 with 1000 iterations; it was not opened.',
    );
    expect(inspection.details).toEqual({
      algorithm: 'Fernet',
      kdf: 'PBKDF2-HMAC-SHA256',
      iterations: 1_000,
      salt_bytes: 16,
    });
    expect(codes(inspection)).toEqual(['weak_derivation']);
    expect(codes(await json({ ...(JSON.parse(envelope) as object), iterations: 600_000 }))).toEqual([]);
  });

  it('as it was answered, with the salt alone', async () => {
    const inspection = await json({ encrypted_data: fernet, key_info: Buffer.alloc(16, 3).toString('base64') });
    expect(inspection.summary).toContain('100000 iterations (it does not say; that service used so many)');
  });

  it('with its key inside: key_in_envelope, and the key is not shown', async () => {
    for (const value of [
      { encrypted_data: fernet, key_info: keyText },
      { encrypted_data: '%', key_info: keyText },
      { encrypted_data: fernet, key_info: keyText, salt: 'x' },
    ]) {
      const inspection = await json(value);
      expect(inspection.kind).toBe('fernet_envelope');
      expect(codes(inspection)).toContain('key_in_envelope');
      expect(JSON.stringify(inspection)).not.toContain(keyText.slice(0, 20));
    }
  });

  it('that cannot_be_opened', async () => {
    expect(codes(await json({ encrypted_data: fernet }))).toEqual(['cannot_be_opened']);
    expect(codes(await json({ encrypted_data: fernet, salt: 'AAAA', iterations: 1e12 }))).toEqual(['cannot_be_opened']);
  });
});

describe('other JSON', () => {
  it('is told by its size, and warned of where a member is named like a secret', async () => {
    expect(await json({ a: 1, b: 2 })).toMatchObject({ kind: 'json', details: { members: 2 }, findings: [] });
    const inspection = await json({ username: 'alice', password: CANARY });
    expect(codes(inspection)).toEqual(['secret_in_json']);
    expectSound(inspection);
  });

  it('that is broken or too deep is unknown', async () => {
    expect((await text('{"a":')).kind).toBe('unknown');
    expect((await text('{"a":'.repeat(40) + '1' + '}'.repeat(40))).kind).toBe('unknown');
  });
});
