/** Messages of PKCS#7 and CMS (RFC 2315, RFC 5652): what they are, and the certificates and CRLs of those that are signed. */

import { toDefinite } from './ber.js';
import { attempt, contextTag, DerFault, DerReader, elementsOf, readCount, readOid, readWhole, TAG } from './der.js';

export const CONTENT = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  digestedData: '1.2.840.113549.1.7.5',
  encryptedData: '1.2.840.113549.1.7.6',
  compressedData: '1.2.840.113549.1.9.16.1.9',
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
} as const;
export type ContentName = keyof typeof CONTENT;

const MAX_ELEMENTS = 20_000;
const MAX_MEMBERS = 2_000;

export interface SignedData {
  /** DER. */
  certificates: Uint8Array[];
  /** DER. */
  crls: Uint8Array[];
  /** None where the message is there for its certificates only. */
  signers: number;
}

export type Pkcs7 = ({ content: 'signedData' } & SignedData) | { content: Exclude<ContentName, 'signedData'> };

/** A message in DER, or in BER of indefinite length as it is made while streaming; null where the bytes are none. */
export function readPkcs7(bytes: Uint8Array): Pkcs7 | null {
  return attempt(() => {
    const isIndefinite = bytes[1] === 0x80;
    const reader = new DerReader(isIndefinite ? toDefinite(bytes, { left: MAX_ELEMENTS }) : bytes);
    const { type, content } = readContentInfo(reader);
    reader.end();
    const name = (Object.keys(CONTENT) as ContentName[]).find((entry) => CONTENT[entry] === type);
    if (name === undefined || content === null) throw new DerFault();
    return name === 'signedData' ? { content: name, ...readSignedData(content) } : { content: name };
  });
}

/** ContentInfo (RFC 5652 section 3), also of PKCS#12. */
export function readContentInfo(reader: DerReader): { type: string; content: Uint8Array | null } {
  const info = reader.into(TAG.sequence);
  const type = readOid(info.next(TAG.oid));
  const content = info.optional(contextTag(0, true))?.content ?? null;
  info.end();
  return { type, content };
}

/** SignedData (RFC 5652 section 5.1). */
function readSignedData(content: Uint8Array): SignedData {
  const message = readWhole(content, TAG.sequence);
  readCount(message.next(TAG.integer));
  message.next(TAG.set);
  message.next(TAG.sequence);
  const certificates = message.optional(contextTag(0, true));
  const crls = message.optional(contextTag(1, true));
  const signers = message.optional(TAG.set);
  return {
    certificates: sequencesIn(certificates?.content),
    crls: sequencesIn(crls?.content),
    signers: sequencesIn(signers?.content).length,
  };
}

/** Certificates and CRLs are SEQUENCEs; attribute certificates and other forms have context tags and are passed over. */
function sequencesIn(content: Uint8Array = new Uint8Array()): Uint8Array[] {
  return elementsOf(content, MAX_MEMBERS).flatMap(({ tag, whole }) => (tag === TAG.sequence ? [whole] : []));
}
