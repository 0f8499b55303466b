/** What runs on a worker thread: the computations that would hold the event loop. One job at a time, answers by message. */

import { parentPort } from 'node:worker_threads';

import { openPkcs12 } from '../crypto/certificate/pkcs12.js';
import { bcryptBase64, type Argon2Request, type Argon2Variant } from '../crypto/password.js';
import { estimateStrength } from '../crypto/strength.js';

export interface Jobs {
  bcrypt: { password: string; salt: Uint8Array; cost: number };
  argon2: Argon2Request;
  strength: { password: string; userInputs: readonly string[] };
  pkcs12: { bytes: Uint8Array; password: string };
}

export type JobName = keyof Jobs;

async function bcrypt({ password, salt, cost }: Jobs['bcrypt']): Promise<string> {
  const { hashSync } = await import('bcryptjs');
  return hashSync(password, `$2b$${String(cost).padStart(2, '0')}$${bcryptBase64(salt)}`);
}

async function argon2(request: Jobs['argon2']): Promise<Uint8Array> {
  const implementations = await import('hash-wasm');
  const compute: Record<Argon2Variant, typeof implementations.argon2id> = implementations;
  return compute[request.variant]({
    password: request.password,
    salt: request.salt,
    iterations: request.passes,
    memorySize: request.memoryKib,
    parallelism: request.parallelism,
    hashLength: request.lengthBytes,
    outputType: 'binary',
  });
}

function work(name: JobName, job: Jobs[JobName]): Promise<unknown> {
  if (name === 'bcrypt') return bcrypt(job as Jobs['bcrypt']);
  if (name === 'argon2') return argon2(job as Jobs['argon2']);
  if (name === 'pkcs12') {
    const { bytes, password } = job as Jobs['pkcs12'];
    return openPkcs12(bytes, password);
  }
  const { password, userInputs } = job as Jobs['strength'];
  return estimateStrength(password, userInputs);
}

parentPort?.on('message', ({ name, job }: { name: JobName; job: Jobs[JobName] }) => {
  work(name, job).then(
    (value) => parentPort?.postMessage({ value }),
    // Library text stays here: only that it failed goes back.
    () => parentPort?.postMessage({ failed: true }),
  );
});
