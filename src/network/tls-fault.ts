/** What to say of a TLS handshake that failed: by the server's alert (RFC 8446 section 6), by what came instead of TLS. */

import { CLOSED, connectFault, errorCode, type Fault } from './fault.js';
import type { HandshakeReader } from './handshake.js';

const CHECK_SERVER = 'Check the TLS settings of the server and its log.';

const failed = (explanation: string, remedy = CHECK_SERVER): Fault => ({
  code: 'handshake_failed',
  explanation,
  remedy,
});

export const FLOODED = failed('The server sent far more than a TLS handshake has, so the connection was given up.');

export const CERTIFICATE_REQUIRED = failed(
  'The server asked for a client certificate and ended the handshake without one.',
  'The server can only be used with a client certificate; its own certificate was seen and judged all the same.',
);

/** Alert descriptions, RFC 8446 section 6.2 and RFC 5246 section 7.2.2. */
const ALERTS: Readonly<Record<number, Fault>> = {
  10: failed('The server answered with the alert unexpected_message.'),
  20: failed('The server answered with the alert bad_record_mac.'),
  40: failed(
    'The server answered with the alert handshake_failure: it found no cipher suite or parameter in common.',
    'Check which cipher suites and groups the server allows, and that a certificate is set up for this name.',
  ),
  42: failed('The server answered with the alert bad_certificate.'),
  47: failed('The server answered with the alert illegal_parameter.'),
  48: failed('The server answered with the alert unknown_ca.'),
  49: failed('The server answered with the alert access_denied.'),
  50: failed('The server answered with the alert decode_error.'),
  51: failed('The server answered with the alert decrypt_error.'),
  70: failed(
    'The server answered with the alert protocol_version: it speaks none of TLS 1.0 to 1.3.',
    'Turn on TLS 1.2 and TLS 1.3 on the server.',
  ),
  71: failed('The server answered with the alert insufficient_security.'),
  80: failed('The server answered with the alert internal_error.', 'Check the log of the server.'),
  86: failed('The server answered with the alert inappropriate_fallback.'),
  109: failed('The server answered with the alert missing_extension.'),
  112: failed(
    'The server answered with the alert unrecognized_name: it does not serve this name.',
    'Check the name, and which names the server is set up for.',
  ),
  116: CERTIFICATE_REQUIRED,
  120: failed('The server answered with the alert no_application_protocol.'),
};

const OTHER_ALERT = failed('The server ended the handshake with an alert.');

/** The alerts with which servers refuse a client without a certificate: OpenSSL, Go, Java, SChannel and others differ. */
const ALERTS_WITHOUT_CERTIFICATE = [40, 41, 42, 46, 47, 48, 49, 80, 116];

export function demandsCertificate(reader: HandshakeReader): boolean {
  return (
    reader.alert === 116 || (reader.certificateRequested && ALERTS_WITHOUT_CERTIFICATE.includes(reader.alert ?? -1))
  );
}

const notTls = (explanation: string, remedy: string): Fault => ({ code: 'not_tls', explanation, remedy });

/** First bytes by which other protocols are known. */
const OTHER_PROTOCOLS: readonly (readonly [RegExp, Fault])[] = [
  [/^HTTP\//, notTls('The server speaks plain HTTP on this port.', 'Check the port; HTTPS is usually on 443.')],
  [/^SSH-/, notTls('This is an SSH server.', 'Check the port.')],
  [
    /^220[ -]/,
    notTls(
      'The server begins in plaintext, as SMTP and FTP do.',
      'Call again with starttls "smtp" or "ftp", or check the port where it speaks TLS from the start (465, 990).',
    ),
  ],
  [
    /^\* (?:OK|PREAUTH|BYE)/,
    notTls(
      'The server begins in plaintext, as IMAP does.',
      'Call again with starttls "imap", or check port 993, where it speaks TLS from the start.',
    ),
  ],
  [
    /^\+OK/,
    notTls(
      'The server begins in plaintext, as POP3 does.',
      'Call again with starttls "pop3", or check port 995, where it speaks TLS from the start.',
    ),
  ],
];

const GARBAGE = notTls(
  'What the server answered is not TLS.',
  'Check the port, and whether the service needs starttls.',
);

/** The fault of an error during the handshake, of the socket or the TLS library, or of the connection's end without one. */
export function handshakeFault(reader: HandshakeReader, error: unknown, isOfSocket: boolean): Fault {
  if (reader.isTls === false) {
    const start = reader.start.toString('latin1');
    return OTHER_PROTOCOLS.find(([pattern]) => pattern.test(start))?.[1] ?? GARBAGE;
  }
  if (demandsCertificate(reader)) return CERTIFICATE_REQUIRED;
  if (reader.alert !== undefined) return ALERTS[reader.alert] ?? OTHER_ALERT;
  const code = errorCode(error);
  if (isOfSocket) return connectFault(error);
  if (!code.startsWith('ERR_') || CODES_OF_AN_END.includes(code)) return CLOSED;
  if (reader.isTls === undefined || code === 'ERR_SSL_WRONG_VERSION_NUMBER') return GARBAGE;
  return LOCAL[code.replace(/^ERR_SSL_/, '')] ?? LOCAL_OTHER;
}

const CODES_OF_AN_END = ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_SSL_UNEXPECTED_EOF_WHILE_READING'];

/** Reasons for which OpenSSL ends the handshake on this side. */
const LOCAL: Readonly<Record<string, Fault>> = {
  UNSUPPORTED_PROTOCOL: failed(
    'The server chose a protocol version older than TLS 1.0.',
    'Turn on TLS 1.2 and TLS 1.3 on the server.',
  ),
  DH_KEY_TOO_SMALL: failed(
    'The Diffie-Hellman parameters of the server are too small to be used.',
    'Use elliptic curves, or parameters of 2048 bits or more (RFC 9325 section 4.1).',
  ),
};

const LOCAL_OTHER = failed(
  'The handshake broke off: what the server sent does not follow TLS, or is not supported here.',
);
