/** jwt_verify and envelope_open with keys of the ring, 32 calls in flight, beside the library alone doing the same 32 at a time. */

import { createSecretKey, randomBytes } from 'node:crypto';

import { GeneralEncrypt, generalDecrypt, jwtVerify } from 'jose';

import { interleave, median, row, timeMs } from './measure.mjs';
import { JWT_SECRET_KEY, runAtOnce, startPipeline } from './rig.mjs';

const ROUNDS = 9;
const IN_FLIGHT = 32;
const CALLS = 2_000;
const PLAINTEXT = 'postgres://shop:only-an-example@db.example/shop';

export async function run() {
  const pipeline = await startPipeline();
  try {
    const { token } = await pipeline.call('jwt_sign', { subject: 'bench', ttl_seconds: 3600 });
    const secret = createSecretKey(Buffer.from(JWT_SECRET_KEY));
    const { envelope } = await pipeline.call('envelope_seal', { plaintext: PLAINTEXT });
    const wrapping = randomBytes(32);
    const theirs = await new GeneralEncrypt(Buffer.from(PLAINTEXT))
      .setProtectedHeader({ enc: 'A256GCM' })
      .addRecipient(wrapping)
      .setUnprotectedHeader({ alg: 'A256KW' })
      .encrypt();
    const perSecond = async (work) => (CALLS * 1_000) / (await timeMs(() => runAtOnce(CALLS, IN_FLIGHT, work)));
    const contestants = {
      verify: () => perSecond(() => pipeline.call('jwt_verify', { token })),
      verifyAlone: () => perSecond(() => jwtVerify(token, secret, { algorithms: ['HS256'] })),
      open: () => perSecond(() => pipeline.call('envelope_open', { envelope })),
      openAlone: () => perSecond(() => generalDecrypt(theirs, wrapping)),
    };
    await interleave(2, contestants);
    const samples = await interleave(ROUNDS, contestants);
    const line = (what, ours, reference, against) =>
      row({
        what,
        ours: median(samples[ours]),
        reference: median(samples[reference]),
        unit: 'perSecond',
        against,
        goal: { atLeast: 0.8 },
      });
    return {
      note: `${IN_FLIGHT} in flight, each call audited in SQLite; medians of ${ROUNDS} interleaved rounds of ${CALLS}`,
      rows: [
        line('jwt_verify', 'verify', 'verifyAlone', 'jose jwtVerify alone'),
        line('envelope_open', 'open', 'openAlone', 'jose generalDecrypt alone'),
      ],
    };
  } finally {
    await pipeline.close();
  }
}
