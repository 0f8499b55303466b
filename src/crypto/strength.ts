/**
 * Password strength: zxcvbn's estimate and the verdict of the policy (NIST SP 800-63B-4 section 3.1.1.2: a minimum
 * length, a check against what is guessed first, and no composition rules).
 */

/** zxcvbn's work grows faster than the password; what is past this many characters can only make it stronger. */
const ANALYSED_CHARACTERS = 64;
const MAX_USER_INPUTS = 20;
/** Shorter words are in every password by chance. */
const SHORTEST_WORD = 3;
/** As many characters may be added to user inputs without making a password of its own. */
const FREE_CHARACTERS = 3;

export interface Strength {
  /** 0 (guessed at once) to 4 (safe against an offline attack on a slow hash). */
  score: number;
  guessesLog10: number;
  crackTimesSeconds: {
    onlineThrottled: number;
    onlineUnthrottled: number;
    offlineSlowHash: number;
    offlineFastHash: number;
  };
  warning: string | null;
  suggestions: string[];
  /** All but at most three of its characters come from the user inputs, also reversed, without accents or in l33t spelling. */
  madeOfUserInputs: boolean;
}

/** Measures on another thread: the estimate takes up to some hundred milliseconds, the dictionaries 70 MB. */
export interface StrengthMeter {
  measure(password: string, userInputs: readonly string[], signal: AbortSignal): Promise<Strength>;
}

export interface PasswordPolicy {
  minLength: number;
}

export const REFUSAL_REASONS = ['too_short', 'too_guessable', 'made_of_user_inputs'] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export const LEAST_SCORE = 3;

/** Why the policy refuses a password; empty where it accepts. The length counts Unicode code points. */
export function refusalReasons(password: string, strength: Strength, policy: PasswordPolicy): RefusalReason[] {
  const reasons: RefusalReason[] = [];
  if (codePoints(password) < policy.minLength) reasons.push('too_short');
  if (strength.score < LEAST_SCORE) reasons.push('too_guessable');
  if (strength.madeOfUserInputs) reasons.push('made_of_user_inputs');
  return reasons;
}

/** What to do about each reason, as one sentence. */
export function refusalHint(reasons: readonly RefusalReason[], policy: PasswordPolicy): string {
  const steps = {
    too_short: `use at least ${policy.minLength} characters`,
    too_guessable: 'use several unrelated words or a generated password',
    made_of_user_inputs: 'do not build it from names, mail addresses or other user inputs',
  };
  return `To be accepted: ${reasons.map((reason) => steps[reason]).join('; ')}.`;
}

export function codePoints(text: string): number {
  return Array.from(text).length;
}

let estimator: Promise<import('@zxcvbn-ts/core').ZxcvbnFactory> | undefined;

async function loadEstimator(): Promise<import('@zxcvbn-ts/core').ZxcvbnFactory> {
  const [{ ZxcvbnFactory }, common, english] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
    import('@zxcvbn-ts/language-en'),
  ]);
  return new ZxcvbnFactory({
    dictionary: { ...common.dictionary, ...english.dictionary },
    graphs: common.adjacencyGraphs,
    translations: english.translations,
    maxLength: ANALYSED_CHARACTERS,
  });
}

/** The inputs themselves and the words in them ("alice@example.com" also as "alice" and "example"), from three letters on. */
function wordsOf(userInputs: readonly string[]): string[] {
  const words = userInputs
    .slice(0, MAX_USER_INPUTS)
    .flatMap((input) => [input, ...input.split(/[^\p{L}\p{M}\p{N}]+/u)]);
  return [...new Set(words.filter((word) => word.length >= SHORTEST_WORD))];
}

/** Characters that stand for one another in l33t spelling; the first of each row stands for all. */
const LOOKALIKES = ['a4@', 'b8', 'c({[<', 'e3€', 'g69', 'il1!|', 'o0', 's5$', 't7+', 'z2'];
const LOOKS_LIKE = new Map(LOOKALIKES.flatMap((row) => Array.from(row, (c) => [c, row[0] as string] as const)));

/** The letters behind a spelling: without case, accents and l33t. */
function bareLetters(text: string): string[] {
  const plain = text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();
  return Array.from(plain, (c) => LOOKS_LIKE.get(c) ?? c);
}

/** Words in bare letters, forwards and backwards, by their first letter. */
function patternsOf(words: readonly string[]): Map<string, Set<string>> {
  const patterns = new Map<string, Set<string>>();
  for (const word of words.map(bareLetters)) {
    if (word.length < SHORTEST_WORD) continue;
    for (const [first = '', ...rest] of [word, word.toReversed()]) {
      patterns.set(first, (patterns.get(first) ?? new Set()).add([first, ...rest].join('')));
    }
  }
  return patterns;
}

/**
 * Whether words cover all but at most three characters. zxcvbn cannot be asked: it explains a password by its cheapest
 * reading, in which "@lice_Liddell" is six random characters and a name.
 */
function isMadeOf(password: string, words: readonly string[]): boolean {
  const letters = bareLetters(password);
  const text = letters.join('');
  const patterns = patternsOf(words);
  // The least number of letters outside any word, up to each place (in UTF-16 units, as `startsWith` counts).
  const outside: number[] = [0];
  let at = 0;
  for (const letter of letters) {
    const here = outside[at] ?? 0;
    outside[at + letter.length] = Math.min(outside[at + letter.length] ?? Infinity, here + 1);
    for (const pattern of patterns.get(letter) ?? []) {
      const end = at + pattern.length;
      if (text.startsWith(pattern, at)) outside[end] = Math.min(outside[end] ?? Infinity, here);
    }
    at += letter.length;
  }
  const left = outside[at] ?? 0;
  return left < letters.length && left <= FREE_CHARACTERS;
}

/** Estimates with zxcvbn-ts. Holds the thread: call it from a worker. */
export async function estimateStrength(password: string, userInputs: readonly string[]): Promise<Strength> {
  estimator ??= loadEstimator();
  const words = wordsOf(userInputs);
  const result = (await estimator).check(password, words);
  const times = result.crackTimes;
  return {
    score: result.score,
    guessesLog10: result.guessesLog10,
    crackTimesSeconds: {
      onlineThrottled: times.onlineThrottlingXPerHour.seconds,
      onlineUnthrottled: times.onlineNoThrottlingXPerSecond.seconds,
      offlineSlowHash: times.offlineSlowHashingXPerSecond.seconds,
      offlineFastHash: times.offlineFastHashingXPerSecond.seconds,
    },
    warning: result.feedback.warning,
    suggestions: result.feedback.suggestions,
    madeOfUserInputs: isMadeOf(password, words),
  };
}
