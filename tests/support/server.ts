/** The built server as a child process, spoken to in raw lines. */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';

import { newHome } from './home.js';

export interface Answer {
  jsonrpc: string;
  id: string | number | null;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

export const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

export class RawServer {
  readonly child: ChildProcessWithoutNullStreams;
  /** Where its store is, unless `env` named another. */
  readonly home = newHome();
  stdout = '';
  stderr = '';
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #wake: (() => void)[] = [];

  /** Each gets a home of its own, unless `env` names one. */
  constructor(env: Record<string, string> = {}, args: string[] = ['dist/main.js']) {
    const foreign = Object.entries(process.env).filter(([name]) => !/^(?:SECURITY_MCP_|JWT_SECRET_KEY)/.test(name));
    this.child = spawn(process.execPath, args, {
      env: { ...Object.fromEntries(foreign), SECURITY_MCP_HOME: this.home, ...env },
      stdio: 'pipe',
    });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      for (const wake of this.#wake.splice(0)) wake();
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.child.stdin.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        resolve({ code, signal });
        for (const wake of this.#wake.splice(0)) wake();
      });
    });
  }

  /** Every line of standard output, parsed: throws where one is not JSON. */
  get answers(): Answer[] {
    return this.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Answer);
  }

  write(message: unknown): void {
    this.child.stdin.write(
      typeof message === 'string' || Buffer.isBuffer(message) ? message : `${JSON.stringify(message)}\n`,
    );
  }

  /** Waits until an answer fits. */
  async answer(fits: (answer: Answer) => boolean): Promise<Answer> {
    for (;;) {
      const found = this.answers.find(fits);
      if (found !== undefined) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`server ended: ${this.stderr}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async request(id: number | string, method: string, params: Record<string, unknown> = {}): Promise<Answer> {
    this.write({ jsonrpc: '2.0', id, method, params });
    return this.answer((answer) => answer.id === id);
  }

  /** The handshake of the older era. */
  async initialize(): Promise<Answer> {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
    const answer = await this.request('init', 'initialize', params);
    this.write({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return answer;
  }

  async call(id: number | string, name: string, input: unknown): Promise<Record<string, unknown>> {
    const { result } = await this.request(id, 'tools/call', { name, arguments: input });
    return result ?? {};
  }

  async end(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.child.stdin.end();
    return this.exited;
  }
}
