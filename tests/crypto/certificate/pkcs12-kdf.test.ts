/** The key derivation of PKCS#12 and its ciphers, against published values and node-forge. */

import fc from 'fast-check';
import forge from 'node-forge';
import { describe, expect, it } from 'vitest';

import { decryptCbc, derivePkcs12, passwordForms, PURPOSE } from '../../../src/crypto/certificate/pkcs12-kdf.js';

const hex = (bytes: Uint8Array | null): string | undefined =>
  bytes === null ? undefined : Buffer.from(bytes).toString('hex');
const bmp = (password: string): Uint8Array => passwordForms(password)[0]?.bmp ?? new Uint8Array();

describe('the key derivation of RFC 7292 appendix B', () => {
  // The values that OpenSSL, Bouncy Castle and node-forge test with.
  it.each([
    ['smeg', PURPOSE.key, '0a58cf64530d823f', 1, '8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3'],
    ['smeg', PURPOSE.iv, '0a58cf64530d823f', 1, '79993dfe048d3b76'],
    ['queeg', PURPOSE.key, '05dec959acff72f7', 1000, 'ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4'],
    ['queeg', PURPOSE.iv, '05dec959acff72f7', 1000, '11dedad7758d4860'],
  ])('of %s for purpose %i', (password, purpose, salt, iterations, expected) => {
    const length = expected.length / 2;
    expect(hex(derivePkcs12('sha1', purpose, bmp(password), Buffer.from(salt, 'hex'), iterations, length))).toBe(
      expected,
    );
  });

  it('gives what node-forge gives, for every hash, salt and length', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('sha1', 'sha256', 'sha384', 'sha512'),
        fc.constantFrom(PURPOSE.key, PURPOSE.iv, PURPOSE.mac),
        fc.string({ maxLength: 40 }),
        fc.uint8Array({ minLength: 1, maxLength: 140 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 150 }),
        (name, purpose, password, salt, iterations, length) => {
          const buffer = forge.util.createBuffer(Buffer.from(salt).toString('latin1'));
          const md = { sha1: forge.md.sha1, sha256: forge.md.sha256, sha384: forge.md.sha384, sha512: forge.md.sha512 };
          const theirs = forge.pkcs12.generateKey(password, buffer, purpose, iterations, length, md[name].create());
          expect(hex(derivePkcs12(name, purpose, bmp(password), salt, iterations, length))).toBe(theirs.toHex());
        },
      ),
    );
  });
});

it('writes a password as UTF-16 with surrogate pairs and a NUL; none as the NUL or as nothing', () => {
  expect(hex(bmp('Beavis'))).toBe('0042006500610076006900730000');
  expect(hex(bmp('é☃𝄞'))).toBe('00e92603d834dd1e0000');
  expect(passwordForms('x')).toHaveLength(1);
  expect(passwordForms('').map((form) => hex(form.bmp))).toEqual(['0000', '']);
});

describe('RC2', () => {
  it.each([
    ['rc2-40', 40, 5],
    ['rc2-128', 128, 16],
  ] as const)('%s decrypts what node-forge encrypted, past the size of one piece', async (name, bits, keyBytes) => {
    for (const size of [0, 1, 7, 8, 1015, 1016, 1023, 1024, 1025, 5000]) {
      const [key, iv, text] = ['k'.repeat(keyBytes), 'iviviviv', 'abcdefg'.repeat(size).slice(0, size)];
      const cipher = forge.rc2.createEncryptionCipher(forge.util.createBuffer(key), bits);
      cipher.start(forge.util.createBuffer(iv));
      cipher.update(forge.util.createBuffer(text));
      cipher.finish();
      const ciphertext = Buffer.from(cipher.output.getBytes(), 'latin1');
      const plaintext = await decryptCbc(name, Buffer.from(key), Buffer.from(iv), ciphertext);
      expect(Buffer.from(plaintext ?? []).toString(), `${size} octets`).toBe(text);
      expect(await decryptCbc(name, Buffer.from(key), Buffer.from(iv), ciphertext.subarray(1))).toBeNull();
    }
  });

  it('takes no padding for what is none', async () => {
    const key = Buffer.alloc(16, 1);
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) => decryptCbc('rc2-128', key, Buffer.alloc(8), Buffer.alloc(8, i))),
    );
    expect(results.filter((result) => result === null).length).toBeGreaterThan(30);
  });

  it('takes no more than a block for padding', async () => {
    const encrypt = (text: string): Buffer => {
      const cipher = forge.rc2.createEncryptionCipher(forge.util.createBuffer('k'.repeat(16)), 128);
      cipher.start(forge.util.createBuffer('iviviviv'));
      cipher.update(forge.util.createBuffer(text));
      return Buffer.from(cipher.output.getBytes(), 'latin1');
    };
    const decrypt = (text: string): Promise<Uint8Array | null> =>
      decryptCbc('rc2-128', Buffer.alloc(16, 'k'), Buffer.from('iviviviv'), encrypt(text));
    expect(hex(await decrypt('\b'.repeat(16)))).toBe('08'.repeat(8));
    expect(await decrypt('\t'.repeat(16))).toBeNull();
    expect(await decrypt('\0'.repeat(16))).toBeNull();
  });
});
