/** Explains revocation lists (RFC 5280 section 5) and OCSP responses (RFC 6960). Their signatures are not checked. */

import { hex } from '../bytes.js';
import { findEntry } from '../certificate/crl-entries.js';
import { CRL_OID, readCrl } from '../certificate/crl-list.js';
import { attempt } from '../certificate/der.js';
import { parseOcspResponse, type BasicResponse, type SingleResponse } from '../certificate/ocsp-response.js';
import { rfc3339 } from '../text.js';
import { finding, type Finding, type Inspection } from './report.js';
import { briefName, nameText, signatureFindings, signatureName, updateFindings } from './x509-parts.js';

const MAX_TOLD = 30;
const KNOWN_EXTENSIONS: readonly string[] = Object.values(CRL_OID);
const UNKNOWN_CRITICAL = finding(
  'medium',
  'unknown_critical_extension',
  'It has a critical extension that is not known here, so it must not be relied on.',
);

/** A CRL in DER, or null where the bytes are none. */
export function inspectCrl(der: Uint8Array, now: Date): Inspection | null {
  const list = readCrl(der);
  if (list === null) return null;
  const { issuer, thisUpdate, nextUpdate, version, scope, isDelta, signatureAlgorithm } = list;
  const search = { serial: new Uint8Array(), isOfIssuer: () => false, mayHaveExtensions: version > 1 };
  const entries = attempt(() => findEntry(list.entries, search));
  const findings = [...updateFindings(thisUpdate, nextUpdate, now), ...signatureFindings(signatureAlgorithm)];
  if (entries === null)
    findings.push(
      finding(
        'high',
        'malformed_entries',
        'Its entries cannot be read, so it must not be relied on.',
        'Fetch it anew.',
      ),
    );
  const isUnknown = list.extensions.some(({ oid, critical }) => critical && !KNOWN_EXTENSIONS.includes(oid));
  if (isUnknown || entries?.unknownCritical === true) findings.push(UNKNOWN_CRITICAL);
  if (isDelta)
    findings.push(finding('info', 'delta', 'It tells the changes to another list only.', 'Give the base list too.'));
  const count = entries === null ? 'entries that cannot be read' : plural(entries.count, 'revoked certificate');
  return {
    kind: 'crl',
    summary: `A ${isDelta ? 'delta ' : ''}revocation list (CRL) of ${briefName(issuer) || 'an empty name'}: ${count}. Its signature was not checked.`,
    details: {
      issuer: nameText(issuer),
      entries: entries?.count ?? null,
      this_update: rfc3339(thisUpdate),
      next_update: nextUpdate === null ? null : rfc3339(nextUpdate),
      signature_algorithm: signatureName(signatureAlgorithm),
      version,
      ...(scope?.indirect === true || entries?.namesIssuers === true ? { indirect: true } : {}),
    },
    findings,
  };
}

/** An OCSP response in DER, or null where the bytes are none. */
export function inspectOcspResponse(der: Uint8Array, now: Date): Inspection | null {
  const response = parseOcspResponse(der);
  if (response === 'malformed' || response === 'too_large') return null;
  if (typeof response !== 'string') return describeResponse(response, now);
  return {
    kind: 'ocsp_response',
    summary: `An OCSP response that says nothing of any certificate (${response}).`,
    details: { status: response },
    findings: [],
  };
}

function describeResponse(response: BasicResponse, now: Date): Inspection {
  const { responder, producedAt, responses, signatureAlgorithm, certificates, extensions } = response;
  const findings: Finding[] = responses.flatMap((one) => updateFindings(one.thisUpdate, one.nextUpdate, now));
  findings.push(...signatureFindings(signatureAlgorithm));
  if ([...extensions, ...responses.flatMap((one) => one.extensions)].some(({ critical }) => critical))
    findings.push(UNKNOWN_CRITICAL);
  const revoked = responses.filter(({ status }) => typeof status === 'object').length;
  if (revoked > 0)
    findings.push(
      finding(
        'high',
        'revoked',
        `It says that ${plural(revoked, 'certificate')} of it ${revoked === 1 ? 'is' : 'are'} revoked.`,
      ),
    );
  return {
    kind: 'ocsp_response',
    summary: `An OCSP response on ${plural(responses.length, 'certificate')}${responses[0] === undefined ? '' : ` (${statusOf(responses[0])}${responses.length > 1 ? ', ...' : ''})`}. Its signature was not checked.`,
    details: {
      status: 'successful',
      responder: 'name' in responder ? nameText(responder.name) : `key ${hex(responder.keyHash.subarray(0, 32))}`,
      produced_at: rfc3339(producedAt),
      signature_algorithm: signatureName(signatureAlgorithm),
      certificates_sent_along: certificates.length,
      responses: responses.slice(0, MAX_TOLD).map(describeSingle),
      ...(responses.length > MAX_TOLD ? { responses_left_out: responses.length - MAX_TOLD } : {}),
    },
    findings,
  };
}

function describeSingle(single: SingleResponse): Record<string, unknown> {
  const { id, status, thisUpdate, nextUpdate } = single;
  return {
    serial: hex(id.serial.subarray(0, 32)),
    status: statusOf(single),
    ...(typeof status === 'object' ? { revoked_at: rfc3339(status.at), reason: status.reason } : {}),
    this_update: rfc3339(thisUpdate),
    next_update: nextUpdate === null ? null : rfc3339(nextUpdate),
  };
}

function statusOf({ status }: SingleResponse): 'good' | 'unknown' | 'revoked' {
  return typeof status === 'object' ? 'revoked' : status;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
