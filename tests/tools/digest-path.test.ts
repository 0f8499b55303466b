/** The tools that take a path: digest_compute and inspect on real files, through the pipeline. */

import { readFileSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { CANARY, file, folders, inside, OUTSIDE, secretFile } from '../support/files.js';
import { answered, bench, refused } from '../support/pipeline.js';

describe('the tools', () => {
  const { call, entries } = bench({}, folders);

  it('digest_compute gives the published SHA-256 of one million "a"', async () => {
    // https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values (SHA256, FIPS 180-2 appendix B.3)
    const path = file('a'.repeat(1_000_000), `${CANARY}-million`);
    const expected = 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0';
    expect(answered(await call('digest_compute', { algorithm: 'sha256', path, expected }))).toEqual({
      digest: expected,
      algorithm: 'sha256',
      input_bytes: 1_000_000,
      matches: true,
    });
  });

  it('digest_compute of a file is that of its text, plain and keyed', async () => {
    const content = readFileSync('package.json', 'utf8');
    const path = file(content);
    for (const algorithm of ['sha256', 'sha3-512', 'blake2b512', 'md5']) {
      for (const key of [{}, { key: 'k' }]) {
        const ofFile = answered(await call('digest_compute', { algorithm, path, ...key }));
        expect(ofFile).toEqual(answered(await call('digest_compute', { algorithm, text: content, ...key })));
      }
    }
  });

  it('digest_compute takes a file of more than the 1 MiB that fit into a call, and none over 1 GiB', async () => {
    const path = file('');
    truncateSync(path, 3_000_000);
    expect(answered(await call('digest_compute', { algorithm: 'sha1', path }))['input_bytes']).toBe(3_000_000);
    truncateSync(path, 2 ** 30 + 1);
    expect(refused(await call('digest_compute', { algorithm: 'sha1', path })).message).toBe(
      'path is a file of over 1073741824 bytes.',
    );
    unlinkSync(path);
  });

  it('inspect takes a file as bytes, up to 1 MiB', async () => {
    const path = file('$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n');
    const { kind } = answered(await call('inspect', { path }));
    expect(kind).toBe(answered(await call('inspect', { text: readFileSync(path, 'utf8') }))['kind']);
    expect(refused(await call('inspect', { path: file('') })).message).toBe('path is empty.');
    truncateSync(path, 1_048_577);
    expect(refused(await call('inspect', { path })).message).toBe('path is a file of over 1048576 bytes.');
  });

  it('say the next step, and neither answer nor audit holds the path', async () => {
    const outcomes = [];
    for (const path of [secretFile, join(inside, CANARY), inside, CANARY, file('x', `${CANARY}-x`)]) {
      outcomes.push(await call('inspect', { path }), await call('digest_compute', { algorithm: 'sha256', path }));
    }
    expect(refused(outcomes[0] ?? { kind: 'unknown_tool' })).toEqual({
      code: 'path_refused',
      message: OUTSIDE,
      hint: 'Give a path inside them, or have the operator name the folder in SECURITY_MCP_FILES and start the server again.',
    });
    expect(JSON.stringify(outcomes)).not.toContain(CANARY);
    expect(entries.length).toBeGreaterThan(10);
    expect(JSON.stringify(entries)).not.toContain(CANARY);
  });
});
