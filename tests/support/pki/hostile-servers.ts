/** TCP servers of the PKI lab that do not speak TLS as they should. */

import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { listen, type Running } from './listen.js';

export const HOSTILITIES = [
  /** Accepts and never writes. */
  'silent',
  /** A handshake record that never ends, one byte an interval. */
  'drip',
  'garbage',
  'http',
  /** Greets as a mail server does. */
  'smtp',
  /** RST at once. */
  'reset',
  /** RST once the client has said hello. */
  'reset_after_hello',
  /** FIN at once. */
  'close',
  'close_after_hello',
  /** TLS records without end. */
  'flood',
  /** A TLS alert (handshake_failure) to the hello. */
  'alert',
  /** A record that claims more than TLS allows. */
  'oversized_record',
  /** An unknown version of the protocol in the record. */
  'odd_version',
] as const;
export type Hostility = (typeof HOSTILITIES)[number];

export interface HostileOptions {
  /** Of `drip`; 20 by default. */
  intervalMs?: number;
  host?: string;
}

const FLOOD_LIMIT_BYTES = 256 * 1024 * 1024;

/** Writes the block over and over while the client takes it. */
function flood(socket: Socket, block: Buffer): void {
  let sent = 0;
  const more = (): void => {
    while (!socket.destroyed && sent < FLOOD_LIMIT_BYTES) {
      sent += block.length;
      if (!socket.write(block)) return;
    }
  };
  socket.on('drain', more);
  more();
}

function drip(socket: Socket, intervalMs: number): void {
  // A handshake record of 16 KiB that begins a ServerHello.
  const beginning = Buffer.from('160303400002003ffc0303', 'hex');
  let index = 0;
  const timer = setInterval(() => {
    socket.write(Uint8Array.of(beginning[index] ?? 0));
    index += 1;
  }, intervalMs);
  socket.on('close', () => clearInterval(timer));
}

function behave(socket: Socket, hostility: Hostility, intervalMs: number): void {
  const onHello = (act: () => void): void => void socket.once('data', act);
  socket.on('end', () => socket.end());
  if (hostility === 'reset') return void socket.resetAndDestroy();
  if (hostility === 'reset_after_hello') return onHello(() => socket.resetAndDestroy());
  if (hostility === 'close') return void socket.end();
  if (hostility === 'close_after_hello') return onHello(() => socket.end());
  socket.resume();
  if (hostility === 'drip') return drip(socket, intervalMs);
  if (hostility === 'garbage')
    return void socket.write(Buffer.concat([Buffer.from('\u0001\u0002garbage'), randomBytes(512)]));
  if (hostility === 'http') return onHello(() => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
  if (hostility === 'smtp') return void socket.write('220 mail.lab.test ESMTP\r\n');
  if (hostility === 'flood') {
    return onHello(() => flood(socket, Buffer.concat([Buffer.from('1603034000', 'hex'), Buffer.alloc(0x4000, 2)])));
  }
  if (hostility === 'alert') return onHello(() => socket.end(Buffer.from('15030300020228', 'hex')));
  if (hostility === 'oversized_record') return onHello(() => socket.write(Buffer.from('160303ffff02', 'hex')));
  if (hostility === 'odd_version') return onHello(() => socket.write(Buffer.from('1609090002020000', 'hex')));
}

/** Starts such a server. */
export async function hostileServer(
  hostility: Hostility,
  { intervalMs = 20, host }: HostileOptions = {},
): Promise<Running> {
  return listen(
    createServer({ allowHalfOpen: true }, (socket) => behave(socket, hostility, intervalMs)),
    host,
  );
}

function record(type: number, body: Uint8Array): Buffer {
  const header = Buffer.from([type, 3, 3, 0, 0]);
  header.writeUInt16BE(body.length, 3);
  return Buffer.concat([header, body]);
}

function sized(bytes: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(bytes);
  header.writeUIntBE(body.length, 0, bytes);
  return Buffer.concat([header, body]);
}

/**
 * Answers any hello with a TLS 1.2 ServerHello and a Certificate message (RFC 5246 section 7.4.2) of these bytes, then silence
 * or the end: for certificates no TLS library would serve.
 */
export async function rawCertificateServer(
  certificates: Uint8Array[],
  options: { after?: 'silence' | 'close' | 'reset'; host?: string } = {},
): Promise<Running> {
  // ECDHE-ECDSA-AES128-GCM-SHA256, no compression, and renegotiation_info, without which OpenSSL 3 ends the handshake.
  const hello = Buffer.concat([
    Buffer.from('0303', 'hex'),
    randomBytes(32),
    Buffer.from('00c02b000005ff01000100', 'hex'),
  ]);
  const list = sized(3, Buffer.concat(certificates.map((certificate) => sized(3, certificate))));
  const message = Buffer.concat([Uint8Array.of(11), sized(3, list)]);
  const records = [record(22, Buffer.concat([Uint8Array.of(2), sized(3, hello)]))];
  for (let at = 0; at < message.length; at += 0x4000) records.push(record(22, message.subarray(at, at + 0x4000)));
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.concat(records), () => {
        if (options.after === 'close') socket.end();
        if (options.after === 'reset') socket.resetAndDestroy();
      });
      socket.resume();
    });
  });
  return listen(server, options.host);
}
