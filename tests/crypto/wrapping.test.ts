/** Wrapping keys: forms of the master key, HKDF (RFC 5869) and AES-256-GCM under a label. */

import { createDecipheriv } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/crypto/random.js';
import { deriveKey, parseMasterKey, unwrapBytes, wrapBytes, wrapGeneration } from '../../src/crypto/wrapping.js';

const label = { purpose: 'key', name: 'a', version: 1 };

describe('the text of a master key', () => {
  it('is 32 bytes as base64url, base64 or hex, a line end at its end not counted', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const key = Buffer.from(bytes);
        const forms = [
          key.toString('base64url'),
          key.toString('base64'),
          key.toString('hex'),
          key.toString('hex').toUpperCase(),
        ];
        for (const form of forms)
          for (const text of [form, `${form}\n`]) expect(Uint8Array.from(parseMasterKey(text) ?? [])).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['', 'nothing'],
    ['A'.repeat(42), '31 bytes'],
    ['A'.repeat(44), '33 bytes'],
    ['00'.repeat(31), '31 bytes of hex'],
    ['00'.repeat(33), '33 bytes of hex'],
    [`${'A'.repeat(42)}B`, 'bits that no encoder writes'],
    [`${'A'.repeat(21)} ${'A'.repeat(22)}`, 'white space inside'],
    ['é'.repeat(32), 'other letters'],
  ])('is refused: %j, %s', (text) => {
    expect(parseMasterKey(text)).toBeNull();
  });
});

describe('a derived key', () => {
  it('is HKDF-SHA-256 with the store as salt and the purpose as info', () => {
    // Computed with Python's cryptography: HKDF(SHA256(), 32, b"store", b"security-mcp 1 wrap").derive(bytes(range(32))).
    const key = deriveKey(
      Uint8Array.from({ length: 32 }, (_, i) => i),
      'wrap',
      'store',
    );
    expect(Buffer.from(key).toString('hex')).toBe('30b99b33e8f58e6bc3077a57e75559f5f56647b07e91361b6064645f569f0c29');
  });

  it('differs by key, purpose and store', () => {
    const [one, other] = [systemRandom(32), systemRandom(32)];
    const keys = [
      deriveKey(one, 'a', 's'),
      deriveKey(other, 'a', 's'),
      deriveKey(one, 'b', 's'),
      deriveKey(one, 'a', 't'),
    ];
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(4);
  });
});

describe('what is wrapped', () => {
  const key = systemRandom(32);

  it('opens under its key and label alone', () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.string(),
        fc.string(),
        fc.nat(),
        fc.nat(65_535),
        (plaintext, purpose, name, version, generation) => {
          const label = { purpose, name, version };
          const wrapped = wrapBytes(key, generation, plaintext, label, systemRandom);
          expect(wrapGeneration(wrapped)).toBe(generation);
          expect(Uint8Array.from(unwrapBytes(key, wrapped, label) ?? [1])).toEqual(Uint8Array.from(plaintext));
          expect(unwrapBytes(systemRandom(32), wrapped, label)).toBeNull();
          expect(unwrapBytes(key, wrapped, { ...label, name: `${name}x` })).toBeNull();
          expect(unwrapBytes(key, wrapped, { purpose: `${purpose}${name}`, name: '', version })?.length).toBe(
            name === '' ? plaintext.length : undefined,
          );
        },
      ),
    );
  });

  it('is format, generation, nonce, AES-256-GCM and tag, with the header and the label authenticated', () => {
    const wrapped = Buffer.from(wrapBytes(key, 258, Buffer.from('text'), label, systemRandom));
    expect([...wrapped.subarray(0, 3)]).toEqual([1, 1, 2]);
    const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(3, 15), { authTagLength: 16 });
    decipher
      .setAAD(Buffer.concat([wrapped.subarray(0, 3), Buffer.from('["key","a",1]')]))
      .setAuthTag(wrapped.subarray(-16));
    expect(Buffer.concat([decipher.update(wrapped.subarray(15, -16)), decipher.final()]).toString()).toBe('text');
  });

  it('is refused with any bit flipped, cut, or of another format', () => {
    const wrapped = wrapBytes(key, 0, Buffer.from('text'), label, systemRandom);
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const changed = Uint8Array.from(wrapped, (byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(unwrapBytes(key, changed, label)).toBeNull();
    }
    for (let length = 0; length < wrapped.length; length++)
      expect(unwrapBytes(key, wrapped.subarray(0, length), label)).toBeNull();
    expect(() => wrapBytes(key, 65_536, wrapped, label, systemRandom)).toThrow(RangeError);
  });
});
