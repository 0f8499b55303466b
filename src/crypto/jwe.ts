/**
 * Envelopes as JWE in its General JSON serialization (RFC 7516 section 7.2.1): content under A256GCM with a key of its
 * own, that key wrapped once per recipient with `PBES2-HS512+A256KW` (RFC 7518 section 4.8), `A256KW` (section 4.4) or
 * `ECDH-ES+A256KW` (section 4.6).
 * How the key is wrapped stands in the recipient's own header, so that it can be wrapped anew without touching the content.
 * Every function that reads an envelope gives null for every fault: the caller has one answer for all.
 */

import { createCipheriv, createDecipheriv, createHash, type KeyObject } from 'node:crypto';

import { base64url, equalBytes, fromBase64url, fromUtf8, utf8 } from './bytes.js';
import { isJsonObject, parseBoundedJson } from './json.js';
import {
  AGREEMENT_ALGORITHM,
  agreeAsRecipient,
  agreeAsSender,
  readEphemeralKey,
  type EphemeralKey,
} from './key-agreement.js';
import { deriveKey, isIterationCount, isSaltLength, SALT_BYTES } from './kdf.js';
import type { Random } from './random.js';
import { SECRET_ORIGINS, type SecretOrigin } from './secret.js';

const PASSWORD_ALGORITHM = 'PBES2-HS512+A256KW';
const KEY_ALGORITHM = 'A256KW';
const CONTENT_KEY_BYTES = 32;
const WRAPPED_KEY_BYTES = 40;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const WRAP_PARAMETERS = ['alg', 'kid', 'p2s', 'p2c', 'epk'] as const;
const MAX_RECIPIENTS = 8;
const MAX_PROTECTED_BYTES = 4_096;

/** RFC 7515 section 4.1.9. */
const PLAIN_TYPE = 'JOSE+JSON';
const HIDDEN_TYPE = 'JOSE+JSON; secret=';

function hiddenOrigin(typ: unknown): SecretOrigin | undefined {
  return SECRET_ORIGINS.find((origin) => typ === `${HIDDEN_TYPE}${origin}`);
}

export interface PasswordWrap {
  alg: typeof PASSWORD_ALGORITHM;
  p2s: string;
  p2c: number;
}

export interface KeyWrap {
  alg: typeof KEY_ALGORITHM;
  kid: string;
}

export interface AgreementWrap {
  alg: typeof AGREEMENT_ALGORITHM;
  kid: string;
  epk: EphemeralKey;
}

export interface Recipient {
  wrap: PasswordWrap | KeyWrap | AgreementWrap;
  encryptedKey: Uint8Array;
  /** Whether the whole of `wrap` stands in the recipient's own header, where it can be replaced. */
  replaceable: boolean;
}

export interface Jwe {
  /** The protected header as it was received: its bytes are authenticated. */
  protectedText: string;
  contextDigest: string | undefined;
  /** What it holds was never shown and must not be, says the authenticated header; and where that came from. */
  hidden: SecretOrigin | undefined;
  recipients: Recipient[];
  nonce: Uint8Array;
  ciphertext: Uint8Array;
  tag: Uint8Array;
}

/** The key of an id: a key-encryption key (32 bytes), or a private key that agrees on one. */
export type UnwrappingKey = Uint8Array | KeyObject;

/** What opens an envelope: a password, or a key by its id. */
export type Unlocker = { password: string } | { kid: string; keyEncryptionKey: UnwrappingKey };

/** Reads and checks everything that can be checked without a secret, before any work. Null on any fault. */
export function readJwe(value: Record<string, unknown>): Jwe | null {
  const { protected: protectedText, recipients, iv, ciphertext, tag } = value;
  if (typeof protectedText !== 'string' || !Array.isArray(recipients)) return null;
  if (typeof iv !== 'string' || typeof ciphertext !== 'string' || typeof tag !== 'string') return null;
  if (value['unprotected'] !== undefined || value['aad'] !== undefined) return null;
  if (recipients.length < 1 || recipients.length > MAX_RECIPIENTS) return null;
  const header = readProtected(protectedText);
  if (header === null || header['enc'] !== 'A256GCM' || 'zip' in header || 'crit' in header) return null;
  const hidden = hiddenOrigin(header['typ']);
  const contextDigest = header['ctx'];
  if (contextDigest !== undefined && typeof contextDigest !== 'string') return null;

  const read = recipients.map((entry: unknown) => readRecipient(entry, header));
  if (read.some((recipient) => recipient === null)) return null;
  const sound = read as Recipient[];
  if (sound.filter(({ wrap }) => wrap.alg === PASSWORD_ALGORITHM).length > 1) return null;

  const [nonceBytes, ciphertextBytes, tagBytes] = [iv, ciphertext, tag].map(fromBase64url);
  if (!nonceBytes || !ciphertextBytes || !tagBytes) return null;
  if (nonceBytes.length !== NONCE_BYTES || tagBytes.length !== TAG_BYTES) return null;
  return {
    protectedText,
    contextDigest,
    hidden,
    recipients: sound,
    nonce: nonceBytes,
    ciphertext: ciphertextBytes,
    tag: tagBytes,
  };
}

function readProtected(text: string): Record<string, unknown> | null {
  const bytes = text.length > MAX_PROTECTED_BYTES * 2 ? null : fromBase64url(text);
  const json = bytes === null ? null : fromUtf8(bytes);
  const parsed = json === null ? undefined : parseBoundedJson(json, { maxBytes: MAX_PROTECTED_BYTES, maxDepth: 4 });
  return isJsonObject(parsed) ? parsed : null;
}

function readRecipient(entry: unknown, protectedHeader: Record<string, unknown>): Recipient | null {
  if (!isJsonObject(entry)) return null;
  const own = entry['header'] ?? {};
  const encryptedKeyText = entry['encrypted_key'];
  if (!isJsonObject(own) || typeof encryptedKeyText !== 'string') return null;
  // RFC 7516 section 7.2.1: the names of the headers are disjoint.
  if (Object.keys(own).some((name) => Object.hasOwn(protectedHeader, name)) || 'zip' in own || 'crit' in own)
    return null;
  const encryptedKey = fromBase64url(encryptedKeyText);
  if (encryptedKey?.length !== WRAPPED_KEY_BYTES) return null;
  const wrap = readWrap({ ...protectedHeader, ...own });
  const replaceable = !WRAP_PARAMETERS.some((name) => Object.hasOwn(protectedHeader, name));
  return wrap === null ? null : { wrap, encryptedKey, replaceable };
}

function readWrap(header: Record<string, unknown>): Recipient['wrap'] | null {
  const { alg, p2s, p2c, kid } = header;
  if (alg === AGREEMENT_ALGORITHM) {
    const epk = readEphemeralKey(header['epk']);
    // We make none with the names of the parties, and read none: they would have to be what they are taken for.
    const isPlain = header['apu'] === undefined && header['apv'] === undefined;
    return typeof kid === 'string' && epk !== null && isPlain ? { alg, kid, epk } : null;
  }
  if (alg === KEY_ALGORITHM) return typeof kid === 'string' ? { alg, kid } : null;
  if (alg !== PASSWORD_ALGORITHM || typeof p2s !== 'string' || !isIterationCount(p2c)) return null;
  const salt = fromBase64url(p2s);
  return salt !== null && isSaltLength(salt) ? { alg, p2s, p2c } : null;
}

/** The recipient that `unlocker` is for, or null. */
export function recipientFor(jwe: Jwe, unlocker: Unlocker): Recipient | null {
  const found = jwe.recipients.find(({ wrap }) =>
    'password' in unlocker ? wrap.alg === PASSWORD_ALGORITHM : 'kid' in wrap && wrap.kid === unlocker.kid,
  );
  return found ?? null;
}

/**
 * What a password is tried against: the decoded salt and the wrapped key, or null where no password opens the envelope.
 * Whoever changes one of them tries nothing any more, whatever else of the envelope is changed or spelt anew.
 */
export function jweGuessSubject(jwe: Jwe): Uint8Array | null {
  const recipient = recipientFor(jwe, { password: '' });
  if (recipient === null || !('p2s' in recipient.wrap)) return null;
  return Buffer.concat([Buffer.from(recipient.wrap.p2s, 'base64url'), recipient.encryptedKey]);
}

/** The content key, or null where the password, key or wrapped key is wrong. Derives at most one key. */
export async function unwrapContentKey(jwe: Jwe, unlocker: Unlocker): Promise<Uint8Array | null> {
  const recipient = recipientFor(jwe, unlocker);
  if (recipient === null) return null;
  const { wrap, encryptedKey } = recipient;
  const keyEncryptionKey =
    'password' in unlocker
      ? await passwordKey(unlocker.password, wrap as PasswordWrap)
      : wrappingKeyOf(wrap as KeyWrap | AgreementWrap, unlocker.keyEncryptionKey);
  return keyEncryptionKey === null ? null : aesKeyUnwrap(encryptedKey, keyEncryptionKey);
}

/** Null where the key is of another kind than the recipient's header says: the key decides, never the header. */
function wrappingKeyOf(wrap: KeyWrap | AgreementWrap, key: UnwrappingKey): Uint8Array | null {
  if (key instanceof Uint8Array) return wrap.alg === KEY_ALGORITHM ? key : null;
  return wrap.alg === AGREEMENT_ALGORITHM ? agreeAsRecipient(key, wrap.epk) : null;
}

/** Stands in for a content key that there is none of. What it opens is never given out: anybody could have sealed under it. */
const NO_KEY = Buffer.alloc(CONTENT_KEY_BYTES);

/**
 * The plaintext, or null where content, tag or protected header were changed or the context is another one. Without a content key, and
 * under another context, the work is the same: how long it took does not tell what was wrong (RFC 7516 section 11.5).
 */
export function decryptContent(
  jwe: Jwe,
  contentKey: Uint8Array | null,
  context: string | undefined,
): Uint8Array | null {
  const digest = context === undefined ? undefined : contextDigestOf(context);
  const isBound =
    (digest === undefined) === (jwe.contextDigest === undefined) &&
    equalBytes(utf8(digest ?? ''), utf8(jwe.contextDigest ?? ''));
  const plaintext = aesGcmOpen(contentKey ?? NO_KEY, jwe.nonce, jwe.ciphertext, jwe.tag, utf8(jwe.protectedText));
  return contentKey !== null && isBound ? plaintext : null;
}

/** Encrypts under a fresh content key. The recipients are added by `wrapForPassword`. */
export function encryptContent(
  plaintext: Uint8Array,
  context: string | undefined,
  random: Random,
  hidden?: SecretOrigin,
): { jwe: Omit<Jwe, 'recipients'>; contentKey: Uint8Array } {
  const contentKey = random(CONTENT_KEY_BYTES);
  const nonce = random(NONCE_BYTES);
  const contextDigest = context === undefined ? undefined : contextDigestOf(context);
  const typ = hidden === undefined ? PLAIN_TYPE : `${HIDDEN_TYPE}${hidden}`;
  const header = { enc: 'A256GCM', typ, ...(contextDigest === undefined ? {} : { ctx: contextDigest }) };
  const protectedText = base64url(utf8(JSON.stringify(header)));
  const { ciphertext, tag } = aesGcmSeal(contentKey, nonce, plaintext, utf8(protectedText));
  return { jwe: { protectedText, contextDigest, hidden, nonce, ciphertext, tag }, contentKey };
}

/** Wraps the content key under a password with a new salt. */
export async function wrapForPassword(
  contentKey: Uint8Array,
  password: string,
  iterations: number,
  random: Random,
): Promise<Recipient> {
  const wrap: PasswordWrap = { alg: PASSWORD_ALGORITHM, p2s: base64url(random(SALT_BYTES.made)), p2c: iterations };
  return { wrap, encryptedKey: aesKeyWrap(contentKey, await passwordKey(password, wrap)), replaceable: true };
}

/** Wraps the content key under a key-encryption key (32 bytes). */
export function wrapForKey(contentKey: Uint8Array, kid: string, keyEncryptionKey: Uint8Array): Recipient {
  return {
    wrap: { alg: KEY_ALGORITHM, kid },
    encryptedKey: aesKeyWrap(contentKey, keyEncryptionKey),
    replaceable: true,
  };
}

/** Wraps the content key for whoever has the private part of a P-256 key. */
export function wrapForPublicKey(contentKey: Uint8Array, kid: string, publicKey: KeyObject): Recipient {
  const { epk, wrappingKey } = agreeAsSender(publicKey);
  return {
    wrap: { alg: AGREEMENT_ALGORITHM, kid, epk },
    encryptedKey: aesKeyWrap(contentKey, wrappingKey),
    replaceable: true,
  };
}

/** The ids of the keys that may open the envelope. */
export function keyIdsOf(jwe: Jwe): string[] {
  return jwe.recipients.flatMap(({ wrap }) => ('kid' in wrap ? [wrap.kid] : []));
}

export function serializeJwe(jwe: Jwe): string {
  return JSON.stringify({
    protected: jwe.protectedText,
    recipients: jwe.recipients.map(({ wrap, encryptedKey, replaceable }) => ({
      ...(replaceable ? { header: wrap } : {}),
      encrypted_key: base64url(encryptedKey),
    })),
    iv: base64url(jwe.nonce),
    ciphertext: base64url(jwe.ciphertext),
    tag: base64url(jwe.tag),
  });
}

function contextDigestOf(context: string): string {
  return createHash('sha256').update(context, 'utf8').digest('base64url');
}

/** RFC 7518 section 4.8.1.1: the salt of the derivation is `UTF8(alg) || 0x00 || p2s`. */
function passwordKey(password: string, wrap: PasswordWrap): Promise<Uint8Array> {
  const salt = Buffer.concat([utf8(`${wrap.alg}\0`), Buffer.from(wrap.p2s, 'base64url')]);
  return deriveKey(password, salt, wrap.p2c, 'sha512');
}

const AES_KEY_WRAP = 'id-aes256-wrap';
const AES_KEY_WRAP_IV = Buffer.alloc(8, 0xa6);

/** RFC 3394 section 2.2.1 with its default initial value; `key` is a whole number of 64-bit blocks, at least two. */
export function aesKeyWrap(key: Uint8Array, keyEncryptionKey: Uint8Array): Uint8Array {
  const cipher = createCipheriv(AES_KEY_WRAP, keyEncryptionKey, AES_KEY_WRAP_IV);
  return Buffer.concat([cipher.update(key), cipher.final()]);
}

/** RFC 3394 section 2.2.2, or null where the integrity check fails or the size is none that wrapping makes. */
export function aesKeyUnwrap(wrapped: Uint8Array, keyEncryptionKey: Uint8Array): Uint8Array | null {
  if (wrapped.length < 24 || wrapped.length % 8 !== 0) return null;
  try {
    const decipher = createDecipheriv(AES_KEY_WRAP, keyEncryptionKey, AES_KEY_WRAP_IV);
    return Buffer.concat([decipher.update(wrapped), decipher.final()]);
  } catch {
    return null;
  }
}

/** AES-256-GCM (NIST SP 800-38D), 12-byte nonce, 16-byte tag. */
export function aesGcmSeal(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  additionalData: Uint8Array,
): { ciphertext: Uint8Array; tag: Uint8Array } {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return { ciphertext, tag: cipher.getAuthTag() };
}

/** The plaintext, or null where anything was changed. Nonce and tag must have their full lengths. */
export function aesGcmOpen(
  key: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
  tag: Uint8Array,
  additionalData: Uint8Array,
): Uint8Array | null {
  if (nonce.length !== NONCE_BYTES || tag.length !== TAG_BYTES || key.length !== CONTENT_KEY_BYTES) return null;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(additionalData);
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    return null;
  }
}
