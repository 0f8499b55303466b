/** How the certificate checker fetches what a certificate names. Implemented in `network/`, under the address policy. */

/** Why nothing came: a code, one constant sentence, and what would help, such as the setting that would allow it. */
export interface FailedFetch {
  fault: string;
  explanation: string;
  remedy?: string;
}

/** Fetches by http or https. Never rejects. */
export interface CertificateFetcher {
  fetch(request: {
    url: string;
    kind: 'ocsp' | 'crl' | 'ca_issuers';
    /** Sent with POST where it is given. */
    body?: Uint8Array;
    /** Of the answer. */
    maxBytes: number;
    signal: AbortSignal;
  }): Promise<Fetched | FailedFetch>;
}

/** What came. `release` frees the bytes at once, without waiting for the collector: nothing may refer to them any more. */
export interface Fetched {
  bytes: Uint8Array;
  release?(): void;
}
