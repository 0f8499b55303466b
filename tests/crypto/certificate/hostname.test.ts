/** Which names a certificate is for (RFC 9525), and how a host is read in whatever spelling it is given. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  dnsNameCovers,
  isHostName,
  namesCover,
  nearMiss,
  readReference,
  showReference,
  type Reference,
} from '../../../src/crypto/certificate/hostname.js';
import { readGeneralNames, type GeneralName } from '../../../src/crypto/certificate/names.js';
import { generalNames, type GeneralNameInput } from '../../support/pki/names.js';

const names = (...inputs: GeneralNameInput[]): GeneralName[] => readGeneralNames(generalNames(inputs));
const dns = (...values: string[]): GeneralName[] => names(...values.map((value) => ({ dns: value })));
function reference(host: string): Reference {
  const read = readReference(host);
  if (read === null) throw new Error(`${host} should be a host`);
  return read;
}
const shown = (host: string): string | null => {
  const read = readReference(host);
  return read === null ? null : `${read.type} ${showReference(read)}`;
};
const covers = (presented: string, host: string): boolean => namesCover(dns(presented), reference(host));

describe('a host as given', () => {
  it.each([
    ['Example.COM', 'dns example.com'],
    ['example.com.', 'dns example.com'],
    ['localhost', 'dns localhost'],
    ['_dmarc.example.com', 'dns _dmarc.example.com'],
    ['a-b.example.com', 'dns a-b.example.com'],
    ['xn--bcher-kva.example', 'dns xn--bcher-kva.example'],
    ['bücher.example', 'dns xn--bcher-kva.example'],
    ['BÜCHER.example', 'dns xn--bcher-kva.example'],
    ['bu\u0308cher.example', 'dns xn--bcher-kva.example'],
    ['faß.example', 'dns xn--fa-hia.example'],
    ['例え.テスト', 'dns xn--r8jz45g.xn--zckzah'],
    ['ｅｘａｍｐｌｅ.com', 'dns example.com'],
    ['exa\u00ADmple.com', 'dns example.com'],
  ])('%s', (host, text) => {
    expect(shown(host)).toBe(text);
  });

  // UTS 46 section 2.3 and RFC 3490 section 3.1: what stands for a dot between labels.
  it.each(['\u3002', '\uFF0E', '\uFF61'])('with the dot %j', (dot) => {
    expect(shown(`www${dot}example${dot}com`)).toBe('dns www.example.com');
    expect(shown(`127${dot}0${dot}0${dot}1`)).toBe('ip 127.0.0.1');
  });

  it.each(['192.0.2.1', '192.0.2.1.', '0xc0.0.2.1', '0300.0.2.1', '3221225985', '192.0.513', '１９２.０.２.１'])(
    '%s is an address, however it is spelled',
    (host) => {
      expect(shown(host)).toBe('ip 192.0.2.1');
    },
  );

  it.each([
    ['::1', '::1'],
    ['[::1]', '::1'],
    ['::', '::'],
    ['2001:DB8::A', '2001:db8::a'],
    ['2001:0db8:0:0:0:0:0:a', '2001:db8::a'],
    ['1::', '1::'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is the address %s', (host, text) => {
    expect(shown(host)).toBe(`ip ${text}`);
  });

  it.each([
    '',
    '.',
    '..',
    'a..b',
    '.example.com',
    'example.com..',
    'example.com:443',
    'a:b',
    'user@example.com',
    'example.com/path',
    'example.com\\path',
    'example.com?x',
    'example.com#x',
    'exa mple.com',
    ' example.com',
    'example.com\n',
    'exam\tple.com',
    'exam\0ple.com',
    'ex%61mple.com',
    'http://example.com',
    '*.example.com',
    '-a.example.com',
    'a-.example.com',
    '256.0.0.1',
    '1.2.3.4.5',
    '0y.1',
    'a.1',
    '::1%eth0',
    '[::1%25eth0]',
    'fe80::1%1',
    '::1::',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::12345',
    '::256.0.0.1',
    '[::1',
    '::1]',
    '[]',
    'xn--.example',
    'a,b.example',
    'a\u2488com',
    '\uD800.example',
    'a\u2024b/c',
  ])('%j is none', (host) => {
    expect(readReference(host)).toBeNull();
  });

  it('has labels of 63 and a length of 253 (RFC 1035 section 2.3.4)', () => {
    const label = 'a'.repeat(63);
    const longest = `${label}.${label}.${label}.${'a'.repeat(61)}`;
    expect(longest).toHaveLength(253);
    expect(shown(longest)).toBe(`dns ${longest}`);
    expect(shown(`${longest}.`)).toBe(`dns ${longest}`);
    for (const host of [`${longest}a`, `a${longest}.`, `a.${longest}`, `${'a'.repeat(64)}.example`, 'a'.repeat(10_000)])
      expect(readReference(host), String(host.length)).toBeNull();
  });

  it('never throws, and what is read is read again as the same', () => {
    const piece = fc.constantFrom(
      'a',
      '.',
      '-',
      'xn--',
      '1',
      '0x',
      ':',
      '[',
      ']',
      '::',
      '%',
      'ü',
      '\u3002',
      '\u200D',
      '*',
      '_',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 30 }),
          fc.array(piece, { maxLength: 12 }).map((list) => list.join('')),
        ),
        (host) => {
          const read = readReference(host);
          if (read === null) return;
          expect(readReference(showReference(read))).toEqual(read);
          if (read.type === 'dns') expect(isHostName(read.name)).toBe(true);
          else expect([4, 16]).toContain(read.bytes.length);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('that is an IPv6 address keeps its octets', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const { hostname } = new URL(`http://[${address}]/`);
        expect(shown(address)).toBe(`ip ${hostname.slice(1, -1)}`);
        expect(shown(`[${address}]`)).toBe(`ip ${hostname.slice(1, -1)}`);
      }),
    );
  });
});

describe('a dNSName covers', () => {
  // RFC 9525 section 6.3 and RFC 6125 section 6.4.
  it.each([
    ['example.com', 'example.com'],
    ['EXAMPLE.com', 'example.COM'],
    ['example.com', 'example.com.'],
    ['*.example.com', 'foo.example.com'],
    ['*.EXAMPLE.com', 'FOO.example.com'],
    ['*.example.com', '_foo.example.com'],
    ['*.example.com', 'bücher.example.com'],
    ['xn--bcher-kva.example', 'bücher.example'],
    ['*.xn--bcher-kva.example', 'a.bücher.example'],
    ['a_b.example.com', 'a_b.example.com'],
    ['localhost', 'localhost'],
  ])('%s: %s', (presented, host) => {
    expect(covers(presented, host)).toBe(true);
  });

  it.each([
    ['example.com', 'www.example.com'],
    ['www.example.com', 'example.com'],
    ['ample.com', 'example.com'],
    ['*.example.com', 'example.com'],
    ['*.example.com', 'bar.foo.example.com'],
    ['*.*.example.com', 'bar.foo.example.com'],
    ['foo.*.example.com', 'foo.bar.example.com'],
    ['baz*.example.com', 'baz1.example.com'],
    ['*baz.example.com', 'foobaz.example.com'],
    ['b*z.example.com', 'buzz.example.com'],
    ['f*.example.com', 'f.example.com'],
    ['**.example.com', 'a.example.com'],
    ['*', 'localhost'],
    ['*', 'example.com'],
    ['*.', 'localhost'],
    ['*.com', 'example.com'],
    ['*.com.', 'example.com'],
    ['xn--*.example.com', 'xn--bcher-kva.example.com'],
    ['*.example.com.', 'foo.example.com'],
    ['example.com.', 'example.com'],
    ['.example.com', 'www.example.com'],
    ['.example.com', 'example.com'],
    ['', 'example.com'],
    ['example.com\0.evil.com', 'example.com'],
    ['example.com ', 'example.com'],
    ['http://example.com', 'example.com'],
    ['*.example.com', '.example.com'],
  ])('%j does not cover %s', (presented, host) => {
    expect(dnsNameCovers(presented, host.toLowerCase())).toBe(false);
  });

  it('a U-label in the certificate is none (RFC 5280 section 7.2)', () => {
    expect(covers('bücher.example', 'bücher.example')).toBe(false);
  });

  it('itself, and nothing that differs', () => {
    fc.assert(
      fc.property(fc.domain(), fc.domain(), (a, b) => {
        const [x, y] = [readReference(a), readReference(b)];
        if (x?.type !== 'dns' || y?.type !== 'dns') return;
        expect(namesCover(dns(x.name), x)).toBe(true);
        expect(namesCover(dns(x.name), y)).toBe(x.name === y.name);
        expect(namesCover(dns(`*.${x.name}`), reference(`a.${x.name}`))).toBe(x.name.includes('.'));
      }),
    );
  });
});

describe('an address is covered', () => {
  it('by an iPAddress of the same octets alone (RFC 9525 section 6.4)', () => {
    expect(namesCover(names('192.0.2.1'), reference('192.0.2.1'))).toBe(true);
    expect(namesCover(names('2001:db8::1'), reference('[2001:DB8:0::1]'))).toBe(true);
    expect(namesCover(names('192.0.2.2', '2001:db8::1'), reference('192.0.2.1'))).toBe(false);
    expect(namesCover(dns('192.0.2.1', '*.0.2.1'), reference('192.0.2.1'))).toBe(false);
    expect(namesCover(names({ uri: 'https://192.0.2.1/' }), reference('192.0.2.1'))).toBe(false);
  });

  it('not by its mapped form, nor by an address with a mask or cut short', () => {
    expect(namesCover(names('::ffff:192.0.2.1'), reference('192.0.2.1'))).toBe(false);
    expect(namesCover(names('192.0.2.1'), reference('::ffff:192.0.2.1'))).toBe(false);
    for (const bytes of [[192, 0, 2, 1, 255, 255, 255, 255], [192, 0, 2], []])
      expect(namesCover(names({ ip: Uint8Array.from(bytes) }), reference('192.0.2.1'))).toBe(false);
  });

  it('and no name is covered by an address or by names of other kinds', () => {
    const others = names(
      '192.0.2.1',
      'mail@a.test',
      'https://a.test/',
      { directory: 'CN=a.test' },
      { registeredId: '1.2.3' },
    );
    expect(namesCover(others, reference('a.test'))).toBe(false);
    expect(namesCover([], reference('a.test'))).toBe(false);
  });
});

describe('a near miss is explained', () => {
  it.each([
    ['g*.example.com', 'good.example.com', /partial wildcard/],
    ['*.com', 'example.com', /too wide/],
    ['*.example.com', 'example.com', /bare domain/],
    ['*.example.com', 'a.b.example.com', /one label only/],
  ])('%s for %s', (presented, host, words) => {
    expect(nearMiss(dns(presented), reference(host))).toMatch(words);
  });

  it('an address as a DNS name', () => {
    expect(nearMiss(dns('192.0.2.1'), reference('192.0.2.1'))).toMatch(/must be an IP address entry/);
    expect(nearMiss(dns('192.0.2.2'), reference('192.0.2.1'))).toBeNull();
  });

  it('and nothing else is one; what is shown is escaped', () => {
    for (const presented of ['other.test', '*.other.test', 'x*.other.test', '*', ''])
      expect(nearMiss(dns(presented), reference('a.example.com')), presented).toBeNull();
    expect(nearMiss(dns('\u001b*.example.com'), reference('a.example.com'))).toMatch(
      /^\\u\{1B\}\*\.example\.com is a partial/,
    );
  });
});
