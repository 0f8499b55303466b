/** Servers that send without end, byte by byte, or more than there is any use for: what is taken of it, and what is kept. */

import { afterAll, describe, expect, it } from 'vitest';

import type { CheckedTarget } from '../../src/crypto/certificate/checker.js';
import { growth, MIB } from '../support/memory.js';
import { checking, countedSockets, withPort, type CountedSockets } from '../support/pki/checking.js';
import type { Issued } from '../support/pki/certificates.js';
import { hostileServer, rawCertificateServer, type Hostility } from '../support/pki/hostile-servers.js';
import { httpServer, type HttpAnswer } from '../support/pki/http-servers.js';
import { codesOf } from '../support/pki/judge.js';
import { createLab, GOOD_NAME } from '../support/pki/lab.js';
import { closeAll, type Running } from '../support/pki/listen.js';
import { tlsServer } from '../support/pki/tls-servers.js';

/** OpenSSL goes by the real clock. */
const lab = await createLab({ at: new Date() });
const opened: Running[] = [];
afterAll(() => closeAll(opened));

async function serve<T extends Running>(starting: Promise<T>): Promise<T> {
  const running = await starting;
  opened.push(running);
  return running;
}

interface Outcome {
  found: CheckedTarget;
  sockets: CountedSockets;
  bytes: number;
}

async function check(target: Running, timeoutSeconds: number): Promise<Outcome> {
  const sockets = countedSockets();
  const ask = checking({ anchors: [lab.rootEc], doors: { connect: sockets.connect } });
  const { bytes, result } = await growth(() =>
    ask([withPort(target)], { revocation: 'hard', serverName: GOOD_NAME, timeoutSeconds }),
  );
  expect(sockets.open()).toBe(0);
  return { found: result[0] as CheckedTarget, sockets, bytes };
}

const tlsOf = (leaf: Issued, chain = [leaf, lab.intermediate]): Promise<Running> =>
  serve(tlsServer({ chain, privateKey: leaf.privateKey }));

/** What the handshake of the lab takes, generously, and what is on its way when a socket is closed. */
const SLACK = 512 * 1024;

describe('a source of revocation that floods', () => {
  async function flooded(kind: 'ocsp' | 'crl', answer: HttpAnswer): Promise<Outcome> {
    const source = await serve(httpServer(() => answer));
    const leaf = lab.leaf(
      kind === 'ocsp' ? { aia: { ocsp: [source.url] } } : { crlDistributionPoints: [`${source.url}/list.crl`] },
    );
    return check(await tlsOf(leaf), 20);
  }
  const FLOOD = 50 * MIB;

  it.each([
    ['an OCSP response of 50 MiB, announced', 'ocsp', { padTo: FLOOD }, 0],
    ['an OCSP response of 50 MiB, not announced', 'ocsp', { padTo: FLOOD, contentLength: false }, 64 * 1024],
    ['a list of 50 MiB, announced', 'crl', { padTo: FLOOD }, 0],
    ['a list of 50 MiB, not announced', 'crl', { padTo: FLOOD, contentLength: false }, 10 * MIB],
    ['a list that says it is small', 'crl', { padTo: FLOOD, contentLength: 1_000 }, 0],
  ] as const)('%s: no more than its limit is taken', async (_, kind, answer, limit) => {
    const { found, sockets, bytes } = await flooded(kind, answer);
    expect(found.judgement.verdict).toBe('undetermined');
    expect(codesOf(found.judgement)).toEqual(['revocation_unavailable']);
    // Of each answer, and a responder is asked twice at most.
    expect(sockets.bytesRead()).toBeLessThan(2 * limit + SLACK);
    expect(bytes).toBeLessThan(32 * MIB);
  });
});

describe('a server that floods or drips', () => {
  it.each(['flood', 'drip', 'silent'] as const)('%s', async (hostility: Hostility) => {
    const { found, sockets, bytes } = await check(await serve(hostileServer(hostility)), 0.5);
    expect(found.judgement.verdict).toBe('undetermined');
    expect(sockets.bytesRead()).toBeLessThan(2 * MIB);
    expect(bytes).toBeLessThan(16 * MIB);
  });

  it('with a certificate of more names than any handshake may hold', async () => {
    const leaf = lab.leaf({ san: Array.from({ length: 25_000 }, (_, at) => `host-${at}.lab.test`) });
    expect(leaf.der.length).toBeGreaterThan(400_000);
    const { found, sockets, bytes } = await check(await serve(rawCertificateServer([leaf.der])), 0.5);
    expect(found.judgement.verdict).toBe('undetermined');
    expect(sockets.bytesRead()).toBeLessThan(2 * MIB);
    expect(bytes).toBeLessThan(16 * MIB);
  });
});

describe('a server with certificates out of measure', () => {
  it('ten thousand names', async () => {
    const san = Array.from({ length: 9_999 }, (_, at) => `h${at}.lab.test`);
    const { found, bytes } = await check(await tlsOf(lab.leaf({ san: [...san, GOOD_NAME] })), 20);
    // OpenSSL takes handshakes of 100 KiB; what was sent is judged all the same, and not taken for good.
    expect(found.judgement.verdict).not.toBe('trusted');
    expect(bytes).toBeLessThan(64 * MIB);
  });

  it('a chain of thirty', async () => {
    let issuer = lab.rootEc;
    const chain: Issued[] = [];
    for (let level = 0; level < 30; level += 1) {
      issuer = lab.issueCa({ subject: `CN=Level ${level},O=Lab`, issuer });
      chain.unshift(issuer);
    }
    const leaf = lab.leaf({ issuer });
    const { found } = await check(await tlsOf(leaf, [leaf, ...chain]), 20);
    expect(found.judgement.verdict).toBe('untrusted');
    expect(codesOf(found.judgement)).toContain('chain_too_long');
  });
});
