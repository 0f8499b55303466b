/** The desk over plain HTTP: one use, five minutes, one machine, one origin; and what the model learns of it, which is no address. */

import { networkInterfaces } from 'node:os';

import { afterEach, describe, expect, it } from 'vitest';

import type { Elicited } from '../../src/crypto/desk.js';
import type { NoticeBoard } from '../../src/desk/notice.js';
import { LIFE_MS } from '../../src/desk/desk.js';
import { SecurityError } from '../../src/crypto/errors.js';
import { post, send, testDesk, type Reply, type TestDesk } from '../support/desk.js';

const VALUE = 'violet anchor 93 & <marmalade> "ü"';
const never = new AbortController().signal;
const desks: TestDesk[] = [];
const made = (...options: Parameters<typeof testDesk>): TestDesk => {
  const one = testDesk(...options);
  desks.push(one);
  return one;
};
afterEach(() => Promise.all(desks.splice(0).map(({ desk }) => desk.close())));

/** A page that is open, and the answer of its call. */
async function asked(one: TestDesk, more: Parameters<TestDesk['ask']>[0] = {}) {
  const address = one.nextAddress();
  const answer = one.ask(more);
  answer.catch(() => undefined);
  return { url: await address, answer };
}
const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing was refused',
    (error: unknown) => (error instanceof SecurityError ? error.code : String(error)),
  );

/** Whether a page cannot be used any more: it says so, or nothing listens. */
const isGone = (reply: Promise<Reply>): Promise<boolean> =>
  reply.then(
    ({ status, text }) => [404, 410].includes(status) && !text.includes('violet'),
    (error: NodeJS.ErrnoException) => ['ECONNREFUSED', 'ECONNRESET'].includes(error.code ?? ''),
  );

describe('the page', () => {
  it('takes a secret, keeps it, and says so', async () => {
    const one = made();
    const { url, answer } = await asked(one);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{43}$/);
    const page = await send(url);
    expect(page.status).toBe(200);
    expect(page.text).toContain('to connect to the database');
    const stored = await post(url, { action: 'store', secret: VALUE });
    expect([stored.status, stored.text.includes(VALUE)]).toEqual([200, false]);
    expect(await answer).toEqual({ state: 'done' });
    expect(one.kept).toEqual([VALUE]);
  });

  it('takes several lines, but not both fields, nor none, nor too much', async () => {
    const one = made();
    const { url } = await asked(one);
    expect((await post(url, { action: 'store' })).status).toBe(422);
    expect((await post(url, { action: 'store', secret: 'a', lines: 'b' })).status).toBe(422);
    expect((await post(url, { action: 'store', lines: 'x'.repeat(65_537) })).status).toBe(422);
    expect((await post(url, { action: 'store', lines: 'x'.repeat(300_000) })).status).toBe(413);
    expect(one.kept).toEqual([]);
    expect((await post(url, { action: 'store', lines: 'one\r\ntwo' })).status).toBe(200);
    expect(one.kept).toEqual(['one\ntwo']);
  });

  it('is declined by a button', async () => {
    const { url, answer } = await asked(made());
    await post(url, { action: 'decline', secret: VALUE });
    expect(await code(answer)).toBe('human_declined');
  });

  it('shows words of the agent as words: no markup, nothing invisible, bounded', async () => {
    const { url } = await asked(made(), {
      purpose: '</dd><script>alert(1)</script>\u202Eevil\u200B',
      caller: '<img src=x onerror=alert(1)>',
    });
    const { text } = await send(url);
    for (const evil of ['<script>alert', '<img', '\u202E', '\u200B']) expect(text).not.toContain(evil);
    expect(text).toContain('\\u{202E}');
    expect(text).toContain('These words come from the agent and are not checked.');
  });

  it('comes with a policy under which nothing of elsewhere is loaded, kept, framed or told', async () => {
    const { url } = await asked(made());
    const { headers, text } = await send(url);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    const policy = String(headers['content-security-policy']);
    for (const part of ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"])
      expect(policy).toContain(part);
    expect(policy).not.toContain('unsafe');
    expect(text).toContain('autocomplete="off"');
    expect([...text.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, to]) => to)).toEqual(['data:,']);
  });

  it('measures what is typed by the strength meter of the server, as often as a person types', async () => {
    const { url } = await asked(made());
    const measured = await send(`${url}/strength`, {
      method: 'POST',
      headers: { origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' },
      body: 'hunter2',
    });
    expect(JSON.parse(measured.text)).toMatchObject({ score: expect.any(Number) as number });
    const elsewhere = { method: 'POST', headers: { origin: 'https://evil.example' }, body: 'x' };
    expect((await send(`${url}/strength`, elsewhere)).status).toBe(403);
  });
});

describe('refused are', () => {
  it('a replay: the page can be used once, whatever was done with it', async () => {
    const one = made();
    const { url, answer } = await asked(one);
    await post(url, { action: 'store', secret: VALUE });
    await answer;
    for (const again of [post(url, { action: 'store', secret: 'another' }), send(url)])
      expect(await isGone(again)).toBe(true);
    expect(one.kept).toEqual([VALUE]);
  });

  it('two posts at once: one is taken', async () => {
    const one = made();
    const { url } = await asked(one);
    await Promise.allSettled(['a', 'b', 'c'].map((secret) => post(url, { action: 'store', secret })));
    expect(one.kept).toHaveLength(1);
  });

  it('a page that has expired', async () => {
    const one = made();
    const { url, answer } = await asked(one);
    // The call has begun to wait by then.
    await new Promise((resolve) => setImmediate(resolve));
    one.clock.forward(LIFE_MS - 1);
    expect(await answer).toMatchObject({ state: 'pending', through: 'browser' });
    expect((await send(url)).status).toBe(200);
    const resumed = one.desk.resume('db-password', never);
    one.clock.forward(1);
    expect(await code(resumed)).toBe('human_timeout');
    expect(await isGone(post(url, { action: 'store', secret: VALUE }))).toBe(true);
    expect(one.kept).toEqual([]);
  });

  it('a guessed path', async () => {
    const { url } = await asked(made());
    const { origin } = new URL(url);
    for (const path of ['/', '/favicon.ico', `/${'A'.repeat(43)}`, `/${url.slice(-43, -1)}`, `/${url.slice(-43)}x`])
      expect((await send(origin + path)).status, path).toBe(404);
  });

  it('another host name that leads here (DNS rebinding)', async () => {
    const one = made();
    const { url } = await asked(one);
    const { port } = new URL(url);
    for (const host of ['evil.example', `evil.example:${port}`, `localhost:${port}`, `127.0.0.1`, `[::1]:${port}`]) {
      expect((await send(url, { headers: { host } })).status, host).toBe(421);
      expect((await post(url, { action: 'store', secret: VALUE }, { host })).status, host).toBe(421);
    }
    expect(one.kept).toEqual([]);
  });

  it('a post from another site, or from nowhere that can be told', async () => {
    const one = made();
    const { url } = await asked(one);
    const { origin } = new URL(url);
    for (const headers of [
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' },
      { origin: 'null', 'sec-fetch-site': 'cross-site' },
      { origin, 'sec-fetch-site': 'cross-site' },
    ])
      expect((await post(url, { action: 'store', secret: VALUE }, headers)).status).toBe(403);
    const body = new URLSearchParams({ action: 'store', secret: VALUE }).toString();
    expect((await send(url, { method: 'POST', body })).status).toBe(403);
    expect((await send(url, { method: 'POST', headers: { origin: 'null' }, body })).status).toBe(403);
    expect(one.kept).toEqual([]);
  });

  it('a frame, an image or a script of another page, and other methods', async () => {
    const { url } = await asked(made());
    for (const headers of [
      { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
      { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
      { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    ])
      expect((await send(url, { headers })).status).toBe(403);
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) expect((await send(url, { method })).status).toBe(405);
  });

  it('a second machine: nothing listens but on the loopback address', async () => {
    const { url } = await asked(made());
    const others = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal);
    for (const { address } of others) {
      const elsewhere = new URL(url);
      elsewhere.hostname = address;
      await expect(send(elsewhere.href)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }
    expect(new URL(url).hostname).toBe('127.0.0.1');
  });

  it('more pages than a human can see to', async () => {
    const one = made();
    for (let i = 0; i < 8; i++) await asked(one, { name: `secret-${i}` });
    expect(await code(one.ask({ name: 'one-more' }))).toBe('rate_limited');
  });
});

describe('the way to the human', () => {
  const reach = (said: Elicited, told: { url: string; message: string }[]) => ({
    signal: never,
    elicit: async (page: { url: string; message: string }) => (told.push(page), said),
  });
  const about = { name: 'db', purpose: 'for the\u202E tests', caller: 'tests', keep: async () => undefined };

  it('is the client where it can send them to an address, and no browser then', async () => {
    const one = made();
    const told: { url: string; message: string }[] = [];
    const answer = one.desk.ask(about, reach('accepted', told));
    answer.catch(() => undefined);
    while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(told[0]?.message).not.toContain('\u202E');
    await post(told[0]?.url ?? '', { action: 'store', secret: VALUE });
    expect(await answer).toEqual({ state: 'done' });
    expect(one.opened).toEqual([]);
  });

  it('declined at the client is declined', async () => {
    expect(await code(made().desk.ask(about, reach('declined', [])))).toBe('human_declined');
  });

  it('is the browser where the client cannot, and the terminal where there is none', async () => {
    const one = made();
    const address = one.nextAddress();
    const answer = one.desk.ask(about, reach('unavailable', []));
    await post(await address, { action: 'store', secret: VALUE });
    expect(await answer).toEqual({ state: 'done' });

    const board: string[] = [];
    const notices: NoticeBoard = { write: (text) => void board.push(text), clear: () => void board.push('') };
    const other = made({ openBrowser: async () => false, notices });
    const waiting = other.desk.ask(about, { signal: never });
    while (board.length === 0) await new Promise((resolve) => setImmediate(resolve));
    other.clock.forward(60_000);
    const pending = await waiting;
    expect(pending).toMatchObject({ state: 'pending', through: 'terminal' });
    // What the call answers holds no address.
    expect(JSON.stringify(pending)).not.toMatch(/http|127/);
    const { address: shown } = (JSON.parse(board[0] ?? '') as { notices: [{ address: string }] }).notices[0];
    const resumed = other.desk.resume('db', never);
    await post(shown, { action: 'store', secret: VALUE });
    expect(await resumed).toEqual({ state: 'done' });
    expect(board.at(-1)).toBe('');
    expect(await other.desk.resume('db', never)).toBeNull();
  });

  it('can be switched off', async () => {
    expect(await code(made({ setting: 'off' }).ask())).toBe('policy_refused');
  });

  it('a second call for the same name opens no second page', async () => {
    const one = made();
    const { url } = await asked(one);
    const again = one.ask();
    await post(url, { action: 'store', secret: VALUE });
    await again;
    expect(one.opened).toHaveLength(1);
  });

  it('a call that is cancelled withdraws its page', async () => {
    const one = made();
    const controller = new AbortController();
    const address = one.nextAddress();
    const answer = one.desk.ask(about, { signal: controller.signal });
    answer.catch(() => undefined);
    const url = await address;
    controller.abort();
    await answer.catch(() => undefined);
    expect(await isGone(send(url))).toBe(true);
  });
});

describe('showing a secret', () => {
  it('shows it once, after a click, and never in what the call answers', async () => {
    const one = made();
    const address = one.nextAddress();
    const answer = one.desk.show({ name: 'db', kind: 'password', value: VALUE, caller: 'tests' }, { signal: never });
    const url = await address;
    // A preview of the link shows nothing and uses nothing up.
    for (let i = 0; i < 3; i++) expect((await send(url)).text).not.toContain('violet');
    const shown = await post(url, { action: 'reveal' });
    expect(shown.text).toContain('violet anchor 93 &amp; &lt;marmalade&gt; &quot;ü&quot;');
    expect(await answer).toEqual({ state: 'done' });
    expect(await isGone(post(url, { action: 'reveal' }))).toBe(true);
  });
});
