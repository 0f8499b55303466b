/**
 * A report in a real browser: all of it shown, hostile text inert, the keyboard alone, narrow, dark, on paper, of a hundred hosts. Skipped
 * where there is no Chromium.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { reportPage } from '../../src/view/page.js';
import { CHROMIUM, POOR_CONTRAST, startChromium } from '../support/chromium.js';
import { EVIL, type Checked } from '../support/judgements.js';

const recorded = (name: string): Checked[] =>
  (JSON.parse(readFileSync(new URL(`./recorded/${name}.json`, import.meta.url), 'utf8')) as { results: Checked[] })
    .results;
const full = recorded('full');
const shop = full[0] as Checked;
const OPTIONS = { version: '1.2.3', at: new Date('2026-11-01T09:30:00Z') };

/** As many as one call may check, each with a name of its own. */
const hundred = Array.from({ length: 100 }, (_, i): Checked => {
  const one = full[i % full.length] as Checked;
  return { ...one, target: `h${i}.${one.target}` };
});

/** Text that would do harm as HTML, that is not to be seen, or that has nowhere to break. */
const HOSTILE = `${EVIL}</script></style>\u202Egnp.exe\u200B\u0000&lt;${'w'.repeat(400)}`;
const hostile: Checked = {
  ...shop,
  target: HOSTILE,
  summary: HOSTILE,
  checks: (full[1] as Checked).checks.map((check) => ({
    ...check,
    code: HOSTILE,
    explanation: HOSTILE,
    remedy: HOSTILE,
  })),
  chain: shop.chain.map((entry) => ({
    ...entry,
    subject: `CN=${HOSTILE}`,
    issuer: HOSTILE,
    key: HOSTILE,
    serial: HOSTILE,
    names: [HOSTILE],
  })),
  connection: { address: HOSTILE, cipher: HOSTILE },
};

describe.skipIf(CHROMIUM === undefined)('in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'security-mcp-view-'));
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[] = [];

  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await browser.close();
  });
  afterEach(async () => {
    // Not a word on the console, and nothing asked for but the page itself.
    expect(complaints).toEqual([]);
    await context.close();
  });

  async function opened(
    results: readonly Checked[],
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<void> {
    context = await browser.newContext(options);
    page = await context.newPage();
    complaints = [];
    const url = pathToFileURL(join(folder, 'report.html')).href;
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('dialog', (dialog) => complaints.push(dialog.message()));
    page.on('request', (request) => request.url() === url || complaints.push(`asked for ${request.url()}`));
    writeFileSync(new URL(url), reportPage(results, OPTIONS));
    await page.goto(url);
  }

  const text = async (): Promise<string> => (await page.locator('main').textContent()) ?? '';
  const evaluate = (expression: string): Promise<unknown> => page.evaluate(expression);
  const focused = (): Promise<unknown> =>
    evaluate('document.activeElement.querySelector("h2")?.textContent ?? document.activeElement.tagName');
  const isOpen = (name: string): Promise<boolean> =>
    page
      .locator('details.card', { has: page.getByRole('heading', { name }) })
      .first()
      .getAttribute('open')
      .then((open) => open !== null);

  it.each(['full', 'concise'])('all that was recorded is shown, in the %s form', async (name) => {
    const results = recorded(name);
    await opened(results);
    const shown = await text();
    for (const { target, verdict, summary, checks, chain } of results) {
      for (const told of [target, verdict, summary]) expect(shown).toContain(told);
      for (const { status, code, explanation, remedy } of checks) {
        expect(shown).toContain(explanation);
        if (['fail', 'warn', 'unknown'].includes(status)) expect(shown).toContain(`${code}${explanation}`);
        if (['fail', 'warn', 'unknown'].includes(status) && remedy !== undefined)
          expect(shown).toContain(`What to do: ${remedy}`);
      }
      for (const { key, not_after: end, sha256, spki_sha256: pin } of chain)
        for (const told of [key, end?.slice(0, 10), sha256, pin]) expect(shown).toContain(told ?? '');
    }
    expect(shown).toContain('Made 2026-11-01T09:30:00Z by Security MCP 1.2.3.');
  });

  it('the most urgent comes first; what is wrong stands open, what is trusted does not', async () => {
    await opened(full);
    const names = await page.getByRole('heading', { level: 2 }).allTextContents();
    expect(names.slice(0, 6)).toEqual([
      'old.example.com:8443',
      'www.example.net',
      'api.example.com',
      'login.example.com',
      'gone.example.com',
      'mail.example.com:465',
    ]);
    expect(await isOpen('gone.example.com')).toBe(true);
    expect(await isOpen('mail.example.com:465')).toBe(false);
  });

  it('what a sighted reader sees is told to others: roles, names, states, and the lifetime in words', async () => {
    await opened(full);
    const seen = await page.locator('main').ariaSnapshot();
    for (const line of [
      '- heading "8 servers judged" [level=1]',
      '- list "Verdicts":',
      '- radio "All 8" [checked]',
      '- radio "Needs attention 6"',
      '- heading "old.example.com:8443" [level=2]',
      '- heading "Chain, from the leaf to the root" [level=3]',
      'Validity (failed)',
      'Pin (not judged)',
      'Certificate old.example.com in full',
      '44 % used',
      'expired 12 days ago',
      'Issuer, not found',
    ])
      expect(seen).toContain(line);
    expect(
      await evaluate(
        '[...document.querySelectorAll("svg, .bar, .share")].every((one) => one.getAttribute("aria-hidden") === "true")',
      ),
    ).toBe(true);
    expect(await evaluate('document.documentElement.lang')).toBe('en');
  });

  it('hostile text is text: nothing of it runs, hides, or widens the page, whatever it stands for', async () => {
    await opened([hostile, full.at(-1) as Checked], { viewport: { width: 320, height: 600 } });
    await evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true; })');
    expect(
      await evaluate('[document.scripts.length, document.images.length, document.querySelectorAll("style").length]'),
    ).toEqual([2, 0, 1]);
    const shown = await text();
    expect(shown).toContain(
      '<script>alert(1)</script><img src=x onerror=alert(2)></script></style>\\u{202E}gnp.exe\\u{200B}\\u{0}&lt;www',
    );
    // oxlint-disable-next-line no-control-regex -- that is what is looked for
    expect(shown).not.toMatch(/[\u0000\u200B\u202E]/);
    expect(await evaluate('document.documentElement.scrollWidth')).toBe(320);
  });

  it('the keyboard alone is enough: Tab, Enter, Space, arrows', async () => {
    await opened(full);
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('radio', { name: 'Needs attention' }).isChecked()).toBe(true);
    expect(await page.locator('details.card:visible').count()).toBe(6);
    expect(await page.getByText('6 of 8 shown').count()).toBe(1);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('old.example.com:8443');
    for (const [key, open] of [
      ['ArrowLeft', false],
      ['ArrowRight', true],
      ['Enter', false],
      ['Space', true],
    ] as const) {
      await page.keyboard.press(key);
      expect(await isOpen('old.example.com'), key).toBe(open);
    }
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe('www.example.net');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.locator('details.more[open]').count()).toBe(1);
    expect(await page.getByText((full[2] as Checked).chain[0]?.sha256 ?? '').isVisible()).toBe(true);
  });

  it('one judgement alone stands open, with its pin and the facts of the connection', async () => {
    await opened([shop]);
    expect(await page.getByRole('heading', { level: 1 }).allTextContents()).toEqual(['shop.example.com']);
    expect(await page.getByText(`sha256/${shop.chain[0]?.spki_sha256}`).last().isVisible()).toBe(true);
    expect(await page.getByText('X25519MLKEM768').isVisible()).toBe(true);
    expect(await page.getByRole('radio').count()).toBe(0);
  });

  it.each(['light', 'dark'] as const)('%s: every text stands out against what is behind it', async (colorScheme) => {
    await opened(full, { colorScheme });
    await evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true; })');
    expect(await evaluate(POOR_CONTRAST)).toEqual([]);
  });

  it('a hundred hosts are counted, filtered, and closed but for a few', async () => {
    await opened(hundred, { viewport: { width: 320, height: 600 } });
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('100 servers judged');
    expect(await page.getByRole('list', { name: 'Verdicts' }).textContent()).toBe(
      '51 untrusted12 undetermined37 trusted',
    );
    expect(await page.getByText('Next to expire: h4.mail.example.com:465, 6 days left').count()).toBe(1);
    expect(await page.locator('details.card[open]').count()).toBe(0);
    await page.getByRole('radio', { name: 'Needs attention' }).click();
    expect(await page.locator('details.card:visible').count()).toBe(75);
    expect(await evaluate('document.documentElement.scrollWidth')).toBe(320);
  });

  it('on paper everything is open and light, and afterwards it is as it was', async () => {
    await opened(full, { colorScheme: 'dark' });
    const open = (): Promise<number> => page.locator('details.card[open]').count();
    expect(await open()).toBe(5);
    await evaluate('dispatchEvent(new Event("beforeprint"))');
    await page.emulateMedia({ media: 'print' });
    expect(await open()).toBe(8);
    expect(await page.locator('.tools').isVisible()).toBe(false);
    expect(await evaluate('getComputedStyle(document.querySelector("h1")).color')).toBe('rgb(22, 32, 44)');
    await evaluate('dispatchEvent(new Event("afterprint"))');
    expect(await open()).toBe(5);
  });

  it('without scripts it says why it is empty', async () => {
    await opened([shop], { javaScriptEnabled: false });
    expect(await page.locator('noscript').textContent()).toContain('scripts are switched off here');
  });
});
