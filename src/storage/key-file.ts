/**
 * Where the master key comes from: the environment, or a file in the home. The file is replaced in two steps, so that a kill
 * at any moment leaves the key that the database goes by in one of two files: `master.key.new` is written durably, then the
 * database commits to it, then it takes the name `master.key`. Which of the two counts, the database's check value says.
 * Files are only ever replaced or removed inside a write transaction of the database: that is their lock.
 */

import { base64url } from '../crypto/bytes.js';
import { SecurityError } from '../crypto/errors.js';
import { parseMasterKey } from '../crypto/wrapping.js';
import type { Home } from './home.js';

export const KEY_FILE = 'master.key';
const NEW_KEY_FILE = 'master.key.new';

export interface KeySource {
  /** `environment`: given from outside, and nothing of ours to make or replace. */
  readonly kind: 'environment' | 'file';
  /** The keys that may be the right one, the likeliest first. */
  candidates(): Uint8Array[];
  /** The key of a new store: the one that is there, or else a new one, and the same for all who ask at once. */
  forNewStore(make: () => Uint8Array): Uint8Array;
  /** Writes the key that the transaction is about to commit to. */
  prepare(key: Uint8Array): void;
  /** What a replacement that was begun and not finished has written; null where there is none. */
  unsettled(): string | null;
  /** Finishes that one or takes it back, by whether the new key is the one that counts. Another one, begun since, stays. */
  settle(begun: string, counts: (key: Uint8Array) => boolean): void;
}

export function environmentKey(key: Uint8Array): KeySource {
  return {
    kind: 'environment',
    candidates: () => [key],
    forNewStore: () => key,
    prepare: () => undefined,
    unsettled: () => null,
    settle: () => undefined,
  };
}

/** `home` is asked for at each use: to open it may fail, and may succeed later. */
export function fileKey(home: () => Home): KeySource {
  const keyIn = (name: string): Uint8Array | null => {
    const text = home().read(name);
    return text === null ? null : parseMasterKey(text);
  };
  const textOf = (key: Uint8Array): string => `${base64url(key)}\n`;
  return {
    kind: 'file',
    candidates: () => [keyIn(KEY_FILE), keyIn(NEW_KEY_FILE)].filter((key) => key !== null),
    forNewStore(make) {
      if (home().read(KEY_FILE) === null) home().create(KEY_FILE, textOf(make()));
      const key = keyIn(KEY_FILE);
      if (key !== null) return key;
      throw new SecurityError('master_key_wrong', `The file ${KEY_FILE} in SECURITY_MCP_HOME does not hold 32 bytes.`, {
        hint: 'Have the operator put the right key back as base64url, or remove the file where the store is new.',
      });
    },
    prepare(key) {
      // Drafts of the first key that a kill has left hold what is to be replaced.
      for (const name of home().names()) if (name.startsWith(`${KEY_FILE}.draft-`)) home().remove(name);
      home().write(NEW_KEY_FILE, textOf(key));
    },
    unsettled: () => home().read(NEW_KEY_FILE),
    settle(begun, counts) {
      if (home().read(NEW_KEY_FILE) !== begun) return;
      const key = parseMasterKey(begun);
      if (key !== null && counts(key)) home().replace(NEW_KEY_FILE, KEY_FILE);
      else home().remove(NEW_KEY_FILE);
    },
  };
}
