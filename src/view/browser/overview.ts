/** All judgements of an answer: how many of each verdict, a filter, the cards by urgency; or what there is to say instead. */

import { drawCard } from './card.js';
import { element, outside, sign, type Sign } from './elements.js';
import { daysTold, needsAttention, type Target } from './reading.js';

/** So many cards may stand open at first: more would bury the list. */
const MAX_OPEN = 5;

/** What a screen reader is told when the answer is there. */
export function tellTargets(targets: readonly Target[]): string {
  const [first] = targets;
  if (targets.length === 1 && first !== undefined) return `${first.name}: ${first.verdict}. ${first.summary}`;
  return `${targets.length} servers judged: ${countsOf(targets)
    .map(([verdict, , count]) => `${count} ${verdict}`)
    .join(', ')}`;
}

export interface Report {
  /** When it was made, as told below the cards; a view in a host has none. */
  made?: string;
  version?: string;
}

export function drawTargets(targets: readonly Target[], report: Report): Node[] {
  const short = targets.some(({ chain }) => chain.some(({ notBefore }) => notBefore === undefined));
  const foot = [
    ...(report.made === undefined ? [] : [`Made ${report.made} by Security MCP ${report.version ?? ''}`.trim()]),
    'Times are UTC',
    ...(short ? ['Short form: with detail “full” every certificate is told whole'] : []),
  ];
  const footer = element('footer', {}, element('p', {}, `${foot.join('. ')}.`));
  const [first] = targets;
  if (targets.length === 1 && first !== undefined) return [drawCard(first, { alone: true, open: true }), footer];
  const wanting = targets.filter(needsAttention);
  const open = new Set(targets.filter(({ verdict }) => verdict !== 'trusted'));
  const cards = targets.map((target) =>
    drawCard(target, { alone: false, open: open.size <= MAX_OPEN && open.has(target) }),
  );
  const list = element('ul', { class: 'cards' }, ...cards.map((card) => element('li', {}, card)));
  list.addEventListener('keydown', (event) => walk(event, cards));
  const shown = element('p', { class: 'spoken', role: 'status' });
  const show = (all: boolean): void => {
    for (const [i, target] of targets.entries()) {
      const item = (cards[i] as HTMLElement).parentElement as HTMLElement;
      item.hidden = !all && !wanting.includes(target);
    }
    shown.textContent = `${all ? targets.length : wanting.length} of ${targets.length} shown`;
  };
  return [
    drawHead(targets),
    element('div', { class: 'tools' }, drawFilter(targets.length, wanting.length, show), shown),
    list,
    footer,
  ];
}

const VERDICTS: readonly (readonly [verdict: Target['verdict'], sign: Sign])[] = [
  ['untrusted', 'fail'],
  ['undetermined', 'unknown'],
  ['trusted', 'pass'],
];

function countsOf(targets: readonly Target[]): (readonly [verdict: Target['verdict'], sign: Sign, count: number])[] {
  return VERDICTS.map(
    ([verdict, mark]) => [verdict, mark, targets.filter((target) => target.verdict === verdict).length] as const,
  ).filter(([, , count]) => count > 0);
}

function drawHead(targets: readonly Target[]): HTMLElement {
  const counts = countsOf(targets);
  const share = element('div', { class: 'share', 'aria-hidden': 'true' });
  for (const [verdict, , count] of counts) {
    const part = element('span', { 'data-verdict': verdict });
    part.style.setProperty('flex-grow', String(count));
    share.append(part);
  }
  const next = targets
    .filter(({ daysLeft }) => daysLeft !== null && daysLeft >= 0)
    .reduce<Target | null>(
      (least, target) => ((least?.daysLeft ?? Infinity) <= (target.daysLeft ?? 0) ? least : target),
      null,
    );
  return element(
    'header',
    {},
    element('h1', {}, `${targets.length} servers judged`),
    element(
      'ul',
      { class: 'counts', 'aria-label': 'Verdicts' },
      ...counts.map(([verdict, mark, count]) =>
        element('li', { 'data-verdict': verdict }, sign(mark), element('strong', {}, String(count)), ` ${verdict}`),
      ),
    ),
    share,
    next === null
      ? null
      : element(
          'p',
          { class: 'next' },
          'Next to expire: ',
          element('strong', {}, outside(next.name)),
          `, ${daysTold(next.daysLeft as number)}`,
        ),
  );
}

function drawFilter(all: number, wanting: number, show: (all: boolean) => void): HTMLElement {
  const choice = (label: string, count: number, everything: boolean): HTMLElement => {
    const radio = element('input', { type: 'radio', name: 'filter', checked: everything });
    radio.addEventListener('change', () => show(everything));
    return element('label', {}, radio, element('span', {}, `${label} `, element('b', {}, String(count))));
  };
  return element(
    'fieldset',
    { class: 'filter' },
    element('legend', { class: 'spoken' }, 'Show'),
    choice('All', all, true),
    choice('Needs attention', wanting, false),
  );
}

/** The arrows: right opens a card, left closes it, down and up go to the next one that is shown. */
function walk(event: KeyboardEvent, cards: readonly HTMLElement[]): void {
  const { target, key } = event;
  if (!(target instanceof HTMLElement) || !target.classList.contains('head')) return;
  const card = target.parentElement as HTMLDetailsElement;
  if (key === 'ArrowRight' || key === 'ArrowLeft') card.open = key === 'ArrowRight';
  else if (key === 'ArrowDown' || key === 'ArrowUp') {
    const seen = cards.filter((one) => one.parentElement?.hidden === false);
    const next = seen[seen.indexOf(card) + (key === 'ArrowDown' ? 1 : -1)];
    next?.querySelector('summary')?.focus();
  } else return;
  event.preventDefault();
}

/** Where there is no judgement: waiting, a refusal, something else. */
export function drawNotice({
  title,
  text,
  waiting = false,
}: {
  title: string;
  text: string;
  waiting?: boolean;
}): Node[] {
  return [
    element(
      'section',
      { class: 'notice' },
      waiting ? element('span', { class: 'wait', 'aria-hidden': 'true' }) : null,
      element('h1', {}, title),
      element('p', {}, outside(text)),
    ),
  ];
}
