/**
 * JSON-RPC 2.0 over lines (MCP stdio transport): bounds what comes in, answers what no protocol engine should see, and lets
 * out only JSON-RPC whose error texts are constants. It knows nothing of the SDK; it has the shape of its `Transport`.
 */

import type { Readable, Writable } from 'node:stream';

import { isDeeperThan, isJsonObject } from './crypto/json.js';
import { isRequestId, LineSplitter, type RequestId } from './lines.js';

export interface Message {
  jsonrpc: '2.0';
  id?: RequestId | null;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

export const LINE_LIMITS = {
  bytes: 4 * 1_048_576,
  depth: 128,
  /** Requests under way at once. */
  pending: 512,
  /** Answers that the client has not read yet: past this nothing more is read from it. */
  unreadBytes: 1_048_576,
  methodLength: 256,
} as const;

/** How long answers may still be written after the client has closed its end. */
const GRACE_MS = 400;

/** How long a client may leave all its answers unread before it is given up: while nothing is read, its end is not seen. */
const UNREAD_PATIENCE_MS = 30_000;

const CODES = {
  parse: -32_700,
  invalid: -32_600,
  params: -32_602,
  internal: -32_603,
  unsupportedVersion: -32_022,
  overloaded: -32_000,
} as const;
/** Whose internal errors are ours; elsewhere the engine says so of parameters that it cannot read. */
const ANSWERING = new Set(['tools/call', 'resources/read', 'completion/complete']);

interface Pending {
  count: number;
  method: string;
}

const PROTOCOL_VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

/** Every error message that may leave, by code. Texts of libraries never do: they may hold input. */
const MESSAGES: Readonly<Record<number, string>> = {
  [-32_700]: 'Parse error: the line is not JSON.',
  [-32_600]: 'Invalid request: the line is not one JSON-RPC 2.0 message.',
  [-32_601]: 'Method not found.',
  [-32_602]: 'Invalid params: see the protocol for this method.',
  [-32_603]: 'Internal error.',
  [-32_022]: 'Unsupported protocol version.',
  [-32_021]: 'The client does not declare a capability that this needs.',
  [-32_000]: 'Too many requests under way: wait for answers.',
};

export interface LineTransportOptions {
  /** The revisions that a request's envelope may name. */
  modernVersions: readonly string[];
  /** Further messages of ours that may leave as they are. */
  ownMessages: readonly string[];
}

export class LineTransport {
  onmessage?: (message: never, extra?: never) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;

  readonly #input: Readable;
  readonly #output: Writable;
  readonly #options: LineTransportOptions;
  readonly #lines: LineSplitter;
  readonly #pending = new Map<RequestId, Pending>();
  /** Requests under way: an id may stand for several. */
  #underWay = 0;
  #unreadTimer: NodeJS.Timeout | null = null;
  #whenIdle: (() => void) | null = null;
  #closed = false;

  constructor(input: Readable, output: Writable, options: LineTransportOptions) {
    this.#input = input;
    this.#output = output;
    this.#options = options;
    this.#lines = new LineSplitter(
      LINE_LIMITS.bytes,
      (line) => this.#onLine(line),
      (id) => this.#refuse(CODES.invalid, id, `Invalid request: the line is over ${LINE_LIMITS.bytes} bytes.`),
    );
  }

  async start(): Promise<void> {
    this.#input.on('data', (chunk: Buffer) => this.#lines.push(chunk));
    this.#input.on('end', () => void this.#finish());
    this.#input.on('close', () => void this.#finish());
    this.#input.on('error', () => void this.close());
    this.#output.on('error', () => void this.close());
  }

  /** The client has closed its end: what is under way may still be answered, for a moment. */
  async #finish(): Promise<void> {
    if (this.#closed || this.#whenIdle !== null) return;
    this.#lines.end();
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, GRACE_MS);
        this.#whenIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    await this.close();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#input.pause();
    this.onclose?.();
  }

  async send(message: Message): Promise<void> {
    if (this.#closed) throw new Error('transport is closed');
    await this.#write(message.error === undefined ? message : this.#withOwnText(message, message.error));
    if (message.method === undefined && message.id !== undefined && message.id !== null) this.#settle(message.id);
  }

  #write(message: object): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#output.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
      this.#holdWhileUnread();
    });
  }

  /** A client that does not read its answers is not read either: otherwise they would pile up in memory. */
  #holdWhileUnread(): void {
    if (this.#unreadTimer !== null || this.#closed || this.#output.writableLength <= LINE_LIMITS.unreadBytes) return;
    this.#input.pause();
    this.#unreadTimer = setTimeout(() => void this.close(), UNREAD_PATIENCE_MS);
    this.#output.once('drain', () => {
      if (this.#unreadTimer !== null) clearTimeout(this.#unreadTimer);
      this.#unreadTimer = null;
      if (!this.#closed) this.#input.resume();
    });
  }

  #onLine(line: Buffer): void {
    if (this.#closed) return;
    const text = decode(line);
    if (text?.trim() === '') return;
    let value: unknown;
    try {
      if (text === null) throw new SyntaxError();
      value = JSON.parse(text);
    } catch {
      return this.#refuse(CODES.parse, null);
    }
    if (!isJsonObject(value)) return this.#refuse(CODES.invalid, null);
    const id = isRequestId(value['id']) ? value['id'] : null;
    if (isDeeperThan(value, LINE_LIMITS.depth)) {
      return this.#refuse(CODES.invalid, id, `Invalid request: it nests deeper than ${LINE_LIMITS.depth} levels.`);
    }
    const { method } = value;
    if (value['jsonrpc'] !== '2.0') return this.#refuse(CODES.invalid, id);
    if (method === undefined) {
      if (id !== null && ('result' in value || isJsonObject(value['error']))) this.#deliver(value);
      else this.#refuse(CODES.invalid, id);
      return;
    }
    if (typeof method !== 'string' || method.length > LINE_LIMITS.methodLength) return this.#refuse(CODES.invalid, id);
    if (value['params'] !== undefined && !isJsonObject(value['params'])) return this.#refuse(CODES.invalid, id);
    if ('id' in value) this.#onRequest(value, id);
    else this.#onNotification(value);
  }

  #onRequest(request: Record<string, unknown>, id: RequestId | null): void {
    if (id === null) return this.#refuse(CODES.invalid, null);
    const problem = paramsProblem(request['params']);
    if (problem !== null) return this.#refuse(CODES.params, id, problem);
    const claimed = claimedVersion(request['params']);
    if (claimed !== undefined && !this.#options.modernVersions.includes(claimed)) {
      return this.#refuse(CODES.unsupportedVersion, id, undefined, this.#versions(claimed));
    }
    if (this.#underWay >= LINE_LIMITS.pending) return this.#refuse(CODES.overloaded, id);
    const method = String(request['method']);
    this.#underWay++;
    this.#pending.set(id, { count: (this.#pending.get(id)?.count ?? 0) + 1, method });
    this.#deliver(method === 'tools/call' ? withObjectArguments(request) : request);
  }

  #onNotification(notification: Record<string, unknown>): void {
    this.#deliver(notification);
    // What is cancelled is never answered.
    const { requestId } = (notification['params'] ?? {}) as { requestId?: unknown };
    if (notification['method'] === 'notifications/cancelled' && isRequestId(requestId)) this.#settle(requestId);
  }

  #deliver(message: Record<string, unknown>): void {
    this.onmessage?.(message as never);
  }

  #settle(id: RequestId): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#underWay--;
    if (pending.count > 1) pending.count--;
    else this.#pending.delete(id);
    if (this.#underWay === 0) this.#whenIdle?.();
  }

  #refuse(code: number, id: RequestId | null, message = MESSAGES[code], data?: unknown): void {
    this.#write({ jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } }).catch(
      () => undefined,
    );
  }

  /** What a client that names an unsupported revision needs to know; its own text comes back only where it is a date. */
  #versions(requested: unknown): { supported: string[]; requested: string } {
    const known = typeof requested === 'string' && /^\d{4}-\d\d-\d\d$/.test(requested);
    return { supported: [...this.#options.modernVersions], requested: known ? requested : 'unknown' };
  }

  /** The SDK calls it an internal error where parameters do not parse; of a tool's call nothing but our own code answers. */
  #codeOf(id: Message['id'], code: number): number {
    if (!Number.isSafeInteger(code)) return CODES.internal;
    const method = id === undefined || id === null ? undefined : this.#pending.get(id)?.method;
    return code === CODES.internal && !ANSWERING.has(method ?? '') ? CODES.params : code;
  }

  /** Replaces a library's error text by ours, and its data by what is known to be safe. */
  #withOwnText(message: Message, error: NonNullable<Message['error']>): object {
    const code = this.#codeOf(message.id, error.code);
    const own = this.#options.ownMessages.includes(error.message);
    const key = envelopeKey(error.data);
    const text = own
      ? error.message
      : key === null
        ? (MESSAGES[code] ?? MESSAGES[-32_603])
        : `Invalid params: ${key} of the request's _meta is missing or wrong.`;
    const requested = isJsonObject(error.data) ? error.data['requested'] : undefined;
    const data = code === CODES.unsupportedVersion ? { data: this.#versions(requested) } : {};
    return { jsonrpc: '2.0', id: message.id ?? null, error: { code, message: text, ...data } };
  }
}

/**
 * What the SDK would drop without an answer: metadata that is none, a progress token of another type.
 */
function paramsProblem(params: unknown): string | null {
  if (!isJsonObject(params)) return null;
  const meta = params['_meta'];
  if (meta !== undefined && !isJsonObject(meta)) return 'Invalid params: _meta must be an object.';
  const token = meta?.['progressToken'];
  if (token !== undefined && !isRequestId(token))
    return 'Invalid params: progressToken of _meta must be text or a whole number.';
  return null;
}

/**
 * A call whose arguments are no object goes to the tool all the same, as a field it does not have: there the call is counted,
 * audited and refused like any other bad input. The SDK would refuse it before anybody sees it.
 */
function withObjectArguments(request: Record<string, unknown>): Record<string, unknown> {
  const { params } = request;
  if (!isJsonObject(params) || params['arguments'] === undefined || isJsonObject(params['arguments'])) return request;
  const { arguments: given, ...rest } = params;
  return { ...request, params: given === null ? rest : { ...rest, arguments: { arguments: true } } };
}

/** The key of the modern envelope that the SDK found at fault, where it says so. */
function envelopeKey(data: unknown): string | null {
  const envelope = isJsonObject(data) ? data['envelope'] : undefined;
  const key = isJsonObject(envelope) ? envelope['key'] : undefined;
  return typeof key === 'string' && /^io\.modelcontextprotocol\/[A-Za-z]{1,40}$/.test(key) ? key : null;
}

function claimedVersion(params: unknown): string | undefined {
  const meta = isJsonObject(params) ? params['_meta'] : undefined;
  const version = isJsonObject(meta) ? meta[PROTOCOL_VERSION_KEY] : undefined;
  return typeof version === 'string' ? version : undefined;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function decode(line: Buffer): string | null {
  try {
    return decoder.decode(line);
  } catch {
    return null;
  }
}
