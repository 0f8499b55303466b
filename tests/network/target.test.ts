/** What a caller may name as a target, in which canonical form it is dialled, and what is refused with which words. */

import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { StartTlsProtocol } from '../../src/crypto/certificate/checker.js';
import { parseHost, parseTarget, STARTTLS_PORTS } from '../../src/network/target.js';

const LONG_LABEL = 'a'.repeat(63);

const READ: Record<string, [string, number, boolean]> = {
  'example.com': ['example.com', 443, false],
  ' Example.COM. ': ['example.com', 443, false],
  'example.com:8443': ['example.com', 8443, false],
  'example.com.:1': ['example.com', 1, false],
  'example.com:65535': ['example.com', 65_535, false],
  'münchen.de': ['xn--mnchen-3ya.de', 443, false],
  'MÜNCHEN。DE:993': ['xn--mnchen-3ya.de', 993, false],
  '_dmarc.example.com': ['_dmarc.example.com', 443, false],
  [`${LONG_LABEL}.com`]: [`${LONG_LABEL}.com`, 443, false],
  '192.0.2.1': ['192.0.2.1', 443, true],
  '192.0.2.1:25': ['192.0.2.1', 25, true],
  '127.1:8443': ['127.0.0.1', 8443, true],
  '１２７.０.０.１': ['127.0.0.1', 443, true],
  '[2001:DB8::1]:443': ['2001:db8::1', 443, true],
  '[2001:db8::1]': ['2001:db8::1', 443, true],
  '2001:db8:0:0:0:0:0:1': ['2001:db8::1', 443, true],
  '::1': ['::1', 443, true],
  '[::ffff:192.0.2.1]:1': ['192.0.2.1', 1, true],
  'https://example.com': ['example.com', 443, false],
  'HTTPS://example.com:8443/': ['example.com', 8443, false],
  'https://[2001:db8::1]/': ['2001:db8::1', 443, true],
};

const REFUSED = [
  '',
  '   ',
  ':443',
  'example.com:',
  'example.com:0',
  'example.com:65536',
  'example.com:443:443',
  'example.com:４４３',
  'example.com:+443',
  'example.com:4e2',
  'example.com：443',
  'http://example.com',
  'ftp://example.com/',
  'https://example.com/path',
  'https://example.com?q',
  'https://user@example.com/',
  'https://user:pw@example.com/',
  'user@example.com',
  'example.com/path',
  'example.com\\path',
  'example.com?x',
  'example.com#x',
  'exam ple.com',
  'example.com\r\nHost: x',
  'example.com\0',
  '%31%32%37.0.0.1',
  'a..com',
  '.example.com',
  'example.com..',
  '-a.com',
  'a-.com',
  `${'a'.repeat(64)}.com`,
  `${`${LONG_LABEL}.`.repeat(4)}com`,
  'a'.repeat(5_000),
  '1.2.3.4.5',
  '256.1.1.1',
  '999.1.1.1',
  '4294967296',
  'foo.0x7f',
  '[::1',
  '::1]',
  '[127.0.0.1]',
  '[example.com]',
  '[::1]443',
  'fe80::1%eth0',
  '[fe80::1%25eth0]',
  '1:2:3',
  ':::1',
  '2001:db8::1::2',
  'a,b',
  'exa<mple.com',
];

it('reads hosts, ports and addresses into one canonical form', () => {
  for (const [text, [host, port, isAddress]] of Object.entries(READ)) {
    const label = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    expect(parseTarget(text), text).toEqual({ target: { host, port, isAddress, label } });
  }
});

it('refuses everything else, in constant words', () => {
  for (const text of REFUSED) {
    const parsed = parseTarget(text);
    expect(parsed, text).toHaveProperty('problem');
    if ('problem' in parsed) expect(parsed.problem.remedy).toContain('Give the host alone');
  }
  expect(new Set(REFUSED.map((text) => JSON.stringify(parseTarget(text)))).size).toBeLessThan(8);
});

it('takes the port of the STARTTLS protocol where none is given', () => {
  for (const [protocol, port] of Object.entries(STARTTLS_PORTS)) {
    expect(parseTarget('example.com', protocol as StartTlsProtocol)).toMatchObject({ target: { port } });
    expect(parseTarget('example.com:1', protocol as StartTlsProtocol)).toMatchObject({ target: { port: 1 } });
  }
});

it('a label is read as the same target, and no text makes it throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.domain(), fc.ipV6(), fc.webAuthority()), (text) => {
      const parsed = parseTarget(text);
      if ('target' in parsed) expect(parseTarget(parsed.target.label)).toEqual(parsed);
    }),
  );
});

it('a host alone has no port', () => {
  expect(parseHost('Example.com.')).toEqual({ host: 'example.com', isAddress: false });
  expect(parseHost('2001:DB8::1')).toEqual({ host: '2001:db8::1', isAddress: true });
  expect(parseHost('127.1')).toEqual({ host: '127.0.0.1', isAddress: true });
  for (const text of ['', 'a:1', '[::1]', 'a b', 'a/b', 'fe80::1%1']) expect(parseHost(text), text).toBeUndefined();
});
