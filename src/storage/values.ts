/**
 * What may be bound to a statement: what comes back exactly as it went in, on both engines. Left to themselves, libsql aborts
 * the process on a boolean and cuts text at NUL, both drivers take undefined for null, and lone surrogates become U+FFFD.
 */

const MAX_TEXT = 16 * 1_048_576;

export type Value = null | number | string | Uint8Array;

/** A fault of this program, not of the store: its message holds no value. */
export class ValueError extends TypeError {
  override readonly name = 'ValueError';
}

/** The value, or throws a `ValueError`. Bytes are copied: they may lie in memory that is shared or changes. */
export function checkedValue(value: unknown): Value {
  if (value === null) return value;
  if (typeof value === 'string') {
    if (value.length > MAX_TEXT) throw new ValueError('text is too long for the store');
    if (value.includes('\0') || !value.isWellFormed()) throw new ValueError('text holds NUL or a lone surrogate');
    return value;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new ValueError('a number of the store must be finite');
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new ValueError('a whole number is over 2^53');
    return value;
  }
  if (value instanceof Uint8Array) {
    if (value.byteLength > MAX_TEXT) throw new ValueError('bytes are too long for the store');
    return Uint8Array.from(value);
  }
  throw new ValueError(`a value of type ${typeof value} cannot be stored`);
}

/** A 64-bit integer of the store as a number; throws where that would round. */
export function checkedInteger(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new ValueError('a whole number of the store is over 2^53');
  return number;
}
