/** Puts the rooms together: from a Config to a pipeline. Used by the server and by the command line alike. */

import { createHmac } from 'node:crypto';

import type { Config } from './config.js';
import type { CertificateChecker } from './crypto/certificate/checker.js';
import { createKeyRing } from './crypto/keyring.js';
import { systemRandom } from './crypto/random.js';
import { AllowedFiles } from './files/read.js';
import type { AuditSink } from './guard/audit.js';
import { createPipeline, TIME_LIMIT_SECONDS, type Pipeline, type PipelineOptions } from './guard/call.js';
import { createGuessLimit, type MonotonicClock } from './guard/limits.js';
import { Home } from './storage/home.js';
import { environmentKey, fileKey } from './storage/key-file.js';
import { createKeyStore } from './storage/keys.js';
import { createVault, type Vault } from './storage/master-key.js';
import { lazyStore, type Store } from './storage/store.js';
import { catalogue } from './tools/index.js';
import { OPERATOR_TOOLS } from './tools/key.js';
import type { Tool } from './tools/tool.js';
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
  /** The effective user id of this process, where the platform has such ids: the home of the store must be theirs. */
  userId: number | undefined;
  /** The built `workers/thread.js`. */
  threadScript: URL;
}

export interface App {
  pipeline: Pipeline;
  /** What only the command line offers: the same way of a call, with tools that no client is told of. */
  operator: Pipeline;
  /** Opened with the first call that needs it, as is the vault in it. */
  store: Store;
  vault: Vault;
  engines(): Promise<EngineReport>;
  /** Ends the worker threads, whatever they compute, and closes the store. */
  close(): Promise<void>;
}

export function createApp(config: Config, surroundings: Surroundings): App {
  const { audit, reportFailure, clock, now, newId, processors, poolThreads, userId, threadScript } = surroundings;
  // Two threads of the pool stay free for files and DNS.
  const cpuSlots = Math.max(1, Math.min(processors, poolThreads - 2));
  const hashingThreads = new ThreadPool(threadScript, cpuSlots);
  const strengthThreads = new ThreadPool(threadScript, 1);
  const { store, vault } = createStore(config, userId);
  const passwords = createEngine(config.engine, hashingThreads);
  const fingerprintKey = systemRandom(32);
  const { jwtSecret, jwtSecretPrevious, verifyAttempts } = config;
  const options: Omit<PipelineOptions, 'tools'> = {
    context: {
      now,
      random: systemRandom,
      ring: createKeyRing({
        ...(jwtSecret === undefined ? {} : { jwtSecret }),
        ...(jwtSecretPrevious === undefined ? {} : { jwtSecretPrevious }),
        store: createKeyStore(store, vault, systemRandom),
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
  };
  const withTools = (tools: readonly Tool[]): Pipeline => createPipeline({ ...options, tools });
  return {
    pipeline: withTools(catalogue(config.toolsets, config.readOnly)),
    operator: withTools(OPERATOR_TOOLS),
    store,
    vault,
    engines: () => passwords.report(),
    async close() {
      await Promise.all([hashingThreads.close(), strengthThreads.close(), store.close()]);
    },
  };
}

function createStore(
  { home, databaseUrl, masterKey }: Config,
  userId: number | undefined,
): { store: Store; vault: Vault } {
  const store = lazyStore({ home, databaseUrl, owner: userId });
  // Without a home the store does not open, and nobody comes to ask for the key in it.
  const key = masterKey === undefined ? fileKey(() => new Home(home ?? '', userId)) : environmentKey(masterKey);
  return { store, vault: createVault(store, key, systemRandom) };
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
