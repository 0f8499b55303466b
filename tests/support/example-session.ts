/** The session of the documented examples: a call of every tool, for whichever program serves. */

import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';

import { post } from './desk.js';
import { masked, replaced, type DocumentedCall, type Varies } from './documented.js';
import { newHome } from './home.js';
import { issue, issueCa } from './pki/certificates.js';
import { withPort } from './pki/checking.js';
import { tlsServer, type TlsRunning } from './pki/tls-servers.js';

export interface Example extends DocumentedCall {
  /** The fields of the input that come from an answer: the field of the same name of an earlier tool's example. */
  uses?: Record<string, string>;
  /** What differs in the answer from one run to the next; everything else is the same. */
  varies?: Varies;
}

export const EXAMPLES_FILE = 'docs/examples.json';
export const examples = JSON.parse(readFileSync(EXAMPLES_FILE, 'utf8')) as Example[];

/** What starts a server; its environment is added to that of the session. */
export interface Command {
  command: string;
  args: string[];
  env?: Record<string, string>;
}

export class ExampleSession {
  readonly folder = realpathSync.native(mkdtempSync(join(tmpdir(), 'security-mcp-examples-')));
  /** Settings of the session, for the server. */
  readonly env = {
    PATH: process.env['PATH'] ?? '',
    SECURITY_MCP_HOME: newHome(),
    SECURITY_MCP_FILES: this.folder,
    SECURITY_MCP_NETWORK: 'any',
  };
  readonly #server: TlsRunning;
  readonly #places: (readonly [documented: string, here: string])[];

  static async open(): Promise<ExampleSession> {
    const at = new Date();
    const root = issueCa({ subject: 'Shop Root', at });
    const leaf = issue({ subject: 'shop.example', san: ['shop.example'], issuer: root, at });
    const server = await tlsServer({ chain: [leaf], privateKey: leaf.privateKey, ecdhCurve: 'X25519' });
    const session = new ExampleSession(server);
    writeFileSync(join(session.folder, 'ca.pem'), root.pem);
    writeFileSync(join(session.folder, 'server.pem'), leaf.pem);
    writeFileSync(join(session.folder, 'report.txt'), 'Orders of the third quarter: 1,041.\n');
    return session;
  }

  private constructor(server: TlsRunning) {
    this.#server = server;
    this.#places = [
      ['/home/ada/shop', this.folder],
      ['127.0.0.1:8443', withPort(server)],
      ['port 8443', `port ${server.port}`],
    ];
  }

  /** Calls every tool and compares its answer with the documented one; with `record`, puts the answers in their place. */
  async run({ command, args, env = {} }: Command, record = false): Promise<void> {
    const client = new Client({ name: 'documents', version: '1' }, { capabilities: { elicitation: { url: {} } } });
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      // The human who is asked.
      void post((params as { url: string }).url, { action: 'store', secret: 'eleven copper herons whistle' });
      return { action: 'accept' };
    });
    await client.connect(new StdioClientTransport({ command, args, env: { ...this.env, ...env }, stderr: 'ignore' }));
    try {
      const { tools } = await client.listTools();
      expect(examples.map(({ tool }) => tool).toSorted()).toEqual(tools.map(({ name }) => name).toSorted());
      await this.#callEach(client, record);
    } finally {
      await client.close();
    }
  }

  async #callEach(client: Client, record: boolean): Promise<void> {
    const outward = this.#places.map(([documented, here]) => [here, documented] as const);
    const answers = new Map<string, Record<string, unknown>>();
    const recorded = new Map<string, Example>();
    for (const example of examples) {
      const { tool, input, uses = {}, varies = {} } = example;
      const given = { ...input };
      for (const [field, source] of Object.entries(uses)) {
        if (record) input[field] = recorded.get(source)?.answer[field];
        expect(input[field], `${tool}: ${field} is that of ${source}`).toBe(recorded.get(source)?.answer[field]);
        given[field] = answers.get(source)?.[field];
      }
      const { structuredContent, content, isError } = await client.callTool({
        name: tool,
        arguments: replaced(given, this.#places),
      });
      const [block] = content as { text: string }[];
      expect(isError, `${tool}: ${block?.text}`).not.toBe(true);
      const answer = structuredContent as Record<string, unknown>;
      expect(JSON.parse(block?.text ?? '')).toEqual(answer);
      answers.set(tool, answer);
      const told = replaced(answer, outward);
      if (record) example.answer = told;
      recorded.set(tool, example);
      expect(masked(told, varies), tool).toEqual(masked(example.answer, varies));
    }
  }

  async close(): Promise<void> {
    await this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
