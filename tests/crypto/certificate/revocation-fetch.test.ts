/** What is asked of the sources that certificates name, how often, and what of it is kept. */

import { describe, expect, it } from 'vitest';

import { CRL_LIMITS } from '../../../src/crypto/certificate/crl-list.js';
import { RevocationCache } from '../../../src/crypto/certificate/revocation.js';
import { buildOcsp, type CertificateStatus, type OcspQuestion } from '../../support/pki/ocsp.js';

import {
  ask,
  askLeaf,
  at,
  codesOf,
  CRL,
  days,
  intermediate,
  lab,
  leafOf,
  Network,
  OCSP,
  ocspOf,
  pointedCa,
  revoked,
  ROOT_CRL,
  rootList,
} from './revocation-world.js';

describe('asking an OCSP responder', () => {
  const leaf = leafOf({ aia: { ocsp: [OCSP] } });

  it('sends a nonce of 32 octets and no other answer than to it is taken', async () => {
    const nonces: (Uint8Array | undefined)[] = [];
    const network = new Network({
      [OCSP]: ({ nonce }) => {
        nonces.push(nonce);
        return ocspOf(leaf, 'good', Buffer.alloc(32, 6));
      },
    });
    expect(codesOf(await askLeaf(leaf, { fetcher: network }))).toEqual(['ocsp:nonce_mismatch']);
    expect(nonces.map((nonce) => Buffer.from(nonce ?? []))).toEqual([Buffer.alloc(32, 5)]);
  });

  it('tries SHA-256 where the responder does not know the certificate by SHA-1, and only then', async () => {
    const hashes: string[] = [];
    const bySha256 = (status: CertificateStatus | 6) => ({
      [OCSP]: ({ certIds: [id], nonce }: OcspQuestion) => {
        hashes.push(id?.hash ?? '');
        if (id?.hash === '2.16.840.1.101.3.4.2.1') return ocspOf(leaf, 'good', nonce);
        return status === 6 ? buildOcsp({ responseStatus: 6, signer: pointedCa }) : ocspOf(leaf, status, nonce);
      },
    });
    for (const first of [6, 'unknown'] as const) {
      hashes.length = 0;
      expect(await askLeaf(leaf, { fetcher: new Network(bySha256(first)) })).toMatchObject({ status: 'good' });
      expect(hashes).toEqual(['1.3.14.3.2.26', '2.16.840.1.101.3.4.2.1']);
    }
    hashes.length = 0;
    await askLeaf(leaf, { fetcher: new Network(bySha256(revoked)) });
    expect(hashes).toEqual(['1.3.14.3.2.26']);
  });

  it('two addresses at most, and the second only where the first did not tell', async () => {
    const addresses = [OCSP, 'https://two.test/', 'http://three.test/'];
    const many = leafOf({ aia: { ocsp: addresses } });
    const network = new Network({ 'https://two.test/': ocspOf(many), 'http://three.test/': ocspOf(many) });
    expect(await askLeaf(many, { fetcher: network })).toMatchObject({ status: 'good' });
    expect(network.asked.filter((url) => url !== ROOT_CRL)).toEqual([OCSP, 'https://two.test/']);
    const dead = new Network({ 'http://three.test/': ocspOf(many) });
    expect(codesOf(await askLeaf(many, { fetcher: dead }))).toEqual(['ocsp:unreachable']);
    expect(dead.asked).not.toContain('http://three.test/');
  });
});

describe('fetching lists', () => {
  it('one of each point first, two at most', async () => {
    const points = [{ urls: ['ldap://a/', 'http://a/1', 'http://a/2'] }, { urls: ['http://b/1'] }];
    const leaf = leafOf({ crlDistributionPoints: points });
    const network = new Network({});
    expect(codesOf(await askLeaf(leaf, { fetcher: network }))).toEqual(['crl:unreachable']);
    expect(network.asked.filter((url) => url !== ROOT_CRL)).toEqual(['http://a/1', 'http://b/1']);
  });

  it('each judged for the point it was fetched for', async () => {
    const leaf = leafOf({ crlDistributionPoints: ['http://a/1', 'http://b/1'] });
    const ofB = lab.crl({ issuer: pointedCa, issuingDistributionPoint: { urls: ['http://b/1'] } });
    const atA = new Network({ 'http://a/1': ofB });
    expect(codesOf(await askLeaf(leaf, { fetcher: atA }))).toEqual(['crl:other_partition', 'crl:unreachable']);
    const atB = new Network({ 'http://b/1': ofB });
    expect(await askLeaf(leaf, { fetcher: atB })).toMatchObject({ status: 'good' });
  });

  it('tells one that is too large, one that is none, and why one could not be had', async () => {
    const leaf = leafOf({ crlDistributionPoints: ['http://a/1', 'http://b/1'] });
    const fetcher = new Network({
      'http://a/1': new Uint8Array(CRL_LIMITS.bytes + 1),
      'http://b/1': Buffer.from('<html>'),
    });
    const status = await askLeaf(leaf, { fetcher });
    expect(codesOf(status)).toEqual(['crl:too_large', 'crl:malformed']);
    const timed = await askLeaf(leaf, { fetcher: new Network({ 'http://a/1': 'timeout', 'http://b/1': 'timeout' }) });
    expect(timed).toEqual({
      status: 'unknown',
      reasons: [
        {
          source: 'crl',
          code: 'timeout',
          explanation: 'The revocation list (CRL) could not be fetched. There is no way to this address.',
        },
      ],
    });
  });
});

describe('what was fetched is kept', () => {
  const leaf = leafOf({ aia: { ocsp: [OCSP] }, crlDistributionPoints: [CRL] });
  const asking = (network: Network, cache: RevocationCache, seconds: number, subject = leaf) => {
    const now = new Date(at.getTime() + seconds * 1_000);
    return askLeaf(subject, { fetcher: network, cache, at: now, now });
  };

  it('OCSP answers until they end, each for its certificate', async () => {
    const cache = new RevocationCache();
    const end = new Date(at.getTime() + 3_600_000);
    const response = lab.ocsp(leaf, { issuer: pointedCa, single: { nextUpdate: end } });
    const network = new Network({ [OCSP]: response, [ROOT_CRL]: rootList });
    for (const seconds of [0, 1, 3_599])
      expect(await asking(network, cache, seconds)).toMatchObject({ source: 'ocsp' });
    expect(network.asked).toEqual([OCSP, ROOT_CRL]);
    expect((await asking(network, cache, 3_601)).status).toBe('unknown');
    expect(network.asked.filter((url) => url === OCSP)).toHaveLength(2);
    const other = leafOf({ aia: { ocsp: [OCSP] } });
    expect(codesOf(await asking(network, cache, 0, other))).toEqual(['ocsp:other_serial']);
  });

  it('lists, for all certificates of their issuer and for a day at most', async () => {
    const cache = new RevocationCache();
    const [one, two] = [leafOf({ crlDistributionPoints: [CRL] }), leafOf({ crlDistributionPoints: [CRL] })];
    const listing = lab.crl({ issuer: pointedCa, entries: [{ serial: two.serial }] });
    const network = new Network({ [CRL]: listing, [ROOT_CRL]: rootList });
    expect((await asking(network, cache, 0, one)).status).toBe('good');
    expect((await asking(network, cache, 10, two)).status).toBe('revoked');
    expect(network.asked.filter((url) => url === CRL)).toHaveLength(1);
    await asking(network, cache, 86_400, one);
    expect(network.asked.filter((url) => url === CRL)).toHaveLength(2);
  });

  it('a list of one issuer never stands for another that names the same address', async () => {
    const cache = new RevocationCache();
    const mine = leafOf({ crlDistributionPoints: [CRL] });
    const network = new Network({ [CRL]: lab.crl({ issuer: pointedCa }) });
    await asking(network, cache, 0, mine);
    const foreign = lab.leaf({ crlDistributionPoints: [CRL] });
    const { certificates } = await ask(foreign, { fetcher: network, cache }, intermediate);
    expect(codesOf(certificates[0])).toEqual(['crl:wrong_issuer']);
    expect(network.asked.filter((url) => url === CRL)).toHaveLength(2);
  });

  it('nothing that told nothing, and nothing without an end', async () => {
    const cache = new RevocationCache();
    const silent = new Network({
      [OCSP]: lab.ocsp(leaf, { responseStatus: 3 }),
      [CRL]: lab.crl({ issuer: lab.stranger }),
    });
    await asking(silent, cache, 0);
    await asking(silent, cache, 1);
    expect(silent.asked.filter((url) => url !== ROOT_CRL)).toEqual([OCSP, CRL, OCSP, CRL]);
    const endless = new Network({ [OCSP]: lab.ocsp(leaf, { issuer: pointedCa, single: { nextUpdate: null } }) });
    await asking(endless, cache, 0);
    await asking(endless, cache, 1);
    expect(endless.asked.filter((url) => url === OCSP)).toHaveLength(2);
  });

  it('is judged anew each time: for another time it may not tell, and is asked for again', async () => {
    const cache = new RevocationCache();
    const network = new Network({ [OCSP]: ocspOf(leaf), [ROOT_CRL]: rootList });
    await asking(network, cache, 0);
    const future = await askLeaf(leaf, { fetcher: network, cache, at: days(10), now: at });
    expect(codesOf(future)).toEqual(['ocsp:expired', 'crl:unreachable']);
    expect(network.asked.filter((url) => url === OCSP)).toHaveLength(2);
  });

  it('and is not used where nothing may be fetched', async () => {
    const cache = new RevocationCache();
    await asking(new Network({ [OCSP]: ocspOf(leaf) }), cache, 0);
    expect(codesOf(await askLeaf(leaf, { cache }))).toEqual(['certificate:not_fetched']);
  });
});
