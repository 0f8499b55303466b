/** What may be said of refused input, of causes and of audited fields: names and problems, never values. */

import type { Tool } from '../tools/tool.js';

/** The part of a zod issue that is read here. */
export interface Issue {
  code: string;
  path: readonly PropertyKey[];
  message: string;
  [detail: string]: unknown;
}

export interface Refusal {
  message: string;
  hint: string;
}

const MAX_NAMED = 3;

/** Says which fields are wrong and how. Only field names that the tool itself declares are ever repeated. */
export function explainIssues(issues: readonly Issue[], tool: Tool, raw: unknown): Refusal {
  const fields = `Fields of ${tool.name}: ${tool.fields.join(', ')}.`;
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys' && issue.path.length === 0);
  // What is of the wrong type is not judged by its length as well: a text in place of a list has not too many characters.
  const mistyped = new Set<string>();
  const isFirst = ({ code, path }: Issue): boolean => {
    const at = JSON.stringify(path);
    if (mistyped.has(at)) return false;
    if (code === 'invalid_type') mistyped.add(at);
    return true;
  };
  const problems = issues
    .filter((issue) => issue !== unknown && isFirst(issue))
    .slice(0, MAX_NAMED)
    .map((issue) =>
      isMissing(issue, raw)
        ? `${pathOf(issue, tool)} is missing: it ${issue.code === 'invalid_union' ? 'must be text' : problemOf(issue)}`
        : `${pathOf(issue, tool)} ${problemOf(issue)}`,
    );
  // `arguments` within the arguments: something that is no object was given in their place, or an object too many around them.
  if ((unknown?.['keys'] as string[] | undefined)?.includes('arguments') === true)
    problems.push('the arguments must be one object with the fields of this tool');
  else if (unknown !== undefined) problems.push('a field was given that this tool does not have');
  // A sentence begins with a capital, a field name stays as it is.
  const text = problems.join('; ').replace(/^(?:a|the) /, (word) => word.charAt(0).toUpperCase() + word.slice(1));
  return { message: `${text}.`, hint: fields };
}

function isMissing({ path }: Issue, raw: unknown): boolean {
  const [field, ...rest] = path;
  return (
    typeof field === 'string' && rest.length === 0 && (raw as Record<string, unknown> | null)?.[field] === undefined
  );
}

function pathOf(issue: Issue, tool: Tool): string {
  const [field, ...rest] = issue.path;
  if (typeof field !== 'string' || !tool.fields.includes(field)) return 'the arguments';
  const index = rest.find((part) => typeof part === 'number');
  return index === undefined ? field : `${field}[${String(index)}]`;
}

function problemOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${withArticle(String(issue['expected']))}`;
    case 'invalid_value':
      return `must be one of ${(issue['values'] as unknown[]).map(String).join(', ')}`;
    case 'too_big':
      return `must be at most ${String(issue['maximum'])}${unitOf(issue)}`;
    case 'too_small':
      return `must be at least ${String(issue['minimum'])}${unitOf(issue)}`;
    case 'invalid_format':
      return issue['format'] === 'regex' ? issue.message : 'must be a time in RFC 3339, such as 2026-01-31T12:00:00Z';
    case 'unrecognized_keys':
      return 'holds a name it does not have';
    case 'invalid_union':
      return unionProblem(issue);
    case 'custom':
      return issue.message;
    default:
      return 'has a value that is not accepted';
  }
}

/** A union is refused for the reason its first alternative that fits the type gives; else by its type. */
function unionProblem(issue: Issue): string {
  const alternatives = (issue['errors'] as Issue[][] | undefined) ?? [];
  const fitting = alternatives.find((issues) =>
    issues.every(({ code, path }) => !(code === 'invalid_type' && path.length === 0)),
  );
  const [first] = fitting ?? [];
  return first === undefined ? 'must be text, or of another form its schema names' : problemOf(first);
}

function unitOf(issue: Issue): string {
  const origin = String(issue['origin']);
  return { string: ' characters', array: ' entries', set: ' entries' }[origin] ?? '';
}

function withArticle(type: string): string {
  const names: Record<string, string> = {
    string: 'text',
    boolean: 'true or false',
    int: 'a whole number',
    number: 'a number',
    array: 'a list',
    object: 'an object',
    record: 'an object',
  };
  return names[type] ?? 'of another type';
}

/** A cause for the operator's log: its class, code and stack frames. Its message may hold input and is left out. */
export function describeCause(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const frames = (error.stack ?? '')
    .replace(error.message, '')
    .split('\n')
    .filter((line) => /^ {4}at [^\n]{1,300}$/.test(line));
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    ...(typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? { code } : {}),
    frames: frames.slice(0, 12).map((line) => line.trim()),
    ...(error.cause === undefined ? {} : { cause: describeCause(error.cause) }),
  };
}

const REDACTED = '[redacted]';

/**
 * The allow-listed fields of a parsed input for the audit. A field that repeats a secret of the same call (a password
 * mistyped into the label beside it) is redacted.
 */
export function auditedFields(input: Record<string, unknown>, tool: Tool): Record<string, string | number | boolean> {
  const secrets = tool.secretFields
    .map(({ name }) => textOf(input[name]).toLowerCase())
    .filter((secret) => secret !== '');
  const fields: Record<string, string | number | boolean> = {};
  for (const field of tool.audit) {
    const value = input[field];
    if (typeof value === 'number' || typeof value === 'boolean') fields[field] = value;
    else if (typeof value === 'string') {
      const folded = value.toLowerCase();
      const repeats = secrets.some(
        (secret) => folded.includes(secret) || (value.length >= 4 && secret.includes(folded)),
      );
      fields[field] = repeats ? REDACTED : value;
    }
  }
  return fields;
}

function textOf(given: unknown): string {
  if (typeof given === 'string') return given;
  return typeof given === 'object' && given !== null && 'literal' in given ? String(given.literal) : '';
}
