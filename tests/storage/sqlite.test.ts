/** The facade over libsql: whatever JavaScript value is bound comes back as it was or is refused; the process never aborts. */

import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { SqliteFacade } from '../../src/storage/sqlite.js';
import { ValueError } from '../../src/storage/values.js';
import { base } from '../support/home.js';

const facade = new SqliteFacade(join(base, 'facade.db'));
afterAll(() => facade.close());

/** The value as it comes back, or the error. */
function bind(value: unknown): unknown {
  try {
    return (facade.prepare('select ? as value').all([value]) as { value: unknown }[])[0]?.value;
  } catch (error) {
    return error;
  }
}

const storable = fc.oneof(
  fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0') && text.isWellFormed()),
  fc.maxSafeInteger(),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .filter((number) => !Object.is(number, -0) && Number.isSafeInteger(Math.trunc(number))),
  fc.uint8Array(),
  fc.constant(null),
);

describe('the facade', () => {
  it('gives back what can be stored, exactly', () => {
    fc.assert(
      fc.property(storable, (value) => {
        const back = bind(value);
        expect(value instanceof Uint8Array ? new Uint8Array(back as Uint8Array) : back).toEqual(value);
      }),
      { numRuns: 1_000 },
    );
  });

  it('refuses every other value there is, or gives it back', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true,
      withBoxedValues: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        const back = bind(value);
        if (back instanceof ValueError) return;
        expect(back instanceof Uint8Array ? new Uint8Array(back) : back).toEqual(Object.is(value, -0) ? 0 : value);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['true, which aborts the process', true],
    ['undefined, which becomes null', undefined],
    ['text with NUL, which is cut', 'a\0b'],
    ['a lone surrogate, which is replaced', '\ud800'],
    ['a number that rounds', 2 ** 53],
    ['a number that is none', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a bigint', 1n],
    ['a list, which is spread', ['a']],
    ['an object, whose fields are bound', { a: 1 }],
    ['a date', new Date(0)],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a proxy of bytes', new Proxy(new Uint8Array(2), {})],
  ])('refuses %s', (_name, value) => {
    expect(bind(value)).toBeInstanceOf(TypeError);
  });

  it('binds whole numbers as integers, and reads those that JavaScript has no number for as a fault', () => {
    const types = facade.prepare('select typeof(?) as a, typeof(?) as b').all([3, 1.5]);
    expect(types).toEqual([{ a: 'integer', b: 'real' }]);
    expect(() => facade.prepare('select 9007199254740993 as a').all([])).toThrow(ValueError);
  });

  it('copies bytes, also from memory that is shared', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(3)).fill(7);
    expect(bind(shared)).toEqual(Buffer.of(7, 7, 7));
    expect(bind(Buffer.from('abcd').subarray(1, 3))).toEqual(Buffer.from('bc'));
  });

  it('takes one statement, with as many values as it has places, and none by name', () => {
    expect(() => facade.prepare('select ? as a').all([])).toThrow(ValueError);
    expect(() => facade.prepare('select ? as a').all([1, 2])).toThrow(ValueError);
    expect(() => facade.prepare('select 1; select 2')).toThrow(ValueError);
    expect(() => facade.prepare('select :a')).toThrow(ValueError);
    expect(() => facade.prepare('select ?2')).toThrow(ValueError);
    expect(() => facade.prepare('select ? as a').iterate([1])).toThrow(ValueError);
    expect(facade.prepare(`select '?;x' as a, ? as "b?" -- ?\n;`).all([1])).toEqual([{ a: '?;x', 'b?': 1 }]);
  });
});
