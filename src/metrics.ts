/**
 * Metrics in the text format of Prometheus, on the loopback address. Every label is one of a fixed list: tools, outcomes, error codes,
 * limits, queues. Loaded only where SECURITY_MCP_METRICS_PORT is set (docs/decisions/016-metrics.md).
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { Counter, Gauge, Histogram, Registry } from 'prom-client';

import type { Load, Meter } from './guard/meter.js';

/** From a cheap call to the longest check, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 240];
const MAX_CONNECTIONS = 16;
const REQUEST_MS = 5_000;

/** What is asked when the metrics are read. */
export interface Gauges {
  queues(): Readonly<Record<string, Load>>;
  /** Audit entries that are not committed yet. */
  auditsPending(): number;
}

export interface Metrics extends Meter {
  /** Serves them on the port; rejects where it cannot be listened on. */
  listen(port: number): Promise<void>;
  close(): void;
  /** The text, as it is served. */
  text(): Promise<string>;
}

export function createMetrics(version: string, gauges: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const calls = new Counter({
    name: 'security_mcp_calls_total',
    help: 'Calls that have come to their end, by tool and outcome.',
    labelNames: ['tool', 'outcome'],
    registers,
  });
  const refusals = new Counter({
    name: 'security_mcp_refusals_total',
    help: 'Calls that were answered with an error, by tool and code.',
    labelNames: ['tool', 'code'],
    registers,
  });
  const durations = new Histogram({
    name: 'security_mcp_call_duration_seconds',
    help: 'How long calls took, waiting and audit included.',
    labelNames: ['tool'],
    buckets: BUCKETS,
    registers,
  });
  const limits = new Counter({
    name: 'security_mcp_limited_total',
    help: 'Calls that a limit refused: calls a minute, guesses, or a full queue.',
    labelNames: ['tool', 'limit'],
    registers,
  });
  const unknown = new Counter({
    name: 'security_mcp_unknown_tools_total',
    help: 'Calls of tools that are not offered.',
    registers,
  });
  const queue = new Gauge({
    name: 'security_mcp_queue_calls',
    help: 'Calls that hold a place (running) or wait for one, by queue.',
    labelNames: ['queue', 'state'],
    registers,
    collect() {
      for (const [name, { running, waiting }] of Object.entries(gauges.queues())) {
        this.set({ queue: name, state: 'running' }, running);
        this.set({ queue: name, state: 'waiting' }, waiting);
      }
    },
  });
  const pending = new Gauge({
    name: 'security_mcp_audit_pending_entries',
    help: 'Audit entries that are not committed yet.',
    registers,
    collect() {
      this.set(gauges.auditsPending());
    },
  });
  new Gauge({ name: 'security_mcp_build_info', help: 'The version.', labelNames: ['version'], registers }).set(
    { version },
    1,
  );
  void [queue, pending];

  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, maxHeaderSize: 8_192 });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('request', (request, response) => void answer(request, response, server, registry));
  return {
    ended(tool, outcome, code, seconds) {
      calls.inc({ tool, outcome });
      if (code !== undefined) refusals.inc({ tool, code });
      durations.observe({ tool }, seconds);
    },
    limited: (tool, limit) => limits.inc({ tool, limit }),
    unknown: () => unknown.inc(),
    listen: (port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', () => {
          server.off('error', reject);
          server.on('error', () => undefined);
          // Metrics are no reason to go on.
          server.unref();
          resolve();
        });
      }),
    close() {
      server.close();
      server.closeAllConnections();
    },
    text: () => registry.metrics(),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  server: Server,
  registry: Registry,
): Promise<void> {
  const end = (status: number, text: string): void => {
    response.writeHead(status, {
      'content-type': status === 200 ? registry.contentType : 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      connection: 'close',
    });
    response.end(text);
  };
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  // A page that has its own name lead to this address (DNS rebinding) sends that name.
  const hosts = ['127.0.0.1', 'localhost'].map((host) => `${host}:${port}`);
  if (!hosts.includes(request.headers.host ?? '')) return end(403, 'Ask by the loopback address.\n');
  if (request.url !== '/metrics') return end(404, 'The metrics are at /metrics.\n');
  if (request.method !== 'GET') return end(405, 'Only GET.\n');
  try {
    end(200, await registry.metrics());
  } catch {
    end(500, 'The metrics cannot be read.\n');
  }
}
