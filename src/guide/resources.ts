/** Resources: what an agent may read to plan by. What is in the store comes through the pipeline, as a call does. */

import type { Caller, Pipeline } from '../guard/call.js';
import type { Tool } from '../tools/tool.js';

export interface Resource {
  uri: string;
  name: string;
  title: string;
  description: string;
  mimeType: string;
  /** What hosts are told beside the text. */
  meta?: Readonly<Record<string, unknown>>;
  /** The text, or null where the pipeline refuses it: the tool of the same content says why. */
  read(caller: Caller): Promise<string | null>;
}

const JSON_TYPE = 'application/json';

/** `policy`: what the operator set, as an agent may know it. `views`: pages that hosts draw answers with. */
export function resourcesFor(
  pipeline: Pipeline,
  policy: Readonly<Record<string, unknown>>,
  views: readonly Resource[],
): readonly Resource[] {
  const answerOf = async (tool: string, input: object, caller: Caller): Promise<Record<string, unknown> | null> => {
    const result = await pipeline.call(tool, input, caller);
    return result.kind === 'answered' ? result.value : null;
  };
  const part = (answer: Record<string, unknown> | null, name: string): string | null =>
    answer === null ? null : JSON.stringify(answer[name]);
  const offers = (tool: string): boolean => pipeline.tools.some(({ name }) => name === tool);
  const resources: Resource[] = [
    {
      uri: 'security://policy',
      name: 'policy',
      title: 'Policy in force',
      description: 'Limits, password rules, network, folders, and where secrets may go, as the operator set them.',
      mimeType: JSON_TYPE,
      read: async () => JSON.stringify(policy),
    },
    {
      uri: 'security://tools',
      name: 'tools',
      title: 'Tools in a line each',
      description: 'What each tool is for, whether it changes something, and which of its fields take a secret.',
      mimeType: JSON_TYPE,
      read: async () => JSON.stringify({ tools: pipeline.tools.map(outline) }),
    },
  ];
  if (offers('key_list'))
    resources.push({
      uri: 'security://keys/jwks.json',
      name: 'jwks',
      title: 'Public keys',
      description: 'The JWK Set of the ring (RFC 7517), for whoever verifies its tokens.',
      mimeType: 'application/jwk-set+json',
      read: async (caller) => part(await answerOf('key_list', { public: true }, caller), 'jwks'),
    });
  if (offers('audit_query'))
    resources.push({
      uri: 'security://audit/head',
      name: 'audit-head',
      title: 'Head of the audit',
      description: 'Whether the audit is intact, and its signed head: kept elsewhere, it later shows what was cut off.',
      mimeType: JSON_TYPE,
      read: async (caller) => part(await answerOf('audit_query', { verify: true, limit: 1 }, caller), 'verification'),
    });
  const shown = views.filter(({ uri }) => pipeline.tools.some(({ view }) => view === uri));
  return [...resources, ...shown];
}

function outline({ name, title, effect, reach, secretFields }: Tool): Record<string, unknown> {
  return {
    name,
    title,
    effect,
    ...(reach === 'network' ? { reach } : {}),
    ...(secretFields.length === 0 ? {} : { secret_fields: secretFields.map((field) => field.name) }),
  };
}
