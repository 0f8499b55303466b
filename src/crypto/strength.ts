/**
 * Password strength: zxcvbn's estimate and the verdict of the policy (NIST SP 800-63B-4 section 3.1.1.2: a minimum
 * length, a check against what is guessed first, and no composition rules).
 */

/** zxcvbn's work grows faster than the password; what is past this many characters can only make it stronger. */
const ANALYSED_CHARACTERS = 64;
const MAX_USER_INPUTS = 20;

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
  /** All but at most three of its characters come from the user inputs, also reversed or in l33t spelling. */
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
  const words = userInputs.slice(0, MAX_USER_INPUTS).flatMap((input) => [input, ...input.split(/[^\p{L}\p{N}]+/u)]);
  return [...new Set(words.filter((word) => word.length >= 3))];
}

/** Estimates with zxcvbn-ts. Holds the thread: call it from a worker. */
export async function estimateStrength(password: string, userInputs: readonly string[]): Promise<Strength> {
  estimator ??= loadEstimator();
  const result = (await estimator).check(password, wordsOf(userInputs));
  let fromInputs = 0;
  for (const match of result.sequence) {
    if (match.pattern === 'dictionary' && match['dictionaryName'] === 'userInputs') fromInputs += match.token.length;
  }
  const analysed = Math.min(password.length, ANALYSED_CHARACTERS);
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
    madeOfUserInputs: fromInputs > 0 && fromInputs >= analysed - 3,
  };
}
