/** Puts the rooms together: from a Config to a pipeline. Used by the server and by the command line alike. */

import { createHmac } from 'node:crypto';

import type { Config } from './config.js';
import type { CertificateChecker } from './crypto/certificate/checker.js';
import { createProcessRing } from './crypto/keyring.js';
import { systemRandom } from './crypto/random.js';
import { AllowedFiles } from './files/read.js';
import type { AuditSink } from './guard/audit.js';
import { createPipeline, TIME_LIMIT_SECONDS, type Pipeline } from './guard/call.js';
import { createGuessLimit, type MonotonicClock } from './guard/limits.js';
import { catalogue } from './tools/index.js';
import { createPkcs12Opener } from './workers/containers.js';
import { createEngine, createStrengthMeter, type EngineReport } from './workers/engines.js';
import { ThreadPool } from './workers/pool.js';

/** Each may have 16 servers in hand. */
const NETWORK_SLOTS = 4;

export interface Surroundings {
  audit: AuditSink;
  reportFailure(correlationId: string, tool: string, cause: Record<string, unknown>): void;
  clock: MonotonicClock;
  now(): Date;
  newId(): string;
  /** Processors this process may use. */
  processors: number;
  /** Threads of libuv's pool, which native hashing and key derivation share with files and DNS. */
  poolThreads: number;
  /** The built `workers/thread.js`. */
  threadScript: URL;
}

export interface App {
  pipeline: Pipeline;
  engines(): Promise<EngineReport>;
  /** Ends the worker threads, whatever they compute. */
  close(): Promise<void>;
}

export function createApp(config: Config, surroundings: Surroundings): App {
  const { audit, reportFailure, clock, now, newId, processors, poolThreads, threadScript } = surroundings;
  // Two threads of the pool stay free for files and DNS.
  const cpuSlots = Math.max(1, Math.min(processors, poolThreads - 2));
  const hashingThreads = new ThreadPool(threadScript, cpuSlots);
  const strengthThreads = new ThreadPool(threadScript, 1);
  const passwords = createEngine(config.engine, hashingThreads);
  const fingerprintKey = systemRandom(32);
  const { jwtSecret, jwtSecretPrevious, verifyAttempts } = config;
  const pipeline = createPipeline({
    tools: catalogue(config.toolsets, config.readOnly),
    context: {
      now,
      random: systemRandom,
      ring: createProcessRing({
        ...(jwtSecret === undefined ? {} : { jwtSecret }),
        ...(jwtSecretPrevious === undefined ? {} : { jwtSecretPrevious }),
        random: systemRandom,
      }),
      passwords,
      strength: createStrengthMeter(strengthThreads),
      policy: { minLength: config.passwordMinLength, bcryptCost: config.bcryptCost },
      files: new AllowedFiles(config.fileFolders),
      certificates: lazyChecker(config, now),
      openPkcs12: createPkcs12Opener(hashingThreads),
    },
    audit,
    guesses: createGuessLimit(verifyAttempts.guesses, verifyAttempts.windowSeconds, clock),
    fingerprint: (subject) => createHmac('sha256', fingerprintKey).update(subject).digest('base64url'),
    callsPerMinute: config.callsPerMinute,
    cpuSlots,
    networkSlots: NETWORK_SLOTS,
    timeLimitSeconds: TIME_LIMIT_SECONDS,
    clock,
    newId,
    bootId: newId(),
    reportFailure,
  });
  return {
    pipeline,
    engines: () => passwords.report(),
    async close() {
      await Promise.all([hashingThreads.close(), strengthThreads.close()]);
    },
  };
}

/** The certificate checker, loaded with the first call: it is a third of the program. */
function lazyChecker({ network, extraAnchors }: Config, now: () => Date): CertificateChecker {
  let loading: Promise<CertificateChecker> | undefined;
  const load = (): Promise<CertificateChecker> =>
    (loading ??= import('./network/checker.js').then(({ createCertificateChecker }) =>
      createCertificateChecker({ policy: network, extraAnchors, random: systemRandom, now }),
    ));
  return {
    check: async (...args) => (await load()).check(...args),
    verify: async (...args) => (await load()).verify(...args),
  };
}
