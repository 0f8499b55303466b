/** Cases where revocation or a missing issuer is fetched from servers of the lab, and what must never be fetched. */

import type { CaseVerdict } from './case.js';
import type { Issued } from './certificates.js';
import {
  crlAnswer,
  httpServer,
  issuerAnswer,
  redirect,
  trapServer,
  type HttpAnswer,
  type HttpManner,
  type HttpRunning,
} from './http-servers.js';
import type { Lab } from './lab.js';
import { closeAll } from './listen.js';
import { readOcspRequest, type CertificateStatus, type OcspQuestion } from './ocsp.js';

export interface FetchParts {
  lab: Lab;
  leaf: Issued;
  /** Its issuer, by `rootEc`; its own list of revocations is there and good. */
  issuer: Issued;
  /** Must see no connection. */
  trap: HttpRunning;
  server: HttpRunning;
}

export interface FetchCase {
  name: string;
  start: (lab: Lab) => Promise<FetchParts & { chain: Issued[]; anchors: Issued[]; close: () => Promise<void> }>;
  fetchMissing?: boolean;
  expected: {
    verdict: CaseVerdict | CaseVerdict[];
    /** With `revocation: 'hard'`. */
    hard?: CaseVerdict | CaseVerdict[];
    codes: string[];
    absent?: string[];
    /** What is asked at least once, and what never: paths of `server`. */
    asked?: string[];
    notAsked?: string[];
  };
}

interface Setup {
  /** `/ocsp`, where the leaf names it. */
  ocsp?: (parts: FetchParts, question: OcspQuestion) => Uint8Array | HttpAnswer;
  /** `/leaf.crl`, where the leaf names it. */
  crl?: (parts: FetchParts) => HttpAnswer;
  /** `/issuer`, where the leaf names it and the issuer is not sent. */
  issuer?: (parts: FetchParts) => HttpAnswer;
  /** Instead of the addresses above. */
  urls?: (trapUrl: string) => { ocsp?: string[]; crl?: string[] };
  /** The leaf's signature is bad. */
  corrupt?: boolean;
  revokedIssuer?: boolean;
}

async function start(lab: Lab, setup: Setup): Promise<Awaited<ReturnType<FetchCase['start']>>> {
  const trap = await trapServer();
  let parts: FetchParts | undefined;
  const server = await httpServer((request): HttpAnswer => {
    if (!parts) return { status: 503 };
    const path = request.path.split('?', 1)[0] ?? '';
    if (path === '/root.crl') {
      const entries = setup.revokedIssuer ? [{ serial: parts.issuer.serial }] : [];
      return crlAnswer(lab.crl({ issuer: lab.rootEc, entries }));
    }
    if (path === '/leaf.crl' && setup.crl) return setup.crl(parts);
    if (path === '/issuer' && setup.issuer) return setup.issuer(parts);
    if (path.startsWith('/ocsp') && setup.ocsp) {
      const encoded = decodeURIComponent(path.slice('/ocsp/'.length));
      const bytes = request.method === 'GET' ? Buffer.from(encoded, 'base64') : request.body;
      const answer = setup.ocsp(parts, readOcspRequest(bytes));
      const contentType = 'application/ocsp-response';
      return answer instanceof Uint8Array ? { body: answer, contentType } : { contentType, ...answer };
    }
    return { status: 404 };
  });
  const issuer = lab.issueCa({
    subject: 'CN=Fetching CA,O=Lab',
    issuer: lab.rootEc,
    crlDistributionPoints: [`${server.url}/root.crl`],
  });
  const urls = setup.urls?.(trap.url) ?? {
    ...(setup.ocsp ? { ocsp: [`${server.url}/ocsp`] } : {}),
    ...(setup.crl ? { crl: [`${server.url}/leaf.crl`] } : {}),
  };
  const leaf = lab.leaf({
    issuer,
    aia: {
      ...(urls.ocsp ? { ocsp: urls.ocsp } : {}),
      ...(setup.issuer ? { caIssuers: [`${server.url}/issuer`] } : {}),
    },
    ...(urls.crl ? { crlDistributionPoints: urls.crl } : {}),
    ...(setup.corrupt ? { corruptSignature: true } : {}),
  });
  parts = { lab, leaf, issuer, trap, server };
  const chain = setup.issuer ? [leaf] : [leaf, issuer];
  return { ...parts, chain, anchors: [lab.rootEc], close: () => closeAll([server, trap]) };
}

function good(
  { lab, leaf, issuer }: FetchParts,
  question: OcspQuestion,
  status: CertificateStatus = 'good',
): Uint8Array {
  return lab.ocsp(leaf, { issuer, status, ...(question.nonce ? { nonce: question.nonce } : {}) });
}

const GOOD: FetchCase['expected'] = {
  verdict: 'trusted',
  hard: 'trusted',
  codes: [],
  absent: ['revocation_unavailable'],
};
const LOST: FetchCase['expected'] = {
  verdict: 'trusted',
  hard: ['undetermined', 'untrusted'],
  codes: ['revocation_unavailable'],
  absent: ['revoked'],
};
const REVOKED: FetchCase['expected'] = { verdict: 'untrusted', hard: 'untrusted', codes: ['revoked'] };
/** The list of the root is only asked for once the fetched issuer has made the chain whole; the fault of the server stays one. */
const FETCHED: FetchCase['expected'] = {
  verdict: ['trusted', 'undetermined', 'untrusted'],
  codes: [],
  asked: ['/issuer', '/root.crl'],
};
const NOT_FETCHED: FetchCase['expected'] = {
  verdict: 'untrusted',
  codes: ['missing_intermediate'],
  asked: ['/issuer'],
};

const OCSP_LIMIT_BYTES = 64 * 1024;
const CRL_FLOOD_BYTES = 50 * 1024 * 1024;
/** Manners no answer comes of. `gzip` is not asked for. */
const BAD_MANNERS: HttpManner[] = ['hang', 'hang_in_body', 'drip', 'half', 'reset', 'garbage', 'head_flood'];

export function fetchCases(): FetchCase[] {
  const list: FetchCase[] = [];
  const add = (name: string, setup: Setup, expected: FetchCase['expected'], fetchMissing = false): void => {
    list.push({
      name: `fetch-${name}`,
      start: (lab) => start(lab, setup),
      expected,
      ...(fetchMissing ? { fetchMissing } : {}),
    });
  };
  const revokedAt = (lab: Lab): CertificateStatus => ({ revokedAt: lab.days(-2), reason: 'keyCompromise' });
  const leafList = ({ lab, leaf, issuer }: FetchParts, revoked = false): Uint8Array =>
    lab.crl({ issuer, entries: revoked ? [{ serial: leaf.serial }] : [] });

  add('ocsp-good', { ocsp: good }, GOOD);
  add('ocsp-good-without-nonce', { ocsp: ({ lab, leaf, issuer }) => lab.ocsp(leaf, { issuer }) }, GOOD);
  add('ocsp-revoked', { ocsp: (parts, question) => good(parts, question, revokedAt(parts.lab)) }, REVOKED);
  add('issuer-revoked', { ocsp: good, revokedIssuer: true }, REVOKED);
  add(
    'ocsp-wrong-nonce',
    { ocsp: ({ lab, leaf, issuer }) => lab.ocsp(leaf, { issuer, nonce: Buffer.alloc(16, 1) }) },
    LOST,
  );
  add('ocsp-status-500', { ocsp: (...of) => ({ status: 500, body: good(...of) }) }, LOST);
  add('ocsp-html', { ocsp: () => ({ contentType: 'text/html', body: '<html>sign in first</html>' }) }, LOST);
  add('ocsp-redirect', { ocsp: ({ trap }) => redirect(`${trap.url}/ocsp`) }, LOST);
  add('ocsp-redirect-307', { ocsp: ({ trap }) => redirect(`${trap.url}/ocsp`, 307) }, LOST);
  add('ocsp-too-long', { ocsp: (...of) => ({ body: good(...of), padTo: OCSP_LIMIT_BYTES + 1 }) }, LOST);
  add(
    'ocsp-too-long-unannounced',
    { ocsp: (...of) => ({ body: good(...of), padTo: 4_000_000, contentLength: false }) },
    LOST,
  );
  for (const manner of BAD_MANNERS) {
    add(`ocsp-${manner.replaceAll('_', '-')}`, { ocsp: (...of) => ({ body: good(...of), manner }) }, LOST);
  }
  add('ocsp-chunked', { ocsp: (...of) => ({ body: good(...of), manner: 'chunked' }) }, GOOD);
  add('ocsp-dead-list-good', { ocsp: () => ({ status: 503 }), crl: (parts) => crlAnswer(leafList(parts)) }, GOOD);

  add('crl-good', { crl: (parts) => crlAnswer(leafList(parts)) }, GOOD);
  add(
    'crl-pem',
    { crl: (parts) => crlAnswer(leafList(parts), 'pem') },
    { ...GOOD, hard: ['trusted', 'undetermined'], absent: [] },
  );
  add('crl-revoked', { crl: (parts) => crlAnswer(leafList(parts, true)) }, REVOKED);
  add('crl-missing', { crl: () => ({ status: 404 }) }, LOST);
  add('crl-redirect', { crl: ({ trap }) => redirect(`${trap.url}/leaf.crl`) }, LOST);
  add('crl-flood', { crl: (parts) => ({ body: leafList(parts), padTo: CRL_FLOOD_BYTES }) }, LOST);
  add(
    'crl-flood-unannounced',
    { crl: (parts) => ({ body: leafList(parts), padTo: CRL_FLOOD_BYTES, contentLength: false }) },
    LOST,
  );
  add('crl-hang', { crl: () => ({ manner: 'hang' }) }, LOST);
  add('crl-drip', { crl: (parts) => ({ body: leafList(parts), manner: 'drip' }) }, LOST);

  for (const as of ['der', 'pem', 'pkcs7'] as const) {
    // RFC 5280 section 4.2.2.1 knows DER and CMS only.
    const expected = as === 'pem' ? { ...FETCHED, asked: ['/issuer'] } : FETCHED;
    add(`issuer-${as}`, { issuer: ({ issuer }) => issuerAnswer([issuer], as) }, expected, true);
  }
  add(
    'issuer-not-asked-for',
    { issuer: ({ issuer }) => issuerAnswer([issuer]) },
    {
      ...NOT_FETCHED,
      asked: [],
      notAsked: ['/issuer'],
    },
  );
  add('issuer-another', { issuer: ({ lab }) => issuerAnswer([lab.stranger]) }, NOT_FETCHED, true);
  add('issuer-garbage', { issuer: () => ({ body: 'garbage' }) }, NOT_FETCHED, true);
  add('issuer-redirect', { issuer: ({ trap }) => redirect(`${trap.url}/issuer`) }, NOT_FETCHED, true);
  add('issuer-hang', { issuer: () => ({ manner: 'hang' }) }, NOT_FETCHED, true);

  // Names in a certificate nobody has vouched for must not make anyone dial (DESIGN section 9).
  add(
    'nothing-where-untrusted',
    { ocsp: good, crl: (parts) => crlAnswer(leafList(parts)), corrupt: true },
    {
      verdict: 'untrusted',
      codes: ['bad_signature'],
      notAsked: ['/ocsp', '/leaf.crl', '/root.crl'],
    },
  );
  const strange = (url: string): string[] => [
    url.replace('http:', 'ftp:'),
    url.replace('http:', 'ldap:'),
    'file:///etc/hostname',
  ];
  add('other-schemes', { urls: (trapUrl) => ({ ocsp: strange(trapUrl), crl: strange(trapUrl) }) }, LOST);
  const user = (url: string): string[] => [url.replace('http://', 'http://user:secret@')];
  add('address-with-password', { urls: (trapUrl) => ({ ocsp: user(trapUrl), crl: user(trapUrl) }) }, LOST);
  return list;
}
