/** The audit of a home, read as an operator would: after the server that wrote it has ended, or beside it. */

import { systemRandom } from '../../src/crypto/random.js';
import { Audit, type StoredEntry } from '../../src/storage/audit.js';
import { Home } from '../../src/storage/home.js';
import { fileKey } from '../../src/storage/key-file.js';
import { createVault } from '../../src/storage/master-key.js';
import { lazyStore } from '../../src/storage/store.js';
import { USER } from './home.js';

/** All entries, the oldest first; the chain must be whole. */
export async function auditIn(home: string): Promise<StoredEntry[]> {
  const store = lazyStore({ home, owner: USER });
  const audit = new Audit(
    store,
    createVault(
      store,
      fileKey(() => new Home(home, USER)),
      systemRandom,
    ),
  );
  try {
    const { intact, first_break } = await audit.verify();
    if (!intact) throw new Error(`the audit is broken: ${JSON.stringify(first_break)}`);
    return (await audit.query({ limit: 100_000 })).toReversed();
  } finally {
    await store.close();
  }
}
