/** Secrets, MACs and digests are compared in constant time: by `equalBytes` of crypto/bytes.ts and by nothing else. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';

import { parseAst } from 'rolldown/parseAst';
import { describe, expect, it } from 'vitest';

interface Node {
  type: string;
  start: number;
  end: number;
  [property: string]: unknown;
}

/** What is compared is judged by the last word of its name: `row.mac`, `expectedDigest`, `digest.toString('hex')`. */
const SECRET_WORDS =
  /^(?:mac|hmac|digest|tag|secret|password|passphrase|fingerprint|signature|token|nonce|pin|key|hash|plaintext)s?$/;

/** Comparisons of what only has such a name, with what it is. */
const PUBLIC: Readonly<Record<string, string>> = {
  'crypto/certificate/crl-entries.ts: bytes[this.at] !== tag': 'a tag of DER',
  'crypto/certificate/der.ts: found !== tag': 'a tag of DER',
  'crypto/certificate/der.ts: this.peeked === tag': 'a tag of DER',
  'crypto/certificate/signature.ts: hashName !== maskHash': 'names of algorithms',
};

const COMPARING_METHODS = new Set(['equals', 'compare', 'localeCompare']);
const COMPARING_OPERATORS = new Set(['===', '!==', '==', '!=']);

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) if (isNode(child)) yield* nodesOf(child);
}

/** Through `as`, `!`, `await`, `?.` and brackets. */
function bare(node: Node): Node {
  const inner = node['expression'] ?? node['argument'];
  const isWrapping = /^(?:TS(?:As|NonNull|Satisfies)|Parenthesized|Await|Chain)Expression$/.test(node.type);
  return isWrapping && isNode(inner) ? bare(inner) : node;
}

/** The name by which an operand goes, or null where it has none: literals, arithmetic, `typeof`, lengths. */
function nameOf(given: Node): string | null {
  const node = bare(given);
  if (node.type === 'Identifier') return String(node['name']);
  if (node.type === 'MemberExpression') {
    const property = node['property'] as Node;
    if (node['computed'] === true)
      return property.type === 'Literal' && typeof property['value'] === 'string' ? property['value'] : null;
    return String(property['name']);
  }
  if (node.type !== 'CallExpression') return null;
  const callee = bare(node['callee'] as Node);
  const name = nameOf(callee);
  // `mac.toString('hex')` and `hex(mac)` are the MAC in another form.
  const isMethod = callee.type === 'MemberExpression' && /^(?:to[A-Z]\w*|slice|subarray|trim)$/.test(name ?? '');
  const [argument] = node['arguments'] as Node[];
  const isFunction = /^(?:from|hex|base64|base64url|base64urlPadded|utf8|String)$/.test(name ?? '');
  if (isMethod) return nameOf(callee['object'] as Node);
  return isFunction && argument !== undefined ? nameOf(argument) : name;
}

function isSecret(name: string): boolean {
  const last = name.split(/(?=[A-Z])|_/).at(-1) ?? '';
  return SECRET_WORDS.test(last.toLowerCase());
}

const isConstant = (node: Node): boolean =>
  ['Literal', 'TemplateLiteral', 'UnaryExpression'].includes(bare(node).type) ||
  /^(?:undefined|[A-Z][A-Z0-9_]+)$/.test(nameOf(node) ?? '') ||
  // Members of tables, such as DER's tags.
  /^(?:[A-Z][A-Z0-9_]+|contextTag)$/.test(headOf(node));

function headOf(given: Node): string {
  const node = bare(given);
  const inner = node['object'] ?? node['callee'];
  return isNode(inner) ? headOf(inner) : node.type === 'Identifier' ? String(node['name']) : '';
}

/** The comparisons of a file that take as long as what is compared is alike. */
function comparisonsOf(code: string): string[] {
  const found: string[] = [];
  for (const node of nodesOf(parseAst(code, { lang: 'ts' }) as unknown as Node)) {
    const text = code.slice(node.start, node.end);
    if (node.type === 'BinaryExpression' && COMPARING_OPERATORS.has(String(node['operator']))) {
      const sides = [node['left'] as Node, node['right'] as Node];
      if (!sides.some(isConstant) && sides.some((side) => isSecret(nameOf(side) ?? ''))) found.push(text);
    }
    if (node.type === 'CallExpression') {
      const callee = bare(node['callee'] as Node);
      const method = callee.type === 'MemberExpression' ? (nameOf(callee) ?? '') : '';
      if (COMPARING_METHODS.has(method)) found.push(text);
    }
    if (node.type === 'Identifier' && node['name'] === 'timingSafeEqual') found.push('timingSafeEqual');
  }
  return found;
}

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(sep).join('/'))
  .filter((name) => name.endsWith('.ts'));

describe('comparing', () => {
  it('what is secret goes by the one helper, in every file', () => {
    const found = files
      .filter((file) => file !== 'crypto/bytes.ts')
      .flatMap((file) => comparisonsOf(readFileSync(join('src', file), 'utf8')).map((text) => `${file}: ${text}`));
    expect(found.filter((entry) => PUBLIC[entry] === undefined)).toEqual([]);
    expect(Object.keys(PUBLIC).filter((entry) => !found.includes(entry))).toEqual([]);
  });

  it.each([
    'if (mac === row.mac) open();',
    'const same = expectedDigest.toString("hex") !== hex(digest);',
    'return (await hashOf(text)) == stored!.digest;',
    'return hash.digest().equals(expected);',
    'return Buffer.compare(left, right) === 0;',
    'return Buffer.from(tag).toString("hex") === given;',
    'const ok = options["password"] === password;',
    'return this.#secret !== (given as string);',
    'return fingerprint?.slice(0, 8) === other;',
    "import { timingSafeEqual } from 'node:crypto';",
    'return createHmac("sha256", k).update(text).digest("hex") === given;',
  ])('another way would be noticed: %s', (code) => {
    expect(comparisonsOf(`async function planted() { ${code} }`.replace(/^.*(import .*;) }$/, '$1'))).not.toEqual([]);
  });

  it.each([
    'return equalBytes(mac, row.mac);',
    'return mac === null || digest !== undefined || password === "";',
    'return typeof secret === "string" && tag.length === TAG_BYTES && salt.length !== 16;',
    'return element.tag === TAG.integer || tag === contextTag(0, true);',
    'return hash === "unknown" || algorithm === other;',
  ])('what is no comparison of secrets is let be: %s', (code) => {
    expect(comparisonsOf(`function allowed() { ${code} }`)).toEqual([]);
  });
});
