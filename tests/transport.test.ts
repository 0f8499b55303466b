/** The transport alone, on streams of the test: a client that does not read its answers is not read either. */

import { PassThrough, Writable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { LINE_LIMITS, LineTransport } from '../src/transport.js';

/** A reader that takes nothing until it is told to. */
class Unread extends Writable {
  #waiting: (() => void)[] = [];
  lines = 0;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.lines += chunk.toString().split('\n').length - 1;
    this.#waiting.push(done);
  }

  /** Reads until nothing is left. */
  async readAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      for (const done of this.#waiting.splice(0)) done();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('a client that does not read', () => {
  it('is not read either once its unread answers are over the limit, and is when it has read them', async () => {
    const input = new PassThrough();
    const output = new Unread();
    const transport = new LineTransport(input, output, { modernVersions: [], ownMessages: [] });
    await transport.start();
    const junk = Buffer.from('x\n'.repeat(20_000));
    let sent = 0;
    while (!input.isPaused() && sent < 1_000) {
      input.write(junk);
      sent++;
      await turn();
    }
    expect(output.writableLength).toBeGreaterThan(LINE_LIMITS.unreadBytes);
    // One chunk past the limit at most: each of its lines is answered with some 100 bytes.
    expect(output.writableLength).toBeLessThan(LINE_LIMITS.unreadBytes + 20_000 * 120);
    const before = output.writableLength;
    input.write(junk);
    await turn();
    expect(output.writableLength).toBe(before);
    await output.readAll();
    await turn();
    await output.readAll();
    expect(input.isPaused()).toBe(false);
    expect(output.lines).toBe((sent + 1) * 20_000);
    await transport.close();
  });

  it('gets no more than so many requests under way, also under one id', async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    const transport = new LineTransport(input, output, { modernVersions: [], ownMessages: [] });
    let delivered = 0;
    transport.onmessage = () => delivered++;
    await transport.start();
    for (let i = 0; i < LINE_LIMITS.pending + 50; i++) input.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    await turn();
    expect(delivered).toBe(LINE_LIMITS.pending);
    // Node 26 gives a chunk at a time.
    let refusals = '';
    for (let chunk = output.read(); chunk !== null; chunk = output.read()) refusals += String(chunk);
    expect(refusals.trim().split('\n')).toHaveLength(50);
    await transport.send({ jsonrpc: '2.0', id: 1, result: {} });
    input.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    await turn();
    expect(delivered).toBe(LINE_LIMITS.pending + 1);
    await transport.close();
  });
});
