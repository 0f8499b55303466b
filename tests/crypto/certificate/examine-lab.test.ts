/** Every offline case of the PKI lab through the whole judgement: the verdict that is right, and the codes that must be told. */

import { describe, expect, it } from 'vitest';

import { parseCertificate } from '../../../src/crypto/certificate/parse.js';
import { concise, CONCISE_BYTES } from '../../../src/crypto/certificate/concise.js';
import { createCases, malformedCertificates } from '../../support/pki/cases.js';
import type { Issued } from '../../support/pki/certificates.js';
import { OFFLINE_CODES } from '../../support/pki/contract-codes.js';
import { codesOf, judgeCase, judgeGiven, judgeSent, shouldBe, shown } from '../../support/pki/judge.js';
import { createLab, GOOD_NAME } from '../../support/pki/lab.js';

const lab = await createLab();
const cases = createCases(lab);
const reached = new Set<string>();

describe('every offline case', () => {
  it.each(cases.map((item) => [item.name, item] as const))('%s', async (_, item) => {
    const soft = await judgeCase(item, 'soft');
    for (const code of codesOf(soft)) reached.add(code);
    shouldBe(soft, item.expected);
    // One sentence: no name in the lab has a period before a space.
    expect(soft.summary).toMatch(/^[A-Z][^\n]*\.$/);
    expect(soft.summary).not.toMatch(/\.\s/);

    const hard = await judgeCase(item, 'hard');
    if (item.expected.hard !== undefined) expect([item.expected.hard].flat()).toContain(hard.verdict);
    // Asking for more certainty never makes a better verdict, and what is unknown is never good.
    if (soft.verdict !== 'trusted') expect(hard.verdict).toBe(soft.verdict);
    if (hard.verdict === 'trusted') expect(codesOf(hard)).not.toContain('revocation_unavailable');

    // Not asked at all: whatever else is wrong is told as before.
    const off = await judgeCase(item, 'off');
    if (off.verdict !== 'trusted') expect(off.verdict).toBe(soft.verdict);
    expect(Buffer.byteLength(JSON.stringify(concise(soft)))).toBeLessThanOrEqual(CONCISE_BYTES);

    // In whatever order the CA certificates come, and whatever comes with them.
    const [leaf, ...others] = item.chain as [Issued, ...Issued[]];
    const shuffled = { ...item, chain: [leaf, lab.stranger, ...others.toReversed(), leaf, lab.strangerRoot] };
    expect((await judgeCase(shuffled, 'off')).verdict).toBe(off.verdict);
  });

  it('and every code of the contract that needs no server', () => {
    expect(cases.length).toBeGreaterThanOrEqual(316);
    expect(OFFLINE_CODES.filter((code) => !reached.has(code))).toEqual([]);
  });
});

describe('a certificate that is none', () => {
  const anchors = [lab.rootEc];

  it.each(malformedCertificates(lab).map((item) => [item.name, item] as const))('%s', async (_, { der, refused }) => {
    const read = parseCertificate(der);
    if (refused === 'must') expect(read).toBeNull();
    // Of a server, as the leaf and beside a good one.
    const sent = await judgeSent(shown([{ der }, lab.intermediate]), lab.at, { anchors, serverName: GOOD_NAME });
    if (read === null) {
      expect(sent.verdict).toBe('undetermined');
      expect(codesOf(sent)).toContain('unreadable');
    } else {
      const given = await judgeGiven([{ der }, lab.intermediate], lab.at, { anchors, serverName: GOOD_NAME });
      expect(given.verdict).toBe(sent.verdict);
    }
    const beside = shown([lab.good, { der }, lab.intermediate]);
    const good = await judgeSent(beside, lab.at, { anchors, serverName: GOOD_NAME });
    expect(good.verdict).toBe('trusted');
    const asIssuer = await judgeSent(shown([lab.good, { der }]), lab.at, { anchors, serverName: GOOD_NAME });
    expect(asIssuer.verdict).toBe('untrusted');
  });

  it('is never trusted, but where only what nobody reads is odd', async () => {
    const trusted: string[] = [];
    for (const { name, der } of malformedCertificates(lab)) {
      const { verdict } = await judgeSent(shown([{ der }, lab.intermediate]), lab.at, {
        anchors,
        serverName: GOOD_NAME,
      });
      if (verdict === 'trusted') trusted.push(name);
    }
    // An extension that is not known is not read; a default value that is spelled out says the same.
    expect(trusted).toEqual(['nested-in-extension-500', 'basic-constraints-false-spelled-out']);
  });

  it.each([
    ['leaf', 0x01],
    ['leaf', 0x80],
    ['intermediate', 0x01],
    ['intermediate', 0x80],
  ] as const)('nor is any chain with one bit of the %s flipped (%i)', async (which, bit) => {
    const { der } = which === 'leaf' ? lab.good : lab.intermediate;
    for (let at = 0; at < der.length; at += 1) {
      const flipped = Uint8Array.from(der);
      flipped[at] = (flipped[at] ?? 0) ^ bit;
      const chain = which === 'leaf' ? [{ der: flipped }, lab.intermediate] : [lab.good, { der: flipped }];
      const judged = await judgeSent(shown(chain), lab.at, { anchors, serverName: GOOD_NAME, revocation: 'off' });
      expect(judged.verdict, `byte ${at}`).not.toBe('trusted');
    }
  });
});
