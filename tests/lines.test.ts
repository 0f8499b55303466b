/** The line splitter: every cut of the stream gives the same lines, and a line too long gives its id and nothing else. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LineSplitter, type RequestId } from '../src/lines.js';

function split(chunks: Buffer[], maxBytes = 100): (string | { oversized: RequestId | null })[] {
  const seen: (string | { oversized: RequestId | null })[] = [];
  const splitter = new LineSplitter(
    maxBytes,
    (line) => seen.push(line.toString()),
    (id) => seen.push({ oversized: id }),
  );
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return seen;
}

function cut(bytes: Buffer, at: number[]): Buffer[] {
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((place, i) => bytes.subarray(place, places[i] ?? bytes.length));
}

it('gives the same lines however the stream is cut', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\n'));
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 10 }), fc.array(fc.nat(), { maxLength: 8 }), (lines, at) => {
      const expected = lines.at(-1) === '' ? lines.slice(0, -1) : lines;
      expect(split(cut(Buffer.from(lines.join('\n')), at), 1_000)).toEqual(expected);
    }),
  );
});

describe('a line over the limit', () => {
  const long = 'x'.repeat(200);
  const cases: [string, string, RequestId | null][] = [
    ['an id at the beginning', `{"jsonrpc":"2.0","id":7,"method":"${long}"}`, 7],
    [
      'an id at the end, as the SDK writes it',
      `{"method":"m","params":{"id":3,"a":"${long}"},"jsonrpc":"2.0","id":12}`,
      12,
    ],
    ['an id of text with escapes', `{ "id" : "a\\"}{,:\\\\" , "params":["${long}"]}`, 'a"}{,:\\'],
    ['an id only deeper down', `{"params":{"id":3,"x":"${long}"}}`, null],
    ['"id" as a value', `{"method":"id","x":"\\"id\\":5,${long}"}`, null],
    ['no JSON at all', long, null],
    ['an id that is none', `{"id":{"a":1},"x":"${long}"}`, null],
    ['an id that is too long', `{"id":"${long}${long}"}`, null],
  ];

  it.each(cases)('with %s gives it, and the next line is served', (_title, line, id) => {
    expect(split([Buffer.from(`${line}\nnext`)])).toEqual([{ oversized: id }, 'next']);
  });

  it('gives the same id however it is cut', () => {
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.array(fc.nat(), { maxLength: 6 }), ([, line, id], at) => {
        expect(split(cut(Buffer.from(`a\n${line}\nb`), at))).toEqual(['a', { oversized: id }, 'b']);
      }),
    );
  });

  it('is one by the last byte', () => {
    expect(split([Buffer.from(`${'y'.repeat(100)}\n`)])).toEqual(['y'.repeat(100)]);
    expect(split([Buffer.from(`${'y'.repeat(101)}\n`)])).toEqual([{ oversized: null }]);
  });
});
