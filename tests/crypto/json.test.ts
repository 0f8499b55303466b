/** JSON from outside: bounded in bytes and depth before anything parses it, and no depth makes the checks themselves fall over. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isDeeperThan, isJsonObject, parseBoundedJson } from '../../src/crypto/json.js';

const roomy = { maxBytes: 1_000_000, maxDepth: 64 };

const arrays = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const objects = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);

describe('the depth', () => {
  it.each([
    ['arrays', arrays],
    ['objects', objects],
  ])('of %s may be the limit and no more', (_name, nest) => {
    expect(parseBoundedJson(nest(64), roomy)).toBeDefined();
    expect(parseBoundedJson(nest(65), roomy)).toBeUndefined();
  });

  it.each([
    ['closed arrays', arrays(20_000)],
    ['closed objects', objects(20_000)],
    ['arrays that never close', '['.repeat(20_000)],
    ['arrays and objects in turn', '[{"a":'.repeat(10_000)],
    ['arrays after closing brackets that would count the depth down', ']'.repeat(20_000) + '['.repeat(20_000)],
  ])('of 20,000 in %s is refused without an exception', (_name, text) => {
    expect(parseBoundedJson(text, roomy)).toBeUndefined();
  });

  it('is that of the deepest place, not the number of brackets', () => {
    expect(parseBoundedJson(`[${'[],'.repeat(5_000)}{}]`, roomy)).toHaveLength(5_001);
  });

  it('does not count brackets in strings, nor ends a string at an escaped quote', () => {
    const value = { text: `\\"${'['.repeat(200)}\\\\"`, more: `${'{'.repeat(200)}"` };
    expect(parseBoundedJson(JSON.stringify(value), { ...roomy, maxDepth: 1 })).toEqual(value);
    expect(parseBoundedJson('{"a":"\\\\","b":[[]]}', { ...roomy, maxDepth: 2 })).toBeUndefined();
  });

  it('of zero lets only scalars through', () => {
    expect(parseBoundedJson('"text"', { ...roomy, maxDepth: 0 })).toBe('text');
    expect(parseBoundedJson('[]', { ...roomy, maxDepth: 0 })).toBeUndefined();
  });

  it('counted on the text is the depth walked on the value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(7), (value, maxDepth) => {
        const parsed = parseBoundedJson(JSON.stringify(value), { ...roomy, maxDepth });
        expect(parsed === undefined).toBe(isDeeperThan(value, maxDepth));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the size', () => {
  it('counts bytes of UTF-8, not characters', () => {
    const text = JSON.stringify('é'.repeat(10));
    expect(text).toHaveLength(12);
    expect(parseBoundedJson(text, { ...roomy, maxBytes: 22 })).toBe('é'.repeat(10));
    expect(parseBoundedJson(text, { ...roomy, maxBytes: 21 })).toBeUndefined();
  });

  it('may be the limit and no more', () => {
    expect(parseBoundedJson('"abc"', { ...roomy, maxBytes: 5 })).toBe('abc');
    expect(parseBoundedJson('"abc"', { ...roomy, maxBytes: 4 })).toBeUndefined();
  });
});

describe('what is not JSON is undefined', () => {
  it.each([
    '',
    ' ',
    '{',
    '}',
    '[1,]',
    "{'a':1}",
    '{"a":1}}',
    '{"a":1} x',
    'undefined',
    'NaN',
    '"unended',
    '01',
    '\uFEFF{}',
  ])('%j', (text) => {
    expect(parseBoundedJson(text, roomy)).toBeUndefined();
  });

  it('while null is JSON', () => {
    expect(parseBoundedJson('null', roomy)).toBeNull();
  });

  it('and a member called __proto__ is a member, not a prototype', () => {
    const parsed = parseBoundedJson('{"__proto__":{"admin":true}}', roomy) as Record<string, unknown>;
    expect(Object.hasOwn(parsed, '__proto__')).toBe(true);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect(parsed['admin']).toBeUndefined();
  });
});

describe('whatever JSON.stringify writes', () => {
  it('comes back as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseBoundedJson(text, roomy)).toEqual(JSON.parse(text) as unknown);
      }),
    );
  });
});

describe('an object', () => {
  it.each([
    [{}, true],
    [{ a: 1 }, true],
    [Object.create(null), true],
    [[], false],
    [null, false],
    [undefined, false],
    ['{}', false],
    [1, false],
  ])('is told from other JSON: %j is %s', (value: unknown, expected) => {
    expect(isJsonObject(value)).toBe(expected);
  });
});

describe('a value already parsed', () => {
  it('of 20,000 levels is walked without recursion', () => {
    let value: unknown = 1;
    for (let i = 0; i < 20_000; i++) value = i % 2 === 0 ? [value] : { a: value };
    expect(isDeeperThan(value, 16)).toBe(true);
    expect(isDeeperThan(value, 19_999)).toBe(true);
    expect(isDeeperThan(value, 20_000)).toBe(false);
  });

  it('that is a scalar has no depth', () => {
    for (const scalar of [1, 'a', true, null]) expect(isDeeperThan(scalar, 0)).toBe(false);
  });
});
