/**
 * Who is at the other end of a connection on this machine. The address of a page can be seen by other users where a browser
 * is started with it (the list of processes); Linux tells whose a connection is.
 */

import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

const TABLE = '/proc/net/tcp';
const ROOT = 0;

/** Whether the system says that another user (root aside, who may do anything) made the connection; false where it does not say. */
export async function belongsToAnother(socket: Socket, userId: number | undefined): Promise<boolean> {
  if (userId === undefined) return false;
  const table = await readFile(TABLE, 'ascii').catch(() => '');
  const owner = ownerOf(table, socket.remotePort ?? 0, socket.localPort ?? 0);
  return owner !== null && owner !== userId && owner !== ROOT;
}

/** The user of the loopback connection from one port to another in the text of /proc/net/tcp, or null. */
export function ownerOf(table: string, fromPort: number, toPort: number): number | null {
  const end = (port: number): string => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const [from, to] = [end(fromPort), end(toPort)];
  for (const line of table.split('\n')) {
    const [, local, remote, , , , , owner] = line.trim().split(/\s+/);
    if (local === from && remote === to && /^\d+$/.test(owner ?? '')) return Number(owner);
  }
  return null;
}
