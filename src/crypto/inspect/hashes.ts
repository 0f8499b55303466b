/** Explains stored password hashes by their text: the scheme, its parameters and whether they still suffice. */

import { BCRYPT_COST, parsePasswordHash, rehashReason } from '../password.js';
import { inspectOtherHash, REHASH } from './other-hashes.js';
import { finding, type Finding, type Inspection } from './report.js';

const TODAYS_BCRYPT_COST = 12;
/** A line of htpasswd (`user:hash`) or of /etc/shadow (`user:hash:days:...`). */
const ACCOUNT_LINE = /^[A-Za-z0-9_.@+-]{1,64}:([$*{][^:\s]{10,300})(?::[0-9:]{0,60})?$/;

/** A password hash of any common scheme, also in a line of an account file, or null. The salt and the digest are never shown. */
export function inspectPasswordHash(line: string): Inspection | null {
  if (line.length > 1_024) return null;
  const text = ACCOUNT_LINE.exec(line)?.[1] ?? line;
  return inspectBcrypt(text) ?? inspectArgon2(text) ?? inspectOtherHash(text);
}

function inspectBcrypt(text: string): Inspection | null {
  const match = /^(?:bcrypt\$|\{BCRYPT\}|\{CRYPT\})?\$(2[abxy]?)\$(\d\d)\$[./A-Za-z0-9]{53}$/i.exec(text);
  if (match === null) return null;
  const [, version = '', digits = ''] = match;
  const cost = Number(digits);
  const findings: Finding[] = [];
  if (version === '2' || version === '2x') {
    findings.push(
      finding('high', 'broken_variant', `bcrypt $${version}$ was made by a faulty implementation.`, REHASH),
    );
  }
  if (cost < 4 || cost > 31)
    findings.push(finding('medium', 'invalid_cost', 'bcrypt has costs from 4 to 31 only: nothing verifies this.'));
  else if (cost < BCRYPT_COST.min)
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
  else if (cost > BCRYPT_COST.max)
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
    /^(?:argon2(?=\$argon2))?\$(argon2(?:id|i|d))\$(?:v=(\d{1,4})\$)?m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,10})(?:,[^$]{1,100})?\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/.exec(
      text,
    );
  if (match === null) return null;
  const [, algorithm = '', version = '16', m, t, p] = match;
  const hash = parsePasswordHash(text.replace(/^argon2/, ''));
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
    summary: `An ${algorithm} password hash, ${details.memory_kib} KiB, ${details.passes} pass${details.passes === 1 ? '' : 'es'}.`,
    details,
    findings,
  };
}

/** Bare hexadecimal of the length of a common digest, or null. */
export function inspectHexDigest(text: string): Inspection | null {
  const names = {
    32: 'MD5 or NTLM',
    40: 'SHA-1',
    56: 'SHA-224',
    64: 'SHA-256',
    96: 'SHA-384',
    128: 'SHA-512',
  } as const;
  const name = /^(?:[0-9a-f]+|[0-9A-F]+)$/.test(text) ? names[text.length as keyof typeof names] : undefined;
  if (name === undefined) return null;
  const findings =
    text.length <= 40
      ? [finding('low', 'weak_digest', `${name.slice(0, 5).trim()} no longer resists collisions.`, 'Use SHA-256.')]
      : [];
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
    summary: `${text.length / 2} bytes in hexadecimal, the length of a digest by ${name} (or of a key).`,
    details: { bytes: text.length / 2, possible_algorithm: name },
    findings,
  };
}
