/** OCSP: what is asked, and everything an answer can say or get wrong (RFC 6960). Only an authentic answer is ever believed. */

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import {
  OCSP_EXPLANATIONS,
  ocspRequest,
  readOcspResponse,
  type OcspCode,
} from '../../../src/crypto/certificate/ocsp.js';
import { OCSP_LIMITS } from '../../../src/crypto/certificate/ocsp-response.js';
import { parseCertificate, type Certificate } from '../../../src/crypto/certificate/parse.js';
import type { Issued } from '../../support/pki/certificates.js';
import { REASONS, type Reason } from '../../support/pki/crl.js';
import { integer, octetString, sequence, generalizedTime } from '../../support/pki/der.js';
import { EXTENSION_OIDS, unknownExtension } from '../../support/pki/extensions.js';
import { createLab } from '../../support/pki/lab.js';
import { buildOcspRequest, readOcspRequest } from '../../support/pki/ocsp.js';

const lab = await createLab();
const { at, days, good, intermediate, stranger } = lab;
const read = (issued: Issued): Certificate => parseCertificate(issued.der) as Certificate;
const certificate = read(good);
const issuer = read(intermediate);
const seconds = (count: number): Date => new Date(at.getTime() + count * 1_000);

type Change = Parameters<typeof lab.ocsp>[1];
const judge = (change: Change = {}, more: { nonce?: Uint8Array; now?: Date; at?: Date } = {}) =>
  readOcspResponse(lab.ocsp(good, change), { certificate, issuer, at, ...more });

const reached = new Set<string>();
const shouldBeUnknown = (answer: ReturnType<typeof readOcspResponse>, code: OcspCode): void => {
  expect(answer).toEqual({ status: 'unknown', code, explanation: OCSP_EXPLANATIONS[code] });
  reached.add(code);
};

describe('the request', () => {
  it('is what the lab writes for SHA-1, byte for byte, with and without a nonce', () => {
    const nonce = Buffer.alloc(32, 7);
    expect(Buffer.from(ocspRequest(certificate, issuer, { hash: 'sha1' }))).toEqual(
      buildOcspRequest(good, intermediate),
    );
    expect(Buffer.from(ocspRequest(certificate, issuer, { hash: 'sha1', nonce }))).toEqual(
      buildOcspRequest(good, intermediate, nonce),
    );
  });

  it('is read by @peculiar/asn1-ocsp, whatever the hash, the nonce and the serial number', () => {
    for (const [hash, oid] of [
      ['sha1', '1.3.14.3.2.26'],
      ['sha256', '2.16.840.1.101.3.4.2.1'],
    ] as const)
      for (const size of [1, 16, 32]) {
        const nonce = Buffer.alloc(size, 3);
        const question = readOcspRequest(ocspRequest(certificate, issuer, { hash, nonce }));
        expect(question.certIds).toHaveLength(1);
        expect(question.certIds[0]?.hash).toBe(oid);
        expect(Buffer.from(question.certIds[0]?.serial ?? [])).toEqual(Buffer.from(good.serial));
        expect(Buffer.from(question.nonce ?? [])).toEqual(nonce);
      }
    const long = lab.leaf({ serial: Buffer.alloc(200, 0x41) });
    expect(readOcspRequest(ocspRequest(read(long), issuer, { hash: 'sha1' })).certIds[0]?.serial).toHaveLength(200);
  });

  it('has a nonce of 1 to 32 octets (RFC 8954 section 2.1)', () => {
    for (const size of [0, 33])
      expect(() => ocspRequest(certificate, issuer, { hash: 'sha1', nonce: Buffer.alloc(size) })).toThrow(RangeError);
  });
});

describe('good', () => {
  it('until nextUpdate, signed by the issuer, named by key or by name', () => {
    expect(judge()).toEqual({ status: 'good', until: days(3), signer: null });
    expect(judge({ responderId: 'name' })).toEqual({ status: 'good', until: days(3), signer: null });
  });

  it('with certificate ids of SHA-1, SHA-256, SHA-384 and SHA-512', () => {
    for (const hash of ['sha1', 'sha256', 'sha384', 'sha512'] as const)
      expect(judge({ single: { certId: { hash } } }).status).toBe('good');
  });

  it('signed by a delegate of the issuer, with any key and with any certificate beside its own', () => {
    for (const key of ['p256', 'p384', 'ed25519', 'rsa2048'] as const) {
      const signer = lab.ocspSigner(intermediate, { key });
      const answer = judge({ signer, certificates: [stranger, intermediate, signer] });
      expect(answer.status).toBe('good');
      expect(answer).toHaveProperty('signer.der', Uint8Array.from(signer.der));
    }
    const repudiates = lab.ocspSigner(intermediate, { keyUsage: ['nonRepudiation'] });
    expect(judge({ signer: repudiates, certificates: [repudiates] }).status).toBe('good');
    const silent = lab.ocspSigner(intermediate, { keyUsage: false });
    expect(judge({ signer: silent, certificates: [silent], responderId: 'name' }).status).toBe('good');
  });

  it('without nextUpdate up to ten days (Baseline Requirements section 4.9.10)', () => {
    const single = (thisUpdate: Date) => ({ single: { thisUpdate, nextUpdate: null } });
    expect(judge(single(days(-10)))).toEqual({ status: 'good', until: null, signer: null });
    shouldBeUnknown(judge(single(new Date(days(-10).getTime() - 1_000))), 'too_old');
  });

  it('to the very second of nextUpdate, and from 60 seconds before thisUpdate', () => {
    expect(judge({ single: { nextUpdate: at } }).status).toBe('good');
    shouldBeUnknown(judge({ single: { nextUpdate: seconds(-1) } }), 'expired');
    expect(judge({ single: { thisUpdate: seconds(60) }, producedAt: seconds(60) }).status).toBe('good');
    shouldBeUnknown(judge({ single: { thisUpdate: seconds(61) } }), 'not_yet_valid');
  });

  it('with the nonce that was sent, or none; never with another', () => {
    const nonce = Buffer.alloc(32, 1);
    expect(judge({ nonce }, { nonce }).status).toBe('good');
    expect(judge({}, { nonce }).status).toBe('good');
    expect(judge({ nonce }).status).toBe('good');
    shouldBeUnknown(judge({ nonce: Buffer.alloc(32, 2) }, { nonce }), 'nonce_mismatch');
    shouldBeUnknown(judge({ nonce: nonce.subarray(1) }, { nonce }), 'nonce_mismatch');
  });

  it('among up to 256 answers about others', () => {
    const other = { certificate: lab.leaf(), issuer: intermediate };
    const mine = { certificate: good, issuer: intermediate };
    expect(judge({ responses: [...Array.from({ length: 255 }, () => other), mine] }).status).toBe('good');
    shouldBeUnknown(judge({ responses: [...Array.from({ length: 256 }, () => other), mine] }), 'malformed');
  });
});

describe('revoked', () => {
  const revokedAt = days(-2);

  it.each(Object.keys(REASONS) as Exclude<Reason, number>[])('with the time and the reason %s', (reason) => {
    expect(judge({ status: { revokedAt, reason } })).toEqual({
      status: 'revoked',
      at: revokedAt,
      reason,
      until: days(3),
      signer: null,
    });
  });

  it('without a reason, or with one that is none', () => {
    expect(judge({ status: { revokedAt } })).toMatchObject({ status: 'revoked', reason: 'unspecified' });
    expect(judge({ status: { revokedAt, reason: 7 } })).toMatchObject({ status: 'revoked', reason: 'unspecified' });
  });

  it('even where the answer is old: only a hold can end', () => {
    const single = { thisUpdate: days(-20), nextUpdate: days(-10) };
    const status = { revokedAt: days(-30), reason: 'superseded' } as const;
    expect(judge({ status, single, producedAt: days(-20) }).status).toBe('revoked');
    const hold = { ...status, reason: 'certificateHold' } as const;
    shouldBeUnknown(judge({ status: hold, single, producedAt: days(-20) }), 'expired');
  });

  it('at a time in the future counts already: the issuer lists it now', () => {
    expect(judge({ status: { revokedAt: days(2), reason: 'superseded' } }).status).toBe('revoked');
  });

  it('wins where one response says both', () => {
    const mine = { certificate: good, issuer: intermediate };
    for (const responses of [
      [mine, { ...mine, status: { revokedAt } }],
      [{ ...mine, status: { revokedAt } }, mine],
    ])
      expect(judge({ responses }).status).toBe('revoked');
    shouldBeUnknown(judge({ responses: [mine, { ...mine, status: 'unknown' }] }), 'unknown_to_responder');
  });

  it('is never said by somebody who may not', () => {
    expect(judge({ status: { revokedAt }, signer: stranger }).status).toBe('unknown');
    expect(judge({ status: { revokedAt }, corruptSignature: true }).status).toBe('unknown');
  });
});

describe('asked for an earlier time than now', () => {
  const now = days(20);
  const later = (reason?: Reason, more: Change = {}) =>
    judge(
      {
        status: { revokedAt: days(10), ...(reason === undefined ? {} : { reason }) },
        ...more,
        single: { thisUpdate: days(19), nextUpdate: days(22), ...more?.single },
        producedAt: days(19),
      },
      { now },
    );

  it('a newer answer tells of it', () => {
    expect(
      judge({ single: { thisUpdate: days(19), nextUpdate: days(22) }, producedAt: days(19) }, { now }).status,
    ).toBe('good');
    shouldBeUnknown(judge({ single: { thisUpdate: days(21), nextUpdate: days(22) } }, { now }), 'not_yet_valid');
  });

  it('a revocation after it, of a reason that leaves the key alone, does not count', () => {
    for (const reason of ['superseded', 'cessationOfOperation', 'affiliationChanged', 'privilegeWithdrawn'] as const)
      expect(later(reason)).toMatchObject({ status: 'good', revokedLater: { at: days(10), reason } });
  });

  it('a compromise counts, and so does what may be one', () => {
    for (const reason of ['keyCompromise', 'cACompromise', 'aACompromise', 'unspecified', undefined] as const)
      expect(later(reason)).toMatchObject({ status: 'revoked', at: days(10) });
    const invalidityDate = (date: Date): Change => ({
      single: { extensions: [{ oid: EXTENSION_OIDS.invalidityDate, value: generalizedTime(date) }] },
    });
    expect(later('superseded', invalidityDate(days(-1))).status).toBe('revoked');
    expect(later('superseded', invalidityDate(days(1))).status).toBe('good');
  });

  it('an answer from after the certificate expired tells nothing: it is no longer kept', () => {
    const single = { thisUpdate: days(61), nextUpdate: days(70) };
    shouldBeUnknown(judge({ single, producedAt: days(61) }, { now: days(62) }), 'certificate_expired');
  });
});

describe('unknown', () => {
  it.each([
    [1, 'malformed_request'],
    [2, 'internal_error'],
    [3, 'try_later'],
    [4, 'malformed'],
    [5, 'sig_required'],
    [6, 'unauthorized'],
    [7, 'malformed'],
  ] as const)('response status %i: %s', (responseStatus, code) => shouldBeUnknown(judge({ responseStatus }), code));

  it.each<[string, Change, OcspCode]>([
    ['the responder does not know it', { status: 'unknown' }, 'unknown_to_responder'],
    ['another serial number', { single: { certificate: lab.leaf() } }, 'other_serial'],
    ['no answer at all', { responses: [] }, 'other_serial'],
    ['another issuer name', { single: { certId: { nameHash: Buffer.alloc(20) } } }, 'other_issuer_name'],
    ['another issuer key', { single: { certId: { keyHash: Buffer.alloc(20) } } }, 'other_issuer_key'],
    ['a hash of the wrong length', { single: { certId: { keyHash: Buffer.alloc(0) } } }, 'other_issuer_key'],
    ['an id of MD5', { single: { certId: { hash: 'md5' } } }, 'unsupported_hash'],
    ['ends before it begins', { single: { thisUpdate: days(-1), nextUpdate: days(-2) } }, 'times_implausible'],
    ['signed in the future', { producedAt: seconds(61) }, 'produced_implausibly'],
    ['signed after its end', { single: { nextUpdate: at }, producedAt: seconds(30) }, 'produced_implausibly'],
    ['another type', { responseType: '1.2.3.4' }, 'unsupported_type'],
    ['truncated', { truncateTo: 60 }, 'malformed'],
    ['empty', { truncateTo: 0 }, 'malformed'],
    ['a byte too many', { trailingBytes: Uint8Array.of(0) }, 'malformed'],
    ['a wrong signature', { corruptSignature: true }, 'signature_invalid'],
    ['another key signs', { signingKey: stranger.privateKey }, 'signature_invalid'],
    ['a SHA-1 signature', { signWith: 'sha1' }, 'weak_signature'],
    ['a SHA-224 signature', { signWith: 'sha224' }, 'weak_signature'],
    ['a stranger signs', { signer: stranger }, 'signer_unknown'],
    ['a responder that nobody is', { responderId: Buffer.alloc(20) }, 'signer_unknown'],
    ['a critical extension', { extensions: [unknownExtension(true)] }, 'unknown_critical_extension'],
    ['one of the answer', { single: { extensions: [unknownExtension(true)] } }, 'unknown_critical_extension'],
    ['an extension twice', { extensions: [unknownExtension(false), unknownExtension(false)] }, 'malformed'],
    ['more than eight certificates', { certificates: Array.from({ length: 9 }, () => stranger) }, 'malformed'],
  ])('%s', (_, change, code) => shouldBeUnknown(judge(change), code));

  it('a response of more than 64 KiB', () => {
    shouldBeUnknown(judge({ trailingBytes: Buffer.alloc(OCSP_LIMITS.bytes) }), 'too_large');
  });

  const delegate = (options: Parameters<typeof lab.ocspSigner>[1], by = intermediate): Change => {
    const signer = lab.ocspSigner(by, options);
    return { signer, certificates: [signer] };
  };
  const impostor = lab.ocspSigner(stranger, { issuerName: intermediate.subject });
  it.each<[string, Change, OcspCode]>([
    ["a stranger's delegate", delegate({}, stranger), 'signer_not_issued'],
    ["a stranger's delegate in our name", { signer: impostor, certificates: [impostor] }, 'signer_not_issued'],
    ["the root's delegate", delegate({}, lab.rootEc), 'signer_not_issued'],
    ['a delegate whose certificate is forged', delegate({ corruptSignature: true }), 'signer_not_issued'],
    ['a delegate that expired', delegate({ notAfter: days(-1) }), 'signer_not_valid'],
    ['a delegate not yet valid', delegate({ notBefore: days(1) }), 'signer_not_valid'],
    ['a delegate without the purpose', delegate({ purpose: false }), 'signer_purpose'],
    ['a delegate for any purpose', delegate({ extendedKeyUsage: ['any', 'serverAuth'] }), 'signer_purpose'],
    ['the leaf itself', { signer: good, certificates: [good] }, 'signer_purpose'],
    ['a delegate that may not sign', delegate({ keyUsage: ['keyEncipherment'] }), 'signer_key_usage'],
    ['a delegate with RSA of 1024 bits', delegate({ key: 'rsa1024' }), 'signer_weak'],
    ['a delegate certified with SHA-1', delegate({ signWith: 'sha1' }), 'signer_weak'],
    ['a delegate with a critical extension', delegate({ extra: [unknownExtension(true)] }), 'signer_malformed'],
    [
      'a delegate with an extension twice',
      delegate({ extra: [unknownExtension(false), unknownExtension(false)] }),
      'signer_malformed',
    ],
    ['a delegate that is not sent', { signer: lab.ocspSigner(intermediate) }, 'signer_unknown'],
    ['a delegate that did not sign', { ...delegate({}), signingKey: stranger.privateKey }, 'signature_invalid'],
  ])('%s', (_, change, code) => shouldBeUnknown(judge(change), code));

  it('times with fractions, and times of the wrong type', () => {
    const nonce = { oid: EXTENSION_OIDS.ocspNonce, value: octetString(Buffer.alloc(8)) };
    expect(judge({ extensions: [{ ...nonce, critical: true }] }).status).toBe('good');
    const der = Buffer.from(lab.ocsp(good));
    const text = der.indexOf('20261031230000Z');
    expect(text).toBeGreaterThan(0);
    der.write('202610312300.5Z', text, 'latin1');
    shouldBeUnknown(readOcspResponse(der, { certificate, issuer, at }), 'malformed');
  });

  afterAll(() => expect(Object.keys(OCSP_EXPLANATIONS).filter((code) => !reached.has(code))).toEqual([]));
});

describe('whatever the bytes are', () => {
  const delegated = lab.ocspSigner(intermediate);
  const response = Buffer.from(lab.ocsp(good, { signer: delegated, certificates: [delegated] }));
  const direct = Buffer.from(lab.ocsp(good));

  it('no flipped bit of a good response leaves it good', () => {
    for (const original of [direct, response])
      for (let i = 0; i < original.length; i++) {
        const changed = Buffer.from(original);
        changed[i] = (changed[i] ?? 0) ^ (1 << (i % 8));
        const answer = readOcspResponse(changed, { certificate, issuer, at });
        expect({ i, status: answer.status }).toEqual({ i, status: 'unknown' });
      }
  });

  it('no cut response is good', () => {
    for (let length = 0; length < response.length; length++)
      expect(readOcspResponse(response.subarray(0, length), { certificate, issuer, at }).status).toBe('unknown');
  });

  it('random and spliced bytes never throw, and are never good', () => {
    const question = { certificate, issuer, at };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(response.length), fc.nat(60), (bytes, start, count) => {
        expect(readOcspResponse(bytes, question).status).toBe('unknown');
        const wrapped = sequence(integer(0), bytes);
        expect(readOcspResponse(wrapped, question).status).toBe('unknown');
        const spliced = Buffer.concat([response.subarray(0, start), bytes, response.subarray(start + count)]);
        if (!spliced.equals(response)) expect(readOcspResponse(spliced, question).status).toBe('unknown');
      }),
    );
  });
});
