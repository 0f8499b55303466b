/** The single checks: pins, lifetimes, what expires soon, host names, the connection, and OpenSSL's word beside ours. */

import { beforeAll, describe, expect, it } from 'vitest';

import { connectionChecks, hostnameCheck, inOrder, pinCheck, readPin } from '../../../src/crypto/certificate/checks.js';
import { revocationChecks } from '../../../src/crypto/certificate/checks-revocation.js';
import type { ConnectionFacts } from '../../../src/crypto/certificate/connection.js';
import { readReference } from '../../../src/crypto/certificate/hostname.js';
import { CHECK_NAMES, type Check, type CheckName } from '../../../src/crypto/certificate/judgement.js';
import type { Path } from '../../../src/crypto/certificate/path.js';
import type { ChainRevocation } from '../../../src/crypto/certificate/revocation.js';
import type { Fault } from '../../../src/crypto/certificate/rules.js';
import { pinOf, type CertificateOptions, type Issued } from '../../support/pki/certificates.js';
import { judgeGiven, judgeSent, read, shown } from '../../support/pki/judge.js';
import { createLab, GOOD_NAME, type Lab } from '../../support/pki/lab.js';

let lab: Lab;
beforeAll(async () => {
  lab = await createLab();
});

const pathOf = (chain: Issued[], faults: Fault[] = []): Path => ({
  certificates: chain.map(read),
  anchored: true,
  faults,
});
const good = (): Issued[] => [lab.good, lab.intermediate, lab.rootEc];
function one(checks: readonly Check[], name: CheckName): Check {
  const found = checks.filter(({ check }) => check === name);
  expect(found).toHaveLength(1);
  return found[0] as Check;
}

it('the checks come in the order of the contract', () => {
  const checks = CHECK_NAMES.toReversed().map((check): Check => ({
    check,
    status: 'pass',
    code: 'ok',
    explanation: 'x',
  }));
  expect(inOrder(checks).map(({ check }) => check)).toEqual(CHECK_NAMES);
});

describe('pins', () => {
  it.each([
    ['of the certificate', () => lab.good, /the certificate itself/],
    ['of a CA on the path', () => lab.intermediate, /Lab Intermediate/],
    ['of the root', () => lab.rootEc, /Lab Root EC/],
  ])('%s match; one alone is advised against', (_, of, where) => {
    const alone = pinCheck(pathOf(good()), [pinOf(of())]);
    expect(alone).toMatchObject({
      status: 'warn',
      code: 'no_backup_pin',
      remedy: expect.stringContaining('second key'),
    });
    expect(alone.explanation).toMatch(where);
    expect(pinCheck(pathOf(good()), [pinOf(of()), pinOf(lab.stranger)])).toMatchObject({ status: 'pass', code: 'ok' });
  });

  it('the same pin twice is no backup', () => {
    expect(pinCheck(pathOf(good()), [pinOf(lab.good), ` ${pinOf(lab.good)}\n`]).code).toBe('no_backup_pin');
  });

  it('that match nothing on the path fail, and the key that was found is told', () => {
    const found = pinCheck(pathOf(good()), [pinOf(lab.stranger), pinOf(lab.crossSigned).replace('sha256/', 'sha1/')]);
    expect(found).toMatchObject({
      status: 'fail',
      code: 'pin_mismatch',
      remedy: expect.stringContaining(pinOf(lab.good)),
    });
  });

  it('of what was sent and is not on the path do not count (RFC 7469 section 2.6)', async () => {
    const { checks } = await judgeSent(shown([lab.good, lab.intermediate, lab.stranger]), lab.at, {
      anchors: [lab.rootEc],
      pins: [pinOf(lab.stranger)],
    });
    expect(one(checks, 'pin').code).toBe('pin_mismatch');
  });

  it('none given are not asked', () => {
    expect(pinCheck(pathOf(good()), [])).toMatchObject({ status: 'skipped', code: 'not_asked' });
  });

  it('are read in one form', () => {
    const base64 = `${'A'.repeat(43)}=`;
    expect(readPin(`sha256/${base64}`)).toBe(base64);
    for (const text of [
      '',
      base64,
      `sha512/${base64}`,
      `SHA256/${base64}`,
      `sha256/${base64.slice(1)}`,
      `sha256/${'-'.repeat(43)}=`,
      `sha256/${base64}=`,
      `sha256//${base64}`,
    ])
      expect(readPin(text), text).toBeNull();
  });
});

describe('a host name', () => {
  const asked = (san: CertificateOptions['san'], host: string | null, faults: Fault[] = []): Check =>
    hostnameCheck(read(lab.leaf(san === undefined ? {} : { san })), faults, host === null ? null : readReference(host));

  it('that is covered passes, that was not given is not asked', () => {
    expect(asked([GOOD_NAME], GOOD_NAME)).toMatchObject({ status: 'pass', explanation: `It is for ${GOOD_NAME}.` });
    expect(asked([GOOD_NAME], null)).toMatchObject({ status: 'skipped', code: 'not_asked' });
  });

  it('that is not covered is told with the names that are', () => {
    const names = Array.from({ length: 9 }, (_, i) => `${i}.test`);
    const found = asked(names, 'a.test');
    expect(found).toMatchObject({
      status: 'fail',
      code: 'hostname_mismatch',
      remedy: expect.stringContaining('a.test'),
    });
    expect(found.explanation).toBe('It is not for a.test, but for 0.test, 1.test, 2.test, 3.test, 4.test and 4 more.');
  });

  it.each([
    ['g*.lab.test', 'good.lab.test', /partial wildcard/],
    ['*.test', 'lab.test', /too wide/],
    ['*.lab.test', 'lab.test', /bare domain/],
    ['*.lab.test', 'a.b.lab.test', /one label only/],
  ])('nearly covered by %s is explained', (dns, host, words) => {
    expect(asked([{ dns }], host).explanation).toMatch(words);
    expect(asked([{ dns: '192.0.2.1' }], '192.0.2.1').explanation).toMatch(/IP address entry/);
  });

  it('in text that a certificate made up is escaped and bounded', () => {
    const { explanation } = asked([{ dns: 'evil\u0000.\ntest' }, { dns: 'x'.repeat(5_000) }], 'a.test');
    expect(explanation).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(explanation.length).toBeLessThan(700);
  });
});

describe('the connection', () => {
  const of = (more: Partial<ConnectionFacts>): Check[] => connectionChecks(shown(good(), more));

  it('that was made is told with address, version and cipher', () => {
    const checks = of({ keyExchange: 'X25519' });
    expect(one(checks, 'connection').explanation).toBe('Connected to 127.0.0.1, port 443.');
    expect(one(checks, 'protocol').explanation).toBe('TLSv1.3, TLS_AES_256_GCM_SHA384, X25519');
  });

  it.each(['TLSv1.1', 'TLSv1', 'SSLv3'])('by %s fails (RFC 8996)', (protocol) => {
    expect(one(of({ protocol }), 'protocol')).toMatchObject({ status: 'fail', code: 'old_protocol' });
  });

  it('that failed is told by its code, and one that wants a client certificate as that', () => {
    const fault = { code: 'reset' as const, explanation: 'It was reset.', remedy: 'Look.' };
    expect(one(of({ fault }), 'connection')).toMatchObject({ status: 'fail', code: 'reset' });
    expect(one(of({ fault, clientCertificate: 'required' }), 'connection').code).toBe('client_certificate_required');
    expect(one(of({ clientCertificate: 'requested' }), 'connection')).toMatchObject({
      status: 'pass',
      explanation: expect.stringContaining('asks for a client certificate'),
    });
    const { protocol: _none, ...silent } = shown(good());
    expect(one(connectionChecks(silent), 'protocol').code).toBe('no_handshake');
  });

  it('that was not made is not judged', () => {
    expect(connectionChecks(null).map(({ status, code }) => [status, code])).toEqual([
      ['skipped', 'offline'],
      ['skipped', 'offline'],
    ]);
  });
});

describe('revocation', () => {
  const told = (
    certificates: ChainRevocation['certificates'],
    stapling: ChainRevocation['stapling'],
    offline = false,
  ): Check[] => revocationChecks(pathOf(good()), { certificates, stapling }, { mode: 'soft', offline, trusted: true });
  const absent = { status: 'absent', required: false } as const;

  it('is asked of a trusted chain only', () => {
    const codes = (...args: Parameters<typeof revocationChecks>): string[] =>
      revocationChecks(...args).map(({ code }) => code);
    expect(codes(null, null, { mode: 'soft', offline: false, trusted: false })).toEqual([
      'chain_not_trusted',
      'chain_not_trusted',
    ]);
    expect(codes(null, null, { mode: 'off', offline: true, trusted: true })).toEqual(['not_given', 'not_given']);
    expect(codes(null, null, { mode: 'off', offline: false, trusted: true })).toEqual(['not_asked', 'not_asked']);
  });

  it('of a CA is told as of that CA', () => {
    const revoked = { status: 'revoked', at: lab.days(-2), reason: 'keyCompromise', source: 'crl' } as const;
    const checks = told(
      [{ status: 'good', source: 'ocsp' } as ChainRevocation['certificates'][number], revoked],
      absent,
    );
    expect(one(checks, 'revocation')).toMatchObject({ status: 'fail', code: 'revoked' });
    expect(one(checks, 'revocation').explanation).toMatch(
      /^The CA certificate Lab Intermediate was revoked on 2026-10-30T00:00:00Z \(keyCompromise\)/,
    );
  });

  it('a staple that is demanded and missing fails; offline there can be none', () => {
    expect(one(told([], { status: 'absent', required: true }), 'stapling')).toMatchObject({
      status: 'fail',
      code: 'must_staple_missing',
    });
    expect(one(told([], { status: 'absent', required: true }, true), 'stapling').status).toBe('skipped');
    expect(one(told([], absent), 'stapling')).toMatchObject({ status: 'skipped', code: 'no_staple' });
  });
});

it('without a server name a certificate that is given is judged all the same', async () => {
  const { verdict, checks } = await judgeGiven([lab.good, lab.intermediate], lab.at, {
    anchors: [lab.rootEc],
    revocation: 'off',
  });
  expect([verdict, one(checks, 'hostname').code, one(checks, 'connection').code]).toEqual([
    'trusted',
    'not_asked',
    'offline',
  ]);
});
