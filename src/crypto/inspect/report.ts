/** What an inspection says. Values from outside pass `shown`; secrets are never put into a report, and its size is bounded. */

import { escapeUntrusted, rfc3339 } from '../text.js';

export const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Finding {
  code: string;
  severity: Severity;
  explanation: string;
  remedy?: string;
}

export interface Inspection {
  kind: string;
  /** One sentence in plain words. */
  summary: string;
  details: Record<string, unknown>;
  findings: Finding[];
}

export function finding(severity: Severity, code: string, explanation: string, remedy?: string): Finding {
  return { code, severity, explanation, ...(remedy === undefined ? {} : { remedy }) };
}

const MAX_SUMMARY_CHARACTERS = 700;
const MAX_FINDINGS = 16;
const MAX_DETAILS_BYTES = 8_192;

/** A report of at most some 14 KiB: each finding once, the gravest first; what of the details does not fit is counted. */
export function bounded({ kind, summary, details, findings }: Inspection): Inspection {
  const once = new Map(findings.map((entry) => [`${entry.code} ${entry.explanation}`, entry]));
  const rank = (entry: Finding): number => SEVERITIES.indexOf(entry.severity);
  return {
    kind,
    summary: escapeUntrusted(summary, MAX_SUMMARY_CHARACTERS),
    details: fitted(details, { left: MAX_DETAILS_BYTES }) as Record<string, unknown>,
    findings: [...once.values()].toSorted((a, b) => rank(b) - rank(a)).slice(0, MAX_FINDINGS),
  };
}

/** A copy that stops where the budget of bytes is spent. Recurses over what reports are made of, which is four levels at most. */
function fitted(value: unknown, budget: { left: number }): unknown {
  if (typeof value !== 'object' || value === null) {
    budget.left -= Buffer.byteLength(JSON.stringify(value) ?? '') + 1;
    return value;
  }
  const entries = Object.entries(value);
  const kept: [string, unknown][] = [];
  for (const [name, entry] of entries) {
    if (!Array.isArray(value)) budget.left -= Buffer.byteLength(JSON.stringify(name)) + 1;
    const copy = budget.left > 0 ? fitted(entry, budget) : undefined;
    // What made the budget go under is left out too, unless it is a structure that was cut inside.
    if (budget.left <= 0 && (typeof copy !== 'object' || copy === null)) break;
    kept.push([name, copy]);
  }
  const omitted = entries.length - kept.length;
  if (Array.isArray(value))
    return [...kept.map(([, entry]) => entry), ...(omitted > 0 ? [`(${omitted} more left out)`] : [])];
  return Object.fromEntries([...kept, ...(omitted > 0 ? [['left_out', omitted]] : [])] as [string, unknown][]);
}

const HIDDEN = '[hidden]';
const SECRET_NAME =
  /pass(?:w|phrase|code)|^pwd$|secret(?!ar)|credential|^authorization$|cookie$|(?:private|api|access|signing|encryption)[_-]?key|token$/i;
/** "password_changed_at", "token_expires_in": about a secret, and none. */
const NUMBER_ABOUT = /(?:[_-](?:at|in|age|date|time|count|length|expires|expiry)|At|In|Age|Count|Length)$/;
/** The private members of a JWK (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1). */
const PRIVATE_JWK_MEMBERS = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']);

/** Whether the name of a member says that its value is a secret. */
export function isSecretMember(name: string, value: unknown): boolean {
  if (typeof value === 'boolean' || value === null || value === '') return false;
  return SECRET_NAME.test(name) && !(typeof value === 'number' && NUMBER_ABOUT.test(name));
}

/** Text without the secrets that are known by their form: private keys, age identities, passwords and tokens in URLs. */
function withoutSecrets(text: string): string {
  return text
    .replaceAll(
      /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}-----|$)/g,
      HIDDEN,
    )
    .replaceAll(/AGE-SECRET-KEY-[0-9A-Z-]+/gi, HIDDEN)
    .replaceAll(/:\/\/[^\s/?#"]*/g, (authority) => {
      const at = authority.lastIndexOf('@');
      return at !== -1 && authority.slice(3, at).includes(':') ? `://${HIDDEN}@${authority.slice(at + 1)}` : authority;
    })
    .replaceAll(
      /([?&#;][\w.-]{0,40}?(?:passw|pwd|secret|token|api_?key|signature)[\w.-]{0,40}=)[^&\s#"]+/gi,
      `$1${HIDDEN}`,
    );
}

/** A parsed JSON value without its secrets. The caller has bounded its depth. */
function withSecretsHidden(value: unknown): unknown {
  if (typeof value === 'string') return withoutSecrets(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withSecretsHidden);
  const isJwk = 'kty' in value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      isSecretMember(name, member) || (isJwk && PRIVATE_JWK_MEMBERS.has(name)) ? HIDDEN : withSecretsHidden(member),
    ]),
  );
}

/** Text from outside as it may be shown: without secrets, escaped, at most `maxLength` characters of it. */
export function shownText(text: string, maxLength = 200): string {
  return escapeUntrusted(withoutSecrets(text), maxLength);
}

/** A value from outside as it may be shown: text without secrets and escaped, nested values as bounded JSON text. */
export function shown(value: unknown): string | number | boolean | null {
  if (typeof value === 'boolean' || value === null) return value;
  // JSON has numbers that no double holds: 1e999 is read as Infinity, which no JSON can say.
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string') return shownText(value);
  return escapeUntrusted(JSON.stringify(withSecretsHidden(value)) ?? 'undefined');
}

/** The members of an object from outside, as they may be shown; those named like secrets are hidden. */
export function shownObject(object: Record<string, unknown>, maxMembers = 32): Record<string, unknown> {
  const entries = Object.entries(object);
  const told = entries
    .slice(0, maxMembers)
    .map(([name, value]) => [shownText(name, 60), isSecretMember(name, value) ? HIDDEN : shown(value)] as const);
  const rest = entries.length - told.length;
  return Object.fromEntries([...told, ...(rest > 0 ? [['left_out', rest] as const] : [])]);
}

/** A time in seconds since 1970 as RFC 3339, or null where it is none that a calendar has. */
export function timeOf(seconds: unknown): string | null {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || Math.abs(seconds) > 8.64e12) return null;
  return rfc3339(new Date(seconds * 1000));
}

const DAY_SECONDS = 86_400;
const YEAR_SECONDS = 365 * DAY_SECONDS;

/** "30 years", "3 days", "5 hours", "40 seconds". Under two years it counts in days. */
export function duration(seconds: number): string {
  const size = Math.abs(seconds);
  if (size > 10_000 * YEAR_SECONDS) return 'more than 10,000 years';
  if (size >= 2 * YEAR_SECONDS) return `${Math.floor(size / YEAR_SECONDS)} years`;
  const units: readonly (readonly [number, string])[] = [
    [DAY_SECONDS, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ];
  const [unit, name] = units.find(([length]) => size >= length) ?? [1, 'second'];
  const count = Math.floor(size / unit);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
