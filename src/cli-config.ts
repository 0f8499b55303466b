/** `security-mcp config CLIENT`: the entry for a client, with the settings in force, and without any secret. */

import { CLIENTS, clientEntry, type Client, type Program } from './clients.js';
import {
  FILE_TWINS,
  isPlaceholder,
  SECRET_VARIABLES,
  VARIABLES,
  type ConfigResult,
  type Environment,
} from './config.js';

interface World {
  program: Program;
  environment: Environment;
  loadConfig(): ConfigResult;
  /** A path as it is from the folder of this process. */
  absolute(path: string): string;
  print(text: string): Promise<void>;
  printError(text: string): Promise<void>;
}

const [OK, USAGE] = [0, 2];

export async function configCommand([name, ...extra]: readonly string[], world: World): Promise<number> {
  const client = CLIENTS.find((known): known is Client => known === name);
  if (client === undefined || extra.length > 0) {
    await world.printError(`security-mcp: usage: security-mcp config CLIENT\nClients: ${CLIENTS.join(', ')}\n`);
    return USAGE;
  }
  const loaded = world.loadConfig();
  if ('problems' in loaded) {
    await world.printError('security-mcp: with these settings the server would not start:\n');
    for (const problem of loaded.problems) await world.printError(`  - ${problem}\n`);
    return USAGE;
  }
  const { settings, secrets } = settingsOf(world, loaded.config.home);
  const { text, place } = clientEntry(client, world.program, settings);
  await world.print(`${text}\n`);
  await world.printError(`\nThis belongs into ${place}.\n`);
  for (const secret of secrets)
    await world.printError(
      `${secret} is set and was left out, for it is a secret: write it into a file that only you can read, and set ${secret}_FILE.\n`,
    );
  if (settings['SECURITY_MCP_EXPOSE_ENV'] !== undefined)
    await world.printError(
      'SECURITY_MCP_EXPOSE_ENV lists variables that the client must pass on too: add them to the entry, or to what starts the client.\n',
    );
  if (/[\\/]_npx[\\/]/.test(world.program.script))
    await world.printError('This copy lies in the cache of npx, which is emptied: install it with npm first.\n');
  return OK;
}

/** Name one file each. */
const PATHS = new Set([...FILE_TWINS, 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS']);

/**
 * What is set of the settings that count: those that may be written down, and the names of those that may not. A host gives its servers
 * little of the environment, so what decides where the store is, and what is trusted, stands in the entry.
 */
function settingsOf(
  { environment, absolute }: World,
  home: string | undefined,
): { settings: Record<string, string>; secrets: string[] } {
  const isSecret = new Set<string>(SECRET_VARIABLES);
  const names = [...VARIABLES.map(([name]) => name as string), ...PATHS];
  const set = names.flatMap((name): [string, string][] => {
    const value = environment[name];
    if (value === undefined || value.trim() === '' || isPlaceholder(value)) return [];
    return [[name, PATHS.has(name) ? absolute(value) : value]];
  });
  const isMoved = (environment['XDG_DATA_HOME'] ?? '') !== '' && !set.some(([name]) => name === 'SECURITY_MCP_HOME');
  if (isMoved && home !== undefined) set.unshift(['SECURITY_MCP_HOME', home]);
  return {
    settings: Object.fromEntries(set.filter(([name]) => !isSecret.has(name))),
    secrets: set.map(([name]) => name).filter((name) => isSecret.has(name)),
  };
}
