/**
 * The built server over stdio, given streams torn, merged and mixed with everything that is no request: it writes nothing but JSON-RPC,
 * answers each request once, and is alive afterwards.
 */

import { setImmediate as turn } from 'node:timers/promises';

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { RawServer, type Answer } from '../support/server.js';
import { CASES, fuzz, PATIENCE_MS, portion } from './cases.js';
import { parts, type Era, type Id, type Made } from './stream.js';

/** What all of it may take: a server that keeps what it was sent runs out of memory, and is not alive afterwards. */
const MAX_HEAP = '--max-old-space-size=96';

const servers: RawServer[] = [];
afterAll(() => {
  for (const server of servers) server.child.kill('SIGKILL');
});

async function start(era: Era): Promise<RawServer> {
  const server = new RawServer({ SECURITY_MCP_CALLS_PER_MINUTE: '100000/100000' }, [MAX_HEAP, 'dist/main.js']);
  servers.push(server);
  if (era === 'legacy') await server.initialize();
  return server;
}

const key = (id: unknown): string => `${typeof id} ${String(id)}`;

/** How often each id was answered; throws where a line is no JSON-RPC. */
class Reader {
  readonly counts = new Map<string, number>();
  readonly #server: RawServer;
  #woken: (() => void) | null = null;

  constructor(server: RawServer) {
    this.#server = server;
    server.child.stdout.on('data', () => this.#woken?.());
    server.child.on('close', () => this.#woken?.());
  }

  #take(): void {
    const end = this.#server.stdout.lastIndexOf('\n');
    const lines = this.#server.stdout.slice(0, end + 1);
    this.#server.stdout = this.#server.stdout.slice(end + 1);
    for (const line of lines.split('\n').slice(0, -1)) {
      const message = JSON.parse(line) as Answer & { method?: unknown };
      expect(message.jsonrpc).toBe('2.0');
      if (message.method !== undefined) {
        expect(typeof message.method).toBe('string');
        continue;
      }
      expect('result' in message).not.toBe('error' in message);
      if (message.error !== undefined) {
        expect(Number.isInteger(message.error.code)).toBe(true);
        expect(typeof message.error.message).toBe('string');
      } else expect(message.id).not.toBeNull();
      this.counts.set(key(message.id), (this.counts.get(key(message.id)) ?? 0) + 1);
    }
  }

  async until(holds: (counts: ReadonlyMap<string, number>) => boolean): Promise<void> {
    for (;;) {
      this.#take();
      if (holds(this.counts)) return;
      if (this.#server.child.exitCode !== null || this.#server.child.signalCode !== null)
        throw new Error(`the server has ended: ${this.#server.stderr.slice(-2_000)}`);
      await new Promise<void>((resolve) => (this.#woken = resolve));
    }
  }
}

interface Script {
  made: Made[];
  cuts: number[];
}

const script = (era: Era): fc.Arbitrary<Script> =>
  fc.record({
    made: fc.array(parts(era), { minLength: 1, maxLength: 8 }),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
  });

/** Writes the bytes in pieces, which reach the server apart or together as the pipe will have it. */
async function writeTorn(server: RawServer, bytes: Buffer, cuts: readonly number[]): Promise<void> {
  const places = [...cuts.map((share) => Math.floor(share * bytes.length)), bytes.length].sort((a, b) => a - b);
  let from = 0;
  for (const place of places) {
    server.write(bytes.subarray(from, place));
    from = place;
    await turn();
  }
}

describe.each(['legacy', 'modern'] as const)('in the %s era', (era) => {
  it(
    'every line is JSON-RPC, every request is answered once, and the server lives',
    async () => {
      const server = await start(era);
      const reader = new Reader(server);
      const late = new Set<string>();
      const answered = new Set<number>();
      // Far from the numbers that changed lines come to by chance.
      let n = 1_000_003_000;
      await fuzz(`stream, ${era}`, portion(CASES.stream, 1, 2), script(era), async ({ made, cuts }) => {
        const wanted: [Id, number | null][] = [];
        const all: Buffer[] = [];
        for (const make of made) {
          const part = make((n += 2));
          all.push(part.bytes);
          wanted.push(...part.answers);
        }
        // The last of all is a request that any server answers.
        const last = `last-${(n += 2)}`;
        all.push(Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', id: last, method: 'no/such', params: {} })}\n`));
        wanted.push([last, 1]);
        await writeTorn(server, Buffer.concat(all), cuts);
        await reader.until((counts) => wanted.every(([id, times]) => (counts.get(key(id)) ?? 0) >= (times ?? 0)));
        for (const [id, times] of wanted) {
          const count = reader.counts.get(key(id)) ?? 0;
          if (times === null) expect(count, key(id)).toBeLessThanOrEqual(1);
          else expect(count, key(id)).toBe(times);
          reader.counts.delete(key(id));
          // What is cancelled may be answered, late: once.
          if (times === null && count === 0) late.add(key(id));
          else if (typeof id === 'number') answered.add(id);
        }
        // Changed lines are answered under whatever id they have come to, but none that was answered before.
        for (const [id, count] of reader.counts) {
          if (late.delete(id)) expect(count, id).toBe(1);
          else if (id.startsWith('number ')) expect(answered, id).not.toContain(Number(id.slice(7)));
        }
        reader.counts.clear();
      });
      expect(server.stderr).not.toMatch(/uncaught|unhandled|heap/i);
      expect(await server.end()).toEqual({ code: 0, signal: null });
    },
    PATIENCE_MS,
  );
});

it.each([
  ['within a line', Buffer.from('{"jsonrpc":"2.0","id":1,"meth')],
  ['within a character', Buffer.from('{"jsonrpc":"2.0","id":"é', 'utf8').subarray(0, -1)],
  ['within a line that is too long', Buffer.alloc(5 * 1_048_576, 'x')],
  ['after a carriage return', Buffer.from('{"jsonrpc":"2.0","id":1,"method":"x"}\r')],
])('a stream that ends %s ends the server as any other', async (_where, bytes) => {
  const server = await start('legacy');
  server.write(bytes);
  expect(await server.end()).toEqual({ code: 0, signal: null });
  for (const answer of server.answers) expect(answer.jsonrpc).toBe('2.0');
});
