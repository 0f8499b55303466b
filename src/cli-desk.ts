/** `security-mcp desk`: the pages on which servers of this user wait for the human, shown on a terminal only. */

import type { Config } from './config.js';
import { tellRefusal } from './cli-fault.js';
import { processOf, readNotices } from './desk/notice.js';
import { Home } from './storage/home.js';

interface World {
  isTerminal: boolean;
  userId: number | undefined;
  isAlive(processId: number): boolean;
  print(text: string): Promise<void>;
  printError(text: string): Promise<void>;
}

const [OK, FAILED, USAGE] = [0, 1, 2];

/** Shows what is pending and gives the exit code. What a process that has ended left behind is taken away. */
export async function deskCommand(args: readonly string[], world: World, { home: folder }: Config): Promise<number> {
  if (args.length > 0) {
    await world.printError('security-mcp: usage: security-mcp desk\n');
    return USAGE;
  }
  if (!world.isTerminal) {
    // An agent that runs commands reads what they print; a person looks at a terminal.
    await world.printError(
      'security-mcp: addresses of the desk are shown on a terminal only. Run it there yourself.\n',
    );
    return FAILED;
  }
  try {
    const pages = folder === undefined ? [] : pendingIn(new Home(folder, world.userId), world);
    for (const { kind, name, caller, address, expiresAt } of pages) {
      const what = kind === 'ask' ? `wants you to type the secret ${name}` : `wants to show you the secret ${name}`;
      const until = new Date(expiresAt).toISOString().slice(11, 19);
      await world.print(`${caller} ${what}, until ${until} UTC:\n  ${address}\n`);
    }
    if (pages.length === 0) await world.print('Nothing is pending.\n');
    return OK;
  } catch (error) {
    await tellRefusal(error, world);
    return FAILED;
  }
}

function pendingIn(home: Home, world: World): ReturnType<typeof readNotices> {
  return home.names().flatMap((name) => {
    const processId = processOf(name);
    if (processId === null) return [];
    if (world.isAlive(processId)) return readNotices(home.read(name) ?? '', Date.now());
    home.remove(name);
    return [];
  });
}
