/** Secret tools: making secrets that nobody has to see, and what is stored of them, never their values. */

import { z } from 'zod';

import { inputInvalid } from '../crypto/errors.js';
import {
  CHARACTER_CLASSES,
  generateBytes,
  generatePassphrase,
  generatePassword,
  generateUuid,
  KEY_ENCODINGS,
  type Generated,
} from '../crypto/generate.js';
import type { SecretDescription, SecretKind } from '../crypto/secret.js';
import { rfc3339 } from '../crypto/text.js';
import { saveAs, secret, secretName } from './fields.js';
import { requireFree } from './save.js';
import { defineTool, type ToolContext } from './tool.js';

const GENERATED_KINDS = ['password', 'passphrase', 'token', 'uuid', 'key'] as const satisfies readonly SecretKind[];
const MAX_LIFE_SECONDS = 10 * 365 * 86_400;

interface GenerateInput {
  kind: (typeof GENERATED_KINDS)[number];
  length?: number | undefined;
  classes?: (typeof CHARACTER_CLASSES)[number][] | undefined;
  words?: number | undefined;
  bytes?: number | undefined;
  encoding?: (typeof KEY_ENCODINGS)[number] | undefined;
  uuid_version?: 4 | 7 | undefined;
}

/** Which of the parameters belong to which kind. */
const PARAMETERS: Readonly<Record<GenerateInput['kind'], readonly (keyof GenerateInput)[]>> = {
  password: ['length', 'classes'],
  passphrase: ['words'],
  token: ['bytes', 'encoding'],
  uuid: ['uuid_version'],
  key: ['bytes', 'encoding'],
};

async function generate(input: GenerateInput, context: ToolContext): Promise<Generated> {
  const { kind, length = 20, classes = CHARACTER_CLASSES, words = 6, bytes = 32, encoding = 'base64url' } = input;
  for (const name of Object.values(PARAMETERS).flat())
    if (input[name] !== undefined && !PARAMETERS[kind].includes(name))
      throw inputInvalid(
        name,
        `does not go with the kind ${kind}`,
        `Leave it out; ${kind} takes ${PARAMETERS[kind].join(', ')}.`,
      );
  const { random } = context;
  switch (kind) {
    case 'password':
      return generatePassword(length, [...new Set(classes)], random);
    case 'passphrase':
      return generatePassphrase(words, await context.words(), random);
    case 'uuid':
      return generateUuid(input.uuid_version ?? 4, context.now(), random);
    case 'token':
    case 'key':
      return generateBytes(bytes, encoding, random);
  }
}

export const secretGenerate = defineTool({
  name: 'secret_generate',
  title: 'Generate a secret',
  description:
    'Makes a password, passphrase (EFF word list), token, UUID or raw key and stores it under save_as: only the reference comes back. reveal answers the value.',
  effect: 'writes',
  reach: 'local',
  cost: 'light',
  audit: ['kind', 'length', 'words', 'bytes', 'encoding', 'reveal'],
  input: z.strictObject({
    kind: z.enum(GENERATED_KINDS),
    length: z.int().min(12).max(128).optional().describe('Of a password, default 20.'),
    classes: z.array(z.enum(CHARACTER_CLASSES)).min(1).max(4).optional().describe('Default all.'),
    words: z.int().min(4).max(20).optional().describe('Default 6.'),
    bytes: z.int().min(16).max(256).optional().describe('Of a token or key, default 32.'),
    encoding: z.enum(KEY_ENCODINGS).optional(),
    uuid_version: z.literal([4, 7]).optional(),
    expires_in_seconds: z.int().min(60).max(MAX_LIFE_SECONDS).optional(),
    save_as: saveAs(),
    reveal: z.boolean().optional(),
  }),
  output: z.strictObject({
    reference: z.string().optional(),
    value: z.string().optional(),
    entropy_bits: z.number(),
    fingerprint: z.string(),
  }),
  async run(input, context) {
    const { save_as, reveal = false, expires_in_seconds } = input;
    if (save_as === undefined && !reveal)
      throw inputInvalid(
        'save_as',
        'or reveal is needed',
        'Give save_as to store it unseen, or reveal: true to be shown it.',
      );
    if (save_as === undefined && expires_in_seconds !== undefined)
      throw inputInvalid('expires_in_seconds', 'has no meaning without save_as', 'Leave it out.');
    await requireFree(save_as, context);
    const { value, entropyBits } = await generate(input, context);
    const life =
      expires_in_seconds === undefined ? {} : { expiresAt: context.now().getTime() + expires_in_seconds * 1000 };
    if (save_as !== undefined)
      await context.secrets.put({
        name: save_as,
        kind: input.kind,
        origin: 'generated',
        shown: reveal,
        value,
        entropyBits,
        ...life,
      });
    return {
      ...(save_as === undefined ? {} : { reference: `secret://${save_as}` }),
      ...(reveal ? { value } : {}),
      entropy_bits: Math.floor(entropyBits * 10) / 10,
      fingerprint: await context.secrets.fingerprint(value),
    };
  },
});

const described = z.strictObject({
  name: z.string(),
  kind: z.string(),
  origin: z.string(),
  shown: z.boolean(),
  created_at: z.string(),
  expires_at: z.string().optional(),
  fingerprint: z.string(),
});

function told({
  name,
  kind,
  origin,
  shown,
  createdAt,
  expiresAt,
  fingerprint,
}: SecretDescription): z.infer<typeof described> {
  return {
    name,
    kind,
    origin,
    shown,
    created_at: rfc3339(new Date(createdAt)),
    ...(expiresAt === undefined ? {} : { expires_at: rfc3339(new Date(expiresAt)) }),
    fingerprint,
  };
}

export const secretList = defineTool({
  name: 'secret_list',
  title: 'List secrets',
  description: 'The stored secrets: names, kinds, origins, ages, fingerprints; never values.',
  effect: 'none',
  reach: 'local',
  cost: 'light',
  audit: [],
  input: z.strictObject({ name: secretName().optional() }),
  output: z.strictObject({ secrets: z.array(described) }),
  run: async ({ name }, { secrets }) => ({ secrets: (await secrets.list(name)).map(told) }),
});

export const secretDelete = defineTool({
  name: 'secret_delete',
  title: 'Delete a secret',
  description: 'Deletes a stored secret. For seven days an operator can restore it; its name stays taken.',
  effect: 'destroys',
  reach: 'local',
  cost: 'light',
  audit: [],
  auditOutput: ['deleted'],
  input: z.strictObject({ name: secretName() }),
  output: z.strictObject({ deleted: z.string() }),
  async run({ name }, { secrets }) {
    await secrets.remove(name);
    return { deleted: name };
  },
});

/** What only an operator does (tools/operator.ts). */
const secretSet = defineTool({
  name: 'secrets_set',
  title: 'Store a secret',
  description: 'Stores a secret that the operator typed.',
  effect: 'writes',
  reach: 'local',
  cost: 'light',
  audit: ['overwrite'],
  auditOutput: ['reference'],
  input: z.strictObject({ name: secretName(), value: secret('lock', 65_536), overwrite: z.boolean().optional() }),
  output: z.strictObject({ reference: z.string(), fingerprint: z.string() }),
  async run({ name, value, overwrite = false }, { secrets }) {
    const { fingerprint } = await secrets.put(
      { name, kind: 'text', origin: 'human', shown: false, value },
      { overwrite },
    );
    return { reference: `secret://${name}`, fingerprint };
  },
});

const secretRestore = defineTool({
  name: 'secrets_restore',
  title: 'Restore a secret',
  description: 'Undoes a deletion of the last seven days.',
  effect: 'writes',
  reach: 'local',
  cost: 'light',
  audit: [],
  auditOutput: ['restored'],
  input: z.strictObject({ name: secretName() }),
  output: z.strictObject({ restored: z.string() }),
  async run({ name }, { secrets }) {
    await secrets.restore(name);
    return { restored: name };
  },
});

const secretDestroy = defineTool({
  name: 'secrets_destroy',
  title: 'Destroy a secret now',
  description: 'Destroys a secret, deleted or not, and frees its name.',
  effect: 'destroys',
  reach: 'local',
  cost: 'light',
  audit: [],
  auditOutput: ['destroyed'],
  input: z.strictObject({ name: secretName() }),
  output: z.strictObject({ destroyed: z.string() }),
  async run({ name }, { secrets }) {
    await secrets.destroy(name);
    return { destroyed: name };
  },
});

export const SECRET_OPERATOR_TOOLS = [secretList, secretDelete, secretSet, secretRestore, secretDestroy];
