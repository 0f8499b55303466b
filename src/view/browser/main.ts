/** The page's start: a report holds its judgements, a view in a host waits for them. */

import { escapeUntrusted } from '../../crypto/text.js';
import { element } from './elements.js';
import { connectHost } from './host.js';
import { drawNotice, drawTargets, tellTargets } from './overview.js';
import { targetsIn } from './reading.js';

const MAX_NAMED = 5;

function start(): void {
  const main = document.querySelector('main') as HTMLElement;
  const data = document.querySelector('script[type="application/json"]')?.textContent ?? '{}';
  const { version, answer, made } = JSON.parse(data) as { version: string; answer?: unknown; made?: string };
  const show = (nodes: readonly Node[]): void => main.replaceChildren(...nodes);
  // It stays while what is shown is replaced: only then is a change of it announced.
  const status = element('p', { class: 'spoken', role: 'status' });
  const notice = (about: Parameters<typeof drawNotice>[0]): void => {
    show(drawNotice(about));
    status.textContent = `${about.title}: ${about.text}`;
  };

  const report = targetsIn(answer);
  if (report !== null) {
    main.before(element('p', { class: 'brand' }, element('span', { 'aria-hidden': 'true' }, '◆'), ' Security MCP'));
    show(drawTargets(report, { version, ...(made === undefined ? {} : { made }) }));
    openForPrint();
    return;
  }
  if (window.parent === window) {
    show(
      drawNotice({ title: 'Nothing to show', text: 'A host that shows MCP Apps fills this page with a judgement.' }),
    );
    return;
  }
  main.before(status);
  notice({ title: 'Certificates', text: 'Waiting for the answer.', waiting: true });
  connectHost(version, {
    onInput(input) {
      const targets = Array.isArray(input['targets']) ? input['targets'].filter((one) => typeof one === 'string') : [];
      const more = targets.length > MAX_NAMED ? ` and ${targets.length - MAX_NAMED} more` : '';
      const named = targets.length === 0 ? 'the certificate' : targets.slice(0, MAX_NAMED).join(', ').slice(0, 400);
      notice({ title: 'Checking', text: escapeUntrusted(`${named}${more}`, 500), waiting: true });
    },
    onResult(result) {
      const { value, refused } = answerOf(result);
      const targets = refused ? null : targetsIn(value);
      if (targets === null) return notice(refusalOf(value, refused));
      show(drawTargets(targets, {}));
      status.textContent = tellTargets(targets);
    },
    onCancelled() {
      notice({ title: 'Cancelled', text: 'The check was cancelled: nothing was judged.' });
    },
  });
}

/** Some hosts hand on the structured content, some only the text, which is the same JSON. */
function answerOf(result: Record<string, unknown>): { value: unknown; refused: boolean } {
  const refused = result['isError'] === true;
  if (!refused && typeof result['structuredContent'] === 'object' && result['structuredContent'] !== null)
    return { value: result['structuredContent'], refused };
  const content = Array.isArray(result['content']) ? (result['content'] as { type?: unknown; text?: unknown }[]) : [];
  const text = content.find((block) => block?.type === 'text')?.text;
  try {
    return { value: JSON.parse(String(text)) as unknown, refused };
  } catch {
    return { value: null, refused };
  }
}

function refusalOf(value: unknown, refused: boolean): { title: string; text: string } {
  if (!refused) return { title: 'No judgement', text: 'The answer holds none.' };
  const { error } = (value ?? {}) as { error?: { message?: unknown; hint?: unknown } };
  const told = [error?.message, error?.hint].filter((part) => typeof part === 'string').join(' ');
  return { title: 'Refused', text: told === '' ? 'The check was refused.' : escapeUntrusted(told, 1_000) };
}

/** Paper cannot be clicked: everything is open on it, and as it was afterwards. */
function openForPrint(): void {
  let closed: HTMLDetailsElement[] = [];
  window.addEventListener('beforeprint', () => {
    closed = [...document.querySelectorAll<HTMLDetailsElement>('details.card:not([open])')];
    for (const card of closed) card.open = true;
  });
  window.addEventListener('afterprint', () => {
    for (const card of closed) card.open = false;
  });
}

start();
