/** secret_request: the human types a secret on a page of the desk; the model gets its reference. */

import { z } from 'zod';

import { DESK_WAYS, type DeskAnswer } from '../crypto/desk.js';
import { rfc3339 } from '../crypto/text.js';
import { secretName, text } from './fields.js';
import { defineTool } from './tool.js';

const MAX_PURPOSE_CHARACTERS = 300;

export const secretRequest = defineTool({
  name: 'secret_request',
  title: 'Ask the human for a secret',
  description:
    'The human types a secret on a local page that you never see. While pending, call again; through terminal: have them run `security-mcp desk`.',
  effect: 'writes',
  reach: 'local',
  cost: 'light',
  audit: ['overwrite'],
  auditOutput: ['reference'],
  input: z.strictObject({
    name: secretName(),
    purpose: text(MAX_PURPOSE_CHARACTERS).min(1).describe('Shown to the human.'),
    overwrite: z.boolean().optional(),
  }),
  output: z.strictObject({
    reference: z.string().optional(),
    pending: z.strictObject({ through: z.enum(DESK_WAYS), expires_at: z.string() }).optional(),
  }),
  async run({ name, purpose, overwrite = false }, { desk, secrets, caller, elicit, signal, untimed }) {
    const tell = (answer: DeskAnswer) =>
      answer.state === 'done'
        ? { reference: `secret://${name}` }
        : { pending: { through: answer.through, expires_at: rfc3339(new Date(answer.expiresAt)) } };
    const resumed = await untimed(() => desk.resume(name, signal));
    if (resumed !== null) return tell(resumed);
    if (!overwrite) await secrets.requireFree(name);
    const keep = async (value: string): Promise<void> => {
      await secrets.put({ name, kind: 'text', origin: 'human', shown: false, value }, { overwrite });
    };
    const reach = { signal, ...(elicit === undefined ? {} : { elicit }) };
    return tell(await untimed(() => desk.ask({ name, purpose, caller, keep }, reach)));
  },
});
