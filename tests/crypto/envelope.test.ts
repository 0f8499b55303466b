/** Envelopes open to what was sealed and to nothing else, and other JOSE software reads them as we read its own. */

import fc from 'fast-check';
import { CompactEncrypt, FlattenedEncrypt, generalDecrypt, GeneralEncrypt, type GeneralJWE } from 'jose';
import { describe, expect, it } from 'vitest';

import { fromUtf8, utf8 } from '../../src/crypto/bytes.js';
import { ENVELOPE_LIMITS, openEnvelope, sealEnvelope, type SealRequest } from '../../src/crypto/envelope.js';
import { decryptContent, readJwe, unwrapContentKey } from '../../src/crypto/jwe.js';
import { systemRandom } from '../../src/crypto/random.js';
import {
  changed,
  cheapJwe,
  flipBit,
  NOW,
  parseJwe,
  PASSWORD,
  refusalOf,
  withHeader,
  withProtected,
} from '../support/envelopes.js';

const FERNET_KEY = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const REJECTED = /^{"code":"envelope_rejected","message":"The envelope could not be opened."/;

const seal = (request: SealRequest): ReturnType<typeof sealEnvelope> => sealEnvelope(request, NOW, systemRandom);
const text = (): fc.Arbitrary<string> => fc.string({ unit: 'grapheme', maxLength: 80 });

describe('a JWE', () => {
  it('is sealed in the form that DESIGN section 6 names', async () => {
    const { envelope, ...rest } = await seal({ plaintext: 'a secret', password: PASSWORD, context: 'row 7' });
    const { protected: header, recipients, iv, ciphertext, tag, ...others } = parseJwe(envelope);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
      enc: 'A256GCM',
      typ: 'JOSE+JSON',
      // printf 'row 7' | openssl dgst -sha256 -binary, in base64url
      ctx: 'IjYjpTI2ZIwbg_okxDh4PWTKUQgZDq1h2LAkNUQkSQ0',
    });
    expect(recipients).toEqual([
      {
        header: { alg: 'PBES2-HS512+A256KW', p2s: expect.stringMatching(/^[\w-]{22}$/) as string, p2c: 600_000 },
        encrypted_key: expect.stringMatching(/^[\w-]{54}$/) as string,
      },
    ]);
    expect([iv, ciphertext, tag].map((part) => Buffer.from(part, 'base64url').length)).toEqual([12, 8, 16]);
    expect(others).toEqual({});
    expect(rest).toEqual({
      format: 'jwe',
      algorithm: 'A256GCM, PBES2-HS512+A256KW',
      kdf: { name: 'PBKDF2-HMAC-SHA512', iterations: 600_000, salt: recipients[0]?.header['p2s'] },
    });
    expect(await openEnvelope({ envelope, password: PASSWORD, context: 'row 7' }, NOW)).toEqual({
      plaintext: 'a secret',
      format: 'jwe',
    });
  });

  it('opens to what was sealed', async () => {
    await fc.assert(
      fc.asyncProperty(text(), text(), fc.option(text(), { nil: undefined }), async (plaintext, password, context) => {
        const bound = context === undefined ? {} : { context };
        const envelope = await cheapJwe(plaintext, { password, ...bound });
        const opened = await openEnvelope({ envelope, password, ...bound }, NOW);
        expect(opened.plaintext).toBe(plaintext);
      }),
      { numRuns: 60 },
    );
  });

  it('never repeats key, salt or nonce', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, async () => parseJwe(await cheapJwe('the same'))));
    for (const part of [
      made.map(({ iv }) => iv),
      made.map(({ ciphertext }) => ciphertext),
      made.map(({ recipients }) => recipients[0]?.encrypted_key),
      made.map(({ recipients }) => recipients[0]?.header['p2s']),
    ])
      expect(new Set(part).size).toBe(20);
  });

  it('with any bit of any member flipped is rejected', async () => {
    const envelope = await cheapJwe('sixteen bytes ok', { context: 'here' });
    const { protected: header, recipients, iv, ciphertext, tag } = parseJwe(envelope);
    const salt = String(recipients[0]?.header['p2s']);
    const wrapped = recipients[0]?.encrypted_key ?? '';
    const bits = (part: string): number[] => [...Array(Buffer.from(part, 'base64url').length * 8).keys()];
    const variants = [
      ...bits(header).map((at) => changed(envelope, (jwe) => (jwe.protected = flipBit(header, at)))),
      ...bits(iv).map((at) => changed(envelope, (jwe) => (jwe.iv = flipBit(iv, at)))),
      ...bits(ciphertext).map((at) => changed(envelope, (jwe) => (jwe.ciphertext = flipBit(ciphertext, at)))),
      ...bits(tag).map((at) => changed(envelope, (jwe) => (jwe.tag = flipBit(tag, at)))),
      ...bits(salt).map((at) => withHeader(envelope, { p2s: flipBit(salt, at) })),
      ...bits(wrapped).map((at) =>
        changed(envelope, ({ recipients: [first] }) =>
          Object.assign(first ?? {}, { encrypted_key: flipBit(wrapped, at) }),
        ),
      ),
      ...[1_001, 2_000, 100_000].map((p2c) => withHeader(envelope, { p2c })),
    ];
    expect(variants.length).toBeGreaterThan(1_400);
    for (const variant of variants) {
      expect(await refusalOf(openEnvelope({ envelope: variant, password: PASSWORD, context: 'here' }, NOW))).toMatch(
        REJECTED,
      );
    }
  });

  it('opens only under the very context it was sealed with', async () => {
    const contexts = [undefined, '', 'a', 'a ', 'A', '\u00e9', 'e\u0301'];
    for (const sealed of contexts) {
      const envelope = await cheapJwe('x', sealed === undefined ? {} : { context: sealed });
      for (const given of contexts) {
        const opening = openEnvelope(
          { envelope, password: PASSWORD, ...(given === undefined ? {} : { context: given }) },
          NOW,
        );
        if (sealed === given) expect((await opening).plaintext).toBe('x');
        else expect(await refusalOf(opening)).toMatch(REJECTED);
      }
    }
  });

  it('whose context digest was taken out or put in is rejected: the header is authenticated', async () => {
    const bound = await cheapJwe('x', { context: 'a' });
    const unbound = withProtected(bound, { enc: 'A256GCM', typ: 'JOSE+JSON' });
    expect(await refusalOf(openEnvelope({ envelope: unbound, password: PASSWORD }, NOW))).toMatch(REJECTED);
    const header = Buffer.from(parseJwe(bound).protected, 'base64url').toString();
    const rebound = withProtected(await cheapJwe('x'), header);
    expect(await refusalOf(openEnvelope({ envelope: rebound, password: PASSWORD, context: 'a' }, NOW))).toMatch(
      REJECTED,
    );
  });

  it.each([
    [1_000, 'sealed with 1000 iterations'],
    [219_999, 'sealed with 219999 iterations'],
    [220_000, undefined],
  ])('of %d iterations opens, and says so where that has become few', async (iterations, note) => {
    const { upgrade } = await openEnvelope({ envelope: await cheapJwe('x', { iterations }), password: PASSWORD }, NOW);
    if (note === undefined) expect(upgrade).toBeUndefined();
    else expect(upgrade).toContain(note);
  });

  it('of the longest plaintext stays within the size that opens, in every form', async () => {
    const plaintext = '\u0000'.repeat(ENVELOPE_LIMITS.plaintextBytes);
    for (const request of [
      { password: PASSWORD, iterations: 220_000 },
      { password: PASSWORD, iterations: 100_000, format: 'fernet' },
      { fernetKey: FERNET_KEY },
    ] as const) {
      const { envelope } = await seal({ plaintext, ...request });
      expect(envelope.length).toBeLessThanOrEqual(ENVELOPE_LIMITS.envelopeBytes);
      const secret = 'fernetKey' in request ? { fernetKey: FERNET_KEY } : { password: PASSWORD };
      expect((await openEnvelope({ envelope, ...secret }, NOW)).plaintext === plaintext).toBe(true);
    }
  });
});

describe('a bare Fernet token', () => {
  it('opens to what was sealed, with the key and not with a password', async () => {
    await fc.assert(
      fc.asyncProperty(text(), async (plaintext) => {
        const { envelope, ...rest } = await seal({ plaintext, fernetKey: FERNET_KEY });
        expect(rest).toEqual({ format: 'fernet', algorithm: 'Fernet (AES-128-CBC, HMAC-SHA256)' });
        expect(await openEnvelope({ envelope, fernetKey: FERNET_KEY, maxAgeSeconds: 0 }, NOW)).toEqual({
          plaintext,
          format: 'fernet',
        });
        expect(await refusalOf(openEnvelope({ envelope, password: FERNET_KEY }, NOW))).toMatch(REJECTED);
      }),
    );
  });
});

describe('fields that do not fit together are refused by name', () => {
  it.each([
    ['password and fernet_key and key: only one of them can be given', {}],
    ['password and fernet_key and key: only one of them can be given', { password: PASSWORD, fernetKey: FERNET_KEY }],
    ['plaintext is over 524288 bytes', { password: PASSWORD, plaintext: '\u00e9'.repeat(262_145) }],
    ['context cannot be bound by Fernet', { password: PASSWORD, format: 'fernet', context: 'a' }],
    ['context cannot be bound by Fernet', { fernetKey: FERNET_KEY, context: '' }],
    ['fernet_key cannot seal a JWE', { fernetKey: FERNET_KEY, format: 'jwe' }],
    ['fernet_key is not a Fernet key', { fernetKey: 'short' }],
    ['iterations has no meaning with fernet_key', { fernetKey: FERNET_KEY, iterations: 600_000 }],
    ['iterations must be from 220000 to 2000000', { password: PASSWORD, iterations: 219_999 }],
    ['iterations must be from 220000 to 2000000', { password: PASSWORD, iterations: 2_000_001 }],
    ['iterations must be from 100000 to 2000000', { password: PASSWORD, format: 'fernet', iterations: 99_999 }],
  ] as const)('on sealing: %s', async (message, request) => {
    expect(await refusalOf(seal({ plaintext: 'x', ...request }))).toContain(`"input_invalid","message":"${message}`);
  });

  it.each([
    ['password or fernet_key is needed', {}],
    ['password and fernet_key: only one of them can be given', { password: PASSWORD, fernetKey: FERNET_KEY }],
    ['fernet_key is not a Fernet key', { fernetKey: 'short' }],
    ['max_age_seconds cannot be checked on a JWE', { password: PASSWORD, maxAgeSeconds: 5 }],
  ])('on opening: %s', async (message, request) => {
    const opening = openEnvelope({ envelope: await cheapJwe('x'), ...request }, NOW);
    expect(await refusalOf(opening)).toContain(`"input_invalid","message":"${message}`);
  });
});

describe('jose', () => {
  const keyEncryptionKey = systemRandom(32);
  const allowed = {
    keyManagementAlgorithms: ['PBES2-HS512+A256KW', 'A256KW'] as ('PBES2-HS512+A256KW' | 'A256KW')[],
    contentEncryptionAlgorithms: ['A256GCM'] as 'A256GCM'[],
    maxPBES2Count: 2_000_000,
  };
  const open = async (envelope: unknown, password = PASSWORD): Promise<string> =>
    (await openEnvelope({ envelope: JSON.stringify(envelope), password }, NOW)).plaintext;

  it('generalDecrypt opens what sealEnvelope made', async () => {
    const { envelope } = await seal({ plaintext: 'for jose', password: PASSWORD, context: 'c', iterations: 220_000 });
    const { plaintext } = await generalDecrypt(JSON.parse(envelope) as GeneralJWE, utf8(PASSWORD), allowed);
    expect(fromUtf8(plaintext)).toBe('for jose');
  });

  it('generalDecrypt opens an envelope of two recipients by either secret', async () => {
    const envelope = JSON.parse(await cheapJwe('for two', { keyEncryptionKey })) as GeneralJWE;
    for (const secret of [utf8(PASSWORD), keyEncryptionKey]) {
      expect(fromUtf8((await generalDecrypt(envelope, secret, allowed)).plaintext)).toBe('for two');
    }
    await expect(generalDecrypt(envelope, utf8('wrong'), allowed)).rejects.toThrow('decryption operation failed');
  });

  const password = { alg: 'PBES2-HS512+A256KW' };
  const parameters = { p2c: 1_000 };

  it('GeneralEncrypt for two recipients is opened by either secret', async () => {
    const encryption = new GeneralEncrypt(utf8('from jose')).setProtectedHeader({ enc: 'A256GCM' });
    encryption
      .addRecipient(utf8(PASSWORD))
      .setUnprotectedHeader(password)
      .setKeyManagementParameters(parameters)
      .addRecipient(keyEncryptionKey)
      .setUnprotectedHeader({ alg: 'A256KW', kid: 'ring.1' });
    const made = await encryption.encrypt();
    expect(await open(made)).toBe('from jose');
    const jwe = readJwe({ ...made });
    if (jwe === null) throw new Error('not read');
    const contentKey = await unwrapContentKey(jwe, { kid: 'ring.1', keyEncryptionKey });
    expect(fromUtf8(decryptContent(jwe, contentKey ?? new Uint8Array(32), undefined) ?? utf8('?'))).toBe('from jose');
    expect(await unwrapContentKey(jwe, { kid: 'ring.2', keyEncryptionKey })).toBeNull();
  });

  it('GeneralEncrypt for one recipient, which protects p2s and p2c, is opened', async () => {
    const encryption = new GeneralEncrypt(utf8('from jose')).setProtectedHeader({ enc: 'A256GCM' });
    encryption.addRecipient(utf8(PASSWORD)).setUnprotectedHeader(password).setKeyManagementParameters(parameters);
    expect(await open(await encryption.encrypt())).toBe('from jose');
  });

  it('the flattened and the compact serialization are refused by design: one form is read', async () => {
    const header = { ...password, enc: 'A256GCM' };
    const flat = new FlattenedEncrypt(utf8('x')).setProtectedHeader(header).setKeyManagementParameters(parameters);
    expect(await refusalOf(open(await flat.encrypt(utf8(PASSWORD))))).toMatch(REJECTED);
    const compact = new CompactEncrypt(utf8('x')).setProtectedHeader(header).setKeyManagementParameters(parameters);
    const envelope = await compact.encrypt(utf8(PASSWORD));
    expect(await refusalOf(openEnvelope({ envelope, password: PASSWORD }, NOW))).toMatch(REJECTED);
  });
});
