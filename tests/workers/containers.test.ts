/** PKCS#12 files are opened on worker threads: the same results, and an abort frees the processor. */

import { afterAll, describe, expect, it } from 'vitest';

import { createPkcs12Opener } from '../../src/workers/containers.js';
import { ThreadPool } from '../../src/workers/pool.js';
import { never, threadScript } from '../support/engines.js';
import { certificateBag, pfx, plainSafe } from '../support/pkcs12-builder.js';
import { FILES, LEAF } from '../support/pkcs12-files.js';

const pool = new ThreadPool(threadScript, 1);
const openPkcs12 = createPkcs12Opener(pool);
afterAll(() => pool.close());

describe('on a thread', () => {
  it.each(Object.entries(FILES))('%s', async (_name, { bytes, password, certificates }) => {
    const result = await openPkcs12(bytes, password, never);
    expect('certificates' in result ? result.certificates : result).toEqual(
      certificates.map((der) => new Uint8Array(der)),
    );
  });

  it('a problem comes back as one, and the bytes stay with the caller', async () => {
    const bytes = new Uint8Array(FILES.legacy.bytes);
    expect(await openPkcs12(bytes, 'wrong', never)).toEqual({ problem: 'wrong_password' });
    expect(await openPkcs12(Buffer.from('0'), 'wrong', never)).toEqual({ problem: 'not_pkcs12' });
    expect(bytes).toEqual(new Uint8Array(FILES.legacy.bytes));
  });

  it('an abort ends it, and the next is opened', async () => {
    const caller = new AbortController();
    const costly = pfx([plainSafe(certificateBag(LEAF))], { iterations: 1_000_000 });
    const long = openPkcs12(costly, 'secret', caller.signal);
    const next = openPkcs12(FILES.aes256.bytes, 'secret', never);
    caller.abort(new Error('gone'));
    await expect(long).rejects.toThrow('gone');
    expect(await next).toMatchObject({ leafFirst: true });
  });
});
