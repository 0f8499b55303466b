/** The view in a host: the bridge that hosts of MCP Apps use, a sandboxed frame, a real browser. Skipped where there is no Chromium. */

import { readFileSync } from 'node:fs';

import type { Browser, BrowserContext, FrameLocator, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { appPage } from '../../src/view/page.js';
import { hostPage } from '../support/app-bridge.js';
import { CHROMIUM, startChromium } from '../support/chromium.js';
import type { Checked } from '../support/judgements.js';

const recorded = (name: string): { results: Checked[] } =>
  JSON.parse(readFileSync(new URL(`./recorded/${name}.json`, import.meta.url), 'utf8')) as { results: Checked[] };
const full = recorded('full');
const short = recorded('concise');

/** As the server answers a call. */
const answered = (value: object): object => ({
  content: [{ type: 'text', text: JSON.stringify(value) }],
  structuredContent: value,
});

describe.skipIf(CHROMIUM === undefined)('in a host', () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let view: FrameLocator;
  /** What is to be seen of it. */
  let main: Locator;
  let complaints: string[];
  let html: string;

  beforeAll(async () => {
    [browser, html] = await Promise.all([startChromium(), hostPage()]);
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 760, height: 700 } });
    page = await context.newPage();
    complaints = [];
    // The bridge tells each message at the level of debugging.
    page.on('console', (message) => message.type() === 'debug' || complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => complaints.push(`asked for ${request.url()}`));
    await page.setContent(html);
    view = page.frameLocator('iframe');
    main = view.locator('main');
  });
  afterEach(async () => {
    expect(complaints).toEqual([]);
    await context.close();
  });

  const call = (code: string, ...values: unknown[]): Promise<unknown> =>
    page.evaluate(
      `(async () => ${code})(${values.length})`.replaceAll(/\$(\d)/g, (_all, i: string) =>
        JSON.stringify(values[Number(i)]),
      ),
    );
  /** The value of an expression within the frame. */
  const inside = (expression: string): Promise<unknown> =>
    page.frames().at(-1)?.evaluate(expression) ?? Promise.reject(new Error('no frame'));
  const show = (hostContext: object = {}): Promise<unknown> => call('show($0, $1)', appPage(), hostContext);
  const result = (value: object): Promise<unknown> => call('bridge.sendToolResult($0)', value);

  it('waits, says what is being checked, and shows the judgement', async () => {
    await show();
    expect(await call('bridge.getAppVersion().name')).toBe('security-mcp-judgement');
    await main.getByText('Waiting for the answer.').waitFor();
    await call('bridge.sendToolInput({ arguments: { targets: ["shop.example.com", "<b>x</b>"] } })');
    await main.getByText('shop.example.com, <b>x</b>').waitFor();
    await result(answered({ results: full.results.slice(0, 1) }));
    await view.getByRole('heading', { name: 'shop.example.com' }).waitFor();
    expect(await main.getByText('Leads to the trusted root Example Root X1').count()).toBe(1);
  });

  it('shows the short form, many targets, and an answer that comes as text alone', async () => {
    await show();
    await result({ content: [{ type: 'text', text: JSON.stringify(short) }] });
    await view.getByRole('heading', { name: '8 servers judged' }).waitFor();
    expect(await view.getByRole('status').allTextContents()).toContain(
      '8 servers judged: 4 untrusted, 1 undetermined, 3 trusted',
    );
    expect(await main.getByText('Short form: with detail “full” every certificate is told whole').count()).toBe(1);
    await result(answered(full.results[1] as object));
    await view.getByRole('heading', { name: 'api.example.com' }).waitFor();
  });

  it('tells a refusal, a cancelled call, and an answer that is none', async () => {
    await show();
    const error = { code: 'rate_limited', message: 'Too many calls.', hint: 'Wait a minute.' };
    await result({ content: [{ type: 'text', text: JSON.stringify({ error }) }], isError: true });
    await main.getByText('Too many calls. Wait a minute.').waitFor();
    await call('bridge.sendToolCancelled({ reason: "user action" })');
    await main.getByText('The check was cancelled: nothing was judged.').waitFor();
    for (const none of [
      { content: [] },
      answered({ results: [{ verdict: 'trusted' }] }),
      answered({ results: [null] }),
    ]) {
      await call('bridge.sendToolInput({ arguments: {} })');
      await main.getByText('the certificate', { exact: true }).waitFor();
      await result(none);
      await main.getByText('The answer holds none.').waitFor();
    }
  });

  it('wears the theme and the colours of the host, and changes with them', async () => {
    const ink = (): Promise<unknown> => inside('getComputedStyle(document.querySelector("h1")).color');
    await show({ theme: 'dark' });
    await result(answered({ results: full.results.slice(0, 1) }));
    await view.getByRole('heading', { name: 'shop.example.com' }).waitFor();
    const dark = await ink();
    await call('bridge.setHostContext({ theme: "light" })');
    await view.locator('html[data-theme="light"]').waitFor();
    expect(await ink()).not.toBe(dark);
    const variables = {
      '--color-text-primary': 'rgb(1, 2, 3)',
      '--font-sans': 'serif',
      // A variable of ours is none of the host's, and what is too long is no colour.
      '--ink': 'rgb(9, 9, 9)',
      '--color-text-secondary': 'x'.repeat(1_000),
    };
    await call('bridge.setHostContext({ theme: "light", styles: { variables: $0 } })', variables);
    await view.locator('html[style*="--font-sans"]').waitFor();
    expect(await ink()).toBe('rgb(1, 2, 3)');
    expect(await view.locator('html').getAttribute('style')).not.toMatch(/--ink|xxx/);
  });

  it('tells its size when it is ready, and whenever it grows or shrinks', async () => {
    await show();
    await page.waitForFunction('sizes.length > 0');
    await result(answered({ results: full.results.slice(0, 1) }));
    await page.waitForFunction('sizes.at(-1).height > 500');
    const whole = Number(await call('sizes.at(-1).height'));
    const more = main.getByText('Certificate', { exact: false }).first();
    await more.click();
    await page.waitForFunction(`sizes.at(-1).height > ${whole}`);
    await more.click();
    await page.waitForFunction(`sizes.at(-1).height === ${whole}`);
    // Nothing to scroll within the frame.
    expect(await inside('document.documentElement.scrollHeight <= innerHeight')).toBe(true);
  });

  it('answers a ping, says no to what it does not do, and goes when it is told to', async () => {
    await show();
    expect(await call('bridge.request({ method: "ping" })')).toEqual({});
    expect(await call('bridge.request({ method: "tools/list" }).then(() => "done", (error) => error.code)')).toBe(
      -32_601,
    );
    await page.waitForFunction('sizes.length > 0');
    expect(await call('bridge.teardownResource({})')).toEqual({});
    const told = await call('sizes.length');
    await result(answered(full));
    await view.getByRole('heading', { name: '8 servers judged' }).waitFor();
    await inside('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
    expect(await call('sizes.length')).toBe(told);
  });

  it('listens to nobody but its host', async () => {
    await show();
    const forged = { jsonrpc: '2.0', method: 'ui/notifications/tool-result', params: answered(full) };
    await result(answered({ results: full.results.slice(0, 1) }));
    await view.getByRole('heading', { name: 'shop.example.com' }).waitFor();
    await inside(`window.postMessage(${JSON.stringify(forged)}, '*')`);
    // What comes after it is answered: it was heard, and not heeded.
    await call('bridge.request({ method: "ping" })');
    expect(await main.getByText('servers judged').count()).toBe(0);
  });
});
