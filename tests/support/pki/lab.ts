/** The usual hierarchy of the PKI lab, made once around one time, and what the cases are built with. */

import { days, fillKeyPool, issue, LAB_TIME, type CertificateOptions, type Issued } from './certificates.js';
import { buildCrl, type CrlOptions } from './crl.js';
import { buildOcsp, issueOcspSigner, type CertificateStatus, type OcspOptions, type SingleInput } from './ocsp.js';

export const GOOD_NAME = 'good.lab.test';
/** As its A-label stands in the certificate. */
export const IDN_NAME = 'bücher.lab.test';
export const IDN_ALABEL = 'xn--bcher-kva.lab.test';

type WithoutTime<T> = Omit<T, 'at'>;

export interface Lab {
  /** The time of the lab: everything good is valid then. */
  at: Date;
  /** So many days from `at`. */
  days: (count: number) => Date;
  issue: (options: WithoutTime<CertificateOptions>) => Issued;
  issueCa: (options: WithoutTime<CertificateOptions>) => Issued;
  /** A leaf for `good.lab.test` of `intermediate`, unless told otherwise. */
  leaf: (options?: Partial<WithoutTime<CertificateOptions>>) => Issued;
  crl: (options: WithoutTime<CrlOptions>) => Uint8Array;
  /** An answer about one certificate, signed by its issuer and good, unless told otherwise. */
  ocsp: (
    certificate: Issued,
    options?: Partial<WithoutTime<OcspOptions>> & {
      issuer?: Issued;
      status?: CertificateStatus;
      single?: Partial<SingleInput>;
    },
  ) => Uint8Array;
  ocspSigner: (issuer: Issued, options?: Parameters<typeof issueOcspSigner>[1]) => Issued;
  rootEc: Issued;
  rootRsa: Issued;
  rootEd: Issued;
  /** A root nobody trusts, and its intermediate. */
  strangerRoot: Issued;
  stranger: Issued;
  /** P-256, by `rootEc`. */
  intermediate: Issued;
  /** The same name and key as `intermediate`, by `rootRsa`. */
  crossSigned: Issued;
  /** RSA, by `rootRsa`. */
  intermediateRsa: Issued;
  intermediateEd: Issued;
  good: Issued;
  goodRsa: Issued;
  goodEd: Issued;
  /** For 127.0.0.1 and ::1. */
  address: Issued;
  /** For `*.wild.lab.test`. */
  wildcard: Issued;
  /** For `bücher.lab.test`. */
  idn: Issued;
}

/** Makes the lab: about half a second the first time in a process (RSA keys), then a few milliseconds. */
export async function createLab({ at = LAB_TIME }: { at?: Date } = {}): Promise<Lab> {
  await fillKeyPool();
  const make = (options: WithoutTime<CertificateOptions>): Issued => issue({ at, ...options });
  const ca = (options: WithoutTime<CertificateOptions>): Issued => make({ ca: true, ...options });

  const rootEc = ca({ subject: 'CN=Lab Root EC,O=Lab', key: 'p384' });
  const rootRsa = ca({ subject: 'CN=Lab Root RSA,O=Lab', key: 'rsa2048' });
  const rootEd = ca({ subject: 'CN=Lab Root Ed25519,O=Lab', key: 'ed25519' });
  const strangerRoot = ca({ subject: 'CN=Stranger Root,O=Elsewhere' });
  const stranger = ca({ subject: 'CN=Stranger Intermediate,O=Elsewhere', issuer: strangerRoot });
  const intermediate = ca({ subject: 'CN=Lab Intermediate,O=Lab', issuer: rootEc, pathLength: 0 });
  const crossSigned = ca({
    subject: 'CN=Lab Intermediate,O=Lab',
    issuer: rootRsa,
    key: { publicKey: intermediate.publicKey, privateKey: intermediate.privateKey },
    pathLength: 0,
  });
  const intermediateRsa = ca({ subject: 'CN=Lab Intermediate RSA,O=Lab', issuer: rootRsa, key: 'rsa2048' });
  const intermediateEd = ca({ subject: 'CN=Lab Intermediate Ed25519,O=Lab', issuer: rootEd, key: 'ed25519' });
  const leaf: Lab['leaf'] = (options = {}) =>
    make({ subject: `CN=${GOOD_NAME}`, issuer: intermediate, san: [GOOD_NAME], ...options });

  return {
    at,
    days: (count) => days(count, at),
    issue: make,
    issueCa: ca,
    leaf,
    crl: (options) => buildCrl({ at, ...options }).der,
    ocsp: (certificate, { issuer = intermediate, status, single, ...options } = {}) =>
      buildOcsp({
        at,
        signer: issuer,
        responses: [{ certificate, issuer, ...(status ? { status } : {}), ...single }],
        ...options,
      }),
    ocspSigner: (issuer, options) => issueOcspSigner(issuer, { at, ...options }),
    rootEc,
    rootRsa,
    rootEd,
    strangerRoot,
    stranger,
    intermediate,
    crossSigned,
    intermediateRsa,
    intermediateEd,
    good: leaf(),
    goodRsa: leaf({ issuer: intermediateRsa, key: 'rsa2048' }),
    goodEd: leaf({ issuer: intermediateEd, key: 'ed25519' }),
    address: leaf({ subject: 'CN=address', san: ['127.0.0.1', '::1'] }),
    wildcard: leaf({ subject: 'CN=wildcard', san: ['*.wild.lab.test'] }),
    idn: leaf({ subject: 'CN=idn', san: [IDN_ALABEL] }),
  };
}
