/**
 * Files in the age format (age-encryption.org/v1), in pieces and in constant memory. The header is the library's; the payload, where the
 * time goes, is computed by node:crypto. What cannot be opened is one error.
 */

import { Decrypter, Encrypter } from 'age-encryption';

import { inputInvalid, SecurityError } from '../errors.js';
import type { Random } from '../random.js';
import { ARMOR_HEAD_BYTES, armored, isArmored, unarmored } from './armor.js';
import type { AgeIdentity } from './ring.js';
import { passphraseIdentity, passphraseRecipient } from './passphrase.js';
import { decryptPayload, encryptPayload, prepended } from './stream.js';

export type FileLock = { password: string } | { recipients: readonly string[] };
export type FileKey = { password: string } | { identities: readonly (string | AgeIdentity)[] };

/** 16 recipients take 30 KiB at most. */
const MAX_HEADER_BYTES = 262_144;
/** The last line of a header begins so. */
const MAC_LINE = '\n--- ';
/** An empty payload: its nonce and the tag of its one chunk. */
const EMPTY_PAYLOAD_BYTES = 32;
/** Recipients that a quantum computer does not open. */
const POST_QUANTUM = /^age1(?:tag)?pq1/i;

/** The encrypted file. Throws `input_invalid` for a recipient that is none, and for recipients of which one would weaken the other. */
export async function encryptFile(
  pieces: AsyncIterable<Uint8Array>,
  lock: FileLock,
  armor: boolean,
  random: Random,
): Promise<AsyncIterable<Uint8Array>> {
  const encrypter = new Encrypter();
  const fileKey: Uint8Array[] = [];
  encrypter.addRecipient({
    // It only learns the key: a recipient without a stanza.
    wrapFileKey(key) {
      fileKey.push(Uint8Array.from(key));
      return [];
    },
  });
  if ('password' in lock) encrypter.addRecipient(passphraseRecipient(lock.password, random));
  else {
    for (const [i, recipient] of lock.recipients.entries())
      added(() => encrypter.addRecipient(recipient), `recipients[${i}]`, 'a recipient of age (age1...)');
    if (new Set(lock.recipients.map((recipient) => POST_QUANTUM.test(recipient))).size > 1)
      throw inputInvalid(
        'recipients',
        'mixes post-quantum recipients with others, which would open the file to a quantum computer',
        'Encrypt once for each kind.',
      );
  }
  const empty = await encrypter.encrypt(new Uint8Array(0));
  const [key] = fileKey;
  if (key === undefined) throw new Error('the library made no file key');
  const encrypted = withHeader(
    empty.subarray(0, empty.length - EMPTY_PAYLOAD_BYTES),
    encryptPayload(key, pieces, random),
  );
  return armor ? armored(encrypted) : encrypted;
}

async function* withHeader(header: Uint8Array, payload: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield header;
  yield* payload;
}

/**
 * The plaintext, each piece authenticated; whether the file ends where it should is known at its end alone, so nothing of it may be used
 * before. Throws `envelope_rejected`, and `input_invalid` for an identity that is none.
 */
export async function* decryptFile(pieces: AsyncIterable<Uint8Array>, key: FileKey): AsyncGenerator<Uint8Array> {
  const decrypter = new Decrypter();
  if ('password' in key) decrypter.addIdentity(passphraseIdentity(key.password));
  else
    for (const identity of key.identities)
      added(() => decrypter.addIdentity(identity), 'identity', 'an identity of age (AGE-SECRET-KEY-1...)');
  const iterator = pieces[Symbol.asyncIterator]();
  try {
    const { header, payload } = await parted(await withoutArmor(iterator));
    yield* decryptPayload(await decrypter.decryptHeader(header), payload);
  } catch (error) {
    // What the reading of the file says is told; all the rest is one failure.
    throw error instanceof SecurityError ? error : fileRejected();
  } finally {
    await iterator.return?.();
  }
}

/** The header, through its last line, and what follows it. */
async function parted(
  pieces: AsyncIterable<Uint8Array>,
): Promise<{ header: Uint8Array; payload: AsyncIterable<Uint8Array> }> {
  const iterator = pieces[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  for (;;) {
    const next = await iterator.next();
    if (next.done === true) throw fileRejected();
    head = Buffer.concat([head, next.value]);
    const last = head.indexOf(MAC_LINE);
    const end = last < 0 ? -1 : head.indexOf('\n', last + MAC_LINE.length);
    if (end >= 0 && end < MAX_HEADER_BYTES)
      return {
        header: Uint8Array.from(head.subarray(0, end + 1)),
        payload: prepended(head.subarray(end + 1), iterator),
      };
    if (head.length >= MAX_HEADER_BYTES) throw fileRejected();
  }
}

/** The pieces as they are, or without the armor that they begin with. */
async function withoutArmor(iterator: AsyncIterator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  let head = Buffer.alloc(0);
  while (head.length < ARMOR_HEAD_BYTES) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const all = prepended(head, iterator);
  return isArmored(head) ? unarmored(all) : all;
}

function added(add: () => void, field: string, what: string): void {
  try {
    add();
  } catch {
    throw inputInvalid(field, `is not ${what}`, 'Give it as age-keygen prints it.');
  }
}

/** The one answer to every failure to open a file, as `envelopeRejected` is that of envelopes. */
function fileRejected(): SecurityError {
  return new SecurityError('envelope_rejected', 'The file could not be opened.', {
    hint: 'Check that the file is whole and unchanged and that password, identity or key is the one it was encrypted for. Use inspect with its path to see which of them it takes.',
  });
}
