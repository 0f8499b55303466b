/** `security-mcp audit`: the whole audit for operators. What changes it goes through the pipeline, and is audited itself. */

import type { App } from './app.js';
import type { Config } from './config.js';
import { tellRefusal } from './cli-fault.js';
import { SecurityError } from './crypto/errors.js';
import { escapeUntrusted } from './crypto/text.js';
import { currentCheckpoint, type Verification } from './storage/audit-verify.js';
import type { AuditQuery, SegmentDescription, StoredEntry } from './storage/audit.js';

interface World {
  start(config: Config): App;
  print(text: string): Promise<void>;
  printError(text: string): Promise<void>;
  readFile(path: string, maxBytes: number): string;
}

const [OK, FAILED, USAGE] = [0, 1, 2];
const MAX_LISTED = 10_000;
const MAX_CHECKPOINT_BYTES = 4_096;

export const AUDIT_USAGE = `usage: security-mcp audit COMMAND
  list [--tool NAME] [--outcome ok|refused|failed|cancelled] [--since TIME] [--until TIME] [--limit N]
  verify [--checkpoint FILE]          prove it whole, or name the first break; exit code 1 where it is broken
  checkpoint                          one signed line to keep elsewhere: it finds entries that were cut off since
  segments                            what is sealed, exported, dropped
  seal                                close the open segment under a signature
  export [--segment N]                entries as JSON Lines, each with its MAC, on standard output
  drop --segment N --yes              drop the entries of a sealed segment that was exported
  drop --before TIME --yes            drop all such segments that were sealed before
`;

interface Options {
  tool?: string;
  outcome?: string;
  since?: string;
  until?: string;
  limit?: string;
  checkpoint?: string;
  segment?: string;
  before?: string;
  yes?: true;
}

const ALLOWED: Readonly<Record<string, readonly (keyof Options)[]>> = {
  list: ['tool', 'outcome', 'since', 'until', 'limit'],
  verify: ['checkpoint'],
  checkpoint: [],
  segments: [],
  seal: [],
  export: ['segment'],
  drop: ['segment', 'before', 'yes'],
};

/** Options of a command, or null where they are none of it. */
function optionsOf(command: string, args: readonly string[]): Options | null {
  const allowed = ALLOWED[command];
  if (allowed === undefined) return null;
  const found: Record<string, string | true> = {};
  for (let i = 0; i < args.length; i++) {
    const name = /^--([a-z]+)$/.exec(args[i] ?? '')?.[1] as keyof Options | undefined;
    if (name === undefined || !allowed.includes(name) || found[name] !== undefined) return null;
    const value = name === 'yes' ? true : args[++i];
    if (value === undefined || (name === 'segment' || name === 'limit' ? !/^[1-9]\d{0,8}$/.test(String(value)) : false))
      return null;
    if (['since', 'until', 'before'].includes(name) && Number.isNaN(Date.parse(String(value)))) return null;
    found[name] = value;
  }
  const options = found as Options;
  const oneOf = (options.segment === undefined) !== (options.before === undefined);
  return command === 'drop' && !(options.yes === true && oneOf) ? null : options;
}

/** Gives the exit code: 0 done, 1 refused, or the chain is broken, 2 wrong usage. */
export async function auditCommand(
  [command = '', ...args]: readonly string[],
  json: boolean,
  world: World,
  config: Config,
): Promise<number> {
  const options = optionsOf(command, args);
  if (options === null) {
    await world.printError(`security-mcp: ${AUDIT_USAGE}`);
    return USAGE;
  }
  try {
    return await run(command, options, json, world, world.start(config));
  } catch (error) {
    await tellRefusal(error, world);
    return FAILED;
  }
}

async function run(command: string, options: Options, json: boolean, world: World, app: App): Promise<number> {
  const { audit, store, vault } = await app.storage();
  const printed = async (value: unknown, text: string): Promise<number> => {
    await world.print(json ? `${JSON.stringify(value)}\n` : text);
    return OK;
  };
  switch (command) {
    case 'list':
      return list(options, json, world, app);
    case 'verify': {
      const checkpoint = readCheckpointFile(options.checkpoint, world);
      const found = await audit.verify(checkpoint === undefined ? {} : { checkpoint });
      await world.print(json ? `${JSON.stringify(found)}\n` : told(found));
      return found.intact ? OK : FAILED;
    }
    case 'checkpoint':
      await world.print(`${await currentCheckpoint(store, vault)}\n`);
      return OK;
    case 'segments': {
      const segments = await audit.segments();
      return printed({ segments }, segments.map(line).join('') || 'The audit is empty.\n');
    }
    case 'seal': {
      const value = await operated(app, 'audit_seal', {});
      return printed(value, 'Sealed; security-mcp audit segments shows it.\n');
    }
    case 'export':
      return exported(options.segment === undefined ? null : Number(options.segment), world, app);
    default:
      return drop(options, json, world, app);
  }
}

function readCheckpointFile(path: string | undefined, world: World): string | undefined {
  if (path === undefined) return undefined;
  try {
    return world.readFile(path, MAX_CHECKPOINT_BYTES);
  } catch {
    throw new SecurityError('input_invalid', 'The file of the checkpoint cannot be read.', {
      hint: 'Give a file that holds the line of security-mcp audit checkpoint.',
    });
  }
}

async function list(options: Options, json: boolean, world: World, app: App): Promise<number> {
  const { audit } = await app.storage();
  const wanted = Number(options.limit ?? 50);
  const query: AuditQuery = {
    limit: Math.min(wanted, MAX_LISTED),
    ...(options.tool === undefined ? {} : { tool: options.tool }),
    ...(options.outcome === undefined ? {} : { outcome: options.outcome }),
    ...(options.since === undefined ? {} : { since: Date.parse(options.since) }),
    ...(options.until === undefined ? {} : { until: Date.parse(options.until) }),
  };
  const entries = await audit.query(query);
  if (json) for (const entry of entries) await world.print(`${JSON.stringify(entry)}\n`);
  else await world.print(entries.map(entryLine).join('') || 'No entries.\n');
  return OK;
}

function entryLine(entry: StoredEntry): string {
  const { sequence, time, event, tool, caller, outcome, code, fields, ids } = entry;
  const details = { ...(fields as object | undefined), ...(ids as object | undefined) };
  const more = Object.entries(details).map(([name, value]) => `${name}=${String(value)}`);
  const parts = [sequence, time, tool, outcome ?? event, code ?? '', caller, ...more];
  return `${parts
    .filter((part) => part !== '')
    .map((part) => escapeUntrusted(String(part), 200))
    .join('  ')}\n`;
}

function told({ intact, entries, head, first_break: broken }: Verification): string {
  const result = intact
    ? `✓ ${entries} entries, unbroken.`
    : `✗ Broken at entry ${broken?.sequence ?? 0}: ${broken?.problem ?? 'unknown'}. ${entries} entries before it are as they were written.`;
  return `${result}\nhead  ${head}\n`;
}

function line({ segment, first_sequence, last_sequence, state, sealed_at }: SegmentDescription): string {
  const range = last_sequence < first_sequence ? 'empty' : `${first_sequence} to ${last_sequence}`;
  return `${String(segment).padStart(4)}  ${state.padEnd(8)}  ${range}${sealed_at === null ? '' : `  sealed ${sealed_at}`}\n`;
}

/** Writes a segment, or all that is kept; then a sealed one counts as exported. */
async function exported(segment: number | null, world: World, app: App): Promise<number> {
  const { audit } = await app.storage();
  const segments = (await audit.segments()).filter(
    (one) => one.state !== 'dropped' && (segment === null || one.segment === segment),
  );
  if (segment !== null && segments.length === 0)
    throw new SecurityError('input_invalid', 'There is no such segment, or its entries were dropped.', {
      hint: 'security-mcp audit segments lists them.',
    });
  for (const { segment: number, first_sequence, last_sequence, state } of segments) {
    for await (const text of audit.lines(first_sequence, last_sequence)) await world.print(text);
    if (state === 'sealed') await audit.markExported(number);
  }
  return OK;
}

async function drop({ segment, before }: Options, json: boolean, world: World, app: App): Promise<number> {
  const { audit } = await app.storage();
  const chosen =
    segment !== undefined
      ? [Number(segment)]
      : (await audit.segments())
          .filter(
            ({ state, sealed_at }) => state === 'exported' && Date.parse(sealed_at ?? '') < Date.parse(before ?? ''),
          )
          .map((one) => one.segment);
  for (const one of chosen) await operated(app, 'audit_drop', { segment: one });
  await world.print(json ? `${JSON.stringify({ dropped: chosen })}\n` : `${chosen.length} segment(s) dropped.\n`);
  return OK;
}

/** A call of an operator's tool. Throws what it was refused with. */
async function operated(app: App, tool: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
  const caller = { name: 'command line', signal: new AbortController().signal };
  const result = await app.operator.call(tool, input, caller);
  if (result.kind === 'answered') return result.value;
  if (result.kind === 'unknown_tool') throw new Error('an operator tool is missing');
  const { code, message, hint } = result.error;
  throw new SecurityError(code, message, { hint });
}
