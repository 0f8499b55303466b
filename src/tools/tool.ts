/**
 * What a tool is: one declaration with everything the pipeline, the catalogue and the documentation need. Safety is declared
 * (`effect`, `reach`, `cost`, `audit`), never defaulted.
 */

import { z } from 'zod';

import type { CertificateChecker } from '../crypto/certificate/checker.js';
import type { OpenPkcs12 } from '../crypto/certificate/pkcs12.js';
import type { Desk, Elicit } from '../crypto/desk.js';
import type { KeyRing } from '../crypto/keyring.js';
import type { PasswordEngine } from '../crypto/password.js';
import type { Random } from '../crypto/random.js';
import type { Referenced, SecretOrigin, SecretStore } from '../crypto/secret.js';
import type { PasswordPolicy, StrengthMeter } from '../crypto/strength.js';
import { secretMarkOf, type SecretInput, type SecretMark } from './fields.js';

/** Files inside the folders that the operator allows. Every refusal is `path_refused` and does not hold the path. */
export interface FileReader {
  /** The whole file. */
  read(path: string, limits: { maxBytes: number; signal: AbortSignal }): Promise<Uint8Array>;
  /** The file in pieces; a piece is good until the next is asked for. */
  pieces(path: string, limits: { maxBytes: number; signal: AbortSignal }): AsyncIterable<Uint8Array>;
  /** In bytes, as it is now. */
  size(path: string): Promise<number>;
}

/** A file that is being written: it gets its name when it is whole, or nothing is left of it. */
export interface Draft {
  write(bytes: Uint8Array): Promise<void>;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** Files inside the same folders. Refusals are `path_refused` and `file_exists`. */
export interface Writer {
  draft(path: string, options: { overwrite: boolean }): Promise<Draft>;
}

/** Where stored secrets may be put. */
export interface Deliveries {
  mayLeave(origin: SecretOrigin): boolean;
  toFile(path: string, value: string, overwrite: boolean): Promise<void>;
  toVariable(path: string, variable: string, value: string, overwrite: boolean): Promise<void>;
}

/** A run of the audit that is closed, exported and dropped as one. */
export interface AuditSegment {
  segment: number;
  first_sequence: number;
  last_sequence: number;
  state: 'open' | 'sealed' | 'exported' | 'dropped';
  sealed_at: string | null;
}

/** The audit as tools reach it: the entries of their own session, the chain of all, and what only operators' tools do. */
export interface AuditAccess {
  /** The newest first. Times are milliseconds since 1970. */
  query(query: {
    tool?: string;
    outcome?: string;
    since?: number;
    until?: number;
    before?: number;
    limit: number;
  }): Promise<Record<string, unknown>[]>;
  /** The chain of all sessions. Throws `input_invalid` for a checkpoint that is none of this store. */
  verify(options: {
    checkpoint?: string;
    signal: AbortSignal;
    onProgress(done: number, total: number): void;
  }): Promise<{
    intact: boolean;
    entries: number;
    head: string;
    first_break?: { sequence: number; problem: string };
  }>;
  /** Null where the open segment holds nothing. */
  seal(): Promise<AuditSegment | null>;
  drop(segment: number): Promise<AuditSegment>;
}

/** What a run may use. Everything that varies comes through here. */
export interface ToolContext {
  now(): Date;
  random: Random;
  ring: KeyRing;
  passwords: PasswordEngine;
  strength: StrengthMeter;
  policy: PasswordPolicy & { bcryptCost: number };
  files: FileReader;
  writer: Writer;
  deliveries: Deliveries;
  certificates: CertificateChecker;
  openPkcs12: OpenPkcs12;
  audit: AuditAccess;
  secrets: SecretStore;
  /** What is behind the fields whose secret was given by reference: its value, and what follows from it, is not for the answer. */
  references: ReadonlyMap<string, Referenced>;
  /** The published list that passphrases are made of. */
  words(): Promise<readonly string[]>;
  desk: Desk;
  /** What the client calls itself, escaped and bounded. */
  caller: string;
  /** Sends the human to an address, past the model, where the client can. */
  elicit?: Elicit;
  /** Does what waits for a human: that time is not the run's. */
  untimed<T>(wait: () => Promise<T>): Promise<T>;
  /** Tells the client how far the work is, where it asked to be told. */
  progress(done: number, total: number): void;
  /** Aborts when the client cancels and when the tool's time is up. */
  signal: AbortSignal;
  /** What is left of the guesses on this call's subject; set for tools that declare `guess`. */
  attemptsRemaining?: number;
}

/** The input as `run` sees it: the pipeline has put the secret's text in place of every form it can be given in. */
export type Resolved<T> = {
  [K in keyof T]: [SecretInput] extends [Exclude<T[K], undefined>] ? string | Extract<T[K], undefined> : T[K];
};

export interface ToolDeclaration<I extends z.ZodRawShape, O extends z.ZodRawShape> {
  name: string;
  title: string;
  description: string;
  /** `writes` and `destroys` are audited before they run. */
  effect: 'none' | 'writes' | 'destroys';
  reach: 'local' | 'network';
  /** `cpu` calls run a few at a time, in order, and `file` calls, which may take an hour; `light` calls never wait for them. */
  cost: 'light' | 'cpu' | 'file';
  /**
   * The inputs that may reach the audit log: choices, numbers and labels. Never free text, where a secret may have been
   * mistyped; names of keys are audited from the output, where they are known to be names.
   */
  audit: readonly (keyof I & string)[];
  input: z.ZodObject<I, z.core.$strict>;
  output: z.ZodObject<O, z.core.$strict>;
  /** The view that draws the answer in hosts that show MCP Apps, by its address. */
  view?: string;
  /** Outputs that name the keys used, for the audit log. */
  auditOutput?: readonly (keyof O & string)[];
  /** Makes the limit on guessing apply. */
  guess?: {
    /** What is guessed at, as bytes that two spellings of one secret share; null where there is nothing to guess. */
    subject(
      input: Resolved<z.output<z.ZodObject<I>>>,
      context: Pick<ToolContext, 'files' | 'signal'>,
    ): Uint8Array | null | Promise<Uint8Array | null>;
    succeeded(output: z.output<z.ZodObject<O>>): boolean;
  };
  run(
    input: Resolved<z.output<z.ZodObject<I>>>,
    context: ToolContext,
  ): Promise<z.input<z.ZodObject<O>>> | z.input<z.ZodObject<O>>;
}

type Loose = Record<string, unknown>;

export interface SecretField extends SecretMark {
  name: string;
}

/** A declaration as the pipeline sees it, its types erased, with what follows from it. */
export interface Tool extends Pick<
  ToolDeclaration<never, never>,
  'name' | 'title' | 'description' | 'effect' | 'reach' | 'cost' | 'view'
> {
  audit: readonly string[];
  auditOutput: readonly string[];
  /** The inputs that hold secrets, by the mark on their schema. */
  secretFields: readonly SecretField[];
  /** The names of all inputs. */
  fields: readonly string[];
  input: z.ZodType<Loose>;
  output: z.ZodType<Loose>;
  guess?: {
    subject(
      input: Loose,
      context: Pick<ToolContext, 'files' | 'signal'>,
    ): Uint8Array | null | Promise<Uint8Array | null>;
    succeeded(output: Loose): boolean;
  };
  run(input: Loose, context: ToolContext): Promise<unknown>;
}

export function defineTool<I extends z.ZodRawShape, O extends z.ZodRawShape>(declaration: ToolDeclaration<I, O>): Tool {
  const { input, output, run, guess, auditOutput = [], ...rest } = declaration;
  const fields = Object.keys(input.shape);
  return {
    ...rest,
    auditOutput,
    fields,
    secretFields: fields.flatMap((name) => {
      const mark = secretMarkOf(input.shape[name] as z.ZodType);
      return mark === undefined ? [] : [{ name, ...mark }];
    }),
    input: input,
    output: output,
    ...(guess === undefined ? {} : { guess: guess }),
    run: async (value, context) => run(value as never, context),
  };
}

export interface JsonSchemaObject {
  type: 'object';
  [key: string]: unknown;
}

/** What a client is told about a tool (MCP `Tool`). All four annotations follow from the declaration. */
export interface ToolListing {
  name: string;
  title: string;
  description: string;
  inputSchema: JsonSchemaObject;
  outputSchema: JsonSchemaObject;
  annotations: { readOnlyHint: boolean; destructiveHint: boolean; idempotentHint: boolean; openWorldHint: boolean };
  /** MCP Apps, version 2026-01-26. */
  _meta?: { ui: { resourceUri: string } };
}

export function describeTool(tool: Tool): ToolListing {
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: jsonSchema(tool.input, 'input'),
    outputSchema: jsonSchema(tool.output, 'output'),
    annotations: {
      readOnlyHint: tool.effect === 'none',
      destructiveHint: tool.effect === 'destroys',
      idempotentHint: tool.effect === 'none',
      openWorldHint: tool.reach === 'network',
    },
    ...(tool.view === undefined ? {} : { _meta: { ui: { resourceUri: tool.view } } }),
  };
}

/** The JSON Schema of a zod schema in as few words as say it: hosts put every word of it before the model. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchemaObject {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    override({ zodSchema, jsonSchema: json }) {
      if (secretMarkOf(zodSchema) !== undefined) json.anyOf = [{ type: 'string' }, { type: 'object' }];
      if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
      if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
      // What a text may hold, and how long it or a list may be, is told by the refusal of one that is otherwise.
      delete json.pattern;
      delete json.minLength;
      delete json.maxLength;
      delete json.minItems;
      delete json.maxItems;
      const { additionalProperties: others } = json;
      if (typeof others === 'object' && Object.keys(others).length === 0) json.additionalProperties = true;
      if (json.propertyNames !== undefined) delete json.propertyNames;
      // What leaves is checked against the strict schema; a client has no use for being told so.
      if (io === 'output') {
        delete json.additionalProperties;
        delete json.minimum;
        delete json.maximum;
      }
    },
  });
  unfold(rest);
  return rest as JsonSchemaObject;
}

/** zod folds plain alternatives into a list of types, which clients with a one-type dialect drop. */
function unfold(schema: object): void {
  for (const value of Object.values(schema)) if (typeof value === 'object' && value !== null) unfold(value as object);
  const { type } = schema as { type?: unknown };
  if (!Array.isArray(type)) return;
  const folded = schema as { type?: unknown; anyOf?: unknown };
  folded.anyOf = type.map((one: unknown) => ({ type: one }));
  delete folded.type;
}
