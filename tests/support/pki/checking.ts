/** `createCertificateChecker` as the tests of it need it: with the lab's anchors, short questions, and doors that can be watched. */

import type { Socket } from 'node:net';

import type { CheckedTarget, CheckRequest } from '../../../src/crypto/certificate/checker.js';
import { systemRandom } from '../../../src/crypto/random.js';
import { createCertificateChecker } from '../../../src/network/checker.js';
import { SYSTEM_DOORS, type Doors } from '../../../src/network/dial.js';
import type { NetworkPolicy } from '../../../src/network/policy.js';
import type { Issued } from './certificates.js';
import { read } from './judge.js';

export const ANY: NetworkPolicy = { mode: 'any', allowHosts: [], ports: [] };

export interface CheckingOptions {
  anchors: readonly Issued[];
  policy?: NetworkPolicy;
  doors?: Partial<Doors>;
}

export interface Watching {
  signal?: AbortSignal;
  onFinished?: (finished: number) => void;
}

export type Check = (
  targets: readonly string[],
  question: Partial<CheckRequest>,
  watching?: Watching,
) => Promise<CheckedTarget[]>;

export function checking({ anchors, policy = ANY, doors = {} }: CheckingOptions): Check {
  const checker = createCertificateChecker({
    policy,
    extraAnchors: [],
    random: systemRandom,
    now: () => new Date(),
    doors: { ...SYSTEM_DOORS, ...doors },
  });
  const trust = anchors.map(read);
  return (targets, question, { signal = new AbortController().signal, onFinished = () => undefined } = {}) =>
    checker.check(
      { targets, revocation: 'soft', pins: [], timeoutSeconds: 20, fetchMissing: false, trust, ...question },
      signal,
      onFinished,
    );
}

export const withPort = ({ host, port }: { host: string; port: number }): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** A resolver that fails with this code of the system. */
export function lookupFails(code: string): Doors['lookup'] {
  return () => Promise.reject(Object.assign(new Error(code), { code }));
}

export interface CountedSockets {
  connect: Doors['connect'];
  /** Not destroyed yet, now and at most. */
  open: () => number;
  most: () => number;
  all: () => number;
  /** Taken from the network by all of them. */
  bytesRead: () => number;
}

/** Real sockets, counted. */
export function countedSockets(): CountedSockets {
  const sockets: Socket[] = [];
  let most = 0;
  const open = (): number => sockets.filter(({ destroyed }) => !destroyed).length;
  return {
    connect(address, port) {
      const socket = SYSTEM_DOORS.connect(address, port);
      sockets.push(socket);
      most = Math.max(most, open());
      return socket;
    },
    open,
    most: () => most,
    all: () => sockets.length,
    bytesRead: () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0),
  };
}
