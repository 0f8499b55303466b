/** Revocation lists and OCSP responses are explained: of whom, how many, and until when they hold. */

import { describe, expect, it } from 'vitest';

import { days, issue, issueCa } from '../../support/pki/certificates.js';
import { buildCrl, manyEntries, type CrlOptions } from '../../support/pki/crl.js';
import { unknownExtension } from '../../support/pki/extensions.js';
import { newKey } from '../../support/pki/keys.js';
import { buildOcsp, type OcspOptions } from '../../support/pki/ocsp.js';
import { bytes, codes, expectSound, NOW, pem, sequence, text } from './fixtures.js';

const at = NOW;
const ca = issueCa({ subject: 'CN=Some CA', at });
const leaf = issue({ subject: 'CN=leaf.example', issuer: ca, san: ['leaf.example'], serial: 0x4711n, at });
const second = issue({ subject: 'CN=second.example', issuer: ca, san: ['second.example'], at });

describe('a revocation list', () => {
  const list = (options: Partial<CrlOptions> = {}): Uint8Array => buildCrl({ issuer: ca, at, ...options }).der;

  it('is told with its issuer, its entries and its times, in DER and in PEM', async () => {
    const { der, pem: asPem } = buildCrl({
      issuer: ca,
      at,
      entries: [{ serial: leaf.serial }, { serial: second.serial }],
    });
    const expected = {
      kind: 'crl',
      summary: 'A revocation list (CRL) of CN=Some CA: 2 revoked certificates. Its signature was not checked.',
      details: {
        issuer: 'CN=Some CA',
        entries: 2,
        this_update: '2026-05-31T12:00:00Z',
        next_update: '2026-06-07T12:00:00Z',
        signature_algorithm: 'SHA-256 with ECDSA',
        version: 2,
      },
      findings: [],
    };
    expect(await bytes(der)).toEqual(expected);
    expect(await text(asPem)).toEqual(expected);
    expect(await text(Buffer.from(der).toString('base64'))).toEqual(expected);
    expectSound(expected);
  });

  it.each([
    ['none without entries', {}, []],
    ['none in version 1', { version: 1, entries: [{ serial: leaf.serial }] }, []],
    ['stale', { nextUpdate: days(-1, at), thisUpdate: days(-8, at) }, ['stale']],
    ['not_yet_valid', { thisUpdate: days(1, at) }, ['not_yet_valid']],
    ['no_next_update', { nextUpdate: null }, ['no_next_update']],
    ['delta', { deltaBase: 1 }, ['delta']],
    ['unknown_critical_extension', { extra: [unknownExtension(true)] }, ['unknown_critical_extension']],
    [
      'unknown_critical_extension of an entry',
      { entries: [{ serial: leaf.serial, extra: [unknownExtension(true)] }] },
      ['unknown_critical_extension'],
    ],
    ['weak_signature', { signingKey: newKey('rsa2048').privateKey, signWith: 'sha1' }, ['weak_signature']],
    ['malformed_entries', { version: 1, entries: [{ serial: leaf.serial, reason: 1 }] }, ['malformed_entries']],
    ['trailing_data', { trailingBytes: Buffer.from([0]) }, ['trailing_data']],
  ] as const)('has findings: %s', async (_name, options, expected) => {
    const inspection = await bytes(list(options as Partial<CrlOptions>));
    expect(inspection.kind).toBe('crl');
    expect(codes(inspection)).toEqual(expected);
    expectSound(inspection);
  });

  it('of thousands of entries is counted', async () => {
    const inspection = await bytes(list({ entries: manyEntries(20_000) }));
    expect(inspection.details['entries']).toBe(20_000);
    expectSound(inspection);
  });

  it('that is none is unreadable', async () => {
    expect(codes(await text(pem('X509 CRL', sequence())))).toEqual(['unreadable']);
  });
});

describe('an OCSP response', () => {
  const response = (options: Partial<OcspOptions> = {}): Uint8Array =>
    buildOcsp({ signer: ca, at, responses: [{ certificate: leaf, issuer: ca }], ...options });

  it('is told with its responder and each answer, in DER and in PEM', async () => {
    const der = response({ responderId: 'name' });
    const inspection = await bytes(der);
    expect(inspection).toEqual({
      kind: 'ocsp_response',
      summary: 'An OCSP response on 1 certificate (good). Its signature was not checked.',
      details: {
        status: 'successful',
        responder: 'CN=Some CA',
        produced_at: '2026-06-01T11:00:00Z',
        signature_algorithm: 'SHA-256 with ECDSA',
        certificates_sent_along: 0,
        responses: [
          { serial: '4711', status: 'good', this_update: '2026-06-01T11:00:00Z', next_update: '2026-06-04T12:00:00Z' },
        ],
      },
      findings: [],
    });
    expect(await text(pem('OCSP RESPONSE', der))).toEqual(inspection);
  });

  it.each([
    ['stale', { nextUpdate: days(-1, at), thisUpdate: days(-3, at) }, ['stale']],
    ['no_next_update', { nextUpdate: null }, ['no_next_update']],
    ['revoked', { status: { revokedAt: days(-2, at), reason: 'keyCompromise' } }, ['revoked']],
    ['nothing for unknown', { status: 'unknown' }, []],
  ] as const)('has findings: %s', async (_name, single, expected) => {
    const inspection = await bytes(response({ responses: [{ certificate: leaf, issuer: ca, ...single }] }));
    expect(codes(inspection)).toEqual(expected);
    expectSound(inspection);
  });

  it('that tells a revocation tells when and why', async () => {
    const status = { revokedAt: days(-2, at), reason: 'keyCompromise' } as const;
    const { details } = await bytes(response({ responses: [{ certificate: leaf, issuer: ca, status }] }));
    expect(details['responses']).toMatchObject([
      { status: 'revoked', revoked_at: '2026-05-30T12:00:00Z', reason: 'keyCompromise' },
    ]);
  });

  it('of many answers is bounded', async () => {
    const responses = Array.from({ length: 200 }, () => ({ certificate: leaf, issuer: ca }));
    const inspection = await bytes(response({ responses }));
    expect(inspection.details['responses_left_out']).toBe(170);
    expectSound(inspection);
  });

  it('that refuses says why', async () => {
    const inspection = await bytes(response({ responseStatus: 6 }));
    expect(inspection).toMatchObject({ kind: 'ocsp_response', details: { status: 'unauthorized' } });
  });
});
