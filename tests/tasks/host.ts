/** The host of an agent: the built server over stdio behind either client, restarted by its operator with other settings. */

import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

import { post } from '../support/desk.js';
import { base, newHome } from '../support/home.js';
import type { Input } from './task.js';

export interface ListedTool {
  name: string;
  inputSchema: { properties?: Record<string, unknown> };
}

export interface ToolAnswer {
  isError?: boolean;
  structuredContent?: Input;
  content?: { type: string; text?: string }[];
}

interface Connection {
  listTools(): Promise<{ tools: unknown[] }>;
  callTool(request: { name: string; arguments: Input }): Promise<unknown>;
  close(): Promise<void>;
}

export type ClientKind = 'modern' | 'classic';

let folders = 0;

/** A folder that is empty. */
export function newFolder(): string {
  const folder = join(base, `files-${++folders}`);
  mkdirSync(folder);
  return folder;
}

export class Host {
  readonly home = newHome();
  tools: ReadonlyMap<string, ListedTool> = new Map();
  #connection: Connection | undefined;
  #settings: Readonly<Record<string, string>> = {};
  readonly #kind: ClientKind;
  readonly #types: string | undefined;

  /** `types`: what a human types who is sent to a page; without it there is none. */
  constructor(kind: ClientKind, types?: string) {
    this.#kind = kind;
    this.#types = types;
  }

  async start(settings: Readonly<Record<string, string>>): Promise<void> {
    this.#settings = settings;
    const command = { command: process.execPath, args: ['dist/main.js'], stderr: 'ignore' as const, env: this.#env() };
    this.#connection = await (this.#kind === 'classic' ? connectClassic(command) : connectModern(command, this.#types));
    const { tools } = (await this.#connection.listTools()) as { tools: ListedTool[] };
    this.tools = new Map(tools.map((tool) => [tool.name, tool]));
  }

  async call(name: string, input: Input): Promise<ToolAnswer> {
    if (this.#connection === undefined) throw new Error('the server is not started');
    return (await this.#connection.callTool({ name, arguments: input })) as ToolAnswer;
  }

  async restart(more: Readonly<Record<string, string>>): Promise<void> {
    await this.end();
    await this.start({ ...this.#settings, ...more });
  }

  /** The command line of the product, as the operator has it; its JSON. */
  command(args: readonly string[], typed: string): Promise<Input> {
    return new Promise((resolve, reject) => {
      const options = { env: this.#env(), timeout: 30_000 };
      const child = execFile(process.execPath, ['dist/main.js', ...args], options, (error, stdout, stderr) =>
        error === null ? resolve(JSON.parse(stdout) as Input) : reject(new Error(`${stdout}${stderr}`)),
      );
      child.stdin?.on('error', () => undefined).end(typed);
    });
  }

  async end(): Promise<void> {
    await this.#connection?.close();
    this.#connection = undefined;
  }

  #env(): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      SECURITY_MCP_HOME: this.home,
      SECURITY_MCP_DESK: this.#types === undefined ? 'off' : 'auto',
      ...this.#settings,
    };
  }
}

type Command = ConstructorParameters<typeof StdioClientTransport>[0];

async function connectClassic(command: Command): Promise<Connection> {
  const client = new Client({ name: 'agent', version: '1' });
  await client.connect(new StdioClientTransport(command));
  return client;
}

async function connectModern(command: Command, types: string | undefined): Promise<Connection> {
  const client = new ModernClient(
    { name: 'agent', version: '2' },
    {
      versionNegotiation: { mode: { pin: '2026-07-28' } },
      ...(types === undefined ? {} : { capabilities: { elicitation: { url: {} } } }),
    },
  );
  if (types !== undefined)
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      void post((params as { url: string }).url, { action: 'store', secret: types });
      return { action: 'accept' };
    });
  await client.connect(new ModernTransport(command));
  return client;
}
