/**
 * Revocation lists that tell of some certificates only (indirect, partitioned), given ones, very long ones, and bytes of any kind
 * (RFC 5280 sections 5.2.5, 5.3.3 and 6.3.3).
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CRL_LIMITS } from '../../../src/crypto/certificate/crl-list.js';
import { checkCrl, CRL_EXPLANATIONS, readCrl, splitCrls, type CrlCode } from '../../../src/crypto/certificate/crl.js';
import { parseCertificate, type Certificate } from '../../../src/crypto/certificate/parse.js';
import { manyEntries } from '../../support/pki/crl.js';
import { bitString, generalizedTime, implicit, integer, sequence, toPem, utcTime } from '../../support/pki/der.js';
import { EXTENSION_OIDS, extension, unknownExtension, type RawExtension } from '../../support/pki/extensions.js';
import { signer } from '../../support/pki/keys.js';
import { generalNames, name } from '../../support/pki/names.js';
import { describeWithVectors, readVectors, vectorsPresent } from '../../support/vectors.js';

import {
  at,
  days,
  good,
  intermediate,
  issuer,
  judge,
  lab,
  leaf,
  pointed,
  read,
  stranger,
  CRL_URL,
} from './crl-world.js';

const shouldBeUnknown = (answer: ReturnType<typeof checkCrl>, code: CrlCode): void => {
  expect(answer).toMatchObject({ status: 'unknown', code, explanation: CRL_EXPLANATIONS[code] });
};

describe('indirect lists', () => {
  const indirect = { issuingDistributionPoint: { indirect: true } };
  const mine = { serial: good.serial };

  it('an entry counts for the issuer it names, and passes that on to those behind it', () => {
    expect(judge({ entries: [mine], ...indirect }).status).toBe('revoked');
    const other = { serial: Buffer.of(9), certificateIssuer: stranger.subject };
    shouldBeUnknown(judge({ entries: [{ ...mine, certificateIssuer: stranger.subject }], ...indirect }), 'indirect');
    shouldBeUnknown(judge({ entries: [other, mine], ...indirect }), 'indirect');
    const back = { ...mine, certificateIssuer: intermediate.subject };
    expect(judge({ entries: [other, back], ...indirect }).status).toBe('revoked');
    const before = { serial: Buffer.of(9), certificateIssuer: intermediate.subject };
    expect(judge({ entries: [other, before, mine], ...indirect }).status).toBe('revoked');
  });

  it('is one that names issuers without saying so', () => {
    shouldBeUnknown(judge({ entries: [{ serial: Buffer.of(9), certificateIssuer: stranger.subject }] }), 'indirect');
  });

  it('an issuer of an entry that cannot be read makes the list unreadable', () => {
    const extra = [{ oid: EXTENSION_OIDS.certificateIssuer, critical: true, value: Buffer.of(1, 2) }];
    shouldBeUnknown(judge({ entries: [{ ...mine, extra }], ...indirect }), 'malformed');
  });

  it('is what a point asks for that appoints another issuer', () => {
    const appointing = lab.leaf({ crlDistributionPoints: [{ urls: [CRL_URL], crlIssuer: stranger.subject }] });
    const certificate = read(appointing);
    const [distributionPoint] = certificate.distributionPoints;
    if (distributionPoint === undefined) throw new Error('no point');
    shouldBeUnknown(judge({}, { certificate, distributionPoint }), 'indirect');
  });
});

describe('partitioned lists', () => {
  const certificate = read(pointed);
  const [first, second] = certificate.distributionPoints;
  const of = (...urls: string[]) => ({ issuingDistributionPoint: { urls } });

  it('are for the certificates that name them', () => {
    expect(judge(of(CRL_URL), { certificate }).status).toBe('good');
    expect(judge(of('http://mirror.test/', CRL_URL), { certificate }).status).toBe('good');
    expect(judge(of('http://crl.lab.test/2.crl'), { certificate }).status).toBe('good');
    shouldBeUnknown(judge(of('http://crl.lab.test/3.crl'), { certificate }), 'other_partition');
  });

  it('must be of the point they were fetched for', () => {
    if (first === undefined || second === undefined) throw new Error('no points');
    expect(judge(of(CRL_URL), { certificate, distributionPoint: first }).status).toBe('good');
    shouldBeUnknown(judge(of(CRL_URL), { certificate, distributionPoint: second }), 'other_partition');
    expect(judge({}, { certificate, distributionPoint: second }).status).toBe('good');
  });

  it('are not resolved where they are named relative to the issuer', () => {
    const relative = implicit(0, true, implicit(1, true, name('CN=1').subarray(4)));
    const scope = { oid: EXTENSION_OIDS.issuingDistributionPoint, critical: true, value: sequence(relative) };
    shouldBeUnknown(judge({ extra: [scope] }, { certificate }), 'other_partition');
  });

  it('may be named by a directory name, as the certificate names them', () => {
    const names = (text: string) =>
      implicit(0, true, implicit(0, true, generalNames([{ directory: text }]).subarray(2)));
    const point = (text: string) => sequence(names(text));
    const own = lab.leaf({
      extra: [{ oid: EXTENSION_OIDS.crlDistributionPoints, value: sequence(point('CN=Part 1')) }],
    });
    const scope = (text: string): RawExtension => ({
      oid: EXTENSION_OIDS.issuingDistributionPoint,
      critical: true,
      value: point(text),
    });
    expect(judge({ extra: [scope('CN=part 1')] }, { certificate: read(own) }).status).toBe('good');
    shouldBeUnknown(judge({ extra: [scope('CN=part 2')] }, { certificate: read(own) }), 'other_partition');
  });

  it('tell for which reasons they are whole (RFC 5280 section 6.3.3 (d))', () => {
    expect(judge({ issuingDistributionPoint: { onlySomeReasons: [1, 2] } })).toMatchObject({
      coveredReasons: 0b110,
      until: days(6),
    });
    expect(judge({ issuingDistributionPoint: { onlySomeReasons: [1, 2, 3, 4, 5, 6, 7, 8] } }).status).toBe('good');
    const narrow = read(lab.leaf({ crlDistributionPoints: [{ urls: [CRL_URL], reasons: [1] }] }));
    const [distributionPoint] = narrow.distributionPoints;
    if (distributionPoint === undefined) throw new Error('no point');
    expect(judge({}, { certificate: narrow, distributionPoint })).toMatchObject({ coveredReasons: 0b10 });
  });
});

describe('given lists', () => {
  const der = Uint8Array.from(lab.crl({ issuer: intermediate }));
  const pem = toPem(der, 'X509 CRL');

  it('are DER or any number of PEM blocks', () => {
    expect(splitCrls(der)).toEqual([der]);
    expect(
      splitCrls(Buffer.from(`text\n${pem}${pem.replaceAll('\n', '\r\n')}`)).map((b) => Uint8Array.from(b)),
    ).toEqual([der, der]);
    expect(splitCrls(Buffer.from(toPem(der)))).toEqual([]);
    expect(splitCrls(Buffer.from(pem.slice(0, 80)))).toEqual([]);
    expect(splitCrls(Buffer.of(0xff, 0xfe))).toEqual([]);
    expect(splitCrls(Buffer.of())).toEqual([]);
  });
});

describe('a list of 10 MiB', () => {
  // The lab's writer spreads its entries as arguments, which so many are too many for.
  const ENTRY_BYTES = 35;
  const count = 299_000;
  const entries = Buffer.concat(manyEntries(count).map(({ serial }) => sequence(integer(serial), utcTime(days(-1)))));
  const { algorithm, sign } = signer(intermediate.privateKey);
  const made = (...list: Uint8Array[]): Uint8Array => {
    const times = [utcTime(days(-1)), utcTime(days(6))];
    const tbs = sequence(integer(1), algorithm, intermediate.subject, ...times, sequence(...list));
    return sequence(tbs, algorithm, bitString(sign(tbs)));
  };
  const question = { certificate: leaf, issuer, at };
  const mine = sequence(integer(good.serial), utcTime(days(-2)));

  it('is searched to its last entry, in place', () => {
    expect(entries.length).toBe(count * ENTRY_BYTES);
    const clean = made(entries);
    expect(clean.length).toBeGreaterThan(10_400_000);
    expect(clean.length).toBeLessThanOrEqual(CRL_LIMITS.bytes);
    const list = readCrl(clean);
    expect(checkCrl(list, question)).toEqual({ status: 'good', until: days(6) });
    // What was read is a slice of the list itself, not a copy of it.
    expect(list?.entries.buffer).toBe(clean.buffer);
    expect(checkCrl(readCrl(made(entries, mine)), question)).toMatchObject({ status: 'revoked', at: days(-2) });
  });

  it('is not used where its last entry has a critical extension that is not known', () => {
    const bad = sequence(integer(1), utcTime(days(-1)), sequence(extension(unknownExtension(true))));
    shouldBeUnknown(checkCrl(readCrl(made(mine, entries, bad)), question), 'unknown_critical_extension');
  });

  it('of serial numbers that are all the same as the certificate costs no more', () => {
    const copies = Buffer.concat(Array.from({ length: 250_000 }, () => mine));
    expect(checkCrl(readCrl(made(copies)), question).status).toBe('revoked');
  });
});

describe('whatever the bytes are', () => {
  const question = { certificate: leaf, issuer, at };
  const crl = Buffer.from(
    lab.crl({ issuer: intermediate, entries: [...manyEntries(2), { serial: Buffer.of(5), reason: 1 }] }),
  );

  it('no flipped bit of a good list leaves it good', () => {
    for (let i = 0; i < crl.length; i++) {
      const changed = Buffer.from(crl);
      changed[i] = (changed[i] ?? 0) ^ (1 << (i % 8));
      expect({ i, status: checkCrl(readCrl(changed), question).status }).toEqual({ i, status: 'unknown' });
    }
  });

  it('no cut, spliced or random bytes are good, and none throw', () => {
    for (let length = 0; length < crl.length; length++)
      expect(checkCrl(readCrl(crl.subarray(0, length)), question).status).toBe('unknown');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(crl.length), fc.nat(60), (bytes, start, size) => {
        expect(checkCrl(readCrl(bytes), question).status).toBe('unknown');
        const spliced = Buffer.concat([crl.subarray(0, start), bytes, crl.subarray(start + size)]);
        if (!spliced.equals(crl)) expect(checkCrl(readCrl(spliced), question).status).toBe('unknown');
      }),
    );
  });

  it('entries of any form are walked without a throw: they are whole, or the list is not', () => {
    // Through the reader alone: a signature never stands over such entries but of a broken CA.
    const list = readCrl(crl);
    if (list === null) throw new Error('no list');
    const rest = { ...list, extensions: [] };
    const entry = fc
      .tuple(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 20 }), fc.boolean())
      .map(([serial, tail, dated]) => sequence(integer(serial), dated ? utcTime(at) : generalizedTime(at), tail));
    fc.assert(
      fc.property(fc.array(fc.oneof(entry, fc.uint8Array({ maxLength: 40 })), { maxLength: 5 }), (parts) => {
        expect(checkCrl({ ...rest, entries: Buffer.concat(parts) }, question).status).not.toBe('revoked');
      }),
    );
  });
});

interface LimboCase {
  id: string;
  expected_result: 'SUCCESS' | 'FAILURE';
  validation_time: string;
  peer_certificate: string;
  trusted_certs: string[];
  crls?: string[];
}

describeWithVectors('x509-limbo, cases with a list', () => {
  const der = (pem: string): Uint8Array => Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64');
  const { testcases } = vectorsPresent
    ? readVectors<{ testcases: LimboCase[] }>('x509-limbo/limbo-part.json')
    : { testcases: [] };
  const cases = testcases.filter(({ crls = [] }) => crls.length > 0);

  it.each(cases.map((item) => [item.id, item] as const))('%s', (_, item) => {
    const certificate = parseCertificate(der(item.peer_certificate)) as Certificate;
    const [root] = item.trusted_certs.map((pem) => parseCertificate(der(pem)));
    const [crl] = (item.crls ?? []).flatMap((pem) => splitCrls(Buffer.from(pem)));
    const question = { certificate, issuer: root as Certificate, at: new Date(item.validation_time) };
    const isGood = checkCrl(readCrl(crl as Uint8Array), question).status === 'good';
    expect(isGood).toBe(item.expected_result === 'SUCCESS');
  });
});
