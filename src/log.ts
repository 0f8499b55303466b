/** The log: JSON lines through pino on standard error. */

import { write } from 'node:fs';

import type { LogLevel } from './config.js';

export interface Log {
  warn(message: string): void;
  error(message: string, details: Record<string, unknown>): void;
  /** Resolves when everything so far is written, or cannot be. */
  flush(): Promise<void>;
}

const WRITE_PATIENCE_MS = 5_000;
const RETRY_MS = 5;
const MAX_PENDING_LINES = 10_000;

interface Pending {
  line: string;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Writes lines to a file descriptor in order, many at a time, without ever holding the event loop: a reader that has
 * stopped reading makes appends fail after five seconds, not the server stand still.
 */
export class LineWriter {
  readonly #fd: number;
  #pending: Pending[] = [];
  #writing: Promise<void> | null = null;

  constructor(fd: number) {
    this.#fd = fd;
  }

  append(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#pending.length >= MAX_PENDING_LINES) return reject(new Error('log is not being read'));
      const timer = setTimeout(() => reject(new Error('log write timed out')), WRITE_PATIENCE_MS);
      const settled =
        <A extends unknown[]>(finish: (...args: A) => void) =>
        (...args: A): void => {
          clearTimeout(timer);
          finish(...args);
        };
      this.#pending.push({ line, resolve: settled(resolve), reject: settled(reject) });
      this.#writing ??= this.#drain();
    });
  }

  async flush(): Promise<void> {
    await this.#writing;
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#writeAll(Buffer.from(batch.map(({ line }) => line).join('')));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = null;
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    for (let offset = 0; offset < bytes.length;) offset += await this.#writeSome(bytes, offset);
  }

  #writeSome(bytes: Buffer, offset: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#fd, bytes, offset, bytes.length - offset, null, (error, written) => {
        if (error === null) resolve(written);
        else if (error.code === 'EAGAIN') setTimeout(resolve, RETRY_MS, 0);
        else reject(error);
      });
    });
  }
}

interface Loggers {
  log: import('pino').Logger;
  /** The line that the last synchronous call made. */
  take(): string;
}

async function loadLoggers(level: LogLevel): Promise<Loggers> {
  const { pino } = await import('pino');
  let made = '';
  const stream = {
    write(line: string): void {
      made = line;
    },
  };
  const common = { base: null, formatters: { level: (label: string) => ({ level: label }) } };
  return {
    log: pino({ ...common, level, timestamp: pino.stdTimeFunctions.isoTime }, stream),
    take() {
      const line = made;
      made = '';
      return line;
    },
  };
}

/** A log on file descriptor `fd`. pino is loaded with the first line. */
export function createLog(fd: number, level: LogLevel): Log {
  const writer = new LineWriter(fd);
  let loading: Promise<Loggers> | undefined;
  let last: Promise<void> = Promise.resolve();
  const emit = async (make: (loggers: Loggers) => void): Promise<void> => {
    const loggers = await (loading ??= loadLoggers(level));
    make(loggers);
    const line = loggers.take();
    if (line !== '') await writer.append(line);
  };
  /** A lost log line is no reason to fail. */
  const quietly = (make: (loggers: Loggers) => void): void => {
    last = Promise.allSettled([last, emit(make)]).then(() => undefined);
  };
  return {
    warn: (message) => quietly(({ log }) => log.warn(message)),
    error: (message, details) => quietly(({ log }) => log.error(details, message)),
    async flush() {
      await last;
      await writer.flush();
    },
  };
}
