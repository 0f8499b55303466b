/** Explains keys that are lines of text, OpenSSH's (RFC 4253 section 6.6, PROTOCOL.key), PuTTY's and those of age. */

import { createHash } from 'node:crypto';

import { EXPOSED, inspectPrivateKey, OUTDATED_DSA, shortKey } from './keys.js';
import { finding, type Finding, type Inspection } from './report.js';

/** OpenSSH public keys, PuTTY keys, age recipients and identities; null for anything else. */
export function inspectKeyLine(text: string): Inspection | null {
  return inspectAgeKey(text) ?? inspectSshPublicKey(text) ?? inspectPutty(text);
}

/** An age key, also in the file that age-keygen writes, whose first lines are comments. */
function inspectAgeKey(text: string): Inspection | null {
  const line = text.slice(0, 8_192).replaceAll(/^#.*$/gm, '').trim();
  if (/^AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{50,4000}$/.test(line)) {
    return {
      kind: 'age_identity',
      summary: 'An age identity, which is a private key.',
      details: {},
      findings: [EXPOSED],
    };
  }
  if (!/^age1[0-9a-z]{50,4000}$/.test(line)) return null;
  return {
    kind: 'age_recipient',
    summary: 'An age recipient, which is a public key: files can be encrypted to it.',
    details: {},
    findings: [],
  };
}

const SSH_NAMES: Readonly<Record<string, string>> = {
  'ssh-rsa': 'RSA',
  'ssh-dss': 'DSA',
  'ssh-ed25519': 'Ed25519',
  'ecdsa-sha2-nistp256': 'P-256',
  'ecdsa-sha2-nistp384': 'P-384',
  'ecdsa-sha2-nistp521': 'P-521',
  'sk-ssh-ed25519@openssh.com': 'Ed25519 on a security key',
  'sk-ecdsa-sha2-nistp256@openssh.com': 'P-256 on a security key',
};

function inspectSshPublicKey(text: string): Inspection | null {
  const match = /^([a-z0-9@.-]{7,40}) ([A-Za-z0-9+/]{40,16000}={0,2})(?: [^\r\n]{0,200})?$/.exec(text);
  const [, type = '', blob = ''] = match ?? [];
  const key = describeSshBlob(Buffer.from(blob, 'base64'));
  if (key?.type !== type) return null;
  return {
    kind: 'ssh_public_key',
    summary: `An OpenSSH public key (${key.name}).`,
    details: key.details,
    findings: key.findings,
  };
}

interface SshKey {
  type: string;
  name: string;
  details: Record<string, unknown>;
  findings: Finding[];
}

/** The public key in SSH wire form, or null where it is none. */
function describeSshBlob(blob: Buffer): SshKey | null {
  const [type, , modulus] = sshStrings(blob, 3);
  const name = SSH_NAMES[type?.toString('latin1') ?? ''];
  if (type === undefined || name === undefined) return null;
  const details: Record<string, unknown> = {
    type: type.toString('latin1'),
    fingerprint: `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=$/, '')}`,
  };
  if (name === 'DSA') return { type: type.toString('latin1'), name, details, findings: [OUTDATED_DSA] };
  if (name !== 'RSA') return { type: type.toString('latin1'), name, details, findings: [] };
  const bits = bitLength(modulus ?? Buffer.alloc(0));
  details['bits'] = bits;
  return {
    type: 'ssh-rsa',
    name: `RSA ${bits}`,
    details,
    findings: bits < 2048 ? [shortKey('RSA key', bits)] : [],
  };
}

function bitLength(integer: Buffer): number {
  const first = integer.findIndex((octet) => octet !== 0);
  return first === -1 ? 0 : (integer.length - first) * 8 - Math.clz32(integer[first] ?? 0) + 24;
}

/** The strings (RFC 4251 section 5) at the front of `bytes`, at most `count`, up to the first that is cut off. */
function sshStrings(bytes: Buffer, count: number): Buffer[] {
  const strings: Buffer[] = [];
  for (let at = 0; strings.length < count && at + 4 <= bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    strings.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return strings;
}

const OPENSSH_MAGIC = 'openssh-key-v1\0';

/** The body of an `OPENSSH PRIVATE KEY`: its public part and its cipher stand in the open. */
export function inspectOpenSshPrivateKey(body: Uint8Array | null, form: string): Inspection {
  const bytes = Buffer.from(body ?? []);
  if (bytes.subarray(0, OPENSSH_MAGIC.length).toString('latin1') !== OPENSSH_MAGIC)
    return inspectPrivateKey(null, form, false);
  const rest = bytes.subarray(OPENSSH_MAGIC.length);
  const [cipher, kdf, options] = sshStrings(rest, 3);
  const encrypted = cipher !== undefined && cipher.toString('latin1') !== 'none';
  const at = 12 + (cipher?.length ?? 0) + (kdf?.length ?? 0) + (options?.length ?? 0) + 4;
  const [blob] = sshStrings(rest.subarray(at), 1);
  const key = blob === undefined ? null : describeSshBlob(blob);
  const rounds = kdf?.toString('latin1') === 'bcrypt' && options !== undefined ? bcryptRounds(options) : null;
  const inspection = inspectPrivateKey(null, form, encrypted, {
    ...key?.details,
    ...(rounds === null ? {} : { kdf: 'bcrypt_pbkdf', rounds }),
  });
  if (key === null) return inspection;
  return {
    ...inspection,
    summary: `A private key (OpenSSH, ${key.name}), ${encrypted ? 'under a passphrase; it was not opened' : 'not encrypted'}.`,
    findings: [...inspection.findings, ...key.findings],
  };
}

function bcryptRounds(options: Buffer): number | null {
  const at = 4 + (sshStrings(options, 1)[0]?.length ?? options.length);
  return at + 4 <= options.length ? options.readUInt32BE(at) : null;
}

/** The file of a PuTTY key, which holds the private part beside the public one. */
function inspectPutty(text: string): Inspection | null {
  const match = /^PuTTY-User-Key-File-[1-3]: ([a-z0-9-]{1,40})\r?\nEncryption: ([a-z0-9-]{1,20})\r?\n/.exec(text);
  if (match === null) return null;
  const [, type = '', cipher = ''] = match;
  const inspection = inspectPrivateKey(null, `PuTTY, ${SSH_NAMES[type] ?? type}`, cipher !== 'none', { type });
  if (type === 'ssh-dss') inspection.findings.push(OUTDATED_DSA);
  if (cipher !== 'none' && !text.startsWith('PuTTY-User-Key-File-3'))
    inspection.findings.push(
      finding(
        'medium',
        'weak_derivation',
        'Its passphrase is turned into a key by a bare SHA-1: guessing is cheap.',
        'Save it anew with PuTTYgen 0.75 or later (format 3).',
      ),
    );
  return inspection;
}
