/** Several certificates in one text are listed, and what their order and their company say is told. */

import { describe, expect, it } from 'vitest';

import { issue, issueCa } from '../../support/pki/certificates.js';
import { bytes, codes, DAY, expectSound, NOW, pem, text } from './fixtures.js';
import { REQUEST_PEM, ROOT_PEM } from './literals.js';

const at = NOW;
const root = issueCa({ subject: 'CN=Root', at });
const middle = issueCa({ subject: 'CN=Middle', issuer: root, at });
const low = issueCa({ subject: 'CN=Low', issuer: middle, at });
const leaf = issue({ subject: 'CN=leaf.example', issuer: low, san: ['leaf.example'], at });
const other = issue({ subject: 'CN=other.example', issuer: low, san: ['other.example'], at });
const join = (...made: readonly { pem: string }[]): string => made.map((one) => one.pem).join('');

describe('a chain', () => {
  it('in its order calls for nothing, with or without its root', async () => {
    for (const chain of [join(leaf, low, middle), join(leaf, low, middle, root), join(leaf, low)])
      expect(codes(await text(chain))).toEqual([]);
  });

  it('is told certificate by certificate, the first in full', async () => {
    const inspection = await text(join(leaf, low));
    expect(inspection.kind).toBe('certificate');
    expect(inspection.details['subject']).toBe('CN=leaf.example');
    expect(inspection.details).toMatchObject({
      further_certificates: 1,
      other_blocks: { CERTIFICATE: 1 },
      certificates: [
        { subject: 'CN=leaf.example', issuer: 'CN=Low', key: 'EC P-256', ca: false },
        { subject: 'CN=Low', issuer: 'CN=Middle', key: 'EC P-256', ca: true },
      ],
    });
    expectSound(inspection);
  });

  it.each([
    ['leaf_not_first', join(low, leaf)],
    ['leaf_not_first', join(middle, low, leaf, root)],
    ['chain_out_of_order', join(leaf, middle, low)],
    ['chain_out_of_order', join(leaf, root, low, middle)],
    ['outside_the_chain', join(leaf, middle)],
    ['outside_the_chain', join(leaf, low, issueCa({ subject: 'CN=Stranger', issuer: root, at }))],
  ])('%s', async (code, chain) => {
    const inspection = await text(chain);
    expect(codes(inspection)).toEqual([code]);
    expectSound(inspection);
  });
});

describe('certificates that are no chain', () => {
  it('have no order: roots to trust, and those of several servers', async () => {
    const second = issueCa({ subject: 'CN=Second', issuer: root, at });
    expect(codes(await text(join(second, middle, low)))).toEqual([]);
    expect(codes(await text(join(leaf, other)))).toEqual([]);
  });

  it('are listed beside what is explained first', async () => {
    const inspection = await text(`${REQUEST_PEM}\n${join(leaf, low)}`);
    expect(inspection.kind).toBe('csr');
    expect(inspection.details['certificates']).toHaveLength(2);
  });

  it('are counted, and the first explained', async () => {
    const inspection = await text(`${ROOT_PEM}\n${ROOT_PEM}\n${REQUEST_PEM}`);
    expect(inspection.kind).toBe('certificate');
    expect(inspection.details['further_certificates']).toBe(1);
    expect(inspection.details['other_blocks']).toEqual({ CERTIFICATE: 1, 'CERTIFICATE REQUEST': 1 });
  });
});

describe('a finding on a bundle', () => {
  it('private_key_exposed, critical, wherever the key stands', async () => {
    const key = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    for (const bundle of [leaf.pem + key + low.pem, leaf.pem + low.pem + key, key + leaf.pem + low.pem]) {
      const { findings } = await text(bundle);
      expect(findings.map(({ code, severity }) => [code, severity])).toEqual([['private_key_exposed', 'critical']]);
    }
  });

  it('expired_in_bundle and weak_in_bundle, by number', async () => {
    const gone = issueCa({
      subject: 'CN=Low',
      issuer: middle,
      notBefore: new Date(NOW.getTime() - 9 * DAY),
      notAfter: new Date(NOW.getTime() - DAY),
    });
    const weak = issueCa({ subject: 'CN=Middle', issuer: root, signWith: 'sha1', at });
    const end = issue({ subject: 'CN=leaf.example', issuer: gone, san: ['leaf.example'], at });
    const { findings } = await text(join(end, gone, weak));
    expect(findings.map(({ code, explanation }) => [code, explanation.slice(-3)])).toEqual([
      ['expired_in_bundle', ' 2.'],
      ['weak_in_bundle', ' 3.'],
    ]);
  });

  it('unreadable where one of them is none', async () => {
    const inspection = await text(leaf.pem + pem('CERTIFICATE', Buffer.from('none')));
    expect(codes(inspection)).toEqual(['unreadable']);
  });

  it('broken_pem where the last of them is cut off', async () => {
    expect(codes(await text(leaf.pem + low.pem.slice(0, -10)))).toEqual(['broken_pem']);
  });

  it('trailing_data on any of them, but for what OpenSSL appends itself', async () => {
    const longer = Buffer.concat([low.der, Buffer.from([0])]);
    const { findings } = await text(leaf.pem + pem('CERTIFICATE', longer));
    expect(findings.map(({ code, explanation }) => [code, explanation.slice(-3)])).toEqual([['trailing_data', ' 2.']]);
    expect(codes(await text(leaf.pem + pem('TRUSTED CERTIFICATE', longer)))).toEqual([]);
  });

  it('many_certificates, of which the first are read', async () => {
    const inspection = await text(low.pem.repeat(500));
    expect(codes(inspection)).toContain('many_certificates');
    expect(inspection.details['further_certificates']).toBe(499);
    expectSound(inspection);
  });
});

it('a report on names that take much room stays within its bound', async () => {
  const wide = issueCa({ subject: `CN=${'\u202E\u{1F600}'.repeat(60)}`, issuer: root, at });
  const inspection = await text(wide.pem.repeat(60) + leaf.pem);
  expectSound(inspection);
  expect(codes(inspection)).toContain('leaf_not_first');
  expectSound(await bytes(Buffer.from(wide.pem.repeat(60))));
});
