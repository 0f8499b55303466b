/** What is weak about the headers and claims of tokens (RFC 7515, RFC 7516, RFC 7519, RFC 8725). */

import { ADVISED_ITERATIONS, OPEN_ITERATIONS } from '../kdf.js';
import { duration, finding, isSecretMember, type Finding } from './report.js';

const LONG_LIFE_SECONDS = 30 * 86_400;
const CLOCK_SKEW_SECONDS = 300;
/** The signature algorithms registered for JOSE and in good use (RFC 7518 section 3.1, RFC 8037, RFC 8812, RFC 9864). */
const SOUND_ALGORITHMS =
  'HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 ES256K EdDSA Ed25519 Ed448 ML-DSA-44 ML-DSA-65 ML-DSA-87'.split(
    ' ',
  );

export function jwsHeaderFindings(header: Record<string, unknown>, signed: boolean): Finding[] {
  const findings = [...algorithmFindings(header['alg'], signed), ...carrierFindings(header)];
  const { kid } = header;
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

function algorithmFindings(alg: unknown, signed: boolean): Finding[] {
  if (typeof alg !== 'string' || alg.toLowerCase() === 'none')
    return [
      finding(
        'critical',
        'algorithm_none',
        'The token names no signature algorithm, so anybody can have written it.',
        'Refuse it; verifiers must take the algorithm from their key (RFC 8725 section 3.1).',
      ),
    ];
  const findings: Finding[] = [];
  if (!signed) findings.push(finding('critical', 'signature_missing', 'The token carries no signature.', 'Refuse it.'));
  if (!SOUND_ALGORITHMS.includes(alg))
    findings.push(
      finding(
        'medium',
        'weak_algorithm',
        'The signature algorithm is none of those in good use today.',
        'Use ES256, EdDSA, PS256 or HS256.',
      ),
    );
  if (alg.startsWith('RS') && SOUND_ALGORITHMS.includes(alg))
    findings.push(
      finding(
        'info',
        'legacy_algorithm',
        `${alg} is sound but of the older RSA padding.`,
        'For new keys prefer PS256, ES256 or EdDSA.',
      ),
    );
  if (alg.startsWith('HS') && SOUND_ALGORITHMS.includes(alg))
    findings.push(
      finding(
        'info',
        'shared_secret',
        `${alg} signs with a shared secret: whoever can verify can also forge, and a guessable secret can be tried against this very token.`,
        'Use at least 32 random bytes, or ES256 or EdDSA where others verify.',
      ),
    );
  return findings;
}

/** Keys, or addresses of keys, that the header itself brings (RFC 7515 section 4.1.2 to 4.1.6). */
function carrierFindings(header: Record<string, unknown>): Finding[] {
  const carriers = ['jku', 'x5u', 'jwk', 'x5c'].filter((name) => Object.hasOwn(header, name));
  return carriers.length === 0
    ? []
    : [
        finding(
          'high',
          'key_in_header',
          `The header brings its own key or the address of one (${carriers.join(', ')}); a verifier that follows it trusts whoever wrote the token.`,
          'Verify with keys you already hold; jwt_verify ignores these fields.',
        ),
      ];
}

export function claimFindings(claims: Record<string, unknown>, now: Date): Finding[] {
  const findings: Finding[] = [];
  const { exp, iat, nbf, aud } = claims;
  const seconds = now.getTime() / 1000;
  const malformed = Object.entries({ exp, iat, nbf }).filter(
    ([, time]) => time !== undefined && !Number.isFinite(time),
  );
  if (malformed.length > 0)
    findings.push(
      finding(
        'medium',
        'malformed_time',
        `${malformed.map(([name]) => name).join(', ')} must be a number of seconds since 1970 (RFC 7519 section 2); verifiers refuse it or pass over it.`,
        'Issue it anew with numbers.',
      ),
    );
  if (exp === undefined)
    findings.push(
      finding(
        'high',
        'no_expiry',
        'The token never expires: once leaked it is good for ever.',
        'Issue it with an expiry; revoke it by changing the key.',
      ),
    );
  if (isTime(exp)) {
    if (exp <= seconds) findings.push(finding('info', 'expired', `The token expired ${duration(seconds - exp)} ago.`));
    const life = exp - (isTime(iat) ? iat : seconds);
    if (life > LONG_LIFE_SECONDS)
      findings.push(
        finding(
          'medium',
          'long_life',
          `The token lives ${duration(life)}${isTime(iat) ? '' : ' from now on'}.`,
          'Issue short tokens (minutes to hours) and renew them.',
        ),
      );
  }
  if (isTime(nbf) && nbf > seconds)
    findings.push(finding('info', 'not_yet_valid', `The token becomes valid in ${duration(nbf - seconds)}.`));
  if (isTime(iat) && iat > seconds + CLOCK_SKEW_SECONDS)
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
  if (holdsSecret(claims))
    findings.push(
      finding(
        'high',
        'secret_in_claims',
        'A claim looks like a secret; claims are signed, not encrypted.',
        'Keep secrets out of tokens, and replace this one.',
      ),
    );
  return findings;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Whether a member at any depth is named like a secret. The parser has bounded the depth. */
function holdsSecret(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsSecret);
  return Object.entries(value).some(([name, member]) => isSecretMember(name, member) || holdsSecret(member));
}

/** What is weak about the merged header of a JWE recipient. */
export function jweFindings(header: Record<string, unknown>): Finding[] {
  const findings: Finding[] = carrierFindings(header);
  const { alg, enc, p2c } = header;
  if (typeof alg !== 'string' || typeof enc !== 'string')
    findings.push(
      finding(
        'medium',
        'incomplete_header',
        'Its header does not name both the key management (alg) and the content cipher (enc); nothing opens it.',
        'Get it as it was made.',
      ),
    );
  if (alg === 'RSA1_5')
    findings.push(
      finding(
        'high',
        'weak_algorithm',
        'RSA1_5 is open to padding oracles (RFC 8725 section 3.2).',
        'Use RSA-OAEP-256 or ECDH-ES.',
      ),
    );
  if (typeof alg === 'string' && alg.startsWith('PBES2')) findings.push(...derivationFindings(alg, p2c));
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

function derivationFindings(alg: string, count: unknown): Finding[] {
  const { min, max } = OPEN_ITERATIONS;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < min || count > max)
    return [
      finding(
        'high',
        'iterations_refused',
        'Its iteration count is outside 1,000 to 2,000,000; opening it is refused.',
        'Do not open it: such counts are used to exhaust a reader, or make guessing free.',
      ),
    ];
  const advised = alg.startsWith('PBES2-HS512') ? ADVISED_ITERATIONS.sha512 : ADVISED_ITERATIONS.sha256;
  return count < advised
    ? [
        finding(
          'medium',
          'weak_derivation',
          `Its key is derived with ${count} iterations, under today's ${advised.toLocaleString('en')}.`,
          'Use envelope_rewrap.',
        ),
      ]
    : [];
}
