/** Everything that remembers, put together. Loaded with the first call that needs it: a third of the files of the program. */

import type { KeyStore } from '../crypto/keyring.js';
import type { Random } from '../crypto/random.js';
import { Attempts } from './attempts.js';
import { Audit } from './audit.js';
import { Home } from './home.js';
import { environmentKey, fileKey } from './key-file.js';
import { createKeyStore } from './keys.js';
import { createVault, type Vault } from './master-key.js';
import { Secrets } from './secrets.js';
import { lazyStore, type Store } from './store.js';

export interface StorageOptions {
  /** The folder of the embedded engine. */
  home?: string;
  databaseUrl?: string;
  masterKey?: Uint8Array;
  verifyAttempts: { guesses: number; windowSeconds: number };
  /** The user id that the home must belong to, where the platform has such ids. */
  userId: number | undefined;
  random: Random;
}

export interface Storage {
  store: Store;
  vault: Vault;
  keys: KeyStore;
  attempts: Attempts;
  audit: Audit;
  secrets: Secrets;
}

/** Opens nothing yet: that happens with the first read or write. */
export function createStorage({
  home,
  databaseUrl,
  masterKey,
  verifyAttempts,
  userId,
  random,
}: StorageOptions): Storage {
  const store = lazyStore({ home, databaseUrl, owner: userId });
  // Without a home the store does not open, and nobody comes to ask for the key in it.
  const key = masterKey === undefined ? fileKey(() => new Home(home ?? '', userId)) : environmentKey(masterKey);
  const vault = createVault(store, key, random);
  return {
    store,
    vault,
    keys: createKeyStore(store, vault, random),
    audit: new Audit(store, vault),
    secrets: new Secrets(store, vault),
    attempts: new Attempts(store, { ...verifyAttempts, random }),
  };
}
