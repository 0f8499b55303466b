/** What is given to judge, in the ways people have it: text or a file; PEM, DER, PKCS#7 or PKCS#12. Refuses with `input_invalid`. */

import { fromAnyBase64, utf8 } from '../bytes.js';
import { inputInvalid, SecurityError } from '../errors.js';
import { pickLeaf, readBundle, type Bundle } from './bundle.js';
import { parseCertificate, type Certificate } from './parse.js';
import { isPkcs12, pkcs12GuessSubject, type Pkcs12Problem, type Pkcs12Result } from './pkcs12.js';

type ReadFile = (path: string) => Promise<Uint8Array>;

const MAX_ANCHORS = 1_000;

interface Given {
  certificates?: string | undefined;
  path?: string | undefined;
}

export async function readGiven({ certificates, path }: Given, readFile: ReadFile): Promise<Uint8Array> {
  if ((certificates === undefined) === (path === undefined)) {
    throw inputInvalid(
      'certificates',
      'or path: exactly one of them is needed',
      'Give the PEM text, or the path of a file.',
    );
  }
  if (path !== undefined) return readFile(path);
  return textBytes(certificates ?? '');
}

/** PEM as it is; base64 of a binary structure as the bytes it stands for. */
function textBytes(given: string): Uint8Array {
  const binary = given.includes('-----BEGIN') ? null : fromAnyBase64(given);
  return binary?.[0] === 0x30 ? binary : utf8(given);
}

export async function openBundle(
  bytes: Uint8Array,
  password: string | undefined,
  openPkcs12: (password: string) => Promise<Pkcs12Result>,
): Promise<Bundle> {
  if (isPkcs12(bytes)) {
    const opened = await openPkcs12(password ?? '');
    if ('problem' in opened) throw pkcs12Refusal(opened.problem, password !== undefined);
    const bundle: Bundle = { certificates: [], crls: [], unreadable: 0, leftOut: 0, privateKey: opened.privateKey };
    for (const der of opened.certificates) {
      const certificate = parseCertificate(der);
      if (certificate === null) bundle.unreadable++;
      else bundle.certificates.push(certificate);
    }
    return bundle;
  }
  if (password !== undefined)
    throw inputInvalid('password', 'is given for something that is no PKCS#12 file', 'Leave it out.');
  const bundle = readBundle(bytes);
  if (bundle === null) {
    throw inputInvalid(
      'certificates',
      'hold nothing that can be read as PEM, DER, PKCS#7 or PKCS#12',
      'Give the text from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----; inspect tells what something is.',
    );
  }
  return bundle;
}

function noCertificate({ unreadable, privateKey }: Bundle): SecurityError {
  return inputInvalid(
    'certificates',
    unreadable > 0
      ? 'hold no certificate that can be read'
      : privateKey
        ? 'hold a private key and no certificate'
        : 'hold no certificate',
    privateKey
      ? 'Give the certificate, never the key, and replace the key: it has been shown.'
      : 'Give at least the certificate to judge, whole and unchanged.',
  );
}

/** Trust anchors as PEM text, or the path of a file that holds them. */
export async function readTrust(given: string, readFile: ReadFile): Promise<Certificate[]> {
  const isText = given.includes('-----BEGIN') || /^[A-Za-z0-9+/=\s]{256,}$/.test(given);
  const bytes = isText ? textBytes(given) : await readFile(given).catch(throwAsTrust);
  const bundle = readBundle(bytes, MAX_ANCHORS);
  if (bundle !== null && bundle.leftOut > 0)
    throw inputInvalid('trust', `holds over ${MAX_ANCHORS} certificates`, 'Give the roots that are needed.');
  if (bundle === null || bundle.certificates.length === 0 || bundle.unreadable > 0) {
    throw inputInvalid(
      'trust',
      'holds no certificate, or one that cannot be read',
      'Give the roots to trust as PEM, or the path of such a file.',
    );
  }
  return bundle.certificates;
}

/** The reader of files speaks of `path`, which is no field here. */
function throwAsTrust(error: unknown): never {
  if (!(error instanceof SecurityError) || error.code !== 'path_refused') throw error;
  throw new SecurityError(error.code, error.message.replace(/^path /, 'trust '), { hint: error.hint, cause: error });
}

export function readCrls(given: string, index: number): Uint8Array[] {
  const bundle = readBundle(textBytes(given));
  if (bundle === null || bundle.crls.length === 0 || bundle.unreadable > 0)
    throw inputInvalid(
      `crls[${index}]`,
      'is not a CRL in PEM',
      'Give the text from -----BEGIN X509 CRL----- to its end.',
    );
  return bundle.crls;
}

/** What is guessed at with a password: the MAC of a PKCS#12, or null where the bytes are none. */
export function guessSubject(bytes: Uint8Array): Uint8Array | null {
  return isPkcs12(bytes) ? pkcs12GuessSubject(bytes) : null;
}

export function requireLeaf(bundle: Bundle): Certificate {
  const leaf = pickLeaf(bundle.certificates);
  if (leaf === null) throw noCertificate(bundle);
  return leaf;
}

function pkcs12Refusal(problem: Pkcs12Problem, passwordGiven: boolean): SecurityError {
  switch (problem) {
    case 'wrong_password':
      return inputInvalid(
        'password',
        passwordGiven ? 'does not open this PKCS#12 file' : 'is needed to open this PKCS#12 file',
        'Give the password the file was exported with.',
      );
    case 'too_costly':
      return inputInvalid(
        'certificates',
        'are a PKCS#12 file that names an excessive number of iterations',
        'Export it anew with ordinary parameters (openssl pkcs12 -export).',
      );
    case 'unsupported':
      return inputInvalid(
        'certificates',
        'are a PKCS#12 file protected in a way that is not supported',
        'Export it anew with a password (openssl pkcs12 -export), or give the certificates as PEM.',
      );
    case 'too_large':
      return inputInvalid('certificates', 'are a PKCS#12 file that is too large', 'Give the certificates as PEM.');
    case 'no_certificates':
      return inputInvalid(
        'certificates',
        'are a PKCS#12 file without a certificate',
        'Give one that holds the certificate.',
      );
    case 'not_pkcs12':
      return inputInvalid('certificates', 'are a PKCS#12 file that is damaged', 'Give it whole and unchanged.');
  }
}
