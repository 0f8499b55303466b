/** What the tests of revocation share: a CA with certificates below it, and a network that is a table of answers. */

import type { CertificateFetcher } from '../../../src/crypto/certificate/fetcher.js';
import { parseCertificate, type Certificate } from '../../../src/crypto/certificate/parse.js';
import {
  checkRevocation,
  RevocationCache,
  type RevocationOptions,
  type RevocationStatus,
} from '../../../src/crypto/certificate/revocation.js';
import type { CertificateOptions, Issued } from '../../support/pki/certificates.js';
import { createLab } from '../../support/pki/lab.js';
import { readOcspRequest, type CertificateStatus, type OcspQuestion } from '../../support/pki/ocsp.js';

export const lab = await createLab();
export const { at, days, intermediate, rootEc } = lab;
export const read = (issued: Pick<Issued, 'der'>): Certificate => parseCertificate(issued.der) as Certificate;

export const OCSP = 'http://ocsp.lab.test/';
export const CRL = 'http://crl.lab.test/leaf.crl';
export const ROOT_CRL = 'http://crl.lab.test/root.crl';

export type Answer = Uint8Array | string;
export type Request = Parameters<CertificateFetcher['fetch']>[0];

/** A network of so many addresses; what is not there cannot be reached. */
export class Network implements CertificateFetcher {
  readonly asked: string[] = [];
  readonly requests: Request[] = [];
  constructor(readonly answers: Record<string, Answer | ((question: OcspQuestion) => Answer)>) {}

  fetch(request: Request): ReturnType<CertificateFetcher['fetch']> {
    this.asked.push(request.url);
    this.requests.push(request);
    const answer = this.answers[request.url];
    const given = typeof answer === 'function' ? answer(readOcspRequest(request.body ?? new Uint8Array())) : answer;
    if (given instanceof Uint8Array) return Promise.resolve({ bytes: given });
    return Promise.resolve({ fault: given ?? 'unreachable', explanation: 'There is no way to this address.' });
  }
}

export const options = (more: Partial<RevocationOptions> = {}): RevocationOptions => ({
  at,
  now: at,
  fetcher: null,
  cache: new RevocationCache(),
  random: (size) => new Uint8Array(size).fill(5),
  signal: new AbortController().signal,
  ...more,
});

/** A leaf below an intermediate whose list is always good, so that the leaf's own status is seen. */
export const pointedCa = lab.issueCa({ subject: 'CN=Pointed CA', issuer: rootEc, crlDistributionPoints: [ROOT_CRL] });
export const rootList = lab.crl({ issuer: rootEc });
export const leafOf = (more: Partial<CertificateOptions> = {}): Issued => lab.leaf({ issuer: pointedCa, ...more });
export const ocspOf = (leaf: Issued, status: CertificateStatus = 'good', nonce?: Uint8Array): Uint8Array =>
  lab.ocsp(leaf, { issuer: pointedCa, status, ...(nonce === undefined ? {} : { nonce }) });

export const ask = async (leaf: Issued, more: Partial<RevocationOptions> = {}, ca = pointedCa) =>
  checkRevocation([read(leaf), read(ca), read(rootEc)], options(more));
export const askLeaf = async (leaf: Issued, more: Partial<RevocationOptions> = {}): Promise<RevocationStatus> =>
  (await ask(leaf, more)).certificates[0] as RevocationStatus;

export const reached = new Set<string>();
export const codesOf = (status: RevocationStatus | undefined): string[] => {
  if (status?.status !== 'unknown') throw new Error(`not unknown, but ${status?.status ?? 'absent'}`);
  return status.reasons.map(({ source, code }) => {
    reached.add(code);
    return `${source}:${code}`;
  });
};

export const revoked = { revokedAt: days(-2), reason: 'keyCompromise' } as const;
