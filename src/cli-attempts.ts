/** The commands on the limits on guessing, for operators: who is held back, and letting them go. */

import type { App } from './app.js';
import { recorded } from './cli-operator.js';
import type { Config } from './config.js';
import { tellRefusal } from './cli-fault.js';
import { listAttempts, resetAttempts, type HeldSubject } from './storage/attempts.js';

interface World {
  start(config: Config): App;
  print(text: string): Promise<void>;
  printError(text: string): Promise<void>;
}

const [OK, FAILED, USAGE] = [0, 1, 2];
const USAGE_TEXT = 'security-mcp: usage: security-mcp attempts list | reset SUBJECT | reset --all\n';
/** A fingerprint, as `list` shows it. */
const SUBJECT = /^[A-Za-z0-9_-]{43}$/;

/** Runs one of them and gives the exit code. */
export async function attemptsCommand(
  [command, target, ...more]: readonly string[],
  json: boolean,
  world: World,
  config: Config,
): Promise<number> {
  const isReset = command === 'reset' && target !== undefined && (target === '--all' || SUBJECT.test(target));
  if (more.length > 0 || !(isReset || (command === 'list' && target === undefined))) {
    await world.printError(USAGE_TEXT);
    return USAGE;
  }
  try {
    const app = world.start(config);
    const { store } = await app.storage();
    if (!isReset) {
      const attempts = await listAttempts(store);
      await world.print(json ? `${JSON.stringify({ attempts })}\n` : table(attempts));
      return OK;
    }
    const subject = target === '--all' ? null : target;
    const reset = await recorded(app, 'attempts_reset', () => resetAttempts(store, subject));
    await world.print(json ? `${JSON.stringify({ reset })}\n` : `${reset} reset\n`);
    return reset > 0 || target === '--all' ? OK : FAILED;
  } catch (error) {
    await tellRefusal(error, world);
    return FAILED;
  }
}

function table(attempts: readonly HeldSubject[]): string {
  if (attempts.length === 0) return 'No wrong attempts are held against anything.\n';
  const lines = attempts.map(({ subject, consecutive_failures, blocked_until, last_attempt_at }) => {
    const state = blocked_until === null ? 'free' : blocked_until === 'reset' ? 'until reset' : blocked_until;
    return `${subject}  ${String(consecutive_failures).padStart(8)}  ${state.padEnd(24)}  ${last_attempt_at}`;
  });
  return `${'subject'.padEnd(43)}  failures  ${'blocked until'.padEnd(24)}  last attempt\n${lines.join('\n')}\n`;
}
