/** How references become text: from which sources, under which names, and within the length of the field. */

import { describe, expect, it } from 'vitest';

import type { SecurityError } from '../../src/crypto/errors.js';
import { secretUnknown } from '../../src/crypto/secret.js';
import { resolveSecrets, type ReferenceSources } from '../../src/guard/references.js';
import { requireAllowed } from '../../src/guard/secret-policy.js';
import type { SecretField } from '../../src/tools/tool.js';

const LONG = 'v'.repeat(10);
const asked: string[] = [];
const sources: ReferenceSources = {
  environment: new Map([['TOKEN', LONG]]),
  secrets: {
    get: async (name) => {
      asked.push(name);
      if (name === 'missing') throw secretUnknown();
      const entropyBits = name === 'made' ? { entropyBits: 128 } : {};
      return { name, value: LONG, origin: 'generated', shown: false, kind: 'token', fingerprint: 'f', ...entropyBits };
    },
    fingerprint: async (value) => `print of ${value.length}`,
  } as ReferenceSources['secrets'],
};
const fields: SecretField[] = [
  { name: 'password', use: 'lock', maxLength: 10 },
  { name: 'short', use: 'lock', maxLength: 9 },
];
const resolve = (input: Record<string, unknown>) => resolveSecrets(input, fields, sources);

describe('a reference', () => {
  it('to the environment is what the operator lists, by a name in its own spelling', async () => {
    const { input, references } = await resolve({ password: 'env://TOKEN', other: 'env://TOKEN' });
    expect(input).toEqual({ password: LONG, other: 'env://TOKEN' });
    expect([...references]).toEqual([
      ['password', { name: 'TOKEN', origin: 'environment', shown: false, kind: 'text', fingerprint: 'print of 10' }],
    ]);
    for (const name of ['token', 'TOKEN ', 'HOME', ''])
      await expect(resolve({ password: `env://${name}` })).rejects.toMatchObject({
        code: 'secret_unknown',
        hint: expect.stringContaining('SECURITY_MCP_EXPOSE_ENV') as string,
      });
  });

  it('to the store carries what is known of the secret', async () => {
    const { references } = await resolve({ password: 'secret://made' });
    const known = { name: 'made', origin: 'generated', shown: false, kind: 'token', fingerprint: 'f' };
    expect(references.get('password')).toEqual({ ...known, entropyBits: 128 });
    expect((await resolve({ password: 'secret://other' })).references.get('password')).toStrictEqual({
      ...known,
      name: 'other',
    });
  });

  it('with a name that no secret can have is not looked for', async () => {
    asked.length = 0;
    for (const name of ['', '-a', 'A', 'a b', 'a/b', 'a'.repeat(65), 'a\n', '_', 'secret://a'])
      await expect(resolve({ password: `secret://${name}` })).rejects.toMatchObject({ code: 'secret_unknown' });
    expect(asked).toEqual([]);
    for (const name of ['a', '0', 'a.b_c-d', 'a'.repeat(64)]) await resolve({ password: `secret://${name}` });
    expect(asked).toHaveLength(4);
  });

  it('is one at the beginning of the text only', async () => {
    const texts = ['xsecret://a', ' env://TOKEN', 'SECRET://a', 'secret:/a', 'http://secret://a'];
    for (const password of texts) expect((await resolve({ password })).input).toEqual({ password });
    const literal = await resolve({ password: { literal: 'env://TOKEN' } });
    expect(literal.input).toEqual({ password: 'env://TOKEN' });
    expect(literal.references.size).toBe(0);
  });

  it('to what is longer than the field takes is refused, without the value', async () => {
    await expect(resolve({ short: 'secret://made' })).rejects.toMatchObject({
      code: 'input_invalid',
      message: 'short is a reference to a secret that is too long here.',
      hint: 'Use another secret.',
    });
  });

  it('in a field that was not given, or given as null, is none', async () => {
    expect(await resolve({ password: null })).toEqual({ input: { password: null }, references: new Map() });
    expect(await resolve({})).toEqual({ input: {}, references: new Map() });
  });
});

describe('the policy', () => {
  const known = { name: 'a', origin: 'generated', shown: false, kind: 'key', fingerprint: 'f' } as const;
  const code = (run: () => void): string | undefined => {
    try {
      run();
      return undefined;
    } catch (error) {
      const { code: refusal, hint } = error as SecurityError;
      expect(hint).toMatch(/^(?:Leave|Make|Give) .{10}/);
      return refusal;
    }
  };
  const check = (use: SecretField['use'], secret: object, input = {}, password?: object): string | undefined =>
    code(() =>
      requireAllowed(
        'field',
        use,
        { ...known, ...secret },
        input,
        new Map(password === undefined ? [] : [['password', { ...known, ...password }]]),
      ),
    );

  it.each<[string | undefined, ...Parameters<typeof check>]>([
    [undefined, 'mac_key', { entropyBits: 128 }],
    ['policy_refused', 'mac_key', { entropyBits: 127 }],
    ['policy_refused', 'mac_key', {}],
    ['policy_refused', 'mac_key', { entropyBits: 256, origin: 'human' }],
    ['policy_refused', 'mac_key', { entropyBits: 256, origin: 'model' }],
    [undefined, 'hashed', {}],
    ['policy_refused', 'hashed', {}, { user_inputs: [] }],
    [undefined, 'strength', {}],
    ['policy_refused', 'strength', {}, { user_inputs: [] }],
    [undefined, 'plaintext', {}],
    [undefined, 'plaintext', {}, { format: 'jwe' }],
    ['policy_refused', 'plaintext', {}, { format: 'fernet' }],
    ['policy_refused', 'plaintext', {}, { fernet_key: 'k' }],
    ['policy_refused', 'plaintext', {}, { password: 'p' }],
    ['policy_refused', 'plaintext', {}, { password: 'p' }, { shown: true }],
    [undefined, 'plaintext', {}, { password: 'p' }, { shown: false }],
    [undefined, 'lock', {}, { user_inputs: [], format: 'fernet' }],
    [undefined, 'new_lock', {}],
    [undefined, 'verified', {}, { user_inputs: [] }],
    [undefined, 'hash', {}],
    [undefined, 'token', {}],
  ])('answers %s to %s of %j in %j', (expected, ...given) => {
    expect(check(...given)).toBe(expected);
  });
});
