/** Reading a server's handshake off the wire: real ones cut into any pieces, hand-made ones, and nonsense. */

import { connect as netConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { HandshakeReader } from '../../src/network/handshake.js';
import { Tap } from '../../src/network/tap.js';
import { closeServers, selfSigned, tlsServer } from '../support/tls-servers.js';

const own = selfSigned('example.com');
const other = selfSigned('other.example.com');

interface Recording {
  bytes: Buffer;
  keylog: Buffer[];
}

const recordings: Record<string, Recording> = {};

/** What a server sent in a whole handshake, and the secrets of the session. */
async function record(maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<Recording> {
  const server = await tlsServer({
    key: own.key,
    cert: own.cert + other.cert,
    maxVersion,
    requestCert: true,
    rejectUnauthorized: false,
  });
  const chunks: Buffer[] = [];
  const keylog: Buffer[] = [];
  const socket = netConnect(server.port, '127.0.0.1');
  const tap = new Tap(socket, {
    maxBytes: 100_000,
    observe: (chunk) => chunks.push(chunk) > 0,
    onFlood: () => undefined,
  });
  const tls = tlsConnect({ socket: tap, rejectUnauthorized: false });
  tls.on('keylog', (line: Buffer) => keylog.push(line)).on('error', () => undefined);
  await new Promise((done) => tls.once('secureConnect', done));
  tls.destroy();
  tap.destroy();
  return { bytes: Buffer.concat(chunks), keylog };
}

beforeAll(async () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) recordings[version] = await record(version);
  await closeServers();
});
afterAll(closeServers);

/** Plays a recording in pieces that end at `cuts`; the secrets come after `late` of them, once the ServerHello is there. */
function play({ bytes, keylog }: Recording, cuts: readonly number[], late = 0): HandshakeReader {
  const reader = new HandshakeReader();
  const ends = [...new Set([...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort((a, b) => a - b);
  let start = 0;
  let wait = late;
  let told = false;
  for (const end of ends) {
    reader.push(bytes.subarray(start, end));
    start = end;
    if (reader.protocol !== undefined && !told && wait-- <= 0) {
      told = true;
      for (const line of keylog) reader.keylog(line);
    }
  }
  if (!told) for (const line of keylog) reader.keylog(line);
  return reader;
}

describe.each(['TLSv1.2', 'TLSv1.3'])('a %s handshake', (version) => {
  const check = (reader: HandshakeReader): void => {
    expect(reader.certificates?.map((der) => Buffer.from(der))).toEqual([own.der, other.der]);
    expect(reader).toMatchObject({
      protocol: version,
      isTls: true,
      isFlightComplete: true,
      certificateRequested: true,
      alert: undefined,
      staple: undefined,
    });
  };

  it('is read whole, a byte at a time, and in any pieces', () => {
    const recording = recordings[version] as Recording;
    check(play(recording, []));
    check(play(recording, Array.from(recording.bytes.keys())));
    fc.assert(
      fc.property(fc.array(fc.nat(recording.bytes.length)), fc.nat(20), (cuts, late) =>
        check(play(recording, cuts, late)),
      ),
    );
  });

  it('with any byte changed is read without an exception, and never gives other certificates in TLS 1.3', () => {
    const { bytes, keylog } = recordings[version] as Recording;
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ flip;
        const { certificates } = play({ bytes: changed, keylog }, []);
        if (version === 'TLSv1.3' && certificates !== undefined) {
          expect(certificates.map((der) => Buffer.from(der))).toEqual([own.der, other.der]);
        }
      }),
    );
  });
});

it('nonsense is never an exception', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 8 }), fc.boolean(), (pieces, likeTls) => {
      const reader = new HandshakeReader();
      for (const piece of pieces) {
        if (likeTls) reader.push(Buffer.from([0x16, 3, 3, piece.length >> 8, piece.length & 255]));
        reader.push(Buffer.from(piece));
        reader.keylog(Buffer.from(piece));
      }
    }),
  );
});

describe('a ServerHello by hand', () => {
  const vector = (lengthBytes: number, body: Buffer): Buffer => {
    const length = Buffer.alloc(lengthBytes);
    length.writeUIntBE(body.length, 0, lengthBytes);
    return Buffer.concat([length, body]);
  };
  const extension = (type: number, hex: string): Buffer =>
    Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, Buffer.from(hex, 'hex'))]);
  const hello = (version: string, ...extensions: Buffer[]): Buffer => {
    const body = Buffer.concat([
      Buffer.from(version, 'hex'),
      Buffer.alloc(32, 7),
      vector(1, Buffer.alloc(0)),
      Buffer.from('130200', 'hex'),
      ...(extensions.length === 0 ? [] : [vector(2, Buffer.concat(extensions))]),
    ]);
    const message = Buffer.concat([Buffer.from([2]), vector(3, body)]);
    return Buffer.concat([Buffer.from('160303', 'hex'), vector(2, message)]);
  };
  const read = (...records: Buffer[]): HandshakeReader => {
    const reader = new HandshakeReader();
    for (const bytes of records) reader.push(bytes);
    return reader;
  };
  const TLS13 = extension(43, '0304');

  it('names the post-quantum groups of the IANA registry, and an unknown group by its number', () => {
    for (const [id, name] of [
      ['11ec', 'X25519MLKEM768'],
      ['11eb', 'SecP256r1MLKEM768'],
      ['11ed', 'SecP384r1MLKEM1024'],
      ['001d', 'X25519'],
      ['0017', 'secp256r1'],
      ['7a7a', '0x7a7a'],
    ]) {
      expect(read(hello('0303', TLS13, extension(51, `${id}0001ff`))).group).toBe(name);
    }
  });

  it('after a HelloRetryRequest the second one counts', () => {
    const retry = hello('0303', TLS13, extension(51, '0018'));
    const second = hello('0303', TLS13, extension(51, '11ec0001ff'));
    expect(read(retry, second).group).toBe('X25519MLKEM768');
  });

  it('without extensions tells the old version', () => {
    for (const [version, name] of [
      ['0300', 'SSLv3'],
      ['0301', 'TLSv1'],
      ['0302', 'TLSv1.1'],
      ['0303', 'TLSv1.2'],
    ]) {
      expect(read(hello(version ?? '')).protocol).toBe(name);
    }
  });

  it('an alert is kept where it is fatal, the first one only', () => {
    const alert = (level: number, description: number): Buffer => Buffer.from([0x15, 3, 3, 0, 2, level, description]);
    expect(read(alert(1, 112), alert(2, 40), alert(2, 80)).alert).toBe(40);
    expect(read(alert(1, 0)).alert).toBeUndefined();
  });
});
