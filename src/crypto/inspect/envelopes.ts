/** Explains JSON: key sets, JWE and JWS in JSON serialization, and the envelopes of the earlier service. */

import { fromBase64url, fromUtf8 } from '../bytes.js';
import { readFernetKey } from '../fernet.js';
import { isJsonObject, parseBoundedJson } from '../json.js';
import { ADVISED_ITERATIONS } from '../kdf.js';
import { readLegacyEnvelope } from '../legacy-envelope.js';
import { inspectJwks } from './keys.js';
import { finding, isSecretMember, shown, type Finding, type Inspection } from './report.js';
import { jweFindings, jwsHeaderFindings } from './token-findings.js';

const MAX_DEPTH = 32;
const MAX_TOLD = 16;
/** What envelope_open takes. */
const MAX_RECIPIENTS = 8;

/** JSON text of an object. */
export function inspectJson(text: string, maxBytes: number): Inspection {
  const value = parseBoundedJson(text, { maxBytes, maxDepth: MAX_DEPTH });
  if (!isJsonObject(value)) {
    return {
      kind: 'unknown',
      summary: 'Text that begins like a JSON object but is not one, or nests too deep.',
      details: {},
      findings: [],
    };
  }
  return inspectJwks(value) ?? inspectJweJson(value) ?? inspectJwsJson(value) ?? inspectLegacy(value) ?? plain(value);
}

function plain(value: Record<string, unknown>): Inspection {
  const findings = Object.entries(value).some(([name, member]) => isSecretMember(name, member))
    ? [
        finding(
          'high',
          'secret_in_json',
          'A member is named like a secret: whoever can read this conversation has it now.',
          'If it is one, replace it.',
        ),
      ]
    : [];
  return {
    kind: 'json',
    summary: 'A JSON object that is no key, no key set and no envelope.',
    details: { members: Object.keys(value).length },
    findings,
  };
}

function decodedHeader(text: unknown): Record<string, unknown> {
  const bytes = typeof text === 'string' ? fromBase64url(text) : null;
  const json = bytes === null ? undefined : parseBoundedJson(fromUtf8(bytes) ?? '', { maxBytes: 8_192, maxDepth: 8 });
  return isJsonObject(json) ? json : {};
}

/** A JWE in General or Flattened JSON serialization (RFC 7516 section 7.2). */
function inspectJweJson(value: Record<string, unknown>): Inspection | null {
  const { protected: protectedText, unprotected, ciphertext, recipients } = value;
  if (typeof ciphertext !== 'string' || !('iv' in value || 'tag' in value)) return null;
  const header = { ...(isJsonObject(unprotected) ? unprotected : {}), ...decodedHeader(protectedText) };
  const general = Array.isArray(recipients);
  const list = general ? (recipients as unknown[]) : [value];
  const merged = list
    .slice(0, MAX_TOLD)
    .map((entry) =>
      isJsonObject(entry) && isJsonObject(entry['header']) ? { ...header, ...entry['header'] } : header,
    );
  const findings = merged.flatMap(jweFindings);
  if (list.length === 0) findings.push(finding('medium', 'no_recipient', 'It has no recipient: nobody can open it.'));
  if (list.length > MAX_RECIPIENTS)
    findings.push(
      finding(
        'medium',
        'too_many_recipients',
        `It has ${list.length} recipients; envelope_open refuses more than ${MAX_RECIPIENTS}.`,
      ),
    );
  return {
    kind: 'envelope',
    summary: `An encrypted envelope (JWE, ${general ? 'general' : 'flattened'} JSON), content under ${'enc' in header ? String(shown(header['enc'])) : 'an unnamed cipher'}, ${list.length} recipient${list.length === 1 ? '' : 's'}; it was not opened.`,
    details: {
      encryption: shown(header['enc'] ?? null),
      ...('typ' in header ? { type: shown(header['typ']) } : {}),
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

/** A JWS in General or Flattened JSON serialization (RFC 7515 section 7.2). */
function inspectJwsJson(value: Record<string, unknown>): Inspection | null {
  const { payload, signatures, signature } = value;
  if (typeof payload !== 'string' || !(Array.isArray(signatures) || typeof signature === 'string')) return null;
  const list = Array.isArray(signatures) ? (signatures as unknown[]) : [value];
  const signers = list
    .slice(0, MAX_TOLD)
    .filter(isJsonObject)
    .map((entry) => ({
      header: {
        ...(isJsonObject(entry['header']) ? entry['header'] : {}),
        ...decodedHeader(entry['protected']),
      } as Record<string, unknown>,
      signature: entry['signature'],
    }));
  return {
    kind: 'jws',
    summary: `A signed message (JWS, ${Array.isArray(signatures) ? 'general' : 'flattened'} JSON) with ${list.length} signature${list.length === 1 ? '' : 's'}; none was checked.`,
    details: {
      payload_bytes: Buffer.byteLength(payload, 'base64url'),
      signatures: signers.map(({ header: { alg, kid } }) => ({
        algorithm: shown(alg ?? null),
        ...(kid === undefined ? {} : { key_id: shown(kid) }),
      })),
    },
    findings: signers.flatMap(({ header, signature: made }) =>
      jwsHeaderFindings(header, typeof made === 'string' && made !== ''),
    ),
  };
}

function inspectLegacy(value: Record<string, unknown>): Inspection | null {
  if (!('encrypted_data' in value)) return null;
  const legacy = readLegacyEnvelope(value);
  const info = value['key_info'];
  const findings: Finding[] = [];
  if (typeof info === 'string' && readFernetKey(info) !== null)
    findings.push(
      finding(
        'critical',
        'key_in_envelope',
        'The key lies in the envelope: whoever holds it can read it.',
        'Open it, seal the text anew under a password, and treat the text as shown.',
      ),
    );
  if (legacy === null) {
    findings.push(
      finding(
        'medium',
        'cannot_be_opened',
        'Its salt, iterations or token are not usable.',
        'Get the envelope as it was answered, with its salt.',
      ),
    );
    return {
      kind: 'fernet_envelope',
      summary: 'An envelope of the earlier service with parameters that are missing or refused.',
      details: {},
      findings,
    };
  }
  if ('raw' in legacy.key) {
    return {
      kind: 'fernet_envelope',
      summary: 'An envelope of the earlier service with its own key inside.',
      details: { algorithm: 'Fernet', key: 'inside the envelope' },
      findings,
    };
  }
  const { iterations, salt } = legacy.key;
  const advised = ADVISED_ITERATIONS.sha256;
  const named = 'iterations' in value;
  if (iterations < advised)
    findings.push(
      finding(
        'medium',
        'weak_derivation',
        `${iterations} iterations are under today's ${advised}.`,
        'Use envelope_rewrap, which turns it into a JWE.',
      ),
    );
  return {
    kind: 'fernet_envelope',
    summary: `An envelope of the earlier service: Fernet under a password, PBKDF2-HMAC-SHA256 with ${iterations} iterations${named ? '' : ' (it does not say; that service used so many)'}; it was not opened.`,
    details: { algorithm: 'Fernet', kdf: 'PBKDF2-HMAC-SHA256', iterations, salt_bytes: salt.length },
    findings,
  };
}
