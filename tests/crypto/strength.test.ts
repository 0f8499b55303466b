/** How hard a password is to guess, and what the policy says: weak ones in order, names found in every spelling, work bounded. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  codePoints,
  estimateStrength,
  LEAST_SCORE,
  REFUSAL_REASONS,
  refusalHint,
  refusalReasons,
  type Strength,
} from '../../src/crypto/strength.js';
import { never, strengthMeter } from '../support/engines.js';

const policy = { minLength: 8 };
const random = 'kV9$mQ2#xL7!';

async function reasons(password: string, ...userInputs: string[]): Promise<string[]> {
  return refusalReasons(password, await estimateStrength(password, userInputs), policy);
}

describe('the estimate', () => {
  it('puts words at random over a word with the usual decoration', async () => {
    // https://github.com/dropbox/zxcvbn, and xkcd 936, whose fame put the phrase itself into some lists of passwords.
    const order = ['password', 'P@ssw0rd', 'Password1!', 'correct horse battery staple'];
    const guesses = await Promise.all(
      order.map(async (password) => (await estimateStrength(password, [])).guessesLog10),
    );
    expect(guesses).toEqual(guesses.toSorted((a, b) => a - b));
    expect((await estimateStrength('Password1!', [])).score).toBeLessThan(LEAST_SCORE);
    expect((await estimateStrength('correct horse battery staple', [])).score).toBe(4);
  });

  it.each([
    '123456789012',
    'qwertyuiopasdf',
    'aaaaaaaaaaaaaaaa',
    'abcabcabcabc',
    'abcdefghijkl',
    '2026-06-01',
    'iloveyou2',
  ])('%s is guessed soon, and says what to do', async (password) => {
    const strength = await estimateStrength(password, []);
    expect(strength.score).toBeLessThan(LEAST_SCORE);
    expect(strength.suggestions.length).toBeGreaterThan(0);
  });

  it('gives finite numbers, crack times in the order of the attacks, and no more than score 4', async () => {
    const texts = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (password) => {
        const { score, guessesLog10, crackTimesSeconds: times } = await estimateStrength(password, []);
        expect([0, 1, 2, 3, 4]).toContain(score);
        const ordered = [times.offlineFastHash, times.offlineSlowHash, times.onlineUnthrottled, times.onlineThrottled];
        for (const number of [guessesLog10, ...ordered]) expect(Number.isFinite(number)).toBe(true);
        expect(ordered).toEqual(ordered.toSorted((a, b) => a - b));
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
    'prototype.constructor',
    '',
    ' ',
    '\0',
  ])('of %j is finite too, also where it is a user input', async (password) => {
    for (const inputs of [[], [password]]) {
      const { score, guessesLog10, crackTimesSeconds } = await estimateStrength(password, inputs);
      for (const number of [score, guessesLog10, ...Object.values(crackTimesSeconds)]) {
        expect(Number.isFinite(number)).toBe(true);
      }
    }
  });

  it('is the same on a worker thread', async () => {
    const [here, there] = [
      await estimateStrength(random, ['alice']),
      await strengthMeter.measure(random, ['alice'], never),
    ];
    expect(there).toEqual(here);
  });

  it('analyses 64 characters, whatever the length: what follows is not looked at', async () => {
    const text = Array.from({ length: 4_096 }, (_, i) => String.fromCharCode(33 + ((i * i * 7 + i * 13) % 94))).join(
      '',
    );
    const whole = await estimateStrength(text, []);
    expect(whole.guessesLog10).toBe((await estimateStrength(text.slice(0, 64), [])).guessesLog10);
    expect(whole.guessesLog10).not.toBe((await estimateStrength(text.slice(0, 63), [])).guessesLog10);
    expect(whole.score).toBe(4);
    // Beginnings that are dear to read, at the largest size the tools take.
    for (const piece of ['aB3$', '4@8({[<3', '가']) {
      const { score } = await estimateStrength(piece.repeat(4_096 / piece.length), [
        'aB3$'.repeat(64),
        '가'.repeat(256),
      ]);
      expect(score).toBeLessThanOrEqual(4);
    }
  });
});

describe('the policy', () => {
  const strong: Strength = {
    score: 4,
    guessesLog10: 20,
    crackTimesSeconds: { onlineThrottled: 1, onlineUnthrottled: 1, offlineSlowHash: 1, offlineFastHash: 1 },
    warning: null,
    suggestions: [],
    madeOfUserInputs: false,
  };

  it('refuses by each reason alone and by all together', () => {
    expect(refusalReasons('x'.repeat(8), strong, policy)).toEqual([]);
    expect(refusalReasons('x'.repeat(7), strong, policy)).toEqual(['too_short']);
    expect(refusalReasons('x'.repeat(8), { ...strong, score: 3 }, policy)).toEqual([]);
    expect(refusalReasons('x'.repeat(8), { ...strong, score: 2 }, policy)).toEqual(['too_guessable']);
    expect(refusalReasons('x'.repeat(8), { ...strong, madeOfUserInputs: true }, policy)).toEqual([
      'made_of_user_inputs',
    ]);
    expect(refusalReasons('', { ...strong, score: 0, madeOfUserInputs: true }, policy)).toEqual(REFUSAL_REASONS);
  });

  it('counts code points: an emoji is one, an accent that stands alone another', () => {
    expect(codePoints('😀😀')).toBe(2);
    expect(codePoints('é')).toBe(1);
    expect(codePoints('e\u0301')).toBe(2);
    expect(codePoints('👨‍👩‍👧')).toBe(5);
    expect(refusalReasons('😀'.repeat(7), strong, policy)).toEqual(['too_short']);
    expect(refusalReasons('😀'.repeat(8), strong, policy)).toEqual([]);
    expect(refusalReasons('日本語のパスワード', strong, { minLength: 9 })).toEqual([]);
    expect(refusalReasons('日本語のパスワード', strong, { minLength: 15 })).toEqual(['too_short']);
  });

  it('has no composition rules: words alone are accepted, and characters of every kind do not help', async () => {
    expect(await reasons('correct horse battery staple')).toEqual([]);
    expect(await reasons('пароль железная дорога')).toEqual([]);
    expect(await reasons('P@ssw0rd')).toEqual(['too_guessable']);
  });

  it('says in one sentence what to do about every reason', () => {
    expect(refusalHint(['too_short'], { minLength: 15 })).toBe('To be accepted: use at least 15 characters.');
    expect(refusalHint(REFUSAL_REASONS, policy)).toBe(
      'To be accepted: use at least 8 characters; use several unrelated words or a generated password; ' +
        'do not build it from names, mail addresses or other user inputs.',
    );
  });
});

describe('user inputs', () => {
  const alice = ['alice@example.com', 'Alice Liddell', 'Wonderland GmbH'];

  it.each([
    ['a name', 'alice'],
    ['a mail address', 'alice@example.com'],
    ['other case', 'ALICE@Example.COM'],
    ['two names', 'aliceliddell'],
    ['names in another order', 'LiddellAlice'],
    ['names and a separator', 'Alice_Liddell'],
    ['names and as many as three more characters', 'aliceliddell99!'],
    ['three more characters in between', '1alice2liddell3'],
    ['l33t', '4l1c3L1dd3ll'],
    ['l33t of a sign', '@lice_Liddell'],
    ['reversed', 'lleddilecila'],
    ['each part reversed', 'elpmaxe@ecila'],
    ['reversed l33t', '3c1l4ll3dd1l'],
    ['with accents', 'ÁlicéLiddéll'],
    ['a name over and over', 'alicealicealicealice'],
    ['a name over and over, longer than is analysed', 'alice'.repeat(20)],
  ])('%s: %s is made of them', async (_name, password) => {
    expect((await estimateStrength(password, alice)).madeOfUserInputs).toBe(true);
    expect((await estimateStrength(password, [])).madeOfUserInputs).toBe(false);
    expect(await reasons(password, ...alice)).toContain('made_of_user_inputs');
  });

  it.each([
    ['four more characters', 'aliceliddell2o26'],
    ['a name among other words', 'alice rides a purple tractor'],
    ['a name and a random part', `alice${random}`],
    ['nothing of them', random],
    ['nothing at all', ''],
  ])('%s: %s is not', async (_name, password) => {
    expect((await estimateStrength(password, alice)).madeOfUserInputs).toBe(false);
  });

  it('are found in other scripts, and with accents in either normal form', async () => {
    expect(await reasons('мариЯпетровА1', 'Мария Петрова')).toEqual(['made_of_user_inputs']);
    expect(await reasons('日本太郎日本太郎ab', '日本太郎')).toContain('made_of_user_inputs');
    for (const form of ['NFC', 'NFD']) {
      expect((await estimateStrength('éclairparis'.normalize(form), ['Éclair Paris'])).madeOfUserInputs).toBe(true);
      expect((await estimateStrength('eclairparis', ['Éclair Paris'.normalize(form)])).madeOfUserInputs).toBe(true);
    }
  });

  it('lower the estimate', async () => {
    const password = 'wonderlandinc';
    const [without, withThem] = [
      await estimateStrength(password, []),
      await estimateStrength(password, ['wonderlandinc']),
    ];
    expect(withThem.guessesLog10).toBeLessThan(without.guessesLog10);
  });

  it('under three letters do not count, nor any after the twentieth', async () => {
    expect((await estimateStrength('ababababab', ['ab'])).madeOfUserInputs).toBe(false);
    const twenty = Array.from({ length: 20 }, (_, i) => `nobody${i}`);
    expect((await estimateStrength('aliceliddell', [...twenty, 'aliceliddell'])).madeOfUserInputs).toBe(false);
    expect((await estimateStrength('aliceliddell', ['aliceliddell', ...twenty])).madeOfUserInputs).toBe(true);
  });

  it('any of them, as it is, reversed or decorated, is made of them', async () => {
    const names = fc.string({ unit: fc.constantFrom(...Array.from('abcdeilostzäé木')), minLength: 4, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(names, fc.boolean(), fc.stringMatching(/^[0-9!]{0,3}$/), async (name, reverse, tail) => {
        const password = (reverse ? Array.from(name).toReversed().join('') : name.toUpperCase()) + tail;
        expect((await estimateStrength(password, ['someone else', name])).madeOfUserInputs).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
