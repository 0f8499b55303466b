/** Inspection tool: "what is this?". */

import { z } from 'zod';

import { fromAnyBase64 } from '../crypto/bytes.js';
import { inputInvalid } from '../crypto/errors.js';
import { SEVERITIES } from '../crypto/inspect/report.js';
import { filePath, text } from './fields.js';
import { defineTool } from './tool.js';

/** The readers of all kinds are loaded with the first call. */
const loadInspection = (): Promise<typeof import('../crypto/inspect.js')> => import('../crypto/inspect.js');

/** `INSPECT_MAX_BYTES` there. */
const MAX_BYTES = 1_048_576;

export const inspect = defineTool({
  name: 'inspect',
  title: 'Inspect an artefact',
  description:
    'Explains a JWT, JWE or envelope, Fernet token, password hash, certificate or bundle, PKCS#7, PKCS#12, CSR, CRL, OCSP response, key, age file or JWK Set, with findings. Shows no secret, proves nothing genuine. Give text, base64 or path.',
  effect: 'none',
  reach: 'local',
  cost: 'light',
  audit: [],
  input: z.strictObject({
    text: text(MAX_BYTES).optional(),
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
      const { inspectText } = await loadInspection();
      return inspectText(input, now());
    }
    const bytes =
      path === undefined ? fromAnyBase64(base64 ?? '') : await files.read(path, { maxBytes: MAX_BYTES, signal });
    if (bytes === null) throw inputInvalid('base64', 'is not base64', 'Check it, or give the text as text.');
    if (bytes.length === 0)
      throw inputInvalid(path === undefined ? 'base64' : 'path', 'is empty', 'Give what is to be inspected.');
    const { inspectBytes } = await loadInspection();
    return inspectBytes(bytes, now());
  },
});
