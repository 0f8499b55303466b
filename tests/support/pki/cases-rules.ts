/** Cases of extensions, purposes, keys, signature algorithms, lifetimes and pins. */

import { CaseList, type CaseInput, type PkiCase } from './case.js';
import { pinOf, type CertificateOptions, type Issued, type KeyName, type SignWith } from './certificates.js';
import { precertificatePoison, unknownExtension, EXTENSION_OIDS, type Purpose } from './extensions.js';
import type { Lab } from './lab.js';
import { generalNames } from './names.js';

const STRICTER = 'OpenSSL accepts it; stricter readers do not';

function underCa(lab: Lab, ca: Partial<CertificateOptions>, leaf: Partial<CertificateOptions> = {}): CaseInput {
  const issuer = lab.issueCa({ subject: 'CN=Some CA,O=Lab', issuer: lab.rootEc, ...ca });
  return { chain: [lab.leaf({ issuer, ...leaf }), issuer] };
}

function extensions(list: CaseList, lab: Lab): void {
  const critical = { extra: [unknownExtension(true)] };
  list.untrusted('unknown-critical-extension', 'unknown_critical_extension', { leaf: lab.leaf(critical) });
  list.untrusted('unknown-critical-extension-intermediate', 'unknown_critical_extension', underCa(lab, critical));
  list.trusted('unknown-extension', { leaf: lab.leaf({ extra: [unknownExtension(false)] }) });
  list.untrusted('precertificate', 'unknown_critical_extension', {
    leaf: lab.leaf({ extra: [precertificatePoison()] }),
  });
  const second = { oid: EXTENSION_OIDS.subjectAltName, value: generalNames(['good.lab.test']) };
  list.untrusted(
    'duplicate-extension',
    [],
    { leaf: lab.leaf({ san: ['evil.test'], extra: [second] }) },
    { finding: true },
  );
  list.untrusted('version-1-leaf', 'hostname_mismatch', {
    leaf: lab.issue({ subject: 'CN=good.lab.test', issuer: lab.intermediate, version: 1 }),
  });
  list.open('version-1-with-extensions', ['trusted', 'untrusted'], { leaf: lab.leaf({ version: 1 }), note: STRICTER });
  list.open('unique-ids', ['trusted', 'untrusted'], {
    leaf: lab.leaf({ issuerUniqueId: Uint8Array.of(1), subjectUniqueId: Uint8Array.of(2) }),
    note: 'RFC 5280 section 4.1.2.8: CAs must not make them, readers should be able to read them',
  });
  list.open('serial-zero', ['trusted', 'untrusted'], { leaf: lab.leaf({ serial: 0n }), note: STRICTER });
  list.open('serial-negative', ['trusted', 'untrusted'], { leaf: lab.leaf({ serial: -5n }), note: STRICTER });
  list.open('serial-of-21-bytes', ['trusted', 'untrusted'], {
    leaf: lab.leaf({ serial: Buffer.alloc(21, 0x11) }),
    note: STRICTER,
  });
  list.trusted('policies', { ...underCa(lab, { policies: ['2.5.29.32.0'] }, { policies: ['2.23.140.1.2.1'] }) });
}

function purposes(list: CaseList, lab: Lab): void {
  const purpose = (extendedKeyUsage: Purpose[] | false): CaseInput => ({ leaf: lab.leaf({ extendedKeyUsage }) });
  list.untrusted('purpose-client-only', 'wrong_purpose', purpose(['clientAuth']));
  list.untrusted('purpose-ocsp-signing', 'wrong_purpose', purpose(['OCSPSigning']));
  list.trusted('purpose-both', purpose(['clientAuth', 'serverAuth']));
  list.trusted('purpose-none-said', purpose(false));
  list.open('purpose-any', ['trusted', 'untrusted'], {
    ...purpose(['any']),
    note: 'RFC 5280 leaves it to the application',
  });
  list.untrusted(
    'purpose-nested',
    'wrong_purpose',
    underCa(lab, { extendedKeyUsage: ['clientAuth', 'emailProtection'] }),
  );
  list.trusted('purpose-nested-good', underCa(lab, { extendedKeyUsage: ['serverAuth', 'clientAuth'] }));
  list.untrusted('key-usage-not-for-tls', 'wrong_purpose', { leaf: lab.leaf({ keyUsage: ['nonRepudiation'] }) });
  list.trusted('key-usage-none-said', { leaf: lab.leaf({ keyUsage: false }) });
  list.open(
    'ca-as-leaf',
    ['untrusted', 'trusted'],
    {
      chain: [
        lab.issueCa({
          subject: 'CN=CA leaf',
          issuer: lab.rootEc,
          san: ['good.lab.test'],
          keyUsage: ['digitalSignature', 'keyCertSign'],
          extendedKeyUsage: ['serverAuth'],
        }),
      ],
      note: 'OpenSSL accepts it; a fault at least to be told',
    },
    { finding: true },
  );
  list.open('leaf-may-sign-certificates', ['untrusted', 'trusted'], {
    leaf: lab.leaf({ keyUsage: ['digitalSignature', 'keyCertSign'] }),
    note: 'RFC 5280 section 4.2.1.9 forbids it without cA; OpenSSL accepts it',
  });
}

/** Root, intermediate and leaf all of one key and signature. */
function uniform(lab: Lab, key: KeyName, signWith?: SignWith): CaseInput {
  const way = { key, ...(signWith ? { signWith } : {}) };
  const root = lab.issueCa({ subject: 'CN=Uniform Root,O=Lab', ...way });
  const ca = lab.issueCa({ subject: 'CN=Uniform CA,O=Lab', issuer: root, ...way });
  return { chain: [lab.leaf({ issuer: ca, ...way }), ca], anchors: [root] };
}

function algorithms(list: CaseList, lab: Lab): void {
  const rsa = (leaf: Partial<CertificateOptions>): CaseInput => ({
    chain: [lab.leaf({ issuer: lab.intermediateRsa, ...leaf }), lab.intermediateRsa],
    anchors: [lab.rootRsa],
  });
  const unusable = { nodeNotComparable: 'TLS 1.3 has no signature scheme for it' };
  list.trusted('rsa', { chain: [lab.goodRsa, lab.intermediateRsa], anchors: [lab.rootRsa] });
  list.trusted('ed25519', { chain: [lab.goodEd, lab.intermediateEd], anchors: [lab.rootEd] });
  list.trusted('p384', uniform(lab, 'p384'));
  list.trusted('p521', uniform(lab, 'p521'));
  list.open('ed448', ['trusted', 'untrusted'], { ...uniform(lab, 'ed448'), note: 'sound, but little supported' });
  list.trusted('rsa-pss', uniform(lab, 'rsa2048', 'rsa-pss'));
  list.trusted('rsa-pss-sha384', rsa({ signWith: { pss: 'sha384' } }));
  list.trusted('rsa-pss-salt-20', rsa({ signWith: { pss: 'sha256', saltLength: 20 } }));
  list.trusted('rsa-pss-key', uniform(lab, 'rsapss2048'));
  list.untrusted('rsa-pss-sha1', 'weak_signature', rsa({ signWith: { pss: 'sha1' } }));
  list.untrusted('rsa-1024', 'weak_key', { leaf: lab.leaf({ key: 'rsa1024' }) });
  list.untrusted('rsa-1024-intermediate', 'weak_key', underCa(lab, { key: 'rsa1024' }));
  list.open(
    'p224',
    ['untrusted', 'trusted'],
    { leaf: lab.leaf({ key: 'p224' }), ...unusable, note: '112 bits, no group of TLS 1.3' },
    {
      codes: ['weak_key'],
    },
  );
  list.open(
    'secp256k1',
    ['untrusted', 'trusted'],
    { leaf: lab.leaf({ key: 'secp256k1' }), ...unusable, note: 'not in the web PKI' },
    {
      codes: ['weak_key'],
    },
  );
  list.untrusted('sha1-leaf', 'weak_signature', rsa({ signWith: 'sha1' }));
  list.untrusted('sha1-leaf-ecdsa', 'weak_signature', { leaf: lab.leaf({ signWith: 'sha1' }) });
  list.untrusted('md5-leaf', 'weak_signature', rsa({ signWith: 'md5' }));
  list.untrusted('sha1-intermediate', 'weak_signature', underCa(lab, { signWith: 'sha1' }));
  const oldRoot = lab.issueCa({ subject: 'CN=SHA-1 Root,O=Lab', key: 'rsa2048', signWith: 'sha1' });
  const ofOld = lab.issueCa({ subject: 'CN=Of SHA-1 Root,O=Lab', issuer: oldRoot });
  list.trusted('sha1-root', { chain: [lab.leaf({ issuer: ofOld }), ofOld], anchors: [oldRoot] });
}

const SECOND_MS = 1000;

function lifetimes(list: CaseList, lab: Lab): void {
  /** RFC 5280 section 4.1.2.5: both ends count, so the last second is taken off. */
  const lasting = (from: string, dayCount: number, at: string): CaseInput => {
    const notBefore = new Date(from);
    const notAfter = new Date(notBefore.getTime() + dayCount * 86_400_000 - SECOND_MS);
    const nodeNotComparable = 'the rules go by fixed dates';
    return { leaf: lab.leaf({ notBefore, notAfter }), at: new Date(at), publicAnchors: true, nodeNotComparable };
  };
  const short = (name: string, input: CaseInput): void =>
    list.trusted(`lifetime-${name}`, input, { absent: ['lifetime_too_long'] });
  const long = (name: string, input: CaseInput): void => list.untrusted(`lifetime-${name}`, 'lifetime_too_long', input);
  const day = 'T00:00:00Z';
  short('200-days', lasting(`2026-09-01${day}`, 200, `2026-11-01${day}`));
  long('201-days', lasting(`2026-09-01${day}`, 201, `2026-11-01${day}`));
  short('398-days-of-before', lasting(`2026-03-14${day}`, 398, `2026-11-01${day}`));
  long('398-days-of-the-day', lasting(`2026-03-15${day}`, 398, `2026-11-01${day}`));
  long('399-days-of-before', lasting(`2026-03-01${day}`, 399, `2026-11-01${day}`));
  short('100-days-of-2027', lasting(`2027-03-15${day}`, 100, `2027-04-01${day}`));
  long('101-days-of-2027', lasting(`2027-03-15${day}`, 101, `2027-04-01${day}`));
  short('47-days-of-2029', lasting(`2029-03-15${day}`, 47, `2029-03-20${day}`));
  long('48-days-of-2029', lasting(`2029-03-15${day}`, 48, `2029-03-20${day}`));
  list.trusted(
    'lifetime-ten-years-private',
    { leaf: lab.leaf({ notBefore: lab.days(-30), notAfter: lab.days(2900) }) },
    { absent: ['lifetime_too_long'] },
  );
  list.trusted(
    'expires-soon',
    { leaf: lab.leaf({ notBefore: lab.days(-88), notAfter: lab.days(2) }) },
    { finding: true },
  );
}

function pins(list: CaseList, lab: Lab): void {
  const { good, intermediate, rootEc, stranger } = lab;
  const pinned = (...certificates: Issued[]): CaseInput => ({ pins: certificates.map(pinOf) });
  list.trusted('pin-of-leaf', pinned(good));
  list.trusted('pin-of-intermediate', pinned(stranger, intermediate));
  list.trusted('pin-of-root', pinned(rootEc, stranger));
  list.trusted('pin-one-of-two', pinned(stranger, good));
  list.untrusted('pin-mismatch', 'pin_mismatch', pinned(stranger));
  list.untrusted('pin-mismatch-of-two', 'pin_mismatch', pinned(stranger, lab.strangerRoot));
  // Sent along, but on no path to the anchor (RFC 7469 section 2.6: the validated chain counts).
  list.untrusted('pin-of-an-unused-certificate', 'pin_mismatch', {
    ...pinned(stranger),
    chain: [good, intermediate, stranger],
  });
}

/** Every finding is told, not the first one only. */
function together(list: CaseList, lab: Lab): void {
  const leaf = {
    key: 'rsa1024',
    signWith: 'sha1',
    notBefore: lab.days(-90),
    notAfter: lab.days(-1),
    extendedKeyUsage: ['clientAuth'],
    san: ['other.lab.test'],
  } satisfies Partial<CertificateOptions>;
  const self = lab.issue({ ...leaf, subject: 'CN=All wrong' });
  const common = ['expired', 'hostname_mismatch', 'weak_key'];
  list.untrusted('many-faults-self-signed', ['self_signed', ...common], { chain: [self] });
  list.untrusted('many-faults', [...common, 'wrong_purpose', 'weak_signature'], {
    chain: [lab.leaf({ ...leaf, issuer: lab.intermediateRsa }), lab.intermediateRsa],
    anchors: [lab.rootRsa],
  });
}

export function ruleCases(lab: Lab): PkiCase[] {
  const list = new CaseList(lab);
  extensions(list, lab);
  purposes(list, lab);
  algorithms(list, lab);
  lifetimes(list, lab);
  pins(list, lab);
  together(list, lab);
  return list.cases;
}
