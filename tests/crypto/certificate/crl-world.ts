/** What the tests of revocation lists share: the lab, and a list about its good certificate. */

import { checkCrl, readCrl, type CrlQuestion } from '../../../src/crypto/certificate/crl.js';
import { parseCertificate, type Certificate } from '../../../src/crypto/certificate/parse.js';
import type { Issued } from '../../support/pki/certificates.js';
import { manyEntries, type CrlEntry, type CrlOptions } from '../../support/pki/crl.js';
import { createLab } from '../../support/pki/lab.js';

export const lab = await createLab();
export const { at, days, good, intermediate, rootEc, stranger } = lab;
export const read = (issued: Issued): Certificate => parseCertificate(issued.der) as Certificate;
export const leaf = read(good);
export const issuer = read(intermediate);

export const CRL_URL = 'http://crl.lab.test/1.crl';
export const pointed = lab.leaf({ crlDistributionPoints: [CRL_URL, 'http://crl.lab.test/2.crl'] });

export type Asked = Partial<CrlQuestion>;
export const judge = (options: Partial<CrlOptions> = {}, asked: Asked = {}) =>
  checkCrl(readCrl(lab.crl({ issuer: intermediate, entries: manyEntries(3), ...options })), {
    certificate: leaf,
    issuer,
    at,
    ...asked,
  });
export const listed = (entry: Partial<CrlEntry> = {}, options: Partial<CrlOptions> = {}, asked: Asked = {}) =>
  judge({ entries: [...manyEntries(2), { serial: good.serial, ...entry }, ...manyEntries(1)], ...options }, asked);
