/** Where randomness comes from. It arrives as an argument, so that published vectors can be reproduced. */

import { randomBytes } from 'node:crypto';

/** Gives `size` bytes fit for keys, salts and nonces. */
export type Random = (size: number) => Uint8Array;

export const systemRandom: Random = (size) => randomBytes(size);
