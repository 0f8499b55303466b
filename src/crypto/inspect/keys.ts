/** Explains keys: PEM and DER (RFC 5958, RFC 5280 section 4.1.2.7), JWK Sets (RFC 7517), OpenSSH and age. Secret parts are never shown. */

import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

import { hasRocaFingerprint } from '../jwt-keys.js';
import { finding, shown, type Finding, type Inspection } from './report.js';

const EXPOSED = finding(
  'critical',
  'private_key_exposed',
  'A private key was pasted: whoever can read this conversation can use it.',
  'Replace the key, and keep the new one in a file that only its program reads.',
);

export interface KeySummary {
  details: Record<string, unknown>;
  findings: Finding[];
  /** "RSA, 2048 bits". */
  name: string;
}

/** Type, size and SPKI fingerprint of a key, with what is weak about it. Of a private key only the public part is told. */
export function summarizeKey(key: KeyObject): KeySummary {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const { modulusLength, publicExponent, namedCurve } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType ?? 'unknown';
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const details: Record<string, unknown> = { type, spki_sha256: createHash('sha256').update(spki).digest('base64') };
  const findings: Finding[] = [];
  let name = { ed25519: 'Ed25519', ed448: 'Ed448', x25519: 'X25519', x448: 'X448', dsa: 'DSA' }[type as string] ?? type;
  if (modulusLength !== undefined) {
    details['bits'] = modulusLength;
    name = `${type.toUpperCase()}, ${modulusLength} bits`;
    if (modulusLength < 2048)
      findings.push(
        finding(
          'high',
          'weak_key',
          `A ${type.toUpperCase()} key of ${modulusLength} bits can be broken.`,
          'Use RSA of 3072 bits, P-256 or Ed25519.',
        ),
      );
    if (type === 'dsa')
      findings.push(finding('high', 'outdated_key_type', 'DSA is withdrawn (FIPS 186-5).', 'Use Ed25519 or P-256.'));
  }
  if (publicExponent !== undefined) {
    details['exponent'] = Number(publicExponent);
    if (publicExponent < 65_537n)
      findings.push(finding('medium', 'small_exponent', 'Its public exponent is under 65537.', 'Use 65537.'));
    const modulus = type === 'rsa' ? publicKey.export({ format: 'jwk' }).n : undefined;
    if (modulus !== undefined && hasRocaFingerprint(BigInt(`0x${Buffer.from(modulus, 'base64url').toString('hex')}`))) {
      findings.push(
        finding(
          'critical',
          'roca',
          'The key comes from the ROCA generator and can be factored (CVE-2017-15361).',
          'Replace it at once.',
        ),
      );
    }
  }
  if (namedCurve !== undefined) {
    details['curve'] = namedCurve;
    name = `EC, ${{ prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[namedCurve] ?? namedCurve}`;
    if (
      !['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1'].includes(namedCurve) &&
      !namedCurve.startsWith('brainpool')
    ) {
      findings.push(finding('medium', 'uncommon_curve', 'The curve is small or uncommon.', 'Use P-256 or Ed25519.'));
    }
  }
  return { details, findings, name };
}

/** A public key as KeyObject, or null. */
export function tryPublicKey(input: Parameters<typeof createPublicKey>[0]): KeyObject | null {
  try {
    return createPublicKey(input);
  } catch {
    return null;
  }
}

export function tryPrivateKey(input: Parameters<typeof createPrivateKey>[0]): KeyObject | null {
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
export function inspectPrivateKey(key: KeyObject | null, form: string, encrypted: boolean): Inspection {
  if (key === null) {
    const locked = finding(
      'medium',
      'encrypted_private_key_shown',
      'An encrypted private key was pasted: only its passphrase protects it now.',
      'Replace the key if the passphrase could be guessed.',
    );
    return {
      kind: 'private_key',
      summary: encrypted
        ? `A private key under a passphrase (${form}); it was not opened.`
        : `A private key (${form}).`,
      details: { form, encrypted },
      findings: [encrypted ? locked : EXPOSED],
    };
  }
  const { details, findings, name } = summarizeKey(key);
  return {
    kind: 'private_key',
    summary: `A private key (${name}), not encrypted.`,
    details: { form, encrypted: false, ...details },
    findings: [EXPOSED, ...findings],
  };
}

/** One JWK or a JWK Set; null where `value` is neither. */
export function inspectJwks(value: Record<string, unknown>): Inspection | null {
  const list: unknown = Array.isArray(value['keys']) ? value['keys'] : 'kty' in value ? [value] : null;
  if (!Array.isArray(list)) return null;
  const findings: Finding[] = [];
  const keys: Record<string, unknown>[] = [];
  for (const jwk of list.slice(0, 32) as unknown[]) {
    if (typeof jwk !== 'object' || jwk === null) continue;
    const { kty, kid, alg, use, crv, k, d } = jwk as Record<string, unknown>;
    const told = Object.entries({ kty, kid, alg, use, crv }).filter(([, field]) => field !== undefined);
    const entry: Record<string, unknown> = Object.fromEntries(told.map(([name, field]) => [name, shown(field)]));
    keys.push(entry);
    if (kty === 'oct') {
      if (typeof k === 'string') entry['bytes'] = Buffer.from(k, 'base64url').length;
      findings.push(
        finding(
          'critical',
          'secret_key_exposed',
          'A symmetric key was pasted: whoever can read this conversation can use it.',
          'Replace it.',
        ),
      );
      continue;
    }
    if (d !== undefined) findings.push(EXPOSED);
    const key = tryPublicKey({ key: jwk as never, format: 'jwk' });
    if (key === null)
      findings.push(
        finding('medium', 'unreadable_key', 'One of the keys cannot be read.', 'Check its kty, crv and coordinates.'),
      );
    else {
      const summary = summarizeKey(key);
      Object.assign(entry, summary.details);
      findings.push(...summary.findings);
    }
  }
  const kids = keys.map(({ kid }) => kid).filter((kid) => kid !== undefined);
  if (new Set(kids).size < kids.length)
    findings.push(finding('medium', 'duplicate_key_id', 'Two keys share one kid.', 'Give each key its own.'));
  const set = Array.isArray(value['keys']);
  return {
    kind: set ? 'jwks' : 'jwk',
    summary: set ? `A JWK Set of ${list.length} key${list.length === 1 ? '' : 's'}.` : 'A JSON Web Key.',
    details: { keys },
    findings,
  };
}

/** OpenSSH public keys and age recipients and identities, which are one line of text; null otherwise. */
export function inspectKeyLine(text: string): Inspection | null {
  if (/^AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{50,4000}$/.test(text)) {
    return {
      kind: 'age_identity',
      summary: 'An age identity, which is a private key.',
      details: {},
      findings: [EXPOSED],
    };
  }
  if (/^age1[0-9a-z]{50,4000}$/.test(text)) {
    return {
      kind: 'age_recipient',
      summary: 'An age recipient, which is a public key: files can be encrypted to it.',
      details: {},
      findings: [],
    };
  }
  const ssh =
    /^(ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9@.-]{1,60}) ([A-Za-z0-9+/]{40,8000}={0,2})(?: .{0,200})?$/.exec(
      text,
    );
  if (ssh === null) return null;
  const [, type = '', blob = ''] = ssh;
  const fingerprint = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64').replace(/=$/, '');
  const findings =
    type === 'ssh-dss'
      ? [finding('high', 'outdated_key_type', "DSA keys are refused by today's SSH.", 'Make an Ed25519 key.')]
      : [];
  return {
    kind: 'ssh_public_key',
    summary: `An OpenSSH public key (${type}).`,
    details: { type, fingerprint: `SHA256:${fingerprint}` },
    findings,
  };
}
