/** Judge, resolve once, judge every address, dial exactly those: seen at doors that count what goes through them. */

import { connect, Socket } from 'node:net';

import { afterEach, expect, it } from 'vitest';

import { Deadline } from '../../src/network/deadline.js';
import { dial, type Connected, type Doors } from '../../src/network/dial.js';
import { NetworkFault, type Fault } from '../../src/network/fault.js';
import type { NetworkPolicy } from '../../src/network/policy.js';
import { ANY, closedPort, closeServers, doors, PUBLIC, target, tcpServer } from '../support/tls-servers.js';

afterEach(closeServers);

const never = (): Promise<never> => new Promise(() => undefined);

async function attempt(
  text: string,
  through: Doors,
  options: { policy?: NetworkPolicy; timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<Connected | Fault> {
  const deadline = new Deadline(options.timeoutMs ?? 5_000, options.signal);
  try {
    const connected = await dial(target(text), options.policy ?? PUBLIC, deadline, through);
    connected.socket.destroy();
    return connected;
  } catch (error) {
    if (error instanceof NetworkFault) return error.fault;
    throw error;
  } finally {
    deadline.end();
  }
}

/** A socket whose connection ends with this system error. */
function failing(code: string): Socket {
  const socket = new Socket();
  process.nextTick(() => socket.destroy(Object.assign(new Error(code), { code })));
  return socket;
}

/** A socket that never gets an answer. */
const hanging = (): Socket => new Socket();

it('resolves once, and dials the very address that was judged', async () => {
  const server = await tcpServer();
  let asked = 0;
  // A rebinding name: public at first, the private network from the second question on.
  const through = doors(
    () => (++asked === 1 ? ['93.184.215.14'] : ['127.0.0.1']),
    () => connect(server.port, '127.0.0.1'),
  );
  expect(await attempt('rebind.example.com', through)).toMatchObject({ address: '93.184.215.14' });
  expect(through).toMatchObject({ looked: ['rebind.example.com'], dialled: ['93.184.215.14 443'] });
});

it('one forbidden address in the answer refuses the whole target: nothing is dialled', async () => {
  const trap = await tcpServer();
  for (const answer of [
    ['8.8.8.8', '127.0.0.1'],
    ['10.0.0.1', '8.8.8.8'],
    ['2606:4700::1111', '::ffff:127.0.0.1'],
    ['8.8.8.8', '169.254.169.254'],
    ['64:ff9b::7f00:1'],
    ['0.0.0.0'],
    ['::'],
    ['not an address'],
  ]) {
    const through = doors(
      () => answer,
      () => connect(trap.port, '127.0.0.1'),
    );
    expect(await attempt('mixed.example.com', through), answer.join()).toMatchObject({ code: 'network_refused' });
    expect(through.dialled).toEqual([]);
  }
  const through = doors(
    () => ['127.0.0.1', '169.254.169.254'],
    () => connect(trap.port, '127.0.0.1'),
  );
  expect(await attempt('a.lan', through, { policy: ANY })).toMatchObject({ remedy: 'No setting allows it.' });
  expect(trap.connections).toBe(0);
});

it('what the policy refuses is not even resolved', async () => {
  const through = doors(
    () => ['8.8.8.8'],
    () => hanging(),
  );
  const off: NetworkPolicy = { mode: 'off', allowHosts: [], ports: [] };
  for (const text of [
    'secret.localhost',
    'a.internal',
    'single',
    'example.com:22',
    '127.1',
    'metadata.google.internal',
  ]) {
    expect(await attempt(text, through), text).toMatchObject({ code: 'network_refused' });
  }
  expect(await attempt('example.com', through, { policy: off })).toMatchObject({ code: 'network_refused' });
  expect(through).toMatchObject({ looked: [], dialled: [] });
});

it('an address is dialled without a look-up', async () => {
  const server = await tcpServer();
  const through = doors(never, () => connect(server.port, '127.0.0.1'));
  expect(await attempt(`127.1:${server.port}`, through, { policy: ANY })).toMatchObject({ address: '127.0.0.1' });
  expect(through).toMatchObject({ looked: [], dialled: [`127.0.0.1 ${server.port}`] });
});

it('tells a name that does not exist from a resolver that gives no answer', async () => {
  const failed = (code: string): Doors =>
    doors(
      () => Promise.reject(Object.assign(new Error(code), { code })),
      () => hanging(),
    );
  expect(await attempt('example.com', failed('ENOTFOUND'))).toMatchObject({
    code: 'name_not_found',
    explanation: 'The name does not exist in DNS, or has no address.',
  });
  expect(await attempt('example.com', failed('EAI_AGAIN'))).toMatchObject({
    code: 'name_not_found',
    explanation: expect.stringContaining('resolver gave no answer') as string,
  });
  const empty = doors(
    () => [],
    () => hanging(),
  );
  expect(await attempt('example.com', empty)).toMatchObject({ code: 'name_not_found' });
});

it('goes on to the next address, and tells of all failures the one that says most', async () => {
  const server = await tcpServer();
  const addresses = ['2606:4700::1', '8.8.8.8', '9.9.9.9'];
  const through = doors(
    () => addresses,
    (address) => (address === '9.9.9.9' ? connect(server.port, '127.0.0.1') : failing('ENETUNREACH')),
  );
  expect(await attempt('example.com', through)).toMatchObject({ address: '9.9.9.9' });
  expect(through.dialled).toHaveLength(3);

  const port = await closedPort();
  const refusing = doors(
    () => addresses,
    (address) => (address === '8.8.8.8' ? connect(port, '127.0.0.1') : failing('ENETUNREACH')),
  );
  expect(await attempt('example.com', refusing)).toMatchObject({ code: 'refused' });
  for (const [error, code] of [
    ['EHOSTUNREACH', 'unreachable'],
    ['ENETUNREACH', 'unreachable'],
    ['EACCES', 'unreachable'],
    ['ECONNREFUSED', 'refused'],
    ['ECONNRESET', 'reset'],
    ['ETIMEDOUT', 'timeout'],
  ]) {
    const one = doors(
      () => ['8.8.8.8'],
      () => failing(error ?? ''),
    );
    expect(await attempt('example.com', one), error).toMatchObject({ code });
  }
});

it('an address that swallows packets leaves time for the next', async () => {
  const server = await tcpServer();
  const through = doors(
    () => ['2606:4700::1', '8.8.8.8'],
    (address) => (address === '8.8.8.8' ? connect(server.port, '127.0.0.1') : hanging()),
  );
  expect(await attempt('example.com', through, { timeoutMs: 1_000 })).toMatchObject({ address: '8.8.8.8' });
});

it('tries a few addresses of many only', async () => {
  const through = doors(
    () => Array.from({ length: 200 }, (_, i) => `8.8.4.${i}`),
    () => failing('ECONNREFUSED'),
  );
  expect(await attempt('example.com', through)).toMatchObject({ code: 'refused' });
  expect(through.dialled).toHaveLength(6);
});

it('ends at the deadline or at the cancellation, in a look-up that cannot be called off and while connecting', async () => {
  const stuck = doors(never, hanging);
  const connecting = doors(() => ['8.8.8.8'], hanging);
  for (const through of [stuck, connecting]) {
    expect(await attempt('example.com', through, { timeoutMs: 50 })).toMatchObject({ code: 'timeout' });
    const controller = new AbortController();
    const cancelled = attempt('example.com', through, { signal: controller.signal });
    controller.abort();
    expect(await cancelled).toMatchObject({ code: 'cancelled' });
    expect(await attempt('example.com', through, { signal: AbortSignal.abort() })).toMatchObject({ code: 'cancelled' });
    const timeUp = AbortSignal.abort(new DOMException('', 'TimeoutError'));
    expect(await attempt('example.com', through, { signal: timeUp })).toMatchObject({ code: 'timeout' });
  }
});
