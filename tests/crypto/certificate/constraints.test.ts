/** Name constraints: the rules and examples of RFC 5280 section 4.2.1.10, kind by kind, and what cannot be read is violated. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { constraintViolation, MAX_COMPARISONS } from '../../../src/crypto/certificate/constraints.js';
import type { Certificate, NameConstraints } from '../../../src/crypto/certificate/parse.js';
import { issue, type CertificateOptions } from '../../support/pki/certificates.js';
import { implicit, integer, octetString, sequence, contentOf } from '../../support/pki/der.js';
import { nameConstraints, type NameConstraintsInput } from '../../support/pki/extensions.js';
import { generalName, generalNames, type GeneralNameInput } from '../../support/pki/names.js';
import { newKey } from '../../support/pki/keys.js';
import { read } from '../../support/pki/judge.js';

const key = newKey('p256');
const certificate = (options: Partial<CertificateOptions>): Certificate =>
  read(issue({ subject: '', key, ...options }));

function constraints(input: NameConstraintsInput | Uint8Array): NameConstraints {
  const value = input instanceof Uint8Array ? input : nameConstraints(input);
  const made = certificate({ subject: 'CN=CA', extra: [{ oid: '2.5.29.30', critical: true, value }] });
  if (made.nameConstraints === null) throw new Error('constraints that can be read were expected');
  return made.nameConstraints;
}

function violation(input: NameConstraintsInput | Uint8Array, san: GeneralNameInput[], subject = ''): string | null {
  return constraintViolation(constraints(input), certificate({ subject, san }), { left: MAX_COMPARISONS });
}

/** Whether a name may stand below a CA that permits this base alone, and below one that excludes it. */
function judged(base: GeneralNameInput, name: GeneralNameInput): { permitted: boolean; excluded: boolean } {
  return {
    permitted: violation({ permitted: [base] }, [name]) === null,
    excluded: violation({ excluded: [base] }, [name]) !== null,
  };
}
const IN = { permitted: true, excluded: true };
const OUT = { permitted: false, excluded: false };
const UNREADABLE = { permitted: false, excluded: true };

describe('dNSName', () => {
  it.each([
    // "host.example.com would satisfy the constraint ... but bigfoo.bar.com? host1.example.com, example.com satisfy example.com".
    ['example.com', 'example.com', IN],
    ['example.com', 'host.example.com', IN],
    ['example.com', 'a.b.example.com', IN],
    ['EXAMPLE.com', 'host.example.COM', IN],
    ['host.example.com', 'www.host.example.com', IN],
    ['host.example.com', 'host1.example.com', OUT],
    ['example.com', 'bigexample.com', OUT],
    ['example.com', 'example.com.evil.test', OUT],
    ['example.com', 'com', OUT],
    ['', 'anything.test', IN],
    ['com', 'example.com', IN],
  ] as const)('in the subtree of %j: %s', (base, dns, expected) => {
    expect(judged({ dns: base }, { dns })).toEqual(expected);
  });

  it.each([
    ['the wildcard itself', 'example.com', '*.example.com', { permitted: true, excluded: true }],
    ['a host that it stands for', 'foo.example.com', '*.example.com', { permitted: false, excluded: true }],
    ['a host two labels below', 'a.foo.example.com', '*.example.com', { permitted: false, excluded: false }],
    ['another domain', 'foo.example.org', '*.example.com', { permitted: false, excluded: false }],
    ['everything', '', '*.example.com', { permitted: true, excluded: true }],
    ['in capitals', 'FOO.example.com', '*.EXAMPLE.com', { permitted: false, excluded: true }],
  ] as const)('a wildcard against %s', (_, base, dns, expected) => {
    expect(judged({ dns: base }, { dns })).toEqual(expected);
  });

  it.each([
    'example.com.',
    'exa mple.com',
    '',
    '*',
    'f*.example.com',
    '*.*.example.com',
    'a..example.com',
    'x\0.example.com',
    '.example.com',
    'bücher.example.com',
  ])('a name that is none (%j) is not shown to be allowed', (dns) => {
    expect(judged({ dns: 'example.com' }, { dns })).toEqual(UNREADABLE);
  });

  it('that begins with a period is told as that', () => {
    expect(judged({ dns: '.example.com' }, { dns: 'a.example.com' })).toEqual(UNREADABLE);
    expect(violation({ permitted: [{ dns: '.example.com' }] }, ['a.example.com'])).toMatch(/begins with a period/);
    expect(violation({ permitted: [{ dns: '.' }] }, ['a.example.com'])).toMatch(/cannot be read/);
  });

  it.each(['*.example.com', 'example.com.', 'exa mple.com', 'ü.example.com', 'example.com\0'])(
    'a constraint that is none (%j) allows nothing',
    (dns) => {
      expect(judged({ dns }, { dns: 'example.com' })).toEqual(UNREADABLE);
      // Not even names of another kind: what the CA meant is not known.
      expect(violation({ permitted: [{ dns }] }, ['192.0.2.1'])).toMatch(/cannot be read/);
    },
  );
});

describe('iPAddress (RFC 4632)', () => {
  it.each([
    // "192.0.2.0/24: C0 00 02 00 FF FF FF 00".
    ['192.0.2.0/24', '192.0.2.1', IN],
    ['192.0.2.0/24', '192.0.2.255', IN],
    ['192.0.2.0/24', '192.0.3.1', OUT],
    ['192.0.2.77/24', '192.0.2.1', IN],
    ['192.0.2.128/25', '192.0.2.127', OUT],
    ['192.0.2.1/32', '192.0.2.1', IN],
    ['192.0.2.1/32', '192.0.2.2', OUT],
    ['0.0.0.0/0', '203.0.113.9', IN],
    ['2001:db8::/32', '2001:db8:1::1', IN],
    ['2001:db8::/33', '2001:db8:8000::1', OUT],
    ['::/0', '2001:db8::1', IN],
    ['0.0.0.0/0', '2001:db8::1', OUT],
    ['::/0', '192.0.2.1', OUT],
    ['::ffff:192.0.2.0/120', '192.0.2.1', OUT],
  ] as const)('in %s: %s', (base, address, expected) => {
    expect(judged({ ip: base }, { ip: address })).toEqual(expected);
  });

  it.each([
    'c0000200ff00ff00',
    'c000020000ffffff',
    'c0000200ffffff01',
    'c0000200',
    'c0000200ffffff',
    '',
    `${'00'.repeat(16)}ffff00ff${'00'.repeat(12)}`,
  ])('a mask that is none (%s) allows nothing', (hex) => {
    expect(judged({ ip: Buffer.from(hex, 'hex') }, '192.0.2.1')).toEqual(UNREADABLE);
  });

  it.each(['', 'c00002', 'c0000201ffffffff', '00'.repeat(15)])('an address that is none (%s) is not allowed', (hex) => {
    expect(judged({ ip: '0.0.0.0/0' }, { ip: Buffer.from(hex, 'hex') })).toEqual(UNREADABLE);
  });
});

describe('rfc822Name', () => {
  it.each([
    // RFC 5280: a mailbox, "root@example.com"; all mailboxes on a host, "example.com"; all below a domain, ".example.com".
    ['root@example.com', 'root@example.com', IN],
    ['root@example.com', 'root@EXAMPLE.com', IN],
    ['root@example.com', 'ROOT@example.com', OUT],
    ['root@example.com', 'other@example.com', OUT],
    ['root@example.com', 'root@mail.example.com', OUT],
    ['example.com', 'anyone@example.com', IN],
    ['example.com', 'anyone@mail.example.com', OUT],
    ['example.com', 'anyone@bigexample.com', OUT],
    ['.example.com', 'anyone@mail.example.com', IN],
    ['.example.com', 'anyone@a.mail.example.com', IN],
    ['.example.com', 'anyone@example.com', OUT],
    ['example.com', '"a@other.test"@example.com', IN],
    ['other.test', '"a@other.test"@example.com', OUT],
  ] as const)('%s: %s', (base, email, expected) => {
    expect(judged({ email: base }, { email })).toEqual(expected);
  });

  it.each(['example.com', '@example.com', 'a@', 'a@exa mple.com', 'a@[192.0.2.1]', '', 'ü@example.com'])(
    'a mailbox that is none (%j) is not allowed',
    (email) => {
      expect(judged({ email: 'example.com' }, { email })).toEqual(UNREADABLE);
    },
  );

  it.each(['@example.com', 'a@', '', '.', '..example.com', 'a@.example.com'])(
    'a constraint that is none (%j)',
    (email) => {
      expect(judged({ email }, { email: 'a@example.com' })).toEqual(UNREADABLE);
    },
  );

  it('also holds for a mail address in the subject where no other mail name stands', () => {
    const excluded = { excluded: [{ email: 'example.com' }] };
    expect(violation(excluded, ['a.test'], 'emailAddress=a@example.com')).toMatch(/excludes/);
    expect(violation(excluded, ['a.test', 'a@other.test'], 'emailAddress=a@example.com')).toBeNull();
    expect(violation(excluded, ['a.test'], 'emailAddress=a@other.test')).toBeNull();
  });

  it('a mail address in the subject that is no text is not shown to be allowed', () => {
    expect(violation({ excluded: [{ email: 'example.com' }] }, ['a.test'], 'emailAddress=ü@example.com')).toMatch(
      /cannot be read/,
    );
  });
});

describe('uniformResourceIdentifier', () => {
  it.each([
    // RFC 5280: "host.example.com" a host; ".example.com" all below it, not itself.
    ['host.example.com', 'http://host.example.com/a', IN],
    ['host.example.com', 'http://HOST.example.com', IN],
    ['host.example.com', 'ldap://host.example.com:389/a?b#c', IN],
    ['host.example.com', 'http://user:secret@host.example.com:80/', IN],
    ['host.example.com', 'http://host.example.com./', IN],
    ['host.example.com', 'http://www.host.example.com/', OUT],
    ['host.example.com', 'http://host.example.com@evil.test/', OUT],
    ['host.example.com', 'http://evil.test/host.example.com', OUT],
    ['host.example.com', 'http://evil.test?host.example.com', OUT],
    ['host.example.com', 'http://evil.test#@host.example.com', OUT],
    ['.example.com', 'http://host.example.com/', IN],
    ['.example.com', 'http://my.host.example.com/', IN],
    ['.example.com', 'http://example.com/', OUT],
    ['.example.com', 'http://bigexample.com/', OUT],
  ] as const)('%s: %s', (base, uri, expected) => {
    expect(judged({ uri: base }, { uri })).toEqual(expected);
  });

  it.each([
    'http://192.0.2.1/',
    'http://[2001:db8::1]:80/',
    'urn:uuid:1',
    'mailto:a@example.com',
    'example.com',
    'http:///a',
    'http://',
    'http://ex%61mple.com/',
    'http://example.com:80:80/',
    'http://ü.example.com/',
    '',
  ])('a URI whose host is no domain name (%j) is not allowed where URIs are constrained', (uri) => {
    expect(judged({ uri: '.example.com' }, { uri })).toEqual(UNREADABLE);
  });

  it.each(['http://example.com', '', '.', '192.0.2.1:80', '*.example.com'])('a constraint that is none (%j)', (uri) => {
    expect(judged({ uri }, { uri: 'http://example.com/' })).toEqual(UNREADABLE);
  });
});

describe('directoryName', () => {
  it.each([
    ['C=DE,O=Lab', 'C=DE,O=LAB,CN=x', IN],
    ['C=DE,O=Lab', 'C=DE,O=Lab', IN],
    ['C=DE,O=Lab', 'C=DE,O=Laboratory', OUT],
    ['C=DE,O=Lab', 'O=Lab,C=DE', OUT],
    ['C=DE', 'CN=x', OUT],
    ['', 'CN=x', IN],
  ] as const)('%j: %s', (base, directory, expected) => {
    expect(judged({ directory: base }, { directory })).toEqual(expected);
  });

  it('holds for the subject, and not for an empty one', () => {
    expect(violation({ permitted: [{ directory: 'C=DE' }] }, [], 'C=FR,CN=a')).toMatch(/outside/);
    expect(violation({ permitted: [{ directory: 'C=DE' }] }, [], 'C=de,CN=a')).toBeNull();
    expect(violation({ permitted: [{ directory: 'C=DE' }] }, ['a.test'], '')).toBeNull();
  });
});

describe('other kinds', () => {
  it('are not compared: where they are constrained, a name of that kind is not allowed', () => {
    expect(judged({ registeredId: '1.2.3' }, { registeredId: '1.2.3' })).toEqual(UNREADABLE);
    const other = { other: { oid: '1.2.3', value: octetString(Buffer.from('x')) } };
    expect(judged(other, other)).toEqual(UNREADABLE);
    expect(judged({ registeredId: '1.2.3' }, 'a.test')).toEqual({ permitted: true, excluded: false });
  });
});

describe('constraints together', () => {
  it('an exclusion wins over a permission', () => {
    const both = { permitted: [{ dns: 'example.com' }], excluded: [{ dns: 'secret.example.com' }] };
    expect(violation(both, ['www.example.com'])).toBeNull();
    expect(violation(both, ['www.example.com', 'a.secret.example.com'])).toMatch(/a\.secret\.example\.com.*excludes/);
    expect(violation(both, ['*.example.com'])).toMatch(/excludes/);
  });

  it('every name must lie in some permitted subtree of its kind; kinds that are not named are free', () => {
    const permitted = [{ dns: 'a.test' }, { dns: 'b.test' }];
    expect(violation({ permitted }, ['x.a.test', 'b.test', '192.0.2.1', 'm@c.test'])).toBeNull();
    expect(violation({ permitted }, ['x.a.test', 'c.test'])).toMatch(/c\.test.*outside/);
  });

  it('the common name is no dNSName', () => {
    expect(violation({ permitted: [{ dns: 'a.test' }] }, ['a.test'], 'CN=b.test')).toBeNull();
  });

  it.each([
    ['none at all', sequence()],
    ['an empty list', sequence(implicit(0, true, new Uint8Array()))],
    [
      'a minimum',
      sequence(implicit(0, true, sequence(generalName('a.test'), implicit(0, false, contentOf(integer(1)))))),
    ],
    [
      'a maximum',
      sequence(implicit(1, true, sequence(generalName('b.test'), implicit(1, false, contentOf(integer(1)))))),
    ],
  ])('%s is refused (RFC 5280 section 4.2.1.10)', (_, value) => {
    expect(violation(value, ['a.test'])).toMatch(/RFC 5280 forbids/);
  });

  it('a minimum of zero, which is the default, is none', () => {
    const spelled = sequence(generalName('a.test'), implicit(0, false, contentOf(integer(0))));
    expect(violation(sequence(implicit(0, true, spelled)), ['a.test'])).toBeNull();
  });

  it('of too many comparisons is refused before they are made, for the whole judgement', () => {
    const many = constraints({ permitted: Array.from({ length: 600 }, (_, i) => ({ dns: `a${i}.test` })) });
    const leaf = certificate({
      extra: [
        { oid: '2.5.29.17', value: generalNames(Array.from({ length: 200 }, (_, i) => ({ dns: `a${i}.test` }))) },
      ],
    });
    const budget = { left: MAX_COMPARISONS };
    expect(constraintViolation(many, leaf, budget)).toBeNull();
    expect(constraintViolation(many, leaf, budget)).toBeNull();
    expect(constraintViolation(many, leaf, budget)).toMatch(/too many/);
  });

  it('what is excluded is never also permitted, and what is told is escaped and bounded', () => {
    const text = fc.oneof(
      fc.domain(),
      fc.string({ maxLength: 12 }),
      fc.constantFrom('a.test', '*.a.test', 'b.a.test', ''),
    );
    const kind = fc.constantFrom('dns', 'email', 'uri');
    fc.assert(
      fc.property(kind, text, text, (type, base, name) => {
        const [first, second] = [{ [type]: base }, { [type]: name }] as unknown as [GeneralNameInput, GeneralNameInput];
        const { permitted, excluded } = judged(first, second);
        expect(violation({ permitted: [first], excluded: [first] }, [second])).not.toBeNull();
        expect(permitted && !excluded).toBe(false);
        const told = violation({ permitted: [first] }, [second]) ?? '';
        expect(told).not.toMatch(/[\p{Cc}\p{Cf}\p{Cn}\p{Zl}\p{Zp}]/u);
        expect(told.length).toBeLessThan(400);
      }),
      { numRuns: 60 },
    );
  });
});
