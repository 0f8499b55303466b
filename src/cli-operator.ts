/** Leaves the traces of an operator's command in the audit, where the command is no call of a tool. */

import { randomUUID } from 'node:crypto';

import type { App } from './app.js';
import { SecurityError } from './crypto/errors.js';

/**
 * Runs the work of a command between its two entries: `asked` before, `answered` with the outcome after. `begun`: whether the store
 * can take the first one (a restore comes into an empty store, whose audit it brings).
 */
export async function recorded<T>(app: App, command: string, work: () => Promise<T>, begun = true): Promise<T> {
  const call = { boot_id: randomUUID(), call_id: randomUUID(), tool: command, caller: 'command line' };
  const append = async (more: { event: string; outcome?: string; code?: string }): Promise<void> => {
    const { audit } = await app.storage();
    await audit.append({ time: new Date().toISOString(), ...call, ...more });
  };
  if (begun) await append({ event: 'asked' });
  try {
    const result = await work();
    await append({ event: 'answered', outcome: 'ok' });
    return result;
  } catch (error) {
    const told = error instanceof SecurityError ? { outcome: 'refused', code: error.code } : { outcome: 'failed' };
    // What went wrong is what must be told; that it could not be written down comes after.
    if (begun) await append({ event: 'answered', ...told }).catch(() => undefined);
    throw error;
  }
}
