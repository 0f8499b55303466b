/** The thread pool: threads are used again, jobs wait in order, and an abort frees the processor. */

import { afterEach, describe, expect, it } from 'vitest';

import { ThreadPool } from '../../src/workers/pool.js';
import { never, threadScript } from '../support/engines.js';

const pools: ThreadPool[] = [];
function pool(size: number): ThreadPool {
  const made = new ThreadPool(threadScript, size);
  pools.push(made);
  return made;
}
afterEach(async () => {
  for (const made of pools.splice(0)) await made.close();
});

const salt = Buffer.alloc(16, 7);
const job = (cost: number): { password: string; salt: Uint8Array; cost: number } => ({ password: 'x', salt, cost });

describe('the pool', () => {
  it('uses one thread for many jobs, one after the other', async () => {
    const one = pool(1);
    const finished: number[] = [];
    await Promise.all(
      Array.from({ length: 6 }, (_, i) => one.run('bcrypt', job(4), never).then(() => finished.push(i))),
    );
    expect(finished).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await one.run('bcrypt', job(4), never)).toMatch(/^\$2b\$04\$/);
  });

  it('ends a job that is aborted, and goes on with the next', async () => {
    const one = pool(1);
    const caller = new AbortController();
    const long = one.run('bcrypt', job(20), caller.signal);
    const next = one.run('bcrypt', job(4), never);
    caller.abort(new Error('gone'));
    await expect(long).rejects.toThrow('gone');
    expect(await next).toMatch(/^\$2b\$04\$/);
  });

  it('drops a waiting job that is aborted, and refuses one that was aborted before', async () => {
    const one = pool(1);
    const caller = new AbortController();
    const first = one.run('bcrypt', job(8), never);
    const waiting = one.run('bcrypt', job(8), caller.signal);
    caller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await expect(one.run('bcrypt', job(8), caller.signal)).rejects.toThrow('gone');
    expect(await first).toMatch(/^\$2b\$08\$/);
  });

  it('says of a job that fails only that it failed', async () => {
    const broken = pool(1).run(
      'argon2',
      {
        variant: 'argon2id',
        password: 'canary',
        salt: Buffer.alloc(1),
        memoryKib: 8,
        passes: 1,
        parallelism: 1,
        lengthBytes: 32,
      },
      never,
    );
    await expect(broken).rejects.toThrow(/^worker job argon2 failed$/);
  });

  it('rejects what is under way when it is closed', async () => {
    const one = pool(1);
    const long = one.run('bcrypt', job(20), never);
    await one.close();
    await expect(long).rejects.toThrow('worker thread ended');
  });
});
