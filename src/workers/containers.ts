/** Opens password-protected containers of certificates on worker threads. */

import type { OpenPkcs12, Pkcs12Result } from '../crypto/certificate/pkcs12.js';
import type { ThreadPool } from './pool.js';

/** An abort ends the thread that derives the keys. */
export function createPkcs12Opener(pool: ThreadPool): OpenPkcs12 {
  // A message carries the whole buffer behind a view, so the file is given a buffer of its own.
  return async (bytes, password, signal) =>
    (await pool.run('pkcs12', { bytes: new Uint8Array(bytes), password }, signal)) as Pkcs12Result;
}
