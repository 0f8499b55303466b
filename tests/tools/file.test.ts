/** file_encrypt and file_decrypt as they are called: both ways, with the age command on the other side, and nothing left of what failed. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';

import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';

import { systemRandom } from '../../src/crypto/random.js';
import { file, folders, inside } from '../support/files.js';
import { answered, bench, refused, type Bench } from '../support/pipeline.js';

const PASSPHRASE = 'nine violet badgers whistle';
const CONTENT = 'the content of a file\n'.repeat(10_000);
const hasAge = spawnSync('age', ['--version']).status === 0;

let tools: Bench;
let identity: string;
let recipient: string;
beforeAll(async () => {
  tools = bench({ callsPerMinute: { light: 6_000, cpu: 6_000 } }, folders);
  identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
});
const ask = async (tool: string, input: unknown): Promise<Record<string, unknown>> =>
  answered(await tools.call(tool, input));
const code = async (tool: string, input: unknown): Promise<string> => refused(await tools.call(tool, input)).code;
const drafts = (): string[] => readdirSync(inside).filter((name) => name.endsWith('.part'));

describe('encrypted and decrypted', () => {
  it.each([
    ['a passphrase', () => ({ lock: { password: PASSPHRASE }, key: { password: PASSPHRASE } })],
    ['a recipient', () => ({ lock: { recipients: [recipient] }, key: { identity } })],
    ['armor', () => ({ lock: { recipients: [recipient], armor: true }, key: { identity } })],
    ['a passphrase and armor', () => ({ lock: { password: PASSPHRASE, armor: true }, key: { password: PASSPHRASE } })],
  ])('under %s: the same bytes, files of their owner alone', async (_, made) => {
    const { lock, key } = made();
    const path = file(CONTENT);
    const told = await ask('file_encrypt', { path, ...lock });
    expect(told).toEqual({
      path: `${path}.age`,
      input_bytes: CONTENT.length,
      output_bytes: statSync(`${path}.age`).size,
    });
    expect(readFileSync(`${path}.age`, 'latin1')).not.toContain('the content');
    expect(statSync(`${path}.age`).mode & 0o777).toBe(0o600);
    const back = await ask('file_decrypt', { path: `${path}.age`, output: `${path}.back`, ...key });
    expect(back).toEqual({ path: `${path}.back`, input_bytes: told['output_bytes'], output_bytes: CONTENT.length });
    expect(readFileSync(`${path}.back`, 'utf8')).toBe(CONTENT);
  });

  it('for several recipients, one of them post-quantum: each opens it', async () => {
    const hybrid = await generateHybridIdentity();
    const path = file('for two');
    await ask('file_encrypt', { path, recipients: [await identityToRecipient(hybrid)] });
    await ask('file_decrypt', { path: `${path}.age`, output: `${path}.one`, identity: hybrid });
    expect(readFileSync(`${path}.one`, 'utf8')).toBe('for two');
    const other = await generateX25519Identity();
    const second = file('for two more');
    await ask('file_encrypt', { path: second, recipients: [recipient, await identityToRecipient(other)] });
    for (const [i, one] of [identity, `# created\n${other}\n`].entries()) {
      await ask('file_decrypt', { path: `${second}.age`, output: `${second}.${i}`, identity: one });
      expect(readFileSync(`${second}.${i}`, 'utf8')).toBe('for two more');
    }
  });

  it('of any length around a chunk of 64 KiB, an empty one too', async () => {
    for (const length of [0, 1, 65_535, 65_536, 65_537, 131_072]) {
      const bytes = systemRandom(length);
      const path = file('');
      writeFileSync(path, bytes);
      await ask('file_encrypt', { path, recipients: [recipient] });
      await ask('file_decrypt', { path: `${path}.age`, output: `${path}.back`, identity });
      expect(Buffer.compare(readFileSync(`${path}.back`), bytes)).toBe(0);
    }
  });

  it('tells how far it is', async () => {
    const path = file('x'.repeat(1_000_000));
    const told: [number, number][] = [];
    answered(
      await tools.call(
        'file_encrypt',
        { path, recipients: [recipient] },
        { progress: (done, total) => told.push([done, total]) },
      ),
    );
    expect(told.length).toBeGreaterThan(2);
    expect(told.at(-1)).toEqual([1_000_000, 1_000_000]);
  });

  it('tells it at most a hundred times', async () => {
    const path = file('x'.repeat(40_000_000));
    const told: number[] = [];
    answered(
      await tools.call('file_encrypt', { path, recipients: [recipient] }, { progress: (done) => told.push(done) }),
    );
    expect(told.length).toBeGreaterThan(50);
    expect(told.length).toBeLessThanOrEqual(100);
    expect(new Set(told).size).toBe(told.length);
  });
});

describe.skipIf(!hasAge)('the age command (skipped where there is none)', () => {
  it('opens what was encrypted here, plain and armored', async () => {
    const keys = file(`${identity}\n`);
    for (const armor of [false, true]) {
      const path = file(CONTENT);
      await ask('file_encrypt', { path, recipients: [recipient], armor });
      expect(execFileSync('age', ['-d', '-i', keys, `${path}.age`], { encoding: 'utf8' })).toBe(CONTENT);
    }
  });

  it('makes what is opened here, plain and armored', async () => {
    for (const more of [[], ['-a']]) {
      const path = file(CONTENT);
      execFileSync('age', ['-r', recipient, ...more, '-o', `${path}.age`, path]);
      await ask('file_decrypt', { path: `${path}.age`, output: `${path}.back`, identity });
      expect(readFileSync(`${path}.back`, 'utf8')).toBe(CONTENT);
    }
  });
});

describe('what fails leaves nothing', () => {
  const sealed = async (lock: object = { recipients: [recipient] }): Promise<string> => {
    const path = file(CONTENT);
    await ask('file_encrypt', { path, ...lock });
    return `${path}.age`;
  };

  it.each([
    ['a flipped bit in the last chunk', (whole: Buffer) => ((whole[whole.length - 5]! ^= 1), whole)],
    ['a flipped bit in the first chunk', (whole: Buffer) => ((whole[400]! ^= 1), whole)],
    ['a flipped bit in the header', (whole: Buffer) => ((whole[60]! ^= 1), whole)],
    ['a cut end', (whole: Buffer) => whole.subarray(0, -1)],
    ['a cut at a chunk', (whole: Buffer) => whole.subarray(0, whole.length - (whole.length % 65_552))],
    ['something after it', (whole: Buffer) => Buffer.concat([whole, Buffer.from('x')])],
    ['nothing at all', () => Buffer.alloc(0)],
    ['no age file', () => Buffer.from('hello')],
  ])('%s: no plaintext, not even its good beginning', async (_, damage) => {
    const path = await sealed();
    const broken = `${path}.broken.age`;
    writeFileSync(broken, damage(Buffer.from(readFileSync(path))));
    expect(await code('file_decrypt', { path: broken, output: `${path}.out`, identity })).toBe('envelope_rejected');
    expect([existsSync(`${path}.out`), drafts()]).toEqual([false, []]);
  });

  it('another identity, another passphrase, the wrong kind of either: one error', async () => {
    const [forKey, forPassword] = [await sealed(), await sealed({ password: PASSPHRASE })];
    const other = await generateX25519Identity();
    const errors = [];
    for (const input of [
      { path: forKey, identity: other },
      { path: forKey, password: PASSPHRASE },
      { path: forPassword, identity },
      { path: forPassword, password: 'another one entirely' },
    ])
      errors.push(refused(await tools.call('file_decrypt', { ...input, output: `${forKey}.never` })));
    expect(new Set(errors.map((error) => JSON.stringify(error))).size).toBe(1);
    expect(errors[0]?.code).toBe('envelope_rejected');
    expect(existsSync(`${forKey}.never`)).toBe(false);
  });

  it('a cost that nobody should pay is refused before it is paid', async () => {
    const path = await sealed({ password: PASSPHRASE });
    const whole = readFileSync(path, 'latin1').replace(/(scrypt \S+) 16/, '$1 19');
    writeFileSync(path, Buffer.from(whole, 'latin1'));
    expect(await code('file_decrypt', { path, output: `${path}.out`, password: PASSPHRASE })).toBe('envelope_rejected');
  });

  it('guesses at a passphrase are limited by the header, wherever the file lies', async () => {
    const path = await sealed({ password: PASSPHRASE });
    const copy = `${path}.copy.age`;
    writeFileSync(copy, readFileSync(path));
    const outcomes: string[] = [];
    for (let i = 0; i < 6; i++)
      outcomes.push(
        await code('file_decrypt', { path: i % 2 === 0 ? path : copy, output: `${path}.out`, password: `guess ${i}` }),
      );
    expect(outcomes).toEqual([...Array.from({ length: 5 }, () => 'envelope_rejected'), 'rate_limited']);
  });

  it('a run that is cancelled', async () => {
    const path = file('x'.repeat(3_000_000));
    const controller = new AbortController();
    const answer = tools.call(
      'file_encrypt',
      { path, recipients: [recipient] },
      { signal: controller.signal, progress: () => controller.abort(new Error('gone')) },
    );
    expect(refused(await answer).code).toBe('cancelled');
    while (tools.pipeline.busy) await new Promise((resolve) => setImmediate(resolve));
    expect([existsSync(`${path}.age`), drafts()]).toEqual([false, []]);
  });

  it('a file that is there, unless it is to be overwritten; paths outside; what was delivered', async () => {
    const path = file('one');
    await ask('file_encrypt', { path, recipients: [recipient] });
    expect(await code('file_encrypt', { path, recipients: [recipient] })).toBe('file_exists');
    await ask('file_encrypt', { path, recipients: [recipient], overwrite: true });
    expect(await code('file_encrypt', { path, output: '/tmp/elsewhere.age', recipients: [recipient] })).toBe(
      'path_refused',
    );
    expect(await code('file_encrypt', { path: '/etc/passwd', recipients: [recipient] })).toBe('path_refused');
    await ask('secret_generate', { kind: 'token', save_as: 'token' });
    await ask('secret_deliver', { reference: 'secret://token', to: 'file', path: `${path}.token` });
    expect(await code('file_encrypt', { path: `${path}.token`, recipients: [recipient] })).toBe('path_refused');
  });

  it('a weak passphrase, both locks, no recipient', async () => {
    const path = file('one');
    expect(await code('file_encrypt', { path, password: 'hunter2' })).toBe('password_weak');
    expect(await code('file_encrypt', { path, password: PASSPHRASE, recipients: [recipient] })).toBe('input_invalid');
    expect(await code('file_encrypt', { path })).toBe('input_invalid');
    expect(await code('file_encrypt', { path, recipients: ['age1nonsense'] })).toBe('input_invalid');
    expect(await code('file_decrypt', { path, identity: 'nonsense' })).toBe('input_invalid');
    expect(await code('file_decrypt', { path, password: PASSPHRASE })).toBe('input_invalid');
    expect([existsSync(`${path}.age`), drafts()]).toEqual([false, []]);
  });
});

it('by reference: a passphrase and an identity that the model never sees', async () => {
  await tools.secrets.put({ name: 'file-identity', kind: 'key', origin: 'human', shown: false, value: identity });
  await ask('secret_generate', { kind: 'passphrase', save_as: 'file-passphrase' });
  const path = file('by reference');
  await ask('file_encrypt', { path, password: 'secret://file-passphrase' });
  await ask('file_decrypt', { path: `${path}.age`, output: `${path}.one`, password: 'secret://file-passphrase' });
  await ask('file_encrypt', { path, recipients: [recipient], overwrite: true });
  await ask('file_decrypt', { path: `${path}.age`, output: `${path}.two`, identity: 'secret://file-identity' });
  expect([readFileSync(`${path}.one`, 'utf8'), readFileSync(`${path}.two`, 'utf8')]).toEqual([
    'by reference',
    'by reference',
  ]);
});

describe('keys of the ring', () => {
  it('encrypt by their newest version and open what any of them encrypted, until it is retired', async () => {
    const path = file(CONTENT);
    const [one, two] = [`${path}.1.age`, `${path}.2.age`];
    expect(await ask('file_encrypt', { path, output: one, key: 'file' })).toMatchObject({ key_id: 'file.1' });
    await ask('key_rotate', { name: 'file' });
    expect(await ask('file_encrypt', { path, output: two, key: 'file' })).toMatchObject({ key_id: 'file.2' });
    for (const from of [one, two]) {
      await ask('file_decrypt', { path: from, output: `${from}.back`, key: 'file' });
      expect(readFileSync(`${from}.back`, 'utf8')).toBe(CONTENT);
    }
    await ask('key_retire', { name: 'file', version: 1, state: 'disabled' });
    expect(await code('file_decrypt', { path: one, output: `${path}.no`, key: 'file' })).toBe('envelope_rejected');
    expect(existsSync(`${path}.no`)).toBe(false);
  });

  it('tell what others encrypt to, with any age program', async () => {
    await ask('key_create', { name: 'inbox', purpose: 'file' });
    const listed = await ask('key_list', { name: 'inbox', public: true });
    expect(listed).toMatchObject({ keys: [{ purpose: 'file', algorithm: 'X25519' }], jwks: { keys: [] } });
    const [{ key_id, recipient: own } = {}] = listed['recipients'] as Record<string, string>[];
    expect(key_id).toBe('inbox.1');
    const path = file(CONTENT);
    await ask('file_encrypt', { path, recipients: [own] });
    await ask('file_decrypt', { path: `${path}.age`, output: `${path}.back`, key: 'inbox' });
    expect(readFileSync(`${path}.back`, 'utf8')).toBe(CONTENT);
    if (!hasAge) return;
    execFileSync('age', ['-r', own ?? '', '-o', `${path}.theirs.age`, path]);
    await ask('file_decrypt', { path: `${path}.theirs.age`, output: `${path}.theirs`, key: 'inbox' });
    expect(readFileSync(`${path}.theirs`, 'utf8')).toBe(CONTENT);
  });

  it('of another purpose are refused, both ways', async () => {
    await ask('key_create', { name: 'other', purpose: 'hmac' });
    const path = file(CONTENT);
    expect(await code('file_encrypt', { path, key: 'other' })).toBe('input_invalid');
    expect(await code('file_decrypt', { path, output: `${path}.x`, key: 'other' })).toBe('input_invalid');
    expect(await code('jwt_sign', { key: 'file' })).toBe('input_invalid');
  });
});
