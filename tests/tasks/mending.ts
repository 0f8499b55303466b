/** The rule of mending: what an agent changes after a refusal is named by the error, and what it puts there was said before. */

import type { Input } from './task.js';

export interface Mending {
  before: Input;
  after: Input;
  /** Message and hint of the error. */
  told: string;
  /** The words of the user and of the answers so far. */
  heard: string;
  /** The fields of the tool, as its schema lists them. */
  fields: readonly string[];
}

/** The fields and names that the error does not name, and the fields whose new value comes from nowhere. */
export function unfounded({ before, after, told, heard, fields }: Mending): { unnamed: string[]; invented: string[] } {
  const named = new Set(told.match(/\w+/g));
  const said = `${heard} ${spoken(before)} ${told}`;
  const [unnamed, invented]: [string[], string[]] = [[], []];
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, fresh] = [before[field], after[field]];
    if (JSON.stringify(old) === JSON.stringify(fresh)) continue;
    // A field that the tool does not have is not repeated by the error: that it is none is seen in the list.
    if (fresh === undefined && !fields.includes(field)) continue;
    const names = [field, ...keysOf(old).filter((name) => !keysOf(fresh).includes(name))];
    unnamed.push(...names.filter((name) => !named.has(name)));
    const kept = leaves(old);
    if (!leaves(fresh).every((value) => kept.includes(value) || wasSaid(value, said))) invented.push(field);
  }
  return { unnamed, invented };
}

/** The values of a call in between that come from nowhere. */
export function unheard(input: Input, heard: string): unknown[] {
  return leaves(input).filter((value) => !wasSaid(value, heard));
}

/** Values of the input that are longer than a name of ours and stand in the error all the same. */
export function echoed(input: Input, told: string): unknown[] {
  return leaves(input).filter((value) => typeof value === 'string' && value.length > 10 && told.includes(value));
}

/** A value as it is heard: the JSON, and its texts without the escapes of JSON. */
export function spoken(value: unknown): string {
  return `${JSON.stringify(value)} ${leaves(value).map(String).join(' ')}`;
}

function leaves(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return value === undefined ? [] : [value];
  return Object.values(value).flatMap(leaves);
}

function keysOf(value: unknown): string[] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}

/** Every word of a text, which may be part of a longer one; a number or truth value as a word, thousands with or without a comma. */
function wasSaid(value: unknown, said: string): boolean {
  if (typeof value === 'string') return value.split(/\s+/).every((word) => said.includes(word));
  const words = said.replaceAll(/(?<=\d),(?=\d{3})/g, '').split(/[^\w.-]+/);
  return words.some((word) => word.replace(/\.$/, '') === String(value));
}
