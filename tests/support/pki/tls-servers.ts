/** TLS servers of the PKI lab: any chain in any order, staples, versions, client certificates, SNI, STARTTLS. */

import { createServer as createTcpServer, type Socket } from 'node:net';
import { createSecureContext, createServer, TLSSocket, type SecureVersion, type TlsOptions } from 'node:tls';
import type { Issued } from './certificates.js';
import { listen, type Running } from './listen.js';

type Certificate = Pick<Issued, 'der' | 'pem'>;

export interface TlsServerOptions {
  /** As they are sent, leaf first: also wrongly ordered, with strangers, or without the intermediates. */
  chain: Certificate[];
  /** Of the leaf. */
  privateKey: Issued['privateKey'];
  /** The stapled OCSP response. `hang`: asked for a staple the server never goes on. */
  staple?: Uint8Array | 'hang';
  minVersion?: SecureVersion;
  maxVersion?: SecureVersion;
  /** OpenSSL's cipher list for TLS 1.2 and before; security level 0 by default, so that weak things can be served. */
  ciphers?: string;
  /** Groups of the key exchange, such as `X25519:P-256`. */
  ecdhCurve?: string;
  clientCertificate?: 'requested' | 'required';
  /** Authorities of client certificates. */
  clientAuthorities?: Certificate[];
  /**
   * Other certificates by the name asked for; a `refuse` ends the handshake. Node only replaces the leaf of that kind of key, and
   * the intermediates where there are some: give keys of the same kind, and more than the leaf.
   */
  sni?: Record<string, { chain: Certificate[]; privateKey: Issued['privateKey'] } | 'refuse'>;
  host?: string;
}

export interface TlsRunning extends Running {
  /** The names clients asked for. */
  serverNames: string[];
  /** How many handshakes asked for a staple. */
  readonly stapleRequests: number;
}

const pemOf = (chain: Certificate[]): string => chain.map(({ pem }) => pem).join('');
const keyPem = (key: Issued['privateKey']): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

function contextOptions(options: TlsServerOptions): TlsOptions {
  return {
    cert: pemOf(options.chain),
    key: keyPem(options.privateKey),
    // With no authorities OpenSSL has nothing to complete the chain from: exactly `chain` is sent.
    ca: pemOf(options.clientAuthorities ?? []),
    ciphers: options.ciphers ?? 'ALL:@SECLEVEL=0',
    ...(options.minVersion ? { minVersion: options.minVersion } : {}),
    ...(options.maxVersion ? { maxVersion: options.maxVersion } : {}),
    ...(options.ecdhCurve ? { ecdhCurve: options.ecdhCurve } : {}),
  };
}

/** Starts a TLS server. It ends connections when the client does. Throws where Node cannot read the certificates. */
export async function tlsServer(options: TlsServerOptions): Promise<TlsRunning> {
  const serverNames: string[] = [];
  let stapleRequests = 0;
  const { clientCertificate, sni, staple } = options;
  const server = createServer({
    ...contextOptions(options),
    requestCert: clientCertificate !== undefined,
    rejectUnauthorized: clientCertificate === 'required',
    SNICallback: (name, done) => {
      serverNames.push(name);
      const other = sni?.[name];
      if (other === 'refuse') return done(new Error('no such name'));
      if (other) done(null, createSecureContext(contextOptions({ ...options, ...other })));
      else done(null);
    },
  });
  if (staple) {
    server.on(
      'OCSPRequest',
      (_certificate: Buffer, _issuer: Buffer, done: (error: Error | null, response: Buffer) => void) => {
        stapleRequests += 1;
        if (staple !== 'hang') done(null, Buffer.from(staple));
      },
    );
  }
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.resume();
  });
  const running = await listen(server, options.host);
  return Object.defineProperties(running as TlsRunning, {
    serverNames: { value: serverNames },
    stapleRequests: { get: () => stapleRequests },
  });
}

export type StartTlsProtocol = 'smtp' | 'imap' | 'pop3' | 'ftp' | 'postgres';
/** `refuse`: says no; `strip`: does not offer it; `inject`: sends plain text along with its yes; `silent`: no greeting. */
export type StartTlsManner = 'good' | 'refuse' | 'strip' | 'inject' | 'silent';

interface Dialogue {
  greeting: string;
  /** The answer to a line, or `upgrade` with the line that says yes. */
  answer: (line: string, offered: boolean) => string | { upgrade: string };
  no: string;
}

const DIALOGUES: Record<Exclude<StartTlsProtocol, 'postgres'>, Dialogue> = {
  smtp: {
    greeting: '220 mail.lab.test ESMTP\r\n',
    answer: (line, offered) => {
      if (/^(?:EHLO|HELO)/iu.test(line))
        return offered ? '250-mail.lab.test\r\n250-STARTTLS\r\n250 8BITMIME\r\n' : '250 mail.lab.test\r\n';
      return /^STARTTLS/iu.test(line) ? { upgrade: '220 Go ahead\r\n' } : '250 OK\r\n';
    },
    no: '454 TLS not available\r\n',
  },
  imap: {
    greeting: '* OK IMAP4rev1 ready\r\n',
    answer: (line, offered) => {
      const tag = line.split(' ', 1)[0] ?? '*';
      if (/ CAPABILITY/iu.test(line))
        return `* CAPABILITY IMAP4rev1${offered ? ' STARTTLS' : ''}\r\n${tag} OK done\r\n`;
      return / STARTTLS/iu.test(line) ? { upgrade: `${tag} OK begin\r\n` } : `${tag} BAD unknown\r\n`;
    },
    no: 'a1 NO not available\r\n',
  },
  pop3: {
    greeting: '+OK POP3 ready\r\n',
    answer: (line, offered) => {
      if (/^CAPA/iu.test(line)) return `+OK\r\n${offered ? 'STLS\r\n' : ''}USER\r\n.\r\n`;
      return /^STLS/iu.test(line) ? { upgrade: '+OK begin\r\n' } : '-ERR unknown\r\n';
    },
    no: '-ERR not available\r\n',
  },
  ftp: {
    greeting: '220 FTP ready\r\n',
    answer: (line, offered) => {
      if (/^FEAT/iu.test(line)) return offered ? '211-Features:\r\n AUTH TLS\r\n211 End\r\n' : '211 End\r\n';
      return /^AUTH TLS/iu.test(line) ? { upgrade: '234 Proceed\r\n' } : '500 unknown\r\n';
    },
    no: '534 not available\r\n',
  },
};

function upgrade(socket: Socket, options: TlsServerOptions): void {
  const secureContext = createSecureContext(contextOptions(options));
  const secure = new TLSSocket(socket, { isServer: true, secureContext });
  secure.on('error', () => undefined);
  secure.resume();
}

function converse(socket: Socket, dialogue: Dialogue, manner: StartTlsManner, options: TlsServerOptions): void {
  if (manner === 'silent') return;
  socket.write(dialogue.greeting);
  let text = '';
  const onData = (bytes: Buffer): void => {
    text += bytes.toString('latin1');
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const line = text.slice(0, end).trim();
      text = text.slice(end + 1);
      const answer = dialogue.answer(line, manner !== 'strip');
      if (typeof answer === 'string') socket.write(answer);
      else if (manner === 'refuse' || manner === 'strip') {
        socket.write(dialogue.no.replace('a1', line.split(' ', 1)[0] ?? 'a1'));
      } else {
        socket.off('data', onData);
        socket.write(manner === 'inject' ? `${answer.upgrade}250 injected\r\n` : answer.upgrade);
        return upgrade(socket, options);
      }
    }
  };
  socket.on('data', onData);
}

/** A server that speaks plainly first and changes to TLS when asked. */
export async function startTlsServer(
  protocol: StartTlsProtocol,
  options: TlsServerOptions & { manner?: StartTlsManner },
): Promise<Running> {
  const { manner = 'good' } = options;
  const server = createTcpServer((socket) => {
    if (protocol !== 'postgres') return converse(socket, DIALOGUES[protocol], manner, options);
    // PostgreSQL: SSLRequest is eight bytes, the answer S or N.
    socket.once('data', () => {
      if (manner === 'silent') return;
      const good = manner === 'good' || manner === 'inject';
      socket.write(good ? (manner === 'inject' ? 'Sinjected' : 'S') : 'N');
      if (good) upgrade(socket, options);
    });
  });
  return listen(server, options.host);
}
