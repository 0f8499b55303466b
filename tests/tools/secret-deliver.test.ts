/** secret_deliver as it is called: where a secret may go, what is refused, and that no tool reads it back. */

import { linkSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { file, folders, inside, newName, outside, secretFile } from '../support/files.js';
import { answered, bench, refused, type Bench } from '../support/pipeline.js';

const VALUE = 'violet anchor 93';
let tools: Bench;
beforeAll(async () => {
  tools = bench({}, folders);
  for (const [name, origin] of [
    ['typed', 'human'],
    ['told', 'model'],
  ] as const)
    await tools.secrets.put({ name, kind: 'text', origin, shown: origin === 'model', value: VALUE });
  answered(await tools.call('secret_generate', { kind: 'password', save_as: 'db' }));
});
const fresh = (): string => join(inside, newName());
const deliver = async (input: object): Promise<Record<string, unknown>> => {
  const told = answered(await tools.call('secret_deliver', input));
  expect(JSON.stringify(told)).not.toContain(VALUE);
  return told;
};
const code = async (input: object): Promise<string> => {
  const error = refused(await tools.call('secret_deliver', input));
  expect(JSON.stringify(error)).not.toContain(VALUE);
  return error.code;
};
const reference = 'secret://typed';

describe('to a file', () => {
  it('that is new, for its owner alone, with the secret and nothing else', async () => {
    const path = fresh();
    const told = await deliver({ reference, to: 'file', path });
    expect(told).toEqual({ reference, delivered_to: path, fingerprint: expect.any(String) as string });
    expect(readFileSync(path, 'utf8')).toBe(VALUE);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await code({ reference, to: 'file', path })).toBe('file_exists');
    await deliver({ reference, to: 'file', path, overwrite: true });
  });

  it('and no tool reads it back: not by digest, inspection, encryption or as certificates', async () => {
    const path = fresh();
    await deliver({ reference, to: 'file', path });
    for (const [tool, input] of [
      ['digest_compute', { algorithm: 'sha256', path }],
      ['inspect', { path }],
      ['certificate_verify', { path }],
      ['file_encrypt', { path, password: 'nine violet badgers whistle' }],
      ['file_decrypt', { path, output: `${path}.out`, password: 'x' }],
    ] as const)
      expect(refused(await tools.call(tool, input)).code, tool).toBe('path_refused');
  });
});

describe('to a variable of a .env file', () => {
  it('the others stay as they are; one that is set already only where asked for', async () => {
    const path = file('A=1\n# note\nB="two"\n');
    await deliver({ reference, to: 'env_file', path, variable: 'DB_PASSWORD' });
    expect(readFileSync(path, 'utf8')).toBe(`A=1\n# note\nB="two"\nDB_PASSWORD='${VALUE}'\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(
      refused(await tools.call('secret_deliver', { reference, to: 'env_file', path, variable: 'DB_PASSWORD' })),
    ).toMatchObject({
      code: 'file_exists',
      message: 'The file has this variable already.',
    });
    await deliver({ reference: 'secret://db', to: 'env_file', path, variable: 'DB_PASSWORD', overwrite: true });
    const { value } = await tools.secrets.get('db');
    expect(readFileSync(path, 'utf8')).toMatch(/^A=1\n# note\nB="two"\nDB_PASSWORD=/);
    expect(readFileSync(path, 'utf8')).toContain(value);
    await deliver({ reference, to: 'env_file', path: fresh(), variable: 'NEW' });
  });

  it('variables that steer other programs are refused', async () => {
    for (const variable of ['PATH', 'LD_PRELOAD', 'NODE_OPTIONS', 'BASH_ENV', 'GIT_SSH_COMMAND'])
      expect(await code({ reference, to: 'env_file', path: fresh(), variable }), variable).toBe('policy_refused');
    expect(await code({ reference, to: 'env_file', path: fresh(), variable: 'A B' })).toBe('input_invalid');
  });
});

describe('refused are', () => {
  it('what the model gave itself, unless the operator allows it', async () => {
    const told = { reference: 'secret://told', to: 'file' };
    expect(await code({ ...told, path: fresh() })).toBe('policy_refused');
  });

  it('what is not there, references to the environment, and what is no reference', async () => {
    expect(await code({ reference: 'secret://nobody', to: 'file', path: fresh() })).toBe('secret_unknown');
    for (const odd of ['env://PATH', 'typed', 'secret://UPPER', ''])
      expect(await code({ reference: odd, to: 'file', path: fresh() }), odd).toBe('input_invalid');
  });

  it('places outside of the folders, links and hard links', async () => {
    const [link, hard] = [fresh(), fresh()];
    symlinkSync(secretFile, link);
    linkSync(secretFile, hard);
    for (const path of [join(outside, 'x'), `${inside}/../outside/x`, 'x', '/dev/stderr', link, hard])
      for (const more of [{ to: 'file' }, { to: 'env_file', variable: 'DB' }])
        expect(await code({ reference, path, overwrite: true, ...more }), path).toBe('path_refused');
    expect(readFileSync(secretFile, 'utf8')).toBe('outside');
  });

  it('fields that do not go together', async () => {
    writeFileSync(fresh(), '');
    expect(await code({ reference, to: 'file' })).toBe('input_invalid');
    expect(await code({ reference, to: 'file', path: fresh(), variable: 'DB' })).toBe('input_invalid');
    expect(await code({ reference, to: 'env_file', path: fresh() })).toBe('input_invalid');
    expect(await code({ reference, to: 'human', path: fresh() })).toBe('input_invalid');
  });
});
