/** Writes PKCS#12 files that no tool writes. Keys are derived with node-forge, so that the product's own derivation is tested. */

import { createCipheriv, createHmac, pbkdf2Sync } from 'node:crypto';

import forge from 'node-forge';

import { DerReader, elementsOf } from '../../src/crypto/certificate/der.js';
import { integer, nullValue, octetString, oid, sequence, setOf, tlv, type Der } from './pki/der.js';

const explicit = (...parts: Der[]): Der => tlv(0xa0, ...parts);
const dataContent = (content: Uint8Array): Der => sequence(oid('1.2.840.113549.1.7.1'), explicit(octetString(content)));

export interface BagOptions {
  localKeyId?: Uint8Array;
  /** Attributes as they are. */
  attributes?: Der[];
}

function bag(type: number, value: Der, { localKeyId, attributes = [] }: BagOptions): Der {
  const all = [...attributes];
  if (localKeyId !== undefined) all.push(sequence(oid('1.2.840.113549.1.9.21'), setOf(octetString(localKeyId))));
  return sequence(oid(`1.2.840.113549.1.12.10.1.${type}`), explicit(value), ...(all.length > 0 ? [setOf(...all)] : []));
}

export function certificateBag(der: Uint8Array, options: BagOptions = {}, type = '1.2.840.113549.1.9.22.1'): Der {
  return bag(3, sequence(oid(type), explicit(octetString(der))), options);
}

export const keyBag = (pkcs8: Uint8Array, options: BagOptions = {}): Der => bag(1, pkcs8, options);
export const shroudedKeyBag = (options: BagOptions = {}): Der => bag(2, sequence(nullValue()), options);
export const nestedBag = (...bags: Der[]): Der => bag(6, sequence(...bags), {});
export const crlBag = (): Der => bag(4, sequence(nullValue()), {});

export const plainSafe = (...bags: Der[]): Der => dataContent(sequence(...bags));

export interface Pbes2Options {
  iterations?: number | bigint;
  salt?: Uint8Array;
  keyLength?: number;
  hmac?: string;
  kdf?: string;
  cipher?: string;
  ivBytes?: number;
  password?: string;
}

const SHA256_HMAC = '1.2.840.113549.2.9';

function pbkdf2Parameters({ iterations = 10, salt = Buffer.alloc(8, 3), keyLength, hmac, kdf }: Pbes2Options): Der {
  return sequence(
    oid(kdf ?? '1.2.840.113549.1.5.12'),
    sequence(
      octetString(salt),
      integer(iterations),
      ...(keyLength === undefined ? [] : [integer(keyLength)]),
      sequence(oid(hmac ?? SHA256_HMAC), nullValue()),
    ),
  );
}

/** A safe under AES-256; what `options` change stands in the parameters only. */
export function pbes2Safe(password: string, contents: Uint8Array, options: Pbes2Options = {}): Der {
  const { iterations = 10, salt = Buffer.alloc(8, 3), cipher = '2.16.840.1.101.3.4.1.42', ivBytes = 16 } = options;
  const key = pbkdf2Sync(password, salt, iterations > 1000 ? 1 : Number(iterations), 32, 'sha256');
  const cipherer = createCipheriv('aes-256-cbc', key, Buffer.alloc(16, 9));
  const ciphertext = Buffer.concat([cipherer.update(contents), cipherer.final()]);
  const scheme = sequence(oid(cipher), octetString(Buffer.alloc(ivBytes, 9)));
  const algorithm = sequence(oid('1.2.840.113549.1.5.13'), sequence(pbkdf2Parameters(options), scheme));
  return encryptedSafe(algorithm, ciphertext);
}

export function encryptedSafe(algorithm: Der, ciphertext: Uint8Array): Der {
  const info = sequence(oid('1.2.840.113549.1.7.1'), algorithm, tlv(0x80, ciphertext));
  return sequence(oid('1.2.840.113549.1.7.6'), explicit(sequence(integer(0), info)));
}

export interface PfxOptions {
  /** Of the MAC; null: none. */
  password?: string | null;
  /** node-forge's `null` is the form of an absent password. */
  absentPassword?: boolean;
  iterations?: number | bigint | null;
  salt?: Uint8Array;
  digest?: string;
  version?: number;
  contentType?: string;
  /** With indefinite lengths and OCTET STRINGs in pieces. */
  ber?: boolean;
  /** PBMAC1 instead of the old MAC. */
  pbmac1?: Pbes2Options;
}

export function pfx(safes: Der[], options: PfxOptions = {}): Uint8Array {
  const { password = 'secret', version = 3, contentType = '1.2.840.113549.1.7.1', ber = false } = options;
  const authSafe = ber ? indefinite(sequence(...safes)) : sequence(...safes);
  const file = sequence(
    integer(version),
    sequence(oid(contentType), explicit(octetString(authSafe))),
    ...(password === null ? [] : [macData(authSafe, password, options)]),
  );
  return ber ? indefinite(file) : file;
}

function macData(authSafe: Uint8Array, password: string, options: PfxOptions): Der {
  const { iterations = 10, salt = Buffer.alloc(8, 5), digest = '1.3.14.3.2.26', pbmac1, absentPassword } = options;
  const count = iterations === null ? [] : [integer(iterations)];
  if (pbmac1 !== undefined) {
    const { iterations: rounds = 10, salt: inner = Buffer.alloc(8, 3), keyLength = 32 } = pbmac1;
    const key = pbkdf2Sync(password, inner, Math.min(Number(rounds), 1000), keyLength, 'sha256');
    const parameters = sequence(pbkdf2Parameters(pbmac1), sequence(oid(SHA256_HMAC), nullValue()));
    const value = createHmac('sha256', key).update(authSafe).digest();
    const algorithm = sequence(oid('1.2.840.113549.1.5.14'), parameters);
    return sequence(sequence(algorithm, octetString(value)), octetString(salt), ...count);
  }
  const rounds = Math.max(1, Math.min(Number(iterations ?? 1), 1000));
  const secret = absentPassword === true ? null : password;
  const saltBuffer = forge.util.createBuffer(Buffer.from(salt).toString('latin1'));
  const key = forge.pkcs12.generateKey(secret, saltBuffer, 3, rounds, 20, forge.md.sha1.create());
  const value = createHmac('sha1', Buffer.from(key.getBytes(), 'latin1')).update(authSafe).digest();
  return sequence(sequence(sequence(oid(digest), nullValue()), octetString(value)), octetString(salt), ...count);
}

/** DER as the old exports wrote it: every length indefinite, every OCTET STRING in pieces of seven octets. */
export function indefinite(der: Uint8Array): Uint8Array {
  const { tag, content } = new DerReader(der).next();
  const end = Uint8Array.of(0, 0);
  if (tag === 0x04 || tag === 0x80) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < content.length; at += 7) pieces.push(octetString(content.subarray(at, at + 7)));
    return Buffer.concat([Uint8Array.of(tag | 0x20, 0x80), ...pieces, end]);
  }
  if ((tag & 0x20) === 0) return der;
  return Buffer.concat([
    Uint8Array.of(tag, 0x80),
    ...elementsOf(content).map((element) => indefinite(element.whole)),
    end,
  ]);
}
