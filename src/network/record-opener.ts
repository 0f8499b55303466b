/** Opens the encrypted records of a TLS 1.3 server with the secrets of our own session (RFC 8446 sections 5 and 7). */

import { createDecipheriv, createHmac } from 'node:crypto';

export interface Suite {
  cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  keyBytes: number;
  hash: 'sha256' | 'sha384';
}

/** The plaintext of a record, given in the order of arrival, or undefined where it does not open. */
export type RecordOpener = (header: Buffer, body: Buffer) => Buffer | undefined;

/** The cipher suites of TLS 1.3 that we offer (RFC 8446 appendix B.4). */
export const SUITES: Readonly<Record<number, Suite>> = {
  0x1301: { cipher: 'aes-128-gcm', keyBytes: 16, hash: 'sha256' },
  0x1302: { cipher: 'aes-256-gcm', keyBytes: 32, hash: 'sha384' },
  0x1303: { cipher: 'chacha20-poly1305', keyBytes: 32, hash: 'sha256' },
};

/** Opens the records of one traffic secret in their order (RFC 8446 sections 5.2, 5.3 and 7.3). */
export function recordOpener(secret: Buffer, suite: Suite): RecordOpener {
  const expand = (label: string, length: number): Buffer => {
    // HKDF-Expand-Label (section 7.1); one block is enough for a key of at most 32 bytes.
    const name = `tls13 ${label}`;
    const info = Buffer.concat([Buffer.from([0, length, name.length]), Buffer.from(name), Buffer.from([0, 1])]);
    return createHmac(suite.hash, secret).update(info).digest().subarray(0, length);
  };
  const key = expand('key', suite.keyBytes);
  const iv = expand('iv', 12);
  let sequence = 0;
  return (header, body) => {
    const nonce = Buffer.from(iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence) >>> 0, 8);
    sequence += 1;
    if (body.length < 17) return undefined;
    try {
      // The type definitions know one overload for each mode; the call is the same.
      const decipher = createDecipheriv(suite.cipher as 'aes-256-gcm', key, nonce, { authTagLength: 16 });
      decipher.setAAD(header);
      decipher.setAuthTag(body.subarray(-16));
      return Buffer.concat([decipher.update(body.subarray(0, -16)), decipher.final()]);
    } catch {
      return undefined;
    }
  };
}
