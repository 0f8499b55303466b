/**
 * The payload of an age file (C2SP age, section "Payload"): STREAM over ChaCha20-Poly1305 in chunks of 64 KiB. Each chunk is authenticated
 * with its number and with whether it is the last, so that none can be changed, moved, left out or cut off.
 */

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';

import { utf8 } from '../bytes.js';
import type { Random } from '../random.js';

const CIPHER = 'chacha20-poly1305';
const CHUNK_BYTES = 65_536;
const TAG_BYTES = 16;
const PAYLOAD_NONCE_BYTES = 16;
/** An 11-byte big-endian counter, then whether the chunk is the last. */
const NONCE_BYTES = 12;

function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', fileKey, nonce, utf8('payload'), 32));
}

/** 2^48 chunks are 2^64 bytes: more than any file here. */
function nonceOf(chunk: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(chunk, 5, 6);
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
}

function sealed(key: Uint8Array, chunk: number, isLast: boolean, plaintext: Uint8Array): Uint8Array[] {
  const cipher = createCipheriv(CIPHER, key, nonceOf(chunk, isLast), { authTagLength: TAG_BYTES });
  // A stream cipher holds nothing back for `final`.
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return [ciphertext, cipher.getAuthTag()];
}

/** The plaintext of one chunk. Throws where it is not authentic. */
function opened(key: Uint8Array, chunk: number, isLast: boolean, bytes: Uint8Array): Uint8Array {
  if (bytes.length < TAG_BYTES) throw new Error('a chunk without a tag');
  const end = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key, nonceOf(chunk, isLast), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(end));
  const plaintext = decipher.update(bytes.subarray(0, end));
  decipher.final();
  return plaintext;
}

/** The nonce and the chunks. A piece may be reused by its maker once the next is asked for. */
export async function* encryptPayload(
  fileKey: Uint8Array,
  pieces: AsyncIterable<Uint8Array>,
  random: Random,
): AsyncGenerator<Uint8Array> {
  const nonce = random(PAYLOAD_NONCE_BYTES);
  yield nonce;
  const key = payloadKey(fileKey, nonce);
  let chunk = 0;
  for await (const { chunks, isLast } of inChunks(pieces, CHUNK_BYTES))
    for (const [i, plaintext] of chunks.entries())
      yield Buffer.concat(sealed(key, chunk++, isLast && i === chunks.length - 1, plaintext));
}

/**
 * The plaintext, of which nothing may be used before the end has come: only there it is known that nothing was cut off. Throws where the
 * payload is not authentic, ends too early, or goes on after its last chunk.
 */
export async function* decryptPayload(
  fileKey: Uint8Array,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let head = Buffer.alloc(0);
  const iterator = pieces[Symbol.asyncIterator]();
  while (head.length < PAYLOAD_NONCE_BYTES) {
    const next = await iterator.next();
    if (next.done === true) throw new Error('a payload without a nonce');
    head = Buffer.concat([head, next.value]);
  }
  const key = payloadKey(fileKey, head.subarray(0, PAYLOAD_NONCE_BYTES));
  const rest = prepended(head.subarray(PAYLOAD_NONCE_BYTES), iterator);
  let chunk = 0;
  for await (const { chunks, isLast } of inChunks(rest, CHUNK_BYTES + TAG_BYTES))
    for (const [i, bytes] of chunks.entries()) {
      const ends = isLast && i === chunks.length - 1;
      // Only the first chunk may be empty: the file is empty then.
      if (ends && chunk > 0 && bytes.length === TAG_BYTES) throw new Error('an empty last chunk');
      yield opened(key, chunk++, ends, bytes);
    }
}

/** `first`, and what the iterator still gives. */
export async function* prepended(first: Uint8Array, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
}

/**
 * The bytes in chunks of one size, a few at a time, and at the end the last, which may be shorter: it is known only then. Chunks are good
 * until the next are asked for; only what a piece does not fill up is copied.
 */
async function* inChunks(
  pieces: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ chunks: Uint8Array[]; isLast: boolean }> {
  const held = Buffer.allocUnsafe(size);
  let heldBytes = 0;
  for await (const piece of pieces) {
    const chunks: Uint8Array[] = [];
    let at = 0;
    // A whole chunk at the end may be the last one: it waits for what follows.
    if (heldBytes + piece.length > size) {
      if (heldBytes > 0) {
        at = size - heldBytes;
        held.set(piece.subarray(0, at), heldBytes);
        heldBytes = 0;
        chunks.push(held);
      }
      for (; piece.length - at > size; at += size) chunks.push(piece.subarray(at, at + size));
      if (chunks.length > 0) yield { chunks, isLast: false };
    }
    held.set(piece.subarray(at), heldBytes);
    heldBytes += piece.length - at;
  }
  yield { chunks: [held.subarray(0, heldBytes)], isLast: true };
}
