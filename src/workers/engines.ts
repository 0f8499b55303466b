/**
 * The two password engines: `native` (prebuilt @node-rs binaries, on the thread pool of libuv) and `portable` (bcryptjs and
 * hash-wasm, on worker threads). Which one computes is settled for each algorithm on first use.
 */

import type { Algorithm } from '@node-rs/argon2';

import { SecurityError } from '../crypto/errors.js';
import type { PasswordEngine } from '../crypto/password.js';
import type { Strength, StrengthMeter } from '../crypto/strength.js';
import type { ThreadPool } from './pool.js';

export const ENGINE_SETTINGS = ['auto', 'native', 'portable'] as const;
export type EngineSetting = (typeof ENGINE_SETTINGS)[number];

export interface EngineReport {
  bcrypt: 'native' | 'portable' | 'unavailable';
  argon2: 'native' | 'portable' | 'unavailable';
}

type Bcrypt = PasswordEngine['bcrypt'];
type Argon2 = PasswordEngine['argon2'];

/** @node-rs/argon2 names its variants by number. */
const NATIVE_VARIANTS = { argon2d: 0, argon2i: 1, argon2id: 2 } as const;

async function nativeBcrypt(): Promise<Bcrypt> {
  const { hash } = await import('@node-rs/bcrypt');
  return (password, salt, cost) => hash(password, cost, salt);
}

async function nativeArgon2(): Promise<Argon2> {
  const { hashRaw } = await import('@node-rs/argon2');
  return ({ variant, password, salt, memoryKib, passes, parallelism, lengthBytes }) =>
    hashRaw(password, {
      algorithm: NATIVE_VARIANTS[variant] as unknown as Algorithm,
      salt,
      memoryCost: memoryKib,
      timeCost: passes,
      parallelism,
      outputLen: lengthBytes,
    });
}

export function createPortableEngine(pool: ThreadPool): PasswordEngine {
  return {
    bcrypt: async (password, salt, cost, signal) => String(await pool.run('bcrypt', { password, salt, cost }, signal)),
    argon2: async (request, signal) => (await pool.run('argon2', request, signal)) as Uint8Array,
  };
}

/** The engine of the setting. `native` where its binary does not load throws `engine_unavailable` when it is needed. */
export function createEngine(
  setting: EngineSetting,
  pool: ThreadPool,
): PasswordEngine & { report(): Promise<EngineReport> } {
  const portable = createPortableEngine(pool);
  const choose = async <T>(native: () => Promise<T>, fallback: T): Promise<{ use: T; is: 'native' | 'portable' }> => {
    if (setting === 'portable') return { use: fallback, is: 'portable' };
    try {
      return { use: await native(), is: 'native' };
    } catch (cause) {
      if (setting === 'auto') return { use: fallback, is: 'portable' };
      throw new SecurityError('engine_unavailable', 'The native password engine does not load on this machine.', {
        hint: 'Set SECURITY_MCP_ENGINE=auto or portable, or reinstall with optional dependencies (npm ci --include=optional).',
        cause,
      });
    }
  };
  let bcrypt: ReturnType<typeof choose<Bcrypt>> | undefined;
  let argon2: ReturnType<typeof choose<Argon2>> | undefined;
  const chosenBcrypt = (): ReturnType<typeof choose<Bcrypt>> => (bcrypt ??= choose(nativeBcrypt, portable.bcrypt));
  const chosenArgon2 = (): ReturnType<typeof choose<Argon2>> => (argon2 ??= choose(nativeArgon2, portable.argon2));
  const told = (choice: Promise<{ is: 'native' | 'portable' }>): Promise<EngineReport['bcrypt']> =>
    choice.then(
      ({ is }) => is,
      () => 'unavailable',
    );
  return {
    bcrypt: async (...args) => (await chosenBcrypt()).use(...args),
    argon2: async (...args) => (await chosenArgon2()).use(...args),
    report: async () => ({ bcrypt: await told(chosenBcrypt()), argon2: await told(chosenArgon2()) }),
  };
}

/** Measures strength on a thread of its own pool, so that the estimate never waits behind hashing on threads. */
export function createStrengthMeter(pool: ThreadPool): StrengthMeter {
  return {
    measure: async (password, userInputs, signal) =>
      (await pool.run('strength', { password, userInputs }, signal)) as Strength,
  };
}
