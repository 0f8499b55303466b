/** Secrets that last as long as the process: stands in for the store of secrets until that is there. */

import { createHmac, randomBytes } from 'node:crypto';

import { SecurityError } from '../crypto/errors.js';
import type { SecretStore, StoredSecret } from '../crypto/secret.js';

export function createPassingSecrets(now: () => Date): SecretStore {
  const kept = new Map<string, StoredSecret>();
  const key = randomBytes(32);
  const fingerprint = async (value: string): Promise<string> =>
    createHmac('sha256', key).update(value).digest('base64url').slice(0, 16);
  const requireFree = async (name: string): Promise<void> => {
    if (!kept.has(name)) return;
    throw new SecurityError('secret_exists', 'There is a secret of this name already.', {
      hint: 'Use it by its reference, give another name, or overwrite: true.',
    });
  };
  const find = (name: string): StoredSecret => {
    const found = kept.get(name);
    if (found !== undefined) return found;
    throw new SecurityError('secret_unknown', 'There is no secret of this name.', {
      hint: 'Make one with secret_request or secret_generate.',
    });
  };
  return {
    requireFree,
    fingerprint,
    async put(secret, { overwrite = false } = {}) {
      if (!overwrite) await requireFree(secret.name);
      const stored = { ...secret, createdAt: now().getTime(), fingerprint: await fingerprint(secret.value) };
      kept.set(secret.name, stored);
      const { value: _value, ...described } = stored;
      return described;
    },
    get: async (name) => find(name),
    list: async (name) =>
      (name === undefined ? [...kept.values()] : [find(name)]).map(({ value: _value, ...described }) => described),
    async remove(name) {
      find(name);
      kept.delete(name);
    },
  };
}
