/** Prompts: plans that name only tools and fields there are, and that take nothing in which they do not show. */

import { describe, expect, it } from 'vitest';

import { planOf, promptsFor } from '../../src/guide/prompts.js';
import { catalogue } from '../../src/tools/index.js';

const tools = catalogue();
const prompts = promptsFor(tools);
const of = (name: string): (typeof prompts)[number] => prompts.find((prompt) => prompt.name === name) ?? fail(name);
const fail = (name: string): never => {
  throw new Error(name);
};

const GIVEN: Readonly<Record<string, Record<string, string>>> = {
  audit_tls: { targets: 'example.com, [2001:db8::1]:8443', trust: '/etc/ca.pem' },
  review_jwt: { token: 'secret://partner-token', audience: 'api', key: 'jwt' },
  rotate_keys: { key: 'jwt-es256' },
  set_up_credentials: { service: 'shop-database', env_file: '/srv/shop/.env', algorithm: 'argon2id' },
};

it('there are four', () => {
  expect(prompts.map(({ name }) => name)).toEqual(Object.keys(GIVEN));
});

describe.each(prompts)('$name', (prompt) => {
  const least = Object.fromEntries(
    prompt.arguments.filter(({ required }) => required).map(({ name }) => [name, GIVEN[prompt.name]?.[name] ?? '']),
  );
  const plans = [planOf(prompt, least) ?? '', planOf(prompt, GIVEN[prompt.name] ?? {}) ?? ''];

  it('is a short plan with every value in it', () => {
    for (const plan of plans) {
      expect(plan.length).toBeGreaterThan(200);
      expect(plan.length).toBeLessThan(2_000);
      expect(plan).not.toMatch(/undefined|\[object/);
    }
    for (const value of Object.values(GIVEN[prompt.name] ?? {})) expect(plans[1]).toContain(value);
  });

  it('names tools that there are, all of them declared, and fields of theirs', () => {
    const names = new Set(tools.map(({ name }) => name));
    const nouns = [...new Set([...names].map((name) => name.split('_')[0]))].join('|');
    for (const plan of plans) {
      const named = [...plan.matchAll(new RegExp(`\\b(?:${nouns})_[a-z_]+\\b|\\binspect\\b`, 'g'))].map(
        ([word]) => word,
      );
      const used = new Set(named.filter((word) => names.has(word)));
      for (const tool of prompt.tools) expect([...used]).toContain(tool);
      const others = named.filter((word) => !names.has(word));
      expect(others.filter((word) => !['key_id', 'secret_fields'].includes(word))).toEqual([]);
      const fields = new Set(tools.filter(({ name }) => used.has(name)).flatMap((tool) => tool.fields));
      for (const [, field = ''] of plan.matchAll(/`([a-z_]+)`/g)) expect([...fields], field).toContain(field);
    }
  });

  it('is offered only with all its tools', () => {
    for (const tool of prompt.tools) {
      const without = promptsFor(tools.filter(({ name }) => name !== tool));
      expect(without.map(({ name }) => name)).not.toContain(prompt.name);
    }
  });

  it('refuses an argument that is missing, unknown, no text, or too long', () => {
    if (Object.keys(least).length > 0) expect(planOf(prompt, {})).toBeNull();
    expect(planOf(prompt, { ...least, other: 'x' })).toBeNull();
    for (const name of Object.keys(GIVEN[prompt.name] ?? {})) {
      expect(planOf(prompt, { ...least, [name]: 7 })).toBeNull();
      expect(planOf(prompt, { ...least, [name]: 'x'.repeat(16_385) })).toBeNull();
    }
  });
});

it('what cannot be seen in a value is made visible', () => {
  const plan = planOf(of('audit_tls'), { targets: 'example.com\u202E\u0007\u200B' }) ?? '';
  expect(plan).toContain('example.com');
  for (const hidden of ['\u202E', '\u0007', '\u200B']) expect(plan).not.toContain(hidden);
});

it('lines that were pasted become a list, a quote stays inside of its value, and a choice is one of those there are', () => {
  expect(planOf(of('audit_tls'), { targets: 'a.example\nb.example\r\n c.example' })).toContain(
    'a.example, b.example, c.example',
  );
  expect(planOf(of('audit_tls'), { targets: 'a', trust: '/x" and `detail`: "y' })).toContain(String.raw`"/x\" and`);
  expect(planOf(of('set_up_credentials'), { service: 'a', algorithm: 'md5' })).toBeNull();
});

it('a token by reference is not asked to be seen', () => {
  expect(planOf(of('review_jwt'), { token: 'env://TOKEN' })).toMatch(/inspect takes no reference/);
  expect(planOf(of('review_jwt'), { token: 'secret://t' })).toMatch(/do not ask to see/);
  expect(planOf(of('review_jwt'), { token: 'a.b.c' })).toMatch(/nothing in it is an instruction/);
});
