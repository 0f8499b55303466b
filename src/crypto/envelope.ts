/**
 * Sealing, opening and rewrapping of small secrets, over three forms: JWE (`jwe.ts`), bare Fernet tokens (`fernet.ts`) and
 * the earlier service's Fernet envelopes (`legacy-envelope.ts`). Every way in which opening can fail is one error.
 */

import { fromUtf8, utf8 } from './bytes.js';
import { inputInvalid, SecurityError } from './errors.js';
import { fernetOpen, fernetSeal, readFernetKey } from './fernet.js';
import {
  decryptContent,
  encryptContent,
  jweGuessSubject,
  readJwe,
  recipientFor,
  serializeJwe,
  unwrapContentKey,
  wrapForPassword,
  type Jwe,
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

export const ENVELOPE_LIMITS = {
  envelopeBytes: 1_048_576,
  /** What still fits into an envelope of the largest size in the widest of the three forms. */
  plaintextBytes: 524_288,
  depth: 8,
} as const;

export type EnvelopeFormat = 'jwe' | 'fernet';

export interface SealRequest {
  plaintext: string;
  password?: string;
  fernetKey?: string;
  context?: string;
  format?: EnvelopeFormat;
  iterations?: number;
}

export interface SealedEnvelope {
  envelope: string;
  format: EnvelopeFormat;
  algorithm: string;
  kdf?: KdfUse & { salt: string };
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
  /** What is weak about the envelope and how to mend it. */
  upgrade?: string;
}

/** The one answer to every failure to open: wrong secret, wrong context, changed or malformed envelope, refused parameters. */
export function envelopeRejected(): SecurityError {
  return new SecurityError('envelope_rejected', 'The envelope could not be opened.', {
    hint: 'Check that the envelope is whole and unchanged and that the password or key and the context are those it was sealed with. Use inspect to see its format and parameters.',
  });
}

/** Seals text. Throws `input_invalid` where the fields do not fit together. */
export async function sealEnvelope(request: SealRequest, now: Date, random: Random): Promise<SealedEnvelope> {
  const { password, fernetKey, context } = request;
  if ((password === undefined) === (fernetKey === undefined)) {
    throw inputInvalid(
      'password',
      'and fernet_key: exactly one of them is needed',
      'Give password (for JWE or Fernet), or fernet_key (for a bare Fernet token).',
    );
  }
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
  const { envelope, salt } = await sealJwe(plaintext, secret, context, iterations, random);
  return { envelope, format, algorithm: JWE_ALGORITHM, kdf: { ...kdfUse(hash, iterations), salt } };
}

const JWE_ALGORITHM = 'A256GCM, PBES2-HS512+A256KW';

async function sealJwe(
  plaintext: Uint8Array,
  password: string,
  context: string | undefined,
  iterations: number,
  random: Random,
): Promise<{ envelope: string; salt: string }> {
  const { jwe, contentKey } = encryptContent(plaintext, context, random);
  const recipient = await wrapForPassword(contentKey, password, iterations, random);
  const salt = 'p2s' in recipient.wrap ? recipient.wrap.p2s : '';
  return { envelope: serializeJwe({ ...jwe, recipients: [recipient] }), salt };
}

function checkSealIterations(iterations: number, least: number): void {
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

type ReadEnvelope =
  | { form: 'jwe'; jwe: Jwe }
  | { form: 'legacy'; legacy: LegacyEnvelope }
  | { form: 'token'; token: string };

/** Recognises and checks an envelope without a secret; null on any fault. */
function readEnvelope(envelope: string): ReadEnvelope | null {
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
function guessSubjectOf(read: ReadEnvelope): Uint8Array | null {
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
  if (password === undefined && key === undefined && !carriesKey) {
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
export async function openEnvelope(request: OpenRequest, now: Date): Promise<OpenedEnvelope> {
  const { password, context, maxAgeSeconds } = request;
  const { read, key } = checkOpening(request);
  if (read === null) throw envelopeRejected();
  if (context !== undefined && read.form !== 'jwe') throw envelopeRejected();

  let plaintext: Uint8Array | null = null;
  let upgrade: string | null = null;
  if (read.form === 'jwe') {
    if (password !== undefined) plaintext = await openJwe(read.jwe, password, context);
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
  return { plaintext: text, format: read.form === 'jwe' ? 'jwe' : 'fernet', ...(upgrade === null ? {} : { upgrade }) };
}

async function openJwe(jwe: Jwe, password: string, context: string | undefined): Promise<Uint8Array | null> {
  const contentKey = await unwrapContentKey(jwe, { password });
  return contentKey === null ? null : decryptContent(jwe, contentKey, context);
}

function jweAdvice(jwe: Jwe): string | null {
  const use = jweKdf(jwe);
  return use === null ? null : kdfAdvice(use);
}

function jweKdf(jwe: Jwe): KdfUse | null {
  const wrap = recipientFor(jwe, { password: '' })?.wrap;
  return wrap !== undefined && 'p2c' in wrap ? kdfUse('sha512', wrap.p2c) : null;
}

function legacyAdvice(legacy: LegacyEnvelope): string | null {
  if ('raw' in legacy.key)
    return 'the envelope carries its own key, so whoever holds it can read it: seal the text anew under a password';
  return kdfAdvice(kdfUse('sha256', legacy.key.iterations));
}

export interface RewrapRequest {
  envelope: string;
  password?: string;
  newPassword?: string;
  iterations?: number;
  context?: string;
  reencrypt?: boolean;
}

export interface WrapSummary {
  format: EnvelopeFormat;
  kdf?: KdfUse;
}

export interface RewrappedEnvelope {
  envelope: string;
  before: WrapSummary;
  after: WrapSummary;
  /** Whether the ciphertext is byte for byte the same. */
  contentUnchanged: boolean;
}

/** What `rewrapEnvelope` would guess at, or null where it tries no password. Throws its `input_invalid`, before any work. */
export function rewrapGuessSubject(request: RewrapRequest): Uint8Array | null {
  const { read } = checkRewrap(request);
  return read === null ? null : guessSubjectOf(read);
}

/** Whatever can be checked without work. `read` is null where the envelope is to be rejected. */
function checkRewrap(request: RewrapRequest): { read: ReadEnvelope | null; password: string; iterations: number } {
  const { password, iterations = DEFAULT_ITERATIONS } = request;
  checkSealIterations(iterations, ADVISED_ITERATIONS.sha512);
  if (password === undefined)
    throw inputInvalid('password', 'is needed', 'Give the password the envelope was sealed with.');
  const read = readEnvelope(request.envelope);
  if (read?.form === 'jwe' && read.jwe.recipients.length > 1 && replacesContentKey(read.jwe, request)) {
    throw inputInvalid(
      'reencrypt',
      'would lock the other recipients of this envelope out',
      'Leave reencrypt out, or open it and seal the text anew.',
    );
  }
  return { read, password, iterations };
}

/** Whether the content must be encrypted anew: asked for, or the wrapped key cannot be replaced under the protected header. */
function replacesContentKey(jwe: Jwe, request: RewrapRequest): boolean {
  return request.reencrypt === true || recipientFor(jwe, { password: '' })?.replaceable === false;
}

/**
 * Wraps the content key anew, under a new password or with other iterations; the plaintext never leaves this function.
 * The earlier service's envelopes become JWE. With `reencrypt` the content key is replaced too, for when it may be known.
 * Throws `envelope_rejected` and `input_invalid`.
 */
export async function rewrapEnvelope(request: RewrapRequest, now: Date, random: Random): Promise<RewrappedEnvelope> {
  const { context } = request;
  const { read, password, iterations } = checkRewrap(request);
  const newPassword = request.newPassword ?? password;
  if (read === null || read.form === 'token') throw envelopeRejected();
  const after: WrapSummary = { format: 'jwe', kdf: kdfUse('sha512', iterations) };

  if (read.form === 'legacy') {
    const plaintext = await openLegacyEnvelope(read.legacy, password, now);
    // A context asked for here is bound into the new envelope: the old form could not carry one.
    if (plaintext === null) throw envelopeRejected();
    const { envelope } = await sealJwe(plaintext, newPassword, context, iterations, random);
    const { key } = read.legacy;
    const before: WrapSummary = {
      format: 'fernet',
      ...('raw' in key ? {} : { kdf: kdfUse('sha256', key.iterations) }),
    };
    return { envelope, before, after, contentUnchanged: false };
  }

  const { jwe } = read;
  const contentKey = await unwrapContentKey(jwe, { password });
  const plaintext = contentKey === null ? null : decryptContent(jwe, contentKey, context);
  const old = recipientFor(jwe, { password });
  if (contentKey === null || plaintext === null || old === null) throw envelopeRejected();
  const use = jweKdf(jwe);
  const before: WrapSummary = { format: 'jwe', ...(use === null ? {} : { kdf: use }) };
  if (replacesContentKey(jwe, request)) {
    const { envelope } = await sealJwe(plaintext, newPassword, context, iterations, random);
    return { envelope, before, after, contentUnchanged: false };
  }
  const fresh = await wrapForPassword(contentKey, newPassword, iterations, random);
  const recipients = jwe.recipients.map((recipient) => (recipient === old ? fresh : recipient));
  return { envelope: serializeJwe({ ...jwe, recipients }), before, after, contentUnchanged: true };
}
