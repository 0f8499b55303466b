/** PKCS#12 files are explained without their password: what is encrypted how, and what an attacker would ask of a reader. */

import { describe, expect, it } from 'vitest';

import {
  bytes,
  codes,
  ecKeys,
  expectSound,
  integer,
  makeMac,
  makePkcs12,
  octets,
  oid,
  pem,
  sequence,
  text,
  tlv,
} from './fixtures.js';
import { PKCS12 } from './literals.js';

const SHA256 = '2.16.840.1.101.3.4.2.1';
const DATA = oid('1.2.840.113549.1.7.1');
const soundMac = makeMac(SHA256, '0927c0');

/** EncryptedData under `algorithm` (RFC 2315 section 13). */
function encrypted(algorithm: Uint8Array): Buffer {
  const info = sequence(DATA, algorithm, tlv(0x80, Buffer.alloc(32)));
  return sequence(oid('1.2.840.113549.1.7.6'), tlv(0xa0, sequence(integer('00'), info)));
}

function pbes2(iterations: string, cipherOid = '2.16.840.1.101.3.4.1.42'): Buffer {
  const kdf = sequence(oid('1.2.840.113549.1.5.12'), sequence(octets(Buffer.alloc(16)), integer(iterations)));
  const cipher = sequence(oid(cipherOid), octets(Buffer.alloc(16)));
  return sequence(oid('1.2.840.113549.1.5.13'), sequence(kdf, cipher));
}

/** A file that calls for nothing: AES-256 and a MAC, 600,000 iterations each. */
const sound = makePkcs12([encrypted(pbes2('0927c0'))], soundMac);

describe('a file of OpenSSL', () => {
  it('made with -legacy is weak in every part', async () => {
    const inspection = await text(PKCS12.old);
    expect(inspection.kind).toBe('pkcs12');
    expect(inspection.details).toMatchObject({
      encryption: ['PBE with SHA-1 and 40-bit RC2', 'PBE with SHA-1 and 3-key triple DES'],
      iterations: [2048, 2048],
      mac: { digest: 'SHA-1', iterations: 2048 },
    });
    expect(codes(inspection)).toEqual(['legacy_mac', 'weak_derivation', 'weak_encryption', 'weak_encryption']);
    expectSound(inspection);
  });

  it('made by OpenSSL 3 has few iterations and nothing else against it', async () => {
    const inspection = await text(PKCS12.today);
    expect(inspection.summary).toBe('A PKCS#12 file (PBES2, AES-256-CBC); it was not opened.');
    expect(inspection.details).toMatchObject({
      encryption: ['PBES2'],
      ciphers: ['AES-256-CBC'],
      iterations: [2048, 2048],
      mac: { digest: 'SHA-256', iterations: 2048 },
    });
    expect(codes(inspection)).toEqual(['weak_derivation']);
    expectSound(inspection);
  });

  it('made without encryption shows its private key', async () => {
    const inspection = await text(PKCS12.open);
    expect(inspection.summary).toBe('A PKCS#12 file (not encrypted); it was not opened.');
    expect(codes(inspection)).toEqual(['no_mac', 'private_key_exposed']);
    // The private key, as `openssl pkcs12 -nodes` shows it, in base64 and in hexadecimal.
    expect(JSON.stringify(inspection)).not.toMatch(/cxJ1wRcjYYj4|731275c1172361/i);
    expectSound(inspection);
  });

  it('is the same as bytes and as PEM', async () => {
    const der = Buffer.from(PKCS12.today, 'base64');
    const expected = await text(PKCS12.today);
    expect(await bytes(der)).toEqual(expected);
    expect(await text(pem('PKCS12', der))).toEqual(expected);
  });
});

describe('a finding on a PKCS#12 file', () => {
  it('none where all is well', async () => {
    expect(codes(await bytes(sound))).toEqual([]);
  });

  it.each([
    ['excessive_iterations of the encryption', makePkcs12([encrypted(pbes2('7fffffff'))], soundMac)],
    ['excessive_iterations beyond any number', makePkcs12([encrypted(pbes2('7f'.repeat(4_000)))], soundMac)],
    ['excessive_iterations of the MAC', makePkcs12([encrypted(pbes2('0927c0'))], makeMac(SHA256, '7f'.repeat(400)))],
  ])('%s', async (_name, file) => {
    const inspection = await bytes(file);
    expect(codes(inspection)).toEqual(['excessive_iterations']);
    expectSound(inspection);
  });

  it('weak_encryption for triple DES in PBES2', async () => {
    const inspection = await bytes(makePkcs12([encrypted(pbes2('0927c0', '1.2.840.113549.3.7'))], soundMac));
    expect(codes(inspection)).toEqual(['weak_encryption']);
    expect(inspection.details['ciphers']).toEqual(['triple DES']);
  });

  it('weak_derivation of a MAC without a count, which is 1 (RFC 7292 section 4)', async () => {
    const mac = sequence(sequence(sequence(oid(SHA256)), octets(Buffer.alloc(32))), octets(Buffer.alloc(8)));
    const inspection = await bytes(makePkcs12([encrypted(pbes2('0927c0'))], mac));
    expect(codes(inspection)).toEqual(['weak_derivation']);
    expect(inspection.details['mac']).toEqual({ digest: 'SHA-256', iterations: 1 });
  });

  it('none on the count beside PBMAC1, which means nothing (RFC 9579)', async () => {
    const file = makePkcs12([encrypted(pbes2('0927c0'))], makeMac('1.2.840.113549.1.5.14', '01'));
    expect(codes(await bytes(file))).toEqual([]);
  });

  it('weak_derivation by the count in the parameters of PBMAC1', async () => {
    const hmac = sequence(oid('1.2.840.113549.2.9'));
    const pbmac1 = (iterations: string): Buffer => {
      const kdf = sequence(oid('1.2.840.113549.1.5.12'), sequence(octets(Buffer.alloc(16)), integer(iterations)));
      const algorithm = sequence(oid('1.2.840.113549.1.5.14'), sequence(kdf, hmac));
      return sequence(sequence(algorithm, octets(Buffer.alloc(32))), octets(Buffer.alloc(8)), integer('0927c0'));
    };
    const file = (iterations: string): Buffer => makePkcs12([encrypted(pbes2('0927c0'))], pbmac1(iterations));
    expect(codes(await bytes(file('0927c0')))).toEqual([]);
    const weak = await bytes(file('0400'));
    expect(codes(weak)).toEqual(['weak_derivation']);
    expect(weak.details['mac']).toEqual({ digest: 'PBMAC1', iterations: 1024 });
  });

  it('certificates_in_the_open where only the key is encrypted', async () => {
    const bag = (kind: string, content: Uint8Array): Buffer => sequence(oid(kind), tlv(0xa0, content));
    const inner = sequence(
      bag('1.2.840.113549.1.12.10.1.3', sequence(oid('1.2.840.113549.1.9.22.1'))),
      bag('1.2.840.113549.1.12.10.1.2', sequence(pbes2('0927c0'), octets(Buffer.alloc(32)))),
    );
    const inspection = await bytes(makePkcs12([sequence(DATA, tlv(0xa0, octets(inner)))], soundMac));
    expect(codes(inspection)).toEqual(['certificates_in_the_open']);
    expect(inspection.details['encryption']).toEqual(['PBES2']);
  });

  it('private_key_exposed where a key bag lies in the open', async () => {
    const key = ecKeys.privateKey.export({ type: 'pkcs8', format: 'der' });
    const inner = sequence(sequence(oid('1.2.840.113549.1.12.10.1.1'), tlv(0xa0, key)));
    const inspection = await bytes(makePkcs12([sequence(DATA, tlv(0xa0, octets(inner)))], soundMac));
    expect(codes(inspection)).toEqual(['private_key_exposed']);
  });

  it('trailing_data where bytes follow it', async () => {
    expect(codes(await bytes(Buffer.concat([sound, Buffer.from([0, 0])])))).toEqual(['trailing_data']);
  });
});

it('cut_off where its end is missing', async () => {
  expect(codes(await bytes(sound.subarray(0, -20)))).toEqual(['cut_off']);
});

describe('what is like a PKCS#12 file', () => {
  it.each([
    ['another version', sequence(integer('02'), sequence(DATA, tlv(0xa0, octets(sequence()))))],
    [
      'signed content, which needs no password',
      sequence(integer('03'), sequence(oid('1.2.840.113549.1.7.2'), tlv(0xa0, sequence()))),
    ],
    ['no content', sequence(integer('03'), sequence(DATA))],
    ['content that is no safe', makePkcs12([octets(Buffer.alloc(300_000))])],
  ])('is not taken for one: %s', async (_name, file) => {
    expect((await bytes(file)).kind).toBe('unknown');
  });

  it('in BER of indefinite length is read', async () => {
    const end = Buffer.from([0, 0]);
    const open = (tag: number, ...content: Uint8Array[]): Buffer =>
      Buffer.concat([Buffer.from([tag, 0x80]), ...content, end]);
    const bags = sequence(encrypted(pbes2('0927c0')));
    const pieces = open(0x24, octets(bags.subarray(0, 20)), octets(bags.subarray(20)));
    const file = open(0x30, integer('03'), open(0x30, DATA, open(0xa0, pieces)), soundMac);
    const inspection = await bytes(file);
    expect(inspection.kind).toBe('pkcs12');
    expect(codes(inspection)).toEqual([]);
  });
});
