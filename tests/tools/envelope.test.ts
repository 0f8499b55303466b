/** Guessing at the password of an envelope: one count for all its spellings and both tools, and none where nothing is guessed. */

import { GeneralEncrypt, importJWK, type JWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';

import { utf8 } from '../../src/crypto/bytes.js';
import { openGuessSubject } from '../../src/crypto/envelope.js';
import { rewrapGuessSubject } from '../../src/crypto/rewrap.js';
import { systemRandom } from '../../src/crypto/random.js';
import { changed, cheapJwe, cheapLegacy, flipBit, parseJwe, PASSWORD, withHeader } from '../support/envelopes.js';
import { answered, bench, refused, type Bench } from '../support/pipeline.js';

const FERNET_KEY = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const LEAST = 220_000;
const keyEncryptionKey = systemRandom(32);

let jwe = '';
let forTwo = '';
let legacy = '';
let answer = '';
let carriesKey = '';
let forKeyAlone = '';

beforeAll(async () => {
  jwe = await cheapJwe('a secret');
  forTwo = await cheapJwe('for two', { keyEncryptionKey });
  legacy = await cheapLegacy('a secret');
  const { encrypted_data, salt } = JSON.parse(legacy) as Record<string, string>;
  answer = JSON.stringify({ encrypted_data, key_derivation: 'PBKDF2', key_info: salt, algorithm: 'Fernet' });
  forKeyAlone = changed(forTwo, ({ recipients }) => recipients.shift());
  carriesKey = JSON.stringify({ encrypted_data, key_info: FERNET_KEY });
});

type Call = Bench['call'];

async function codeOf(call: Call, tool: string, input: object): Promise<string> {
  const result = await call(tool, input);
  return result.kind === 'refused' ? result.error.code : result.kind;
}

const openWrong = (call: Call, envelope: string): Promise<string> =>
  codeOf(call, 'envelope_open', { envelope, password: 'wrong' });
const rewrapWrong = (call: Call, envelope: string): Promise<string> =>
  codeOf(call, 'envelope_rewrap', { envelope, password: 'wrong' });

/** The codes of `count` wrong guesses, one after the other. */
async function guesses(count: number, guess: () => Promise<string>): Promise<string[]> {
  const codes: string[] = [];
  for (let i = 0; i < count; i++) codes.push(await guess());
  return codes;
}

const FIVE = Array.from({ length: 5 }, () => 'envelope_rejected');

describe('the sixth wrong password in a minute', () => {
  it.each([
    ['a JWE', () => jwe],
    ["the review's envelope", () => legacy],
    ['what the earlier service answered', () => answer],
    ['a JWE with another recipient', () => forTwo],
  ])('at %s is refused, and says when to come back; so is the right one', async (_title, envelope) => {
    const { call, time, entries } = bench();
    expect(await guesses(5, () => openWrong(call, envelope()))).toEqual(FIVE);
    for (const password of ['wrong', PASSWORD]) {
      const error = refused(await call('envelope_open', { envelope: envelope(), password }));
      expect(error).toMatchObject({ code: 'rate_limited', retry_after_seconds: 60 });
    }
    expect(entries.at(-1)).toMatchObject({ tool: 'envelope_open', outcome: 'refused', code: 'rate_limited' });
    time.now += 60_000;
    expect(await openWrong(call, envelope())).toBe('envelope_rejected');
  });

  it('is counted over envelope_open and envelope_rewrap together', async () => {
    const { call } = bench();
    for (const envelope of [jwe, legacy]) {
      expect(await guesses(3, () => openWrong(call, envelope))).toEqual(FIVE.slice(0, 3));
      expect(await guesses(2, () => rewrapWrong(call, envelope))).toEqual(FIVE.slice(0, 2));
      const error = refused(await call('envelope_rewrap', { envelope, password: PASSWORD, iterations: LEAST }));
      expect(error).toMatchObject({ code: 'rate_limited', retry_after_seconds: 60 });
      expect(await openWrong(call, envelope)).toBe('rate_limited');
    }
  });

  it('is one of many at once, too: no more than five are tried', async () => {
    const { call } = bench();
    const codes = await Promise.all(
      Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? openWrong(call, jwe) : rewrapWrong(call, jwe))),
    );
    expect(codes.filter((code) => code === 'envelope_rejected')).toHaveLength(5);
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(25);
  });
});

describe('the right password', () => {
  it('costs nothing, one after the other and many at once', async () => {
    const { call } = bench();
    const right = { envelope: jwe, password: PASSWORD };
    for (let i = 0; i < 7; i++) answered(await call('envelope_open', right));
    const results = await Promise.all(Array.from({ length: 12 }, () => call('envelope_open', right)));
    for (const result of results) expect(answered(result)).toMatchObject({ plaintext: 'a secret' });
    expect(await guesses(6, () => openWrong(call, jwe))).toEqual([...FIVE, 'rate_limited']);
  });

  it('gives its own guess back and no other: four wrong ones, it, and one more wrong one are five', async () => {
    const { call } = bench();
    expect(await guesses(4, () => openWrong(call, jwe))).toEqual(FIVE.slice(0, 4));
    answered(await call('envelope_open', { envelope: jwe, password: PASSWORD }));
    answered(await call('envelope_rewrap', { envelope: jwe, password: PASSWORD, iterations: LEAST }));
    expect(await guesses(2, () => openWrong(call, jwe))).toEqual(['envelope_rejected', 'rate_limited']);
  });

  it('under another context is a failure like any other: it tells nothing, and is counted', async () => {
    const { call } = bench();
    const guess = (): Promise<string> =>
      codeOf(call, 'envelope_open', { envelope: jwe, password: PASSWORD, context: 'c' });
    expect(await guesses(6, guess)).toEqual([...FIVE, 'rate_limited']);
  });
});

describe('one envelope is one count', () => {
  const reordered = (envelope: string): string => {
    const value = JSON.parse(envelope) as Record<string, unknown>;
    return JSON.stringify(Object.fromEntries(Object.entries(value).toReversed()));
  };
  const pretty = (envelope: string): string => JSON.stringify(JSON.parse(envelope), null, '\t');
  const escaped = (envelope: string): string =>
    envelope.replaceAll('A', String.raw`\u0041`).replace('"header"', String.raw`"\u0068eader"`);

  /** Everything that leaves a password something to be tried against. */
  const jweSpellings = (): [string, string][] => [
    ['as it is', jwe],
    ['white space around', `\n ${jwe}\r\n\t`],
    ['white space within', pretty(jwe)],
    ['members in another order', reordered(jwe)],
    ['escapes for letters', escaped(jwe)],
    ['a member more', changed(jwe, (json) => (json['x'] = 'y'))],
    ['a member given twice', jwe.replace('{', '{"iv":"x",')],
    ['a changed tag', changed(jwe, (json) => (json.tag = flipBit(json.tag, 0)))],
    ['other content', changed(jwe, (json) => (json.ciphertext = ''))],
    ['another nonce', changed(jwe, (json) => (json.iv = flipBit(json.iv, 0)))],
    [
      'another protected header',
      changed(jwe, (json) => (json.protected = Buffer.from('{"enc":"A256GCM"}').toString('base64url'))),
    ],
    ['a parameter more', withHeader(jwe, { kid: 'x' })],
    ['other iterations', withHeader(jwe, { p2c: 1_001 })],
    ['a recipient more', changed(jwe, (json) => json.recipients.unshift(parseJwe(forTwo).recipients[1] as never))],
    [
      'salt and iterations in the protected header',
      changed(jwe, (json) => {
        const { alg, ...rest } = json.recipients[0]?.header ?? {};
        json.protected = Buffer.from(JSON.stringify({ enc: 'A256GCM', ...rest })).toString('base64url');
        Object.assign(json.recipients[0] ?? {}, { header: { alg } });
      }),
    ],
  ];
  const legacySpellings = (): [string, string][] => {
    const value = JSON.parse(legacy) as Record<string, string>;
    const token = Buffer.from(value['encrypted_data'] ?? '', 'base64url').toString();
    return [
      ['as it is', legacy],
      ['white space around and within', ` ${pretty(legacy)}\n`],
      ['members in another order', reordered(legacy)],
      ['escapes for letters', escaped(legacy)],
      ['the salt in key_info', answer],
      ['the token as it is', JSON.stringify({ ...value, encrypted_data: token })],
      ['no padding', JSON.stringify({ ...value, salt: (value['salt'] ?? '').replaceAll('=', '') })],
      ['white space in the salt', JSON.stringify({ ...value, salt: `${value['salt']}\n` })],
      ['other iterations', JSON.stringify({ ...value, iterations: 1_001 })],
    ];
  };

  it.each([
    ['JWE', jweSpellings],
    ["the review's envelope", legacySpellings],
  ])('in every spelling that a password could be tried against: %s', async (_title, spellings) => {
    const subjects = spellings().map(([title, envelope]) => [
      title,
      Buffer.from(openGuessSubject({ envelope, password: 'x' }) ?? []).toString('hex'),
      Buffer.from(rewrapGuessSubject({ envelope, password: 'x' }) ?? []).toString('hex'),
    ]);
    const [, subject] = subjects[0] ?? [];
    expect(subject).not.toBe('');
    expect(subjects).toEqual(spellings().map(([title]) => [title, subject, subject]));
  });

  it('in the whole pipeline, too', async () => {
    for (const spellings of [jweSpellings(), legacySpellings()]) {
      const { call } = bench();
      const codes: string[] = [];
      for (const [i, [, envelope]] of spellings.entries())
        codes.push(await (i % 2 === 0 ? openWrong(call, envelope) : rewrapWrong(call, envelope)));
      expect(codes).toEqual([...FIVE, ...Array.from({ length: spellings.length - 5 }, () => 'rate_limited')]);
    }
  });

  it('and another envelope is another count, also where the password and the text are the same', async () => {
    const { call } = bench();
    await guesses(6, () => openWrong(call, jwe));
    answered(await call('envelope_open', { envelope: await cheapJwe('a secret'), password: PASSWORD }));
    answered(await call('envelope_open', { envelope: legacy, password: PASSWORD }));
  });
});

describe('where no password is tried, nothing is counted', () => {
  it.each([
    ['envelope_open', () => ({ envelope: carriesKey, password: 'x' }), 'envelope_rejected'],
    ['envelope_open', () => ({ envelope: carriesKey }), 'envelope_rejected'],
    ['envelope_open', () => ({ envelope: legacy, fernet_key: FERNET_KEY }), 'envelope_rejected'],
    ['envelope_open', () => ({ envelope: 'gAAAA', password: 'x' }), 'envelope_rejected'],
    ['envelope_open', () => ({ envelope: '{}', password: 'x' }), 'envelope_rejected'],
    ['envelope_open', () => ({ envelope: forKeyAlone, password: 'x' }), 'envelope_rejected'],
    ['envelope_open', () => ({ envelope: jwe }), 'input_invalid'],
    ['envelope_open', () => ({ envelope: jwe, password: 'x', fernet_key: FERNET_KEY }), 'input_invalid'],
    ['envelope_open', () => ({ envelope: jwe, password: 'x', max_age_seconds: 5 }), 'input_invalid'],
    ['envelope_rewrap', () => ({ envelope: '{}', password: 'x' }), 'envelope_rejected'],
    ['envelope_rewrap', () => ({ envelope: jwe }), 'input_invalid'],
    ['envelope_rewrap', () => ({ envelope: jwe, password: 'x', iterations: 219_999 }), 'input_invalid'],
    ['envelope_rewrap', () => ({ envelope: forTwo, password: 'x', reencrypt: true }), 'input_invalid'],
  ])('%s, case %#: the seventh is answered like the first', async (tool, input, code) => {
    const { call } = bench();
    expect(await guesses(7, () => codeOf(call, tool, input()))).toEqual(Array.from({ length: 7 }, () => code));
    for (const envelope of [jwe, forTwo]) expect(await guesses(5, () => openWrong(call, envelope))).toEqual(FIVE);
  });
});

it('others seal to the public key of the ring, and it opens here', async () => {
  const { call } = bench();
  answered(await call('key_create', { name: 'post', purpose: 'envelope', algorithm: 'ECDH-ES+A256KW' }));
  const sealed = answered(await call('envelope_seal', { plaintext: 'from here', key: 'post' }));
  expect(sealed).toMatchObject({ algorithm: 'A256GCM, ECDH-ES+A256KW', key_id: 'post.1' });
  const { jwks } = answered(await call('key_list', { public: true })) as { jwks: { keys: JWK[] } };
  const [published] = jwks.keys;
  expect(published).toMatchObject({ kid: 'post.1', alg: 'ECDH-ES+A256KW', use: 'enc', crv: 'P-256' });
  expect(published).not.toHaveProperty('d');
  const encryption = new GeneralEncrypt(utf8('from elsewhere')).setProtectedHeader({ enc: 'A256GCM' });
  encryption
    .addRecipient(await importJWK(published as JWK, 'ECDH-ES+A256KW'))
    .setUnprotectedHeader({ alg: 'ECDH-ES+A256KW', kid: 'post.1' });
  const envelope = JSON.stringify(await encryption.encrypt());
  expect(answered(await call('envelope_open', { envelope }))).toMatchObject({
    plaintext: 'from elsewhere',
    key_id: 'post.1',
  });
  answered(await call('key_rotate', { name: 'post' }));
  const { key_id } = answered(await call('envelope_rewrap', { envelope }));
  expect(key_id).toBe('post.2');
  expect(answered(await call('envelope_open', { envelope: sealed['envelope'] }))).toMatchObject({
    plaintext: 'from here',
  });
});
