/** Explains age files (age-encryption.org/v1) by their header, which names the kinds of recipients. */

import { finding, type Finding, type Inspection } from './report.js';

const AGE_MAGIC = 'age-encryption.org/v1\n';
const MAX_HEADER = 65_536;
const MAX_RECIPIENTS = 32;
/** age's own bounds of the scrypt work factor: 18 is what it writes, 22 the most it reads. */
const WORK_FACTOR = { least: 15, advised: 18, most: 22 } as const;

/** An age file as latin1 text, or null where it does not begin like one. */
export function inspectAge(text: string, form: 'binary' | 'armor'): Inspection | null {
  if (!text.startsWith(AGE_MAGIC)) return null;
  const head = text.slice(0, MAX_HEADER);
  const end = head.indexOf('\n---');
  const stanzas = [
    ...head.slice(0, end === -1 ? undefined : end).matchAll(/^-> ([A-Za-z0-9_./@+-]{1,40})((?: [!-~]{1,200}){0,8})$/gm),
  ];
  const types = stanzas.map(([, type = '']) => type);
  const [, factor] =
    stanzas
      .find(([, type]) => type === 'scrypt')?.[2]
      ?.trim()
      .split(' ') ?? [];
  const workFactor = factor !== undefined && /^\d{1,3}$/.test(factor) ? Number(factor) : null;
  const findings: Finding[] = [];
  if (end === -1) findings.push(finding('low', 'header_cut_off', 'Its header has no end.', 'Give the whole file.'));
  if (workFactor !== null) findings.push(...workFactorFindings(workFactor));
  if (types.includes('scrypt') && types.length > 1)
    findings.push(
      finding('high', 'mixed_recipients', 'A passphrase stands beside other recipients; age refuses such a file.'),
    );
  const kinds = [...new Set(types)].slice(0, 6).join(', ');
  const under =
    types.join() === 'scrypt'
      ? 'under a passphrase (scrypt)'
      : `for ${types.length} recipient${types.length === 1 ? '' : 's'} (${kinds || 'none read'})`;
  return {
    kind: 'age_file',
    summary: `A file encrypted with age ${under}; it was not opened.`,
    details: {
      form,
      recipients: types.slice(0, MAX_RECIPIENTS),
      recipient_count: types.length,
      ...(workFactor === null ? {} : { scrypt_work_factor: workFactor }),
    },
    findings,
  };
}

function workFactorFindings(workFactor: number): Finding[] {
  const { least, advised, most } = WORK_FACTOR;
  if (workFactor > advised)
    return [
      finding(
        'medium',
        'excessive_work_factor',
        workFactor > most
          ? `Its scrypt work factor 2^${workFactor} is over 2^${most}, the most that age accepts.`
          : `Its scrypt work factor 2^${workFactor} takes ${2 ** (workFactor - 10)} MiB of memory to open.`,
      ),
    ];
  return workFactor < least
    ? [
        finding(
          'medium',
          'weak_derivation',
          `Its scrypt work factor 2^${workFactor} makes guessing the passphrase cheap.`,
          `Encrypt it anew: age writes 2^${advised}.`,
        ),
      ]
    : [];
}
