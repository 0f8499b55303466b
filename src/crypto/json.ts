/** JSON from outside, bounded before it is parsed. */

export interface JsonBounds {
  maxBytes: number;
  maxDepth: number;
}

/**
 * Parses `text`, or gives undefined where it is not JSON, too large or nested too deep.
 * The depth is counted on the text, so that nothing recurses over what an attacker nested.
 */
export function parseBoundedJson(text: string, bounds: JsonBounds): unknown {
  if (text.length > bounds.maxBytes || Buffer.byteLength(text) > bounds.maxBytes) return undefined;
  if (jsonDepth(text, bounds.maxDepth) > bounds.maxDepth) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The deepest nesting of arrays and objects in `text`; stops counting at `limit + 1`. */
function jsonDepth(text: string, limit: number): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x7b || c === 0x5b) {
      depth++;
      if (depth > deepest) deepest = depth;
      if (deepest > limit) return deepest;
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
  return deepest;
}

/** Whether a value already parsed nests deeper than `maxDepth`, walked without recursion. */
export function isDeeperThan(value: unknown, maxDepth: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = [];
    for (const node of level) {
      if (typeof node !== 'object' || node === null) continue;
      if (depth >= maxDepth) return true;
      for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) next.push(child);
    }
    level = next;
  }
  return false;
}
