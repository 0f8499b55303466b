/** Inputs of a tool as arbitraries: what its schema allows, valid artefacts where its fields take them, and what no schema expects. */

import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { z } from 'zod';

import type { Tool } from '../../src/tools/tool.js';
import * as valid from './artefacts.js';
import { changed, hostileJson, WORDS } from './changes.js';

/** Planted in hostile values and in the names of fields: no refusal may repeat it. */
export const CANARY = 'canary-f022';
/** Planted in secrets alone: neither a refusal nor the audit may hold it. */
export const SECRET_CANARY = 'canary-5ec7 violet anchor';

interface Schema {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  items?: Schema;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  maxItems?: number;
  format?: string;
}

const text = (maxLength = 64): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: Math.min(maxLength, 40) }),
    fc.string({ unit: 'binary', maxLength: Math.min(maxLength, 40) }),
    fc.constantFrom<string>(...WORDS, CANARY, `${CANARY}\0`, `${CANARY}\ud800`),
    // About as long as is allowed, and over it.
    fc.constantFrom(-1, 0, 1).map((more) => 'x'.repeat(Math.max(0, Math.min(maxLength, 2_000_000) + more))),
  );

const pools: Readonly<Record<string, (paths: readonly string[]) => fc.Arbitrary<unknown>>> = {
  token: () => changed(valid.tokens),
  jwks: () => fc.oneof(changed(valid.jwks), changed(valid.jwks).map(parsed)),
  public_key: () => changed(valid.pems),
  envelope: () => changed(valid.envelopes),
  hash: () => changed(valid.passwordHashes.slice(0, 2)),
  fernet_key: () => changed(valid.fernetTokens),
  certificates: () => fc.oneof(changed(valid.pems), binary([...valid.certificates, ...valid.pkcs7, ...valid.pkcs12])),
  trust: (paths) => fc.oneof({ weight: 4, arbitrary: changed(valid.pems) }, { weight: 1, arbitrary: changed(paths) }),
  crls: () => fc.array(changed(valid.pems), { maxLength: 3 }),
  ocsp_response: () => binary(valid.ocspResponses),
  base64: () => binary([...valid.certificates, ...valid.pkcs12, ...valid.crls]),
  text: () => changed([...valid.tokens, ...valid.envelopes, ...valid.pems, ...valid.passwordHashes, ...valid.sshKeys]),
  identity: () => changed(valid.ageIdentities),
  recipients: () => fc.array(changed(valid.sshKeys), { maxLength: 3 }),
  targets: () => fc.array(changed(valid.targets), { maxLength: 3 }),
  server_name: () => changed(valid.targets),
  checkpoint: () => changed(valid.checkpoints),
  path: (paths) => changed(paths),
  output: (paths) => changed(paths),
  at: () => changed(['2026-06-01T12:00:00Z', '9999-12-31T23:59:59+14:00', '0000-01-01T00:00:00Z']),
  since: () => changed(['2026-06-01T12:00:00Z']),
  not_before: () => changed(['2026-06-01T12:00:00Z']),
  name: () => changed(['jwt', 'envelope', 'hmac', 'file', 'typed', 'told', 'new']),
  key: () => changed(['jwt', 'envelope', 'hmac', 'file', 'secret://typed']),
  key_name: () => changed(['hmac', 'hmac.1', 'hmac.2']),
  save_as: () => changed(['kept', 'typed', 'a.b_c-d']),
  reference: () => changed(['secret://typed', 'secret://told', 'env://EXPOSED']),
  claims: () => fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('exp', '__proto__', 'toString')), hostileJson),
};

const references = changed(['secret://typed', 'secret://told', 'env://EXPOSED', 'env://JWT_SECRET_KEY', 'secret://']);

/** Of a secret: what was planted, references, and what is none of these. */
function secretInput(pool: fc.Arbitrary<unknown> | undefined): fc.Arbitrary<unknown> {
  const literal = fc.oneof(
    fc.constantFrom('', SECRET_CANARY, `${SECRET_CANARY}\0`, 'correct horse battery staple', 'secret'),
    references,
    ...(pool === undefined ? [] : [pool, pool, pool]),
  );
  return fc.oneof({ weight: 4, arbitrary: literal }, { weight: 1, arbitrary: fc.record({ literal }) });
}

/** What is only base64 of something. */
function binary(artefacts: readonly string[]): fc.Arbitrary<string> {
  return changed(artefacts).map((bytes) => Buffer.from(bytes, 'latin1').toString('base64'));
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(fitting));
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number': {
      const { minimum = 0, maximum = 1_000 } = schema;
      const least = Math.max(minimum, -1e9);
      const most = Math.min(maximum, 1e9);
      return fc.oneof(fc.integer({ min: least, max: Math.max(least, most) }), fc.constantFrom(minimum, maximum));
    }
    case 'array':
      return fc.array(fitting(schema.items ?? {}), { maxLength: Math.min(schema.maxItems ?? 4, 4) + 1 });
    case 'object':
      return fc.dictionary(fc.string(), hostileJson, { maxKeys: 3 });
    case 'string':
      return text(schema.maxLength);
    default:
      return hostileJson;
  }
}

const hostile = fc.oneof(
  hostileJson,
  text(),
  fc.constantFrom<unknown>(Infinity, -Infinity, { [CANARY]: CANARY }, [CANARY]),
);

/** Names that no tool has, or that objects have by nature. */
const strayName = fc.constantFrom(CANARY, '__proto__', 'constructor', 'toString', 'arguments', 'literal', '', '\0');

interface Example {
  tool: string;
  input: Record<string, unknown>;
}

/** The calls that the documentation shows: what is near to them comes further than what the schema alone gives. */
const EXAMPLES = JSON.parse(readFileSync('docs/examples.json', 'utf8')) as Example[];

type Entry = [name: string, value: unknown];

/** An object with these fields, whatever their names. */
function objectOf(entries: readonly Entry[]): Record<string, unknown> {
  const object = {};
  for (const [name, value] of entries)
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  return object;
}

/**
 * Arguments as a line of JSON can hold them: mostly objects with the fields of the tool, each left out, fitting, made of an artefact
 * or hostile, or an example with one or two of its fields changed; now and then with fields the tool does not have, or no object at all.
 */
export function inputsOf(tool: Tool, paths: readonly string[]): fc.Arbitrary<unknown> {
  const { properties = {}, required = [] } = z.toJSONSchema(tool.input, { io: 'input' }) as Schema & {
    required?: string[];
  };
  const secrets = new Set(tool.secretFields.map(({ name }) => name));
  const values = Object.entries(properties).map(([name, schema]): [string, fc.Arbitrary<Entry>] => {
    const pool = pools[name]?.(paths);
    const fit = secrets.has(name) ? secretInput(pool) : (pool ?? fitting(schema));
    const value = fc.oneof({ weight: 16, arbitrary: fit }, { weight: 1, arbitrary: hostile });
    return [name, value.map((one): Entry => [name, one])];
  });
  // Few optional fields at a time: most of them exclude one another.
  const fields = values.map(([name, entry]) => {
    const [given, left] = required.includes(name) ? [20, 1] : [1, 3];
    return fc.oneof(
      { weight: given, arbitrary: entry.map((one) => [one]) },
      { weight: left, arbitrary: fc.constant<Entry[]>([]) },
    );
  });
  const strays = fc.oneof(
    { weight: 12, arbitrary: fc.constant<Entry[]>([]) },
    { weight: 1, arbitrary: fc.tuple(strayName, hostile).map((entry): Entry[] => [entry]) },
  );
  const made = fc.tuple(fc.tuple(...fields), strays).map(([given, more]) => objectOf([...given.flat(), ...more]));
  const examples = EXAMPLES.filter((example) => example.tool === tool.name).map(({ input }) => Object.entries(input));
  const near = fc
    .tuple(
      fc.constantFrom(...examples, []),
      fc.array(fc.oneof(...values.map(([, entry]) => entry)), { maxLength: 2 }),
      fc.constantFrom(...paths),
    )
    .map(([example, changes, path]) =>
      objectOf([...example.map(([name, value]): Entry => [name, name === 'path' ? path : value]), ...changes]),
    );
  return fc.oneof({ weight: 12, arbitrary: made }, { weight: 7, arbitrary: near }, { weight: 1, arbitrary: hostile });
}
