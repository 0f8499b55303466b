/** Bodies that share one amount of memory: none waits for another that waits itself, and one that hangs holds up its own bytes only. */

import { expect, it } from 'vitest';

import { Body, BodyBudget } from '../../src/network/body-budget.js';

const BLOCK = 65_536;
const never = new AbortController().signal;
const filled = (value: number, blocks: number): Uint8Array => new Uint8Array(blocks * BLOCK).fill(value);

it('gives back what came in, whatever the sizes of its pieces', async () => {
  const budget = new BodyBudget(4);
  const whole = Uint8Array.from({ length: 3 * BLOCK + 17 }, (_, i) => (i * 7) % 251);
  for (const size of [whole.length, BLOCK, BLOCK + 1, 4_099]) {
    const body = new Body(budget);
    for (let at = 0; at < whole.length; at += size) await body.append(whole.slice(at, at + size), never);
    const { bytes, release } = body.finish();
    expect(Buffer.compare(bytes, whole)).toBe(0);
    release();
    expect(bytes.length).toBe(0);
  }
  expect(new Body(budget).finish().bytes.length).toBe(0);
});

it('bodies that are half there when all is lent come to their end one after the other', async () => {
  const budget = new BodyBudget(6);
  const bodies = Array.from({ length: 5 }, () => new Body(budget));
  const lengths = await Promise.all(
    bodies.map(async (body, i) => {
      for (let piece = 0; piece < 6; piece += 1) {
        await body.append(filled(i, 1), never);
        await Promise.resolve();
      }
      const { bytes } = body.finish();
      expect(bytes.every((byte) => byte === i)).toBe(true);
      return bytes.length;
    }),
  );
  expect(lengths).toEqual(bodies.map(() => 6 * BLOCK));
});

it('a body that hangs leaves the rest to the others, and one that is cut off gives its bytes back', async () => {
  const budget = new BodyBudget(4);
  const hanging = new Body(budget);
  await hanging.append(filled(1, 3), never);
  const other = new Body(budget);
  await other.append(filled(2, 8), never);
  expect(other.finish().bytes.length).toBe(8 * BLOCK);

  const first = new Body(budget);
  await first.append(filled(3, 2), never);
  const controller = new AbortController();
  const second = new Body(budget);
  const waiting = second.append(filled(4, 1), controller.signal);
  controller.abort(new Error('over'));
  await expect(waiting).rejects.toThrow('over');
  second.drop();
  hanging.drop();
  const third = new Body(budget);
  await third.append(filled(5, 2), never);
  expect(third.finish().bytes.length).toBe(2 * BLOCK);
});
