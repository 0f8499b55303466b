/** Who may be dialled: every kind of address in every spelling, names before they are resolved, ports, and the settings. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { addressKind } from '../../src/network/address.js';
import {
  FETCH_PORTS,
  judgeAddress,
  judgeHost,
  parseAllowedHost,
  type NetworkPolicy,
} from '../../src/network/policy.js';
import { ANY, PUBLIC, target } from '../support/tls-servers.js';

const OFF: NetworkPolicy = { mode: 'off', allowHosts: [], ports: [] };

const allowing = (allowHosts: string[], ports: number[] = []): NetworkPolicy => ({ mode: 'public', allowHosts, ports });

/** Targets as a caller may write them, and what they are. */
const ADDRESSES: Record<string, string[]> = {
  public: ['8.8.8.8', '1.1.1.1:443', '2606:4700:4700::1111', '[2001:4860:4860::8888]:853', '134744072', '0x08080808'],
  loopback: [
    '127.0.0.1',
    '127.255.255.254',
    '[::1]',
    '::1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '0x7f000001',
  ],
  'loopback in other digits': ['１２７.0.0.1', '127。0。0。1', '①27.0.0.1', '017700000001', '127.0.0.1.', '127.0.1'],
  'loopback carried': ['[::ffff:127.0.0.1]', '::ffff:7f00:1', '64:ff9b::7f00:1', '2002:7f00:1::', '[::127.0.0.1]'],
  private: [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    'fc00::1',
    'fd12:3456:789a::1',
    'fec0::1',
    '10.1',
  ],
  'private carried': [
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b:1:a00:0:100::',
    '2002:c0a8:101::1',
    '::ffff:0:10.0.0.1',
  ],
  'link-local': ['169.254.1.1', 'fe80::1', 'febf::1', '::ffff:169.254.1.1'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1', '::ffff:224.0.0.1'],
  unspecified: ['0.0.0.0', '0', '0.1.2.3', '::', '0x0', '::ffff:0.0.0.0'],
  'carrier-grade': ['100.64.0.1', '100.127.255.255', '::ffff:100.64.0.1'],
  documentation: ['192.0.2.1', '198.51.100.7', '203.0.113.9', '2001:db8::1', '3fff::1'],
  reserved: [
    '198.18.0.1',
    '198.19.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '192.0.0.8',
    '192.88.99.1',
    '100::1',
    '2001:10::1',
  ],
  'reserved, too': ['2001:20::1', '2001:2::1', '4000::1', '5f00::1', '1::1', 'e000::1', '64:ff9b::f000:1'],
  translated: ['2002:808:808::1', '2001:0:808:808::1', '::8.8.8.8', '64:ff9b:1::808:808', '2606:4700::5efe:808:808'],
};

/** With DNS64 and dual-stack sockets these are how public IPv4 hosts are reached. */
const PUBLIC_CARRIED = ['64:ff9b::808:808', '::ffff:8.8.8.8'];

const METADATA = [
  '169.254.169.254',
  '[::ffff:169.254.169.254]',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1:a9fe:a9:fe00::',
  '2002:a9fe:a9fe::1',
  '::169.254.169.254',
  '2852039166',
  '0xa9fea9fe',
  '0251.0376.0251.0376',
  '169.254.43518',
  '１６９.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  'fd00:ec2::254',
  '[fd00:ec2:0:0:0:0:0:23]',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  'fd20:ce::254',
  'metadata.google.internal',
  'METADATA.google.internal.',
  'metadata',
  'metadata.goog',
  'instance-data.ec2.internal',
];

const LOCAL_NAMES = [
  'localhost',
  'LOCALHOST.',
  'ｌｏｃａｌｈｏｓｔ',
  'a.localhost',
  'printer.local',
  'db.internal',
  'nas.home.arpa',
  'router',
  'intranet',
  'x.onion',
  'x.test',
  'x.invalid',
  'x.example',
  'x.lan',
  'x.corp',
  'x.localdomain',
];

const PUBLIC_NAMES = [
  'example.com',
  'münchen.de',
  'notlocalhost.com',
  'local.example.org',
  'internal.co',
  'a.b.c.d.e.f',
];

describe('addresses', () => {
  for (const [kind, list] of Object.entries(ADDRESSES)) {
    it(`${kind}: ${list.length} spellings`, () => {
      for (const text of list) {
        const refusal = judgeHost(PUBLIC, { ...target(text), port: 443 });
        if (kind === 'public') expect(refusal, text).toBeUndefined();
        else expect(refusal, text).toMatchObject({ code: 'network_refused' });
        if (kind !== 'public')
          expect(refusal?.remedy, text).toMatch(/SECURITY_MCP_ALLOW_HOSTS.*SECURITY_MCP_NETWORK=any/);
        expect(judgeHost(ANY, target(text)), text).toBeUndefined();
        expect(judgeHost(OFF, target(text))?.remedy, text).toContain('SECURITY_MCP_NETWORK=public');
      }
    });
  }

  it('name the kind in the refusal', () => {
    const kinds = {
      '127.0.0.1': 'loopback',
      '10.0.0.1': 'private network',
      '169.254.9.9': 'link-local',
      '224.0.0.1': 'multicast',
      '0.0.0.0': 'unspecified',
      '100.64.0.1': 'carrier-grade',
      '192.0.2.1': 'documentation',
      '2002:808:808::1': '6to4',
      '240.0.0.1': 'reserved',
    };
    for (const [text, kind] of Object.entries(kinds)) {
      expect(judgeHost(PUBLIC, target(text))?.explanation, text).toContain(kind);
    }
  });

  it('of public hosts that a translator gives are allowed', () => {
    for (const text of PUBLIC_CARRIED) expect(judgeHost(PUBLIC, target(text)), text).toBeUndefined();
  });

  it('every IPv4 address is judged alike in every form that carries it', () => {
    fc.assert(
      fc.property(fc.ipV4(), (v4) => {
        const [a = 0, b = 0, c = 0, d = 0] = v4.split('.').map(Number);
        const kind = addressKind(v4);
        for (const form of [`::ffff:${v4}`, `64:ff9b::${v4}`]) expect(addressKind(form)).toBe(kind);
        const number = (((a << 24) | (b << 16) | (c << 8) | d) >>> 0).toString();
        for (const spelling of [
          number,
          `${a}.${b}.${c * 256 + d}`,
          `0${a.toString(8)}.0x${b.toString(16)}.${c}.${d}`,
        ]) {
          expect(addressKind(target(spelling).host), spelling).toBe(kind);
        }
        expect(addressKind(`2002:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}::1`)).toBe(
          kind === 'public' ? 'translated' : kind,
        );
      }),
    );
  });

  it('what cannot be read as an address is not public', () => {
    for (const text of ['', 'example.com', '127.1', '010.0.0.1', 'fe80::1%eth0', '1.2.3.4.5', '2606:4700::1111%1']) {
      expect(addressKind(text), text).toBe('reserved');
    }
  });
});

describe('cloud metadata', () => {
  it('is never reached: in no mode, whatever is allowed', () => {
    const generous = ['0.0.0.0/0', '::/0', '169.254.169.254/32', '*.internal', 'metadata', 'metadata.google.internal'];
    for (const policy of [PUBLIC, ANY, allowing(generous), { ...ANY, allowHosts: generous }]) {
      for (const text of METADATA) {
        expect(judgeHost(policy, target(text)), text).toMatchObject({ remedy: 'No setting allows it.' });
      }
      for (const address of ['169.254.169.254', '::ffff:a9fe:a9fe', 'fd00:ec2::254']) {
        expect(judgeAddress(policy, target('innocent.example.com'), address)?.remedy).toBe('No setting allows it.');
      }
    }
  });
});

describe('names', () => {
  it('that are no names of the internet are refused before they are resolved', () => {
    for (const name of LOCAL_NAMES) {
      expect(judgeHost(PUBLIC, target(name)), name).toMatchObject({ code: 'network_refused' });
      expect(judgeHost(ANY, target(name)), name).toBeUndefined();
    }
  });

  it('of the internet may be resolved, and are judged again by their addresses', () => {
    for (const name of PUBLIC_NAMES) {
      expect(judgeHost(PUBLIC, target(name)), name).toBeUndefined();
      expect(judgeAddress(PUBLIC, target(name), '8.8.8.8')).toBeUndefined();
      for (const address of ['127.0.0.1', '10.0.0.1', '::1', '::ffff:192.168.0.1', 'nonsense']) {
        expect(judgeAddress(PUBLIC, target(name), address), address).toMatchObject({ code: 'network_refused' });
      }
    }
  });
});

describe('SECURITY_MCP_ALLOW_HOSTS', () => {
  it('lifts a name and whatever address it has', () => {
    const policy = allowing(['git.internal', '*.lan']);
    for (const name of ['git.internal', 'GIT.internal.', 'a.lan', 'b.a.lan']) {
      expect(judgeHost(policy, target(name)), name).toBeUndefined();
      expect(judgeAddress(policy, target(name), '10.0.0.5'), name).toBeUndefined();
    }
    for (const name of ['lan', 'alan', 'xgit.internal', 'x.git.internal', 'git.internal.local']) {
      expect(judgeHost(policy, target(name)), name).toMatchObject({ code: 'network_refused' });
    }
  });

  it('lifts addresses and prefixes, for names as well, and not the name', () => {
    const policy = allowing(['10.0.0.0/8', 'fd00::1/128']);
    for (const text of ['10.1.2.3', '[fd00::1]', '::ffff:10.1.2.3', '10.1']) {
      expect(judgeHost(policy, target(text)), text).toBeUndefined();
    }
    for (const text of ['172.16.0.1', '192.168.1.1', 'fd00::2', '64:ff9b::a00:1', 'db.internal']) {
      expect(judgeHost(policy, target(text)), text).toMatchObject({ code: 'network_refused' });
    }
    expect(judgeAddress(policy, target('vpn.example.com'), '10.9.9.9')).toBeUndefined();
  });

  it('does not lift the ports, and has no effect where the network is off', () => {
    expect(judgeHost(allowing(['git.internal']), target('git.internal:22'))?.remedy).toContain('SECURITY_MCP_PORTS');
    expect(judgeHost({ ...allowing(['git.internal']), mode: 'off' }, target('git.internal'))).toBeDefined();
  });

  it('has one canonical form for each entry', () => {
    const forms: Record<string, string | undefined> = {
      ' Example.COM. ': 'example.com',
      '*.München.de': '*.xn--mnchen-3ya.de',
      '10.0.0.0/8': '10.0.0.0/8',
      '192.168.1.7': '192.168.1.7/32',
      '[FD00::1]': 'fd00::1/128',
      'fd00::/8': 'fd00::/8',
      '*': undefined,
      'a.*.com': undefined,
      '10.1': undefined,
      'host:1': undefined,
      '10.0.0.0/33': undefined,
      'fe80::1%eth0': undefined,
    };
    for (const [text, canonical] of Object.entries(forms)) expect(parseAllowedHost(text), text).toBe(canonical);
  });
});

describe('ports', () => {
  it('of TLS services are open under public, others are refused with the setting that opens them', () => {
    for (const port of [
      443, 465, 563, 587, 636, 853, 989, 990, 992, 993, 994, 995, 25, 110, 143, 21, 389, 5432, 8443,
    ]) {
      expect(judgeHost(PUBLIC, target(`example.com:${port}`)), `${port}`).toBeUndefined();
    }
    for (const port of [22, 23, 53, 80, 445, 2375, 3306, 3389, 6379, 9200, 11_211, 27_017, 1, 65_535]) {
      const refusal = judgeHost(PUBLIC, target(`example.com:${port}`));
      expect(refusal?.remedy, `${port}`).toMatch(/SECURITY_MCP_PORTS.*SECURITY_MCP_NETWORK=any/);
      expect(judgeHost(allowing([], [port]), target(`example.com:${port}`))).toBeUndefined();
      expect(judgeHost(ANY, target(`example.com:${port}`))).toBeUndefined();
    }
  });

  it('for fetching are 80 and 443', () => {
    for (const [port, open] of [
      [80, true],
      [443, true],
      [8443, false],
      [25, false],
    ] as const) {
      expect(judgeHost(PUBLIC, target(`example.com:${port}`), FETCH_PORTS) === undefined).toBe(open);
    }
  });
});

it('a refusal is one of constant texts: nothing of the target is in it', () => {
  for (const text of ['canary.localhost', '10.11.12.13', 'canary.com:22', '169.254.169.254']) {
    const refusal = judgeHost(PUBLIC, target(text));
    expect(JSON.stringify(refusal)).not.toMatch(/canary|11\.12|:22|169\.254/);
    expect(refusal?.explanation).toMatch(/\.$/);
  }
});
