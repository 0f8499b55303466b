/** The stored keys on both engines: made once, rotated without loss, retired, restored, and refused where they do not hold together. */

import { createLocalJWKSet, generalDecrypt, jwtVerify, type GeneralJWE } from 'jose';
import { describe, expect, it } from 'vitest';

import { utf8 } from '../../src/crypto/bytes.js';
import { readKey } from '../../src/crypto/key-material.js';
import { createKeyRing, type KeyRing, RING_LIMITS } from '../../src/crypto/keyring.js';
import { JWT_ALGORITHMS } from '../../src/crypto/jwt-keys.js';
import { systemRandom } from '../../src/crypto/random.js';
import { Home } from '../../src/storage/home.js';
import { environmentKey, fileKey } from '../../src/storage/key-file.js';
import { createKeyStore } from '../../src/storage/keys.js';
import { createVault } from '../../src/storage/master-key.js';
import type { Store, StoreOptions } from '../../src/storage/store.js';
import { USER } from '../support/home.js';
import { answered, bench, refused, type Bench } from '../support/pipeline.js';
import { Child, engines, open, refusal } from '../support/stores.js';

const MASTER_KEY = Buffer.alloc(32, 7);
type Place = Omit<StoreOptions, 'owner'>;

function ringOn(store: Store, masterKey: Uint8Array = MASTER_KEY): KeyRing {
  return createKeyRing({
    store: createKeyStore(store, createVault(store, environmentKey(masterKey), systemRandom), systemRandom),
  });
}

/** As another process would have it: its own connection, nothing remembered. */
const newRing = (place: Place): KeyRing => ringOn(open(place));

/** With the key that the processes of storage-child.mjs use. */
function asChild(place: Place): KeyRing {
  const store = open(place);
  const key =
    place.databaseUrl === undefined ? fileKey(() => new Home(place.home ?? '', USER)) : environmentKey(MASTER_KEY);
  return createKeyRing({ store: createKeyStore(store, createVault(store, key, systemRandom), systemRandom) });
}

const benchOn = (ring: KeyRing): Bench => bench({}, [], undefined, ring);

async function spoil(
  store: Store,
  columns: Record<string, string | number | Uint8Array>,
  keyId: string,
): Promise<void> {
  await store.write((trx) => trx.updateTable('key_versions').set(columns).where('key_id', '=', keyId).execute());
}

describe.each(engines)('the key ring on $name', ({ missing, place }) => {
  it.skipIf(missing)('signs with a default key that is made with its first use, and lasts', async () => {
    const where = await place();
    const [one, other] = [benchOn(newRing(where)), benchOn(newRing(where))];
    expect(answered(await one.call('key_list', {}))).toEqual({ keys: [] });
    const { token, key_id } = answered(await one.call('jwt_sign', { subject: 'alice' }));
    expect(key_id).toBe('jwt.1');
    const verdict = answered(await other.call('jwt_verify', { token }));
    expect(verdict).toMatchObject({ valid: true, key_id: 'jwt.1', claims: { sub: 'alice' } });
    expect(answered(await other.call('jwt_sign', {}))['key_id']).toBe('jwt.1');
    expect(one.entries.at(-1)).toMatchObject({ ids: { key_id: 'jwt.1' } });
  });

  it.skipIf(missing)('makes a default key once, also when four stores need it at the same moment', async () => {
    const where = await place();
    const rings = Array.from({ length: 4 }, () => newRing(where));
    const keys = await Promise.all(
      rings.flatMap((ring) => [ring.signingKey(), ring.signingKey(undefined, 'ES256'), ring.wrappingKey()]),
    );
    expect(new Set(keys.map(({ id }) => id))).toEqual(new Set(['jwt.1', 'jwt-es256.1', 'envelope.1']));
    const secrets = keys.map((key) =>
      Buffer.from(
        'bytes' in key
          ? key.bytes
          : 'signing' in key
            ? (key.signing.export({ format: 'jwk' }).d ?? key.signing.export({ format: 'jwk' }).k ?? '')
            : '',
      ).toString('hex'),
    );
    expect(new Set(secrets).size).toBe(3);
  });

  it.skipIf(missing)('holds a bounded number of keys and versions, and says so', async () => {
    const where = await place();
    const ring = newRing(where);
    await ring.create({ name: 'api', purpose: 'hmac', algorithm: 'HMAC' });
    const store = open(where);
    await store.write(async (trx) => {
      await trx.updateTable('keys').set({ primary_version: RING_LIMITS.versions }).execute();
      const row = { purpose: 'hmac', algorithm: 'HMAC', created_at: 0, rotate_after_days: null, policy: null };
      for (let i = 1; i < RING_LIMITS.keys; i++)
        await trx
          .insertInto('keys')
          .values({ name: `k${i}`, primary_version: 1, ...row })
          .execute();
    });
    await expect(ring.rotate('api')).rejects.toMatchObject({ code: 'key_limit' });
    const one = { name: 'more', purpose: 'hmac', algorithm: 'HMAC' } as const;
    await expect(ring.create(one)).rejects.toMatchObject({ code: 'key_limit' });
    await expect(ring.create({ ...one, name: 'api' })).rejects.toMatchObject({ code: 'key_exists' });
  });

  it.skipIf(missing)('makes a default key once in four processes, and loses none of 4 times 50 rotations', async () => {
    const where = await place();
    const children = Array.from({ length: 4 }, () => new Child('rotateKeys', where, '50'));
    expect(await Promise.all(children.map((child) => child.exited))).toEqual([0, 0, 0, 0]);
    expect(children.map(({ stderr }) => stderr)).toEqual(['', '', '', '']);
    // Whoever was first made it; all have seen the same secret.
    expect(new Set(children.map(({ lines }) => lines[0])).size).toBe(1);
    const ids = children.flatMap(({ lines }) => lines.slice(1));
    expect(new Set(ids).size).toBe(200);
  });

  it.skipIf(missing)('keeps every rotation that was told, over kills at any moment', async () => {
    const where = await place();
    const ring = asChild(where);
    let told = 0;
    for (let kills = 0; kills < 12; kills++) {
      const child = new Child('rotateKeys', where, '1000000');
      await child.wrote(2 + (kills % 4));
      const lines = await child.kill();
      told = Math.max(told, ...lines.slice(1).map((id) => Number(id.split('.')[1])));
      const [key] = await ring.list('envelope');
      expect(key?.primaryVersion).toBeGreaterThanOrEqual(told);
      expect(key?.versions.map(({ version }) => version)).toEqual(
        Array.from({ length: key?.primaryVersion ?? 0 }, (_, i) => i + 1),
      );
      expect((await asChild(where).wrappingKey()).id).toBe(`envelope.${key?.primaryVersion}`);
    }
    for (let version = 1; version <= told; version++)
      expect(await ring.unwrappingKey(`envelope.${version}`)).toHaveLength(32);
  });

  it.skipIf(missing)(
    'shows a rotation in one store to another at once; old tokens and envelopes stay good',
    async () => {
      const where = await place();
      const [one, other] = [benchOn(newRing(where)), benchOn(newRing(where))];
      const { token } = answered(await other.call('jwt_sign', {}));
      const { envelope, key_id } = answered(await other.call('envelope_seal', { plaintext: 'text', context: 'c' }));
      expect(key_id).toBe('envelope.1');
      for (const key of ['jwt', 'envelope'])
        expect(answered(await one.call('key_rotate', { name: key }))).toMatchObject({
          key_id: `${key}.2`,
          key: { primary_version: 2, versions: [{ version: 1 }, { version: 2, state: 'enabled' }] },
        });
      expect(answered(await other.call('jwt_sign', {}))['key_id']).toBe('jwt.2');
      expect(answered(await other.call('jwt_verify', { token }))).toMatchObject({ valid: true, key_id: 'jwt.1' });
      const opened = answered(await one.call('envelope_open', { envelope, context: 'c' }));
      expect(opened).toEqual({ plaintext: 'text', format: 'jwe', key_id: 'envelope.1' });
      expect(refused(await one.call('envelope_open', { envelope })).code).toBe('envelope_rejected');
    },
  );

  it.skipIf(missing)(
    'rewraps to the newest version, to a password and back, with the ciphertext as it is',
    async () => {
      const { call } = benchOn(newRing(await place()));
      const password = 'correct horse battery staple';
      const sealed = answered(await call('envelope_seal', { plaintext: 'text' }))['envelope'] as string;
      await call('key_rotate', { name: 'envelope' });
      const newest = answered(await call('envelope_rewrap', { envelope: sealed }));
      expect(newest).toMatchObject({
        before: { format: 'jwe', key_id: 'envelope.1' },
        after: { format: 'jwe', key_id: 'envelope.2' },
        content_unchanged: true,
        key_id: 'envelope.2',
      });
      const locked = answered(
        await call('envelope_rewrap', { envelope: newest['envelope'], new_password: password, iterations: 220_000 }),
      );
      expect(locked).toMatchObject({ before: { key_id: 'envelope.2' }, after: { kdf: { iterations: 220_000 } } });
      answered(await call('key_create', { name: 'own', purpose: 'envelope' }));
      const back = answered(await call('envelope_rewrap', { envelope: locked['envelope'], password, key: 'own' }));
      expect(back).toMatchObject({ after: { key_id: 'own.1' }, content_unchanged: true });
      const content = (envelope: unknown): unknown[] => {
        const { iv, ciphertext, tag, protected: header } = JSON.parse(envelope as string) as Record<string, unknown>;
        return [iv, ciphertext, tag, header];
      };
      for (const { envelope } of [newest, locked, back]) expect(content(envelope)).toEqual(content(sealed));
      expect(answered(await call('envelope_open', { envelope: back['envelope'] }))).toMatchObject({
        plaintext: 'text',
      });
      expect(answered(await call('envelope_rewrap', { envelope: sealed, reencrypt: true }))).toMatchObject({
        after: { key_id: 'envelope.2' },
        content_unchanged: false,
      });
    },
  );

  it.skipIf(missing)(
    'refuses what a disabled, scheduled or destroyed version made, and takes it again when enabled',
    async () => {
      const store = open(await place());
      const ring = ringOn(store);
      const { call } = benchOn(ring);
      const { token } = answered(await call('jwt_sign', {}));
      const { envelope } = answered(await call('envelope_seal', { plaintext: 'text' }));
      const state = async (to: string): Promise<void> => {
        for (const key of ['jwt', 'envelope']) answered(await call('key_retire', { name: key, version: 1, state: to }));
      };
      const good = async (): Promise<void> => {
        expect(answered(await call('jwt_verify', { token }))).toMatchObject({ valid: true });
        expect(answered(await call('envelope_open', { envelope }))).toMatchObject({ plaintext: 'text' });
      };
      const bad = async (): Promise<void> => {
        expect(answered(await call('jwt_verify', { token }))).toEqual({ valid: false, reason: 'key_disabled' });
        expect(refused(await call('envelope_open', { envelope })).code).toBe('envelope_rejected');
        expect(refused(await call('envelope_rewrap', { envelope })).code).toBe('envelope_rejected');
      };
      const code = async (to: string, version = 1): Promise<string> =>
        refused(await call('key_retire', { name: 'jwt', version, state: to })).code;

      for (const to of ['disabled', 'destroyed']) expect(await code(to)).toBe('key_state_refused');
      expect(await code('disabled', 9)).toBe('key_unknown');
      for (const key of ['jwt', 'envelope']) await call('key_rotate', { name: key });
      await state('disabled');
      await bad();
      await state('enabled');
      await good();
      await state('destroyed');
      await bad();
      const [scheduled] = answered(await call('key_list', { name: 'jwt' }))['keys'] as { versions: object[] }[];
      expect(scheduled?.versions[0]).toMatchObject({
        state: 'destroy_scheduled',
        destroy_after: expect.any(String) as string,
      });
      expect(await code('enabled')).toBe('key_state_refused');

      // What only an operator may do.
      for (const key of ['jwt', 'envelope']) await ring.restore(key, 1);
      await bad();
      await state('enabled');
      await good();
      await refusal(ring.destroy('jwt', 1), 'key_state_refused');
      await refusal(ring.destroy('jwt', 2), 'key_state_refused');
      await state('disabled');
      for (const key of ['jwt', 'envelope']) await ring.destroy(key, 1);
      await bad();
      await refusal(ring.restore('jwt', 1), 'key_state_refused');
      expect(await code('enabled')).toBe('key_state_refused');
      const rows = await store.read((trx) =>
        trx.selectFrom('key_versions').selectAll().where('version', '=', 1).execute(),
      );
      expect(rows.map(({ state: now, wrapped }) => [now, wrapped])).toEqual([
        ['destroyed', null],
        ['destroyed', null],
      ]);
      expect(answered(await call('key_rotate', { name: 'jwt' }))['key_id']).toBe('jwt.3');
    },
  );

  it.skipIf(missing)('destroys what was scheduled when its time has come', async () => {
    const store = open(await place());
    const ring = ringOn(store);
    await ring.create({ name: 'a', purpose: 'hmac', algorithm: 'HMAC' });
    await ring.rotate('a');
    await ring.retire('a', 1, 'destroyed');
    await spoil(store, { destroy_after: 1 }, 'a.1');
    const [key] = await ring.list('a');
    expect(key?.versions[0]?.state).toBe('destroyed');
    await refusal(ring.restore('a', 1), 'key_state_refused');
    await refusal(ring.hmacKey('a.1'), 'key_disabled');
  });

  it.skipIf(missing)('publishes a JWK Set with which jose verifies, and no secret', async () => {
    const { call } = benchOn(newRing(await place()));
    const tokens: string[] = [];
    for (const algorithm of JWT_ALGORITHMS.filter((one) => !one.startsWith('HS')))
      tokens.push(answered(await call('jwt_sign', { algorithm }))['token'] as string);
    answered(await call('jwt_sign', {}));
    await call('key_rotate', { name: 'jwt-es256' });
    const { jwks } = answered(await call('key_list', { public: true })) as {
      jwks: { keys: Record<string, unknown>[] };
    };
    expect(jwks.keys).toHaveLength(6);
    for (const jwk of jwks.keys) for (const part of ['d', 'k', 'p', 'q']) expect(jwk).not.toHaveProperty(part);
    const set = createLocalJWKSet(jwks);
    for (const token of tokens) await jwtVerify(token, set, { currentDate: new Date('2026-06-01T12:00:00Z') });
  });

  it.skipIf(missing)('seals what any JOSE library opens that has the key', async () => {
    const ring = newRing(await place());
    const { envelope } = answered(await benchOn(ring).call('envelope_seal', { plaintext: 'text', context: 'c' }));
    const { id, bytes } = (await ring.wrappingKey()) as { id: string; bytes: Uint8Array };
    const jwe = JSON.parse(envelope as string) as GeneralJWE & { recipients: unknown };
    expect(jwe.recipients).toMatchObject([{ header: { alg: 'A256KW', kid: id } }]);
    const { plaintext } = await generalDecrypt(jwe, bytes);
    expect(Buffer.from(plaintext).toString()).toBe('text');
  });

  it.skipIf(missing)(
    'answers an envelope of hostile, unknown or foreign key ids like every other that does not open',
    async () => {
      const { call } = benchOn(newRing(await place()));
      const { envelope } = answered(await call('envelope_seal', { plaintext: 'text' }));
      answered(await call('key_create', { name: 'mac', purpose: 'hmac' }));
      answered(await call('jwt_sign', {}));
      for (const kid of ['envelope.2', 'mac.1', 'jwt.1', 'envelope', '', '\0', '\ud800.1', 'x'.repeat(10_000)]) {
        const changed = JSON.parse(envelope as string) as { recipients: { header: { kid: string } }[] };
        for (const { header } of changed.recipients) header.kid = kid;
        const input = { envelope: JSON.stringify(changed) };
        for (const tool of ['envelope_open', 'envelope_rewrap'])
          expect(refused(await call(tool, input)).code).toBe('envelope_rejected');
      }
    },
  );

  it.skipIf(missing)('gives HMAC digests under a name and under an older id', async () => {
    const { call } = benchOn(newRing(await place()));
    answered(await call('key_create', { name: 'mac', purpose: 'hmac' }));
    const input = { algorithm: 'sha512', text: 'x' };
    const first = answered(await call('digest_compute', { ...input, key_name: 'mac' }));
    expect(first).toMatchObject({ algorithm: 'hmac-sha512', key_id: 'mac.1' });
    await call('key_rotate', { name: 'mac' });
    const expected = first['digest'];
    expect(answered(await call('digest_compute', { ...input, key_name: 'mac', expected }))).toMatchObject({
      matches: false,
      key_id: 'mac.2',
    });
    expect(answered(await call('digest_compute', { ...input, key_name: 'mac.1', expected }))).toMatchObject({
      matches: true,
    });
    for (const [tool, other] of [
      ['digest_compute', { ...input, key_name: 'jwt' }],
      ['jwt_sign', { key: 'mac' }],
      ['envelope_seal', { plaintext: 'x', key: 'mac' }],
    ] as const)
      expect(['key_unknown', 'input_invalid']).toContain(refused(await call(tool, other)).code);
  });

  it.skipIf(missing)("is bound by the operator's policy, which lets more than a day too", async () => {
    const ring = newRing(await place());
    const { call } = benchOn(ring);
    answered(await call('key_create', { name: 'api', purpose: 'jwt', algorithm: 'EdDSA', rotate_after_days: 1 }));
    await ring.setPolicy('api', { issuers: ['https://a'], audiences: ['web', 'app'], max_ttl_seconds: 200_000 });
    const sound = { key: 'api', issuer: 'https://a', audience: ['web'] };
    answered(await call('jwt_sign', sound));
    answered(await call('jwt_sign', { ...sound, ttl_seconds: 200_000 }));
    for (const wrong of [
      { issuer: 'https://b' },
      { issuer: undefined },
      { audience: undefined },
      { audience: ['web', 'other'] },
      { ttl_seconds: 200_001 },
      { allow_missing_expiry: true },
    ])
      expect(refused(await call('jwt_sign', { ...sound, ...wrong })).code).toBe('policy_refused');
    await ring.setPolicy('api', null);
    answered(await call('jwt_sign', { key: 'api' }));
    expect(refused(await call('jwt_sign', { key: 'api', ttl_seconds: 86_401 })).code).toBe('input_invalid');
  });

  it.skipIf(missing)('says when a rotation is overdue', async () => {
    const store = open(await place());
    const { call } = benchOn(ringOn(store));
    const made = answered(await call('key_create', { name: 'a', purpose: 'jwt', rotate_after_days: 30 }));
    expect(made['key']).not.toHaveProperty('overdue');
    await spoil(store, { created_at: 1 }, 'a.1');
    expect(answered(await call('key_list', {}))).toMatchObject({ keys: [{ rotate_after_days: 30, overdue: true }] });
    expect(answered(await call('key_rotate', { name: 'a' }))['key']).not.toHaveProperty('overdue');
  });

  it.skipIf(missing)('makes a name once', async () => {
    const where = await place();
    const made = await Promise.allSettled(
      Array.from({ length: 4 }, () => newRing(where).create({ name: 'a', purpose: 'jwt', algorithm: 'HS512' })),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await refusal(newRing(where).create({ name: 'a', purpose: 'hmac', algorithm: 'HMAC' }), 'key_exists');
  });

  it.skipIf(missing)('refuses a row that does not hold together, and a wrong master key by its own name', async () => {
    const where = await place();
    const store = open(where);
    await ringOn(store).signingKey(undefined, 'ES256');
    await ringOn(store).signingKey();
    const [pair] = await store.read((trx) =>
      trx.selectFrom('key_versions').selectAll().where('key_id', '=', 'jwt-es256.1').execute(),
    );
    await refusal(ringOn(open(where), Buffer.alloc(32, 8)).signingKey(), 'master_key_wrong');
    // Another public part, another key's bytes, an id that is not its own.
    await spoil(store, { public_jwk: (pair?.public_jwk ?? '').replace('"x":"', '"x":"A') }, 'jwt-es256.1');
    await refusal(ringOn(store).signingKey('jwt-es256'), 'storage_damaged');
    await spoil(store, { public_jwk: pair?.public_jwk ?? '' }, 'jwt-es256.1');
    await ringOn(store).signingKey('jwt-es256');
    await spoil(store, { wrapped: pair?.wrapped ?? Buffer.alloc(1) }, 'jwt.1');
    await refusal(ringOn(store).signingKey(), 'storage_damaged');
    await spoil(store, { key_id: 'jwt.7' }, 'jwt.1');
    await refusal(ringOn(store).signingKey(), 'storage_damaged');
    await store.write((trx) =>
      trx.updateTable('keys').set({ algorithm: 'ES384' }).where('name', '=', 'jwt-es256').execute(),
    );
    await refusal(ringOn(store).signingKey('jwt-es256'), 'storage_damaged');
  });

  it.skipIf(missing)('keeps imported keys, and remembers no key over another one of its id', async () => {
    const where = await place();
    const ring = newRing(where);
    const jwk = JSON.stringify({ kty: 'oct', k: Buffer.alloc(32, 3).toString('base64url') });
    await ring.create({ name: 'mine', purpose: 'jwt', algorithm: 'HS256', key: readKey(jwk, 'HS256') });
    const { signing } = await newRing(where).signingKey('mine');
    expect(signing.export()).toEqual(Buffer.alloc(32, 3));
    // A backup was restored: the same id, another key.
    const store = open(where);
    const vault = await createVault(store, environmentKey(MASTER_KEY), systemRandom).open();
    await ring.signingKey('mine');
    await spoil(
      store,
      { wrapped: vault.wrap(utf8('x'.repeat(32)), { purpose: 'key:jwt', name: 'mine', version: 1 }) },
      'mine.1',
    );
    expect((await ring.signingKey('mine')).signing.export().toString()).toBe('x'.repeat(32));
  });
});
