/**
 * Changes that make hostile artefacts of valid ones: bits, bytes, cuts, splices, nesting, and the same within what is encoded in
 * them. Bytes are text in Latin-1 here, so that one set of changes does for both.
 */

import fc from 'fast-check';

import { changeElement, nested, type ElementChange } from './der-changes.js';

/** What readers have stumbled over elsewhere. */
export const WORDS = [
  '\0',
  '\ud800',
  '\u202e',
  '\ufeff',
  '\u{1f4a9}',
  'İ',
  '__proto__',
  '"__proto__":',
  'constructor',
  '\r\n',
  '\n\n',
  ' ',
  '.',
  '..',
  '/',
  '://',
  '=',
  '"',
  '\\',
  '\\u0000',
  '{',
  '[',
  '}',
  ',',
  '-1',
  '1e999',
  '9007199254740993',
  '-0',
  'null',
  'true',
  '-----BEGIN CERTIFICATE-----\n',
  '-----END CERTIFICATE-----\n',
  '\n--- ',
  '-> ',
  '$',
] as const;

export type Change =
  | { op: 'flip'; at: number; bit: number }
  | { op: 'set'; at: number; code: number }
  | { op: 'insert'; at: number; text: string }
  | { op: 'drop'; at: number; length: number }
  | { op: 'repeat'; at: number; length: number; times: number }
  | { op: 'cut'; at: number }
  | { op: 'splice'; at: number; other: number; from: number }
  | { op: 'nest'; open: string; close: string; times: number }
  | { op: 'nestDer'; times: number }
  | { op: 'element'; change: ElementChange }
  | { op: 'encoded'; which: number; change: Change }
  | { op: 'json'; which: number; value: unknown };

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const code = fc.integer({ min: 0, max: 255 });

/** Values that no schema expects where they stand. */
export const hostileJson: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e21, 2 ** 53, 0.5, '', '\0', '\ud800', [], {}, [[]], [null], ['a', 'a']),
  fc.constantFrom<unknown>(
    ...['{"__proto__":{"a":1}}', '{"constructor":1,"toString":2}'].map((text) => JSON.parse(text)),
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer(),
  fc.integer({ min: 1, max: 2_000 }).map((depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown),
  fc.integer({ min: 1, max: 20_000 }).map((length) => 'x'.repeat(length)),
);

const elementChange: fc.Arbitrary<ElementChange> = fc.record({
  which: place,
  with: place,
  how: fc.constantFrom('drop', 'twice', 'tag', 'content', 'flip', 'swap', 'empty', 'wrap'),
  code,
  content: fc.uint8Array({ maxLength: 24 }),
});

const plain: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ op: fc.constant('flip' as const), at: place, bit: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ op: fc.constant('set' as const), at: place, code }),
  fc.record({
    op: fc.constant('insert' as const),
    at: place,
    text: fc.oneof(fc.constantFrom(...WORDS), fc.string({ unit: 'binary', maxLength: 12 })),
  }),
  fc.record({ op: fc.constant('drop' as const), at: place, length: fc.integer({ min: 1, max: 64 }) }),
  fc.record({
    op: fc.constant('repeat' as const),
    at: place,
    length: fc.integer({ min: 1, max: 64 }),
    times: fc.constantFrom(1, 2, 3, 50, 300),
  }),
  fc.record({ op: fc.constant('cut' as const), at: place }),
  fc.record({ op: fc.constant('splice' as const), at: place, other: fc.nat(), from: place }),
);

const structural: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    op: fc.constant('nest' as const),
    open: fc.constantFrom('[', '{"a":', '{"__proto__":', '-----BEGIN X-----\n'),
    close: fc.constantFrom(']', '}', '', '\n-----END X-----\n'),
    times: fc.constantFrom(1, 2, 17, 129, 5_000),
  }),
  fc.record({ op: fc.constant('nestDer' as const), times: fc.constantFrom(1, 2, 20, 200) }),
  fc.record({ op: fc.constant('element' as const), change: elementChange }),
  fc.record({ op: fc.constant('json' as const), which: fc.nat(), value: hostileJson }),
);

/** One change; within something encoded it may be structural as well. */
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: plain },
  { weight: 3, arbitrary: structural },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('encoded' as const),
      which: fc.nat(),
      change: fc.oneof(plain, structural),
    }),
  },
);

/** One of the artefacts, changed up to four times, now and then not at all. */
export function changed(artefacts: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat({ max: artefacts.length - 1 }), fc.array(change, { maxLength: 4 }))
    .map(([which, changes]) =>
      changes.reduce((text, one) => apply(text, one, artefacts).slice(0, 2_000_000), artefacts[which] ?? ''),
    );
}

function apply(text: string, one: Change, artefacts: readonly string[]): string {
  const at = 'at' in one ? Math.floor(one.at * text.length) : 0;
  const replaced = (unit: number): string => text.slice(0, at) + String.fromCharCode(unit) + text.slice(at + 1);
  switch (one.op) {
    case 'flip':
      return text === '' ? text : replaced(text.charCodeAt(at) ^ (1 << one.bit));
    case 'set':
      return replaced(one.code);
    case 'insert':
      return text.slice(0, at) + one.text + text.slice(at);
    case 'drop':
      return text.slice(0, at) + text.slice(at + one.length);
    case 'repeat':
      return text.slice(0, at) + text.slice(at, at + one.length).repeat(one.times) + text.slice(at);
    case 'cut':
      return text.slice(0, at);
    case 'splice': {
      const other = artefacts[one.other % artefacts.length] ?? '';
      return text.slice(0, at) + other.slice(Math.floor(one.from * other.length));
    }
    case 'nest':
      return one.open.repeat(one.times) + text + one.close.repeat(one.times);
    case 'nestDer':
      return nested(Buffer.from(text, 'latin1'), one.times).toString('latin1');
    case 'element':
      return changeElement(Buffer.from(text, 'latin1'), one.change).toString('latin1');
    case 'encoded':
      return withinEncoded(text, one.which, (inner) => apply(inner, one.change, artefacts));
    case 'json':
      return withLeaf(text, one.which, one.value);
    default:
      return one satisfies never;
  }
}

/** Changes what a run of base64 stands for, and writes it in the same alphabet. */
function withinEncoded(text: string, which: number, within: (inner: string) => string): string {
  const runs = [...text.matchAll(/[A-Za-z0-9_+/-]{8,}={0,2}/g)];
  const run = runs[which % Math.max(1, runs.length)];
  if (run === undefined) return text;
  const [encoded] = run;
  const inner = within(Buffer.from(encoded, 'base64').toString('latin1'));
  const url = !/[+/]/.test(encoded) && !text.includes('-----');
  const again = Buffer.from(inner, 'latin1').toString(url ? 'base64url' : 'base64');
  return text.slice(0, run.index) + again + text.slice(run.index + encoded.length);
}

/** Puts a value in the place of one member of the JSON that the text is; other text stays as it is. */
function withLeaf(text: string, which: number, value: unknown): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return text;
  }
  const places: [Record<string, unknown>, string][] = [];
  const visit = (node: unknown, depth: number): void => {
    if (typeof node !== 'object' || node === null || depth > 20) return;
    for (const name of Object.keys(node)) {
      places.push([node as Record<string, unknown>, name]);
      visit((node as Record<string, unknown>)[name], depth + 1);
    }
  };
  visit(parsed, 0);
  const found = places[which % Math.max(1, places.length)];
  if (found === undefined) return text;
  const [node, name] = found;
  if (Array.isArray(node) && which % 5 === 0) node.push(value);
  else
    Object.defineProperty(node, which % 7 === 0 ? '__proto__' : name, { value, enumerable: true, configurable: true });
  try {
    return JSON.stringify(parsed);
  } catch {
    // Nested too deep to be written.
    return text;
  }
}
