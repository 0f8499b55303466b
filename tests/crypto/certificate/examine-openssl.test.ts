/**
 * OpenSSL's own programs beside our judgement: they agree, or the difference is explained here by the name of the case. Pins and
 * the public rules of lifetime are nothing to it and are left out on our side.
 */

import { execFileSync } from 'node:child_process';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RevocationMode } from '../../../src/crypto/certificate/checks.js';
import { createCases, type PkiCase } from '../../support/pki/cases.js';
import type { Issued } from '../../support/pki/certificates.js';
import { judgeCase } from '../../support/pki/judge.js';
import { createLab } from '../../support/pki/lab.js';
import { OpenSsl, OPENSSL, opensslPresent } from '../../support/pki/openssl.js';

/** `openssl ocsp` goes by the real clock, in whole seconds. */
const lab = await createLab({ at: new Date(Math.floor(Date.now() / 1_000) * 1_000) });
const cases = createCases(lab);

type Differences = Readonly<Record<string, string>>;

const ONE_PATH = 'OpenSSL takes the first issuer that fits and tries no other path.';
const SAN_ONLY = 'RFC 9525 section 6.3: alternative names only; OpenSSL falls back to the common name.';
const PARTIAL = 'RFC 9525 section 6.3: a wildcard is a whole label; OpenSSL lets it be a part.';
const SERIAL = 'RFC 5280 section 4.1.2.2 forbids such serial numbers; OpenSSL minds them with -x509_strict only.';
const FORM = 'RFC 5280 forbids that form; OpenSSL minds it with -x509_strict only.';
const LENGTH = 'Ten certificates are our limit (DESIGN section 9); OpenSSL allows a hundred.';
const CURVE = 'Not among the curves that TLS clients take; OpenSSL goes by bits alone.';
const CA_LEAF = 'A server must not use a certificate that can issue; OpenSSL does not mind.';

/** We trust, OpenSSL does not. */
const LAXER: Differences = {
  'cross-signed-both-sent': ONE_PATH,
  'anchor-is-the-intermediate': 'RFC 5280 section 6.1.1 (d): any key can be an anchor; OpenSSL wants -partial_chain.',
  'expires-this-second': 'RFC 5280 section 4.1.2.5: the last second counts; OpenSSL leaves it out.',
  'authority-key-identifier-wrong':
    'A hint for path building (RFC 5280 section 4.2.1.1): we warn, OpenSSL looks no further.',
  'hostname-trailing-dot': 'The final dot is no part of a name as certificates hold it (RFC 9525 section 6.3).',
};

/** OpenSSL is content, we are not. */
const STRICTER: Differences = {
  'path-of-11': LENGTH,
  'path-of-30': LENGTH,
  'wildcard-partial': PARTIAL,
  'wildcard-partial-end': PARTIAL,
  'common-name-only': SAN_ONLY,
  'san-mail-only': SAN_ONLY,
  'san-uri-only': SAN_ONLY,
  'san-empty': SAN_ONLY,
  'version-1-leaf': SAN_ONLY,
  'subject-empty-san-not-critical': FORM,
  'constraint-dns-wildcard-over-excluded': 'The wildcard stands for the excluded name too (CVE-2025-61727 in Go).',
  'version-1-with-extensions': FORM,
  'serial-negative': SERIAL,
  'serial-zero': SERIAL,
  'serial-of-21-bytes': SERIAL,
  'ca-as-leaf': CA_LEAF,
  'leaf-may-sign-certificates': CA_LEAF,
  p224: CURVE,
  secp256k1: CURVE,
};

/** Lists that OpenSSL believes. */
const LISTS: Differences = {
  'crl-without-next-update': 'RFC 5280 section 5.1.2.5 demands the date; without one nobody knows how old is too old.',
  'crl-sha1': 'A weak signature counts for none.',
  'crl-algorithms-differ': 'RFC 5280 section 5.1.1.2: both must be the same.',
  'crl-delta-alone': 'Changes say nothing without the list they change.',
  'crl-trailing-bytes': 'What follows the list is not looked at by OpenSSL, and need not be the same for others.',
};

/** Responses that OpenSSL believes and we do not. */
const RESPONSES: Differences = {
  'ocsp-old-without-next-update': 'OpenSSL takes a response without an end for good for ever.',
  'ocsp-critical-extension': 'RFC 6960 section 4.4: a critical extension that is not known must not be ignored.',
  'ocsp-critical-extension-of-the-answer': 'The same.',
  'ocsp-trailing-bytes': 'Not one response and nothing else.',
  'ocsp-revoked-says-one-of-two': 'OpenSSL reads the first answer of two; the worse one counts.',
  'ocsp-sha1-signature': 'A weak signature counts for none.',
};

/** Responses that we believe and OpenSSL does not. */
const BELIEVED: Differences = {
  'ocsp-good-sha256-certificate-id': 'OpenSSL finds an answer by the hash of its own question only.',
};

async function trusts(item: PkiCase, revocation: RevocationMode): Promise<boolean> {
  const { pins: _, publicAnchors: _public, ...rest } = item;
  return (await judgeCase(rest, revocation)).verdict === 'trusted';
}

/** In the table of its direction where they differ; on the version that the tables were made with, nowhere else. */
function compare(name: string, ours: boolean, theirs: boolean, laxer: Differences, stricter: Differences): void {
  if (ours !== theirs) expect(ours ? laxer : stricter, `we say ${ours}, OpenSSL says ${theirs}`).toHaveProperty([name]);
  else if (isVersion3) expect(Object.keys({ ...laxer, ...stricter })).not.toContain(name);
}

const isVersion3 =
  opensslPresent && execFileSync(OPENSSL, ['version'], { encoding: 'utf8' }).startsWith('OpenSSL 3.0.');
const describeWithOpenSsl = opensslPresent ? describe : describe.skip;
const titled = (list: readonly PkiCase[]): (readonly [string, PkiCase])[] => list.map((item) => [item.name, item]);

describeWithOpenSsl('openssl (skipped where there is none)', () => {
  const openssl = new OpenSsl();
  beforeAll(() => openssl.open());
  afterAll(() => openssl.close());

  const chains = cases.filter(
    ({ ocsp, crls, staple }) => ocsp === undefined && crls === undefined && staple === undefined,
  );
  const lists = cases.filter(
    ({ crls, ocsp, staple }) => crls !== undefined && ocsp === undefined && staple === undefined,
  );
  const responses = cases.filter(({ ocsp, chain }) => ocsp !== undefined && chain.length > 1);

  it('is asked of most cases', () => {
    expect(chains.length).toBeGreaterThanOrEqual(200);
    expect(lists.length).toBeGreaterThanOrEqual(30);
    expect(responses.length).toBeGreaterThanOrEqual(50);
    const names = new Set(cases.map(({ name }) => name));
    for (const table of [LAXER, STRICTER, LISTS, RESPONSES, BELIEVED])
      expect(Object.keys(table).filter((name) => !names.has(name))).toEqual([]);
  });

  it.each(titled(chains))('verify: %s', async (name, item) => {
    const { status } = await openssl.verify(item);
    compare(name, await trusts(item, 'off'), status === 0, LAXER, STRICTER);
  });

  it.each(titled(lists))('verify with lists: %s', async (name, item) => {
    const { status } = await openssl.verify(item, item.crls);
    compare(name, await trusts(item, 'hard'), status === 0, {}, LISTS);
  });

  it.each(titled(responses))('ocsp: %s', async (name, item) => {
    const [leaf, issuer] = item.chain as [Issued, Issued];
    const { text } = await openssl.ocsp(item.ocsp as Uint8Array, leaf, issuer, lab.rootEc);
    const theirs = /Response verify OK/.test(text) && /: good/.test(text) && !/WARNING|error/i.test(text);
    // The intermediate is a list's to answer for; of the leaf only the response is asked.
    const crls = [lab.crl({ issuer: lab.rootEc })];
    compare(name, await trusts({ ...item, crls }, 'hard'), theirs, BELIEVED, RESPONSES);
  });
});
