/** Cases of host names (RFC 9525) and name constraints (RFC 5280 section 4.2.1.10). */

import { CaseList, type CaseInput, type Expected, type PkiCase } from './case.js';
import type { CertificateOptions } from './certificates.js';
import { IDN_NAME, type Lab } from './lab.js';
import type { GeneralNameInput } from './names.js';

function hostnames(list: CaseList, lab: Lab): void {
  const named = (...san: GeneralNameInput[]): CaseInput => ({ leaf: lab.leaf({ san }) });
  const mismatch = (name: string, serverName: string, input: CaseInput, more: Partial<Expected> = {}): void =>
    list.untrusted(name, 'hostname_mismatch', { serverName, ...input }, more);
  const match = (name: string, serverName: string, input: CaseInput = {}): void =>
    list.trusted(name, { serverName, ...input });
  const wild = { leaf: lab.wildcard };

  mismatch('hostname-mismatch', 'other.lab.test', {});
  mismatch('hostname-subdomain', 'www.good.lab.test', {});
  mismatch('hostname-suffix', 'evilgood.lab.test', {});
  match('hostname-case', 'GOOD.Lab.TEST');
  match('hostname-case-in-certificate', 'good.lab.test', named('GOOD.lab.Test'));
  match('hostname-trailing-dot', 'good.lab.test.');
  match('hostname-second-of-many', 'good.lab.test', named('a.test', 'good.lab.test', 'b.test'));
  match(
    'hostname-500-names',
    'good.lab.test',
    named(...Array.from({ length: 499 }, (_, at) => `n${at}.lab.test`), 'good.lab.test'),
  );

  match('wildcard', 'a.wild.lab.test', wild);
  mismatch('wildcard-too-deep', 'a.b.wild.lab.test', wild);
  mismatch('wildcard-parent', 'wild.lab.test', wild);
  mismatch('wildcard-partial', 'good.lab.test', named('g*.lab.test'));
  mismatch('wildcard-partial-end', 'good.lab.test', named('*d.lab.test'));
  mismatch('wildcard-in-the-middle', 'good.lab.test', named('good.*.test'));
  mismatch('wildcard-twice', 'good.lab.test', named('*.*.test'));
  mismatch('wildcard-alone', 'localhost', named('*'));
  mismatch('wildcard-of-top-level', 'good.test', named('*.test'));
  mismatch('wildcard-in-alabel', IDN_NAME, named('xn--*.lab.test'));
  mismatch('wildcard-against-address', '127.0.0.1', named('*.0.0.1'));

  mismatch('common-name-only', 'good.lab.test', {
    leaf: lab.issue({ subject: 'CN=good.lab.test', issuer: lab.intermediate }),
  });
  mismatch('common-name-beside-san', 'good.lab.test', named('other.lab.test'));
  mismatch('san-mail-only', 'good.lab.test', named('a@good.lab.test'));
  mismatch('san-uri-only', 'good.lab.test', named('https://good.lab.test/'));
  mismatch('san-empty', 'good.lab.test', named());
  mismatch('san-leading-dot', 'good.lab.test', named('.lab.test'));
  mismatch('san-blank-around', 'good.lab.test', named({ dns: ' good.lab.test ' }));
  mismatch('san-with-nul', 'good.lab.test', named({ dns: 'good.lab.test\0.evil.test' }));
  mismatch('san-comma', 'good.lab.test', named({ dns: 'evil.test, DNS:good.lab.test' }));
  match('san-underscore', 'a_b.lab.test', named('a_b.lab.test'));

  match('address', '127.0.0.1', { leaf: lab.address });
  match('address-version-6', '::1', { leaf: lab.address });
  match('address-version-6-long', '0:0:0:0:0:0:0:1', { leaf: lab.address });
  mismatch('address-other', '127.0.0.2', { leaf: lab.address });
  mismatch('address-as-dns', '127.0.0.1', named({ dns: '127.0.0.1' }));
  mismatch('address-in-common-name', '127.0.0.1', {
    leaf: lab.issue({ subject: 'CN=127.0.0.1', issuer: lab.intermediate }),
  });
  mismatch('address-for-a-name', 'good.lab.test', { leaf: lab.address });
  mismatch('address-of-wrong-length', '127.0.0.1', named({ ip: Uint8Array.of(127, 0, 0, 1, 255, 255, 255, 255) }));
  mismatch('address-mapped', '127.0.0.1', named('::ffff:127.0.0.1'));

  match('idn', IDN_NAME, { leaf: lab.idn });
  match('idn-under-wildcard', IDN_NAME, named('*.lab.test'));
  mismatch('idn-as-utf8-in-certificate', IDN_NAME, named({ dns: IDN_NAME }));
  mismatch('idn-other', 'bucher.lab.test', { leaf: lab.idn });

  match('subject-empty', 'good.lab.test', { leaf: lab.leaf({ subject: '' }) });
  list.open('subject-empty-san-not-critical', ['trusted', 'untrusted'], {
    leaf: lab.leaf({ subject: '', critical: { subjectAltName: false } }),
    note: 'RFC 5280 section 4.2.1.6 wants it critical; nobody is harmed',
  });
  match('subject-bidi', 'good.lab.test', {
    leaf: lab.leaf({
      subject: [
        { type: 'O', value: 'Lab\u202etset.bal.live\u202c', as: 'bmp' },
        [
          { type: 'CN', value: 'good\u001b[31m' },
          { type: 'OU', value: 'line\nbreak' },
        ],
      ],
    }),
  });
}

function constraints(list: CaseList, lab: Lab): void {
  type Constraints = NonNullable<CertificateOptions['nameConstraints']>;
  const under = (
    nameConstraints: Constraints,
    leaf: Partial<CertificateOptions> = {},
    ca: Partial<CertificateOptions> = {},
  ): CaseInput => {
    const issuer = lab.issueCa({ subject: 'CN=Constrained CA,O=Lab', issuer: lab.rootEc, nameConstraints, ...ca });
    return { chain: [lab.leaf({ issuer, ...leaf }), issuer] };
  };
  const broken = (name: string, input: CaseInput): void =>
    list.untrusted(`constraint-${name}`, 'name_constraint', input);
  const kept = (name: string, input: CaseInput): void => list.trusted(`constraint-${name}`, input);
  const directory = (text: string): GeneralNameInput => ({ directory: text });

  kept('dns-permitted', under({ permitted: ['lab.test'] }));
  kept('dns-permitted-exactly', under({ permitted: ['GOOD.lab.test'] }));
  broken('dns-not-permitted', under({ permitted: ['other.test'] }));
  broken('dns-not-on-a-label-boundary', under({ permitted: ['d.lab.test'] }));
  broken('dns-excluded', under({ excluded: ['good.lab.test'] }));
  broken('dns-excluded-parent', under({ excluded: ['lab.test'] }));
  broken('dns-excluded-all', under({ excluded: [{ dns: '' }] }));
  broken('dns-permitted-and-excluded', under({ permitted: ['lab.test'], excluded: ['good.lab.test'] }));
  broken('dns-one-name-of-two', under({ permitted: ['lab.test'] }, { san: ['good.lab.test', 'evil.test'] }));
  broken('dns-wildcard-over-excluded', {
    ...under({ excluded: ['secret.lab.test'] }, { san: ['*.lab.test'] }),
    serverName: 'public.lab.test',
    note: 'as CVE-2025-61727 in Go',
  });
  kept('dns-wildcard-permitted', under({ permitted: ['lab.test'] }, { san: ['*.lab.test'] }));
  broken('dns-wildcard-over-permitted', {
    ...under({ permitted: ['good.lab.test'] }, { san: ['*.lab.test'] }),
  });
  broken('not-critical', under({ permitted: ['other.test'] }, {}, { critical: { nameConstraints: false } }));

  kept('address-permitted', {
    ...under({ permitted: [{ ip: '127.0.0.0/8' }] }, { san: ['127.0.0.1'] }),
    serverName: '127.0.0.1',
  });
  broken('address-not-permitted', {
    ...under({ permitted: [{ ip: '10.0.0.0/8' }] }, { san: ['127.0.0.1'] }),
    serverName: '127.0.0.1',
  });
  broken('address-excluded', {
    ...under({ excluded: [{ ip: '127.0.0.0/30' }] }, { san: ['127.0.0.1'] }),
    serverName: '127.0.0.1',
  });
  broken('address-version-6-excluded', {
    ...under({ excluded: [{ ip: '::/0' }] }, { san: ['::1'] }),
    serverName: '::1',
  });
  broken('address-other-family', {
    ...under({ permitted: [{ ip: '10.0.0.0/8' }] }, { san: ['::1'] }),
    serverName: '::1',
  });
  kept('address-does-not-bind-names', under({ permitted: [{ ip: '10.0.0.0/8' }] }));

  broken(
    'mail-not-permitted',
    under({ permitted: [{ email: 'lab.test' }] }, { san: ['good.lab.test', 'a@evil.test'] }),
  );
  broken('mail-excluded', under({ excluded: [{ email: 'a@lab.test' }] }, { san: ['good.lab.test', 'a@lab.test'] }));
  kept('mail-permitted', under({ permitted: [{ email: 'lab.test' }] }, { san: ['good.lab.test', 'a@lab.test'] }));
  broken(
    'mail-in-subject',
    under({ permitted: [{ email: 'lab.test' }] }, { subject: 'CN=x,emailAddress=a@evil.test' }),
  );
  broken(
    'uri-not-permitted',
    under({ permitted: [{ uri: '.lab.test' }] }, { san: ['good.lab.test', 'https://evil.test/x'] }),
  );
  broken('uri-excluded', under({ excluded: [{ uri: 'lab.test' }] }, { san: ['good.lab.test', 'https://lab.test/x'] }));
  kept(
    'uri-permitted',
    under({ permitted: [{ uri: '.lab.test' }] }, { san: ['good.lab.test', 'https://www.lab.test/x'] }),
  );
  kept('directory-permitted', under({ permitted: [directory('O=Lab')] }, { subject: 'O=Lab,CN=good' }));
  broken('directory-not-permitted', under({ permitted: [directory('O=Lab')] }, { subject: 'O=Elsewhere,CN=good' }));
  broken('directory-excluded', under({ excluded: [directory('O=Lab')] }, { subject: 'O=Lab,CN=good' }));
  kept('directory-other-case', under({ permitted: [directory('O=Lab  Works')] }, { subject: 'O=LAB works,CN=good' }));

  const root = lab.issueCa({ subject: 'CN=Constrained Root,O=Lab', nameConstraints: { permitted: ['other.test'] } });
  const ofRoot = lab.issueCa({ subject: 'CN=Of Constrained Root,O=Lab', issuer: root });
  broken('of-root', { chain: [lab.leaf({ issuer: ofRoot }), ofRoot], anchors: [root] });
  const outer = lab.issueCa({
    subject: 'CN=Outer,O=Lab',
    issuer: lab.rootEc,
    nameConstraints: { permitted: ['lab.test'] },
  });
  const inner = lab.issueCa({ subject: 'CN=Inner,O=Lab', issuer: outer, nameConstraints: { permitted: ['test'] } });
  kept('two-levels', { chain: [lab.leaf({ issuer: inner }), inner, outer] });
  broken('two-levels-outer-holds', {
    chain: [lab.leaf({ issuer: inner, san: ['good.other.test'] }), inner, outer],
    serverName: 'good.other.test',
  });
  list.open('constraint-of-unknown-form', ['trusted', 'untrusted'], {
    ...under({ permitted: [{ registeredId: '1.2.3.4' }] }),
    note: 'RFC 5280 section 4.2.1.10: refuse, or ignore where no such name is there',
  });
}

export function nameCases(lab: Lab): PkiCase[] {
  const list = new CaseList(lab);
  hostnames(list, lab);
  constraints(list, lab);
  return list.cases;
}
