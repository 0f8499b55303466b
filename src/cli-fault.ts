/** Refusals and faults, told to a person. */

import { SecurityError } from './crypto/errors.js';

/** What a person is told where a file could not be read or written. */
export function fileFault(error: unknown): SecurityError {
  const { code } = error as NodeJS.ErrnoException;
  const why: Record<string, string> = {
    ENOENT: 'There is no such file or folder.',
    EACCES: 'The file or folder may not be used.',
    EPERM: 'The file or folder may not be used.',
    EISDIR: 'That is a folder.',
    ENOTDIR: 'The path leads through something that is no folder.',
    ENAMETOOLONG: 'The name is too long.',
    ENOSPC: 'The disk is full.',
    EROFS: 'The disk is read-only.',
    EEXIST: 'There is a file of that name already.',
  };
  const message = code === undefined ? undefined : why[code];
  if (message === undefined) throw error;
  return new SecurityError('input_invalid', message, { hint: 'Check the path, then try again.' });
}

/** Tells a refusal; whatever else was thrown is thrown on. */
export async function tellRefusal(
  error: unknown,
  { printError }: { printError(text: string): Promise<void> },
): Promise<void> {
  if (!(error instanceof SecurityError)) throw error;
  await printError(`security-mcp: ${error.message} ${error.hint}\n`);
}
