/** One variable of a .env file: read back as the same text by a shell and by dotenv's rules, and the rest left byte for byte. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { requireVariable, withVariable } from '../../src/files/env-file.js';

const folder = mkdtempSync(join(tmpdir(), 'security-mcp-env-'));
afterAll(() => rmSync(folder, { recursive: true }));

const set = (text: string, value = 'new', overwrite = true): string | null =>
  withVariable(text, 'DB', value, overwrite);

describe('the rest of the file', () => {
  it.each([
    ['', 'DB=new\n'],
    ['A=1\n', 'A=1\nDB=new\n'],
    ['A=1', 'A=1\nDB=new\n'],
    ['DB=old\n', 'DB=new\n'],
    ['# note\n\nDB = old # why\nB=2\n', '# note\n\nDB=new\nB=2\n'],
    ['export DB=old\nB=2', 'export DB=new\nB=2'],
    ['A=1\r\nDB=old\r\nB=2\r\n', 'A=1\r\nDB=new\r\nB=2\r\n'],
    ['DBX=1\nXDB=2\n#DB=3\n', 'DBX=1\nXDB=2\n#DB=3\nDB=new\n'],
    ['DB=one\nA=1\nDB=two\n', 'DB=new\nA=1\n'],
    ['A="first\nDB=inside\nlast"\nB=2\n', 'A="first\nDB=inside\nlast"\nB=2\nDB=new\n'],
    ['DB="first\nlast"\nB=2\n', 'DB=new\nB=2\n'],
    ["A='it\nDB=x\n", "A='it\nDB=new\n"],
    ['A="say \\"DB\nDB=in\nend"\n', 'A="say \\"DB\nDB=in\nend"\nDB=new\n'],
  ])('%j becomes %j', (before, after) => {
    expect(set(before)).toBe(after);
  });

  it('a variable that is set already is left unless that was asked for', () => {
    expect(set('DB=old\n', 'new', false)).toBeNull();
    expect(set('A=1\n', 'new', false)).toBe('A=1\nDB=new\n');
  });
});

describe('the value', () => {
  it.each([
    ['simple-1.2_3/4:5@6%7+8=9', 'DB=simple-1.2_3/4:5@6%7+8=9\n'],
    ['two words', "DB='two words'\n"],
    ['$HOME `id` "x" \\n #no', `DB='$HOME \`id\` "x" \\n #no'\n`],
    ["it's", `DB="it's"\n`],
  ])('%j is written as %j', (value, line) => {
    expect(set('', value)).toBe(line);
  });

  it.each(['', 'a\nb', 'a\u0000b', 'tab\there', `it's $5`, `both ' and "`, "' \\"])('%j is refused', (value) => {
    expect(() => set('', value)).toThrow('The secret');
  });

  it('is what a shell reads, and can run nothing', () => {
    const file = join(folder, '.env');
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-ascii' }), (value) => {
        let text: string | null;
        try {
          text = set('A=1\n', value);
        } catch {
          return;
        }
        writeFileSync(file, text ?? '');
        const read = execFileSync('sh', ['-c', `. ${file}; printf '%s' "$DB"`], { encoding: 'utf8' });
        expect(read).toBe(value);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a variable', () => {
  it.each(['DB_PASSWORD', '_x', 'a1'])('%s may be set', (name) => {
    expect(() => requireVariable(name)).not.toThrow();
  });

  it.each(['', '1A', 'A-B', 'A B', 'A=B', 'Ä', 'A\n'])('%j is none', (name) => {
    expect(() => requireVariable(name)).toThrow('is no name of a variable');
  });

  it.each([
    'PATH',
    'LD_PRELOAD',
    'DYLD_INSERT_LIBRARIES',
    'NODE_OPTIONS',
    'NODE_EXTRA_CA_CERTS',
    'BASH_ENV',
    'ENV',
    'IFS',
    'PS4',
    'PROMPT_COMMAND',
    'PYTHONSTARTUP',
    'PERL5OPT',
    'RUBYOPT',
    'GIT_SSH_COMMAND',
    'JAVA_TOOL_OPTIONS',
    'https_proxy',
    'HTTP_PROXY',
    'SSL_CERT_FILE',
    'SECURITY_MCP_MASTER_KEY',
    'JWT_SECRET_KEY',
    'COMPOSE_FILE',
  ])('%s steers other programs and is refused', (name) => {
    expect(() => requireVariable(name)).toThrow('steers other programs');
  });
});
