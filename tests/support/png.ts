/** Makes a PNG of Chromium smaller: the plain areas of a page are best left unfiltered (PNG, third edition, sections 9 and 10). */

import { deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE_BYTES = 8;

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xed_b8_83_20 : 0);
  }
  return ~crc >>> 0;
}

function chunk(type: string, content: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}

/** 8-bit RGB or RGBA, not interlaced, as Chromium writes it. */
export function smaller(png: Buffer): Buffer {
  const header = png.subarray(SIGNATURE_BYTES + 8, SIGNATURE_BYTES + 21);
  const parts: Buffer[] = [];
  for (let at = SIGNATURE_BYTES; at < png.length;) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const pixel = header[9] === 6 ? 4 : 3;
  const row = header.readUInt32BE(0) * pixel;
  const lines = inflateSync(Buffer.concat(parts));
  for (let start = 0; start < lines.length; start += row + 1) {
    const filter = lines[start];
    lines[start] = 0;
    for (let x = start + 1; x <= start + row; x++) {
      const left = x - start > pixel ? (lines[x - pixel] ?? 0) : 0;
      const up = start > 0 ? (lines[x - row - 1] ?? 0) : 0;
      const corner = start > 0 && x - start > pixel ? (lines[x - row - 1 - pixel] ?? 0) : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0;
      lines[x] = ((lines[x] ?? 0) + guess) & 0xff;
    }
  }
  const image = deflateSync(lines, { level: 9 });
  return Buffer.concat([
    png.subarray(0, SIGNATURE_BYTES),
    chunk('IHDR', header),
    chunk('IDAT', image),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
