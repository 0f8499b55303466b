/** The earlier service's envelopes: what its review asked for, written and read as the review's own code does, and what it really answered. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { base64urlPadded, fromUtf8, utf8 } from '../../src/crypto/bytes.js';
import { openEnvelope, sealEnvelope } from '../../src/crypto/envelope.js';
import { fernetSeal, readFernetKey } from '../../src/crypto/fernet.js';
import {
  legacyGuessSubject,
  openLegacyEnvelope,
  readLegacyEnvelope,
  sealLegacyEnvelope,
} from '../../src/crypto/legacy-envelope.js';
import { systemRandom } from '../../src/crypto/random.js';
import { cheapLegacy, NOW, PASSWORD } from '../support/envelopes.js';
import { describeWithPython, python } from '../support/python.js';

type Json = Record<string, unknown>;

const parse = (envelope: string): Json => JSON.parse(envelope) as Json;

async function open(value: Json, password?: string): Promise<string | null> {
  const envelope = readLegacyEnvelope(value);
  const plaintext = envelope === null ? null : await openLegacyEnvelope(envelope, password, NOW);
  return plaintext === null ? null : fromUtf8(plaintext);
}

describe("the review's envelope", () => {
  const counting = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => i);

  it('has the five members of the review, in its order and encodings', async () => {
    const made = await sealLegacyEnvelope(utf8('data'), PASSWORD, 100_000, NOW, counting);
    const value = parse(made.envelope);
    expect(Object.keys(value)).toEqual(['encrypted_data', 'salt', 'algorithm', 'kdf', 'iterations']);
    expect(value).toMatchObject({
      // Bytes 00 to 0f, padded.
      salt: 'AAECAwQFBgcICQoLDA0ODw==',
      algorithm: 'Fernet',
      kdf: 'PBKDF2HMAC',
      iterations: 100_000,
    });
    expect(made.salt).toBe(value['salt']);
    const token = Buffer.from(String(value['encrypted_data']), 'base64url').toString();
    expect(token).toMatch(/^gAAAA[\w-]+=*$/);
    expect(value['encrypted_data']).toBe(base64urlPadded(utf8(token)));
  });

  it('opens to what was sealed', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(text, text, async (plaintext, password) => {
        expect(await open(parse(await cheapLegacy(plaintext, password)), password)).toBe(plaintext);
      }),
      { numRuns: 60 },
    );
  });

  it('with any bit of token or salt flipped, or other iterations, does not open', async () => {
    const value = parse(await cheapLegacy('hello'));
    const token = Buffer.from(Buffer.from(String(value['encrypted_data']), 'base64url').toString(), 'base64url');
    const salt = Buffer.from(String(value['salt']), 'base64url');
    const flip = (bytes: Buffer, bit: number): Buffer => {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return flipped;
    };
    for (let bit = 0; bit < token.length * 8; bit++) {
      const data = base64urlPadded(utf8(base64urlPadded(flip(token, bit))));
      expect(await open({ ...value, encrypted_data: data }, PASSWORD)).toBeNull();
    }
    for (let bit = 0; bit < salt.length * 8; bit++)
      expect(await open({ ...value, salt: base64urlPadded(flip(salt, bit)) }, PASSWORD)).toBeNull();
    for (const iterations of [1_001, 2_000, undefined])
      expect(await open({ ...value, iterations }, PASSWORD)).toBeNull();
    expect(await open(value, PASSWORD)).toBe('hello');
  });

  it('opens in every base64 in which others may have passed it on, and all are one subject of guessing', async () => {
    const value = parse(await cheapLegacy('hello'));
    const [data, salt] = [String(value['encrypted_data']), String(value['salt'])];
    const token = Buffer.from(data, 'base64url').toString();
    const standard = (text: string): string => text.replaceAll('-', '+').replaceAll('_', '/');
    const subject = legacyGuessSubject(readLegacyEnvelope(value) ?? { token: '', key: { raw: new Uint8Array(0) } });
    expect(subject).toHaveLength(16 + 32);
    for (const spelling of [
      { encrypted_data: standard(data), salt: standard(salt) },
      { encrypted_data: data.replace(/=+$/, ''), salt: salt.replace(/=+$/, '') },
      { encrypted_data: `${data.slice(0, 20)}\r\n${data.slice(20)}`, salt: ` ${salt}\n` },
      { encrypted_data: token },
    ]) {
      const respelt = { ...value, ...spelling };
      expect(await open(respelt, PASSWORD)).toBe('hello');
      const read = readLegacyEnvelope(respelt);
      expect(read === null ? null : legacyGuessSubject(read)).toEqual(subject);
    }
  });

  it('without algorithm, kdf or iterations is read as the earlier service wrote: 100,000 iterations', async () => {
    const { envelope } = await sealLegacyEnvelope(utf8('hello'), PASSWORD, 100_000, NOW, systemRandom);
    const { encrypted_data, salt } = parse(envelope);
    expect(await open({ encrypted_data, salt }, PASSWORD)).toBe('hello');
  });

  it('without a password does not open', async () => {
    expect(await open(parse(await cheapLegacy('hello')))).toBeNull();
  });
});

describe('what the earlier service really answered (CONTRACT, last section)', () => {
  it('with a password: the salt is in key_info, the iterations are not said', async () => {
    const { envelope } = await sealLegacyEnvelope(utf8('old data'), PASSWORD, 100_000, NOW, systemRandom);
    const { encrypted_data, salt } = parse(envelope);
    const answer = { encrypted_data, key_derivation: 'PBKDF2', key_info: salt, algorithm: 'Fernet' };
    expect(await open(answer, PASSWORD)).toBe('old data');
    expect(await open(answer, 'wrong')).toBeNull();
  });

  it('without a password: the key itself is in key_info, so that nothing is guessed', async () => {
    const key = base64urlPadded(systemRandom(32));
    const token = fernetSeal(utf8('old data'), readFernetKey(key) ?? new Uint8Array(32), NOW, systemRandom);
    const answer = { encrypted_data: base64urlPadded(utf8(token)), key_derivation: 'random', key_info: key };
    expect(await open(answer)).toBe('old data');
    const read = readLegacyEnvelope(answer);
    expect(read === null ? '' : legacyGuessSubject(read)).toBeNull();
    expect(await openEnvelope({ envelope: JSON.stringify(answer) }, NOW)).toEqual({
      plaintext: 'old data',
      format: 'fernet',
      upgrade: expect.stringContaining('carries its own key') as string,
    });
  });

  it.each([
    ['of 20 bytes (neither salt of the service nor key) is taken as a salt', 20, true],
    ['of 31 bytes, like a key with a byte lost, is taken as a salt', 31, true],
    ['of 7 bytes is refused', 7, false],
    ['of 65 bytes is refused', 65, false],
  ])('key_info %s', async (_title, size, read) => {
    const { encrypted_data } = parse(await cheapLegacy('x'));
    expect(readLegacyEnvelope({ encrypted_data, key_info: base64urlPadded(systemRandom(size)) }) !== null).toBe(read);
  });

  it('without salt and key_info is refused', async () => {
    const { encrypted_data } = parse(await cheapLegacy('x'));
    for (const rest of [{}, { key_info: 5 }, { salt: 5 }, { salt: null, key_info: null }])
      expect(readLegacyEnvelope({ encrypted_data, ...rest })).toBeNull();
  });
});

/** "Code Example - Proper Encryption/Decryption" of the review, to the letter, with the imports that it leaves to its reader. */
const REVIEW = `
import secrets, sys
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
import json
import base64

class SecureEncryption:
    @staticmethod
    def encrypt_with_password(data: str, password: str) -> dict:
        """Encrypt data and return metadata"""
        password_bytes = password.encode()
        salt = secrets.token_bytes(16)

        kdf = PBKDF2HMAC(
            algorithm=hashes.SHA256(),
            length=32,
            salt=salt,
            iterations=100000,
        )
        key = base64.urlsafe_b64encode(kdf.derive(password_bytes))

        fernet = Fernet(key)
        encrypted_data = fernet.encrypt(data.encode())

        return {
            "encrypted_data": base64.urlsafe_b64encode(encrypted_data).decode(),
            "salt": base64.urlsafe_b64encode(salt).decode(),
            "algorithm": "Fernet",
            "kdf": "PBKDF2HMAC",
            "iterations": 100000
        }

    @staticmethod
    def decrypt_with_password(encrypted_package: dict, password: str) -> str:
        """Decrypt data using metadata"""
        password_bytes = password.encode()
        salt = base64.urlsafe_b64decode(encrypted_package["salt"].encode())

        kdf = PBKDF2HMAC(
            algorithm=hashes.SHA256(),
            length=32,
            salt=salt,
            iterations=encrypted_package["iterations"],
        )
        key = base64.urlsafe_b64encode(kdf.derive(password_bytes))

        fernet = Fernet(key)
        encrypted_bytes = base64.urlsafe_b64decode(
            encrypted_package["encrypted_data"].encode()
        )
        decrypted_data = fernet.decrypt(encrypted_bytes)

        return decrypted_data.decode()
given = json.load(sys.stdin)
`;

describeWithPython("the review's own Python code", () => {
  const TEXTS = ['', 'hello', '\u{1f511} clé \u0000', 'x'.repeat(5_000)];
  const password = 'pässword \u{1f40e}';

  it('decrypt_with_password opens what we seal', async () => {
    const packages: unknown[] = [];
    for (const plaintext of TEXTS) {
      const request = { plaintext, password, format: 'fernet', iterations: 100_000 } as const;
      packages.push(JSON.parse((await sealEnvelope(request, NOW, systemRandom)).envelope));
    }
    const script = `${REVIEW}
print(json.dumps([SecureEncryption.decrypt_with_password(p, given["password"]) for p in given["packages"]]))`;
    expect(python(script, { packages, password })).toEqual(TEXTS);
  });

  it('encrypt_with_password seals what we open', async () => {
    const script = `${REVIEW}
print(json.dumps([SecureEncryption.encrypt_with_password(t, given["password"]) for t in given["texts"]]))`;
    const packages = python(script, { texts: TEXTS, password }) as unknown[];
    expect(packages).toHaveLength(TEXTS.length);
    for (const [i, sealed] of packages.entries()) {
      expect(await openEnvelope({ envelope: JSON.stringify(sealed), password }, NOW)).toMatchObject({
        plaintext: TEXTS[i],
        format: 'fernet',
        upgrade: expect.stringContaining('100000 iterations') as string,
      });
    }
  });

  it('and what the earlier service answered, in the parts of its endpoint "encrypt", opens', async () => {
    // Its derivation is the sample's (review, issue 3, less the fault in decrypting); the answer's members are CONTRACT's.
    const script = `${REVIEW}
sealed = SecureEncryption.encrypt_with_password("old data", given["password"])
key = Fernet.generate_key()
token = Fernet(key).encrypt(b"old data")
print(json.dumps([
    {"encrypted_data": sealed["encrypted_data"], "key_derivation": "PBKDF2", "key_info": sealed["salt"], "algorithm": "Fernet"},
    {"encrypted_data": base64.urlsafe_b64encode(token).decode(), "key_derivation": "random", "key_info": key.decode(), "algorithm": "Fernet"},
]))`;
    const [derived, random] = python(script, { password }) as [Json, Json];
    expect((await openEnvelope({ envelope: JSON.stringify(derived), password }, NOW)).plaintext).toBe('old data');
    expect((await openEnvelope({ envelope: JSON.stringify(random) }, NOW)).plaintext).toBe('old data');
  });
});
