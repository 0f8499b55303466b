/**
 * The table of the certificate lab: every case with the verdict and codes that are right, and what Node's `tls` says of it.
 * Written to docs/certificate-cases.md by `npx vitest run tests/certificate-cases.test.ts -u`. That we judge each so is tested
 * in tests/crypto/certificate and tests/network, that Node does in tests/pki-lab.test.ts.
 */

import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { createCases, liveCases, type PkiCase } from './support/pki/cases.js';
import { createLab } from './support/pki/lab.js';
import { NODE_REFUSES, NODE_VARIES } from './support/pki/node-verdicts.js';

const cases = createCases(await createLab());

const verdicts = (verdict: string | string[]): string => [verdict].flat().join(' or ');
const codes = (all: readonly string[], any: readonly string[] = []): string =>
  [...all, ...(any.length === 0 ? [] : [`one of ${any.join(', ')}`])].join(', ');

function nodeSays({ name, nodeNotComparable }: PkiCase): string {
  if (nodeNotComparable !== undefined) return 'not comparable';
  if (NODE_VARIES.includes(name)) return "accepted, at OpenSSL's security level 1";
  return NODE_REFUSES[name] ?? 'accepted';
}

const untrusted = cases.filter(({ expected }) => verdicts(expected.verdict) === 'untrusted');
const compared = untrusted.filter(({ nodeNotComparable }) => nodeNotComparable === undefined);
const accepted = compared.filter(({ name }) => NODE_REFUSES[name] === undefined);
const unspecified = compared.filter(({ name }) => NODE_REFUSES[name] === 'UNSPECIFIED');

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const page = `# The cases of the certificate lab

Written by \`npx vitest run tests/certificate-cases.test.ts -u\` from the tests' own lab (\`tests/support/pki\`). Several verdicts stand
where the standards leave it open. "Node's \`tls\` alone" is \`tls.connect\` with the same trust anchors and name (Node 20.20, OpenSSL
3.0); what it is told nothing of (revocation, pins) it cannot refuse.

${cases.length} cases of certificates; ${untrusted.length} of them must be untrusted, of which ${compared.length} can be compared. Node accepts ${accepted.length} of these, and says
\`UNSPECIFIED\` of ${unspecified.length} more.

${table(
  ['case', 'verdict', 'codes', "Node's `tls` alone"],
  cases.map((item) => [
    item.name,
    verdicts(item.expected.verdict),
    codes(item.expected.codes, item.expected.anyOf),
    nodeSays(item),
  ]),
)}

## Live servers

${table(
  ['case', 'verdict', 'codes'],
  liveCases().map(({ name, expected }) => [name, verdicts(expected.verdict), codes(expected.codes, expected.anyOf)]),
)}
`;

it('the page of the cases is what the lab holds', async () => {
  await expect(page).toMatchFileSnapshot('../docs/certificate-cases.md');
});

it('docs/certificates.md quotes it rightly', () => {
  const quoting = readFileSync('docs/certificates.md', 'utf8').replaceAll(/\s+/g, ' ');
  for (const quoted of [
    `${cases.length} named cases of certificates and ${liveCases().length} of live servers`,
    `Of the ${compared.length} faulty ones that can be compared, Node accepts ${accepted.length} and says \`UNSPECIFIED\` of ${unspecified.length} more`,
  ])
    expect(quoting.includes(quoted), quoted).toBe(true);
});

it('the rows that docs/certificates.md shows are accepted by Node, or refused, as it says there', () => {
  const quoting = readFileSync('docs/certificates.md', 'utf8');
  const rows = [
    ...quoting.matchAll(/^\| [^|]+ \((`[a-z0-9.-]+`(?:, `[a-z0-9.-]+`)*)\) \| `([a-z_]+)` \| ([^|]+) \|$/gm),
  ];
  expect(rows.length).toBeGreaterThanOrEqual(8);
  for (const [, names = '', code = '', said = ''] of rows)
    for (const name of names.split(', ').map((text) => text.slice(1, -1))) {
      const item = cases.find((entry) => entry.name === name);
      expect(item?.expected, name).toMatchObject({ verdict: 'untrusted' });
      expect([...(item?.expected.codes ?? []), ...(item?.expected.anyOf ?? [])], name).toContain(code);
      expect(said.replaceAll('`', ''), name).toBe(nodeSays(item as PkiCase));
    }
});
