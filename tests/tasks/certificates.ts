/** Tasks about certificates: live servers of a private network, which the operator lets the agent reach, and files. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'vitest';

import { pinOf } from '../support/pki/certificates.js';
import { createLab, GOOD_NAME, type Lab } from '../support/pki/lab.js';
import { tlsServer } from '../support/pki/tls-servers.js';
import { failedCheck, without, type Theme, type World } from './task.js';

/** OpenSSL goes by the real clock. */
let made: Promise<Lab> | undefined;
const lab = (): Promise<Lab> => (made ??= createLab({ at: new Date() }));

async function server({ after, files }: World): Promise<{ port: number; lab: Lab }> {
  const { good, intermediate, rootEc } = await lab();
  const running = await tlsServer({ chain: [good, intermediate], privateKey: good.privateKey });
  after(() => running.close());
  writeFileSync(join(files, 'root.pem'), rootEc.pem);
  return { port: running.port, lab: await lab() };
}

export const certificates: Theme = {
  name: 'certificates',
  tasks: [
    {
      asks: `Is the certificate of https://127.0.0.1:{port}/login good for ${GOOD_NAME}? Our root: {root}`,
      given: async (world) => {
        const { port, lab: of } = await server(world);
        return { port, root: of.rootEc.pem };
      },
      settings: {},
      calls: [
        {
          as: 'checked',
          tool: 'certificate_check',
          input: (from) => ({
            targets: [`https://127.0.0.1:${String(from('port'))}/login`],
            server_name: GOOD_NAME,
            trust: from('root'),
          }),
          mends: [
            {
              code: 'input_invalid',
              says: /targets\[0\]: The target is a URL.*Give the host alone, such as .*example\.com:8443/,
              next: (input, _told, from) => ({ ...input, targets: [`127.0.0.1:${String(from('port'))}`] }),
            },
            {
              code: 'network_refused',
              within: failedCheck,
              says: /loopback address/,
              setting: { pattern: /add the host to (SECURITY_MCP_\w+)/, value: () => '127.0.0.1' },
            },
            {
              code: 'network_refused',
              within: failedCheck,
              says: /This port is not one of a TLS service/,
              setting: { pattern: /add the port to (SECURITY_MCP_\w+)/, value: (from) => String(from('port')) },
            },
          ],
        },
      ],
      outcome: (from) => {
        expect(from('checked.results.0')).toMatchObject({
          verdict: 'trusted',
          connection: { address: '127.0.0.1', protocol: 'TLSv1.3' },
        });
      },
    },
    {
      asks: `Does 127.0.0.1:{port} (${GOOD_NAME}) still use the key with the SHA-256 {pin}? The root is {files}/root.pem.`,
      given: async (world) => {
        const { port, lab: of } = await server(world);
        return { port, pin: Buffer.from(pinOf(of.good).replace('sha256/', ''), 'base64').toString('hex') };
      },
      settings: ({ files }) => ({ SECURITY_MCP_FILES: files }),
      calls: [
        {
          as: 'checked',
          tool: 'certificate_check',
          input: (from) => ({
            targets: [`127.0.0.1:${String(from('port'))}`],
            server_name: GOOD_NAME,
            trust: `${String(from('files'))}/root.pem`,
            pins: [from('pin')],
          }),
          mends: [
            {
              code: 'input_invalid',
              says: /pins\[0\] must be sha256\/ and 44 characters of base64/,
              next: (input, told, from) => {
                const prefix = told.word(/must be (sha256\/)/);
                return { ...input, pins: [prefix + Buffer.from(String(from('pin')), 'hex').toString('base64')] };
              },
              invents: { pins: 'the same 32 bytes in the spelling that the error names' },
            },
            {
              code: 'network_refused',
              within: failedCheck,
              says: /to check private hosts/,
              setting: { pattern: /set (SECURITY_MCP_NETWORK)=(any)/ },
            },
          ],
        },
      ],
      outcome: (from) => {
        expect(from('checked.results.0.verdict')).toBe('trusted');
        expect(JSON.stringify(from('checked.results.0.checks'))).not.toContain('pin_mismatch');
      },
    },
    {
      asks: `Is {files}/chain.pem sound for ${GOOD_NAME}? It leads to our own root, {files}/root.pem.`,
      given: async ({ files }) => {
        const { good, intermediate, rootEc } = await lab();
        writeFileSync(join(files, 'chain.pem'), good.pem + intermediate.pem);
        writeFileSync(join(files, 'root.pem'), rootEc.pem);
        return {};
      },
      calls: [
        {
          as: 'judged',
          tool: 'certificate_verify',
          input: { path: 'chain.pem', server_name: GOOD_NAME },
          mends: [
            {
              code: 'path_refused',
              says: /path is not absolute.*Give the whole path/,
              next: (input, _told, from) => ({ ...input, path: `${String(from('files'))}/chain.pem` }),
            },
            {
              code: 'untrusted_root',
              within: failedCheck,
              says: /Give the root .* as trust where it is your own CA/,
              next: (input, _told, from) => ({ ...input, trust: `${String(from('files'))}/root.pem` }),
            },
          ],
        },
      ],
      outcome: (from) => {
        expect(from('judged.verdict')).toBe('trusted');
        expect(from('judged.chain.0.subject')).toContain(GOOD_NAME);
      },
    },
    {
      asks: 'Will this certificate still be good on 2060-01-01? Our root: {root} The certificate: {chain}',
      given: async () => {
        const { good, intermediate, rootEc } = await lab();
        return { chain: good.pem + intermediate.pem, root: rootEc.pem };
      },
      calls: [
        {
          as: 'what',
          tool: 'inspect',
          input: (from) => ({ certificate: from('chain') }),
          mends: [
            {
              code: 'input_invalid',
              says: /Fields of inspect: text, base64, path/,
              next: (input) => ({ text: input['certificate'] }),
            },
          ],
        },
        {
          as: 'judged',
          tool: 'certificate_verify',
          input: (from) => ({ certificates: from('chain'), trust: from('root'), at: '2060-01-01', password: '' }),
          mends: [
            {
              code: 'input_invalid',
              says: /at must be a time in RFC 3339, such as 2026-01-31T12:00:00Z/,
              next: (input, told) => ({
                ...input,
                at: `${String(input['at'])}${told.word(/such as [\d-]+(T12:00:00Z)/)}`,
              }),
              invents: { at: 'the day of the user in the form of the example' },
            },
            {
              code: 'input_invalid',
              says: /password is given for something that is no PKCS#12 file.*Leave it out/,
              next: (input) => without(input, 'password'),
            },
          ],
        },
      ],
      outcome: (from) => {
        expect(JSON.stringify(from('what'))).toContain(GOOD_NAME);
        expect(from('judged.verdict')).toBe('untrusted');
        expect(from('judged.checks')).toContainEqual(expect.objectContaining({ check: 'validity', code: 'expired' }));
      },
    },
  ],
};
