/** What an inspection says. Values from outside pass `shown`; secrets are never put into a report. */

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

/** A value from outside as it may be shown: text escaped, nested values as bounded JSON text. */
export function shown(value: unknown): string | number | boolean | null {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'string') return escapeUntrusted(value);
  return escapeUntrusted(JSON.stringify(value) ?? 'undefined');
}

/** A time in seconds since 1970 as RFC 3339, or null where it is none that a calendar has. */
export function timeOf(seconds: unknown): string | null {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || Math.abs(seconds) > 8.64e12) return null;
  return rfc3339(new Date(seconds * 1000));
}

const DAY_SECONDS = 86_400;

/** "3 days", "5 hours", "40 seconds". */
export function duration(seconds: number): string {
  const size = Math.abs(seconds);
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
