/** Calls as the documents show them, and how an answer of today is compared with one that was written down. */

/** What differs from one run to the next, by kind: the whole value fits its pattern, or it counts as another value. */
const KINDS = {
  time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/,
  number: /^\d+(?:\.\d+)?$/,
  bcrypt: /^\$2b\$12\$[./A-Za-z0-9]{53}$/,
  jwt: /^[\w-]+\.[\w-]+\.[\w-]{43}$/,
  uuid: /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/,
  hex: /^[\da-f]{16,64}$/,
  base64: /^[\w+/-]{16,}={0,2}$/,
  age: /^age1[\da-z]{58}$/,
  checkpoint: /^security-mcp-audit-1 [\da-f-]{36} \d+ [\w-]{43} [\dT:.-]+Z [\w-]{86}$/,
} as const;

/** `envelope`: its algorithms and counts are the same. `text`: only the times in it differ. */
export type Kind = keyof typeof KINDS | 'envelope' | 'text';

/** Which fields differ, by name, at whatever depth. */
export type Varies = Readonly<Record<string, Kind>>;

/** In a JWE, and in the form of the earlier service. */
const IN_ENVELOPE: Varies = {
  encrypted_key: 'base64',
  p2s: 'base64',
  iv: 'base64',
  ciphertext: 'base64',
  tag: 'base64',
  encrypted_data: 'base64',
  salt: 'base64',
};

function maskOne(value: unknown, kind: Kind): unknown {
  if (Array.isArray(value)) return value.map((item) => maskOne(item, kind));
  if (kind === 'text') return String(value).replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<time>');
  if (kind === 'envelope') return mask(JSON.parse(String(value)), IN_ENVELOPE, new Set());
  return KINDS[kind].test(String(value)) ? `<${kind}>` : value;
}

function mask(value: unknown, varies: Varies, seen: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => mask(item, varies, seen));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const kind = Object.hasOwn(varies, name) ? varies[name] : undefined;
      if (kind === undefined || inner === null) return [name, mask(inner, varies, seen)];
      seen.add(name);
      return [name, maskOne(inner, kind)];
    }),
  );
}

/** The value with `<kind>` in place of what differs. Throws where a declared field is not there. */
export function masked(value: unknown, varies: Varies): unknown {
  const seen = new Set<string>();
  const result = mask(value, varies, seen);
  const missing = Object.keys(varies).filter((name) => !seen.has(name));
  if (missing.length > 0) throw new Error(`nothing called ${missing.join(', ')} in ${JSON.stringify(value)}`);
  return result;
}

/** The value with every `from` in its text replaced. */
export function replaced<T>(value: T, pairs: readonly (readonly [from: string, to: string])[]): T {
  let text = JSON.stringify(value);
  for (const [from, to] of pairs)
    text = text.replaceAll(JSON.stringify(from).slice(1, -1), JSON.stringify(to).slice(1, -1));
  return JSON.parse(text) as T;
}

export interface DocumentedCall {
  tool: string;
  input: Record<string, unknown>;
  answer: Record<string, unknown>;
}

/** The calls of a Markdown text: `→ tool {input}`, then `← {answer}`, each on one line or laid out over several. */
export function callsIn(markdown: string): DocumentedCall[] {
  const calls = markdown.matchAll(/^→ (\w+) (\{[\s\S]*?\})\n← (\{[\s\S]*?\})\n(?=→|```)/gm);
  return [...calls].map(([, tool = '', input = '', answer = '']) => ({
    tool,
    input: JSON.parse(input) as Record<string, unknown>,
    answer: JSON.parse(answer) as Record<string, unknown>,
  }));
}
