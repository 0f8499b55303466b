/** The plaintext dialogue of each protocol with servers that go along, refuse, speak something else, or inject. */

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import { afterEach, describe, expect, it } from 'vitest';

import type { ConnectionFacts } from '../../src/crypto/certificate/connection.js';
import { STARTTLS_PROTOCOLS, type StartTlsProtocol } from '../../src/crypto/certificate/checker.js';
import { probe, type ProbeOptions } from '../../src/network/tls-probe.js';
import { ANY, closeServers, selfSigned, target, tcpServer } from '../support/tls-servers.js';

afterEach(closeServers);

const own = selfSigned('example.com');

/** What the server says (text or bytes) and what it waits for (a pattern), in turn; TLS begins after the last. */
type Script = readonly (string | Buffer | RegExp | { hex: string })[];

const LDAP_REQUEST = { hex: `301d02010177188016${Buffer.from('1.3.6.1.4.1.1466.20037').toString('hex')}` };
const ldapAnswer = (id: number, code: number): Buffer =>
  Buffer.from([0x30, 12, 2, 1, id, 0x78, 7, 0x0a, 1, code, 4, 0, 4, 0]);
const LDAP_LONG_FORM = Buffer.from([0x30, 0x84, 0, 0, 0, 16, 2, 1, 1, 0x78, 0x84, 0, 0, 0, 7, 0x0a, 1, 0, 4, 0, 4, 0]);
const POSTGRES_REQUEST = { hex: '0000000804d2162f' };
const XMPP_STREAM = /^<\?xml version='1.0'\?><stream:stream to='127\.0\.0\.1' xmlns='jabber:client' .*version='1\.0'>$/;
const XMPP_START = /^<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'\/>$/;
const XMPP_OPEN = "<?xml version='1.0'?><stream:stream id='1' xmlns:stream='http://etherx.jabber.org/streams'>";
const XMPP_FEATURES = `${XMPP_OPEN}<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>`;
const XMPP_PROCEED = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

const GOOD: Record<StartTlsProtocol, Script[]> = {
  smtp: [
    [
      '220 mx ESMTP\r\n',
      /^EHLO client\.invalid\r\n$/,
      '250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n',
      /^STARTTLS\r\n$/,
      '220 go\r\n',
    ],
    ['220-mx\r\n220 hello\r\n', /EHLO/, '250-mx\r\n', '250-starttls\r\n250 HELP\r\n', /STARTTLS/, '220 2.0.0\r\n'],
  ],
  ftp: [
    ['220 ready\r\n', /^AUTH TLS\r\n$/, '234 go\r\n'],
    ['220-Welcome\r\n to this server\r\n220 ready\r\n', /AUTH/, '234 go\r\n'],
  ],
  imap: [
    ['* OK ready\r\n', /^a STARTTLS\r\n$/, 'a OK begin\r\n'],
    ['* PREAUTH hi\r\n', /STARTTLS/, '* CAPABILITY IMAP4rev1\r\n', 'a OK begin\r\n'],
  ],
  pop3: [['+OK ready\r\n', /^STLS\r\n$/, '+OK begin\r\n']],
  ldap: [
    [LDAP_REQUEST, ldapAnswer(1, 0)],
    [LDAP_REQUEST, LDAP_LONG_FORM],
  ],
  postgres: [[POSTGRES_REQUEST, 'S']],
  xmpp: [
    [XMPP_STREAM, XMPP_FEATURES, XMPP_START, XMPP_PROCEED],
    [
      XMPP_STREAM,
      XMPP_OPEN,
      XMPP_FEATURES.slice(XMPP_OPEN.length),
      XMPP_START,
      XMPP_PROCEED.replace('/>', '></proceed>'),
    ],
  ],
};

const REFUSING: Record<StartTlsProtocol, Script[]> = {
  smtp: [
    ['220 mx\r\n', /EHLO/, '250-mx\r\n250 SIZE 1\r\n'],
    ['220 mx\r\n', /EHLO/, '250-mx\r\n250 STARTTLS\r\n', /STARTTLS/, '454 not available\r\n'],
    ['554 no service\r\n'],
    ['220 mx\r\n', /EHLO/, '502 unknown\r\n'],
  ],
  ftp: [['220 ready\r\n', /AUTH/, '500 unknown\r\n'], ['421 too many\r\n']],
  imap: [
    ['* OK ready\r\n', /STARTTLS/, 'a BAD unknown\r\n'],
    ['* OK ready\r\n', /STARTTLS/, 'a NO not now\r\n'],
    ['* BYE\r\n'],
  ],
  pop3: [['+OK ready\r\n', /STLS/, '-ERR unknown\r\n'], ['-ERR busy\r\n']],
  ldap: [
    [LDAP_REQUEST, ldapAnswer(1, 2)],
    [LDAP_REQUEST, ldapAnswer(0, 52)],
  ],
  postgres: [
    [POSTGRES_REQUEST, 'N'],
    [POSTGRES_REQUEST, 'E\0\0\0\x20SFATAL\0'],
  ],
  xmpp: [
    [XMPP_STREAM, `${XMPP_OPEN}<stream:features><bind/></stream:features>`],
    [XMPP_STREAM, `${XMPP_OPEN}<stream:features/>`],
    [XMPP_STREAM, `${XMPP_OPEN}<stream:error/></stream:stream>`],
    [XMPP_STREAM, XMPP_FEATURES, XMPP_START, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>"],
  ],
};

const GARBAGE = [
  'SSH-2.0-OpenSSH_9.9\r\n',
  'HTTP/1.1 400 Bad Request\r\n\r\n',
  Buffer.alloc(64, 0xff),
  '\n'.repeat(64),
];

async function lead(socket: Socket, script: Script): Promise<void> {
  let heard = '';
  let onData = (): void => undefined;
  const listen = (chunk: Buffer): void => {
    heard += chunk.toString('latin1');
    onData();
  };
  socket.on('data', listen);
  for (const step of script) {
    if (typeof step === 'string' || Buffer.isBuffer(step)) socket.write(step);
    else {
      const isHeard = (): boolean =>
        step instanceof RegExp ? step.test(heard) : Buffer.from(heard, 'latin1').toString('hex') === step.hex;
      while (!isHeard()) await new Promise<void>((done) => (onData = done));
      heard = '';
    }
  }
  socket.off('data', listen);
}

async function check(
  protocol: StartTlsProtocol,
  script: Script,
  more: Partial<ProbeOptions> = {},
): Promise<ConnectionFacts> {
  const server = await tcpServer((socket) => {
    void lead(socket, script).then(() => {
      const tls = new TLSSocket(socket, { isServer: true, key: own.key, cert: own.cert });
      tls.on('error', () => undefined).on('end', () => tls.destroy());
    });
  });
  const found = await probe(target(`127.0.0.1:${server.port}`, protocol), {
    policy: ANY,
    anchors: [own.cert],
    timeoutMs: 5_000,
    starttls: protocol,
    ...more,
  });
  await server.quiet();
  return found;
}

describe.each(STARTTLS_PROTOCOLS)('%s', (protocol) => {
  it('goes over to TLS, and the certificate is seen', async () => {
    for (const script of GOOD[protocol]) {
      const found = await check(protocol, script);
      expect(found).toMatchObject({
        protocol: 'TLSv1.3',
        opensslError: null,
        certificates: [Uint8Array.from(own.der)],
      });
      expect(found.fault).toBeUndefined();
    }
  });

  it('a server that refuses is said to', async () => {
    for (const script of REFUSING[protocol]) {
      expect(await check(protocol, script)).toMatchObject({ fault: { code: 'starttls_refused' }, certificates: [] });
    }
  });

  it('a server of another protocol is said to be one', async () => {
    for (const noise of GARBAGE) {
      const script = protocol === 'ldap' || protocol === 'postgres' || protocol === 'xmpp' ? [/./, noise] : [noise];
      // A space may stand before XML, so blank lines alone are the beginning of nothing.
      // An S is the go-ahead of PostgreSQL, with injected bytes after it.
      if (protocol === 'postgres' && String(noise).startsWith('S')) continue;
      const isBlank = protocol === 'xmpp' && String(noise).trim() === '';
      const found = await check(protocol, script, isBlank ? { timeoutMs: 50 } : {});
      expect(found.fault?.code, String(noise)).toBe(isBlank ? 'timeout' : 'not_tls');
    }
  });

  it('plaintext after the go-ahead is refused (CVE-2011-0411)', async () => {
    for (const script of GOOD[protocol]) {
      const last = Buffer.from(script.at(-1) as string | Buffer);
      const injected = Buffer.concat([last, Buffer.from('250 injected\r\n')]);
      expect(await check(protocol, [...script.slice(0, -1), injected])).toMatchObject({
        fault: { code: 'starttls_refused', explanation: expect.stringContaining('CVE-2011-0411') as string },
        certificates: [],
      });
    }
  });

  it('silence is a timeout, the end of the connection a reset', async () => {
    expect(await check(protocol, [/never/], { timeoutMs: 50 })).toMatchObject({ fault: { code: 'timeout' } });
    const server = await tcpServer((socket) => socket.end());
    const found = await probe(target(`127.0.0.1:${server.port}`), {
      policy: ANY,
      anchors: [],
      timeoutMs: 5_000,
      starttls: protocol,
    });
    expect(found).toMatchObject({ fault: { code: 'reset' } });
  });
});

it('what the server says is bounded: lines without end, replies without end, XML without end', async () => {
  const kibibyte = 'x'.repeat(1_024);
  const endless: [StartTlsProtocol, Script][] = [
    ['smtp', [`220 ${kibibyte.repeat(5)}`]],
    ['smtp', ['220-more\r\n'.repeat(7_000)]],
    ['imap', ['* OK\r\n', /STARTTLS/, '* more\r\n'.repeat(9_000)]],
    ['ldap', [LDAP_REQUEST, Buffer.from([0x30, 0x83, 0xff, 0xff, 0xff])]],
    ['xmpp', [XMPP_STREAM, XMPP_OPEN + kibibyte.repeat(65)]],
  ];
  for (const [protocol, script] of endless) {
    expect(await check(protocol, script), protocol).toMatchObject({ fault: { code: 'not_tls' } });
  }
});

it('a server that drips a byte at a time meets the deadline', async () => {
  const server = await tcpServer((socket) => {
    const timer = setInterval(() => socket.write('2'), 5);
    socket.resume().once('close', () => clearInterval(timer));
  });
  const options = { policy: ANY, anchors: [], timeoutMs: 200, starttls: 'smtp' as const };
  expect(await probe(target(`127.0.0.1:${server.port}`), options)).toMatchObject({ fault: { code: 'timeout' } });
});
