/** OCSP responses of the PKI lab (RFC 6960), good and faulty, the delegated signers, and the reading of requests. */

import { createHash, type KeyObject } from 'node:crypto';
import { OCSPRequest } from '@peculiar/asn1-ocsp';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  corrupt,
  days,
  issue,
  keyHash,
  LAB_TIME,
  type CertificateOptions,
  type Issued,
  type Issuer,
} from './certificates.js';
import { reasonNumber, type Reason } from './crl.js';
import {
  bitString,
  enumerated,
  explicit,
  generalizedTime,
  implicit,
  contentOf,
  integer,
  octetString,
  oid,
  sequence,
  type Der,
} from './der.js';
import { extension, EXTENSION_OIDS, type RawExtension } from './extensions.js';
import { hashAlgorithm, signer, type Hash, type SignWith } from './keys.js';

export type CertificateStatus = 'good' | 'unknown' | { revokedAt: Date; reason?: Reason };

export interface CertIdInput {
  hash?: Hash;
  nameHash?: Uint8Array;
  keyHash?: Uint8Array;
  serial?: Uint8Array;
}

export interface SingleInput {
  certificate: Pick<Issued, 'serial'>;
  issuer: Pick<Issued, 'subject' | 'spki'>;
  /** SHA-1 by default; parts given here falsify it. */
  certId?: CertIdInput;
  /** `good` by default. */
  status?: CertificateStatus;
  /** Default: an hour before `at` to three days after; `null` leaves nextUpdate out. */
  thisUpdate?: Date;
  nextUpdate?: Date | null;
  extensions?: RawExtension[];
}

export interface OcspOptions {
  /** 0 successful, 1 malformedRequest, 2 internalError, 3 tryLater, 5 sigRequired, 6 unauthorized; not 0: no body. */
  responseStatus?: number;
  responses?: SingleInput[];
  /** The issuer of the certificate, a delegated signer or a stranger. */
  signer: Issuer;
  signingKey?: KeyObject;
  signWith?: SignWith;
  /** How the signer is named; bytes are a key hash. `key` by default. */
  responderId?: 'key' | 'name' | Uint8Array;
  at?: Date;
  /** Default: an hour before `at`. */
  producedAt?: Date;
  nonce?: Uint8Array;
  extensions?: RawExtension[];
  /** Certificates sent along: those of delegated signers must be. */
  certificates?: Pick<Issued, 'der'>[];
  corruptSignature?: boolean;
  /** Another type than id-pkix-ocsp-basic. */
  responseType?: string;
  /** Keeps only so many bytes. */
  truncateTo?: number;
  trailingBytes?: Uint8Array;
}

const HOUR_MS = 3_600_000;

/** CertID of RFC 6960 section 4.1.1. */
export function certId(
  certificate: Pick<Issued, 'serial'>,
  issuer: Pick<Issued, 'subject' | 'spki'>,
  input: CertIdInput = {},
): Der {
  const hash = input.hash ?? 'sha1';
  return sequence(
    hashAlgorithm(hash),
    octetString(input.nameHash ?? createHash(hash).update(issuer.subject).digest()),
    octetString(input.keyHash ?? keyHash(issuer.spki, hash)),
    integer(input.serial ?? certificate.serial),
  );
}

function status(value: CertificateStatus): Der {
  if (value === 'good') return implicit(0, false, new Uint8Array());
  if (value === 'unknown') return implicit(2, false, new Uint8Array());
  const reason = value.reason === undefined ? [] : [explicit(0, enumerated(reasonNumber(value.reason)))];
  return implicit(1, true, Buffer.concat([generalizedTime(value.revokedAt), ...reason]));
}

const extensionList = (number: number, list: RawExtension[]): Der[] =>
  list.length > 0 ? [explicit(number, sequence(...list.map(extension)))] : [];

function single(input: SingleInput, at: Date): Der {
  const nextUpdate = input.nextUpdate === undefined ? days(3, at) : input.nextUpdate;
  return sequence(
    certId(input.certificate, input.issuer, input.certId),
    status(input.status ?? 'good'),
    generalizedTime(input.thisUpdate ?? new Date(at.getTime() - HOUR_MS)),
    ...(nextUpdate ? [explicit(0, generalizedTime(nextUpdate))] : []),
    ...extensionList(1, input.extensions ?? []),
  );
}

function basicResponse(options: OcspOptions): Der {
  const { at = LAB_TIME, responderId = 'key' } = options;
  const { algorithm, sign } = signer(options.signingKey ?? options.signer.privateKey, options.signWith);
  const keyId = responderId instanceof Uint8Array ? responderId : options.signer.keyIdentifier;
  const nonce = options.nonce ? [{ oid: EXTENSION_OIDS.ocspNonce, value: octetString(options.nonce) }] : [];
  const data = sequence(
    responderId === 'name' ? explicit(1, options.signer.subject) : explicit(2, octetString(keyId)),
    generalizedTime(options.producedAt ?? new Date(at.getTime() - HOUR_MS)),
    sequence(...(options.responses ?? []).map((item) => single(item, at))),
    ...extensionList(1, [...nonce, ...(options.extensions ?? [])]),
  );
  const signed = sign(data);
  const certificates = options.certificates ?? [];
  return sequence(
    data,
    algorithm,
    bitString(options.corruptSignature ? corrupt(signed) : signed),
    ...(certificates.length > 0 ? [explicit(0, sequence(...certificates.map(({ der }) => der)))] : []),
  );
}

/** Makes an OCSP response. */
export function buildOcsp(options: OcspOptions): Uint8Array {
  const responseStatus = options.responseStatus ?? 0;
  const type = oid(options.responseType ?? '1.3.6.1.5.5.7.48.1.1');
  const body = responseStatus === 0 ? [explicit(0, sequence(type, octetString(basicResponse(options))))] : [];
  const der = sequence(enumerated(responseStatus), ...body);
  return Buffer.concat([der.subarray(0, options.truncateTo), options.trailingBytes ?? new Uint8Array()]);
}

/** A certificate to sign OCSP responses with: proper unless the options say otherwise. */
export function issueOcspSigner(
  issuer: Issuer,
  options: Partial<CertificateOptions> & { noCheck?: boolean; purpose?: boolean } = {},
): Issued {
  const { noCheck = true, purpose = true, ...rest } = options;
  const extra = noCheck ? [{ oid: EXTENSION_OIDS.ocspNoCheck, value: Uint8Array.of(0x05, 0x00) }] : [];
  return issue({
    subject: 'CN=OCSP signer,O=Lab',
    issuer,
    extendedKeyUsage: purpose ? ['OCSPSigning'] : false,
    ...rest,
    extra: [...extra, ...(rest.extra ?? [])],
  });
}

export interface OcspQuestion {
  /** Of each certificate asked for. */
  certIds: { hash: string; nameHash: Uint8Array; keyHash: Uint8Array; serial: Uint8Array }[];
  nonce?: Uint8Array;
}

/** Reads a request; throws where it is none. */
export function readOcspRequest(der: Uint8Array): OcspQuestion {
  const { tbsRequest } = AsnConvert.parse(der, OCSPRequest);
  const nonce = tbsRequest.requestExtensions?.find(({ extnID }) => extnID === EXTENSION_OIDS.ocspNonce);
  return {
    certIds: tbsRequest.requestList.map(({ reqCert }) => ({
      hash: reqCert.hashAlgorithm.algorithm,
      nameHash: new Uint8Array(reqCert.issuerNameHash.buffer),
      keyHash: new Uint8Array(reqCert.issuerKeyHash.buffer),
      serial: new Uint8Array(reqCert.serialNumber),
    })),
    // RFC 8954: the nonce is an OCTET STRING inside the extension's own.
    ...(nonce ? { nonce: contentOf(new Uint8Array(nonce.extnValue.buffer)) } : {}),
  };
}

/** Makes a request, for tests of responders. */
export function buildOcspRequest(
  certificate: Pick<Issued, 'serial'>,
  issuer: Pick<Issued, 'subject' | 'spki'>,
  nonce?: Uint8Array,
): Uint8Array {
  const extensions = nonce ? [{ oid: EXTENSION_OIDS.ocspNonce, value: octetString(nonce) }] : [];
  return sequence(sequence(sequence(sequence(certId(certificate, issuer))), ...extensionList(2, extensions)));
}
