/** A small DER writer and what is made with it: certificates and requests that no well-behaved tool would issue. */

import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

import { expect } from 'vitest';

import { inspectBytes, inspectText, type Inspection } from '../../../src/crypto/inspect.js';

/** The day of the tests. */
export const NOW = new Date('2026-06-01T12:00:00Z');
export const DAY = 86_400_000;
export const CANARY = 'canary-7f3a9c41';
export const MAX_REPORT_BYTES = 16_384;

/** Characters that nobody sees or that reorder what is read: the same classes that `escapeUntrusted` names. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u;

export function text(input: string): Promise<Inspection> {
  return Promise.resolve(inspectText(input, NOW));
}

export function bytes(input: Uint8Array): Promise<Inspection> {
  return Promise.resolve(inspectBytes(input, NOW));
}

export function codes({ findings }: Inspection): string[] {
  return findings.map(({ code }) => code).toSorted();
}

function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [name, ...strings(member)]);
}

/** What every report must be, whatever was inspected: JSON, bounded, visible, without the canary. */
export function expectSound(inspection: Inspection): void {
  const json = JSON.stringify(inspection);
  expect(JSON.parse(json)).toEqual(inspection);
  expect(Buffer.byteLength(json)).toBeLessThanOrEqual(MAX_REPORT_BYTES);
  expect(strings(inspection).filter((entry) => INVISIBLE.test(entry))).toEqual([]);
  expect(json).not.toContain(CANARY);
  expect(inspection.summary).not.toMatch(/undefined|NaN|Infinity|\[object/);
}

export const token = (header: unknown, claims: unknown, signature = 'c2ln'): string =>
  [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') + `.${signature}`;

// --- DER (X.690)

export function tlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 128) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const digits = body.length.toString(16);
  const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

export const sequence = (...content: readonly Uint8Array[]): Buffer => tlv(0x30, ...content);
export const integer = (hex: string): Buffer => tlv(0x02, Buffer.from(hex, 'hex'));
export const octets = (...content: readonly Uint8Array[]): Buffer => tlv(0x04, ...content);
const bits = (content: Uint8Array): Buffer => tlv(0x03, Buffer.from([0]), content);

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octetsOf = (arc: number): number[] => {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  };
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(octetsOf)]));
}

export function pem(label: string, der: Uint8Array): string {
  const body = Buffer.from(der).toString('base64').replaceAll(/.{64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

const time = (date: Date): Buffer => tlv(0x18, Buffer.from(date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')));

/** A name with one attribute in each part; `CN` where no type is given. */
const nameOf = (name: string): Buffer => sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(name)))));

const extension = (id: string, value: Uint8Array): Buffer => sequence(oid(id), octets(value));
const dnsNames = (names: readonly string[]): Buffer =>
  extension('2.5.29.17', sequence(...names.map((name) => tlv(0x82, Buffer.from(name)))));

export const SIGNATURES = {
  md5: ['1.2.840.113549.1.1.4', 'md5'],
  sha1: ['1.2.840.113549.1.1.5', 'sha1'],
  sha256: ['1.2.840.113549.1.1.11', 'sha256'],
  ecdsa: ['1.2.840.10045.4.3.2', 'sha256'],
  ed25519: ['1.3.101.112', null],
  unknown: ['1.2.3.4.5', 'sha256'],
} as const;

export interface CertificateChoices {
  subject?: string;
  issuer?: string;
  notBefore?: Date;
  notAfter?: Date;
  names?: readonly string[];
  ca?: boolean;
  keys?: { publicKey: KeyObject; privateKey: KeyObject };
  signature?: keyof typeof SIGNATURES;
  /** In place of the SPKI of `keys`. */
  spki?: Uint8Array;
}

export const ecKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const shortRsaKeys = generateKeyPairSync('rsa', { modulusLength: 1024 });

export function makeCertificate(choices: CertificateChoices = {}): Buffer {
  const { keys = ecKeys, signature = 'ecdsa', subject = 'leaf.example', issuer = 'Some CA', ca = false } = choices;
  const { names = ['leaf.example'] } = choices;
  const [algorithm, hash] = SIGNATURES[signature];
  const extensions = [
    ...(names.length > 0 ? [dnsNames(names)] : []),
    ...(ca ? [extension('2.5.29.19', sequence(Buffer.from([0x01, 0x01, 0xff])))] : []),
  ];
  const tbs = sequence(
    tlv(0xa0, integer('02')),
    integer('1001'),
    sequence(oid(algorithm)),
    nameOf(issuer),
    sequence(
      time(choices.notBefore ?? new Date(NOW.getTime() - 10 * DAY)),
      time(choices.notAfter ?? new Date(NOW.getTime() + 80 * DAY)),
    ),
    nameOf(subject),
    choices.spki ?? keys.publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [tlv(0xa3, sequence(...extensions))] : []),
  );
  return sequence(tbs, sequence(oid(algorithm)), bits(sign(hash, tbs, keys.privateKey)));
}

export function makeRequest(
  choices: { subject?: string; names?: readonly string[]; attributes?: readonly Uint8Array[] } = {},
): Buffer {
  const { subject = 'leaf.example', names = [], attributes = [] } = choices;
  const requested = sequence(oid('1.2.840.113549.1.9.14'), tlv(0x31, sequence(dnsNames(names))));
  const info = sequence(
    integer('00'),
    nameOf(subject),
    ecKeys.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa0, ...(names.length > 0 ? [requested] : []), ...attributes),
  );
  return sequence(info, sequence(oid(SIGNATURES.ecdsa[0])), bits(sign('sha256', info, ecKeys.privateKey)));
}

/** A PKCS#12 file of these contents; `mac` is a MacData. */
export function makePkcs12(contents: readonly Uint8Array[], mac?: Uint8Array): Buffer {
  const data = oid('1.2.840.113549.1.7.1');
  const safe = sequence(data, tlv(0xa0, octets(sequence(...contents))));
  return sequence(integer('03'), safe, ...(mac === undefined ? [] : [mac]));
}

export function makeMac(hash: string, iterations: string): Buffer {
  return sequence(
    sequence(sequence(oid(hash)), octets(Buffer.alloc(32, 7))),
    octets(Buffer.alloc(8)),
    integer(iterations),
  );
}
