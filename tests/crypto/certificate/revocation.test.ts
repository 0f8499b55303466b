/** The decision: which source counts, in which order they are asked, what stays unknown and why, and what is kept. */

import { afterAll, describe, expect, it } from 'vitest';

import { CRL_LIMITS } from '../../../src/crypto/certificate/crl-list.js';
import { CRL_EXPLANATIONS } from '../../../src/crypto/certificate/crl.js';
import { OCSP_EXPLANATIONS } from '../../../src/crypto/certificate/ocsp.js';
import { checkRevocation, type RevocationStatus } from '../../../src/crypto/certificate/revocation.js';
import type { CertificateOptions } from '../../support/pki/certificates.js';
import { toPem } from '../../support/pki/der.js';

import {
  ask,
  askLeaf,
  codesOf,
  CRL,
  days,
  lab,
  leafOf,
  Network,
  OCSP,
  ocspOf,
  options,
  pointedCa,
  reached,
  read,
  revoked,
  ROOT_CRL,
  rootEc,
  rootList,
} from './revocation-world.js';

describe('which certificates are asked about', () => {
  it('the leaf and every intermediate, never the anchor', async () => {
    const network = new Network({ [ROOT_CRL]: rootList, [CRL]: lab.crl({ issuer: pointedCa }) });
    const answer = await ask(leafOf({ crlDistributionPoints: [CRL] }), { fetcher: network });
    expect(answer.certificates).toEqual([
      { status: 'good', source: 'crl', until: days(6) },
      { status: 'good', source: 'crl', until: days(6) },
    ]);
    expect(network.asked.toSorted()).toEqual([CRL, ROOT_CRL]);
    expect(network.requests.map(({ kind, maxBytes, body }) => [kind, maxBytes, body])).toEqual([
      ['crl', CRL_LIMITS.bytes, undefined],
      ['crl', CRL_LIMITS.bytes, undefined],
    ]);
  });

  it('a revoked intermediate, whatever the leaf is', async () => {
    const listed = lab.crl({ issuer: rootEc, entries: [{ serial: pointedCa.serial, reason: 'cACompromise' }] });
    const network = new Network({ [ROOT_CRL]: listed, [CRL]: lab.crl({ issuer: pointedCa }) });
    const { certificates } = await ask(leafOf({ crlDistributionPoints: [CRL] }), { fetcher: network });
    expect(certificates.map(({ status }) => status)).toEqual(['good', 'revoked']);
    expect(certificates[1]).toMatchObject({ source: 'crl', reason: 'cACompromise', at: days(-1) });
  });

  it('an intermediate with an OCSP responder', async () => {
    const ca = lab.issueCa({ subject: 'CN=OCSP CA', issuer: rootEc, aia: { ocsp: [OCSP] } });
    const leaf = lab.leaf({ issuer: ca });
    const network = new Network({ [OCSP]: lab.ocsp(ca, { issuer: rootEc, status: revoked }) });
    const { certificates } = await ask(leaf, { fetcher: network }, ca);
    expect(certificates[1]).toMatchObject({ status: 'revoked', source: 'ocsp' });
  });

  it('nothing of a leaf that is itself the anchor, nor of an empty path', async () => {
    const self = lab.issue({ subject: 'CN=self', mustStaple: true });
    expect(await checkRevocation([read(self)], options())).toEqual({
      certificates: [],
      stapling: { status: 'absent', required: true },
    });
    const staple = lab.ocsp(self, { issuer: self });
    expect((await checkRevocation([read(self)], options({ staple }))).stapling.status).toBe('good');
    expect(await checkRevocation([], options({ staple }))).toEqual({
      certificates: [],
      stapling: { status: 'absent', required: false },
    });
  });
});

describe('sources', () => {
  const both = { aia: { ocsp: [OCSP] }, crlDistributionPoints: [CRL] };
  const list = lab.crl({ issuer: pointedCa });

  it('a good staple settles it without fetching', async () => {
    const leaf = leafOf(both);
    const network = new Network({ [ROOT_CRL]: rootList });
    const status = await askLeaf(leaf, { fetcher: network, staple: ocspOf(leaf) });
    expect(status).toEqual({ status: 'good', source: 'staple', until: days(3) });
    expect(network.asked).toEqual([ROOT_CRL]);
  });

  it('what was given settles it without fetching', async () => {
    const leaf = leafOf(both);
    const network = new Network({ [ROOT_CRL]: rootList });
    const given = { fetcher: network, crls: [list] };
    expect(await askLeaf(leaf, given)).toMatchObject({ status: 'good', source: 'crl' });
    expect(await askLeaf(leaf, { ...given, ocspResponses: [ocspOf(leaf)] })).toMatchObject({ source: 'ocsp' });
    expect(network.asked.filter((url) => url !== ROOT_CRL)).toEqual([]);
  });

  it('OCSP is asked first, and a list where it does not tell', async () => {
    const leaf = leafOf(both);
    const well = new Network({ [OCSP]: ({ nonce }) => ocspOf(leaf, 'good', nonce), [CRL]: list });
    expect(await askLeaf(leaf, { fetcher: well })).toMatchObject({ status: 'good', source: 'ocsp' });
    expect(well.asked).not.toContain(CRL);
    const ill = new Network({ [OCSP]: lab.ocsp(leaf, { responseStatus: 3 }), [CRL]: list });
    expect(await askLeaf(leaf, { fetcher: ill })).toMatchObject({ status: 'good', source: 'crl' });
    expect(ill.asked.filter((url) => url !== ROOT_CRL)).toEqual([OCSP, CRL]);
  });

  it('a list that is given in PEM counts, and one that is fetched in PEM', async () => {
    const pem = Buffer.from(toPem(list, 'X509 CRL'));
    expect(await askLeaf(leafOf(), { crls: [pem] })).toMatchObject({ status: 'good' });
    const fetcher = new Network({ [CRL]: pem });
    expect(await askLeaf(leafOf({ crlDistributionPoints: [CRL] }), { fetcher })).toMatchObject({ status: 'good' });
  });

  it('a revocation by any of them wins over good by another', async () => {
    const leaf = leafOf(both);
    const listing = lab.crl({ issuer: pointedCa, entries: [{ serial: leaf.serial }] });
    const yes = ocspOf(leaf);
    const no = ocspOf(leaf, revoked);
    expect(await askLeaf(leaf, { staple: yes, crls: [listing] })).toMatchObject({ status: 'revoked', source: 'crl' });
    expect(await askLeaf(leaf, { staple: yes, ocspResponses: [no] })).toMatchObject({ source: 'ocsp', at: days(-2) });
    expect(await askLeaf(leaf, { staple: no, crls: [list] })).toMatchObject({ status: 'revoked', source: 'staple' });
    const delta = lab.crl({ issuer: pointedCa, deltaBase: 1, entries: [{ serial: leaf.serial }] });
    expect(await askLeaf(leaf, { crls: [list, delta] })).toMatchObject({ status: 'revoked' });
  });

  it('lists for some reasons each are good where they cover all together', async () => {
    const part = (...onlySomeReasons: number[]) =>
      lab.crl({
        issuer: pointedCa,
        nextUpdate: days(onlySomeReasons.length),
        issuingDistributionPoint: { onlySomeReasons },
      });
    const crls = [part(1, 2), part(3, 4, 5), part(6, 7, 8)];
    expect(await askLeaf(leafOf(), { crls })).toEqual({ status: 'good', source: 'crl', until: days(2) });
    expect(codesOf(await askLeaf(leafOf(), { crls: crls.slice(1) }))).toContain('crl:some_reasons');
  });

  it('evidence about other certificates is told only where it is about none of the path', async () => {
    const leaf = leafOf();
    const { certificates } = await ask(leaf, { crls: [rootList], ocspResponses: [ocspOf(leaf)] });
    expect(certificates.map(({ status }) => status)).toEqual(['good', 'good']);
    const foreign = await ask(leaf, { crls: [lab.crl({ issuer: lab.stranger })], ocspResponses: [ocspOf(leafOf())] });
    expect(codesOf(foreign.certificates[0])).toEqual([
      'ocsp:other_serial',
      'crl:wrong_issuer',
      'certificate:no_source',
    ]);
    expect(codesOf(foreign.certificates[1])).toEqual(['certificate:not_fetched']);
    const ofRoot = await ask(leaf, { crls: [rootList] });
    expect(codesOf(ofRoot.certificates[0])).toEqual(['certificate:no_source']);
  });

  it('an OCSP signer that is itself on a list at hand does not count', async () => {
    const leaf = leafOf();
    const signer = lab.ocspSigner(pointedCa);
    const response = lab.ocsp(leaf, { issuer: pointedCa, signer, certificates: [signer] });
    expect(await askLeaf(leaf, { ocspResponses: [response] })).toMatchObject({ status: 'good', source: 'ocsp' });
    const listing = lab.crl({ issuer: pointedCa, nextUpdate: days(-0.5), entries: [{ serial: signer.serial }] });
    const status = await askLeaf(leaf, { ocspResponses: [response], crls: [listing] });
    expect(codesOf(status)).toEqual(['ocsp:signer_revoked', 'crl:expired', 'certificate:no_source']);
  });
});

describe('what could not be found out', () => {
  it('names no source, none that can be fetched, or nothing may be fetched', async () => {
    const fetcher = new Network({});
    expect(codesOf(await askLeaf(leafOf(), { fetcher }))).toEqual(['certificate:no_source']);
    const ldap = leafOf({ crlDistributionPoints: ['ldap://x/'], aia: { ocsp: ['ftp://x/'] } });
    expect(codesOf(await askLeaf(ldap, { fetcher }))).toEqual(['certificate:no_address']);
    const relative = leafOf({ crlDistributionPoints: [{}] });
    expect(codesOf(await askLeaf(relative, { fetcher }))).toEqual(['certificate:no_address']);
    expect(codesOf(await askLeaf(leafOf({ crlDistributionPoints: [CRL] })))).toEqual(['certificate:not_fetched']);
    expect(fetcher.asked.filter((url) => url !== ROOT_CRL)).toEqual([]);
  });

  it('stays unknown with every reason, at most eight', async () => {
    const leaf = leafOf({ aia: { ocsp: [OCSP] }, crlDistributionPoints: [CRL] });
    const fetcher = new Network({ [OCSP]: ocspOf(leafOf()), [CRL]: lab.crl({ issuer: lab.stranger }) });
    const staple = lab.ocsp(leaf, { responseStatus: 3 });
    expect(codesOf(await askLeaf(leaf, { fetcher, staple }))).toEqual([
      'staple:try_later',
      'ocsp:other_serial',
      'crl:wrong_issuer',
    ]);
    const bad = [1, 2, 3, 5, 6].map((responseStatus) => lab.ocsp(leaf, { responseStatus }));
    const crls = [{ nextUpdate: null }, { corruptSignature: true }, { deltaBase: 1 }, { nextUpdate: days(-0.5) }].map(
      (change) => lab.crl({ issuer: pointedCa, ...change }),
    );
    expect(codesOf(await askLeaf(leaf, { staple, ocspResponses: bad, crls }))).toHaveLength(8);
  });

  it('ends when the time is over, without asking any further', async () => {
    const leaf = leafOf({ aia: { ocsp: [OCSP] }, crlDistributionPoints: [CRL] });
    const controller = new AbortController();
    const network = new Network({
      [OCSP]: () => {
        controller.abort();
        return 'cancelled';
      },
    });
    const { certificates } = await ask(leaf, { fetcher: network, signal: controller.signal });
    expect(codesOf(certificates[0])).toEqual(['ocsp:cancelled', 'crl:cancelled']);
    expect(network.asked).not.toContain(CRL);
    const before = new Network({});
    controller.abort();
    const later = await ask(leaf, { fetcher: before, signal: controller.signal });
    expect(codesOf(later.certificates[0])).toEqual(['ocsp:cancelled', 'crl:cancelled']);
    expect(before.asked).toEqual([]);
  });

  it('a list that is given and too large or none is told of the leaf', async () => {
    const status = await askLeaf(leafOf(), { crls: [Buffer.from('no list'), Buffer.from('no list')] });
    expect(codesOf(status)).toEqual(['crl:malformed', 'certificate:no_source']);
  });

  afterAll(() => {
    const own = ['no_source', 'no_address', 'not_fetched', 'cancelled', 'signer_revoked'];
    expect(own.filter((code) => !reached.has(code))).toEqual([]);
    expect(
      Object.values({ ...OCSP_EXPLANATIONS, ...CRL_EXPLANATIONS }).filter((text) => !/^The .*\.$/.test(text)),
    ).toEqual([]);
  });
});

describe('certificates that need no revocation', () => {
  const lived = (
    notBefore: string,
    seconds: number,
    more: Partial<CertificateOptions> = {},
  ): Promise<RevocationStatus> => {
    const from = new Date(notBefore);
    return askLeaf(leafOf({ notBefore: from, notAfter: new Date(from.getTime() + seconds * 1_000), ...more }));
  };
  const day = 86_400;

  it('short-lived ones: 7 days, and 10 before 2026-03-15 (Baseline Requirements section 1.6.1)', async () => {
    expect(await lived('2026-10-30T00:00:00Z', 7 * day)).toMatchObject({ status: 'not_needed', code: 'short_lived' });
    expect(await lived('2026-10-30T00:00:00Z', 6 * day)).toMatchObject({ status: 'not_needed' });
    expect((await lived('2026-10-30T00:00:00Z', 7 * day + 1)).status).toBe('unknown');
    expect(await lived('2026-03-14T23:59:59Z', 10 * day)).toMatchObject({ status: 'not_needed' });
    expect((await lived('2026-03-15T00:00:00Z', 10 * day)).status).toBe('unknown');
    expect((await lived('2026-03-14T23:59:59Z', 10 * day + 1)).status).toBe('unknown');
  });

  it('not where they name a source, and not CA certificates', async () => {
    expect(codesOf(await lived('2026-10-30T00:00:00Z', day, { crlDistributionPoints: [CRL] }))).toEqual([
      'certificate:not_fetched',
    ]);
    const ca = lab.issueCa({ subject: 'CN=Brief CA', issuer: rootEc, notBefore: days(-1), notAfter: days(2) });
    const { certificates } = await ask(lab.leaf({ issuer: ca }), {}, ca);
    expect(codesOf(certificates[1])).toEqual(['certificate:no_source']);
  });

  it('those whose issuer says so (noRevAvail, RFC 9608)', async () => {
    const extra = [{ oid: '2.5.29.56', value: Uint8Array.of(5, 0) }];
    expect(await askLeaf(leafOf({ extra }))).toMatchObject({ status: 'not_needed', code: 'no_revocation_available' });
    expect((await askLeaf(leafOf({ extra, crlDistributionPoints: [CRL] }))).status).toBe('unknown');
  });

  it('but one that is listed is revoked', async () => {
    const leaf = leafOf({ notBefore: days(-1), notAfter: days(2) });
    const crls = [lab.crl({ issuer: pointedCa, entries: [{ serial: leaf.serial }] })];
    expect(await askLeaf(leaf, { crls })).toMatchObject({ status: 'revoked' });
    expect(await askLeaf(leaf, { crls: [lab.crl({ issuer: pointedCa, nextUpdate: days(-0.5) })] })).toMatchObject({
      status: 'not_needed',
    });
  });
});

describe('stapling', () => {
  it.each([false, true])('is told with must-staple %s', async (mustStaple) => {
    const leaf = leafOf({ mustStaple });
    const stapling = async (staple?: Uint8Array) => (await ask(leaf, staple === undefined ? {} : { staple })).stapling;
    expect(await stapling()).toEqual({ status: 'absent', required: mustStaple });
    expect(await stapling(ocspOf(leaf))).toEqual({ status: 'good', required: mustStaple });
    expect(await stapling(ocspOf(leaf, revoked))).toEqual({ status: 'revoked', required: mustStaple });
    expect(await stapling(ocspOf(leafOf()))).toEqual({
      status: 'invalid',
      required: mustStaple,
      code: 'other_serial',
      explanation: OCSP_EXPLANATIONS.other_serial,
    });
    expect(await stapling(new Uint8Array())).toMatchObject({ status: 'invalid', code: 'malformed' });
    expect(await stapling(lab.ocsp(leaf, { responseStatus: 3 }))).toMatchObject({ code: 'try_later' });
  });

  it('is of the leaf only', async () => {
    const { certificates } = await ask(leafOf(), { staple: lab.ocsp(pointedCa, { issuer: rootEc }) });
    expect(certificates.map(({ status }) => status)).toEqual(['unknown', 'unknown']);
  });
});

describe('asked for an earlier time', () => {
  const now = days(20);

  it('what is fetched or stapled since then tells of it; what was given must be of that time', async () => {
    const leaf = leafOf({ crlDistributionPoints: [CRL] });
    const newer = lab.crl({ issuer: pointedCa, thisUpdate: days(19), nextUpdate: days(25) });
    const fetcher = new Network({ [CRL]: newer });
    expect(await askLeaf(leaf, { fetcher, now })).toMatchObject({ status: 'good', until: days(25) });
    expect(codesOf(await askLeaf(leaf, { crls: [newer], now }))).toEqual([
      'crl:not_yet_valid',
      'certificate:not_fetched',
    ]);
    expect(await askLeaf(leaf, { crls: [lab.crl({ issuer: pointedCa })], now })).toMatchObject({ status: 'good' });
    const staple = lab.ocsp(leaf, {
      issuer: pointedCa,
      single: { thisUpdate: days(19), nextUpdate: days(21) },
      producedAt: days(19),
    });
    expect(await askLeaf(leaf, { staple, now })).toMatchObject({ status: 'good', source: 'staple' });
  });

  it('tells of a revocation since then', async () => {
    const leaf = leafOf({ crlDistributionPoints: [CRL] });
    const listing = (reason: 'superseded' | 'keyCompromise') =>
      lab.crl({
        issuer: pointedCa,
        thisUpdate: days(19),
        nextUpdate: days(25),
        entries: [{ serial: leaf.serial, date: days(10), reason }],
      });
    const asked = (reason: 'superseded' | 'keyCompromise') =>
      askLeaf(leaf, { fetcher: new Network({ [CRL]: listing(reason) }), now });
    expect(await asked('superseded')).toMatchObject({ status: 'good', revokedLater: { at: days(10) } });
    expect(await asked('keyCompromise')).toMatchObject({ status: 'revoked', at: days(10) });
  });
});
