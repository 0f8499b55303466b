/** The words of --html and --overwrite on the command line. */

import { expect, it } from 'vitest';

import { splitReport } from '../src/cli-report.js';

const INPUT = '{"targets":["a.example"]}';

it.each([
  [['certificate_check', INPUT, '--html', 'r.html'], { path: 'r.html', overwrite: false }],
  [['certificate_check', INPUT, '--html=r.html'], { path: 'r.html', overwrite: false }],
  [['--overwrite', '--html', 'r.html', 'certificate_verify', INPUT], { path: 'r.html', overwrite: true }],
])('%j names a file', (args, report) => {
  expect(splitReport(args)).toEqual({
    rest: [report.overwrite ? 'certificate_verify' : 'certificate_check', INPUT],
    report,
  });
});

it.each([
  [['certificate_check', INPUT, '--html']],
  [['certificate_check', INPUT, '--html=']],
  [['certificate_check', INPUT, '--html', '-']],
  [['certificate_check', INPUT, '--html', '-x.html']],
  [['password_hash', '{}', '--html', 'r.html']],
  [['certificate_check', INPUT, '--overwrite']],
])('%j is wrong usage', (args) => {
  expect(splitReport(args)).toBeNull();
});
