/** All the named cases of the PKI lab. */

import type { PkiCase } from './case.js';
import { nameCases } from './cases-names.js';
import { pathCases } from './cases-path.js';
import { revocationCases } from './cases-revocation.js';
import { ruleCases } from './cases-rules.js';
import type { Lab } from './lab.js';

export type { CaseVerdict, Expected, PkiCase } from './case.js';
export { fetchCases, type FetchCase, type FetchParts } from './cases-fetch.js';
export { liveCases, type LiveCase } from './cases-live.js';
export { malformedCertificates, type MalformedCertificate } from './malformed.js';
export { nodeVerdict } from './node-verdict.js';

export const createCases = (lab: Lab): PkiCase[] => [
  ...pathCases(lab),
  ...nameCases(lab),
  ...ruleCases(lab),
  ...revocationCases(lab),
];
