/** The pictures of the documentation, taken anew by `PICTURES=1 npx vitest run tests/pictures.test.ts`: a report and a page of the desk. */

import { readFileSync, writeFileSync } from 'node:fs';

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { reportPage } from '../src/view/page.js';
import { CHROMIUM, startChromium } from './support/chromium.js';
import { testDesk } from './support/desk.js';
import type { Checked } from './support/judgements.js';
import { smaller } from './support/png.js';

const MAX_BYTES = 200 * 1_024;

describe.skipIf(process.env['PICTURES'] === undefined || CHROMIUM === undefined)('pictures', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());

  const open = (width: number, height: number, scale: number): Promise<Page> =>
    browser.newPage({
      viewport: { width, height },
      colorScheme: 'light',
      reducedMotion: 'reduce',
      deviceScaleFactor: scale,
    });

  const take = async (page: Page, path: string): Promise<void> => {
    const picture = smaller(await page.screenshot({ fullPage: true }));
    expect(picture.length).toBeLessThan(MAX_BYTES);
    writeFileSync(path, picture);
  };

  it('report.png: a report of several servers, the revoked certificate open', async () => {
    const { results } = JSON.parse(readFileSync('tests/view/recorded/full.json', 'utf8')) as { results: Checked[] };
    const servers = results.filter(({ target }) => !/^(?:evil|login|www)/.test(target));
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const page = await open(1_000, 800, 1);
    await page.setContent(reportPage(servers, { version, at: new Date('2026-11-01T09:30:00Z') }));
    await page.evaluate(
      'for (const card of document.querySelectorAll("details.card")) card.open = /^api/.test(card.querySelector("h2").textContent)',
    );
    await take(page, 'docs/images/report.png');
  });

  it('desk.png: the page where a person types a secret', async () => {
    const { desk, nextAddress, ask } = testDesk();
    const page = await open(760, 760, 1.5);
    const address = nextAddress();
    ask({ caller: 'claude-code' }).catch(() => undefined);
    await page.goto(await address);
    await page.getByLabel('Secret', { exact: true }).fill('correct horse battery');
    await page.getByText(/As a password:/).waitFor();
    await take(page, 'docs/images/desk.png');
    await desk.close();
  });
});
