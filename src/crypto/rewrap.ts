/**
 * Rewrapping: an envelope to another password or key of the ring, or to more iterations, with the ciphertext as it is (RFC 7516
 * section 7.2.1: the content key is wrapped per recipient). The plaintext never leaves.
 */

import { inputInvalid, SecurityError } from './errors.js';
import {
  checkSealIterations,
  envelopeRejected,
  guessSubjectOf,
  jweKdf,
  readEnvelope,
  sealJwe,
  unlockJwe,
  wrapFor,
  type EnvelopeFormat,
  type KeyLookup,
  type Lock,
  type ReadEnvelope,
  type WrappingKey,
} from './envelope.js';
import { decryptContent, keyIdsOf, recipientFor, serializeJwe, type Jwe, type Unlocker } from './jwe.js';
import { ADVISED_ITERATIONS, DEFAULT_ITERATIONS, kdfUse, type KdfUse } from './kdf.js';
import { openLegacyEnvelope } from './legacy-envelope.js';
import type { Random } from './random.js';

export interface RewrapRequest {
  envelope: string;
  /** What the envelope is locked with now; without it, a key of the ring. */
  password?: string;
  newPassword?: string;
  /** Nobody but this server knows the new password: what was never shown may move under it. */
  newPasswordHidden?: boolean;
  /** The key of the ring it moves to. */
  newKey?: WrappingKey;
  iterations?: number;
  context?: string;
  reencrypt?: boolean;
}

/** The ring, where the envelope is or shall be locked with a key of it. */
export interface RewrapRing {
  unwrap: KeyLookup;
  /** The newest version of the key that `id` is a version of. */
  newest(id: string): Promise<WrappingKey>;
}

export interface WrapSummary {
  format: EnvelopeFormat;
  kdf?: KdfUse;
  keyId?: string;
}

export interface RewrappedEnvelope {
  envelope: string;
  before: WrapSummary;
  after: WrapSummary;
  /** Whether the ciphertext is byte for byte the same. */
  contentUnchanged: boolean;
}

/** What a rewrap would guess at, or null where it tries no password. Throws `input_invalid`, before any work. */
export function rewrapGuessSubject(request: RewrapRequest & { newKeyName?: string }): Uint8Array | null {
  const read = checkRewrap(request);
  return read === null || request.password === undefined ? null : guessSubjectOf(read);
}

/** Whatever can be checked without work. Null where the envelope is to be rejected. */
function checkRewrap(request: RewrapRequest & { newKeyName?: string }): ReadEnvelope | null {
  const { password, newPassword, newKey, newKeyName, iterations } = request;
  const toKey = newKey !== undefined || newKeyName !== undefined;
  if (toKey && newPassword !== undefined)
    throw inputInvalid('key', 'and new_password exclude each other', 'Give the one that the envelope shall move to.');
  if (toKey && iterations !== undefined)
    throw inputInvalid('iterations', 'has no meaning with a key of the ring', 'Leave it out.');
  checkSealIterations(iterations ?? DEFAULT_ITERATIONS, ADVISED_ITERATIONS.sha512);
  const read = readEnvelope(request.envelope);
  if (password === undefined && read?.form === 'legacy' && 'raw' in read.legacy.key)
    throw inputInvalid(
      'envelope',
      'carries its own key, so that anybody can have made it',
      'Look at it with envelope_open, and seal the text anew with envelope_seal.',
    );
  if (password === undefined && !(read?.form === 'jwe' && keyIdsOf(read.jwe).length > 0))
    throw inputInvalid('password', 'is needed', 'Give the password the envelope was sealed with.');
  if (password === undefined && newPassword === undefined && iterations !== undefined)
    throw inputInvalid('iterations', 'has no meaning with a key of the ring', 'Leave it out.');
  if (
    read?.form === 'jwe' &&
    read.jwe.hidden !== undefined &&
    newPassword !== undefined &&
    request.newPasswordHidden !== true
  )
    throw new SecurityError(
      'policy_refused',
      'The envelope holds a secret that was never shown: under a password that you know you could read it.',
      {
        hint: 'Give key, or new_password by reference to a secret that was generated or typed by the human.',
      },
    );
  if (
    read?.form === 'jwe' &&
    read.jwe.recipients.length > 1 &&
    (request.reencrypt === true || isFixed(read.jwe, password))
  )
    throw inputInvalid(
      'reencrypt',
      'would lock the other recipients of this envelope out',
      'Leave reencrypt out, or open it and seal the text anew.',
    );
  return read;
}

/** Whether the wrapped key cannot be replaced under the protected header, so that the content must be encrypted anew. */
function isFixed(jwe: Jwe, password: string | undefined): boolean {
  const { recipients } = jwe;
  if (password === undefined) return recipients.some(({ wrap, replaceable }) => 'kid' in wrap && !replaceable);
  return recipientFor(jwe, { password })?.replaceable === false;
}

/**
 * Wraps the content key anew: under `newPassword`, under `newKey`, or else under what it is locked with now (the same password,
 * the newest version of the same key). The earlier service's envelopes become JWE. With `reencrypt` the content key is
 * replaced too, for when it may be known. Throws `envelope_rejected` and `input_invalid`.
 */
export async function rewrapEnvelope(
  request: RewrapRequest,
  now: Date,
  random: Random,
  ring?: RewrapRing,
): Promise<RewrappedEnvelope> {
  const { context, password } = request;
  const read = checkRewrap(request);
  if (read === null || read.form === 'token') throw envelopeRejected();

  if (read.form === 'legacy') {
    const plaintext = password === undefined ? null : await openLegacyEnvelope(read.legacy, password, now);
    // A context asked for here is bound into the new envelope: the old form could not carry one.
    if (plaintext === null || password === undefined) throw envelopeRejected();
    const lock = await lockFor(request, { password }, ring);
    const { envelope } = await sealJwe(plaintext, lock, context, random);
    const { key } = read.legacy;
    const before: WrapSummary = {
      format: 'fernet',
      ...('raw' in key ? {} : { kdf: kdfUse('sha256', key.iterations) }),
    };
    return { envelope, before, after: summaryOf(lock), contentUnchanged: false };
  }

  const { jwe } = read;
  const unlocked = await unlockJwe(jwe, password, ring?.unwrap);
  const plaintext = decryptContent(jwe, unlocked?.contentKey ?? null, context);
  const old = unlocked === null ? null : recipientFor(jwe, unlocked.unlocker);
  if (unlocked === null || plaintext === null || old === null) throw envelopeRejected();
  const lock = await lockFor(request, unlocked.unlocker, ring);
  const use = 'password' in unlocked.unlocker ? jweKdf(jwe) : null;
  const before: WrapSummary = {
    format: 'jwe',
    ...(use === null ? {} : { kdf: use }),
    ...('kid' in unlocked.unlocker ? { keyId: unlocked.unlocker.kid } : {}),
  };
  const after = summaryOf(lock);
  if (request.reencrypt === true || !old.replaceable) {
    const { envelope } = await sealJwe(plaintext, lock, context, random, jwe.hidden);
    return { envelope, before, after, contentUnchanged: false };
  }
  requireRoom(jwe, old.wrap.alg, lock);
  const fresh = await wrapFor(unlocked.contentKey, lock, random);
  const recipients = jwe.recipients.map((recipient) => (recipient === old ? fresh : recipient));
  return { envelope: serializeJwe({ ...jwe, recipients }), before, after, contentUnchanged: true };
}

/** An envelope has at most one password: a second one could not be opened any more. */
function requireRoom(jwe: Jwe, replaced: string, lock: Lock): void {
  if ('key' in lock || replaced === 'PBES2-HS512+A256KW' || recipientFor(jwe, { password: '' }) === null) return;
  throw inputInvalid(
    'new_password',
    'would be the second password of this envelope',
    'Rewrap it with its password, or to a key of the ring.',
  );
}

async function lockFor(request: RewrapRequest, unlocker: Unlocker, ring: RewrapRing | undefined): Promise<Lock> {
  const { newKey, newPassword, iterations = DEFAULT_ITERATIONS } = request;
  if (newKey !== undefined) return { key: newKey };
  if (newPassword !== undefined) return { password: newPassword, iterations };
  if ('password' in unlocker) return { password: unlocker.password, iterations };
  if (ring === undefined) throw envelopeRejected();
  return { key: await ring.newest(unlocker.kid) };
}

function summaryOf(lock: Lock): WrapSummary {
  return { format: 'jwe', ...('key' in lock ? { keyId: lock.key.id } : { kdf: kdfUse('sha512', lock.iterations) }) };
}
