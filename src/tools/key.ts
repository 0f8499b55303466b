/** Key tools: the ring of stored keys, its versions and their states, and the public parts as a JWK Set (RFC 7517). */

import { z } from 'zod';

import { inputInvalid } from '../crypto/errors.js';
import {
  DEFAULT_ALGORITHMS,
  isAlgorithmOf,
  KEY_ALGORITHMS,
  KEY_PURPOSES,
  readKey,
  type KeyAlgorithm,
  type KeyPurpose,
} from '../crypto/key-material.js';
import type { KeyDescription } from '../crypto/keyring.js';
import { rfc3339 } from '../crypto/text.js';
import { readTokenPolicy } from '../crypto/token-policy.js';
import { keyName, secret, text } from './fields.js';
import { defineTool } from './tool.js';

/** In a list of several keys each shows its newest versions; one asked for by name shows all. */
const VERSIONS_SHOWN = 16;
const MAX_ROTATE_DAYS = 3_650;

const key = z.strictObject({
  name: z.string(),
  purpose: z.string(),
  algorithm: z.string(),
  primary_version: z.int(),
  versions: z.array(
    z.strictObject({
      version: z.int(),
      state: z.string(),
      key_id: z.string(),
      created_at: z.string().optional(),
      destroy_after: z.string().optional(),
    }),
  ),
  more_versions: z.int().optional(),
  rotate_after_days: z.int().optional(),
  overdue: z.boolean().optional(),
  policy: z.looseObject({}).optional(),
});
const oneKey = z.strictObject({ key, key_id: z.string() });
const version = (): z.ZodInt => z.int().min(1).max(1_000_000_000);

function told(described: KeyDescription, shown = Infinity): z.input<typeof key> {
  const { name, purpose, algorithm, primaryVersion, versions, rotateAfterDays, overdue, policy } = described;
  const time = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : rfc3339(new Date(ms)));
  return {
    name,
    purpose,
    algorithm,
    primary_version: primaryVersion,
    versions: versions.slice(-shown).map((one) => {
      const [created_at, destroy_after] = [time(one.createdAt), time(one.destroyAfter)];
      return {
        version: one.version,
        state: one.state,
        key_id: one.keyId,
        ...(created_at === undefined ? {} : { created_at }),
        ...(destroy_after === undefined ? {} : { destroy_after }),
      };
    }),
    ...(versions.length > shown ? { more_versions: versions.length - shown } : {}),
    ...(rotateAfterDays === undefined ? {} : { rotate_after_days: rotateAfterDays }),
    ...(overdue ? { overdue } : {}),
    ...(policy === undefined ? {} : { policy: { ...policy } }),
  };
}

/** The key, and which of its versions the call was about: the primary unless said otherwise. */
function answer(described: KeyDescription, about = described.primaryVersion): z.input<typeof oneKey> {
  const found = described.versions.find((one) => one.version === about);
  return { key: told(described), key_id: found?.keyId ?? '' };
}

function requireAlgorithm(purpose: KeyPurpose, algorithm: KeyAlgorithm = DEFAULT_ALGORITHMS[purpose]): KeyAlgorithm {
  if (isAlgorithmOf(purpose, algorithm)) return algorithm;
  throw inputInvalid(
    'algorithm',
    'does not fit the purpose',
    'jwt takes HS256 to EdDSA, envelope A256KW or ECDH-ES+A256KW, hmac HMAC (with any digest), file X25519; leave it out for the default.',
  );
}

export const keyCreate = defineTool({
  name: 'key_create',
  title: 'Create a key',
  description:
    'Makes a key in the ring, for jwt_sign (default HS256), envelope_seal (with ECDH-ES+A256KW others seal to it), HMAC digests or files. It never leaves the server. Default keys need no creating.',
  effect: 'writes',
  reach: 'local',
  cost: 'cpu',
  audit: ['purpose', 'algorithm', 'rotate_after_days'],
  auditOutput: ['key_id'],
  input: z.strictObject({
    name: keyName(),
    purpose: z.enum(KEY_PURPOSES),
    algorithm: z.enum(KEY_ALGORITHMS).optional(),
    rotate_after_days: z.int().min(1).max(MAX_ROTATE_DAYS).optional().describe('Then key_list marks it overdue.'),
  }),
  output: oneKey,
  async run({ name, purpose, algorithm, rotate_after_days: days }, { ring }) {
    const made = { name, purpose, algorithm: requireAlgorithm(purpose, algorithm) };
    return answer(await ring.create({ ...made, ...(days === undefined ? {} : { rotateAfterDays: days }) }));
  },
});

export const keyRotate = defineTool({
  name: 'key_rotate',
  title: 'Rotate a key',
  description: 'Gives a key a new version for all new work; older ones still verify and open.',
  effect: 'writes',
  reach: 'local',
  cost: 'cpu',
  audit: [],
  auditOutput: ['key_id'],
  input: z.strictObject({ name: keyName() }),
  output: oneKey,
  run: async ({ name }, { ring }) => answer(await ring.rotate(name)),
});

export const keyRetire = defineTool({
  name: 'key_retire',
  title: 'Retire a key version',
  description:
    'Disables a version that is not the primary, enables it again, or schedules its destruction in seven days, which only an operator undoes.',
  effect: 'destroys',
  reach: 'local',
  cost: 'light',
  audit: ['version', 'state'],
  auditOutput: ['key_id'],
  input: z.strictObject({
    name: keyName(),
    version: version(),
    state: z.enum(['enabled', 'disabled', 'destroyed']),
  }),
  output: oneKey,
  run: async ({ name, version: which, state }, { ring }) => answer(await ring.retire(name, which, state), which),
});

export const keyList = defineTool({
  name: 'key_list',
  title: 'List keys',
  description:
    'The keys of the ring: versions, states, whether rotation is overdue; public adds the JWK Set, and recipients of file keys.',
  effect: 'none',
  reach: 'local',
  cost: 'light',
  audit: ['public'],
  input: z.strictObject({ name: keyName().optional(), public: z.boolean().optional() }),
  output: z.strictObject({
    keys: z.array(key),
    jwks: z.looseObject({}).optional(),
    recipients: z.array(z.looseObject({})).optional(),
  }),
  async run({ name, public: published }, { ring }) {
    const keys = (await ring.list(name)).map((one) => told(one, name === undefined ? VERSIONS_SHOWN : Infinity));
    if (published !== true) return { keys };
    const jwks = await ring.publicKeys(name);
    const own = await ring.recipientKeys(name);
    if (own.length === 0) return { keys, jwks };
    const { recipientsOf } = await import('../crypto/age/ring.js');
    return { keys, jwks, recipients: await recipientsOf(own) };
  },
});

const keysPolicy = defineTool({
  name: 'keys_policy',
  title: 'Set the policy of a key',
  description: 'What the key may sign: issuers, audiences, max_ttl_seconds. {} lifts it.',
  effect: 'writes',
  reach: 'local',
  cost: 'light',
  audit: [],
  auditOutput: ['key_id'],
  input: z.strictObject({ name: keyName(), policy: text(8_192) }),
  output: oneKey,
  async run({ name, policy }, { ring }) {
    const read = readTokenPolicy(policy);
    if (read === null)
      throw inputInvalid(
        'policy',
        'is not a policy',
        'Give JSON such as {"issuers":["https://a.example"],"audiences":["api"],"max_ttl_seconds":900}; every part may be left out.',
      );
    return answer(await ring.setPolicy(name, Object.keys(read).length === 0 ? null : read));
  },
});

const keysRestore = defineTool({
  name: 'keys_restore',
  title: 'Undo a scheduled destruction',
  description: 'The version is disabled then; key_retire with state enabled makes it usable.',
  effect: 'writes',
  reach: 'local',
  cost: 'light',
  audit: ['version'],
  auditOutput: ['key_id'],
  input: z.strictObject({ name: keyName(), version: version() }),
  output: oneKey,
  run: async ({ name, version: which }, { ring }) => answer(await ring.restore(name, which), which),
});

const keysDestroy = defineTool({
  name: 'keys_destroy',
  title: 'Destroy a version now',
  description: 'Destroys a version that is disabled or scheduled for it, without the delay.',
  effect: 'destroys',
  reach: 'local',
  cost: 'light',
  audit: ['version'],
  auditOutput: ['key_id'],
  input: z.strictObject({ name: keyName(), version: version() }),
  output: oneKey,
  run: async ({ name, version: which }, { ring }) => answer(await ring.destroy(name, which), which),
});

const keysImport = defineTool({
  name: 'keys_import',
  title: 'Import a key',
  description: 'A private key in PEM or a private or secret JWK becomes version 1 of a new key.',
  effect: 'writes',
  reach: 'local',
  cost: 'light',
  audit: ['purpose', 'algorithm'],
  auditOutput: ['key_id'],
  input: z.strictObject({
    name: keyName(),
    purpose: z.enum(KEY_PURPOSES),
    algorithm: z.enum(KEY_ALGORITHMS).optional(),
    key_text: secret('lock', 32_768),
  }),
  output: oneKey,
  async run({ name, purpose, algorithm, key_text }, { ring }) {
    const fitting = requireAlgorithm(purpose, algorithm);
    return answer(await ring.create({ name, purpose, algorithm: fitting, key: readKey(key_text, fitting) }));
  },
});

/** The operator's own, for tools/operator.ts. */
export const KEY_OPERATOR_TOOLS = [keysPolicy, keysRestore, keysDestroy, keysImport];
