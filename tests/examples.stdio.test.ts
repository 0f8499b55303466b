/**
 * The examples of docs/tools.md, call by call in one session of the built server over stdio: the answers are the documented ones.
 * `npm run docs:record` writes the answers of today into docs/examples.json instead.
 */

import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { tokensOf, BUDGET, median } from '../docs/token-count.mjs';
import { catalogue } from '../src/tools/index.js';
import { post } from './support/desk.js';
import { masked, replaced, type DocumentedCall, type Varies } from './support/documented.js';
import { newHome } from './support/home.js';
import { issue, issueCa } from './support/pki/certificates.js';
import { withPort } from './support/pki/checking.js';
import { tlsServer, type TlsRunning } from './support/pki/tls-servers.js';

interface Example extends DocumentedCall {
  /** The fields of the input that come from an answer: the field of the same name of an earlier tool's example. */
  uses?: Record<string, string>;
  /** What differs in the answer from one run to the next; everything else is the same. */
  varies?: Varies;
}

const FILE = 'docs/examples.json';
const recording = process.env['MODE'] === 'record';
const examples = JSON.parse(readFileSync(FILE, 'utf8')) as Example[];

const folder = realpathSync.native(mkdtempSync(join(tmpdir(), 'security-mcp-examples-')));
let server: TlsRunning;
let client: Client;
let places: (readonly [documented: string, here: string])[];

beforeAll(async () => {
  const at = new Date();
  const root = issueCa({ subject: 'Shop Root', at });
  const leaf = issue({ subject: 'shop.example', san: ['shop.example'], issuer: root, at });
  server = await tlsServer({ chain: [leaf], privateKey: leaf.privateKey, ecdhCurve: 'X25519' });
  writeFileSync(join(folder, 'ca.pem'), root.pem);
  writeFileSync(join(folder, 'server.pem'), leaf.pem);
  writeFileSync(join(folder, 'report.txt'), 'Orders of the third quarter: 1,041.\n');
  places = [
    ['/home/ada/shop', folder],
    ['127.0.0.1:8443', withPort(server)],
    ['port 8443', `port ${server.port}`],
  ];
  client = new Client({ name: 'documents', version: '1' }, { capabilities: { elicitation: { url: {} } } });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    // The human who is asked.
    void post((params as { url: string }).url, { action: 'store', secret: 'eleven copper herons whistle' });
    return { action: 'accept' };
  });
  const env = {
    PATH: process.env['PATH'] ?? '',
    SECURITY_MCP_HOME: newHome(),
    SECURITY_MCP_FILES: folder,
    SECURITY_MCP_NETWORK: 'any',
  };
  const command = { command: process.execPath, args: ['dist/main.js'], env, stderr: 'ignore' as const };
  await client.connect(new StdioClientTransport(command));
});
afterAll(async () => {
  await client.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

it('there is one of every tool', () => {
  const names = catalogue().map(({ name }) => name);
  expect(examples.map(({ tool }) => tool).toSorted()).toEqual(names.toSorted());
});

it('every answer is the one that is documented, apart from what is declared to differ', async () => {
  const outward = places.map(([documented, here]) => [here, documented] as const);
  const answers = new Map<string, Record<string, unknown>>();
  const recorded = new Map<string, Example>();
  for (const example of examples) {
    const { tool, input, uses = {}, varies = {} } = example;
    const given = { ...input };
    for (const [field, source] of Object.entries(uses)) {
      if (recording) input[field] = recorded.get(source)?.answer[field];
      expect(input[field], `${tool}: ${field} is that of ${source}`).toBe(recorded.get(source)?.answer[field]);
      given[field] = answers.get(source)?.[field];
    }
    const { structuredContent, content, isError } = await client.callTool({
      name: tool,
      arguments: replaced(given, places),
    });
    const [block] = content as { text: string }[];
    expect(isError, `${tool}: ${block?.text}`).not.toBe(true);
    const answer = structuredContent as Record<string, unknown>;
    expect(JSON.parse(block?.text ?? '')).toEqual(answer);
    answers.set(tool, answer);
    const told = replaced(answer, outward);
    if (recording) example.answer = told;
    recorded.set(tool, example);
    expect(masked(told, varies), tool).toEqual(masked(example.answer, varies));
  }
  if (recording) writeFileSync(FILE, JSON.stringify(examples));
});

it('half of the answers cost a model no more than the budget', () => {
  expect(median(examples.map(({ answer }) => tokensOf(answer)))).toBeLessThanOrEqual(BUDGET.medianAnswer);
});
