/** The MCP adapter: `tools/list` and `tools/call` onto the pipeline, for both protocol eras. The only file that knows the SDK. */

import type { Readable, Writable } from 'node:stream';

import {
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
const UNKNOWN_TOOL = 'Unknown tool: tools/list names those there are.';

/** The list is the same for the life of the process. */
const LIST_HINT = { ttlMs: 3_600_000, cacheScope: 'private' } as const;

const INSTRUCTIONS =
  'Security operations with safe defaults. A wrong password, bad signature or expired token is a result with a reason; a refusal comes as an error with a hint saying what to do next. Do not invent secrets: pass on what the user gave.';

export interface RunningServer {
  /** Cancels what is under way and stops. */
  close(): Promise<void>;
}

/** Serves until the client closes its end. */
export function serve(options: ServeOptions): RunningServer {
  const transport = new LineTransport(options.input, options.output, {
    modernVersions: MODERN_VERSIONS,
    ownMessages: [UNKNOWN_TOOL],
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
  server.setRequestHandler('tools/list', () => ({ tools: [...listing] }));
  server.setRequestHandler('tools/call', async (request, context) => {
    const { name, arguments: input, _meta: meta } = request.params;
    const envelope = context.mcpReq.envelope as Record<string, { name?: unknown } | undefined> | undefined;
    const client = envelope?.[CLIENT_INFO_KEY]?.name ?? clientName(server);
    const caller = {
      name: typeof client === 'string' ? escapeUntrusted(client, 64) : 'unknown',
      signal: context.mcpReq.signal,
      ...progressOf(meta?.progressToken, context.mcpReq),
    };
    return toolResult(await pipeline.call(name, input, caller));
  });
  return server;
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

/** Clients of the older era name themselves once, in `initialize`. */
function clientName(server: Server): string | undefined {
  return server.getClientVersion()?.name;
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
