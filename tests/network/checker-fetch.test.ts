/** Revocation and missing issuers fetched from servers of the lab: what is asked, what never is, and what comes of bad answers. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { CheckedTarget } from '../../src/crypto/certificate/checker.js';
import { inParallel } from '../../src/network/many.js';
import { fetchCases, type FetchCase } from '../support/pki/cases.js';
import { checking, countedSockets, withPort } from '../support/pki/checking.js';
import { httpServer, redirect, trapServer } from '../support/pki/http-servers.js';
import { codesOf, shouldBe } from '../support/pki/judge.js';
import { createLab, GOOD_NAME } from '../support/pki/lab.js';
import { closeAll, type Running } from '../support/pki/listen.js';
import { tlsServer } from '../support/pki/tls-servers.js';
import type { Issued } from '../support/pki/certificates.js';

/** OpenSSL goes by the real clock. */
const lab = await createLab({ at: new Date() });
const cases = fetchCases();
const opened: Pick<Running, 'close'>[] = [];

interface Outcome {
  soft: CheckedTarget;
  hard: CheckedTarget;
  asked: string[];
  trapped: number;
}
const outcomes = new Map<string, Outcome>();

/** Servers that hang or drip cost the whole of it; the others are quick. */
const secondsFor = ({ name }: FetchCase): number => (/hang|drip/.test(name) ? 1.5 : 20);

async function serve<T extends Running>(starting: Promise<T>): Promise<T> {
  const running = await starting;
  opened.push(running);
  return running;
}

async function run(item: FetchCase): Promise<void> {
  const parts = await item.start(lab);
  opened.push(parts);
  const server = await serve(tlsServer({ chain: parts.chain, privateKey: parts.leaf.privateKey }));
  const ask = async (revocation: 'soft' | 'hard'): Promise<CheckedTarget> => {
    // A checker each: what one has kept the other must not use.
    const [found] = await checking({ anchors: parts.anchors })([withPort(server)], {
      revocation,
      serverName: GOOD_NAME,
      timeoutSeconds: secondsFor(item),
      fetchMissing: item.fetchMissing ?? false,
    });
    return found as CheckedTarget;
  };
  const [soft, hard] = await Promise.all([ask('soft'), ask('hard')]);
  const asked = parts.server.requests.map(({ path }) => path);
  outcomes.set(item.name, { soft, hard, asked, trapped: parts.trap.connections });
}

beforeAll(async () => {
  await inParallel(cases, { parallel: 6, work: run, abandoned: run });
}, 120_000);

afterAll(() => closeAll(opened));

describe('every fetch case', () => {
  it.each(cases.map((item) => [item.name, item] as const))('%s', (name, { expected }) => {
    const { soft, hard, asked, trapped } = outcomes.get(name) as Outcome;
    shouldBe(soft.judgement, expected);
    if (expected.hard !== undefined) expect([expected.hard].flat()).toContain(hard.judgement.verdict);
    const begins = (path: string): boolean => asked.some((found) => found.startsWith(path));
    expect((expected.asked ?? []).filter((path) => !begins(path))).toEqual([]);
    expect((expected.notAsked ?? []).filter(begins)).toEqual([]);
    expect(trapped).toBe(0);
  });

  it('is there', () => expect(cases.length).toBeGreaterThanOrEqual(40));
});

describe('a fetched issuer', () => {
  it.each(['fetch-issuer-der', 'fetch-issuer-pkcs7', 'fetch-issuer-pem'])(
    '%s: the fault stands, the rest is judged with it',
    (name) => {
      const { judgement } = (outcomes.get(name) as Outcome).hard;
      expect(judgement.verdict).toBe('untrusted');
      const status = Object.fromEntries(judgement.checks.map((check) => [check.check, check.status]));
      expect(status).toMatchObject({ chain: 'fail', hostname: 'pass', validity: 'pass', purpose: 'pass', key: 'pass' });
      expect(codesOf(judgement)).toContain('missing_intermediate');
      expect(judgement.chain).toHaveLength(3);
    },
  );
});

describe('under the policy of the public internet', () => {
  /** The server is reached by a name that the operator allows; what its certificate names is judged like any other address. */
  async function check(
    leaf: Issued,
    { fetchMissing = false, chain = [leaf, lab.intermediate] } = {},
  ): Promise<{
    codes: string[];
    lookups: string[];
    dialled: number;
  }> {
    const server = await serve(tlsServer({ chain, privateKey: leaf.privateKey }));
    const sockets = countedSockets();
    const lookups: string[] = [];
    const [found] = await checking({
      anchors: [lab.rootEc],
      policy: { mode: 'public', allowHosts: [GOOD_NAME], ports: [server.port] },
      doors: {
        connect: sockets.connect,
        lookup(name) {
          lookups.push(name);
          return Promise.resolve([name === 'rebinding.example.com' ? '10.1.2.3' : '127.0.0.1']);
        },
      },
    })([`${GOOD_NAME}:${server.port}`], { revocation: 'hard', fetchMissing });
    return { codes: codesOf(found!.judgement), lookups, dialled: sockets.all() };
  }

  it('addresses of private networks in a certificate are not dialled', async () => {
    const trap = await serve(trapServer());
    const { codes, lookups, dialled } = await check(
      lab.leaf({
        aia: { ocsp: [`${trap.url}/ocsp`, 'http://[::1]/'] },
        crlDistributionPoints: ['http://169.254.169.254/latest/meta-data', 'http://0x7f.1/x.crl'],
      }),
    );
    expect(codes).toEqual(['revocation_unavailable']);
    expect({ lookups, dialled, trapped: trap.connections }).toEqual({ lookups: [GOOD_NAME], dialled: 1, trapped: 0 });
  });

  it('names of private networks are not even resolved, and those that lead into one are not dialled', async () => {
    const { codes, lookups, dialled } = await check(
      lab.leaf({
        aia: { ocsp: ['http://ocsp.internal/', 'http://localhost/'] },
        crlDistributionPoints: ['http://rebinding.example.com/x.crl', 'http://rebinding.example.com:6379/x.crl'],
      }),
    );
    expect(codes).toEqual(['revocation_unavailable']);
    expect({ lookups, dialled }).toEqual({ lookups: [GOOD_NAME, 'rebinding.example.com'], dialled: 1 });
  });

  it('likewise where a missing issuer is to be fetched', async () => {
    const trap = await serve(trapServer());
    const leaf = lab.leaf({ aia: { caIssuers: [`${trap.url}/ca`, 'http://rebinding.example.com/ca'] } });
    const { codes, dialled } = await check(leaf, { fetchMissing: true, chain: [leaf] });
    expect(codes).toEqual(['missing_intermediate']);
    expect({ dialled, trapped: trap.connections }).toEqual({ dialled: 1, trapped: 0 });
  });
});

describe('an OCSP responder that redirects', () => {
  it.each([301, 302, 303, 307, 308])('by %i is not followed', async (status) => {
    const trap = await serve(trapServer());
    const responder = await serve(httpServer(() => redirect(`${trap.url}/`, status)));
    const leaf = lab.leaf({ aia: { ocsp: [responder.url] } });
    const server = await serve(tlsServer({ chain: [leaf, lab.intermediate], privateKey: leaf.privateKey }));
    const [found] = await checking({ anchors: [lab.rootEc] })([withPort(server)], {
      revocation: 'hard',
      serverName: GOOD_NAME,
    });
    expect(found?.judgement.verdict).toBe('undetermined');
    expect(responder.requests.length).toBeGreaterThan(0);
    expect(trap.connections).toBe(0);
  });
});
