/** The desk in a real browser: typing, revealing, the keyboard alone, no JavaScript, replay, posts of other sites. Skipped where there is no Chromium. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { LIFE_MS } from '../../src/desk/desk.js';
import { CHROMIUM, startChromium } from '../support/chromium.js';
import { testDesk, type TestDesk } from '../support/desk.js';

const VALUE = 'violet anchor 93 & <marmalade> "ü"';

describe.skipIf(CHROMIUM === undefined)('in Chromium', () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let one: TestDesk;

  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    await one.desk.close();
    await context.close();
  });

  async function opened(
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<{ url: string; answer: Promise<unknown> }> {
    one = testDesk();
    context = await browser.newContext(options);
    page = await context.newPage();
    const address = one.nextAddress();
    const answer = one.ask();
    answer.catch(() => undefined);
    const url = await address;
    await page.goto(url);
    return { url, answer };
  }

  it('a secret is typed, hidden unless it is to be seen, measured, and kept; then the page is of no use', async () => {
    const { url, answer } = await opened();
    const field = page.getByLabel('Secret', { exact: true });
    await field.fill(VALUE);
    expect(await field.getAttribute('type')).toBe('password');
    await page.getByRole('button', { name: 'Show' }).click();
    expect(await field.getAttribute('type')).toBe('text');
    await page.getByText(/As a password: (?:good|strong)/).waitFor();
    await page.getByRole('button', { name: 'Store the secret' }).click();
    await page.getByRole('heading').waitFor();
    expect(await page.content()).not.toContain('marmalade');
    expect(await answer).toEqual({ state: 'done' });
    expect(one.kept).toEqual([VALUE]);
    await expect(page.goto(url)).rejects.toThrow('ERR_CONNECTION_REFUSED');
  });

  it('the keyboard alone is enough, and focus begins at the field', async () => {
    const { answer } = await opened();
    await page.keyboard.type(VALUE);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    expect(await page.getByRole('button', { name: 'Hide' }).getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    expect(await answer).toEqual({ state: 'done' });
    expect(one.kept).toEqual([VALUE]);
  });

  it('works without JavaScript', async () => {
    const { answer } = await opened({ javaScriptEnabled: false });
    expect(await page.getByRole('button', { name: 'Show' }).count()).toBe(0);
    await page.getByLabel('Secret', { exact: true }).fill(VALUE);
    await page.getByRole('button', { name: 'Store the secret' }).click();
    expect(await answer).toEqual({ state: 'done' });
    expect(one.kept).toEqual([VALUE]);
  });

  it('breaks nothing of its own policy, and asks nothing of elsewhere', async () => {
    one = testDesk();
    context = await browser.newContext();
    page = await context.newPage();
    const complaints: string[] = [];
    const asked: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('request', (request) => asked.push(request.url()));
    const address = one.nextAddress();
    one.ask().catch(() => undefined);
    const url = await address;
    await page.goto(url);
    await page.getByLabel('Secret', { exact: true }).fill('hunter2');
    await page.getByText(/As a password: very weak|As a password: weak/).waitFor();
    expect(complaints).toEqual([]);
    expect(asked.filter((to) => !to.startsWith(new URL(url).origin) && !to.startsWith('data:'))).toEqual([]);
  });

  it('a page that has expired takes nothing', async () => {
    const { answer } = await opened();
    await page.getByLabel('Secret', { exact: true }).fill(VALUE);
    one.clock.forward(LIFE_MS);
    await page.getByRole('button', { name: 'Store the secret' }).click();
    await page.waitForLoadState().catch(() => undefined);
    await expect(answer)
      .resolves.toBeDefined()
      .catch(() => undefined);
    expect(one.kept).toEqual([]);
  });

  it('a form of another site is refused, and a frame stays empty', async () => {
    const { url } = await opened();
    const site = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(
        `<iframe id="frame" src="${url}"></iframe><form method="post" action="${url}"><input name="secret" value="evil"><button name="action" value="store">go</button></form>`,
      );
    });
    await new Promise<void>((resolve) => void site.listen(0, '127.0.0.1', resolve));
    try {
      await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
      const framed = page.frames().find((frame) => frame !== page.mainFrame());
      expect(await framed?.content()).not.toContain('Enter a secret');
      await page.getByRole('button', { name: 'go' }).click();
      await page.getByRole('heading').waitFor();
      expect(await page.content()).not.toContain('evil');
      expect(one.kept).toEqual([]);
    } finally {
      site.close();
    }
  });

  it('a secret is shown once, after a click', async () => {
    one = testDesk();
    context = await browser.newContext();
    page = await context.newPage();
    const address = one.nextAddress();
    const answer = one.desk.show(
      { name: 'db', kind: 'password', value: VALUE, caller: 'tests' },
      { signal: new AbortController().signal },
    );
    await page.goto(await address);
    expect(await page.content()).not.toContain('marmalade');
    await page.getByRole('button', { name: 'Show it once' }).click();
    expect(await page.locator('[data-value]').textContent()).toContain(VALUE);
    expect(await answer).toEqual({ state: 'done' });
  });
});
