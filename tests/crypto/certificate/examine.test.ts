/** How the parts of a judgement come together: what is asked of whom, what stands beside what, and what makes the verdict. */

import { describe, expect, it } from 'vitest';

import { codesOf, judgeCase, judgeGiven, judgeSent, shown } from '../../support/pki/judge.js';
import type { Check, CheckName, Judgement } from '../../../src/crypto/certificate/judgement.js';
import { CHECK_NAMES } from '../../../src/crypto/certificate/judgement.js';
import { createCases } from '../../support/pki/cases.js';
import type { Issued } from '../../support/pki/certificates.js';
import { createLab, GOOD_NAME } from '../../support/pki/lab.js';

const lab = await createLab();
const cases = createCases(lab);
const anchors = [lab.rootEc];
const question = { anchors, serverName: GOOD_NAME };
const chain = [lab.good, lab.intermediate];

const checkOf = (judgement: Judgement, name: CheckName): Check => {
  const found = judgement.checks.find(({ check }) => check === name);
  if (found === undefined) throw new Error(`no check ${name}`);
  return found;
};

const named = async (name: string): Promise<Judgement> => {
  const item = cases.find((entry) => entry.name === name);
  if (item === undefined) throw new Error(`no case ${name}`);
  return judgeCase(item, 'soft');
};

describe('a judgement', () => {
  it('has one of each check, in the order of the contract, whatever is judged', async () => {
    for (const item of cases) {
      const { checks } = await judgeCase(item, 'soft');
      expect(
        checks.map(({ check }) => check),
        item.name,
      ).toEqual(CHECK_NAMES);
    }
  });

  it('of a server that showed no certificate has the checks of the connection, and no verdict', async () => {
    const fault = { code: 'refused', explanation: 'It refused.', remedy: 'Start it.' } as const;
    const judged = await judgeSent(
      { port: 443, clientCertificate: 'unknown', certificates: [], fault },
      lab.at,
      question,
    );
    expect(judged).toMatchObject({ verdict: 'undetermined', chain: [], not_after: null, days_remaining: null });
    expect(judged.checks.map(({ check, code }) => [check, code])).toEqual([
      ['connection', 'refused'],
      ['protocol', 'no_handshake'],
    ]);
  });

  it('tells revocation by what was given or stapled also where the chain has a fault, and nothing good of it', async () => {
    const old = lab.leaf({ notBefore: lab.days(-90), notAfter: lab.days(-3) });
    const list = (serials: Uint8Array[]): Uint8Array =>
      lab.crl({ issuer: lab.intermediate, entries: serials.map((serial) => ({ serial })) });
    const given = { ...question, revocation: 'hard' } as const;
    const revoked = await judgeGiven([old, lab.intermediate], lab.at, { ...given, crls: [list([old.serial])] });
    expect(codesOf(revoked)).toEqual(['expired', 'revoked']);
    expect(revoked.summary).toMatch(/^The certificate was revoked on .*; do not trust it \(and 1 more problem\)\.$/);
    const listed = await judgeGiven([old, lab.intermediate], lab.at, { ...given, crls: [list([])] });
    expect(checkOf(listed, 'revocation')).toMatchObject({ status: 'skipped', code: 'chain_not_trusted' });
    expect(codesOf(listed)).toEqual(['expired']);

    const stranger = { ...question, anchors: [lab.strangerRoot] };
    const staple = (status: 'good' | 'revoked'): Uint8Array =>
      lab.ocsp(lab.good, { single: { status: status === 'good' ? 'good' : { revokedAt: lab.days(-1) } } });
    const stapled = await judgeSent(shown(chain, { staple: staple('revoked') }), lab.at, stranger);
    expect(codesOf(stapled)).toEqual(expect.arrayContaining(['untrusted_root', 'revoked']));
    const good = await judgeSent(shown(chain, { staple: staple('good') }), lab.at, stranger);
    expect(checkOf(good, 'revocation').status).toBe('skipped');
  });

  it('names certificates whole in its summary, whatever periods their names have', async () => {
    const root = lab.issueCa({ subject: 'CN=Acme Inc. Root CA' });
    const issuing = lab.issueCa({ subject: 'CN=Acme Ltd. Issuing CA', issuer: root });
    const leaf = lab.leaf({ issuer: issuing });
    const judged = await judgeGiven([leaf, issuing], lab.at, {
      ...question,
      anchors: [root],
      revocation: 'hard',
      crls: [lab.crl({ issuer: root, entries: [{ serial: issuing.serial }] })],
    });
    expect(judged.summary).toMatch(/^The CA certificate Acme Ltd\. Issuing CA was revoked on /);
    expect(judged.summary).toMatch(/; do not trust it\.$/);
    const trusted = await judgeGiven([leaf, issuing], lab.at, { ...question, anchors: [root], revocation: 'off' });
    expect(trusted.summary).toContain('Trusted by way of the root Acme Inc. Root CA, valid');
    const missing = await judgeGiven([leaf], lab.at, { ...question, anchors: [root] });
    expect(missing.summary).toContain('The intermediate certificate Acme Ltd. Issuing CA is not sent; append it');
  });

  it('needs OpenSSL to be content too where a handshake was made', async () => {
    const at = (opensslError: string | null): Promise<Judgement> =>
      judgeSent(shown(chain, { opensslError }), lab.at, question);
    expect((await at(null)).verdict).toBe('trusted');
    const judged = await at('UNABLE_TO_GET_ISSUER_CERT');
    expect(judged.verdict).toBe('undetermined');
    expect(checkOf(judged, 'chain')).toMatchObject({ status: 'unknown', code: 'openssl_disagrees' });
    expect(checkOf(judged, 'chain').explanation).toContain('UNABLE_TO_GET_ISSUER_CERT');
    // For another time than now its clock says nothing.
    expect((await at('CERT_HAS_EXPIRED')).verdict).toBe('trusted');
  });

  it('is undetermined where the handshake ended before OpenSSL had judged', async () => {
    const fault = { code: 'reset', explanation: 'It was reset.', remedy: 'Mend it.' } as const;
    const { opensslError: _, ...facts } = shown(chain, { fault });
    const judged = await judgeSent(facts, lab.at, question);
    expect(judged.verdict).toBe('undetermined');
    expect(codesOf(judged)).toEqual(expect.arrayContaining(['reset', 'handshake_incomplete']));
  });

  it('of an old protocol is untrusted, of a server for clients with certificates undetermined, whatever its TLS version', async () => {
    const old = await judgeSent(shown(chain, { protocol: 'TLSv1.1' }), lab.at, question);
    expect(old.verdict).toBe('untrusted');
    expect(codesOf(old)).toContain('old_protocol');
    const mutual = await judgeSent(shown(chain, { clientCertificate: 'required' }), lab.at, question);
    expect(mutual.verdict).toBe('undetermined');
    expect(codesOf(mutual)).toContain('client_certificate_required');
  });
});

describe('an unknown revocation', () => {
  it('is told with soft, costs the trust with hard, and is not asked with off', async () => {
    const verdicts = ['soft', 'hard', 'off'] as const;
    const judged = await Promise.all(
      verdicts.map((revocation) => judgeGiven(chain, lab.at, { ...question, revocation })),
    );
    expect(judged.map(({ verdict }) => verdict)).toEqual(['trusted', 'undetermined', 'trusted']);
    expect(judged.map((entry) => checkOf(entry, 'revocation').status)).toEqual(['unknown', 'unknown', 'skipped']);
  });

  it('is not asked of a chain that is not trusted: nothing is fetched', async () => {
    const asked: string[] = [];
    const fetcher = {
      fetch: ({ url }: { url: string }) => {
        asked.push(url);
        return Promise.resolve({ fault: 'refused', explanation: 'No.' });
      },
    };
    const urls = { aia: { ocsp: ['http://trap.test/'] }, crlDistributionPoints: ['http://trap.test/crl'] };
    const faulty: Issued[][] = [
      [lab.leaf({ ...urls, corruptSignature: true }), lab.intermediate],
      [lab.leaf({ ...urls, notAfter: lab.days(-1) }), lab.intermediate],
      [lab.leaf({ ...urls, issuer: lab.stranger }), lab.stranger],
      [lab.leaf({ ...urls, aia: { ...urls.aia, caIssuers: ['http://trap.test/ca'] } })],
    ];
    for (const given of faulty)
      for (const revocation of ['soft', 'hard'] as const)
        expect((await judgeGiven(given, lab.at, { ...question, fetcher, revocation })).verdict).toBe('untrusted');
    expect(asked).toEqual([]);
    await judgeGiven([lab.leaf(urls), lab.intermediate], lab.at, { ...question, fetcher });
    expect(asked).toEqual(['http://trap.test/', 'http://trap.test/crl']);
  });
});

describe('key identifiers', () => {
  const without = { subjectKeyIdentifier: false, authorityKeyIdentifier: false } as const;
  const root = lab.issueCa({ subject: 'CN=Plain Root,O=Lab', ...without });
  const ca = lab.issueCa({ subject: 'CN=Plain CA,O=Lab', issuer: root, ...without });

  it('may be missing throughout, as in private CAs made with openssl: that is told', async () => {
    const given = [lab.leaf({ issuer: ca, ...without }), ca];
    const judged = await judgeGiven(given, lab.at, { ...question, anchors: [root] });
    expect(judged.verdict).toBe('trusted');
    expect(checkOf(judged, 'chain')).toMatchObject({ status: 'warn', code: 'key_identifier' });
  });

  it.each(['no-key-identifiers', 'authority-by-issuer-and-serial', 'authority-key-identifier-wrong'])(
    'may be odd in the leaf: %s',
    async (name) => {
      const judged = await named(name);
      expect(judged.verdict).toBe('trusted');
      expect(checkOf(judged, 'chain')).toMatchObject({ status: 'warn', code: 'key_identifier' });
    },
  );

  it('must not be missing in the CA certificates of a chain that uses them', async () => {
    for (const missing of [{ subjectKeyIdentifier: false }, { authorityKeyIdentifier: false }] as const) {
      const odd = lab.issueCa({ subject: 'CN=Odd CA,O=Lab', issuer: lab.rootEc, ...missing });
      const judged = await judgeGiven([lab.leaf({ issuer: odd }), odd], lab.at, question);
      expect(judged.verdict).toBe('untrusted');
      expect(checkOf(judged, 'chain').code).toBe('key_identifier');
    }
  });

  it('are told after what is wrong with the substance', async () => {
    expect(checkOf(await named('intermediate-version-1'), 'chain')).toMatchObject({ status: 'fail', code: 'not_a_ca' });
  });
});

describe('warnings that do not cost the trust', () => {
  it('a leaf that does not say what it is for', async () => {
    const judged = await named('purpose-none-said');
    expect(judged.verdict).toBe('trusted');
    expect(checkOf(judged, 'purpose')).toMatchObject({ status: 'warn', code: 'no_purpose' });
  });

  it('a leaf that is for any purpose beside serverAuth', async () => {
    const leaf = lab.leaf({ extendedKeyUsage: ['serverAuth', 'any'] });
    const judged = await judgeGiven([leaf, lab.intermediate], lab.at, question);
    expect(judged.verdict).toBe('trusted');
    expect(checkOf(judged, 'purpose')).toMatchObject({ status: 'warn', code: 'any_purpose' });
  });

  it('a common name that is no copy of an alternative name', async () => {
    for (const subject of ['CN=other.lab.test', 'CN=Good.lab.test']) {
      const judged = await judgeGiven([lab.leaf({ subject }), lab.intermediate], lab.at, question);
      expect(judged.verdict).toBe('trusted');
      expect(checkOf(judged, 'hostname')).toMatchObject({ status: 'warn', code: 'common_name' });
    }
  });
});
