/**
 * Keys and signatures of the PKI lab. RSA keys come from a small pool made once in a process, because making one takes up to a
 * second; the others are made anew each time.
 */

import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  sign,
  type KeyObject,
  type KeyPairKeyObjectResult,
} from 'node:crypto';
import { promisify } from 'node:util';
import { explicit, integer, nullValue, octetString, oid, sequence, type Der } from './der.js';

export type KeyPair = KeyPairKeyObjectResult;
const CURVES = { p224: 'secp224r1', p256: 'P-256', p384: 'P-384', p521: 'P-521', secp256k1: 'secp256k1' } as const;
const RSA = { rsa1024: 1024, rsa2048: 2048, rsa3072: 3072 } as const;
/** `rsapss2048`: an RSA key of the pool under the identifier id-RSASSA-PSS (RFC 4055 section 1.2). */
export type KeyName = keyof typeof CURVES | keyof typeof RSA | 'rsapss2048' | 'ed25519' | 'ed448';

/** How many keys of a kind the pool holds: enough that a chain of three does not repeat one. */
const POOL_SIZE = { rsa1024: 1, rsa2048: 3, rsa3072: 1 } as const;
type PoolName = keyof typeof POOL_SIZE;
const pool = new Map<PoolName, KeyPair[]>();
const turns = new Map<PoolName, number>();
const generate = promisify(generateKeyPair) as unknown as (type: string, options: object) => Promise<KeyPair>;

const isRsa = (name: KeyName): name is PoolName => name in POOL_SIZE;

/** Fills the RSA pool in parallel. `newKey` fills it too, but one key at a time and holding the event loop. */
export async function fillKeyPool(names: PoolName[] = ['rsa1024', 'rsa2048']): Promise<void> {
  const made = await Promise.all(
    names.flatMap((name) => {
      const missing = POOL_SIZE[name] - (pool.get(name)?.length ?? 0);
      return Array.from({ length: Math.max(0, missing) }, async () => ({
        name,
        key: await generate('rsa', { modulusLength: RSA[name] }),
      }));
    }),
  );
  for (const { name, key } of made) pool.set(name, [...(pool.get(name) ?? []), key]);
}

function fromPool(name: PoolName): KeyPair {
  const keys = pool.get(name) ?? [];
  const turn = turns.get(name) ?? 0;
  turns.set(name, turn + 1);
  const index = turn % POOL_SIZE[name];
  let key = keys[index];
  if (!key) {
    key = generateKeyPairSync('rsa', { modulusLength: RSA[name] });
    pool.set(name, [...keys, key]);
  }
  return key;
}

function asPss({ privateKey }: KeyPair): KeyPair {
  const pkcs1 = octetString(privateKey.export({ type: 'pkcs1', format: 'der' }));
  const pkcs8 = sequence(integer(0), sequence(oid('1.2.840.113549.1.1.10')), pkcs1);
  const key = createPrivateKey({ key: Buffer.from(pkcs8), type: 'pkcs8', format: 'der' });
  return { privateKey: key, publicKey: createPublicKey(key) };
}

/** A key pair of that kind: a new one, or for RSA the next of the pool. */
export function newKey(name: KeyName): KeyPair {
  if (isRsa(name)) return fromPool(name);
  if (name === 'rsapss2048') return asPss(fromPool('rsa2048'));
  if (name === 'ed25519') return generateKeyPairSync('ed25519');
  if (name === 'ed448') return generateKeyPairSync('ed448');
  return generateKeyPairSync('ec', { namedCurve: CURVES[name] });
}

export type Hash = 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';
/** A hash to go with the key's own algorithm, or RSA-PSS; Ed25519 and Ed448 take no choice. */
export type SignWith = Hash | 'rsa-pss' | { pss: Hash; saltLength?: number };

const HASH_OIDS: Record<Hash, string> = {
  md5: '1.2.840.113549.2.5',
  sha1: '1.3.14.3.2.26',
  sha224: '2.16.840.1.101.3.4.2.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};
const RSA_OIDS: Record<Hash, number> = { md5: 4, sha1: 5, sha224: 14, sha256: 11, sha384: 12, sha512: 13 };
const ECDSA_OIDS: Partial<Record<Hash, string>> = {
  sha1: '1.2.840.10045.4.1',
  sha224: '1.2.840.10045.4.3.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
};
const SIZES: Record<Hash, number> = { md5: 16, sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 };

/** The AlgorithmIdentifier of a hash, as in a CertID. */
export const hashAlgorithm = (hash: Hash): Der => sequence(oid(HASH_OIDS[hash]), nullValue());

function usualHash(key: KeyObject): Hash {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === 'secp384r1') return 'sha384';
  return curve === 'secp521r1' ? 'sha512' : 'sha256';
}

export interface Signer {
  /** The DER of the AlgorithmIdentifier. */
  algorithm: Der;
  sign: (data: Uint8Array) => Uint8Array;
}

function pssSigner(key: KeyObject, hash: Hash, saltLength: number): Signer {
  const mgf = sequence(oid('1.2.840.113549.1.1.8'), hashAlgorithm(hash));
  const parameters = sequence(explicit(0, hashAlgorithm(hash)), explicit(1, mgf), explicit(2, integer(saltLength)));
  return {
    algorithm: sequence(oid('1.2.840.113549.1.1.10'), parameters),
    sign: (data) => sign(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }),
  };
}

/** How this key signs certificates, revocation lists and OCSP responses. */
export function signer(key: KeyObject, signWith?: SignWith): Signer {
  const kind = key.asymmetricKeyType;
  if (kind === 'ed25519') return { algorithm: sequence(oid('1.3.101.112')), sign: (data) => sign(null, data, key) };
  if (kind === 'ed448') return { algorithm: sequence(oid('1.3.101.113')), sign: (data) => sign(null, data, key) };
  const wish = signWith ?? (kind === 'rsa-pss' ? 'rsa-pss' : usualHash(key));
  if (wish === 'rsa-pss') return pssSigner(key, 'sha256', 32);
  if (typeof wish === 'object') return pssSigner(key, wish.pss, wish.saltLength ?? SIZES[wish.pss]);
  if (kind === 'rsa') {
    const algorithm = sequence(oid(`1.2.840.113549.1.1.${RSA_OIDS[wish]}`), nullValue());
    return { algorithm, sign: (data) => sign(wish, data, key) };
  }
  const identifier = ECDSA_OIDS[wish];
  if (!identifier) throw new Error(`ECDSA has no identifier with ${wish}`);
  return { algorithm: sequence(oid(identifier)), sign: (data) => sign(wish, data, key) };
}
