/** What the PKI lab revokes with: CRLs and OCSP responses. */

export * from './crl.js';
export * from './ocsp.js';
