/** Turns every way in which a secret can be given into its text, for the fields whose schema carries the mark. */

import { SecurityError } from '../crypto/errors.js';
import { secretUnknown, type Referenced, type SecretStore } from '../crypto/secret.js';
import type { SecretField } from '../tools/tool.js';
import { requireAllowed } from './secret-policy.js';

const REFERENCE = /^(secret|env):\/\//;
const SECRET_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export interface ReferenceSources {
  secrets: Pick<SecretStore, 'get' | 'fingerprint'>;
  /** The values of the environment that may be used as `env://NAME`. */
  environment: ReadonlyMap<string, string>;
}

export interface ResolvedInput {
  input: Record<string, unknown>;
  /** What is behind the fields that were given by reference. */
  references: ReadonlyMap<string, Referenced>;
}

/**
 * The input with its secret fields as text. A literal that looks like a reference must come as `{literal}`: taking it for the secret
 * itself would quietly protect with the wrong one. Throws `secret_unknown` and `policy_refused`, before any value is used.
 */
export async function resolveSecrets(
  input: Record<string, unknown>,
  fields: readonly SecretField[],
  sources: ReferenceSources,
): Promise<ResolvedInput> {
  const resolved = { ...input };
  const references = new Map<string, Referenced>();
  for (const { name } of fields) {
    const given = input[name];
    if (typeof given === 'object' && given !== null) resolved[name] = (given as { literal: string }).literal;
    if (typeof given !== 'string' || !REFERENCE.test(given)) continue;
    const { value, ...known } = await lookUp(given, sources);
    resolved[name] = value;
    references.set(name, known);
  }
  for (const { name, use, maxLength } of fields) {
    const reference = references.get(name);
    if (reference === undefined) continue;
    requireAllowed(name, use, reference, input, references);
    if ((resolved[name] as string).length > maxLength)
      throw new SecurityError('input_invalid', `${name} is a reference to a secret that is too long here.`, {
        hint: 'Use another secret.',
      });
  }
  return { input: resolved, references };
}

async function lookUp(reference: string, sources: ReferenceSources): Promise<Referenced & { value: string }> {
  const name = reference.slice(reference.indexOf('://') + 3);
  if (reference.startsWith('env://')) {
    const value = sources.environment.get(name);
    if (value === undefined) throw environmentUnknown();
    const fingerprint = await sources.secrets.fingerprint(value);
    return { value, name, origin: 'environment', shown: false, kind: 'text', fingerprint };
  }
  if (!SECRET_NAME.test(name)) throw secretUnknown();
  const { value, origin, shown, kind, entropyBits, fingerprint } = await sources.secrets.get(name);
  return { value, name, origin, shown, kind, fingerprint, ...(entropyBits === undefined ? {} : { entropyBits }) };
}

function environmentUnknown(): SecurityError {
  return new SecurityError('secret_unknown', 'No variable of this name may be used.', {
    hint: 'The operator lists the names in SECURITY_MCP_EXPOSE_ENV; if the text really begins like a reference, give {"literal": "..."}.',
  });
}
