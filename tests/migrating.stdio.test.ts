/** docs/migrating.md: the requests of the earlier service as our calls, and its stored envelopes, answered as the page says. */

import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { callsIn, masked, replaced, type Varies } from './support/documented.js';
import { describeWithPython, python } from './support/python.js';
import { days, issue, issueCa } from './support/pki/certificates.js';
import { withPort } from './support/pki/checking.js';
import { tlsServer, type TlsRunning } from './support/pki/tls-servers.js';
import { RawServer } from './support/server.js';

const page = readFileSync('docs/migrating.md', 'utf8');
const calls = callsIn(page);
const [, JWT_SECRET_KEY = ''] = /`JWT_SECRET_KEY=([\w-]+)`/.exec(page) ?? [];

/** What differs from run to run in the answers of a tool. */
const VARIES: Readonly<Record<string, Varies>> = {
  jwt_sign: { token: 'jwt', issued_at: 'time', expires_at: 'time', jwt_id: 'base64' },
  password_hash: { hash: 'bcrypt' },
  envelope_seal: { envelope: 'envelope' },
  envelope_rewrap: { envelope: 'envelope' },
  certificate_check: { serial: 'hex', not_before: 'time', not_after: 'time', spki_sha256: 'base64', sha256: 'hex' },
};

let server: RawServer;
let shop: TlsRunning;
let count = 0;
async function call(tool: string, input: unknown): Promise<Record<string, unknown>> {
  const { structuredContent, ...result } = await server.call(++count, tool, input);
  expect(result['isError'], JSON.stringify(result)).not.toBe(true);
  return structuredContent as Record<string, unknown>;
}

beforeAll(async () => {
  const at = new Date();
  const root = issueCa({ subject: 'Shop Root', at });
  const san = [{ ip: '127.0.0.1' }, { dns: 'shop.example' }];
  const leaf = issue({ subject: 'shop.example', san, issuer: root, at, notAfter: days(90, at) });
  shop = await tlsServer({ chain: [leaf], privateKey: leaf.privateKey, ecdhCurve: 'X25519' });
  server = new RawServer({ JWT_SECRET_KEY, SECURITY_MCP_NETWORK: 'any' });
  await server.initialize();
});
afterAll(async () => {
  await server.end();
  await shop.close();
});

it('the page has every endpoint of the earlier service, and a call for each', () => {
  const sections = new Map(
    page
      .split('\n## ')
      .slice(1)
      .map((section) => [/^\w+/.exec(section)?.[0], callsIn(section).map(({ tool }) => tool)]),
  );
  expect(sections.get('jwt_token')).toEqual(['jwt_sign', 'jwt_verify']);
  expect(sections.get('password_hash')).toEqual(['password_hash', 'password_strength']);
  expect(sections.get('password_verify')).toEqual(['password_verify']);
  expect(sections.get('encrypt')).toEqual(['envelope_seal', 'envelope_seal', 'envelope_seal']);
  expect(sections.get('decrypt')).toEqual(['envelope_open', 'envelope_open', 'envelope_open']);
  expect(sections.get('Stored')).toEqual(['envelope_rewrap', 'envelope_open', 'envelope_seal']);
  expect(sections.get('ssl_check')).toEqual(['certificate_check']);
  expect(JWT_SECRET_KEY).toHaveLength(44);
});

it('every call is answered as the page says', async () => {
  const here = withPort(shop);
  for (const { tool, input, answer } of calls) {
    const given = await call(tool, replaced(input, [['127.0.0.1:8443', here]]));
    const told = replaced(given, [
      [here, '127.0.0.1:8443'],
      [`port ${shop.port}`, 'port 8443'],
    ]);
    const varies =
      tool === 'envelope_seal' && 'kdf' in answer ? { ...VARIES[tool], salt: 'base64' as const } : VARIES[tool];
    expect(masked(told, varies ?? {}), tool).toEqual(masked(answer, varies ?? {}));
  }
});

it('the text of a stored envelope that was rewrapped is the text that was stored', async () => {
  for (const { tool, input } of calls.filter(({ tool }) => tool === 'envelope_rewrap')) {
    const { envelope } = await call(tool, input);
    expect((await call('envelope_open', { envelope }))['plaintext']).toBe('IBAN DE02 1203 0000 0000 2020 51');
  }
});

/** As the endpoint `encrypt` made them, with its library. */
const ENCRYPT = `
import base64, json, os, sys
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
given = json.load(sys.stdin)
b64 = lambda data: base64.urlsafe_b64encode(data).decode()
salt = os.urandom(16)
derived = b64(PBKDF2HMAC(algorithm=hashes.SHA256(), length=32, salt=salt, iterations=100000).derive(given["password"].encode()))
random = Fernet.generate_key().decode()
sealed = lambda key: b64(Fernet(key).encrypt(given["data"].encode()))
print(json.dumps([
    {"encrypted_data": sealed(derived), "key_derivation": "PBKDF2", "key_info": b64(salt), "algorithm": "Fernet"},
    {"encrypted_data": sealed(random), "key_derivation": "random", "key_info": random, "algorithm": "Fernet"},
]))`;

describeWithPython("made just now with Python's cryptography", () => {
  it('both forms open, and the one under a password moves to a key of the ring', async () => {
    const [data, password] = ['Zoë paid € 12', 'pässword of the earlier service'];
    const [derived, random] = (python(ENCRYPT, { data, password }) as unknown[]).map((one) => JSON.stringify(one));
    expect(await call('envelope_open', { envelope: derived, password })).toMatchObject({ plaintext: data });
    expect(await call('envelope_open', { envelope: random })).toMatchObject({ plaintext: data });
    const { envelope } = await call('envelope_rewrap', { envelope: derived, password, key: 'envelope' });
    expect(await call('envelope_open', { envelope })).toMatchObject({ plaintext: data, key_id: 'envelope.1' });
  });
});
