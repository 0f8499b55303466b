/**
 * Fetches what a certificate points to (OCSP, CRL, AIA) over HTTP: RFC 6960 appendix A, RFC 5280 section 4.2.1.13. The
 * URL was written by whoever made the certificate, so it goes through the same policy as a target, and nothing is
 * followed, unpacked, remembered or sent along. Proxy settings of the environment have no effect.
 */

import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';

import type { ConnectionFault } from '../crypto/certificate/connection.js';
import { Body, BodyBudget } from './body-budget.js';
import { Deadline } from './deadline.js';
import { dial, SYSTEM_DOORS, type Doors } from './dial.js';
import { CLOSED, connectFault, errorCode, NetworkFault, type Fault } from './fault.js';
import { FETCH_PORTS, type NetworkPolicy } from './policy.js';
import { parseTarget, type Target } from './target.js';

export type FetchFault =
  | ConnectionFault
  | 'url_unusable'
  | 'http_status'
  | 'http_invalid'
  | 'redirected'
  | 'encoded'
  | 'too_large';

export interface FetchRequest {
  url: string;
  method: 'GET' | 'POST';
  body?: Uint8Array;
  contentType?: string;
  accept?: string;
  /** Of the answer's body. */
  maxBytes: number;
  /** For everything: resolving, connecting, the answer. */
  timeoutMs: number;
  signal?: AbortSignal;
  policy: NetworkPolicy;
  /** The trust anchors (PEM) for https; Node's own where there are none. */
  anchors?: readonly string[];
  doors?: Doors;
}

/** `release` frees the bytes at once, without waiting for the collector. */
export type FetchResult = { ok: true; bytes: Uint8Array; release(): void } | ({ ok: false } & Fault<FetchFault>);

const MAX_URL_LENGTH = 2_048;

const ISSUER = 'Ask the issuer of the certificate; until then use the other sources it names.';
const failure = (code: FetchFault, explanation: string, remedy = ISSUER): Fault<FetchFault> => ({
  code,
  explanation,
  remedy,
});

const URL_UNUSABLE = failure(
  'url_unusable',
  'The URL in the certificate is not one that can be fetched (http or https).',
);
const REDIRECTED = failure('redirected', 'The server answered with a redirect, which is not followed.');
const BAD_STATUS = failure('http_status', 'The server answered with an error status.');
const ENCODED = failure('encoded', 'The server answered with a compressed body, which was not asked for.');
const TOO_LARGE = failure('too_large', 'The answer is larger than the limit for its kind.');
const NO_HTTP = failure('http_invalid', 'What the server answered is not valid HTTP.');
const TLS_FAILED = failure(
  'handshake_failed',
  'The server of the URL could not be reached over TLS with a valid certificate.',
);

class FetchFailure extends Error {
  readonly fault: Fault<FetchFault>;

  constructor(fault: Fault<FetchFault>) {
    super(fault.code);
    this.fault = fault;
  }
}

/** The body of a 200 answer. Never throws for what the network does. */
export async function fetchBytes(request: FetchRequest): Promise<FetchResult> {
  const place = readUrl(request.url);
  if (place === undefined) return { ok: false, ...URL_UNUSABLE };
  const deadline = new Deadline(request.timeoutMs, request.signal);
  let socket: Socket | undefined;
  try {
    const { policy, doors = SYSTEM_DOORS } = request;
    ({ socket } = await dial(place.target, policy, deadline, doors, FETCH_PORTS));
    const body = await exchange(request, place, socket, deadline);
    return { ok: true, ...body.finish() };
  } catch (error) {
    if (error instanceof NetworkFault || error instanceof FetchFailure) return { ok: false, ...error.fault };
    throw error;
  } finally {
    socket?.on('error', () => undefined);
    socket?.destroy();
    deadline.end();
  }
}

/** The URL and its target. Undefined for what is not fetched: other schemes, user names, more than 2 KiB. */
function readUrl(text: string): { url: URL; target: Target } | undefined {
  if (text.length > MAX_URL_LENGTH || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') return undefined;
  const port = url.port === '' ? (url.protocol === 'http:' ? '80' : '443') : url.port;
  const parsed = parseTarget(`${url.hostname}:${port}`);
  return 'target' in parsed ? { url, target: parsed.target } : undefined;
}

function exchange(
  request: FetchRequest,
  { url, target }: { url: URL; target: Target },
  socket: Socket,
  deadline: Deadline,
): Promise<Body> {
  const { method, body, contentType, accept, maxBytes, anchors } = request;
  const ca = anchors === undefined ? {} : { ca: [...anchors] };
  const isTls = url.protocol === 'https:';
  return new Promise((settle, reject) => {
    const fail = (fault: Fault<FetchFault>): void => {
      reject(new FetchFailure(fault));
      outgoing.destroy();
    };
    const outgoing = (isTls ? httpsRequest : httpRequest)({
      method,
      path: `${url.pathname}${url.search}`,
      // The socket is there already, so this is for the Host header only (RFC 9110 section 7.2).
      headers: {
        host: url.host,
        accept: accept ?? '*/*',
        'accept-encoding': 'identity',
        'user-agent': 'security-mcp',
        connection: 'close',
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
        ...(body === undefined ? {} : { 'content-length': body.length }),
      },
      setHost: false,
      // Without an agent: `agent: false` makes one that would ignore this and dial for itself.
      createConnection: () =>
        isTls
          ? tlsConnect({ socket, ...ca, ...(target.isAddress ? { host: target.host } : { servername: target.host }) })
          : socket,
    });
    outgoing.once('error', (error) => fail(requestFault(error, isTls)));
    outgoing.once('close', () => fail(CLOSED));
    const onAbort = (): void => fail(deadline.fault());
    if (deadline.signal.aborted) onAbort();
    else deadline.signal.addEventListener('abort', onAbort, { once: true });
    const onCollectFailure = (error: unknown): void =>
      fail(error instanceof FetchFailure ? error.fault : deadline.signal.aborted ? deadline.fault() : CLOSED);
    outgoing.once('response', (answer) => {
      const refusal = judgeAnswer(answer, maxBytes);
      if (refusal === undefined) void collect(answer, maxBytes, deadline.signal).then(settle, onCollectFailure);
      else fail(refusal);
    });
    outgoing.end(body);
  });
}

function judgeAnswer({ statusCode = 0, headers }: IncomingMessage, maxBytes: number): Fault<FetchFault> | undefined {
  if (statusCode >= 300 && statusCode < 400) return REDIRECTED;
  if (statusCode !== 200) return BAD_STATUS;
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== '') return ENCODED;
  return Number(headers['content-length'] ?? 0) > maxBytes ? TOO_LARGE : undefined;
}

/** All bodies of the process share it. */
const budget = new BodyBudget();

/** A body that was cut short (Content-Length, chunks) ends in an error. */
async function collect(answer: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<Body> {
  const body = new Body(budget);
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (body.length + chunk.length > maxBytes) throw new FetchFailure(TOO_LARGE);
      await body.append(chunk, signal);
    }
    return body;
  } catch (error) {
    body.drop();
    throw error;
  }
}

function requestFault(error: Error, isTls: boolean): Fault<FetchFault> {
  const code = errorCode(error);
  if (code.startsWith('HPE_')) return NO_HTTP;
  if (code === 'ECONNRESET' && error.message === 'socket hang up') return CLOSED;
  // Node's certificate errors have the names of OpenSSL's X509_V_ERR_..., its own begin with ERR_.
  return /^E[A-Z]+$/.test(code) ? connectFault(error) : isTls ? TLS_FAILED : NO_HTTP;
}
