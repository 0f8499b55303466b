/** The edges of the pipeline: charges that fail half-way, an audit that fails with a reason, what waits and what is under way. */

import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { SecurityError } from '../../src/crypto/errors.js';
import type { PipelineOptions } from '../../src/guard/call.js';
import type { GuessCharge } from '../../src/guard/limits.js';
import type { Meter } from '../../src/guard/meter.js';
import { secret } from '../../src/tools/fields.js';
import { defineTool, type Tool, type ToolContext } from '../../src/tools/tool.js';
import { answered, bench, PROBE, refused } from '../support/pipeline.js';

const CANARY = 'canary-91b2-do-not-tell';

function probe(run: (context: ToolContext) => Promise<unknown>, changes: Partial<Tool> = {}): Tool {
  const tool = defineTool({
    ...PROBE,
    audit: [],
    input: z.strictObject({ password: secret('lock').optional() }),
    output: z.strictObject({ valid: z.boolean() }),
    run: (_input, context) => run(context) as Promise<{ valid: boolean }>,
  });
  return { ...tool, ...changes };
}

const valid = async (): Promise<unknown> => ({ valid: true });
const guess = (succeeded: boolean): NonNullable<Tool['guess']> => ({
  subject: () => Buffer.from('subject'),
  succeeded: () => succeeded,
});

/** A limit that notes what is done with its charges, by the order of the charges. */
function guesses(changes: (index: number) => Partial<GuessCharge> | SecurityError = () => ({})) {
  const done: string[] = [];
  let index = 0;
  const limit: PipelineOptions['guesses'] = {
    charge: async (subject) => {
      const own = index++;
      const change = changes(own);
      if (change instanceof SecurityError) throw change;
      done.push(`charge ${own} ${Buffer.from(subject, 'hex').toString().slice(0, 7)}`);
      return {
        remaining: 4 - own,
        refund: async () => void done.push(`refund ${own}`),
        keep: async () => void done.push(`keep ${own}`),
        ...change,
      };
    },
  };
  return { done, limit };
}

const limited = (): SecurityError =>
  new SecurityError('rate_limited', 'Too many.', { hint: 'Wait.', retryAfterSeconds: 9 });

describe('the input', () => {
  it('that is not given is an object without fields', async () => {
    expect(answered(await bench({ tools: [probe(valid)] }).call('probe', undefined))).toEqual({ valid: true });
  });

  it('with the one name that the parser passes over is refused as unknown', async () => {
    const input = JSON.parse('{"__proto__": {"password": "x"}}') as unknown;
    expect(refused(await bench({ tools: [probe(valid)] }).call('probe', input))).toMatchObject({
      code: 'input_invalid',
      message: 'A field was given that this tool does not have.',
    });
  });
});

describe('a guess', () => {
  it('is kept after a failure, given back after a success, and told to the tool', async () => {
    for (const succeeded of [true, false]) {
      const { done, limit } = guesses();
      let told: number | undefined;
      const tool = probe(async ({ attemptsRemaining }) => ((told = attemptsRemaining), { valid: succeeded }), {
        guess: guess(succeeded),
      });
      answered(await bench({ tools: [tool], guesses: limit }).call('probe', {}));
      expect(done).toEqual(['charge 0 subject', succeeded ? 'refund 0' : 'keep 0']);
      expect(told).toBe(4);
    }
  });

  it('with a password by reference counts against both, and the fewer attempts are told', async () => {
    const { done, limit } = guesses();
    let told: number | undefined;
    const tool = probe(async ({ attemptsRemaining }) => ((told = attemptsRemaining), { valid: false }), {
      guess: guess(false),
    });
    const { call } = bench({ tools: [tool], guesses: limit, exposedEnvironment: new Map([['PASS', 'word']]) });
    answered(await call('probe', { password: 'env://PASS' }));
    expect(done).toEqual(['charge 0 subject', 'charge 1 secret ', 'keep 0', 'keep 1']);
    expect(told).toBe(3);
  });

  it('that one of the two limits refuses was none at the other, and gives its slot back', async () => {
    const { done, limit } = guesses((index) => (index === 1 ? limited() : {}));
    const notes: string[] = [];
    const meter: Meter = {
      ended: (_tool, outcome, code) => void notes.push(`${outcome} ${code}`),
      limited: (tool, kind) => void notes.push(`${tool} ${kind}`),
      unknown: () => void notes.push('unknown'),
    };
    let ran = false;
    const tool = probe(async () => ((ran = true), { valid: true }), { guess: guess(true), cost: 'cpu' });
    const { call, pipeline } = bench({
      tools: [tool],
      guesses: limit,
      meter,
      exposedEnvironment: new Map([['PASS', 'word']]),
    });
    expect(refused(await call('probe', { password: 'env://PASS' }))).toMatchObject({
      code: 'rate_limited',
      retry_after_seconds: 9,
    });
    expect(done).toEqual(['charge 0 subject', 'refund 0']);
    expect(ran).toBe(false);
    expect(pipeline.queues.cpu).toEqual({ running: 0, waiting: 0 });
    await call('no_such_tool', {});
    expect(notes).toEqual(['probe guesses', 'refused rate_limited', 'unknown']);
  });

  it('whose first charge cannot be given back is refused by the same name', async () => {
    const { limit } = guesses((index) =>
      index === 1 ? limited() : { refund: () => Promise.reject(new Error(CANARY)) },
    );
    const { call } = bench({
      tools: [probe(valid, { guess: guess(true) })],
      guesses: limit,
      exposedEnvironment: new Map([['PASS', 'word']]),
    });
    expect(refused(await call('probe', { password: 'env://PASS' })).code).toBe('rate_limited');
  });

  it('that cannot be settled is reported, and the answer given', async () => {
    const { limit } = guesses(() => ({ refund: () => Promise.reject(new TypeError(CANARY)) }));
    const { call, failures } = bench({ tools: [probe(valid, { guess: guess(true) })], guesses: limit });
    expect(answered(await call('probe', {}))).toEqual({ valid: true });
    expect(failures).toMatchObject([{ tool: 'probe', cause: { type: 'TypeError' } }]);
    expect(JSON.stringify(failures)).not.toContain(CANARY);
  });
});

describe('the audit', () => {
  it('that fails with a reason of ours passes it on, with its hint and waiting time', async () => {
    const why = new SecurityError('storage_unavailable', 'The disk is full.', {
      hint: 'Free some.',
      retryAfterSeconds: 3,
    });
    const { call } = bench({ tools: [probe(valid)], audit: { append: () => Promise.reject(why) } });
    expect(refused(await call('probe', {}))).toEqual({
      code: 'audit_unavailable',
      message: 'The audit cannot be written, so nothing is answered. The disk is full.',
      hint: 'Free some.',
      retry_after_seconds: 3,
    });
  });

  it('rounds durations to a tenth of a millisecond', async () => {
    const { call, entries, time } = bench({ tools: [probe(async () => ((time.now += 12.345), { valid: true }))] });
    await call('probe', {});
    expect(entries).toMatchObject([{ outcome: 'ok', duration_ms: 12.3 }]);
    expect(entries[0]).not.toHaveProperty('code');
    expect(entries[0]).not.toHaveProperty('ids');
    expect(entries[0]).not.toHaveProperty('fields');
  });
});

describe('a run', () => {
  it('is told how to reach the human only where the client can be', async () => {
    const seen: boolean[] = [];
    const tool = probe(async (context) => (seen.push('elicit' in context), { valid: true }));
    const { call } = bench({ tools: [tool] });
    await call('probe', {});
    await call('probe', {}, { elicit: async () => 'accepted' });
    expect(seen).toEqual([false, true]);
  });

  it('that waits for a human is outside the time limit while it does', async () => {
    const tool = probe(async ({ untimed }) => untimed(async () => ({ valid: true })));
    expect(answered(await bench({ tools: [tool] }).call('probe', {}))).toEqual({ valid: true });
  });

  it('whose caller has gone before it begins is cancelled', async () => {
    const caller = new AbortController();
    caller.abort(new Error('gone'));
    const { call, entries } = bench({ tools: [probe(valid)] });
    expect(refused(await call('probe', {}, { signal: caller.signal })).code).toBe('cancelled');
    expect(entries).toMatchObject([{ outcome: 'cancelled', code: 'cancelled' }]);
  });

  it('is waited for by who closes the server, and so is one that waits for a slot', async () => {
    let finish = (): void => undefined;
    let runs = 0;
    const gate = new Promise<void>((resolve) => (finish = resolve));
    const tool = probe(async () => (runs++, await gate, { valid: true }), { cost: 'cpu' });
    const { call, pipeline } = bench({ tools: [tool], cpuSlots: 1 });
    let settled = false;
    const calls = [call('probe', {}), call('probe', {})];
    // Only when the first of them runs does the other wait.
    while (pipeline.queues.cpu.waiting === 0) await Promise.resolve();
    expect(pipeline.queues).toEqual({
      cpu: { running: 1, waiting: 1 },
      network: { running: 0, waiting: 0 },
      file: { running: 0, waiting: 0 },
    });
    const end = pipeline.settled().then(() => (settled = true));
    await Promise.resolve();
    expect(settled).toBe(false);
    finish();
    await end;
    expect(runs).toBe(2);
    expect(pipeline.queues.cpu).toEqual({ running: 0, waiting: 0 });
    for (const one of calls) answered(await one);
  });
});
