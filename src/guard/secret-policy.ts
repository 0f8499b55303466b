/**
 * Where a secret that is given by reference may be used (docs/decisions/017-secret-policy.md). An agent is a confused deputy: a reference
 * must not become a way to read. What decides is the mark on the schema of the field, and where the secret came from.
 */

import { SecurityError } from '../crypto/errors.js';
import type { Referenced } from '../crypto/secret.js';
import type { SecretUse } from '../tools/fields.js';

/** An HMAC of chosen text is a way to try guesses at its key elsewhere: only what nobody can guess. */
const MAC_KEY_BITS = 128;

/** Throws `policy_refused` where the secret may not be used so. `input` is the parsed input; `references` are all given to the call. */
export function requireAllowed(
  field: string,
  use: SecretUse,
  secret: Referenced,
  input: Readonly<Record<string, unknown>>,
  references: ReadonlyMap<string, Referenced>,
): void {
  switch (use) {
    case 'strength':
    case 'hashed':
      if (input['user_inputs'] !== undefined)
        throw refused(
          `${field} by reference takes no user_inputs: the answer would tell whether they are in it.`,
          'Leave user_inputs out.',
        );
      return;
    case 'mac_key':
      if (secret.origin !== 'generated' || (secret.entropyBits ?? 0) < MAC_KEY_BITS)
        throw refused(
          `${field} by reference must be a generated secret of at least ${MAC_KEY_BITS} bits: an HMAC of chosen text lets anything less be guessed.`,
          'Make one with secret_generate (kind key or token), or use key_name with a key of the ring.',
        );
      return;
    case 'plaintext':
      requireHiddenLock(field, input, references);
      return;
    case 'new_lock':
    case 'lock':
    case 'verified':
    case 'hash':
    case 'token':
  }
}

/** What was never shown is sealed only where nobody can open it but this server, or with a secret that was never shown either. */
function requireHiddenLock(
  field: string,
  input: Readonly<Record<string, unknown>>,
  references: ReadonlyMap<string, Referenced>,
): void {
  const byPassword = input['password'] !== undefined;
  if (input['fernet_key'] !== undefined || input['format'] === 'fernet')
    throw refused(
      `${field} by reference is sealed as a JWE only: Fernet cannot say that what it holds must not be shown.`,
      'Leave format and fernet_key out.',
    );
  if (byPassword && references.get('password')?.shown !== false)
    throw refused(
      `${field} by reference is sealed under a key of the ring, or under a secret that was never shown: with a password that you know you could read it.`,
      'Give key (such as envelope) alone, or password by reference to a secret that was generated or typed by the human.',
    );
}

export function refused(message: string, hint: string): SecurityError {
  return new SecurityError('policy_refused', message, { hint });
}
