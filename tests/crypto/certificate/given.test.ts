/** What is given to judge is read in every form, and refused by the name of the field with the next step, never with what it holds. */

import { describe, expect, it } from 'vitest';

import type { Bundle } from '../../../src/crypto/certificate/bundle.js';
import {
  guessSubject,
  openBundle,
  readCrls,
  readGiven,
  readTrust,
  requireLeaf,
} from '../../../src/crypto/certificate/given.js';
import type { Pkcs12Problem, Pkcs12Result } from '../../../src/crypto/certificate/pkcs12.js';
import { SecurityError } from '../../../src/crypto/errors.js';
import { buildCrl } from '../../support/pki/crl.js';
import { issue, issueCa, toPem } from '../../support/pki/certificates.js';
import { integer, nullValue, oid, sequence } from '../../support/pki/der.js';
import { newKey } from '../../support/pki/keys.js';

const key = newKey('p256');
const root = issueCa({ subject: 'CN=Root', key });
const leaf = issue({ subject: 'CN=canary', issuer: root, key, san: ['a.test'] });
const secret = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
/** Begins as every PKCS#12 file does. */
const pkcs12 = sequence(integer(3), sequence(oid('1.2.840.113549.1.7.1')));

const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const noFile = (): Promise<Uint8Array> => Promise.reject(new Error('no file is to be read'));
const neverOpened = (): Promise<Pkcs12Result> => Promise.reject(new Error('there is no PKCS#12 here'));
const opens = (result: Pkcs12Result) => (): Promise<Pkcs12Result> => Promise.resolve(result);

async function refusal(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof SecurityError)) throw error;
    expect(error.code).toBe('input_invalid');
    expect(error.hint.length).toBeGreaterThan(10);
    expect(error.message).not.toContain('canary');
    return error.message;
  }
  throw new Error('a refusal was expected');
}

describe('certificates or path', () => {
  it('exactly one of them', async () => {
    expect(await refusal(() => readGiven({}, noFile))).toMatch(/^certificates or path: exactly one/);
    expect(await refusal(() => readGiven({ certificates: 'a', path: '/a' }, noFile))).toMatch(/^certificates or path/);
  });

  it('a path is read as it is, a text as the bytes it stands for', async () => {
    const file = Buffer.from('file');
    expect(await readGiven({ path: '/a' }, () => Promise.resolve(file))).toBe(file);
    expect(Buffer.from(await readGiven({ certificates: leaf.pem }, noFile)).toString()).toBe(leaf.pem);
    const base64 = Buffer.from(leaf.der).toString('base64');
    for (const text of [base64, base64.replaceAll(/.{64}/g, '$&\n'), Buffer.from(leaf.der).toString('base64url')])
      expect(Buffer.compare(await readGiven({ certificates: text }, noFile), leaf.der)).toBe(0);
  });
});

describe('the bundle', () => {
  const open = (input: Uint8Array, password?: string): Promise<Bundle> => openBundle(input, password, neverOpened);

  it('of PEM, DER and PKCS#12', async () => {
    expect((await open(utf8(leaf.pem))).certificates).toHaveLength(1);
    expect((await open(leaf.der)).certificates).toHaveLength(1);
    const contents = {
      certificates: [leaf.der, root.der, Buffer.of(1)],
      leafFirst: true,
      privateKey: true,
      authenticated: true,
    };
    const opened = await openBundle(pkcs12, 'x', opens(contents));
    expect(opened.certificates).toHaveLength(2);
    expect(opened.unreadable).toBe(1);
    expect(requireLeaf(opened).der).toBe(leaf.der);
  });

  it('of a PKCS#12 without a password is opened with the empty one', async () => {
    let used: string | undefined;
    await refusal(() =>
      openBundle(pkcs12, undefined, (password) => ((used = password), Promise.resolve({ problem: 'wrong_password' }))),
    );
    expect(used).toBe('');
  });

  it.each<[Pkcs12Problem, string | undefined, RegExp]>([
    ['wrong_password', 'x', /^password does not open this PKCS#12/],
    ['wrong_password', undefined, /^password is needed/],
    ['too_costly', 'x', /^certificates are a PKCS#12 file that names an excessive number/],
    ['unsupported', 'x', /^certificates are a PKCS#12 file protected in a way/],
    ['too_large', 'x', /^certificates are a PKCS#12 file that is too large/],
    ['no_certificates', 'x', /^certificates are a PKCS#12 file without a certificate/],
    ['not_pkcs12', 'x', /^certificates are a PKCS#12 file that is damaged/],
  ])('of a PKCS#12 is refused: %s', async (problem, password, message) => {
    expect(await refusal(() => openBundle(pkcs12, password, opens({ problem })))).toMatch(message);
  });

  it('is refused where it is none, and a password where there is nothing to open', async () => {
    expect(await refusal(() => open(utf8('canary')))).toMatch(
      /^certificates hold nothing that can be read as PEM, DER, PKCS#7 or PKCS#12/,
    );
    expect(await refusal(() => open(utf8(leaf.pem), 'canary'))).toMatch(
      /^password is given for something that is no PKCS#12/,
    );
  });

  it.each([
    ['a private key and no certificate', secret],
    ['no certificate that can be read', toPem(Buffer.from('canary'))],
    ['no certificate', toPem(nullValue(), 'CERTIFICATE REQUEST')],
  ])('with %s has nothing to judge', async (words, text) => {
    const found = await open(utf8(text));
    expect(await refusal(() => requireLeaf(found))).toBe(`certificates hold ${words}.`);
  });
});

describe('trust', () => {
  it('is PEM, base64 or the path of a file', async () => {
    const base64 = Buffer.from(root.der).toString('base64');
    for (const text of [root.pem, `# our root\n${root.pem}`, base64])
      expect(await readTrust(text, noFile)).toHaveLength(1);
    const paths: string[] = [];
    const file = (path: string): Promise<Uint8Array> => (paths.push(path), Promise.resolve(utf8(root.pem)));
    expect(await readTrust('/etc/ssl/root.pem', file)).toHaveLength(1);
    expect(paths).toEqual(['/etc/ssl/root.pem']);
  });

  it.each([
    ['nothing in it', `-----BEGIN-----`],
    ['a key', secret],
    ['one that cannot be read', `${root.pem}${toPem(Buffer.from('canary'))}`],
    ['one that was cut off', `${root.pem}${root.pem.slice(0, 300)}`],
  ])('with %s is refused whole', async (_, text) => {
    expect(await refusal(() => readTrust(text, noFile))).toMatch(
      /^trust holds no certificate, or one that cannot be read/,
    );
  });

  it('of over a thousand is refused instead of cut', async () => {
    const many = Array.from({ length: 1_001 }, (_, i) => issueCa({ subject: `CN=${i}`, key }).pem);
    expect(await refusal(() => readTrust(many.join(''), noFile))).toMatch(/^trust holds over 1000/);
    expect(await readTrust(many.slice(1).join(''), noFile)).toHaveLength(1_000);
  });
});

describe('crls', () => {
  const crl = toPem(buildCrl({ issuer: root }).der, 'X509 CRL');

  it('are PEM, one or more', () => {
    expect(readCrls(crl, 0)).toHaveLength(1);
    expect(readCrls(`${crl}${crl}`, 0)).toHaveLength(2);
  });

  it.each([
    ['words', 'canary'],
    ['a certificate', leaf.pem],
    ['one that was cut off', `${crl}${crl.slice(0, 100)}`],
    ['base64 that is none', `${crl}-----BEGIN X509 CRL-----\n!!\n-----END X509 CRL-----`],
  ])('that are %s are refused by their place', async (_, text) => {
    expect(await refusal(() => readCrls(text, 3))).toMatch(/^crls\[3\] is not a CRL in PEM/);
  });
});

it('only a PKCS#12 can be guessed at', () => {
  expect(guessSubject(leaf.der)).toBeNull();
  expect(guessSubject(utf8(leaf.pem))).toBeNull();
});
