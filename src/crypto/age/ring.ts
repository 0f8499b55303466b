/** Keys of the ring as identities and recipients of age: X25519 (C2SP age, section "The X25519 recipient type"). */

import { webcrypto, type KeyObject } from 'node:crypto';

import { identityToRecipient } from 'age-encryption';

export type AgeIdentity = webcrypto.CryptoKey;

/** The private key as the library takes it. */
export async function identityOf(key: KeyObject): Promise<AgeIdentity> {
  const jwk = key.export({ format: 'jwk' });
  return webcrypto.subtle.importKey('jwk', jwk, { name: 'X25519' }, false, ['deriveBits']);
}

/** What others encrypt to: `age1...`. */
export async function recipientOf(key: KeyObject): Promise<string> {
  return identityToRecipient(await identityOf(key));
}

/** The same of several, each with its id. */
export function recipientsOf(
  keys: readonly { id: string; key: KeyObject }[],
): Promise<{ key_id: string; recipient: string }[]> {
  return Promise.all(keys.map(async ({ id, key }) => ({ key_id: id, recipient: await recipientOf(key) })));
}
