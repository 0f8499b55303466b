/** Draws judgements of certificates for people: the chain as a tree, a mark for every check, colours where a terminal has them. */

import type { CheckStatus, Judgement, Verdict } from './crypto/certificate/judgement.js';
import type { ConciseJudgement } from './crypto/certificate/concise.js';
import { escapeUntrusted } from './crypto/text.js';

type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

const SGR: Readonly<Record<Colour, string>> = { red: '31', green: '32', yellow: '33', dim: '2', bold: '1' };

const MARKS: Readonly<Record<CheckStatus, readonly [mark: string, colour: Colour]>> = {
  pass: ['✓', 'green'],
  fail: ['✗', 'red'],
  warn: ['!', 'yellow'],
  unknown: ['?', 'yellow'],
  skipped: ['–', 'dim'],
};

const VERDICT_MARKS: Readonly<Record<Verdict, readonly [mark: string, colour: Colour]>> = {
  trusted: ['✓', 'green'],
  untrusted: ['✗', 'red'],
  undetermined: ['?', 'yellow'],
};

export interface Drawing {
  /** Whether colours may be used. */
  colours: boolean;
  /** Columns of the terminal. */
  columns: number;
}

const NAME_WIDTH = 10;
const MIN_COLUMNS = 40;

/** The judgements in a tool's answer, or null where it holds none. */
export function judgementsIn(value: Record<string, unknown>): (Judgement | ConciseJudgement)[] | null {
  const list = Array.isArray(value['results']) ? (value['results'] as unknown[]) : [value];
  const judgements = list.filter(
    (entry): entry is Judgement =>
      typeof entry === 'object' && entry !== null && 'verdict' in entry && 'checks' in entry && 'chain' in entry,
  );
  return judgements.length > 0 && judgements.length === list.length ? judgements : null;
}

export function drawJudgements(judgements: readonly (Judgement | ConciseJudgement)[], drawing: Drawing): string {
  const drawn = judgements.map((judgement) => drawJudgement(judgement, drawing)).join('\n');
  return judgements.length > 1 ? `${drawn}\n${tally(judgements)}\n` : drawn;
}

/** How many targets there are of each verdict. */
function tally(judgements: readonly Pick<Judgement, 'verdict'>[]): string {
  const counts = (['trusted', 'untrusted', 'undetermined'] as const)
    .map((verdict) => [judgements.filter((judgement) => judgement.verdict === verdict).length, verdict] as const)
    .filter(([count]) => count > 0)
    .map(([count, verdict]) => `${count} ${verdict}`);
  return `${judgements.length} targets: ${counts.join(', ')}`;
}

function drawJudgement(judgement: Judgement | ConciseJudgement, drawing: Drawing): string {
  const paint = painter(drawing);
  const width = Math.max(MIN_COLUMNS, drawing.columns);
  const [mark, colour] = VERDICT_MARKS[judgement.verdict];
  const title = wrap(judgement.target, width - 4 - judgement.verdict.length);
  const lines = [
    ...title.map(
      (line, i) =>
        `${i === 0 ? paint(colour, mark) : ' '} ${paint('bold', line)}${i === title.length - 1 ? `  ${paint(colour, judgement.verdict)}` : ''}`,
    ),
    ...wrap(judgement.summary, width - 2).map((line) => `  ${line}`),
  ];
  if (judgement.chain.length > 0) lines.push('', ...drawChain(judgement, width - 2, paint).map((line) => `  ${line}`));
  if (judgement.checks.length > 0) lines.push('');
  for (const { check, status, explanation, remedy } of judgement.checks) {
    const [sign, tint] = MARKS[status];
    const indent = ' '.repeat(NAME_WIDTH + 6);
    const [first = '', ...more] = wrap(explanation, width - indent.length);
    lines.push(
      `  ${paint(tint, sign)} ${check.padEnd(NAME_WIDTH)}  ${first}`,
      ...more.map((line) => `${indent}${line}`),
    );
    if (remedy !== undefined && (status === 'fail' || status === 'warn' || status === 'unknown'))
      lines.push(...wrap(`→ ${remedy}`, width - indent.length).map((line) => `${indent}${paint('dim', line)}`));
  }
  return `${lines.join('\n')}\n`;
}

type Paint = (colour: Colour, text: string) => string;

function painter({ colours }: Drawing): Paint {
  return (colour, text) => (colours && text !== '' ? `\u001B[${SGR[colour]}m${text}\u001B[0m` : text);
}

interface Node {
  name: string;
  facts: string;
}

/** The path as a tree: the root on top, the server's certificate as its last branch. An issuer that was not found has its place. */
function drawChain({ chain, checks }: Judgement | ConciseJudgement, width: number, paint: Paint): string[] {
  const nodes = chain.map(({ subject, key, not_after }): Node => {
    const facts = [key, not_after === undefined ? undefined : `until ${not_after.slice(0, 10)}`];
    return { name: subject || '(no subject)', facts: facts.filter((fact) => fact !== undefined).join(', ') };
  });
  const { subject, issuer } = chain.at(-1) ?? {};
  const open = checks.some(({ code }) => code === 'missing_intermediate' || code === 'untrusted_root');
  if (open && issuer !== undefined && issuer !== subject) nodes.push({ name: `? ${issuer}`, facts: 'not found' });
  const rows = nodes.toReversed().map(({ name, facts }, depth) => {
    const branch = depth === 0 ? '' : `${'   '.repeat(depth - 1)}└─ `;
    return {
      branch,
      name: fit(name, Math.max(8, width - branch.length)),
      facts: fit(facts, Math.max(8, width - branch.length)),
    };
  });
  const nameWidth = Math.max(...rows.map(({ branch, name }) => branch.length + name.length));
  const fits = rows.every(({ facts }) => nameWidth + 2 + facts.length <= width);
  return rows.flatMap(({ branch, name, facts }) => {
    const label = `${paint('dim', branch)}${name}`;
    if (facts === '') return [label];
    if (fits) return [`${label}${' '.repeat(nameWidth - branch.length - name.length + 2)}${paint('dim', facts)}`];
    return [label, `${' '.repeat(branch.length)}${paint('dim', facts)}`];
  });
}

/** Lines of at most `width` characters, broken between words, and a word that is longer within itself. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of escapeUntrusted(text, 2_000).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
    for (; line.length > width; line = line.slice(lines.at(-1)?.length)) lines.push(head(line, width));
  }
  return [...lines, line];
}

/** The first whole characters, of at most so many code units. */
function head(text: string, width: number): string {
  return text.slice(0, width).replace(/[\uD800-\uDBFF]$/, '');
}

/** One line; what is cut off is shown as an ellipsis. */
function fit(text: string, width: number): string {
  const line = escapeUntrusted(text, 300);
  return line.length > width ? `${head(line, width - 1)}…` : line;
}

const BAR_WIDTH = 24;

/** More parts than this are told in percent: bytes of a file. */
const MAX_COUNTED = 1_000;

/** A progress bar, to be written over the one before it. */
export function progressBar(done: number, total: number): string {
  const share = total === 0 ? 1 : done / total;
  const filled = Math.round(share * BAR_WIDTH);
  const told = total > MAX_COUNTED ? `${Math.floor(share * 100)} %` : `${done}/${total}`;
  return `\r[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${told}`;
}

/** Takes away the bar that was drawn last, or a shorter one before it. */
export function clearBar(drawn: string): string {
  return `\r${' '.repeat(drawn.length)}\r`;
}
