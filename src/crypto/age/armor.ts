/** The armor of age files (C2SP age, section "ASCII armor": RFC 7468 strictly), in pieces. */

const BEGIN = '-----BEGIN AGE ENCRYPTED FILE-----';
const END = '-----END AGE ENCRYPTED FILE-----';
/** 64 characters a line. */
const LINE_BYTES = 48;
const MAX_LINE = 64;

/** What may stand before and after the armor. */
const MAX_WHITESPACE = 1_024;
/** How much of a file says whether it is armored. */
export const ARMOR_HEAD_BYTES = MAX_WHITESPACE + BEGIN.length;

export function isArmored(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, ARMOR_HEAD_BYTES)).toString('latin1').trimStart().startsWith(BEGIN);
}

export async function* armored(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${BEGIN}\n`);
  let rest = Buffer.alloc(0);
  for await (const piece of pieces) {
    rest = Buffer.concat([rest, piece]);
    const whole = rest.length - (rest.length % LINE_BYTES);
    const lines: string[] = [];
    for (let at = 0; at < whole; at += LINE_BYTES) lines.push(rest.toString('base64', at, at + LINE_BYTES));
    if (lines.length > 0) yield Buffer.from(`${lines.join('\n')}\n`);
    rest = rest.subarray(whole);
  }
  if (rest.length > 0) yield Buffer.from(`${rest.toString('base64')}\n`);
  yield Buffer.from(`${END}\n`);
}

/** Throws for whatever is not exactly armor: other lines, other lengths, another spelling of the bytes, anything after it. */
export async function* unarmored(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let state = 'before' as 'before' | 'lines' | 'last' | 'after';
  let rest = '';
  const take = (line: string): Uint8Array | null => {
    if (state === 'before') {
      if (line.trim() === '') return null;
      if (line.trimStart() !== BEGIN) throw new Error('no armor');
      state = 'lines';
      return null;
    }
    if (state === 'after') {
      if (line.trim() !== '') throw new Error('something after the armor');
      return null;
    }
    if (line === END) {
      state = 'after';
      return null;
    }
    const bytes = Buffer.from(line, 'base64');
    if (state === 'last' || line.length > MAX_LINE || line === '' || bytes.toString('base64') !== line)
      throw new Error('no line of armor');
    if (line.length < MAX_LINE) state = 'last';
    return bytes;
  };
  for await (const piece of pieces) {
    rest += Buffer.from(piece).toString('latin1');
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    const found = lines.map((line) => take(line.replace(/\r$/, ''))).filter((bytes) => bytes !== null);
    if (found.length > 0) yield Buffer.concat(found);
    if (rest.length > 1_024) throw new Error('a line that is too long');
  }
  if (rest !== '') take(rest);
  if (state !== 'after') throw new Error('armor without an end');
}
