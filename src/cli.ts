/** The command line: the same tools through the same pipeline, and a look at the installation, for people. */

import type { App } from './app.js';
import { fileFault, tellRefusal } from './cli-fault.js';
import type { Config, ConfigResult, Environment } from './config.js';
import { REPORT_USAGE, requirePlace, splitReport, writeReport, type ReportFile } from './cli-report.js';
import { isJsonObject, parseBoundedJson } from './crypto/json.js';
import { SecurityError } from './crypto/errors.js';
import { escapeUntrusted } from './crypto/text.js';
import type { Program } from './clients.js';
import { clearBar, drawJudgements, judgementsIn, progressBar, type Drawing } from './draw.js';
import { catalogue } from './tools/index.js';
import { describeTool } from './tools/tool.js';

export interface CliWorld {
  /** The variables of the process. */
  environment: Environment;
  isWindows: boolean;
  now(): Date;
  /** What a program says of its version, or null where there is none. */
  versionOf(path: string): string | null;
  absolute(path: string): string;
  /** What runs this program. */
  program: Program;
  version: string;
  nodeVersion: string;
  platform: string;
  /** Whether standard output is a terminal. */
  isTerminal: boolean;
  /** Whether standard error is one. */
  isErrorTerminal: boolean;
  /** How that terminal may be drawn on. */
  drawing: Drawing;
  loadConfig(): ConfigResult;
  start(config: Config): App;
  print(text: string): Promise<void>;
  printError(text: string): Promise<void>;
  /** A whole file of at most `maxBytes`, or throws. */
  readFile(path: string, maxBytes: number): string;
  readStdin(maxBytes: number): Promise<string>;
  /** A secret from the terminal, where it does not appear, or from standard input; null where there is none. */
  askSecret(question: string, confirm: boolean): Promise<string | null>;
  /** The effective user id, where there are such ids. */
  userId: number | undefined;
  isAlive(processId: number): boolean;
  /** Aborted by the first Ctrl-C from now on; the second ends the process. */
  interruption(): AbortSignal;
}

const MAX_INPUT_BYTES = 4 * 1_048_576;
const MAX_DEPTH = 64;
const [OK, FAILED, USAGE] = [0, 1, 2];

const HELP = `security-mcp: security operations for AI agents, over the Model Context Protocol

Usage
  security-mcp                          serve MCP on standard input and output
  security-mcp serve FOLDER...          the same, with folders that file tools may touch beside SECURITY_MCP_FILES
  security-mcp config CLIENT            the entry for claude-desktop, claude-code, vscode, cursor, windsurf or inspector
  security-mcp call TOOL JSON           call a tool; JSON may be @FILE, or - for standard input
  security-mcp tools                    list the tools
  security-mcp keys COMMAND             the key ring: list, create, rotate, retire, restore, destroy, policy, export, import
  security-mcp doctor                   check configuration, engines and versions
  security-mcp desk                     where servers wait for you to type or read a secret
  security-mcp attempts list            what wrong guesses are held against, by fingerprint
  security-mcp attempts reset SUBJECT   free one of them, or --all
  security-mcp secret COMMAND           stored secrets: set, list, delete, deleted, restore, destroy
  security-mcp audit COMMAND            the audit: list, verify, checkpoint, segments, seal, export, drop
  security-mcp backup FILE              everything in one encrypted file; restore FILE brings it back
  security-mcp master-key rotate        a new master key, everything wrapped anew under it
  security-mcp storage copy             to a store of the other engine
  security-mcp --help | --version

Options
  --json      print the raw result, also on a terminal
  --html FILE write the judgements of certificate_check or certificate_verify as a page too (--overwrite replaces the file)

Arguments on a command line can be seen by other users of the machine: give secrets with - or @FILE.
Exit code: 0 done, 1 refused or failed, 2 wrong usage or configuration. A check that was made is done, also where it found
a certificate untrusted or a password wrong: the verdict is in the result.

  echo '{"algorithm":"sha256","text":"hello"}' | security-mcp call digest_compute -
`;

/** Runs one command and gives the exit code. */
export async function runCli(args: readonly string[], world: CliWorld): Promise<number> {
  const json = args.includes('--json');
  const [command, ...rest] = args.filter((argument) => argument !== '--json');
  // Each command is loaded when it is run.
  switch (command) {
    case '--help':
    case '-h':
    case 'help':
      await world.print(HELP);
      return OK;
    case '--version':
    case '-v':
    case 'version':
      await world.print(`${world.version}\n`);
      return OK;
    case 'serve':
      await world.printError('security-mcp: usage: security-mcp serve [FOLDER...], each an absolute path\n');
      return USAGE;
    case 'call':
      return call(rest, json || !world.isTerminal, world);
    case 'tools':
      return listTools(json, world);
    case 'keys':
      return withConfig(world, async (config) =>
        (await import('./cli-keys.js')).runKeys(rest, json || !world.isTerminal, config, world, layOut),
      );
    case 'doctor':
      return (await import('./cli-doctor.js')).doctor(json, world);
    case 'config':
      return (await import('./cli-config.js')).configCommand(rest, world);
    case 'desk':
      return withConfig(world, async (config) => (await import('./cli-desk.js')).deskCommand(rest, world, config));
    case 'attempts':
      return withConfig(world, async (config) =>
        (await import('./cli-attempts.js')).attemptsCommand(rest, json || !world.isTerminal, world, config),
      );
    case 'audit':
      return withConfig(world, async (config) =>
        (await import('./cli-audit.js')).auditCommand(rest, json || !world.isTerminal, world, config),
      );
    case 'secret':
      return withConfig(world, async (config) =>
        (await import('./cli-secrets.js')).secretCommand(rest, json || !world.isTerminal, config, world, layOut),
      );
    case 'backup':
    case 'restore':
    case 'master-key':
    case 'storage':
      return withConfig(world, async (config) =>
        (await import('./cli-storage.js')).storageCommand(command, rest, world, config),
      );
    default:
      await world.printError(`security-mcp: this is no command. Try security-mcp --help\n`);
      return USAGE;
  }
}

async function withConfig(world: CliWorld, run: (config: Config) => Promise<number>): Promise<number> {
  const loaded = world.loadConfig();
  if ('config' in loaded) return run(loaded.config);
  await world.printError(loaded.problems.map((problem) => `security-mcp: ${problem}\n`).join(''));
  return USAGE;
}

function call(args: readonly string[], raw: boolean, world: CliWorld): Promise<number> {
  return withConfig(world, async (config) => {
    const split = splitReport(args);
    const [name, source, ...extra] = split?.rest ?? [];
    if (split === null || name === undefined || extra.length > 0) {
      await world.printError(
        `security-mcp: ${split === null ? REPORT_USAGE : 'usage: security-mcp call TOOL JSON|@FILE|-\n'}`,
      );
      return USAGE;
    }
    let input: unknown;
    try {
      input = await readInput(source, world);
    } catch (error) {
      await tellRefusal(error, world);
      return USAGE;
    }
    if (!isJsonObject(input)) {
      await world.printError(
        'security-mcp: the input is not a JSON object. Give for example \'{"text":"hello"}\', @FILE with such a text, or - to read it from standard input.\n',
      );
      return USAGE;
    }
    try {
      return await answer({ name, input, raw, ...split }, config, world);
    } catch (error) {
      // Only the file of a report is refused by an error here: a refusal of the call is a result of it.
      await tellRefusal(error, world);
      return FAILED;
    }
  });
}

interface Call {
  name: string;
  input: Record<string, unknown>;
  raw: boolean;
  report?: ReportFile;
}

async function answer({ name, input, raw, report }: Call, config: Config, world: CliWorld): Promise<number> {
  if (report !== undefined) requirePlace(report);
  const { pipeline } = world.start(config);
  const bar = raw || !world.isErrorTerminal ? null : barOn(world);
  // For a person there is room for everything.
  const roomy =
    (!raw || report !== undefined) &&
    pipeline.tools.some((tool) => tool.name === name && tool.fields.includes('detail'));
  const result = await pipeline.call(name, roomy ? { detail: 'full', ...input } : input, {
    name: 'command line',
    signal: world.interruption(),
    ...(bar === null ? {} : { progress: bar.draw }),
  });
  await bar?.clear();
  if (result.kind === 'unknown_tool') {
    await world.printError(
      `security-mcp: there is no such tool. These are: ${pipeline.tools.map((tool) => tool.name).join(', ')}\n`,
    );
    return USAGE;
  }
  if (result.kind === 'refused') {
    await world.print(raw ? `${JSON.stringify({ error: result.error })}\n` : `✗ ${layOut(result.error)}`);
    return FAILED;
  }
  // The file first: a reader of the answer that has had enough (`| head`) ends the process.
  if (report !== undefined) await writeReport(report, result.value, world.version);
  await world.print(raw ? `${JSON.stringify(result.value)}\n` : draw(result.value, world.drawing));
  return OK;
}

/** Draws how far a call is that has several parts, until it is taken away. */
function barOn(world: CliWorld): { draw(done: number, total: number): void; clear(): Promise<void> } {
  let drawn = '';
  return {
    draw(done, total) {
      const bar = progressBar(done, total);
      if (total > 1 && bar !== drawn) void world.printError(bar);
      drawn = total > 1 ? bar : '';
    },
    clear: async () => (drawn === '' ? undefined : world.printError(clearBar(drawn))),
  };
}

/** The input as JSON, or undefined where it is none. Throws `SecurityError` where it cannot be read. */
async function readInput(source: string | undefined, world: CliWorld): Promise<unknown> {
  if (source === undefined) return {};
  const text = await readSource(source, world);
  try {
    return parseBoundedJson(text, { maxBytes: MAX_INPUT_BYTES, maxDepth: MAX_DEPTH });
  } catch {
    return undefined;
  }
}

async function readSource(source: string, world: CliWorld): Promise<string> {
  try {
    if (source === '-') return await world.readStdin(MAX_INPUT_BYTES);
    return source.startsWith('@') ? world.readFile(source.slice(1), MAX_INPUT_BYTES) : source;
  } catch (error) {
    // Of the system; those of Node's own checks begin with ERR_.
    if (/^E[A-Z]+$/.test((error as NodeJS.ErrnoException).code ?? '')) throw fileFault(error);
    throw new SecurityError('input_invalid', `The input is over ${MAX_INPUT_BYTES} bytes, or no text in UTF-8.`, {
      hint: 'Give a JSON object of that size at most.',
    });
  }
}

function draw(value: Record<string, unknown>, drawing: Drawing): string {
  const judgements = judgementsIn(value);
  return judgements === null ? layOut(value) : drawJudgements(judgements, drawing);
}

/** A value as indented lines: names, then what they hold. Control characters of the content never reach the terminal. */
function layOut(value: unknown, indent = ''): string {
  if (Array.isArray(value)) return value.map((entry: unknown) => nested('-', entry, indent)).join('');
  if (!isJsonObject(value)) return `${indent}${plain(value, indent)}\n`;
  const entries = Object.entries(value).map(([name, entry]) => [escapeUntrusted(name, 80), entry] as const);
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, entry]) => nested(name.padEnd(width), entry, indent)).join('');
}

function nested(name: string, entry: unknown, indent: string): string {
  const isEmpty = typeof entry === 'object' && entry !== null && Object.keys(entry).length === 0;
  if (typeof entry !== 'object' || entry === null) return `${indent}${name}  ${plain(entry, indent)}\n`;
  return isEmpty ? `${indent}${name}  (none)\n` : `${indent}${name.trimEnd()}\n${layOut(entry, `${indent}  `)}`;
}

function plain(value: unknown, indent: string): string {
  const lines = String(value).split('\n');
  return lines.map((line) => escapeUntrusted(line, Number.MAX_SAFE_INTEGER)).join(`\n${indent}  `);
}

function listTools(json: boolean, world: CliWorld): Promise<number> {
  return withConfig(world, async (config) => {
    const tools = catalogue(config.toolsets, config.readOnly);
    if (json) await world.print(`${JSON.stringify({ tools: tools.map(describeTool) })}\n`);
    else
      for (const tool of tools)
        await world.print(`${tool.name.padEnd(18)} ${tool.title}\n${' '.repeat(19)}${tool.description}\n`);
    return OK;
  });
}
