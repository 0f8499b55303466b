/**
 * From a target to a connected socket: judge, resolve once, judge every address, dial exactly those addresses. One
 * forbidden address in an answer refuses the whole target: a name that points into a private network and out of it at
 * once is what a rebinding attack looks like, and which of the two is dialled must not depend on which answers first.
 */

import { lookup as dnsLookup } from 'node:dns/promises';
import { connect as netConnect, isIP, type Socket } from 'node:net';

import type { Deadline } from './deadline.js';
import { connectFault, lookupFault, mostTelling, NetworkFault, type Fault } from './fault.js';
import { judgeAddress, judgeHost, type NetworkPolicy } from './policy.js';
import type { Target } from './target.js';

/** The two doors to the outside; tests put their own in place. */
export interface Doors {
  /** All addresses of a name, in the order in which they should be tried. */
  lookup(name: string): Promise<readonly string[]>;
  /** A socket on its way to this address. It must dial it without resolving anything. */
  connect(address: string, port: number): Socket;
}

export const SYSTEM_DOORS: Doors = {
  async lookup(name) {
    const found = await dnsLookup(name, { all: true, verbatim: true });
    return found.map(({ address }) => address);
  },
  connect: (address, port) => netConnect({ host: address, port, family: isIP(address), autoSelectFamily: false }),
};

/** A name can have a thousand addresses; trying more than these says nothing new. */
const MAX_ADDRESSES_TRIED = 6;

export interface Connected {
  socket: Socket;
  address: string;
}

/** A connected socket, or throws `NetworkFault`. `ports` are those that the policy allows by default. */
export async function dial(
  target: Target,
  policy: NetworkPolicy,
  deadline: Deadline,
  doors: Doors,
  ports?: readonly number[],
): Promise<Connected> {
  const refusal = judgeHost(policy, target, ports);
  if (refusal !== undefined) throw new NetworkFault(refusal);
  if (deadline.signal.aborted) throw new NetworkFault(deadline.fault());
  const addresses = target.isAddress ? [target.host] : await resolve(target, policy, deadline, doors);
  const tried = addresses.slice(0, MAX_ADDRESSES_TRIED);
  const faults: Fault[] = [];
  for (const [i, address] of tried.entries()) {
    // An address that swallows packets may use its share of the time, not all of it.
    const shareMs = deadline.remainingMs() / (tried.length - i);
    const outcome = await connect(doors.connect(address, target.port), shareMs, deadline);
    if (!('code' in outcome)) return { socket: outcome, address };
    faults.push(outcome);
  }
  throw new NetworkFault(mostTelling(faults));
}

async function resolve(target: Target, policy: NetworkPolicy, deadline: Deadline, doors: Doors): Promise<string[]> {
  let found: readonly string[];
  try {
    // getaddrinfo cannot be called off: it is left to end by itself.
    found = await deadline.race(doors.lookup(target.host));
  } catch (error) {
    throw error instanceof NetworkFault ? error : new NetworkFault(lookupFault(error));
  }
  const addresses = [...new Set(found)];
  if (addresses.length === 0) throw new NetworkFault(lookupFault({ code: 'ENODATA' }));
  for (const address of addresses) {
    const refusal = judgeAddress(policy, target, address);
    if (refusal !== undefined) throw new NetworkFault(refusal);
  }
  return addresses;
}

/** The socket once it is connected, or why it is not. Throws at the deadline. */
function connect(socket: Socket, limitMs: number, deadline: Deadline): Promise<Socket | Fault> {
  return new Promise((settle, reject) => {
    const done = (act: () => void): void => {
      clearTimeout(timer);
      deadline.signal.removeEventListener('abort', onAbort);
      socket.removeListener('connect', onConnect);
      socket.removeListener('error', onError);
      act();
    };
    const drop = (): void => {
      socket.on('error', () => undefined);
      socket.destroy();
    };
    const onConnect = (): void => done(() => settle(socket));
    const onError = (error: Error): void => {
      drop();
      done(() => settle(connectFault(error)));
    };
    const onAbort = (): void => {
      drop();
      done(() => reject(new NetworkFault(deadline.fault())));
    };
    const timer = setTimeout(() => onError(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })), limitMs);
    socket.once('connect', onConnect);
    socket.once('error', onError);
    if (deadline.signal.aborted) onAbort();
    else deadline.signal.addEventListener('abort', onAbort, { once: true });
  });
}
