/** The page as text, and what it reads from an answer: whole, closed to every network, in the order of urgency. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { VIEW_MIME_TYPE, VIEW_URI } from '../../src/view/address.js';
import { appPage, reportPage } from '../../src/view/page.js';
import { daysTold, needsAttention, shownName, targetsIn, type Target } from '../../src/view/browser/reading.js';
import { catalogue } from '../../src/tools/index.js';
import { describeTool } from '../../src/tools/tool.js';
import { EVIL, type Checked } from '../support/judgements.js';

const { results } = JSON.parse(readFileSync(new URL('./recorded/full.json', import.meta.url), 'utf8')) as {
  results: Checked[];
};
const OPTIONS = { version: '1.2.3', at: new Date('2026-11-01T09:30:00.123Z') };
const MAX_BYTES = 150 * 1_024;

describe('the page', () => {
  it('is one file under 150 KB, and so is a report of a few hosts', () => {
    expect(Buffer.byteLength(appPage())).toBeLessThan(MAX_BYTES);
    expect(Buffer.byteLength(reportPage(results, OPTIONS))).toBeLessThan(MAX_BYTES);
  });

  it('holds every module of the browser, and none of their imports and exports', () => {
    const html = appPage();
    for (const name of readdirSync('src/view/browser').filter((file) => file.endsWith('.ts'))) {
      for (const [, exported] of readFileSync(`src/view/browser/${name}`, 'utf8').matchAll(/^export function (\w+)/gm))
        expect(html, name).toContain(`function ${exported}(`);
    }
    expect(html).not.toMatch(/^(?:import|export)\b/m);
  });

  it('allows by its policy its own style and script, by their hashes, and nothing else', () => {
    for (const html of [appPage(), reportPage(results, OPTIONS)]) {
      const [, policy = ''] = /Content-Security-Policy" content="([^"]+)"/.exec(html) ?? [];
      const hash = (tag: string): string => {
        const [, content = ''] = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(html) ?? [];
        return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
      };
      expect(policy.split('; ')).toEqual([
        "default-src 'none'",
        `script-src ${hash('script')}`,
        `style-src ${hash('style')}`,
        "base-uri 'none'",
        "form-action 'none'",
      ]);
    }
  });

  it('names no address but that of SVG, loads nothing, and makes no HTML of text', () => {
    const html = appPage();
    expect([...html.matchAll(/\bhttps?:[^'"\s]*/g)].map(([address]) => address)).toEqual([
      'http://www.w3.org/2000/svg',
    ]);
    expect(html).not.toMatch(
      /\b(?:src|href)=|@import|url\(|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/,
    );
  });

  it('takes its data as text that cannot end the element it stands in', () => {
    const evil = { ...(results[0] as Checked), target: '</script><script>alert(1)</script><!--' };
    const html = reportPage([evil], OPTIONS);
    expect(html.match(/<\/script>/g)).toHaveLength(2);
    expect(html).not.toContain('<!--');
    const [, data = ''] = /<script type="application\/json">(.*)<\/script>/.exec(html) ?? [];
    expect(JSON.parse(data)).toEqual({
      version: '1.2.3',
      made: '2026-11-01T09:30:00Z',
      answer: { results: [evil] },
    });
  });

  it('is what the listing of certificate_check names', () => {
    const listed = catalogue()
      .map(describeTool)
      .filter(({ _meta }) => _meta !== undefined);
    expect(listed.map(({ name, _meta }) => [name, _meta])).toEqual([
      ['certificate_check', { ui: { resourceUri: VIEW_URI } }],
    ]);
    expect(VIEW_URI).toMatch(/^ui:\/\//);
    expect(VIEW_MIME_TYPE).toBe('text/html;profile=mcp-app');
  });
});

describe('what is read from an answer', () => {
  const target = (verdict: Target['verdict'], days: number | null, name = ''): Record<string, unknown> => ({
    target: name,
    verdict,
    summary: '',
    checks: [],
    chain: [],
    not_after: null,
    days_remaining: days,
  });

  it('comes by urgency: untrusted, then undetermined, then trusted by the days that are left', () => {
    const read = targetsIn({
      results: [
        target('trusted', 9),
        target('undetermined', null),
        target('trusted', 2, 'a'),
        target('trusted', 2, 'b'),
        target('untrusted', 80),
        target('untrusted', -3),
      ],
    });
    expect(read?.map(({ verdict, daysLeft, name }) => [verdict, daysLeft, name])).toEqual([
      ['untrusted', -3, ''],
      ['untrusted', 80, ''],
      ['undetermined', null, ''],
      ['trusted', 2, 'a'],
      ['trusted', 2, 'b'],
      ['trusted', 9, ''],
    ]);
    expect(targetsIn({ results })?.map(({ name }) => name)).toEqual([
      'old.example.com:8443',
      'www.example.net',
      'api.example.com',
      'login.example.com',
      'gone.example.com',
      'mail.example.com:465',
      'shop.example.com',
      'evil.example.org',
    ]);
  });

  it('is null where it is no judgement', () => {
    const good = target('trusted', 1);
    for (const other of [null, 'text', [], {}, { results: [] }, { results: [good, 1] }, { ...good, verdict: 'fine' }])
      expect(targetsIn(other)).toBeNull();
    expect(targetsIn(good)).toHaveLength(1);
  });

  it('is bounded and made safe to show, whatever kinds of values are where text should be', () => {
    const strange = {
      ...target('trusted', Number.NaN),
      target: `a\u202E\u200B${'x'.repeat(10_000)}`,
      summary: 7,
      checks: [null, 'check', { check: {}, status: 'pass' }, { check: 'chain', status: 'odd' }],
      chain: [{ subject: ['CN=a'], names: [1, 'b\u202D'], not_after: 'never' }],
      connection: { address: 4, protocol: 'TLSv1.3\u0007' },
    };
    const [read] = targetsIn(strange) ?? [];
    expect(read).toMatchObject({
      summary: '',
      checks: [{ name: '', status: 'pass' }],
      chain: [{ subject: '', names: ['b\\u{202D}'] }],
      daysLeft: null,
      judgedAt: null,
      connection: [['Protocol', 'TLSv1.3\\u{7}']],
    });
    expect(read?.name).toMatch(/^a\\u\{202E\}\\u\{200B\}x+…$/);
    expect(read?.name.length).toBeLessThan(4_100);
  });

  it('needs attention where it is not trusted, or trusted with something to say', () => {
    const read = targetsIn({ results }) ?? [];
    expect(read.filter((one) => !needsAttention(one)).map(({ name }) => name)).toEqual([
      'shop.example.com',
      'evil.example.org',
    ]);
  });

  it('calls a certificate by its common name, wherever that stands, and never by a part of another name', () => {
    const commonName = (subject: string): string => shownName(subject).short;
    expect(shownName('CN=a.example, O=Example, C=DE')).toEqual({ short: 'a.example', rest: 'O=Example, C=DE' });
    expect(commonName('O=Example,CN=a.example')).toBe('a.example');
    expect(commonName('O=Example\\, CN=evil, CN=good')).toBe('good');
    expect(commonName('O=a\\\\, CN=good')).toBe('good');
    expect(commonName('CN=a\\, O\\=b')).toBe('a, O\\=b');
    expect(commonName('O=XCN=evil')).toBe('O=XCN=evil');
    expect(commonName('')).toBe('(no subject)');
    expect(commonName(results.at(-1)?.chain[0]?.subject ?? '')).toBe(EVIL);
  });

  it.each([
    [61, '61 days left'],
    [1, '1 day left'],
    [0, 'less than a day left'],
    [-1, 'expired 1 day ago'],
    [-12, 'expired 12 days ago'],
    [4_900, '13 years left'],
    [-800, 'expired 2 years ago'],
  ])('%i days are told as "%s"', (days, told) => {
    expect(daysTold(days)).toBe(told);
  });
});
