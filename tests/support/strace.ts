/**
 * The built command line under strace, which makes one system call of it fail, or kills it there: `-e inject=fsync:error=EIO:when=3`
 * is the third fsync of each thread. The files of a run lie in folders of its own, so that one template serves many runs.
 */

import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { base } from './home.js';

/** Why nothing can be injected here, or undefined where it can. Tests that need it are skipped by this, visibly. */
export const straceMissing =
  process.platform === 'linux' && spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
    ? undefined
    : 'no strace on this machine';

/** What gives data, names and durability. `write` is left out: Node's own pipes and clocks use it too. */
export const CALLS = ['pwrite64', 'fsync', 'fdatasync', 'ftruncate', 'rename', 'link', 'unlink'] as const;
export type Call = (typeof CALLS)[number];

export interface Fault {
  call: Call | 'openat' | 'mkdir';
  /** `KILL` ends the process as it enters the call. */
  how: 'EIO' | 'ENOSPC' | 'EROFS' | 'EMFILE' | 'KILL';
  /** Which call of each thread; `1+` is every one. */
  when: string;
  /** Only calls on these paths. */
  paths?: readonly string[];
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export function run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const foreign = Object.entries(process.env).filter(([name]) => !/^(?:SECURITY_MCP_|JWT_SECRET_KEY)/.test(name));
  // One thread of the pool: the order of its calls is that of the program.
  const child = spawn(command, args, {
    env: { ...Object.fromEntries(foreign), UV_THREADPOOL_SIZE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

const commandLine = (args: readonly string[]): string[] => [process.execPath, 'dist/main.js', ...args];

export function runFaulty(args: readonly string[], env: Record<string, string>, fault: Fault): Promise<Ended> {
  const what = fault.how === 'KILL' ? 'signal=KILL' : `error=${fault.how}`;
  const only = (fault.paths ?? []).flatMap((path) => ['-P', path]);
  const inject = ['-e', `trace=${fault.call}`, '-e', `inject=${fault.call}:${what}:when=${fault.when}`];
  return run('strace', ['-f', '-qq', '-o', '/dev/null', ...only, ...inject, ...commandLine(args)], env);
}

/** How often the thread that makes a call most often makes it, in a run that nothing disturbs. */
export async function callsOf(args: readonly string[], env: Record<string, string>): Promise<Map<Call, number>> {
  const log = join(base, 'strace.log');
  const traced = ['-f', '-qq', '-o', log, '-e', `trace=${CALLS.join(',')}`];
  const { code, stdout, stderr } = await run('strace', [...traced, ...commandLine(args)], env);
  if (code !== 0) throw new Error(`refused without a fault: ${stdout}${stderr}`);
  const counts = new Map<string, number>();
  for (const [, thread = '', call = ''] of readFileSync(log, 'utf8').matchAll(/^(\d+) +(\w+)\(/gm)) {
    const key = `${call} ${thread}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  rmSync(log);
  const most = new Map<Call, number>();
  for (const [key, count] of counts) {
    const call = key.split(' ')[0] as Call;
    most.set(call, Math.max(most.get(call) ?? 0, count));
  }
  return most;
}
