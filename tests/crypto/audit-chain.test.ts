/** The chain of the audit: MACs that bind place and order, checkpoints and seals that only the store's key makes. */

import { createHmac } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  entryMac,
  genesis,
  isSealed,
  MAX_CHECKPOINT_LENGTH,
  readCheckpoint,
  sealSegment,
  signingKey,
  writeCheckpoint,
  type SealedSegment,
} from '../../src/crypto/audit-chain.js';
import { base64url, hex } from '../../src/crypto/bytes.js';

const key = new Uint8Array(32).fill(1);
const signer = signingKey(new Uint8Array(32).fill(2));
const storeId = '01234567-89ab-cdef-0123-456789abcdef';
const checkpoint = { storeId, sequence: 7, mac: new Uint8Array(32).fill(3), time: '2026-06-01T12:00:00.000Z' };

describe('the MAC of an entry', () => {
  it('is HMAC-SHA-256 (RFC 2104) over the one before, the number in 8 bytes and the text', () => {
    const previous = genesis(key, storeId);
    expect(hex(previous)).toBe(createHmac('sha256', key).update(`security-mcp audit genesis ${storeId}`).digest('hex'));
    const over = Buffer.concat([previous, Buffer.from('0000000000000102', 'hex'), Buffer.from('{"ü":1}')]);
    expect(hex(entryMac(key, previous, 0x102, '{"ü":1}'))).toBe(createHmac('sha256', key).update(over).digest('hex'));
  });

  it('is another for another key, predecessor, number or text', () => {
    const start = genesis(key, storeId);
    const macs = [
      entryMac(key, start, 1, 'a'),
      entryMac(new Uint8Array(32), start, 1, 'a'),
      entryMac(key, genesis(key, `${storeId}x`), 1, 'a'),
      entryMac(key, start, 2, 'a'),
      entryMac(key, start, 1, 'b'),
    ];
    expect(new Set(macs.map(hex)).size).toBe(macs.length);
  });
});

describe('a checkpoint', () => {
  it('signs with Ed25519: RFC 8032 section 7.1, test 1', () => {
    // https://www.rfc-editor.org/rfc/rfc8032#section-7.1
    const secret = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    expect(signingKey(secret).export({ format: 'jwk' })).toMatchObject({
      crv: 'Ed25519',
      x: base64url(Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')),
    });
  });

  it('says what was written into it, also with white space around', () => {
    const line = writeCheckpoint(checkpoint, signer);
    expect(line.length).toBeLessThan(MAX_CHECKPOINT_LENGTH);
    const read = readCheckpoint(` ${line}\n`, signer);
    expect({ ...read, mac: hex(read?.mac ?? new Uint8Array()) }).toEqual({ ...checkpoint, mac: hex(checkpoint.mac) });
    const empty = { ...checkpoint, sequence: 0, time: '2026-06-01T12:00:00Z' };
    expect(readCheckpoint(writeCheckpoint(empty, signer), signer)).toMatchObject({ sequence: 0, time: empty.time });
  });

  it('with any one character changed is none', () => {
    const line = writeCheckpoint(checkpoint, signer);
    fc.assert(
      fc.property(
        fc.nat({ max: line.length - 1 }),
        fc.constantFrom(...Array.from('0123456789abcdefABCDEF-_ .Z')),
        (at, c) => {
          const changed = line.slice(0, at) + c + line.slice(at + 1);
          if (changed !== line) expect(readCheckpoint(changed, signer)).toBeNull();
        },
      ),
    );
  });

  it.each([
    ['of another key', (): string => writeCheckpoint(checkpoint, signingKey(new Uint8Array(32)))],
    ['that is empty', (): string => ''],
    ['that is too long', (): string => writeCheckpoint(checkpoint, signer).padStart(MAX_CHECKPOINT_LENGTH + 1, 'x')],
    ['with no store', (): string => writeCheckpoint({ ...checkpoint, storeId: 'x' }, signer)],
    ['with a number that is none', (): string => writeCheckpoint({ ...checkpoint, sequence: -1 }, signer)],
    ['with a MAC that is too short', (): string => writeCheckpoint({ ...checkpoint, mac: new Uint8Array(31) }, signer)],
    ['with a time that is none', (): string => writeCheckpoint({ ...checkpoint, time: 'now' }, signer)],
    ['with something after it', (): string => `${writeCheckpoint(checkpoint, signer)} x`],
  ])('%s is none, though it be signed', (_what, line) => {
    expect(readCheckpoint(line(), signer)).toBeNull();
  });

  it('whose parts are spelt in another way is none', () => {
    // The last character of 32 bytes in base64url has two bits that say nothing.
    const line = writeCheckpoint(checkpoint, signer);
    const mac = base64url(checkpoint.mac);
    const respelt = line.replace(mac, `${mac.slice(0, -1)}${mac.endsWith('M') ? 'N' : 'M'}`);
    expect(respelt).not.toBe(line);
    expect(readCheckpoint(respelt, signer)).toBeNull();
  });
});

describe('a seal', () => {
  const segment: SealedSegment = {
    storeId,
    segment: 1,
    firstSequence: 1,
    lastSequence: 9,
    start: new Uint8Array(32).fill(4),
    head: new Uint8Array(32).fill(5),
  };

  it('is of the segment as it was, and of the key', () => {
    const seal = sealSegment(segment, signer);
    expect(isSealed(segment, seal, signer)).toBe(true);
    expect(isSealed(segment, seal, signingKey(new Uint8Array(32)))).toBe(false);
    const changes: Partial<SealedSegment>[] = [
      { storeId: '' },
      { segment: 2 },
      { firstSequence: 2 },
      { lastSequence: 8 },
      { start: segment.head },
      { head: segment.start },
    ];
    for (const change of changes) expect(isSealed({ ...segment, ...change }, seal, signer)).toBe(false);
  });

  it('is no checkpoint, nor the other way round', () => {
    const line = writeCheckpoint(checkpoint, signer);
    const said = line.slice(0, line.lastIndexOf(' '));
    expect(readCheckpoint(`${said} ${base64url(sealSegment(segment, signer))}`, signer)).toBeNull();
  });
});
