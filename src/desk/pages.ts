/** The pages of the desk as HTML: without anything from elsewhere, sound without JavaScript, for a keyboard and a screen reader too. */

import { randomBytes } from 'node:crypto';

import { escapeUntrusted } from '../crypto/text.js';
import type { Purpose } from './pending.js';
import { SCRIPT, STYLE } from './assets.js';

export interface Page {
  html: string;
  /** What the policy of the response must name for the style and the script of the page to work. */
  nonce: string;
}

export interface Message {
  tone: 'good' | 'calm' | 'bad';
  title: string;
  text: string;
}

type Ask = Extract<Purpose, { kind: 'ask' }>;
type Show = Extract<Purpose, { kind: 'show' }>;

/** Text as HTML. */
function plain(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Text from outside: what cannot be seen is spelled out. */
function untrusted(text: string, maxLength: number): string {
  return `<bdi>${plain(escapeUntrusted(text, maxLength))}</bdi>`;
}

export function askPage(about: Ask, path: string, expiresAt: number, problem?: string): Page {
  return page(
    'Enter a secret',
    `<h1>Enter a secret</h1>
    <p class="lead">An AI agent asks for a secret. It will be kept as <code>${untrusted(about.name, 64)}</code>; the agent can use it by that name and never sees it.</p>
    ${claims([
      ['Asked by', untrusted(about.caller, 64)],
      ['Said purpose', untrusted(about.purpose, 300)],
    ])}
    <form method="post" action="/${path}" autocomplete="off" data-entry>
      ${problem === undefined ? '' : `<p class="problem" role="alert" id="problem">${plain(problem)}</p>`}
      <label for="secret">Secret</label>
      <div class="field">
        <input id="secret" name="secret" type="password" autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck="false" autofocus aria-describedby="${problem === undefined ? 'strength' : 'problem strength'}" data-1p-ignore data-lpignore="true" data-bwignore>
        <button type="button" class="reveal" aria-pressed="false" aria-controls="secret" hidden data-reveal>Show</button>
      </div>
      <div class="meter" hidden data-meter><span></span><span></span><span></span><span></span></div>
      <p id="strength" class="note" aria-live="polite" data-strength></p>
      <details>
        <summary>It has several lines (a key, a certificate)</summary>
        <label for="lines">Secret of several lines</label>
        <textarea id="lines" name="lines" rows="6" autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck="false" class="masked" data-lines></textarea>
      </details>
      ${actions('store', 'Store the secret')}
    </form>
    ${expiry(expiresAt)}`,
  );
}

export function revealPage(about: Show, path: string, expiresAt: number): Page {
  return page(
    'A secret for you',
    `<h1>A secret for you</h1>
    <p class="lead">An AI agent wants you to have <code>${untrusted(about.name, 64)}</code> (${plain(about.secretKind)}). The agent has not seen it. It is shown once: make sure that nobody looks over your shoulder.</p>
    ${claims([['Sent by', untrusted(about.caller, 64)]])}
    <form method="post" action="/${path}">${actions('reveal', 'Show it once')}</form>
    ${expiry(expiresAt)}`,
  );
}

export function shownPage(about: Show): Page {
  return page(
    'A secret for you',
    `<h1>A secret for you</h1>
    <p class="lead" id="what"><code>${untrusted(about.name, 64)}</code>, shown this once. Close the page when you have kept it.</p>
    <pre class="value" tabindex="0" role="textbox" aria-readonly="true" aria-multiline="true" aria-labelledby="what" data-value>\n${plain(about.value)}</pre>
    <div class="actions"><button type="button" class="primary" hidden data-copy>Copy</button></div>
    <p class="note" aria-live="polite" data-copied></p>`,
  );
}

export function messagePage({ tone, title, text }: Message): Page {
  return page(
    title,
    `<div class="sign ${tone}" aria-hidden="true">${{ good: '✓', calm: '–', bad: '!' }[tone]}</div>
    <h1>${plain(title)}</h1>
    <p class="lead" role="status">${plain(text)}</p>`,
  );
}

function claims(rows: readonly [label: string, html: string][]): string {
  const list = rows.map(([label, html]) => `<div><dt>${label}</dt><dd>${html}</dd></div>`).join('');
  return `<section class="claims" aria-label="What the agent says">
      <dl>${list}</dl>
      <p>These words come from the agent and are not checked. If you did not expect this, decline.</p>
    </section>`;
}

function actions(action: string, label: string): string {
  return `<div class="actions">
        <button type="submit" class="primary" name="action" value="${action}">${label}</button>
        <button type="submit" name="action" value="decline">Decline</button>
      </div>`;
}

function expiry(expiresAt: number): string {
  const time = new Date(expiresAt).toISOString();
  return `<p class="note">This page can be used once, until <time datetime="${time}" data-expiry>${time.slice(11, 16)} UTC</time>. It was served by Security MCP on this machine; nothing leaves it.</p>`;
}

function page(title: string, body: string): Page {
  const nonce = randomBytes(18).toString('base64');
  const html = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex">
  <title>${plain(title)} · Security MCP</title>
  <link rel="icon" href="data:,">
  <style nonce="${nonce}">${STYLE}</style>
</head>
<body>
  <main>
    <p class="brand"><span aria-hidden="true">◆</span> Security MCP <span class="place">on this machine</span></p>
    ${body}
  </main>
  <script nonce="${nonce}">${SCRIPT}</script>
</body>
</html>
`;
  return { html, nonce };
}
