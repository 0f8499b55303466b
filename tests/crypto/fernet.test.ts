/** Fernet tokens are those of the published specification, and other implementations read ours as we read theirs. */

import { createRequire } from 'node:module';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { base64urlPadded, fromBase64urlPadded, fromUtf8, utf8 } from '../../src/crypto/bytes.js';
import { fernetCreatedAt, fernetMac, fernetOpen, fernetSeal, readFernetKey } from '../../src/crypto/fernet.js';
import { systemRandom } from '../../src/crypto/random.js';
import { describeWithPython, python } from '../support/python.js';
import { describeWithVectors, readVectors } from '../support/vectors.js';

interface SpecCase {
  desc?: string;
  token: string;
  now: string;
  ttl_sec?: number;
  iv?: number[];
  src?: string;
  secret: string;
}

function keyOf(secret: string): Uint8Array {
  const key = readFernetKey(secret);
  if (key === null) throw new Error('not a Fernet key');
  return key;
}

const KEY_TEXT = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const KEY = keyOf(KEY_TEXT);
const NOW = new Date('2026-06-01T12:00:00Z');

// https://github.com/fernet/spec/blob/master/Spec.md, generate.json, verify.json, invalid.json
describeWithVectors('the vectors of the Fernet specification', () => {
  const generate = (): SpecCase[] => readVectors('fernet/generate.json');
  const verify = (): SpecCase[] => readVectors('fernet/verify.json');
  const invalid = (): SpecCase[] => readVectors('fernet/invalid.json');

  it('generate: the same key, time, IV and text give the same token', () => {
    expect(generate()).toHaveLength(1);
    for (const { token, now, iv = [], src = '', secret } of generate()) {
      const sizes: number[] = [];
      const random = (size: number): Uint8Array => (sizes.push(size), Uint8Array.from(iv));
      expect(fernetSeal(utf8(src), keyOf(secret), new Date(now), random)).toBe(token);
      expect(sizes).toEqual([16]);
      expect(fernetCreatedAt(token)).toBe(Date.parse(now) / 1000);
    }
  });

  it('verify: the token opens within its age', () => {
    expect(verify()).toHaveLength(1);
    for (const { token, now, ttl_sec, src, secret } of verify()) {
      const opened = fernetOpen(token, keyOf(secret), new Date(now), ttl_sec);
      expect(opened === null ? null : fromUtf8(opened)).toBe(src);
    }
  });

  it('invalid: none of the tokens opens', () => {
    const opening = invalid().filter(
      ({ token, now, ttl_sec, secret }) => fernetOpen(token, keyOf(secret), new Date(now), ttl_sec) !== null,
    );
    expect(opening.map(({ desc }) => desc)).toEqual([]);
    expect(invalid()).toHaveLength(8);
  });

  it('invalid: without an age to check, time alone rejects nothing', () => {
    const opening = invalid().filter(
      ({ token, now, secret }) => fernetOpen(token, keyOf(secret), new Date(now)) !== null,
    );
    expect(opening.map(({ desc }) => desc)).toEqual(['far-future TS (unacceptable clock skew)', 'expired TTL']);
  });
});

describe('a token', () => {
  it('opens to what was sealed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 32, maxLength: 32 }), (text, key) => {
        const opened = fernetOpen(fernetSeal(text, key, NOW, systemRandom), key, NOW, 0);
        expect(opened).not.toBeNull();
        expect(Buffer.compare(opened as Uint8Array, text)).toBe(0);
      }),
    );
  });

  it('with any bit flipped is rejected', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(), fc.nat({ max: 7 }), (text, at, bit) => {
        const bytes = Buffer.from(fernetSeal(text, KEY, NOW, systemRandom), 'base64url');
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        expect(fernetOpen(base64urlPadded(bytes), KEY, NOW)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  it('with any character replaced, dropped or doubled is rejected: one token has one spelling', () => {
    const token = fernetSeal(utf8('hello'), KEY, NOW, systemRandom);
    for (let i = 0; i < token.length; i++) {
      const [before, c, after] = [token.slice(0, i), token.charAt(i), token.slice(i + 1)];
      const neighbour = String.fromCodePoint((token.codePointAt(i) ?? 0) ^ 1);
      for (const changed of [before + neighbour + after, before + after, before + c + c + after]) {
        if (changed !== token) expect(fernetOpen(changed, KEY, NOW)).toBeNull();
      }
    }
  });

  it.each([
    ['the other base64 alphabet', (token: string) => token.replaceAll('-', '+').replaceAll('_', '/')],
    ['no padding', (token: string) => token.replace(/=+$/, '')],
    ['a line end', (token: string) => `${token}\n`],
    ['white space before it', (token: string) => ` ${token}`],
  ])('in another spelling is rejected: %s', (_title, respell) => {
    // All 62 bytes of key and IV are 0xff, so that both special characters are there.
    const key = Buffer.alloc(32, 0xff);
    const token = fernetSeal(utf8('hello'), key, NOW, (size) => Buffer.alloc(size, 0xff));
    expect(token).toMatch(/_.*=$/);
    expect(fernetOpen(token, key, NOW)).not.toBeNull();
    expect(fernetOpen(respell(token), key, NOW)).toBeNull();
  });

  it('under another key is rejected, whichever half of the key is another', () => {
    const token = fernetSeal(utf8('hello'), KEY, NOW, systemRandom);
    const otherSigning = Buffer.from(KEY).fill(0, 0, 16);
    expect(fernetOpen(token, otherSigning, NOW)).toBeNull();
    expect(fernetOpen(token, Buffer.alloc(32), NOW)).toBeNull();
  });

  it.each([
    [0, 60, true],
    [60, 60, true],
    [61, 60, false],
    [-60, 60, true],
    [-61, 60, false],
    [0, 0, true],
    [1, 0, false],
  ])('that is %d seconds old, of at most %d: opens %s (the skew allowed is 60 seconds)', (age, ttl, opens) => {
    const token = fernetSeal(utf8('hello'), KEY, new Date(NOW.getTime() - age * 1000), systemRandom);
    expect(fernetOpen(token, KEY, NOW, ttl) !== null).toBe(opens);
  });
});

describe('the outer form', () => {
  it('of anything but a token is recognised as none, and has no MAC', () => {
    const sound = Buffer.from(fernetSeal(utf8('hello'), KEY, NOW, systemRandom), 'base64url');
    const others = [
      '',
      'gAAAA',
      'x'.repeat(100),
      base64urlPadded(sound.subarray(0, -1)),
      base64urlPadded(Buffer.concat([sound, Buffer.alloc(1)])),
      // No block of ciphertext at all: PKCS#7 makes at least one.
      base64urlPadded(Buffer.concat([sound.subarray(0, 25), sound.subarray(-32)])),
      base64urlPadded(Buffer.concat([Buffer.of(0x81), sound.subarray(1)])),
    ];
    for (const text of others) {
      expect(fernetCreatedAt(text)).toBeNull();
      expect(fernetMac(text)).toBeNull();
      expect(fernetOpen(text, KEY, NOW)).toBeNull();
    }
    expect(fernetMac(base64urlPadded(sound))).toEqual(sound.subarray(-32));
  });

  it('of a key is 32 bytes in padded base64url; white space around it is dropped', () => {
    expect(readFernetKey(` ${KEY_TEXT}\n`)).toEqual(fromBase64urlPadded(KEY_TEXT));
    for (const text of ['', KEY_TEXT.slice(0, -1), `${KEY_TEXT}=`, KEY_TEXT.replace('_', '/'), `AA${KEY_TEXT}`])
      expect(readFernetKey(text)).toBeNull();
  });
});

interface FernetPackage {
  Secret: new (secret: string) => object;
  Token: new (options: Record<string, unknown>) => { encode(message: string): string; decode(): string };
}

describe('the npm package fernet 0.3.3', () => {
  // It decodes without a look at the time where ttl is 0, and it reads any text as UTF-8.
  const oracle = createRequire(import.meta.url)('fernet') as FernetPackage;
  const secret = new oracle.Secret(KEY_TEXT);

  it('opens what we seal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }), (text) => {
        const token = fernetSeal(utf8(text), KEY, NOW, systemRandom);
        expect(new oracle.Token({ secret, token, ttl: 0 }).decode()).toBe(text);
      }),
    );
  });

  it('seals what we open', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }), (text) => {
        const token = new oracle.Token({ secret, time: NOW.toISOString() }).encode(text);
        const opened = fernetOpen(token, KEY, NOW, 0);
        expect(opened === null ? null : fromUtf8(opened)).toBe(text);
      }),
    );
  });
});

describeWithPython('Python cryptography', () => {
  const TEXTS = ['', 'hello', 'sixteen bytes ok', '\u{1f511} clé \u0000', 'x'.repeat(10_000)];

  it('opens what we seal', () => {
    const tokens = TEXTS.map((text) => fernetSeal(utf8(text), KEY, NOW, systemRandom));
    const script = `
import json, sys
from cryptography.fernet import Fernet
given = json.load(sys.stdin)
f = Fernet(given["key"])
print(json.dumps([[f.decrypt(t.encode()).decode(), f.extract_timestamp(t.encode())] for t in given["tokens"]]))`;
    expect(python(script, { key: KEY_TEXT, tokens })).toEqual(TEXTS.map((text) => [text, NOW.getTime() / 1000]));
  });

  it('seals what we open', () => {
    const script = `
import json, sys
from cryptography.fernet import Fernet
given = json.load(sys.stdin)
f = Fernet(given["key"])
print(json.dumps([f.encrypt_at_time(t.encode(), given["time"]).decode() for t in given["texts"]]))`;
    const tokens = python(script, { key: KEY_TEXT, texts: TEXTS, time: NOW.getTime() / 1000 }) as string[];
    expect(tokens.map((token) => Buffer.from(fernetOpen(token, KEY, NOW, 0) ?? []).toString())).toEqual(TEXTS);
    expect(tokens.every((token) => fernetOpen(token, KEY, NOW, 0) !== null)).toBe(true);
  });
});
