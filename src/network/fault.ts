/** Why the network gave nothing, in constant words: the texts never hold a name, an address or what a library said. */

import type { ConnectionFault } from '../crypto/certificate/connection.js';

export interface Fault<Code extends string = ConnectionFault> {
  code: Code;
  explanation: string;
  remedy: string;
}

/** Thrown inside this room only; `probe` and `fetchBytes` turn it into data. */
export class NetworkFault extends Error {
  override readonly name = 'NetworkFault';
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.code);
    this.fault = fault;
  }
}

const fault = (code: ConnectionFault, explanation: string, remedy: string): Fault => ({ code, explanation, remedy });

export const TIMED_OUT = fault(
  'timeout',
  'The server did not answer within the time given.',
  'Check that the host is up and that no firewall drops the connection, or give more time.',
);

export const CANCELLED = fault(
  'cancelled',
  'The call was cancelled before this target was finished.',
  'Call again for this target.',
);

export const CLOSED = fault(
  'reset',
  'The server closed the connection before the TLS handshake was done.',
  'Check that this port serves TLS, and the log of the server or of the load balancer in front of it.',
);

const RESET = fault(
  'reset',
  'The connection was reset before the TLS handshake was done.',
  'Check that this port serves TLS, and that no firewall or load balancer resets the connection.',
);

const REFUSED = fault(
  'refused',
  'The host refused the connection: nothing listens on this port, or a firewall rejects it.',
  'Check the port, and that the server runs.',
);

const UNREACHABLE = fault(
  'unreachable',
  'There is no way to this address from here.',
  'Check the network of this machine and the address in DNS.',
);

const NO_SUCH_NAME = fault(
  'name_not_found',
  'The name does not exist in DNS, or has no address.',
  'Check the spelling, and the A and AAAA records of the name.',
);

const RESOLVER_FAILED = fault(
  'name_not_found',
  'The resolver gave no answer for now, so it is not known whether the name exists.',
  'Check the DNS settings of this machine, and try again.',
);

/** The fault of a failed look-up. EAI_AGAIN is the resolver's trouble, not the name's. */
export function lookupFault(error: unknown): Fault {
  const code = errorCode(error);
  return code === 'ENOTFOUND' || code === 'ENODATA' || code === 'EAI_NONAME' ? NO_SUCH_NAME : RESOLVER_FAILED;
}

/** The fault of a failed connection, by the system's error code. */
export function connectFault(error: unknown): Fault {
  switch (errorCode(error)) {
    case 'ECONNREFUSED':
      return REFUSED;
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
      return RESET;
    case 'ETIMEDOUT':
      return TIMED_OUT;
    default:
      // EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, EACCES and EPERM (a local firewall), EINVAL (no such address family).
      return UNREACHABLE;
  }
}

export function errorCode(error: unknown): string {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Which of several failed attempts says most: an answer from the host says more than silence, silence more than no way. */
export function mostTelling(faults: readonly Fault[]): Fault {
  const order: readonly ConnectionFault[] = ['refused', 'reset', 'timeout', 'unreachable'];
  return order.map((code) => faults.find((entry) => entry.code === code)).find(Boolean) ?? UNREACHABLE;
}
