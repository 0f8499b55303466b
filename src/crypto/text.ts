/** Text on its way to a reader: what comes from outside (certificate names, token claims) escaped and bounded, times in one form. */

/**
 * Control, format (bidirectional, zero-width), private-use, unassigned and surrogate characters, line separators, and
 * letters and marks that draw nothing (variation selectors, fillers; Default_Ignorable_Code_Point of Unicode TR 44).
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/gu;

/**
 * Makes `text` safe to show: characters that a reader cannot see or that reorder what is read become `\u{...}`,
 * and more than `maxLength` characters are cut with an ellipsis.
 */
export function escapeUntrusted(text: string, maxLength = 200): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replaceAll(UNSAFE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`);
}

/** RFC 3339 in UTC, without a fraction where it is zero. */
export function rfc3339(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}
