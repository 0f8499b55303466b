/** The form of a task: what a user asks, the calls that a sound agent makes, how each refusal is mended, and what must be so in the end. */

export type Input = Record<string, unknown>;

/** What is known so far, by a dotted path: a fact of the task (`files`), or a part of an answer (`signed.token`, `list.keys.0.name`). */
export type From = (path: string) => unknown;

/** A refusal as the agent reads it. */
export interface Told {
  code: string;
  /** Message and hint: all that the mended call may rest on. */
  text: string;
  /** What the pattern finds in the text. */
  word(pattern: RegExp): string;
}

export interface Call {
  /** The name of its answer. */
  as: string;
  tool: string;
  input: Input | ((from: From) => Input);
  /** How the call is mended, one refusal after the other; without them it must pass at once. */
  mends?: readonly Mend[];
}

export interface Mend {
  /** The code of the error; of the check where a judgement is read, of the reason where a verdict is. */
  code: string;
  /** What must stand in the message or the hint. */
  says: RegExp;
  /** Where the refusal is no error but stands in an answer. */
  within?: (answer: Input) => { code: string; text: string } | undefined;
  /** Calls of tools that the error names, before the call is made again. */
  first?: readonly Call[];
  /** What the operator does: the first group of the pattern is the setting, the second its value where the error says it. */
  setting?: { pattern: RegExp; value?: (from: From) => string };
  /** Commands of the operator: the first group of the pattern is what follows `security-mcp`. */
  commands?: readonly OperatorCommand[];
  /** The next input of the same tool, from the refused one and the error; without it, the same once more. `done`: not again. */
  next?: 'done' | ((input: Input, told: Told, from: From) => Input);
  /** Fields whose new value is in neither the request, the answers nor the error, and why an agent has it all the same. */
  invents?: Readonly<Record<string, string>>;
}

export interface OperatorCommand {
  as: string;
  pattern: RegExp;
  /** Words of the error that stand for something, and for what. */
  with?: (from: From) => Record<string, string>;
  /** What follows the words. */
  more?: (from: From) => string[];
  /** What the operator types. */
  types?: (from: From) => string;
}

export interface World {
  /** A folder of the task, which SECURITY_MCP_FILES names unless the task has settings. */
  readonly files: string;
  /** Everything that the server said to the agent. */
  readonly said: string;
  /** A command of the operator, before the agent begins. */
  command(...args: string[]): Promise<Input>;
  /** To be done when the task is over. */
  after(end: () => unknown): void;
}

export interface Task {
  /** The words of the user; `{name}` is a fact of the task. */
  asks: string;
  /** Facts that are there before the first call. */
  given?: (world: World) => Input | Promise<Input>;
  /** With settings a task has a server of its own; without them it shares one with the others of its client. */
  settings?: Readonly<Record<string, string>> | ((world: World) => Record<string, string>);
  /** What the human types on the page that the client opens. */
  types?: string;
  calls: readonly Call[];
  outcome(from: From, world: World): unknown;
}

export interface Theme {
  name: string;
  /** Which client speaks to the server: 2.x, or 1.x where it is `classic`. */
  client?: 'modern' | 'classic';
  tasks: readonly Task[];
}

/** Reads a check of a certificate that failed, of the first target or of the one certificate. */
export function failedCheck(answer: Input): { code: string; text: string } | undefined {
  const { checks } = ((answer['results'] as Input[] | undefined)?.[0] ?? answer) as {
    checks?: { status: string; code: string; explanation: string; remedy?: string }[];
  };
  const failed = checks?.find(({ status }) => status === 'fail');
  return failed && { code: failed.code, text: `${failed.explanation} ${failed.remedy ?? ''}` };
}

/** Reads the warning of an answer that is otherwise good. */
export function warning(answer: Input): { code: string; text: string } | undefined {
  const text = answer['warning'];
  return typeof text === 'string' ? { code: 'warning', text } : undefined;
}

/** The input without these fields. */
export function without(input: Input, ...names: string[]): Input {
  return Object.fromEntries(Object.entries(input).filter(([name]) => !names.includes(name)));
}
