/** Stored secrets as every room speaks of them: what is known of one, and what a store of them can do (DESIGN section 6, secret policy). */

import { SecurityError } from './errors.js';

/** Where a secret came from. What the model supplied itself is trusted with less than what it has never seen. */
export const SECRET_ORIGINS = ['generated', 'human', 'environment', 'model'] as const;
export type SecretOrigin = (typeof SECRET_ORIGINS)[number];

/** What a secret is: generated kinds, what a human typed (`text`), and results of tools. */
export const SECRET_KINDS = [
  'password',
  'passphrase',
  'token',
  'uuid',
  'key',
  'text',
  'hash',
  'jwt',
  'plaintext',
] as const;
export type SecretKind = (typeof SECRET_KINDS)[number];

/** The longest value, in UTF-8 bytes. */
export const MAX_SECRET_BYTES = 65_536;

/** What may be told of a secret. Times are milliseconds since the epoch. */
export interface SecretDescription {
  name: string;
  kind: SecretKind;
  origin: SecretOrigin;
  /** Whether the value was ever in an answer to the model, or came from it. */
  shown: boolean;
  createdAt: number;
  expiresAt?: number;
  /** Bits of the process that made it, for generated secrets. */
  entropyBits?: number;
  /** A keyed fingerprint of the value: equal for equal values of one store, worth nothing without the store's keys. */
  fingerprint: string;
}

export interface StoredSecret extends SecretDescription {
  value: string;
}

/** What is known of the secret behind a reference that a call was given. */
export type Referenced = Pick<SecretDescription, 'name' | 'kind' | 'origin' | 'shown' | 'entropyBits' | 'fingerprint'>;

export interface NewSecret {
  name: string;
  kind: SecretKind;
  origin: SecretOrigin;
  shown: boolean;
  value: string;
  entropyBits?: number;
  expiresAt?: number;
}

export interface SecretStore {
  /** Throws `secret_exists` unless `overwrite`, `input_invalid` where too many or too large, or as the store does. */
  put(secret: NewSecret, options?: { overwrite?: boolean }): Promise<SecretDescription>;
  /** The secret with its value. Throws `secret_unknown`, also where it has expired or was deleted. */
  get(name: string): Promise<StoredSecret>;
  /** Throws `secret_exists` where `put` without `overwrite` would. */
  requireFree(name: string): Promise<void>;
  /** All by name, or the one; throws `secret_unknown` where a given name is not there. */
  list(name?: string): Promise<SecretDescription[]>;
  /** Deletes by name; restorable for seven days by an operator. Throws `secret_unknown`. */
  remove(name: string): Promise<void>;
  /** For operators: undoes a deletion of the last seven days. Throws `secret_unknown`. */
  restore(name: string): Promise<void>;
  /** For operators: destroys at once, deleted or not, and frees the name. Throws `secret_unknown`. */
  destroy(name: string): Promise<void>;
  /** The keyed fingerprint a value has in this store. */
  fingerprint(value: string): Promise<string>;
}

export const MAX_SECRETS = 1_000;

/** The refusal of a name that no secret has, or that may not be used. */
export function secretUnknown(): SecurityError {
  return new SecurityError('secret_unknown', 'There is no secret of this name.', {
    hint: 'secret_list shows the names. secret_generate makes one, secret_request asks the human for one, and save_as of other tools stores what they make.',
  });
}

export function secretExists(): SecurityError {
  return new SecurityError(
    'secret_exists',
    'There is a secret of this name already, or one that was deleted in the last seven days.',
    {
      hint: 'Choose another name (in save_as, or in name where that is the field). Nothing is overwritten; only an operator destroys a secret at once (security-mcp secret destroy).',
    },
  );
}
