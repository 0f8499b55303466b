/** Responses about revocation that are still good for use, kept in memory and bounded in number and size. */

export interface CacheLimits {
  entries: number;
  /** Of all responses together. */
  bytes: number;
  /** Of one; a longer one is fetched anew, rather than have it push out all others. */
  bytesEach: number;
  /** Even where a response says that it holds longer: issuers revoke in between. */
  lifeMs: number;
}

export const CACHE_LIMITS: CacheLimits = { entries: 256, bytes: 16_777_216, bytesEach: 4_194_304, lifeMs: 86_400_000 };

/** Keeps the received bytes, not what was concluded from them: each use judges them anew, for its own certificate and time. */
export class RevocationCache {
  readonly #limits: CacheLimits;
  /** In the order of use, the oldest first. */
  readonly #kept = new Map<string, { bytes: Uint8Array; expires: number }>();
  #size = 0;

  constructor(limits: CacheLimits = CACHE_LIMITS) {
    this.#limits = limits;
  }

  /** What is kept under the key and holds at `now` (the clock), or null. */
  get(key: string, now: Date): Uint8Array | null {
    const found = this.#kept.get(key);
    if (found === undefined) return null;
    this.#kept.delete(key);
    if (now.getTime() >= found.expires) {
      this.#size -= found.bytes.length;
      return null;
    }
    this.#kept.set(key, found);
    return found.bytes;
  }

  /**
   * Keeps `bytes` until `until`, or shorter, and says whether it does. What says of no time until when it holds is not kept, nor
   * what is too long.
   */
  set(key: string, bytes: Uint8Array, until: Date | null, now: Date): boolean {
    this.#remove(key);
    const expires = Math.min(until?.getTime() ?? 0, now.getTime() + this.#limits.lifeMs);
    if (expires <= now.getTime() || bytes.length > Math.min(this.#limits.bytes, this.#limits.bytesEach)) return false;
    // A slice would keep the whole buffer it was cut from.
    const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.from(bytes);
    this.#kept.set(key, { bytes: own, expires });
    this.#size += own.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#limits.entries && this.#size <= this.#limits.bytes) break;
      this.#remove(oldest);
    }
    return true;
  }

  #remove(key: string): void {
    const found = this.#kept.get(key);
    if (found === undefined) return;
    this.#kept.delete(key);
    this.#size -= found.bytes.length;
  }
}
