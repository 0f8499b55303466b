/** `security-mcp config CLIENT`: the entry for a client, with the settings in force, and without any secret. */

import { CLIENTS, clientEntry, type Client, type Program } from './clients.js';
import { FILE_TWINS, SECRET_VARIABLES, VARIABLES, type Environment } from './config.js';

interface World {
  program: Program;
  environment: Environment;
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
  const { settings, secrets } = settingsOf(world.environment);
  const { text, place } = clientEntry(client, world.program, settings);
  await world.print(`${text}\n`);
  await world.printError(`\nThis belongs into ${place}.\n`);
  for (const secret of secrets)
    await world.printError(
      `${secret} is set and was left out, for it is a secret: write it into a file that only you can read, and set ${secret}_FILE.\n`,
    );
  if (/[\\/]_npx[\\/]/.test(world.program.script))
    await world.printError('This copy lies in the cache of npx, which is emptied: install it with npm first.\n');
  return OK;
}

/** What is set of our own settings: those that may be written down, and the names of those that may not. */
function settingsOf(environment: Environment): { settings: Record<string, string>; secrets: string[] } {
  const isSecret = new Set<string>(SECRET_VARIABLES);
  const set = [...VARIABLES.map(([name]) => name as string), ...FILE_TWINS].flatMap((name): [string, string][] => {
    const value = environment[name];
    return value === undefined || value.trim() === '' ? [] : [[name, value]];
  });
  return {
    settings: Object.fromEntries(set.filter(([name]) => !isSecret.has(name))),
    secrets: set.map(([name]) => name).filter((name) => isSecret.has(name)),
  };
}
