/** What Node's own `tls` says of a case: the oracle beside our own judgement. */

import { checkServerIdentity, connect, type ConnectionOptions } from 'node:tls';
import { domainToASCII } from 'node:url';
import { isIP } from 'node:net';
import type { PkiCase } from './case.js';
import { tlsServer } from './tls-servers.js';

function shake(options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(options);
    socket.once('secureConnect', () => {
      socket.destroy();
      resolve('accepted');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.destroy();
      resolve(error.code ?? 'unnamed error');
    });
  });
}

/**
 * Serves the chain and connects with the case's anchors and name: `accepted` or the code of the error. Node goes by the real
 * clock, so the lab must be made with `at: new Date()`; revocation, pins and public rules are nothing to it.
 */
export async function nodeVerdict(item: PkiCase): Promise<string> {
  const [leaf] = item.chain;
  if (!leaf) throw new Error('a case has a leaf');
  const server = await tlsServer({ chain: item.chain, privateKey: leaf.privateKey });
  const name = item.serverName ?? '';
  const ascii = domainToASCII(name) || name;
  try {
    return await shake({
      host: server.host,
      port: server.port,
      // `servername` must be no address: the address is then checked as the host.
      ...(isIP(name) === 0
        ? { servername: ascii }
        : { checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate) }),
      ca: item.anchors.map(({ pem }) => pem),
      rejectUnauthorized: true,
    });
  } finally {
    await server.close();
  }
}
