/**
 * Sealing and opening of small secrets, over three forms: JWE (`jwe.ts`), bare Fernet tokens (`fernet.ts`) and
 * the earlier service's Fernet envelopes (`legacy-envelope.ts`). Every way in which opening can fail is one error. Rewrapping is in rewrap.ts.
 */

import type { KeyObject } from 'node:crypto';

import { fromUtf8, utf8 } from './bytes.js';
import { inputInvalid, SecurityError } from './errors.js';
import { fernetOpen, fernetSeal, readFernetKey } from './fernet.js';
import {
  decryptContent,
  encryptContent,
  jweGuessSubject,
  keyIdsOf,
  readJwe,
  recipientFor,
  serializeJwe,
  unwrapContentKey,
  wrapForKey,
  wrapForPassword,
  wrapForPublicKey,
  type Jwe,
  type Recipient,
  type Unlocker,
  type UnwrappingKey,
} from './jwe.js';
import { isJsonObject, parseBoundedJson } from './json.js';
import { ADVISED_ITERATIONS, DEFAULT_ITERATIONS, kdfAdvice, kdfUse, OPEN_ITERATIONS, type KdfUse } from './kdf.js';
import {
  legacyGuessSubject,
  openLegacyEnvelope,
  readLegacyEnvelope,
  sealLegacyEnvelope,
  type LegacyEnvelope,
} from './legacy-envelope.js';
import type { Random } from './random.js';
import type { SecretOrigin } from './secret.js';

export const ENVELOPE_LIMITS = {
  envelopeBytes: 1_048_576,
  /** What still fits into an envelope of the largest size in the widest of the three forms. */
  plaintextBytes: 524_288,
  depth: 8,
} as const;

export type EnvelopeFormat = 'jwe' | 'fernet';

/** What wraps, by its id: a key-encryption key of 32 bytes, or the public part of a P-256 key. */
export type WrappingKey = { id: string; bytes: Uint8Array } | { id: string; publicKey: KeyObject };

/** The key of that id, or null where there is none that may be used. */
export type KeyLookup = (id: string) => Promise<UnwrappingKey | null>;

export interface SealRequest {
  plaintext: string;
  password?: string;
  fernetKey?: string;
  /** A key of the ring. */
  key?: WrappingKey;
  context?: string;
  format?: EnvelopeFormat;
  iterations?: number;
  /** The plaintext is a secret of this origin that was never shown: the envelope says so, for whoever opens it. */
  hidden?: SecretOrigin;
}

export interface SealedEnvelope {
  envelope: string;
  format: EnvelopeFormat;
  algorithm: string;
  kdf?: KdfUse & { salt: string };
  keyId?: string;
}

export interface OpenRequest {
  envelope: string;
  password?: string;
  fernetKey?: string;
  context?: string;
  maxAgeSeconds?: number;
}

export interface OpenedEnvelope {
  plaintext: string;
  format: EnvelopeFormat;
  /** The key of the ring that opened it. */
  keyId?: string;
  /** What is weak about the envelope and how to mend it. */
  upgrade?: string;
  /** It holds what was never shown and must not be; where that came from. */
  hidden?: SecretOrigin;
}

/** The one answer to every failure to open: wrong secret, wrong context, changed or malformed envelope, refused parameters. */
export function envelopeRejected(): SecurityError {
  return new SecurityError('envelope_rejected', 'The envelope could not be opened.', {
    hint: 'Check that the envelope is whole and unchanged and that the password or key and the context are those it was sealed with. Use inspect to see its format and parameters.',
  });
}

/** Throws `input_invalid` unless exactly one lock is named, and nothing that has no meaning with it. */
export function requireOneLock({
  password,
  fernetKey,
  key,
  iterations,
  format,
}: Pick<SealRequest, 'password' | 'fernetKey' | 'iterations' | 'format'> & { key?: unknown }): void {
  if ([password, fernetKey, key].filter((lock) => lock !== undefined).length !== 1) {
    throw inputInvalid(
      'password',
      'and fernet_key and key: only one of them can be given',
      'Give password (for JWE or Fernet), fernet_key (for a bare Fernet token), or key; none of them for the default key of the ring.',
    );
  }
  if (key === undefined) return;
  if (format === 'fernet')
    throw inputInvalid('format', 'cannot be fernet with a key of the ring', 'Use format "jwe", or give password.');
  if (iterations !== undefined)
    throw inputInvalid('iterations', 'has no meaning with a key of the ring', 'Leave it out.');
}

/** Seals text. Throws `input_invalid` where the fields do not fit together. */
export async function sealEnvelope(request: SealRequest, now: Date, random: Random): Promise<SealedEnvelope> {
  const { password, fernetKey, key, context } = request;
  requireOneLock(request);
  const format = request.format ?? (fernetKey === undefined ? 'jwe' : 'fernet');
  const plaintext = utf8(request.plaintext);
  if (plaintext.length > ENVELOPE_LIMITS.plaintextBytes) {
    throw inputInvalid(
      'plaintext',
      `is over ${ENVELOPE_LIMITS.plaintextBytes} bytes`,
      'Envelopes are for small secrets: split the text.',
    );
  }
  if (format === 'fernet' && context !== undefined) {
    throw inputInvalid('context', 'cannot be bound by Fernet', 'Use format "jwe", or leave context out.');
  }
  if (fernetKey !== undefined) {
    if (format === 'jwe')
      throw inputInvalid('fernet_key', 'cannot seal a JWE', 'Use format "fernet", or give password instead.');
    if (request.iterations !== undefined) {
      throw inputInvalid(
        'iterations',
        'has no meaning with fernet_key',
        'Leave it out: a raw key is not derived from a password.',
      );
    }
    const envelope = fernetSeal(plaintext, requireFernetKey(fernetKey), now, random);
    return { envelope, format, algorithm: 'Fernet (AES-128-CBC, HMAC-SHA256)' };
  }
  if (key !== undefined) {
    const { envelope } = await sealJwe(plaintext, { key }, context, random, request.hidden);
    const wrapped = 'bytes' in key ? 'A256KW' : 'ECDH-ES+A256KW';
    return { envelope, format, algorithm: `A256GCM, ${wrapped}`, keyId: key.id };
  }
  const secret = password as string;
  const hash = format === 'jwe' ? 'sha512' : 'sha256';
  const iterations = request.iterations ?? DEFAULT_ITERATIONS;
  checkSealIterations(iterations, format === 'jwe' ? ADVISED_ITERATIONS.sha512 : 100_000);
  if (format === 'fernet') {
    const { envelope, salt } = await sealLegacyEnvelope(plaintext, secret, iterations, now, random);
    return {
      envelope,
      format,
      algorithm: 'Fernet (AES-128-CBC, HMAC-SHA256)',
      kdf: { ...kdfUse(hash, iterations), salt },
    };
  }
  const { envelope, salt } = await sealJwe(
    plaintext,
    { password: secret, iterations },
    context,
    random,
    request.hidden,
  );
  return { envelope, format, algorithm: JWE_ALGORITHM, kdf: { ...kdfUse(hash, iterations), salt } };
}

const JWE_ALGORITHM = 'A256GCM, PBES2-HS512+A256KW';

/** What a JWE is locked with. */
export type Lock = { password: string; iterations: number } | { key: WrappingKey };

export async function sealJwe(
  plaintext: Uint8Array,
  lock: Lock,
  context: string | undefined,
  random: Random,
  hidden?: SecretOrigin,
): Promise<{ envelope: string; salt: string }> {
  const { jwe, contentKey } = encryptContent(plaintext, context, random, hidden);
  const recipient = await wrapFor(contentKey, lock, random);
  const salt = 'p2s' in recipient.wrap ? recipient.wrap.p2s : '';
  return { envelope: serializeJwe({ ...jwe, recipients: [recipient] }), salt };
}

export async function wrapFor(contentKey: Uint8Array, lock: Lock, random: Random): Promise<Recipient> {
  if ('key' in lock)
    return 'bytes' in lock.key
      ? wrapForKey(contentKey, lock.key.id, lock.key.bytes)
      : wrapForPublicKey(contentKey, lock.key.id, lock.key.publicKey);
  return wrapForPassword(contentKey, lock.password, lock.iterations, random);
}

export function checkSealIterations(iterations: number, least: number): void {
  if (iterations >= least && iterations <= OPEN_ITERATIONS.max) return;
  throw inputInvalid(
    'iterations',
    `must be from ${least} to ${OPEN_ITERATIONS.max} for this format`,
    `Leave it out for ${DEFAULT_ITERATIONS}.`,
  );
}

function requireFernetKey(text: string): Uint8Array {
  const key = readFernetKey(text);
  if (key !== null) return key;
  throw inputInvalid(
    'fernet_key',
    'is not a Fernet key',
    'Give 32 bytes in base64url with padding (44 characters), as Fernet.generate_key() writes them.',
  );
}

export type ReadEnvelope =
  | { form: 'jwe'; jwe: Jwe }
  | { form: 'legacy'; legacy: LegacyEnvelope }
  | { form: 'token'; token: string };

/** Recognises and checks an envelope without a secret; null on any fault. */
export function readEnvelope(envelope: string): ReadEnvelope | null {
  if (envelope.length > ENVELOPE_LIMITS.envelopeBytes) return null;
  const text = envelope.trim();
  if (!text.startsWith('{')) return { form: 'token', token: text };
  const value = parseBoundedJson(text, { maxBytes: ENVELOPE_LIMITS.envelopeBytes, maxDepth: ENVELOPE_LIMITS.depth });
  if (!isJsonObject(value)) return null;
  if ('encrypted_data' in value) {
    const legacy = readLegacyEnvelope(value);
    return legacy === null ? null : { form: 'legacy', legacy };
  }
  const jwe = readJwe(value);
  return jwe === null ? null : { form: 'jwe', jwe };
}

/** What a password is tried against, in bytes that all spellings of one envelope share; null where none is. */
export function guessSubjectOf(read: ReadEnvelope): Uint8Array | null {
  if (read.form === 'token') return null;
  return read.form === 'jwe' ? jweGuessSubject(read.jwe) : legacyGuessSubject(read.legacy);
}

/** What `openEnvelope` would guess at, or null where it tries no password. Throws its `input_invalid`, before any work. */
export function openGuessSubject(request: OpenRequest): Uint8Array | null {
  const { read } = checkOpening(request);
  return read === null || request.password === undefined ? null : guessSubjectOf(read);
}

/** Whatever can be checked without work. `read` is null where the envelope is to be rejected. */
function checkOpening(request: OpenRequest): { read: ReadEnvelope | null; key: Uint8Array | undefined } {
  const { password, fernetKey, maxAgeSeconds } = request;
  if (password !== undefined && fernetKey !== undefined) {
    throw inputInvalid(
      'password',
      'and fernet_key: only one of them can be given',
      'Give fernet_key for a bare Fernet token, password for everything else.',
    );
  }
  const key = fernetKey === undefined ? undefined : requireFernetKey(fernetKey);
  const read = readEnvelope(request.envelope);
  const carriesKey = read?.form === 'legacy' && 'raw' in read.legacy.key;
  const namesKey = read?.form === 'jwe' && keyIdsOf(read.jwe).length > 0;
  if (password === undefined && key === undefined && !carriesKey && !namesKey) {
    throw inputInvalid(
      'password',
      'or fernet_key is needed',
      'Give the password the envelope was sealed with, or the Fernet key of a bare token.',
    );
  }
  if (maxAgeSeconds !== undefined && read?.form === 'jwe') {
    throw inputInvalid(
      'max_age_seconds',
      'cannot be checked on a JWE, which carries no time',
      'Leave it out; it is for Fernet.',
    );
  }
  return { read, key };
}

/** Opens an envelope of any form. Throws `envelope_rejected`, and `input_invalid` where the fields do not fit together. */
export async function openEnvelope(request: OpenRequest, now: Date, ring?: KeyLookup): Promise<OpenedEnvelope> {
  const { password, context, maxAgeSeconds } = request;
  const { read, key } = checkOpening(request);
  if (read === null) throw envelopeRejected();
  if (context !== undefined && read.form !== 'jwe') throw envelopeRejected();

  let plaintext: Uint8Array | null = null;
  let upgrade: string | null = null;
  let keyId: string | undefined;
  if (read.form === 'jwe') {
    if (key === undefined) {
      const opened = await unlockJwe(read.jwe, password, ring);
      plaintext = decryptContent(read.jwe, opened?.contentKey ?? null, context);
      if (opened !== null && 'kid' in opened.unlocker) keyId = opened.unlocker.kid;
    }
    upgrade = jweAdvice(read.jwe);
  } else if (read.form === 'legacy') {
    const { legacy } = read;
    plaintext =
      key === undefined
        ? await openLegacyEnvelope(legacy, password, now, maxAgeSeconds)
        : fernetOpen(legacy.token, key, now, maxAgeSeconds);
    upgrade = legacyAdvice(legacy);
  } else if (key !== undefined) {
    plaintext = fernetOpen(read.token, key, now, maxAgeSeconds);
  }
  const text = plaintext === null ? null : fromUtf8(plaintext);
  if (text === null) throw envelopeRejected();
  return {
    plaintext: text,
    format: read.form === 'jwe' ? 'jwe' : 'fernet',
    ...(keyId === undefined ? {} : { keyId }),
    ...(upgrade === null ? {} : { upgrade }),
    ...(read.form === 'jwe' && read.jwe.hidden !== undefined ? { hidden: read.jwe.hidden } : {}),
  };
}

/** The content key, by the password where one is given, else by the first key of the ring that the envelope names. */
export async function unlockJwe(
  jwe: Jwe,
  password: string | undefined,
  ring: KeyLookup | undefined,
): Promise<{ contentKey: Uint8Array; unlocker: Unlocker } | null> {
  const unlockers: Unlocker[] = password === undefined ? [] : [{ password }];
  if (password === undefined && ring !== undefined)
    for (const kid of keyIdsOf(jwe)) {
      const keyEncryptionKey = await ring(kid);
      if (keyEncryptionKey !== null) unlockers.push({ kid, keyEncryptionKey });
    }
  for (const unlocker of unlockers) {
    const contentKey = await unwrapContentKey(jwe, unlocker);
    if (contentKey !== null) return { contentKey, unlocker };
  }
  return null;
}

function jweAdvice(jwe: Jwe): string | null {
  const use = jweKdf(jwe);
  return use === null ? null : kdfAdvice(use);
}

export function jweKdf(jwe: Jwe): KdfUse | null {
  const wrap = recipientFor(jwe, { password: '' })?.wrap;
  return wrap !== undefined && 'p2c' in wrap ? kdfUse('sha512', wrap.p2c) : null;
}

function legacyAdvice(legacy: LegacyEnvelope): string | null {
  if ('raw' in legacy.key)
    return 'the envelope carries its own key, so whoever holds it can read it: seal the text anew under a password';
  return kdfAdvice(kdfUse('sha256', legacy.key.iterations));
}
