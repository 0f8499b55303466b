/** Sealing and opening 1 MiB with Fernet, beside the npm package `fernet` 0.3.3 on the same key and text. */

import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';

import { interleave, median, row, timeMs } from './measure.mjs';

const ROUNDS = 7;
const TEXT_BYTES = 1_048_576;

export async function run() {
  const { fernetOpen, fernetSeal } = await import('../build/crypto/fernet.js');
  // It extends String.prototype, so it is loaded here, by the last part of the run.
  const fernet = createRequire(import.meta.url)('fernet');
  const keyBytes = randomBytes(32);
  const text = randomBytes(TEXT_BYTES / 2).toString('hex');
  const secret = new fernet.Secret(keyBytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_'));

  const sealOurs = () => fernetSeal(Buffer.from(text, 'utf8'), keyBytes, new Date(), randomBytes);
  const openOurs = (token) => Buffer.from(fernetOpen(token, keyBytes, new Date()) ?? []).toString('utf8');
  const sealTheirs = () => new fernet.Token({ secret }).encode(text);
  const openTheirs = (token) => new fernet.Token({ secret, token, ttl: 0 }).decode();

  const token = sealOurs();
  if (openTheirs(token) !== text || openOurs(sealTheirs()) !== text) throw new Error('the two do not read each other');
  const samples = await interleave(ROUNDS, {
    sealOurs: () => timeMs(sealOurs),
    sealTheirs: () => timeMs(sealTheirs),
    openOurs: () => timeMs(() => openOurs(token)),
    openTheirs: () => timeMs(() => openTheirs(token)),
  });
  const ms = Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]));
  const against = 'npm fernet 0.3.3';
  return {
    note: `1 MiB of text; each opens what the other sealed; medians of ${ROUNDS} interleaved rounds`,
    rows: [
      row({ what: 'Fernet, seal 1 MiB', ours: ms.sealOurs, reference: ms.sealTheirs, unit: 'ms', against }),
      row({ what: 'Fernet, open 1 MiB', ours: ms.openOurs, reference: ms.openTheirs, unit: 'ms', against }),
    ],
  };
}
