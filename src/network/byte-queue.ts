/** Bytes as they arrive, to be read in the pieces that a protocol has. A byte a packet must not cost a copy of all before. */

export class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The first `count` bytes without taking them. There must be as many. */
  peek(count: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= count) return first.subarray(0, count);
    this.#chunks = [Buffer.concat(this.#chunks)];
    return (this.#chunks[0] ?? Buffer.alloc(0)).subarray(0, count);
  }

  take(count: number): Buffer {
    const taken = this.peek(count);
    const rest = this.#chunks[0]?.subarray(count);
    if (rest === undefined || rest.length === 0) this.#chunks.shift();
    else this.#chunks[0] = rest;
    this.#length -= taken.length;
    return taken;
  }
}
