/**
 * The key ring: the keys that are stored, and the one of the configuration (`JWT_SECRET_KEY`), which needs no store. Default
 * keys are made with their first use.
 */

import { createHash, createSecretKey, type KeyObject } from 'node:crypto';

import { base64url, utf8 } from './bytes.js';
import { inputInvalid, SecurityError } from './errors.js';
import type { WrappingKey } from './envelope.js';
import type { UnwrappingKey } from './jwe.js';
import type { CandidateKey } from './jwt.js';
import { JWT_ALGORITHMS, type JwtAlgorithm } from './jwt-keys.js';
import {
  DEFAULT_ALGORITHMS,
  isPair,
  publishedJwk,
  publicPart,
  type KeyAlgorithm,
  type KeyPurpose,
} from './key-material.js';
import type { TokenPolicy } from './token-policy.js';

export type KeyState = 'enabled' | 'disabled' | 'destroy_scheduled' | 'destroyed';

/** A key as it is told: no part of it is secret. Times are milliseconds since 1970. */
export interface KeyDescription {
  name: string;
  purpose: KeyPurpose;
  algorithm: KeyAlgorithm;
  primaryVersion: number;
  versions: { version: number; keyId: string; state: KeyState; createdAt?: number; destroyAfter?: number }[];
  rotateAfterDays?: number;
  /** Whether it should have been rotated by now. */
  overdue: boolean;
  policy?: TokenPolicy;
}

/** A version as it is used. `key` is there where its state is `enabled`. */
export interface KeyVersion {
  /** `name.version`: never reused for other key material. */
  id: string;
  name: string;
  purpose: KeyPurpose;
  algorithm: KeyAlgorithm;
  policy?: TokenPolicy;
  key?: KeyObject;
}

export interface NewKey {
  name: string;
  purpose: KeyPurpose;
  algorithm: KeyAlgorithm;
  rotateAfterDays?: number;
  /** Key material from elsewhere; without it, it is made. */
  key?: KeyObject;
}

/** Keys that are stored. All throw as the store does, and `key_unknown` where a name or version is none. */
export interface KeyStore {
  list(name?: string): Promise<KeyDescription[]>;
  /** Throws `key_exists`. */
  create(key: NewKey): Promise<KeyDescription>;
  /** Adds a version, which becomes the primary. */
  rotate(name: string): Promise<KeyDescription>;
  /** Throws `key_state_refused`: for the primary, and for what only an operator can undo. */
  retire(name: string, version: number, state: 'enabled' | 'disabled' | 'destroyed'): Promise<KeyDescription>;
  /** Undoes a destruction that is scheduled; the version is disabled then. */
  restore(name: string, version: number): Promise<KeyDescription>;
  /** Destroys at once a version that is disabled or scheduled for it. */
  destroy(name: string, version: number): Promise<KeyDescription>;
  setPolicy(name: string, policy: TokenPolicy | null): Promise<KeyDescription>;
  /** The primary versions of the keys of a purpose, or of the one key of that name (whatever its purpose). */
  primaries(of: { name: string } | { purpose: KeyPurpose }): Promise<KeyVersion[]>;
  /** Every version of one key, or the one of that id. */
  versions(of: { name: string } | { id: string }): Promise<KeyVersion[]>;
}

export interface SigningRingKey {
  id: string;
  name: string;
  algorithm: JwtAlgorithm;
  signing: KeyObject;
  policy?: TokenPolicy;
}

/** A secret of the ring, by its id. */
export interface SecretKey {
  id: string;
  bytes: Uint8Array;
}

export interface KeyRing extends Pick<
  KeyStore,
  'list' | 'create' | 'rotate' | 'retire' | 'restore' | 'destroy' | 'setPolicy'
> {
  /**
   * The key that signs: the one called `name`, or else the default of `algorithm` (HS256), which is JWT_SECRET_KEY where it
   * is set. Throws `key_unknown`, and `input_invalid` where name and algorithm do not fit together.
   */
  signingKey(name?: string, algorithm?: JwtAlgorithm): Promise<SigningRingKey>;
  /**
   * The keys that may verify a token that names `kid`, disabled ones included, so that they can be refused by name. For a
   * token without a kid: those of JWT_SECRET_KEY and the primary of every key, or all versions of the key called `name`.
   */
  verifyingKeys(of: { name?: string | undefined; kid?: string | undefined }): Promise<CandidateKey[]>;
  /** The newest version of an envelope key, by default of the one called `envelope`. Throws `key_unknown`, `input_invalid`. */
  wrappingKey(name?: string): Promise<WrappingKey>;
  /** The envelope key of that id, or null where it is none or may not be used. */
  unwrappingKey(id: string): Promise<UnwrappingKey | null>;
  /** The HMAC key of that name (its newest version) or id. Throws `key_unknown`, `key_disabled`, `input_invalid`. */
  hmacKey(nameOrId: string): Promise<SecretKey>;
  /** The newest version of a file key, by default of the one called `file`: an X25519 private key. Throws as `wrappingKey`. */
  fileKey(name?: string): Promise<{ id: string; key: KeyObject }>;
  /** Every version of a file key that may be used, the newest first. Throws `key_unknown`, `key_disabled`, `input_invalid`. */
  fileKeys(name: string): Promise<KeyObject[]>;
  /** What may be encrypted to: the usable versions of the file keys. */
  recipientKeys(name?: string): Promise<{ id: string; key: KeyObject }[]>;
  /** The public parts of what signs, and of what is sealed to, and may be used, as a JWK Set (RFC 7517 section 5). */
  publicKeys(name?: string): Promise<{ keys: Record<string, string>[] }>;
}

export interface KeyRingOptions {
  /** `JWT_SECRET_KEY`: an HS256 secret of at least 32 UTF-8 bytes. */
  jwtSecret?: string;
  /** `JWT_SECRET_KEY_PREVIOUS`: verifies, never signs. */
  jwtSecretPrevious?: string;
  store: KeyStore;
}

export const ENVIRONMENT_KEY = 'jwt-secret-key';
const DEFAULT_ENVELOPE_KEY = 'envelope';
const DEFAULT_FILE_KEY = 'file';

/** What an id of a stored key looks like; whatever else a token or an envelope names is not looked for. */
const STORED_ID = /^[a-z0-9][a-z0-9-]{0,63}\.[1-9]\d{0,8}$/;

export function createKeyRing({ jwtSecret, jwtSecretPrevious, store }: KeyRingOptions): KeyRing {
  const secrets = [...new Set([jwtSecret, jwtSecretPrevious].filter((secret) => secret !== undefined))];
  const environment = secrets.map(environmentKey);
  const fromEnvironment = jwtSecret === undefined ? undefined : environment[0];

  /** The primary of the key called `name`; a default key is made where it is not there yet. */
  const primary = async (name: string, purpose: KeyPurpose): Promise<KeyVersion> => {
    const [found] = await store.primaries({ name });
    if (found !== undefined) return requirePurpose(found, purpose);
    const wanted = DEFAULT_KEYS.get(name);
    if (wanted === undefined || wanted.purpose !== purpose) throw keyUnknown(purpose);
    try {
      await store.create({ name, ...wanted });
    } catch (error) {
      // Somebody else was first: everybody uses that one.
      if (!(error instanceof SecurityError) || error.code !== 'key_exists') throw error;
    }
    const [made] = await store.primaries({ name });
    if (made === undefined) throw keyUnknown(purpose);
    return requirePurpose(made, purpose);
  };

  return {
    async list(name) {
      const own = fromEnvironment !== undefined && (name === undefined || name === ENVIRONMENT_KEY);
      const described = own ? [describeEnvironment(environment)] : [];
      if (name === ENVIRONMENT_KEY && own) return described;
      return [...described, ...(await store.list(name))];
    },
    create(key) {
      if (key.name === ENVIRONMENT_KEY) throw keyExists();
      return store.create(key);
    },
    rotate: async (name) => store.rotate(ownName(name)),
    retire: async (name, version, state) => store.retire(ownName(name), version, state),
    restore: (name, version) => store.restore(name, version),
    destroy: (name, version) => store.destroy(name, version),
    setPolicy: async (name, policy) => store.setPolicy(ownName(name), policy),

    async signingKey(name, algorithm) {
      const wantsDefault = name === undefined && (algorithm ?? 'HS256') === 'HS256';
      if ((wantsDefault && fromEnvironment !== undefined) || name === ENVIRONMENT_KEY) {
        if (fromEnvironment === undefined) throw keyUnknown('jwt');
        requireAlgorithm('HS256', algorithm);
        return { ...fromEnvironment, algorithm: 'HS256', signing: fromEnvironment.key };
      }
      const { key, policy, ...found } = await primary(name ?? defaultJwtKey(algorithm), 'jwt');
      if (key === undefined) throw keyDisabled();
      requireAlgorithm(found.algorithm, algorithm);
      return {
        id: found.id,
        name: found.name,
        algorithm: found.algorithm as JwtAlgorithm,
        signing: key,
        ...(policy === undefined ? {} : { policy }),
      };
    },

    async verifyingKeys({ name, kid }) {
      const own = environment.filter((key) => name === undefined || key.name === name);
      const known = own.filter((key) => key.id === kid);
      // What the environment answers does not need the store.
      if (known.length > 0 || name === ENVIRONMENT_KEY || (kid !== undefined && !STORED_ID.test(kid)))
        return (kid === undefined ? own : known).map(candidateOf);
      const stored =
        kid === undefined && name === undefined
          ? await store.primaries({ purpose: 'jwt' })
          : await store.versions(kid === undefined ? { name: name ?? '' } : { id: kid });
      const fitting = stored.filter((key) => key.purpose === 'jwt' && (name === undefined || key.name === name));
      return [...(kid === undefined ? own : []), ...fitting].map(candidateOf);
    },

    async wrappingKey(name = DEFAULT_ENVELOPE_KEY) {
      const { id, key } = await primary(name, 'envelope');
      if (key === undefined) throw keyDisabled();
      return key.type === 'secret' ? { id, bytes: key.export() } : { id, publicKey: publicPart(key) };
    },
    async unwrappingKey(id) {
      if (!STORED_ID.test(id)) return null;
      const [found] = await store.versions({ id });
      if (found?.purpose !== 'envelope' || found.key === undefined) return null;
      return found.key.type === 'secret' ? found.key.export() : found.key;
    },
    async hmacKey(nameOrId) {
      if (!nameOrId.includes('.')) return secretOf(await primary(nameOrId, 'hmac'));
      const [found] = await store.versions({ id: nameOrId });
      if (found === undefined) throw keyUnknown('hmac');
      return secretOf(requirePurpose(found, 'hmac'));
    },

    async fileKey(name = DEFAULT_FILE_KEY) {
      const { id, key } = await primary(name, 'file');
      if (key === undefined) throw keyDisabled();
      return { id, key };
    },
    async fileKeys(name) {
      const versions = await store.versions({ name });
      const [first] = versions;
      if (first === undefined) throw keyUnknown('file');
      requirePurpose(first, 'file');
      const keys = versions.flatMap(({ key }) => (key === undefined ? [] : [key]));
      if (keys.length === 0) throw keyDisabled();
      return keys.toReversed();
    },
    async recipientKeys(name) {
      if (name === ENVIRONMENT_KEY) return [];
      const described = (await store.list(name)).filter(({ purpose }) => purpose === 'file');
      const versions = await Promise.all(described.map((one) => store.versions({ name: one.name })));
      return versions.flat().flatMap(({ id, key }) => (key === undefined ? [] : [{ id, key }]));
    },
    async publicKeys(name) {
      const keys: Record<string, string>[] = [];
      if (name === ENVIRONMENT_KEY) return { keys };
      for (const described of await store.list(name)) {
        if (described.purpose === 'file' || !isPair(described.algorithm)) continue;
        for (const { id, key, algorithm } of await store.versions({ name: described.name })) {
          if (key === undefined) continue;
          keys.push(publishedJwk(key, id, algorithm));
        }
      }
      return { keys };
    },
  };
}

/** `jwt`, and one beside it for every other algorithm that is asked for by name alone. */
function defaultJwtKey(algorithm: JwtAlgorithm = 'HS256'): string {
  return algorithm === 'HS256' ? 'jwt' : `jwt-${algorithm.toLowerCase()}`;
}

const DEFAULT_KEYS: ReadonlyMap<string, Pick<NewKey, 'purpose' | 'algorithm'>> = new Map([
  ...JWT_ALGORITHMS.map((algorithm): [string, Pick<NewKey, 'purpose' | 'algorithm'>] => [
    defaultJwtKey(algorithm),
    { purpose: 'jwt', algorithm },
  ]),
  [DEFAULT_ENVELOPE_KEY, { purpose: 'envelope', algorithm: DEFAULT_ALGORITHMS.envelope }],
  [DEFAULT_FILE_KEY, { purpose: 'file', algorithm: DEFAULT_ALGORITHMS.file }],
]);

interface EnvironmentKey extends KeyVersion {
  key: KeyObject;
}

function environmentKey(secret: string): EnvironmentKey {
  const bytes = utf8(secret);
  const id = `${ENVIRONMENT_KEY}.${secretThumbprint(bytes)}`;
  return { id, name: ENVIRONMENT_KEY, purpose: 'jwt', algorithm: 'HS256', key: createSecretKey(bytes) };
}

/** The current secret is the newest version; the previous one, where there is one, the version before. */
function describeEnvironment(keys: readonly EnvironmentKey[]): KeyDescription {
  const versions = keys.map(({ id }, i) => ({ version: keys.length - i, keyId: id, state: 'enabled' as const }));
  return {
    name: ENVIRONMENT_KEY,
    purpose: 'jwt',
    algorithm: 'HS256',
    primaryVersion: keys.length,
    versions: versions.toReversed(),
    overdue: false,
  };
}

function candidateOf({ id, key, algorithm }: KeyVersion): CandidateKey {
  if (key === undefined) return { kid: id, algorithms: [], disabled: true };
  return { kid: id, key: publicPart(key), algorithms: [algorithm as JwtAlgorithm] };
}

function secretOf({ id, key }: KeyVersion): SecretKey {
  if (key === undefined) throw keyDisabled();
  return { id, bytes: key.export() };
}

function requirePurpose(key: KeyVersion, purpose: KeyPurpose): KeyVersion {
  if (key.purpose === purpose) return key;
  throw inputInvalid(
    fieldOf(purpose),
    'names a key of another purpose',
    `The purpose must be ${purpose}: key_list shows which keys have it, key_create makes one.`,
  );
}

function requireAlgorithm(own: KeyAlgorithm, wanted: JwtAlgorithm | undefined): void {
  if (wanted === undefined || wanted === own) return;
  throw new SecurityError('input_invalid', 'key and algorithm do not fit together: a key has one algorithm for life.', {
    hint: `Leave algorithm out, or give ${own}, which is the algorithm of this key.`,
  });
}

/** The key of the environment is changed where it is set, not here. */
function ownName(name: string): string {
  if (name !== ENVIRONMENT_KEY) return name;
  throw new SecurityError('key_state_refused', 'This key comes from JWT_SECRET_KEY and is not kept in the ring.', {
    hint: 'Have the operator set a new JWT_SECRET_KEY, with the old one in JWT_SECRET_KEY_PREVIOUS.',
  });
}

/** The field that names a key of this purpose. */
function fieldOf(purpose: KeyPurpose): string {
  return purpose === 'hmac' ? 'key_name' : 'key';
}

/** What to do where a key of this purpose is not there. Only some have a default: without `key_name` a digest has no key at all. */
const INSTEAD: Readonly<Record<KeyPurpose, string>> = {
  jwt: `leave key out for the default, or use another; key_create makes one (purpose jwt), and "${ENVIRONMENT_KEY}" is there where JWT_SECRET_KEY is set`,
  envelope: 'leave key out for the default, or use another; key_create makes one (purpose envelope)',
  hmac: 'key_create makes one (purpose hmac)',
  file: `"${DEFAULT_FILE_KEY}" is made with the first file_encrypt under it; key_create makes others (purpose file)`,
};

/** The refusal of a key name, id or version that no key of the ring has; `purpose` where it was to be used for something. */
export function keyUnknown(purpose?: KeyPurpose): SecurityError {
  const [field, instead] =
    purpose === undefined ? ['name', 'key_create makes one'] : [fieldOf(purpose), INSTEAD[purpose]];
  return new SecurityError('key_unknown', `${field} names no key of the ring.`, {
    hint: `Use key_list to see the keys: ${instead}.`,
  });
}

/** The refusal of a version that a key does not have. */
export function versionUnknown(): SecurityError {
  return new SecurityError('key_unknown', 'The key has no such version.', {
    hint: 'Use key_list with name to see its versions.',
  });
}

/** How many keys a ring holds, and versions a key. */
export const RING_LIMITS = { keys: 1_000, versions: 1_000 } as const;

export function keyLimit(what: 'keys' | 'versions'): SecurityError {
  return new SecurityError('key_limit', `The ring holds as many ${what} as it takes (${RING_LIMITS[what]}).`, {
    hint:
      what === 'keys'
        ? 'Use a key that is there; key_list shows them.'
        : 'Create another key, and use that one from now on.',
  });
}

export function keyExists(): SecurityError {
  return new SecurityError('key_exists', 'There is a key of this name already.', {
    hint: 'Choose another name, or use key_rotate to give this key a new version.',
  });
}

function keyDisabled(): SecurityError {
  return new SecurityError('key_disabled', 'This version of the key is disabled or destroyed.', {
    hint: 'Use key_list to see the states, and key_retire with state enabled where it is to be used again.',
  });
}

/**
 * The first 64 bits of the RFC 7638 thumbprint of a symmetric key: the same in every process that shares the secret,
 * another after the secret changes. It tells an attacker no more than a signature does.
 */
function secretThumbprint(secret: Uint8Array): string {
  const canonical = JSON.stringify({ k: base64url(secret), kty: 'oct' });
  return base64url(createHash('sha256').update(canonical).digest().subarray(0, 8));
}
