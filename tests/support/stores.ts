/** Stores on both engines, for tests that must hold on each: `describe.each(engines)`. */

import { spawn, type ChildProcess } from 'node:child_process';

import { afterAll, expect } from 'vitest';

import { SecurityError, type ErrorCode } from '../../src/crypto/errors.js';
import { lazyStore, type Store, type StoreOptions } from '../../src/storage/store.js';
import { newHome, USER } from './home.js';
import { postgresMissing, PostgresServer } from './postgres.js';

let starting: Promise<PostgresServer> | undefined;
const opened: Store[] = [];

/** The PostgreSQL of this test file, started with the first need. */
export function postgres(): Promise<PostgresServer> {
  return (starting ??= PostgresServer.start());
}

afterAll(async () => {
  await Promise.all(opened.map((store) => store.close().catch(() => undefined)));
  await (await starting)?.remove();
});

/** A store that is closed with the test file. */
export function open(options: Omit<StoreOptions, 'owner'>): Store {
  const store = lazyStore({ owner: USER, ...options });
  opened.push(store);
  return store;
}

/** The store on a clock of the test's. */
export function timed(store: Store, now: () => number): Store {
  return {
    engine: store.engine,
    read: (work, options) => store.read(work, options),
    write: (work, options) => store.write(work, options),
    now: async () => now(),
    report: () => store.report(),
    close: () => store.close(),
  };
}

export interface TestEngine {
  name: 'sqlite' | 'postgres';
  /** Why it cannot be tested here. */
  missing: string | undefined;
  /** Where an empty store can be opened, several times. */
  place(): Promise<Omit<StoreOptions, 'owner'>>;
}

export const engines: readonly TestEngine[] = [
  { name: 'sqlite', missing: undefined, place: async () => ({ home: newHome() }) },
  {
    name: 'postgres',
    missing: postgresMissing,
    place: async () => ({ home: newHome(), databaseUrl: await (await postgres()).newDatabase() }),
  },
];

/** The refusal that `work` ends with: its code is `code`, and nothing of a path, an address or a password is in it. */
export async function refusal(work: Promise<unknown>, code: ErrorCode): Promise<SecurityError> {
  const error: unknown = await work.then(
    () => new Error('nothing was refused'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SecurityError)) throw error;
  expect(error.code).toBe(code);
  expect(error.hint).toMatch(/\.$/);
  const told = JSON.stringify([
    error.message,
    error.hint,
    String(error.cause),
    (error.cause as Error | undefined)?.stack,
  ]);
  expect(told).not.toMatch(/canary|127\.0\.0\.1|security-mcp-home-/);
  return error;
}

/** A child process that runs a scenario of storage-child.mjs on the built program. */
export class Child {
  readonly process: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly lines: string[] = [];
  stderr = '';
  #wake: (() => void)[] = [];

  constructor(scenario: string, options: Omit<StoreOptions, 'owner'>, ...args: string[]) {
    this.process = spawn(
      process.execPath,
      ['tests/support/storage-child.mjs', scenario, JSON.stringify({ owner: USER, ...options }), ...args],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    let rest = '';
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.lines.push(...lines);
      this.#wakeAll();
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = new Promise((resolve) => this.process.on('close', resolve));
    void this.exited.then(() => this.#wakeAll());
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Resolves when it has written as many lines, or has ended. */
  async wrote(count: number): Promise<void> {
    while (this.lines.length < count && this.process.exitCode === null && this.process.signalCode === null)
      await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** SIGKILL, and everything it had written before. */
  async kill(): Promise<string[]> {
    this.process.kill('SIGKILL');
    await this.exited;
    return this.lines;
  }
}
