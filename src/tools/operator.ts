/** What only an operator may do, from the command line: the same pipeline, so that it is limited and audited, never in a client's list. */

import { z } from 'zod';

import { keyCreate, keyList, keyRetire, keyRotate, KEY_OPERATOR_TOOLS } from './key.js';
import { SECRET_OPERATOR_TOOLS } from './secret.js';
import { defineTool } from './tool.js';

const segment = z.strictObject({
  segment: z.int(),
  first_sequence: z.int(),
  last_sequence: z.int(),
  state: z.enum(['open', 'sealed', 'exported', 'dropped']),
  sealed_at: z.string().nullable(),
});

const auditSeal = defineTool({
  name: 'audit_seal',
  title: 'Seal the open segment',
  description: 'Closes the open segment of the audit under a signature and begins the next.',
  effect: 'writes',
  reach: 'local',
  cost: 'light',
  audit: [],
  input: z.strictObject({}),
  output: z.strictObject({ sealed: segment.nullable() }),
  run: async (_input, { audit }) => ({ sealed: await audit.seal() }),
});

const auditDrop = defineTool({
  name: 'audit_drop',
  title: 'Drop a segment',
  description: 'Drops the entries of the oldest kept segment, which is sealed and was exported; its signed head stays.',
  effect: 'destroys',
  reach: 'local',
  cost: 'light',
  audit: ['segment'],
  input: z.strictObject({ segment: z.int().min(1) }),
  output: z.strictObject({ dropped: segment }),
  run: async (input, { audit }) => ({ dropped: await audit.drop(input.segment) }),
});

export const OPERATOR_TOOLS = [
  keyCreate,
  keyRotate,
  keyRetire,
  keyList,
  ...KEY_OPERATOR_TOOLS,
  ...SECRET_OPERATOR_TOOLS,
  auditSeal,
  auditDrop,
];
