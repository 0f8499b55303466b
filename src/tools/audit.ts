/** The audit tool: what this session asked and how it ended, and the proof that the whole audit is as it was written. */

import { z } from 'zod';

import { MAX_CHECKPOINT_LENGTH } from '../crypto/audit-chain.js';
import { inputInvalid } from '../crypto/errors.js';
import { instant, text } from './fields.js';
import { defineTool } from './tool.js';

const OUTCOMES = ['ok', 'refused', 'failed', 'cancelled'] as const;

const entry = z.strictObject({
  sequence: z.int(),
  time: z.string(),
  event: z.enum(['asked', 'answered']),
  call_id: z.string(),
  tool: z.string(),
  caller: z.string(),
  outcome: z.enum(OUTCOMES).optional(),
  code: z.string().optional(),
  duration_ms: z.number().optional(),
  fields: z.looseObject({}).optional(),
  ids: z.looseObject({}).optional(),
});

export const auditQuery = defineTool({
  name: 'audit_query',
  title: 'Query the audit',
  description:
    'The audit entries of this session, newest first; before takes next_before. verify proves the audit of all sessions unchanged, or names the first break; checkpoint, a head kept from earlier, shows whether entries were cut off.',
  effect: 'none',
  reach: 'local',
  cost: 'cpu',
  audit: ['outcome', 'limit', 'verify'],
  input: z.strictObject({
    tool: z
      .string()
      .regex(/^[a-z_]{1,40}$/, 'must be the name of a tool')
      .optional(),
    outcome: z.enum(OUTCOMES).optional(),
    since: instant().optional(),
    until: instant().optional(),
    before: z.int().min(1).optional(),
    limit: z.int().min(1).max(200).optional().describe('Default 20.'),
    verify: z.boolean().optional(),
    checkpoint: text(MAX_CHECKPOINT_LENGTH).optional(),
  }),
  output: z.strictObject({
    entries: z.array(entry),
    next_before: z.int().optional(),
    verification: z
      .strictObject({
        intact: z.boolean(),
        entries: z.int(),
        head: z.string(),
        first_break: z.strictObject({ sequence: z.int(), problem: z.string() }).optional(),
      })
      .optional(),
  }),
  async run({ tool, outcome, since, until, before, limit = 20, verify, checkpoint }, { audit, signal, progress }) {
    if (checkpoint !== undefined && verify !== true)
      throw inputInvalid('checkpoint', 'needs verify', 'Set verify to true.');
    const found = await audit.query({
      ...(tool === undefined ? {} : { tool }),
      ...(outcome === undefined ? {} : { outcome }),
      ...(since === undefined ? {} : { since: Date.parse(since) }),
      ...(until === undefined ? {} : { until: Date.parse(until) }),
      ...(before === undefined ? {} : { before }),
      limit: limit + 1,
    });
    const entries = found.slice(0, limit).map(({ boot_id: _session, ...told }) => told as z.infer<typeof entry>);
    const oldest = entries.at(-1)?.sequence;
    return {
      entries,
      ...(found.length > limit && oldest !== undefined ? { next_before: oldest } : {}),
      ...(verify === true
        ? {
            verification: await audit.verify({
              signal,
              onProgress: progress,
              ...(checkpoint === undefined ? {} : { checkpoint }),
            }),
          }
        : {}),
    };
  },
});
