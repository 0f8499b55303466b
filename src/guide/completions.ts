/** Completions of prompts' arguments: names of keys and secrets, which come through the pipeline as a call does, and algorithms. */

import { ENVIRONMENT_KEY } from '../crypto/keyring.js';
import type { Caller, Pipeline } from '../guard/call.js';
import type { Prompt, Vocabulary } from './prompts.js';

/** What the protocol allows in one answer (MCP, completion). */
const MAX_VALUES = 100;

export type Completion = { values: string[]; total: number; hasMore: boolean };

const NONE: Completion = { values: [], total: 0, hasMore: false };

export type Complete = (prompt: string, argument: string, begun: string, caller: Caller) => Promise<Completion>;

export function completionsOf(pipeline: Pipeline, prompts: readonly Prompt[]): Complete {
  const listed = async (tool: string, list: string, caller: Caller): Promise<{ name: string; purpose?: string }[]> => {
    const result = await pipeline.call(tool, {}, caller);
    return result.kind === 'answered' ? (result.value[list] as { name: string; purpose?: string }[]) : [];
  };
  const words: Readonly<Record<Vocabulary, (caller: Caller) => Promise<string[]>>> = {
    // The key of JWT_SECRET_KEY is changed where it is set.
    stored_keys: async (caller) =>
      (await listed('key_list', 'keys', caller)).map(({ name }) => name).filter((name) => name !== ENVIRONMENT_KEY),
    token_keys: async (caller) =>
      (await listed('key_list', 'keys', caller)).filter(({ purpose }) => purpose === 'jwt').map(({ name }) => name),
    secrets: async (caller) => (await listed('secret_list', 'secrets', caller)).map(({ name }) => name),
  };
  return async (promptName, argumentName, begun, caller) => {
    const prompt = prompts.find(({ name }) => name === promptName);
    const argument = prompt?.arguments.find(({ name }) => name === argumentName);
    if (argument === undefined) return NONE;
    const { completedFrom, choices = [] } = argument;
    const found = completedFrom === undefined ? choices : await words[completedFrom](caller);
    const all = argument.byReference ? found.map((name) => `secret://${name}`) : found;
    const fitting = all.filter((word) => word.startsWith(begun) || word.startsWith(`secret://${begun}`)).toSorted();
    return { values: fitting.slice(0, MAX_VALUES), total: fitting.length, hasMore: fitting.length > MAX_VALUES };
  };
}
