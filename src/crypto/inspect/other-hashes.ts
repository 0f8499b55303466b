/** The password hashes that this product does not make or verify: PHC strings, crypt(3), LDAP, databases, web frameworks. */

import { finding, type Finding, type Inspection } from './report.js';

export const REHASH = 'Verify at the next login and store a new hash (password_hash).';
/** scrypt's N as OWASP advises it, and the most memory a check should take. */
const SCRYPT = { advisedLog2N: 17, maxMemoryBytes: 1_073_741_824 } as const;
const PBKDF2_ADVISED: Readonly<Record<string, number>> = { sha1: 1_300_000, sha256: 600_000, sha512: 210_000 };
const PBKDF2_MOST = 20_000_000;

interface Judgement {
  details: Record<string, unknown>;
  findings: Finding[];
}

interface Scheme {
  pattern: RegExp;
  kind: 'phc_hash' | 'crypt_hash' | 'password_hash';
  name: string;
  judge(groups: readonly string[]): Judgement;
}

/** A scheme that is out of date whatever its parameters are. */
function outdated(severity: 'medium' | 'high', text: string): Scheme['judge'] {
  return () => ({ details: {}, findings: [finding(severity, 'outdated_scheme', text, REHASH)] });
}

const UNSALTED = outdated(
  'high',
  'It has no salt and no cost: equal passwords have equal hashes, guessed at billions a second.',
);
const FAST = outdated('high', 'One fast digest, even with a salt, is guessed at billions a second.');
const MD5_CRYPT = outdated('high', 'MD5-crypt is guessed at many millions a second.');
const MYSQL_SHA1 = outdated('high', 'Double SHA-1 without a salt is guessed at billions a second.');

function shaCrypt(name: string): Scheme['judge'] {
  return ([rounds = '5000']) => ({
    details: { rounds: Number(rounds) },
    findings: [
      finding(
        'medium',
        'outdated_scheme',
        `${name} with ${Number(rounds)} rounds yields to graphics cards; argon2id and bcrypt do less.`,
        REHASH,
      ),
    ],
  });
}

function judgePbkdf2([hash = '', iterations = '0']: readonly string[]): Judgement {
  const count = Number(iterations);
  const advised = PBKDF2_ADVISED[hash] ?? 600_000;
  const findings: Finding[] = [];
  if (count < advised)
    findings.push(
      finding(
        'medium',
        'weak_parameters',
        `${count} iterations are under the ${advised} advised for ${hash} (OWASP).`,
        REHASH,
      ),
    );
  if (count > PBKDF2_MOST)
    findings.push(finding('medium', 'excessive_cost', 'So many iterations take seconds to hours per check.'));
  return { details: { hash, iterations: count }, findings };
}

function judgeScrypt(log2N: number, r: number, p: number): Judgement {
  const findings: Finding[] = [];
  if (log2N < SCRYPT.advisedLog2N)
    findings.push(finding('medium', 'weak_parameters', `N=2^${log2N} is under the 2^17 advised (OWASP).`, REHASH));
  if (128 * 2 ** log2N * r > SCRYPT.maxMemoryBytes)
    findings.push(finding('medium', 'excessive_cost', 'Checking it takes more than 1 GiB of memory.'));
  return { details: { log2_n: log2N, block_size: r, parallelism: p }, findings };
}

function judgePhpass([count = '.']: readonly string[]): Judgement {
  const log2 = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.indexOf(count);
  return {
    details: { log2_rounds: log2 },
    findings: [
      finding(
        'high',
        'outdated_scheme',
        `phpass is MD5 repeated 2^${log2} times, which yields to graphics cards.`,
        REHASH,
      ),
    ],
  };
}

const SCHEMES: readonly Scheme[] = [
  {
    pattern: /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4})\$[A-Za-z0-9+/.]+\$[A-Za-z0-9+/.]+$/,
    kind: 'phc_hash',
    name: 'scrypt',
    judge: ([ln, r, p]) => judgeScrypt(Number(ln), Number(r), Number(p)),
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
    pattern: /^pbkdf2:(sha1|sha256|sha512):(\d{1,10})\$[^$]{1,100}\$[0-9a-f]+$/,
    kind: 'password_hash',
    name: 'PBKDF2 (werkzeug)',
    judge: judgePbkdf2,
  },
  {
    pattern: /^scrypt:(\d{1,10}):(\d{1,4}):(\d{1,4})\$[^$]{1,100}\$[0-9a-f]+$/,
    kind: 'password_hash',
    name: 'scrypt (werkzeug)',
    judge: ([n, r, p]) => judgeScrypt(Math.floor(Math.log2(Number(n) || 1)), Number(r), Number(p)),
  },
  {
    pattern: /^SCRAM-SHA-256\$(\d{1,10}):[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$/,
    kind: 'password_hash',
    name: 'SCRAM-SHA-256 (PostgreSQL)',
    judge: ([iterations = '0']) => judgePbkdf2(['sha256', iterations]),
  },
  { pattern: /^\$1\$[^$]{1,8}\$[./A-Za-z0-9]{22}$/, kind: 'crypt_hash', name: 'MD5-crypt', judge: MD5_CRYPT },
  {
    pattern: /^\$apr1\$[^$]{1,8}\$[./A-Za-z0-9]{22}$/,
    kind: 'crypt_hash',
    name: 'MD5-crypt (Apache)',
    judge: MD5_CRYPT,
  },
  {
    pattern: /^\$5\$(?:rounds=(\d{1,9})\$)?[^$]{1,16}\$[./A-Za-z0-9]{43}$/,
    kind: 'crypt_hash',
    name: 'SHA-256-crypt',
    judge: shaCrypt('SHA-256-crypt'),
  },
  {
    pattern: /^\$6\$(?:rounds=(\d{1,9})\$)?[^$]{1,16}\$[./A-Za-z0-9]{86}$/,
    kind: 'crypt_hash',
    name: 'SHA-512-crypt',
    judge: shaCrypt('SHA-512-crypt'),
  },
  {
    pattern: /^\$y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{43}$/,
    kind: 'crypt_hash',
    name: 'yescrypt',
    judge: () => ({ details: {}, findings: [] }),
  },
  {
    pattern: /^\$[PH]\$([./A-Za-z0-9])[./A-Za-z0-9]{30}$/,
    kind: 'crypt_hash',
    name: 'phpass (WordPress, phpBB)',
    judge: judgePhpass,
  },
  {
    pattern: /^\{(?:SSHA(?:256|384|512)?|SMD5)\}[A-Za-z0-9+/]{20,200}={0,2}$/,
    kind: 'password_hash',
    name: 'a salted digest (LDAP)',
    judge: FAST,
  },
  {
    pattern: /^\{(?:SHA(?:256|384|512)?|MD5)\}[A-Za-z0-9+/]{20,200}={0,2}$/,
    kind: 'password_hash',
    name: 'a bare digest (LDAP)',
    judge: UNSALTED,
  },
  {
    pattern: /^(?:md5|sha1|sha256)\$[^$]{1,100}\$(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/,
    kind: 'password_hash',
    name: 'a salted digest (Django, werkzeug)',
    judge: FAST,
  },
  { pattern: /^\*[0-9A-F]{40}$/, kind: 'password_hash', name: 'MySQL 4.1 (double SHA-1)', judge: MYSQL_SHA1 },
  {
    pattern: /^md5[0-9a-f]{32}$/,
    kind: 'password_hash',
    name: 'PostgreSQL (MD5 over password and user name)',
    judge: FAST,
  },
  { pattern: /^\$NT\$[0-9a-f]{32}$/i, kind: 'password_hash', name: 'NTLM', judge: UNSALTED },
  { pattern: /^\$3\$\$[0-9a-f]{32}$/i, kind: 'crypt_hash', name: 'NTLM', judge: UNSALTED },
];

/** A hash of one of these schemes, or null. */
export function inspectOtherHash(text: string): Inspection | null {
  for (const scheme of SCHEMES) {
    const match = scheme.pattern.exec(text);
    if (match === null) continue;
    const { details, findings } = scheme.judge(match.slice(1));
    return {
      kind: scheme.kind,
      summary: `A password hash: ${scheme.name}.`,
      details: { algorithm: scheme.name, ...details },
      findings,
    };
  }
  return null;
}
