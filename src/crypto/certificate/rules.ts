/**
 * What each certificate of a path must be in itself and by its place: RFC 5280 section 4 and 6.1, and the rules of the
 * CA/Browser Forum's Baseline Requirements that clients enforce (section 7.1).
 */

import type { KeyObject } from 'node:crypto';

import { equalBytes } from '../bytes.js';
import { escapeUntrusted, rfc3339 } from '../text.js';
import { DerFault, readWhole, contextTag, TAG } from './der.js';
import { namesCover, readReference, showReference } from './hostname.js';
import type { CheckName } from './judgement.js';
import { isEmptyName, sameName, shortName } from './names.js';
import { findExtension, KEY_USAGE, OID, PURPOSE, type Certificate } from './parse.js';
import { signatureKind } from './signature.js';

/** Something wrong with a path. `warn` is told and does not refuse the path. */
export interface Fault {
  check: CheckName;
  code: string;
  severity: 'fail' | 'warn';
  /** Index in the path, 0 for the leaf. */
  position: number;
  explanation: string;
  remedy: string;
  /** As of a `CheckDraft`: for the summary, where the texts above are more than one sentence. */
  headline?: string;
  action?: string;
}

export interface PathContext {
  at: Date;
  purpose: 'serverAuth' | 'clientAuth';
  /** The anchor belongs to the system's store, which vetted its form and to whose members the public rules apply. */
  publicAnchor: boolean;
  /** The path ends in a trust anchor. */
  anchored: boolean;
}

interface Place {
  certificate: Certificate;
  position: number;
  isLeaf: boolean;
  isAnchor: boolean;
  who: string;
}

type Found = Omit<Fault, 'position' | 'severity'> & { severity?: Fault['severity'] };

const REISSUE = 'Have it issued anew by a CA that follows RFC 5280.';

/** All faults of the single certificates of a path (leaf first), in the order of the path. */
export function certificateFaults(path: readonly Certificate[], context: PathContext): Fault[] {
  const usesKeyIds = path.some((entry) => entry.authorityKeyIdentifier?.keyIdentifier && !isSelfIssued(entry));
  return path.flatMap((certificate, position) => {
    const isLeaf = position === 0;
    const isAnchor = context.anchored && position === path.length - 1;
    const who = isLeaf ? 'The certificate' : `The CA certificate ${shortName(certificate.subject)}`;
    const place: Place = { certificate, position, isLeaf, isAnchor, who };
    const found = [...validityFaults(place, context)];
    // The system's roots have been vetted by their programs; some are older than the rules.
    if (!(isAnchor && context.publicAnchor)) {
      found.push(...formFaults(place), ...keyIdentifierFaults(place, path, usesKeyIds), ...keyFaults(place));
      found.push(...(isLeaf ? leafFaults(place, context) : caFaults(place, context)));
    }
    if (!isAnchor) found.push(...signatureFaults(place));
    return found.map((fault) => ({ severity: 'fail' as const, position, ...fault }));
  });
}

export function isSelfIssued(certificate: Certificate): boolean {
  return sameName(certificate.subject, certificate.issuer);
}

function validityFaults({ certificate, who, isLeaf }: Place, { at }: PathContext): Found[] {
  const { notBefore, notAfter } = certificate;
  if (at > notAfter)
    return [
      {
        check: 'validity',
        code: 'expired',
        explanation: `${who} expired on ${rfc3339(notAfter)}.`,
        remedy: isLeaf ? 'Renew it.' : 'Send a chain through a CA certificate that is still valid.',
      },
    ];
  if (at < notBefore)
    return [
      {
        check: 'validity',
        code: 'not_yet_valid',
        explanation: `${who} is valid only from ${rfc3339(notBefore)}.`,
        remedy: 'Check the clocks, or wait until then.',
      },
    ];
  return [];
}

/** Extensions this validator acts on; any other that is critical refuses the path (RFC 5280 section 4.2). */
const PROCESSED: ReadonlySet<string> = new Set([
  OID.basicConstraints,
  OID.keyUsage,
  OID.extendedKeyUsage,
  OID.subjectAltName,
  OID.issuerAltName,
  OID.nameConstraints,
  OID.certificatePolicies,
  OID.policyMappings,
  OID.inhibitAnyPolicy,
  OID.tlsFeature,
  OID.crlDistributionPoints,
]);

function formFaults({ certificate, who, isAnchor, isLeaf }: Place): Found[] {
  const found: Found[] = [];
  const chain = (code: string, explanation: string, remedy = REISSUE): void =>
    void found.push({ check: 'chain', code, explanation: `${who} ${explanation}`, remedy });
  const { serial, extensions } = certificate;
  if (certificate.malformedExtensions.length > 0)
    chain('malformed_extension', 'holds an extension that cannot be read.');
  if (certificate.duplicateExtension)
    chain('duplicate_extension', 'holds one extension twice, which RFC 5280 section 4.2 forbids.');
  if (extensions.length > 0 && certificate.version !== 3)
    chain('unsupported_version', `has extensions but says it is of version ${certificate.version}.`);
  const unknown = extensions.find(({ oid, critical }) => critical && !PROCESSED.has(oid));
  if (unknown !== undefined && unknown.oid !== OID.policyConstraints)
    chain('unknown_critical_extension', `has a critical extension (${unknown.oid}) that must not be ignored.`);
  if (requiresPolicy(certificate))
    chain('unknown_critical_extension', 'demands certificate policies, which are not judged here.');
  // What a root calls itself is nobody's concern: it is trusted by its key.
  const numbered = isLeaf || !isAnchor;
  if (numbered && (serial.length > 20 || (serial[0] ?? 0) >= 0x80 || serial.every((byte) => byte === 0)))
    chain('serial_number', 'has a serial number that is zero, negative or over 20 octets (RFC 5280 section 4.1.2.2).');
  if (isEmptyName(certificate.issuer)) chain('empty_issuer', 'names no issuer.');
  if (!certificate.signatureAlgorithmsAgree)
    chain('bad_signature', 'names two different signature algorithms inside and outside what is signed.');
  return found;
}

/** Whether PolicyConstraints asks for an explicit policy (RFC 5280 section 4.2.1.11), in a form we can read or not. */
function requiresPolicy(certificate: Certificate): boolean {
  const extension = findExtension(certificate, OID.policyConstraints);
  if (extension === undefined) return false;
  try {
    return readWhole(extension.value, TAG.sequence).optional(contextTag(0, false)) !== null;
  } catch (error) {
    if (error instanceof DerFault) return true;
    throw error;
  }
}

/**
 * Key identifiers (RFC 5280 sections 4.2.1.1 and 4.2.1.2). A chain without any, and a leaf without, is told: private CAs made
 * with openssl often lack them. CA certificates of a chain that uses them must use them throughout, and what they say must be so.
 */
function keyIdentifierFaults(
  { certificate, position, isLeaf, isAnchor, who }: Place,
  path: readonly Certificate[],
  usesKeyIds: boolean,
): Found[] {
  const { authorityKeyIdentifier: authority, subjectKeyIdentifier: own } = certificate;
  const found: Found[] = [];
  const missing = usesKeyIds && !isLeaf ? 'fail' : 'warn';
  const say = (severity: Fault['severity'], explanation: string): void =>
    void found.push({
      check: 'chain',
      code: 'key_identifier',
      severity,
      explanation: `${who} ${explanation}`,
      remedy: REISSUE,
    });
  for (const oid of [OID.authorityKeyIdentifier, OID.subjectKeyIdentifier])
    if (findExtension(certificate, oid)?.critical === true)
      say('fail', 'marks a key identifier critical, which RFC 5280 section 4.2.1 forbids.');
  const selfIssued = isSelfIssued(certificate);
  const issuer = isAnchor || position + 1 >= path.length ? null : path[position + 1];
  if (authority === null) {
    if (!selfIssued && !isAnchor) say(missing, 'does not name the key of its issuer (authority key identifier).');
  } else {
    const { keyIdentifier, issuer: namedIssuer, serial } = authority;
    if ((namedIssuer === null) !== (serial === null))
      say('fail', "names its issuer's name or serial number without the other (RFC 5280 section 4.2.1.1).");
    else if (serial !== null && selfIssued && !equalBytes(serial, certificate.serial))
      say('fail', 'names another certificate than itself as its issuer.');
    else if (serial !== null && selfIssued)
      say('warn', "names its issuer's serial number, which the Baseline Requirements forbid.");
    if (keyIdentifier === null) say(selfIssued ? 'fail' : missing, 'does not identify the key of its issuer.');
    const issuersId = selfIssued && isAnchor ? own : issuer?.subjectKeyIdentifier;
    if (keyIdentifier !== null && issuersId && !equalBytes(keyIdentifier, issuersId))
      say(isAnchor ? 'fail' : 'warn', 'names another key of its issuer than the one that signed it.');
  }
  if (!isLeaf && own === null && certificate.basicConstraints?.ca === true)
    say(missing, 'has no subject key identifier, which CA certificates must have (RFC 5280 section 4.2.1.2).');
  return found;
}

const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const RSA_BITS = { min: 2048, max: 8192 } as const;

/** Why a key is not fit to be relied on, or null. */
export function weakKeyReason(certificate: Certificate): string | null {
  const key = certificate.publicKey;
  if (key === null) return 'is of a kind that cannot be read';
  const { modulusLength, publicExponent, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      if (modulusLength === undefined || modulusLength < RSA_BITS.min) return `is RSA of ${modulusLength ?? 0} bits`;
      if (modulusLength > RSA_BITS.max) return `is RSA of ${modulusLength} bits, more than clients compute with`;
      if (modulusLength % 8 !== 0) return `is RSA of ${modulusLength} bits, which is no multiple of 8`;
      return publicExponent === undefined || publicExponent < 3n || publicExponent % 2n === 0n
        ? 'is RSA with an unsound exponent'
        : null;
    case 'ec':
      if (certificate.spkiAlgorithm.parameters?.[0] !== TAG.oid) return 'is on a curve written out instead of named';
      return CURVES.has(namedCurve ?? '') ? null : `is on the curve ${escapeUntrusted(namedCurve ?? 'unknown', 40)}`;
    case 'ed25519':
    case 'ed448':
      return null;
    default:
      return `is of the type ${key.asymmetricKeyType ?? 'unknown'}`;
  }
}

function keyFaults({ certificate, who }: Place): Found[] {
  const reason = weakKeyReason(certificate);
  if (reason === null) return [];
  const remedy = 'Use a key of RSA 2048 bits or more, P-256, P-384, P-521 or Ed25519.';
  return [{ check: 'key', code: 'weak_key', explanation: `${who} has a weak or unusable key: it ${reason}.`, remedy }];
}

/** `RSA 2048`, `EC P-256`, `Ed25519`: for the chain of the report. */
export function keyName(key: KeyObject | null): string {
  if (key === null) return 'unknown';
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType ?? 'unknown';
  if (type === 'ec')
    return `EC ${{ prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[namedCurve ?? ''] ?? namedCurve ?? '(a curve without a name)'}`;
  if (modulusLength !== undefined) return `${type.toUpperCase()} ${modulusLength}`;
  return { ed25519: 'Ed25519', ed448: 'Ed448', x25519: 'X25519', x448: 'X448', dh: 'DH' }[type as string] ?? type;
}

function signatureFaults({ certificate, who }: Place): Found[] {
  const { name, weak, known } = signatureKind(certificate.signatureAlgorithm);
  const remedy = 'Have it issued anew, signed with SHA-256 or better.';
  if (weak)
    return [
      {
        check: 'signature',
        code: 'weak_signature',
        explanation: `${who} is signed with ${name}, which no longer resists forgery.`,
        remedy,
      },
    ];
  if (!known)
    return [
      {
        check: 'signature',
        code: 'weak_signature',
        explanation: `${who} is signed with an algorithm that is not accepted (${escapeUntrusted(name, 60)}).`,
        remedy,
      },
    ];
  return [];
}

function leafFaults({ certificate, isAnchor }: Place, { purpose }: PathContext): Found[] {
  const found: Found[] = [];
  const { subjectAltNames, keyUsage, extendedKeyUsage, basicConstraints } = certificate;
  const say = (
    check: CheckName,
    code: string,
    explanation: string,
    remedy: string,
    severity?: Fault['severity'],
  ): void => void found.push({ check, code, explanation, remedy, ...(severity === undefined ? {} : { severity }) });
  if (certificate.nameConstraints !== null)
    say('chain', 'name_constraint', 'The certificate carries name constraints, which only a CA may.', REISSUE);
  if (purpose === 'serverAuth' && (subjectAltNames === null || subjectAltNames.length === 0))
    say(
      'hostname',
      'hostname_mismatch',
      'The certificate has no subject alternative name, so it is for no host: clients do not read the common name.',
      'Issue it anew with its host names as subject alternative names.',
    );
  else if (isEmptyName(certificate.subject) && findExtension(certificate, OID.subjectAltName)?.critical !== true)
    say(
      'chain',
      'empty_subject',
      'The certificate has an empty subject and does not mark its alternative names critical (RFC 5280 section 4.2.1.6).',
      REISSUE,
    );
  else if (purpose === 'serverAuth' && !commonNamesAreListed(certificate))
    say(
      'hostname',
      'common_name',
      'The common name looks like a host name and is not, letter for letter, among the alternative names, where alone clients look.',
      'Issue it anew with every host name as a subject alternative name.',
      'warn',
    );
  // One that vouches for itself is a CA of its own, as openssl makes them; what is to be said of that is said elsewhere.
  const own = isAnchor || isSelfIssued(certificate) ? 'warn' : 'fail';
  if (basicConstraints?.ca === true)
    say(
      'purpose',
      'ca_leaf',
      'The server uses a CA certificate as its own: whoever takes its key can issue for every name.',
      'Issue a certificate of its own for the server, with CA:FALSE.',
      own,
    );
  else if (keyUsage?.[KEY_USAGE.keyCertSign] === true)
    say(
      'purpose',
      'ca_leaf',
      'The certificate may sign certificates (keyCertSign), which a server certificate must not.',
      'Issue it anew without keyCertSign.',
      own,
    );
  if (basicConstraints?.pathLength != null && (!basicConstraints.ca || keyUsage?.[KEY_USAGE.keyCertSign] !== true))
    say(
      'chain',
      'path_length',
      'The certificate has a path length without being allowed to sign certificates (RFC 5280 section 4.2.1.9).',
      REISSUE,
    );
  if (extendedKeyUsage === null && purpose === 'serverAuth')
    say(
      'purpose',
      'no_purpose',
      'The certificate does not say what it is for (extended key usage); some clients refuse such servers.',
      'Issue it anew with the extended key usage serverAuth.',
      'warn',
    );
  else if (extendedKeyUsage !== null && !extendedKeyUsage.includes(PURPOSE[purpose]))
    say(
      'purpose',
      'wrong_purpose',
      `The certificate is not for ${PURPOSE_NAMES[purpose]}: its extended key usage names other purposes.`,
      `Issue it anew with the extended key usage ${purpose}.`,
    );
  else if (extendedKeyUsage?.includes(PURPOSE.any) === true)
    say(
      'purpose',
      'any_purpose',
      'The certificate is for any purpose, which the Baseline Requirements forbid.',
      `Issue it anew with the extended key usage ${purpose} alone.`,
      'warn',
    );
  const uses = [KEY_USAGE.digitalSignature, KEY_USAGE.keyEncipherment, KEY_USAGE.keyAgreement];
  if (keyUsage !== null && keyUsage[KEY_USAGE.keyCertSign] !== true && !uses.some((bit) => keyUsage[bit] === true))
    say(
      'purpose',
      'wrong_purpose',
      'The key usage of the certificate allows neither signatures nor key exchange, so it cannot serve TLS.',
      'Issue it anew with the key usage digitalSignature.',
    );
  return found;
}

const COMMON_NAME = '2.5.4.3';
/** Of those that look like a host; looking for each takes time by the number of alternative names. */
const MAX_COMMON_NAMES = 16;

/** Whether every common name that looks like a host is a copy of an alternative name (Baseline Requirements section 7.1.4.3). */
function commonNamesAreListed({ subject, subjectAltNames }: Certificate): boolean {
  const commonNames = subject.relativeNames.flat().filter(({ oid }) => oid === COMMON_NAME);
  const hosts = commonNames.flatMap(({ text }) => (text !== null && /^[^\s]+[.:][^\s]+$/.test(text) ? [text] : []));
  if (hosts.length === 0 || hosts.length > MAX_COMMON_NAMES) return hosts.length === 0;
  const names = subjectAltNames ?? [];
  const listed = new Set(names.flatMap((name) => (name.type === 'dns' ? [name.value] : [])));
  return hosts.every((text) => {
    if (listed.has(text)) return true;
    const reference = readReference(text);
    // An address is a copy in its usual spelling only.
    return reference?.type === 'ip' && showReference(reference) === text && namesCover(names, reference);
  });
}

const PURPOSE_NAMES = { serverAuth: 'TLS servers', clientAuth: 'TLS clients' } as const;

function caFaults({ certificate, who, isAnchor }: Place, { purpose }: PathContext): Found[] {
  const found: Found[] = [];
  const { basicConstraints, keyUsage, extendedKeyUsage } = certificate;
  const chain = (code: string, explanation: string, remedy = 'Have the certificate issued by a proper CA.'): void =>
    void found.push({ check: 'chain', code, explanation: `${who} ${explanation}`, remedy });
  // A trust anchor counts by its name and key (RFC 5280 section 6.1.1 (d)); version 1 has no extension to say more.
  if (isAnchor && certificate.version === 1)
    found.push({
      check: 'chain',
      severity: 'warn',
      code: 'version_1_root',
      explanation: `${who} is of version 1 and does not say that it is a CA; it is taken for one because it was given as trust.`,
      remedy: 'Replace the root by one of version 3 when it is due.',
    });
  else if (basicConstraints?.ca !== true) chain('not_a_ca', 'is not a CA: it must not issue certificates.');
  else if (keyUsage !== null && keyUsage[KEY_USAGE.keyCertSign] !== true)
    chain('not_a_ca', 'may not sign certificates: its key usage lacks keyCertSign.');
  if (isEmptyName(certificate.subject))
    chain('empty_subject', 'has no subject name (RFC 5280 section 4.1.2.6).', REISSUE);
  if (
    extendedKeyUsage !== null &&
    !extendedKeyUsage.includes(PURPOSE[purpose]) &&
    !extendedKeyUsage.includes(PURPOSE.any)
  )
    found.push({
      check: 'purpose',
      code: 'wrong_purpose',
      explanation: `${who} may not issue for ${PURPOSE_NAMES[purpose]}: its extended key usage names other purposes.`,
      remedy: 'Have the certificate issued by a CA for TLS servers.',
    });
  return found;
}

const DAY_MS = 86_400_000;

/** Longest lives of publicly trusted certificates by the day of issue (Baseline Requirements section 6.3.2), newest rule first. */
const LIFETIMES = [
  { from: Date.UTC(2029, 2, 15), days: 47 },
  { from: Date.UTC(2027, 2, 15), days: 100 },
  { from: Date.UTC(2026, 2, 15), days: 200 },
  { from: Date.UTC(2020, 8, 1), days: 398 },
  { from: Date.UTC(2018, 2, 1), days: 825 },
] as const;

/** The longest life in days that the public rules allow a certificate issued at `notBefore`, or null before they began. */
export function publicLifetimeDays(notBefore: Date): number | null {
  return LIFETIMES.find(({ from }) => notBefore.getTime() >= from)?.days ?? null;
}

/** Days of life, both ends included (Baseline Requirements section 1.6.1): a second over a day counts as a day. */
export function lifetimeDays(certificate: Certificate): number {
  return Math.ceil((certificate.notAfter.getTime() - certificate.notBefore.getTime() + 1_000) / DAY_MS);
}
