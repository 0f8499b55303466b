/** A pipeline for tests: any tools, an audit that is kept in memory, a clock that stands still unless it is moved. */

import { randomUUID } from 'node:crypto';

import { dictionary } from '@zxcvbn-ts/language-common';
import { afterAll } from 'vitest';

import type { CertificateChecker } from '../../src/crypto/certificate/checker.js';
import type { Desk } from '../../src/crypto/desk.js';
import { createKeyRing, type KeyRing } from '../../src/crypto/keyring.js';
import { systemRandom } from '../../src/crypto/random.js';
import type { AllowedFolder } from '../../src/files/policy.js';
import { FileDeliveries } from '../../src/files/deliver.js';
import { AllowedFiles } from '../../src/files/read.js';
import { FileWriter } from '../../src/files/write.js';
import type { AuditEntry } from '../../src/guard/audit.js';
import {
  createPipeline,
  type Caller,
  type CallResult,
  type Pipeline,
  type PipelineOptions,
} from '../../src/guard/call.js';
import { createCertificateChecker } from '../../src/network/checker.js';
import { Attempts } from '../../src/storage/attempts.js';
import { environmentKey } from '../../src/storage/key-file.js';
import { createKeyStore } from '../../src/storage/keys.js';
import { createVault, type Vault } from '../../src/storage/master-key.js';
import { Secrets } from '../../src/storage/secrets.js';
import { lazyStore, type Store } from '../../src/storage/store.js';
import { catalogue } from '../../src/tools/index.js';
import type { AuditAccess } from '../../src/tools/tool.js';
import { native, never, openPkcs12, strengthMeter } from './engines.js';
import { newHome, USER } from './home.js';
import { open, timed } from './stores.js';

/** The entries of the bench, which are one session; there is no chain to verify. */
function auditOf(entries: readonly AuditEntry[]): AuditAccess {
  const refuse = (): never => {
    throw new Error('the bench has no chain');
  };
  return {
    query: async ({ limit }) =>
      entries
        .map((entry, i) => ({ sequence: i + 1, ...entry }))
        .toReversed()
        .slice(0, limit),
    verify: refuse,
    seal: refuse,
    drop: refuse,
  };
}

/** A desk where nobody sits: the pages have tests of their own. */
function noDesk(): Desk {
  const refuse = (): never => {
    throw new Error('the bench has no desk');
  };
  return { resume: async () => null, ask: refuse, show: refuse };
}

/** A tool of the tests' own, apart from what it takes, gives and does. */
export const PROBE = {
  name: 'probe',
  title: 'Probe',
  description: 'For tests.',
  effect: 'none',
  reach: 'local',
  cost: 'light',
} as const;

export interface Bench {
  pipeline: Pipeline;
  entries: AuditEntry[];
  failures: { id: string; tool: string; cause: Record<string, unknown> }[];
  /** Milliseconds. */
  time: { now: number };
  secrets: Secrets;
  call(tool: string, input: unknown, caller?: Partial<Caller>): Promise<CallResult>;
}

/** No network, and the time of the bench. */
const offline = (): CertificateChecker =>
  createCertificateChecker({
    policy: { mode: 'off', allowHosts: [], ports: [] },
    extraAnchors: [],
    random: systemRandom,
    now: () => new Date('2026-06-01T12:00:00Z'),
  });

const stores: Store[] = [];
afterAll(() => Promise.all(stores.map((store) => store.close())));

interface Room {
  store: Store;
  vault: Vault;
}

/** A store of its own, which is opened with the first need. */
function temporaryRoom(): Room {
  const store = lazyStore({ home: newHome(), owner: USER });
  stores.push(store);
  return { store, vault: createVault(store, environmentKey(systemRandom(32)), systemRandom) };
}

/** A ring on it. */
export function temporaryRing(jwtSecret?: string, { store, vault }: Room = temporaryRoom()): KeyRing {
  const keys = createKeyStore(store, vault, systemRandom);
  return createKeyRing({ ...(jwtSecret === undefined ? {} : { jwtSecret }), store: keys });
}

export function bench(
  options: Partial<PipelineOptions> = {},
  folders: readonly AllowedFolder[] = [],
  certificates: CertificateChecker = offline(),
  ring: KeyRing = temporaryRing('a-secret-for-tests-of-32-bytes-or-more'),
): Bench {
  const entries: AuditEntry[] = [];
  const failures: Bench['failures'] = [];
  const time = { now: 1_000_000 };
  let ids = 0;
  const clock = (): number => time.now;
  const writer = new FileWriter(folders, randomUUID);
  const { store, vault } = temporaryRoom();
  const secrets = new Secrets(
    timed(store, () => Date.parse('2026-06-01T12:00:00Z') + time.now - 1_000_000),
    vault,
  );
  const pipeline = createPipeline({
    tools: catalogue(),
    context: {
      now: () => new Date('2026-06-01T12:00:00Z'),
      random: systemRandom,
      ring: ring,
      passwords: native,
      strength: strengthMeter,
      policy: { minLength: 8, bcryptCost: 10 },
      files: new AllowedFiles(folders),
      writer,
      deliveries: new FileDeliveries(writer, false),
      certificates,
      openPkcs12,
      audit: auditOf(entries),
      secrets,
      desk: noDesk(),
      words: async () => dictionary['diceware-common'],
    },
    audit: { append: async (entry) => void entries.push(entry) },
    guesses: new Attempts(timed(open({ home: newHome() }), clock), {
      guesses: 5,
      windowSeconds: 60,
      random: systemRandom,
    }),
    exposedEnvironment: new Map(),
    fingerprint: async (subject) => Buffer.from(subject).toString('hex'),
    callsPerMinute: { light: 6_000, cpu: 600 },
    cpuSlots: 2,
    networkSlots: 4,
    timeLimitSeconds: { light: 10, cpu: 60, network: 60, file: 60 },
    fileSlots: 2,
    clock,
    newId: () => `id-${++ids}`,
    bootId: 'boot',
    reportFailure: (id, tool, cause) => void failures.push({ id, tool, cause }),
    ...options,
  });
  const call: Bench['call'] = (tool, input, caller = {}) =>
    pipeline.call(tool, input, { name: 'tests', signal: never, ...caller });
  return { pipeline, entries, failures, time, secrets, call };
}

/** The answer, or an error that shows the refusal. */
export function answered(result: CallResult): Record<string, unknown> {
  if (result.kind === 'answered') return result.value;
  throw new Error(`expected an answer, got ${JSON.stringify(result)}`);
}

export function refused(result: CallResult): Extract<CallResult, { kind: 'refused' }>['error'] {
  if (result.kind === 'refused') return result.error;
  throw new Error(`expected a refusal, got ${JSON.stringify(result)}`);
}
