/** Turns every way in which a secret can be given into its text, for the fields whose schema carries the mark. */

import { SecurityError } from '../crypto/errors.js';

const REFERENCE = /^(?:secret|env):\/\//;

/**
 * The input with its secret fields as text. A literal that looks like a reference must come as `{literal}`: taking it
 * for the secret itself would quietly protect with the wrong one. Throws `secret_unknown`.
 */
export function resolveSecrets(
  input: Record<string, unknown>,
  secretFields: readonly string[],
): Record<string, unknown> {
  const resolved = { ...input };
  for (const field of secretFields) {
    const given = input[field];
    if (typeof given === 'string') {
      if (REFERENCE.test(given)) throw referenceUnknown(field);
    } else if (given !== undefined) resolved[field] = (given as { literal: string }).literal;
  }
  return resolved;
}

function referenceUnknown(field: string): SecurityError {
  return new SecurityError(
    'secret_unknown',
    `${field} is a reference, and this server holds no secret under any name.`,
    {
      hint: 'Give the value itself; if the text really begins like a reference, give {"literal": "..."}.',
    },
  );
}
