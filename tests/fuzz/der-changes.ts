/** DER taken to pieces, changed at one element and put together again with right lengths, so that the change reaches what reads it. */

export interface ElementChange {
  /** Which element, as a share of all. */
  which: number;
  /** Another, for a swap. */
  with: number;
  how: 'drop' | 'twice' | 'tag' | 'content' | 'flip' | 'swap' | 'empty' | 'wrap';
  code: number;
  content: Uint8Array;
}

interface Node {
  tag: number;
  /** What it holds, or the elements in it. */
  content: Buffer | Node[];
  /** Unused bits, where a BIT STRING holds elements. */
  prefix: Buffer;
}

const MAX_DEPTH = 40;

export function changeElement(bytes: Buffer, change: ElementChange): Buffer {
  const tree = read(bytes, 0);
  if (tree === null) return bytes;
  const all: { node: Node; siblings: Node[] }[] = [];
  const list = (siblings: Node[]): void => {
    for (const node of siblings) {
      all.push({ node, siblings });
      if (Array.isArray(node.content)) list(node.content);
    }
  };
  list(tree);
  const chosen = all[Math.floor(change.which * all.length)];
  const other = all[Math.floor(change.with * all.length)];
  if (chosen === undefined || other === undefined) return bytes;
  const { node, siblings } = chosen;
  const at = siblings.indexOf(node);
  switch (change.how) {
    case 'drop':
      siblings.splice(at, 1);
      break;
    case 'twice':
      siblings.splice(at, 0, node);
      break;
    case 'tag':
      node.tag = change.code;
      break;
    case 'content':
      node.content = Buffer.from(change.content);
      break;
    case 'flip':
      node.content = flipped(Buffer.concat([node.prefix, written(node.content)]), change);
      node.prefix = Buffer.alloc(0);
      break;
    case 'swap':
      // Its bytes as they were: an element must not come to lie in itself.
      siblings[at] = { tag: other.node.tag, content: written(other.node.content), prefix: other.node.prefix };
      break;
    case 'empty':
      node.content = [];
      break;
    case 'wrap':
      node.content = [{ tag: node.tag, content: written(node.content), prefix: node.prefix }];
      break;
    default:
      change.how satisfies never;
  }
  return written(tree);
}

/** So many SEQUENCEs, each in the next. */
export function nested(bytes: Buffer, times: number): Buffer {
  let all = bytes;
  for (let i = 0; i < times; i++) all = Buffer.concat([header(0x30, all.length), all]);
  return all;
}

function flipped(bytes: Buffer, { code, with: share }: ElementChange): Buffer {
  const copy = Buffer.from(bytes);
  const at = Math.floor(share * copy.length);
  if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (code || 1);
  return copy;
}

/** The elements that the bytes are, or null where they are none. What looks like elements within a string is taken for them too. */
function read(bytes: Buffer, depth: number): Node[] | null {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0xff;
    let start = at + 2;
    if (length > 0x80) {
      const octets = length & 0x7f;
      if (octets > 4 || start + octets > bytes.length) return null;
      length = bytes.readUIntBE(start, octets);
      start += octets;
    }
    if (length === 0x80 || start + length > bytes.length) return null;
    const content = bytes.subarray(start, start + length);
    const holds = (tag & 0x20) !== 0 || tag === 0x04 || tag === 0x03;
    const prefix = tag === 0x03 ? content.subarray(0, 1) : Buffer.alloc(0);
    const inner = holds && depth < MAX_DEPTH ? read(content.subarray(prefix.length), depth + 1) : null;
    nodes.push(inner === null ? { tag, content, prefix: Buffer.alloc(0) } : { tag, content: inner, prefix });
    at = start + length;
  }
  return nodes;
}

function written(content: Buffer | Node[]): Buffer {
  if (!Array.isArray(content)) return content;
  return Buffer.concat(
    content.flatMap(({ tag, content: inner, prefix }) => {
      const body = Buffer.concat([prefix, written(inner)]);
      return [header(tag, body.length), body];
    }),
  );
}

function header(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.from([tag, length]);
  const octets = length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
  const all = Buffer.alloc(2 + octets);
  all[0] = tag;
  all[1] = 0x80 | octets;
  all.writeUIntBE(length, 2, octets);
  return all;
}
