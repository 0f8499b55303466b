/** The checks of revocation and stapling, from what was found out about the certificates of a path. */

import { rfc3339 } from '../text.js';
import { pass, skipped, unique, type RevocationMode } from './checks.js';
import type { CheckDraft } from './judgement.js';
import { shortName } from './names.js';
import type { Certificate } from './parse.js';
import type { Path } from './path.js';
import type { ChainRevocation } from './revocation.js';

export interface RevocationQuestion {
  mode: RevocationMode;
  /** No server is part of the judgement. */
  offline: boolean;
  /** The chain is, so that all was asked; otherwise only what was given or stapled was judged. */
  trusted: boolean;
}

/** Revocation of leaf and intermediates, and the stapled response. `revocation` is null where nothing was judged. */
export function revocationChecks(
  path: Path | null,
  revocation: ChainRevocation | null,
  { mode, offline, trusted }: RevocationQuestion,
): CheckDraft[] {
  if (path === null || revocation === null) {
    const [code, why] =
      mode !== 'off'
        ? CHAIN_NOT_TRUSTED
        : offline
          ? ['not_given', 'No CRL or OCSP response was given.']
          : ['not_asked', 'Turned off.'];
    return [skipped('revocation', code, why), skipped('stapling', code, why)];
  }
  const found = revocationCheck(path, revocation, mode);
  // Of a chain that is not trusted only the bad news counts: nobody was asked for the good.
  return [
    trusted || found.status === 'fail' ? found : skipped('revocation', ...CHAIN_NOT_TRUSTED),
    staplingCheck(revocation, offline),
  ];
}

const CHAIN_NOT_TRUSTED = ['chain_not_trusted', 'Asked only of a trusted chain.'] as const;

function revocationCheck(path: Path, { certificates }: ChainRevocation, mode: RevocationMode): CheckDraft {
  if (mode === 'off') return skipped('revocation', 'not_asked', 'Turned off.');
  const name = (position: number): string =>
    position === 0
      ? 'The certificate'
      : `The CA certificate ${shortName((path.certificates[position] as Certificate).subject)}`;
  for (const [position, status] of certificates.entries()) {
    if (status.status !== 'revoked') continue;
    return {
      check: 'revocation',
      status: 'fail',
      code: 'revoked',
      explanation: `${name(position)} was revoked on ${rfc3339(status.at)} (${status.reason}), says the ${status.source === 'crl' ? 'CRL' : 'OCSP responder'} of its issuer.`,
      action: 'Do not trust it.',
      remedy: 'Do not trust it. Replace the certificate and its key.',
    };
  }
  for (const [position, status] of certificates.entries()) {
    if (status.status !== 'unknown') continue;
    const why = unique(status.reasons.map(({ explanation }) => explanation))
      .slice(0, 3)
      .join(' ');
    const headline = `Whether ${position === 0 ? 'the certificate' : name(position).replace('The', 'the')} is revoked could not be found out.`;
    return {
      check: 'revocation',
      status: 'unknown',
      code: 'revocation_unavailable',
      headline,
      explanation: `${headline} ${why}`,
      remedy:
        mode === 'hard'
          ? 'Let the address be reached, or give CRLs or an OCSP response.'
          : 'Check again later, or use revocation hard where this must be known.',
    };
  }
  const sources = unique(
    certificates.map((status) => (status.status === 'good' ? SOURCES[status.source] : 'short life')),
  );
  return pass(
    'revocation',
    certificates.length === 0 ? 'A trust anchor is not revoked by others.' : `Not revoked (${sources.join(', ')}).`,
  );
}

const SOURCES = { staple: 'stapled OCSP', ocsp: 'OCSP', crl: 'CRL' } as const;

function staplingCheck({ stapling }: ChainRevocation, offline: boolean): CheckDraft {
  if (stapling.status === 'absent') {
    if (offline) return skipped('stapling', 'offline', 'No server was contacted.');
    if (!stapling.required)
      return skipped('stapling', 'no_staple', 'The server staples no OCSP response, and need not.');
    return {
      check: 'stapling',
      status: 'fail',
      code: 'must_staple_missing',
      explanation: 'The certificate demands a stapled OCSP response (RFC 7633), and the server sends none.',
      remedy: 'Turn on OCSP stapling in the server.',
    };
  }
  if (stapling.status === 'good') return pass('stapling', 'The stapled OCSP response is good.');
  if (stapling.status === 'revoked')
    return {
      check: 'stapling',
      status: 'fail',
      code: 'revoked',
      explanation: 'The stapled OCSP response says that the certificate is revoked.',
      remedy: 'Replace the certificate and its key.',
    };
  return {
    check: 'stapling',
    status: 'fail',
    code: 'staple_invalid',
    headline: 'The server staples an OCSP response that is not acceptable.',
    explanation: `The server staples an OCSP response that is not acceptable. ${stapling.explanation}`,
    remedy: 'Let the server fetch a fresh response from its CA; check its clock and its configuration.',
  };
}
