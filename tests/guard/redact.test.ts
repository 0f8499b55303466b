/** What is said of refused input, of causes and of audited fields: the names that the tool declares and the problem, never a value. */

import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { auditedFields, describeCause, explainIssues, type Issue } from '../../src/guard/redact.js';
import { secret } from '../../src/tools/fields.js';
import { defineTool } from '../../src/tools/tool.js';
import { PROBE } from '../support/pipeline.js';

const CANARY = 'canary-4711';

const tool = defineTool({
  ...PROBE,
  audit: ['label', 'count', 'flag', 'items'],
  input: z.strictObject({
    label: z.string().min(2).max(5).optional(),
    count: z.int().min(1).max(9).optional(),
    flag: z.boolean().optional(),
    choice: z.enum(['left', 'right']).optional(),
    items: z.array(z.string().max(3)).min(1).max(2).optional(),
    shape: z.strictObject({ side: z.number() }).optional(),
    map: z.record(z.string(), z.string()).optional(),
    when: z.iso.datetime().optional(),
    pattern: z
      .string()
      .regex(/^[a-z]+$/, 'must be lower-case letters')
      .optional(),
    code: z
      .string()
      .max(3)
      .regex(/^[a-z]+$/, 'must be lower-case letters')
      .optional(),
    either: z.union([z.string().max(3), z.strictObject({ literal: z.string() })]).optional(),
    needed: z.string(),
    password: secret('lock').optional(),
    fernet_key: secret('lock').optional(),
    even: z
      .number()
      .refine((value) => value % 2 === 0, 'must be even')
      .optional(),
    date: z.date().optional(),
    link: z.url().optional(),
  }),
  output: z.strictObject({}),
  run: async () => ({}),
});

function explained(input: unknown): string {
  const parsed = tool.input.safeParse(input);
  if (parsed.success) throw new Error('was accepted');
  const { message, hint } = explainIssues(parsed.error.issues as unknown as Issue[], tool, input);
  expect(hint).toBe(`Fields of probe: ${tool.fields.join(', ')}.`);
  expect(message).not.toContain(CANARY);
  return message;
}

describe('refused input', () => {
  const needed = 'x';
  it.each<[unknown, string]>([
    [{}, 'needed is missing: it must be text.'],
    [{ needed: 1 }, 'needed must be text.'],
    [{ needed, label: 'a' }, 'label must be at least 2 characters.'],
    [{ needed, label: CANARY }, 'label must be at most 5 characters.'],
    [{ needed, count: CANARY }, 'count must be a number.'],
    [{ needed, count: 1.5 }, 'count must be a whole number.'],
    [{ needed, count: 0 }, 'count must be at least 1.'],
    [{ needed, count: 10 }, 'count must be at most 9.'],
    [{ needed, flag: CANARY }, 'flag must be true or false.'],
    [{ needed, choice: CANARY }, 'choice must be one of left, right.'],
    [{ needed, items: CANARY }, 'items must be a list.'],
    [{ needed, items: [] }, 'items must be at least 1 entries.'],
    [{ needed, items: ['a', 'b', 'c'] }, 'items must be at most 2 entries.'],
    [{ needed, items: ['a', CANARY] }, 'items[1] must be at most 3 characters.'],
    [{ needed, shape: CANARY }, 'shape must be an object.'],
    [{ needed, shape: { side: 1, [CANARY]: 2 } }, 'shape holds a name it does not have.'],
    [{ needed, shape: {} }, 'shape must be a number.'],
    [{ needed, map: CANARY }, 'map must be an object.'],
    [{ needed, when: CANARY }, 'when must be a time in RFC 3339, such as 2026-01-31T12:00:00Z.'],
    [{ needed, pattern: CANARY }, 'pattern must be lower-case letters.'],
    [{ needed, code: 'ABCD' }, 'code must be at most 3 characters; code must be lower-case letters.'],
    [{ needed, either: CANARY }, 'either must be at most 3 characters.'],
    [{ needed, either: 1 }, 'either must be text, or of another form its schema names.'],
    [{ needed, either: { literal: 1 } }, 'either must be text.'],
    [{ needed, even: 3 }, 'even must be even.'],
    [{ needed, date: CANARY }, 'date must be of another type.'],
    [{ needed, [CANARY]: 1 }, 'A field was given that this tool does not have.'],
    [{ needed, arguments: { needed } }, 'The arguments must be one object with the fields of this tool.'],
    [
      { needed, label: 'a', [CANARY]: 1 },
      'label must be at least 2 characters; a field was given that this tool does not have.',
    ],
    ['text', 'The arguments must be an object.'],
    [[CANARY], 'The arguments must be an object.'],
    [null, 'The arguments must be an object.'],
    [
      { label: 'a', count: 0, flag: 1, choice: 1 },
      'label must be at least 2 characters; count must be at least 1; flag must be true or false.',
    ],
  ])('%j: %s', (input, message) => {
    expect(explained(input)).toBe(message);
  });

  it('a field of a union that is missing is said to be text', () => {
    const issue: Issue = { code: 'invalid_union', path: ['password'], message: '', errors: [] };
    expect(explainIssues([issue], tool, {}).message).toBe('password is missing: it must be text.');
    expect(explainIssues([issue], tool, null).message).toBe('password is missing: it must be text.');
    expect(explainIssues([{ ...issue, errors: undefined }], tool, { password: 1 }).message).toBe(
      'password must be text, or of another form its schema names.',
    );
  });

  it('a field of another type that is missing is said to be of it', () => {
    const issue: Issue = { code: 'invalid_type', path: ['flag'], message: '', expected: 'boolean' };
    expect(explainIssues([issue], tool, {}).message).toBe('flag is missing: it must be true or false.');
  });

  it('a union is refused for what is wrong in the form that was meant', () => {
    const wrongType: Issue = { code: 'invalid_type', path: [], message: '', expected: 'string' };
    const tooBig: Issue = { code: 'too_big', path: [], message: '', maximum: 3, origin: 'string' };
    const within: Issue = { ...wrongType, path: ['literal'] };
    const told = (...errors: Issue[][]): string =>
      explainIssues([{ code: 'invalid_union', path: ['either'], message: '', errors }], tool, { either: 1 }).message;
    expect(told([wrongType], [tooBig])).toBe('either must be at most 3 characters.');
    expect(told([wrongType, tooBig], [within])).toBe('either must be text.');
    expect(told([wrongType, tooBig])).toBe('either must be text, or of another form its schema names.');
  });

  it('a problem of a kind that is not known is told without its text', () => {
    const issue: Issue = { code: 'not_multiple_of', path: ['count'], message: CANARY };
    expect(explainIssues([issue], tool, { count: 1 }).message).toBe('count has a value that is not accepted.');
  });

  it('a path that names no field of the tool is not repeated', () => {
    const issue: Issue = { code: 'invalid_type', path: [CANARY], message: CANARY, expected: 'string' };
    expect(explainIssues([issue], tool, { [CANARY]: 1 }).message).toBe('The arguments must be text.');
  });
});

describe('a cause', () => {
  it('is told by class, code and frames, without its message, and with its own cause', () => {
    const cause = Object.assign(new TypeError(CANARY), { code: 'ERR_X' });
    const error = Object.assign(new RangeError(`${CANARY}\n    at ${CANARY}`, { cause }), { code: `no ${CANARY}` });
    const told = describeCause(error);
    expect(JSON.stringify(told)).not.toContain(CANARY);
    expect(told).toMatchObject({ type: 'RangeError', cause: { type: 'TypeError', code: 'ERR_X' } });
    expect(told).not.toHaveProperty('code');
    const frames = told['frames'] as string[];
    expect(frames.length).toBeGreaterThan(0);
    expect(frames.length).toBeLessThanOrEqual(12);
    for (const frame of frames) expect(frame).toMatch(/^at /);
  });

  it.each([
    ['E_OK', 'E_OK'],
    ['A'.repeat(64), 'A'.repeat(64)],
    ['A'.repeat(65), undefined],
    ['lower', undefined],
    ['', undefined],
    [7, undefined],
  ])('with the code %j is told with %j', (code, told) => {
    expect(describeCause(Object.assign(new Error('x'), { code }))['code']).toBe(told);
  });

  it('without a stack has no frames, and what is no error is told by its type alone', () => {
    const error = new Error('x');
    delete (error as { stack?: string }).stack;
    expect(describeCause(error)).toEqual({ type: 'Error', frames: [] });
    expect(describeCause(CANARY)).toEqual({ type: 'string' });
  });

  it('has at most twelve frames, and none that is longer than 300 characters', () => {
    const error = new Error('x');
    error.stack = ['Error: x', ...Array.from({ length: 20 }, (_, i) => `    at f${i} (a.js:1:1)`)].join('\n');
    expect(describeCause(error)['frames']).toEqual(Array.from({ length: 12 }, (_, i) => `at f${i} (a.js:1:1)`));
    error.stack = `Error: x\n    at ${'y'.repeat(300)}\n    at ${'z'.repeat(301)}\n  at two\n     at five\nxx    at z`;
    expect(describeCause(error)['frames']).toEqual([`at ${'y'.repeat(300)}`]);
  });
});

describe('audited fields', () => {
  it('are the listed ones, and of those what is text, a number or true or false', () => {
    expect(auditedFields({ label: 'abc', count: 3, flag: false, items: ['a'], needed: CANARY }, tool)).toEqual({
      label: 'abc',
      count: 3,
      flag: false,
    });
  });

  it.each([
    ['the secret itself', 'Secret', 'sEcReT', '[redacted]'],
    ['the secret within it', 'secret', 'my secret!', '[redacted]'],
    ['four characters of the secret', 'the secret', 'secr', '[redacted]'],
    ['three characters of the secret', 'the secret', 'sec', 'sec'],
    ['something else', 'the secret', 'other', 'other'],
    ['anything beside an empty secret', '', 'other', 'other'],
  ])('that repeat %s', (_what, password, label, told) => {
    expect(auditedFields({ label, password }, tool)).toEqual({ label: told });
    expect(auditedFields({ label, fernet_key: { literal: password } }, tool)).toEqual({ label: told });
  });

  it('beside a secret of no known form are kept', () => {
    expect(auditedFields({ label: 'null', password: null, fernet_key: { other: 'null' } }, tool)).toEqual({
      label: 'null',
    });
  });
});
