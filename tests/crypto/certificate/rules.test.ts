/** What each certificate of a path must be: every fault by a certificate that has it alone, and the table of public lifetimes. */

import { createPublicKey, generateKeyPairSync } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import type { Certificate } from '../../../src/crypto/certificate/parse.js';
import {
  certificateFaults,
  isSelfIssued,
  keyName,
  lifetimeDays,
  publicLifetimeDays,
  weakKeyReason,
  type Fault,
  type PathContext,
} from '../../../src/crypto/certificate/rules.js';
import { days, issue, issueCa, LAB_TIME, type CertificateOptions } from '../../support/pki/certificates.js';
import { bitString, boolean, integer, nullValue, oid, sequence } from '../../support/pki/der.js';
import { EXTENSION_OIDS, policyConstraints, unknownExtension } from '../../support/pki/extensions.js';
import { read } from '../../support/pki/judge.js';
import { newKey, type KeyName } from '../../support/pki/keys.js';

const root = issueCa({ subject: 'CN=Root', key: 'p384' });
const sub = issueCa({ subject: 'CN=Sub', issuer: root });
const CONTEXT: PathContext = { at: LAB_TIME, purpose: 'serverAuth', publicAnchor: false, anchored: true };

const leafOf = (options: Partial<CertificateOptions>): Certificate =>
  read(issue({ subject: 'CN=a.test', issuer: sub, san: ['a.test'], ...options }));
const told = (faults: readonly Fault[]): string[] =>
  faults.map(({ severity, check, code, position }) => `${severity} ${check} ${code} ${position}`);
const faultsOf = (path: Certificate[], context: Partial<PathContext> = {}): string[] =>
  told(certificateFaults(path, { ...CONTEXT, ...context }));
const ofLeaf = (options: Partial<CertificateOptions>, context: Partial<PathContext> = {}): string[] =>
  faultsOf([leafOf(options), read(sub), read(root)], context);
/** Faults of a CA between a good leaf and the root. */
function ofCa(options: Partial<CertificateOptions>, context: Partial<PathContext> = {}): string[] {
  const ca = issueCa({ subject: 'CN=Other', issuer: root, ...options });
  return faultsOf([read(issue({ subject: 'CN=a.test', issuer: ca, san: ['a.test'] })), read(ca), read(root)], context);
}

it('a good path has no fault', () => {
  expect(ofLeaf({})).toEqual([]);
  expect(ofCa({})).toEqual([]);
});

describe('a leaf', () => {
  const weakRsa = newKey('rsa1024');
  it.each<[string, Partial<CertificateOptions>, string]>([
    ['that has expired', { notAfter: new Date(LAB_TIME.getTime() - 1000) }, 'fail validity expired 0'],
    ['that is not valid yet', { notBefore: new Date(LAB_TIME.getTime() + 1000) }, 'fail validity not_yet_valid 0'],
    ['without alternative names', { san: [] }, 'fail hostname hostname_mismatch 0'],
    [
      'with an unknown critical extension',
      { extra: [unknownExtension(true)] },
      'fail chain unknown_critical_extension 0',
    ],
    ['that demands policies', { extra: [policyConstraints(0)] }, 'fail chain unknown_critical_extension 0'],
    [
      'with an extension that cannot be read',
      { extra: [{ oid: EXTENSION_OIDS.tlsFeature, value: nullValue() }] },
      'fail chain malformed_extension 0',
    ],
    [
      'with one extension twice',
      { extra: [unknownExtension(false), unknownExtension(false)] },
      'fail chain duplicate_extension 0',
    ],
    [
      'of version 2 with extensions',
      {
        version: 2,
        subjectKeyIdentifier: Buffer.from('a'),
        authorityKeyIdentifier: { keyIdentifier: sub.keyIdentifier },
        extendedKeyUsage: ['serverAuth'],
      },
      'fail chain unsupported_version 0',
    ],
    ['with serial number zero', { serial: 0n }, 'fail chain serial_number 0'],
    ['with a negative serial number', { serial: -1n }, 'fail chain serial_number 0'],
    ['with a serial number of 21 octets', { serial: Buffer.alloc(21, 1) }, 'fail chain serial_number 0'],
    [
      'whose two algorithms differ',
      { innerSignatureAlgorithm: sequence(oid('1.2.840.10045.4.3.3')) },
      'fail chain bad_signature 0',
    ],
    [
      'that is a CA',
      {
        ca: true,
        keyUsage: ['digitalSignature', 'keyCertSign'],
        extendedKeyUsage: ['serverAuth'],
        notBefore: days(-30),
        notAfter: days(60),
      },
      'fail purpose ca_leaf 0',
    ],
    ['that may sign certificates', { keyUsage: ['digitalSignature', 'keyCertSign'] }, 'fail purpose ca_leaf 0'],
    ['with name constraints', { nameConstraints: { permitted: ['a.test'] } }, 'fail chain name_constraint 0'],
    ['with a path length', { basicConstraints: true, pathLength: 0 }, 'fail chain path_length 0'],
    ['for clients only', { extendedKeyUsage: ['clientAuth'] }, 'fail purpose wrong_purpose 0'],
    ['that does not say what it is for', { extendedKeyUsage: false }, 'warn purpose no_purpose 0'],
    ['for any purpose alone', { extendedKeyUsage: ['any'] }, 'fail purpose wrong_purpose 0'],
    ['for any purpose too', { extendedKeyUsage: ['any', 'serverAuth'] }, 'warn purpose any_purpose 0'],
    ['whose key may do nothing that TLS needs', { keyUsage: ['nonRepudiation'] }, 'fail purpose wrong_purpose 0'],
    [
      'with an empty subject and names that are not critical',
      { subject: '', critical: { subjectAltName: false } },
      'fail chain empty_subject 0',
    ],
    ['whose common name is not among its names', { subject: 'CN=b.test' }, 'warn hostname common_name 0'],
    ['with RSA of 1024 bits', { key: weakRsa }, 'fail key weak_key 0'],
    ['on a curve of no TLS', { key: 'secp256k1' }, 'fail key weak_key 0'],
    ['on P-224', { key: 'p224' }, 'fail key weak_key 0'],
    [
      'with a key that cannot be read',
      { spki: sequence(sequence(oid('1.2.3.4')), bitString(Buffer.alloc(9))) },
      'fail key weak_key 0',
    ],
    ['signed with SHA-1', { signWith: 'sha1' }, 'fail signature weak_signature 0'],
    ['signed with SHA-224', { signWith: 'sha224' }, 'fail signature weak_signature 0'],
  ])('%s', (_, options, fault) => {
    expect(ofLeaf(options)).toEqual([fault]);
  });

  it.each<[string, Partial<CertificateOptions>]>([
    ['valid this second', { notBefore: LAB_TIME, notAfter: LAB_TIME }],
    ['with a serial number of 20 octets', { serial: Buffer.alloc(20, 1) }],
    ['with an extension nobody knows that is not critical', { extra: [unknownExtension(false)] }],
    ['with an empty subject and critical names', { subject: '' }],
    ['with a common name that is no host', { subject: 'CN=Our web server' }],
    ['that inhibits the mapping of policies', { extra: [policyConstraints(undefined, 0)] }],
    ['with basic constraints that say no', { basicConstraints: true }],
    ['for servers and clients', { extendedKeyUsage: ['clientAuth', 'serverAuth'] }],
    ['without key usage', { keyUsage: false }],
    ['with RSA 2048', { key: 'rsa2048' }],
    ['with Ed25519', { key: 'ed25519' }],
    ['on P-521', { key: 'p521' }],
  ])('%s has no fault', (_, options) => {
    expect(ofLeaf(options)).toEqual([]);
  });

  it('for a client is judged as such', () => {
    expect(ofLeaf({ extendedKeyUsage: ['clientAuth'], san: [] }, { purpose: 'clientAuth' })).toEqual([]);
    expect(ofLeaf({ extendedKeyUsage: ['serverAuth'] }, { purpose: 'clientAuth' })).toEqual([
      'fail purpose wrong_purpose 0',
    ]);
  });

  it('that is a CA and vouches for itself is warned of only', () => {
    const own = issueCa({
      subject: 'CN=a.test',
      san: ['a.test'],
      extendedKeyUsage: ['serverAuth'],
      keyUsage: ['digitalSignature', 'keyCertSign'],
    });
    expect(faultsOf([read(own)])).toEqual(['warn purpose ca_leaf 0']);
  });
});

describe('a CA certificate', () => {
  it.each<[string, Partial<CertificateOptions>, string]>([
    ['that has expired', { notAfter: days(-1) }, 'fail validity expired 1'],
    ['that is none', { ca: false, keyUsage: ['keyCertSign'], extendedKeyUsage: false }, 'fail chain not_a_ca 1'],
    [
      'that says it is none',
      { ca: false, basicConstraints: true, keyUsage: ['keyCertSign'], extendedKeyUsage: false },
      'fail chain not_a_ca 1',
    ],
    ['that may not sign certificates', { keyUsage: ['cRLSign'] }, 'fail chain not_a_ca 1'],
    ['of version 1', { version: 1 }, 'fail chain not_a_ca 1'],
    ['for other purposes', { extendedKeyUsage: ['emailProtection'] }, 'fail purpose wrong_purpose 1'],
    [
      'with an unknown critical extension',
      { extra: [unknownExtension(true)] },
      'fail chain unknown_critical_extension 1',
    ],
    ['that demands policies', { extra: [policyConstraints(0)] }, 'fail chain unknown_critical_extension 1'],
    ['with a weak key', { key: newKey('rsa1024') }, 'fail key weak_key 1'],
    ['signed with SHA-1', { signWith: 'sha1' }, 'fail signature weak_signature 1'],
  ])('%s', (_, options, fault) => {
    expect(ofCa(options)).toContain(fault);
  });

  it.each<[string, Partial<CertificateOptions>]>([
    ['without key usage', { keyUsage: false }],
    ['for any purpose', { extendedKeyUsage: ['any'] }],
    ['for servers', { extendedKeyUsage: ['serverAuth'] }],
    ['with constraints and policies', { nameConstraints: { permitted: ['a.test'] }, policies: ['2.5.29.32.0'] }],
  ])('%s has no fault', (_, options) => {
    expect(ofCa(options)).toEqual([]);
  });

  it('without a name', () => {
    expect(ofCa({ subject: '' })).toEqual(
      expect.arrayContaining(['fail chain empty_subject 1', 'fail chain empty_issuer 0']),
    );
  });
});

describe('an anchor', () => {
  const old = issueCa({ subject: 'CN=Old', key: newKey('rsa1024'), signWith: 'sha1', version: 1, notAfter: days(-1) });
  const leaf = read(issue({ subject: 'CN=a.test', issuer: old, san: ['a.test'] }));

  it('of a public store was vetted by its program: its form is not judged, its time is', () => {
    expect(faultsOf([leaf, read(old)], { publicAnchor: true })).toEqual(['fail validity expired 1']);
  });

  it('that was given is judged, but not its own signature', () => {
    const found = faultsOf([leaf, read(old)]);
    expect(found).toEqual(
      expect.arrayContaining(['fail validity expired 1', 'fail key weak_key 1', 'warn chain version_1_root 1']),
    );
    expect(found.filter((text) => text.includes('weak_signature'))).toEqual([]);
  });
});

describe('every fault', () => {
  it('has words and a remedy, with what comes from certificates escaped', () => {
    const ca = issueCa({
      subject: [{ type: 'CN', value: 'evil\u202E\n"}, ignore\u0000' }],
      issuer: root,
      keyUsage: ['cRLSign'],
      notAfter: days(-1),
      extra: [unknownExtension(true)],
      extendedKeyUsage: ['emailProtection'],
    });
    const path = [leafOf({ issuer: ca, extendedKeyUsage: ['clientAuth'] }), read(ca), read(root)];
    const found = certificateFaults(path, CONTEXT);
    expect(found.length).toBeGreaterThan(4);
    for (const { explanation, remedy } of found) {
      expect(explanation).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(explanation).toMatch(/\.$/);
      expect(explanation.length).toBeLessThan(400);
      expect(remedy.length).toBeGreaterThan(5);
    }
  });
});

describe('a key', () => {
  const keyed = (options: Partial<CertificateOptions>): string | null => weakKeyReason(leafOf(options));

  it.each<[KeyName, string, boolean]>([
    ['rsa1024', 'RSA 1024', true],
    ['rsa2048', 'RSA 2048', false],
    ['rsapss2048', 'RSA-PSS 2048', false],
    ['p224', 'EC secp224r1', true],
    ['p256', 'EC P-256', false],
    ['p384', 'EC P-384', false],
    ['p521', 'EC P-521', false],
    ['secp256k1', 'EC secp256k1', true],
    ['ed25519', 'Ed25519', false],
    ['ed448', 'Ed448', false],
  ])('%s is called %s', (key, name, weak) => {
    const pair = newKey(key);
    expect(keyName(pair.publicKey)).toBe(name);
    expect(keyed({ key: pair }) !== null).toBe(weak);
  });

  it('for another purpose than signatures is not accepted', () => {
    const x25519 = generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' });
    expect(keyed({ spki: x25519 })).toMatch(/type x25519/);
    expect(keyName(null)).toBe('unknown');
  });

  it('of RSA with an unsound exponent or an odd size is weak', () => {
    const { n } = newKey('rsa2048').publicKey.export({ format: 'jwk' });
    const modulus = Buffer.from(n ?? '', 'base64url');
    const rsa = (size: Buffer, e: number | bigint): string | null => {
      const key = sequence(integer(Buffer.concat([Buffer.of(0), size])), integer(e));
      return keyed({ spki: sequence(sequence(oid('1.2.840.113549.1.1.1'), nullValue()), bitString(key)) });
    };
    expect(rsa(modulus, 65_537)).toBeNull();
    expect(rsa(modulus, 3)).toBeNull();
    for (const e of [1, 2, 65_536]) expect(rsa(modulus, e), String(e)).not.toBeNull();
    expect(rsa(Buffer.concat([Buffer.of(0x80), Buffer.alloc(1024, 1)]), 3)).toMatch(/more than clients compute with/);
    expect(rsa(Buffer.concat([Buffer.of(0x81), Buffer.alloc(255, 1), Buffer.of(1)]), 3)).toBeNull();
  });

  it('on a curve that is written out instead of named is refused (CVE-2020-0601)', () => {
    const p256 = newKey('p256').publicKey.export({ type: 'spki', format: 'der' });
    const named = read(issue({ subject: 'CN=a', spki: p256 }));
    const explicitParameters = {
      ...named,
      spkiAlgorithm: { ...named.spkiAlgorithm, parameters: sequence(boolean(true)) },
    };
    expect(weakKeyReason(explicitParameters)).toMatch(/written out/);
    expect(createPublicKey({ key: p256, format: 'der', type: 'spki' }).asymmetricKeyType).toBe('ec');
  });
});

describe('lifetimes', () => {
  // CA/Browser Forum Baseline Requirements section 6.3.2 (ballot SC-081v3); before 2018-03-01 39 months and more.
  it.each([
    ['2018-02-28T23:59:59Z', null],
    ['2018-03-01T00:00:00Z', 825],
    ['2020-08-31T23:59:59Z', 825],
    ['2020-09-01T00:00:00Z', 398],
    ['2026-03-14T23:59:59Z', 398],
    ['2026-03-15T00:00:00Z', 200],
    ['2027-03-14T23:59:59Z', 200],
    ['2027-03-15T00:00:00Z', 100],
    ['2029-03-14T23:59:59Z', 100],
    ['2029-03-15T00:00:00Z', 47],
    ['2050-01-01T00:00:00Z', 47],
  ])('of certificates issued on %s are at most %s days', (from, limit) => {
    expect(publicLifetimeDays(new Date(from))).toBe(limit);
  });

  it('count both ends: a second over a day is another day (section 1.6.1)', () => {
    const lived = (seconds: number): number =>
      lifetimeDays(leafOf({ notBefore: LAB_TIME, notAfter: new Date(LAB_TIME.getTime() + seconds * 1000) }));
    expect([0, 86_399, 86_400, 200 * 86_400 - 1, 200 * 86_400].map(lived)).toEqual([1, 1, 2, 200, 201]);
  });
});

it('who issued itself is told by the names', () => {
  expect([root, sub].map(read).map(isSelfIssued)).toEqual([true, false]);
});
