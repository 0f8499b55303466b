/** Explains PKCS#12 files (RFC 7292) without their password: what of them is encrypted how, and how they are authenticated. */

import { hex } from '../bytes.js';
import { attempt, DerFault, DerReader, TAG } from '../certificate/der.js';
import { isPkcs12 } from '../certificate/pkcs12.js';
import {
  BAG,
  PKCS12_LIMITS,
  Pkcs12Refusal,
  readAlgorithm,
  readBudget,
  readIterations,
  readPfx,
  readSafes,
  visitBags,
  type Algorithm,
  type MacData,
  type ReadBudget,
} from '../certificate/pkcs12-read.js';
import { MAC_HASHES, PBES2, PBES2_CIPHERS, PBMAC1 } from '../certificate/pkcs12-schemes.js';
import { EXPOSED } from './keys.js';
import { finding, type Finding, type Inspection } from './report.js';

/** RFC 7292 appendix C: all of them under SHA-1, all of them weak. */
const OLD_ENCRYPTIONS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.12.1.1': 'PBE with SHA-1 and 128-bit RC4',
  '1.2.840.113549.1.12.1.2': 'PBE with SHA-1 and 40-bit RC4',
  '1.2.840.113549.1.12.1.3': 'PBE with SHA-1 and 3-key triple DES',
  '1.2.840.113549.1.12.1.4': 'PBE with SHA-1 and 2-key triple DES',
  '1.2.840.113549.1.12.1.5': 'PBE with SHA-1 and 128-bit RC2',
  '1.2.840.113549.1.12.1.6': 'PBE with SHA-1 and 40-bit RC2',
};
const TRIPLE_DES = 'triple DES';
const MAX_SOUND_ITERATIONS = 10_000_000;
const LEAST_ITERATIONS = 10_000;

/** A PKCS#12 file in DER or BER, or null where the bytes are none. */
export function inspectPkcs12(bytes: Uint8Array): Inspection | null {
  if (bytes.length > PKCS12_LIMITS.bytes || !isPkcs12(bytes)) return null;
  try {
    return describeFile(bytes);
  } catch (error) {
    if (!(error instanceof DerFault || error instanceof Pkcs12Refusal)) throw error;
    return isCutOff(bytes) ? cutOff() : null;
  }
}

/** A length that is indefinite (BER) says nothing about it. */
function isCutOff(bytes: Uint8Array): boolean {
  const first = bytes[1] ?? 0;
  const octets = first < 0x80 ? 0 : first & 0x7f;
  const length = first < 0x80 ? first : Number.parseInt(hex(bytes.subarray(2, 2 + octets)) || '0', 16);
  return 2 + octets + length > bytes.length;
}

function cutOff(): Inspection {
  return {
    kind: 'pkcs12',
    summary: 'A PKCS#12 file that is cut off; it was not opened.',
    details: {},
    findings: [
      finding('medium', 'cut_off', 'The file ends before its end: a part is missing.', 'Give the whole file.'),
    ],
  };
}

interface Protection {
  encryption: Set<string>;
  ciphers: Set<string>;
  /** Of the key derivations that stand in the open. */
  iterations: number[];
  privateKey: boolean;
  certificates: boolean;
}

function describeFile(bytes: Uint8Array): Inspection {
  const budget = readBudget();
  const pfx = readPfx(bytes, budget);
  const found = readProtection(pfx.authSafe, budget);
  const mac = pfx.mac === null ? null : describeMac(pfx.mac);
  const [encryption, ciphers] = [[...found.encryption], [...found.ciphers]];
  const told = [...encryption, ...ciphers].join(', ');
  return {
    kind: 'pkcs12',
    summary: `A PKCS#12 file (${told || 'not encrypted'}); it was not opened.`,
    details: {
      encryption,
      ciphers,
      ...(found.iterations.length > 0 ? { iterations: found.iterations.slice(0, 8) } : {}),
      mac: mac ?? 'none',
      bytes: bytes.length,
    },
    findings: [
      ...encryptionFindings(found),
      ...derivationFindings([...found.iterations, ...(mac?.iterations === undefined ? [] : [mac.iterations])]),
      ...macFindings(mac),
    ],
  };
}

/** How the safes and the keys in those that are not encrypted are protected. */
function readProtection(authSafe: Uint8Array, budget: ReadBudget): Protection {
  const found: Protection = {
    encryption: new Set(),
    ciphers: new Set(),
    iterations: [],
    privateKey: false,
    certificates: false,
  };
  for (const safe of readSafes(authSafe, budget)) {
    if ('algorithm' in safe) addEncryption(safe.algorithm, found);
    else
      visitBags(safe.contents, budget, (type, value) => {
        if (type === BAG.key) found.privateKey = true;
        else if (type === BAG.certificate) found.certificates = true;
        // EncryptedPrivateKeyInfo begins with its algorithm.
        else if (type === BAG.shroudedKey) addEncryption(readAlgorithm(new DerReader(value).into(TAG.sequence)), found);
      });
  }
  return found;
}

function addEncryption({ oid, parameters }: Algorithm, found: Protection): void {
  if (oid !== PBES2) {
    found.encryption.add(OLD_ENCRYPTIONS[oid] ?? 'another encryption');
    found.iterations.push(...iterationsOf({ oid, parameters }));
    return;
  }
  found.encryption.add('PBES2');
  const reader = new DerReader(parameters?.content ?? new Uint8Array());
  found.iterations.push(...iterationsOf(readAlgorithm(reader)));
  const cipher = PBES2_CIPHERS[readAlgorithm(reader).oid];
  found.ciphers.add(cipher === undefined ? 'another' : cipher === 'des-ede3-cbc' ? TRIPLE_DES : cipher.toUpperCase());
}

/** PBKDF2-params and pkcs-12PbeParams both are a salt and a count; other derivations have none. */
function iterationsOf({ parameters }: Algorithm): number[] {
  const count = attempt(() => {
    const reader = new DerReader(parameters?.content ?? new Uint8Array());
    reader.next(TAG.octetString);
    return readIterations(reader);
  });
  return count === null ? [] : [Math.min(count, Number.MAX_SAFE_INTEGER)];
}

interface MacSummary {
  digest: string;
  iterations?: number;
}

function describeMac({ algorithm, iterations }: MacData): MacSummary {
  if (algorithm.oid !== PBMAC1)
    return {
      digest: MAC_HASHES[algorithm.oid]?.replace('sha', 'SHA-') ?? 'other',
      iterations: Math.min(iterations, Number.MAX_SAFE_INTEGER),
    };
  // RFC 9579: the count that matters stands in the parameters of PBMAC1, and the one beside it means nothing.
  const [count] =
    attempt(() => iterationsOf(readAlgorithm(new DerReader(algorithm.parameters?.content ?? new Uint8Array())))) ?? [];
  return { digest: 'PBMAC1', ...(count === undefined ? {} : { iterations: count }) };
}

function encryptionFindings({ encryption, ciphers, privateKey, certificates }: Protection): Finding[] {
  const old: readonly string[] = Object.values(OLD_ENCRYPTIONS);
  const findings = [...encryption, ...ciphers]
    .filter((name) => old.includes(name) || name === TRIPLE_DES)
    .map((name) =>
      finding(
        'high',
        'weak_encryption',
        `Part of it is encrypted with ${name}.`,
        'Export it anew with AES-256 (openssl pkcs12 -export without -legacy).',
      ),
    );
  if (privateKey) findings.push(EXPOSED);
  else if (certificates)
    findings.push(finding('info', 'certificates_in_the_open', 'Its certificates are not encrypted; they are public.'));
  return findings;
}

const EXCESSIVE = finding(
  'high',
  'excessive_iterations',
  'It asks for more iterations than any honest file: opening it would take minutes to years.',
  'Do not open it: such counts are used to exhaust a reader.',
);

/** What the counts of iterations say, those of the encryption and that of the MAC together: the least is what guessing meets. */
function derivationFindings(counts: readonly number[]): Finding[] {
  const findings: Finding[] = [];
  if (counts.some((count) => count > MAX_SOUND_ITERATIONS)) findings.push(EXCESSIVE);
  const least = Math.min(...counts);
  if (least < LEAST_ITERATIONS)
    findings.push(
      finding(
        'medium',
        'weak_derivation',
        `A key is derived from the password with ${least} iteration${least === 1 ? '' : 's'}: guessing the password is cheap.`,
        'Use a long random password, or export it anew with more (openssl pkcs12 -export -iter 600000).',
      ),
    );
  return findings;
}

function macFindings(mac: MacSummary | null): Finding[] {
  if (mac === null)
    return [finding('medium', 'no_mac', 'Nothing authenticates the file as a whole.', 'Export it anew with a MAC.')];
  return mac.digest === 'SHA-1'
    ? [
        finding(
          'low',
          'legacy_mac',
          'Its MAC is HMAC-SHA-1 under the old key derivation.',
          'Export it anew with SHA-256.',
        ),
      ]
    : [];
}
