/**
 * Writes what follows from the catalogue, its recorded examples and the configuration: docs/tools.md, the table of tools in
 * README.md, and the table of variables in docs/configuration.md. With --check it writes nothing and exits 1 where a file is stale.
 */

import { readFileSync, writeFileSync } from 'node:fs';

import { FILE_TWINS, VARIABLES } from '../build/config.js';
import { catalogue } from '../build/tools/index.js';
import { describeTool } from '../build/tools/tool.js';

const check = process.argv.includes('--check');

/** "text", "text or object", "one of a, b", "list of text". */
function typeOf(schema) {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.format === 'date-time') return 'time (RFC 3339)';
  const range = [schema.minimum, schema.maximum].some((bound) => bound !== undefined);
  const bounds = range ? ` ${schema.minimum ?? '…'} to ${schema.maximum ?? '…'}` : '';
  return (
    { string: 'text', integer: `whole number${bounds}`, number: 'number', boolean: 'true or false', object: 'object' }[
      schema.type
    ] ?? 'any'
  );
}

function fieldRows(schema, secrets) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const marks = [
      required.has(name) ? '' : 'optional',
      secrets.some((field) => field.name === name) ? '**secret**' : '',
      field.description ?? '',
    ];
    return `| \`${name}\` | ${typeOf(field)} | ${marks.filter((mark) => mark !== '').join('; ')} |`;
  });
}

const WIDTH = 100;

/** JSON on one line, with the spaces of a reader. */
function onOneLine(value) {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${onOneLine(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

/** JSON for reading: on one line what fits there, else one line for each member. */
function laidOut(value, indent = '') {
  const line = onOneLine(value);
  if (typeof value !== 'object' || value === null || indent.length + line.length <= WIDTH) return line;
  const isList = Array.isArray(value);
  const inner = `${indent}  `;
  const members = Object.entries(value).map(
    ([name, member]) => `${inner}${isList ? '' : `${JSON.stringify(name)}: `}${laidOut(member, inner)}`,
  );
  return `${isList ? '[' : '{'}\n${members.join(',\n')}\n${indent}${isList ? ']' : '}'}`;
}

const examples = JSON.parse(readFileSync('docs/examples.json', 'utf8'));

function exampleOf(name) {
  const { input, answer, note } = examples.find(({ tool }) => tool === name);
  return [
    ...(note === undefined ? [] : [note, '']),
    '```',
    `→ ${name} ${laidOut(input)}`,
    `← ${laidOut(answer)}`,
    '```',
    '',
  ];
}

function toolSection(tool) {
  const listing = describeTool(tool);
  const hints = Object.entries(listing.annotations).filter(([, value]) => value);
  return [
    `## ${tool.name}`,
    '',
    `*${tool.title}.* ${tool.description}`,
    '',
    `Effect: ${tool.effect}. Reach: ${tool.reach}. Cost: ${tool.cost}. Hints: ${hints.map(([name]) => name).join(', ') || 'none'}. In the audit log: ${[...tool.audit, ...tool.auditOutput].join(', ') || 'no field'}.`,
    '',
    '| input | type | |',
    '|---|---|---|',
    ...fieldRows(listing.inputSchema, tool.secretFields),
    '',
    '| output | type | |',
    '|---|---|---|',
    ...fieldRows(listing.outputSchema, []),
    '',
    ...exampleOf(tool.name),
  ].join('\n');
}

const reference = [
  '# Tool reference',
  '',
  'Generated from the catalogue by `npm run docs`. A **secret** field takes the text itself, or `{"literal": "..."}` where the text looks like a reference (`secret://`, `env://`).',
  'Success comes as structured content and as the same JSON in text; a refusal as `isError` with the text `{"error": {code, message, hint}}`.',
  '',
  'The examples (`→` the call, `←` the answer) are one session in the folder `/home/ada/shop` of `SECURITY_MCP_FILES`; a test makes the same calls and gets the same answers, apart from what is random or a time.',
  '',
  ...catalogue().map(toolSection),
].join('\n');

const toolTable = [
  '| tool | does |',
  '|---|---|',
  ...catalogue().map((tool) => `| [\`${tool.name}\`](docs/tools.md#${tool.name}) | ${tool.description} |`),
].join('\n');

const environmentTable = [
  '| variable | default | |',
  '|---|---|---|',
  ...VARIABLES.map(([name, fallback, meaning]) => {
    const twin = `${name}_FILE`;
    const names = FILE_TWINS.includes(twin) ? [name, twin] : [name];
    return `| ${names.map((entry) => `\`${entry}\``).join(', ')} | ${fallback} | ${meaning} |`;
  }),
].join('\n');

function between(path, name, content) {
  const text = readFileSync(path, 'utf8');
  const [begin, end] = [`<!-- ${name}: generated -->`, `<!-- ${name}: end -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to === -1) throw new Error(`${path} has no place for the ${name} table`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

const files = {
  'docs/tools.md': reference,
  'docs/configuration.md': between('docs/configuration.md', 'environment', environmentTable),
  'README.md': between('README.md', 'tools', toolTable),
};

let stale = 0;
for (const [path, content] of Object.entries(files)) {
  let current = '';
  try {
    current = readFileSync(path, 'utf8');
  } catch {
    // not there yet
  }
  if (current === content) continue;
  stale++;
  if (check) console.error(`${path} is stale: run npm run docs`);
  else writeFileSync(path, content);
}
process.exitCode = check && stale > 0 ? 1 : 0;
