/**
 * The chain of the audit (docs/decisions/014-audit-chain.md): every entry carries an HMAC-SHA-256 (RFC 2104) over the one before,
 * its number and its text, so that nothing can be changed, left out, added or moved without the key. Heads are signed with
 * Ed25519 (RFC 8032), as checkpoints that can be kept elsewhere and in the seals of segments.
 */

import { createHmac, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

import { base64url, fromBase64url, utf8 } from './bytes.js';

export const MAC_BYTES = 32;

/** The MAC of an entry. `previous` is that of the entry before, or `genesis`. */
export function entryMac(key: Uint8Array, previous: Uint8Array, sequence: number, text: string): Uint8Array {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(sequence));
  return createHmac('sha256', key).update(previous).update(number).update(text, 'utf8').digest();
}

/** What the first entry of a store goes on from. */
export function genesis(key: Uint8Array, storeId: string): Uint8Array {
  return createHmac('sha256', key).update(`security-mcp audit genesis ${storeId}`).digest();
}

/** PKCS#8 (RFC 8410 section 7) around the 32 bytes of a seed. */
const PKCS8_OF_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

export function signingKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_OF_ED25519, seed]), format: 'der', type: 'pkcs8' });
}

/** Up to which entry a store's chain had come at a time. */
export interface Checkpoint {
  storeId: string;
  /** 0 where there was none yet. */
  sequence: number;
  mac: Uint8Array;
  /** RFC 3339. */
  time: string;
}

const CHECKPOINT =
  /^security-mcp-audit-1 ([0-9a-f-]{36}) (0|[1-9]\d{0,15}) ([A-Za-z0-9_-]{43}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z) ([A-Za-z0-9_-]{86})$/;
export const MAX_CHECKPOINT_LENGTH = 512;

/** A checkpoint as one line: what it says, and the signature over that. */
export function writeCheckpoint({ storeId, sequence, mac, time }: Checkpoint, key: KeyObject): string {
  const said = `security-mcp-audit-1 ${storeId} ${sequence} ${base64url(mac)} ${time}`;
  return `${said} ${base64url(sign(null, utf8(said), key))}`;
}

/** The checkpoint in a line, or null where it is none, or none that `key` signed. */
export function readCheckpoint(line: string, key: KeyObject): Checkpoint | null {
  const text = line.trim();
  if (text.length > MAX_CHECKPOINT_LENGTH) return null;
  const [, storeId = '', sequence = '', mac = '', time = '', signature = ''] = CHECKPOINT.exec(text) ?? [];
  const bytes = fromBase64url(mac);
  const signed = fromBase64url(signature);
  if (bytes === null || signed === null || storeId === '') return null;
  const said = text.slice(0, text.lastIndexOf(' '));
  if (!verify(null, utf8(said), createPublicKey(key), signed)) return null;
  return { storeId, sequence: Number(sequence), mac: bytes, time };
}

/** A run of entries that was closed: what its seal says. */
export interface SealedSegment {
  storeId: string;
  segment: number;
  firstSequence: number;
  /** Less than the first where it holds none. */
  lastSequence: number;
  /** What its first entry goes on from, and the MAC of its last. */
  start: Uint8Array;
  head: Uint8Array;
}

function sealText({ storeId, segment, firstSequence, lastSequence, start, head }: SealedSegment): Uint8Array {
  return utf8(
    `security-mcp-audit-segment-1 ${storeId} ${segment} ${firstSequence} ${lastSequence} ${base64url(start)} ${base64url(head)}`,
  );
}

export function sealSegment(segment: SealedSegment, key: KeyObject): Uint8Array {
  return sign(null, sealText(segment), key);
}

export function isSealed(segment: SealedSegment, signature: Uint8Array, key: KeyObject): boolean {
  return verify(null, sealText(segment), createPublicKey(key), signature);
}
