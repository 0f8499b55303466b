/** Paths are found among whatever was sent, in any order, past what is expired, forged or endless, and within a budget. */

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import type { Certificate } from '../../../src/crypto/certificate/parse.js';
import { buildPath, isPublicPath, isSound, type Path, type PathOptions } from '../../../src/crypto/certificate/path.js';
import type { CertificateOptions, Issued } from '../../support/pki/certificates.js';
import { read } from '../../support/pki/judge.js';
import { newKey } from '../../support/pki/keys.js';
import { createLab, type Lab } from '../../support/pki/lab.js';

let lab: Lab;
const cache = new Map<Issued, Certificate>();
/** One object for one certificate. */
function known(issued: Issued): Certificate {
  const certificate = cache.get(issued) ?? read(issued);
  cache.set(issued, certificate);
  return certificate;
}
beforeAll(async () => {
  lab = await createLab();
});

function build(
  leaf: Issued,
  others: readonly Issued[],
  anchors: readonly Issued[],
  more: Partial<PathOptions> = {},
): Path {
  return buildPath(known(leaf), {
    at: lab.at,
    purpose: 'serverAuth',
    anchors: { certificates: anchors.map(known), isPublic: () => false },
    intermediates: others.map(known),
    ...more,
  });
}
const failures = ({ faults }: Path): string[] =>
  faults.filter(({ severity }) => severity === 'fail').map(({ code, position }) => `${code} ${position}`);
const names = ({ certificates }: Path): string[] =>
  certificates.map(({ subject }) => subject.relativeNames.flat().find(({ oid }) => oid === '2.5.4.3')?.text ?? '');
/** The same name and key in another certificate. */
const again = (of: Issued, issuer: Issued, options: Partial<CertificateOptions> = {}): Issued =>
  lab.issueCa({ subject: of.subject, key: { publicKey: of.publicKey, privateKey: of.privateKey }, issuer, ...options });

describe('a path is found', () => {
  it('leaf, intermediate and root, the root sent or not', () => {
    for (const others of [[lab.intermediate], [lab.intermediate, lab.rootEc]]) {
      const path = build(lab.good, others, [lab.rootEc]);
      expect(names(path)).toEqual(['good.lab.test', 'Lab Intermediate', 'Lab Root EC']);
      expect([path.anchored, isSound(path), path.faults]).toEqual([true, true, []]);
    }
  });

  it('in any order, among duplicates, strangers and the leaf itself', () => {
    const second = lab.issueCa({ subject: 'CN=Second', issuer: lab.rootEc });
    const first = lab.issueCa({ subject: 'CN=First', issuer: second });
    const leaf = lab.leaf({ issuer: first });
    const noise = [first, second, first, lab.rootEc, leaf, lab.stranger, lab.strangerRoot, lab.good, lab.intermediate];
    fc.assert(
      fc.property(fc.shuffledSubarray(noise, { minLength: noise.length }), (sent) => {
        const path = build(leaf, sent, [lab.rootEc]);
        expect(names(path).slice(1)).toEqual(['First', 'Second', 'Lab Root EC']);
        expect(isSound(path)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('that ends at an anchor in the middle, or is one certificate that is trusted itself', () => {
    expect(names(build(lab.good, [lab.intermediate], [lab.intermediate]))).toEqual([
      'good.lab.test',
      'Lab Intermediate',
    ]);
    const self = lab.issue({ subject: 'CN=self', san: ['a.test'] });
    expect(isSound(build(self, [], [self]))).toBe(true);
    expect(names(build(lab.good, [lab.intermediate, lab.rootEc], [lab.good]))).toEqual(['good.lab.test']);
  });

  it('by a cross certificate to whichever root is trusted', () => {
    const sent = [lab.intermediate, lab.crossSigned];
    expect(names(build(lab.good, sent, [lab.rootRsa])).at(-1)).toBe('Lab Root RSA');
    expect(names(build(lab.good, sent, [lab.rootEc])).at(-1)).toBe('Lab Root EC');
    for (const anchors of [
      [lab.rootEc, lab.rootRsa],
      [lab.rootRsa, lab.rootEc],
    ])
      expect(isSound(build(lab.good, sent, anchors))).toBe(true);
  });

  it('past a root that has expired, where another way leads on', () => {
    const dead = lab.issueCa({ subject: 'CN=Dead', notBefore: lab.days(-3_000), notAfter: lab.days(-1) });
    const byDead = again(lab.rootEc, dead);
    for (const anchors of [
      [dead, lab.rootEc],
      [lab.rootEc, dead],
    ]) {
      const path = build(lab.good, [byDead, lab.intermediate], anchors);
      expect(failures(path)).toEqual([]);
      expect(names(path).at(-1)).toBe('Lab Root EC');
    }
    expect(failures(build(lab.good, [byDead, lab.intermediate], [dead]))).toContain('expired 3');
  });

  it.each<[string, Partial<CertificateOptions>]>([
    ['has expired', { notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') }],
    ['is not valid yet', { notBefore: new Date('2030-01-01'), notAfter: new Date('2031-01-01') }],
    ['has a bad signature', { corruptSignature: true }],
    ['is no CA', { ca: false, extendedKeyUsage: false }],
    ['is for other names', { nameConstraints: { excluded: ['good.lab.test'] } }],
    ['is for mail', { extendedKeyUsage: ['emailProtection'] }],
    ['was signed with SHA-1', { signWith: 'sha1' }],
  ])('past one of the same name and key that %s', (_, options) => {
    const bad = again(lab.intermediate, lab.rootEc, options);
    for (const sent of [
      [bad, lab.intermediate],
      [lab.intermediate, bad],
    ]) {
      const path = build(lab.good, sent, [lab.rootEc]);
      expect(failures(path)).toEqual([]);
      expect(path.certificates[1]).toBe(known(lab.intermediate));
    }
    expect(isSound(build(lab.good, [bad], [lab.rootEc]))).toBe(false);
  });

  it('past one of the same name with another key', () => {
    const other = lab.issueCa({ subject: 'CN=Lab Intermediate,O=Lab', issuer: lab.rootEc });
    expect(isSound(build(lab.good, [other, other, lab.intermediate], [lab.rootEc]))).toBe(true);
    expect(failures(build(lab.good, [other], [lab.rootEc])).length).toBeGreaterThan(0);
  });

  it('that is an anchor by its octets, never by its name', () => {
    const forged = lab.issueCa({ subject: 'CN=Lab Root EC,O=Lab' });
    const leaf = lab.leaf({ issuer: forged });
    const path = build(leaf, [forged], [lab.rootEc]);
    expect([path.anchored, isSound(path)]).toEqual([false, false]);
  });
});

describe('no path is found', () => {
  it.each<[string, () => Path, string]>([
    ['without the intermediate', () => build(lab.good, [], [lab.rootEc]), 'missing_intermediate 0'],
    [
      'to a root that is not trusted',
      () => build(lab.good, [lab.intermediate, lab.rootEc], [lab.rootRsa]),
      'untrusted_root 2',
    ],
    [
      'for one that signed itself',
      () => build(lab.issue({ subject: 'CN=s', san: ['a.test'] }), [], [lab.rootEc]),
      'self_signed 0',
    ],
    [
      'for one that says it signed itself and did not',
      () => build(lab.issue({ subject: 'CN=s', san: ['a.test'], corruptSignature: true }), [], [lab.rootEc]),
      'bad_signature 0',
    ],
    [
      'for a forgery',
      () => build(lab.leaf({ corruptSignature: true }), [lab.intermediate], [lab.rootEc]),
      'bad_signature 0',
    ],
    [
      'for one signed by another key',
      () => build(lab.leaf({ signingKey: newKey('p256').privateKey }), [lab.intermediate], [lab.rootEc]),
      'bad_signature 0',
    ],
    [
      'for one changed after it was signed',
      () =>
        build(
          lab.leaf({
            afterSigning: (tbs) =>
              Buffer.from(Buffer.from(tbs).toString('latin1').replaceAll('good', 'evil'), 'latin1'),
          }),
          [lab.intermediate],
          [lab.rootEc],
        ),
      'bad_signature 0',
    ],
  ])('%s', (_, made, code) => {
    const path = made();
    expect([path.anchored, isSound(path)]).toEqual([false, false]);
    expect(failures(path)).toContain(code);
  });

  it('with nothing to trust', () => {
    expect(isSound(build(lab.good, [lab.intermediate, lab.rootEc], []))).toBe(false);
  });
});

it('a path is public where its anchor is', () => {
  const anchors = {
    certificates: [known(lab.rootEc)],
    isPublic: (anchor: Certificate) => anchor === known(lab.rootEc),
  };
  expect(isPublicPath([known(lab.good), known(lab.rootEc)], anchors)).toBe(true);
  expect(isPublicPath([known(lab.good)], anchors)).toBe(false);
  expect(isPublicPath([], anchors)).toBe(false);
});
