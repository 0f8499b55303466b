/**
 * The view of judgements as one page of HTML that asks nothing of any network: for hosts that show MCP Apps (extension
 * io.modelcontextprotocol/ui, version 2026-01-26), and as a report with its judgements in it.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { ConciseJudgement } from '../crypto/certificate/concise.js';
import type { Judgement } from '../crypto/certificate/judgement.js';
import { STYLE } from './style.js';

export { VIEW_MIME_TYPE, VIEW_URI } from './address.js';

/** What a host is to be told beside the page: nothing is fetched, and the cards have borders of their own. */
export const VIEW_META = { ui: { prefersBorder: false } } as const;

export interface ReportOptions {
  version: string;
  at: Date;
}

/** The page without data: it speaks to its host and waits for the answer of a call. */
export function appPage(version = '1'): string {
  return page({ version }, 'app');
}

/** The same page with these judgements in it, as certificate_check answers them; it needs no host. */
export function reportPage(
  judgements: readonly (Judgement | ConciseJudgement)[],
  { version, at }: ReportOptions,
): string {
  const made = `${at.toISOString().slice(0, 19)}Z`;
  return page({ version, made, answer: { results: judgements } }, 'report');
}

/** Where the compiled modules are: around this one, or, where this one runs as it was written, in the build. */
const BUILT = new URL(import.meta.url.endsWith('.ts') ? '../../dist/' : '../', import.meta.url);

/** In the order of what they import. */
const PARTS = [
  'crypto/text',
  'view/browser/elements',
  'view/browser/reading',
  'view/browser/chain',
  'view/browser/card',
  'view/browser/overview',
  'view/browser/host',
  'view/browser/main',
] as const;

let script: string | undefined;

/** The compiled modules of the page as one script: their imports are names that it holds already. */
function clientScript(): string {
  const parts = PARTS.map((name) =>
    readFileSync(new URL(`${name}.js`, BUILT), 'utf8')
      .replaceAll(/^import\s[^;]*;$/gm, '')
      .replaceAll(/^export (?=(?:async )?function |const |class )/gm, '')
      .trim(),
  );
  return `(() => {\n'use strict';\n${parts.join('\n')}\n})();`;
}

function page(data: Record<string, unknown>, kind: 'app' | 'report'): string {
  script ??= clientScript();
  // Nothing in it can end the element, whatever a certificate says.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en" data-kind="${kind}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '${hashOf(script)}'; style-src '${hashOf(STYLE)}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Judgement of certificates · Security MCP</title>
<style>${STYLE}</style>
</head>
<body>
<main></main>
<noscript><p>This page draws itself by its own script, and scripts are switched off here.</p></noscript>
<script type="application/json">${json}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** What the policy of the page must name for an element of this content to count (CSP level 3, section 2.3.1). */
function hashOf(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`;
}
