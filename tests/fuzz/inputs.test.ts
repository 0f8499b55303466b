/**
 * Every tool, called through the whole pipeline with inputs made from its own schema and changed to what no schema expects: each call
 * is answered or refused by a code of the catalogue, with a next step, without what was planted, and never by `internal`.
 */

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { ERROR_CODES, SecurityError } from '../../src/crypto/errors.js';
import type { Desk } from '../../src/crypto/desk.js';
import { resolveFolder } from '../../src/files/policy.js';
import { catalogue } from '../../src/tools/index.js';
import type { AuditAccess, Tool } from '../../src/tools/tool.js';
import { base, CANARY as PATH_CANARY } from '../support/files.js';
import { bench, type Bench } from '../support/pipeline.js';
import * as valid from './artefacts.js';
import { CASES, fuzz, PATIENCE_MS, portion } from './cases.js';
import { CANARY, inputsOf, SECRET_CANARY } from './inputs.js';

/** A human who does one thing after the other. */
const desk: Desk = {
  resume: async () => null,
  async ask({ name, keep }) {
    if (name.length % 3 === 0)
      throw new SecurityError('human_declined', 'The human declined.', { hint: 'Ask the human.' });
    if (name.length % 3 === 1) await keep('typed by a human');
    return name.length % 3 === 1 ? { state: 'done' } : { state: 'pending', through: 'terminal', expiresAt: 0 };
  },
  show: async () => ({ state: 'pending', through: 'terminal', expiresAt: 0 }),
};

/** The audit without its chain, which has tests of its own. */
const audit: AuditAccess = {
  query: async () => [],
  verify: async () => ({ intact: true, entries: 0, head: '' }),
  seal: async () => null,
  drop: () => Promise.reject(new SecurityError('input_invalid', 'no segment.', { hint: 'Give one that is there.' })),
};

const withDesk = (tool: Tool): Tool => ({
  ...tool,
  run: (input, context) => tool.run(input, { ...context, desk, audit }),
});

let tools: Bench;
let paths: string[];
beforeAll(async () => {
  // A folder of its own: a changed path may be that of another file in it, which is written over.
  const room = join(base, 'fuzz');
  const path = (name: string): string => join(room, name);
  mkdirSync(path('folder'), { recursive: true });
  const contents = [valid.certificates[0], valid.pkcs12[2], valid.ageFiles[0]?.file, valid.pems[7], '', 'A=1\n'];
  for (const [i, content = ''] of contents.entries()) writeFileSync(path(`file-${i}`), content, 'latin1');
  symlinkSync('/etc/hostname', path('link'));
  paths = [...contents.map((_, i) => path(`file-${i}`)), ...['no-such-file', 'folder', 'link'].map(path), room];
  const folder = resolveFolder(room);
  expect(folder).not.toBeNull();
  tools = bench(
    {
      tools: catalogue().map(withDesk),
      callsPerMinute: { light: 1e9, cpu: 1e9 },
      exposedEnvironment: new Map([['EXPOSED', SECRET_CANARY]]),
    },
    folder === null ? [] : [folder],
  );
  for (const [name, origin] of [
    ['typed', 'human'],
    ['told', 'model'],
  ] as const)
    await tools.secrets.put({ name, kind: 'text', origin, shown: false, value: `${SECRET_CANARY} ${name}` });
  for (const purpose of ['jwt', 'envelope', 'hmac', 'file']) await tools.call('key_create', { name: purpose, purpose });
});

/** Those that hash passwords or derive keys from them, which takes up to seconds, have fewer cases than the others. */
const partOf = (name: string): number => (/^(?:password|envelope)_/.test(name) ? 0.2 : 1);
const PARTS = catalogue().reduce((sum, { name }) => sum + partOf(name), 0);

describe.each(catalogue().map((tool) => [tool.name, tool] as const))('%s', (name, tool) => {
  it(
    'is answered or refused as the catalogue of errors says',
    async () => {
      await fuzz(name, portion(CASES.inputs, partOf(name), PARTS), inputsOf(tool, paths), async (input) => {
        // Guesses are forgotten in time, so that what lies behind their limit is reached.
        tools.time.now += 3_600_000;
        const result = await tools.call(name, input);
        expect(tools.failures.splice(0)).toEqual([]);
        const entries = JSON.stringify(tools.entries.splice(0));
        expect(entries).not.toContain(SECRET_CANARY);
        if (result.kind !== 'refused') return expect(result.kind).toBe('answered');
        const { code, message, hint } = result.error;
        expect(ERROR_CODES).toContain(code);
        expect(['internal', 'timeout', 'audit_unavailable', 'storage_damaged']).not.toContain(code);
        expect(message).toMatch(/^\S.*\.$/s);
        expect(hint.length).toBeGreaterThan(10);
        for (const planted of [CANARY, SECRET_CANARY, PATH_CANARY]) expect(message + hint).not.toContain(planted);
      });
    },
    PATIENCE_MS,
  );
});
