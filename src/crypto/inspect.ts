/** "What is this?": recognises security artefacts by their form and explains them. Needs no secret and shows none. */

import { fromAnyBase64, fromUtf8 } from './bytes.js';
import { readFernetKey } from './fernet.js';
import { inspectAge } from './inspect/age.js';
import { inspectJson } from './inspect/envelopes.js';
import { inspectHexDigest, inspectPasswordHash } from './inspect/hashes.js';
import { inspectKeyLine } from './inspect/key-lines.js';
import { inspectDer, inspectPem } from './inspect/pem.js';
import { bounded, finding, type Inspection } from './inspect/report.js';
import { inspectCompact, inspectFernet } from './inspect/tokens.js';

export type { Inspection } from './inspect/report.js';
export { SEVERITIES } from './inspect/report.js';

export const INSPECT_MAX_BYTES = 1_048_576;

/** Explains text. What nothing recognises comes back as kind `unknown`. The report is at most 16 KiB of JSON. */
export function inspectText(input: string, now: Date): Inspection {
  return bounded(recogniseText(input.trim(), now) ?? unknown(input.trim().length, 'characters'));
}

/** Explains bytes: DER structures and age files, and text where they are UTF-8. */
export function inspectBytes(bytes: Uint8Array, now: Date): Inspection {
  const age = inspectAge(Buffer.from(bytes.subarray(0, 65_536)).toString('latin1'), 'binary');
  if (age !== null) return bounded(age);
  const structure = bytes[0] === 0x30 ? inspectDer(bytes, now) : null;
  if (structure !== null) return bounded(structure);
  const text = fromUtf8(bytes)?.trim() ?? '';
  return bounded(recogniseText(text, now) ?? unknown(bytes.length, 'bytes'));
}

function recogniseText(text: string, now: Date): Inspection | null {
  if (text.includes('-----BEGIN ')) return inspectPem(text, now);
  // LDAP writes the scheme of a hash in braces.
  if (text.startsWith('{')) return inspectPasswordHash(text) ?? inspectJson(text, INSPECT_MAX_BYTES);
  const bare = text.replace(/^(?:Authorization: ?)?Bearer +/i, '');
  return (
    inspectAge(text, 'binary') ??
    inspectPasswordHash(text) ??
    inspectKeyLine(text) ??
    inspectCompact(bare, now) ??
    inspectFernet(bare, now) ??
    inspectHexDigest(text) ??
    inspectRawKey(text) ??
    inspectBase64(text, now)
  );
}

function inspectRawKey(text: string): Inspection | null {
  if (readFernetKey(text) === null) return null;
  const exposed = finding(
    'critical',
    'secret_key_exposed',
    'A symmetric key may have been pasted: whoever can read this conversation can use it.',
    'If it is one, replace it.',
  );
  return {
    kind: 'raw_key',
    summary: '32 bytes in base64url: the form of a Fernet key or of another symmetric key.',
    details: { bytes: 32 },
    findings: [exposed],
  };
}

/** Base64 of an age file or of DER, whose first byte is that of a SEQUENCE. */
function inspectBase64(text: string, now: Date): Inspection | null {
  const bytes = /^[A-Za-z0-9+/=_\s-]{40,}$/.test(text) ? fromAnyBase64(text) : null;
  if (bytes === null) return null;
  const age = inspectAge(Buffer.from(bytes.subarray(0, 65_536)).toString('latin1'), 'binary');
  return age ?? (bytes[0] === 0x30 ? inspectDer(bytes, now) : null);
}

function unknown(length: number, unit: string): Inspection {
  return {
    kind: 'unknown',
    summary: `Nothing known: ${length} ${unit} that are no token, hash, key, certificate, envelope or encrypted file of a kind recognised here.`,
    details: { [unit]: length },
    findings: [],
  };
}
