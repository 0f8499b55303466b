/**
 * Certificates of the PKI lab (RFC 5280), good ones by default and faulty ones by option: everything can be left out, falsified,
 * repeated or broken.
 */

import { createHash, randomBytes, type KeyObject } from 'node:crypto';
import {
  bitString,
  explicit,
  generalizedTime,
  implicit,
  contentOf,
  integer,
  integerBytes,
  sequence,
  time,
  toPem,
  utcTime,
  type Der,
} from './der.js';
import {
  authorityInformationAccess,
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  crlDistributionPoints,
  extendedKeyUsage,
  extension,
  EXTENSION_OIDS,
  keyUsage,
  nameConstraints,
  tlsFeature,
  type AuthorityKeyIdentifierInput,
  type DistributionPointInput,
  type KeyUsage,
  type NameConstraintsInput,
  type Purpose,
  type RawExtension,
} from './extensions.js';
import { newKey, signer, type KeyName, type KeyPair, type SignWith } from './keys.js';
import { generalNames, name, type GeneralNameInput, type NameInput } from './names.js';

export { fillKeyPool, newKey, type KeyName, type KeyPair, type SignWith } from './keys.js';
export { toPem } from './der.js';

/** The lab's usual time; certificates are valid around it unless told otherwise. */
export const LAB_TIME = new Date('2026-11-01T00:00:00Z');
const DAY_MS = 86_400_000;
export const days = (count: number, from: Date = LAB_TIME): Date => new Date(from.getTime() + count * DAY_MS);

export interface Issued {
  der: Uint8Array;
  pem: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** DER of the Name. */
  subject: Uint8Array;
  issuer: Uint8Array;
  /** The content of the INTEGER. */
  serial: Uint8Array;
  /** DER of the SubjectPublicKeyInfo. */
  spki: Uint8Array;
  /** SHA-1 of the key, as in the usual subject key identifier. */
  keyIdentifier: Uint8Array;
  notBefore: Date;
  notAfter: Date;
}

/** What may sign: a certificate made here, or a name with a key. */
export type Issuer = Pick<Issued, 'subject' | 'privateKey' | 'keyIdentifier' | 'issuer' | 'serial'>;

type Toggle = 'subjectAltName' | 'basicConstraints' | 'keyUsage' | 'extendedKeyUsage' | 'nameConstraints' | 'policies';

export interface CertificateOptions {
  subject: NameInput;
  /** Absent: signed by its own key. */
  issuer?: Issuer;
  /** A kind (made anew; RSA from a pool) or an existing pair. P-256 by default. */
  key?: KeyName | KeyPair;
  signWith?: SignWith;
  /** Another key signs than that of `issuer`: a forgery. */
  signingKey?: KeyObject;
  /** Another name stands in the issuer field than the issuer's. */
  issuerName?: NameInput;
  /** Bytes are the content of the INTEGER as it is: zero, negative, empty, too long. */
  serial?: bigint | Uint8Array;
  /** What the default dates are counted from: `LAB_TIME`. */
  at?: Date;
  /** Default: `at` less 30 days (a CA: less 1000 days) to 60 days after (a CA: 3000 days). */
  notBefore?: Date;
  notAfter?: Date;
  timeEncoding?: 'utc' | 'generalized';
  /** 3 by default. Under 3 no extension is added but those asked for. */
  version?: 1 | 2 | 3;
  ca?: boolean;
  pathLength?: number;
  /** `false` leaves it out; by default only a CA has it. `true` in a leaf writes an empty one. */
  basicConstraints?: boolean;
  /** Default: a CA keyCertSign and cRLSign, a leaf digitalSignature. */
  keyUsage?: KeyUsage[] | false;
  /** Default: none in a CA, serverAuth in a leaf. */
  extendedKeyUsage?: Purpose[] | false;
  san?: GeneralNameInput[];
  nameConstraints?: NameConstraintsInput;
  /** `false` leaves it out, bytes falsify it. */
  subjectKeyIdentifier?: Uint8Array | false;
  authorityKeyIdentifier?: AuthorityKeyIdentifierInput | false;
  aia?: { ocsp?: string[]; caIssuers?: string[] };
  crlDistributionPoints?: (string | DistributionPointInput)[];
  mustStaple?: boolean;
  /** Object identifiers of certificate policies. */
  policies?: string[];
  /** Overrides which extensions are critical. */
  critical?: Partial<Record<Toggle, boolean>>;
  /** After all others, as they are, duplicates too. */
  extra?: RawExtension[];
  /** Nothing but these extensions. */
  onlyExtensions?: RawExtension[];
  /** Another algorithm in the signed part than beside the signature. */
  innerSignatureAlgorithm?: Der;
  corruptSignature?: boolean;
  /** Replaces the SubjectPublicKeyInfo. */
  spki?: Der;
  issuerUniqueId?: Uint8Array;
  subjectUniqueId?: Uint8Array;
  /** Changes the signed part before it is signed. */
  beforeSigning?: (tbs: Uint8Array) => Uint8Array;
  /** Changes the signed part after it was signed: the signature no longer fits. */
  afterSigning?: (tbs: Uint8Array) => Uint8Array;
  /** Appended after the certificate. */
  trailingBytes?: Uint8Array;
}

export const sha1 = (bytes: Uint8Array): Uint8Array => createHash('sha1').update(bytes).digest();

/** SHA-1 of the content of the public key's BIT STRING (RFC 5280 section 4.2.1.2, RFC 6960 section 4.1.1). */
export function keyHash(spki: Uint8Array, hash = 'sha1'): Uint8Array {
  const content = contentOf(spki);
  const algorithmSize = 2 + (content[1] ?? 0);
  return createHash(hash)
    .update(contentOf(content.subarray(algorithmSize)).subarray(1))
    .digest();
}

function randomSerial(): Uint8Array {
  const bytes = randomBytes(16);
  // Positive and without a needless zero byte.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function usualKeyUsage(options: CertificateOptions, key: KeyObject): KeyUsage[] {
  if (options.ca) return ['keyCertSign', 'cRLSign'];
  return key.asymmetricKeyType === 'rsa' ? ['digitalSignature', 'keyEncipherment'] : ['digitalSignature'];
}

function extensions(
  options: CertificateOptions,
  key: KeyObject,
  own: Uint8Array,
  authority: Uint8Array,
): RawExtension[] {
  if (options.onlyExtensions) return options.onlyExtensions;
  const list: RawExtension[] = [];
  const critical = options.critical ?? {};
  const usual = (options.version ?? 3) === 3;
  const add = (type: keyof typeof EXTENSION_OIDS, value: Der, isCritical = false): void => {
    list.push({ oid: EXTENSION_OIDS[type], critical: isCritical, value });
  };
  if (options.basicConstraints ?? (usual && options.ca === true)) {
    add(
      'basicConstraints',
      basicConstraints(options.ca ?? false, options.pathLength),
      critical.basicConstraints ?? true,
    );
  }
  const uses = options.keyUsage ?? (usual && usualKeyUsage(options, key));
  if (uses) add('keyUsage', keyUsage(uses), critical.keyUsage ?? true);
  const purposes = options.extendedKeyUsage ?? (usual && !options.ca && (['serverAuth'] as const).slice());
  if (purposes) add('extendedKeyUsage', extendedKeyUsage(purposes), critical.extendedKeyUsage);
  const identifier = options.subjectKeyIdentifier ?? (usual && own);
  if (identifier) add('subjectKeyIdentifier', Buffer.concat([Uint8Array.of(4, identifier.length), identifier]));
  const authorityInput = options.authorityKeyIdentifier ?? (usual && { keyIdentifier: authority });
  if (authorityInput) add('authorityKeyIdentifier', authorityKeyIdentifier(authorityInput));
  if (options.san) add('subjectAltName', generalNames(options.san), critical.subjectAltName ?? options.subject === '');
  if (options.nameConstraints) {
    add('nameConstraints', nameConstraints(options.nameConstraints), critical.nameConstraints ?? true);
  }
  if (options.aia) add('authorityInformationAccess', authorityInformationAccess(options.aia));
  if (options.crlDistributionPoints) add('crlDistributionPoints', crlDistributionPoints(options.crlDistributionPoints));
  if (options.policies) add('certificatePolicies', certificatePolicies(options.policies), critical.policies);
  if (options.mustStaple) add('tlsFeature', tlsFeature([5]));
  return [...list, ...(options.extra ?? [])];
}

/** Flips the lowest bit of the last byte: the DER of an ECDSA signature stays whole. */
export function corrupt(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}

/** Makes a certificate. Never refuses a fault; `node:crypto` may refuse an impossible key and hash. */
export function issue(options: CertificateOptions): Issued {
  const pair = typeof options.key === 'object' ? options.key : newKey(options.key ?? 'p256');
  const spki = options.spki ?? pair.publicKey.export({ type: 'spki', format: 'der' });
  const keyIdentifier = keyHash(spki);
  const subject = name(options.subject);
  const serial = typeof options.serial === 'bigint' ? integerBytes(options.serial) : (options.serial ?? randomSerial());
  const self: Issuer = { subject, privateKey: pair.privateKey, keyIdentifier, issuer: subject, serial };
  const issuer = options.issuer ?? self;
  const issuerName = options.issuerName === undefined ? issuer.subject : name(options.issuerName);
  const notBefore = options.notBefore ?? days(options.ca ? -1000 : -30, options.at);
  const notAfter = options.notAfter ?? days(options.ca ? 3000 : 60, options.at);
  const { algorithm, sign } = signer(options.signingKey ?? issuer.privateKey, options.signWith);
  const encodeTime = { utc: utcTime, generalized: generalizedTime, usual: time }[options.timeEncoding ?? 'usual'];
  const version = options.version ?? 3;
  const list = extensions(options, pair.publicKey, keyIdentifier, issuer.keyIdentifier);
  const uniqueId = (number: number, id: Uint8Array | undefined): Der[] =>
    id ? [implicit(number, false, contentOf(bitString(id)))] : [];

  const made = sequence(
    ...(version === 1 ? [] : [explicit(0, integer(version - 1))]),
    integer(serial),
    options.innerSignatureAlgorithm ?? algorithm,
    issuerName,
    sequence(encodeTime(notBefore), encodeTime(notAfter)),
    subject,
    spki,
    ...uniqueId(1, options.issuerUniqueId),
    ...uniqueId(2, options.subjectUniqueId),
    ...(list.length > 0 ? [explicit(3, sequence(...list.map(extension)))] : []),
  );
  const tbs = options.beforeSigning?.(made) ?? made;
  const signed = sign(tbs);
  const signature = options.corruptSignature ? corrupt(signed) : signed;
  const der = Buffer.concat([
    sequence(options.afterSigning?.(tbs) ?? tbs, algorithm, bitString(signature)),
    options.trailingBytes ?? new Uint8Array(),
  ]);
  return { ...self, der, pem: toPem(der), publicKey: pair.publicKey, issuer: issuerName, spki, notBefore, notAfter };
}

/** A CA certificate: `issue` with `ca`. */
export const issueCa = (options: CertificateOptions): Issued => issue({ ca: true, ...options });

/** The SPKI pin as `certificate_check` takes it. */
export const pinOf = (certificate: Pick<Issued, 'spki'>): string =>
  `sha256/${createHash('sha256').update(certificate.spki).digest('base64')}`;
