import { get, request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { fetchCases, liveCases } from './support/pki/cases.js';
import { createLab, GOOD_NAME, type Lab } from './support/pki/lab.js';
import { buildOcspRequest } from './support/pki/revocation.js';
import {
  closeAll,
  closedPort,
  crlAnswer,
  fileServer,
  hostileServer,
  HTTP_MANNERS,
  httpServer,
  issuerAnswer,
  ocspServer,
  rawCertificateServer,
  redirect,
  startTlsServer,
  tlsServer,
  trapServer,
  type Running,
  type TlsRunning,
  type TlsServerOptions,
} from './support/pki/servers.js';

let lab: Lab;
const open: Pick<Running, 'close'>[] = [];
const opened = <T extends Pick<Running, 'close'>>(running: T): T => {
  open.push(running);
  return running;
};
beforeAll(async () => {
  // The clients here go by the real clock.
  lab = await createLab({ at: new Date() });
});
afterEach(() => closeAll(open.splice(0)));

interface Shaken {
  error?: string;
  chain: string[];
  protocol?: string | null;
  staple?: Buffer;
}

/** Connects without rejecting and tells what came; waits for the end where `stay`. */
function shake({ host, port }: Running, options: ConnectionOptions = {}, stay = false): Promise<Shaken> {
  return new Promise((resolve) => {
    // `requestOCSP` is documented and not in the types.
    const asking = { host, port, rejectUnauthorized: false, servername: GOOD_NAME, requestOCSP: true, ...options };
    const socket: TLSSocket = connect(asking as ConnectionOptions);
    const result: Shaken = { chain: [] };
    socket.once('OCSPResponse', (response: Buffer | null) => {
      if (response) result.staple = response;
    });
    socket.once('secureConnect', () => {
      for (let next = socket.getPeerCertificate(true); next?.raw; next = next.issuerCertificate) {
        const serial = next.serialNumber.toLowerCase();
        if (result.chain.includes(serial)) break;
        result.chain.push(serial);
      }
      result.protocol = socket.getProtocol();
      if (!stay) socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      result.error = error.code ?? error.message;
    });
    socket.once('close', () => resolve(result));
    socket.resume();
  });
}

const serialOf = ({ serial }: { serial: Uint8Array }): string => Buffer.from(serial).toString('hex');

describe('TLS servers', () => {
  const serve = async (options: Partial<TlsServerOptions> = {}): Promise<TlsRunning> =>
    opened(await tlsServer({ chain: [lab.good, lab.intermediate], privateKey: lab.good.privateKey, ...options }));

  test('serve the chain as it is given, with a staple and the name asked for', async () => {
    const staple = lab.ocsp(lab.good);
    const server = await serve({ staple });
    const { chain, staple: seen, protocol } = await shake(server);
    expect(chain).toEqual([serialOf(lab.good), serialOf(lab.intermediate)]);
    expect(seen).toEqual(Buffer.from(staple));
    expect(protocol).toBe('TLSv1.3');
    expect(server.serverNames).toEqual([GOOD_NAME]);
    expect(server.stapleRequests).toBe(1);
    expect(server.connections).toBe(1);
    expect((await shake(await serve({ chain: [lab.good] }))).chain).toEqual([serialOf(lab.good)]);
  });

  test.each(['TLSv1', 'TLSv1.1', 'TLSv1.2'] as const)('speak %s', async (version) => {
    const server = await serve({ minVersion: version, maxVersion: version });
    const old = { minVersion: version, ciphers: 'ALL:@SECLEVEL=0' };
    expect((await shake(server, old)).protocol).toBe(version);
    if (version !== 'TLSv1.2')
      expect((await shake(server)).error).toMatch(/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/u);
  });

  test('ask for client certificates', async () => {
    const clientAuthorities = [lab.rootEc];
    const asking = await serve({ clientCertificate: 'requested', clientAuthorities });
    expect((await shake(asking)).error).toBeUndefined();
    const needing = await serve({ clientCertificate: 'required', clientAuthorities });
    expect((await shake(needing, {}, true)).error).toMatch(/CERTIFICATE_REQUIRED|ECONNRESET/u);
    const client = lab.leaf({ extendedKeyUsage: ['clientAuth'] });
    const key = client.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const cert = client.pem + lab.intermediate.pem;
    expect((await shake(needing, { cert, key })).error).toBeUndefined();
  });

  test('choose by name, or refuse it', async () => {
    const sni: TlsServerOptions['sni'] = {
      'a.wild.lab.test': { chain: [lab.wildcard, lab.intermediate], privateKey: lab.wildcard.privateKey },
      'b.test': 'refuse',
    };
    const server = await serve({ sni });
    expect((await shake(server, { servername: 'a.wild.lab.test' })).chain[0]).toBe(serialOf(lab.wildcard));
    expect((await shake(server, { servername: 'b.test' })).error).toBeDefined();
    expect((await shake(server)).chain).toEqual([lab.good, lab.intermediate].map(serialOf));
  });

  test.each(['smtp', 'imap', 'pop3', 'ftp', 'postgres'] as const)('change to TLS from %s', async (protocol) => {
    const options = { chain: [lab.good, lab.intermediate], privateKey: lab.good.privateKey };
    const { host, port } = opened(await startTlsServer(protocol, options));
    const words = {
      smtp: 'STARTTLS\r\n',
      imap: 'a1 STARTTLS\r\n',
      pop3: 'STLS\r\n',
      ftp: 'AUTH TLS\r\n',
      postgres: '',
    };
    const yes = { smtp: /220 Go/u, imap: /a1 OK/u, pop3: /\+OK begin/u, ftp: /234/u, postgres: /^S$/u }[protocol];
    const peer = await new Promise<string>((resolve, reject) => {
      const plain = connectTcp(port, host);
      plain.write(protocol === 'postgres' ? Buffer.from('0000000804d2162f', 'hex') : words[protocol]);
      let text = '';
      plain.on('data', function listen(bytes: Buffer) {
        text += bytes.toString();
        if (!yes.test(text)) return;
        plain.off('data', listen);
        const socket = connect({ socket: plain, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().serialNumber.toLowerCase());
          socket.destroy();
        });
        socket.on('error', reject);
      });
      plain.on('error', reject);
    });
    expect(peer).toBe(serialOf(lab.good));
  });
});

describe('hostile servers', () => {
  test.each([
    ['garbage', /WRONG_VERSION|PACKET_LENGTH|ERR_SSL/u],
    ['http', /WRONG_VERSION|PACKET_LENGTH|ERR_SSL/u],
    ['smtp', /WRONG_VERSION|PACKET_LENGTH|ERR_SSL/u],
    ['reset', /ECONNRESET/u],
    ['reset_after_hello', /ECONNRESET/u],
    ['close', /ECONNRESET/u],
    ['close_after_hello', /ECONNRESET/u],
    ['flood', /ERR_SSL|ECONNRESET/u],
    ['alert', /HANDSHAKE_FAILURE/u],
    ['oversized_record', /ERR_SSL/u],
    ['odd_version', /ERR_SSL/u],
  ] as const)('%s', async (hostility, error) => {
    expect((await shake(opened(await hostileServer(hostility)))).error).toMatch(error);
  });

  test.each(['silent', 'drip'] as const)('%s: waits until it is closed', async (hostility) => {
    const server = await hostileServer(hostility, { intervalMs: 1 });
    const shaken = shake(server);
    await new Promise<void>((resolve) => {
      // The connection is there: nothing more will come of it.
      const look = (): void => void (server.connections > 0 ? resolve() : setImmediate(look));
      look();
    });
    await server.close();
    expect((await shaken).chain).toEqual([]);
  });

  test('a raw server gets its certificates as far as the client', async () => {
    const bad = await shake(opened(await rawCertificateServer([Buffer.from('garbage')], { after: 'close' })));
    expect(bad.error).toMatch(/ERR_SSL/u);
    const good = await shake(
      opened(await rawCertificateServer([lab.good.der, lab.intermediate.der], { after: 'close' })),
    );
    expect(good.error).toBe('ECONNRESET');
  });

  test('nothing listens on a closed port', async () => {
    const port = await closedPort();
    expect((await shake({ host: '127.0.0.1', port } as Running)).error).toBe('ECONNREFUSED');
  });
});

interface Fetched {
  status?: number | undefined;
  body: Buffer;
  error?: string;
}

function fetchFrom(url: string, body?: Uint8Array, limitBytes = Infinity): Promise<Fetched> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let size = 0;
    const sent = body ? request(url, { method: 'POST' }) : get(url);
    const failed = (error: NodeJS.ErrnoException): void =>
      resolve({ body: Buffer.concat(parts), error: error.code ?? error.message });
    sent.on('error', failed).on('response', (response) => {
      response.on('error', failed).on('data', (part: Buffer) => {
        parts.push(part);
        size += part.length;
        if (size > limitBytes) response.destroy(new Error('too much'));
      });
      response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(parts) }));
    });
    sent.end(body);
  });
}

describe('HTTP servers', () => {
  test('an OCSP responder answers by POST and by GET, and knows what was asked', async () => {
    const server = opened(
      await ocspServer(({ nonce, certIds }) => {
        expect(Buffer.from(certIds[0]?.serial ?? [])).toEqual(lab.good.serial);
        return lab.ocsp(lab.good, nonce ? { nonce } : {});
      }),
    );
    const asked = buildOcspRequest(lab.good, lab.intermediate, Buffer.alloc(8, 1));
    const posted = await fetchFrom(server.url, asked);
    expect(posted.status).toBe(200);
    expect(posted.body.includes(Buffer.alloc(8, 1))).toBe(true);
    const path = encodeURIComponent(Buffer.from(asked).toString('base64'));
    expect((await fetchFrom(`${server.url}/ocsp/${path}`)).status).toBe(200);
    expect((await fetchFrom(server.url, Buffer.from('no request'))).status).toBe(400);
    expect(server.requests.map(({ method }) => method)).toEqual(['POST', 'GET', 'POST']);
  });

  test('files, errors, redirects, a trap', async () => {
    const trap = opened(await trapServer());
    const der = lab.crl({ issuer: lab.intermediate });
    const server = opened(
      await fileServer({
        '/a.crl': crlAnswer(der),
        '/a.pem': crlAnswer(der, 'pem'),
        '/ca.p7c': issuerAnswer([lab.intermediate, lab.rootEc], 'pkcs7'),
        '/away': redirect(`${trap.url}/secret`),
        '/long': { padTo: 65_537, body: 'x' },
      }),
    );
    expect((await fetchFrom(`${server.url}/a.crl?x=1`)).body).toEqual(Buffer.from(der));
    expect((await fetchFrom(`${server.url}/a.pem`)).body.toString()).toMatch(/^-----BEGIN X509 CRL/u);
    expect((await fetchFrom(`${server.url}/ca.p7c`)).body.includes(Buffer.from(lab.rootEc.der))).toBe(true);
    expect((await fetchFrom(`${server.url}/none`)).status).toBe(404);
    expect((await fetchFrom(`${server.url}/long`)).body.length).toBe(65_537);
    expect((await fetchFrom(`${server.url}/away`)).status).toBe(302);
    expect([trap.connections, trap.requests]).toEqual([0, []]);
    await fetchFrom(`${trap.url}/secret`);
    expect([trap.connections, trap.requests.length]).toEqual([1, 1]);
  });

  test.each(HTTP_MANNERS)('%s', async (manner) => {
    const server = await httpServer(() => ({ body: 'abcdef', manner, intervalMs: 1 }));
    const waits = ['hang', 'hang_in_body'].includes(manner);
    const fetched = fetchFrom(server.url);
    if (waits) {
      await new Promise<void>((resolve) => {
        const look = (): void => void (server.requests.length > 0 ? resolve() : setImmediate(look));
        look();
      });
      await server.close();
    }
    const { status, error } = await fetched;
    await server.close();
    if (['normal', 'drip', 'gzip', 'chunked'].includes(manner)) expect(status).toBe(200);
    else expect(error).toMatch(/ECONNRESET|HPE_|aborted|ECONNABORTED/u);
  });

  test('a flood of 50 MB is made while it is sent, and ends with the client', async () => {
    const server = opened(await httpServer(() => ({ padTo: 50 * 1024 * 1024 })));
    const { error, body } = await fetchFrom(server.url, undefined, 1024 * 1024);
    expect(error).toBe('too much');
    expect(body.length).toBeLessThan(2 * 1024 * 1024);
  });
});

describe('cases with servers', () => {
  test('start, are named once, and close', async () => {
    const names = [...fetchCases(), ...liveCases()].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const fetching = await Promise.all(fetchCases().map(async ({ start }) => opened(await start(lab))));
    for (const { chain, server } of fetching) {
      expect(chain.length).toBeGreaterThan(0);
      expect(server.port).toBeGreaterThan(0);
    }
    const live = await Promise.all(liveCases().map(async ({ start }) => opened(await start(lab))));
    expect(live.every(({ port }) => port > 0)).toBe(true);
  });

  test('a list and an answer come from the addresses in the certificate, and nothing leads into the trap by itself', async () => {
    const found = fetchCases().find(({ name }) => name === 'fetch-ocsp-redirect');
    if (!found) throw new Error('no such case');
    const { leaf, issuer, server, trap } = opened(await found.start(lab));
    const asked = await fetchFrom(`${server.url}/ocsp`, buildOcspRequest(leaf, issuer));
    expect(asked.status).toBe(302);
    expect((await fetchFrom(`${server.url}/root.crl`)).status).toBe(200);
    expect(trap.connections).toBe(0);
  });
});
