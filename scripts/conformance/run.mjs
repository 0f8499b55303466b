/**
 * Runs the official conformance suite against our server: npm run conformance [-- --verbose]
 * The suite speaks HTTP only, so the server that stdio is given is mounted on the loopback address, for this alone. What we have no
 * fixture for is listed beside, by revision; whatever else fails, or passes although it is listed, is an error.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import {
  createMcpHandler,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from '@modelcontextprotocol/server';

import { createApp } from '../../build/app.js';
import { loadConfig } from '../../build/config.js';
import { guideOf } from '../../build/guide/guide.js';
import { createServer } from '../../build/server.js';
import { describeTool } from '../../build/tools/tool.js';
import { nodeOf } from '../node-of.mjs';

/** The suite needs Node 22 or newer. */
const NODE = '24.21.0';
const REVISIONS = ['2025-11-25', '2026-07-28'];
const SUITE = 'node_modules/@modelcontextprotocol/conformance/dist/index.js';

const home = mkdtempSync(join(tmpdir(), 'security-mcp-conformance-'));
const loaded = loadConfig(
  { SECURITY_MCP_HOME: home, SECURITY_MCP_NETWORK: 'off', SECURITY_MCP_DESK: 'off' },
  {
    readSecretFile: () => '',
    resolveFolder: () => null,
    isAbsolute: () => true,
    defaultHome: home,
    pathDelimiter: ':',
  },
);
let id = 0;
const app = createApp(loaded.config, {
  reportFailure: (...failure) => console.error(failure),
  clock: () => performance.now(),
  now: () => new Date(),
  newId: () => `${Date.now()}-${(id += 1)}`,
  processors: 2,
  poolThreads: 4,
  userId: process.geteuid?.(),
  processId: process.pid,
  browser: { platform: process.platform, environment: {} },
  threadScript: new URL('../../build/workers/thread.js', import.meta.url),
});
const listing = app.pipeline.tools.map(describeTool);
const guide = guideOf(app.pipeline, loaded.config, '0.0.0');
const handler = createMcpHandler(() =>
  createServer({ pipeline: app.pipeline, listing, version: '0.0.0', guide: async () => guide }),
);

const answer = async (incoming, outgoing) => {
  const request = new Request(`http://${incoming.headers.host}${incoming.url}`, {
    method: incoming.method,
    headers: Object.entries(incoming.headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => [name, one]),
    ),
    ...(['GET', 'HEAD'].includes(incoming.method) ? {} : { body: Readable.toWeb(incoming), duplex: 'half' }),
  });
  const response =
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins()) ??
    (await handler.fetch(request));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  else Readable.fromWeb(response.body).pipe(outgoing);
};
const http = createHttpServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch((error) => outgoing.destroy(error));
});
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const url = `http://127.0.0.1:${http.address().port}/mcp`;

let red = false;
for (const revision of REVISIONS) {
  console.log(`\nModel Context Protocol ${revision}`);
  const options = [
    'server',
    '--url',
    url,
    '--requirements',
    revision,
    '--expected-failures',
    `scripts/conformance/${revision}.yml`,
  ];
  const suite = spawn(nodeOf(NODE), [SUITE, ...options, ...process.argv.slice(2)], { stdio: 'inherit' });
  const [code] = await once(suite, 'exit');
  red ||= code !== 0;
}
http.close();
http.closeAllConnections();
await app.close();
rmSync(home, { recursive: true, force: true });
process.exit(red ? 1 : 0);
