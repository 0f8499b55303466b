/** Reads the structure of PKCS#12 files (RFC 7292 section 4): the MAC, the safes and what lies in them. Throws DerFault. */

import { toDefinite, type ElementBudget } from './ber.js';
import {
  contextTag,
  DerFault,
  DerReader,
  readCount,
  readIntegerBytes,
  readOid,
  readWhole,
  TAG,
  type Element,
} from './der.js';
import { CONTENT, readContentInfo } from './pkcs7.js';

export const PKCS12_LIMITS = { bytes: 1_048_576, elements: 20_000, safes: 64, bags: 256, saltBytes: 1_024 } as const;

export type Pkcs12Problem =
  | 'not_pkcs12'
  /** Also where what is encrypted has another password than the file. */
  | 'wrong_password'
  /** It asks for more iterations than a call may cost. */
  | 'too_costly'
  /** Encrypted or authenticated in a way that is not read here, or encrypted without being authenticated. */
  | 'unsupported'
  | 'too_large'
  | 'no_certificates';

/** Ends an opening with a problem. Never leaves this folder. */
export class Pkcs12Refusal extends Error {
  readonly problem: Pkcs12Problem;

  constructor(problem: Pkcs12Problem) {
    super();
    this.problem = problem;
  }
}

export const BAG = {
  key: '1.2.840.113549.1.12.10.1.1',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificate: '1.2.840.113549.1.12.10.1.3',
  safeContents: '1.2.840.113549.1.12.10.1.6',
} as const;

const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const LOCAL_KEY_ID = '1.2.840.113549.1.9.21';

export interface Algorithm {
  oid: string;
  parameters: Element | null;
}

export interface MacData {
  algorithm: Algorithm;
  digest: Uint8Array;
  salt: Uint8Array;
  iterations: number;
}

export interface Pfx {
  /** The octets the MAC is of: an AuthenticatedSafe, encoded. */
  authSafe: Uint8Array;
  mac: MacData | null;
}

/** PFX, the whole file. */
export function readPfx(bytes: Uint8Array, budget: ElementBudget): Pfx {
  const reader = readWhole(toDefinite(bytes, budget), TAG.sequence);
  if (readCount(reader.next(TAG.integer)) !== 3) throw new DerFault();
  const { type, content } = readContentInfo(reader);
  // Section 3.1: a file whose integrity rests on a signature instead of a password.
  if (type === CONTENT.signedData) throw new Pkcs12Refusal('unsupported');
  if (type !== CONTENT.data || content === null) throw new DerFault();
  const authSafe = new DerReader(content).next(TAG.octetString).content;
  const mac = reader.optional(TAG.sequence);
  reader.end();
  return { authSafe, mac: mac === null ? null : readMacData(new DerReader(mac.content)) };
}

function readMacData(reader: DerReader): MacData {
  const digestInfo = reader.into(TAG.sequence);
  const algorithm = readAlgorithm(digestInfo);
  const digest = digestInfo.next(TAG.octetString).content;
  digestInfo.end();
  const salt = readSalt(reader);
  const iterations = reader.done ? 1 : readIterations(reader);
  reader.end();
  return { algorithm, digest, salt, iterations };
}

export type Safe = { contents: Uint8Array } | { algorithm: Algorithm; ciphertext: Uint8Array };

/** AuthenticatedSafe (section 4.1). */
export function readSafes(authSafe: Uint8Array, budget: ElementBudget): Safe[] {
  const reader = readWhole(toDefinite(authSafe, budget), TAG.sequence);
  const safes: Safe[] = [];
  while (!reader.done) {
    if (safes.length >= PKCS12_LIMITS.safes) throw new Pkcs12Refusal('too_large');
    const { type, content } = readContentInfo(reader);
    if (type === CONTENT.envelopedData) throw new Pkcs12Refusal('unsupported');
    if (content === null) throw new DerFault();
    if (type === CONTENT.data) safes.push({ contents: new DerReader(content).next(TAG.octetString).content });
    else if (type === CONTENT.encryptedData) safes.push(readEncryptedData(content));
    else throw new DerFault();
  }
  return safes;
}

/** EncryptedData (RFC 2315 section 13). */
function readEncryptedData(content: Uint8Array): Safe {
  const reader = readWhole(content, TAG.sequence);
  readCount(reader.next(TAG.integer));
  const info = reader.into(TAG.sequence);
  if (readOid(info.next(TAG.oid)) !== CONTENT.data) throw new DerFault();
  const algorithm = readAlgorithm(info);
  const cut = info.optional(contextTag(0, true));
  const ciphertext = cut === null ? info.next(contextTag(0, false)).content : joinOctets(cut.content);
  info.end();
  return { algorithm, ciphertext };
}

/** The pieces of an implicitly tagged OCTET STRING, which only BER cuts (X.690 section 8.7.3). */
function joinOctets(content: Uint8Array): Uint8Array {
  const reader = new DerReader(content);
  const pieces: Uint8Array[] = [];
  while (!reader.done) pieces.push(reader.next(TAG.octetString).content);
  return Buffer.concat(pieces);
}

/** What one call may still read, over all safes of a file. */
export interface ReadBudget extends ElementBudget {
  bags: number;
}

export function readBudget(): ReadBudget {
  return { left: PKCS12_LIMITS.elements, bags: PKCS12_LIMITS.bags };
}

/** What lies in one safe. Certificates are copies: what they were read from may be wiped. */
export interface SafeContents {
  certificates: { der: Uint8Array; localKeyId: string | null }[];
  privateKeys: number;
  /** The local key ids of the private keys, in hexadecimal. */
  keyIds: string[];
}

/** SafeContents (section 4.2). Keys are counted and passed over. */
export function readBags(contents: Uint8Array, budget: ReadBudget): SafeContents {
  const found: SafeContents = { certificates: [], privateKeys: 0, keyIds: [] };
  visitBags(contents, budget, (type, value, attributes) => {
    const localKeyId = attributes === null ? null : readLocalKeyId(attributes.content);
    if (type === BAG.certificate) {
      const der = readCertificateBag(value);
      if (der !== null) found.certificates.push({ der: new Uint8Array(der), localKeyId });
    } else if (type === BAG.key || type === BAG.shroudedKey) {
      found.privateKeys++;
      if (localKeyId !== null) found.keyIds.push(localKeyId);
    }
  });
  return found;
}

/** Hands out what a bag holds, those in nested bags too. The bytes are wiped when all have been visited. */
type VisitBag = (type: string, value: Uint8Array, attributes: Element | null) => void;

export function visitBags(contents: Uint8Array, budget: ReadBudget, visit: VisitBag): void {
  const definite = toDefinite(contents, budget);
  try {
    visitEach(readWhole(definite, TAG.sequence), budget, visit);
  } finally {
    // A safe that was decrypted may hold keys beside the certificates.
    definite.fill(0);
  }
}

function visitEach(reader: DerReader, budget: ReadBudget, visit: VisitBag): void {
  while (!reader.done) {
    if (--budget.bags < 0) throw new Pkcs12Refusal('too_large');
    const bag = reader.into(TAG.sequence);
    const type = readOid(bag.next(TAG.oid));
    const value = bag.next(contextTag(0, true)).content;
    const attributes = bag.optional(TAG.set);
    bag.end();
    if (type === BAG.safeContents) visitEach(readWhole(value, TAG.sequence), budget, visit);
    else visit(type, value, attributes);
  }
}

/** CertBag (section 4.2.3); null for the other kind, which is no X.509 certificate. */
function readCertificateBag(value: Uint8Array): Uint8Array | null {
  const reader = readWhole(value, TAG.sequence);
  const type = readOid(reader.next(TAG.oid));
  const content = reader.next(contextTag(0, true)).content;
  reader.end();
  if (type !== X509_CERTIFICATE) return null;
  const inner = new DerReader(content);
  const certificate = inner.next(TAG.octetString).content;
  inner.end();
  return certificate;
}

/** The attribute that says which certificate belongs to which key (RFC 2985 section 5.5.2). */
function readLocalKeyId(attributes: Uint8Array): string | null {
  const reader = new DerReader(attributes);
  let localKeyId: string | null = null;
  while (!reader.done) {
    const attribute = reader.into(TAG.sequence);
    const type = readOid(attribute.next(TAG.oid));
    const values = attribute.into(TAG.set);
    attribute.end();
    if (type === LOCAL_KEY_ID && localKeyId === null && !values.done)
      localKeyId = Buffer.from(values.next(TAG.octetString).content).toString('hex');
  }
  return localKeyId;
}

export function readAlgorithm(reader: DerReader): Algorithm {
  const algorithm = reader.into(TAG.sequence);
  const oid = readOid(algorithm.next(TAG.oid));
  const parameters = algorithm.done ? null : algorithm.next();
  algorithm.end();
  return { oid, parameters };
}

export function readSalt(reader: DerReader): Uint8Array {
  const salt = reader.next(TAG.octetString).content;
  if (salt.length > PKCS12_LIMITS.saltBytes) throw new Pkcs12Refusal('too_large');
  return salt;
}

/** At least 1; past every limit where the number has more octets than any limit. */
export function readIterations(reader: DerReader): number {
  const bytes = readIntegerBytes(reader.next(TAG.integer));
  if ((bytes[0] ?? 0) >= 0x80) throw new DerFault();
  if (bytes.length > 5) return Number.POSITIVE_INFINITY;
  const count = bytes.reduce((value, octet) => value * 256 + octet, 0);
  if (count === 0) throw new DerFault();
  return count;
}
