/** PEM blocks in a text (RFC 7468 section 2). */

import { fromAnyBase64 } from './bytes.js';

export interface PemBlock {
  label: string;
  body: string;
  /** Both marker lines included. */
  whole: string;
  /** Where in the text it ends. */
  end: number;
}

const BEGIN = '-----BEGIN ';
const DASHES = '-----';
const MAX_LABEL = 40;

/** At most `maxBlocks` blocks of a text, up to the first that has no end. What has no label is passed over. Linear in the text. */
export function pemBlocks(text: string, maxBlocks = 10_000): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (let begin = text.indexOf(BEGIN); begin !== -1 && blocks.length < maxBlocks;) {
    const labelStart = begin + BEGIN.length;
    const labelEnd = text.slice(labelStart, labelStart + MAX_LABEL + DASHES.length).indexOf(DASHES) + labelStart;
    const label = text.slice(labelStart, labelEnd);
    if (labelEnd < labelStart || !/^[A-Z0-9 ]+$/.test(label)) {
      begin = text.indexOf(BEGIN, labelStart);
      continue;
    }
    const marker = `-----END ${label}-----`;
    const end = text.indexOf(marker, labelEnd + DASHES.length);
    if (end === -1) break;
    const next = end + marker.length;
    blocks.push({ label, body: text.slice(labelEnd + DASHES.length, end), whole: text.slice(begin, next), end: next });
    begin = text.indexOf(BEGIN, next);
  }
  return blocks;
}

/** The bytes of a body without its header lines (RFC 1421 section 4.6), or null where they are not base64. */
export function pemBytes(body: string): Uint8Array | null {
  return fromAnyBase64(body.replaceAll(/^[A-Za-z-]+:.*$/gm, ''));
}
