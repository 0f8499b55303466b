/** Certificates made to be slow or large. Work is counted, memory measured; time is not, because machines differ. */

import { beforeEach, describe, expect, it, vi } from 'vitest';

import { readBundle } from '../../../src/crypto/certificate/bundle.js';
import type { Judgement } from '../../../src/crypto/certificate/judgement.js';
import { MAX_CERTIFICATE_BYTES, parseCertificate } from '../../../src/crypto/certificate/parse.js';
import { PATH_LIMITS } from '../../../src/crypto/certificate/path.js';
import { concise, CONCISE_BYTES } from '../../../src/crypto/certificate/concise.js';
import { verifySignature } from '../../../src/crypto/certificate/signature.js';
import { growth, MIB } from '../../support/memory.js';
import type { CertificateOptions, Issued } from '../../support/pki/certificates.js';
import { bitString, integer, nullValue, oid, sequence, tlv } from '../../support/pki/der.js';
import { certsOnly } from '../../support/pki/http-servers.js';
import { codesOf, judgeGiven } from '../../support/pki/judge.js';
import { createLab, GOOD_NAME } from '../../support/pki/lab.js';

vi.mock(import('../../../src/crypto/certificate/signature.js'), async (load) => {
  const real = await load();
  return { ...real, verifySignature: vi.fn(real.verifySignature) };
});

const lab = await createLab();
const verified = vi.mocked(verifySignature);
beforeEach(() => void verified.mockClear());

const judge = (chain: readonly Issued[], anchors = [lab.rootEc]): Promise<Judgement> =>
  judgeGiven(chain, lab.at, { anchors, serverName: GOOD_NAME });

/** Nothing but these bytes over and over. */
const dense = (size: number, ...bytes: number[]): Buffer =>
  Buffer.alloc(size - (size % bytes.length), Uint8Array.from(bytes));

/** Layers of two certificates of the same CA each, under a root nobody trusts: so many paths as two to the power of `depth`. */
function layers(depth: number, leaf: Partial<CertificateOptions> = {}, ca: Partial<CertificateOptions> = {}): Issued[] {
  let issuer = lab.stranger;
  const all: Issued[] = [];
  for (let level = depth; level > 0; level -= 1) {
    const subject = `CN=Layer ${level},O=Lab`;
    const first = lab.issueCa({ subject, issuer, ...ca });
    const { publicKey, privateKey } = first;
    all.push(first, lab.issueCa({ subject, issuer, key: { publicKey, privateKey }, ...ca }));
    issuer = first;
  }
  return [lab.leaf({ issuer, ...leaf }), ...all];
}

describe('the number of signatures that are checked is bounded', () => {
  const decoys = (count: number, keyIdentifier?: Uint8Array): Issued[] =>
    Array.from({ length: count }, () =>
      lab.issueCa({
        subject: lab.intermediate.subject,
        issuer: lab.rootEc,
        ...(keyIdentifier === undefined ? {} : { subjectKeyIdentifier: keyIdentifier }),
      }),
    );

  it('with 199 other CAs of the name: the right one is known by its key identifier', async () => {
    const judged = await judge([lab.good, ...decoys(199), lab.intermediate]);
    expect(judged.verdict).toBe('trusted');
    expect(verified.mock.calls.length).toBeLessThanOrEqual(3);
  });

  it('with 199 other CAs of the name and the key identifier: trying them all is refused', async () => {
    const judged = await judge([lab.good, ...decoys(199, lab.intermediate.keyIdentifier), lab.intermediate]);
    expect(verified.mock.calls.length).toBeLessThanOrEqual(PATH_LIMITS.signatureChecks);
    expect(judged.verdict).toBe('untrusted');
    expect(codesOf(judged)).toContain('chain_too_complex');
  });

  it('with a thousand certificates: those past the limit are not looked at', async () => {
    const judged = await judge([lab.good, ...Array.from({ length: 1_000 }, () => lab.stranger), lab.intermediate]);
    expect(codesOf(judged)).toContain('missing_intermediate');
  });

  it('with a thousand paths', async () => {
    const judged = await judge(layers(10));
    expect(verified.mock.calls.length).toBeLessThanOrEqual(PATH_LIMITS.signatureChecks);
    expect(judged.verdict).toBe('untrusted');
  });

  it('with CAs of one name that all issued each other', async () => {
    const subject = 'CN=Mesh,O=Lab';
    const keys = Array.from({ length: 8 }, () => lab.issueCa({ subject }));
    const mesh = keys.flatMap((issuer) =>
      keys.map(({ publicKey, privateKey }) => lab.issueCa({ subject, issuer, key: { publicKey, privateKey } })),
    );
    const judged = await judge([lab.leaf({ issuer: keys[0] as Issued }), ...mesh]);
    expect(verified.mock.calls.length).toBeLessThanOrEqual(PATH_LIMITS.signatureChecks);
    expect(judged.verdict).toBe('untrusted');
  });

  it('with a chain of thirty', async () => {
    let issuer = lab.rootEc;
    const chain: Issued[] = [];
    for (let level = 0; level < 30; level += 1) {
      issuer = lab.issueCa({ subject: `CN=Level ${level},O=Lab`, issuer });
      chain.unshift(issuer);
    }
    const judged = await judge([lab.leaf({ issuer }), ...chain]);
    expect(codesOf(judged)).toContain('chain_too_long');
    expect(verified.mock.calls.length).toBeLessThanOrEqual(PATH_LIMITS.certificates);
    expect(judged.chain.length).toBeLessThanOrEqual(PATH_LIMITS.certificates);
  });
});

describe('names', () => {
  const hosts = (count: number): string[] => Array.from({ length: count }, (_, at) => `host-${at}.lab.test`);

  it('ten thousand are judged as few are', async () => {
    const leaf = lab.leaf({ san: [...hosts(9_999), GOOD_NAME] });
    const { bytes, result } = await growth(() => judge([leaf, lab.intermediate]));
    expect(result.verdict).toBe('trusted');
    expect(bytes).toBeLessThan(64 * MIB);
    expect(result.chain[0]?.names?.length).toBeLessThanOrEqual(50);
    const missed = await judge([lab.leaf({ san: hosts(10_000) }), lab.intermediate]);
    expect(codesOf(missed)).toEqual(expect.arrayContaining(['hostname_mismatch']));
    expect(Buffer.byteLength(JSON.stringify(missed))).toBeLessThan(16_384);
    expect(Buffer.byteLength(JSON.stringify(concise(missed)))).toBeLessThanOrEqual(CONCISE_BYTES);
  });

  it('times constraints are compared up to a number, past which the chain is refused', async () => {
    const issuer = lab.issueCa({
      subject: 'CN=Wordy CA,O=Lab',
      issuer: lab.rootEc,
      nameConstraints: { permitted: ['lab.test'], excluded: hosts(2_000).map((host) => `not.${host}`) },
    });
    expect((await judge([lab.leaf({ issuer, san: [GOOD_NAME, ...hosts(100)] }), issuer])).verdict).toBe('trusted');
    const judged = await judge([lab.leaf({ issuer, san: [GOOD_NAME, ...hosts(1_000)] }), issuer]);
    expect(judged.verdict).toBe('untrusted');
    expect(codesOf(judged)).toContain('name_constraint');
    expect(judged.checks.find(({ check }) => check === 'chain')?.explanation).toContain('too many to compare');
  });

  it('by the thousand in the subject are not looked for among thousands', async () => {
    const addresses = Array.from({ length: 8_000 }, (_, at) => `10.0.${at >> 8}.${at & 0xff}`);
    const covers = vi.spyOn(Buffer, 'compare');
    const leaf = lab.leaf({
      subject: addresses.map((value) => ({ type: 'CN', value })),
      san: [GOOD_NAME, ...addresses],
    });
    const judged = await judge([leaf, lab.intermediate]);
    expect(covers.mock.calls.length).toBeLessThan(100_000);
    covers.mockRestore();
    expect(codesOf(judged)).toContain('common_name');
  });

  it('that are none cost as much as one', async () => {
    const excluded = dense(60_000, 0x30, 0x02, 0x82, 0x00);
    const value = sequence(tlv(0xa1, excluded));
    const chain = layers(8, { subject: '' }, { extra: [{ oid: '2.5.29.30', value, critical: true }] });
    const judged = await judge(chain);
    expect(codesOf(judged)).toContain('name_constraint');
  });
});

describe('keys', () => {
  const rsa = (modulus: Uint8Array, exponent: Uint8Array): Uint8Array =>
    sequence(
      sequence(oid('1.2.840.113549.1.1.1'), nullValue()),
      bitString(sequence(integer(modulus), integer(exponent))),
    );
  const odd = (size: number): Buffer => {
    const bytes = Buffer.alloc(size, 0x55);
    bytes[size - 1] = 0x01;
    return bytes;
  };

  it.each([
    ['an exponent of 400 kB', rsa(odd(256), odd(400_000))],
    ['a modulus of 400 kB', rsa(odd(400_000), Uint8Array.of(1, 0, 1))],
    ['a modulus of 32768 bits', rsa(odd(4_096), Uint8Array.of(1, 0, 1))],
  ])('with %s are not looked at', async (_, spki) => {
    const leaf = lab.leaf({ spki });
    const parsed = parseCertificate(leaf.der);
    expect(parsed?.publicKey).toBeNull();
    const judged = await judge([leaf, lab.intermediate]);
    expect(judged.verdict).toBe('untrusted');
    expect(codesOf(judged)).toContain('weak_key');
  });

  it.each([
    ['an exponent of 2048 bits', rsa(odd(256), odd(256))],
    ['a modulus of 16384 bits', rsa(odd(2_048), Uint8Array.of(1, 0, 1))],
  ])('of a CA with %s are read and not used', async (_, spki) => {
    const issuer = lab.issueCa({ subject: 'CN=Slow CA,O=Lab', issuer: lab.rootEc, spki });
    expect(parseCertificate(issuer.der)?.publicKey).not.toBeNull();
    const judged = await judge([lab.leaf({ issuer }), issuer]);
    expect(judged.verdict).toBe('untrusted');
    expect(verified).not.toHaveBeenCalled();
  });
});

describe('DER', () => {
  /** SEQUENCEs in one another, written from the inside out. */
  function nested(depth: number): Buffer {
    const headers: Buffer[] = [];
    let length = 0;
    for (let level = 0; level < depth; level += 1) {
      const octets =
        length < 0x80
          ? []
          : length < 0x100
            ? [length]
            : length < 0x10000
              ? [length >> 8, length & 0xff]
              : [length >> 16, (length >> 8) & 0xff, length & 0xff];
      const header = Buffer.from([0x30, ...(octets.length === 0 ? [length] : [0x80 | octets.length, ...octets])]);
      headers.push(header);
      length += header.length;
    }
    return Buffer.concat(headers.toReversed());
  }
  const withExtension = (id: string, value: Uint8Array): Issued =>
    lab.leaf({ onlyExtensions: [{ oid: id, value, critical: false }] });

  it('nested a hundred thousand deep is refused or passed over, without recursion', () => {
    const deep = nested(100_000);
    expect(parseCertificate(deep)).toBeNull();
    expect(readBundle(deep)).toBeNull();
    for (const id of ['1.2.3.4', '2.5.29.17', '2.5.29.30', '2.5.29.31', '2.5.29.35', '1.3.6.1.5.5.7.1.1', '2.5.29.37'])
      expect(() => parseCertificate(withExtension(id, deep).der), id).not.toThrow();
  });

  it('larger than any certificate is not read', () => {
    const { der } = lab.leaf({ extra: [{ oid: '1.2.3.4', value: Buffer.alloc(MAX_CERTIFICATE_BYTES) }] });
    expect(parseCertificate(der)).toBeNull();
  });

  const CRAMMED: [string, () => Issued][] = [
    ['names', () => lab.leaf({ san: [{ raw: dense(500_000, 0x82, 0) }] })],
    ['addresses', () => lab.leaf({ subject: 'CN=a.b', san: [{ raw: dense(500_000, 0x87, 4, 10, 0, 0, 1) }] })],
    ['bits', () => withExtension('2.5.29.15', tlv(3, Buffer.concat([Buffer.of(0), Buffer.alloc(500_000, 0xff)])))],
    ['distribution points', () => withExtension('2.5.29.31', sequence(dense(500_000, 0x30, 0)))],
    ['purposes', () => withExtension('2.5.29.37', sequence(dense(500_000, 6, 1, 42)))],
    ['subtrees', () => withExtension('2.5.29.30', sequence(tlv(0xa0, dense(500_000, 0x30, 2, 0x82, 0))))],
    [
      'access descriptions',
      () => withExtension('1.3.6.1.5.5.7.1.1', sequence(dense(500_000, 0x30, 5, 6, 1, 42, 0x86, 0))),
    ],
    [
      'attributes',
      () => lab.leaf({ san: ['a.test'], subject: sequence(dense(500_000, 0x31, 8, 0x30, 6, 6, 1, 42, 0x0c, 1, 0x61)) }),
    ],
  ];

  it.each(CRAMMED)('crammed with %s takes little memory', async (_, make) => {
    const leaf = make();
    expect(leaf.der.length).toBeGreaterThan(490_000);
    const { bytes, result } = await growth(async () => ({
      parsed: parseCertificate(leaf.der),
      judged: await judge([leaf, lab.intermediate]),
    }));
    expect(result.judged.verdict).toBe('untrusted');
    expect(bytes).toBeLessThan(24 * MIB);
  });

  it('many crammed certificates in one message take no more than is allowed for all', async () => {
    const message = certsOnly(Array.from({ length: 7 }, () => lab.leaf({ san: [{ raw: dense(500_000, 0x82, 0) }] })));
    const { bytes, result } = await growth(() => readBundle(message));
    expect(result?.leftOut).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(64 * MIB);
  });
});
