/**
 * The plaintext dialogue up to the point where TLS starts: RFC 3207 (SMTP), RFC 2595 and 9051 (IMAP, POP3), RFC 4217
 * (FTP), RFC 4511 section 4.14 (LDAP), RFC 6120 section 5 (XMPP), and the SSLRequest of PostgreSQL. Nothing of what the
 * server says leaves this file. Bytes that follow the go-ahead are refused: they would be read as if they had come over
 * TLS (CVE-2011-0411).
 */

import type { StartTlsProtocol } from '../crypto/certificate/checker.js';
import { NetworkFault, type Fault } from './fault.js';
import { NOT_THIS_PROTOCOL, type Plaintext } from './plaintext.js';
import type { Target } from './target.js';

const REFUSED: Fault = {
  code: 'starttls_refused',
  explanation: 'The server speaks the protocol and does not change to TLS: it offers no STARTTLS, or refused it.',
  remedy: 'Set up a certificate for this service on the server, or check the port where it speaks TLS from the start.',
};

const INJECTED: Fault = {
  code: 'starttls_refused',
  explanation:
    'Plaintext followed the go-ahead for TLS, which a client could take for part of the encrypted session (CVE-2011-0411), so no handshake was made.',
  remedy: 'Update the server, and look for someone in between who changes the connection.',
};

/** RFC 5321 section 4.1.1.1 wants a name; `.invalid` (RFC 2606) says that it is none, and nothing about this machine. */
const OUR_NAME = 'client.invalid';

/** Leads the dialogue. Throws `NetworkFault` where it does not end in TLS. */
export async function startTls(protocol: StartTlsProtocol, target: Target, plain: Plaintext): Promise<void> {
  await DIALOGUES[protocol](plain, target);
  if (plain.hasUnread()) throw new NetworkFault(INJECTED);
}

const DIALOGUES: Readonly<Record<StartTlsProtocol, (plain: Plaintext, target: Target) => Promise<void>>> = {
  async smtp(plain) {
    await expectReply(plain, '220');
    plain.send(`EHLO ${OUR_NAME}\r\n`);
    const offers = await expectReply(plain, '250');
    if (!offers.some((line) => /^STARTTLS\s*$/i.test(line))) throw new NetworkFault(REFUSED);
    plain.send('STARTTLS\r\n');
    await expectReply(plain, '220');
  },

  async ftp(plain) {
    await expectReply(plain, '220');
    plain.send('AUTH TLS\r\n');
    await expectReply(plain, '234');
  },

  async imap(plain) {
    const greeting = await plain.line();
    if (!/^\* (?:OK|PREAUTH)\b/i.test(greeting))
      throw new NetworkFault(/^\* BYE\b/i.test(greeting) ? REFUSED : NOT_THIS_PROTOCOL);
    plain.send('a STARTTLS\r\n');
    for (;;) {
      const line = await plain.line();
      if (/^a OK\b/i.test(line)) return;
      if (/^a (?:NO|BAD)\b/i.test(line)) throw new NetworkFault(REFUSED);
      if (!line.startsWith('* ')) throw new NetworkFault(NOT_THIS_PROTOCOL);
    }
  },

  async pop3(plain) {
    for (const command of ['', 'STLS\r\n']) {
      if (command !== '') plain.send(command);
      const line = await plain.line();
      if (!/^\+OK\b/i.test(line)) throw new NetworkFault(/^-ERR\b/i.test(line) ? REFUSED : NOT_THIS_PROTOCOL);
    }
  },

  async ldap(plain) {
    plain.send(LDAP_START_TLS);
    const [tag, first = 0] = await plain.bytes(2);
    const lengthBytes = first > 0x80 ? first & 0x7f : 0;
    if (tag !== 0x30 || first === 0x80 || lengthBytes > 4) throw new NetworkFault(NOT_THIS_PROTOCOL);
    const size = lengthBytes === 0 ? first : (await plain.bytes(lengthBytes)).readUIntBE(0, lengthBytes);
    // An answer to our one question: messageID 1, ExtendedResponse [APPLICATION 24], then its resultCode (ENUMERATED).
    const answer = await plain.bytes(size);
    const [, , id, response, responseLength = 0] = answer;
    const result = answer.subarray(5 + (responseLength > 0x80 ? responseLength & 0x7f : 0));
    const isAnswer =
      answer[0] === 0x02 && answer[1] === 1 && response === 0x78 && result[0] === 0x0a && result[1] === 1;
    // Message ID 0 is a notice of disconnection (RFC 4511 section 4.4.1).
    if (!isAnswer || (id !== 1 && id !== 0)) throw new NetworkFault(NOT_THIS_PROTOCOL);
    if (id === 0 || result[2] !== 0) throw new NetworkFault(REFUSED);
  },

  async postgres(plain) {
    plain.send(POSTGRES_SSL_REQUEST);
    const answer = (await plain.bytes(1)).toString('latin1');
    // 'E' is an error message of a server that knows no SSLRequest.
    if (answer === 'N' || answer === 'E') throw new NetworkFault(REFUSED);
    if (answer !== 'S') throw new NetworkFault(NOT_THIS_PROTOCOL);
  },

  async xmpp(plain, target) {
    const stream = target.port === 5269 ? 'jabber:server' : 'jabber:client';
    // The name is letters, digits, dots, hyphens and underscores (or an address): nothing in it needs escaping.
    plain.send(
      `<?xml version='1.0'?><stream:stream to='${target.host}' xmlns='${stream}' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`,
    );
    const features = await plain.until(
      /<\/(?:[\w.-]+:)?features\s*>|<(?:[\w.-]+:)?features\s*\/>|<\/stream:stream\s*>|^(?!\s*<)\s*\S/,
    );
    if (!/^\s*</.test(features)) throw new NetworkFault(NOT_THIS_PROTOCOL);
    if (!/<starttls[\s/>]/.test(features))
      throw new NetworkFault(/<stream:stream[\s>]/.test(features) ? REFUSED : NOT_THIS_PROTOCOL);
    plain.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    const answer = await plain.until(
      /<proceed\b[^>]*\/>|<proceed\b[^>]*[^/>]>\s*<\/proceed\s*>|<failure\b[^>]*>|^(?!\s*<)\s*\S/,
    );
    if (/<failure\b/.test(answer)) throw new NetworkFault(REFUSED);
    if (!/<proceed\b/.test(answer)) throw new NetworkFault(NOT_THIS_PROTOCOL);
  },
};

/** ExtendedRequest (RFC 4511 section 4.12): SEQUENCE { messageID 1, [APPLICATION 23] { [0] the OID of StartTLS } }. */
const LDAP_START_TLS = Buffer.concat([
  Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]),
  Buffer.from('1.3.6.1.4.1.1466.20037'),
]);

/** PostgreSQL protocol, "SSL Session Encryption": length 8, code 80877103. */
const POSTGRES_SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** A reply of SMTP or FTP with its continuation lines (RFC 5321 section 4.2.1, RFC 959 section 4.2): the text of each line. */
async function expectReply(plain: Plaintext, code: string): Promise<string[]> {
  const texts: string[] = [];
  let first: string | undefined;
  for (;;) {
    const line = await plain.line();
    const [, digits, separator, text = ''] = /^(\d{3})([ -]|$)(.*)$/.exec(line) ?? [];
    // Inside a reply FTP lets any line stand that does not begin with the code.
    if (digits === undefined && first === undefined) throw new NetworkFault(NOT_THIS_PROTOCOL);
    first ??= digits;
    texts.push(text);
    if (digits !== first || separator === '-') continue;
    if (digits !== code) throw new NetworkFault(REFUSED);
    return texts;
  }
}
