/** Digest tool: digests and HMAC of text or bytes, with a constant-time comparison. */

import { z } from 'zod';

import { base64, base64url, equalBytes, fromAnyBase64, fromHex, hex, utf8 } from '../crypto/bytes.js';
import { canonicalDigestName, computeDigest, DIGEST_ALGORITHMS, digestWarning } from '../crypto/digest.js';
import { inputInvalid } from '../crypto/errors.js';
import { secret, text } from './fields.js';
import { defineTool } from './tool.js';

const MAX_BYTES = 1_048_576;
const ENCODERS = { hex, base64, base64url } as const;
const DECODERS = { text: utf8, hex: fromHex, base64: fromAnyBase64 } as const;

export const digestCompute = defineTool({
  name: 'digest_compute',
  title: 'Compute a digest',
  description:
    'Digest of text, base64 or hex (give exactly one), or its HMAC where key is given. With expected, says in constant time whether they match. Not for passwords: use password_hash.',
  effect: 'none',
  reach: 'local',
  cost: 'light',
  audit: ['algorithm', 'encoding'],
  input: z.strictObject({
    algorithm: z.preprocess(canonicalDigestName, z.enum(DIGEST_ALGORITHMS)),
    text: text(MAX_BYTES).optional(),
    base64: z.string().max(1_500_000).optional(),
    hex: z
      .string()
      .max(2 * MAX_BYTES)
      .optional(),
    key: secret(8_192).optional(),
    key_encoding: z.enum(['text', 'hex', 'base64']).optional(),
    encoding: z.enum(['hex', 'base64', 'base64url']).optional().describe('Of digest and expected; default hex.'),
    expected: z.string().max(256).optional(),
  }),
  output: z.strictObject({
    digest: z.string(),
    algorithm: z.string(),
    input_bytes: z.int(),
    matches: z.boolean().optional(),
    warning: z.string().optional(),
  }),
  run({ algorithm, key, key_encoding = 'text', encoding = 'hex', expected, ...input }) {
    const data = readInput(input);
    if (key === undefined && key_encoding !== 'text')
      throw inputInvalid('key_encoding', 'is given without key', 'Give key too, or leave key_encoding out.');
    const keyBytes = key === undefined ? undefined : DECODERS[key_encoding](key);
    if (keyBytes === null) throw inputInvalid('key', `is not ${key_encoding}`, 'Check the key or key_encoding.');
    if (keyBytes?.length === 0)
      throw inputInvalid('key', 'is empty', 'Give the HMAC key, or leave key out for a plain digest.');
    const digest = computeDigest(algorithm, data, keyBytes);
    const warning = digestWarning(algorithm, keyBytes !== undefined);
    return {
      digest: ENCODERS[encoding](digest),
      algorithm: keyBytes === undefined ? algorithm : `hmac-${algorithm}`,
      input_bytes: data.length,
      ...(expected === undefined ? {} : { matches: equalBytes(digest, readExpected(expected, encoding)) }),
      ...(warning === null ? {} : { warning }),
    };
  },
});

type Input = Partial<Record<keyof typeof DECODERS, string | undefined>>;

function readInput(input: Input): Uint8Array {
  const given = (Object.keys(DECODERS) as (keyof typeof DECODERS)[]).filter((name) => input[name] !== undefined);
  const [name] = given;
  if (name === undefined || given.length > 1) {
    throw inputInvalid('text', 'or base64 or hex: exactly one of them is needed', 'Give the data once.');
  }
  const data = DECODERS[name](input[name] ?? '');
  if (data === null) throw inputInvalid(name, `is not ${name}`, 'Check the data, or give it as text.');
  if (data.length > MAX_BYTES) throw inputInvalid(name, `is over ${MAX_BYTES} bytes`, 'Give less data.');
  return data;
}

function readExpected(expected: string, encoding: keyof typeof ENCODERS): Uint8Array {
  const bytes = encoding === 'hex' ? fromHex(expected.trim()) : fromAnyBase64(expected);
  if (bytes === null)
    throw inputInvalid('expected', `is not ${encoding}`, 'Give it in the encoding that encoding names.');
  return bytes;
}
