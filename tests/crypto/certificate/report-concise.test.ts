/** The short form of a judgement has at most 2 KiB, whatever it holds, and leaves out nothing that is wrong. */

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import {
  CHECK_NAMES,
  CHECK_STATUSES,
  VERDICTS,
  type Check,
  type CheckName,
  type CheckStatus,
  type Judgement,
} from '../../../src/crypto/certificate/judgement.js';
import type { Path } from '../../../src/crypto/certificate/path.js';
import { concise, CONCISE_BYTES } from '../../../src/crypto/certificate/concise.js';
import { assemble } from '../../../src/crypto/certificate/report.js';
import type { RevocationMode } from '../../../src/crypto/certificate/checks.js';
import { LIVE_CODES, OFFLINE_CODES } from '../../support/pki/contract-codes.js';
import { days, LAB_TIME, type Issued } from '../../support/pki/certificates.js';
import { createLab, GOOD_NAME, type Lab } from '../../support/pki/lab.js';
import { judgeSent, read, shown } from '../../support/pki/judge.js';

let lab: Lab;
let path: Path;
beforeAll(async () => {
  lab = await createLab();
  path = { certificates: [lab.good, lab.intermediate, lab.rootEc].map(read), anchored: true, faults: [] };
});

const check = (name: CheckName, status: CheckStatus, code = 'ok', explanation = 'It is so.'): Check => ({
  check: name,
  status,
  code,
  explanation,
  ...(status === 'fail' || status === 'unknown' ? { remedy: 'Mend it now. Then look again.' } : {}),
});
const GOOD = CHECK_NAMES.map((name) => check(name, 'pass'));
const but = (...others: Check[]): Check[] => [
  ...others,
  ...GOOD.filter((entry) => !others.some((other) => other.check === entry.check)),
];
const judge = (
  checks: readonly Check[],
  revocation: RevocationMode = 'soft',
  of: Path | null = path,
  at = LAB_TIME,
): Judgement => assemble({ target: 'a.test', at, checks, path: of, revocation });

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
/** The widest facts of a connection that the tool adds. */
const CONNECTION = {
  address: '2001:0db8:1111:2222:3333:4444:5555:6666',
  protocol: 'TLSv1.2',
  cipher: 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  key_exchange: 'X25519MLKEM768',
};

describe('the short form', () => {
  it('of a usual judgement tells everything but the rarest', async () => {
    const whole = await judgeSent(shown([lab.good, lab.intermediate]), lab.at, {
      anchors: [lab.rootEc],
      serverName: GOOD_NAME,
    });
    const short = concise(whole);
    expect(short).toMatchObject({
      target: whole.target,
      verdict: whole.verdict,
      summary: whole.summary,
      not_after: whole.not_after,
    });
    expect(short.chain[0]).toEqual(whole.chain[0]);
    expect(bytesOf({ ...short, connection: CONNECTION })).toBeLessThanOrEqual(CONCISE_BYTES);
  });

  it('keeps what is wrong, with its remedy, where there is room', () => {
    const long = 'word '.repeat(300);
    const short = concise(
      judge(but(check('chain', 'fail', 'bad_signature', long), check('pin', 'fail', 'pin_mismatch', long))),
    );
    const failures = short.checks.filter(({ status }) => status === 'fail');
    expect(failures.map(({ code }) => code)).toEqual(['bad_signature', 'pin_mismatch']);
    for (const { explanation, remedy } of failures) {
      expect(explanation.length).toBeGreaterThan(50);
      expect(remedy).toBe('Mend it now. Then look again.');
    }
  });

  it('leaves out no check that says something', () => {
    const idle = new Set(['not_asked', 'not_given', 'offline', 'private_ca']);
    const text = 'x'.repeat(2_000);
    const all = judge(CHECK_NAMES.map((name) => check(name, 'fail', 'unknown_critical_extension', text)));
    expect(concise(all).checks.map((entry) => entry.check)).toEqual(CHECK_NAMES);
    for (const code of idle)
      expect(concise(judge(but(check('lifetime', 'skipped', code)))).checks.map((entry) => entry.check)).toContain(
        'lifetime',
      );
  });

  const codes = fc.constantFrom(
    ...OFFLINE_CODES,
    ...LIVE_CODES,
    'ok',
    'not_asked',
    'private_ca',
    'openssl_disagrees',
    'handshake_incomplete',
    'duplicate_extension',
  );
  // Escaped text is what comes in; other scripts, quotes and backslashes take more octets than they have letters.
  const text = (maxLength: number): fc.Arbitrary<string> =>
    fc.oneof(
      fc.string({ unit: 'binary', maxLength }),
      fc
        .constantFrom('漢', '"', '\\', '😀', '\\u{202E}', 'a')
        .chain((unit) => fc.nat({ max: maxLength }).map((count) => unit.repeat(count))),
    );
  const date = fc.constant('2026-11-01T00:00:00Z');
  const entry = fc.record({
    subject: text(3_000),
    issuer: text(3_000),
    serial: fc.constantFrom('11'.repeat(32), '01'),
    not_before: date,
    not_after: date,
    key: fc.constantFrom('RSA 16384', 'EC brainpoolP512t1', 'unknown'),
    signature_algorithm: fc.constantFrom('RSASSA-PSS SHA-512', `2.999.${'1.'.repeat(120)}1`),
    spki_sha256: fc.constant('A'.repeat(44)),
    sha256: fc.constant('a'.repeat(64)),
    names: fc.array(text(255), { maxLength: 50 }),
  });
  const judgements: fc.Arbitrary<Judgement> = fc.record({
    target: text(300),
    verdict: fc.constantFrom(...VERDICTS),
    summary: text(2_000),
    checks: fc.tuple(
      ...CHECK_NAMES.map((name) =>
        fc
          .record({
            status: fc.constantFrom(...CHECK_STATUSES),
            code: codes,
            explanation: text(2_000),
            remedy: text(500),
          })
          .map((rest) => ({ check: name, ...rest })),
      ),
    ),
    chain: fc.array(entry, { maxLength: 12 }),
    not_after: date,
    days_remaining: fc.constantFrom(-700_000, 60, 3_000_000),
  });

  it('has at most 2,048 octets with the connection, for every judgement', () => {
    fc.assert(
      fc.property(judgements, (whole) => {
        const short = concise(whole);
        expect(bytesOf({ ...short, connection: CONNECTION })).toBeLessThanOrEqual(CONCISE_BYTES);
        expect(short).toMatchObject({
          verdict: whole.verdict,
          not_after: whole.not_after,
          days_remaining: whole.days_remaining,
        });
        const telling = whole.checks.filter(({ status }) => status !== 'skipped' && status !== 'pass');
        for (const { check: name, status, code } of telling)
          expect(short.checks).toContainEqual(expect.objectContaining({ check: name, status, code }));
      }),
      { numRuns: 300 },
    );
  });

  it('cuts between characters only', () => {
    const { summary } = concise({
      ...judge(GOOD),
      summary: '😀'.repeat(1_000),
      checks: judge(CHECK_NAMES.map((name) => check(name, 'fail', 'x', '😀'.repeat(500)))).checks,
    });
    expect(summary).toMatch(/^😀+…$/u);
  });

  it('of the largest certificates is as short', async () => {
    const wide = (i: number): string => `${'\u202E'.repeat(60)}${i}`;
    const subject = Array.from({ length: 50 }, (_, i) => ({ type: 'O', value: wide(i) }));
    let issuer: Issued = lab.rootEc;
    const chain: Issued[] = [];
    for (let i = 0; i < 8; i++)
      chain.unshift(
        (issuer = lab.issueCa({ subject: [...subject, { type: 'CN', value: wide(i) }], issuer, key: 'p256' })),
      );
    const leaf = lab.leaf({
      issuer,
      subject,
      san: Array.from({ length: 300 }, (_, i) => ({ dns: `${wide(i)}.test` })),
      serial: Buffer.alloc(500, 1),
      notAfter: days(-1),
    });
    const whole = await judgeSent(shown([leaf, ...chain]), lab.at, {
      anchors: [lab.rootEc],
      serverName: 'b.test',
      pins: [`sha256/${'A'.repeat(43)}=`],
    });
    expect(whole.verdict).toBe('untrusted');
    expect(JSON.stringify(whole)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(bytesOf({ ...concise(whole), connection: CONNECTION })).toBeLessThanOrEqual(CONCISE_BYTES);
  });
});
