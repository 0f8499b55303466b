/** A bounded plaintext conversation over a connected socket, which is given on to TLS afterwards. */

import type { Socket } from 'node:net';

import type { Deadline } from './deadline.js';
import { CLOSED, connectFault, NetworkFault, type Fault } from './fault.js';

/** Of the whole conversation. Greetings and capability lists have a few hundred bytes. */
const MAX_BYTES = 65_536;
const MAX_LINE_BYTES = 4_096;

/** Bytes that no text protocol has, in ASCII or UTF-8: without this a binary greeting would be waited on as a line without end. */
const NO_TEXT = /[^\t\n\v\f\r\x20-\xf7]/;

export const NOT_THIS_PROTOCOL: Fault = {
  code: 'not_tls',
  explanation: 'The server does not speak the plaintext protocol that was asked for with starttls.',
  remedy: 'Check the port and the value of starttls.',
};

const TOO_MUCH: Fault = {
  code: 'not_tls',
  explanation: 'The server sent more than the plaintext protocol has to say before TLS.',
  remedy: 'Check the port and the value of starttls.',
};

export class Plaintext {
  readonly #socket: Socket;
  readonly #deadline: Deadline;
  /** One character for each byte. */
  #unread = '';
  #received = 0;
  #fault: Fault | undefined;
  #wake: () => void = () => undefined;

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length;
    if (this.#received > MAX_BYTES) {
      this.#fault ??= TOO_MUCH;
      this.#socket.pause();
    } else this.#unread += chunk.toString('latin1');
    this.#wake();
  };
  readonly #onEnd = (): void => this.#fail(CLOSED);
  readonly #onError = (error: Error): void => this.#fail(connectFault(error));
  readonly #onAbort = (): void => this.#fail(this.#deadline.fault());

  constructor(socket: Socket, deadline: Deadline) {
    this.#socket = socket;
    this.#deadline = deadline;
    socket.on('data', this.#onData).once('end', this.#onEnd).once('close', this.#onEnd).on('error', this.#onError);
    deadline.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  send(data: string | Buffer): void {
    this.#socket.write(data);
  }

  /** One line without its end. */
  async line(): Promise<string> {
    const line = await this.#take((text) => {
      if (NO_TEXT.test(text.slice(0, MAX_LINE_BYTES))) throw new NetworkFault(NOT_THIS_PROTOCOL);
      const end = text.indexOf('\n');
      if ((end === -1 ? text.length : end) > MAX_LINE_BYTES) throw new NetworkFault(TOO_MUCH);
      return end === -1 ? undefined : end + 1;
    });
    return line.replace(/\r?\n$/, '');
  }

  async bytes(count: number): Promise<Buffer> {
    if (count > MAX_BYTES) throw new NetworkFault(TOO_MUCH);
    return Buffer.from(await this.#take((text) => (text.length >= count ? count : undefined)), 'latin1');
  }

  /** Everything up to the end of the first match. */
  until(pattern: RegExp): Promise<string> {
    return this.#take((text) => {
      const match = pattern.exec(text);
      return match === null ? undefined : match.index + match[0].length;
    });
  }

  hasUnread(): boolean {
    return this.#unread !== '';
  }

  /** Lets go of the socket, paused: what arrives from now on is for TLS. */
  end(): void {
    this.#socket.pause();
    this.#socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('close', this.#onEnd)
      .off('error', this.#onError);
    this.#deadline.signal.removeEventListener('abort', this.#onAbort);
  }

  #fail(fault: Fault): void {
    this.#fault ??= fault;
    this.#wake();
  }

  /** Waits until `lengthOf` knows how many characters to take. */
  async #take(lengthOf: (text: string) => number | undefined): Promise<string> {
    for (;;) {
      const length = lengthOf(this.#unread);
      if (length !== undefined) {
        const taken = this.#unread.slice(0, length);
        this.#unread = this.#unread.slice(length);
        return taken;
      }
      if (this.#fault !== undefined) throw new NetworkFault(this.#fault);
      if (this.#deadline.signal.aborted) throw new NetworkFault(this.#deadline.fault());
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }
}
