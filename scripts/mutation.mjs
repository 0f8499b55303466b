/**
 * Mutation testing (`npm run mutation`, `npm run mutation -- guard`, `... -- guard src/guard/limits.ts`): does a test fail where the code
 * is changed? Room by room, each judged by its own tests. Not a part of CI: it takes an hour or more. What survives is killed by a test or
 * explained in docs/mutation.md.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOMS = {
  guard: { mutate: ['src/guard/*.ts'], tests: ['tests/guard/*.test.ts'] },
  envelope: {
    mutate: ['src/crypto/{envelope,jwe}.ts'],
    tests: ['tests/crypto/{envelope,envelope-rejected,envelope-rewrap,jwe,key-agreement}.test.ts'],
  },
  jwt: { mutate: ['src/crypto/{jwt,jwt-keys,token-policy}.ts'], tests: ['tests/crypto/{jwt,token-policy}*.test.ts'] },
  path: {
    mutate: ['src/crypto/certificate/path.ts'],
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
