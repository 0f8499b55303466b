/** Servers on the loopback address for the tests of `network/`: plain TCP and TLS with throw-away certificates. */

import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';

import forge from 'node-forge';

import type { StartTlsProtocol } from '../../src/crypto/certificate/checker.js';
import type { Doors } from '../../src/network/dial.js';
import type { NetworkPolicy } from '../../src/network/policy.js';
import { parseTarget, type Target } from '../../src/network/target.js';

export interface Identity {
  key: string;
  cert: string;
  der: Buffer;
}

/** A self-signed RSA certificate for these names. */
export function selfSigned(...names: string[]): Identity {
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = '01';
  certificate.validity.notBefore = new Date(Date.now() - 3_600_000);
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000);
  const subject = [{ name: 'commonName', value: names[0] ?? 'test' }];
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) },
  ]);
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  const cert = forge.pki.certificateToPem(certificate);
  const der = Buffer.from(forge.asn1.toDer(forge.pki.certificateToAsn1(certificate)).getBytes(), 'binary');
  return { key: forge.pki.privateKeyToPem(keys.privateKey), cert, der };
}

export interface TestServer {
  port: number;
  /** Connections accepted so far, and how many of them were open at the same time at most. */
  readonly connections: number;
  readonly mostOpen: number;
  /** Resolves once no connection is open. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

const running: TestServer[] = [];

/** Ends every server that a test started. */
export async function closeServers(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.close()));
}

export function tcpServer(onConnection: (socket: Socket) => void = () => undefined): Promise<TestServer> {
  const server = createTcpServer((socket) => {
    onConnection(socket);
    // Without a reader the end of the connection would not be seen.
    if (socket.listenerCount('data') === 0) socket.resume();
  });
  return listen(server);
}

export function tlsServer(
  options: TlsOptions,
  onSecure: (socket: TLSSocket) => void = () => undefined,
  configure: (server: Server) => void = () => undefined,
): Promise<TestServer> {
  const server = createTlsServer(options, (socket) => {
    socket.on('error', () => undefined);
    onSecure(socket);
  });
  server.on('tlsClientError', () => undefined);
  configure(server);
  return listen(server);
}

export async function listen(server: Server): Promise<TestServer> {
  const open = new Set<Socket>();
  let connections = 0;
  let mostOpen = 0;
  let onQuiet = (): void => undefined;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    open.add(socket);
    mostOpen = Math.max(mostOpen, open.size);
    socket
      .on('error', () => undefined)
      .once('close', () => {
        open.delete(socket);
        if (open.size === 0) onQuiet();
      });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const started: TestServer = {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    get mostOpen() {
      return mostOpen;
    },
    quiet: () => new Promise((done) => (open.size === 0 ? done() : (onQuiet = done))),
    close: () =>
      new Promise((done) => {
        for (const socket of open) socket.destroy();
        server.close(() => done());
      }),
  };
  running.push(started);
  return started;
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = await tcpServer();
  await server.close();
  return server.port;
}

export const ANY: NetworkPolicy = { mode: 'any', allowHosts: [], ports: [] };
export const PUBLIC: NetworkPolicy = { mode: 'public', allowHosts: [], ports: [] };

export function target(text: string, starttls?: StartTlsProtocol): Target {
  const parsed = parseTarget(text, starttls);
  if ('target' in parsed) return parsed.target;
  throw new Error(`${text}: ${parsed.problem.explanation}`);
}

/** Doors that answer every look-up with these addresses and count what is asked of them; sockets go to the real place. */
export function doors(
  answers: (name: string) => readonly string[] | Promise<readonly string[]>,
  connect: Doors['connect'],
): Doors & { looked: string[]; dialled: string[] } {
  const looked: string[] = [];
  const dialled: string[] = [];
  return {
    looked,
    dialled,
    async lookup(name) {
      looked.push(name);
      return answers(name);
    },
    connect(address, port) {
      dialled.push(`${address} ${port}`);
      return connect(address, port);
    },
  };
}
