/** secret_deliver: puts a stored secret where it is needed, without the model reading it on the way. */

import { z } from 'zod';

import { DESK_WAYS } from '../crypto/desk.js';
import { inputInvalid, SecurityError } from '../crypto/errors.js';
import { secretUnknown } from '../crypto/secret.js';
import { rfc3339 } from '../crypto/text.js';
import { filePath } from './fields.js';
import { defineTool } from './tool.js';

const REFERENCE = /^secret:\/\/([a-z0-9][a-z0-9._-]{0,63})$/;

export const secretDeliver = defineTool({
  name: 'secret_deliver',
  title: 'Deliver a secret',
  description:
    'Puts a stored secret into a new 0600 file or a variable of a .env file, or shows it to the human on a local page. Generated and human secrets only.',
  effect: 'destroys',
  reach: 'local',
  cost: 'light',
  audit: ['to', 'overwrite'],
  auditOutput: ['reference'],
  input: z.strictObject({
    reference: z.string().max(80).describe('secret://NAME'),
    to: z.enum(['file', 'env_file', 'human']),
    path: filePath().optional(),
    variable: z.string().max(128).optional().describe('Of env_file.'),
    overwrite: z.boolean().optional(),
  }),
  output: z.strictObject({
    delivered_to: z.string().optional(),
    reference: z.string(),
    fingerprint: z.string(),
    pending: z.strictObject({ through: z.enum(DESK_WAYS), expires_at: z.string() }).optional(),
  }),
  async run({ reference, to, path, variable, overwrite = false }, context) {
    const name = REFERENCE.exec(reference)?.[1];
    if (name === undefined) throw inputInvalid('reference', 'is none to a stored secret', 'Give secret://NAME.');
    const needsPath = to !== 'human';
    if (needsPath !== (path !== undefined))
      throw inputInvalid(
        'path',
        needsPath ? 'is missing' : 'has no meaning with human',
        'file and env_file take a path.',
      );
    if ((to === 'env_file') !== (variable !== undefined))
      throw inputInvalid(
        'variable',
        to === 'env_file' ? 'is missing' : 'goes with env_file only',
        'Give it with env_file.',
      );
    const { secrets, deliveries, desk, caller, elicit, signal, untimed } = context;
    const { value, origin, kind, fingerprint } = await secrets.get(name);
    if (!deliveries.mayLeave(origin))
      throw new SecurityError(
        'policy_refused',
        'Only secrets that were generated or typed by the human are delivered.',
        {
          hint: 'Make one with secret_generate or secret_request; the operator can allow all with SECURITY_MCP_DELIVER_ANY=1.',
        },
      );
    if (to === 'human') {
      const reach = { signal, ...(elicit === undefined ? {} : { elicit }) };
      const answer = await untimed(() => desk.show({ name, kind, value, caller }, reach));
      return answer.state === 'done'
        ? { reference, delivered_to: 'human', fingerprint }
        : {
            reference,
            fingerprint,
            pending: { through: answer.through, expires_at: rfc3339(new Date(answer.expiresAt)) },
          };
    }
    if (path === undefined) throw secretUnknown();
    if (variable === undefined) await deliveries.toFile(path, value, overwrite);
    else await deliveries.toVariable(path, variable, value, overwrite);
    return { reference, delivered_to: variable === undefined ? path : `${path} ${variable}`, fingerprint };
  },
});
