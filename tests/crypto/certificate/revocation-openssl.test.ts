/**
 * OpenSSL's responder and CA beside ours: it understands our requests, and we read the responses and lists that it makes. It goes
 * by the real clock, and so does this test.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { hex } from '../../../src/crypto/bytes.js';
import { checkCrl, readCrl, splitCrls } from '../../../src/crypto/certificate/crl.js';
import { ocspRequest, readOcspResponse, type CertIdHash } from '../../../src/crypto/certificate/ocsp.js';
import { parseCertificate, type Certificate } from '../../../src/crypto/certificate/parse.js';
import type { Issued } from '../../support/pki/certificates.js';
import { createLab } from '../../support/pki/lab.js';
import { OPENSSL, opensslPresent } from '../../support/pki/openssl.js';

const describeWithOpenSsl = opensslPresent ? describe : describe.skip;
const title = opensslPresent ? 'openssl' : `openssl (skipped: there is no ${OPENSSL})`;

describeWithOpenSsl(title, async () => {
  const start = new Date(Math.floor(Date.now() / 1_000) * 1_000);
  const lab = await createLab({ at: start });
  const { good, intermediate, intermediateRsa, goodRsa } = lab;
  const read = (issued: Issued): Certificate => parseCertificate(issued.der) as Certificate;
  // The body of a skipped block runs too.
  const folder = opensslPresent ? mkdtempSync(join(tmpdir(), 'revocation-openssl-')) : '';
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = (file: string): string => join(folder, file);
  const write = (file: string, content: string | Uint8Array): string => {
    writeFileSync(path(file), content);
    return path(file);
  };
  const openssl = (...args: string[]): string =>
    execFileSync(OPENSSL, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { OPENSSL_CONF: '/dev/null' },
    }).toString();
  const keyOf = ({ privateKey }: Issued): string => privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  /** The index of `openssl ca`: state, end, revocation time and reason, serial number, file, subject. */
  const stamp = (date: Date): string => `${date.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`;
  const indexOf = (entries: [leaf: Issued, revocation: string | null][]): string =>
    write(
      'index.txt',
      entries
        .map(([leaf, revocation]) => {
          const state = revocation === null ? 'V' : 'R';
          const serial = hex(leaf.serial).toUpperCase();
          return `${state}\t${stamp(leaf.notAfter)}\t${revocation ?? ''}\t${serial}\tunknown\t/CN=lab\n`;
        })
        .join(''),
    );
  const revokedAt = new Date(start.getTime() - 3_600_000);

  /** Runs our request through OpenSSL's responder and gives its response to us. */
  const respond = (
    leaf: Issued,
    index: string,
    hash: CertIdHash,
    more: { issuer?: Issued; signer?: Issued; args?: string[] } = {},
  ) => {
    const { issuer = intermediate, signer = issuer, args = [] } = more;
    const nonce = new Uint8Array(32).fill(9);
    const [certificate, ca] = [read(leaf), read(issuer)];
    const reqin = write('request.der', ocspRequest(certificate, ca, { hash, nonce }));
    const files = ['-CA', write('ca.pem', issuer.pem), '-rsigner', write('signer.pem', signer.pem)];
    files.push(
      '-rkey',
      write('signer.key', keyOf(signer)),
      '-index',
      index,
      '-reqin',
      reqin,
      '-respout',
      path('out.der'),
    );
    openssl('ocsp', ...files, '-ndays', '3', ...args);
    const question = { certificate, issuer: ca, at: new Date(), nonce };
    return readOcspResponse(readFileSync(path('out.der')), question);
  };

  it('prints our request as what it is', () => {
    for (const [hash, shown] of [
      ['sha1', 'sha1'],
      ['sha256', 'sha256'],
    ] as const) {
      const der = ocspRequest(read(good), read(intermediate), { hash, nonce: new Uint8Array(16).fill(0xab) });
      const text = openssl('ocsp', '-req_text', '-reqin', write('request.der', der));
      expect(text).toContain(`Hash Algorithm: ${shown}`);
      expect(text).toContain(`Serial Number: ${hex(good.serial).toUpperCase()}`);
      expect(text.replaceAll(/[\s:]/g, '').toUpperCase()).toContain('AB'.repeat(16));
    }
  });

  it.each(['sha1', 'sha256'] as const)('answers a request of %s: good, revoked, unknown', (hash) => {
    const delegate = lab.ocspSigner(intermediate);
    const delegateRsa = lab.ocspSigner(intermediate, { key: 'rsa2048' });
    for (const signer of [intermediate, delegate, delegateRsa])
      for (const args of [[], ['-resp_key_id']]) {
        const asked = { signer, args };
        expect(respond(good, indexOf([[good, null]]), hash, asked).status).toBe('good');
        expect(respond(good, indexOf([[good, `${stamp(revokedAt)},keyCompromise`]]), hash, asked)).toMatchObject({
          status: 'revoked',
          at: revokedAt,
          reason: 'keyCompromise',
        });
        expect(respond(good, indexOf([]), hash, asked)).toMatchObject({ code: 'unknown_to_responder' });
      }
  });

  it('whose answer is not taken where the signer is not appointed', () => {
    const index = indexOf([[good, null]]);
    const nobody = lab.ocspSigner(intermediate, { purpose: false });
    expect(respond(good, index, 'sha1', { signer: nobody })).toMatchObject({ code: 'signer_purpose' });
    expect(respond(good, index, 'sha1', { signer: lab.ocspSigner(lab.stranger) })).toMatchObject({
      code: 'signer_not_issued',
    });
  });

  it('of RSA issuers, with PKCS #1 and PSS signatures, and in SHA-1, which is not taken', () => {
    const index = indexOf([[goodRsa, null]]);
    const by = (...args: string[]) => respond(goodRsa, index, 'sha256', { issuer: intermediateRsa, args });
    expect(by().status).toBe('good');
    expect(by('-rsigopt', 'rsa_padding_mode:pss', '-rsigopt', 'rsa_pss_saltlen:digest').status).toBe('good');
    expect(by('-rmd', 'sha1')).toMatchObject({ code: 'weak_signature' });
  });

  it('makes lists that we read, of both versions', () => {
    const config = write(
      'ca.cnf',
      `[ca]\ndefault_ca=lab\n[lab]\ndatabase=${path('index.txt')}\ndefault_md=sha256\ndefault_crl_days=7\n` +
        `certificate=${write('ca.pem', intermediate.pem)}\nprivate_key=${write('ca.key', keyOf(intermediate))}\n` +
        `crlnumber=${write('crlnumber', '01\n')}\n[v2]\nauthorityKeyIdentifier=keyid:always\n`,
    );
    const question = { certificate: read(good), issuer: read(intermediate) };
    const lists = (...index: Parameters<typeof indexOf>) =>
      [['-crlexts', 'v2'], []].map((extensions) => {
        indexOf(...index);
        const pem = openssl('ca', '-config', config, '-gencrl', ...extensions);
        const [der] = splitCrls(Buffer.from(pem));
        return checkCrl(readCrl(der ?? new Uint8Array()), { ...question, at: new Date() });
      });
    for (const answer of lists([[good, null]])) expect(answer.status).toBe('good');
    for (const answer of lists([[good, `${stamp(revokedAt)},superseded`]]))
      expect(answer).toMatchObject({ status: 'revoked', at: revokedAt, reason: 'superseded' });
    for (const answer of lists([[good, `${stamp(revokedAt)},keyTime,20260101000000Z`]]))
      expect(answer).toMatchObject({ status: 'revoked', reason: 'keyCompromise' });
    for (const answer of lists([[good, `${stamp(revokedAt)},holdInstruction,holdInstructionReject`]]))
      expect(answer).toMatchObject({ status: 'revoked', reason: 'certificateHold' });
  });
});
