/** Envelopes for tests: cheap ones, with as few iterations as an opening accepts, and ways to change them. */

import { base64url, utf8 } from '../../src/crypto/bytes.js';
import { SecurityError } from '../../src/crypto/errors.js';
import { aesKeyWrap, encryptContent, serializeJwe, wrapForPassword, type Recipient } from '../../src/crypto/jwe.js';
import { sealLegacyEnvelope } from '../../src/crypto/legacy-envelope.js';
import { systemRandom } from '../../src/crypto/random.js';

export const PASSWORD = 'correct horse battery staple';
export const NOW = new Date('2026-06-01T12:00:00Z');

export interface JweJson {
  protected: string;
  recipients: { header: Record<string, unknown>; encrypted_key: string }[];
  iv: string;
  ciphertext: string;
  tag: string;
  [member: string]: unknown;
}

export interface CheapJwe {
  password?: string;
  context?: string;
  iterations?: number;
  /** A second recipient: this key-encryption key, under the id `ring.1`. */
  keyEncryptionKey?: Uint8Array;
}

/** What `sealEnvelope` makes, but cheap to open, and with a second recipient where asked for. */
export async function cheapJwe(plaintext: string | Uint8Array, options: CheapJwe = {}): Promise<string> {
  const { password = PASSWORD, context, iterations = 1_000, keyEncryptionKey } = options;
  const bytes = typeof plaintext === 'string' ? utf8(plaintext) : plaintext;
  const { jwe, contentKey } = encryptContent(bytes, context, systemRandom);
  const recipients: Recipient[] = [await wrapForPassword(contentKey, password, iterations, systemRandom)];
  if (keyEncryptionKey !== undefined) {
    const encryptedKey = aesKeyWrap(contentKey, keyEncryptionKey);
    recipients.push({ wrap: { alg: 'A256KW', kid: 'ring.1' }, encryptedKey, replaceable: true });
  }
  return serializeJwe({ ...jwe, recipients });
}

export async function cheapLegacy(plaintext: string | Uint8Array, password = PASSWORD): Promise<string> {
  const bytes = typeof plaintext === 'string' ? utf8(plaintext) : plaintext;
  return (await sealLegacyEnvelope(bytes, password, 1_000, NOW, systemRandom)).envelope;
}

export function parseJwe(envelope: string): JweJson {
  return JSON.parse(envelope) as JweJson;
}

/** The envelope after `change` has worked on its JSON. */
export function changed(envelope: string, change: (jwe: JweJson) => void): string {
  const jwe = parseJwe(envelope);
  change(jwe);
  return JSON.stringify(jwe);
}

/** The envelope with other parameters in the header of its first recipient; undefined removes one. */
export function withHeader(envelope: string, header: Record<string, unknown>): string {
  return changed(envelope, ({ recipients: [first] }) => Object.assign(first?.header ?? {}, header));
}

/** The envelope with another protected header, encoded as it should be. */
export function withProtected(envelope: string, header: Record<string, unknown> | string): string {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  return changed(envelope, (jwe) => (jwe.protected = base64url(utf8(text))));
}

/** Flips one bit of base64url text, so that the text stays canonical. */
export function flipBit(text: string, at: number): string {
  const bytes = Buffer.from(text, 'base64url');
  const index = Math.floor(at / 8) % bytes.length;
  bytes[index] = (bytes[index] ?? 0) ^ (1 << (at % 8));
  return base64url(bytes);
}

/** Everything a caller sees of a refusal, as one text. Fails where the promise is kept. */
export async function refusalOf(opening: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([opening]);
  if (outcome.status === 'fulfilled') throw new Error('expected a refusal');
  if (!(outcome.reason instanceof SecurityError)) throw outcome.reason;
  const { code, message, hint, retryAfterSeconds, cause } = outcome.reason;
  return JSON.stringify({ code, message, hint, retryAfterSeconds, cause });
}
