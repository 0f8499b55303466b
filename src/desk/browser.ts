/** Opens an address in the human's browser: BROWSER where it is set, else what the system opens addresses with. */

import { spawn } from 'node:child_process';

/** Whether a browser was started. */
export type OpenBrowser = (url: string) => Promise<boolean>;

/** What tells whether there is a browser that this human can see. */
export interface BrowserSurroundings {
  platform: string;
  environment: Readonly<Record<string, string | undefined>>;
}

/** What a browser has no use for: our secrets. */
const WITHHELD = /^(?:SECURITY_MCP_|JWT_SECRET_KEY)/;

export function createBrowserOpener({ platform, environment }: BrowserSurroundings): OpenBrowser {
  const childEnvironment = Object.fromEntries(Object.entries(environment).filter(([name]) => !WITHHELD.test(name)));
  return async (url) => {
    for (const [command, args] of commandsIn(environment['BROWSER'], url)) {
      if (await starts(command, args, childEnvironment)) return true;
    }
    if (!hasScreen(platform, environment)) return false;
    try {
      const { default: open } = await import('open');
      await open(url);
      return true;
    } catch {
      return false;
    }
  };
}

/** BROWSER holds commands with `:` between; `%s` in one stands for the address, which otherwise comes last. No shell reads it. */
export function commandsIn(setting: string | undefined, url: string): [command: string, args: string[]][] {
  return (setting ?? '').split(':').flatMap((entry) => {
    const [command, ...args] = entry.trim().split(/\s+/);
    if (command === undefined || command === '' || command.startsWith('%')) return [];
    const filled = args.map((argument) => argument.replaceAll('%s', () => url));
    return [[command, args.some((argument) => argument.includes('%s')) ? filled : [...filled, url]]];
  });
}

/** A login from elsewhere has its screen elsewhere, and Linux without a display has none. */
function hasScreen(platform: string, environment: Readonly<Record<string, string | undefined>>): boolean {
  const isSet = (name: string): boolean => (environment[name] ?? '') !== '';
  if (isSet('SSH_CONNECTION') || isSet('SSH_TTY')) return false;
  return platform === 'darwin' || platform === 'win32' || ['DISPLAY', 'WAYLAND_DISPLAY', 'WSL_DISTRO_NAME'].some(isSet);
}

function starts(command: string, args: string[], env: Record<string, string | undefined>): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', detached: true, env });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
