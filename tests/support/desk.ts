/** A desk for tests: a clock that is moved by hand, a browser that only remembers, and requests as a browser or an attacker makes them. */

import { request, type IncomingHttpHeaders } from 'node:http';

import type { AskRequest, DeskAnswer } from '../../src/crypto/desk.js';
import { LocalDesk, type DeskClock, type DeskOptions } from '../../src/desk/desk.js';
import { strengthMeter } from './engines.js';

interface Alarm {
  at: number;
  wake(): void;
}

/** Stands still until it is moved. */
export class HandClock implements DeskClock {
  #now = Date.UTC(2026, 5, 1, 12);
  #alarms: Alarm[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, wake: () => void): () => void {
    const alarm = { at: this.#now + milliseconds, wake };
    this.#alarms.push(alarm);
    return () => void (this.#alarms = this.#alarms.filter((one) => one !== alarm));
  }

  forward(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#alarms.filter(({ at }) => at <= this.#now);
    this.#alarms = this.#alarms.filter(({ at }) => at > this.#now);
    for (const { wake } of due) wake();
  }
}

export interface TestDesk {
  desk: LocalDesk;
  clock: HandClock;
  /** Addresses that the browser was opened with. */
  opened: string[];
  /** Resolves with the next one. */
  nextAddress(): Promise<string>;
  kept: string[];
  ask(more?: Partial<AskRequest>): Promise<DeskAnswer>;
}

export function testDesk(options: Partial<DeskOptions> = {}): TestDesk {
  const clock = new HandClock();
  const opened: string[] = [];
  const kept: string[] = [];
  let tell: (url: string) => void = () => undefined;
  const desk = new LocalDesk({
    setting: 'auto',
    clock,
    strength: strengthMeter,
    openBrowser: async (url) => (opened.push(url), tell(url), true),
    notices: undefined,
    userId: process.geteuid?.(),
    ...options,
  });
  return {
    desk,
    clock,
    opened,
    kept,
    nextAddress: () => new Promise((resolve) => (tell = resolve)),
    ask: (more = {}) =>
      desk.ask(
        {
          name: 'db-password',
          purpose: 'to connect to the database',
          caller: 'tests',
          keep: async (value) => void kept.push(value),
          ...more,
        },
        { signal: new AbortController().signal },
      ),
  };
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** One request to an address, with whatever headers. */
export function send(
  url: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Reply> {
  const { hostname, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    request(
      { host: hostname, port, path: pathname, method, headers: { host: `${hostname}:${port}`, ...headers } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      },
    )
      .once('error', reject)
      .end(body);
  });
}

/** A form as the page itself posts it. */
export function post(
  url: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Reply> {
  return send(url, {
    method: 'POST',
    headers: {
      origin: new URL(url).origin,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    body: new URLSearchParams(fields).toString(),
  });
}
