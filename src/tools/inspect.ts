/** Inspection tool: "what is this?". */

import { z } from 'zod';

import { fromAnyBase64 } from '../crypto/bytes.js';
import { inputInvalid } from '../crypto/errors.js';
import { INSPECT_MAX_BYTES, inspectBytes, inspectText, SEVERITIES } from '../crypto/inspect.js';
import { text } from './fields.js';
import { defineTool } from './tool.js';

export const inspect = defineTool({
  name: 'inspect',
  title: 'Inspect an artefact',
  description:
    'Recognises and explains a JWT, JWE or envelope, Fernet token, password hash, certificate, CSR, key, PKCS#12 file (base64), age file or JWK Set, with findings. Needs no secret, shows none, and proves nothing genuine. Give text or base64.',
  effect: 'none',
  reach: 'local',
  cost: 'light',
  audit: [],
  input: z.strictObject({
    text: text(INSPECT_MAX_BYTES).optional(),
    base64: z.string().max(1_500_000).optional().describe('Binary content, e.g. DER.'),
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
  run({ text: input, base64 }, { now }) {
    if ((input === undefined) === (base64 === undefined)) {
      throw inputInvalid('text', 'or base64: exactly one of them is needed', 'Give what is to be inspected once.');
    }
    if (input !== undefined) {
      if (input.trim() === '') throw inputInvalid('text', 'is empty', 'Give what is to be inspected.');
      return inspectText(input, now());
    }
    const bytes = fromAnyBase64(base64 ?? '');
    if (bytes === null) throw inputInvalid('base64', 'is not base64', 'Check it, or give the text as text.');
    if (bytes.length === 0) throw inputInvalid('base64', 'is empty', 'Give what is to be inspected.');
    return inspectBytes(bytes, now());
  },
});
