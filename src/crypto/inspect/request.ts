/** Explains certification requests (PKCS#10, RFC 2986). */

import {
  attempt,
  contextTag,
  DerFault,
  DerReader,
  readBitBytes,
  readCount,
  readOid,
  readWhole,
  TAG,
} from '../certificate/der.js';
import { readName } from '../certificate/names.js';
import {
  readAlgorithm,
  readExtensions,
  readKnownExtensions,
  readPublicKeyInfo,
  type Certificate,
  type Extension,
} from '../certificate/parse.js';
import { signatureKind, verifySignature } from '../certificate/signature.js';
import { finding, type Inspection } from './report.js';
import { briefName, keyOf, namesDetails, nameText, signatureFindings, signatureName } from './x509-parts.js';

const MAX_BYTES = 65_536;
const MAX_ATTRIBUTES = 64;
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const CHALLENGE_PASSWORD = '1.2.840.113549.1.9.7';

type Request = Pick<Certificate, 'tbs' | 'subject' | 'spki' | 'publicKey' | 'signatureAlgorithm' | 'signature'> & {
  /** The attributes' values, by type. */
  attributes: readonly { oid: string; values: Uint8Array }[];
};

/** A request in DER, or null where the bytes are none. */
export function inspectRequest(der: Uint8Array): Inspection | null {
  const request = der.length > MAX_BYTES ? null : attempt(() => readRequest(der));
  return request === null ? null : describeRequest(request);
}

function readRequest(der: Uint8Array): Request {
  const outer = readWhole(der, TAG.sequence);
  const info = outer.next(TAG.sequence);
  const signatureAlgorithm = readAlgorithm(outer.next());
  const signature = readBitBytes(outer.next(TAG.bitString));
  outer.end();
  const reader = new DerReader(info.content);
  readCount(reader.next(TAG.integer));
  const subject = readName(reader.next(TAG.sequence).whole);
  const key = readPublicKeyInfo(reader.next(TAG.sequence));
  const list = new DerReader(reader.optional(contextTag(0, true))?.content ?? new Uint8Array());
  reader.end();
  const attributes: { oid: string; values: Uint8Array }[] = [];
  while (!list.done) {
    if (attributes.length >= MAX_ATTRIBUTES) throw new DerFault();
    const attribute = list.into(TAG.sequence);
    attributes.push({ oid: readOid(attribute.next(TAG.oid)), values: attribute.next(TAG.set).content });
    attribute.end();
  }
  return { tbs: info.whole, subject, ...key, signatureAlgorithm, signature, attributes };
}

function describeRequest(request: Request): Inspection {
  const { tbs, subject, publicKey, signatureAlgorithm, signature, attributes } = request;
  const requested = attributes.find(({ oid }) => oid === EXTENSION_REQUEST)?.values;
  const extensions = requested === undefined ? [] : attempt(() => readExtensions(requested));
  const asked = readKnownExtensions(extensions ?? ([] as Extension[]));
  const names = asked.subjectAltNames ?? [];
  const key = keyOf(request);
  const findings = [...key.findings, ...signatureFindings(signatureAlgorithm)];
  const checked = publicKey !== null && signatureKind(signatureAlgorithm).known;
  if (checked && !verifySignature(signatureAlgorithm, publicKey, tbs, signature))
    findings.push(
      finding(
        'high',
        'bad_signature',
        'Its signature does not fit its key: it was altered, or its sender does not hold the key.',
        'Refuse it.',
      ),
    );
  if (extensions === null || asked.malformedExtensions.length > 0)
    findings.push(
      finding('medium', 'malformed_extension', 'It asks for extensions that cannot be read.', 'Make it anew.'),
    );
  if (asked.basicConstraints?.ca === true)
    findings.push(
      finding(
        'medium',
        'asks_for_ca',
        'It asks for a CA certificate, whose holder could issue for every name.',
        'Grant that to nobody who is not to be a CA.',
      ),
    );
  if (attributes.some(({ oid }) => oid === CHALLENGE_PASSWORD))
    findings.push(
      finding(
        'medium',
        'challenge_password',
        'It carries a challenge password in the clear.',
        'Take that password as shown.',
      ),
    );
  return {
    kind: 'csr',
    summary: `A certification request for ${briefName(subject) || 'an empty subject'} (${key.name}), ${names.length === 0 ? 'no alternative names' : `${names.length} alternative name${names.length === 1 ? '' : 's'}`}.`,
    details: {
      subject: nameText(subject),
      key: key.details,
      signature_algorithm: signatureName(signatureAlgorithm),
      ...namesDetails(names),
      attributes: attributes.length,
    },
    findings,
  };
}
