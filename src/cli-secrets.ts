/** `security-mcp secret`: the stored secrets for operators. Every command is a call through the pipeline; no value is ever printed. */

import type { CliWorld } from './cli.js';
import type { Config } from './config.js';

const USAGE_TEXT = `usage: security-mcp secret COMMAND
  set NAME [--overwrite]     asks for the value, or reads it from standard input
  list [NAME]                names, kinds, origins, fingerprints
  delete NAME                can be undone for seven days
  deleted                    what can still be restored
  restore NAME               undo a deletion
  destroy NAME               destroy it now, and free the name
`;

interface SecretCall {
  tool: string;
  input: Record<string, unknown>;
}

/** The call that the arguments ask for; 'usage' where they ask for none, 'nothing' where no value was given. */
async function secretCall(
  [command, ...args]: readonly string[],
  world: CliWorld,
): Promise<SecretCall | 'usage' | 'nothing'> {
  const words = args.filter((argument) => argument !== '--overwrite');
  const overwrite = words.length < args.length;
  const [name] = words;
  if (words.length > 1 || args.length - words.length > 1 || (overwrite && command !== 'set')) return 'usage';
  if (command === 'list') return { tool: 'secret_list', input: name === undefined ? {} : { name } };
  if (name === undefined) return 'usage';
  switch (command) {
    case 'set': {
      const value = await world.askSecret(`Value of ${/^[a-z0-9._-]+$/.test(name) ? name : 'the secret'}`, true);
      if (value === null) return 'nothing';
      return { tool: 'secrets_set', input: { name, value: { literal: value }, ...(overwrite ? { overwrite } : {}) } };
    }
    case 'delete':
      return { tool: 'secret_delete', input: { name } };
    case 'restore':
      return { tool: 'secrets_restore', input: { name } };
    case 'destroy':
      return { tool: 'secrets_destroy', input: { name } };
    default:
      return 'usage';
  }
}

/** Gives the exit code: 0 done, 1 refused, 2 wrong usage. */
export async function secretCommand(
  args: readonly string[],
  raw: boolean,
  config: Config,
  world: CliWorld,
  layOut: (value: unknown) => string,
): Promise<number> {
  const app = world.start(config);
  if (args.length === 1 && args[0] === 'deleted') {
    const deleted = (await (await app.storage()).secrets.listDeleted()).map(({ name, kind, restorableUntil }) => ({
      name,
      kind,
      restorable_until: new Date(restorableUntil).toISOString(),
    }));
    await world.print(raw ? `${JSON.stringify({ deleted })}\n` : layOut({ deleted }));
    return 0;
  }
  const asked = await secretCall(args, world);
  if (asked === 'usage') {
    await world.printError(`security-mcp: ${USAGE_TEXT}`);
    return 2;
  }
  if (asked === 'nothing') {
    await world.printError('security-mcp: no value was given, or the two differ: nothing was stored.\n');
    return 1;
  }
  const result = await app.operator.call(asked.tool, asked.input, {
    name: 'command line',
    signal: new AbortController().signal,
  });
  if (result.kind === 'unknown_tool') return 2;
  if (result.kind === 'refused') {
    await world.print(raw ? `${JSON.stringify({ error: result.error })}\n` : `✗ ${layOut(result.error)}`);
    return 1;
  }
  await world.print(raw ? `${JSON.stringify(result.value)}\n` : layOut(result.value));
  return 0;
}
