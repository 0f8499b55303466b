/** One handshake with servers of every kind on the loopback address: what it shows, and each fault by its code. */

import { connect, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';

import { afterEach, describe, expect, it } from 'vitest';

import type { ConnectionFacts } from '../../src/crypto/certificate/connection.js';
import { probe, type ProbeOptions } from '../../src/network/tls-probe.js';
import {
  ANY,
  closedPort,
  closeServers,
  doors,
  PUBLIC,
  selfSigned,
  target,
  tcpServer,
  tlsServer,
} from '../support/tls-servers.js';
import type { TestServer } from '../support/tls-servers.js';

afterEach(closeServers);

const own = selfSigned('example.com');
const other = selfSigned('other.example.com');
const anchors = [own.cert];
const identity = { key: own.key, cert: own.cert };

const at = (server: { port: number }, options: Partial<ProbeOptions> = {}): Promise<ConnectionFacts> =>
  probe(target(`127.0.0.1:${server.port}`), { policy: ANY, anchors, timeoutMs: 5_000, ...options });

async function facts(options: TlsOptions, more: Partial<ProbeOptions> = {}): Promise<ConnectionFacts> {
  const server = await tlsServer({ ...identity, ...options });
  const found = await at(server, more);
  // Whatever happened, nothing stays open.
  await server.quiet();
  return found;
}

const ders = (found: ConnectionFacts): Buffer[] => found.certificates.map((der) => Buffer.from(der));
const OLD = 'DEFAULT:@SECLEVEL=0';

describe('a handshake shows', () => {
  it('everything as plain data', async () => {
    const server = await tlsServer(identity);
    expect(await at(server)).toEqual({
      address: '127.0.0.1',
      port: server.port,
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      keyExchange: expect.stringMatching(/^X25519/) as string,
      clientCertificate: 'no',
      certificates: [Uint8Array.from(own.der)],
      opensslError: null,
    });
    await server.quiet();
  });

  it('old protocols as such', async () => {
    for (const version of ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const) {
      const found = await facts({
        minVersion: 'TLSv1',
        maxVersion: version,
        ciphers: version === 'TLSv1.3' ? undefined : OLD,
      });
      expect(found).toMatchObject({ protocol: version, clientCertificate: 'no', opensslError: null });
      expect(found.fault).toBeUndefined();
    }
  });

  it('the certificates as sent: in their order, with those that do not belong', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const found = await facts({ maxVersion, cert: own.cert + other.cert + own.cert });
      expect(ders(found)).toEqual([own.der, other.der, own.der]);
    }
  });

  it('every cipher suite of TLS 1.3', async () => {
    for (const suite of ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']) {
      const found = await facts({ minVersion: 'TLSv1.3', ciphers: suite, cert: own.cert + other.cert });
      expect(found).toMatchObject({ cipher: suite, protocol: 'TLSv1.3' });
      expect(ders(found)).toEqual([own.der, other.der]);
    }
  });

  it('the key exchange', async () => {
    expect(await facts({ ecdhCurve: 'P-384' })).toMatchObject({ keyExchange: 'secp384r1' });
    expect(await facts({ ecdhCurve: 'P-256', maxVersion: 'TLSv1.2' })).toMatchObject({ keyExchange: 'secp256r1' });
    expect(await facts({ ecdhCurve: 'X25519', maxVersion: 'TLSv1.2' })).toMatchObject({ keyExchange: 'X25519' });
    expect(await facts({ ciphers: 'AES128-SHA', maxVersion: 'TLSv1.2' })).toMatchObject({
      keyExchange: 'RSA',
      cipher: 'TLS_RSA_WITH_AES_128_CBC_SHA',
    });
    expect(await facts({ ciphers: 'DHE-RSA-AES128-SHA256', dhparam: 'auto', maxVersion: 'TLSv1.2' })).toMatchObject({
      keyExchange: 'DH 2048',
    });
  });

  it('the stapled OCSP response', async () => {
    const staple = Buffer.from('3003 0a0106'.replace(' ', ''), 'hex');
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const server = await tlsServer({ ...identity, maxVersion }, undefined, (tls) =>
        tls.on('OCSPRequest', (_certificate, _issuer, answer: (error: null, response: Buffer) => void) =>
          answer(null, staple),
        ),
      );
      const found = await at(server);
      expect(Buffer.from(found.staple ?? [])).toEqual(staple);
    }
  });

  it("OpenSSL's own verdict against the same anchors", async () => {
    expect(await facts({}, { anchors: [other.cert] })).toMatchObject({ opensslError: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(await facts({}, { anchors: [] })).toMatchObject({ opensslError: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    // The name is not part of it: the certificate is not for 127.0.0.1.
    expect(await facts({}, { anchors })).toMatchObject({ opensslError: null });
  });

  it('the demand for a client certificate, and the judgement can be made all the same', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const asked = await facts({ maxVersion, requestCert: true, rejectUnauthorized: false });
      expect(asked).toMatchObject({ clientCertificate: 'requested', protocol: maxVersion });
      expect(asked.fault).toBeUndefined();
      const required = await facts({ maxVersion, requestCert: true, rejectUnauthorized: true });
      expect(required).toMatchObject({ clientCertificate: 'required', protocol: maxVersion });
      expect(ders(required)).toEqual([own.der]);
    }
  });
});

describe('what is sent', () => {
  it('is the name for SNI, of a name only, and no ALPN', async () => {
    const seen: unknown[] = [];
    const server = await tlsServer({ ...identity, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) =>
      seen.push((socket as unknown as { servername: unknown }).servername, socket.alpnProtocol),
    );
    const through = doors(
      () => ['93.184.215.14'],
      () => connect(server.port, '127.0.0.1'),
    );
    const options = { policy: PUBLIC, anchors, timeoutMs: 5_000, doors: through };
    expect(await probe(target('Example.com.'), options)).toMatchObject({ address: '93.184.215.14', port: 443 });
    await probe(target('93.184.215.14'), options);
    await probe(target('93.184.215.14'), { ...options, serverName: 'sni.example.com' });
    await probe(target('example.com'), { ...options, serverName: '192.0.2.1' });
    await server.quiet();
    expect(seen).toEqual(['example.com', false, false, false, 'sni.example.com', false, false, false]);
  });
});

describe('a fault has its own code:', () => {
  const expectFault = async (
    onConnection: (socket: Socket) => void,
    code: string,
    explanation = /./,
    options: Partial<ProbeOptions> = {},
  ): Promise<ConnectionFacts> => {
    const server: TestServer = await tcpServer(onConnection);
    const found = await at(server, options);
    expect(found.fault?.explanation).toMatch(explanation);
    expect(found.fault?.code).toBe(code);
    expect(found.fault?.remedy).toMatch(/\.$/);
    expect(found).toMatchObject({ address: '127.0.0.1', certificates: [] });
    await server.quiet();
    return found;
  };
  const onHello = (act: (socket: Socket) => void) => (socket: Socket) => void socket.once('data', () => act(socket));

  it('network_refused', async () => {
    const trap = await tcpServer();
    const found = await probe(target(`localhost:${trap.port}`), { policy: PUBLIC, anchors, timeoutMs: 1_000 });
    expect(found).toMatchObject({ fault: { code: 'network_refused' }, certificates: [], port: trap.port });
    expect(found.address).toBeUndefined();
    expect(trap.connections).toBe(0);
  });

  it('name_not_found', async () => {
    const through = doors(
      () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })),
      () => connect(1, '127.0.0.1'),
    );
    const found = await probe(target('example.com'), { policy: PUBLIC, anchors, timeoutMs: 1_000, doors: through });
    expect(found).toMatchObject({ fault: { code: 'name_not_found' } });
  });

  it('refused', async () => {
    expect(await at({ port: await closedPort() })).toMatchObject({ fault: { code: 'refused' } });
  });

  it('reset', async () => {
    await expectFault(
      onHello((socket) => socket.resetAndDestroy()),
      'reset',
      /reset/,
    );
    await expectFault(
      onHello((socket) => socket.end()),
      'reset',
      /closed/,
    );
    await expectFault((socket) => socket.end(), 'reset');
    await expectFault(
      onHello((socket) => socket.end(Buffer.from([0x16, 3, 3, 0]))),
      'reset',
      /closed/,
    );
  });

  it('timeout, of a silent server and of one that sends a byte at a time', async () => {
    await expectFault(() => undefined, 'timeout', /./, { timeoutMs: 100 });
    await expectFault(
      (socket) => {
        const bytes = Buffer.alloc(1_000);
        Buffer.from([0x16, 3, 3, 0x40, 0]).copy(bytes);
        let sent = 0;
        const timer = setInterval(() => socket.write(bytes.subarray(sent, ++sent)), 5);
        socket.once('close', () => clearInterval(timer));
      },
      'timeout',
      /./,
      { timeoutMs: 300 },
    );
  });

  it('cancelled', async () => {
    const controller = new AbortController();
    await expectFault(
      onHello(() => controller.abort()),
      'cancelled',
      /./,
      { signal: controller.signal },
    );
  });

  it('not_tls, with the protocol where it is known', async () => {
    await expectFault(
      onHello((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      'not_tls',
      /plain HTTP/,
    );
    await expectFault((socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n'), 'not_tls', /SSH/);
    await expectFault((socket) => socket.write('220 mx.example.com ESMTP\r\n'), 'not_tls', /SMTP/);
    await expectFault((socket) => socket.write('* OK IMAP4rev1\r\n'), 'not_tls', /IMAP/);
    await expectFault((socket) => socket.write('+OK ready\r\n'), 'not_tls', /POP3/);
    await expectFault((socket) => socket.write(Buffer.alloc(64, 0xff)), 'not_tls', /not TLS/);
    await expectFault((socket) => socket.write(Buffer.from([0x16, 0x41])), 'not_tls', /not TLS/);
    await expectFault((socket) => socket.write('x'), 'not_tls', /not TLS/);
  });

  it('handshake_failed, by the alert', async () => {
    for (const [description, text] of [
      [40, /handshake_failure/],
      [70, /protocol_version/],
      [80, /internal_error/],
      [112, /unrecognized_name/],
      [199, /an alert/],
    ] as const) {
      const alert = Buffer.from([0x15, 3, 3, 0, 2, 2, description]);
      await expectFault(
        onHello((socket) => socket.end(alert)),
        'handshake_failed',
        text,
      );
    }
    expect(await facts({ ciphers: 'PSK-AES128-CBC-SHA', maxVersion: 'TLSv1.2' })).toMatchObject({
      fault: { code: 'handshake_failed' },
      certificates: [],
      clientCertificate: 'unknown',
    });
  });

  it('handshake_failed, where what follows makes no sense, and no library text in it', async () => {
    const nonsense = Buffer.concat([Buffer.from([0x16, 3, 3, 0, 8, 2, 0, 0, 4]), Buffer.alloc(4, 0xee)]);
    await expectFault(
      onHello((socket) => socket.write(nonsense)),
      'handshake_failed',
      /broke off/,
    );
  });

  it('a flood before the handshake is cut off', async () => {
    const mebibyte = Buffer.alloc(1_048_576);
    await expectFault((socket) => socket.write(mebibyte), 'not_tls');
    // Records of the handshake, as long as they may be.
    for (let i = 0; i < mebibyte.length; i += 16_389)
      Buffer.from([0x16, 3, 3, 0x40, 0, 2, 0xff, 0xff, 0xff]).copy(mebibyte, i);
    await expectFault((socket) => socket.write(mebibyte), 'handshake_failed');
  });
});
