/** Explains JWTs, compact JWEs and Fernet tokens without a key: nothing here says that a token is genuine. */

import { fromBase64url, fromUtf8 } from '../bytes.js';
import { fernetCreatedAt } from '../fernet.js';
import { isJsonObject, parseBoundedJson } from '../json.js';
import { JWT_LIMITS } from '../jwt.js';
import { duration, finding, shown, shownObject, timeOf, type Inspection } from './report.js';
import { claimFindings, jweFindings, jwsHeaderFindings } from './token-findings.js';

/** More than jwt_verify takes: what is refused for its size can still be explained. */
const MAX_CLAIMS_BYTES = 262_144;

/** A compact JWS or JWE, told by its dots; null where `text` has another form. */
export function inspectCompact(text: string, now: Date): Inspection | null {
  if (!/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){2}(?:(?:\.[A-Za-z0-9_-]*){2})?$/.test(text)) return null;
  const parts = text.split('.');
  const header = jsonPart(parts[0] ?? '', JWT_LIMITS.headerBytes);
  if (header === null) return null;
  return parts.length === 3 ? inspectJws(header, parts[1] ?? '', parts[2] ?? '', now) : inspectCompactJwe(header);
}

function jsonPart(part: string, maxBytes: number): Record<string, unknown> | null {
  const bytes = fromBase64url(part);
  const text = bytes === null ? null : fromUtf8(bytes);
  const value = text === null ? undefined : parseBoundedJson(text, { maxBytes, maxDepth: JWT_LIMITS.depth });
  return isJsonObject(value) ? value : null;
}

function inspectJws(header: Record<string, unknown>, payload: string, signature: string, now: Date): Inspection {
  const claims = jsonPart(payload, MAX_CLAIMS_BYTES);
  const findings = jwsHeaderFindings(header, signature !== '');
  const details: Record<string, unknown> = { header: shownObject(header) };
  const algorithm = named(header, 'alg', 'no algorithm');
  if (claims === null) {
    details['payload_bytes'] = Buffer.byteLength(payload, 'base64url');
    return {
      kind: 'jws',
      summary: `A signed message (JWS, ${algorithm}) whose payload is not a set of JWT claims; its signature was not checked.`,
      details,
      findings,
    };
  }
  for (const [claim, name] of [
    ['iat', 'issued_at'],
    ['nbf', 'not_before'],
    ['exp', 'expires_at'],
  ] as const) {
    const time = timeOf(claims[claim]);
    if (time !== null) details[name] = time;
  }
  details['claims'] = shownObject(claims);
  findings.push(...claimFindings(claims, now));
  return {
    kind: 'jwt',
    summary: `A JSON Web Token (${algorithm}), ${lifeOf(claims['exp'], now)}; its signature was not checked.`,
    details,
    findings,
  };
}

function lifeOf(exp: unknown, now: Date): string {
  if (exp === undefined) return 'without expiry';
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return 'with an expiry that is no time';
  const left = exp - now.getTime() / 1000;
  return left <= 0 ? `expired ${duration(left)} ago` : `valid for ${duration(left)} more by its own claims`;
}

/** A member of a header for the summary. */
function named(header: Record<string, unknown>, member: string, otherwise: string): string {
  return typeof header[member] === 'string' ? String(shown(header[member].slice(0, 60))) : otherwise;
}

function inspectCompactJwe(header: Record<string, unknown>): Inspection {
  return {
    kind: 'jwe',
    summary: `An encrypted message (JWE, compact), key management ${named(header, 'alg', 'not named')}, content cipher ${named(header, 'enc', 'not named')}; it was not opened.`,
    details: { serialization: 'compact', header: shownObject(header) },
    findings: jweFindings(header),
  };
}

const FERNET_OVERHEAD_BYTES = 1 + 8 + 16 + 32;
const CLOCK_SKEW_SECONDS = 60;

/** A bare Fernet token, or null. */
export function inspectFernet(text: string, now: Date): Inspection | null {
  const createdAt = fernetCreatedAt(text);
  if (createdAt === null) return null;
  const created = timeOf(createdAt);
  const future = createdAt > now.getTime() / 1000 + CLOCK_SKEW_SECONDS;
  return {
    kind: 'fernet',
    summary: `A Fernet token${created === null ? '' : ` made ${created}`} (AES-128-CBC with HMAC-SHA256); it was not opened.`,
    details: {
      version: '0x80',
      created_at: created,
      ciphertext_bytes: Buffer.byteLength(text, 'base64url') - FERNET_OVERHEAD_BYTES,
    },
    findings: future
      ? [
          finding(
            'medium',
            'issued_in_future',
            'It says it was made in the future; whoever checks its age refuses it.',
            'Check the clocks, or refuse it.',
          ),
        ]
      : [],
  };
}
