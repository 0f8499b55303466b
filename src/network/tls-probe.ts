/**
 * One TLS handshake with a server, made without rejecting anything, and everything that it shows as plain data. Old
 * protocols and weak ciphers are offered on purpose: what cannot be connected to cannot be judged. The judgement is made
 * elsewhere (`crypto/certificate`).
 *
 * The certificates are those of the wire, in the server's order and with what does not belong, also where the handshake
 * failed after them. Where the wire could not be read they are those that Node tells: in path order, extra ones lost.
 */

import { constants } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import {
  connect as tlsConnect,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';

import type { StartTlsProtocol } from '../crypto/certificate/checker.js';
import type { ConnectionFacts } from '../crypto/certificate/connection.js';
import { Deadline } from './deadline.js';
import { dial, SYSTEM_DOORS, type Doors } from './dial.js';
import { NetworkFault } from './fault.js';
import { HandshakeReader } from './handshake.js';
import { Plaintext } from './plaintext.js';
import type { NetworkPolicy } from './policy.js';
import { startTls } from './starttls.js';
import { Tap } from './tap.js';
import type { Target } from './target.js';
import { demandsCertificate, FLOODED, handshakeFault } from './tls-fault.js';

export interface ProbeOptions {
  policy: NetworkPolicy;
  /** The trust anchors (PEM) that OpenSSL's own verdict is made against. Keep the array: its context is made once. */
  anchors: readonly string[];
  /** For everything: resolving, connecting, the handshake. */
  timeoutMs: number;
  signal?: AbortSignal;
  starttls?: StartTlsProtocol;
  /** The name for SNI (and XMPP) where it is not the host's, as A-labels or an address. */
  serverName?: string;
  doors?: Doors;
}

/** A handshake has some 5 KiB; 100 KiB of certificates are what OpenSSL takes at most. */
const MAX_HANDSHAKE_BYTES = 262_144;

/** How long a server that asked for a client certificate may take to say that it cannot do without. */
const MAX_WAIT_FOR_DEMAND_MS = 1_000;

/** TLS 1.3 must be named: a Node cipher list without its suites turns TLS 1.3 off. Level 0 lets in TLS 1.0, SHA-1 and short keys. */
const CIPHERS = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:DEFAULT:@SECLEVEL=0';

/** Makes the handshake. Never throws for what the network does: that is `fault` in the facts. */
export async function probe(target: Target, options: ProbeOptions): Promise<ConnectionFacts> {
  const deadline = new Deadline(options.timeoutMs, options.signal);
  const facts: ConnectionFacts = { port: target.port, clientCertificate: 'unknown', certificates: [] };
  let socket: Socket | undefined;
  try {
    const connected = await dial(target, options.policy, deadline, options.doors ?? SYSTEM_DOORS);
    ({ socket } = connected);
    facts.address = connected.address;
    if (options.starttls !== undefined)
      await toTls(socket, options.starttls, { ...target, host: options.serverName ?? target.host }, deadline);
    await handshake(socket, target, options, deadline, facts);
  } catch (error) {
    if (!(error instanceof NetworkFault)) throw error;
    facts.fault = error.fault;
  } finally {
    socket?.on('error', () => undefined);
    socket?.destroy();
    deadline.end();
  }
  return facts;
}

async function toTls(socket: Socket, protocol: StartTlsProtocol, target: Target, deadline: Deadline): Promise<void> {
  const plain = new Plaintext(socket, deadline);
  try {
    await startTls(protocol, target, plain);
  } finally {
    plain.end();
  }
}

/** Fills `facts` with what the handshake shows, and throws `NetworkFault` where it fails. */
async function handshake(
  socket: Socket,
  target: Target,
  options: ProbeOptions,
  deadline: Deadline,
  facts: ConnectionFacts,
): Promise<void> {
  const reader = new HandshakeReader();
  let flooded = false;
  let onWire = (): void => undefined;
  const tap = new Tap(socket, {
    maxBytes: MAX_HANDSHAKE_BYTES,
    observe(chunk) {
      reader.push(chunk);
      onWire();
      return reader.isTls !== false;
    },
    onFlood: () => (flooded = true),
  });
  // The error reaches the TLS socket as well, which has its listeners below.
  tap.on('error', () => undefined);
  const name = options.serverName ?? target.host;
  const settings: ConnectionOptions & { requestOCSP: boolean } = {
    socket: tap,
    secureContext: contextFor(options.anchors),
    rejectUnauthorized: false,
    requestOCSP: true,
    // The host name is judged with the certificate, by our own rules.
    checkServerIdentity: () => undefined,
    // Node would end the handshake at 1024 bits; a weak exchange is a finding, not a failure.
    minDHSize: 1,
    // RFC 6066 section 3: never an address.
    ...(isIP(name) === 0 ? { servername: name } : {}),
  };
  const tls = tlsConnect(settings);
  tls.on('keylog', (line: Buffer) => reader.keylog(line));
  try {
    await new Promise<void>((done, reject) => {
      const fail = (error?: unknown): void =>
        reject(
          new NetworkFault(
            flooded ? FLOODED : handshakeFault(reader, tap.socketError ?? error, tap.socketError !== undefined),
          ),
        );
      tls.once('secureConnect', done);
      tls.on('error', fail);
      tls.once('close', () => fail());
      onWire = () => (reader.isTls === false ? fail() : undefined);
      const onAbort = (): void => reject(new NetworkFault(deadline.fault()));
      if (deadline.signal.aborted) onAbort();
      else deadline.signal.addEventListener('abort', onAbort, { once: true });
    });
    describe(tls, reader, facts);
    // Up to TLS 1.2 the server has decided before it finishes.
    if (reader.certificateRequested && facts.protocol === 'TLSv1.3') await demand(tls, reader, deadline);
  } finally {
    fromTheWire(reader, facts);
    tls.destroy();
    tap.destroy();
  }
}

/** What is there once the handshake is done. */
function describe(tls: TLSSocket, reader: HandshakeReader, facts: ConnectionFacts): void {
  facts.protocol = tls.getProtocol() ?? '';
  facts.cipher = tls.getCipher().standardName;
  const exchange = reader.group ?? keyExchange(tls);
  if (exchange !== undefined) facts.keyExchange = exchange;
  const error = tls.authorizationError as Error | string | null | undefined;
  facts.opensslError = error === null || error === undefined ? null : errorName(error);
  facts.clientCertificate = 'no';
  facts.certificates = certificatesOf(tls);
}

/** What was seen on the way, also where the handshake failed. */
function fromTheWire(reader: HandshakeReader, facts: ConnectionFacts): void {
  if (reader.protocol !== undefined) facts.protocol ??= reader.protocol;
  if (reader.group !== undefined) facts.keyExchange ??= reader.group;
  if (reader.certificates !== undefined) facts.certificates = reader.certificates;
  if (reader.staple !== undefined) facts.staple = reader.staple;
  if (reader.certificateRequested) facts.clientCertificate = demandsCertificate(reader) ? 'required' : 'requested';
  else if (reader.isFlightComplete) facts.clientCertificate = 'no';
}

/** Node's `authorizationError` is a code, in some versions on an Error. */
function errorName(error: Error | string): string {
  const code = typeof error === 'string' ? error : ((error as { code?: string }).code ?? '');
  return /^[A-Z][A-Z0-9_]{0,63}$/.test(code) ? code : 'UNSPECIFIED';
}

/** Up to TLS 1.2. Node says nothing where the server's RSA key did the exchange. */
function keyExchange(tls: TLSSocket): string | undefined {
  const info = tls.getEphemeralKeyInfo() as { type?: string; name?: string; size?: number } | null;
  if (info?.type === 'DH') return `DH ${info.size ?? ''}`.trim();
  if (info?.type === 'ECDH') return info.name === 'prime256v1' ? 'secp256r1' : info.name;
  return tls.getCipher().standardName.startsWith('TLS_RSA_') ? 'RSA' : undefined;
}

/** The chain as Node follows it. Taken by `getPeerCertificate(true)`, which works only before `getPeerX509Certificate`. */
function certificatesOf(tls: TLSSocket): Uint8Array[] {
  const found: Uint8Array[] = [];
  let next = tls.getPeerCertificate(true) as Partial<ReturnType<typeof tls.getPeerCertificate>> & {
    issuerCertificate?: typeof next;
  };
  const seen = new Set<unknown>();
  while (next.raw !== undefined && !seen.has(next)) {
    seen.add(next);
    found.push(Uint8Array.from(next.raw));
    next = next.issuerCertificate ?? {};
  }
  return found;
}

/**
 * In TLS 1.3 the handshake is over for the client before the server has missed its certificate. Ends with the server's
 * alert, with its first sign of being content (a session ticket, data), with the connection, or when the wait is over.
 */
function demand(tls: TLSSocket, reader: HandshakeReader, deadline: Deadline): Promise<void> {
  return new Promise((done) => {
    const limitMs = Math.min(MAX_WAIT_FOR_DEMAND_MS, deadline.remainingMs());
    const timer = setTimeout(done, limitMs);
    const finish = (): void => {
      clearTimeout(timer);
      done();
    };
    tls.once('error', (error: { code?: unknown }) => {
      const alert = /^ERR_SSL_(?:TLSV13|TLSV1|SSLV3)_ALERT_([A-Z_]+)$/.exec(String(error.code))?.[1];
      if (alert !== undefined) reader.alert ??= LATE_ALERTS[alert];
      finish();
    });
    tls.once('session', finish).once('end', finish).once('close', finish).once('data', finish);
    deadline.signal.addEventListener('abort', finish, { once: true });
  });
}

/** After the handshake alerts are encrypted, and OpenSSL tells them by name. */
const LATE_ALERTS: Readonly<Record<string, number>> = {
  CERTIFICATE_REQUIRED: 116,
  BAD_CERTIFICATE: 42,
  HANDSHAKE_FAILURE: 40,
  CERTIFICATE_UNKNOWN: 46,
  UNKNOWN_CA: 48,
  ACCESS_DENIED: 49,
};

const contexts = new WeakMap<readonly string[], SecureContext>();

/** Reading some 140 roots takes 20 ms, so the context of a list is kept as long as the list. */
function contextFor(anchors: readonly string[]): SecureContext {
  const known = contexts.get(anchors);
  if (known !== undefined) return known;
  const made = createSecureContext({
    ca: [...anchors],
    // An anchor need not be a root (RFC 5280 section 6.1.1 (d)): our own validation takes an intermediate that was given, too.
    allowPartialTrustChain: true,
    minVersion: 'TLSv1',
    ciphers: CIPHERS,
    // Servers from before RFC 5746 are refused by OpenSSL 3 otherwise.
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  });
  contexts.set(anchors, made);
  return made;
}
