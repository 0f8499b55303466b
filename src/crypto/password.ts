/**
 * Password hashes: bcrypt in modular crypt format (`$2b$`, Provos and Mazieres 1999) and argon2 in PHC string format
 * (RFC 9106). Everything a hash names (cost, memory, lengths) is bounded here before any work is done.
 */

import { base64, equalBytes, utf8 } from './bytes.js';
import { inputInvalid, SecurityError } from './errors.js';
import type { Random } from './random.js';

export type Argon2Variant = 'argon2id' | 'argon2i' | 'argon2d';

export interface Argon2Parameters {
  memoryKib: number;
  passes: number;
  parallelism: number;
}

/** The primitives that an engine computes. Two engines exist (native and portable); both must agree on every vector. */
export interface PasswordEngine {
  /** The 60 characters of `$2b$cost$salt+digest`. `password` is at most 72 bytes without NUL, `salt` 16 bytes. */
  bcrypt(password: string, salt: Uint8Array, cost: number, signal: AbortSignal): Promise<string>;
  /** The raw tag of `lengthBytes`, argon2 version 0x13. */
  argon2(request: Argon2Request, signal: AbortSignal): Promise<Uint8Array>;
}

export interface Argon2Request extends Argon2Parameters {
  variant: Argon2Variant;
  password: string;
  salt: Uint8Array;
  lengthBytes: number;
}

export interface BcryptHash {
  algorithm: 'bcrypt';
  version: '2a' | '2b' | '2y';
  cost: number;
  salt: Uint8Array;
  digest: Uint8Array;
}

export interface Argon2Hash extends Argon2Parameters {
  algorithm: Argon2Variant;
  salt: Uint8Array;
  digest: Uint8Array;
}

export type PasswordHash = BcryptHash | Argon2Hash;

export const BCRYPT_MAX_PASSWORD_BYTES = 72;
export const BCRYPT_COST = { min: 10, max: 15 } as const;
/** OWASP's smallest argon2id configuration: 19 MiB, 2 passes, 1 lane. */
export const ARGON2_DEFAULT: Argon2Parameters = { memoryKib: 19_456, passes: 2, parallelism: 1 };
export const ARGON2_PASSES = { min: 2, max: 10 } as const;

/** What verification will spend at most on a hash somebody else made. */
const BCRYPT_VERIFY_MAX_COST = BCRYPT_COST.max;
const ARGON2_VERIFY_MAX = { memoryKib: 262_144, passes: 16, parallelism: 16, memoryPasses: 1_048_576 } as const;

/** Equally strong choices of memory and passes (OWASP Password Storage Cheat Sheet, argon2id). */
const ARGON2_SUFFICIENT: readonly (readonly [memoryKib: number, passes: number])[] = [
  [47_104, 1],
  [19_456, 2],
  [12_288, 3],
  [9_216, 4],
  [7_168, 5],
];

export type HashProblem = 'unknown' | 'cost';

/** Reads a stored hash. `unknown`: not a hash this product verifies; `cost`: its parameters are over the limits. */
export function parsePasswordHash(text: string): PasswordHash | HashProblem {
  return text.startsWith('$argon2') ? parseArgon2(text) : parseBcrypt(text);
}

function parseBcrypt(text: string): BcryptHash | HashProblem {
  const match = /^\$(2[aby])\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/.exec(text);
  if (match === null) return 'unknown';
  const [, version, digits, salt, digest] = match as unknown as [string, BcryptHash['version'], string, string, string];
  const cost = Number(digits);
  if (cost < 4 || cost > 31) return 'unknown';
  if (cost > BCRYPT_VERIFY_MAX_COST) return 'cost';
  return {
    algorithm: 'bcrypt',
    version,
    cost,
    salt: fromBcryptBase64(salt).subarray(0, 16),
    digest: fromBcryptBase64(digest).subarray(0, 23),
  };
}

function parseArgon2(text: string): Argon2Hash | HashProblem {
  const match =
    /^\$(argon2(?:id|i|d))\$v=19\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,172})$/.exec(
      text,
    );
  if (match === null) return 'unknown';
  const [, algorithm, m, t, p, saltText, digestText] = match as unknown as [
    string,
    Argon2Variant,
    string,
    string,
    string,
    string,
    string,
  ];
  const salt = fromPhcBase64(saltText);
  const digest = fromPhcBase64(digestText);
  if (salt === null || digest === null) return 'unknown';
  const [memoryKib, passes, parallelism] = [Number(m), Number(t), Number(p)];
  // RFC 9106 section 3.1: p >= 1, t >= 1, m >= 8 * p.
  if (parallelism < 1 || passes < 1 || memoryKib < 8 * parallelism) return 'unknown';
  const max = ARGON2_VERIFY_MAX;
  if (memoryKib > max.memoryKib || passes > max.passes || parallelism > max.parallelism) return 'cost';
  if (memoryKib * passes > max.memoryPasses) return 'cost';
  return { algorithm, memoryKib, passes, parallelism, salt, digest };
}

export type PasswordProblem = 'password_too_long' | 'password_has_nul' | 'password_empty';

/**
 * Why a password can never match a hash of this algorithm here, or null. bcrypt reads 72 bytes and stops at NUL: nothing
 * is cut silently. An empty password has no argon2 hash: the portable engine (hash-wasm) refuses one, and engines must agree.
 */
export function passwordProblem(password: string, algorithm: PasswordHash['algorithm']): PasswordProblem | null {
  if (algorithm !== 'bcrypt') return password === '' ? 'password_empty' : null;
  if (password.includes('\0')) return 'password_has_nul';
  return utf8(password).length > BCRYPT_MAX_PASSWORD_BYTES ? 'password_too_long' : null;
}

/** Hashes with bcrypt. Throws `password_too_long` over 72 UTF-8 bytes and `input_invalid` on a NUL byte. */
export async function hashBcrypt(
  password: string,
  cost: number,
  engine: PasswordEngine,
  random: Random,
  signal: AbortSignal,
): Promise<string> {
  const problem = passwordProblem(password, 'bcrypt');
  if (problem === 'password_too_long') {
    throw new SecurityError('password_too_long', 'password is longer than the 72 UTF-8 bytes that bcrypt reads.', {
      hint: 'Use algorithm "argon2id", which reads the whole password, or a password of at most 72 bytes.',
    });
  }
  if (problem === 'password_has_nul') {
    throw new SecurityError('input_invalid', 'password holds a NUL character, at which bcrypt would stop reading.', {
      hint: 'Remove the NUL character, or use algorithm "argon2id".',
    });
  }
  return engine.bcrypt(password, random(16), cost, signal);
}

/**
 * Hashes with argon2id into a PHC string (`$argon2id$v=19$m=,t=,p=$salt$tag`), 16-byte salt, 32-byte tag.
 * Throws `input_invalid` on an empty password.
 */
export async function hashArgon2id(
  password: string,
  parameters: Argon2Parameters,
  engine: PasswordEngine,
  random: Random,
  signal: AbortSignal,
): Promise<string> {
  if (passwordProblem(password, 'argon2id') !== null) {
    throw inputInvalid('password', 'is empty', 'Give the password to hash.');
  }
  const salt = random(16);
  const tag = await engine.argon2({ variant: 'argon2id', password, salt, lengthBytes: 32, ...parameters }, signal);
  const { memoryKib, passes, parallelism } = parameters;
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${phcBase64(salt)}$${phcBase64(tag)}`;
}

/** Stands in for a password that the algorithm cannot take. */
const NO_PASSWORD = 'no password';

/**
 * Whether `password` is the one behind `hash`, compared in constant time. One that the algorithm cannot take is never, and costs what
 * every other wrong one does.
 */
export async function verifyPassword(
  password: string,
  hash: PasswordHash,
  engine: PasswordEngine,
  signal: AbortSignal,
): Promise<boolean> {
  const isPossible = passwordProblem(password, hash.algorithm) === null;
  const isSame = await verifyTaken(isPossible ? password : NO_PASSWORD, hash, engine, signal);
  return isPossible && isSame;
}

async function verifyTaken(
  password: string,
  hash: PasswordHash,
  engine: PasswordEngine,
  signal: AbortSignal,
): Promise<boolean> {
  if (hash.algorithm === 'bcrypt') {
    const made = await engine.bcrypt(password, hash.salt, hash.cost, signal);
    return equalBytes(fromBcryptBase64(made.slice(-31)).subarray(0, 23), hash.digest);
  }
  const { algorithm: variant, salt, digest, memoryKib, passes, parallelism } = hash;
  const request = { variant, password, salt, lengthBytes: digest.length, memoryKib, passes, parallelism };
  return equalBytes(await engine.argon2(request, signal), digest);
}

/** Why a stored hash should be replaced at the next good login, or null. `bcryptCost` is the cost new hashes get. */
export function rehashReason(hash: PasswordHash, bcryptCost: number): string | null {
  if (hash.algorithm === 'bcrypt') {
    return hash.cost < bcryptCost ? `bcrypt cost ${hash.cost} is under today's ${bcryptCost}` : null;
  }
  if (hash.algorithm !== 'argon2id') return `${hash.algorithm} has been superseded by argon2id (RFC 9106 section 4)`;
  if (hash.salt.length < 16 || hash.digest.length < 16) return 'its salt or tag is under 16 bytes';
  const { memoryKib, passes } = hash;
  return ARGON2_SUFFICIENT.some(([memory, times]) => memoryKib >= memory && passes >= times)
    ? null
    : `m=${memoryKib}, t=${passes} is under today's m=${ARGON2_DEFAULT.memoryKib}, t=${ARGON2_DEFAULT.passes}`;
}

/** The bytes that make two spellings of one hash the same to a limit on guessing: decoded salt and digest. */
export function guessSubject(hash: PasswordHash): Uint8Array {
  return Buffer.concat([hash.salt, hash.digest]);
}

const BCRYPT_ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const BASE64_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Decodes bcrypt's own base64 (same bits, another alphabet, no padding); stray low bits of the last character are dropped. */
function fromBcryptBase64(text: string): Uint8Array {
  let translated = '';
  for (const c of text) translated += BASE64_ALPHABET[BCRYPT_ALPHABET.indexOf(c)];
  return Buffer.from(translated, 'base64');
}

/** bcrypt's own base64 of `bytes`, without padding. */
export function bcryptBase64(bytes: Uint8Array): string {
  let translated = '';
  for (const c of phcBase64(bytes)) translated += BCRYPT_ALPHABET[BASE64_ALPHABET.indexOf(c)];
  return translated;
}

/** Base64 without padding, as PHC strings write it. */
function phcBase64(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('=', '');
}

function fromPhcBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64');
  return phcBase64(bytes) === text ? bytes : null;
}
