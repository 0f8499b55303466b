/** Cases of CRLs (RFC 5280 section 6.3), OCSP responses (RFC 6960) and stapling (RFC 6066, RFC 7633). */

import { CaseList, type CaseInput, type Expected, type PkiCase } from './case.js';
import type { Issued } from './certificates.js';
import { manyEntries, type CrlEntry, type CrlOptions } from './crl.js';
import { unknownExtension } from './extensions.js';
import type { Lab } from './lab.js';
import type { CertificateStatus } from './ocsp.js';

type OcspChange = Parameters<Lab['ocsp']>[1];

/** With `hard` no answer is not good enough. */
const UNAVAILABLE: Partial<Expected> = {
  codes: ['revocation_unavailable'],
  absent: ['revoked'],
  hard: ['undetermined', 'untrusted'],
};

/** Answers that must not be believed; each is made once saying good and once saying revoked. */
function unbelievable(lab: Lab): Record<string, OcspChange> {
  const { intermediate, stranger, days, good } = lab;
  const strangerSigner = lab.ocspSigner(stranger);
  const noPurpose = lab.ocspSigner(intermediate, { purpose: false });
  const expired = lab.ocspSigner(intermediate, { notBefore: days(-60), notAfter: days(-10) });
  const forged = lab.ocspSigner(intermediate, { corruptSignature: true });
  const byRoot = lab.ocspSigner(lab.rootEc);
  const other = lab.leaf();
  return {
    stale: { single: { thisUpdate: days(-10), nextUpdate: days(-3) }, producedAt: days(-10) },
    'from-the-future': { single: { thisUpdate: days(2), nextUpdate: days(5) }, producedAt: days(2) },
    'old-without-next-update': { single: { thisUpdate: days(-400), nextUpdate: null }, producedAt: days(-400) },
    'ends-before-it-begins': { single: { thisUpdate: days(-1), nextUpdate: days(-2) } },
    'another-serial': { single: { certificate: other } },
    'another-issuer-name': { single: { certId: { nameHash: Buffer.alloc(20, 1) } } },
    'another-issuer-key': { single: { certId: { keyHash: Buffer.alloc(20, 1) } } },
    'stranger-signs': { signer: stranger },
    'stranger-signs-in-our-name': { signingKey: stranger.privateKey },
    'strangers-delegate': { signer: strangerSigner, certificates: [strangerSigner] },
    'delegate-of-the-root': { signer: byRoot, certificates: [byRoot] },
    'delegate-without-purpose': { signer: noPurpose, certificates: [noPurpose] },
    'delegate-expired': { signer: expired, certificates: [expired] },
    'delegate-forged': { signer: forged, certificates: [forged] },
    'delegate-not-sent': { signer: lab.ocspSigner(intermediate) },
    'leaf-signs-for-itself': { signer: good, certificates: [good] },
    'corrupt-signature': { corruptSignature: true },
    'responder-key-wrong': { responderId: Buffer.alloc(20, 9) },
    'critical-extension': { extensions: [unknownExtension(true)] },
    'critical-extension-of-the-answer': { single: { extensions: [unknownExtension(true)] } },
    'another-type': { responseType: '1.2.3.4' },
    truncated: { truncateTo: 100 },
    'trailing-bytes': { trailingBytes: Uint8Array.of(0) },
    empty: { truncateTo: 0 },
    'malformed-request': { responseStatus: 1 },
    'internal-error': { responseStatus: 2 },
    'try-later': { responseStatus: 3 },
    'status-4': { responseStatus: 4 },
    'signature-required': { responseStatus: 5 },
    unauthorized: { responseStatus: 6 },
  };
}

function believable(lab: Lab): Record<string, OcspChange> {
  const { intermediate, days } = lab;
  const delegate = lab.ocspSigner(intermediate);
  const checked = lab.ocspSigner(intermediate, { noCheck: false });
  const rsa = lab.ocspSigner(intermediate, { key: 'rsa2048' });
  const other = { certificate: lab.leaf(), issuer: intermediate };
  return {
    'by-issuer': {},
    'by-issuer-named': { responderId: 'name' },
    'by-delegate': { signer: delegate, certificates: [delegate] },
    'by-delegate-named': { signer: delegate, certificates: [delegate], responderId: 'name' },
    'by-delegate-with-the-issuer': { signer: delegate, certificates: [intermediate, delegate] },
    'by-delegate-without-nocheck': { signer: checked, certificates: [checked] },
    'by-rsa-delegate': { signer: rsa, certificates: [rsa] },
    'by-rsa-pss-delegate': { signer: rsa, certificates: [rsa], signWith: 'rsa-pss' },
    'sha256-certificate-id': { single: { certId: { hash: 'sha256' } } },
    'without-next-update': { single: { thisUpdate: new Date(lab.at.getTime() - 60_000), nextUpdate: null } },
    'seven-days-old': { single: { thisUpdate: days(-6), nextUpdate: days(1) } },
    'unknown-extension': { extensions: [unknownExtension(false)] },
    'unasked-nonce': { nonce: Buffer.alloc(16, 3) },
    'second-of-several': { responses: [other, { certificate: lab.good, issuer: intermediate }, other] },
  };
}

function ocsp(list: CaseList, lab: Lab): void {
  const revoked: CertificateStatus = { revokedAt: lab.days(-2), reason: 'keyCompromise' };
  // The intermediate is the list's to answer for.
  const crls = [lab.crl({ issuer: lab.rootEc })];
  for (const [name, change] of Object.entries(believable(lab))) {
    list.trusted(
      `ocsp-good-${name}`,
      { ocsp: lab.ocsp(lab.good, change), crls },
      { absent: ['revoked', 'revocation_unavailable'], hard: 'trusted' },
    );
  }
  for (const [name, change] of Object.entries(unbelievable(lab))) {
    list.trusted(`ocsp-${name}`, { ocsp: lab.ocsp(lab.good, change) }, UNAVAILABLE);
  }
  const delegate = lab.ocspSigner(lab.intermediate);
  const say = (status: CertificateStatus, more: OcspChange = {}): CaseInput => ({
    ocsp: lab.ocsp(lab.good, { status, ...more }),
  });
  list.untrusted('ocsp-revoked', 'revoked', say(revoked));
  list.untrusted('ocsp-revoked-without-reason', 'revoked', say({ revokedAt: lab.days(-2) }));
  list.untrusted('ocsp-on-hold', 'revoked', say({ revokedAt: lab.days(-2), reason: 'certificateHold' }));
  list.untrusted('ocsp-revoked-by-delegate', 'revoked', say(revoked, { signer: delegate, certificates: [delegate] }));
  list.trusted('ocsp-revoked-says-a-stranger', say(revoked, { signer: lab.stranger }), UNAVAILABLE);
  list.trusted('ocsp-revoked-of-another', { ocsp: lab.ocsp(lab.leaf(), { status: revoked }) }, UNAVAILABLE);
  list.untrusted('ocsp-revoked-says-one-of-two', 'revoked', {
    ocsp: lab.ocsp(lab.good, {
      responses: [
        { certificate: lab.good, issuer: lab.intermediate },
        { certificate: lab.good, issuer: lab.intermediate, status: revoked },
      ],
    }),
  });
  list.open('ocsp-sha1-signature', ['trusted', 'untrusted'], {
    ocsp: lab.ocsp(lab.good, { signer: lab.intermediate, signWith: 'sha1' }),
    note: 'a weak signature: best taken for no answer',
  });
  list.open(
    'ocsp-unknown',
    ['trusted', 'undetermined', 'untrusted'],
    { ...say('unknown'), note: 'the responder knows no such certificate' },
    {
      finding: true,
      absent: ['revoked'],
      hard: ['undetermined', 'untrusted'],
    },
  );
  list.open('ocsp-unused-where-the-chain-is-untrusted', ['untrusted'], {
    chain: [lab.good],
    ...say('good'),
    note: 'no issuer, no check',
  });
}

/** Lists that must not be believed, whatever they say. */
function unbelievableLists(lab: Lab): Record<string, Partial<CrlOptions>> {
  const { days, stranger, intermediate } = lab;
  return {
    stale: { thisUpdate: days(-20), nextUpdate: days(-2) },
    'from-the-future': { thisUpdate: days(2), nextUpdate: days(9) },
    'of-another-issuer': { issuer: stranger },
    'stranger-signs-in-our-name': { signingKey: stranger.privateKey },
    'corrupt-signature': { corruptSignature: true },
    'algorithms-differ': { innerSignatureAlgorithm: Buffer.from('300a06082a8648ce3d040303', 'hex') },
    'critical-extension': { extra: [unknownExtension(true)] },
    'for-authorities-only': { issuingDistributionPoint: { onlyCaCerts: true } },
    'for-attributes-only': { issuingDistributionPoint: { onlyAttributeCerts: true } },
    'for-some-reasons-only': { issuingDistributionPoint: { onlySomeReasons: [3, 4] } },
    'of-another-distribution-point': { issuingDistributionPoint: { urls: ['http://127.0.0.1:9/other.crl'] } },
    'delta-alone': { deltaBase: 1, crlNumber: 2 },
    'trailing-bytes': { trailingBytes: Uint8Array.of(0) },
    'key-may-not-sign-lists': { issuer: intermediate },
  };
}

function crls(list: CaseList, lab: Lab): void {
  const { intermediate, rootEc, good } = lab;
  const url = 'http://127.0.0.1:9/leaf.crl';
  const pointed = lab.leaf({ crlDistributionPoints: [url] });
  const rootList = lab.crl({ issuer: rootEc });
  const listed = (entry: Partial<CrlEntry> = {}, more: Partial<CrlOptions> = {}, leaf = good): CaseInput => ({
    leaf,
    crls: [
      lab.crl({ issuer: intermediate, entries: [...manyEntries(3), { serial: leaf.serial, ...entry }], ...more }),
      rootList,
    ],
  });
  const clean = (more: Partial<CrlOptions> = {}, leaf = good): CaseInput => ({
    leaf,
    crls: [rootList, lab.crl({ issuer: intermediate, entries: manyEntries(3), ...more })],
  });
  const covered: Partial<Expected> = { absent: ['revoked', 'revocation_unavailable'], hard: 'trusted' };
  list.trusted('crl-good', clean(), covered);
  list.trusted('crl-good-empty', clean({ entries: [] }), covered);
  list.trusted('crl-good-version-1', clean({ version: 1 }), covered);
  list.trusted('crl-good-for-users', clean({ issuingDistributionPoint: { onlyUserCerts: true } }), covered);
  list.trusted(
    'crl-good-of-this-distribution-point',
    clean({ issuingDistributionPoint: { urls: [url] } }, pointed),
    covered,
  );
  list.trusted('crl-good-long', clean({ entries: manyEntries(10_000) }), covered);
  list.trusted('crl-good-unknown-extension', clean({ extra: [unknownExtension(false)] }), covered);
  list.open('crl-without-next-update', ['trusted'], {
    ...clean({ nextUpdate: null }),
    note: 'RFC 5280 demands nextUpdate',
  });
  list.open('crl-sha1', ['trusted'], {
    ...clean({ signWith: 'sha1' }),
    note: 'a weak signature: best taken for no list',
  });

  list.untrusted('crl-revoked', 'revoked', listed());
  list.untrusted(
    'crl-revoked-with-reason',
    'revoked',
    listed({ reason: 'keyCompromise', invalidityDate: lab.days(-3) }),
  );
  list.untrusted('crl-revoked-version-1', 'revoked', listed({}, { version: 1 }));
  list.untrusted('crl-on-hold', 'revoked', listed({ reason: 'certificateHold' }));
  list.untrusted(
    'crl-revoked-last-of-many',
    'revoked',
    listed({}, { entries: [...manyEntries(10_000), { serial: good.serial }] }),
  );
  list.untrusted(
    'crl-revoked-for-some-reasons',
    'revoked',
    listed({ reason: 'superseded' }, { issuingDistributionPoint: { onlySomeReasons: [4] } }),
  );
  list.untrusted('crl-revoked-intermediate', 'revoked', {
    crls: [
      lab.crl({ issuer: intermediate }),
      lab.crl({ issuer: rootEc, entries: [{ serial: intermediate.serial, reason: 'cACompromise' }] }),
    ],
  });
  list.open(
    'crl-revoked-but-stale',
    ['untrusted', 'trusted'],
    {
      ...listed({}, { thisUpdate: lab.days(-20), nextUpdate: lab.days(-2) }),
      note: 'a stale list still proves the revocation it holds; strictly it says nothing',
    },
    { finding: true },
  );
  // The entry is for a certificate of another issuer (RFC 5280 section 5.3.3).
  list.trusted(
    'crl-indirect-entry-of-another-issuer',
    listed({ certificateIssuer: lab.stranger.subject }, { issuingDistributionPoint: { indirect: true } }),
    {
      absent: ['revoked'],
    },
  );

  const mute = lab.issueCa({ subject: 'CN=Mute CA,O=Lab', issuer: rootEc, keyUsage: ['keyCertSign'] });
  const ofMute = lab.leaf({ issuer: mute });
  for (const [name, change] of Object.entries(unbelievableLists(lab))) {
    const isMute = name === 'key-may-not-sign-lists';
    const leaf = name === 'of-another-distribution-point' ? pointed : good;
    const chain: Issued[] = isMute ? [ofMute, mute] : [leaf, intermediate];
    const options = isMute ? { issuer: mute } : { issuer: intermediate, ...change };
    list.trusted(`crl-${name}`, { chain, crls: [rootList, lab.crl(options)] }, UNAVAILABLE);
  }
}

/** Of the unbelievable answers, those stapled too. */
const INVALID_STAPLES = [
  'stale',
  'from-the-future',
  'another-serial',
  'stranger-signs',
  'stranger-signs-in-our-name',
  'strangers-delegate',
  'delegate-without-purpose',
  'corrupt-signature',
  'truncated',
  'try-later',
];

/** Sources together, and none. */
function sources(list: CaseList, lab: Lab): void {
  const { good, intermediate } = lab;
  const listed = lab.crl({ issuer: intermediate, entries: [{ serial: good.serial }] });
  list.untrusted('ocsp-good-but-listed', 'revoked', { ocsp: lab.ocsp(good), crls: [listed] });
  list.untrusted('staple-good-but-listed', 'revoked', { staple: lab.ocsp(good), crls: [listed] });
  list.trusted('ocsp-stale-but-list-good', {
    ocsp: lab.ocsp(good, unbelievable(lab)['stale']),
    crls: [lab.crl({ issuer: intermediate }), lab.crl({ issuer: lab.rootEc })],
  });
  const leaf = lab.leaf({
    aia: { ocsp: ['http://127.0.0.1:9/'] },
    crlDistributionPoints: ['http://127.0.0.1:9/x.crl'],
  });
  list.trusted('revocation-addresses-but-no-answer', { leaf }, UNAVAILABLE);
  list.trusted('revocation-no-addresses', {}, { absent: ['revoked'] });
}

function stapling(list: CaseList, lab: Lab): void {
  const { good } = lab;
  const must = lab.leaf({ mustStaple: true });
  const revoked: CertificateStatus = { revokedAt: lab.days(-2) };
  list.trusted(
    'staple-good',
    { staple: lab.ocsp(good), crls: [lab.crl({ issuer: lab.rootEc })] },
    { absent: ['staple_invalid', 'revocation_unavailable'] },
  );
  list.trusted('staple-none', { staple: null }, { absent: ['must_staple_missing', 'staple_invalid'] });
  list.untrusted('staple-revoked', 'revoked', { staple: lab.ocsp(good, { status: revoked }) });
  list.untrusted('must-staple-missing', 'must_staple_missing', { leaf: must, staple: null });
  list.trusted(
    'must-staple-good',
    { leaf: must, staple: lab.ocsp(must) },
    { absent: ['must_staple_missing', 'staple_invalid'] },
  );
  list.untrusted('must-staple-revoked', 'revoked', { leaf: must, staple: lab.ocsp(must, { status: revoked }) });
  const changes = unbelievable(lab);
  for (const name of INVALID_STAPLES) {
    const note = 'a bad staple is a fault; without must-staple whether it costs the trust is left open';
    list.open(
      `staple-${name}`,
      ['untrusted', 'undetermined', 'trusted'],
      { staple: lab.ocsp(good, changes[name]), note },
      {
        codes: ['staple_invalid'],
        absent: ['revoked'],
      },
    );
    list.untrusted(
      `must-staple-${name}`,
      'staple_invalid',
      { leaf: must, staple: lab.ocsp(must, changes[name]) },
      {
        absent: ['revoked'],
      },
    );
  }
}

export function revocationCases(lab: Lab): PkiCase[] {
  const list = new CaseList(lab);
  ocsp(list, lab);
  crls(list, lab);
  stapling(list, lab);
  sources(list, lab);
  return list.cases;
}
