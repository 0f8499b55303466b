/**
 * EIO, ENOSPC and SIGKILL at the writes, syncs and renames of what leaves something behind: the old state is there or the new one, whole;
 * the store opens, the audit verifies, every key opens what it did. `npm run test:slow` fails each call in turn, else one of each kind.
 */

import { beforeAll, describe, expect, it } from 'vitest';

import {
  call,
  check,
  checkHome,
  checkTold,
  copyOf,
  emptyPlace,
  filesOf,
  keysOf,
  saidDone,
  template,
  type Place,
  type Template,
} from '../support/faulty.js';
import { CALLS, callsOf, runFaulty, straceMissing, type Ended, type Fault } from '../support/strace.js';

const isSlow = process.env['MODE'] === 'slow';
const HOWS = ['EIO', 'ENOSPC', 'KILL'] as const;

interface Operation {
  name: string;
  args: (place: Place) => string[];
  /** Nothing was there before. */
  first?: boolean;
  /** That one of the two states is there; `isDone`: it must be the new one. */
  either: (place: Place, before: Template, isDone: boolean, mayLeave: boolean) => Promise<void>;
}

const tool = (name: string, input: unknown): string[] => ['call', name, JSON.stringify(input)];
const asItWas = async (place: Place, before: Template): Promise<void> =>
  expect(filesOf(place)).toEqual({ named: filesOf(before).named, drafts: [] });
const drafted = ({ drafts }: { drafts: string[] }, mayLeave: boolean): void => {
  if (!mayLeave) expect(drafts).toEqual([]);
};

const OPERATIONS: readonly Operation[] = [
  { name: 'a rotation of the master key', args: () => ['master-key', 'rotate'], either: asItWas },
  {
    name: 'a rotation of a key',
    args: () => tool('key_rotate', { name: 'jwt' }),
    async either(place, _before, isDone) {
      const keys = (await keysOf(place)).filter((id) => id.startsWith('jwt.'));
      expect(isDone ? [2] : [1, 2]).toContain(keys.length);
    },
  },
  {
    name: 'an audit entry',
    args: () => tool('digest_compute', { algorithm: 'sha256', text: 'x' }),
    async either(place, before, isDone) {
      await asItWas(place, before);
      if (isDone) expect(await check(place)).toBeGreaterThan(before.entries);
    },
  },
  {
    name: 'a delivery into a .env file that is there',
    args: ({ files }) =>
      tool('secret_deliver', {
        reference: 'secret://db',
        to: 'env_file',
        path: `${files}/.env`,
        variable: 'DB_PASSWORD',
        overwrite: true,
      }),
    async either(place, _before, isDone, mayLeave) {
      const found = filesOf(place);
      const [, other, value] = /^(OTHER=1)\nDB_PASSWORD=([\w-]+)\n$/.exec(found.named.get('.env') ?? '') ?? [];
      expect([other, value === 'old-value' || value?.length === 43]).toEqual(['OTHER=1', true]);
      if (isDone) expect(value).not.toBe('old-value');
      drafted(found, mayLeave);
    },
  },
  {
    name: 'a delivery into a new file',
    args: ({ files }) => tool('secret_deliver', { reference: 'secret://db', to: 'file', path: `${files}/delivered` }),
    async either(place, _before, isDone, mayLeave) {
      const found = filesOf(place);
      const delivered = found.named.get('delivered');
      if (isDone || delivered !== undefined) expect(delivered).toMatch(/^[\w-]{43}$/);
      drafted(found, mayLeave);
      // Whatever was left is no hindrance to doing it again.
      await call(place, 'secret_deliver', {
        reference: 'secret://db',
        to: 'file',
        path: `${place.files}/delivered`,
        overwrite: true,
      });
    },
  },
  {
    name: 'the encryption of a file',
    args: ({ files }) => tool('file_encrypt', { path: `${files}/plain`, key: 'file' }),
    async either(place, before, isDone, mayLeave) {
      const found = filesOf(place);
      if (isDone || found.named.has('plain.age')) {
        await call(place, 'file_decrypt', {
          path: `${place.files}/plain.age`,
          key: 'file',
          output: `${place.files}/again`,
        });
        expect(filesOf(place).named.get('again')).toBe(filesOf(before).named.get('plain'));
      }
      drafted(found, mayLeave);
    },
  },
  {
    name: 'the first start on an empty folder',
    first: true,
    args: () => tool('jwt_sign', { subject: 'alice' }),
    async either(place) {
      await call(place, 'jwt_sign', { subject: 'alice' });
      expect(await keysOf(place)).toEqual(['jwt.1']);
    },
  },
];

/** Each call in turn, or the one in the middle. */
function places(count: number): number[] {
  return isSlow ? Array.from({ length: count }, (_, i) => i + 1) : count === 0 ? [] : [Math.ceil(count / 2)];
}

describe.skipIf(straceMissing)('a fault at a call of', { timeout: isSlow ? 1_800_000 : 120_000 }, () => {
  let before: Template;
  beforeAll(async () => {
    before = await template();
  });

  const afterwards = async (operation: Operation, place: Place, ended: Ended, fault: Fault): Promise<void> => {
    // What cannot be taken away stays.
    const mayLeave = ended.code === null || fault.call === 'unlink';
    checkTold(ended, place, [before.token]);
    if (operation.first === true) await operation.either(place, before, saidDone(ended), mayLeave);
    await check(place, operation.first === true ? undefined : before);
    checkHome(place, mayLeave);
    if (operation.first !== true) await operation.either(place, before, saidDone(ended), mayLeave);
  };

  it.each(OPERATIONS)('$name leaves the old state or the new one', async (operation) => {
    const fresh = (): Place => (operation.first === true ? emptyPlace() : copyOf(before));
    const undisturbed = fresh();
    const counts = await callsOf(operation.args(undisturbed), undisturbed.env);
    expect(counts.get('fsync')).toBeGreaterThan(1);
    for (const call of CALLS)
      for (const when of places(counts.get(call) ?? 0))
        for (const how of isSlow ? HOWS : HOWS.slice(when % 3, (when % 3) + 1)) {
          const fault: Fault = { call, how, when: String(when) };
          const place = fresh();
          const ended = await runFaulty(operation.args(place), place.env, fault);
          await afterwards(operation, place, ended, fault).catch((error: unknown) => {
            throw new Error(`${how} at ${call} ${when}: ${ended.stdout}${ended.stderr}`, { cause: error });
          });
        }
  });
});
