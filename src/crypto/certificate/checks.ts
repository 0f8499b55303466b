/** The single checks of a judgement, each from what one part found out (CONTRACT: one of each, in a fixed order). */

import { createHash } from 'node:crypto';

import { rfc3339 } from '../text.js';
import type { ConnectionFacts } from './connection.js';
import { nearMiss, namesCover, showReference, type Reference } from './hostname.js';
import { CHECK_NAMES, type CheckName, type CheckDraft } from './judgement.js';
import { shortName, showGeneralName } from './names.js';
import { spkiPin, type Certificate } from './parse.js';
import { isPublicPath, type Path, type TrustAnchors } from './path.js';
import { keyName, lifetimeDays, publicLifetimeDays, type Fault } from './rules.js';
import { signatureKind } from './signature.js';

export type RevocationMode = 'soft' | 'hard' | 'off';

const DAY_MS = 86_400_000;

/** How long something still is, for a sentence: "60 more days", "less than a day". */
export function moreDays(until: Date, at: Date): string {
  const days = Math.floor((until.getTime() - at.getTime()) / DAY_MS);
  return days === 0 ? 'less than a day' : `${days} more day${days === 1 ? '' : 's'}`;
}

export function pass(check: CheckName, explanation: string): CheckDraft {
  return { check, status: 'pass', code: 'ok', explanation };
}

export function skipped(check: CheckName, code: string, explanation: string): CheckDraft {
  return { check, status: 'skipped', code, explanation };
}

/** In the order of the contract. */
export function inOrder(checks: readonly CheckDraft[]): CheckDraft[] {
  return CHECK_NAMES.flatMap((name) => checks.filter(({ check }) => check === name));
}

/** How the connection came about, or why it did not. */
export function connectionChecks(facts: ConnectionFacts | null): CheckDraft[] {
  if (facts === null) {
    return [
      skipped('connection', 'offline', 'No server was contacted.'),
      skipped('protocol', 'offline', 'No server was contacted.'),
    ];
  }
  return [connectionCheck(facts), protocolCheck(facts)];
}

function connectionCheck({ fault, address, port, clientCertificate }: ConnectionFacts): CheckDraft {
  if (clientCertificate === 'required') {
    return {
      check: 'connection',
      status: 'fail',
      code: 'client_certificate_required',
      explanation: 'The server ends the connection of a client that shows no certificate of its own.',
      remedy: 'Leave it so where only clients with a certificate are meant to connect; otherwise turn the demand off.',
    };
  }
  if (fault !== undefined) return { check: 'connection', status: 'fail', ...fault };
  const asked = clientCertificate === 'requested' ? ' It asks for a client certificate and goes on without.' : '';
  return pass('connection', `Connected to ${address ?? 'the server'}, port ${port}.${asked}`);
}

/** TLS 1.0 and 1.1 are withdrawn (RFC 8996). */
function protocolCheck({ protocol, cipher, keyExchange }: ConnectionFacts): CheckDraft {
  if (protocol === undefined) return skipped('protocol', 'no_handshake', 'No TLS version was agreed on.');
  if (protocol !== 'TLSv1.2' && protocol !== 'TLSv1.3') {
    return {
      check: 'protocol',
      status: 'fail',
      code: 'old_protocol',
      explanation: `The server speaks ${protocol} at best, which is withdrawn (RFC 8996) and refused by today's clients.`,
      remedy: 'Turn on TLS 1.2 and 1.3 in the server.',
    };
  }
  return pass('protocol', [protocol, cipher, keyExchange].filter((part) => part !== undefined).join(', '));
}

/** What OpenSSL calls a chain it could not check because of the time: not comparable where the judgement is for another time. */
const TIME_ERRORS: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

export interface ChainQuestion {
  path: Path;
  anchors: TrustAnchors;
  /** Null where no handshake is part of the judgement. */
  facts: ConnectionFacts | null;
  /** The judgement is for a time other than now. */
  timeGiven: boolean;
  /** The fault of a missing intermediate that was fetched since. */
  fetched: Fault | null;
}

/** Chain, and what else a path says of each certificate on it. */
export function pathChecks(question: ChainQuestion, at: Date): CheckDraft[] {
  const { path, anchors, fetched } = question;
  const of = (check: CheckName, otherwise: CheckDraft): CheckDraft => fromFaults(path.faults, check) ?? otherwise;
  const [leaf] = path.certificates as [Certificate];
  const keys = path.certificates.map(({ publicKey }) => keyName(publicKey));
  const signatures = path.certificates.map(({ signatureAlgorithm }) => signatureKind(signatureAlgorithm).name);
  return [
    fetched === null ? chainCheck(question) : fetchedCheck(fetched, path),
    of('validity', validityCheck(path, at)),
    of('purpose', pass('purpose', 'It is for TLS servers.')),
    of('key', pass('key', unique(keys).join(', '))),
    of('signature', pass('signature', unique(signatures).join(', '))),
    lifetimeCheck(leaf, path.anchored && isPublicPath(path.certificates, anchors)),
  ];
}

export function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function asCheck({
  check,
  severity,
  code,
  explanation,
  remedy,
  headline = explanation,
  action = remedy,
}: Fault): CheckDraft {
  return { check, status: severity, code, explanation, remedy, headline, action };
}

/** Faults of form, told after what is wrong with the substance. */
const FORMAL: ReadonlySet<string> = new Set(['key_identifier', 'serial_number', 'empty_subject']);

/** The first failure, else the first warning; the codes of the others are told after it. */
function fromFaults(faults: readonly Fault[], check: CheckName): CheckDraft | null {
  const own = faults.filter((fault) => fault.check === check);
  const failures = own.filter(({ severity }) => severity === 'fail');
  const first = failures.find(({ code }) => !FORMAL.has(code)) ?? failures[0] ?? own[0];
  if (first === undefined) return null;
  const others = unique(own.filter((fault) => fault !== first).map(({ explanation }) => explanation)).slice(0, 3);
  return { ...asCheck(first), explanation: [first.explanation, ...others].join(' ') };
}

function chainCheck({ path, facts, timeGiven }: ChainQuestion): CheckDraft {
  const fault = fromFaults(path.faults, 'chain');
  if (fault?.status === 'fail') return fault;
  const anchor = path.certificates.at(-1) as Certificate;
  const sound =
    fault ??
    pass('chain', `Leads to the trusted root ${shortName(anchor.subject)} in ${path.certificates.length - 1} steps.`);
  if (facts === null) return sound;
  const { opensslError } = facts;
  const remedy = 'Look at the chain with detail full; a trust store that differs from ours may be the cause.';
  if (opensslError === undefined) {
    return {
      check: 'chain',
      status: 'unknown',
      code: 'handshake_incomplete',
      explanation: 'By our own validation the chain is sound; the handshake ended before OpenSSL had judged it.',
      remedy: 'Mend the connection and check again.',
    };
  }
  if (opensslError !== null && !(timeGiven && TIME_ERRORS.has(opensslError)) && !path.faults.some(isFailure)) {
    return {
      check: 'chain',
      status: 'unknown',
      code: 'openssl_disagrees',
      explanation: `By our own validation the chain is sound; OpenSSL refuses it (${opensslError}).`,
      remedy,
    };
  }
  return sound;
}

/** The server did not send what was fetched since: a fault of its own beside those of the path found with it. */
function fetchedCheck(missing: Fault, path: Path): CheckDraft {
  const found = fromFaults([missing, ...path.faults], 'chain') ?? asCheck(missing);
  const root = shortName((path.certificates.at(-1) as Certificate).subject);
  return {
    ...found,
    headline: found.headline ?? found.explanation,
    explanation: `${found.explanation} With what was fetched the chain leads to the root ${root}.`,
  };
}

function isFailure({ severity }: Fault): boolean {
  return severity === 'fail';
}

/** A certificate should be renewed when a third of its life is left; late is a tenth (RFC 9773 takes the CA's word where it has one). */
function validityCheck({ certificates }: Path, at: Date): CheckDraft {
  const [leaf] = certificates as [Certificate];
  const soonest = certificates.reduce((first, entry) => (entry.notAfter < first.notAfter ? entry : first), leaf);
  const left = soonest.notAfter.getTime() - at.getTime();
  const life = leaf.notAfter.getTime() - leaf.notBefore.getTime();
  const days = Math.floor(left / DAY_MS);
  if (left < life / 10 || left < Math.min(DAY_MS, life / 3)) {
    const who = soonest === leaf ? 'It' : `The CA certificate ${shortName(soonest.subject)}`;
    return {
      check: 'validity',
      status: 'warn',
      code: 'expires_soon',
      explanation: `${who} expires in ${days < 1 ? 'less than a day' : `${days} days`} (${rfc3339(soonest.notAfter)}).`,
      remedy: 'Renew it now, and find out why it was not renewed by itself.',
    };
  }
  return pass('validity', `Valid until ${rfc3339(leaf.notAfter)}, ${moreDays(leaf.notAfter, at)}.`);
}

function lifetimeCheck(leaf: Certificate, isPublic: boolean): CheckDraft {
  const days = lifetimeDays(leaf);
  if (!isPublic)
    return skipped('lifetime', 'private_ca', `It lives ${days} days; the public rule does not bind private CAs.`);
  const allowed = publicLifetimeDays(leaf.notBefore);
  if (allowed === null || days <= allowed) return pass('lifetime', `It lives ${days} days.`);
  return {
    check: 'lifetime',
    status: 'fail',
    code: 'lifetime_too_long',
    explanation: `It lives ${days} days; a public certificate issued on ${rfc3339(leaf.notBefore).slice(0, 10)} may live ${allowed}.`,
    remedy: 'Have it issued anew for a shorter time.',
  };
}

export function hostnameCheck(leaf: Certificate, faults: readonly Fault[], reference: Reference | null): CheckDraft {
  const fault = fromFaults(faults, 'hostname');
  if (fault?.status === 'fail') return fault;
  if (reference === null) return skipped('hostname', 'not_asked', 'No server name was given.');
  const names = leaf.subjectAltNames ?? [];
  const wanted = showReference(reference);
  if (namesCover(names, reference)) return fault ?? pass('hostname', `It is for ${wanted}.`);
  const shown = names.slice(0, 5).map(showGeneralName);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  const near = nearMiss(names, reference);
  return {
    check: 'hostname',
    status: 'fail',
    code: 'hostname_mismatch',
    headline: `It is not for ${wanted}, but for ${shown.join(', ')}${more}.`,
    explanation: `It is not for ${wanted}, but for ${shown.join(', ')}${more}.${near === null ? '' : ` ${near}`}`,
    remedy: `Use a certificate that names ${wanted}, or connect by a name it has.`,
  };
}

const PIN = /^sha256\/([A-Za-z0-9+/]{43}=)$/;

/** The base64 of a pin `sha256/...`, or null where it is none. */
export function readPin(text: string): string | null {
  return PIN.exec(text.trim())?.[1] ?? null;
}

/** Any certificate of the path may match; what is not on the validated path does not (RFC 7469 section 2.6). */
export function pinCheck(path: Path, pins: readonly string[]): CheckDraft {
  if (pins.length === 0) return skipped('pin', 'not_asked', 'No pins were given.');
  const wanted = new Set(pins.map(readPin));
  const found = path.certificates.find((certificate) => wanted.has(spkiPin(certificate)));
  if (found === undefined) {
    return {
      check: 'pin',
      status: 'fail',
      code: 'pin_mismatch',
      explanation: 'No certificate of the chain has a key that was pinned.',
      action: 'Find out whether the key was changed on purpose.',
      remedy: `Find out whether the key was changed on purpose. The key of the certificate is sha256/${spkiPin(path.certificates[0] as Certificate)}.`,
    };
  }
  const where = found === path.certificates[0] ? 'the certificate itself' : shortName(found.subject);
  if (wanted.size === 1) {
    return {
      check: 'pin',
      status: 'warn',
      code: 'no_backup_pin',
      headline: `The pin matches ${where} and is the only one.`,
      explanation: `The pin matches ${where}. It is the only one: when that key changes, clients are locked out.`,
      remedy: 'Pin a second key that is kept elsewhere and not in use yet.',
    };
  }
  return pass('pin', `A pin matches ${where}.`);
}

/** SHA-256 of a certificate in lower-case hexadecimal. */
export function fingerprint(certificate: Certificate): string {
  return createHash('sha256').update(certificate.der).digest('hex');
}
