/** Asks a person on the terminal for a secret, which does not appear there; without a terminal it is the standard input. */

import type { ReadStream } from 'node:tty';

const MAX_BYTES = 65_536;

export interface PromptWorld {
  stdin: ReadStream | (NodeJS.ReadStream & { isTTY?: boolean });
  stderr: NodeJS.WriteStream;
  readStdin(maxBytes: number): Promise<string>;
}

/** The line that was typed, or null where it was broken off (Ctrl-C, Ctrl-D at its beginning). */
export function readHidden(question: string, { stdin, stderr }: PromptWorld): Promise<string | null> {
  return new Promise((resolve) => {
    let typed = '';
    stderr.write(question);
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    const end = (answer: string | null): void => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      resolve(answer);
    };
    const onData = (text: string): void => {
      for (const character of text) {
        if (character === '\r' || character === '\n') return end(typed);
        if (character === '\u0003' || (character === '\u0004' && typed === '')) return end(null);
        if (character === '\u007F' || character === '\b') typed = Array.from(typed).slice(0, -1).join('');
        else if (character >= ' ' && typed.length < MAX_BYTES) typed += character;
      }
    };
    stdin.on('data', onData);
    stdin.resume();
  });
}

/**
 * A secret for a command: asked for (twice where `confirm` is set) on a terminal, else the whole standard input but for one line end.
 * Null where it was broken off, is empty, or the two differ.
 */
export async function askSecret(question: string, confirm: boolean, world: PromptWorld): Promise<string | null> {
  if (world.stdin.isTTY !== true) {
    const given = (await world.readStdin(MAX_BYTES)).replace(/\r?\n$/, '');
    return given === '' ? null : given;
  }
  const first = await readHidden(`${question}: `, world);
  if (first === null || first === '') return null;
  if (!confirm) return first;
  const second = await readHidden(`${question} (again): `, world);
  return first === second ? first : null;
}
