/** Password tools: hash, verify, and judge strength (bcrypt, argon2id, zxcvbn). */

import { z } from 'zod';

import { inputInvalid, SecurityError } from '../crypto/errors.js';
import {
  ARGON2_DEFAULT,
  ARGON2_PASSES,
  BCRYPT_COST,
  guessSubject,
  hashArgon2id,
  hashBcrypt,
  parsePasswordHash,
  passwordProblem,
  rehashReason,
  verifyPassword,
  type PasswordHash,
} from '../crypto/password.js';
import { codePoints, REFUSAL_REASONS, refusalHint, refusalReasons } from '../crypto/strength.js';
import { label, saveAs, secret, userInputs } from './fields.js';
import { requireFree, save } from './save.js';
import { defineTool, type ToolContext } from './tool.js';

/** Refuses a password the policy does not accept; otherwise its score. Shared by every tool that protects with a password. */
export async function requireStrongPassword(
  field: string,
  password: string,
  inputs: readonly string[],
  context: ToolContext,
  optOut: string,
): Promise<number> {
  const strength = await context.strength.measure(password, inputs, context.signal);
  const reasons = refusalReasons(password, strength, context.policy);
  if (reasons.length === 0) return strength.score;
  // Why would tell something of a secret that the caller has only named.
  if (context.references.has(field))
    throw new SecurityError('password_weak', `The secret that ${field} names is too weak.`, {
      hint: `Use a longer one: secret_generate makes passwords and passphrases.${optOut}`,
    });
  throw new SecurityError('password_weak', `${field} is too weak: ${reasons.join(', ')}.`, {
    hint: `${refusalHint(reasons, context.policy)}${optOut}`,
  });
}

export const passwordHash = defineTool({
  name: 'password_hash',
  title: 'Hash a password',
  description:
    'Hashes a password with a fresh salt: bcrypt (default) or argon2id. Refuses weak ones unless allow_weak, and over 72 UTF-8 bytes for bcrypt.',
  effect: 'writes',
  reach: 'local',
  cost: 'cpu',
  audit: ['algorithm', 'cost', 'allow_weak'],
  input: z.strictObject({
    password: secret('hashed'),
    algorithm: z.enum(['bcrypt', 'argon2id']).optional(),
    cost: z
      .int()
      .min(ARGON2_PASSES.min)
      .max(BCRYPT_COST.max)
      .optional()
      .describe('bcrypt: log2 rounds, 10-15. argon2id: passes, 2-10.'),
    allow_weak: z.boolean().optional(),
    user_inputs: userInputs().optional().describe('Names etc. not to be in it.'),
    save_as: saveAs(),
  }),
  output: z.strictObject({
    hash: z.string(),
    algorithm: z.enum(['bcrypt', 'argon2id']),
    parameters: z.record(z.string(), z.number()),
    strength: z.strictObject({ score: z.int().min(0).max(4) }).optional(),
  }),
  async run({ password, algorithm = 'bcrypt', cost, allow_weak, user_inputs = [], save_as }, context) {
    const range = algorithm === 'bcrypt' ? BCRYPT_COST : ARGON2_PASSES;
    if (cost !== undefined && (cost < range.min || cost > range.max)) {
      throw inputInvalid(
        'cost',
        `must be from ${range.min} to ${range.max} for ${algorithm}`,
        'Leave it out for the default.',
      );
    }
    const { passwords, random, signal, policy, references } = context;
    await requireFree(save_as, context);
    const problem = passwordProblem(password, algorithm);
    let score = 0;
    if (problem === null) {
      score =
        allow_weak === true
          ? (await context.strength.measure(password, user_inputs, signal)).score
          : await requireStrongPassword(
              'password',
              password,
              user_inputs,
              context,
              ' Or pass allow_weak: true to hash it all the same.',
            );
    }
    const named = references.get('password');
    // A score would tell something of a secret that the caller has only named.
    const strength = named === undefined ? { strength: { score } } : {};
    const { origin, shown } = named ?? { origin: 'model', shown: true };
    const kept = (hash: string): Promise<string> =>
      save(save_as, { kind: 'hash', origin, shown, value: hash }, context);
    if (algorithm === 'bcrypt') {
      const rounds = cost ?? policy.bcryptCost;
      const hash = await hashBcrypt(password, rounds, passwords, random, signal);
      return { hash: await kept(hash), algorithm, parameters: { cost: rounds }, ...strength };
    }
    const parameters = { ...ARGON2_DEFAULT, ...(cost === undefined ? {} : { passes: cost }) };
    const hash = await hashArgon2id(password, parameters, passwords, random, signal);
    const { memoryKib: memory_kib, passes, parallelism } = parameters;
    return { hash: await kept(hash), algorithm, parameters: { memory_kib, passes, parallelism }, ...strength };
  },
});

/** The stored hash, or the refusal that says what is wrong with it. */
function requireHash(text: string): PasswordHash {
  const hash = parsePasswordHash(text.trim());
  if (hash === 'unknown') {
    throw inputInvalid(
      'hash',
      'is not a bcrypt ($2a$, $2b$, $2y$) or argon2 ($argon2id$v=19$...) hash',
      'Give the stored hash whole; inspect tells what a text is.',
    );
  }
  if (hash === 'cost') {
    throw inputInvalid(
      'hash',
      'names a cost over the limit (bcrypt 15; argon2 256 MiB, 16 passes, 16 lanes, 1 GiB over all passes)',
      'Such a hash would hold the machine; have it made anew with ordinary parameters.',
    );
  }
  return hash;
}

export const passwordVerify = defineTool({
  name: 'password_verify',
  title: 'Verify a password',
  description:
    'Checks a password against a bcrypt or argon2 hash. A few attempts a minute per hash; a success gives its back. needs_rehash: renew the hash now.',
  effect: 'none',
  reach: 'local',
  cost: 'cpu',
  audit: ['account'],
  input: z.strictObject({
    password: secret('verified'),
    hash: secret('hash', 512),
    account: label().optional().describe('Audit label.'),
  }),
  output: z.strictObject({
    valid: z.boolean(),
    needs_rehash: z.boolean(),
    attempts_remaining: z.int(),
    reason: z.string().optional(),
  }),
  guess: {
    subject: ({ hash }) => guessSubject(requireHash(hash)),
    succeeded: ({ valid }) => valid,
  },
  async run({ password, hash: stored }, { passwords, signal, policy, attemptsRemaining = 0 }) {
    const hash = requireHash(stored);
    const valid = await verifyPassword(password, hash, passwords, signal);
    const renewal = rehashReason(hash, policy.bcryptCost);
    const problem = passwordProblem(password, hash.algorithm);
    const reason = valid ? renewal : (problem ?? 'mismatch');
    return {
      valid,
      needs_rehash: valid && renewal !== null,
      attempts_remaining: valid ? attemptsRemaining + 1 : attemptsRemaining,
      ...(reason === null ? {} : { reason }),
    };
  },
});

export const passwordStrength = defineTool({
  name: 'password_strength',
  title: 'Judge a password',
  description: 'Estimates how hard a password is to guess (zxcvbn) and says whether the policy accepts it.',
  effect: 'none',
  reach: 'local',
  cost: 'cpu',
  audit: [],
  input: z.strictObject({
    password: secret('strength'),
    user_inputs: userInputs().optional().describe('Names etc. not to be in it.'),
  }),
  output: z.strictObject({
    score: z.int().min(0).max(4).optional(),
    guesses_log10: z.number().optional(),
    crack_times: z
      .strictObject({
        online_throttled_seconds: z.number(),
        online_unthrottled_seconds: z.number(),
        offline_slow_hash_seconds: z.number(),
        offline_fast_hash_seconds: z.number(),
      })
      .optional(),
    warning: z.string().optional(),
    suggestions: z.array(z.string()).optional(),
    policy: z.strictObject({ accepted: z.boolean(), reasons: z.array(z.enum(REFUSAL_REASONS)) }),
  }),
  async run({ password, user_inputs = [] }, { strength: meter, policy, signal, references }) {
    const strength = await meter.measure(password, user_inputs, signal);
    const reasons = refusalReasons(password, strength, policy);
    // Of a secret that the caller has only named, nothing but whether it will do.
    if (references.has('password')) return { policy: { accepted: reasons.length === 0, reasons: [] } };
    const suggestions = [...strength.suggestions];
    if (reasons.length > 0) suggestions.push(refusalHint(reasons, policy));
    else if (codePoints(password) < 15)
      suggestions.push('Where it is the only factor, use 15 characters or more (SP 800-63B-4).');
    const times = strength.crackTimesSeconds;
    return {
      score: strength.score,
      guesses_log10: strength.guessesLog10,
      crack_times: {
        online_throttled_seconds: times.onlineThrottled,
        online_unthrottled_seconds: times.onlineUnthrottled,
        offline_slow_hash_seconds: times.offlineSlowHash,
        offline_fast_hash_seconds: times.offlineFastHash,
      },
      warning: strength.warning ?? '',
      suggestions,
      policy: { accepted: reasons.length === 0, reasons },
    };
  },
});
