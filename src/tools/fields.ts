/** Fields that several tools share. A secret is marked by its schema alone; everything that guards it reads that mark. */

import { z } from 'zod';

/** The ways to give a secret: its text, or `{literal}` where the text itself looks like a reference. */
export type SecretInput = string | { literal: string };

/**
 * What a field does with its secret, which decides what may be given there by reference:
 * `hashed` and `strength` judge it, `verified` compares it, `hash` is what it is compared with, `token` is a JWT, `plaintext` is sealed,
 * `lock` opens or locks, `new_lock` takes the place of a lock, `mac_key` keys an HMAC.
 */
export type SecretUse =
  | 'hashed'
  | 'strength'
  | 'verified'
  | 'hash'
  | 'token'
  | 'plaintext'
  | 'lock'
  | 'new_lock'
  | 'mac_key';

export interface SecretMark {
  use: SecretUse;
  maxLength: number;
}

const secretMarks = z.registry<SecretMark>();

const WELL_FORMED = 'holds half of a surrogate pair, which has no UTF-8';

/** Text of at most `maxLength` UTF-16 units that has a UTF-8 form. */
export function text(maxLength: number): z.ZodString {
  return z
    .string()
    .max(maxLength)
    .refine((value) => value.isWellFormed(), WELL_FORMED);
}

/** The mark of a secret field, or undefined where it is none. */
export function secretMarkOf(schema: z.core.$ZodType): SecretMark | undefined {
  const inner: z.core.$ZodType = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  return secretMarks.get(inner);
}

/** A secret: resolved, redacted and kept out of the audit by this mark. */
export function secret(use: SecretUse, maxLength = 4_096): z.ZodType<SecretInput, SecretInput> {
  const schema = z.union([text(maxLength), z.strictObject({ literal: text(maxLength) })]);
  secretMarks.add(schema, { use, maxLength });
  return schema;
}

/** A name a human chose for an account, a key or the like; what may stand in the audit log. */
export function label(): z.ZodString {
  return z
    .string()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N}._@:+/-]{0,127}$/u, 'must be 1 to 128 letters, digits or . _ @ : + / -');
}

export function keyName(): z.ZodString {
  return z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be 1 to 64 lower-case letters, digits or hyphens');
}

/** The name of a stored secret, as in `secret://NAME`. */
export function secretName(): z.ZodString {
  return z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be 1 to 64 lower-case letters, digits or . _ -, letter or digit first');
}

/** The name to store a result under, in place of answering it. */
export function saveAs(): z.ZodOptional<z.ZodString> {
  return secretName().optional().describe('Store as secret://NAME.');
}

/** A key of the ring by its name, or one version of it by its id. */
export function keyNameOrId(): z.ZodString {
  return z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9-]{0,63}(?:\.[1-9]\d{0,8})?$/,
      'must be a key name (lower-case letters, digits, hyphens) or an id',
    );
}

export function claimText(): z.ZodString {
  return text(512).min(1);
}

export function audience(): z.ZodType<string | string[], string | string[]> {
  return z.union([claimText(), z.array(claimText()).min(1).max(16)]);
}

export function userInputs(): z.ZodArray<z.ZodString> {
  return z.array(text(256)).max(20);
}

/** A file inside the allowed folders. What else a path must be is the reader's to say, as `path_refused`. */
export function filePath(): z.ZodString {
  return text(4_096).min(1).describe('Absolute; in SECURITY_MCP_FILES.');
}

/** A time in RFC 3339 with its offset. */
export function instant(): z.ZodISODateTime {
  return z.iso.datetime({ offset: true });
}

export function seconds(max: number): z.ZodInt {
  return z.int().min(0).max(max);
}
