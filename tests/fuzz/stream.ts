/** Parts of a stream of JSON-RPC as arbitraries: requests, well formed and not, with what may be answered, and everything that is no request. */

import fc from 'fast-check';

import { LINE_LIMITS } from '../../src/transport.js';
import { MODERN } from '../support/server.js';
import { changed, hostileJson, WORDS } from './changes.js';

export type Id = string | number;

/** What goes over the line, and how often each of its ids is to be answered: null where it may be answered or not. */
export interface Part {
  bytes: Buffer;
  answers: [Id, number | null][];
}

/** A part, once it is known under which ids: the first of its own. */
export type Made = (first: number) => Part;

export type Era = 'legacy' | 'modern';

/** Ids that readers have taken for one another, or for something else; each other for another number. */
const ID_FORMS: readonly ((n: number) => Id)[] = [
  (n) => n,
  (n) => -n,
  (n) => String(n),
  (n) => `__proto__${n}`,
  (n) => `\0"\\${n}`,
  (n) => `\u{1f4a9}\u202e${n}`,
  (n) => `${n}${'x'.repeat(240)}`,
];

const line = (message: unknown, end = '\n'): Buffer => Buffer.from(`${JSON.stringify(message)}${end}`);

export function parts(era: Era): fc.Arbitrary<Made> {
  const withMeta = (params: Record<string, unknown>): Record<string, unknown> =>
    era === 'modern' ? { ...params, _meta: MODERN } : params;
  const call = (name: string, input: unknown): [string, Record<string, unknown>] => [
    'tools/call',
    { name, arguments: input },
  ];
  const sound: [string, Record<string, unknown>][] = [
    ['tools/list', {}],
    ['prompts/list', {}],
    ['resources/list', {}],
    call('digest_compute', { algorithm: 'sha256', text: 'abc' }),
    call('inspect', { text: 'e30.e30.' }),
    call('key_list', {}),
    call('password_strength', { password: 'correct horse' }),
    call('no_such_tool', {}),
    ['no/such', {}],
  ];
  const idForm = fc.constantFrom(...ID_FORMS);
  const method = fc.constantFrom(...sound);
  const request = (id: Id, [name, params]: (typeof sound)[number]): Record<string, unknown> => ({
    jsonrpc: '2.0',
    id,
    method: name,
    params: withMeta(params),
  });

  const requests = fc
    .record({ form: idForm, method, end: fc.constantFrom('\n', '\r\n', ' \n', '\n\n \n') })
    .map(({ form, method, end }): Made => (n) => ({
      bytes: line(request(form(n), method), end),
      answers: [[form(n), 1]],
    }));

  const hostileArguments = fc
    .record({ form: idForm, tool: fc.constantFrom('digest_compute', 'inspect', 'jwt_verify'), given: hostileJson })
    .map(({ form, tool, given }): Made => (n) => {
      const bytes = line(request(form(n), call(tool, given)));
      return { bytes, answers: [[form(n), 1]] };
    });

  /** Refused one way or the other, and told so under its id. */
  const malformed = fc
    .record({
      form: idForm,
      wrong: fc.constantFrom<Record<string, unknown>>(
        { jsonrpc: '1.0' },
        { jsonrpc: undefined },
        { method: 5 },
        { method: null },
        { method: 'x'.repeat(1_000) },
        { method: undefined },
        { params: [] },
        { params: 'text' },
        { params: { _meta: 5 } },
        { params: { _meta: { progressToken: {} } } },
        { params: { _meta: { ...MODERN, 'io.modelcontextprotocol/protocolVersion': '1999-01-01' } } },
      ),
    })
    .map(({ form, wrong }): Made => (n) => ({
      bytes: line({ ...request(form(n), ['no/such', {}]), ...wrong }),
      answers: [[form(n), 1]],
    }));

  const twice = method.map((method): Made => (n) => {
    const one = line(request(n, method));
    return { bytes: Buffer.concat([one, one]), answers: [[n, 2]] };
  });

  const cancelled = fc
    .record({ form: idForm, method, reason: hostileJson })
    .map(({ form, method, reason }): Made => (n) => {
      const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: form(n), reason } };
      return { bytes: Buffer.concat([line(request(form(n), method)), line(cancel)]), answers: [[form(n), null]] };
    });

  const notifications = fc
    .record({
      method: fc.constantFrom('notifications/cancelled', 'notifications/progress', 'notifications/x', 'x', ''),
      params: fc.oneof(hostileJson, fc.record({ requestId: hostileJson, progressToken: hostileJson })),
    })
    .map((notification): Made => () => ({ bytes: line({ jsonrpc: '2.0', ...notification }), answers: [] }));

  const responses = fc
    .record({ id: fc.oneof(hostileJson, fc.nat()), result: hostileJson, error: hostileJson })
    .map((response): Made => () => ({ bytes: line({ jsonrpc: '2.0', ...response }), answers: [] }));

  const batches = method.map((method): Made => (n) => ({
    bytes: line([request(n, method), request(n + 1, method)]),
    answers: [
      [n, 0],
      [n + 1, 0],
    ],
  }));

  const deep = fc.constantFrom('[', '{"a":').map((open): Made => (n) => {
    const [inner, close] = open === '[' ? ['', ']'] : ['1', '}'];
    const nested = open.repeat(5_000) + inner + close.repeat(5_000);
    const text = `{"jsonrpc":"2.0","id":${n},"method":"x","params":{"a":${nested}}}\n`;
    return { bytes: Buffer.from(text), answers: [[n, 1]] };
  });

  const oversized = fc.boolean().map((first): Made => (n) => {
    const id = `"id":${n}`;
    const filler = `"params":{"a":"${'x'.repeat(LINE_LIMITS.bytes)}","id":0}`;
    const members = first ? [id, filler] : [filler, id];
    return { bytes: Buffer.from(`{"jsonrpc":"2.0","method":"x",${members.join(',')}}\n`), answers: [[n, 1]] };
  });

  const flood = fc.constant(LINE_LIMITS.pending + 30).map((count): Made => (n) => {
    const ids = Array.from({ length: count }, (_, i) => `flood-${n}-${i}`);
    return {
      bytes: Buffer.concat(ids.map((id) => line(request(id, ['no/such', {}])))),
      answers: ids.map((id) => [id, 1]),
    };
  });

  const garbage = fc
    .oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(...WORDS).map((word) => Buffer.from(word)),
      fc.constant(Buffer.from('{"jsonrpc":"2.0","id":"\xff\xfe","method":"x"}', 'latin1')),
    )
    .map((bytes): Made => () => ({ bytes: Buffer.concat([bytes, Buffer.from('\n')]), answers: [] }));

  /** Whose ids nothing else has. */
  const lines = sound.map((method) => JSON.stringify(request('changed', method)));
  const changedLines = changed(lines).map((text): Made => () => ({
    bytes: Buffer.from(`${text.slice(0, 20_000)}\n`),
    answers: [],
    strays: true,
  }));

  return fc.oneof(
    { weight: 12, arbitrary: requests },
    { weight: 4, arbitrary: hostileArguments },
    { weight: 4, arbitrary: malformed },
    { weight: 2, arbitrary: twice },
    { weight: 4, arbitrary: cancelled },
    { weight: 4, arbitrary: notifications },
    { weight: 3, arbitrary: responses },
    { weight: 2, arbitrary: batches },
    { weight: 2, arbitrary: deep },
    { weight: 6, arbitrary: garbage },
    { weight: 6, arbitrary: changedLines },
    { weight: 1, arbitrary: fc.oneof({ weight: 4, arbitrary: requests }, { weight: 1, arbitrary: oversized }) },
    { weight: 1, arbitrary: fc.oneof({ weight: 4, arbitrary: requests }, { weight: 1, arbitrary: flood }) },
  );
}
