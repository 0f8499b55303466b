/** A bounded pool of worker threads: started when first needed, one job each at a time, waiting jobs in order. */

import { Worker } from 'node:worker_threads';

import type { JobName, Jobs } from './thread.js';

interface Waiting {
  name: JobName;
  job: Jobs[JobName];
  signal: AbortSignal;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** Takes the job out of the queue when its caller goes away. */
  leave(): void;
}

export class ThreadPool {
  readonly #script: URL;
  readonly #size: number;
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  readonly #waiting: Waiting[] = [];

  /** `script` is the built `thread.js`; at most `size` threads run. */
  constructor(script: URL, size: number) {
    this.#script = script;
    this.#size = size;
  }

  /** Runs one job. An abort ends the thread that computes it, so that the processor is free at once. */
  run<N extends JobName>(name: N, job: Jobs[N], signal: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal.reason);
      };
      const entry: Waiting = { name, job, signal, resolve, reject, leave };
      this.#waiting.push(entry);
      signal.addEventListener('abort', leave, { once: true });
      this.#next();
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #next(): void {
    while (this.#waiting.length > 0) {
      const worker = this.#idle.pop() ?? (this.#all.size < this.#size ? this.#start() : undefined);
      if (worker === undefined) return;
      const entry = this.#waiting.shift();
      if (entry !== undefined) this.#assign(worker, entry);
    }
  }

  /** The streams of a thread go nowhere: standard output belongs to the protocol. Its environment holds no secret. */
  #start(): Worker {
    const worker = new Worker(this.#script, { stdout: true, stderr: true, env: {} });
    worker.unref();
    worker.on('error', () => undefined);
    worker.on('exit', () => this.#forget(worker));
    this.#all.add(worker);
    return worker;
  }

  /** A thread that has ended, also while idle, is never given a job again. */
  #forget(worker: Worker): void {
    this.#all.delete(worker);
    const at = this.#idle.indexOf(worker);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  #assign(worker: Worker, { name, job, signal, resolve, reject, leave }: Waiting): void {
    signal.removeEventListener('abort', leave);
    const settle = (finish: () => void, alive: boolean): void => {
      signal.removeEventListener('abort', onAbort);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      worker.unref();
      if (alive) this.#idle.push(worker);
      else this.#forget(worker);
      finish();
      this.#next();
    };
    const onMessage = (answer: { value: unknown } | { failed: true }): void =>
      settle(() => ('value' in answer ? resolve(answer.value) : reject(new Error(`worker job ${name} failed`))), true);
    const onError = (error: unknown): void => settle(() => reject(error), false);
    const onExit = (): void => settle(() => reject(new Error('worker thread ended')), false);
    const onAbort = (): void => {
      void worker.terminate();
      settle(() => reject(signal.reason), false);
    };
    worker.ref();
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    worker.postMessage({ name, job });
  }
}
