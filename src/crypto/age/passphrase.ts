/**
 * The scrypt recipient of age (C2SP age, section "The scrypt recipient stanza") on the scrypt of node:crypto, which computes off the main
 * thread. The cost that a file names is bounded before it is paid.
 */

import { createCipheriv, createDecipheriv, scrypt } from 'node:crypto';

import { Stanza, type Identity, type Recipient } from 'age-encryption';

import { utf8 } from '../bytes.js';
import type { Random } from '../random.js';

/** log2 of N: 64 MiB, a quarter of a second. */
const MADE_LOG_N = 16;
/** 256 MiB: what the age command writes. */
export const MAX_LOG_N = 18;
const SALT_BYTES = 16;
const FILE_KEY_BYTES = 16;
const TAG_BYTES = 16;
const LABEL = 'age-encryption.org/v1/scrypt';
const CIPHER = 'chacha20-poly1305';
/** A key that is used once needs no nonce of its own. */
const NONCE = Buffer.alloc(12);

function wrappingKey(passphrase: string, salt: Uint8Array, logN: number): Promise<Buffer> {
  const N = 2 ** logN;
  return new Promise((resolve, reject) => {
    scrypt(
      passphrase,
      Buffer.concat([utf8(LABEL), salt]),
      32,
      { N, r: 8, p: 1, maxmem: 129 * N * 8 + 1_048_576 },
      (error, key) => (error === null ? resolve(key) : reject(error)),
    );
  });
}

export function passphraseRecipient(passphrase: string, random: Random): Recipient {
  return {
    async wrapFileKey(fileKey) {
      const salt = random(SALT_BYTES);
      const key = await wrappingKey(passphrase, salt, MADE_LOG_N);
      const cipher = createCipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES });
      const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
      const salted = Buffer.from(salt).toString('base64').replaceAll('=', '');
      return [new Stanza(['scrypt', salted, String(MADE_LOG_N)], Uint8Array.from(body))];
    },
  };
}

/** Gives null for another passphrase; throws for a stanza that is malformed, not alone, or too costly. */
export function passphraseIdentity(passphrase: string): Identity {
  return {
    async unwrapFileKey(stanzas) {
      const own = stanzas.filter(({ args }) => args[0] === 'scrypt');
      if (own.length === 0) return null;
      const [stanza] = own;
      const [, salted = '', logN = ''] = stanza?.args ?? [];
      const salt = Buffer.from(salted, 'base64');
      if (stanzas.length !== 1 || stanza?.args.length !== 3 || !/^[1-9]\d?$/.test(logN)) throw new Error('malformed');
      if (salt.length !== SALT_BYTES || salt.toString('base64').replaceAll('=', '') !== salted)
        throw new Error('malformed');
      if (Number(logN) > MAX_LOG_N || stanza.body.length !== FILE_KEY_BYTES + TAG_BYTES) throw new Error('refused');
      const key = await wrappingKey(passphrase, salt, Number(logN));
      const decipher = createDecipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(stanza.body.subarray(FILE_KEY_BYTES));
      try {
        return Uint8Array.from(
          Buffer.concat([decipher.update(stanza.body.subarray(0, FILE_KEY_BYTES)), decipher.final()]),
        );
      } catch {
        return null;
      }
    },
  };
}

/** What a passphrase is tried against: the salt and the wrapped key of the header, or null where no passphrase opens the file. */
export function passphraseSubject(head: Uint8Array): Uint8Array | null {
  const [, salt, body] =
    /^-> scrypt (\S{1,64}) \d{1,3}\n(\S{1,64})\n/m.exec(Buffer.from(head).toString('latin1')) ?? [];
  return salt === undefined || body === undefined ? null : utf8(`age ${salt} ${body}`);
}
