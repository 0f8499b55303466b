/** The catalogue as a whole: every schema as a snapshot, what it costs a model to read, and that the documents follow it. */

import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { BUDGET, tokensOfList, tokensOfTool } from '../docs/token-count.mjs';
import { catalogue } from '../src/tools/index.js';
import { preparedList } from '../src/tools/prepared.js';
import { TOOLSET_NAMES } from '../src/tools/toolsets.js';
import { describeTool } from '../src/tools/tool.js';

const tools = catalogue();
const listing = tools.map(describeTool);

describe('the catalogue', () => {
  it('is this, to the letter (a change here is a change of contract: say it in CHANGELOG.md)', () => {
    expect(listing).toMatchSnapshot();
  });

  it('comes in the same order every time', () => {
    expect(catalogue().map(describeTool)).toEqual(listing);
  });

  it('stays within the budget: 24 tools, 4,400 tokens without output schemas, 7,500 with, 700 a tool', () => {
    expect(BUDGET).toMatchObject({ tools: 24, withoutOutput: 4_400, withOutput: 7_500, oneTool: 700 });
    const whole = tokensOfList(listing);
    expect(listing.length).toBeLessThanOrEqual(BUDGET.tools);
    expect(whole.withoutOutput).toBeLessThanOrEqual(BUDGET.withoutOutput);
    expect(whole.withOutput).toBeLessThanOrEqual(BUDGET.withOutput);
    for (const tool of listing) expect(tokensOfTool(tool).withOutput, tool.name).toBeLessThanOrEqual(BUDGET.oneTool);
  });

  it('narrows by toolset and to tools without effect', () => {
    expect(catalogue(['jwt']).map((tool) => tool.name)).toEqual(['jwt_sign', 'jwt_verify']);
    expect(catalogue(TOOLSET_NAMES, true).every((tool) => tool.effect === 'none')).toBe(true);
    expect(catalogue(TOOLSET_NAMES, true).map((tool) => tool.name)).not.toContain('jwt_sign');
  });

  it('is told by the build as the declarations say it, however it is narrowed', () => {
    for (const readOnly of [false, true])
      for (const toolsets of [TOOLSET_NAMES, ...TOOLSET_NAMES.map((name) => [name])])
        expect(preparedList(toolsets, readOnly)).toEqual(
          JSON.parse(JSON.stringify(catalogue(toolsets, readOnly).map(describeTool))),
        );
    expect(readFileSync('dist/tools/list.json', 'utf8')).toBe(readFileSync('build/tools/list.json', 'utf8'));
  });
});

describe.each(listing)('$name', (tool) => {
  it('has a name that every client takes, a title and a description under 1,000 characters', () => {
    expect(tool.name).toMatch(/^[a-z]+(?:_[a-z]+)?$/);
    expect(tool.name.length).toBeLessThan(40);
    expect(tool.title.length).toBeGreaterThan(3);
    expect(tool.description.length).toBeGreaterThan(40);
    expect(tool.description.length).toBeLessThan(1_000);
  });

  it('has two plain object schemas at the top level', () => {
    for (const schema of [tool.inputSchema, tool.outputSchema]) {
      expect(schema.type).toBe('object');
      for (const combinator of ['oneOf', 'anyOf', 'allOf', '$ref', '$schema'])
        expect(schema).not.toHaveProperty(combinator);
    }
    expect(tool.inputSchema['additionalProperties']).toBe(false);
  });

  it('states all four annotations, as its effect and reach say', () => {
    const declared = tools.find(({ name }) => name === tool.name);
    expect(tool.annotations).toEqual({
      readOnlyHint: declared?.effect === 'none',
      destructiveHint: declared?.effect === 'destroys',
      idempotentHint: declared?.effect === 'none',
      openWorldHint: declared?.reach === 'network',
    });
  });

  it('lets no secret field and only fields of its own into the audit log', () => {
    const declared = tools.find(({ name }) => name === tool.name);
    for (const field of declared?.audit ?? []) {
      expect(declared?.secretFields.map(({ name }) => name)).not.toContain(field);
      expect(declared?.fields).toContain(field);
    }
  });
});

it('marks as secret every field that the contract marks', () => {
  const secrets = Object.fromEntries(tools.map((tool) => [tool.name, tool.secretFields.map(({ name }) => name)]));
  expect(secrets).toEqual({
    password_hash: ['password'],
    password_verify: ['password', 'hash'],
    password_strength: ['password'],
    digest_compute: ['key'],
    jwt_sign: [],
    jwt_verify: ['token'],
    envelope_seal: ['plaintext', 'password', 'fernet_key'],
    envelope_open: ['password', 'fernet_key'],
    envelope_rewrap: ['password', 'new_password'],
    file_encrypt: ['password'],
    file_decrypt: ['password', 'identity'],
    secret_generate: [],
    secret_request: [],
    secret_deliver: [],
    secret_list: [],
    secret_delete: [],
    key_create: [],
    key_rotate: [],
    key_retire: [],
    key_list: [],
    certificate_check: [],
    certificate_verify: ['password'],
    inspect: [],
    audit_query: [],
  });
});

describe('the documents', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

  it('the changelog tells of this version', () => {
    expect(readFileSync('CHANGELOG.md', 'utf8')).toContain(`## ${version}`);
  });

  it('mcp.json has one server, named security, that runs the built program', () => {
    const config = JSON.parse(readFileSync('mcp.json', 'utf8')) as unknown;
    expect(config).toEqual({ mcpServers: { security: { command: 'node', args: ['dist/main.js'] } } });
  });
});
