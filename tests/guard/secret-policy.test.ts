/** The secret policy, rule by rule: each test tries to read a secret round it, as an agent would that was told to. */

import { createHmac } from 'node:crypto';

import { beforeEach, describe, expect, it } from 'vitest';

import { answered, bench, refused, type Bench } from '../support/pipeline.js';

const VALUE = 'violet anchor 93 marmalade';
const ENVIRONMENT = new Map([['DB_PASSWORD', VALUE]]);

let tools: Bench;
const ask = async (tool: string, input: unknown): Promise<Record<string, unknown>> =>
  answered(await tools.call(tool, input));
const code = async (tool: string, input: unknown): Promise<string> => {
  const error = refused(await tools.call(tool, input));
  expect(error.hint.length).toBeGreaterThan(10);
  expect(JSON.stringify(error)).not.toContain(VALUE);
  return error.code;
};

beforeEach(async () => {
  tools = bench({ exposedEnvironment: ENVIRONMENT });
  await tools.secrets.put({ name: 'typed', kind: 'text', origin: 'human', shown: false, value: VALUE });
  await tools.secrets.put({ name: 'told', kind: 'text', origin: 'model', shown: true, value: VALUE });
});

describe('a reference', () => {
  it('to what is not there is refused with the tools that can make it', async () => {
    const error = refused(await tools.call('password_hash', { password: 'secret://nowhere' }));
    expect(error).toMatchObject({ code: 'secret_unknown' });
    for (const tool of ['secret_generate', 'secret_request', 'save_as']) expect(error.hint).toContain(tool);
    for (const odd of ['secret://', 'secret://UPPER', 'secret://a/b', 'secret://../x', 'env://', 'env://PATH'])
      expect(await code('password_hash', { password: odd }), odd).toBe('secret_unknown');
  });

  it('is taken as text only where it is given as a literal', async () => {
    const { hash } = await ask('password_hash', { password: { literal: 'secret://typed' } });
    expect(await ask('password_verify', { password: { literal: 'secret://typed' }, hash })).toMatchObject({
      valid: true,
    });
    expect(await ask('password_verify', { password: 'secret://typed', hash })).toMatchObject({ valid: false });
  });

  it('in a field that is no secret is text like any other', async () => {
    const { digest } = await ask('digest_compute', { algorithm: 'sha256', text: 'secret://typed' });
    expect(await ask('digest_compute', { algorithm: 'sha256', text: VALUE })).not.toMatchObject({ digest });
  });

  it('is named in the audit, without its value', async () => {
    await ask('password_hash', { password: 'secret://typed' });
    await ask('password_hash', { password: 'env://DB_PASSWORD' });
    const ids = tools.entries.filter(({ event }) => event === 'answered').map((entry) => entry.ids);
    expect(ids).toEqual([{ password: 'secret://typed' }, { password: 'env://DB_PASSWORD' }]);
    expect(JSON.stringify(tools.entries)).not.toContain(VALUE);
  });
});

describe('seal and open', () => {
  it('under a ring key: the envelope says that it must not be shown, and opens into the store only', async () => {
    const { envelope } = await ask('envelope_seal', { plaintext: 'secret://typed' });
    expect(await code('envelope_open', { envelope })).toBe('policy_refused');
    expect(await ask('envelope_open', { envelope, save_as: 'back' })).toMatchObject({ plaintext: 'secret://back' });
    expect(await tools.secrets.get('back')).toMatchObject({ value: VALUE, origin: 'human', shown: false });
  });

  it('the mark cannot be taken off: it is authenticated', async () => {
    const { envelope } = await ask('envelope_seal', { plaintext: 'secret://typed' });
    const jwe = JSON.parse(envelope as string) as { protected: string };
    jwe.protected = Buffer.from('{"enc":"A256GCM","typ":"JOSE+JSON"}').toString('base64url');
    expect(await code('envelope_open', { envelope: JSON.stringify(jwe) })).toBe('envelope_rejected');
  });

  it('under a password that the model knows, given or stored, is refused; as Fernet too', async () => {
    const plaintext = 'secret://typed';
    expect(await code('envelope_seal', { plaintext, password: 'seven silver otters juggle' })).toBe('policy_refused');
    expect(await code('envelope_seal', { plaintext, password: 'secret://told' })).toBe('policy_refused');
    expect(await code('envelope_seal', { plaintext, format: 'fernet', password: 'secret://typed' })).toBe(
      'policy_refused',
    );
    const fernet_key = Buffer.alloc(32, 1).toString('base64');
    expect(await code('envelope_seal', { plaintext, fernet_key })).toBe('policy_refused');
  });

  it('under a secret that was never shown is sealed, and opens into the store only', async () => {
    const password = 'secret://typed';
    const { envelope } = await ask('envelope_seal', { plaintext: 'secret://typed', password, iterations: 220_000 });
    expect(await code('envelope_open', { envelope, password })).toBe('policy_refused');
    expect(await ask('envelope_open', { envelope, password, save_as: 'back' })).toMatchObject({
      plaintext: 'secret://back',
    });
  });

  it('and rewrap: what was never shown moves under no password that the model knows', async () => {
    const { envelope } = await ask('envelope_seal', { plaintext: 'secret://typed' });
    const new_password = 'seven silver otters juggle';
    expect(await code('envelope_rewrap', { envelope, new_password })).toBe('policy_refused');
    expect(await code('envelope_rewrap', { envelope, new_password: 'secret://told' })).toBe('policy_refused');
    expect(await code('envelope_rewrap', { envelope, new_password, reencrypt: true })).toBe('policy_refused');
    const moved = await ask('envelope_rewrap', { envelope, new_password: 'secret://typed', iterations: 220_000 });
    expect(await code('envelope_open', { envelope: moved['envelope'], password: 'secret://typed' })).toBe(
      'policy_refused',
    );
    // Encrypted anew it says the same.
    const again = await ask('envelope_rewrap', { envelope, reencrypt: true });
    expect(await code('envelope_open', { envelope: again['envelope'] })).toBe('policy_refused');
  });
});

describe('digest and guess', () => {
  it('an HMAC key by reference is one that nobody can guess', async () => {
    const mac = (key: string): unknown => ({ algorithm: 'sha256', text: 'x', key });
    for (const key of ['secret://typed', 'secret://told', 'env://DB_PASSWORD'])
      expect(await code('digest_compute', mac(key))).toBe('policy_refused');
    await ask('secret_generate', { kind: 'password', length: 12, save_as: 'short' });
    expect(await code('digest_compute', mac('secret://short'))).toBe('policy_refused');
    await ask('secret_generate', { kind: 'key', save_as: 'mac' });
    const { digest } = await ask('digest_compute', mac('secret://mac'));
    const { value } = await tools.secrets.get('mac');
    expect(digest).toBe(createHmac('sha256', value).update('x').digest('hex'));
  });
});

describe('strength', () => {
  it('tells of a secret only whether it will do, and takes no user_inputs', async () => {
    expect(await ask('password_strength', { password: 'secret://typed' })).toEqual({
      policy: { accepted: true, reasons: [] },
    });
    await tools.secrets.put({ name: 'weak', kind: 'text', origin: 'human', shown: false, value: 'hunter2' });
    expect(await ask('password_strength', { password: 'secret://weak' })).toEqual({
      policy: { accepted: false, reasons: [] },
    });
    const user_inputs = ['violet'];
    expect(await code('password_strength', { password: 'secret://typed', user_inputs })).toBe('policy_refused');
    expect(await code('password_hash', { password: 'secret://typed', user_inputs })).toBe('policy_refused');
  });

  it('is told neither with a hash nor with its refusal', async () => {
    expect(await ask('password_hash', { password: 'secret://typed' })).not.toHaveProperty('strength');
    await tools.secrets.put({ name: 'weak', kind: 'text', origin: 'human', shown: false, value: 'hunter2' });
    const error = refused(await tools.call('password_hash', { password: 'secret://weak' }));
    expect(error.code).toBe('password_weak');
    expect(error.message).toBe('The secret that password names is too weak.');
  });
});

describe('verify and guess', () => {
  it('is limited by the hash and by the secret, whichever varies', async () => {
    // Hashes of guesses, made elsewhere, held against one secret: five in a minute, whatever the hash.
    const hashes = await Promise.all(
      Array.from(
        { length: 6 },
        async (_, i) => (await ask('password_hash', { password: `guess number ${i} of mine`, cost: 10 }))['hash'],
      ),
    );
    const outcomes: string[] = [];
    for (const hash of hashes) {
      const result = await tools.call('password_verify', { password: 'secret://typed', hash });
      outcomes.push(result.kind === 'answered' ? String(result.value['valid']) : refused(result).code);
    }
    expect(outcomes).toEqual(['false', 'false', 'false', 'false', 'false', 'rate_limited']);
    // The refused one has cost its hash nothing.
    expect(await ask('password_verify', { password: 'guess number 5 of mine', hash: hashes[5] })).toMatchObject({
      valid: true,
      attempts_remaining: 5,
    });
  });

  it('of a stored token tells whether it holds, not what is in it', async () => {
    await ask('jwt_sign', { subject: 'alice', claims: { note: VALUE }, save_as: 'token' });
    const told = await ask('jwt_verify', { token: 'secret://token' });
    expect(told).toMatchObject({ valid: true });
    expect(told).not.toHaveProperty('claims');
  });
});

describe('the environment', () => {
  it('is used and never read: it may be sealed under a ring key, hashed, and verified', async () => {
    const { envelope } = await ask('envelope_seal', { plaintext: 'env://DB_PASSWORD' });
    expect(await code('envelope_open', { envelope })).toBe('policy_refused');
    const { hash } = await ask('password_hash', { password: 'env://DB_PASSWORD' });
    expect(await ask('password_verify', { password: 'env://DB_PASSWORD', hash })).toMatchObject({ valid: true });
  });
});

describe('save_as', () => {
  it('stores what is made in place of answering it', async () => {
    expect(await ask('password_hash', { password: 'secret://typed', save_as: 'hash' })).toMatchObject({
      hash: 'secret://hash',
    });
    expect(await tools.secrets.get('hash')).toMatchObject({ kind: 'hash', origin: 'human', shown: false });
    expect(await ask('password_verify', { password: 'secret://typed', hash: 'secret://hash' })).toMatchObject({
      valid: true,
    });
    await ask('password_hash', { password: 'seven silver otters juggle', save_as: 'hash-of-told' });
    expect(await tools.secrets.get('hash-of-told')).toMatchObject({ origin: 'model', shown: true });
    expect(await ask('jwt_sign', { subject: 'a', save_as: 'token' })).toMatchObject({ token: 'secret://token' });
    const { envelope } = await ask('envelope_seal', { plaintext: 'known to the model' });
    expect(await ask('envelope_open', { envelope, save_as: 'opened' })).toMatchObject({ plaintext: 'secret://opened' });
    expect(await tools.secrets.get('opened')).toMatchObject({ origin: 'model', shown: true });
  });

  it('never overwrites, and says so before any work', async () => {
    for (const [tool, input] of [
      ['password_hash', { password: 'seven silver otters juggle' }],
      ['jwt_sign', { subject: 'a' }],
      ['envelope_open', { envelope: '{}', password: 'x' }],
      ['secret_generate', { kind: 'token' }],
    ] as const)
      expect(await code(tool, { ...input, save_as: 'typed' }), tool).toBe('secret_exists');
    expect(await tools.secrets.get('typed')).toMatchObject({ value: VALUE });
    await ask('secret_delete', { name: 'typed' });
    expect(await code('secret_generate', { kind: 'token', save_as: 'typed' })).toBe('secret_exists');
  });
});
