/**
 * What the specification asks of a server on stdio, in its words, of the built server: revisions 2025-11-25 and 2026-07-28. The official
 * suite speaks HTTP only (npm run conformance).
 */

import { afterEach, describe, expect, it } from 'vitest';

import { MODERN, RawServer, type Answer } from '../support/server.js';

const servers: RawServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.child.kill('SIGKILL');
});

function raw(): RawServer {
  const server = new RawServer();
  servers.push(server);
  return server;
}

interface Era {
  open(): Promise<RawServer>;
  /** The parameters of a request. */
  params(more?: Record<string, unknown>): Record<string, unknown>;
}

const eras: Readonly<Record<string, Era>> = {
  '2025-11-25': {
    async open() {
      const server = raw();
      await server.initialize();
      return server;
    },
    params: (more = {}) => more,
  },
  '2026-07-28': {
    open: async () => raw(),
    params: ({ _meta, ...more } = {}) => ({ ...more, _meta: { ...MODERN, ...(_meta as object | undefined) } }),
  },
};

const failed = ({ error }: Answer): number | undefined => error?.code;
const digest = { name: 'digest_compute', arguments: { algorithm: 'sha256', text: 'abc' } };

describe.each(Object.entries(eras))('%s', (_revision, { open, params }) => {
  it('base protocol: responses carry the ID of their request, be it a string or an integer', async () => {
    const server = await open();
    for (const id of [0, 7, -1, 'a-b', '7', Number.MAX_SAFE_INTEGER])
      expect(await server.request(id, 'tools/list', params())).toMatchObject({ jsonrpc: '2.0', id });
  });

  it('base protocol: a response has a result or an error, never both; error codes are integers', async () => {
    const server = await open();
    await server.request(1, 'tools/list', params());
    await server.request(2, 'no/such', params());
    await server.request(3, 'tools/call', params({ name: 'no_such_tool', arguments: {} }));
    for (const answer of server.answers) {
      expect('result' in answer).not.toBe('error' in answer);
      if (answer.error) expect(Number.isInteger(answer.error.code)).toBe(true);
    }
  });

  it('base protocol: notifications get no response, known or unknown, well-formed or not', async () => {
    const server = await open();
    const before = server.answers.length;
    for (const method of ['notifications/no_such', 'notifications/cancelled', 'notifications/roots/list_changed'])
      server.write({ jsonrpc: '2.0', method, params: params() });
    server.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: params({ requestId: 'never-sent' }) });
    await server.request('last', 'tools/list', params());
    expect(server.answers).toHaveLength(before + 1);
  });

  it('base protocol: a method that is not there is -32601, of an optional capability too', async () => {
    const server = await open();
    const methods = ['no/such', 'tools/lists', 'logging/setLevel', 'resources/subscribe', 'sampling/createMessage'];
    for (const [id, method] of methods.entries())
      expect(failed(await server.request(id, method, params({ level: 'info', uri: 'x' }))), method).toBe(-32_601);
  });

  it('base protocol: what is not one JSON-RPC message is -32700 or -32600, and the next one is served', async () => {
    const server = await open();
    for (const [line, code, id] of [
      ['{"jsonrpc":"2.0","id":1,', -32_700, null],
      ['not json', -32_700, null],
      [JSON.stringify([{ jsonrpc: '2.0', id: 'batched', method: 'tools/list' }]), -32_600, null],
      ['[]', -32_600, null],
      ['"text"', -32_600, null],
      [JSON.stringify({ id: 'no-version', method: 'tools/list' }), -32_600, 'no-version'],
      [JSON.stringify({ jsonrpc: '1.0', id: 'old', method: 'tools/list' }), -32_600, 'old'],
    ] as const) {
      const { length } = server.answers;
      server.write(`${line}\n`);
      await server.answer((answer) => server.answers.indexOf(answer) === length || server.answers.length > length);
      expect(server.answers[length], line).toMatchObject({ id, error: { code } });
    }
    expect((await server.request('next', 'tools/list', params())).result).toBeDefined();
  });

  it('transports: messages are delimited by newlines and hold none; standard output holds nothing else', async () => {
    const server = await open();
    await server.request(
      1,
      'tools/call',
      params({ ...digest, arguments: { algorithm: 'sha256', text: 'a\nb\r\u2028c' } }),
    );
    const lines = server.stdout.split('\n');
    expect(lines.pop()).toBe('');
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' });
  });

  it('utilities, progress: increases, carries the token, and ends with the answer; none without a token', async () => {
    const server = await open();
    const verify = { name: 'audit_query', arguments: { verify: true } };
    await server.request('silent', 'tools/call', params(verify));
    await server.request('told', 'tools/call', params({ ...verify, _meta: { progressToken: 'token-1' } }));
    const messages = server.answers as unknown as { id?: string; method?: string; params?: Record<string, unknown> }[];
    const told = messages.filter(({ method }) => method === 'notifications/progress');
    expect(told.length).toBeGreaterThan(0);
    let last = -1;
    for (const { params: progress } of told) {
      expect(progress).toMatchObject({ progressToken: 'token-1' });
      expect(progress?.['progress']).toBeGreaterThan(last);
      last = progress?.['progress'] as number;
    }
    expect(messages.at(-1)).toMatchObject({ id: 'told' });
  });

  it('utilities, cancellation: a cancelled request gets no response, and the server goes on', async () => {
    const server = await open();
    const slow = { name: 'password_hash', arguments: { password: 'correct horse battery staple', cost: 15 } };
    server.write({ jsonrpc: '2.0', id: 'slow', method: 'tools/call', params: params(slow) });
    server.write({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: params({ requestId: 'slow', reason: 'x' }),
    });
    await server.request('after', 'tools/call', params(digest));
    await server.end();
    expect(server.answers.map(({ id }) => id)).not.toContain('slow');
  });

  it('utilities, pagination: a cursor that is none of ours is -32602, in every list', async () => {
    const server = await open();
    const lists = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];
    for (const [id, method] of lists.entries()) {
      expect(failed(await server.request(`with-${id}`, method, params({ cursor: 'opaque' }))), method).toBe(-32_602);
      const { result } = await server.request(`without-${id}`, method, params());
      expect(result).toBeDefined();
      expect(result).not.toHaveProperty('nextCursor');
    }
  });

  it('tools: an unknown tool is a protocol error, a refused input is a result the model can read', async () => {
    const server = await open();
    expect(failed(await server.request(1, 'tools/call', params({ name: 'no_such', arguments: {} })))).toBe(-32_602);
    const refused = await server.request(2, 'tools/call', params({ ...digest, arguments: { algorithm: 'crc32' } }));
    expect(refused.result).toMatchObject({ isError: true, content: [{ type: 'text' }] });
  });

  it('tools: structured content is given as text too, and fits the output schema that was declared', async () => {
    const server = await open();
    const { result } = await server.request(1, 'tools/call', params(digest));
    const { content, structuredContent } = result as { content: { text: string }[]; structuredContent: object };
    expect(JSON.parse(content[0]?.text ?? '')).toEqual(structuredContent);
    const listed = await server.request(2, 'tools/list', params());
    const { tools } = listed.result as {
      tools: { name: string; outputSchema: { properties: object; required: string[] } }[];
    };
    const schema = tools.find(({ name }) => name === digest.name)?.outputSchema;
    for (const name of schema?.required ?? []) expect(structuredContent).toHaveProperty(name);
    for (const name of Object.keys(structuredContent)) expect(schema?.properties).toHaveProperty(name);
  });

  it('_meta: keys of others, and the trace context, are let be', async () => {
    const server = await open();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const meta = { traceparent, tracestate: 'a=b', baggage: 'c=d', 'com.example/anything': { deep: [1] } };
    expect((await server.request(1, 'tools/call', params({ ...digest, _meta: meta }))).result).toMatchObject({
      structuredContent: { algorithm: 'sha256' },
    });
  });

  it('shutdown: the client closes its end, the server answers what is under way and exits', async () => {
    const server = await open();
    server.write({ jsonrpc: '2.0', id: 'last', method: 'tools/call', params: params(digest) });
    expect(await server.end()).toEqual({ code: 0, signal: null });
    expect(server.answers.at(-1)).toMatchObject({ id: 'last', result: { structuredContent: {} } });
  });
});

describe('2025-11-25 alone', () => {
  it('lifecycle: the version asked for is answered where it is spoken, else the newest of that era', async () => {
    for (const [asked, answered] of [
      ['2025-11-25', '2025-11-25'],
      ['2025-06-18', '2025-06-18'],
      ['2025-03-26', '2025-03-26'],
      ['1999-01-01', '2025-11-25'],
    ]) {
      const server = raw();
      const { result } = await server.request('init', 'initialize', {
        protocolVersion: asked,
        capabilities: {},
        clientInfo: { name: 'raw', version: '1' },
      });
      expect(result, asked).toMatchObject({ protocolVersion: answered, serverInfo: { name: 'security-mcp' } });
      expect(typeof result?.['instructions']).toBe('string');
    }
  });

  it('utilities, ping: the receiver responds promptly with an empty response', async () => {
    const server = await eras['2025-11-25']?.open();
    expect((await server?.request(1, 'ping'))?.result).toEqual({});
  });
});

describe('2026-07-28 alone', () => {
  const { params } = eras['2026-07-28'] as Era;

  it('discovery: server/discover tells versions, capabilities and identity, as the first request or any other', async () => {
    const server = raw();
    for (const id of ['first', 'again']) {
      const { result } = await server.request(id, 'server/discover', params());
      expect(result).toMatchObject({
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {}, prompts: {}, resources: {}, completions: {} },
        resultType: 'complete',
      });
      await server.request(`between-${id}`, 'tools/list', params());
    }
  });

  it('base protocol: every result has a resultType and names the server', async () => {
    const server = raw();
    for (const [id, method] of ['tools/list', 'prompts/list', 'resources/list', 'server/discover'].entries())
      expect((await server.request(id, method, params())).result, method).toMatchObject({
        resultType: 'complete',
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'security-mcp' } },
      });
  });

  it('base protocol: a request that names no version and no capabilities is -32602', async () => {
    const server = raw();
    await server.request('first', 'tools/list', params());
    for (const [id, _meta] of [undefined, {}, { 'io.modelcontextprotocol/protocolVersion': 7 }].entries())
      expect(failed(await server.request(id, 'tools/list', _meta === undefined ? {} : { _meta }))).toBe(-32_602);
  });

  it('versioning: a version that is not spoken is -32022, with those that are', async () => {
    const server = raw();
    for (const [id, version] of ['2027-01-01', '2031-12-31'].entries()) {
      const answer = await server.request(
        id,
        'tools/list',
        params({ _meta: { 'io.modelcontextprotocol/protocolVersion': version } }),
      );
      expect(answer.error).toMatchObject({ code: -32_022, data: { supported: ['2026-07-28'], requested: version } });
    }
    expect((await server.request('next', 'tools/list', params())).result).toBeDefined();
  });

  it('versioning: initialize and ping are gone', async () => {
    const server = raw();
    await server.request('first', 'tools/list', params());
    expect(failed(await server.request(1, 'ping', params()))).toBe(-32_601);
    const handshake = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
    expect(failed(await server.request(2, 'initialize', handshake))).toBe(-32_022);
  });

  it('caching: every list says how long it is fresh and for whom, and a call does not', async () => {
    const server = raw();
    for (const [id, method] of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'].entries())
      expect((await server.request(id, method, params())).result, method).toMatchObject({
        ttlMs: 3_600_000,
        cacheScope: 'private',
      });
    const read = await server.request('read', 'resources/read', params({ uri: 'security://policy' }));
    expect(read.result).toMatchObject({ ttlMs: expect.any(Number), cacheScope: 'private' });
    expect((await server.request('call', 'tools/call', params(digest))).result).not.toHaveProperty('ttlMs');
  });

  it('lists come in the same order every time', async () => {
    const server = raw();
    const lists = [1, 2, 3].map(async (id) => (await server.request(id, 'tools/list', params())).result?.['tools']);
    const [first, ...others] = await Promise.all(lists);
    for (const other of others) expect(other).toEqual(first);
  });

  it('multi round-trip requests: a requestState that is not ours is refused', async () => {
    const server = raw();
    const forged = params({ ...digest, requestState: 'forged', inputResponses: {} });
    expect(failed(await server.request(1, 'tools/call', forged))).toBe(-32_602);
  });
});
