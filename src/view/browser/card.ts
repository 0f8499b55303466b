/** One judgement as a card: the verdict, the chain, and all checks in groups, what is wrong standing out. */

import { drawChain } from './chain.js';
import { element, outside, sign, spoken, type Sign } from './elements.js';
import { daysTold, isFinding, type ReadCheck, type Target } from './reading.js';

const VERDICT_SIGNS: Readonly<Record<Target['verdict'], Sign>> = {
  trusted: 'pass',
  untrusted: 'fail',
  undetermined: 'unknown',
};

const STATUS_WORDS: Readonly<Record<ReadCheck['status'], string>> = {
  pass: 'passed',
  fail: 'failed',
  warn: 'warning',
  unknown: 'not found out',
  skipped: 'not judged',
};

const GROUPS: readonly (readonly [title: string, checks: readonly string[]])[] = [
  ['Identity', ['chain', 'hostname', 'validity', 'purpose']],
  ['Revocation and pins', ['revocation', 'stapling', 'pin']],
  ['Strength', ['key', 'signature', 'lifetime']],
  ['Connection', ['connection', 'protocol']],
];

/** A card that can be closed, or, where it is the only one, one that stands open. */
export function drawCard(target: Target, { alone, open }: { alone: boolean; open: boolean }): HTMLElement {
  const findings = target.checks.filter(isFinding).length;
  const head = [
    sign(VERDICT_SIGNS[target.verdict]),
    element(
      'div',
      { class: 'title' },
      element(alone ? 'h1' : 'h2', {}, outside(target.name)),
      element('p', { class: 'summary' }, outside(target.summary)),
    ),
    element(
      'div',
      { class: 'side' },
      element('span', { class: 'verdict' }, target.verdict),
      target.daysLeft === null ? null : element('span', { class: 'days' }, daysTold(target.daysLeft)),
      target.verdict === 'trusted' && findings > 0
        ? element('span', { class: 'notes' }, `${findings} ${findings === 1 ? 'warning' : 'warnings'}`)
        : null,
    ),
  ];
  const attributes = { class: 'card', 'data-verdict': target.verdict };
  if (alone) return element('article', attributes, element('div', { class: 'head' }, ...head), drawBody(target));
  return element(
    'details',
    { ...attributes, open },
    element('summary', { class: 'head' }, ...head, sign('open')),
    drawBody(target),
  );
}

function drawBody(target: Target): HTMLElement {
  const { chain, checks } = target;
  const named = new Set(GROUPS.flatMap(([, names]) => names));
  const others = checks.filter(({ name }) => !named.has(name)).map(({ name }) => name);
  const groups = [...GROUPS, ['Other', others] as const]
    .map(([title, names]) => [title, checks.filter(({ name }) => names.includes(name))] as const)
    .filter(([, found]) => found.length > 0);
  return element(
    'div',
    { class: 'body' },
    chain.length === 0 ? null : section('Chain, from the leaf to the root', drawChain(target)),
    element(
      'div',
      { class: 'checks' },
      ...groups.map(([title, found]) =>
        section(title, element('ul', {}, ...found.map((check) => drawCheck(check))), pairsOf(title, target)),
      ),
    ),
  );
}

function section(title: string, ...content: readonly (Node | null)[]): HTMLElement {
  return element('section', {}, element('h3', {}, title), ...content);
}

function drawCheck({ name, status, code, explanation, remedy }: ReadCheck): HTMLElement {
  const wrong = isFinding({ status });
  return element(
    'li',
    { class: 'check', 'data-status': status },
    sign(status),
    element(
      'div',
      {},
      element(
        'p',
        { class: 'name' },
        element('span', { class: 'label' }, name.charAt(0).toUpperCase() + name.slice(1)),
        spoken(` (${STATUS_WORDS[status]})`),
        wrong ? element('code', {}, code) : null,
      ),
      element('p', { class: 'explanation' }, outside(explanation)),
      wrong && remedy !== undefined
        ? element('p', { class: 'remedy' }, element('strong', {}, 'What to do: '), outside(remedy))
        : null,
    ),
  );
}

/** What belongs to a group of checks and is not told by them. */
function pairsOf(title: string, { chain, checks, connection }: Target): HTMLElement | null {
  const pairs =
    title === 'Connection'
      ? connection.filter(([, value]) => !checks.some(({ explanation }) => explanation.includes(value)))
      : [];
  const pin = chain[0]?.pin;
  const pinned = checks.some(({ name, status }) => name === 'pin' && status !== 'skipped');
  const told =
    title === 'Revocation and pins' && pinned && pin !== undefined
      ? [['Pin of this key', `sha256/${pin}`] as const]
      : pairs;
  if (told.length === 0) return null;
  return element(
    'dl',
    { class: 'pairs' },
    ...told.map(([label, value]) => element('div', {}, element('dt', {}, label), element('dd', {}, outside(value)))),
  );
}
