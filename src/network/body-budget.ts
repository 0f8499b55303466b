/**
 * Memory for the bodies of answers, one amount for the whole process: sixteen lists of 10 MiB that are fetched at once would
 * otherwise cost ten times that, most of it waiting for the collector. Bodies grow in blocks that are used again and again;
 * where all are taken a body waits for bytes that others hold, not for their turn.
 */

const BLOCK_BYTES = 65_536;
/** 8 MiB for all bodies but one, which may grow to its limit. */
const MAX_BLOCKS = 128;

export class BodyBudget {
  readonly #maxBlocks: number;
  readonly #idle: Uint8Array[] = [];
  /** Lent to bodies. */
  #lent = 0;
  /** The one body that may go on where all is lent: without it, bodies that are half there would wait for each other. */
  #overdrawn: Body | null = null;
  readonly #waiting = new Set<() => void>();

  constructor(maxBlocks = MAX_BLOCKS) {
    this.#maxBlocks = maxBlocks;
  }

  /** A block for a body; rejects with the reason of the signal where none comes free before. */
  async take(body: Body, signal: AbortSignal): Promise<Uint8Array> {
    while (!this.#mayTake(body)) await this.#change(signal);
    this.#lent += 1;
    return this.#idle.pop() ?? new Uint8Array(BLOCK_BYTES);
  }

  #mayTake(body: Body): boolean {
    if (this.#lent < this.#maxBlocks) return true;
    this.#overdrawn ??= body;
    return this.#overdrawn === body;
  }

  give(body: Body, blocks: readonly Uint8Array[]): void {
    this.#lent -= blocks.length;
    this.#idle.push(...blocks);
    // Where nothing is under way nothing is kept.
    for (const block of this.#idle.splice(this.#lent === 0 ? 0 : this.#maxBlocks)) free(block);
    if (this.#overdrawn === body) this.#overdrawn = null;
    for (const wake of this.#waiting) wake();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(end);
        signal.removeEventListener('abort', end);
        if (signal.aborted) reject(signal.reason);
        else resolve();
      };
      this.#waiting.add(end);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
  }
}

/** From so many bytes on it is worth the call. */
const FREED_BYTES = 16_384;
let nobody: InstanceType<typeof MessagePort> | undefined;

/** Frees what came in now, not when the collector comes by: what is handed to a port that nobody listens to is gone. */
function free(chunk: Uint8Array): void {
  const { buffer } = chunk;
  // Smaller ones may share their memory with others.
  if (chunk.length < FREED_BYTES || chunk.length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return;
  if (nobody === undefined) {
    const { port1, port2 } = new MessageChannel();
    port2.close();
    nobody = port1;
  }
  nobody.postMessage(undefined, [buffer]);
}

/** One body while it comes in. */
export class Body {
  readonly #budget: BodyBudget;
  readonly #blocks: Uint8Array[] = [];
  #length = 0;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes the bytes over: the chunk is empty afterwards where that frees memory. */
  async append(chunk: Uint8Array, signal: AbortSignal): Promise<void> {
    const { length } = chunk;
    for (let taken = 0; taken < length;) {
      const used = this.#length % BLOCK_BYTES;
      if (used === 0) this.#blocks.push(await this.#budget.take(this, signal));
      const piece = chunk.subarray(taken, taken + BLOCK_BYTES - used);
      this.#blocks.at(-1)?.set(piece, used);
      this.#length += piece.length;
      taken += piece.length;
    }
    free(chunk);
  }

  /** The whole body. `release` frees it at once, where it is long enough to matter. */
  finish(): { bytes: Uint8Array; release(): void } {
    const bytes = new Uint8Array(this.#length);
    for (const [i, block] of this.#blocks.entries())
      bytes.set(block.subarray(0, Math.min(BLOCK_BYTES, this.#length - i * BLOCK_BYTES)), i * BLOCK_BYTES);
    this.drop();
    return { bytes, release: () => free(bytes) };
  }

  /** Gives everything back. */
  drop(): void {
    this.#budget.give(this, this.#blocks.splice(0));
  }
}
