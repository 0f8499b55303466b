/** Envelope tools: seal, open and rewrap small secrets (JWE, RFC 7516; Fernet). */

import { z } from 'zod';

import {
  ENVELOPE_LIMITS,
  openEnvelope,
  openGuessSubject,
  requireOneLock,
  sealEnvelope,
  type OpenRequest,
} from '../crypto/envelope.js';
import { OPEN_ITERATIONS } from '../crypto/kdf.js';
import type { KeyRing } from '../crypto/keyring.js';
import { rewrapEnvelope, rewrapGuessSubject, type RewrapRequest, type WrapSummary } from '../crypto/rewrap.js';
import { SecurityError } from '../crypto/errors.js';
import { keyName, saveAs, secret, seconds, text } from './fields.js';
import { requireFree, save } from './save.js';
import { requireStrongPassword } from './password.js';
import { defineTool } from './tool.js';

const format = z.enum(['jwe', 'fernet']);
const kdf = z.strictObject({ name: z.string(), iterations: z.int(), salt: z.string().optional() });
const wrap = z.strictObject({ format, kdf: kdf.optional(), key_id: z.string().optional() });

/** An envelope over the limit is one of the ways in which opening fails, and answered like the others, so the schema lets it in. */
const envelope = (): z.ZodString => text(4 * ENVELOPE_LIMITS.envelopeBytes);
const context = (): z.ZodOptional<z.ZodString> => text(1_024).optional();
const iterations = (): z.ZodOptional<z.ZodInt> => z.int().min(OPEN_ITERATIONS.min).max(OPEN_ITERATIONS.max).optional();

export const envelopeSeal = defineTool({
  name: 'envelope_seal',
  title: 'Seal a secret',
  description:
    'Encrypts text under a password into a JWE, into Fernet (format fernet with password; fernet_key for a bare token), or under a ring key (default: envelope). context is bound to a JWE and needed to open it.',
  effect: 'none',
  reach: 'local',
  cost: 'cpu',
  audit: ['format', 'iterations'],
  auditOutput: ['key_id'],
  input: z.strictObject({
    plaintext: secret('plaintext', ENVELOPE_LIMITS.plaintextBytes),
    password: secret('lock').optional(),
    fernet_key: secret('lock', 64).optional(),
    key: keyName().optional(),
    context: context(),
    format: format.optional(),
    iterations: iterations(),
  }),
  output: z.strictObject({
    envelope: z.string(),
    format,
    algorithm: z.string(),
    kdf: kdf.optional(),
    key_id: z.string().optional(),
  }),
  async run({ plaintext, password, fernet_key, key, context: bound, format: form, iterations: count }, services) {
    const named = services.references.get('plaintext');
    const underKey = key !== undefined || (password === undefined && fernet_key === undefined);
    const lock = underKey ? { key: key ?? 'default' } : {};
    requireOneLock({
      ...lock,
      ...(password === undefined ? {} : { password }),
      ...(fernet_key === undefined ? {} : { fernetKey: fernet_key }),
      ...(form === undefined ? {} : { format: form }),
      ...(count === undefined ? {} : { iterations: count }),
    });
    if (password !== undefined) await requireStrongPassword('password', password, [], services, '');
    const { keyId, ...sealed } = await sealEnvelope(
      {
        plaintext,
        ...(underKey ? { key: await services.ring.wrappingKey(key) } : {}),
        ...(password === undefined ? {} : { password }),
        ...(fernet_key === undefined ? {} : { fernetKey: fernet_key }),
        ...(bound === undefined ? {} : { context: bound }),
        ...(form === undefined ? {} : { format: form }),
        ...(count === undefined ? {} : { iterations: count }),
        ...(named === undefined ? {} : { hidden: named.origin }),
      },
      services.now(),
      services.random,
    );
    return { ...sealed, ...(keyId === undefined ? {} : { key_id: keyId }) };
  },
});

interface OpenInput {
  envelope: string;
  password?: string | undefined;
  fernet_key?: string | undefined;
  context?: string | undefined;
  max_age_seconds?: number | undefined;
}

function openRequest(input: OpenInput): OpenRequest {
  const { envelope: sealed, password, fernet_key, context: bound, max_age_seconds } = input;
  return {
    envelope: sealed,
    ...(password === undefined ? {} : { password }),
    ...(fernet_key === undefined ? {} : { fernetKey: fernet_key }),
    ...(bound === undefined ? {} : { context: bound }),
    ...(max_age_seconds === undefined ? {} : { maxAgeSeconds: max_age_seconds }),
  };
}

export const envelopeOpen = defineTool({
  name: 'envelope_open',
  title: 'Open an envelope',
  description:
    'Decrypts what envelope_seal made (a ring key is found by itself), a Fernet token, or an envelope of the earlier Python service. upgrade says what has become weak.',
  effect: 'writes',
  reach: 'local',
  cost: 'cpu',
  audit: ['max_age_seconds'],
  auditOutput: ['key_id'],
  input: z.strictObject({
    envelope: envelope(),
    password: secret('lock').optional(),
    fernet_key: secret('lock', 64).optional(),
    context: context(),
    max_age_seconds: seconds(4_294_967_295).optional().describe('Fernet only.'),
    save_as: saveAs(),
  }),
  output: z.strictObject({
    plaintext: z.string(),
    format,
    key_id: z.string().optional(),
    upgrade: z.string().optional(),
  }),
  // A failure is thrown; whatever is answered was opened.
  guess: { subject: (input) => openGuessSubject(openRequest(input)), succeeded: () => true },
  async run(input, context) {
    const { now, ring } = context;
    await requireFree(input.save_as, context);
    const { keyId, hidden, plaintext, ...opened } = await openEnvelope(openRequest(input), now(), (id) =>
      ring.unwrappingKey(id),
    );
    if (hidden !== undefined && input.save_as === undefined)
      throw new SecurityError('policy_refused', 'The envelope holds a secret that was never shown, and is not to be.', {
        hint: 'Give save_as: the secret is stored, and its reference answered.',
      });
    // Of what says nothing of its origin the worst is taken: that the model knows it.
    const origin = hidden ?? 'model';
    return {
      plaintext: await save(
        input.save_as,
        { kind: 'plaintext', origin, shown: hidden === undefined, value: plaintext },
        context,
      ),
      ...opened,
      ...(keyId === undefined ? {} : { key_id: keyId }),
    };
  },
});

interface RewrapInput {
  envelope: string;
  password?: string | undefined;
  new_password?: string | undefined;
  key?: string | undefined;
  iterations?: number | undefined;
  context?: string | undefined;
  reencrypt?: boolean | undefined;
}

function rewrapRequest(input: RewrapInput): RewrapRequest & { newKeyName?: string } {
  const { envelope: sealed, password, new_password, key, iterations: count, context: bound, reencrypt } = input;
  return {
    envelope: sealed,
    ...(password === undefined ? {} : { password }),
    ...(new_password === undefined ? {} : { newPassword: new_password }),
    ...(key === undefined ? {} : { newKeyName: key }),
    ...(count === undefined ? {} : { iterations: count }),
    ...(bound === undefined ? {} : { context: bound }),
    ...(reencrypt === undefined ? {} : { reencrypt }),
  };
}

export const envelopeRewrap = defineTool({
  name: 'envelope_rewrap',
  title: 'Rewrap an envelope',
  description:
    "Moves an envelope to a new password, a ring key, its newest version or more iterations without showing the plaintext. Without password a ring key opens it. reencrypt replaces the content key too. The earlier service's become JWE.",
  effect: 'none',
  reach: 'local',
  cost: 'cpu',
  audit: ['iterations', 'reencrypt'],
  auditOutput: ['key_id'],
  input: z.strictObject({
    envelope: envelope(),
    password: secret('lock').optional(),
    new_password: secret('new_lock').optional(),
    key: keyName().optional(),
    iterations: iterations(),
    context: context(),
    reencrypt: z.boolean().optional(),
  }),
  output: z.strictObject({
    envelope: z.string(),
    before: wrap,
    after: wrap,
    content_unchanged: z.boolean(),
    key_id: z.string().optional(),
  }),
  // Whether the new password was shown is for the run to say.
  guess: {
    subject: (input) => rewrapGuessSubject({ ...rewrapRequest(input), newPasswordHidden: true }),
    succeeded: () => true,
  },
  async run(input, services) {
    const { new_password } = input;
    if (new_password !== undefined) await requireStrongPassword('new_password', new_password, [], services, '');
    const { ring, now, random } = services;
    const { newKeyName, ...request } = rewrapRequest(input);
    const newPasswordHidden = services.references.get('new_password')?.shown === false;
    const {
      envelope: rewrapped,
      before,
      after,
      contentUnchanged,
    } = await rewrapEnvelope(
      {
        ...request,
        newPasswordHidden,
        ...(newKeyName === undefined ? {} : { newKey: await ring.wrappingKey(newKeyName) }),
      },
      now(),
      random,
      ringOf(ring),
    );
    return {
      envelope: rewrapped,
      before: toldWrap(before),
      after: toldWrap(after),
      content_unchanged: contentUnchanged,
      ...(after.keyId === undefined ? {} : { key_id: after.keyId }),
    };
  },
});

function ringOf(ring: KeyRing): NonNullable<Parameters<typeof rewrapEnvelope>[3]> {
  return {
    unwrap: (id) => ring.unwrappingKey(id),
    newest: (id) => ring.wrappingKey(id.slice(0, id.lastIndexOf('.'))),
  };
}

function toldWrap({ keyId, ...rest }: WrapSummary): Omit<WrapSummary, 'keyId'> & { key_id?: string } {
  return { ...rest, ...(keyId === undefined ? {} : { key_id: keyId }) };
}
