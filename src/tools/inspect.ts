/** Inspection tool: "what is this?". */

import { z } from 'zod';

import { fromAnyBase64 } from '../crypto/bytes.js';
import { inputInvalid } from '../crypto/errors.js';
import { INSPECT_MAX_BYTES, inspectBytes, inspectText, SEVERITIES } from '../crypto/inspect.js';
import { filePath, text } from './fields.js';
import { defineTool } from './tool.js';

export const inspect = defineTool({
  name: 'inspect',
  title: 'Inspect an artefact',
  description:
    'Recognises and explains a JWT, JWE or envelope, Fernet token, password hash, certificate, CSR, key, PKCS#12 file, age file or JWK Set, with findings. Needs no secret, shows none, and proves nothing genuine. Give text, base64 or a path.',
  effect: 'none',
  reach: 'local',
  cost: 'light',
  audit: [],
  input: z.strictObject({
    text: text(INSPECT_MAX_BYTES).optional(),
    base64: z.string().max(1_500_000).optional().describe('Binary content, e.g. DER.'),
    path: filePath().optional(),
  }),
  output: z.strictObject({
    kind: z.string(),
    summary: z.string(),
    details: z.record(z.string(), z.unknown()),
    findings: z.array(
      z.strictObject({
        code: z.string(),
        severity: z.enum(SEVERITIES),
        explanation: z.string(),
        remedy: z.string().optional(),
      }),
    ),
  }),
  async run({ text: input, base64, path }, { now, files, signal }) {
    if ([input, base64, path].filter((given) => given !== undefined).length !== 1)
      throw inputInvalid(
        'text',
        'or base64 or path: exactly one of them is needed',
        'Give what is to be inspected once.',
      );
    if (input !== undefined) {
      if (input.trim() === '') throw inputInvalid('text', 'is empty', 'Give what is to be inspected.');
      return inspectText(input, now());
    }
    const bytes =
      path === undefined
        ? fromAnyBase64(base64 ?? '')
        : await files.read(path, { maxBytes: INSPECT_MAX_BYTES, signal });
    if (bytes === null) throw inputInvalid('base64', 'is not base64', 'Check it, or give the text as text.');
    if (bytes.length === 0)
      throw inputInvalid(path === undefined ? 'base64' : 'path', 'is empty', 'Give what is to be inspected.');
    return inspectBytes(bytes, now());
  },
});
