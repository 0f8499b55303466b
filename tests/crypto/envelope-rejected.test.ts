/**
 * Every way in which opening can fail is one error, byte for byte, in opening and in rewrapping; and what is hostile about an
 * envelope is seen before any key is derived. That is counted, not timed: the derivation is the real one behind a spy.
 */

import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { base64url, utf8 } from '../../src/crypto/bytes.js';
import { ENVELOPE_LIMITS, openEnvelope, type OpenRequest } from '../../src/crypto/envelope.js';
import { rewrapEnvelope } from '../../src/crypto/rewrap.js';
import { fernetSeal } from '../../src/crypto/fernet.js';
import { deriveKey } from '../../src/crypto/kdf.js';
import { systemRandom } from '../../src/crypto/random.js';
import {
  changed,
  cheapJwe,
  cheapLegacy,
  flipBit,
  NOW,
  parseJwe,
  PASSWORD,
  refusalOf,
  withHeader,
  withProtected,
  type JweJson,
} from '../support/envelopes.js';

vi.mock('../../src/crypto/kdf.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/crypto/kdf.js')>();
  return { ...original, deriveKey: vi.fn(original.deriveKey) };
});

const ONE_ERROR = JSON.stringify({
  code: 'envelope_rejected',
  message: 'The envelope could not be opened.',
  hint: 'Check that the envelope is whole and unchanged and that the password or key and the context are those it was sealed with. Use inspect to see its format and parameters.',
});

const HEADER = { enc: 'A256GCM', typ: 'JOSE+JSON' };
const NOT_UTF8 = Uint8Array.of(0xc3, 0x28);
const FERNET_KEY = systemRandom(32);

let jwe = '';
let bound = '';
let legacy = '';
let notUtf8 = '';
let notUtf8Legacy = '';

beforeAll(async () => {
  jwe = await cheapJwe('sixteen bytes ok');
  bound = await cheapJwe('x', { context: 'c' });
  legacy = await cheapLegacy('sixteen bytes ok');
  notUtf8 = await cheapJwe(NOT_UTF8);
  notUtf8Legacy = await cheapLegacy(NOT_UTF8);
});

beforeEach(() => {
  vi.mocked(deriveKey).mockClear();
});

const recipient = (envelope: string): JweJson['recipients'][0] => {
  const [first] = parseJwe(envelope).recipients;
  if (first === undefined) throw new Error('no recipient');
  return first;
};
const withRecipients = (recipients: unknown[]): string => changed(jwe, (json) => Object.assign(json, { recipients }));
const withRecipient = (members: Record<string, unknown>): string => withRecipients([{ ...recipient(jwe), ...members }]);
const zeros = (size: number): string => base64url(new Uint8Array(size));
const legacyWith = (members: Record<string, unknown>): string =>
  JSON.stringify({ ...(JSON.parse(legacy) as object), ...members });
const keyRecipient = (size: number): object => ({
  header: { alg: 'A256KW', kid: 'ring.1' },
  encrypted_key: zeros(size),
});

/** The last character with its unused bits set: the same bytes, spelt in another way. */
function respelt(text: string): string {
  const bits = (text.length % 4) * 6;
  const last = text.at(-1) ?? '';
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  if (bits % 8 === 0) return `${text}=`;
  return text.slice(0, -1) + (alphabet[alphabet.indexOf(last) + 1] ?? '');
}

async function expectOneError(request: OpenRequest): Promise<void> {
  expect(await refusalOf(openEnvelope(request, NOW))).toBe(ONE_ERROR);
  const { envelope, password = 'x', context, fernetKey } = request;
  if (fernetKey !== undefined) return;
  const rewrapping = { envelope, password, ...(context === undefined ? {} : { context }) };
  expect(await refusalOf(rewrapEnvelope(rewrapping, NOW, systemRandom))).toBe(ONE_ERROR);
}

describe('what only the key can tell is the one error', () => {
  const cases: [string, () => Omit<OpenRequest, 'password'> & { password?: string }][] = [
    ['a wrong password', () => ({ envelope: jwe, password: 'wrong' })],
    ['an empty password', () => ({ envelope: jwe, password: '' })],
    ['a wrong context', () => ({ envelope: bound, context: 'other' })],
    ['a missing context', () => ({ envelope: bound })],
    ['a context where none was bound', () => ({ envelope: jwe, context: 'c' })],
    ['a changed tag', () => ({ envelope: changed(jwe, (json) => (json.tag = flipBit(json.tag, 3))) })],
    ['a changed nonce', () => ({ envelope: changed(jwe, (json) => (json.iv = flipBit(json.iv, 3))) })],
    ['changed content', () => ({ envelope: changed(jwe, (json) => (json.ciphertext = flipBit(json.ciphertext, 3))) })],
    ['shortened content', () => ({ envelope: changed(jwe, (json) => (json.ciphertext = '')) })],
    ['a changed protected header', () => ({ envelope: withProtected(jwe, { ...HEADER, typ: 'JOSE' }) })],
    ['a reordered protected header', () => ({ envelope: withProtected(jwe, { typ: HEADER.typ, enc: HEADER.enc }) })],
    ['white space in the protected header', () => ({ envelope: withProtected(jwe, ` ${JSON.stringify(HEADER)}`) })],
    ['a context put in', () => ({ envelope: withProtected(jwe, { ...HEADER, ctx: 'x' }), context: 'c' })],
    ['a changed wrapped key', () => ({ envelope: withRecipient({ encrypted_key: zeros(40) }) })],
    ['another salt', () => ({ envelope: withHeader(jwe, { p2s: zeros(16) }) })],
    ['other iterations', () => ({ envelope: withHeader(jwe, { p2c: 1_001 }) })],
    ['a wrong password, earlier form', () => ({ envelope: legacy, password: 'wrong' })],
    ['another salt, earlier form', () => ({ envelope: legacyWith({ salt: zeros(16) }) })],
  ];

  it.each(cases)('%s', async (_title, make) => {
    await expectOneError({ password: PASSWORD, ...make() });
    expect(deriveKey).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['plaintext that is not UTF-8', () => notUtf8],
    ['plaintext that is not UTF-8, earlier form', () => notUtf8Legacy],
  ])('%s, which rewrapping, that shows no text, moves all the same', async (_title, make) => {
    const request = { envelope: make(), password: PASSWORD };
    expect(await refusalOf(openEnvelope(request, NOW))).toBe(ONE_ERROR);
    const moved = await rewrapEnvelope({ ...request, iterations: 220_000 }, NOW, systemRandom);
    expect(await refusalOf(openEnvelope({ ...request, envelope: moved.envelope }, NOW))).toBe(ONE_ERROR);
  });

  it('an age over the limit, earlier form', async () => {
    const later = new Date(NOW.getTime() + 61_000);
    const opening = openEnvelope({ envelope: legacy, password: PASSWORD, maxAgeSeconds: 60 }, later);
    expect(await refusalOf(opening)).toBe(ONE_ERROR);
  });

  it.each([
    ['a wrong key', () => fernetSeal(utf8('x'), systemRandom(32), NOW, systemRandom), undefined],
    ['not a token', () => 'gAAAA', undefined],
    ['plaintext that is not UTF-8', () => fernetSeal(NOT_UTF8, FERNET_KEY, NOW, systemRandom), undefined],
    ['an age over the limit', () => fernetSeal(utf8('x'), FERNET_KEY, new Date(0), systemRandom), 60],
    ['a JWE', () => jwe, undefined],
  ])('of a Fernet key: %s', async (_title, make, maxAgeSeconds) => {
    const fernetKey = Buffer.from(FERNET_KEY).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    await expectOneError({ envelope: make(), fernetKey, ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }) });
    expect(deriveKey).not.toHaveBeenCalled();
  });
});

describe('what the envelope itself tells is the same error, before any key is derived', () => {
  const cases: [string, () => string][] = [
    ...[1e9, -1, 1.5, '1e5', '100000', 0, 999, 2_000_001, 2 ** 53, null, true, [1_000], undefined].map(
      (p2c): [string, () => string] => [`p2c ${JSON.stringify(p2c) ?? 'missing'}`, () => withHeader(jwe, { p2c })],
    ),
    ...[0, 7, 65].map((size): [string, () => string] => [
      `a salt of ${size} bytes`,
      () => withHeader(jwe, { p2s: zeros(size) }),
    ]),
    ['a salt that is no text', () => withHeader(jwe, { p2s: 5 })],
    ['1 MiB and a byte', () => jwe + ' '.repeat(ENVELOPE_LIMITS.envelopeBytes + 1 - jwe.length)],
    ['1 MiB in UTF-16 units, more in UTF-8', () => changed(jwe, (json) => (json['x'] = '\u00e9'.repeat(600_000)))],
    ['no recipient', () => withRecipients([])],
    ['9 recipients', () => withRecipients([recipient(jwe), ...Array.from({ length: 8 }, () => keyRecipient(40))])],
    ['100 recipients', () => withRecipients([recipient(jwe), ...Array.from({ length: 99 }, () => keyRecipient(40))])],
    ['two password recipients', () => withRecipients([recipient(jwe), recipient(jwe)])],
    ['one bad recipient of two', () => withRecipients([recipient(jwe), keyRecipient(39)])],
    ['a recipient that is none', () => withRecipients([recipient(jwe), null])],
    ['recipients that are no list', () => changed(jwe, (json) => Object.assign(json, { recipients: { length: 1 } }))],
    ['depth 20,000', () => `{"recipients":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
    ['depth 20,000, not closed', () => '{"x":'.repeat(20_000)],
    ['depth 9 beside sound members', () => changed(jwe, (json) => (json['x'] = [[[[[[[[1]]]]]]]]))],
    ['depth 5 in the protected header', () => withProtected(jwe, { ...HEADER, x: [[[[1]]]] })],
    ['zip, protected', () => withProtected(jwe, { ...HEADER, zip: 'DEF' })],
    ['zip, beside', () => withHeader(jwe, { zip: 'DEF' })],
    ['crit, protected', () => withProtected(jwe, { ...HEADER, crit: ['exp'], exp: 1 })],
    ['crit, beside', () => withHeader(jwe, { crit: ['p2c'] })],
    ...['dir', 'A128KW', 'PBES2-HS256+A128KW', 'RSA-OAEP', 'none', '', 5, undefined].map(
      (alg): [string, () => string] => [`alg ${JSON.stringify(alg) ?? 'missing'}`, () => withHeader(jwe, { alg })],
    ),
    ...['A128GCM', 'A128CBC-HS256', 'XC20P', 'a256gcm', '', 5, undefined].map((enc): [string, () => string] => [
      `enc ${JSON.stringify(enc) ?? 'missing'}`,
      () => withProtected(jwe, { ...HEADER, enc }),
    ]),
    ...[0, 16, 24, 39, 41, 48].map((size): [string, () => string] => [
      `a wrapped key of ${size} bytes`,
      () => withRecipient({ encrypted_key: zeros(size) }),
    ]),
    ...[0, 4, 15, 17].map((size): [string, () => string] => [
      `a tag of ${size} bytes`,
      () => changed(jwe, (json) => (json.tag = zeros(size))),
    ]),
    ...[0, 11, 13, 16].map((size): [string, () => string] => [
      `a nonce of ${size} bytes`,
      () => changed(jwe, (json) => (json.iv = zeros(size))),
    ]),
    ...(['protected', 'iv', 'ciphertext', 'tag'] as const).flatMap((name): [string, () => string][] => [
      [`${name} spelt in another way`, () => changed(jwe, (json) => (json[name] = respelt(json[name])))],
      [`${name} with padding`, () => changed(jwe, (json) => (json[name] += '='))],
      [`${name} with a line end`, () => changed(jwe, (json) => (json[name] += '\n'))],
      [`${name} missing`, () => changed(jwe, (json) => Object.assign(json, { [name]: undefined }))],
    ]),
    ['a salt spelt in another way', () => withHeader(jwe, { p2s: respelt(String(recipient(jwe).header['p2s'])) })],
    [
      'a wrapped key spelt in another way',
      () => withRecipient({ encrypted_key: respelt(recipient(jwe).encrypted_key) }),
    ],
    ['a name in both headers: enc', () => withHeader(jwe, { enc: 'A256GCM' })],
    ['a name in both headers: p2c', () => withProtected(jwe, { ...HEADER, p2c: 1_000 })],
    ['a name in both headers: one that means nothing', () => withHeader(jwe, { typ: 'JOSE+JSON' })],
    ['iterations given twice, the last of them refused', () => jwe.replace('"p2c":1000', '"p2c":1000,"p2c":1e9')],
    ['a shared unprotected header', () => changed(jwe, (json) => (json['unprotected'] = {}))],
    ['additional authenticated data', () => changed(jwe, (json) => (json['aad'] = ''))],
    ['a context digest that is no text', () => withProtected(jwe, { ...HEADER, ctx: 5 })],
    ['a protected header that is no JSON', () => withProtected(jwe, '{')],
    ['a protected header that is a list', () => withProtected(jwe, '[]')],
    ['a protected header over 4,096 bytes', () => withProtected(jwe, { ...HEADER, x: 'x'.repeat(4_096) })],
    ['a protected header that is not UTF-8', () => changed(jwe, (json) => (json.protected = base64url(NOT_UTF8)))],
    ['nothing', () => ''],
    ['text', () => 'hello'],
    ['an object without members', () => '{}'],
    ['a list', () => '[]'],
    ['half of it', () => jwe.slice(0, jwe.length / 2)],
    ['two of it', () => jwe + jwe],
    ...[1e9, 999, -1, 1.5, '100000', null].map((iterations): [string, () => string] => [
      `iterations ${JSON.stringify(iterations)}, earlier form`,
      () => legacyWith({ iterations }),
    ]),
    ...[0, 7, 65].map((size): [string, () => string] => [
      `a salt of ${size} bytes, earlier form`,
      () => legacyWith({ salt: zeros(size) }),
    ]),
    ['no salt, earlier form', () => legacyWith({ salt: undefined })],
    ['another algorithm, earlier form', () => legacyWith({ algorithm: 'AES' })],
    ['another derivation, earlier form', () => legacyWith({ kdf: 'scrypt' })],
    ['data that is no token, earlier form', () => legacyWith({ encrypted_data: base64url(utf8('gAAAA')) })],
    ['data that is no base64, earlier form', () => legacyWith({ encrypted_data: '%%%' })],
    ['data that is no text, earlier form', () => legacyWith({ encrypted_data: [] })],
  ];

  it.each(cases)('%s', async (_title, make) => {
    await expectOneError({ envelope: make(), password: PASSWORD });
    expect(deriveKey).not.toHaveBeenCalled();
  });
});

describe('what lies just within the bounds opens', () => {
  it.each([
    ['1 MiB', () => jwe + ' '.repeat(ENVELOPE_LIMITS.envelopeBytes - jwe.length)],
    ['depth 8', () => changed(jwe, (json) => (json['x'] = [[[[[[[1]]]]]]]))],
    ['8 recipients', () => withRecipients([recipient(jwe), ...Array.from({ length: 7 }, () => keyRecipient(40))])],
    ['members that are not known (RFC 7516 section 7.2.1: ignored)', () => changed(jwe, (json) => (json['x'] = 'y'))],
    // RFC 7515 section 4: a parser that keeps the last one only is allowed.
    ['a name given twice, the last of them sound', () => jwe.replace('"p2c":1000', '"p2c":1e9,"p2c":1000')],
    ['white space around it', () => `\n\t ${jwe} \r\n`],
  ])('%s', async (_title, make) => {
    const { plaintext } = await openEnvelope({ envelope: make(), password: PASSWORD }, NOW);
    expect(plaintext).toBe('sixteen bytes ok');
    expect(deriveKey).toHaveBeenCalledTimes(1);
  });
});
