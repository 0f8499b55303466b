/** Servers of the PKI lab on a free port of the loopback address, with their sockets tracked so that closing is prompt. */

import { createServer, type Server, type Socket } from 'node:net';

export const LOOPBACK = '127.0.0.1';

export interface Running {
  host: string;
  port: number;
  /** How many connections were accepted so far. */
  readonly connections: number;
  /** Destroys what is open; settles when the port is free. */
  close: () => Promise<void>;
}

/** Starts listening; `host` may be `::1`. */
export async function listen(server: Server, host = LOOPBACK): Promise<Running> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    // A client that goes away is no fault of the lab.
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return {
    host,
    port: address.port,
    get connections() {
      return connections;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A port of the loopback address where nothing listens. */
export async function closedPort(): Promise<number> {
  const running = await listen(createServer());
  await running.close();
  return running.port;
}

/** Closes all, also where one fails to. */
export async function closeAll(servers: Iterable<Pick<Running, 'close'>>): Promise<void> {
  await Promise.allSettled(Array.from(servers, (server) => server.close()));
}
