/** Completions of prompts' arguments: names of keys and secrets, which come through the pipeline as a call does, and algorithms. */

import type { Caller, Pipeline } from '../guard/call.js';
import type { Prompt, Vocabulary } from './prompts.js';

/** What the protocol allows in one answer (MCP, completion). */
const MAX_VALUES = 100;

export type Completion = { values: string[]; total: number; hasMore: boolean };

const NONE: Completion = { values: [], total: 0, hasMore: false };

export type Complete = (prompt: string, argument: string, begun: string, caller: Caller) => Promise<Completion>;

export function completionsOf(pipeline: Pipeline, prompts: readonly Prompt[], algorithms: readonly string[]): Complete {
  const namesIn = async (tool: string, list: string, caller: Caller): Promise<string[]> => {
    const result = await pipeline.call(tool, {}, caller);
    if (result.kind !== 'answered') return [];
    return (result.value[list] as { name: string }[]).map(({ name }) => name);
  };
  const words: Readonly<Record<Vocabulary, (caller: Caller) => Promise<readonly string[]>>> = {
    keys: (caller) => namesIn('key_list', 'keys', caller),
    secrets: (caller) => namesIn('secret_list', 'secrets', caller),
    password_algorithms: async () => algorithms,
  };
  return async (promptName, argumentName, begun, caller) => {
    const prompt = prompts.find(({ name }) => name === promptName);
    const argument = prompt?.arguments.find(({ name }) => name === argumentName);
    if (argument?.completedFrom === undefined) return NONE;
    const found = await words[argument.completedFrom](caller);
    const all = argument.byReference ? found.map((name) => `secret://${name}`) : found;
    const fitting = all.filter((word) => word.startsWith(begun) || word.startsWith(`secret://${begun}`)).toSorted();
    return { values: fitting.slice(0, MAX_VALUES), total: fitting.length, hasMore: fitting.length > MAX_VALUES };
  };
}
