/** Storing what a tool made instead of answering it: `save_as` of the tools that make secrets. */

import type { NewSecret } from '../crypto/secret.js';
import type { ToolContext } from './tool.js';

/** Throws `secret_exists` before any work is done for a name that is taken. */
export async function requireFree(name: string | undefined, { secrets }: Pick<ToolContext, 'secrets'>): Promise<void> {
  if (name !== undefined) await secrets.requireFree(name);
}

/** What stands in the answer: the value, or the reference to it where it was to be stored. Throws `secret_exists`. */
export async function save(
  name: string | undefined,
  secret: Omit<NewSecret, 'name'>,
  { secrets }: Pick<ToolContext, 'secrets'>,
): Promise<string> {
  if (name === undefined) return secret.value;
  await secrets.put({ name, ...secret });
  return `secret://${name}`;
}
