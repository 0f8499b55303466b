/** Explains JWTs, compact JWEs and Fernet tokens without a key: nothing here says that a token is genuine. */

import { fromBase64url, fromUtf8 } from '../bytes.js';
import { fernetCreatedAt } from '../fernet.js';
import { isJsonObject, parseBoundedJson } from '../json.js';
import { isJwtAlgorithm } from '../jwt-keys.js';
import { claimsOf, JWT_LIMITS } from '../jwt.js';
import { duration, finding, shown, timeOf, type Finding, type Inspection } from './report.js';

const MAX_SHOWN_CLAIMS = 32;
const LONG_LIFE_SECONDS = 30 * 86_400;

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
  const bytes = fromBase64url(payload);
  const claims = bytes === null ? null : claimsOf(bytes);
  const findings = [...headerFindings(header, signature), ...(claims === null ? [] : claimFindings(claims, now))];
  const details: Record<string, unknown> = { header: shownObject(header) };
  if (claims === null) {
    details['payload_bytes'] = bytes?.length ?? 0;
    return {
      kind: 'jws',
      summary: 'A signed message (JWS) whose payload is not a set of JWT claims; its signature was not checked.',
      details,
      findings,
    };
  }
  details['claims'] = shownObject(claims);
  for (const [claim, name] of [
    ['iat', 'issued_at'],
    ['nbf', 'not_before'],
    ['exp', 'expires_at'],
  ] as const) {
    const time = timeOf(claims[claim]);
    if (time !== null) details[name] = time;
  }
  const expiry = typeof claims['exp'] === 'number' ? claims['exp'] - now.getTime() / 1000 : null;
  const life =
    expiry === null
      ? 'without expiry'
      : expiry <= 0
        ? `expired ${duration(expiry)} ago`
        : `valid for ${duration(expiry)} more by its own claims`;
  return {
    kind: 'jwt',
    summary: `A JSON Web Token (${String(shown(header['alg']))}), ${life}; its signature was not checked.`,
    details,
    findings,
  };
}

function shownObject(object: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(object).slice(0, MAX_SHOWN_CLAIMS);
  return Object.fromEntries(entries.map(([name, value]) => [String(shown(name)), shown(value)]));
}

function headerFindings(header: Record<string, unknown>, signature: string): Finding[] {
  const findings: Finding[] = [];
  const { alg, kid } = header;
  if (typeof alg !== 'string' || alg.toLowerCase() === 'none') {
    findings.push(
      finding(
        'critical',
        'algorithm_none',
        'The token names no signature algorithm, so anybody can have written it.',
        'Refuse it; verifiers must take the algorithm from their key (RFC 8725 section 3.1).',
      ),
    );
  } else if (!isJwtAlgorithm(alg) && alg !== 'Ed25519') {
    findings.push(
      finding(
        'medium',
        'weak_algorithm',
        'The signature algorithm is none of those in good use today.',
        'Use ES256, EdDSA, PS256 or HS256.',
      ),
    );
  } else if (alg === 'RS256') {
    findings.push(
      finding(
        'info',
        'legacy_algorithm',
        'RS256 is sound but of the older RSA padding.',
        'For new keys prefer PS256, ES256 or EdDSA.',
      ),
    );
  }
  if (signature === '' && !findings.some(({ code }) => code === 'algorithm_none')) {
    findings.push(finding('critical', 'signature_missing', 'The token carries no signature.', 'Refuse it.'));
  }
  const carriers = ['jku', 'x5u', 'jwk', 'x5c'].filter((name) => name in header);
  if (carriers.length > 0) {
    findings.push(
      finding(
        'high',
        'key_in_header',
        `The header brings its own key or the address of one (${carriers.join(', ')}); a verifier that follows it trusts whoever wrote the token.`,
        'Verify with keys you already hold; jwt_verify ignores these fields.',
      ),
    );
  }
  if (typeof kid === 'string' && /\.\.|[/\\'";|`$]|\s/.test(kid)) {
    findings.push(
      finding(
        'medium',
        'suspicious_key_id',
        'The key id looks like a path or a query, as attacks on key look-up do.',
        'Look key ids up in a fixed list only.',
      ),
    );
  }
  if ('crit' in header)
    findings.push(finding('low', 'critical_extension', 'The header demands extensions that most verifiers refuse.'));
  return findings;
}

function claimFindings(claims: Record<string, unknown>, now: Date): Finding[] {
  const findings: Finding[] = [];
  const { exp, iat, nbf, aud } = claims;
  const seconds = now.getTime() / 1000;
  if (typeof exp !== 'number') {
    findings.push(
      finding(
        'high',
        'no_expiry',
        'The token never expires: once leaked it is good for ever.',
        'Issue it with an expiry; revoke it by changing the key.',
      ),
    );
  } else if (exp <= seconds) {
    findings.push(finding('info', 'expired', `The token expired ${duration(seconds - exp)} ago.`));
  }
  if (typeof exp === 'number') {
    const life = exp - (typeof iat === 'number' ? iat : seconds);
    if (life > LONG_LIFE_SECONDS)
      findings.push(
        finding(
          'medium',
          'long_life',
          `The token lives ${duration(life)}.`,
          'Issue short tokens (minutes to hours) and renew them.',
        ),
      );
  }
  if (typeof nbf === 'number' && nbf > seconds)
    findings.push(finding('info', 'not_yet_valid', `The token becomes valid in ${duration(nbf - seconds)}.`));
  if (typeof iat === 'number' && iat > seconds + 300)
    findings.push(
      finding(
        'medium',
        'issued_in_future',
        'The token says it was issued in the future.',
        'Check the clocks, or refuse it.',
      ),
    );
  if (aud === undefined)
    findings.push(
      finding(
        'low',
        'no_audience',
        'The token names no audience, so every service that trusts the key accepts it.',
        'Issue it for one audience.',
      ),
    );
  if (Object.keys(claims).some((name) => /passw|secret|private_?key|api_?key/i.test(name))) {
    findings.push(
      finding(
        'high',
        'secret_in_claims',
        'A claim looks like a secret; claims are signed, not encrypted.',
        'Keep secrets out of tokens, and replace this one.',
      ),
    );
  }
  return findings;
}

function inspectCompactJwe(header: Record<string, unknown>): Inspection {
  const findings = jweFindings(header);
  return {
    kind: 'jwe',
    summary: `An encrypted message (JWE, compact), key management ${String(shown(header['alg']))}, content ${String(shown(header['enc']))}.`,
    details: { serialization: 'compact', header: shownObject(header) },
    findings,
  };
}

/** What is weak about the merged header of a JWE recipient. */
export function jweFindings(header: Record<string, unknown>): Finding[] {
  const findings: Finding[] = [];
  const { alg, p2c } = header;
  if (alg === 'RSA1_5')
    findings.push(
      finding(
        'high',
        'weak_algorithm',
        'RSA1_5 is open to padding oracles (RFC 8725 section 3.2).',
        'Use RSA-OAEP-256 or ECDH-ES.',
      ),
    );
  if (typeof alg === 'string' && alg.startsWith('PBES2')) {
    if (typeof p2c !== 'number' || !Number.isInteger(p2c) || p2c < 1_000 || p2c > 2_000_000) {
      findings.push(
        finding(
          'high',
          'iterations_refused',
          'Its iteration count is outside 1,000 to 2,000,000; opening it is refused.',
          'Do not open it: such counts are used to exhaust a reader.',
        ),
      );
    } else if (p2c < 220_000) {
      findings.push(
        finding(
          'medium',
          'weak_derivation',
          `Its key is derived with ${p2c} iterations, under today's 220,000.`,
          'Use envelope_rewrap.',
        ),
      );
    }
  }
  if ('zip' in header)
    findings.push(
      finding(
        'medium',
        'compressed',
        'Its content is compressed before encryption, which leaks lengths and allows decompression bombs.',
        'Seal without compression; envelope_open refuses it.',
      ),
    );
  return findings;
}

/** A bare Fernet token, or null. */
export function inspectFernet(text: string): Inspection | null {
  const createdAt = fernetCreatedAt(text);
  if (createdAt === null) return null;
  const created = timeOf(createdAt);
  return {
    kind: 'fernet',
    summary: `A Fernet token${created === null ? '' : ` made ${created}`} (AES-128-CBC with HMAC-SHA256); it was not opened.`,
    details: { version: '0x80', created_at: created, ciphertext_bytes: Buffer.byteLength(text, 'base64url') - 57 },
    findings: [],
  };
}
