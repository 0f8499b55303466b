/** Cases that need a server: what is found while connecting. */

import type { CaseVerdict } from './case.js';
import { GOOD_NAME, type Lab } from './lab.js';
import { hostileServer, rawCertificateServer, type Hostility } from './hostile-servers.js';
import { closedPort, LOOPBACK } from './listen.js';
import {
  startTlsServer,
  tlsServer,
  type StartTlsManner,
  type StartTlsProtocol,
  type TlsServerOptions,
} from './tls-servers.js';

export interface LiveTarget {
  host: string;
  port: number;
  close: () => Promise<void>;
  /** How many connections came, where something listens. */
  connections?: number;
}

export interface LiveCase {
  name: string;
  start: (lab: Lab) => Promise<LiveTarget>;
  serverName?: string;
  starttls?: StartTlsProtocol;
  /** A policy that forbids the loopback address: the server must see no connection. */
  loopbackForbidden?: boolean;
  expected: { verdict: CaseVerdict | CaseVerdict[]; codes: string[]; anyOf?: string[] };
  note?: string;
}

/** A target where nothing of ours listens. */
const nowhere = (host: string, port: number): Promise<LiveTarget> =>
  Promise.resolve({ host, port, close: () => Promise.resolve() });

const goodServer = (lab: Lab, options: Partial<TlsServerOptions> = {}): TlsServerOptions => ({
  chain: [lab.good, lab.intermediate],
  privateKey: lab.good.privateKey,
  ...options,
});

/** What was not found out is never untrusted by itself. */
const LOST: CaseVerdict[] = ['undetermined', 'untrusted'];

function serving(
  name: string,
  options: (lab: Lab) => Partial<TlsServerOptions>,
  expected: LiveCase['expected'],
): LiveCase {
  return { name, serverName: GOOD_NAME, start: (lab) => tlsServer(goodServer(lab, options(lab))), expected };
}

function hostile(hostility: Hostility, codes: string[], anyOf?: string[]): LiveCase {
  const expected = { verdict: LOST, codes, ...(anyOf ? { anyOf } : {}) };
  return { name: `hostile-${hostility.replaceAll('_', '-')}`, start: () => hostileServer(hostility), expected };
}

function startTls(protocol: StartTlsProtocol, manner: StartTlsManner, expected: LiveCase['expected']): LiveCase {
  return {
    name: `starttls-${protocol}-${manner}`,
    serverName: GOOD_NAME,
    starttls: protocol,
    start: (lab) => startTlsServer(protocol, { ...goodServer(lab), manner }),
    expected,
  };
}

export function liveCases(): LiveCase[] {
  const good: LiveCase['expected'] = { verdict: 'trusted', codes: [] };
  const refusedStart = { verdict: LOST, codes: ['starttls_refused'] };
  return [
    serving('live-good', () => ({}), good),
    serving('live-tls-1.2', () => ({ maxVersion: 'TLSv1.2' }), good),
    serving('live-tls-1.3-only', () => ({ minVersion: 'TLSv1.3' }), good),
    serving('live-good-staple', (lab) => ({ staple: lab.ocsp(lab.good) }), good),
    serving('live-stranger-staple', (lab) => ({ staple: lab.ocsp(lab.good, { signer: lab.stranger }) }), {
      verdict: ['untrusted', 'trusted', 'undetermined'],
      codes: ['staple_invalid'],
    }),
    serving('old-protocol-1.0', () => ({ minVersion: 'TLSv1', maxVersion: 'TLSv1' }), {
      verdict: LOST,
      codes: ['old_protocol'],
    }),
    serving('old-protocol-1.1', () => ({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }), {
      verdict: LOST,
      codes: ['old_protocol'],
    }),
    serving(
      'client-certificate-requested',
      (lab) => ({ clientCertificate: 'requested', clientAuthorities: [lab.rootEc] }),
      good,
    ),
    serving(
      'client-certificate-required',
      (lab) => ({ clientCertificate: 'required', clientAuthorities: [lab.rootEc] }),
      { verdict: 'undetermined', codes: ['client_certificate_required'] },
    ),
    serving(
      'client-certificate-required-1.2',
      (lab) => ({ clientCertificate: 'required', clientAuthorities: [lab.rootEc], maxVersion: 'TLSv1.2' }),
      { verdict: 'undetermined', codes: ['client_certificate_required'] },
    ),
    serving('server-name-refused', () => ({ sni: { [GOOD_NAME]: 'refuse' } }), {
      verdict: LOST,
      codes: [],
      anyOf: ['handshake_failed', 'reset', 'not_tls'],
    }),
    serving(
      'another-certificate-by-name',
      (lab) => ({
        sni: { [GOOD_NAME]: { chain: [lab.wildcard, lab.intermediate], privateKey: lab.wildcard.privateKey } },
      }),
      { verdict: 'untrusted', codes: ['hostname_mismatch'] },
    ),
    hostile('silent', ['timeout']),
    hostile('drip', ['timeout']),
    hostile('garbage', ['not_tls']),
    hostile('http', ['not_tls']),
    hostile('smtp', ['not_tls']),
    hostile('reset', ['reset']),
    hostile('reset_after_hello', ['reset']),
    hostile('close', [], ['reset', 'not_tls', 'handshake_failed']),
    hostile('close_after_hello', [], ['reset', 'not_tls', 'handshake_failed']),
    hostile('flood', [], ['not_tls', 'handshake_failed', 'timeout']),
    hostile('alert', ['handshake_failed']),
    hostile('oversized_record', [], ['not_tls', 'handshake_failed']),
    hostile('odd_version', [], ['not_tls', 'handshake_failed']),
    {
      name: 'certificate-then-silence',
      start: (lab) => rawCertificateServer([lab.good.der, lab.intermediate.der]),
      expected: { verdict: LOST, codes: ['timeout'] },
    },
    {
      name: 'certificate-malformed',
      start: () => rawCertificateServer([Buffer.from('garbage')], { after: 'close' }),
      expected: { verdict: LOST, codes: [], anyOf: ['handshake_failed', 'not_tls', 'reset'] },
    },
    {
      name: 'refused',
      start: async () => nowhere(LOOPBACK, await closedPort()),
      expected: { verdict: LOST, codes: ['refused'] },
    },
    {
      name: 'name-not-found',
      start: () => nowhere('does-not-exist.invalid', 443),
      expected: { verdict: LOST, codes: ['name_not_found'] },
      note: 'RFC 6761: .invalid never resolves; without a resolver the lookup fails in another way',
    },
    {
      name: 'network-refused',
      start: (lab) => tlsServer(goodServer(lab)),
      loopbackForbidden: true,
      expected: { verdict: LOST, codes: ['network_refused'] },
    },
    {
      name: 'network-refused-metadata',
      start: () => nowhere('169.254.169.254', 443),
      expected: { verdict: LOST, codes: ['network_refused'] },
    },
    startTls('smtp', 'good', good),
    startTls('imap', 'good', good),
    startTls('pop3', 'good', good),
    startTls('postgres', 'good', good),
    startTls('smtp', 'refuse', refusedStart),
    startTls('smtp', 'strip', refusedStart),
    startTls('imap', 'refuse', refusedStart),
    startTls('pop3', 'refuse', refusedStart),
    startTls('postgres', 'refuse', refusedStart),
    startTls('smtp', 'silent', { verdict: LOST, codes: ['timeout'] }),
    startTls('smtp', 'inject', {
      verdict: LOST,
      codes: [],
      anyOf: ['starttls_refused', 'not_tls', 'handshake_failed'],
    }),
  ];
}
