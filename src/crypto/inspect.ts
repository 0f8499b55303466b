/** "What is this?": recognises security artefacts by their form and explains them. Needs no secret and shows none. */

import { fromAnyBase64, fromBase64url, fromUtf8 } from './bytes.js';
import { readFernetKey } from './fernet.js';
import { inspectHexDigest, inspectPasswordHash } from './inspect/hashes.js';
import {
  inspectJwks,
  inspectKeyLine,
  inspectPrivateKey,
  inspectPublicKey,
  tryPrivateKey,
  tryPublicKey,
} from './inspect/keys.js';
import { inspectPkcs12 } from './inspect/pkcs12.js';
import { finding, shown, type Inspection } from './inspect/report.js';
import { inspectCompact, inspectFernet, jweFindings } from './inspect/tokens.js';
import { inspectCertificate, inspectRequest } from './inspect/x509.js';
import { isJsonObject, parseBoundedJson } from './json.js';
import { readLegacyEnvelope } from './legacy-envelope.js';

export type { Inspection } from './inspect/report.js';
export { SEVERITIES } from './inspect/report.js';

export const INSPECT_MAX_BYTES = 1_048_576;
const MAX_DEPTH = 32;

/** Explains text. What nothing recognises comes back as kind `unknown`. */
export async function inspectText(input: string, now: Date): Promise<Inspection> {
  const text = input.trim();
  if (text.includes('-----BEGIN ')) return inspectPem(text, now);
  if (text.startsWith('{')) return inspectJson(text);
  if (text.startsWith('age-encryption.org/v1\n')) return inspectAge(text, 'binary');
  const line =
    inspectPasswordHash(text) ??
    inspectKeyLine(text) ??
    inspectCompact(text, now) ??
    inspectFernet(text) ??
    inspectHexDigest(text);
  if (line !== null) return line;
  if (readFernetKey(text) !== null) {
    return {
      kind: 'raw_key',
      summary: '32 bytes in base64url: the form of a Fernet key or of another symmetric key.',
      details: { bytes: 32 },
      findings: [
        finding(
          'critical',
          'secret_key_exposed',
          'A symmetric key may have been pasted: whoever can read this conversation can use it.',
          'If it is one, replace it.',
        ),
      ],
    };
  }
  const der = /^[A-Za-z0-9+/=_\s-]{40,}$/.test(text) ? fromAnyBase64(text) : null;
  return (der?.[0] === 0x30 ? await inspectDer(der, now) : null) ?? unknown(text.length, 'characters');
}

/** Explains bytes: DER structures and age files, and text where they are UTF-8. */
export async function inspectBytes(bytes: Uint8Array, now: Date): Promise<Inspection> {
  if (Buffer.from(bytes.subarray(0, 22)).toString('latin1') === 'age-encryption.org/v1\n') {
    return inspectAge(Buffer.from(bytes).toString('latin1'), 'binary');
  }
  const structure = bytes[0] === 0x30 ? await inspectDer(bytes, now) : null;
  if (structure !== null) return structure;
  const text = fromUtf8(bytes);
  return text === null || text.trim() === '' ? unknown(bytes.length, 'bytes') : inspectText(text, now);
}

function unknown(length: number, unit: string): Inspection {
  return {
    kind: 'unknown',
    summary: `Nothing known: ${length} ${unit} that are no token, hash, key, certificate, envelope or encrypted file of a kind recognised here.`,
    details: { [unit]: length },
    findings: [],
  };
}

async function inspectDer(der: Uint8Array, now: Date): Promise<Inspection | null> {
  const certificate = await inspectCertificate(der, now);
  if (certificate !== null) return certificate;
  const bytes = Buffer.from(der);
  const publicKey = tryPublicKey({ key: bytes, type: 'spki', format: 'der' });
  if (publicKey !== null) return inspectPublicKey(publicKey);
  const privateKey = tryPrivateKey({ key: bytes, type: 'pkcs8', format: 'der' });
  if (privateKey !== null) return inspectPrivateKey(privateKey, 'PKCS#8, DER', false);
  return (await inspectPkcs12(der)) ?? (await inspectRequest(der));
}

interface PemBlock {
  label: string;
  body: string;
  /** Both marker lines included. */
  whole: string;
}

const BEGIN = '-----BEGIN ';
const DASHES = '-----';
const MAX_LABEL = 40;

/** The PEM blocks of a text (RFC 7468 section 2), up to the first that has no end. Looks at each character once. */
function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (let begin = text.indexOf(BEGIN); begin !== -1;) {
    const labelStart = begin + BEGIN.length;
    const labelEnd = text.slice(labelStart, labelStart + MAX_LABEL + DASHES.length).indexOf(DASHES) + labelStart;
    const label = text.slice(labelStart, labelEnd);
    if (labelEnd < labelStart || !/^[A-Z0-9 ]+$/.test(label)) break;
    const marker = `-----END ${label}-----`;
    const end = text.indexOf(marker, labelEnd);
    if (end === -1) break;
    const next = end + marker.length;
    blocks.push({ label, body: text.slice(labelEnd + DASHES.length, end), whole: text.slice(begin, next) });
    begin = text.indexOf(BEGIN, next);
  }
  return blocks;
}

async function inspectPem(text: string, now: Date): Promise<Inspection> {
  const blocks = pemBlocks(text);
  const [first] = blocks;
  if (first === undefined) {
    return {
      kind: 'unknown',
      summary: 'A PEM text that is cut off or whose end does not match its beginning.',
      details: {},
      findings: [
        finding(
          'low',
          'broken_pem',
          'The block has no matching end.',
          'Give the whole text, both marker lines included.',
        ),
      ],
    };
  }
  const { whole, label, body } = first;
  if (/PRIVATE KEY/.test(label)) {
    const encrypted = label === 'ENCRYPTED PRIVATE KEY' || /Proc-Type: 4,ENCRYPTED/.test(body);
    const opaque = encrypted || label.startsWith('OPENSSH') || label.startsWith('PGP');
    return inspectPrivateKey(opaque ? null : tryPrivateKey(whole), label, encrypted);
  }
  const der = fromAnyBase64(body.replaceAll(/^[A-Za-z-]+:.*$/gm, ''));
  let found: Inspection | null = null;
  if (label === 'CERTIFICATE' || label === 'TRUSTED CERTIFICATE' || label === 'X509 CERTIFICATE') {
    found = der === null ? null : await inspectCertificate(der, now, blocks.length - 1);
  } else if (label.endsWith('CERTIFICATE REQUEST')) found = der === null ? null : await inspectRequest(der);
  else if (label.endsWith('PUBLIC KEY')) {
    const key = tryPublicKey(whole);
    found = key === null ? null : inspectPublicKey(key);
  } else if (label === 'AGE ENCRYPTED FILE')
    found = der === null ? null : inspectAge(Buffer.from(der).toString('latin1'), 'armor');
  else if (label === 'PKCS12') found = der === null ? null : await inspectPkcs12(der);
  return (
    found ?? {
      kind: 'pem',
      summary: `A PEM block "${label}" that cannot be read or is of a kind not explained here.`,
      details: { label, bytes: der?.length ?? 0, blocks: blocks.length },
      findings:
        der === null
          ? [finding('low', 'broken_pem', 'Its body is not base64.', 'Give the text as it was issued.')]
          : [],
    }
  );
}

function inspectJson(text: string): Inspection {
  const value = parseBoundedJson(text, { maxBytes: INSPECT_MAX_BYTES, maxDepth: MAX_DEPTH });
  if (!isJsonObject(value)) {
    return {
      kind: 'unknown',
      summary: 'Text that begins like a JSON object but is not one, or nests too deep.',
      details: {},
      findings: [],
    };
  }
  return (
    inspectJwks(value) ??
    inspectJweJson(value) ??
    inspectLegacy(value) ?? {
      kind: 'json',
      summary: 'A JSON object that is no key set and no envelope.',
      details: { members: Object.keys(value).length },
      findings: [],
    }
  );
}

/** A JWE in General or Flattened JSON serialization (RFC 7516 section 7.2). */
function inspectJweJson(value: Record<string, unknown>): Inspection | null {
  const { protected: protectedText, ciphertext, recipients } = value;
  if (typeof ciphertext !== 'string' || !('iv' in value || 'tag' in value)) return null;
  const bytes = typeof protectedText === 'string' ? fromBase64url(protectedText) : null;
  const json = bytes === null ? undefined : parseBoundedJson(fromUtf8(bytes) ?? '', { maxBytes: 8_192, maxDepth: 8 });
  const header = isJsonObject(json) ? json : {};
  const list = (Array.isArray(recipients) ? (recipients as unknown[]) : [value]).slice(0, 16);
  const merged = list.map((entry) =>
    isJsonObject(entry) && isJsonObject(entry['header']) ? { ...header, ...entry['header'] } : header,
  );
  const findings = merged.flatMap(jweFindings);
  if (Array.isArray(recipients) && recipients.length > 8)
    findings.push(finding('medium', 'too_many_recipients', 'It has more than 8 recipients; envelope_open refuses it.'));
  return {
    kind: 'envelope',
    summary: `An encrypted envelope (JWE, ${Array.isArray(recipients) ? 'general' : 'flattened'} JSON), content under ${String(shown(header['enc'] ?? 'an unnamed cipher'))}; it was not opened.`,
    details: {
      encryption: shown(header['enc'] ?? null),
      context_bound: 'ctx' in header,
      ciphertext_bytes: Buffer.byteLength(ciphertext, 'base64url'),
      recipients: merged.map(({ alg, kid, p2c }) => ({
        algorithm: shown(alg ?? null),
        ...(kid === undefined ? {} : { key_id: shown(kid) }),
        ...(p2c === undefined ? {} : { iterations: shown(p2c) }),
      })),
    },
    findings,
  };
}

function inspectLegacy(value: Record<string, unknown>): Inspection | null {
  if (!('encrypted_data' in value)) return null;
  const legacy = readLegacyEnvelope(value);
  if (legacy === null) {
    return {
      kind: 'fernet_envelope',
      summary: 'An envelope of the earlier service with parameters that are missing or refused.',
      details: {},
      findings: [
        finding(
          'medium',
          'cannot_be_opened',
          'Its salt, iterations or token are not usable.',
          'Get the envelope as it was answered, with its salt.',
        ),
      ],
    };
  }
  if ('raw' in legacy.key) {
    return {
      kind: 'fernet_envelope',
      summary: 'An envelope of the earlier service with its own key inside.',
      details: { algorithm: 'Fernet', key: 'inside the envelope' },
      findings: [
        finding(
          'critical',
          'key_in_envelope',
          'The key lies in the envelope: whoever holds it can read it.',
          'Open it, seal the text anew under a password, and treat the text as shown.',
        ),
      ],
    };
  }
  const { iterations, salt } = legacy.key;
  return {
    kind: 'fernet_envelope',
    summary: `An envelope of the earlier service: Fernet under a password, PBKDF2-HMAC-SHA256 with ${iterations} iterations; it was not opened.`,
    details: { algorithm: 'Fernet', kdf: 'PBKDF2-HMAC-SHA256', iterations, salt_bytes: salt.length },
    findings:
      iterations < 600_000
        ? [
            finding(
              'medium',
              'weak_derivation',
              `${iterations} iterations are under today's 600,000.`,
              'Use envelope_rewrap, which turns it into a JWE.',
            ),
          ]
        : [],
  };
}

/** An age file (age-encryption.org/v1) by its header lines, which name the kinds of recipients. */
function inspectAge(text: string, form: 'binary' | 'armor'): Inspection {
  const head = text.slice(0, 65_536);
  const end = head.indexOf('\n---');
  const stanzas = [
    ...head.slice(0, end === -1 ? undefined : end).matchAll(/^-> ([A-Za-z0-9_-]{1,40})((?: [!-~]{1,200}){0,8})$/gm),
  ].slice(0, 32);
  const types = stanzas.map(([, type = '']) => type);
  const workFactor = Number(
    stanzas
      .find(([, type]) => type === 'scrypt')?.[2]
      ?.trim()
      .split(' ')[1] ?? Number.NaN,
  );
  const findings =
    end === -1 ? [finding('low', 'header_cut_off', 'Its header has no end.', 'Give the whole file.')] : [];
  if (workFactor > 18)
    findings.push(
      finding(
        'medium',
        'excessive_work_factor',
        `Its scrypt work factor 2^${workFactor} takes more memory than decryption should spend.`,
      ),
    );
  if (workFactor < 15)
    findings.push(
      finding(
        'medium',
        'weak_derivation',
        `Its scrypt work factor 2^${workFactor} makes guessing the passphrase cheap.`,
      ),
    );
  return {
    kind: 'age_file',
    summary: `A file encrypted with age for ${types.length} recipient${types.length === 1 ? '' : 's'} (${[...new Set(types)].join(', ') || 'none read'}); it was not opened.`,
    details: { form, recipients: types, ...(Number.isNaN(workFactor) ? {} : { scrypt_work_factor: workFactor }) },
    findings,
  };
}
