/**
 * The key ring: what signs, and what verifies. This ring lives in the process: its keys come from the configuration
 * (`JWT_SECRET_KEY`) or are made when first needed and end with the process.
 */

import { createHash, createSecretKey, generateKeyPair, type KeyObject } from 'node:crypto';

import { base64url, utf8 } from './bytes.js';
import { SecurityError } from './errors.js';
import { JWT_ALGORITHMS, type JwtAlgorithm } from './jwt-keys.js';
import type { Random } from './random.js';

export interface RingKey {
  /** `name.version`: the `kid` of what it signs. Never reused for other key material. */
  id: string;
  name: string;
  algorithm: JwtAlgorithm;
  state: 'enabled' | 'disabled';
  /** Secret or private key; absent where the key may only verify. */
  signing?: KeyObject;
  /** Secret or public key. */
  verifying: KeyObject;
  /** Whether the key ends with this process. */
  ephemeral: boolean;
}

export interface KeyRing {
  /**
   * The key that signs: the one called `name`, or else the default of `algorithm` (HS256).
   * Throws `key_unknown`, `key_disabled`, and `input_invalid` where name and algorithm do not fit together.
   */
  signingKey(name?: string, algorithm?: JwtAlgorithm): Promise<RingKey>;
  /** All keys that may verify, disabled ones included, so that they can be refused by name. */
  verifyingKeys(): readonly RingKey[];
}

export interface ProcessRingOptions {
  /** `JWT_SECRET_KEY`: an HS256 secret of at least 32 UTF-8 bytes. */
  jwtSecret?: string;
  /** `JWT_SECRET_KEY_PREVIOUS`: verifies, never signs. */
  jwtSecretPrevious?: string;
  random: Random;
}

const ENVIRONMENT_KEY = 'jwt-secret-key';

export function createProcessRing(options: ProcessRingOptions): KeyRing {
  const fromEnvironment = (secret: string, state: 'signs' | 'verifies'): RingKey => {
    const bytes = utf8(secret);
    const verifying = createSecretKey(bytes);
    return {
      id: `${ENVIRONMENT_KEY}.${secretThumbprint(bytes)}`,
      name: ENVIRONMENT_KEY,
      algorithm: 'HS256',
      state: 'enabled',
      ...(state === 'signs' ? { signing: verifying } : {}),
      verifying,
      ephemeral: false,
    };
  };

  const environmentKeys: RingKey[] = [];
  if (options.jwtSecret !== undefined) environmentKeys.push(fromEnvironment(options.jwtSecret, 'signs'));
  if (options.jwtSecretPrevious !== undefined && options.jwtSecretPrevious !== options.jwtSecret) {
    environmentKeys.push(fromEnvironment(options.jwtSecretPrevious, 'verifies'));
  }
  const made = new Map<JwtAlgorithm, RingKey>();
  const making = new Map<JwtAlgorithm, Promise<RingKey>>();

  const processKey = (algorithm: JwtAlgorithm): Promise<RingKey> => {
    let key = making.get(algorithm);
    if (key === undefined) {
      key = makeProcessKey(algorithm, options.random).then((ready) => {
        made.set(algorithm, ready);
        return ready;
      });
      making.set(algorithm, key);
      key.catch(() => making.delete(algorithm));
    }
    return key;
  };

  return {
    async signingKey(name, algorithm) {
      if (name === undefined) {
        const wanted = algorithm ?? 'HS256';
        return (
          environmentKeys.find((key) => key.signing !== undefined && key.algorithm === wanted) ?? processKey(wanted)
        );
      }
      const known = [...environmentKeys, ...made.values()].find(
        (key) => key.signing !== undefined && key.name === name,
      );
      const key = known ?? (await byProcessName(name, processKey));
      if (key === undefined) throw keyUnknown();
      if (algorithm !== undefined && key.algorithm !== algorithm) {
        throw new SecurityError(
          'input_invalid',
          'key and algorithm do not fit together: a key has one algorithm for life.',
          {
            hint: `Leave algorithm out, or give ${key.algorithm}, which is the algorithm of this key.`,
          },
        );
      }
      return key;
    },
    verifyingKeys: () => [...environmentKeys, ...made.values()],
  };
}

/** The refusal of a key name or id that no key of the ring has. */
export function keyUnknown(): SecurityError {
  return new SecurityError('key_unknown', 'key names no key of the ring.', {
    hint: `Leave key out for the default, name "${ENVIRONMENT_KEY}" where JWT_SECRET_KEY is set, or one of ${JWT_ALGORITHMS.map(processKeyName).join(', ')}.`,
  });
}

function processKeyName(algorithm: JwtAlgorithm): string {
  return `process-${algorithm.toLowerCase()}`;
}

async function byProcessName(
  name: string,
  processKey: (algorithm: JwtAlgorithm) => Promise<RingKey>,
): Promise<RingKey | undefined> {
  const algorithm = JWT_ALGORITHMS.find((candidate) => processKeyName(candidate) === name);
  return algorithm === undefined ? undefined : processKey(algorithm);
}

type KeyPair = { signing: KeyObject; verifying: KeyObject };

function generate(type: 'ed25519' | 'ec' | 'rsa', options: object): Promise<KeyPair> {
  return new Promise((resolve, reject) => {
    generateKeyPair(type as 'ec', options as { namedCurve: string }, (error, verifying, signing) => {
      if (error === null) resolve({ signing, verifying });
      else reject(error);
    });
  });
}

async function makeProcessKey(algorithm: JwtAlgorithm, random: Random): Promise<RingKey> {
  const { signing, verifying } = await makeKeyMaterial(algorithm, random);
  const name = processKeyName(algorithm);
  const id = `${name}.${base64url(random(9))}`;
  return { id, name, algorithm, state: 'enabled', signing, verifying, ephemeral: true };
}

async function makeKeyMaterial(algorithm: JwtAlgorithm, random: Random): Promise<KeyPair> {
  switch (algorithm) {
    case 'EdDSA':
      return generate('ed25519', {});
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'ES384':
      return generate('ec', { namedCurve: 'P-384' });
    case 'PS256':
    case 'RS256':
      return generate('rsa', { modulusLength: 3072 });
    default: {
      // RFC 7518 section 3.2: a key as long as the hash.
      const secret = createSecretKey(random(Number(algorithm.slice(2)) / 8));
      return { signing: secret, verifying: secret };
    }
  }
}

/**
 * The first 64 bits of the RFC 7638 thumbprint of a symmetric key: the same in every process that shares the secret,
 * another after the secret changes. It tells an attacker no more than a signature does.
 */
function secretThumbprint(secret: Uint8Array): string {
  const canonical = JSON.stringify({ k: base64url(secret), kty: 'oct' });
  return base64url(createHash('sha256').update(canonical).digest().subarray(0, 8));
}
