/**
 * Plays a task without a model. The agent knows the user's words, the list of tools, the answers so far and the error in front of it;
 * what it changes after a refusal must be in them, and is refused here where it is not.
 */

import { expect } from 'vitest';

import { Host, newFolder, type ClientKind, type ToolAnswer } from './host.js';
import { echoed, spoken, unfounded, unheard } from './mending.js';
import type { Call, From, Input, Mend, OperatorCommand, Task, Told, World } from './task.js';

/** Plays the task on the shared host, or on one of its own where it has settings. */
export async function play(task: Task, kind: ClientKind, shared: () => Promise<[Host, string]>): Promise<void> {
  const ends: (() => unknown)[] = [];
  const own = task.settings !== undefined || task.types !== undefined;
  const [host, files] = own ? [new Host(kind, task.types), newFolder()] : await shared();
  if (!own && task.calls.some(({ mends = [] }) => mends.some(({ setting }) => setting !== undefined)))
    throw new Error('a task that changes settings needs a server of its own: give it settings');
  let agent: Agent | undefined;
  const world: World = {
    files,
    get said() {
      return agent?.said ?? '';
    },
    command: (...args) => host.command(args, ''),
    after: (end) => void ends.push(end),
  };
  try {
    const facts = { files, ...(await task.given?.(world)) };
    if (own) {
      const { settings = { SECURITY_MCP_FILES: files } } = task;
      ends.push(() => host.end());
      await host.start(typeof settings === 'function' ? settings(world) : settings);
    }
    agent = new Agent(task, facts, host);
    for (const call of task.calls) await agent.make(call);
    await task.outcome(agent.from, world);
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

class Agent {
  /** Every answer, in the order in which they came. */
  said = '';
  readonly #known: Record<string, unknown>;
  readonly #host: Host;
  /** The words of the user and of every answer. */
  #heard: string;

  constructor(task: Task, facts: Record<string, unknown>, host: Host) {
    this.#known = facts;
    this.#host = host;
    this.#heard = task.asks.replaceAll(/\{(\w+)\}/g, (_all, name: string) => String(this.from(name)));
  }

  readonly from: From = (path) => {
    let value: unknown = this.#known;
    for (const part of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
    if (value === undefined) throw new Error(`nothing is known of ${path}`);
    return value;
  };

  async make({ as, tool, input: given, mends = [] }: Call): Promise<void> {
    expect([...this.#host.tools.keys()]).toContain(tool);
    let input = typeof given === 'function' ? given(this.from) : given;
    for (const mend of mends) {
      const told = this.#refusal(await this.#call(tool, input), input, mend);
      expect(told.text).toMatch(mend.says);
      for (const call of mend.first ?? []) {
        this.#expectKnown(call, told);
        await this.make(call);
      }
      await this.#ask(mend, told);
      if (mend.next === 'done') return;
      if (mend.next === undefined) continue;
      const next = mend.next(structuredClone(input), told, this.from);
      this.#expectMended(tool, input, next, told, mend.invents ?? {});
      input = next;
    }
    const { isError, structuredContent, content } = await this.#call(tool, input);
    expect(isError, JSON.stringify(content)).not.toBe(true);
    this.#hear(as, structuredContent ?? {});
  }

  /** Makes the call, and hears what is said. */
  async #call(tool: string, input: Input): Promise<ToolAnswer> {
    const answer = await this.#host.call(tool, input);
    this.said += `${JSON.stringify(answer)}\n`;
    return answer;
  }

  #hear(as: string, answer: Input): void {
    this.#known[as] = answer;
    this.#heard += ` ${spoken(answer)}`;
  }

  #refusal({ isError, structuredContent, content }: ToolAnswer, input: Input, { code, within }: Mend): Told {
    const read = within?.(structuredContent ?? {});
    if (within !== undefined) this.#heard += ` ${spoken(structuredContent)}`;
    else expect(isError, `${code} was awaited, not ${JSON.stringify(structuredContent)}`).toBe(true);
    const { error } = (isError === true ? JSON.parse(content?.[0]?.text ?? '{}') : {}) as {
      error?: { code: string; message: string; hint: string };
    };
    if (error !== undefined)
      expect(echoed(input, `${error.message} ${error.hint}`), 'an error echoes input').toEqual([]);
    const told = read ?? (error && { code: error.code, text: `${error.message} ${error.hint}` });
    expect(told?.code, JSON.stringify(structuredContent ?? error)).toBe(code);
    const text = told?.text ?? '';
    return {
      code,
      text,
      word: (pattern) => {
        const found = pattern.exec(text)?.[1];
        if (found === undefined) throw new Error(`${String(pattern)} is not in: ${text}`);
        return found;
      },
    };
  }

  /** What the operator does, in the words of the error alone. */
  async #ask({ setting, commands = [] }: Mend, told: Told): Promise<void> {
    if (setting !== undefined) {
      const [, name, value] = setting.pattern.exec(told.text) ?? [];
      expect(name, told.text).toMatch(/^SECURITY_MCP_[A-Z_]+$/);
      await this.#host.restart({ [name ?? '']: value ?? setting.value?.(this.from) ?? '' });
    }
    for (const command of commands) this.#hear(command.as, await this.#run(command, told));
  }

  async #run({ pattern, with: stands, more, types }: OperatorCommand, told: Told): Promise<Input> {
    const words = told.word(pattern).split(' ');
    const meant = stands?.(this.from) ?? {};
    const args = words.map((word) => meant[word] ?? word);
    return this.#host.command([...args, ...(more?.(this.from) ?? [])], types?.(this.from) ?? '');
  }

  /** A call in between: the error names its tool; its fields are known from the list, its values from what was heard. */
  #expectKnown({ tool, input: given }: Call, told: Told): void {
    expect(told.text.match(/\w+/g)).toContain(tool);
    const input = typeof given === 'function' ? given(this.from) : given;
    expect(this.#fieldsOf(tool)).toEqual(expect.arrayContaining(Object.keys(input)));
    expect(unheard(input, `${this.#heard} ${told.text}`), 'comes from nowhere').toEqual([]);
  }

  #expectMended(
    tool: string,
    before: Input,
    after: Input,
    told: Told,
    invents: Readonly<Record<string, string>>,
  ): void {
    const fields = this.#fieldsOf(tool);
    const { unnamed, invented } = unfounded({ before, after, told: told.text, heard: this.#heard, fields });
    expect(unnamed, `not named by: ${told.text}`).toEqual([]);
    // What comes from nowhere is declared, and nothing is declared that does not.
    expect(invented.toSorted()).toEqual(Object.keys(invents).toSorted());
  }

  #fieldsOf(tool: string): string[] {
    return Object.keys(this.#host.tools.get(tool)?.inputSchema.properties ?? {});
  }
}
