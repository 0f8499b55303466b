/**
 * The view of judgements as one page of HTML that asks nothing of any network: for hosts that show MCP Apps (extension
 * io.modelcontextprotocol/ui, version 2026-01-26), and as a report with its judgements in it.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { ConciseJudgement } from '../crypto/certificate/concise.js';
import type { Judgement } from '../crypto/certificate/judgement.js';
import { STYLE } from './style.js';

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

/** What runs in the browser, as one script: beside this module as it is built, in either form, or in build/ where this one is run as it was written. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? '../../build/view/browser.js' : '../view/browser.js',
  import.meta.url,
);

let script: string | undefined;

function page(data: Record<string, unknown>, kind: 'app' | 'report'): string {
  script ??= readFileSync(SCRIPT, 'utf8').trim();
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
