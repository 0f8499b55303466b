/** Certificate revocation lists of the PKI lab (RFC 5280 section 5), good and faulty. */

import type { KeyObject } from 'node:crypto';
import { corrupt, days, LAB_TIME, type Issuer } from './certificates.js';
import {
  bitString,
  boolean,
  contentOf,
  enumerated,
  explicit,
  generalizedTime,
  implicit,
  integer,
  namedBits,
  sequence,
  time,
  toPem,
  type Der,
} from './der.js';
import {
  authorityKeyIdentifier,
  distributionPointName,
  extension,
  EXTENSION_OIDS,
  type AuthorityKeyIdentifierInput,
  type RawExtension,
} from './extensions.js';
import { signer, type SignWith } from './keys.js';
import { generalNames, name, type NameInput } from './names.js';

/** RFC 5280 section 5.3.1. */
export const REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;
export type Reason = keyof typeof REASONS | number;
export const reasonNumber = (reason: Reason): number => (typeof reason === 'number' ? reason : REASONS[reason]);

export interface CrlEntry {
  /** The content of the INTEGER, as `Issued.serial`. */
  serial: Uint8Array;
  /** Default: one day before `at`. */
  date?: Date;
  reason?: Reason;
  invalidityDate?: Date;
  /** In indirect lists: whose certificate this and the following entries are. */
  certificateIssuer?: NameInput;
  extra?: RawExtension[];
}

export interface IssuingDistributionPoint {
  urls?: string[];
  onlyUserCerts?: boolean;
  onlyCaCerts?: boolean;
  onlyAttributeCerts?: boolean;
  /** Bits of ReasonFlags. */
  onlySomeReasons?: number[];
  indirect?: boolean;
}

export interface CrlOptions {
  issuer: Issuer;
  /** Another key signs. */
  signingKey?: KeyObject;
  issuerName?: NameInput;
  signWith?: SignWith;
  /** 2 by default; 1 has no version field and no extensions but those asked for. */
  version?: 1 | 2;
  /** What the default dates are counted from: `LAB_TIME`. */
  at?: Date;
  /** Default: a day before `at` to six days after; `null` leaves nextUpdate out. */
  thisUpdate?: Date;
  nextUpdate?: Date | null;
  entries?: CrlEntry[];
  /** 1 by default. */
  crlNumber?: number | bigint | false;
  authorityKeyIdentifier?: AuthorityKeyIdentifierInput | false;
  issuingDistributionPoint?: IssuingDistributionPoint;
  /** Makes it a delta of the list with this number. */
  deltaBase?: number;
  extra?: RawExtension[];
  innerSignatureAlgorithm?: Der;
  corruptSignature?: boolean;
  trailingBytes?: Uint8Array;
}

function entry(input: CrlEntry, usualDate: Der): Der {
  const list: RawExtension[] = [];
  if (input.reason !== undefined) {
    list.push({ oid: EXTENSION_OIDS.reasonCode, value: enumerated(reasonNumber(input.reason)) });
  }
  if (input.invalidityDate) {
    list.push({ oid: EXTENSION_OIDS.invalidityDate, value: generalizedTime(input.invalidityDate) });
  }
  if (input.certificateIssuer !== undefined) {
    const value = generalNames([{ directory: input.certificateIssuer }]);
    list.push({ oid: EXTENSION_OIDS.certificateIssuer, critical: true, value });
  }
  list.push(...(input.extra ?? []));
  return sequence(
    integer(input.serial),
    input.date ? time(input.date) : usualDate,
    ...(list.length > 0 ? [sequence(...list.map(extension))] : []),
  );
}

/** The value of the issuing distribution point extension (RFC 5280 section 5.2.5), which is always critical. */
export function issuingDistributionPoint(point: IssuingDistributionPoint): RawExtension {
  const flag = (number: number, value: boolean | undefined): Der[] =>
    value ? [implicit(number, false, contentOf(boolean(true)))] : [];
  const value = sequence(
    ...(point.urls ? [distributionPointName(point.urls)] : []),
    ...flag(1, point.onlyUserCerts),
    ...flag(2, point.onlyCaCerts),
    ...(point.onlySomeReasons ? [implicit(3, false, contentOf(namedBits(point.onlySomeReasons)))] : []),
    ...flag(4, point.indirect),
    ...flag(5, point.onlyAttributeCerts),
  );
  return { oid: EXTENSION_OIDS.issuingDistributionPoint, critical: true, value };
}

/** Makes a CRL. */
export function buildCrl(options: CrlOptions): { der: Uint8Array; pem: string } {
  const { issuer, version = 2, at = LAB_TIME, entries = [] } = options;
  const { algorithm, sign } = signer(options.signingKey ?? issuer.privateKey, options.signWith);
  const nextUpdate = options.nextUpdate === undefined ? days(6, at) : options.nextUpdate;
  const usualDate = time(days(-1, at));

  const list: RawExtension[] = [];
  const authority = options.authorityKeyIdentifier ?? (version === 2 && { keyIdentifier: issuer.keyIdentifier });
  if (authority) list.push({ oid: EXTENSION_OIDS.authorityKeyIdentifier, value: authorityKeyIdentifier(authority) });
  const number = options.crlNumber ?? (version === 2 && 1);
  if (number !== false) list.push({ oid: EXTENSION_OIDS.crlNumber, value: integer(number) });
  if (options.deltaBase !== undefined) {
    list.push({ oid: EXTENSION_OIDS.deltaCrlIndicator, critical: true, value: integer(options.deltaBase) });
  }
  if (options.issuingDistributionPoint) list.push(issuingDistributionPoint(options.issuingDistributionPoint));
  list.push(...(options.extra ?? []));

  const tbs = sequence(
    ...(version === 1 ? [] : [integer(version - 1)]),
    options.innerSignatureAlgorithm ?? algorithm,
    options.issuerName === undefined ? issuer.subject : name(options.issuerName),
    time(options.thisUpdate ?? days(-1, at)),
    ...(nextUpdate ? [time(nextUpdate)] : []),
    ...(entries.length > 0 ? [sequence(Buffer.concat(entries.map((item) => entry(item, usualDate))))] : []),
    ...(list.length > 0 ? [explicit(0, sequence(...list.map(extension)))] : []),
  );
  const signed = sign(tbs);
  const signature = bitString(options.corruptSignature ? corrupt(signed) : signed);
  const der = Buffer.concat([sequence(tbs, algorithm, signature), options.trailingBytes ?? new Uint8Array()]);
  return { der, pem: toPem(der, 'X509 CRL') };
}

/** Entries for a long list: serials of 16 bytes that no certificate of the lab has (theirs begin with 0x40 or more). */
export function manyEntries(count: number): CrlEntry[] {
  return Array.from({ length: count }, (_, index) => {
    const serial = Buffer.alloc(16, 1);
    serial.writeUInt32BE(index, 12);
    return { serial };
  });
}
