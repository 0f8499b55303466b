/** Python's `cryptography` as an oracle, where this machine has it. Tests that need it are skipped, visibly, where it is not. */

import { execFileSync } from 'node:child_process';

import { describe } from 'vitest';

const PYTHON = '/usr/bin/python3';

/** Runs `script` with `input` as JSON on standard input; what it prints must be JSON. */
export function python(script: string, input: unknown): unknown {
  const out = execFileSync(PYTHON, ['-c', script], { input: JSON.stringify(input), encoding: 'utf8', stdio: 'pipe' });
  return JSON.parse(out) as unknown;
}

function cryptographyPresent(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import cryptography'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export function describeWithPython(name: string, body: () => void): void {
  if (cryptographyPresent()) describe(name, body);
  else describe.skip(`${name} (skipped: ${PYTHON} cannot import cryptography)`, body);
}
