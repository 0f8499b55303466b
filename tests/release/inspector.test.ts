/**
 * The Inspector's web page in a real browser: connects through mcp.json, lists the tools, and runs two of them. Skipped, visibly, where
 * there is no Chromium.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { catalogue } from '../../src/tools/index.js';
import { CHROMIUM, startChromium } from '../support/chromium.js';
import { base } from '../support/home.js';
import { issue, issueCa } from '../support/pki/certificates.js';
import { withPort } from '../support/pki/checking.js';
import { tlsServer, type TlsRunning } from '../support/pki/tls-servers.js';

const freePort = (): Promise<number> =>
  new Promise((done) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });

describe.skipIf(CHROMIUM === undefined)('the Inspector (skipped where there is no Chromium)', () => {
  const folder = mkdtempSync(join(base, 'inspector-'));
  let inspector: ChildProcess;
  let browser: Browser;
  let page: Page;
  let server: TlsRunning;

  beforeAll(async () => {
    const at = new Date();
    const root = issueCa({ subject: 'Inspector Root', at });
    const leaf = issue({ subject: 'inspected.example', san: ['127.0.0.1'], issuer: root, at });
    server = await tlsServer({ chain: [leaf], privateKey: leaf.privateKey });
    writeFileSync(join(folder, 'root.pem'), root.pem);
    const ports = {
      CLIENT_PORT: await freePort(),
      MCP_SANDBOX_PORT: await freePort(),
      MCP_APP_ORIGIN_PORT: await freePort(),
    };
    const settings = {
      SECURITY_MCP_NETWORK: 'any',
      SECURITY_MCP_HOME: join(folder, 'home'),
      SECURITY_MCP_FILES: folder,
    };
    // What the Inspector starts has not its environment: the settings of this test stand in the entry.
    const { mcpServers } = JSON.parse(readFileSync('mcp.json', 'utf8')) as { mcpServers: { security: object } };
    const config = join(folder, 'mcp.json');
    writeFileSync(config, JSON.stringify({ mcpServers: { security: { ...mcpServers.security, env: settings } } }));
    const program = 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js';
    inspector = spawn(process.execPath, [program, '--web', '--config', config, '--server', 'security'], {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: folder,
        MCP_INSPECTOR_SECRET_STORE: 'memory',
        MCP_AUTO_OPEN_ENABLED: 'false',
        ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
      },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    const address = await new Promise<string>((done, fail) => {
      let text = '';
      inspector.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const [found] = /http:\/\/127\.0\.0\.1:\d+\S*TOKEN=\w+/.exec(text) ?? [];
        if (found !== undefined) done(found);
      });
      inspector.once('exit', () => fail(new Error(`the Inspector ended: ${text}`)));
    });
    browser = await startChromium();
    page = await browser.newPage({ viewport: { width: 1_600, height: 1_200 } });
    page.setDefaultTimeout(30_000);
    await page.goto(address);
  });

  afterAll(async () => {
    await browser?.close();
    // What it started goes with it.
    if (inspector?.pid !== undefined) process.kill(-inspector.pid, 'SIGKILL');
    await server?.close();
  });

  /** Calls a tool as a person does: its name in the list, the input as JSON, and the button. */
  async function execute(tool: string, input: object): Promise<void> {
    await page.getByRole('button', { name: new RegExp(`\\b${tool}$`) }).click();
    const asJson = page.getByRole('switch', { name: 'Edit as JSON' });
    if (!(await asJson.isChecked())) await asJson.locator('..').click();
    const editor = page.locator('.ace_text-input').first();
    await editor.focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText(JSON.stringify(input));
    await page.getByRole('button', { name: 'Execute Tool' }).click();
  }

  it('connects through mcp.json and lists every tool', async () => {
    await page.getByRole('switch', { name: /security/ }).click({ force: true });
    await page.getByText('Connected', { exact: true }).waitFor();
    await page.getByText('Tools', { exact: true }).first().click();
    await page.getByText(`Tools (${catalogue().length})`).waitFor();
    for (const { name, title } of catalogue())
      expect(await page.getByRole('button', { name: `${title} ${name}`, exact: true }).count(), name).toBe(1);
  });

  it('runs password_hash', async () => {
    await execute('password_hash', { password: 'correct horse battery staple', cost: 10 });
    await page
      .getByText(/\$2b\$10\$[./A-Za-z0-9]{53}/)
      .first()
      .waitFor();
  });

  it('runs certificate_check', async () => {
    await execute('certificate_check', { targets: [withPort(server)], trust: join(folder, 'root.pem') });
    await page.waitForFunction(String.raw`/"verdict":\s*"trusted"/.test(document.body.innerText)`);
  });
});
