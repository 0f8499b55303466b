/** The MCP adapter: `tools/list` and `tools/call` onto the pipeline, for both protocol eras. The only file that knows the SDK. */

import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';

import {
  inputRequired,
  inputResponse,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
  type Transport,
} from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

import { escapeUntrusted } from './crypto/text.js';
import type { Caller, CallResult, Pipeline } from './guard/call.js';
import type { ToolListing } from './tools/tool.js';
import { LineTransport } from './transport.js';

export interface ServeOptions {
  pipeline: Pipeline;
  listing: readonly ToolListing[];
  version: string;
  input: Readable;
  output: Writable;
  /** Faults of the protocol engine. Their text may hold input: only that there was one is told. */
  onFault(error: Error): void;
  onClosed(): void;
}

const MODERN_VERSIONS = ['2026-07-28'] as const;
const CLIENT_INFO_KEY = 'io.modelcontextprotocol/clientInfo';
const CLIENT_CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';
const UNKNOWN_TOOL = 'Unknown tool: tools/list names those there are.';

/** The list is the same for the life of the process. */
const LIST_HINT = { ttlMs: 3_600_000, cacheScope: 'private' } as const;

const INSTRUCTIONS =
  'Security operations with safe defaults. A wrong password, bad signature or expired token is a result with a reason; a refusal comes as an error with a hint saying what to do next. Do not invent secrets or ask for them in the chat: use secret_generate or secret_request, and name them as secret://NAME wherever a secret is taken.';

export interface RunningServer {
  /** Cancels what is under way and stops. */
  close(): Promise<void>;
}

/** Serves until the client closes its end. */
export function serve(options: ServeOptions): RunningServer {
  const transport = new LineTransport(options.input, options.output, {
    modernVersions: MODERN_VERSIONS,
    ownMessages: [UNKNOWN_TOOL, UNKNOWN_STATE],
  });
  serveStdio(() => createServer(options), {
    transport: transport as unknown as Transport,
    onerror: options.onFault,
  });
  // serveStdio has put its own handler on the transport; ours comes after it.
  const closed = transport.onclose;
  transport.onclose = () => {
    closed?.();
    options.onClosed();
  };
  return { close: () => transport.close() };
}

function createServer({ pipeline, listing, version }: ServeOptions): Server {
  const server = new Server(
    { name: 'security-mcp', title: 'Security MCP', version },
    {
      capabilities: { tools: { listChanged: false } },
      instructions: INSTRUCTIONS,
      cacheHints: { 'tools/list': LIST_HINT, 'server/discover': LIST_HINT },
    },
  );
  const held = new HeldCalls();
  server.setRequestHandler('tools/list', () => ({ tools: [...listing] }));
  server.setRequestHandler('tools/call', async (request, context) => {
    const { name, arguments: input, _meta: meta } = request.params;
    const { mcpReq } = context;
    const envelope = mcpReq.envelope as Record<string, { name?: unknown } | undefined> | undefined;
    const state = mcpReq.requestState();
    const call =
      state === undefined
        ? new HeldCall((hold) => {
            const client = envelope?.[CLIENT_INFO_KEY]?.name ?? server.getClientVersion()?.name;
            const capabilities = envelope?.[CLIENT_CAPABILITIES_KEY] ?? server.getClientCapabilities();
            return pipeline.call(name, input, {
              name: typeof client === 'string' ? escapeUntrusted(client, 64) : 'unknown',
              signal: hold.signal,
              ...progressOf(meta?.progressToken, mcpReq),
              ...(sendsToAddresses(capabilities) ? { elicit: hold.elicit } : {}),
            });
          })
        : held.take(state);
    if (call === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, UNKNOWN_STATE);
    const view = inputResponse(mcpReq.inputResponses, DESK);
    const next = await call.proceed(view.kind === 'elicit' ? view.action : 'cancel', mcpReq.signal);
    if ('result' in next) return toolResult(next.result);
    return inputRequired({
      inputRequests: { [DESK]: inputRequired.elicitUrl({ message: next.page.message, url: next.page.url }) },
      requestState: held.put(call),
    });
  });
  return server;
}

const DESK = 'desk';
const UNKNOWN_STATE = 'requestState is none of this server, or was used already';

/** Whether the client can send its human to an address (MCP, URL elicitation). */
function sendsToAddresses(capabilities: unknown): boolean {
  const { elicitation } = (capabilities ?? {}) as { elicitation?: { url?: unknown } };
  return typeof elicitation?.url === 'object' && elicitation.url !== null;
}

type Page = Parameters<NonNullable<Caller['elicit']>>[0];
type Answer = 'accept' | 'decline' | 'cancel';

/**
 * A call whose client may be asked something in between: in both eras the handler then runs twice for it, and the pipeline once. What
 * stands for it meanwhile is a number that nobody can guess.
 */
class HeldCall {
  readonly #controller = new AbortController();
  readonly #result: Promise<CallResult>;
  #ask: (page: Page) => void = () => undefined;
  #asked: Promise<Page>;
  #answer: ((answer: Answer) => void) | undefined;

  constructor(begin: (hold: { signal: AbortSignal; elicit: NonNullable<Caller['elicit']> }) => Promise<CallResult>) {
    this.#asked = this.#nextPage();
    const elicit: NonNullable<Caller['elicit']> = async (page, signal) => {
      const answered = new Promise<Answer>((resolve) => {
        this.#answer = resolve;
        signal.addEventListener('abort', () => resolve('cancel'), { once: true });
      });
      this.#ask(page);
      return { accept: 'accepted', decline: 'declined', cancel: 'declined' }[await answered] as 'accepted' | 'declined';
    };
    this.#result = begin({ signal: this.#controller.signal, elicit });
    // It may end while nobody listens: the client does not have to come back.
    this.#result.catch(() => undefined);
  }

  get ended(): Promise<unknown> {
    return this.#result.catch(() => undefined);
  }

  /** Goes on with what the client said to the last page, until the result or the next page. */
  async proceed(answer: Answer, signal: AbortSignal): Promise<{ result: CallResult } | { page: Page }> {
    const cancel = (): void => this.#controller.abort(signal.reason);
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      this.#answer?.(answer);
      this.#answer = undefined;
      const page = this.#asked.then((found) => {
        this.#asked = this.#nextPage();
        return { page: found };
      });
      return await Promise.race([this.#result.then((result) => ({ result })), page]);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  #nextPage(): Promise<Page> {
    return new Promise((resolve) => (this.#ask = resolve));
  }
}

/** Calls that wait for their client to come back, each to be taken once. */
class HeldCalls {
  readonly #calls = new Map<string, HeldCall>();

  put(call: HeldCall): string {
    const state = randomBytes(32).toString('base64url');
    this.#calls.set(state, call);
    void call.ended.then(() => this.#calls.delete(state));
    return state;
  }

  take(state: unknown): HeldCall | undefined {
    const call = typeof state === 'string' ? this.#calls.get(state) : undefined;
    if (call !== undefined) this.#calls.delete(state as string);
    return call;
  }
}

/** Progress goes out only where the client gave a token for it. */
function progressOf(
  progressToken: string | number | undefined,
  { notify }: Pick<ServerContext['mcpReq'], 'notify'>,
): Pick<Caller, 'progress'> {
  if (progressToken === undefined) return {};
  return {
    progress: (progress, total) => {
      // A client that has gone away is told nothing; that is no fault of the call.
      notify({ method: 'notifications/progress', params: { progressToken, progress, total } }).catch(() => undefined);
    },
  };
}

/** An error carries text only: the 1.x client holds even an error's structured content against the output schema. */
function toolResult(result: CallResult): {
  content: { type: 'text'; text: string }[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
} {
  switch (result.kind) {
    case 'unknown_tool':
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, UNKNOWN_TOOL);
    case 'refused':
      return { content: [{ type: 'text', text: JSON.stringify({ error: result.error }) }], isError: true };
    case 'answered':
      return { content: [{ type: 'text', text: JSON.stringify(result.value) }], structuredContent: result.value };
  }
}
