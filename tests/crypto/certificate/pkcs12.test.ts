/** PKCS#12 files give their certificates, and nothing else. */

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import forge from 'node-forge';
import { afterAll, describe, expect, it } from 'vitest';

import { isPkcs12, openPkcs12, pkcs12GuessSubject, type Pkcs12Result } from '../../../src/crypto/certificate/pkcs12.js';
import {
  certificateBag,
  crlBag,
  keyBag,
  nestedBag,
  pbes2Safe,
  pfx,
  plainSafe,
  shroudedKeyBag,
} from '../../support/pkcs12-builder.js';
import { FILES, LEAF, LEAF_PRIVATE_KEY, MID, PASSWORD, ROOT, type Pkcs12File } from '../../support/pkcs12-files.js';
import { integer, octetString, oid, sequence } from '../../support/pki/der.js';

const problem = (name: string): Pkcs12Result => ({ problem: name }) as Pkcs12Result;
const files: [string, Pkcs12File][] = Object.entries(FILES);
const certificatesOf = (result: Pkcs12Result): string[] =>
  'problem' in result ? [result.problem] : result.certificates.map((der) => Buffer.from(der).toString('hex'));
const hexOf = (...ders: Uint8Array[]): string[] => ders.map((der) => Buffer.from(der).toString('hex'));

describe('files of OpenSSL and Java', () => {
  it.each(files)('%s', async (name, { bytes, password, certificates }) => {
    const result = await openPkcs12(bytes, password);
    expect(result).toEqual({
      certificates: certificates.map((der) => new Uint8Array(der)),
      leafFirst: name !== 'javaTrust',
      privateKey: name !== 'javaTrust',
      authenticated: name !== 'withoutMac',
    });
    expect(isPkcs12(bytes)).toBe(true);
  });

  it.each(files.filter(([name]) => name !== 'withoutMac'))('%s under another password', async (_name, file) => {
    for (const wrong of [`${file.password}x`, file.password === '' ? ' ' : '', 'pa\u0308ssw\u00f6rd\u2603\u{1d11e}'])
      expect(await openPkcs12(file.bytes, wrong)).toEqual(problem('wrong_password'));
  });

  it('cut off anywhere is no PKCS#12 file', async () => {
    const { bytes } = FILES.legacy;
    for (let length = 0; length < bytes.length; length++)
      expect(await openPkcs12(bytes.subarray(0, length), PASSWORD)).toEqual(problem('not_pkcs12'));
    expect(await openPkcs12(Buffer.concat([bytes, Buffer.alloc(1)]), PASSWORD)).toEqual(problem('not_pkcs12'));
  });

  it('changed anywhere gives a problem or the same certificates', async () => {
    const chosen = [FILES.legacy, FILES.aes128, FILES.plainCertificates, FILES.emptyPassword];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...chosen),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async ({ bytes, password, certificates }, at, mask) => {
          const changed = new Uint8Array(bytes);
          const index = at % bytes.length;
          changed[index] = (changed[index] ?? 0) ^ mask;
          const result = await openPkcs12(changed, password);
          if ('problem' in result) return;
          expect(certificatesOf(result).sort()).toEqual(hexOf(...certificates).sort());
          expect(result.authenticated).toBe(true);
        },
      ),
      { numRuns: 400 },
    );
  }, 120_000);

  it('and what is none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect(await openPkcs12(bytes, '')).toEqual(problem('not_pkcs12'));
        expect(pkcs12GuessSubject(bytes)).toBeNull();
      }),
    );
    expect(isPkcs12(LEAF)).toBe(false);
    expect(await openPkcs12(LEAF, '')).toEqual(problem('not_pkcs12'));
  });
});

const contents = sequence(certificateBag(MID), certificateBag(LEAF));

describe('what lies in a file', () => {
  it('the certificate of the private key comes first, the others as they were stored', async () => {
    const id = Buffer.from('id of the leaf');
    const safes = [
      plainSafe(certificateBag(ROOT, { localKeyId: Buffer.from('other') })),
      pbes2Safe(PASSWORD, sequence(certificateBag(MID), certificateBag(LEAF, { localKeyId: id }))),
      plainSafe(shroudedKeyBag({ localKeyId: id })),
    ];
    const result = await openPkcs12(pfx(safes), PASSWORD);
    expect(certificatesOf(result)).toEqual(hexOf(LEAF, ROOT, MID));
    expect(result).toMatchObject({ leafFirst: true, privateKey: true });
  });

  it('stays in order where nothing tells which certificate belongs to the key', async () => {
    const result = await openPkcs12(pfx([pbes2Safe(PASSWORD, contents), plainSafe(shroudedKeyBag())]), PASSWORD);
    expect(certificatesOf(result)).toEqual(hexOf(MID, LEAF));
    expect(result).toMatchObject({ leafFirst: false, privateKey: true });
  });

  it('safes in safes, CRLs and certificates of another kind are passed over or through', async () => {
    const safe = plainSafe(nestedBag(nestedBag(certificateBag(LEAF))), crlBag(), certificateBag(MID, {}, '1.2.3.4'));
    expect(certificatesOf(await openPkcs12(pfx([safe]), PASSWORD))).toEqual(hexOf(LEAF));
  });

  it('none at all', async () => {
    expect(await openPkcs12(pfx([plainSafe(shroudedKeyBag())]), PASSWORD)).toEqual(problem('no_certificates'));
    expect(await openPkcs12(pfx([]), PASSWORD)).toEqual(problem('no_certificates'));
    expect(await openPkcs12(pfx([]), 'wrong')).toEqual(problem('wrong_password'));
  });

  it('BER with indefinite lengths and cut OCTET STRINGs', async () => {
    const file = pfx([pbes2Safe(PASSWORD, contents), plainSafe(certificateBag(ROOT))], { ber: true });
    expect(file.includes(0x24)).toBe(true);
    expect(certificatesOf(await openPkcs12(file, PASSWORD))).toEqual(hexOf(MID, LEAF, ROOT));
    expect(await openPkcs12(file, 'wrong')).toEqual(problem('wrong_password'));
  });

  it('an absent password as well as an empty one, a MAC of one iteration, PBMAC1', async () => {
    const safes = [pbes2Safe('', contents)];
    expect(certificatesOf(await openPkcs12(pfx(safes, { password: '' }), ''))).toHaveLength(2);
    expect(certificatesOf(await openPkcs12(pfx(safes, { password: '', absentPassword: true }), ''))).toHaveLength(2);
    expect(certificatesOf(await openPkcs12(pfx(safes, { password: '', iterations: null }), ''))).toHaveLength(2);
    const modern = pfx([pbes2Safe(PASSWORD, contents)], { pbmac1: { keyLength: 32 } });
    expect(certificatesOf(await openPkcs12(modern, PASSWORD))).toEqual(hexOf(MID, LEAF));
    expect(await openPkcs12(modern, 'wrong')).toEqual(problem('wrong_password'));
  });

  it('a safe whose password is not that of the file is a wrong password, whatever it decrypts to', async () => {
    for (const other of Array.from({ length: 600 }, (_, i) => `other ${i}`)) {
      const file = pfx([pbes2Safe(other, sequence(certificateBag(LEAF)), { iterations: 1 })], { iterations: 1 });
      expect(await openPkcs12(file, PASSWORD)).toEqual(problem('wrong_password'));
    }
  });
});

describe('a keystore of node-forge', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 1024,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const key = forge.pki.privateKeyFromPem(privateKey);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.sign(key, forge.md.sha256.create());
  const der = Buffer.from(forge.asn1.toDer(forge.pki.certificateToAsn1(certificate)).getBytes(), 'latin1');

  it.each(['3des', 'aes128', 'aes192', 'aes256'] as const)('%s', async (algorithm) => {
    const store = forge.pkcs12.toPkcs12Asn1(key, [certificate], 'pässwörd', { algorithm });
    const file = Buffer.from(forge.asn1.toDer(store).getBytes(), 'latin1');
    const result = await openPkcs12(file, 'pässwörd');
    expect(certificatesOf(result)).toEqual([der.toString('hex')]);
    expect(await openPkcs12(file, 'passwort')).toEqual(problem('wrong_password'));
  });
});

it('never gives out the password or a private key', async () => {
  // PKCS#8 around the scalar, plain and beside the certificates in an encrypted safe.
  const pkcs8 = sequence(integer(0), sequence(oid('1.2.840.10045.2.1')), octetString(LEAF_PRIVATE_KEY));
  const password = 'canary-password';
  const built = [
    pfx([plainSafe(keyBag(pkcs8), certificateBag(LEAF))], { password }),
    pfx([pbes2Safe(password, sequence(keyBag(pkcs8), certificateBag(LEAF)))], { password }),
    pfx([pbes2Safe(password, sequence(keyBag(pkcs8)))], { password }),
  ].map((bytes) => ({ bytes, password }));
  const canaries = [LEAF_PRIVATE_KEY, Buffer.from(password), Buffer.from(password, 'utf16le').swap16()];
  for (const file of [...Object.values(FILES), ...built]) {
    for (const given of [file.password, 'canary-password']) {
      const result = await openPkcs12(file.bytes, given);
      // The buffers behind the views too: a message to another thread carries them whole.
      const views = 'problem' in result ? [] : result.certificates;
      const told = Buffer.concat([
        Buffer.from(JSON.stringify(result)),
        ...views.map(({ buffer }) => new Uint8Array(buffer)),
      ]);
      for (const canary of canaries) {
        expect(told.includes(canary)).toBe(false);
        expect(told.includes(Buffer.from(canary).toString('hex'))).toBe(false);
      }
    }
  }
});

const openssl = ((): string | null => {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' });
  } catch {
    return null;
  }
})();

describe.skipIf(openssl === null)(
  `files made now by the openssl command (${openssl?.trim() ?? 'skipped: not found'})`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'pkcs12-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    const at = (name: string): string => join(folder, name);
    const run = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });

    it.each([
      ['-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
      ['-certpbe', 'PBE-SHA1-2DES', '-macalg', 'sha256'],
      ['-certpbe', 'AES-128-CBC', '-macalg', 'sha384'],
      ['-certpbe', 'AES-192-CBC', '-macalg', 'sha512'],
      ['-certpbe', 'AES-256-CBC', '-iter', '10000'],
      ['-certpbe', 'DES-EDE3-CBC', '-nomaciter'],
      ['-certpbe', 'NONE', '-keypbe', 'NONE'],
      ['-nokeys'],
    ])('%s %s %s %s', async (...options) => {
      const subject = ['-subj', '/CN=now', '-days', '30'];
      run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'now.key', '-out', 'now.pem', ...subject);
      writeFileSync(at('ca.pem'), new X509Certificate(ROOT).toString());
      const password = 'pä ss☃𝄞';
      const input = ['-inkey', 'now.key', '-in', 'now.pem', '-certfile', 'ca.pem', '-passout', `pass:${password}`];
      run('pkcs12', '-export', ...input, '-out', 'now.p12', ...options);
      const result = await openPkcs12(readFileSync(at('now.p12')), password);
      const leaf = new X509Certificate(readFileSync(at('now.pem'))).raw;
      expect(certificatesOf(result)).toEqual(hexOf(leaf, ROOT));
      expect(await openPkcs12(readFileSync(at('now.p12')), 'wrong')).toEqual(problem('wrong_password'));
    });
  },
);
