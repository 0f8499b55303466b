/** The security review of the earlier service, finding by finding, on the built product. */

import { afterEach, describe, expect, it } from 'vitest';

import { auditIn } from './support/audit.js';
import { newHome } from './support/home.js';
import { RawServer } from './support/server.js';

const servers: RawServer[] = [];
async function start(
  env: Record<string, string> = {},
): Promise<(name: string, input: unknown) => Promise<{ value: Record<string, unknown>; isError: boolean }>> {
  const server = new RawServer(env);
  servers.push(server);
  await server.initialize();
  let calls = 0;
  return async (name, input) => {
    const result = await server.call(++calls, name, input);
    const [block] = result['content'] as { text: string }[];
    return { value: JSON.parse(block?.text ?? '') as Record<string, unknown>, isError: result['isError'] === true };
  };
}
afterEach(() => {
  for (const server of servers.splice(0)) server.child.kill('SIGKILL');
});

const PASSWORD = 'correct horse battery staple';

describe("the earlier service's review", () => {
  it('finding 1, critical: "the service will not start". It starts, without any configuration, and works', async () => {
    const call = await start();
    expect((await call('digest_compute', { algorithm: 'sha256', text: 'abc' })).value['digest']).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  it('finding 2: "JWT tokens become invalid on restart, different keys across instances". With JWT_SECRET_KEY they stay valid in every process, and through a rotation', async () => {
    const [first, second] = ['first-secret-of-thirty-two-bytes-0123', 'second-secret-of-thirty-two-bytes-456'];
    const { token } = (await (await start({ JWT_SECRET_KEY: first }))('jwt_sign', { subject: 'alice' })).value;
    expect((await (await start({ JWT_SECRET_KEY: first }))('jwt_verify', { token })).value).toMatchObject({
      valid: true,
    });
    const rotated = await start({ JWT_SECRET_KEY: second, JWT_SECRET_KEY_PREVIOUS: first });
    expect((await rotated('jwt_verify', { token })).value).toMatchObject({ valid: true });
    const { token: newer } = (await rotated('jwt_sign', { subject: 'alice' })).value;
    expect((await (await start({ JWT_SECRET_KEY: first }))('jwt_verify', { token: newer })).value).toEqual({
      valid: false,
      reason: 'key_unknown',
    });
    expect((await (await start({ JWT_SECRET_KEY: second }))('jwt_verify', { token })).value).toEqual({
      valid: false,
      reason: 'key_unknown',
    });
  });

  it('finding 2: without JWT_SECRET_KEY a token outlives a restart, and verifies in every server of the same home', async () => {
    const env = { SECURITY_MCP_HOME: newHome() };
    const { token } = (await (await start(env))('jwt_sign', { subject: 'alice' })).value;
    const [server] = servers;
    await server?.end();
    const [second, third] = [await start(env), await start(env)];
    for (const call of [second, third])
      expect((await call('jwt_verify', { token })).value).toMatchObject({ valid: true, key_id: 'jwt.1' });
    expect((await (await start())('jwt_verify', { token })).value).toEqual({ valid: false, reason: 'key_unknown' });
  });

  it('finding 3: "decryption will fail, the salt is lost". The salt travels with the data, and another process opens it', async () => {
    const sealed = (
      await (
        await start()
      )('envelope_seal', { plaintext: 'the text', password: PASSWORD, format: 'fernet', iterations: 100_000 })
    ).value;
    expect(
      (await (await start())('envelope_open', { envelope: sealed['envelope'], password: PASSWORD })).value,
    ).toMatchObject({ plaintext: 'the text' });
  });

  it('finding 4: "weak passwords are still hashed". They are refused with the reason, unless that is asked for by name', async () => {
    const call = await start();
    for (const password of ['Password1!', 'P@ssw0rd', 'short', 'qwertyuiop']) {
      const { value, isError } = await call('password_hash', { password });
      expect(isError).toBe(true);
      expect(value).toMatchObject({
        error: { code: 'password_weak', hint: expect.stringContaining('allow_weak') as string },
      });
    }
    expect((await call('password_hash', { password: 'Password1!', allow_weak: true, cost: 10 })).value['hash']).toMatch(
      /^\$2b\$10\$/,
    );
    const scores = [];
    for (const password of ['Password1!', PASSWORD])
      scores.push((await call('password_strength', { password })).value['score']);
    expect(scores[0]).toBeLessThan(scores[1] as number);
  });

  it('recommendation 1, rate limiting: the sixth wrong password in a minute is refused and told when to come back', async () => {
    const call = await start();
    const hash = '$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
    for (let i = 0; i < 5; i++)
      expect((await call('password_verify', { password: `guess ${i}`, hash })).value).toMatchObject({ valid: false });
    const { value } = await call('password_verify', { password: 'guess 5', hash });
    expect(value).toMatchObject({ error: { code: 'rate_limited', retry_after_seconds: expect.any(Number) as number } });
  });

  it('recommendation 2, audit: every call leaves an entry, a refused one too', async () => {
    const call = await start();
    await call('digest_compute', { algorithm: 'sha256', text: 'abc' });
    await call('digest_compute', { algorithm: 'none' });
    await call('jwt_sign', {});
    const [server] = servers;
    await server?.end();
    const entries = await auditIn(server?.home ?? '');
    expect(entries.map(({ event, tool, outcome }) => [event, tool, outcome])).toEqual([
      ['answered', 'digest_compute', 'ok'],
      ['answered', 'digest_compute', 'refused'],
      ['asked', 'jwt_sign', undefined],
      ['answered', 'jwt_sign', 'ok'],
    ]);
  });

  it('recommendation 5, metadata: what is encrypted carries its algorithm, salt, iterations and nonce', async () => {
    const call = await start();
    const jwe = (await call('envelope_seal', { plaintext: 'x', password: PASSWORD })).value;
    expect(JSON.parse(jwe['envelope'] as string)).toMatchObject({
      recipients: [{ header: { alg: 'PBES2-HS512+A256KW', p2s: (jwe['kdf'] as { salt: string }).salt, p2c: 600_000 } }],
      iv: expect.any(String) as string,
    });
    const fernet = (await call('envelope_seal', { plaintext: 'x', password: PASSWORD, format: 'fernet' })).value;
    expect(JSON.parse(fernet['envelope'] as string)).toEqual({
      encrypted_data: expect.any(String) as string,
      salt: (fernet['kdf'] as { salt: string }).salt,
      algorithm: 'Fernet',
      kdf: 'PBKDF2HMAC',
      iterations: 600_000,
    });
  });

  it('"errors leak information", seen when it was run: an 80-byte password and 3 rounds answered 500 with library text. Here both are refused in our words', async () => {
    const call = await start();
    const long = (await call('password_hash', { password: 'unguessable marmalade '.repeat(4).slice(0, 80) })).value;
    expect(long).toMatchObject({
      error: { code: 'password_too_long', hint: expect.stringContaining('argon2id') as string },
    });
    const cheap = (await call('password_hash', { password: PASSWORD, cost: 3 })).value;
    expect(cheap).toEqual({
      error: {
        code: 'input_invalid',
        message: 'cost must be from 10 to 15 for bcrypt.',
        hint: 'Leave it out for the default.',
      },
    });
  });

  it('seen when it was run: expire_minutes of -5 was accepted. A lifetime that is not positive is refused', async () => {
    const call = await start();
    for (const ttl_seconds of [-300, 0, 1.5, 86_401])
      expect((await call('jwt_sign', { ttl_seconds })).value).toMatchObject({ error: { code: 'input_invalid' } });
  });

  it("the earlier service's answers can still be opened: the salt in key_info, or the key itself", async () => {
    const call = await start();
    const sealed = JSON.parse(
      (
        await call('envelope_seal', {
          plaintext: 'old data',
          password: PASSWORD,
          format: 'fernet',
          iterations: 100_000,
        })
      ).value['envelope'] as string,
    ) as Record<string, unknown>;
    const answer = {
      encrypted_data: sealed['encrypted_data'],
      key_derivation: 'PBKDF2',
      key_info: sealed['salt'],
      algorithm: 'Fernet',
    };
    const opened = (await call('envelope_open', { envelope: JSON.stringify(answer), password: PASSWORD })).value;
    expect(opened).toMatchObject({
      plaintext: 'old data',
      upgrade: expect.stringContaining('envelope_rewrap') as string,
    });
    const key = Buffer.alloc(32, 9).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    const token = (await call('envelope_seal', { plaintext: 'old data', fernet_key: key })).value['envelope'] as string;
    const withKey = {
      encrypted_data: Buffer.from(token).toString('base64'),
      key_derivation: 'random',
      key_info: key,
      algorithm: 'Fernet',
    };
    expect((await call('envelope_open', { envelope: JSON.stringify(withKey) })).value).toMatchObject({
      plaintext: 'old data',
    });
  });
});
