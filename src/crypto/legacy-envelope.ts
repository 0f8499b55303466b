/**
 * The two JSON envelopes around a Fernet token that come from the earlier service: the one its security review asked for
 * (`encrypted_data`, `salt`, `algorithm`, `kdf`, `iterations`) and the one it really answered (`encrypted_data`,
 * `key_derivation`, `key_info`, `algorithm`). Readers give null for every fault.
 */

import { base64urlPadded, fromAnyBase64, fromUtf8, utf8 } from './bytes.js';
import { fernetCreatedAt, fernetMac, fernetOpen, fernetSeal, readFernetKey } from './fernet.js';
import { deriveKey, isIterationCount, isSaltLength, SALT_BYTES } from './kdf.js';
import type { Random } from './random.js';

export interface LegacyEnvelope {
  token: string;
  /** How the Fernet key comes about: derived from a password, or lying in the envelope itself. */
  key: { salt: Uint8Array; iterations: number } | { raw: Uint8Array };
}

/** The iterations of the earlier service, which did not write them into its answer. */
const EARLIER_ITERATIONS = 100_000;

/** Reads either form and checks its parameters before any work. */
export function readLegacyEnvelope(value: Record<string, unknown>): LegacyEnvelope | null {
  const {
    encrypted_data: data,
    salt,
    algorithm = 'Fernet',
    kdf = 'PBKDF2HMAC',
    iterations = EARLIER_ITERATIONS,
  } = value;
  const token = typeof data === 'string' ? readToken(data) : null;
  if (token === null || !isIterationCount(iterations)) return null;
  if (typeof salt === 'string')
    return algorithm === 'Fernet' && kdf === 'PBKDF2HMAC' ? withSalt(token, salt, iterations) : null;
  // What the earlier service answered: `key_info` is a salt of 16 bytes, or the key itself, which has 32.
  const info = value['key_info'];
  if (typeof info !== 'string') return null;
  const raw = readFernetKey(info);
  return raw === null ? withSalt(token, info, iterations) : { token, key: { raw } };
}

function withSalt(token: string, text: string, iterations: number): LegacyEnvelope | null {
  const salt = fromAnyBase64(text);
  return salt !== null && isSaltLength(salt) ? { token, key: { salt, iterations } } : null;
}

/** `encrypted_data` is the base64url of a token; a bare token is taken too. What has not the form of one costs no derivation. */
function readToken(data: string): string | null {
  if (fernetCreatedAt(data) !== null) return data;
  const bytes = fromAnyBase64(data);
  const token = bytes === null ? null : fromUtf8(bytes);
  return token !== null && fernetCreatedAt(token) !== null ? token : null;
}

/** What a password is tried against: the decoded salt and the token's MAC, or null where the envelope carries its key. */
export function legacyGuessSubject({ key, token }: LegacyEnvelope): Uint8Array | null {
  const mac = fernetMac(token);
  return 'raw' in key || mac === null ? null : Buffer.concat([key.salt, mac]);
}

/**
 * Opens with a password, or with the key that lies in the envelope. A password given for one that carries its key is refused:
 * anybody can make such an envelope, and an answer would say that the password had vouched for it.
 */
export async function openLegacyEnvelope(
  envelope: LegacyEnvelope,
  password: string | undefined,
  now: Date,
  maxAgeSeconds?: number,
): Promise<Uint8Array | null> {
  const { key, token } = envelope;
  if ('raw' in key) return password === undefined ? fernetOpen(token, key.raw, now, maxAgeSeconds) : null;
  if (password === undefined) return null;
  return fernetOpen(token, await deriveKey(password, key.salt, key.iterations, 'sha256'), now, maxAgeSeconds);
}

/** Seals into the form the review asked for: the salt travels with the data. */
export async function sealLegacyEnvelope(
  plaintext: Uint8Array,
  password: string,
  iterations: number,
  now: Date,
  random: Random,
): Promise<{ envelope: string; salt: string }> {
  const saltBytes = random(SALT_BYTES.made);
  const key = await deriveKey(password, saltBytes, iterations, 'sha256');
  const salt = base64urlPadded(saltBytes);
  const envelope = JSON.stringify({
    encrypted_data: base64urlPadded(utf8(fernetSeal(plaintext, key, now, random))),
    salt,
    algorithm: 'Fernet',
    kdf: 'PBKDF2HMAC',
    iterations,
  });
  return { envelope, salt };
}
