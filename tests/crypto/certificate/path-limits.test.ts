/** Paths end: loops, the budget of work, path lengths and name constraints along a path (RFC 5280 section 6.1). */

import { beforeAll, describe, expect, it } from 'vitest';

import type { Certificate } from '../../../src/crypto/certificate/parse.js';
import { buildPath, isSound, PATH_LIMITS, type Path, type PathOptions } from '../../../src/crypto/certificate/path.js';
import type { CertificateOptions, Issued } from '../../support/pki/certificates.js';
import { read } from '../../support/pki/judge.js';
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
/** The same name and key in another certificate. */
const again = (of: Issued, issuer: Issued, options: Partial<CertificateOptions> = {}): Issued =>
  lab.issueCa({ subject: of.subject, key: { publicKey: of.publicKey, privateKey: of.privateKey }, issuer, ...options });

describe('loops end', () => {
  it('of two CAs that issued each other', () => {
    const a = lab.issueCa({ subject: 'CN=A' });
    const b = lab.issueCa({ subject: 'CN=B', issuer: a });
    const aByB = again(a, b);
    const leaf = lab.leaf({ issuer: aByB });
    const path = build(leaf, [aByB, b, aByB], [lab.rootEc]);
    expect(isSound(path)).toBe(false);
    expect(path.certificates.length).toBeLessThanOrEqual(3);
    // The way out is found all the same.
    expect(isSound(build(leaf, [aByB, b], [a]))).toBe(true);
  });

  it('of self-issued certificates of one key, which stand in a path once', () => {
    const rolled = Array.from({ length: 30 }, () => again(lab.strangerRoot, lab.strangerRoot));
    const leaf = lab.leaf({ issuer: lab.strangerRoot });
    expect(build(leaf, rolled, [lab.rootEc]).certificates).toHaveLength(2);
  });

  it('of a full mesh of CAs within the budget', () => {
    const keys = Array.from({ length: 10 }, (_, i) => lab.issueCa({ subject: `CN=M${i}` }));
    const mesh = keys.flatMap((of) => keys.filter((by) => by !== of).map((by) => again(of, by)));
    const [first] = keys as [Issued];
    const path = build(lab.leaf({ issuer: first }), mesh, [lab.rootEc]);
    expect(isSound(path)).toBe(false);
    expect(path.certificates.length).toBeLessThanOrEqual(PATH_LIMITS.certificates);
  });
});

describe('the budget', () => {
  it('of signature checks: too many of one name are refused, and told as that', () => {
    const same = Array.from({ length: 100 }, () =>
      lab.issueCa({ subject: 'CN=Lab Intermediate,O=Lab', issuer: lab.rootEc, subjectKeyIdentifier: false }),
    );
    const path = build(lab.leaf({ authorityKeyIdentifier: false }), same, [lab.rootEc]);
    expect(failures(path)).toContain('chain_too_complex 0');
    expect(isSound(path)).toBe(false);
  });

  it('of certificates: what is given past 200 is not looked at', () => {
    const noise = Array.from({ length: PATH_LIMITS.given }, () => lab.stranger);
    expect(isSound(build(lab.good, [...noise.slice(1), lab.intermediate], [lab.rootEc]))).toBe(true);
    expect(isSound(build(lab.good, [...noise, lab.intermediate], [lab.rootEc]))).toBe(false);
  });

  it('of length: eight CA certificates between leaf and root, and not nine', () => {
    const chainOf = (length: number): Issued[] => {
      const chain: Issued[] = [];
      for (let i = 0; i < length; i++)
        chain.unshift(lab.issueCa({ subject: `CN=C${i}`, issuer: chain[0] ?? lab.rootEc }));
      return chain;
    };
    const judged = (length: number): Path => {
      const chain = chainOf(length);
      return build(lab.leaf({ issuer: chain[0] ?? lab.rootEc }), chain, [lab.rootEc]);
    };
    expect(failures(judged(PATH_LIMITS.intermediates))).toEqual([]);
    for (const length of [PATH_LIMITS.intermediates + 1, 11, 12, 30])
      expect(
        failures(judged(length)).some((text) => text.startsWith('chain_too_long')),
        String(length),
      ).toBe(true);
  });

  it('of keys: one that takes long to verify with is not used', () => {
    const huge = read(lab.intermediateRsa);
    const details = Object.create(huge.publicKey, {
      asymmetricKeyType: { value: 'rsa' },
      asymmetricKeyDetails: { value: { modulusLength: 16_384, publicExponent: 65_537n } },
    }) as Certificate['publicKey'];
    const path = build(lab.goodRsa, [], [lab.rootRsa], { intermediates: [{ ...huge, publicKey: details }] });
    expect([path.anchored, failures(path)[0]]).toEqual([false, 'weak_key 0']);
  });

  it.each([
    ['DSA', { asymmetricKeyType: 'dsa', asymmetricKeyDetails: { modulusLength: 2_048 } }],
    ['a binary curve', { asymmetricKeyType: 'ec', asymmetricKeyDetails: { namedCurve: 'sect571r1' } }],
    ['X25519', { asymmetricKeyType: 'x25519', asymmetricKeyDetails: {} }],
  ])('of keys: %s is told as weak, and nothing is verified with it', (_, kind) => {
    const slow = read(lab.intermediate);
    const publicKey = Object.create(
      slow.publicKey,
      Object.fromEntries(Object.entries(kind).map(([name, value]) => [name, { value }])),
    ) as Certificate['publicKey'];
    const intermediates = Array.from({ length: 100 }, () => ({ ...slow, publicKey }));
    const path = build(lab.good, [], [lab.rootEc], { intermediates });
    expect([path.anchored, failures(path)[0], path.certificates.length]).toEqual([false, 'weak_key 0', 1]);
    expect(path.faults[0]?.check).toBe('chain');
  });

  it('of paths: where it ends the search that is told, since there may be a way', () => {
    const keys = Array.from({ length: 13 }, (_, i) => lab.issueCa({ subject: `CN=X${i}` }));
    const mesh = keys.flatMap((of, i) => keys.slice(0, i).map((by) => again(of, by)));
    const way = again(keys[0] as Issued, lab.rootEc);
    const path = build(lab.leaf({ issuer: keys.at(-1) as Issued }), [...mesh, way], [lab.rootEc]);
    if (!isSound(path)) expect(failures(path).join()).toMatch(/chain_too_complex/);
    const nowhere = build(lab.leaf({ issuer: keys.at(-1) as Issued }), mesh, [lab.rootEc]);
    expect(failures(nowhere).join()).toMatch(/chain_too_complex/);
  });
});

describe('path lengths (RFC 5280 section 6.1.4)', () => {
  const under = (pathLength: number, below: number, selfIssued = 0): string[] => {
    const top = lab.issueCa({ subject: 'CN=Top', issuer: lab.rootEc, pathLength });
    const chain: Issued[] = [top];
    for (let i = 0; i < selfIssued; i++) chain.unshift(lab.issueCa({ subject: 'CN=Top', issuer: chain[0] ?? top }));
    for (let i = 0; i < below; i++) chain.unshift(lab.issueCa({ subject: `CN=B${i}`, issuer: chain[0] ?? top }));
    return failures(build(lab.leaf({ issuer: chain[0] ?? top }), chain, [lab.rootEc]));
  };

  it('count the CA certificates below that are not self-issued', () => {
    expect(under(0, 0)).toEqual([]);
    expect(under(0, 1)).toEqual(['path_length 2']);
    expect(under(1, 1)).toEqual([]);
    expect(under(1, 2)).toEqual(['path_length 3']);
    expect(under(0, 0, 2)).toEqual([]);
  });

  it('of an anchor count too', () => {
    const root = lab.issueCa({ subject: 'CN=Short', pathLength: 0 });
    const sub = lab.issueCa({ subject: 'CN=Sub', issuer: root });
    expect(failures(build(lab.leaf({ issuer: sub }), [sub], [root]))).toEqual(['path_length 2']);
  });
});

describe('name constraints (RFC 5280 section 6.1.3)', () => {
  it('hold for everything below, but for self-issued CA certificates', () => {
    const top = lab.issueCa({
      subject: 'CN=Top,O=Other',
      issuer: lab.rootEc,
      nameConstraints: { permitted: [{ directory: 'O=Lab' }] },
    });
    const rolled = lab.issueCa({ subject: 'CN=Top,O=Other', issuer: top });
    const sub = (subject: string): Issued => lab.issueCa({ subject, issuer: rolled });
    const judged = (subject: string): string[] => {
      const ca = sub(subject);
      return failures(
        build(lab.leaf({ subject: 'O=Lab,CN=good.lab.test', issuer: ca }), [ca, rolled, top], [lab.rootEc]),
      );
    };
    expect(judged('O=Lab,CN=Sub')).toEqual([]);
    expect(judged('O=Else,CN=Sub')).toEqual(['name_constraint 1']);
  });

  it('of a leaf that is self-issued hold all the same', () => {
    const top = lab.issueCa({ subject: 'CN=Top', issuer: lab.rootEc, nameConstraints: { permitted: ['lab.test'] } });
    const leaf = lab.leaf({ subject: 'CN=Top', issuer: top, san: ['evil.test'] });
    expect(failures(build(leaf, [top], [lab.rootEc]))).toContain('name_constraint 0');
  });
});
