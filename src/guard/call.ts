/**
 * The one way of a call: charge, parse, audit, resolve, charge guesses, run within limits, parse the output, audit, answer.
 * There is no second way in; the MCP server and the command line both come through here.
 */

import { SecurityError, type ErrorCode } from '../crypto/errors.js';
import type { Tool, ToolContext } from '../tools/tool.js';
import type { AuditEntry, AuditSink, Outcome } from './audit.js';
import { CallLimit, Slots, type GuessCharge, type GuessLimit, type MonotonicClock } from './limits.js';
import type { LimitKind, Load, Meter } from './meter.js';
import { explainNotOpened } from './not-opened.js';
import { auditedFields, describeCause, explainIssues, type Issue } from './redact.js';
import { resolveSecrets } from './references.js';
import type { Referenced } from '../crypto/secret.js';
import { TimeLimit } from './time-limit.js';

export interface Caller {
  /** What the client calls itself, escaped and bounded. */
  name: string;
  /** Aborts when the client cancels or goes away. */
  signal: AbortSignal;
  /** Passes on how far the work is, where the client asked to be told. */
  progress?: (done: number, total: number) => void;
  /** Sends the human to an address, past the model, where the client can. */
  elicit?: NonNullable<ToolContext['elicit']>;
}

/** What an error tells the caller (CONTRACT). */
export interface PublicError {
  code: ErrorCode;
  message: string;
  hint: string;
  retry_after_seconds?: number;
  correlation_id?: string;
}

export type CallResult =
  | { kind: 'answered'; value: Record<string, unknown> }
  | { kind: 'refused'; error: PublicError }
  | { kind: 'unknown_tool' };

export interface Pipeline {
  readonly tools: readonly Tool[];
  call(name: string, input: unknown, caller: Caller): Promise<CallResult>;
  /** Whether a run goes on, also one whose caller has been answered or has gone. */
  readonly busy: boolean;
  /** How full its queues are. */
  readonly queues: Readonly<Record<'cpu' | 'network' | 'file', Load>>;
  /** Resolves when every call has been answered and audited. */
  settled(): Promise<void>;
}

export interface PipelineOptions {
  tools: readonly Tool[];
  context: Omit<
    ToolContext,
    'signal' | 'progress' | 'attemptsRemaining' | 'references' | 'caller' | 'elicit' | 'untimed'
  >;
  /** What may be used as `env://NAME`. */
  exposedEnvironment: ReadonlyMap<string, string>;
  audit: AuditSink;
  guesses: GuessLimit;
  /** A keyed fingerprint of what is guessed at, the same for all who share the limit. */
  fingerprint(subject: Uint8Array): Promise<string>;
  callsPerMinute: { light: number; cpu: number };
  /** How many CPU-heavy calls run at once. */
  cpuSlots: number;
  /** How many calls that reach out run at once. */
  networkSlots: number;
  /** How many calls that work on whole files run at once. */
  fileSlots: number;
  /** How long a run may take once it has begun; `network` for every call that reaches out. */
  timeLimitSeconds: { light: number; cpu: number; network: number; file: number };
  clock: MonotonicClock;
  newId(): string;
  bootId: string;
  /** Counts, where somebody measures. */
  meter?: Meter;
  /** The operator's log, for causes; never sees input. */
  reportFailure(correlationId: string, tool: string, cause: Record<string, unknown>): void;
}

/**
 * What is cheap is done within seconds, what is heavy within a minute, waiting for a slot not counted. Many servers in one
 * call take as long as they do: a checker keeps to less, so that what it has found is answered.
 */
export const TIME_LIMIT_SECONDS = { light: 10, cpu: 60, network: 240, file: 3_600 } as const;

/** What a call costs: time of a processor, or of servers elsewhere; both are bounded by slots. */
function weightOf(tool: Tool): 'light' | 'cpu' | 'network' | 'file' {
  return tool.reach === 'network' ? 'network' : tool.cost;
}

export function createPipeline(options: PipelineOptions): Pipeline {
  const byName = new Map(options.tools.map((tool) => [tool.name, tool]));
  const limits = new Map(
    options.tools.map((tool) => [
      tool.name,
      new CallLimit(options.callsPerMinute[tool.cost === 'light' ? 'light' : 'cpu'], options.clock),
    ]),
  );
  const slots = {
    cpu: new Slots(options.cpuSlots),
    network: new Slots(options.networkSlots),
    file: new Slots(options.fileSlots),
  };
  let running = 0;
  const underWay = new Set<Promise<CallResult>>();

  /** Runs within the time limit. The slot stays taken until the work has really ended. */
  const runTool = (
    tool: Tool,
    input: Record<string, unknown>,
    references: ReadonlyMap<string, Referenced>,
    caller: Caller,
    release: () => void,
    attemptsRemaining?: number,
  ): Promise<unknown> => {
    const limitSeconds = options.timeLimitSeconds[weightOf(tool)];
    const timeUp = new AbortController();
    const limit = new TimeLimit(limitSeconds * 1000, options.clock, () => timeUp.abort(timeExceeded(limitSeconds)));
    const signal = AbortSignal.any([caller.signal, timeUp.signal]);
    running++;
    const work = tool.run(input, {
      ...options.context,
      references,
      signal,
      progress: (done, total) => (signal.aborted ? undefined : caller.progress?.(done, total)),
      caller: caller.name,
      ...(caller.elicit === undefined ? {} : { elicit: caller.elicit }),
      untimed: (wait) => limit.untimed(wait),
      ...(attemptsRemaining === undefined ? {} : { attemptsRemaining }),
    });
    const ended = (): void => {
      running--;
      limit.stop();
      release();
    };
    work.then(ended, ended);
    return untilAborted(work, signal);
  };

  /** Counts a call that a limit has refused. */
  const note = (tool: Tool, limit: LimitKind, error: unknown): void => {
    if (error instanceof SecurityError && error.code === 'rate_limited') options.meter?.limited(tool.name, limit);
  };
  const noting = (tool: Tool, limit: LimitKind, charge: () => void): void => {
    try {
      charge();
    } catch (error) {
      note(tool, limit, error);
      throw error;
    }
  };

  /**
   * Charges the guess once nothing but the guess itself is left to do: a call that never came to run has guessed nothing. It counts
   * against what is guessed at and, where the password is one that the caller has only named, against that too.
   */
  const chargeGuesses = async (
    tool: Tool,
    subject: Uint8Array | null,
    references: ReadonlyMap<string, Referenced>,
    signal: AbortSignal,
    release: () => void,
  ): Promise<GuessCharge | null> => {
    if (subject === null) return null;
    const charges: GuessCharge[] = [];
    try {
      const secret = references.get('password')?.fingerprint;
      const named = secret === undefined ? [] : [Buffer.from(`secret ${secret}`)];
      for (const one of [subject, ...named])
        charges.push(await options.guesses.charge(await options.fingerprint(one), signal));
    } catch (error) {
      release();
      note(tool, 'guesses', error);
      // The other one was no guess then.
      await Promise.all(charges.map((charge) => charge.refund())).catch(() => undefined);
      throw error;
    }
    return {
      remaining: Math.min(...charges.map(({ remaining }) => remaining)),
      refund: async () => void (await Promise.all(charges.map((charge) => charge.refund()))),
      keep: async () => void (await Promise.all(charges.map((charge) => charge.keep()))),
    };
  };

  const guarded = async (tool: Tool, raw: unknown, caller: Caller, log: CallLog): Promise<Record<string, unknown>> => {
    noting(tool, 'calls', () => limits.get(tool.name)?.charge());
    const parsed = tool.input.safeParse(raw ?? {});
    // The parser passes over this one name, which is a field that no tool has.
    const hidden = typeof raw === 'object' && raw !== null && Object.hasOwn(raw, '__proto__');
    if (!parsed.success || hidden) {
      const issues = parsed.success ? [UNKNOWN_FIELD] : (parsed.error.issues as unknown as Issue[]);
      const { message, hint } = explainIssues(issues, tool, raw);
      throw new SecurityError('input_invalid', message, { hint });
    }
    // Fields that repeat a secret are redacted: by what was given where it cannot be resolved, else by what it stands for.
    log.take(auditedFields(parsed.data, tool));
    const { input, references } = await resolveSecrets(parsed.data, tool.secretFields, {
      secrets: options.context.secrets,
      environment: options.exposedEnvironment,
    });
    log.take(auditedFields(input, tool));
    for (const [field, { name, origin }] of references)
      log.ids[field] = `${origin === 'environment' ? 'env' : 'secret'}://${name}`;
    if (tool.effect !== 'none') {
      await append(options.audit, {
        ...log.entry('asked'),
        ...(log.fields === undefined ? {} : { fields: log.fields }),
      });
      delete log.fields;
    }
    const reading = { files: options.context.files, signal: caller.signal };
    const subject = tool.guess === undefined ? null : await tool.guess.subject(input, reading);
    const weight = weightOf(tool);
    const release =
      weight === 'light'
        ? () => undefined
        : await slots[weight].acquire(caller.signal).catch((error: unknown) => {
            note(tool, 'queue', error);
            throw error;
          });
    const charge = await chargeGuesses(tool, subject, references, caller.signal, release);
    let succeeded = false;
    try {
      const output = tool.output.safeParse(await runTool(tool, input, references, caller, release, charge?.remaining));
      if (!output.success)
        throw new OutputFault(output.error.issues.map(({ code, path }) => `${code} at ${path.map(String).join('.')}`));
      succeeded = tool.guess?.succeeded(output.data) ?? false;
      for (const name of tool.auditOutput) {
        const id = output.data[name];
        if (typeof id === 'string') log.ids[name] = id;
      }
      return output.data;
    } finally {
      // The guess is spent where this cannot be written, whatever it was: no reason to withhold the answer.
      await settleGuess(charge, succeeded).catch((error: unknown) =>
        options.reportFailure(log.callId, tool.name, describeCause(error)),
      );
    }
  };

  const answer = async (tool: Tool, raw: unknown, caller: Caller): Promise<CallResult> => {
    const started = options.clock();
    const callId = options.newId();
    const log = new CallLog(tool, caller, callId, options);
    let result: CallResult;
    let outcome: Outcome = 'ok';
    try {
      result = { kind: 'answered', value: await guarded(tool, raw, caller, log) };
    } catch (thrown) {
      const error = explainNotOpened(thrown);
      const refusal = caller.signal.aborted ? cancelled() : error;
      const told = publicError(refusal, () => {
        options.reportFailure(
          callId,
          tool.name,
          error instanceof OutputFault ? { type: 'OutputFault', issues: error.issues } : describeCause(error),
        );
        return callId;
      });
      outcome = outcomeOf(told.code);
      // The cause of a foreseen failure (a missing binary, say) is the operator's to know.
      if (outcome === 'failed' && error instanceof SecurityError)
        options.reportFailure(callId, tool.name, describeCause(error));
      result = { kind: 'refused', error: told };
    }
    try {
      await append(options.audit, log.answered(outcome, result, options.clock() - started));
    } catch (error) {
      options.reportFailure(callId, tool.name, describeCause(error));
      outcome = 'failed';
      result = { kind: 'refused', error: publicError(error, () => callId) };
    }
    const code = result.kind === 'refused' ? result.error.code : undefined;
    options.meter?.ended(tool.name, outcome, code, (options.clock() - started) / 1000);
    return result;
  };

  return {
    tools: options.tools,
    get busy() {
      return running > 0;
    },
    get queues() {
      return { cpu: slots.cpu.load, network: slots.network.load, file: slots.file.load };
    },
    async settled() {
      await Promise.all(underWay);
    },
    async call(name, raw, caller) {
      const tool = byName.get(name);
      if (tool === undefined) {
        options.meter?.unknown();
        return { kind: 'unknown_tool' };
      }
      const work = answer(tool, raw, caller);
      underWay.add(work);
      try {
        return await work;
      } finally {
        underWay.delete(work);
      }
    },
  };
}

const UNKNOWN_FIELD: Issue = { code: 'unrecognized_keys', path: [], message: '' };

/** What the audit learns in the course of one call. */
class CallLog {
  fields?: Record<string, string | number | boolean>;
  readonly ids: Record<string, string> = {};
  readonly callId: string;
  readonly #base: Pick<AuditEntry, 'boot_id' | 'call_id' | 'tool' | 'caller'>;
  readonly #now: () => Date;

  constructor(tool: Tool, caller: Caller, callId: string, options: PipelineOptions) {
    this.callId = callId;
    this.#base = { boot_id: options.bootId, call_id: callId, tool: tool.name, caller: caller.name };
    this.#now = options.context.now;
  }

  take(fields: Record<string, string | number | boolean>): void {
    if (Object.keys(fields).length > 0) this.fields = fields;
    else delete this.fields;
  }

  entry(event: AuditEntry['event']): AuditEntry {
    return { event, time: this.#now().toISOString(), ...this.#base };
  }

  answered(outcome: Outcome, result: CallResult, durationMs: number): AuditEntry {
    return {
      ...this.entry('answered'),
      outcome,
      ...(result.kind === 'refused' ? { code: result.error.code } : {}),
      duration_ms: Math.round(durationMs * 10) / 10,
      ...(this.fields === undefined ? {} : { fields: this.fields }),
      ...(Object.keys(this.ids).length === 0 ? {} : { ids: this.ids }),
    };
  }
}

/** A tool whose output its own schema refuses: nothing of it leaves. */
class OutputFault extends Error {
  readonly issues: string[];

  constructor(issues: string[]) {
    super('tool output does not fit its schema');
    this.issues = issues;
  }
}

async function settleGuess(charge: GuessCharge | null, succeeded: boolean): Promise<void> {
  await (succeeded ? charge?.refund() : charge?.keep());
}

async function append(sink: AuditSink, entry: AuditEntry): Promise<void> {
  try {
    await sink.append(entry);
  } catch (cause) {
    // What keeps the store from being written is told: it is what must be mended.
    const [why, hint, more] =
      cause instanceof SecurityError
        ? [` ${cause.message}`, cause.hint, cause.retryAfterSeconds]
        : ['', 'Have the operator look at the log of the server (standard error), then try again.', undefined];
    throw new SecurityError('audit_unavailable', `The audit cannot be written, so nothing is answered.${why}`, {
      hint,
      ...(more === undefined ? {} : { retryAfterSeconds: more }),
      cause,
    });
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function timeExceeded(seconds: number): SecurityError {
  return new SecurityError('timeout', `The call took longer than ${seconds} seconds and was given up.`, {
    hint: 'Try again with less work: a lower cost, fewer iterations, less data.',
  });
}

function cancelled(): SecurityError {
  return new SecurityError('cancelled', 'The call was cancelled.', { hint: 'Call again if it is still wanted.' });
}

function outcomeOf(code: ErrorCode): Outcome {
  if (code === 'cancelled') return 'cancelled';
  return code === 'internal' || code === 'timeout' || code === 'audit_unavailable' || code === 'engine_unavailable'
    ? 'failed'
    : 'refused';
}

/** The error as the caller sees it. Whatever is not a SecurityError becomes `internal` under a correlation id. */
function publicError(error: unknown, report: () => string): PublicError {
  if (error instanceof SecurityError) {
    const { code, message, hint, retryAfterSeconds } = error;
    return {
      code,
      message,
      hint,
      ...(retryAfterSeconds === undefined ? {} : { retry_after_seconds: retryAfterSeconds }),
    };
  }
  return {
    code: 'internal',
    message: 'The call failed for a reason that was not foreseen.',
    hint: 'Look for the correlation id in the log of the server (standard error).',
    correlation_id: report(),
  };
}
