/** Fetching what a certificate points to: the same policy as for targets, and nothing followed, unpacked or too large. */

import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';

import { afterEach, expect, it } from 'vitest';

import { fetchBytes, type FetchRequest, type FetchResult } from '../../src/network/fetch.js';
import {
  ANY,
  closedPort,
  closeServers,
  doors,
  listen,
  PUBLIC,
  selfSigned,
  tcpServer,
  type TestServer,
} from '../support/tls-servers.js';

afterEach(closeServers);

const CRL = Buffer.from([0x30, 0x03, 0x0a, 0x01, 0x00]);

const serve = (listener: RequestListener): Promise<TestServer> => listen(createServer(listener));

const get = (url: string, more: Partial<FetchRequest> = {}): Promise<FetchResult> =>
  fetchBytes({ url, method: 'GET', maxBytes: 1_000, timeoutMs: 5_000, policy: ANY, ...more });

async function answer(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
  more: Partial<FetchRequest> = {},
): Promise<FetchResult> {
  const server = await serve(listener);
  const result = await get(`http://127.0.0.1:${server.port}/crl`, more);
  await server.quiet();
  return result;
}

it('gets the bytes of a 200 answer, whole or in chunks', async () => {
  expect(await answer((_, response) => response.end(CRL))).toMatchObject({ ok: true, bytes: Uint8Array.from(CRL) });
  const chunked = await answer((_, response) => {
    response.write(CRL.subarray(0, 2));
    response.end(CRL.subarray(2));
  });
  expect(chunked).toMatchObject({ ok: true, bytes: Uint8Array.from(CRL) });
  const exact = await answer((_, response) => response.end(Buffer.alloc(1_000)));
  expect(exact).toMatchObject({ ok: true });
  expect(await answer((_, response) => response.end())).toMatchObject({ ok: true, bytes: new Uint8Array() });
});

it('sends the name as Host, what was asked for, and nothing else', async () => {
  let seen: { method?: string | undefined; url?: string | undefined; headers?: unknown; body?: string } = {};
  const server = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      seen = { method, url, headers, body: Buffer.concat(chunks).toString() };
      response.end(CRL);
    });
  });
  const through = doors(
    () => ['93.184.215.14'],
    () => connect(server.port, '127.0.0.1'),
  );
  const result = await get('http://OCSP.Example.com/a%20b?c=d#e', {
    method: 'POST',
    body: Buffer.from('request'),
    contentType: 'application/ocsp-request',
    accept: 'application/ocsp-response',
    policy: PUBLIC,
    doors: through,
  });
  expect(result.ok).toBe(true);
  expect(through).toMatchObject({ looked: ['ocsp.example.com'], dialled: ['93.184.215.14 80'] });
  expect(seen).toEqual({
    method: 'POST',
    url: '/a%20b?c=d',
    body: 'request',
    headers: {
      host: 'ocsp.example.com',
      accept: 'application/ocsp-response',
      'accept-encoding': 'identity',
      'content-type': 'application/ocsp-request',
      'content-length': '7',
      'user-agent': 'security-mcp',
      connection: 'close',
    },
  });
});

it('keeps to the address policy: nothing forbidden is resolved or dialled', async () => {
  const trap = await tcpServer();
  const through = doors(
    (name) => (name.startsWith('rebind') ? ['8.8.8.8', '127.0.0.1'] : ['10.0.0.1']),
    () => connect(trap.port, '127.0.0.1'),
  );
  for (const url of [
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://%31%32%37.0.0.1/',
    'http://１２７.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://metadata.google.internal/',
    'http://localhost/',
    'http://ca.internal/',
    'http://router/',
    'http://crl.example.com:8080/',
    'https://crl.example.com:8443/',
    'http://crl.example.com:22/',
  ]) {
    expect(await get(url, { policy: PUBLIC, doors: through }), url).toMatchObject({
      ok: false,
      code: 'network_refused',
    });
  }
  expect(through.looked).toEqual([]);
  for (const url of ['http://rebind.example.com/', 'https://private.example.com/']) {
    expect(await get(url, { policy: PUBLIC, doors: through }), url).toMatchObject({ code: 'network_refused' });
  }
  expect(await get('http://169.254.169.254/', { doors: through })).toMatchObject({ code: 'network_refused' });
  expect(await get('http://crl.example.com/', { policy: { ...PUBLIC, mode: 'off' } })).toMatchObject({ ok: false });
  expect(through.dialled).toEqual([]);
  expect(trap.connections).toBe(0);
});

it('takes http and https URLs of up to 2 KiB without a user, and no others', async () => {
  for (const url of [
    '',
    'crl.example.com',
    'ldap://ldap.example.com/cn=ca?certificateRevocationList',
    'ftp://example.com/crl',
    'file:///etc/passwd',
    'data:text/plain,x',
    'http://user@example.com/',
    'http://:password@example.com/',
    'http://',
    'http://exa mple.com/',
    `http://example.com/${'a'.repeat(2_048)}`,
  ]) {
    expect(await get(url), url.slice(0, 60)).toMatchObject({ ok: false, code: 'url_unusable' });
  }
});

it('follows no redirect', async () => {
  const trap = await tcpServer();
  for (const status of [301, 302, 303, 307, 308]) {
    const result = await answer((_, response) =>
      response.writeHead(status, { location: `http://127.0.0.1:${trap.port}/` }).end(CRL),
    );
    expect(result).toMatchObject({ ok: false, code: 'redirected' });
  }
  expect(trap.connections).toBe(0);
});

it('takes no other status and no encoding', async () => {
  for (const status of [201, 204, 206, 404, 500]) {
    expect(await answer((_, response) => response.writeHead(status).end())).toMatchObject({ code: 'http_status' });
  }
  for (const encoding of ['gzip', 'br', 'identity, gzip']) {
    const result = await answer((_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(CRL));
    expect(result).toMatchObject({ code: 'encoded' });
  }
});

it('stops at the limit: at once by the announced length, and in the stream', async () => {
  const announced = await answer((_, response) => response.writeHead(200, { 'content-length': '1001' }).write('x'));
  expect(announced).toMatchObject({ code: 'too_large' });
  const streamed = await answer((_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  });
  expect(streamed).toMatchObject({ code: 'too_large' });
});

it('a body that is cut short is no body', async () => {
  const short = await answer((_, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('x');
    setImmediate(() => response.destroy());
  });
  expect(short).toMatchObject({ code: 'reset' });
  const chunked = await answer((_, response) => {
    response.write('x');
    setImmediate(() => response.destroy());
  });
  expect(chunked).toMatchObject({ ok: false });
});

it('garbage, an early end, silence and a drip each have their code', async () => {
  const against = async (act: (socket: import('node:net').Socket) => void, timeoutMs = 5_000): Promise<FetchResult> => {
    const server = await tcpServer((socket) => socket.once('data', () => act(socket)));
    const result = await get(`http://127.0.0.1:${server.port}/`, { timeoutMs });
    await server.quiet();
    return result;
  };
  expect(await against((socket) => socket.write('SSH-2.0-x\r\n\r\n'))).toMatchObject({ code: 'http_invalid' });
  expect(await against((socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`))).toMatchObject({
    code: 'http_invalid',
  });
  expect(await against((socket) => socket.end())).toMatchObject({ code: 'reset' });
  expect(await against((socket) => socket.resetAndDestroy())).toMatchObject({ code: 'reset' });
  expect(await against(() => undefined, 50)).toMatchObject({ code: 'timeout' });
  const drip = (socket: import('node:net').Socket): void => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n');
    const timer = setInterval(() => socket.write('x'), 5);
    socket.once('close', () => clearInterval(timer));
  };
  expect(await against(drip, 200)).toMatchObject({ code: 'timeout' });
  expect(await get(`http://127.0.0.1:${await closedPort()}/`)).toMatchObject({ code: 'refused' });
});

it('ends when the caller cancels', async () => {
  const controller = new AbortController();
  const result = await answer(() => controller.abort(), { signal: controller.signal });
  expect(result).toMatchObject({ code: 'cancelled' });
  expect(await get('http://127.0.0.1:1/', { signal: AbortSignal.abort() })).toMatchObject({ code: 'cancelled' });
});

it('over https the certificate and the name are checked', async () => {
  const own = selfSigned('crl.example.com');
  const server = await listen(
    createTlsServer({ key: own.key, cert: own.cert }, (_, response) => void response.end(CRL)),
  );
  const through = doors(
    () => ['93.184.215.14'],
    () => connect(server.port, '127.0.0.1'),
  );
  const options = { policy: PUBLIC, doors: through };
  expect(await get('https://crl.example.com/', { ...options, anchors: [own.cert] })).toMatchObject({ ok: true });
  expect(await get('https://crl.example.com/', options)).toMatchObject({ code: 'handshake_failed' });
  expect(await get('https://www.example.com/', { ...options, anchors: [own.cert] })).toMatchObject({
    code: 'handshake_failed',
  });
});

it('proxy settings of the environment have no effect', async () => {
  const trap = await tcpServer();
  const before = { ...process.env };
  const proxy = `http://127.0.0.1:${trap.port}`;
  Object.assign(process.env, { HTTP_PROXY: proxy, http_proxy: proxy, ALL_PROXY: proxy, NODE_USE_ENV_PROXY: '1' });
  try {
    expect(await answer((_, response) => response.end(CRL))).toMatchObject({ ok: true });
  } finally {
    process.env = before;
  }
  expect(trap.connections).toBe(0);
});

it('explanations are constant', async () => {
  const result = await get('ldap://canary.example.com/');
  expect(JSON.stringify(result)).not.toContain('canary');
});
