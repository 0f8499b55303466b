/** The payload of files alone, in memory: encryptFile and decryptFile beside ChaCha20-Poly1305 of node:crypto in the same chunks of 64 KiB. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

import { generateX25519Identity, identityToRecipient } from 'age-encryption';

import { decryptFile, encryptFile } from '../build/crypto/age/file.js';
import { interleave, median, row, timeMs } from './measure.mjs';

const ROUNDS = 9;
const MIB = 64;
const CHUNK_BYTES = 65_536;
const PIECE_BYTES = 262_144;

/** In pieces, as a file is read. */
async function* piecesOf(bytes) {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

async function drained(pieces) {
  const all = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

function rawEncrypt(plain, key) {
  const chunks = [];
  for (let at = 0; at < plain.length; at += CHUNK_BYTES) {
    const cipher = createCipheriv('chacha20-poly1305', key, randomBytes(12), { authTagLength: 16 });
    chunks.push(cipher.update(plain.subarray(at, at + CHUNK_BYTES)));
    cipher.final();
    chunks.push(cipher.getAuthTag());
  }
  return chunks;
}

function rawDecrypt(sealed, key) {
  const chunks = [];
  for (const { nonce, bytes, tag } of sealed) {
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
    decipher.setAuthTag(tag);
    chunks.push(decipher.update(bytes));
    decipher.final();
  }
  return chunks;
}

export async function run() {
  const plain = randomBytes(MIB * 1_048_576);
  const key = randomBytes(32);
  const identity = await generateX25519Identity();
  const lock = { recipients: [await identityToRecipient(identity)] };
  const random = (length) => randomBytes(length);
  const encrypt = async () => drained(await encryptFile(piecesOf(plain), lock, false, random));
  const file = Buffer.concat(await encrypt());
  const sealed = [];
  for (let at = 0; at < plain.length; at += CHUNK_BYTES) {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
    const bytes = cipher.update(plain.subarray(at, at + CHUNK_BYTES));
    cipher.final();
    sealed.push({ nonce, bytes, tag: cipher.getAuthTag() });
  }
  const contestants = {
    encrypt: () => timeMs(encrypt),
    rawEncrypt: () => timeMs(async () => rawEncrypt(plain, key)),
    decrypt: () => timeMs(() => drained(decryptFile(piecesOf(file), { identities: [identity] }))),
    rawDecrypt: () => timeMs(async () => rawDecrypt(sealed, key)),
  };
  await interleave(1, contestants);
  const samples = await interleave(ROUNDS, contestants);
  const perSecond = (name) => (MIB * 1_000) / median(samples[name]);
  const line = (what, ours, reference) =>
    row({
      what,
      ours: perSecond(ours),
      reference: perSecond(reference),
      unit: 'MiBperSecond',
      against: 'node:crypto, the same chunks',
      goal: { atLeast: 0.7 },
    });
  return {
    note: `${MIB} MiB in memory; medians of ${ROUNDS} interleaved rounds`,
    rows: [
      line('encrypting a file, without the disk', 'encrypt', 'rawEncrypt'),
      line('decrypting a file, without the disk', 'decrypt', 'rawDecrypt'),
    ],
  };
}
