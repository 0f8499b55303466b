/**
 * Mutation testing (`npm run mutation`, `npm run mutation -- guard`, `... -- guard src/guard/limits.ts`): does a test fail where the code
 * is changed? Room by room, each judged by its own tests. Not a part of CI: it takes an hour or more. What survives is killed by a test or
 * explained in docs/mutation.md.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names in full: Stryker separates what it is given by commas, also within braces. */
const sources = (folder, names) => names.split(' ').map((name) => `src/${folder}/${name}.ts`);

const ROOMS = {
  guard: {
    mutate: sources('guard', 'limits redact references secret-policy time-limit'),
    tests: ['tests/guard/{limits,redact,references,time-limit}.test.ts'],
  },
  call: { mutate: sources('guard', 'call'), tests: ['tests/guard/{call,call-edges}.test.ts'] },
  envelope: {
    mutate: sources('crypto', 'envelope jwe'),
    tests: ['tests/crypto/{envelope,envelope-rejected,envelope-rewrap,jwe,key-agreement}.test.ts'],
  },
  jwt: { mutate: sources('crypto', 'jwt jwt-keys token-policy'), tests: ['tests/crypto/{jwt,token-policy}*.test.ts'] },
  path: {
    mutate: sources('crypto/certificate', 'path'),
    tests: ['tests/crypto/certificate/{path,path-limits,checks-path,constraints}.test.ts'],
  },
};

const [asked, ...files] = process.argv.slice(2);
if (asked !== undefined && ROOMS[asked] === undefined) {
  console.error(`There is no such room. These are: ${Object.keys(ROOMS).join(', ')}`);
  process.exit(2);
}
for (const [room, { mutate, tests }] of Object.entries(ROOMS)) {
  if (asked !== undefined && asked !== room) continue;
  const folder = mkdtempSync(join(tmpdir(), 'security-mcp-mutation-'));
  const chosen = (files.length > 0 ? files : mutate).join(',');
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/@stryker-mutator/core/bin/stryker.js', 'run', '--mutate', chosen],
    {
      stdio: 'inherit',
      env: { ...process.env, MUTATION_TESTS: JSON.stringify(tests), TESTS_FOLDER: folder },
    },
  );
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0) process.exitCode = 1;
}
