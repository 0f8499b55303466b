/** Explains keys as PEM, DER and JWK hold them (RFC 5958, RFC 5280 section 4.1.2.7, RFC 7517). Secret parts are never shown. */

import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

import { attempt, elementsOf, readOnly, TAG, type Element } from '../certificate/der.js';
import { MAX_KEY_BYTES, readAlgorithm } from '../certificate/parse.js';
import { keyName } from '../certificate/rules.js';
import { hasRocaFingerprint } from '../jwt-keys.js';
import { finding, shown, type Finding, type Inspection } from './report.js';

export const EXPOSED = finding(
  'critical',
  'private_key_exposed',
  'A private key was pasted: whoever can read this conversation can use it.',
  'Replace the key, and keep the new one in a file that only its program reads.',
);
export const EXPOSED_LOCKED = finding(
  'medium',
  'encrypted_private_key_shown',
  'An encrypted private key was pasted: only its passphrase protects it now.',
  'Replace the key if the passphrase could be guessed.',
);
export const EXPOSED_SECRET = finding(
  'critical',
  'secret_key_exposed',
  'A symmetric key was pasted: whoever can read this conversation can use it.',
  'Replace it.',
);

const MAX_PRIVATE_BYTES = 16_384;
/** For DSA and DH, OpenSSL computes the public from the private part, in time that grows with the cube of the size. */
const MAX_DISCRETE_LOG_BYTES = 1_536;
/** DSA, DH and the DH of X9.42. */
const DISCRETE_LOG_OIDS: readonly string[] = ['1.2.840.10040.4.1', '1.2.840.113549.1.3.1', '1.2.840.10046.2.1'];
const MAX_JWKS_KEYS = 32;

export interface KeySummary {
  details: Record<string, unknown>;
  findings: Finding[];
  /** "RSA 2048". */
  name: string;
}

/** Type, size and SPKI fingerprint of a key, with what is weak about it. Of a private key only the public part is told. */
export function summarizeKey(key: KeyObject): KeySummary {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const type = key.asymmetricKeyType ?? 'unknown';
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const details: Record<string, unknown> = { type, spki_sha256: createHash('sha256').update(spki).digest('base64') };
  if (spki.length > MAX_KEY_BYTES)
    return { details, findings: [oversizedKey(spki.length)], name: `${type}, oversized` };
  const { modulusLength, publicExponent, namedCurve } = key.asymmetricKeyDetails ?? {};
  const findings: Finding[] = [];
  if (modulusLength !== undefined) {
    details['bits'] = modulusLength;
    if (modulusLength < 2048) findings.push(shortKey(`${type.toUpperCase()} key`, modulusLength));
    if (type === 'dsa') findings.push(OUTDATED_DSA);
  }
  if (publicExponent !== undefined) {
    details['exponent'] = publicExponent > Number.MAX_SAFE_INTEGER ? 'over 2^53' : Number(publicExponent);
    findings.push(...exponentFindings(publicExponent));
    const modulus = type === 'rsa' ? publicKey.export({ format: 'jwk' }).n : undefined;
    if (modulus !== undefined && hasRocaFingerprint(BigInt(`0x${Buffer.from(modulus, 'base64url').toString('hex')}`)))
      findings.push(
        finding(
          'critical',
          'roca',
          'The key comes from the ROCA generator and can be factored (CVE-2017-15361).',
          'Replace it at once.',
        ),
      );
  }
  if (namedCurve !== undefined) details['curve'] = namedCurve;
  const common = ['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1'].includes(namedCurve ?? '');
  if (type === 'ec' && !common && namedCurve?.startsWith('brainpool') !== true)
    findings.push(finding('medium', 'uncommon_curve', 'The curve is small or uncommon.', 'Use P-256 or Ed25519.'));
  return { details, findings, name: keyName(key) };
}

export const OUTDATED_DSA = finding(
  'high',
  'outdated_key_type',
  'DSA is withdrawn (FIPS 186-5), and no current TLS or SSH accepts it.',
  'Use Ed25519 or P-256.',
);

export function shortKey(name: string, bits: number): Finding {
  const explanation = `An ${name} of ${bits} bits ${bits <= 1024 ? 'can be broken by those with means' : "is under today's least of 2048"}.`;
  return finding(
    'high',
    'weak_key',
    explanation.replace(/^An DSA/, 'A DSA'),
    'Use RSA of 3072 bits, P-256 or Ed25519.',
  );
}

function exponentFindings(exponent: bigint): Finding[] {
  if (exponent < 3n || exponent % 2n === 0n)
    return [finding('critical', 'broken_exponent', 'Its public exponent makes RSA void.', 'Replace the key.')];
  return exponent < 65_537n
    ? [finding('medium', 'small_exponent', 'Its public exponent is under 65537.', 'Use 65537.')]
    : [];
}

export function oversizedKey(bytes: number): Finding {
  return finding(
    'medium',
    'oversized_key',
    `The key is ${bytes} bytes long, more than any sound key; it was not examined.`,
    'Refuse it: such keys are used to exhaust a verifier.',
  );
}

/** A public key as KeyObject, or null. */
export function tryPublicKey(input: Parameters<typeof createPublicKey>[0]): KeyObject | null {
  try {
    return createPublicKey(input);
  } catch {
    return null;
  }
}

/** The elements of the SEQUENCE that is all of `der`; null where it is not strict DER, and none for more than a key has. */
function partsOf(der: Uint8Array): Element[] | null {
  return attempt(() => elementsOf(readOnly(der, TAG.sequence).content, 16));
}

function algorithmOf(element: Element | undefined): string | null {
  return element?.tag === TAG.sequence ? attempt(() => readAlgorithm(element).oid) : null;
}

/**
 * A private key as KeyObject, or null; `der` is what it holds, and decides whether reading it is bounded work. OpenSSL reads
 * more than strict DER, in which an algorithm could hide.
 */
export function tryPrivateKey(input: Parameters<typeof createPrivateKey>[0], der: Uint8Array): KeyObject | null {
  const [, second] = partsOf(der) ?? [];
  if (second === undefined) return null;
  const algorithm = algorithmOf(second);
  const isBounded = second.tag === TAG.sequence ? algorithm !== null && !DISCRETE_LOG_OIDS.includes(algorithm) : true;
  if (der.length > (isBounded ? MAX_PRIVATE_BYTES : MAX_DISCRETE_LOG_BYTES)) return null;
  try {
    return createPrivateKey(input);
  } catch {
    return null;
  }
}

export function inspectPublicKey(key: KeyObject): Inspection {
  const { details, findings, name } = summarizeKey(key);
  return { kind: 'public_key', summary: `A public key (${name}).`, details, findings };
}

/** A private key; null for `key` where it is encrypted or of a form that is not read here. */
export function inspectPrivateKey(
  key: KeyObject | null,
  form: string,
  encrypted: boolean,
  more: Record<string, unknown> = {},
): Inspection {
  if (key === null) {
    return {
      kind: 'private_key',
      summary: encrypted
        ? `A private key under a passphrase (${form}); it was not opened.`
        : `A private key (${form}); its type was not read.`,
      details: { form, encrypted, ...more },
      findings: [encrypted ? EXPOSED_LOCKED : EXPOSED],
    };
  }
  const { details, findings, name } = summarizeKey(key);
  return {
    kind: 'private_key',
    summary: `A private key (${name}), not encrypted.`,
    details: { form, encrypted: false, ...details, ...more },
    findings: [EXPOSED, ...findings],
  };
}

/** A key in DER: SPKI, PKCS#8 (also encrypted), PKCS#1 or SEC 1; null for anything else. */
export function inspectDerKey(der: Uint8Array): Inspection | null {
  const key = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const spki = tryPublicKey({ key, type: 'spki', format: 'der' });
  if (spki !== null) return inspectPublicKey(spki);
  const [first, second, ...rest] = partsOf(der) ?? [];
  // EncryptedPrivateKeyInfo (RFC 5958 section 3): a scheme of PKCS#5 or PKCS#12, and what it made.
  if (second?.tag === TAG.octetString && rest.length === 0)
    return /^1\.2\.840\.113549\.1\.(?:5|12\.1)\./.test(algorithmOf(first) ?? '')
      ? inspectPrivateKey(null, 'PKCS#8, DER', true)
      : null;
  for (const [type, form] of [
    ['pkcs8', 'PKCS#8, DER'],
    ['pkcs1', 'PKCS#1, DER'],
    ['sec1', 'SEC 1, DER'],
  ] as const) {
    const found = tryPrivateKey({ key, type, format: 'der' }, der);
    if (found !== null) return inspectPrivateKey(found, form, false);
  }
  // PKCS#8 by its form (a version, an algorithm, the key in an OCTET STRING), of a kind or size that is not read.
  if (first?.tag === TAG.integer && algorithmOf(second) !== null && rest[0]?.tag === TAG.octetString)
    return inspectPrivateKey(null, 'PKCS#8, DER', false);
  // RSAPublicKey is two integers, as a DSA or ECDSA signature is too: only the second of a key is short.
  if (second?.tag !== TAG.integer || second.content.length > 8 || rest.length > 0) return null;
  const pkcs1 = tryPublicKey({ key, type: 'pkcs1', format: 'der' });
  return pkcs1 === null ? null : inspectPublicKey(pkcs1);
}

/** One JWK or a JWK Set; null where `value` is neither. */
export function inspectJwks(value: Record<string, unknown>): Inspection | null {
  const set = Array.isArray(value['keys']);
  const list = (set ? value['keys'] : [value]) as unknown[];
  const jwks = list.filter(
    (jwk): jwk is Record<string, unknown> => typeof jwk === 'object' && jwk !== null && 'kty' in jwk,
  );
  if (jwks.length === 0 && list.length > 0) return null;
  const findings: Finding[] = [];
  // Secrets are looked for in every key, also in those that are not told.
  if (jwks.some(({ kty }) => kty === 'oct')) findings.push(EXPOSED_SECRET);
  if (jwks.some(({ kty, d, priv }) => kty !== 'oct' && (d !== undefined || priv !== undefined))) findings.push(EXPOSED);
  if (jwks.length < list.length)
    findings.push(finding('medium', 'unreadable_key', 'Some entries are no keys: they have no kty.'));
  const kids = jwks.map(({ kid }) => kid).filter((kid) => kid !== undefined);
  if (new Set(kids).size < kids.length)
    findings.push(finding('medium', 'duplicate_key_id', 'Two keys share one kid.', 'Give each key its own.'));
  const keys: Record<string, unknown>[] = [];
  for (const jwk of jwks.slice(0, MAX_JWKS_KEYS)) {
    const told = describeJwk(jwk);
    keys.push(told.details);
    findings.push(...told.findings);
  }
  if (jwks.length > MAX_JWKS_KEYS)
    findings.push(finding('low', 'many_keys', `Only the first ${MAX_JWKS_KEYS} of its ${jwks.length} keys are told.`));
  const privates = findings.includes(EXPOSED) || findings.includes(EXPOSED_SECRET);
  const told = keys.length === 1 ? ` (${String(keys[0]?.['name'])})` : '';
  return {
    kind: set ? 'jwks' : 'jwk',
    summary: set
      ? `A JWK Set of ${list.length} key${list.length === 1 ? '' : 's'}${told}${privates ? ', secret parts included' : ', public parts only'}.`
      : `A JSON Web Key${told}${privates ? ', its secret part included' : ', its public part only'}.`,
    details: { keys },
    findings,
  };
}

function describeJwk(jwk: Record<string, unknown>): { details: Record<string, unknown>; findings: Finding[] } {
  const { kty, kid, alg, use, crv, k } = jwk;
  const told = Object.entries({ kty, kid, alg, use, crv }).filter(([, member]) => member !== undefined);
  const details: Record<string, unknown> = Object.fromEntries(told.map(([name, member]) => [name, shown(member)]));
  if (kty === 'oct') {
    const bytes = typeof k === 'string' ? Buffer.byteLength(k, 'base64url') : 0;
    const short = finding(
      'high',
      'weak_key',
      `A symmetric key of ${bytes} bytes is under the 16 that resist guessing.`,
      'Make one of 32 random bytes.',
    );
    return { details: { name: `symmetric, ${bytes} bytes`, ...details, bytes }, findings: bytes < 16 ? [short] : [] };
  }
  const key = tryPublicKey({ key: jwk as never, format: 'jwk' });
  if (key === null) {
    const unreadable = finding(
      'medium',
      'unreadable_key',
      'One of the keys cannot be read.',
      'Check its kty, crv and coordinates.',
    );
    return { details: { name: 'unreadable', ...details }, findings: [unreadable] };
  }
  const summary = summarizeKey(key);
  return { details: { name: summary.name, ...details, ...summary.details }, findings: summary.findings };
}
