/**
 * Reads what a TLS server sends during the handshake, off the wire: RFC 8446 (TLS 1.3) and RFC 5246 (1.2 and older).
 * Node tells the issuers of a certificate as far as it finds them, in its own order, and nothing once a handshake has
 * failed; here are the certificates as sent, the stapled OCSP response, the group, the demand for a client certificate
 * and the alert, however it ends. TLS 1.3 encrypts them; the session's own secrets (Node's `keylog` event) open them.
 */

import { ByteQueue } from './byte-queue.js';
import { recordOpener, SUITES, type RecordOpener } from './record-opener.js';

const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;
const MESSAGE = {
  serverHello: 2,
  certificate: 11,
  certificateRequest: 13,
  serverHelloDone: 14,
  finished: 20,
  certificateStatus: 22,
} as const;
const EXTENSION = { statusRequest: 5, supportedVersions: 43, keyShare: 51 } as const;
const RECORD_HEADER_BYTES = 5;
/** RFC 5246 section 6.2.3: 2^14 and 2,048 for what the cipher adds. */
const MAX_RECORD_BYTES = 16_384 + 2_048;

const VERSIONS: Readonly<Record<number, string>> = {
  0x0300: 'SSLv3',
  0x0301: 'TLSv1',
  0x0302: 'TLSv1.1',
  0x0303: 'TLSv1.2',
  0x0304: 'TLSv1.3',
};

/** TLS Supported Groups of the IANA registry, post-quantum hybrids included. */
const GROUPS: Readonly<Record<number, string>> = {
  0x0017: 'secp256r1',
  0x0018: 'secp384r1',
  0x0019: 'secp521r1',
  0x001d: 'X25519',
  0x001e: 'X448',
  0x001f: 'brainpoolP256r1tls13',
  0x0020: 'brainpoolP384r1tls13',
  0x0021: 'brainpoolP512r1tls13',
  0x0100: 'ffdhe2048',
  0x0101: 'ffdhe3072',
  0x0102: 'ffdhe4096',
  0x0103: 'ffdhe6144',
  0x0104: 'ffdhe8192',
  0x0200: 'MLKEM512',
  0x0201: 'MLKEM768',
  0x0202: 'MLKEM1024',
  0x11eb: 'SecP256r1MLKEM768',
  0x11ec: 'X25519MLKEM768',
  0x11ed: 'SecP384r1MLKEM1024',
};

export class HandshakeReader {
  /** False once the first bytes were no TLS record. */
  isTls: boolean | undefined;
  /** As agreed on in the ServerHello. */
  protocol: string | undefined;
  /** The group of TLS 1.3. */
  group: string | undefined;
  /** As the server sent them; undefined where no Certificate message was seen. */
  certificates: Uint8Array[] | undefined;
  staple: Uint8Array | undefined;
  certificateRequested = false;
  /** The server's flight was seen to its end: what was not in it was not sent. */
  isFlightComplete = false;
  /** The description of the fatal alert that the server sent in this phase (RFC 8446 section 6). */
  alert: number | undefined;
  /** The first bytes that came, for recognising other protocols. */
  start: Buffer = Buffer.alloc(0);

  readonly #wire = new ByteQueue();
  readonly #messages = new ByteQueue();
  /** Encrypted records that came before their secret was known. */
  readonly #sealed: { header: Buffer; body: Buffer }[] = [];
  #needed = 1;
  #suite = 0;
  #opener: RecordOpener | undefined;
  /** Nothing more can be read: the keys changed, or what came made no sense. */
  #isOver = false;

  /** Bytes from the server, in any pieces. */
  push(chunk: Buffer): void {
    if (this.start.length < 16) this.start = Buffer.concat([this.start, chunk.subarray(0, 16)]);
    if (this.#isOver || this.isTls === false) return;
    this.#wire.push(chunk);
    while (!this.#isOver && this.#wire.length >= this.#needed) {
      if (this.#needed < RECORD_HEADER_BYTES) {
        if (!this.#looksLikeTls()) return;
        continue;
      }
      const header = this.#wire.peek(RECORD_HEADER_BYTES);
      const size = header.readUInt16BE(3);
      if (header[1] !== 3 || size > MAX_RECORD_BYTES) return this.#giveUp();
      this.#needed = RECORD_HEADER_BYTES + size;
      if (this.#wire.length < this.#needed) return;
      this.#wire.take(RECORD_HEADER_BYTES);
      this.#needed = RECORD_HEADER_BYTES;
      this.#record(Buffer.from(header), Buffer.from(this.#wire.take(size)));
    }
  }

  /** A line of Node's `keylog` event (the NSS key log format). */
  keylog(line: Buffer): void {
    const [label, , secret] = line.toString('latin1').trim().split(' ');
    const suite = SUITES[this.#suite];
    if (label !== 'SERVER_HANDSHAKE_TRAFFIC_SECRET' || secret === undefined || suite === undefined) return;
    this.#opener = recordOpener(Buffer.from(secret, 'hex'), suite);
    for (const { header, body } of this.#sealed.splice(0)) this.#encrypted(header, body);
  }

  /** Judged by the first byte, and the second once it is there: an alert or a handshake record of version 3.x. */
  #looksLikeTls(): boolean {
    const [type, major] = this.#wire.peek(Math.min(2, this.#wire.length));
    this.isTls = (type === CONTENT.handshake || type === CONTENT.alert) && (major === undefined || major === 3);
    this.#needed = major === undefined ? 2 : RECORD_HEADER_BYTES;
    if (!this.isTls) this.#giveUp();
    return this.isTls;
  }

  #giveUp(): void {
    this.#isOver = true;
  }

  #record(header: Buffer, body: Buffer): void {
    const type = header[0];
    if (type === CONTENT.alert) this.#alert(body);
    else if (type === CONTENT.handshake) this.#handshake(body);
    else if (type === CONTENT.applicationData) this.#encrypted(header, body);
    // Up to TLS 1.2 all that follows is encrypted under keys that Node does not tell. In 1.3 it means nothing (appendix D.4).
    else if (type === CONTENT.changeCipherSpec && this.protocol !== 'TLSv1.3') this.#giveUp();
  }

  #encrypted(header: Buffer, body: Buffer): void {
    if (this.#isOver || this.protocol !== 'TLSv1.3') return;
    if (this.#opener === undefined) {
      this.#sealed.push({ header, body });
      return;
    }
    const inner = this.#opener(header, body);
    if (inner === undefined) return this.#giveUp();
    // RFC 8446 section 5.2: the content, its type, and any number of zeros.
    let end = inner.length - 1;
    while (end > 0 && inner[end] === 0) end -= 1;
    const content = inner.subarray(0, Math.max(0, end));
    if (inner[end] === CONTENT.handshake) this.#handshake(content);
    else if (inner[end] === CONTENT.alert) this.#alert(content);
  }

  #alert(body: Buffer): void {
    const [level, description] = body;
    const isFatal = level === 2 || this.protocol === 'TLSv1.3';
    if (body.length === 2 && isFatal && description !== 0) this.alert ??= description;
  }

  #handshake(bytes: Buffer): void {
    this.#messages.push(bytes);
    while (!this.#isOver && this.#messages.length >= 4) {
      const head = this.#messages.peek(4);
      const size = head.readUIntBE(1, 3);
      if (this.#messages.length < 4 + size) return;
      const message = this.#messages.take(4 + size);
      try {
        this.#message(message[0] ?? 0, new Fields(message.subarray(4)));
      } catch {
        // OpenSSL says what is wrong with a malformed message; reading stops here.
        this.#giveUp();
      }
    }
  }

  #message(type: number, body: Fields): void {
    if (type === MESSAGE.serverHello) this.#serverHello(body);
    else if (type === MESSAGE.certificate) this.#certificate(body);
    else if (type === MESSAGE.certificateRequest) this.certificateRequested = true;
    else if (type === MESSAGE.certificateStatus) this.staple = status(body);
    else if (type === MESSAGE.serverHelloDone || type === MESSAGE.finished) {
      this.isFlightComplete = true;
      // After Finished the application keys are in use.
      if (type === MESSAGE.finished) this.#giveUp();
    }
  }

  /** RFC 8446 section 4.1.3. A HelloRetryRequest has the same form; the ServerHello after it overwrites what it said. */
  #serverHello(body: Fields): void {
    let version = body.uint(2);
    body.bytes(32);
    body.vector(1);
    this.#suite = body.uint(2);
    body.uint(1);
    const extensions = body.isEmpty() ? body : body.vector(2);
    while (!extensions.isEmpty()) {
      const type = extensions.uint(2);
      const data = extensions.vector(2);
      if (type === EXTENSION.supportedVersions) version = data.uint(2);
      if (type === EXTENSION.keyShare) {
        const group = data.uint(2);
        this.group = GROUPS[group] ?? `0x${group.toString(16).padStart(4, '0')}`;
      }
    }
    this.protocol = VERSIONS[version];
  }

  /** RFC 8446 section 4.4.2 and RFC 5246 section 7.4.2. */
  #certificate(body: Fields): void {
    const isModern = this.protocol === 'TLSv1.3';
    if (isModern) body.vector(1);
    const list = body.vector(3);
    const found: Uint8Array[] = [];
    while (!list.isEmpty()) {
      found.push(Uint8Array.from(list.vector(3).rest()));
      if (!isModern) continue;
      const extensions = list.vector(2);
      while (!extensions.isEmpty()) {
        const type = extensions.uint(2);
        const data = extensions.vector(2);
        if (type === EXTENSION.statusRequest && found.length === 1) this.staple = status(data);
      }
    }
    this.certificates ??= found;
  }
}

/** A CertificateStatus (RFC 6066 section 8): the OCSP response in it. */
function status(body: Fields): Uint8Array | undefined {
  return body.uint(1) === 1 ? Uint8Array.from(body.vector(3).rest()) : undefined;
}

/** Reads the fields of TLS's presentation language; throws where there are fewer bytes than announced. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  isEmpty(): boolean {
    return this.#at >= this.#bytes.length;
  }

  bytes(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) throw new RangeError('short');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  uint(size: number): number {
    return this.bytes(size).readUIntBE(0, size);
  }

  /** A vector whose length stands before it in `lengthBytes` bytes. */
  vector(lengthBytes: number): Fields {
    return new Fields(this.bytes(this.uint(lengthBytes)));
  }

  rest(): Buffer {
    return this.bytes(this.#bytes.length - this.#at);
  }
}
