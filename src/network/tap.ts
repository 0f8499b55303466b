/** A stream between a socket and the TLS library that sees, counts and bounds what the server sends. */

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export class Tap extends Duplex {
  readonly #socket: Socket;
  #received = 0;
  /** What the system said of the connection. The TLS library says ECONNRESET of an orderly end too. */
  socketError: Error | undefined;

  /**
   * `observe` is called with every piece before the TLS library gets it; false withholds the piece and all that follows.
   * Past `maxBytes` the stream is destroyed with `onFlood`.
   */
  constructor(socket: Socket, options: { maxBytes: number; observe: (chunk: Buffer) => boolean; onFlood: () => void }) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.length;
      if (this.#received > options.maxBytes) {
        options.onFlood();
        this.destroy();
      } else if (options.observe(chunk) && !this.push(chunk)) socket.pause();
    });
    socket.once('end', () => this.push(null));
    socket.once('error', (error) => {
      this.socketError = error;
      this.destroy(error);
    });
    socket.once('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }
}
