/**
 * Opens PKCS#12 files (RFC 7292) for their certificates. Everything that the file asks for is bounded before the password is
 * used; nothing is decrypted before the MAC has proved it; private keys are passed over as they lie.
 */

import { DerFault, TAG } from './der.js';
import { TooManyElements } from './ber.js';
import { passwordForms, type PasswordForm } from './pkcs12-kdf.js';
import {
  PKCS12_LIMITS,
  Pkcs12Refusal,
  readBags,
  readBudget,
  readPfx,
  readSafes,
  type Pkcs12Problem,
  type ReadBudget,
  type SafeContents,
} from './pkcs12-read.js';
import { MAX_COST, readEncryption, readMac, type Encryption, type Mac } from './pkcs12-schemes.js';

export { PKCS12_LIMITS, type Pkcs12Problem } from './pkcs12-read.js';

/** INTEGER 3, then the SEQUENCE of a ContentInfo. */
const VERSION_AND_SEQUENCE = [TAG.integer, 1, 3, TAG.sequence];

/** In UTF-16 units. */
const MAX_PASSWORD_LENGTH = 1_024;

export interface Pkcs12Contents {
  /** DER. The one that belongs to a private key comes first where the file tells it; otherwise as they were stored. */
  certificates: Uint8Array[];
  /** The file says that the first certificate belongs to a private key in it. */
  leafFirst: boolean;
  /** A private key lies in the file. It was not decrypted. */
  privateKey: boolean;
  /** A MAC under the password covers the certificates; false where the file has none and nothing in it is encrypted. */
  authenticated: boolean;
}

export type Pkcs12Result = Pkcs12Contents | { problem: Pkcs12Problem };

/** `openPkcs12` away from the event loop: deriving keys takes up to seconds. */
export type OpenPkcs12 = (bytes: Uint8Array, password: string, signal: AbortSignal) => Promise<Pkcs12Result>;

/** Whether the bytes begin as a PKCS#12 file does: a SEQUENCE, version 3, a ContentInfo. What follows may be damaged. */
export function isPkcs12(bytes: Uint8Array): boolean {
  const length = bytes[1] ?? 0;
  const at = 2 + (length > 0x80 ? length & 0x7f : 0);
  return bytes[0] === TAG.sequence && VERSION_AND_SEQUENCE.every((octet, i) => bytes[at + i] === octet);
}

/** Opens a PKCS#12 file in DER or BER. No password is the empty one. */
export async function openPkcs12(bytes: Uint8Array, password: string): Promise<Pkcs12Result> {
  try {
    return await open(bytes, password);
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

/**
 * What a password is guessed at: the salt and the value of the MAC, in a form that all spellings of one file share. Null
 * where the bytes are no PKCS#12 file whose MAC could tell a right password.
 */
export function pkcs12GuessSubject(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length > PKCS12_LIMITS.bytes) return null;
  try {
    const { mac } = readPfx(bytes, readBudget());
    if (mac === null) return null;
    const { salt, digest } = readMac(mac);
    return Buffer.concat([Uint8Array.of(salt.length >> 8, salt.length & 0xff), salt, digest]);
  } catch (error) {
    problemOf(error);
    return null;
  }
}

interface EncryptedSafe {
  encryption: Encryption;
  ciphertext: Uint8Array;
}

async function open(bytes: Uint8Array, password: string): Promise<Pkcs12Contents> {
  if (bytes.length > PKCS12_LIMITS.bytes || password.length > MAX_PASSWORD_LENGTH) throw new Pkcs12Refusal('too_large');
  const budget = readBudget();
  const pfx = readPfx(bytes, budget);
  const mac = pfx.mac === null ? null : readMac(pfx.mac);
  const safes = readSafes(pfx.authSafe, budget).map((safe): SafeContents | EncryptedSafe =>
    'contents' in safe
      ? readBags(safe.contents, budget)
      : { encryption: readEncryption(safe.algorithm), ciphertext: safe.ciphertext },
  );
  const encrypted = safes.filter((safe) => 'encryption' in safe);
  // Without a MAC a wrong password cannot be told from a damaged file, and nothing names what is guessed at.
  if (mac === null && encrypted.length > 0) throw new Pkcs12Refusal('unsupported');
  const forms = passwordForms(password);
  const cost = encrypted.reduce((sum, { encryption }) => sum + encryption.cost, (mac?.cost ?? 0) * forms.length);
  if (cost > MAX_COST) throw new Pkcs12Refusal('too_costly');

  const form = mac === null ? null : await verifiedForm(mac, forms, pfx.authSafe);
  const opened: SafeContents[] = [];
  for (const safe of safes) {
    if ('certificates' in safe) opened.push(safe);
    else if (form !== null) opened.push(await decryptSafe(safe, form, budget));
  }
  return contentsOf(opened, mac !== null);
}

/** The form of the password that the MAC proves. It covers every octet that is read from here on. */
async function verifiedForm(mac: Mac, forms: readonly PasswordForm[], data: Uint8Array): Promise<PasswordForm> {
  for (const form of forms) if (await mac.verify(form, data)) return form;
  throw new Pkcs12Refusal('wrong_password');
}

async function decryptSafe(safe: EncryptedSafe, form: PasswordForm, budget: ReadBudget): Promise<SafeContents> {
  const plaintext = await safe.encryption.decrypt(form, safe.ciphertext);
  // The MAC was right, so this safe has a password of its own.
  if (plaintext === null) throw new Pkcs12Refusal('wrong_password');
  try {
    return readBags(plaintext, budget);
  } catch (error) {
    // One in 256 wrong keys leaves what looks like padding.
    throw error instanceof DerFault && !(error instanceof TooManyElements)
      ? new Pkcs12Refusal('wrong_password')
      : error;
  } finally {
    plaintext.fill(0);
  }
}

function contentsOf(safes: readonly SafeContents[], authenticated: boolean): Pkcs12Contents {
  const certificates = safes.flatMap((safe) => safe.certificates);
  if (certificates.length === 0) throw new Pkcs12Refusal('no_certificates');
  const keyIds = new Set(safes.flatMap((safe) => safe.keyIds));
  const leaf = certificates.find(({ localKeyId }) => localKeyId !== null && keyIds.has(localKeyId));
  const ordered = leaf === undefined ? certificates : [leaf, ...certificates.filter((entry) => entry !== leaf)];
  return {
    certificates: ordered.map(({ der }) => der),
    leafFirst: leaf !== undefined,
    privateKey: safes.some(({ privateKeys }) => privateKeys > 0),
    authenticated,
  };
}

/** The problem that ended an opening. What is a fault of this program is thrown on. */
function problemOf(error: unknown): Pkcs12Problem {
  if (error instanceof Pkcs12Refusal) return error.problem;
  if (error instanceof TooManyElements) return 'too_large';
  if (error instanceof DerFault) return 'not_pkcs12';
  throw error;
}
