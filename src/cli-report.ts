/** `call certificate_check ... --html FILE`: the judgements of an answer as a page for people, in a file of its own. */

import { randomUUID } from 'node:crypto';
import { accessSync, constants, lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { fileFault } from './cli-fault.js';
import { SecurityError } from './crypto/errors.js';
import { judgementsIn } from './draw.js';

export interface ReportFile {
  path: string;
  overwrite: boolean;
}

/** The tools whose answers hold judgements. */
const JUDGING: ReadonlySet<string> = new Set(['certificate_check', 'certificate_verify']);

export const REPORT_USAGE =
  'usage: security-mcp call certificate_check|certificate_verify JSON --html FILE [--overwrite]\n';

/** Takes `--html FILE` and `--overwrite` out of the arguments; null where they are used wrongly. */
export function splitReport(args: readonly string[]): { rest: string[]; report?: ReportFile } | null {
  const rest = [...args];
  const overwriteAt = rest.indexOf('--overwrite');
  if (overwriteAt >= 0) rest.splice(overwriteAt, 1);
  const joined = rest.findIndex((argument) => argument.startsWith('--html='));
  if (joined >= 0) rest.splice(joined, 1, '--html', rest[joined]?.slice('--html='.length) ?? '');
  const at = rest.indexOf('--html');
  if (at < 0) return overwriteAt < 0 ? { rest } : null;
  const [, path] = rest.splice(at, 2);
  if (path === undefined || path === '' || path.startsWith('-') || !JUDGING.has(rest[0] ?? '')) return null;
  return { rest, report: { path, overwrite: overwriteAt >= 0 } };
}

/** Before the call: nobody is to wait for a hundred servers and then have no place for what was found. Throws `SecurityError`. */
export function requirePlace({ path, overwrite }: ReportFile): void {
  try {
    accessSync(dirname(path), constants.W_OK);
    if (/[\\/]$/.test(path)) throw refused('That is a folder.', 'Give the name of a file in it.');
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isFile()) throw refused('That is no regular file.', 'Give another name.');
    if (!overwrite) throw exists();
  } catch (error) {
    throw error instanceof SecurityError ? error : fileFault(error);
  }
}

/** Writes the page whole or not at all. It holds nothing secret: everybody whom the folder lets in may read it. */
export async function writeReport(report: ReportFile, answer: Record<string, unknown>, version: string): Promise<void> {
  const { reportPage } = await import('./view/page.js');
  const html = reportPage(judgementsIn(answer) ?? [], { version, at: new Date() });
  const { path, overwrite } = report;
  // What is there is replaced by a whole page; a new file is made so that none which came meanwhile is lost.
  const written = overwrite ? join(dirname(path), `.${randomUUID()}.part`) : path;
  try {
    const mode = overwrite ? lstatSync(path, { throwIfNoEntry: false })?.mode : undefined;
    writeFileSync(written, html, { flag: 'wx', ...(mode === undefined ? {} : { mode: mode & 0o777 }) });
    if (overwrite) renameSync(written, path);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') throw exists();
    rmSync(written, { force: true });
    throw fileFault(error);
  }
}

function exists(): SecurityError {
  return refused('There is a file of that name already.', 'Give another name, or --overwrite to replace it.');
}

function refused(message: string, hint: string): SecurityError {
  return new SecurityError('file_exists', message, { hint });
}
