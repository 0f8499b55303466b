/** Tasks about passwords: hashing, logins, renewal, and what a person asks about their own. */

import bcrypt from 'bcryptjs';
import { argon2Verify } from 'hash-wasm';
import { expect } from 'vitest';

import { without, type Theme } from './task.js';

const LONG = 'the quick brown fox who jumps over seventeen lazy dogs and writes a very long passphrase';

export const passwords: Theme = {
  name: 'passwords',
  tasks: [
    {
      asks: 'Hash the password "sunshine1" for the fixture of my tests. It is public and shall stay as it is.',
      calls: [
        {
          as: 'hashed',
          tool: 'password_hash',
          input: { password: 'sunshine1' },
          mends: [
            {
              code: 'password_weak',
              says: /pass allow_weak: true/,
              next: (input) => ({ ...input, allow_weak: true }),
            },
          ],
        },
      ],
      outcome: async (from) => {
        expect(await bcrypt.compare('sunshine1', String(from('hashed.hash')))).toBe(true);
        expect(from('hashed.strength.score')).toBeLessThan(3);
      },
    },
    {
      asks: `Hash this passphrase for my users table: ${LONG}`,
      calls: [
        {
          as: 'hashed',
          tool: 'password_hash',
          input: { password: LONG },
          mends: [
            {
              code: 'password_too_long',
              says: /Use algorithm "argon2id"/,
              next: (input, told) => ({ ...input, algorithm: told.word(/Use algorithm "(\w+)"/) }),
            },
          ],
        },
      ],
      outcome: async (from) =>
        expect(await argon2Verify({ password: LONG, hash: String(from('hashed.hash')) })).toBe(true),
    },
    {
      asks: 'Our old table has {old} for ada, whose password is "seven silver otters juggle". Check it, and renew it as argon2id at cost 12.',
      given: async () => ({ old: await bcrypt.hash('seven silver otters juggle', 10) }),
      calls: [
        {
          as: 'login',
          tool: 'password_verify',
          input: (from) => ({ password: 'seven silver otters juggle', hash: from('old'), account: 'ada' }),
        },
        {
          as: 'renewed',
          tool: 'password_hash',
          input: { password: 'seven silver otters juggle', algorithm: 'argon2id', cost: 12 },
          mends: [
            {
              code: 'input_invalid',
              says: /cost must be from 2 to 10 for argon2id/,
              next: (input, told) => ({ ...input, cost: Number(told.word(/to (\d+) for argon2id/)) }),
            },
          ],
        },
      ],
      outcome: async (from) => {
        expect(from('login')).toMatchObject({ valid: true, needs_rehash: true });
        expect(from('renewed.parameters')).toMatchObject({ passes: 10 });
        const hash = String(from('renewed.hash'));
        expect(await argon2Verify({ password: 'seven silver otters juggle', hash })).toBe(true);
      },
    },
    {
      asks: 'I work at Zworkelbrand. Is "zworkelbrand7" a password for me?',
      calls: [
        { as: 'blind', tool: 'password_strength', input: { password: 'zworkelbrand7' } },
        {
          as: 'judged',
          tool: 'password_strength',
          input: { password: 'zworkelbrand7', company: 'Zworkelbrand' },
          mends: [
            {
              code: 'input_invalid',
              says: /field .* that this tool does not have.*Fields of password_strength/,
              next: (input) => ({ ...without(input, 'company'), user_inputs: [input['company']] }),
            },
          ],
        },
      ],
      outcome: (from) => {
        expect(from('blind.policy')).toMatchObject({ accepted: true });
        expect(from('judged.policy')).toMatchObject({ accepted: false });
      },
    },
    {
      asks: 'Which of "rabbit-4-hat", "rabbit-5-hat" and "rabbit-6-hat" opens the account with the hash {hash}? I have lost count.',
      given: async () => ({ hash: await bcrypt.hash('rabbit-6-hat', 10) }),
      settings: { SECURITY_MCP_VERIFY_ATTEMPTS: '2/60' },
      calls: [
        ...['rabbit-4-hat', 'rabbit-5-hat'].map((password) => ({
          as: password,
          tool: 'password_verify',
          input: (from: (path: string) => unknown) => ({ password, hash: from('hash') }),
        })),
        {
          as: 'opened',
          tool: 'password_verify',
          input: (from) => ({ password: 'rabbit-6-hat', hash: from('hash') }),
          mends: [
            {
              code: 'rate_limited',
              says: /Wait \d+ seconds/,
              commands: [
                { as: 'held', pattern: /security-mcp (attempts list) names it/ },
                {
                  as: 'freed',
                  pattern: /security-mcp (attempts reset) frees it/,
                  more: (from) => [String(from('held.attempts.0.subject'))],
                },
              ],
            },
          ],
        },
      ],
      outcome: (from) => {
        expect(from('rabbit-5-hat')).toMatchObject({ valid: false, attempts_remaining: 0 });
        expect(from('freed')).toEqual({ reset: 1 });
        expect(from('opened')).toMatchObject({ valid: true, attempts_remaining: 2 });
      },
    },
    {
      asks: 'Does "letmein" fit 0d107d09f5bbe40cade3de5c71e9e9b7 from the old forum?',
      calls: [
        {
          as: 'checked',
          tool: 'password_verify',
          input: { password: 'letmein', hash: '0d107d09f5bbe40cade3de5c71e9e9b7' },
          mends: [
            {
              code: 'input_invalid',
              says: /inspect tells what a text is/,
              first: [{ as: 'what', tool: 'inspect', input: { text: '0d107d09f5bbe40cade3de5c71e9e9b7' } }],
              next: 'done',
            },
          ],
        },
        {
          as: 'compared',
          tool: 'digest_compute',
          input: { algorithm: 'md5', text: 'letmein', expected: '0d107d09f5bbe40cade3de5c71e9e9b7' },
        },
      ],
      outcome: (from) => {
        expect(JSON.stringify(from('what'))).toMatch(/MD5/i);
        expect(from('compared')).toMatchObject({ matches: true });
      },
    },
  ],
};
