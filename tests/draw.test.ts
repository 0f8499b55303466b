/** Judgements as a person sees them: exact where no colours are, only our own colours where there are, never anything hostile. */

import { describe, expect, it } from 'vitest';

import type { Check, Judgement } from '../src/crypto/certificate/judgement.js';
import { concise } from '../src/crypto/certificate/concise.js';
import { clearBar, drawJudgements, judgementsIn, progressBar } from '../src/draw.js';
import { judgeCase } from './support/pki/judge.js';
import { createCases } from './support/pki/cases.js';
import { createLab } from './support/pki/lab.js';

const plain = { colours: false, columns: 80 };

const entry = (subject: string, issuer: string, notAfter = '2027-02-23T00:00:00Z'): Judgement['chain'][number] => ({
  subject,
  issuer,
  serial: '01',
  not_before: '2026-11-25T00:00:00Z',
  not_after: notAfter,
  key: 'EC P-256',
  signature_algorithm: 'SHA-256 with ECDSA',
  spki_sha256: 'AA==',
  sha256: '00',
});

const check = (name: Check['check'], status: Check['status'], explanation: string, remedy?: string): Check => ({
  check: name,
  status,
  code: status === 'pass' ? 'ok' : 'fault',
  explanation,
  ...(remedy === undefined ? {} : { remedy }),
});

const untrusted: Judgement = {
  target: 'shop.example.com:8443',
  verdict: 'untrusted',
  summary: 'Expired 10 days ago; renew it (and 1 more problem).',
  checks: [
    check('connection', 'pass', 'Connected to 192.0.2.7, port 8443.'),
    check('chain', 'pass', 'Leads to the trusted root Example Root in 2 steps.'),
    check('validity', 'fail', 'The certificate expired on 2026-11-15T00:00:00Z.', 'Renew it.'),
    check('key', 'fail', 'RSA 1024 is weaker than anybody should rely on in this year of all years.', 'Use RSA 2048.'),
    check('lifetime', 'warn', 'It is near its end.', 'Renew it soon.'),
    check('revocation', 'unknown', 'Nobody answered.', 'Try again later.'),
    check('stapling', 'skipped', 'Nothing is stapled.', 'A remedy of what was not judged is not told.'),
  ],
  chain: [
    entry('CN=shop.example.com', 'CN=Example CA,O=Example', '2026-11-15T00:00:00Z'),
    entry('CN=Example CA,O=Example', 'CN=Example Root'),
    entry('CN=Example Root', 'CN=Example Root', '2036-01-01T00:00:00Z'),
  ],
  not_after: '2026-11-15T00:00:00Z',
  days_remaining: -10,
};

const undetermined: Judgement = {
  target: '192.0.2.8',
  verdict: 'undetermined',
  summary: 'Nobody listens there.',
  checks: [check('connection', 'fail', 'The connection was refused.', 'Check the port.')],
  chain: [],
  not_after: null,
  days_remaining: null,
};

const GOLDEN = `✗ shop.example.com:8443  untrusted
  Expired 10 days ago; renew it (and 1 more problem).

  CN=Example Root             EC P-256, until 2036-01-01
  └─ CN=Example CA,O=Example  EC P-256, until 2027-02-23
     └─ CN=shop.example.com   EC P-256, until 2026-11-15

  ✓ connection  Connected to 192.0.2.7, port 8443.
  ✓ chain       Leads to the trusted root Example Root in 2 steps.
  ✗ validity    The certificate expired on 2026-11-15T00:00:00Z.
                → Renew it.
  ✗ key         RSA 1024 is weaker than anybody should rely on in this year of
                all years.
                → Use RSA 2048.
  ! lifetime    It is near its end.
                → Renew it soon.
  ? revocation  Nobody answered.
                → Try again later.
  – stapling    Nothing is stapled.

? 192.0.2.8  undetermined
  Nobody listens there.

  ✗ connection  The connection was refused.
                → Check the port.

2 targets: 1 untrusted, 1 undetermined
`;

// oxlint-disable-next-line no-control-regex -- that is what is looked for
const OUR_COLOURS = /\u001B\[(?:0|1|2|31|32|33)m/g;
/** Control, bidirectional and invisible characters, but for the line end. */
const UNSAFE = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u;

describe('a judgement', () => {
  it('is drawn exactly so: a mark for the verdict, the chain as a tree, a mark for every check, and the remedies', () => {
    expect(drawJudgements([untrusted, undetermined], plain)).toBe(GOLDEN);
  });

  it('has the same text with colours, which are ours alone', () => {
    const coloured = drawJudgements([untrusted, undetermined], { ...plain, colours: true });
    expect(coloured.match(OUR_COLOURS)?.length).toBeGreaterThan(20);
    expect(coloured.replaceAll(OUR_COLOURS, '')).toBe(GOLDEN);
    expect(coloured).toContain(
      '\u001B[31m✗\u001B[0m \u001B[1mshop.example.com:8443\u001B[0m  \u001B[31muntrusted\u001B[0m',
    );
  });

  it('alone has no tally', () => {
    expect(drawJudgements([undetermined], plain)).not.toContain('targets');
  });

  it('shows the place of an issuer that was not found', () => {
    const open = {
      ...untrusted,
      checks: [{ ...check('chain', 'fail', 'An issuer is missing.'), code: 'missing_intermediate' }],
      chain: untrusted.chain.slice(0, 1),
    };
    expect(drawJudgements([open], plain)).toContain(
      '\n  ? CN=Example CA,O=Example  not found\n  └─ CN=shop.example.com     EC P-256, until 2026-11-15\n',
    );
  });

  it('in its short form is drawn too', () => {
    const drawn = drawJudgements([concise(untrusted)], plain);
    expect(drawn).toContain('└─ CN=shop.example.com');
    expect(drawn).toContain('✗ validity');
  });
});

describe('on any terminal', () => {
  const HOSTILE = `\u001B]0;title\u0007\u001B[2J\u202E\u200B\u0000\r\n${'w'.repeat(300)} 😀${'\u{1F600}'.repeat(90)}`;
  const hostile: Judgement = {
    ...untrusted,
    target: HOSTILE,
    summary: HOSTILE,
    checks: untrusted.checks.map((one) => ({ ...one, explanation: HOSTILE, remedy: HOSTILE })),
    chain: untrusted.chain.map((one) => ({ ...one, subject: HOSTILE, issuer: HOSTILE, key: HOSTILE })),
  };

  it.each([40, 41, 57, 80, 120, 200])('of %i columns nothing is wider, whatever the texts are', (columns) => {
    for (const judgement of [untrusted, undetermined, hostile])
      for (const line of drawJudgements([judgement], { colours: false, columns }).split('\n'))
        expect(line.length, line).toBeLessThanOrEqual(columns);
  });

  it('narrower than forty columns is drawn for forty', () => {
    expect(drawJudgements([untrusted], { colours: false, columns: 5 })).toBe(
      drawJudgements([untrusted], { colours: false, columns: 40 }),
    );
  });

  it('hostile text brings no control or hidden character, with colours or without', () => {
    for (const columns of [40, 80, 200]) {
      expect(drawJudgements([hostile], { colours: false, columns })).not.toMatch(UNSAFE);
      const coloured = drawJudgements([hostile], { colours: true, columns });
      expect(coloured.replaceAll(OUR_COLOURS, '')).not.toMatch(UNSAFE);
    }
  });

  it('every case of the lab is drawn within the width and without such characters', async () => {
    const lab = await createLab();
    for (const item of createCases(lab)) {
      const judgement = await judgeCase(item, 'soft');
      const drawn = drawJudgements([judgement], { colours: false, columns: 60 });
      expect(drawn, item.name).not.toMatch(UNSAFE);
      expect(Math.max(...drawn.split('\n').map((line) => line.length)), item.name).toBeLessThanOrEqual(60);
    }
  });
});

describe('what holds judgements', () => {
  it('is told from other answers', () => {
    expect(judgementsIn({ results: [untrusted, undetermined] })).toHaveLength(2);
    expect(judgementsIn({ ...untrusted })).toHaveLength(1);
    for (const other of [{}, { results: [] }, { results: [untrusted, {}] }, { verdict: 'trusted' }, { valid: true }])
      expect(judgementsIn(other)).toBeNull();
  });
});

describe('the progress bar', () => {
  it('fills up, fits forty columns, and takes itself away without any escape sequence', () => {
    expect(progressBar(0, 100)).toBe(`\r[${'.'.repeat(24)}] 0/100`);
    expect(progressBar(50, 100)).toBe(`\r[${'#'.repeat(12)}${'.'.repeat(12)}] 50/100`);
    expect(progressBar(100, 100)).toBe(`\r[${'#'.repeat(24)}] 100/100`);
    expect(progressBar(100, 100).length).toBeLessThan(40);
    expect(progressBar(1, 3_000_000)).toBe(`\r[${'.'.repeat(24)}] 0 %`);
    expect(progressBar(2_999_999, 3_000_000)).toBe(`\r[${'#'.repeat(24)}] 99 %`);
    expect(clearBar(progressBar(100, 100))).toBe(`\r${' '.repeat(progressBar(100, 100).length)}\r`);
  });
});
