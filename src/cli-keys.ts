/** `security-mcp keys`: the key ring for operators. Every command is a call through the pipeline, so that it is limited and audited. */

import type { CliWorld } from './cli.js';
import type { Config } from './config.js';

const MAX_FILE_BYTES = 65_536;

export const KEYS_USAGE = `usage: security-mcp keys COMMAND
  list [NAME]                                  keys, versions, states
  create NAME PURPOSE [ALGORITHM] [DAYS]       purpose jwt, envelope, hmac or file; DAYS until rotation is overdue
  rotate NAME                                  a new version becomes the primary
  retire NAME VERSION enabled|disabled|destroyed   (destroyed: in seven days)
  restore NAME VERSION                         undo a scheduled destruction
  destroy NAME VERSION                         destroy a disabled version now
  policy NAME JSON|-                           {"issuers":[],"audiences":[],"max_ttl_seconds":900}; {} lifts it
  export --public [NAME]                       the JWK Set of the public keys
  import NAME PURPOSE ALGORITHM FILE|-         a private key in PEM, or a private or secret JWK
`;

interface KeyCall {
  tool: string;
  input: Record<string, unknown>;
}

/** The call that the arguments ask for, or null where they ask for none. Names and numbers are judged by the tool. */
async function keyCall([command, ...args]: readonly string[], world: CliWorld): Promise<KeyCall | null> {
  const [name, second, third, fourth] = args;
  const takes = (least: number, most = least): boolean => args.length >= least && args.length <= most;
  const numbered = { name, version: Number(second) };
  switch (command) {
    case 'list':
      return takes(0, 1) ? { tool: 'key_list', input: name === undefined ? {} : { name } } : null;
    case 'export':
      if (name !== '--public' || !takes(1, 2)) return null;
      return { tool: 'key_list', input: { public: true, ...(second === undefined ? {} : { name: second }) } };
    case 'create': {
      if (!takes(2, 4)) return null;
      const [algorithm, days] = third !== undefined && /^\d+$/.test(third) ? [undefined, third] : [third, fourth];
      const more = {
        ...(algorithm === undefined ? {} : { algorithm }),
        ...(days === undefined ? {} : { rotate_after_days: Number(days) }),
      };
      return { tool: 'key_create', input: { name, purpose: second, ...more } };
    }
    case 'rotate':
      return takes(1) ? { tool: 'key_rotate', input: { name } } : null;
    case 'retire':
      return takes(3) ? { tool: 'key_retire', input: { ...numbered, state: third } } : null;
    case 'restore':
      return takes(2) ? { tool: 'keys_restore', input: numbered } : null;
    case 'destroy':
      return takes(2) ? { tool: 'keys_destroy', input: numbered } : null;
    case 'policy': {
      if (!takes(2) || second === undefined) return null;
      return {
        tool: 'keys_policy',
        input: { name, policy: second === '-' ? await world.readStdin(MAX_FILE_BYTES) : second },
      };
    }
    case 'import': {
      if (!takes(4) || fourth === undefined) return null;
      const literal = fourth === '-' ? await world.readStdin(MAX_FILE_BYTES) : world.readFile(fourth, MAX_FILE_BYTES);
      return { tool: 'keys_import', input: { name, purpose: second, algorithm: third, key_text: { literal } } };
    }
    default:
      return null;
  }
}

/** Gives the exit code: 0 done, 1 refused, 2 wrong usage. */
export async function runKeys(
  args: readonly string[],
  raw: boolean,
  config: Config,
  world: CliWorld,
  layOut: (value: unknown) => string,
): Promise<number> {
  let asked: KeyCall | null;
  try {
    asked = await keyCall(args, world);
  } catch {
    await world.printError('security-mcp: the file cannot be read, is no text in UTF-8, or is over 64 KiB.\n');
    return 2;
  }
  if (asked === null) {
    await world.printError(`security-mcp: ${KEYS_USAGE}`);
    return 2;
  }
  const { operator } = world.start(config);
  const result = await operator.call(asked.tool, asked.input, {
    name: 'command line',
    signal: new AbortController().signal,
  });
  if (result.kind === 'unknown_tool') return 2;
  if (result.kind === 'refused') {
    await world.print(raw ? `${JSON.stringify({ error: result.error })}\n` : `✗ ${layOut(result.error)}`);
    return 1;
  }
  // The set itself, for a file that others read.
  if (args[0] === 'export') await world.print(`${JSON.stringify(result.value['jwks'], null, 2)}\n`);
  else await world.print(raw ? `${JSON.stringify(result.value)}\n` : layOut(result.value));
  return 0;
}
