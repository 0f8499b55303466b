/** Tasks about sealed envelopes: binding them to a place, moving them to other locks, and secrets that nobody shall see. */

import { generalDecrypt, type GeneralJWE } from 'jose';
import { expect } from 'vitest';

import { without, type Theme } from './task.js';

const NOTE = 'the code of the door is 4711';
const OLD = 'seven silver otters juggle';
const NEW = 'eleven copper herons whistle';

export const envelopes: Theme = {
  name: 'envelopes',
  tasks: [
    {
      asks: `Seal "${NOTE}" for tenant-42 only, and check that it opens again.`,
      calls: [
        { as: 'sealed', tool: 'envelope_seal', input: { plaintext: NOTE, context: 'tenant-42' } },
        {
          as: 'opened',
          tool: 'envelope_open',
          input: (from) => ({ envelope: from('sealed.envelope') }),
          mends: [
            {
              code: 'envelope_rejected',
              says: /the context are those it was sealed with/,
              next: (input) => ({ ...input, context: 'tenant-42' }),
            },
          ],
        },
      ],
      outcome: (from) => {
        expect(from('opened')).toMatchObject({ plaintext: NOTE, key_id: 'envelope.1' });
        expect(from('sealed.envelope')).not.toContain('tenant-42');
      },
    },
    {
      asks: `Our Python service reads Fernet. Seal "${NOTE}" for it under the password "${OLD}", for tenant-42.`,
      calls: [
        {
          as: 'sealed',
          tool: 'envelope_seal',
          input: { plaintext: NOTE, password: OLD, format: 'fernet', context: 'tenant-42' },
          mends: [
            {
              code: 'input_invalid',
              says: /context cannot be bound by Fernet.* leave context out/,
              next: (input) => without(input, 'context'),
            },
          ],
        },
        { as: 'what', tool: 'inspect', input: (from) => ({ text: from('sealed.envelope') }) },
        {
          as: 'opened',
          tool: 'envelope_open',
          input: (from) => ({ envelope: from('sealed.envelope'), password: OLD }),
        },
      ],
      outcome: (from) => {
        expect(from('sealed')).toMatchObject({ format: 'fernet' });
        expect(JSON.parse(String(from('sealed.envelope')))).toMatchObject({ algorithm: 'Fernet' });
        expect(from('what.summary')).toMatch(/Fernet/i);
        expect(from('opened.plaintext')).toBe(NOTE);
      },
    },
    {
      asks: `The envelope {envelope} opens with "${OLD}". Move it to the password "autumn2026", or a better one.`,
      given: async () => {
        const { sealEnvelope } = await import('../../src/crypto/envelope.js');
        const { systemRandom } = await import('../../src/crypto/random.js');
        const request = { plaintext: NOTE, password: OLD, iterations: 220_000 };
        const { envelope } = await sealEnvelope(request, new Date(), systemRandom);
        return { envelope };
      },
      calls: [
        {
          as: 'moved',
          tool: 'envelope_rewrap',
          input: (from) => ({
            envelope: from('envelope'),
            password: OLD,
            new_password: 'autumn2026',
            iterations: 220_000,
          }),
          mends: [
            {
              code: 'password_weak',
              says: /new_password is too weak.*use several unrelated words/,
              next: (input) => ({ ...input, new_password: NEW }),
              invents: { new_password: 'several unrelated words, which is what the hint asks for' },
            },
          ],
        },
      ],
      outcome: async (from) => {
        expect(from('moved')).toMatchObject({ content_unchanged: true });
        const jwe = JSON.parse(String(from('moved.envelope'))) as GeneralJWE;
        const options = { keyManagementAlgorithms: ['PBES2-HS512+A256KW'], maxPBES2Count: 220_000 };
        const { plaintext } = await generalDecrypt(jwe, Buffer.from(NEW), options);
        expect(Buffer.from(plaintext).toString()).toBe(NOTE);
        await expect(generalDecrypt(jwe, Buffer.from(OLD), options)).rejects.toThrow();
      },
    },
    {
      asks: `Seal "${NOTE}" under the key archive, then change that key and take the envelope along.`,
      calls: [
        {
          as: 'sealed',
          tool: 'envelope_seal',
          input: { plaintext: NOTE, key: 'archive' },
          mends: [
            {
              code: 'key_unknown',
              says: /key_create makes one \(purpose envelope\)/,
              first: [{ as: 'made', tool: 'key_create', input: { name: 'archive', purpose: 'envelope' } }],
            },
          ],
        },
        { as: 'rotated', tool: 'key_rotate', input: { name: 'archive' } },
        {
          as: 'moved',
          tool: 'envelope_rewrap',
          input: (from) => ({ envelope: from('sealed.envelope'), key: from('rotated.key_id') }),
          mends: [
            {
              code: 'input_invalid',
              says: /key must be .*lower-case letters, digits or hyphens/,
              next: (input) => ({ ...input, key: String(input['key']).replace(/\.\d+$/, '') }),
            },
          ],
        },
        { as: 'retired', tool: 'key_retire', input: { name: 'archive', version: 1, state: 'disabled' } },
        { as: 'opened', tool: 'envelope_open', input: (from) => ({ envelope: from('moved.envelope') }) },
      ],
      outcome: (from) => {
        expect(from('moved')).toMatchObject({ content_unchanged: true, key_id: 'archive.2' });
        expect(from('opened')).toMatchObject({ plaintext: NOTE, key_id: 'archive.2' });
      },
    },
    {
      asks: `Make a key for the backups that nobody sees, and keep a sealed copy of it, under "${OLD}" or under our own key. Show that the copy can be taken back, as backup-copy.`,
      calls: [
        { as: 'made', tool: 'secret_generate', input: { kind: 'key', save_as: 'backup-key', encoding: 'hex' } },
        {
          as: 'sealed',
          tool: 'envelope_seal',
          input: { plaintext: 'secret://backup-key', password: OLD },
          mends: [
            {
              code: 'policy_refused',
              says: /is sealed under a key of the ring.*Give key/,
              next: (input, told) => ({ ...without(input, 'password'), key: told.word(/key \(such as (\w+)\)/) }),
            },
          ],
        },
        {
          as: 'opened',
          tool: 'envelope_open',
          input: (from) => ({ envelope: from('sealed.envelope') }),
          mends: [
            {
              code: 'policy_refused',
              says: /Give save_as/,
              next: (input) => ({ ...input, save_as: 'backup-copy' }),
            },
          ],
        },
        { as: 'list', tool: 'secret_list', input: { name: 'backup-copy' } },
      ],
      outcome: (from, world) => {
        expect(from('opened.plaintext')).toBe('secret://backup-copy');
        expect(from('list.secrets.0.fingerprint')).toBe(from('made.fingerprint'));
        expect(world.said).not.toMatch(/\b[0-9a-f]{64}\b/);
      },
    },
  ],
};
