/** Puts the rooms together: from a Config to a pipeline. Used by the server and by the command line alike. */

import { createHmac } from 'node:crypto';

import type { Config } from './config.js';
import type { CertificateChecker } from './crypto/certificate/checker.js';
import type { Desk } from './crypto/desk.js';
import { createKeyRing } from './crypto/keyring.js';
import { systemRandom } from './crypto/random.js';
import type { SecretStore } from './crypto/secret.js';
import type { LocalDesk } from './desk/desk.js';
import { FileDeliveries } from './files/deliver.js';
import { AllowedFiles } from './files/read.js';
import { FileWriter } from './files/write.js';
import type { BrowserSurroundings } from './desk/browser.js';
import type { AuditSink } from './guard/audit.js';
import { createPipeline, TIME_LIMIT_SECONDS, type Pipeline, type PipelineOptions } from './guard/call.js';
import type { GuessLimit, MonotonicClock } from './guard/limits.js';
import type { Meter } from './guard/meter.js';
import type { Storage } from './storage/open.js';
import { catalogue } from './tools/index.js';
import { OPERATOR_TOOLS } from './tools/operator.js';
import type { Tool } from './tools/tool.js';
import { createPkcs12Opener } from './workers/containers.js';
import { createEngine, createStrengthMeter, type EngineReport } from './workers/engines.js';
import { ThreadPool } from './workers/pool.js';

/** Each may have 16 servers in hand. */
const NETWORK_SLOTS = 4;
const FILE_SLOTS = 2;

export interface Surroundings {
  reportFailure(correlationId: string, tool: string, cause: Record<string, unknown>): void;
  clock: MonotonicClock;
  now(): Date;
  newId(): string;
  meter?: Meter;
  /** Processors this process may use. */
  processors: number;
  /** Threads of libuv's pool, which native hashing and key derivation share with files and DNS. */
  poolThreads: number;
  /** The effective user id of this process, where the platform has such ids: the home of the store must be theirs. */
  userId: number | undefined;
  processId: number;
  /** What tells whether the human has a browser here. */
  browser: BrowserSurroundings;
  /** The built `workers/thread.js`. */
  threadScript: URL;
}

export interface App {
  pipeline: Pipeline;
  /** What only the command line offers: the same way of a call, with tools that no client is told of. */
  operator: Pipeline;
  /** What remembers: loaded, and opened, with the first call that needs it. */
  storage(): Promise<Storage>;
  engines(): Promise<EngineReport>;
  /** Audit entries that are not committed yet. */
  auditsPending(): number;
  /** Ends the worker threads, whatever they compute, takes away files that are half written, and closes the store. */
  close(): Promise<void>;
}

export function createApp(config: Config, surroundings: Surroundings): App {
  const { reportFailure, clock, now, newId, meter, processors, poolThreads, userId, threadScript } = surroundings;
  const { processId, browser } = surroundings;
  // Two threads of the pool stay free for files and DNS.
  const cpuSlots = Math.max(1, Math.min(processors, poolThreads - 2));
  const hashingThreads = new ThreadPool(threadScript, cpuSlots);
  const strengthThreads = new ThreadPool(threadScript, 1);
  let loading: Promise<Storage> | undefined;
  let opened: Storage | undefined;
  const storage = (): Promise<Storage> =>
    (loading ??= import('./storage/open.js').then(({ createStorage }) => {
      const { home, databaseUrl, masterKey, verifyAttempts } = config;
      return (opened = createStorage({
        ...(home === undefined ? {} : { home }),
        ...(databaseUrl === undefined ? {} : { databaseUrl }),
        ...(masterKey === undefined ? {} : { masterKey }),
        verifyAttempts,
        userId,
        random: systemRandom,
      }));
    }));
  // One process is one session of one client.
  const bootId = newId();
  const strength = createStrengthMeter(strengthThreads);
  let loadingDesk: Promise<LocalDesk> | undefined;
  const desk = (): Promise<LocalDesk> =>
    (loadingDesk ??= import('./app-desk.js').then(({ openDesk }) =>
      openDesk({ setting: config.desk, home: config.home, userId, processId, browser, strength, now }),
    ));
  const writer = new FileWriter(config.fileFolders, newId);
  const passwords = createEngine(config.engine, hashingThreads);
  const { jwtSecret, jwtSecretPrevious } = config;
  const options: Omit<PipelineOptions, 'tools'> = {
    context: {
      now,
      random: systemRandom,
      ring: createKeyRing({
        ...(jwtSecret === undefined ? {} : { jwtSecret }),
        ...(jwtSecretPrevious === undefined ? {} : { jwtSecretPrevious }),
        store: loadedLater(async () => (await storage()).keys),
      }),
      passwords,
      strength,
      policy: { minLength: config.passwordMinLength, bcryptCost: config.bcryptCost },
      files: new AllowedFiles(config.fileFolders),
      writer,
      deliveries: new FileDeliveries(writer, config.deliverAny),
      certificates: lazyChecker(config, now),
      openPkcs12: createPkcs12Opener(hashingThreads),
      audit: {
        query: async (query) => (await storage()).audit.query({ ...query, session: bootId }),
        verify: async (question) => (await storage()).audit.verify(question),
        seal: async () => (await storage()).audit.seal(),
        drop: async (segment) => (await storage()).audit.drop(segment),
      },
      secrets: loadedLater<SecretStore>(async () => (await storage()).secrets),
      words: loadWords,
      desk: loadedLater<Desk>(desk),
    },
    audit: loadedLater<AuditSink>(async () => (await storage()).audit),
    exposedEnvironment: config.exposedEnvironment,
    guesses: loadedLater<GuessLimit>(async () => (await storage()).attempts),
    fingerprint: async (subject) => {
      const { vault } = await storage();
      const key = (await vault.open()).guardKey('fingerprint');
      return createHmac('sha256', key).update(subject).digest('base64url');
    },
    callsPerMinute: config.callsPerMinute,
    cpuSlots,
    networkSlots: NETWORK_SLOTS,
    fileSlots: FILE_SLOTS,
    timeLimitSeconds: TIME_LIMIT_SECONDS,
    clock,
    newId,
    bootId,
    reportFailure,
    ...(meter === undefined ? {} : { meter }),
  };
  const withTools = (tools: readonly Tool[]): Pipeline => createPipeline({ ...options, tools });
  return {
    pipeline: withTools(catalogue(config.toolsets, config.readOnly)),
    operator: withTools(OPERATOR_TOOLS),
    storage,
    engines: () => passwords.report(),
    auditsPending: () => opened?.audit.pending ?? 0,
    async close() {
      await loadingDesk?.then((started) => started.close());
      const closed = loading?.then(({ store }) => store.close());
      await Promise.all([hashingThreads.close(), strengthThreads.close(), closed, writer.close()]);
    },
  };
}

/** An object of asynchronous methods that is made when one of them is first called. */
function loadedLater<T extends object>(load: () => Promise<T>): T {
  return new Proxy({} as T, {
    get:
      (_target, name) =>
      async (...args: unknown[]) => {
        const loaded = (await load()) as Record<PropertyKey, (...args: unknown[]) => unknown>;
        return loaded[name]?.(...args);
      },
  });
}

/** The EFF's large list for passphrases (7,776 words), which the strength meter brings along. */
async function loadWords(): Promise<readonly string[]> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return dictionary['diceware-common'];
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
