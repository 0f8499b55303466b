/** A bounded pool of worker threads: started when first needed, one job each at a time, waiting jobs in order. */

import { Worker } from 'node:worker_threads';

import type { JobName, Jobs } from './thread.js';

interface Waiting {
  name: JobName;
  job: Jobs[JobName];
  signal: AbortSignal;
  resolve(value: unknown): void;
  reject(error: unknown): void;
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
      const entry: Waiting = { name, job, signal, resolve, reject };
      this.#waiting.push(entry);
      signal.addEventListener(
        'abort',
        () => {
          const at = this.#waiting.indexOf(entry);
          if (at === -1) return;
          this.#waiting.splice(at, 1);
          reject(signal.reason);
        },
        { once: true },
      );
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
    this.#all.add(worker);
    return worker;
  }

  #assign(worker: Worker, { name, job, signal, resolve, reject }: Waiting): void {
    const settle = (finish: () => void, alive: boolean): void => {
      signal.removeEventListener('abort', onAbort);
      worker.removeAllListeners();
      worker.unref();
      if (alive) this.#idle.push(worker);
      else this.#all.delete(worker);
      finish();
      this.#next();
    };
    const onAbort = (): void => {
      void worker.terminate();
      settle(() => reject(signal.reason), false);
    };
    worker.ref();
    worker.once('message', (answer: { value: unknown } | { failed: true }) =>
      settle(() => ('value' in answer ? resolve(answer.value) : reject(new Error(`worker job ${name} failed`))), true),
    );
    worker.once('error', (error) => settle(() => reject(error), false));
    worker.once('exit', () => settle(() => reject(new Error('worker thread ended')), false));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    worker.postMessage({ name, job });
  }
}
