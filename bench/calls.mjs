/** Time per call of two light tools, over the pipeline in process and over stdio, beside the library alone. */

import { createHash, createSecretKey } from 'node:crypto';

import { jwtVerify } from 'jose';

import { interleave, median, perCallUs, row } from './measure.mjs';
import { JWT_SECRET_KEY, MINIMAL_SERVER, SERVER, startPipeline, startServer, UNLIMITED } from './rig.mjs';

const ROUNDS = 21;
const IN_PROCESS_CALLS = 500;
const STDIO_CALLS = 100;
const TEXT = 'The quick brown fox jumps over the lazy dog';
const DIGEST_INPUT = { algorithm: 'sha256', text: TEXT };

export async function run() {
  const pipeline = await startPipeline();
  const server = await startServer(SERVER, { JWT_SECRET_KEY, SECURITY_MCP_CALLS_PER_MINUTE: UNLIMITED });
  const minimal = await startServer(MINIMAL_SERVER);
  try {
    const { token } = await pipeline.call('jwt_sign', { subject: 'bench', ttl_seconds: 3600 });
    const key = createSecretKey(Buffer.from(JWT_SECRET_KEY));
    const digest = createHash('sha256').update(TEXT).digest('hex');
    for (const caller of [pipeline, server]) {
      if ((await caller.call('digest_compute', DIGEST_INPUT)).digest !== digest) throw new Error('wrong digest');
      if ((await caller.call('jwt_verify', { token })).valid !== true) throw new Error('token refused');
    }
    const contestants = {
      digestAlone: perCallUs(IN_PROCESS_CALLS, () => createHash('sha256').update(TEXT).digest('hex')),
      digestPipeline: perCallUs(IN_PROCESS_CALLS, () => pipeline.call('digest_compute', DIGEST_INPUT)),
      digestStdio: perCallUs(STDIO_CALLS, () => server.call('digest_compute', DIGEST_INPUT)),
      jwtAlone: perCallUs(IN_PROCESS_CALLS, () => jwtVerify(token, key, { algorithms: ['HS256'] })),
      jwtPipeline: perCallUs(IN_PROCESS_CALLS, () => pipeline.call('jwt_verify', { token })),
      jwtStdio: perCallUs(STDIO_CALLS, () => server.call('jwt_verify', { token })),
      emptyStdio: perCallUs(STDIO_CALLS, () => minimal.request('tools/call', { name: 'echo', arguments: {} })),
    };
    // Unmeasured rounds, until the compilers of V8 have settled.
    await interleave(3, contestants);
    const samples = await interleave(ROUNDS, contestants);
    const us = Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]));
    const line = (what, ours, reference, against) => row({ what, ours, reference, unit: 'us', against });
    const empty = 'empty call of the minimal server over stdio';
    return {
      note: `one call after the other; medians of ${ROUNDS} interleaved rounds of ${IN_PROCESS_CALLS} (stdio: ${STDIO_CALLS}) calls`,
      rows: [
        line('digest_compute, pipeline in process', us.digestPipeline, us.digestAlone, 'createHash alone'),
        line('digest_compute, stdio', us.digestStdio, us.digestAlone, 'createHash alone'),
        line('digest_compute, stdio', us.digestStdio, us.emptyStdio, empty),
        line('jwt_verify, pipeline in process', us.jwtPipeline, us.jwtAlone, 'jose jwtVerify alone'),
        line('jwt_verify, stdio', us.jwtStdio, us.jwtAlone, 'jose jwtVerify alone'),
        line('jwt_verify, stdio', us.jwtStdio, us.emptyStdio, empty),
      ],
    };
  } finally {
    await Promise.all([pipeline.close(), server.close(), minimal.close()]);
  }
}
