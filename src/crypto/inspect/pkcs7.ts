/** Explains PKCS#7 and CMS messages (RFC 2315, RFC 5652). None is opened, and no signature is checked. */

import { readPkcs7, type Pkcs7, type SignedData } from '../certificate/pkcs7.js';
import { describeBundle } from './bundle.js';
import { finding, type Inspection } from './report.js';

const CONTENT_NAMES: Readonly<Record<Exclude<Pkcs7['content'], 'signedData'>, string>> = {
  data: 'A PKCS#7 message of plain data.',
  envelopedData: 'An encrypted message (CMS EnvelopedData); it was not opened.',
  authEnvelopedData: 'An encrypted message (CMS AuthEnvelopedData); it was not opened.',
  encryptedData: 'An encrypted message (CMS EncryptedData); it was not opened.',
  digestedData: 'A message with a digest (CMS DigestedData), which authenticates nothing.',
  compressedData: 'A compressed message (CMS CompressedData); it was not opened.',
};

/** A message in DER or BER, or null where the bytes are none. */
export function inspectPkcs7(bytes: Uint8Array, now: Date): Inspection | null {
  const message = readPkcs7(bytes);
  if (message === null) return null;
  if (message.content === 'signedData') return describeSigned(message, now);
  const { content } = message;
  return { kind: 'pkcs7', summary: CONTENT_NAMES[content], details: { content, bytes: bytes.length }, findings: [] };
}

function describeSigned({ certificates, crls, signers }: SignedData, now: Date): Inspection {
  const bundle = describeBundle(certificates, now, false);
  const holds = `${certificates.length} certificate${certificates.length === 1 ? '' : 's'} and ${crls.length} CRL${crls.length === 1 ? '' : 's'}`;
  const findings = [...bundle.findings];
  if (signers === 0 && certificates.length + crls.length === 0)
    findings.push(finding('low', 'empty', 'It holds no certificate, no CRL and no signature.'));
  return {
    kind: 'pkcs7',
    summary:
      signers === 0
        ? `A PKCS#7 file of ${holds}, signed by nobody. Trust was not judged.`
        : `A signed message (PKCS#7, CMS) with ${signers} signature${signers === 1 ? '' : 's'}, ${holds}; no signature was checked.`,
    details: {
      content: 'signedData',
      signers,
      certificate_count: certificates.length,
      crl_count: crls.length,
      certificates: bundle.certificates,
    },
    findings,
  };
}
