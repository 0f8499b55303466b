/** HTTP servers of the PKI lab: OCSP responder, CRLs, CA certificates, and the trap that counts forbidden fetches. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { toPem, type Issued } from './certificates.js';
import { contentOf, explicit, implicit, integer, oid, sequence, setOf } from './der.js';
import { listen, type Running } from './listen.js';
import { readOcspRequest, type OcspQuestion } from './ocsp.js';

export const HTTP_MANNERS = [
  'normal',
  /** Never answers. */
  'hang',
  /** Sends the head and the first byte, and no more. */
  'hang_in_body',
  /** One byte an interval. */
  'drip',
  'gzip',
  'chunked',
  /** Ends the connection before the body it announced is whole. */
  'half',
  'reset',
  /** Writes bytes that are no HTTP. */
  'garbage',
  /** An endless head. */
  'head_flood',
] as const;
export type HttpManner = (typeof HTTP_MANNERS)[number];

export interface HttpAnswer {
  body?: Uint8Array | string;
  status?: number;
  contentType?: string;
  headers?: Record<string, string>;
  manner?: HttpManner;
  /** Of `drip`; 20 by default. */
  intervalMs?: number;
  /** Zero bytes follow the body up to so many bytes, made while they are sent. */
  padTo?: number;
  /** What Content-Length says, where it lies or is to be absent. */
  contentLength?: number | false;
}

export interface HttpRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: Uint8Array;
}

export interface HttpRunning extends Running {
  /** `http://127.0.0.1:port` */
  url: string;
  requests: HttpRequest[];
}

export const redirect = (location: string, status = 302): HttpAnswer => ({ status, headers: { location } });

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

async function pad(response: ServerResponse, bytes: number): Promise<void> {
  const block = Buffer.alloc(64 * 1024);
  for (let left = bytes; left > 0 && !response.destroyed; left -= block.length) {
    if (!response.write(block.subarray(0, left))) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          response.off('drain', go).off('close', go);
          resolve();
        };
        response.on('drain', go).on('close', go);
      });
    }
  }
}

async function send(response: ServerResponse, answer: HttpAnswer): Promise<void> {
  const { manner = 'normal', padTo = 0 } = answer;
  const socket = response.socket;
  if (manner === 'hang') return;
  if (manner === 'reset') return void socket?.resetAndDestroy();
  if (manner === 'garbage') return void socket?.end('\u0000\u0001 not HTTP at all\r\n\r\n');
  const plain = Buffer.from(answer.body ?? '');
  const body = manner === 'gzip' ? gzipSync(plain) : plain;
  const total = Math.max(body.length, padTo);
  response.statusCode = answer.status ?? 200;
  response.setHeader('content-type', answer.contentType ?? 'application/octet-stream');
  if (manner === 'gzip') response.setHeader('content-encoding', 'gzip');
  const announced = answer.contentLength ?? (manner === 'chunked' ? false : total);
  if (announced !== false) response.setHeader('content-length', announced);
  for (const [header, value] of Object.entries(answer.headers ?? {})) response.setHeader(header, value);
  if (manner === 'head_flood') {
    socket?.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => socket?.write(`x-fill: ${'a'.repeat(8000)}\r\n`), 1);
    socket?.on('close', () => clearInterval(timer));
    return;
  }
  response.flushHeaders();
  if (manner === 'hang_in_body') return void response.write(body.subarray(0, 1));
  if (manner === 'half') return void response.write(body.subarray(0, body.length >> 1), () => socket?.end());
  if (manner === 'drip') {
    let at = 0;
    const timer = setInterval(() => {
      response.write(body.subarray(at, at + 1));
      at += 1;
      if (at < body.length) return;
      clearInterval(timer);
      response.end();
    }, answer.intervalMs ?? 20);
    socket?.on('close', () => clearInterval(timer));
    return;
  }
  response.write(body);
  await pad(response, total - body.length);
  response.end();
}

/** Answers every request by that function; what it throws becomes status 500. */
export async function httpServer(
  answer: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>,
  host?: string,
): Promise<HttpRunning> {
  const requests: HttpRequest[] = [];
  const handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url: path = '', headers } = message;
    const request = { method, path, headers, body: await bodyOf(message) };
    requests.push(request);
    await send(response, await answer(request));
  };
  const server = createServer((message, response) => {
    handle(message, response).catch(() => {
      if (!response.headersSent) response.statusCode = 500;
      response.end();
    });
  });
  const running = await listen(server, host);
  const shown = running.host.includes(':') ? `[${running.host}]` : running.host;
  return Object.defineProperties(running as HttpRunning, {
    url: { value: `http://${shown}:${running.port}` },
    requests: { value: requests },
  });
}

/** Answers by path (without its query); other paths get 404. */
export const fileServer = (files: Record<string, HttpAnswer>, host?: string): Promise<HttpRunning> =>
  httpServer(({ path }) => files[path.split('?', 1)[0] ?? ''] ?? { status: 404 }, host);

/** The bytes of the request: the body of a POST, or the path of a GET (RFC 6960 appendix A.1). */
function ocspBytes(request: HttpRequest): Uint8Array {
  if (request.method !== 'GET') return request.body;
  return Buffer.from(decodeURIComponent(request.path.slice(request.path.lastIndexOf('/') + 1)), 'base64');
}

/** An OCSP responder: the function answers with the response's DER, or with any HTTP answer. A bad request gets 400. */
export async function ocspServer(
  respond: (question: OcspQuestion, request: HttpRequest) => Uint8Array | HttpAnswer,
  host?: string,
): Promise<HttpRunning> {
  return httpServer((request) => {
    let question: OcspQuestion;
    try {
      question = readOcspRequest(ocspBytes(request));
    } catch {
      return { status: 400 };
    }
    const answer = respond(question, request);
    const contentType = 'application/ocsp-response';
    return answer instanceof Uint8Array ? { body: answer, contentType } : { contentType, ...answer };
  }, host);
}

export const crlAnswer = (der: Uint8Array, as: 'der' | 'pem' = 'der'): HttpAnswer => ({
  body: as === 'der' ? der : toPem(der, 'X509 CRL'),
  contentType: 'application/pkix-crl',
});

/** A "certs-only" CMS message (RFC 5652, RFC 8551), as CAs publish their issuers. */
export function certsOnly(certificates: Pick<Issued, 'der'>[]): Uint8Array {
  const signedData = sequence(
    integer(1),
    setOf(),
    sequence(oid('1.2.840.113549.1.7.1')),
    implicit(0, true, contentOf(setOf(...certificates.map(({ der }) => der)))),
    setOf(),
  );
  return sequence(oid('1.2.840.113549.1.7.2'), explicit(0, signedData));
}

export function issuerAnswer(
  certificates: Pick<Issued, 'der' | 'pem'>[],
  as: 'der' | 'pem' | 'pkcs7' = 'der',
): HttpAnswer {
  if (as === 'pkcs7') return { body: certsOnly(certificates), contentType: 'application/pkcs7-mime' };
  if (as === 'pem') return { body: certificates.map(({ pem }) => pem).join(''), contentType: 'application/x-pem-file' };
  return { body: Buffer.concat(certificates.map(({ der }) => der)), contentType: 'application/pkix-cert' };
}

/** What nobody may fetch: `connections` and `requests` must stay empty. Answers everything with 200. */
export const trapServer = (host?: string): Promise<HttpRunning> => httpServer(() => ({ body: 'trapped' }), host);
