/** A byte stream cut into lines of bounded length, and the `id` of a JSON-RPC message read from a line too long to keep. */

export type RequestId = string | number;

const MAX_ID_LENGTH = 256;

export function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' ? value.length <= MAX_ID_LENGTH : Number.isSafeInteger(value);
}

const NEWLINE = 0x0a;

/** Cuts a byte stream into lines. A line over the limit is not kept: only its top-level `id` is read on the way. */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #onLine: (line: Buffer) => void;
  readonly #onOversized: (id: RequestId | null) => void;
  #chunks: Buffer[] = [];
  #length = 0;
  #skipping: IdScanner | null = null;

  constructor(maxBytes: number, onLine: (line: Buffer) => void, onOversized: (id: RequestId | null) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
    this.#onOversized = onOversized;
  }

  push(chunk: Buffer): void {
    for (let start = 0; start < chunk.length;) {
      const newline = chunk.indexOf(NEWLINE, start);
      this.#take(chunk.subarray(start, newline === -1 ? undefined : newline));
      if (newline === -1) return;
      this.#endLine();
      start = newline + 1;
    }
  }

  /** The stream has ended: what is left is a line too. */
  end(): void {
    if (this.#length > 0 || this.#skipping !== null) this.#endLine();
  }

  #take(piece: Buffer): void {
    if (this.#skipping !== null) return this.#skipping.feed(piece);
    this.#chunks.push(piece);
    this.#length += piece.length;
    if (this.#length <= this.#maxBytes) return;
    this.#skipping = new IdScanner();
    for (const kept of this.#chunks) this.#skipping.feed(kept);
    this.#chunks = [];
    this.#length = 0;
  }

  #endLine(): void {
    const scanner = this.#skipping;
    const line = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#length = 0;
    this.#skipping = null;
    if (scanner === null) this.#onLine(line);
    else this.#onOversized(scanner.id());
  }
}

const [QUOTE, BACKSLASH, OPEN_BRACE, OPEN_BRACKET, CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA] = [
  0x22, 0x5c, 0x7b, 0x5b, 0x7d, 0x5d, 0x3a, 0x2c,
];
const MAX_TOKEN_BYTES = 300;

/** Finds the top-level member `id` of a JSON object that goes by in pieces, keeping next to nothing of it. */
class IdScanner {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #token = '';
  #name = '';
  #value: string | null = null;

  feed(bytes: Buffer): void {
    for (const byte of bytes) this.#step(byte);
  }

  id(): RequestId | null {
    if (this.#value === null) return null;
    try {
      const value: unknown = JSON.parse(this.#value);
      return isRequestId(value) ? value : null;
    } catch {
      return null;
    }
  }

  #step(byte: number): void {
    if (this.#inString) {
      this.#keep(byte);
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
      return;
    }
    switch (byte) {
      case QUOTE:
        this.#inString = true;
        return this.#keep(byte);
      case OPEN_BRACE:
      case OPEN_BRACKET:
        this.#depth++;
        this.#token = '';
        return;
      case COLON:
        if (this.#depth === 1) this.#name = this.#token;
        this.#token = '';
        return;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        this.#endValue();
        this.#depth--;
        return;
      case COMMA:
        return this.#endValue();
      default:
        return this.#keep(byte);
    }
  }

  #keep(byte: number): void {
    if (this.#depth === 1 && this.#token.length < MAX_TOKEN_BYTES) this.#token += String.fromCharCode(byte);
  }

  #endValue(): void {
    if (this.#depth === 1 && this.#name.trim() === '"id"') this.#value = this.#token;
    if (this.#depth === 1) this.#name = '';
    this.#token = '';
  }
}
