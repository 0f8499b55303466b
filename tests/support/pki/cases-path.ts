/** Cases of path building and validation (RFC 5280 section 6): dates, signatures, CAs, path length, alternate paths. */

import type { Issued } from './certificates.js';
import { CaseList, type PkiCase } from './case.js';
import type { Lab } from './lab.js';

function dates(list: CaseList, lab: Lab): void {
  const { days, rootEc } = lab;
  const past = { notBefore: days(-90), notAfter: days(-1) };
  const coming = { notBefore: days(1), notAfter: days(80) };
  list.untrusted('expired', 'expired', { leaf: lab.leaf(past) });
  list.untrusted('expired-one-second-ago', 'expired', {
    leaf: lab.leaf({ notAfter: new Date(lab.at.getTime() - 1000) }),
  });
  list.trusted('expires-this-second', {
    leaf: lab.leaf({ notAfter: lab.at }),
    nodeNotComparable: 'the clock goes on',
  });
  list.trusted('valid-from-this-second', { leaf: lab.leaf({ notBefore: lab.at }) });
  list.untrusted('not-yet-valid', 'not_yet_valid', { leaf: lab.leaf(coming) });
  const issuer = { subject: 'CN=Dated CA,O=Lab', issuer: rootEc };
  const old = lab.issueCa({ ...issuer, ...past });
  list.untrusted('expired-intermediate', 'expired', { chain: [lab.leaf({ issuer: old }), old] });
  const early = lab.issueCa({ ...issuer, ...coming });
  list.untrusted('intermediate-not-yet-valid', 'not_yet_valid', { chain: [lab.leaf({ issuer: early }), early] });
  const deadRoot = lab.issueCa({ subject: 'CN=Dead Root,O=Lab', ...past, notBefore: days(-3000) });
  const ofDead = lab.issueCa({ subject: 'CN=Last CA,O=Lab', issuer: deadRoot });
  list.untrusted('expired-root', 'expired', { chain: [lab.leaf({ issuer: ofDead }), ofDead], anchors: [deadRoot] });
  // As with DST Root CA X3 in 2021: the server sends a cross certificate of the new root by one that has expired since.
  const { subject, publicKey, privateKey } = rootEc;
  const newByDead = lab.issueCa({ subject, key: { publicKey, privateKey }, issuer: deadRoot });
  list.trusted('expired-root-another-path', {
    chain: [lab.good, lab.intermediate, newByDead],
    anchors: [deadRoot, rootEc],
  });
  const oldCross = lab.issueCa({
    subject: lab.intermediate.subject,
    key: { publicKey: lab.intermediate.publicKey, privateKey: lab.intermediate.privateKey },
    issuer: rootEc,
    ...past,
  });
  list.trusted('expired-intermediate-another-path', { chain: [lab.good, oldCross, lab.intermediate] });
  list.trusted('date-after-2050', { leaf: lab.leaf({ notAfter: new Date('2055-01-01T00:00:00Z') }) });
}

function roots(list: CaseList, lab: Lab): void {
  const { rootEc, rootRsa, intermediate, good } = lab;
  list.trusted('good');
  list.trusted('good-root-sent', { chain: [good, intermediate, rootEc] });
  const alone = lab.leaf({ issuer: rootEc });
  list.trusted('leaf-of-root', { chain: [alone] });
  const self = lab.issue({ subject: 'CN=self', san: ['good.lab.test'] });
  list.untrusted('self-signed', 'self_signed', { chain: [self] });
  list.trusted('self-signed-as-anchor', { chain: [self], anchors: [self] });
  const strange = lab.leaf({ issuer: lab.stranger });
  list.untrusted('untrusted-root', 'untrusted_root', { chain: [strange, lab.stranger, lab.strangerRoot] });
  const either = { anyOf: ['untrusted_root', 'missing_intermediate'] };
  list.untrusted('untrusted-root-not-sent', [], { chain: [strange, lab.stranger] }, either);
  list.untrusted('no-anchors', [], { anchors: [] }, either);
  list.untrusted('missing-intermediate', 'missing_intermediate', { chain: [good] });
  const policy = lab.issueCa({ subject: 'CN=Policy CA,O=Lab', issuer: rootEc });
  const issuing = lab.issueCa({ subject: 'CN=Issuing CA,O=Lab', issuer: policy });
  const deep = lab.leaf({ issuer: issuing });
  list.untrusted('missing-second-intermediate', [], { chain: [deep, issuing] }, either);
  list.trusted('two-intermediates', { chain: [deep, issuing, policy] });
  list.trusted('unordered', { chain: [deep, rootEc, policy, issuing] });
  list.trusted('extra-certificates', {
    chain: [good, lab.stranger, lab.intermediateRsa, intermediate, lab.strangerRoot],
  });
  list.trusted('duplicate-certificates', { chain: [good, intermediate, intermediate, good, intermediate] });
  list.trusted('cross-signed', { chain: [good, lab.crossSigned], anchors: [rootRsa] });
  list.trusted('cross-signed-both-sent', {
    chain: [good, intermediate, lab.crossSigned],
    anchors: [rootRsa],
    note: 'OpenSSL does not try the other path: beside its verdict this one is undetermined',
  });
  list.trusted('cross-signed-both-trusted', {
    chain: [good, lab.crossSigned, intermediate],
    anchors: [rootRsa, rootEc],
  });
  list.trusted('unrelated-anchors', { anchors: [lab.strangerRoot, rootRsa, rootEc, lab.rootEd] });
  // Anchors of the same name: only the one with the right key will do.
  const double = lab.issueCa({ subject: rootEc.subject });
  list.trusted('two-roots-of-one-name', { anchors: [double, rootEc] });
  list.untrusted(
    'only-the-other-root-of-that-name',
    [],
    { anchors: [double] },
    {
      anyOf: ['untrusted_root', 'missing_intermediate', 'bad_signature'],
    },
  );
  const decoys = Array.from({ length: 8 }, () => lab.issueCa({ subject: intermediate.subject, issuer: rootEc }));
  list.trusted('many-issuers-of-one-name', { chain: [good, ...decoys, intermediate] });
  list.open('anchor-is-the-intermediate', ['trusted', 'untrusted', 'undetermined'], {
    chain: [good],
    anchors: [intermediate],
    note: 'RFC 5280 lets any key be an anchor; OpenSSL wants a self-signed one unless told (partial chain)',
  });
  const first = lab.issueCa({ subject: 'CN=Loop A,O=Lab' });
  const second = lab.issueCa({ subject: 'CN=Loop B,O=Lab', issuer: first });
  const { subject, publicKey, privateKey } = first;
  const firstAgain = lab.issueCa({ subject, key: { publicKey, privateKey }, issuer: second });
  list.untrusted(
    'loop',
    [],
    { chain: [lab.leaf({ issuer: first }), firstAgain, second] },
    {
      anyOf: ['missing_intermediate', 'untrusted_root', 'chain_too_long'],
    },
  );
}

const KEY_IDENTIFIERS =
  'RFC 5280 section 4.2.1.1 has CAs write the key identifier; OpenSSL does not miss it, strict readers do';

function signatures(list: CaseList, lab: Lab): void {
  const { rootEc, intermediate } = lab;
  list.untrusted('bad-signature', 'bad_signature', { leaf: lab.leaf({ corruptSignature: true }) });
  const broken = lab.issueCa({ subject: 'CN=Broken CA,O=Lab', issuer: rootEc, corruptSignature: true });
  list.untrusted('bad-signature-intermediate', 'bad_signature', { chain: [lab.leaf({ issuer: broken }), broken] });
  const swap = (tbs: Uint8Array): Uint8Array =>
    Buffer.from(Buffer.from(tbs).toString('latin1').replaceAll('good.lab.test', 'evil.lab.test'), 'latin1');
  list.untrusted('tampered-name', 'bad_signature', {
    leaf: lab.leaf({ afterSigning: swap }),
    serverName: 'evil.lab.test',
  });
  list.untrusted('signed-by-another-key', 'bad_signature', { leaf: lab.leaf({ signingKey: lab.stranger.privateKey }) });
  list.untrusted('algorithms-differ', 'bad_signature', {
    leaf: lab.leaf({ innerSignatureAlgorithm: Buffer.from('300a06082a8648ce3d040303', 'hex') }),
  });
  list.open('authority-key-identifier-wrong', ['trusted', 'undetermined', 'untrusted'], {
    leaf: lab.leaf({ authorityKeyIdentifier: { keyIdentifier: Buffer.alloc(20, 7) } }),
    note: 'RFC 5280 section 6 does not check it; OpenSSL takes no issuer whose key identifier differs',
  });
  list.open('no-key-identifiers', ['trusted', 'untrusted'], {
    note: KEY_IDENTIFIERS,
    leaf: lab.leaf({ authorityKeyIdentifier: false, subjectKeyIdentifier: false }),
  });
  list.open('authority-by-issuer-and-serial', ['trusted', 'untrusted'], {
    note: KEY_IDENTIFIERS,
    leaf: lab.leaf({ authorityKeyIdentifier: { issuer: intermediate.issuer, serial: intermediate.serial } }),
  });
}

function authorities(list: CaseList, lab: Lab): void {
  const { rootEc, good } = lab;
  const under = (options: Partial<Parameters<Lab['issue']>[0]>): Issued[] => {
    const issuer = lab.issueCa({ subject: 'CN=Odd CA,O=Lab', issuer: rootEc, ...options });
    return [lab.leaf({ issuer }), issuer];
  };
  list.untrusted('intermediate-without-basic-constraints', 'not_a_ca', { chain: under({ basicConstraints: false }) });
  list.untrusted('intermediate-says-not-a-ca', 'not_a_ca', {
    chain: under({ ca: false, basicConstraints: true, keyUsage: ['keyCertSign'], extendedKeyUsage: false }),
  });
  list.untrusted(
    'intermediate-may-not-sign',
    [],
    { chain: under({ keyUsage: ['cRLSign', 'digitalSignature'] }) },
    {
      anyOf: ['not_a_ca', 'wrong_purpose'],
    },
  );
  list.trusted('intermediate-without-key-usage', { chain: under({ keyUsage: false }) });
  list.untrusted('issued-by-a-leaf', 'not_a_ca', {
    chain: [lab.leaf({ issuer: good }), good, lab.intermediate],
  });
  list.untrusted(
    'intermediate-version-1',
    [],
    { chain: under({ version: 1 }), note: 'it has no key identifiers either' },
    { anyOf: ['not_a_ca', 'key_identifier'] },
  );
  const oldRoot = lab.issueCa({ subject: 'CN=Version 1 Root,O=Lab', version: 1 });
  list.trusted('root-version-1', { chain: [lab.leaf({ issuer: oldRoot })], anchors: [oldRoot] });

  const sub = (issuer: Issued, pathLength?: number): Issued =>
    lab.issueCa({
      subject: `CN=Sub of ${pathLength ?? 'any'},O=Lab`,
      issuer,
      ...(pathLength === undefined ? {} : { pathLength }),
    });
  const none = sub(rootEc, 0);
  const below = sub(none);
  list.untrusted('path-length', 'path_length', { chain: [lab.leaf({ issuer: below }), below, none] });
  const one = sub(rootEc, 1);
  const belowOne = sub(one);
  list.trusted('path-length-just-enough', { chain: [lab.leaf({ issuer: belowOne }), belowOne, one] });
  const twoBelowOne = lab.issueCa({ subject: 'CN=Too deep,O=Lab', issuer: belowOne });
  list.untrusted('path-length-one-too-many', 'path_length', {
    chain: [lab.leaf({ issuer: twoBelowOne }), twoBelowOne, belowOne, one],
  });
  // Self-issued certificates (a key rollover) do not count (RFC 5280 section 6.1.4 (l)).
  const rolled = lab.issueCa({ subject: none.subject, issuer: none });
  list.trusted('path-length-self-issued', { chain: [lab.leaf({ issuer: rolled }), rolled, none] });
  const shortRoot = lab.issueCa({ subject: 'CN=Short Root,O=Lab', pathLength: 0 });
  const ofShort = lab.issueCa({ subject: 'CN=Of Short,O=Lab', issuer: shortRoot });
  list.untrusted('path-length-of-root', 'path_length', {
    chain: [lab.leaf({ issuer: ofShort }), ofShort],
    anchors: [shortRoot],
  });

  /** Leaf and root included. */
  const chainOf = (count: number): Issued[] => {
    const authorities = [rootEc];
    for (let index = 1; index < count - 1; index += 1) {
      authorities.unshift(lab.issueCa({ subject: `CN=Level ${index},O=Lab`, issuer: authorities[0] as Issued }));
    }
    return [lab.leaf({ issuer: authorities[0] as Issued }), ...authorities.slice(0, -1)];
  };
  list.trusted('path-of-5', { chain: chainOf(5) });
  list.trusted('path-of-10', { chain: chainOf(10) });
  list.untrusted('path-of-11', 'chain_too_long', {
    chain: chainOf(11),
    note: 'ten certificates, leaf and root included',
  });
  list.untrusted('path-of-30', 'chain_too_long', { chain: chainOf(30) });
}

export function pathCases(lab: Lab): PkiCase[] {
  const list = new CaseList(lab);
  roots(list, lab);
  dates(list, lab);
  signatures(list, lab);
  authorities(list, lab);
  return list.cases;
}
