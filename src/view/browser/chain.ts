/** The chain as a path, from the leaf down to the root, each certificate with its lifetime as a bar. */

import { element, outside, sign, spoken } from './elements.js';
import { daysTold, DAY_MS, instant, shownName, type ReadEntry, type Target } from './reading.js';

export function drawChain({ chain, checks, judgedAt, daysLeft }: Target): HTMLElement {
  const path = element('ol', { class: 'chain' });
  for (const [position, entry] of chain.entries())
    path.append(
      element(
        'li',
        { class: 'link' },
        element('p', { class: 'role' }, roleOf(chain, position)),
        element('p', { class: 'subject' }, outside(shownName(entry.subject).short)),
        facts(entry),
        drawLifetime(entry, judgedAt, position === 0 ? daysLeft : null),
        drawDetails(entry),
      ),
    );
  const { subject, issuer } = chain.at(-1) ?? {};
  const open = checks.some(({ code }) => code === 'missing_intermediate' || code === 'untrusted_root');
  if (open && issuer !== undefined && issuer !== subject)
    path.append(
      element(
        'li',
        { class: 'link missing' },
        element('p', { class: 'role' }, 'Issuer, not found'),
        element('p', { class: 'subject' }, outside(shownName(issuer).short)),
      ),
    );
  return path;
}

/** The short form says of CA certificates neither their issuer nor whether they are all there: then it is just a CA. */
function roleOf(chain: readonly ReadEntry[], position: number): string {
  const { subject, issuer } = chain[position] as ReadEntry;
  const selfIssued = issuer === subject;
  if (position === 0) return selfIssued ? 'Leaf, self-signed' : 'Leaf';
  if (issuer === undefined) return 'CA';
  return selfIssued ? 'Root' : 'Intermediate';
}

/** The rest of the name, and what kind of key it has. */
function facts({ subject, key, signature }: ReadEntry): HTMLElement | null {
  const told = [shownName(subject).rest, key ?? '', signature ?? ''].filter((fact) => fact !== '');
  if (told.length === 0) return null;
  return element('p', { class: 'facts' }, ...told.map((fact) => element('span', {}, outside(fact))));
}

/** `days`: as the judgement tells them, where it does. */
function drawLifetime(entry: ReadEntry, at: number | null, days: number | null): HTMLElement | null {
  const [from, until] = [instant(entry.notBefore), instant(entry.notAfter)];
  if (until === null) return null;
  const left = days ?? (at === null ? null : Math.floor((until - at) / DAY_MS));
  const share = from === null || at === null || until <= from ? null : (at - from) / (until - from);
  const state = left !== null && left < 0 ? 'over' : share !== null && share >= 0.8 ? 'near' : 'fine';
  const used =
    share === null || state === 'over' ? '' : share < 0 ? 'not valid yet' : `${Math.round(share * 100)} % used`;
  const bar = element('div', { class: 'bar', 'aria-hidden': 'true' }, element('span'));
  bar.style.setProperty('--used', `${Math.max(0, Math.min(1, share ?? 0)) * 100}%`);
  return element(
    'div',
    { class: `lifetime ${state}` },
    share === null ? null : bar,
    element(
      'p',
      { class: 'span' },
      element(
        'span',
        {},
        spoken('Valid '),
        from === null ? 'until ' : day(entry.notBefore as string),
        from === null ? '' : spoken(' to '),
        from === null ? '' : element('span', { 'aria-hidden': 'true' }, ' → '),
        day(entry.notAfter as string),
      ),
      element(
        'span',
        { class: 'left' },
        [left === null ? '' : daysTold(left), used].filter((part) => part !== '').join(' · '),
      ),
    ),
  );
}

/** The day is enough for the eye; the whole time is at hand. */
function day(time: string): HTMLElement {
  return element('time', { datetime: time, title: time }, time.slice(0, 10));
}

function drawDetails({
  subject,
  issuer,
  serial,
  notBefore,
  notAfter,
  pin,
  fingerprint,
  names,
}: ReadEntry): HTMLElement | null {
  const rows = (
    [
      ['Names', names.join(', ')],
      ['Subject', subject],
      ['Issuer', issuer],
      ['Serial', serial],
      ['Valid from', notBefore],
      ['Valid until', notAfter],
      ['SHA-256', fingerprint],
      ['Pin', pin === undefined ? undefined : `sha256/${pin}`],
    ] as const
  ).filter(([, value]) => value !== undefined && value !== '');
  // Only what tells more than what is shown already.
  if (issuer === undefined && fingerprint === undefined) return null;
  return element(
    'details',
    { class: 'more' },
    element('summary', {}, sign('open'), 'Certificate', spoken(` ${shownName(subject).short} in full`)),
    element(
      'dl',
      {},
      ...rows.map(([label, value]) =>
        element('div', {}, element('dt', {}, label), element('dd', {}, outside(value as string))),
      ),
    ),
  );
}
