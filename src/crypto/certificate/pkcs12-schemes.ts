/** How PKCS#12 files are authenticated and encrypted, read with what it will cost, before anything is computed. */

import { createHmac } from 'node:crypto';

import { equalBytes } from '../bytes.js';
import { DerReader, readCount, TAG } from './der.js';
import {
  CIPHERS,
  decryptCbc,
  derivePbkdf2,
  derivePkcs12,
  fillBlocks,
  hashBytes,
  PURPOSE,
  type CipherName,
  type HashName,
  type PasswordForm,
} from './pkcs12-kdf.js';
import { Pkcs12Refusal, readAlgorithm, readIterations, readSalt, type Algorithm, type MacData } from './pkcs12-read.js';

/** Old exports of Firefox ask for 600,000 iterations of each derivation. */
const MAX_ITERATIONS = 1_000_000;
/** What one iteration costs: PBKDF2 by its hash; the derivation of RFC 7292, which calls into the hash each time, for any. */
const PBKDF2_COST: Readonly<Record<HashName, number>> = { sha1: 1, sha224: 1, sha256: 1, sha384: 3, sha512: 3 };
const PKCS12_COST = 4;
/** What one call may cost in all: some four seconds of one thread. */
export const MAX_COST = 20_000_000;

export const MAC_HASHES: Readonly<Record<string, HashName>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** RFC 8018 appendix B.1. */
const HMACS: Readonly<Record<string, HashName>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

/** RFC 7292 appendix C, without RC4. */
const OLD_ENCRYPTIONS: Readonly<Record<string, CipherName>> = {
  '1.2.840.113549.1.12.1.3': 'des-ede3-cbc',
  '1.2.840.113549.1.12.1.4': 'des-ede-cbc',
  '1.2.840.113549.1.12.1.5': 'rc2-128',
  '1.2.840.113549.1.12.1.6': 'rc2-40',
};

/** RFC 8018 appendix B.2. */
export const PBES2_CIPHERS: Readonly<Record<string, CipherName>> = {
  '1.2.840.113549.3.7': 'des-ede3-cbc',
  '2.16.840.1.101.3.4.1.2': 'aes-128-cbc',
  '2.16.840.1.101.3.4.1.22': 'aes-192-cbc',
  '2.16.840.1.101.3.4.1.42': 'aes-256-cbc',
};

export const PBKDF2 = '1.2.840.113549.1.5.12';
export const PBES2 = '1.2.840.113549.1.5.13';
export const PBMAC1 = '1.2.840.113549.1.5.14';

export interface Mac {
  /** Of one attempt with one form of a password. */
  cost: number;
  digest: Uint8Array;
  /** The salt as it is used: several spellings of one derivation have one. */
  salt: Uint8Array;
  verify(password: PasswordForm, data: Uint8Array): Promise<boolean>;
}

/** The old MAC (RFC 7292 section 5.1) and PBMAC1 (RFC 9579). */
export function readMac({ algorithm, digest, salt, iterations }: MacData): Mac {
  if (algorithm.oid === PBMAC1) return readPbmac1(algorithm, digest);
  const name = supported(MAC_HASHES, algorithm.oid);
  return {
    cost: costOf(iterations, 1) * PKCS12_COST,
    digest,
    salt: fillBlocks(salt, name),
    async verify({ bmp }, data) {
      const key = derivePkcs12(name, PURPOSE.mac, bmp, salt, iterations, hashBytes(name));
      return equalBytes(createHmac(name, key).update(data).digest(), digest);
    },
  };
}

/** RFC 8018 appendix A.5. The salt and the iterations beside it mean nothing then (RFC 9579 section 4). */
function readPbmac1({ parameters }: Algorithm, digest: Uint8Array): Mac {
  const reader = parametersOf(parameters);
  const derivation = readPbkdf2(readAlgorithm(reader));
  const name = supported(HMACS, readAlgorithm(reader).oid);
  reader.end();
  const { keyBytes } = derivation;
  // RFC 9579 section 7: the length is there, and short keys are refused; the most is the largest result of a hash.
  if (keyBytes === null || keyBytes < 20 || keyBytes > 64) throw new Pkcs12Refusal('unsupported');
  return {
    cost: derivation.cost(keyBytes),
    digest,
    salt: derivation.salt,
    async verify({ utf8 }, data) {
      const key = await derivation.derive(utf8, keyBytes);
      return equalBytes(createHmac(name, key).update(data).digest(), digest);
    },
  };
}

export interface Encryption {
  cost: number;
  /** Null where the password is not that of the ciphertext. */
  decrypt(password: PasswordForm, ciphertext: Uint8Array): Promise<Uint8Array | null>;
}

export function readEncryption(algorithm: Algorithm): Encryption {
  return algorithm.oid === PBES2 ? readPbes2(algorithm) : readOldEncryption(algorithm);
}

/** RFC 7292 appendix C: the key and the initialization vector are derived from the password, with SHA-1. */
function readOldEncryption({ oid, parameters }: Algorithm): Encryption {
  const cipher = supported(OLD_ENCRYPTIONS, oid);
  const { keyBytes, blockBytes } = CIPHERS[cipher];
  const reader = parametersOf(parameters);
  const salt = readSalt(reader);
  const iterations = readIterations(reader);
  reader.end();
  const blocks = Math.ceil(keyBytes / hashBytes('sha1')) + 1;
  return {
    cost: costOf(iterations, blocks) * PKCS12_COST,
    decrypt({ bmp }, ciphertext) {
      const key = derivePkcs12('sha1', PURPOSE.key, bmp, salt, iterations, keyBytes);
      const iv = derivePkcs12('sha1', PURPOSE.iv, bmp, salt, iterations, blockBytes);
      return decryptCbc(cipher, key, iv, ciphertext);
    },
  };
}

/** RFC 8018 section 6.2 and appendix A.4. */
function readPbes2({ parameters }: Algorithm): Encryption {
  const reader = parametersOf(parameters);
  const derivation = readPbkdf2(readAlgorithm(reader));
  const scheme = readAlgorithm(reader);
  reader.end();
  const cipher = supported(PBES2_CIPHERS, scheme.oid);
  const { keyBytes, blockBytes } = CIPHERS[cipher];
  const iv = scheme.parameters;
  if (iv?.tag !== TAG.octetString || iv.content.length !== blockBytes) throw new Pkcs12Refusal('unsupported');
  if ((derivation.keyBytes ?? keyBytes) !== keyBytes) throw new Pkcs12Refusal('unsupported');
  return {
    cost: derivation.cost(keyBytes),
    async decrypt({ utf8 }, ciphertext) {
      return decryptCbc(cipher, await derivation.derive(utf8, keyBytes), iv.content, ciphertext);
    },
  };
}

interface Pbkdf2 {
  salt: Uint8Array;
  /** What the parameters say of the length of the key, or null. */
  keyBytes: number | null;
  cost(keyBytes: number): number;
  derive(password: Uint8Array, keyBytes: number): Promise<Uint8Array>;
}

/** RFC 8018 appendix A.2. */
function readPbkdf2({ oid, parameters }: Algorithm): Pbkdf2 {
  if (oid !== PBKDF2) throw new Pkcs12Refusal('unsupported');
  const reader = parametersOf(parameters);
  // The other choice, a salt that comes from elsewhere, was never defined.
  if (reader.peeked !== TAG.octetString) throw new Pkcs12Refusal('unsupported');
  const salt = readSalt(reader);
  const iterations = readIterations(reader);
  const length = reader.optional(TAG.integer);
  const keyBytes = length === null ? null : readCount(length);
  const name = reader.done ? 'sha1' : supported(HMACS, readAlgorithm(reader).oid);
  reader.end();
  return {
    salt,
    keyBytes,
    cost: (bytes) => costOf(iterations, Math.ceil(bytes / hashBytes(name))) * PBKDF2_COST[name],
    derive: (password, bytes) => derivePbkdf2(name, password, salt, iterations, bytes),
  };
}

function costOf(iterations: number, blocks: number): number {
  return iterations > MAX_ITERATIONS ? Number.POSITIVE_INFINITY : iterations * blocks;
}

function parametersOf(parameters: Algorithm['parameters']): DerReader {
  if (parameters?.tag !== TAG.sequence) throw new Pkcs12Refusal('unsupported');
  return new DerReader(parameters.content);
}

function supported<T>(table: Readonly<Record<string, T>>, oid: string): T {
  const entry = table[oid];
  if (entry === undefined) throw new Pkcs12Refusal('unsupported');
  return entry;
}
