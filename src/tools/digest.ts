/** Digest tool: digests and HMAC of text, bytes or a file, with a constant-time comparison. */

import { z } from 'zod';

import { base64, base64url, equalBytes, fromAnyBase64, fromHex, hex, utf8 } from '../crypto/bytes.js';
import {
  canonicalDigestName,
  computeDigest,
  computeDigestOfPieces,
  DIGEST_ALGORITHMS,
  digestWarning,
} from '../crypto/digest.js';
import { inputInvalid } from '../crypto/errors.js';
import { filePath, keyNameOrId, secret, text } from './fields.js';
import { defineTool } from './tool.js';

const MAX_BYTES = 1_048_576;
/** A file is read in pieces, so that its size costs time and no memory. */
const MAX_FILE_BYTES = 1_073_741_824;
const ENCODERS = { hex, base64, base64url } as const;
const DECODERS = { text: utf8, hex: fromHex, base64: fromAnyBase64 } as const;

export const digestCompute = defineTool({
  name: 'digest_compute',
  title: 'Compute a digest',
  description:
    'Digest of text, base64, hex or a file (exactly one), or its HMAC with key, or key_name of the ring. With expected, says whether they match. Not for passwords: use password_hash.',
  effect: 'none',
  reach: 'local',
  cost: 'light',
  audit: ['algorithm', 'encoding'],
  auditOutput: ['key_id'],
  input: z.strictObject({
    algorithm: z.preprocess(canonicalDigestName, z.enum(DIGEST_ALGORITHMS)),
    text: text(MAX_BYTES).optional(),
    base64: z.string().max(1_500_000).optional(),
    hex: z
      .string()
      .max(2 * MAX_BYTES)
      .optional(),
    path: filePath().optional(),
    key: secret('mac_key', 8_192).optional(),
    key_encoding: z.enum(['text', 'hex', 'base64']).optional(),
    key_name: keyNameOrId().optional().describe('Name (newest version) or key_id.'),
    encoding: z.enum(['hex', 'base64', 'base64url']).optional().describe('Default hex.'),
    expected: z.string().max(256).optional(),
  }),
  output: z.strictObject({
    digest: z.string(),
    algorithm: z.string(),
    input_bytes: z.int(),
    matches: z.boolean().optional(),
    key_id: z.string().optional(),
    warning: z.string().optional(),
  }),
  async run(
    { algorithm, key, key_encoding = 'text', key_name, encoding = 'hex', expected, ...input },
    { files, ring, signal },
  ) {
    const source = readSource(input);
    if (key === undefined && key_encoding !== 'text')
      throw inputInvalid('key_encoding', 'is given without key', 'Give key too, or leave key_encoding out.');
    if (key !== undefined && key_name !== undefined)
      throw inputInvalid('key_name', 'and key exclude each other', 'Give one of them.');
    const ringKey = key_name === undefined ? undefined : await ring.hmacKey(key_name);
    const keyBytes = key === undefined ? ringKey?.bytes : DECODERS[key_encoding](key);
    if (keyBytes === null) throw inputInvalid('key', `is not ${key_encoding}`, 'Check the key or key_encoding.');
    if (keyBytes?.length === 0)
      throw inputInvalid('key', 'is empty', 'Give the HMAC key, or leave key out for a plain digest.');
    const awaited = expected === undefined ? undefined : readExpected(expected, encoding);
    const { digest, bytes } =
      'path' in source
        ? await computeDigestOfPieces(
            algorithm,
            files.pieces(source.path, { maxBytes: MAX_FILE_BYTES, signal }),
            keyBytes,
          )
        : { digest: computeDigest(algorithm, source.data, keyBytes), bytes: source.data.length };
    const warning = digestWarning(algorithm, keyBytes !== undefined);
    return {
      digest: ENCODERS[encoding](digest),
      algorithm: keyBytes === undefined ? algorithm : `hmac-${algorithm}`,
      input_bytes: bytes,
      ...(awaited === undefined ? {} : { matches: equalBytes(digest, awaited) }),
      ...(ringKey === undefined ? {} : { key_id: ringKey.id }),
      ...(warning === null ? {} : { warning }),
    };
  },
});

type Input = Partial<Record<keyof typeof DECODERS | 'path', string | undefined>>;

/** The bytes that are given, or the path of the file that holds them. */
function readSource({ path, ...input }: Input): { data: Uint8Array } | { path: string } {
  const given = (Object.keys(DECODERS) as (keyof typeof DECODERS)[]).filter((name) => input[name] !== undefined);
  const [name] = given;
  if (path !== undefined && name === undefined) return { path };
  if (path !== undefined || name === undefined || given.length > 1)
    throw inputInvalid('text', 'or base64 or hex or path: exactly one of them is needed', 'Give the data once.');
  const data = DECODERS[name](input[name] ?? '');
  if (data === null)
    throw inputInvalid(
      name,
      `is not ${name}`,
      'Check the data, or give it in the field that fits: text, base64 or hex.',
    );
  if (data.length > MAX_BYTES) throw inputInvalid(name, `is over ${MAX_BYTES} bytes`, 'Give less data, or a file.');
  return { data };
}

function readExpected(expected: string, encoding: keyof typeof ENCODERS): Uint8Array {
  const bytes = encoding === 'hex' ? fromHex(expected.trim()) : fromAnyBase64(expected);
  if (bytes === null)
    throw inputInvalid('expected', `is not ${encoding}`, 'Set encoding to that of expected: hex, base64 or base64url.');
  return bytes;
}
