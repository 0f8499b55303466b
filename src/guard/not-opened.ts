/** Faults of the process itself rather than of a call: a part of the program does not load, or no more files may be opened. */

import { SecurityError } from '../crypto/errors.js';

/** A part of the program that did not load stays so: Node remembers it until the process ends. */
export function notOpened(cause: unknown): SecurityError {
  return new SecurityError('engine_unavailable', 'The server could not open what it needs.', {
    hint: 'Have the operator start it again, with more open files allowed (ulimit -n) where it is at its limit; where that does not help, install it again.',
    cause,
  });
}

/** EMFILE and ENFILE as a refusal that says what to do; whatever else is thrown as it is. */
export function explainNotOpened(error: unknown): unknown {
  const { code } = (error ?? {}) as { code?: unknown };
  return !(error instanceof SecurityError) && (code === 'EMFILE' || code === 'ENFILE') ? notOpened(error) : error;
}
