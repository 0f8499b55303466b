/** Tasks about secrets that go where they are needed, and about files: what nobody shall see, nobody is shown. */

import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import bcrypt from 'bcryptjs';
import { expect } from 'vitest';

import { without, type From, type Theme } from './task.js';

const PASSPHRASE = 'eleven copper herons whistle';
const TYPED = 'violet anchor, 93 lanterns';
const FROM_ELSEWHERE = 'sk-canary-6f1d0b7a2c9e';
const modeOf = (path: string): number => statSync(path).mode & 0o777;
const textOf = (path: string): string => readFileSync(path, 'utf8');
const namesIn = (list: unknown): string[] => (list as { secrets: { name: string }[] }).secrets.map(({ name }) => name);
/** A path in the folder of the task. */
const at = (from: From, name: string): string => join(String(from('files')), name);

export const secretsAndFiles: Theme = {
  name: 'secrets and files',
  tasks: [
    {
      asks: 'Make a password for the database, call it db-password, and put it into {files}/.env as DB_PASSWORD.',
      given: ({ files }) => {
        writeFileSync(join(files, '.env'), 'PORT=8080\n');
        return {};
      },
      calls: [
        {
          as: 'made',
          tool: 'secret_generate',
          input: { kind: 'password' },
          mends: [
            {
              code: 'input_invalid',
              says: /Give save_as to store it unseen/,
              next: (input) => ({ ...input, save_as: 'db-password' }),
            },
          ],
        },
        {
          as: 'delivered',
          tool: 'secret_deliver',
          input: (from) => ({ reference: from('made.reference'), to: 'env_file', path: at(from, '.env') }),
          mends: [
            {
              code: 'input_invalid',
              says: /variable is missing/,
              next: (input) => ({ ...input, variable: 'DB_PASSWORD' }),
            },
          ],
        },
      ],
      outcome: (from, { said }) => {
        const path = at(from, '.env');
        const [, single, plain = single] = /^PORT=8080\nDB_PASSWORD=(?:'(.*)'|(.*))\n$/.exec(textOf(path)) ?? [];
        expect(plain).toHaveLength(20);
        expect(modeOf(path)).toBe(0o600);
        expect(said).not.toContain(plain);
      },
    },
    {
      asks: 'Make a new token for the queue, queue-token as before, and replace QUEUE_TOKEN in {files}/queue.env with it.',
      given: ({ files }) => {
        writeFileSync(join(files, 'queue.env'), '# the queue\nQUEUE_TOKEN=old\nQUEUE=orders\n');
        return {};
      },
      calls: [
        { as: 'before', tool: 'secret_generate', input: { kind: 'token', save_as: 'queue-token' } },
        {
          as: 'made',
          tool: 'secret_generate',
          input: { kind: 'token', save_as: 'queue-token' },
          mends: [
            {
              code: 'secret_exists',
              says: /Choose another name \(in save_as/,
              next: (input) => ({ ...input, save_as: 'queue-token-2' }),
              invents: { save_as: 'another name, which is what the hint asks for' },
            },
          ],
        },
        {
          as: 'delivered',
          tool: 'secret_deliver',
          input: (from) => ({
            reference: from('made.reference'),
            to: 'env_file',
            path: at(from, 'queue.env'),
            variable: 'QUEUE_TOKEN',
          }),
          mends: [
            {
              code: 'file_exists',
              says: /has this variable already.*overwrite: true/,
              next: (input) => ({ ...input, overwrite: true }),
            },
          ],
        },
      ],
      outcome: (from, { said }) => {
        const [, token = ''] =
          /^# the queue\nQUEUE_TOKEN=([\w-]{43})\nQUEUE=orders\n$/.exec(textOf(at(from, 'queue.env'))) ?? [];
        expect(token).not.toBe('');
        expect(said).not.toContain(token);
      },
    },
    {
      asks: 'Write a fresh signing key to {files}/signing.key, and look whether the file really holds it.',
      calls: [
        { as: 'made', tool: 'secret_generate', input: { kind: 'key', save_as: 'signing-key' } },
        {
          as: 'delivered',
          tool: 'secret_deliver',
          input: (from) => ({ reference: 'secret://signing-key', to: 'file', path: at(from, 'signing.key') }),
        },
        {
          as: 'read',
          tool: 'digest_compute',
          input: (from) => ({ algorithm: 'sha256', path: at(from, 'signing.key') }),
          mends: [
            {
              code: 'path_refused',
              says: /Use the secret by its reference.*secret_list tells names and fingerprints/,
              first: [{ as: 'list', tool: 'secret_list', input: { name: 'signing-key' } }],
              next: 'done',
            },
          ],
        },
      ],
      outcome: (from, { said }) => {
        expect(from('list.secrets.0.fingerprint')).toBe(from('delivered.fingerprint'));
        expect(modeOf(at(from, 'signing.key'))).toBe(0o600);
        expect(said).not.toContain(textOf(at(from, 'signing.key')));
      },
    },
    {
      asks: 'Encrypt the report {files}/q3.txt for {recipient}.',
      given: async ({ files }) => {
        writeFileSync(join(files, 'q3.txt'), 'profits doubled');
        const identity = await generateX25519Identity();
        return { identity, recipient: await identityToRecipient(identity) };
      },
      settings: {},
      calls: [
        {
          as: 'encrypted',
          tool: 'file_encrypt',
          input: (from) => ({ path: at(from, 'q3.txt'), recipient: from('recipient') }),
          mends: [
            {
              code: 'input_invalid',
              says: /Fields of file_encrypt: .*recipients/,
              next: (input) => ({ ...without(input, 'recipient'), recipients: [input['recipient']] }),
            },
            {
              code: 'path_refused',
              says: /no folder is allowed/,
              setting: { pattern: /name the folder in (SECURITY_MCP_\w+)/, value: (from) => String(from('files')) },
            },
          ],
        },
      ],
      outcome: async (from, { said }) => {
        expect(from('encrypted')).toMatchObject({ path: at(from, 'q3.txt.age'), input_bytes: 15 });
        const decrypter = new Decrypter();
        decrypter.addIdentity(String(from('identity')));
        expect(await decrypter.decrypt(readFileSync(at(from, 'q3.txt.age')), 'text')).toBe('profits doubled');
        expect(said).not.toContain('profits');
      },
    },
    {
      asks: `Bob sent {files}/plan.txt.age. Open it: either "${PASSPHRASE}" does it, or {identity}.`,
      given: async ({ files }) => {
        const identity = await generateX25519Identity();
        const encrypter = new Encrypter();
        encrypter.addRecipient(await identityToRecipient(identity));
        writeFileSync(join(files, 'plan.txt.age'), await encrypter.encrypt('meet at noon'));
        return { identity };
      },
      calls: [
        {
          as: 'opened',
          tool: 'file_decrypt',
          input: (from) => ({ path: at(from, 'plan.txt.age'), password: PASSPHRASE }),
          mends: [
            {
              code: 'envelope_rejected',
              says: /password, identity or key .* Use inspect with its path/,
              first: [{ as: 'what', tool: 'inspect', input: (from) => ({ path: at(from, 'plan.txt.age') }) }],
              next: (input, _told, from) => ({ ...without(input, 'password'), identity: from('identity') }),
            },
          ],
        },
      ],
      outcome: (from, { said }) => {
        expect(from('what')).toMatchObject({ kind: 'age_file', details: { recipients: ['X25519'] } });
        expect(textOf(at(from, 'plan.txt'))).toBe('meet at noon');
        expect(said).not.toContain('noon');
      },
    },
    {
      asks: 'Lock {files}/notes.txt for this server alone, anew, and try whether it opens, into {files}/check.txt.',
      given: ({ files }) => {
        writeFileSync(join(files, 'notes.txt'), 'new notes');
        writeFileSync(join(files, 'notes.txt.age'), 'the lock of last year');
        return {};
      },
      calls: [
        {
          as: 'locked',
          tool: 'file_encrypt',
          input: (from) => ({ path: at(from, 'notes.txt') }),
          mends: [
            {
              code: 'input_invalid',
              says: /key is a key of the ring, such as file/,
              next: (input, told) => ({ ...input, key: told.word(/a key of the ring, such as (\w+)/) }),
            },
            {
              code: 'file_exists',
              says: /overwrite: true to replace it/,
              next: (input) => ({ ...input, overwrite: true }),
            },
          ],
        },
        {
          as: 'opened',
          tool: 'file_decrypt',
          input: (from) => ({ path: from('locked.path'), key: 'file' }),
          mends: [
            {
              code: 'file_exists',
              says: /Give another path \(output/,
              next: (input, _told, from) => ({ ...input, output: at(from, 'check.txt') }),
            },
          ],
        },
      ],
      outcome: (from) => {
        expect(from('locked.key_id')).toBe('file.1');
        expect(textOf(at(from, 'notes.txt.age'))).toMatch(/^age-encryption\.org\/v1\n-> X25519 /);
        expect(textOf(at(from, 'check.txt'))).toBe('new notes');
      },
    },
    {
      asks: 'Seal the API key in the variable PAYMENT_KEY of this machine, and store it as payment-key from there.',
      settings: { PAYMENT_KEY: FROM_ELSEWHERE },
      calls: [
        {
          as: 'sealed',
          tool: 'envelope_seal',
          input: { plaintext: 'env://PAYMENT_KEY' },
          mends: [
            {
              code: 'secret_unknown',
              says: /The operator lists the names/,
              setting: { pattern: /the names in (SECURITY_MCP_\w+)/, value: () => 'PAYMENT_KEY' },
            },
          ],
        },
        {
          as: 'opened',
          tool: 'envelope_open',
          input: (from) => ({ envelope: from('sealed.envelope'), save_as: 'payment-key' }),
        },
        { as: 'list', tool: 'secret_list', input: { name: 'payment-key' } },
      ],
      outcome: (from, { said }) => {
        expect(from('list.secrets.0')).toMatchObject({ origin: 'environment', shown: false });
        expect(said).not.toContain(FROM_ELSEWHERE);
      },
    },
    {
      asks: 'I want to type the password of our mail server, smtp-password. Then hash it.',
      calls: [
        {
          as: 'asked',
          tool: 'secret_request',
          input: { name: 'smtp-password', purpose: 'to hash the password of the mail server' },
          mends: [
            {
              code: 'policy_refused',
              says: /switched the desk off/,
              commands: [
                {
                  as: 'typed',
                  pattern: /security-mcp (secret set NAME)/,
                  with: () => ({ NAME: 'smtp-password' }),
                  types: () => TYPED,
                },
              ],
              next: 'done',
            },
          ],
        },
        {
          as: 'hashed',
          tool: 'password_hash',
          input: (from) => ({ password: from('typed.reference') }),
        },
      ],
      outcome: async (from, { said }) => {
        expect(await bcrypt.compare(TYPED, String(from('hashed.hash')))).toBe(true);
        expect(said).not.toContain(TYPED);
      },
    },
    {
      asks: 'Ask me for the password of the CRM, crm-password: I need it to sign in to the CRM. Write it to {files}/crm.pass.',
      types: TYPED,
      calls: [
        {
          as: 'asked',
          tool: 'secret_request',
          input: { name: 'crm-password' },
          mends: [
            {
              code: 'input_invalid',
              says: /purpose is missing/,
              next: (input) => ({ ...input, purpose: 'to sign in to the CRM' }),
            },
          ],
        },
        {
          as: 'delivered',
          tool: 'secret_deliver',
          input: (from) => ({ reference: from('asked.reference'), to: 'file', path: at(from, 'crm.pass') }),
        },
      ],
      outcome: (from, { said }) => {
        expect(textOf(at(from, 'crm.pass'))).toBe(TYPED);
        expect(modeOf(at(from, 'crm.pass'))).toBe(0o600);
        expect(said).not.toContain(TYPED);
      },
    },
    {
      asks: 'Delete the secret of the old crawler.',
      calls: [
        { as: 'made', tool: 'secret_generate', input: { kind: 'uuid', save_as: 'crawler.old' } },
        {
          as: 'deleted',
          tool: 'secret_delete',
          input: { name: 'old-crawler' },
          mends: [
            {
              code: 'secret_unknown',
              says: /secret_list shows the names/,
              first: [{ as: 'list', tool: 'secret_list', input: {} }],
              next: (_input, _told, from) => ({ name: namesIn(from('list')).find((name) => name.includes('crawler')) }),
            },
          ],
        },
        { as: 'left', tool: 'secret_list', input: {} },
      ],
      outcome: (from) => {
        expect(from('deleted')).toEqual({ deleted: 'crawler.old' });
        expect(namesIn(from('left'))).not.toContain('crawler.old');
      },
    },
    {
      asks: 'Is {files}/tool.tgz the file whose SHA-256 is {sum}?',
      given: ({ files }) => {
        writeFileSync(join(files, 'tool.tgz'), 'a tool, packed');
        return { sum: createHash('sha256').update('a tool, packed').digest('base64') };
      },
      calls: [
        {
          as: 'compared',
          tool: 'digest_compute',
          input: (from) => ({ algorithm: 'sha256', path: at(from, 'tool.tgz'), expected: from('sum') }),
          mends: [
            {
              code: 'input_invalid',
              says: /expected is not hex.*base64 or base64url/,
              next: (input) => ({ ...input, encoding: 'base64' }),
            },
          ],
        },
      ],
      outcome: (from) =>
        expect(from('compared')).toMatchObject({ matches: true, digest: from('sum'), input_bytes: 14 }),
    },
    {
      asks: 'What is the SHA-512 of these bytes? {bytes}',
      given: () => ({ bytes: Buffer.from('bytes of a protocol').toString('base64') }),
      calls: [
        {
          as: 'computed',
          tool: 'digest_compute',
          input: (from) => ({ algorithm: 'SHA-512', hex: from('bytes') }),
          mends: [
            {
              code: 'input_invalid',
              says: /hex is not hex.*text, base64 or hex/,
              next: (input) => ({ ...without(input, 'hex'), base64: input['hex'] }),
            },
          ],
        },
      ],
      outcome: (from) =>
        expect(from('computed.digest')).toBe(createHash('sha512').update('bytes of a protocol').digest('hex')),
    },
  ],
};
