/**
 * The web server of the desk: on the loopback address, on a port that the system chooses, listening only while a page is
 * pending. Looking at a page uses nothing up (a preview may look too); the first sound post does.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { equalBytes, utf8 } from '../crypto/bytes.js';
import { MAX_SECRET_BYTES } from '../crypto/secret.js';
import type { StrengthMeter } from '../crypto/strength.js';
import { askPage, messagePage, revealPage, shownPage, type Page } from './pages.js';
import { belongsToAnother } from './peer.js';
import type { PendingPage } from './pending.js';
import { failedPage, MESSAGES } from './messages.js';

const LOOPBACK = '127.0.0.1';
const MAX_CONNECTIONS = 32;
/** Every byte of a secret may become three in a form. */
const MAX_FORM_BYTES = 3 * MAX_SECRET_BYTES + 4_096;
const MAX_MEASURED_BYTES = 2_048;
/** Estimates that one page may ask for: a person types some ten characters a second, and the page asks after a pause. */
const MAX_ESTIMATES = 600;
const PATH = /^\/([\w-]{43})(\/strength)?$/;

export interface DeskServerOptions {
  strength: StrengthMeter;
  userId: number | undefined;
  /** The page of a path, pending or ended; undefined for an unknown one. */
  find(path: string): PendingPage | undefined;
}

export class DeskServer {
  readonly #options: DeskServerOptions;
  #server: Server | undefined;
  #listening: Promise<void> | undefined;
  #origin = '';
  readonly #estimates = new WeakMap<PendingPage, { made: number; busy: boolean }>();

  constructor(options: DeskServerOptions) {
    this.#options = options;
  }

  /** Of the server that listens now. */
  get origin(): string {
    return this.#origin;
  }

  /** Listens, if it does not yet, and gives the origin. */
  async listen(): Promise<string> {
    this.#listening ??= this.#start();
    await this.#listening;
    return this.#origin;
  }

  /** Takes no further connections; the answers under way still go out. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#listening = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
    });
  }

  async #start(): Promise<void> {
    const server = createServer(
      { maxHeaderSize: 8_192, headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 },
      (request, response) => {
        this.#answer(request, response).catch(() => {
          if (response.headersSent) response.destroy();
          else send(response, messagePage(MESSAGES.failed), 500);
        });
      },
    );
    server.maxConnections = MAX_CONNECTIONS;
    server.keepAliveTimeout = 1;
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, LOOPBACK, resolve);
    });
    // The process ends with its client, whatever is pending.
    server.unref();
    this.#origin = `http://${LOOPBACK}:${(server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const refuse = (status: number): void => send(response, messagePage(MESSAGES.refused), status);
    const isPost = method === 'POST';
    // A host name that leads here (DNS rebinding) is not this address.
    if (`http://${request.headers.host ?? ''}` !== this.#origin) return refuse(421);
    if (await belongsToAnother(request.socket, this.#options.userId)) return refuse(403);
    if (!isPost && method !== 'GET') return refuse(405);
    if (!(isPost ? isOwnPost(request, this.#origin) : isNavigation(request))) return refuse(403);
    const [, path, sub] = PATH.exec(url) ?? [];
    const page = path === undefined ? undefined : this.#options.find(path);
    if (page === undefined || !isSame(page.path, path ?? '')) return send(response, messagePage(MESSAGES.gone), 404);
    if (page.outcome !== undefined || page.taken) return send(response, messagePage(MESSAGES.gone), 410);
    if (sub !== undefined) return isPost ? this.#measure(page, request, response) : refuse(405);
    if (!isPost) return send(response, this.#view(page), 200);
    return this.#use(page, request, response);
  }

  #view(page: PendingPage, problem?: string): Page {
    const { about, path, expiresAt } = page;
    return about.kind === 'ask' ? askPage(about, path, expiresAt, problem) : revealPage(about, path, expiresAt);
  }

  async #use(page: PendingPage, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, MAX_FORM_BYTES);
    if (body === null) return send(response, messagePage(MESSAGES.tooLong), 413);
    const form = new URLSearchParams(body);
    // It may have ended while the body came in.
    if (page.outcome !== undefined || page.taken) return send(response, messagePage(MESSAGES.gone), 410);
    if (form.get('action') === 'decline') {
      page.end('declined');
      return send(response, messagePage(MESSAGES.declined), 200);
    }
    const { about } = page;
    if (about.kind === 'show') {
      page.end('done');
      return send(response, shownPage(about), 200);
    }
    const typed = typedSecret(form);
    if ('problem' in typed) return send(response, this.#view(page, typed.problem), 422);
    page.taken = true;
    try {
      await about.keep(typed.value);
      page.end('done');
      return send(response, messagePage(MESSAGES.stored), 200);
    } catch (error) {
      page.end({ error });
      return send(response, failedPage(error), 500);
    }
  }

  /** The score of what is being typed, 0 to 4: one estimate at a time for a page, and a bounded number. */
  async #measure(page: PendingPage, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const state = this.#estimates.get(page) ?? { made: 0, busy: false };
    this.#estimates.set(page, state);
    if (state.busy || state.made >= MAX_ESTIMATES) return sendJson(response, 429, {});
    state.busy = true;
    state.made++;
    try {
      const text = await readBody(request, MAX_MEASURED_BYTES);
      if (text === null) return sendJson(response, 413, {});
      const { score, warning } = await this.#options.strength.measure(text, [], AbortSignal.timeout(5_000));
      return sendJson(response, 200, { score, warning });
    } finally {
      state.busy = false;
    }
  }
}

/**
 * Posts come from the page itself. Under `no-referrer` browsers name the origin of a form `null`, and then their
 * `Sec-Fetch-Site`, which no page can set, must say it.
 */
function isOwnPost({ headers }: IncomingMessage, origin: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  return headers.origin === origin || (headers.origin === 'null' && site === 'same-origin');
}

/** A page is looked at as a page, from wherever its link was: not in a frame, not as an image or by another page's script. */
function isNavigation({ headers }: IncomingMessage): boolean {
  const [mode, destination] = [headers['sec-fetch-mode'], headers['sec-fetch-dest']];
  return (mode === undefined || mode === 'navigate') && (destination === undefined || destination === 'document');
}

function isSame(left: string, right: string): boolean {
  return equalBytes(utf8(left), utf8(right));
}

/** What was typed in one of the two fields, or what is wrong with it. Forms send line ends as CR LF. */
function typedSecret(form: URLSearchParams): { value: string } | { problem: string } {
  const [line, lines] = [form.get('secret') ?? '', (form.get('lines') ?? '').replaceAll('\r\n', '\n')];
  if (line !== '' && lines !== '') return { problem: 'Fill in one of the two fields, not both.' };
  const value = line === '' ? lines : line;
  if (value === '') return { problem: 'Type or paste the secret first.' };
  if (Buffer.byteLength(value) > MAX_SECRET_BYTES) return { problem: 'This is too long: 64 KiB at most.' };
  return { value };
}

/** The body as text, or null where it is longer than `maxBytes`: the rest of it is not read. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return null;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  'x-robots-tag': 'noindex',
  connection: 'close',
} as const;

function send(response: ServerResponse, { html, nonce }: Page, status: number): void {
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "form-action 'self'",
    'img-src data:',
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  response.writeHead(status, {
    ...HEADERS,
    'content-security-policy': policy,
    'content-type': 'text/html; charset=utf-8',
  });
  response.end(html);
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { ...HEADERS, 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
