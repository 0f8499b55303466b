/** Explains X.509 certificates (RFC 5280) and certification requests (RFC 2986). It reads them; it does not judge trust. */

import { createPublicKey, verify, X509Certificate, type KeyObject } from 'node:crypto';

import type * as Asn1Csr from '@peculiar/asn1-csr';
import type * as Asn1X509 from '@peculiar/asn1-x509';

import { hex } from '../bytes.js';
import { rfc3339 } from '../text.js';
import { readElements, readSequence, TAG } from './der.js';
import { summarizeKey, type KeySummary } from './keys.js';
import { duration, finding, shownText, type Finding, type Inspection } from './report.js';
import { nameText, PSS_OID, signatureFindings, signatureOf } from './x509-names.js';

const MAX_NAMES = 50;
/** The parser makes an object of every element, so size is time. */
const MAX_CERTIFICATE_BYTES = 262_144;
const MAX_REQUEST_BYTES = 65_536;
const NAME_IN_SUMMARY = 120;

/** A certificate in DER, or null where the bytes are none. `more` counts others that came with it. */
export async function inspectCertificate(der: Uint8Array, now: Date, more = 0): Promise<Inspection | null> {
  if (der.length > MAX_CERTIFICATE_BYTES) return null;
  try {
    const [schema, x509] = await loadAsn1();
    return describeCertificate(new X509Certificate(der), readFields(der, schema, x509), now, more);
  } catch {
    return null;
  }
}

interface CertificateFields {
  serial: Uint8Array;
  issuer: Asn1X509.Name;
  subject: Asn1X509.Name;
  validity: Asn1X509.Validity;
  signature: Asn1X509.AlgorithmIdentifier;
}

/** The fields of a TBSCertificate (RFC 5280 section 4.1) but its extensions, of which the parser takes only so many. */
function readFields(
  der: Uint8Array,
  { AsnConvert }: typeof import('@peculiar/asn1-schema'),
  { AlgorithmIdentifier, Name, Validity }: typeof Asn1X509,
): CertificateFields {
  const [tbs, algorithm] = readSequence(der, 3) ?? [];
  const fields = readElements(tbs?.content ?? new Uint8Array(0)) ?? [];
  const [serial, , issuer, validity, subject] = fields[0]?.tag === TAG.version ? fields.slice(1) : fields;
  if (!serial || !issuer || !validity || !subject || !algorithm) throw new TypeError('not a certificate');
  return {
    serial: serial.content,
    issuer: AsnConvert.parse(issuer.whole, Name),
    subject: AsnConvert.parse(subject.whole, Name),
    validity: AsnConvert.parse(validity.whole, Validity),
    signature: AsnConvert.parse(algorithm.whole, AlgorithmIdentifier),
  };
}

function describeCertificate(node: X509Certificate, fields: CertificateFields, now: Date, more: number): Inspection {
  const [subject, issuer] = [nameText(fields.subject), nameText(fields.issuer)];
  const notBefore = fields.validity.notBefore.getTime();
  const notAfter = fields.validity.notAfter.getTime();
  const publicKey = keyOf(node);
  const key = publicKey === null ? UNREADABLE_KEY : summarizeKey(publicKey);
  const signature = signatureOf(fields.signature);
  const names = splitNames(node.subjectAltName ?? '');
  const selfSigned = node.subject === node.issuer && publicKey !== null && isSignedBy(node, publicKey);
  const shownNames = names.slice(0, MAX_NAMES).map((name) => shownText(name));
  const details = {
    subject,
    issuer,
    serial: hex(fields.serial.subarray(0, 64)),
    not_before: rfc3339(notBefore),
    not_after: rfc3339(notAfter),
    key: key.details,
    signature_algorithm: signature,
    ca: node.ca,
    sha256: node.fingerprint256.replaceAll(':', '').toLowerCase(),
    names: shownNames,
    ...(names.length > MAX_NAMES ? { names_left_out: names.length - MAX_NAMES } : {}),
    ...(more > 0 ? { further_certificates: more } : {}),
  };
  const findings = [
    ...validityFindings(notBefore, notAfter, now),
    ...key.findings,
    ...signatureFindings(signature, selfSigned && node.ca),
  ];
  if (selfSigned)
    findings.push(
      finding(
        'info',
        'self_signed',
        'The certificate is signed by its own key.',
        'That is right for a root; a server wants one from a CA its clients trust.',
      ),
    );
  if (!node.ca && names.length === 0)
    findings.push(
      finding(
        'medium',
        'no_subject_alternative_name',
        'It has no subject alternative name, so no current client accepts it for a host (RFC 9525).',
        'For a server, issue it anew with the host names as SAN.',
      ),
    );
  const left = notAfter.getTime() - now.getTime();
  const life =
    notBefore > now
      ? `not valid before ${rfc3339(notBefore)}`
      : left <= 0
        ? `expired ${duration(left / 1000)} ago`
        : `valid for ${duration(left / 1000)} more`;
  const [inSubject, inIssuer] = [fields.subject, fields.issuer].map((name) => nameText(name, NAME_IN_SUMMARY));
  return {
    kind: 'certificate',
    summary: `A ${node.ca ? 'CA ' : ''}certificate for ${inSubject || 'an empty subject'}, issued by ${selfSigned ? 'itself' : inIssuer || 'an empty name'}, ${life} (${key.name}). Trust was not judged.`,
    details,
    findings,
  };
}

const UNREADABLE_KEY: KeySummary = {
  details: { type: 'unknown' },
  name: 'a key of a kind not read here',
  findings: [
    finding('low', 'unreadable_key', 'Its public key is broken or of a kind that this version of Node cannot read.'),
  ],
};

function keyOf(certificate: X509Certificate): KeyObject | null {
  try {
    return certificate.publicKey;
  } catch {
    return null;
  }
}

function isSignedBy(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.verify(key);
  } catch {
    return false;
  }
}

/** Node's list of names, in which one that holds a comma stands in quotes. */
function splitNames(list: string): string[] {
  return [...list.matchAll(/(?:[^",]|"(?:[^"\\]|\\.)*")+/g)].map(([name]) => name.trim()).filter((name) => name !== '');
}

function validityFindings(notBefore: Date, notAfter: Date, now: Date): Finding[] {
  if (notAfter <= notBefore)
    return [
      finding(
        'high',
        'never_valid',
        'Its validity ends before it begins, so it is valid at no time.',
        'Have it issued anew.',
      ),
    ];
  if (notBefore > now) {
    const seconds = (notBefore.getTime() - now.getTime()) / 1000;
    return [
      finding(
        'medium',
        'not_yet_valid',
        `It becomes valid in ${duration(seconds)}.`,
        'Wait, or check the clock of whoever issued it.',
      ),
    ];
  }
  const left = notAfter.getTime() - now.getTime();
  if (left <= 0) return [finding('high', 'expired', `It expired ${duration(left / 1000)} ago.`, 'Renew it.')];
  const share = left / (notAfter.getTime() - notBefore.getTime());
  return share < 0.2
    ? [finding('low', 'expires_soon', `It expires in ${duration(left / 1000)}.`, 'Renew it now.')]
    : [];
}

/** A certification request in DER, or null. */
export async function inspectRequest(der: Uint8Array): Promise<Inspection | null> {
  if (der.length > MAX_REQUEST_BYTES) return null;
  try {
    const [[schema, x509], { CertificationRequest }] = await Promise.all([loadAsn1(), import('@peculiar/asn1-csr')]);
    return describeRequest(schema.AsnConvert.parse(der, CertificationRequest), der, schema, x509);
  } catch {
    return null;
  }
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const CHALLENGE_PASSWORD = '1.2.840.113549.1.9.7';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

function describeRequest(
  request: Asn1Csr.CertificationRequest,
  der: Uint8Array,
  { AsnConvert }: typeof import('@peculiar/asn1-schema'),
  x509: typeof Asn1X509,
): Inspection {
  const { subject, subjectPKInfo, attributes } = request.certificationRequestInfo;
  const spki = Buffer.from(AsnConvert.serialize(subjectPKInfo));
  const publicKey = readKey(spki);
  const key = publicKey === null ? UNREADABLE_KEY : summarizeKey(publicKey);
  const signature = signatureOf(request.signatureAlgorithm);
  const requested = attributes.find(({ type }) => type === EXTENSION_REQUEST)?.values[0];
  const extensions = requested === undefined ? [] : [...AsnConvert.parse(requested, x509.Extensions)];
  const alternative = extensions.find(({ extnID }) => extnID === SUBJECT_ALTERNATIVE_NAME)?.extnValue.buffer;
  const names = alternative === undefined ? [] : (readSequence(new Uint8Array(alternative), MAX_REQUEST_BYTES) ?? []);
  const findings = [...key.findings, ...signatureFindings(signature, false)];
  if (publicKey !== null && !isSelfConsistent(request, der, publicKey))
    findings.push(
      finding(
        'high',
        'bad_signature',
        'Its signature does not fit its key: it was altered, or its sender does not hold the key.',
        'Refuse it.',
      ),
    );
  if (attributes.some(({ type }) => type === CHALLENGE_PASSWORD))
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
    summary: `A certification request for ${nameText(subject, NAME_IN_SUMMARY) || 'an empty subject'} (${key.name}), ${names.length === 0 ? 'no alternative names' : `${names.length} alternative name${names.length === 1 ? '' : 's'}`}.`,
    details: {
      subject: nameText(subject),
      key: key.details,
      signature_algorithm: signature,
      names: names
        .slice(0, MAX_NAMES)
        .map(({ whole }) => shownText(generalName(AsnConvert.parse(whole, x509.GeneralName)))),
      ...(names.length > MAX_NAMES ? { names_left_out: names.length - MAX_NAMES } : {}),
      attributes: attributes.length,
    },
    findings,
  };
}

function readKey(spki: Buffer): KeyObject | null {
  try {
    return createPublicKey({ key: spki, type: 'spki', format: 'der' });
  } catch {
    return null;
  }
}

function generalName(name: Asn1X509.GeneralName): string {
  if (name.dNSName !== undefined) return `DNS:${name.dNSName}`;
  if (name.iPAddress !== undefined) return `IP Address:${name.iPAddress}`;
  if (name.rfc822Name !== undefined) return `email:${name.rfc822Name}`;
  return name.uniformResourceIdentifier === undefined ? 'another kind' : `URI:${name.uniformResourceIdentifier}`;
}

/** Whether the request is signed with the key it asks for; true where the algorithm is none that is checked here. */
function isSelfConsistent(request: Asn1Csr.CertificationRequest, der: Uint8Array, key: KeyObject): boolean {
  const [info] = readSequence(der, 3) ?? [];
  const oid = request.signatureAlgorithm.algorithm;
  const hash = /^SHA-(\d+)/.exec(signatureOf(request.signatureAlgorithm))?.[1];
  const pure = key.asymmetricKeyType === 'ed25519' || key.asymmetricKeyType === 'ed448';
  if (info === undefined || oid === PSS_OID || (hash === undefined && !pure)) return true;
  try {
    return verify(hash === undefined ? null : `sha${hash}`, info.whole, key, new Uint8Array(request.signature));
  } catch {
    return false;
  }
}

function loadAsn1(): Promise<[typeof import('@peculiar/asn1-schema'), typeof Asn1X509]> {
  return Promise.all([import('@peculiar/asn1-schema'), import('@peculiar/asn1-x509')]);
}
