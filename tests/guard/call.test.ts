/** The pipeline: the order of its steps, what it refuses, what it lets out, and what the audit log learns. */

import { setMaxListeners } from 'node:events';

import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { SecurityError } from '../../src/crypto/errors.js';
import type { PipelineOptions } from '../../src/guard/call.js';
import { secret } from '../../src/tools/fields.js';
import { catalogue } from '../../src/tools/index.js';
import { defineTool, type Tool } from '../../src/tools/tool.js';
import { answered, bench, PROBE, refused } from '../support/pipeline.js';

const CANARY = 'canary-3f9a1c-do-not-tell';

/** A tool whose run is the test's. */
function probe(
  run: (input: { note?: string | undefined }, signal: AbortSignal) => Promise<unknown>,
  changes: Partial<Tool> = {},
): Tool {
  const tool = defineTool({
    ...PROBE,
    audit: ['note'],
    input: z.strictObject({ note: z.string().max(20).optional(), password: secret('lock').optional() }),
    output: z.strictObject({ done: z.boolean() }),
    run: (input, { signal }) => run(input, signal) as Promise<{ done: boolean }>,
  });
  return { ...tool, ...changes };
}

const done = async (): Promise<unknown> => ({ done: true });

function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

describe('what goes in', () => {
  it('a tool that does not exist is told apart from a tool that refuses', async () => {
    expect(await bench().call('no_such_tool', {})).toEqual({ kind: 'unknown_tool' });
  });

  it.each([
    ['an unknown field', { [CANARY]: 1 }, 'A field was given that this tool does not have.'],
    [
      'an unknown field beside a wrong one',
      { note: 5, [CANARY]: CANARY },
      'note must be text; a field was given that this tool does not have.',
    ],
    ['a field that is too long', { note: CANARY }, 'note must be at most 20 characters.'],
    ['a list for an object', [CANARY], 'The arguments must be an object.'],
    ['text for an object', CANARY, 'The arguments must be an object.'],
    ['a number for a secret', { password: 5 }, 'password must be text, or of another form its schema names.'],
    ['a literal with company', { password: { literal: 'x', [CANARY]: 1 } }, 'password holds a name it does not have.'],
    ['half a surrogate pair', { password: '\ud800' }, 'password holds half of a surrogate pair, which has no UTF-8.'],
  ])('%s is refused by name and never echoed', async (_title, input, message) => {
    const { call, entries } = bench({ tools: [probe(done)] });
    const error = refused(await call('probe', input));
    expect(error).toMatchObject({ code: 'input_invalid' });
    expect(error.message.toLowerCase()).toBe(message.toLowerCase());
    expect(error.hint).toBe('Fields of probe: note, password.');
    expect(JSON.stringify([error, entries])).not.toContain(CANARY);
    expect(entries).toMatchObject([{ event: 'answered', outcome: 'refused', code: 'input_invalid' }]);
  });

  it('the general limit is charged before parsing, and says when to come back', async () => {
    const { call, time } = bench({ tools: [probe(done)], callsPerMinute: { light: 2, cpu: 2 } });
    await call('probe', { nonsense: true });
    await call('probe', {});
    expect(refused(await call('probe', {}))).toMatchObject({ code: 'rate_limited', retry_after_seconds: 60 });
    time.now += 60_000;
    answered(await call('probe', {}));
  });

  it('a literal is unwrapped, a reference is refused without a store, and a literal that looks like one passes as such', async () => {
    const seen: unknown[] = [];
    const tool = probe(async (input) => (seen.push(input), { done: true }));
    const { call } = bench({ tools: [tool] });
    await call('probe', { password: { literal: 'secret://x' } });
    expect(seen).toEqual([{ password: 'secret://x' }]);
    for (const reference of ['secret://db', 'env://HOME']) {
      expect(refused(await call('probe', { password: reference }))).toMatchObject({ code: 'secret_unknown' });
    }
  });
});

describe('what comes out', () => {
  it('nothing undeclared: an output beyond the schema is an internal error without content', async () => {
    const { call, failures } = bench({ tools: [probe(async () => ({ done: true, extra: CANARY }))] });
    const error = refused(await call('probe', {}));
    expect(error).toMatchObject({ code: 'internal', correlation_id: expect.any(String) as string });
    expect(failures).toHaveLength(1);
    expect(JSON.stringify([error, failures])).not.toContain(CANARY);
  });

  it('an unforeseen error becomes internal: no message, no stack, no cause (the review found that errors leaked)', async () => {
    const fault = new TypeError(`cannot read ${CANARY}\n    at ${CANARY}`, { cause: new Error(CANARY) });
    const { call, failures, entries } = bench({ tools: [probe(async () => Promise.reject(fault))] });
    const error = refused(await call('probe', { note: 'x' }));
    expect(error.message).toBe('The call failed for a reason that was not foreseen.');
    expect(failures[0]).toMatchObject({ id: error.correlation_id, tool: 'probe', cause: { type: 'TypeError' } });
    expect(JSON.stringify([error, failures, entries])).not.toContain(CANARY);
    expect(entries.at(-1)).toMatchObject({ outcome: 'failed', code: 'internal' });
  });

  it('a refusal keeps its code, message, hint and waiting time', async () => {
    const refusal = new SecurityError('rate_limited', 'Too much.', {
      hint: 'Wait.',
      retryAfterSeconds: 7,
      cause: new Error(CANARY),
    });
    const { call } = bench({ tools: [probe(async () => Promise.reject(refusal))] });
    expect(refused(await call('probe', {}))).toEqual({
      code: 'rate_limited',
      message: 'Too much.',
      hint: 'Wait.',
      retry_after_seconds: 7,
    });
  });
});

describe('the audit', () => {
  it('of a tool without effect is one entry, with the allow-listed fields of the parsed input', async () => {
    const { call, entries } = bench({ tools: [probe(done)] });
    await call('probe', { note: 'a note', password: CANARY });
    expect(entries).toEqual([
      {
        event: 'answered',
        time: '2026-06-01T12:00:00.000Z',
        boot_id: 'boot',
        call_id: 'id-1',
        tool: 'probe',
        caller: 'tests',
        outcome: 'ok',
        duration_ms: 0,
        fields: { note: 'a note' },
      },
    ]);
  });

  it('of a tool with an effect says "asked" before it runs and "answered" after', async () => {
    const order: string[] = [];
    const tool = probe(async () => (order.push('ran'), { done: true }), { effect: 'writes' });
    const { call, entries } = bench({
      tools: [tool],
      audit: { append: async (entry) => void (order.push(entry.event), entries.push(entry)) },
    });
    await call('probe', { note: 'n' });
    expect(order).toEqual(['asked', 'ran', 'answered']);
    expect(entries[0]).toMatchObject({ event: 'asked', fields: { note: 'n' }, call_id: entries[1]?.call_id });
    expect(entries[1]).not.toHaveProperty('fields');
  });

  it('a password mistyped into another field does not reach it', async () => {
    const { call, entries } = bench();
    const hash = '$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
    const mistyped = [
      { password: CANARY, hash, account: CANARY },
      { password: CANARY, hash, account: `user-${CANARY}` },
      { password: CANARY, hash, account: CANARY.slice(0, 12) },
      { password: 'x', hash, acount: CANARY },
      { password: 'x', hash: CANARY, account: 'a' },
      { password: { literal: CANARY }, hash, account: CANARY },
    ];
    for (const input of mistyped) await call('password_verify', input);
    await call('password_hash', { password: 'x', algorithm: CANARY });
    await call('digest_compute', { algorithm: 'sha256', text: 'x', key: 'k', encoding: CANARY });
    await call('jwt_sign', { key: CANARY, subject: CANARY });
    expect(entries).toHaveLength(mistyped.length + 4);
    expect(JSON.stringify(entries)).not.toContain(CANARY.slice(0, 12));
    expect(entries[0]?.fields).toEqual({ account: '[redacted]' });
  });

  it('names the key and the token of a signature', async () => {
    const { call, entries } = bench();
    const { key_id, jwt_id } = answered(await call('jwt_sign', { subject: 'alice', ttl_seconds: 60 }));
    expect(entries.map(({ event }) => event)).toEqual(['asked', 'answered']);
    expect(entries[0]?.fields).toEqual({ ttl_seconds: 60 });
    expect(entries[1]?.ids).toEqual({ key_id, jwt_id });
  });

  it.each(['asked', 'answered'])('that cannot be written (%s) means that nothing is answered', async (event) => {
    let ran = false;
    const tool = probe(async () => ((ran = true), { done: true }), { effect: 'writes' });
    const audit: PipelineOptions['audit'] = {
      append: async (entry) => (entry.event === event ? Promise.reject(new Error(CANARY)) : undefined),
    };
    const { call, failures } = bench({ tools: [tool], audit });
    const error = refused(await call('probe', {}));
    expect(error.code).toBe('audit_unavailable');
    expect(ran).toBe(event === 'answered');
    expect(JSON.stringify([error, failures])).not.toContain(CANARY);
  });
});

describe('running', () => {
  it('stops waiting when the client cancels, tells the tool, and audits it', async () => {
    const caller = new AbortController();
    const started = deferred<AbortSignal>();
    const { call, entries } = bench({
      tools: [probe((_input, signal) => (started.resolve(signal), new Promise(() => undefined)))],
    });
    const answer = call('probe', {}, { signal: caller.signal });
    const signal = await started.promise;
    caller.abort(new Error('client cancelled'));
    expect(refused(await answer).code).toBe('cancelled');
    expect(signal.aborted).toBe(true);
    expect(entries.at(-1)).toMatchObject({ outcome: 'cancelled' });
  });

  it('tells of progress until the client cancels, and not after', async () => {
    const caller = new AbortController();
    const told: number[] = [];
    const started = deferred<(done: number, total: number) => void>();
    const tool = probe(() => new Promise(() => undefined));
    const { call } = bench({
      tools: [{ ...tool, run: (_input, { progress }) => (started.resolve(progress), new Promise(() => undefined)) }],
    });
    const answer = call('probe', {}, { signal: caller.signal, progress: (done) => void told.push(done) });
    const progress = await started.promise;
    progress(1, 3);
    caller.abort(new Error('client cancelled'));
    progress(2, 3);
    await answer;
    progress(3, 3);
    expect(told).toEqual([1]);
  });

  it('gives up at the time limit of the tool', async () => {
    const { call, entries } = bench({
      tools: [probe(() => new Promise(() => undefined))],
      timeLimitSeconds: { light: 0.02, cpu: 60, network: 60, file: 60 },
    });
    expect(refused(await call('probe', {})).code).toBe('timeout');
    expect(entries.at(-1)).toMatchObject({ outcome: 'failed', code: 'timeout' });
  });

  it('CPU-heavy calls run so many at a time and in order; cheap ones are never behind them', async () => {
    const order: string[] = [];
    const gates = Array.from({ length: 5 }, () => deferred<unknown>());
    let next = 0;
    const heavy = {
      ...probe(() => (order.push(`start ${next}`), gates[next++]?.promise ?? done()), { cost: 'cpu' }),
      name: 'heavy',
    };
    const { call, pipeline } = bench({ tools: [heavy, probe(done)], cpuSlots: 2 });
    const calls = gates.map(() => call('heavy', {}));
    answered(await call('probe', {}));
    expect(order).toEqual(['start 0', 'start 1']);
    expect(pipeline.busy).toBe(true);
    for (const gate of gates) {
      gate.resolve({ done: true });
      await call('probe', {});
    }
    await Promise.all(calls);
    expect(order).toEqual(['start 0', 'start 1', 'start 2', 'start 3', 'start 4']);
    expect(pipeline.busy).toBe(false);
  });

  it('a slot stays taken until the work has really ended, also when its caller has gone', async () => {
    const work = deferred<unknown>();
    let runs = 0;
    const started = deferred<null>();
    const heavy = probe(() => (started.resolve(null), runs++ === 0 ? work.promise : done()), { cost: 'cpu' });
    const { call } = bench({ tools: [heavy], cpuSlots: 1 });
    const caller = new AbortController();
    const first = call('probe', {}, { signal: caller.signal });
    const second = call('probe', {});
    await started.promise;
    caller.abort(new Error('gone'));
    expect(refused(await first).code).toBe('cancelled');
    expect(runs).toBe(1);
    work.resolve({ done: true });
    answered(await second);
    expect(runs).toBe(2);
  });
});

describe('guessing', () => {
  const hash = '$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
  const spelt = (version: string): string => hash.replace('$2b$', `$${version}$`);

  it('at one hash is five wrong passwords a minute, however the hash is spelt', async () => {
    const { call, time } = bench();
    const left: unknown[] = [];
    for (const version of ['2a', '2b', '2y', '2b', '2a']) {
      left.push(
        answered(await call('password_verify', { password: 'wrong', hash: spelt(version) }))['attempts_remaining'],
      );
    }
    expect(left).toEqual([4, 3, 2, 1, 0]);
    const error = refused(await call('password_verify', { password: 'wrong', hash: spelt('2y') }));
    expect(error).toMatchObject({ code: 'rate_limited', retry_after_seconds: 60 });
    time.now += 60_000;
    answered(await call('password_verify', { password: 'wrong', hash }));
  });

  it('right costs nothing, also many times at once', async () => {
    const { call } = bench();
    // crypt_blowfish wrapper.c: "U*U" under this salt at cost 5.
    const good = { password: 'U*U', hash: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' };
    const results = await Promise.all(Array.from({ length: 12 }, () => call('password_verify', good)));
    for (const result of results) expect(answered(result)).toMatchObject({ valid: true });
    expect(answered(await call('password_verify', good))['attempts_remaining']).toBe(5);
  });

  it('is not charged for a call that never came to run: cancelled in the queue, it has guessed nothing', async () => {
    const work = deferred<unknown>();
    const { call } = bench({ tools: [...catalogue(), probe(() => work.promise, { cost: 'cpu' })], cpuSlots: 1 });
    const blocker = call('probe', {});
    const leaving = new AbortController();
    setMaxListeners(0, leaving.signal);
    const queued = Array.from({ length: 20 }, () =>
      call('password_verify', { password: 'wrong', hash }, { signal: leaving.signal }),
    );
    await Promise.resolve();
    leaving.abort();
    for (const result of await Promise.all(queued)) expect(refused(result).code).toBe('cancelled');
    work.resolve({ done: true });
    await blocker;
    expect(answered(await call('password_verify', { password: 'wrong', hash }))['attempts_remaining']).toBe(4);
  });

  it('a hash that is none, or costs too much, is refused by name before any work', async () => {
    const { call, entries } = bench();
    for (const bad of [
      CANARY,
      '',
      hash.replace('$04$', '$31$'),
      hash.slice(0, -1),
      '$argon2id$v=19$m=4194304,t=3,p=1$c29tZXNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA',
    ]) {
      const error = refused(await call('password_verify', { password: 'x', hash: bad }));
      expect(error.code).toBe('input_invalid');
      expect(error.message).toMatch(/^hash /);
    }
    expect(JSON.stringify(entries)).not.toContain(CANARY);
  });
});
