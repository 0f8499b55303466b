/** Revocation lists: who is listed, whose list counts, and what a list does not tell (RFC 5280 sections 5 and 6.3.3). */

import { afterAll, describe, expect, it } from 'vitest';

import { CRL_LIMITS } from '../../../src/crypto/certificate/crl-list.js';
import { checkCrl, CRL_EXPLANATIONS, readCrl, type CrlCode } from '../../../src/crypto/certificate/crl.js';
import { manyEntries, REASONS, type CrlOptions } from '../../support/pki/crl.js';
import { integer, sequence } from '../../support/pki/der.js';
import { EXTENSION_OIDS, unknownExtension, type RawExtension } from '../../support/pki/extensions.js';

import {
  at,
  days,
  good,
  intermediate,
  issuer,
  judge,
  lab,
  leaf,
  listed,
  read,
  rootEc,
  stranger,
  CRL_URL,
} from './crl-world.js';

const reached = new Set<string>();
const shouldBeUnknown = (answer: ReturnType<typeof checkCrl>, code: CrlCode): void => {
  expect(answer).toMatchObject({ status: 'unknown', code, explanation: CRL_EXPLANATIONS[code] });
  reached.add(code);
};

describe('good', () => {
  it('where the certificate is not listed, until nextUpdate', () => {
    expect(judge()).toEqual({ status: 'good', until: days(6) });
    expect(judge({ entries: [] })).toEqual({ status: 'good', until: days(6) });
  });

  it('on lists of the first version, which have no extensions (openssl ca makes them)', () => {
    expect(judge({ version: 1 }).status).toBe('good');
    shouldBeUnknown(judge({ version: 1, extra: [unknownExtension(false)] }), 'unsupported_version');
    shouldBeUnknown(judge({ version: 1, entries: [{ serial: Buffer.of(1), reason: 'superseded' }] }), 'malformed');
  });

  it('signed by RSA, RSA-PSS and Ed25519 issuers', () => {
    for (const [ca, end, options] of [
      [lab.intermediateRsa, lab.goodRsa, {}],
      [lab.intermediateRsa, lab.goodRsa, { signWith: 'rsa-pss' }],
      [lab.intermediateEd, lab.goodEd, {}],
    ] as const)
      expect(judge({ issuer: ca, ...options }, { certificate: read(end), issuer: read(ca) }).status).toBe('good');
  });

  it('for kinds of certificates: users and CAs', () => {
    const ofRoot = { certificate: issuer, issuer: read(rootEc) };
    const users = { issuingDistributionPoint: { onlyUserCerts: true } };
    const authorities = { issuingDistributionPoint: { onlyCaCerts: true } };
    expect(judge(users).status).toBe('good');
    shouldBeUnknown(judge(authorities), 'other_kind');
    expect(judge({ issuer: rootEc, ...authorities }, ofRoot).status).toBe('good');
    shouldBeUnknown(judge({ issuer: rootEc, ...users }, ofRoot), 'other_kind');
  });

  it('to the second of nextUpdate, and from 60 seconds before thisUpdate', () => {
    expect(judge({ nextUpdate: at }).status).toBe('good');
    shouldBeUnknown(judge({ nextUpdate: new Date(at.getTime() - 1_000) }), 'expired');
    expect(judge({ thisUpdate: new Date(at.getTime() + 60_000) }).status).toBe('good');
    shouldBeUnknown(judge({ thisUpdate: new Date(at.getTime() + 61_000) }), 'not_yet_valid');
  });
});

describe('revoked', () => {
  it.each((Object.keys(REASONS) as (keyof typeof REASONS)[]).filter((reason) => reason !== 'removeFromCRL'))(
    'for the reason %s, with the date',
    (reason) => {
      const date = days(-5);
      expect(listed({ date, reason })).toEqual({ status: 'revoked', at: date, reason, until: days(6) });
    },
  );

  it('without a reason, or with one that cannot be read: the certificate is listed all the same', () => {
    expect(listed()).toMatchObject({ status: 'revoked', reason: 'unspecified' });
    expect(listed({ reason: 7 })).toMatchObject({ status: 'revoked', reason: 'unspecified' });
    const extra: RawExtension[] = [{ oid: EXTENSION_OIDS.reasonCode, value: integer(1) }];
    expect(listed({ extra })).toMatchObject({ status: 'revoked', reason: 'unspecified' });
  });

  it('on a list of the first version, in the first, last and only place', () => {
    expect(listed({}, { version: 1 }).status).toBe('revoked');
    const mine = { serial: good.serial };
    for (const entries of [[mine], [mine, ...manyEntries(9)], [...manyEntries(9), mine]])
      expect(judge({ entries }).status).toBe('revoked');
  });

  it('on whatever list of the issuer: old, without end, partial, delta, of another point or kind', () => {
    for (const options of [
      { thisUpdate: days(-20), nextUpdate: days(-10) },
      { nextUpdate: null },
      { deltaBase: 1, crlNumber: 2 },
      { issuingDistributionPoint: { onlySomeReasons: [4] } },
      { issuingDistributionPoint: { onlyCaCerts: true } },
      { issuingDistributionPoint: { urls: ['http://elsewhere.test/'] } },
    ])
      expect(listed({ reason: 'superseded', date: days(-30) }, options).status).toBe('revoked');
  });

  it('on hold, but not by an old list: a hold can end', () => {
    expect(listed({ reason: 'certificateHold' })).toMatchObject({ status: 'revoked', reason: 'certificateHold' });
    const old = { thisUpdate: days(-20), nextUpdate: days(-10) };
    shouldBeUnknown(listed({ reason: 'certificateHold', date: days(-30) }, old), 'expired');
  });

  it('where it is listed twice, by the entry that is for good', () => {
    const hold = { serial: good.serial, reason: 'certificateHold' } as const;
    const lost = { serial: good.serial, reason: 'keyCompromise' } as const;
    for (const entries of [
      [hold, lost],
      [lost, hold],
    ])
      expect(judge({ entries })).toMatchObject({ status: 'revoked', reason: 'keyCompromise' });
  });

  it('by serial numbers that look alike never, and by long ones too', () => {
    const { serial } = good;
    const near = [
      serial.subarray(1),
      serial.subarray(0, -1),
      Buffer.concat([Buffer.of(1), serial]),
      Uint8Array.from(serial, (byte, i) => (i === 5 ? byte ^ 1 : byte)),
    ].map((bytes) => ({
      serial: (bytes[0] ?? 0) >= 0x80 || bytes[0] === 0 ? Buffer.concat([Buffer.of(1), bytes]) : bytes,
    }));
    expect(judge({ entries: near }).status).toBe('good');
    const long = lab.leaf({ serial: Buffer.alloc(20, 0x55) });
    expect(judge({ entries: [{ serial: long.serial }] }, { certificate: read(long) }).status).toBe('revoked');
  });
});

describe('asked for an earlier time than now', () => {
  const now = days(20);
  const fresh = { thisUpdate: days(19), nextUpdate: days(25) };

  it('a later revocation counts where it may be a compromise', () => {
    expect(listed({ date: days(10), reason: 'superseded' }, fresh, { now })).toEqual({
      status: 'good',
      until: days(25),
      revokedLater: { at: days(10), reason: 'superseded' },
    });
    const invalidityDate = days(-1);
    expect(listed({ date: days(10), reason: 'superseded', invalidityDate }, fresh, { now }).status).toBe('revoked');
    expect(listed({ date: days(10), reason: 'keyCompromise' }, fresh, { now }).status).toBe('revoked');
    expect(listed({ date: days(10) }, fresh, { now }).status).toBe('revoked');
    const unreadable = [{ oid: EXTENSION_OIDS.invalidityDate, value: Buffer.of(5, 0) }];
    expect(listed({ date: days(10), reason: 'superseded', extra: unreadable }, fresh, { now }).status).toBe('revoked');
  });

  it('a list from after the certificate expired tells nothing', () => {
    const late = { thisUpdate: days(61), nextUpdate: days(70) };
    shouldBeUnknown(judge(late, { now: days(62) }), 'certificate_expired');
  });

  it('a list that is dated after that time tells nothing where no later clock is given', () => {
    shouldBeUnknown(judge(fresh), 'not_yet_valid');
  });
});

describe('unknown', () => {
  it.each<[string, Partial<CrlOptions>, CrlCode]>([
    ['another issuer', { issuer: stranger }, 'wrong_issuer'],
    [
      'another issuer, of an indirect list',
      { issuer: stranger, issuingDistributionPoint: { indirect: true } },
      'indirect',
    ],
    ['a wrong signature', { corruptSignature: true }, 'signature_invalid'],
    ['another key in our name', { signingKey: stranger.privateKey }, 'signature_invalid'],
    [
      'another key of the CA, as it says',
      { signingKey: stranger.privateKey, authorityKeyIdentifier: { keyIdentifier: stranger.keyIdentifier } },
      'signed_by_other_key',
    ],
    ['a SHA-1 signature', { signWith: 'sha1' }, 'weak_signature'],
    [
      'two algorithms',
      { innerSignatureAlgorithm: sequence(Buffer.from('06082a8648ce3d040303', 'hex')) },
      'signature_invalid',
    ],
    ['no nextUpdate', { nextUpdate: null }, 'no_next_update'],
    ['ends before it begins', { thisUpdate: days(-1), nextUpdate: days(-2) }, 'times_implausible'],
    ['a critical extension', { extra: [unknownExtension(true)] }, 'unknown_critical_extension'],
    [
      'a critical CRL number (limbo crl::crlnumber-critical)',
      { crlNumber: false, extra: [{ oid: EXTENSION_OIDS.crlNumber, critical: true, value: integer(1) }] },
      'unknown_critical_extension',
    ],
    [
      'a critical extension in the entry of another certificate',
      { entries: [{ serial: Buffer.of(1), extra: [unknownExtension(true)] }] },
      'unknown_critical_extension',
    ],
    [
      'for attribute certificates',
      { issuingDistributionPoint: { onlyAttributeCerts: true } },
      'attribute_certificates_only',
    ],
    ['a delta', { deltaBase: 1, crlNumber: 2 }, 'delta'],
    ['an indirect list of our issuer', { issuingDistributionPoint: { indirect: true } }, 'indirect'],
    ['some reasons only', { issuingDistributionPoint: { onlySomeReasons: [1, 2] } }, 'some_reasons'],
    ['no reason at all', { issuingDistributionPoint: { onlySomeReasons: [] } }, 'some_reasons'],
    ['a point, where the certificate has none', { issuingDistributionPoint: { urls: [CRL_URL] } }, 'other_partition'],
    ['a byte too many', { trailingBytes: Buffer.of(0) }, 'malformed'],
    ['an extension twice', { extra: [unknownExtension(false), unknownExtension(false)] }, 'malformed'],
    ['a serial number spelled with a needless zero', { entries: [{ serial: Buffer.of(0, 1) }] }, 'malformed'],
    ['one with needless ones', { entries: [{ serial: Buffer.of(0xff, 0x80) }] }, 'malformed'],
    ['an empty serial number', { entries: [{ serial: Buffer.of() }] }, 'malformed'],
    ['extensions larger than any', { extra: [{ oid: '1.2.3', value: Buffer.alloc(300_000) }] }, 'malformed'],
    ['an issuer larger than any', { issuerName: [{ type: 'CN', value: 'x'.repeat(20_000) }] }, 'malformed'],
  ])('%s', (_, options, code) => shouldBeUnknown(judge(options), code));

  it('an issuer whose key usage lacks cRLSign (limbo crl::issuer-missing-crlsign)', () => {
    const mute = lab.issueCa({ subject: 'CN=Mute', issuer: rootEc, keyUsage: ['keyCertSign'] });
    const asked = { certificate: read(lab.leaf({ issuer: mute })), issuer: read(mute) };
    shouldBeUnknown(judge({ issuer: mute }, asked), 'issuer_may_not_sign');
    const silent = lab.issueCa({ subject: 'CN=Silent', issuer: rootEc, keyUsage: false });
    expect(
      judge({ issuer: silent }, { certificate: read(lab.leaf({ issuer: silent })), issuer: read(silent) }).status,
    ).toBe('good');
  });

  it('a removal, which belongs in a delta, and a removal in a delta', () => {
    shouldBeUnknown(listed({ reason: 'removeFromCRL' }), 'removed_from_crl');
    shouldBeUnknown(listed({ reason: 'removeFromCRL' }, { deltaBase: 1 }), 'delta');
  });

  it('another version, no list, and more than 10 MiB', () => {
    const list = readCrl(lab.crl({ issuer: intermediate }));
    if (list === null) throw new Error('no list');
    const question = { certificate: leaf, issuer, at };
    shouldBeUnknown(checkCrl({ ...list, version: 3 }, question), 'unsupported_version');
    shouldBeUnknown(checkCrl(null, question), 'malformed');
    expect(readCrl(Buffer.alloc(CRL_LIMITS.bytes + 1))).toBeNull();
  });

  afterAll(() =>
    // `too_large` is told by who fetches (revocation.test.ts); here such bytes are no list.
    expect(Object.keys(CRL_EXPLANATIONS).filter((code) => !reached.has(code))).toEqual(['too_large']),
  );
});
