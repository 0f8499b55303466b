/** Explains stored password hashes by their text: the scheme, its parameters and whether they still suffice. */

import { BCRYPT_COST, parsePasswordHash, rehashReason } from '../password.js';
import { finding, type Finding, type Inspection } from './report.js';

const TODAYS_BCRYPT_COST = 12;
const REHASH = 'Verify at the next login and store a new hash (password_hash).';

/** A password hash of any common scheme, or null. The salt and the digest are never shown. */
export function inspectPasswordHash(text: string): Inspection | null {
  return inspectBcrypt(text) ?? inspectArgon2(text) ?? inspectOthers(text);
}

function inspectBcrypt(text: string): Inspection | null {
  const match = /^\$(2[abxy]?)\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text);
  if (match === null) return null;
  const [, version = '', digits = ''] = match;
  const cost = Number(digits);
  const findings: Finding[] = [];
  if (version === '2' || version === '2x') {
    findings.push(
      finding('high', 'broken_variant', `bcrypt $${version}$ was made by a faulty implementation.`, REHASH),
    );
  }
  if (cost < BCRYPT_COST.min)
    findings.push(
      finding(
        'high',
        'weak_parameters',
        `Cost ${cost} is far under today's ${TODAYS_BCRYPT_COST}: each step halves the work of guessing.`,
        REHASH,
      ),
    );
  else if (cost < TODAYS_BCRYPT_COST)
    findings.push(finding('low', 'aging_parameters', `Cost ${cost} is under today's ${TODAYS_BCRYPT_COST}.`, REHASH));
  if (cost > BCRYPT_COST.max)
    findings.push(
      finding(
        'medium',
        'excessive_cost',
        `Cost ${cost} takes seconds to hours per check; password_verify refuses it.`,
        `Use a cost of ${TODAYS_BCRYPT_COST} to ${BCRYPT_COST.max}.`,
      ),
    );
  findings.push(finding('info', 'reads_72_bytes', 'bcrypt reads 72 bytes of a password at most.'));
  return {
    kind: 'bcrypt_hash',
    summary: `A bcrypt password hash, cost ${cost}.`,
    details: { algorithm: 'bcrypt', version: `$${version}$`, cost },
    findings,
  };
}

function inspectArgon2(text: string): Inspection | null {
  const match =
    /^\$(argon2(?:id|i|d))\$(?:v=(\d+)\$)?m=(\d+),t=(\d+),p=(\d+)(?:,[^$]{1,100})?\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/.exec(
      text,
    );
  if (match === null) return null;
  const [, algorithm = '', version = '16', m, t, p] = match;
  const hash = parsePasswordHash(text);
  const findings: Finding[] = [];
  if (hash === 'cost')
    findings.push(
      finding(
        'medium',
        'excessive_cost',
        'Its memory or passes are over what password_verify spends.',
        'Use m=19456, t=2, p=1 or a few times that.',
      ),
    );
  else if (hash === 'unknown')
    findings.push(
      finding('medium', 'not_verifiable', 'Its version or lengths are none that password_verify takes.', REHASH),
    );
  else {
    const reason = rehashReason(hash, TODAYS_BCRYPT_COST);
    if (reason !== null)
      findings.push(finding('medium', 'weak_parameters', `It should be renewed: ${reason}.`, REHASH));
  }
  const details = {
    algorithm,
    version: Number(version),
    memory_kib: Number(m),
    passes: Number(t),
    parallelism: Number(p),
  };
  return {
    kind: 'argon2_hash',
    summary: `An ${algorithm} password hash, ${details.memory_kib} KiB, ${details.passes} passes.`,
    details,
    findings,
  };
}

interface Scheme {
  pattern: RegExp;
  kind: string;
  name: string;
  judge(groups: readonly string[]): { details: Record<string, unknown>; findings: Finding[] };
}

const outdated = (severity: 'medium' | 'high', text: string): Finding =>
  finding(severity, 'outdated_scheme', text, REHASH);

function judgePbkdf2([hash = '', iterations = '0']: readonly string[]): ReturnType<Scheme['judge']> {
  const count = Number(iterations);
  const advised = { sha1: 1_300_000, sha256: 600_000, sha512: 210_000 }[hash] ?? 600_000;
  const weak = count < advised;
  return {
    details: { hash, iterations: count },
    findings: weak
      ? [
          finding(
            'medium',
            'weak_parameters',
            `${count} iterations are under the ${advised} advised for ${hash} (OWASP).`,
            REHASH,
          ),
        ]
      : [],
  };
}

const OTHER_SCHEMES: readonly Scheme[] = [
  {
    pattern: /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$[A-Za-z0-9+/.]+\$[A-Za-z0-9+/.]+$/,
    kind: 'phc_hash',
    name: 'scrypt',
    judge: ([ln = '0', r = '0', p = '0']) => ({
      details: { log2_n: Number(ln), block_size: Number(r), parallelism: Number(p) },
      findings:
        Number(ln) < 17
          ? [finding('medium', 'weak_parameters', `N=2^${Number(ln)} is under the 2^17 advised (OWASP).`, REHASH)]
          : [],
    }),
  },
  {
    pattern: /^\$pbkdf2-(sha1|sha256|sha512)\$(?:i=)?(\d{1,10})(?:,l=\d+)?\$[A-Za-z0-9+/.]+\$[A-Za-z0-9+/.]+$/,
    kind: 'phc_hash',
    name: 'PBKDF2',
    judge: judgePbkdf2,
  },
  {
    pattern: /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,10})\$[^$]{1,100}\$[A-Za-z0-9+/=]+$/,
    kind: 'phc_hash',
    name: 'PBKDF2 (Django)',
    judge: judgePbkdf2,
  },
  {
    pattern: /^\$1\$[^$]{1,8}\$[./A-Za-z0-9]{22}$/,
    kind: 'crypt_hash',
    name: 'MD5-crypt',
    judge: () => ({
      details: {},
      findings: [outdated('high', 'MD5-crypt is guessed at hundreds of millions a second.')],
    }),
  },
  {
    pattern: /^\$5\$(?:rounds=\d+\$)?[^$]{1,16}\$[./A-Za-z0-9]{43}$/,
    kind: 'crypt_hash',
    name: 'SHA-256-crypt',
    judge: () => ({
      details: {},
      findings: [outdated('medium', 'SHA-256-crypt yields to graphics cards; argon2id and bcrypt do less.')],
    }),
  },
  {
    pattern: /^\$6\$(?:rounds=\d+\$)?[^$]{1,16}\$[./A-Za-z0-9]{86}$/,
    kind: 'crypt_hash',
    name: 'SHA-512-crypt',
    judge: () => ({
      details: {},
      findings: [outdated('medium', 'SHA-512-crypt yields to graphics cards; argon2id and bcrypt do less.')],
    }),
  },
  {
    pattern: /^\$y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{43}$/,
    kind: 'crypt_hash',
    name: 'yescrypt',
    judge: () => ({ details: {}, findings: [] }),
  },
];

function inspectOthers(text: string): Inspection | null {
  for (const scheme of OTHER_SCHEMES) {
    const match = scheme.pattern.exec(text);
    if (match === null) continue;
    const { details, findings } = scheme.judge(match.slice(1));
    return {
      kind: scheme.kind,
      summary: `A password hash of ${scheme.name}.`,
      details: { algorithm: scheme.name, ...details },
      findings,
    };
  }
  return null;
}

/** Bare hexadecimal of the length of a common digest, or null. */
export function inspectHexDigest(text: string): Inspection | null {
  const names = { 32: 'MD5', 40: 'SHA-1', 56: 'SHA-224', 64: 'SHA-256', 96: 'SHA-384', 128: 'SHA-512' } as const;
  const name = /^(?:[0-9a-f]+|[0-9A-F]+)$/.test(text) ? names[text.length as keyof typeof names] : undefined;
  if (name === undefined) return null;
  const findings =
    text.length <= 40 ? [finding('low', 'weak_digest', `${name} no longer resists collisions.`, 'Use SHA-256.')] : [];
  findings.push(
    finding(
      'info',
      'not_for_passwords',
      'If this is the digest of a password, it is guessed at billions a second.',
      'Store passwords with password_hash.',
    ),
  );
  return {
    kind: 'hex_digest',
    summary: `${text.length / 2} bytes in hexadecimal, the length of a ${name} digest (or of a key).`,
    details: { bytes: text.length / 2, possible_algorithm: name },
    findings,
  };
}
