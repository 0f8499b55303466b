/**
 * Signatures on certificates, CRLs and OCSP responses: RSA PKCS#1 and PSS (RFC 4055), ECDSA (RFC 5758), Ed25519 and Ed448
 * (RFC 8410). The algorithm is taken from an allow-list and must fit the type of the key.
 */

import { constants, verify, type KeyObject } from 'node:crypto';

import { attempt, contextTag, readCount, readOid, readOnly, readWhole, TAG, type DerReader } from './der.js';
import type { AlgorithmIdentifier } from './parse.js';

type KeyType = 'rsa' | 'ec' | 'ed25519' | 'ed448' | 'dsa';
interface Scheme {
  name: string;
  keyType: KeyType;
  hash: string | null;
  /** No longer resists forgery: told as weak, never a reason to trust. */
  weak?: true;
}

const PSS_OID = '1.2.840.113549.1.1.10';

const SCHEMES: Readonly<Record<string, Scheme>> = {
  '1.2.840.113549.1.1.2': { name: 'MD2 with RSA', keyType: 'rsa', hash: 'md2', weak: true },
  '1.2.840.113549.1.1.3': { name: 'MD4 with RSA', keyType: 'rsa', hash: 'md4', weak: true },
  '1.2.840.113549.1.1.4': { name: 'MD5 with RSA', keyType: 'rsa', hash: 'md5', weak: true },
  '1.2.840.113549.1.1.5': { name: 'SHA-1 with RSA', keyType: 'rsa', hash: 'sha1', weak: true },
  '1.3.14.3.2.29': { name: 'SHA-1 with RSA', keyType: 'rsa', hash: 'sha1', weak: true },
  '1.2.840.113549.1.1.14': { name: 'SHA-224 with RSA', keyType: 'rsa', hash: 'sha224', weak: true },
  '1.2.840.113549.1.1.11': { name: 'SHA-256 with RSA', keyType: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { name: 'SHA-384 with RSA', keyType: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { name: 'SHA-512 with RSA', keyType: 'rsa', hash: 'sha512' },
  '1.2.840.10045.4.1': { name: 'SHA-1 with ECDSA', keyType: 'ec', hash: 'sha1', weak: true },
  '1.2.840.10045.4.3.1': { name: 'SHA-224 with ECDSA', keyType: 'ec', hash: 'sha224', weak: true },
  '1.2.840.10045.4.3.2': { name: 'SHA-256 with ECDSA', keyType: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { name: 'SHA-384 with ECDSA', keyType: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { name: 'SHA-512 with ECDSA', keyType: 'ec', hash: 'sha512' },
  '1.2.840.10040.4.3': { name: 'SHA-1 with DSA', keyType: 'dsa', hash: 'sha1', weak: true },
  '2.16.840.1.101.3.4.3.2': { name: 'SHA-256 with DSA', keyType: 'dsa', hash: 'sha256', weak: true },
  '1.3.101.112': { name: 'Ed25519', keyType: 'ed25519', hash: null },
  '1.3.101.113': { name: 'Ed448', keyType: 'ed448', hash: null },
};

/** Known by name, and not verified by every version of Node that this runs on (RFC 9881). */
const UNVERIFIED: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.3.17': 'ML-DSA-44',
  '2.16.840.1.101.3.4.3.18': 'ML-DSA-65',
  '2.16.840.1.101.3.4.3.19': 'ML-DSA-87',
};

const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const MGF1_OID = '1.2.840.113549.1.1.8';

interface PssParameters {
  hash: string;
  saltBytes: number;
}

/** RSASSA-PSS-params (RFC 4055 section 3.1), or null where they are unsound: another mask hash, a trailer of another kind. */
function readPss(parameters: Uint8Array | null): PssParameters | null {
  if (parameters === null) return null;
  return attempt(() => {
    const reader = readWhole(parameters, TAG.sequence);
    const hash = reader.optional(contextTag(0, true));
    const mask = reader.optional(contextTag(1, true));
    const salt = reader.optional(contextTag(2, true));
    const trailer = reader.optional(contextTag(3, true));
    reader.end();
    const hashName = hash === null ? 'sha1' : hashOf(readWhole(hash.content, TAG.sequence));
    let maskHash: string | null = 'sha1';
    if (mask !== null) {
      const generator = readWhole(mask.content, TAG.sequence);
      if (readOid(generator.next(TAG.oid)) !== MGF1_OID) return null;
      maskHash = hashOf(generator.into(TAG.sequence));
      generator.end();
    }
    const saltBytes = salt === null ? 20 : readOnlyCount(salt.content);
    if (trailer !== null && readOnlyCount(trailer.content) !== 1) return null;
    return hashName === null || hashName !== maskHash || saltBytes > 512 ? null : { hash: hashName, saltBytes };
  });
}

/** A hash has NULL as parameters or none (RFC 4055 section 2.1). */
function hashOf(algorithm: DerReader): string | null {
  const oid = readOid(algorithm.next(TAG.oid));
  const parameters = algorithm.optional(TAG.null);
  algorithm.end();
  return parameters === null || parameters.content.length === 0 ? (HASHES[oid] ?? null) : null;
}

function readOnlyCount(content: Uint8Array): number {
  return readCount(readOnly(content, TAG.integer));
}

/** Whether the parameters are those the scheme allows: NULL or none for RSA (RFC 4055), none for the rest (RFC 5758, RFC 8410). */
function parametersFit(scheme: Scheme, { parameters }: AlgorithmIdentifier): boolean {
  if (parameters === null) return true;
  return scheme.keyType === 'rsa' && parameters.length === 2 && parameters[0] === TAG.null && parameters[1] === 0;
}

export interface SignatureKind {
  /** For a reader: `SHA-256 with RSA`, `RSASSA-PSS SHA-256`. */
  name: string;
  weak: boolean;
  known: boolean;
}

/** What an algorithm is called and whether it is still fit. */
export function signatureKind(algorithm: AlgorithmIdentifier): SignatureKind {
  if (algorithm.oid === PSS_OID) {
    const pss = readPss(algorithm.parameters);
    const name = pss === null ? 'RSASSA-PSS' : `RSASSA-PSS SHA-${pss.hash.slice(3)}`;
    return { name, weak: pss?.hash === 'sha1', known: pss !== null };
  }
  const scheme = SCHEMES[algorithm.oid];
  if (scheme === undefined) return { name: UNVERIFIED[algorithm.oid] ?? algorithm.oid, weak: false, known: false };
  return { name: scheme.name, weak: scheme.weak === true, known: parametersFit(scheme, algorithm) };
}

/** Whether `key` made `signature` over `signed`. False for every algorithm that is unknown or does not fit the key. */
export function verifySignature(
  algorithm: AlgorithmIdentifier,
  key: KeyObject,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    if (algorithm.oid === PSS_OID) {
      const pss = readPss(algorithm.parameters);
      if (pss === null || (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'rsa-pss')) return false;
      // RFC 8017 section 8.1.2 step 1; OpenSSL also takes a PSS signature without its leading zeros.
      if (signature.length !== Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8)) return false;
      const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: pss.saltBytes };
      return verify(pss.hash, signed, options, signature);
    }
    const scheme = SCHEMES[algorithm.oid];
    if (scheme === undefined || key.asymmetricKeyType !== scheme.keyType || !parametersFit(scheme, algorithm))
      return false;
    return verify(scheme.hash, signed, key, signature);
  } catch {
    // A hash that this build of OpenSSL leaves out, or a key it refuses to use.
    return false;
  }
}
