/** Bad input to every tool: a clear error that names the field and the next step, and never the value. */

import { describe, expect, it } from 'vitest';

import { catalogue } from '../../src/tools/index.js';
import { bench, refused } from '../support/pipeline.js';
import { issue } from '../support/pki/certificates.js';

const CANARY = 'canary-e7d2';
const PASSWORD = 'correct horse battery staple';
const CERTIFICATE = issue({ subject: 'CN=a.test', san: ['a.test'] }).pem;
const key = Buffer.alloc(32, 1).toString('base64url').padEnd(44, '=');

/** For each tool: an input, and what the error must begin with. */
const BAD: Record<string, [Record<string, unknown>, string][]> = {
  password_hash: [
    [{}, 'password is missing: it must be text'],
    [{ password: null }, 'password must be text'],
    [JSON.parse(`{"password":"x","__proto__":{"a":"${CANARY}"}}`) as Record<string, unknown>, 'A field was given'],
    [{ arguments: { password: CANARY } }, 'password is missing: it must be text; the arguments must be one object'],
    [{ password: PASSWORD, algorithm: CANARY }, 'algorithm must be one of bcrypt, argon2id'],
    [{ password: PASSWORD, cost: CANARY }, 'cost must be a number'],
    [{ password: PASSWORD, cost: 10.5 }, 'cost must be a whole number'],
    [{ password: PASSWORD, cost: 1e9 }, 'cost must be at most 15'],
    [{ password: PASSWORD, cost: 9 }, 'cost must be from 10 to 15 for bcrypt'],
    [{ password: PASSWORD, cost: 11, algorithm: 'argon2id' }, 'cost must be from 2 to 10 for argon2id'],
    [{ password: PASSWORD, allow_weak: 'yes' }, 'allow_weak must be true or false'],
    [{ password: PASSWORD, user_inputs: CANARY }, 'user_inputs must be a list'],
    [{ password: PASSWORD, user_inputs: ['a', 5] }, 'user_inputs[1] must be text'],
    [
      { password: PASSWORD, user_inputs: Array.from({ length: 21 }, () => 'a') },
      'user_inputs must be at most 20 entries',
    ],
    [{ password: 'x'.repeat(4_097) }, 'password must be at most 4096 characters'],
    [{ password: `${CANARY} marmalade teapot\0` }, 'password holds a NUL character'],
  ],
  password_verify: [
    [{ password: 'x' }, 'hash is missing: it must be text'],
    [{ password: 'x', hash: CANARY }, 'hash is not a bcrypt'],
    [
      { password: 'x', hash: '$2b$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' },
      'hash names a cost over the limit',
    ],
    [{ password: 'x', hash: 'x', account: 'a b' }, 'account must be 1 to 128 letters'],
  ],
  password_strength: [[{ password: 5 }, 'password must be text']],
  digest_compute: [
    [{}, 'algorithm is missing: it must be one of sha256'],
    [{ algorithm: 'crc32', text: '' }, 'algorithm must be one of sha256'],
    [{ algorithm: 'sha256' }, 'text or base64 or hex or path: exactly one of them is needed'],
    [{ algorithm: 'sha256', text: 'a', key: 'k', key_name: 'a' }, 'key_name and key exclude each other'],
    [{ algorithm: 'sha256', text: 'a', key_name: CANARY.toUpperCase() }, 'key_name must be a key name'],
    [{ algorithm: 'sha256', text: 'a', key_name: 'no-such-key' }, 'key names no key of the ring'],
    [{ algorithm: 'sha256', text: 'a', key_name: 'no-such-key.1' }, 'key names no key of the ring'],
    [{ algorithm: 'sha256', text: 'a', hex: '00' }, 'text or base64 or hex or path: exactly one of them is needed'],
    [{ algorithm: 'sha256', text: '', path: '/a' }, 'text or base64 or hex or path: exactly one of them is needed'],
    [{ algorithm: 'sha256', path: '' }, 'path must be at least 1 characters'],
    [{ algorithm: 'sha256', path: [CANARY] }, 'path must be text'],
    [{ algorithm: 'sha256', path: `/${CANARY.repeat(500)}` }, 'path must be at most 4096 characters'],
    [{ algorithm: 'sha256', path: `/${CANARY}\ud800` }, 'path holds half of a surrogate pair'],
    [{ algorithm: 'sha256', path: `/${CANARY}` }, 'path cannot be used: no folder is allowed'],
    [{ algorithm: 'sha256', path: `/${CANARY}`, key: '' }, 'key is empty'],
    [{ algorithm: 'sha256', path: `/${CANARY}`, expected: CANARY }, 'expected is not hex'],
    [{ algorithm: 'sha256', hex: 'abc' }, 'hex is not hex'],
    [{ algorithm: 'sha256', base64: '?' }, 'base64 is not base64'],
    [{ algorithm: 'sha256', text: 'a', expected: CANARY }, 'expected is not hex'],
    [{ algorithm: 'sha256', text: 'a', key: '' }, 'key is empty'],
    [{ algorithm: 'sha256', text: 'a', key: CANARY, key_encoding: 'hex' }, 'key is not hex'],
    [{ algorithm: 'sha256', text: 'a', key_encoding: 'hex' }, 'key_encoding is given without key'],
    [{ algorithm: 'sha256', text: 'a\ud800' }, 'text holds half of a surrogate pair'],
    [{ algorithm: 'sha256', text: 'a'.repeat(1_048_577) }, 'text must be at most 1048576 characters'],
    [{ algorithm: 'sha256', text: 'é'.repeat(1_048_576) }, 'text is over 1048576 bytes'],
  ],
  jwt_sign: [
    [{ claims: { exp: 1 } }, 'claims holds exp, which has a field of its own'],
    [{ claims: { iss: 1, sub: 2 } }, 'claims holds iss, sub, which has a field of its own'],
    [{ claims: CANARY }, 'claims must be an object'],
    [{ claims: { a: 'x'.repeat(20_000) } }, 'claims is over 16384 bytes'],
    [
      { claims: JSON.parse(`{"a":${'['.repeat(100)}${']'.repeat(100)}}`) as object },
      'claims nests deeper than 16 levels',
    ],
    [{ ttl_seconds: -300 }, 'ttl_seconds must be at least 1'],
    [{ ttl_seconds: 86_401 }, 'ttl_seconds must be at most 86400'],
    [{ ttl_seconds: 60, allow_missing_expiry: true }, 'allow_missing_expiry and ttl_seconds exclude each other'],
    [{ not_before: 'tomorrow' }, 'not_before must be a time in RFC 3339'],
    [{ not_before: '2026-06-01T13:00:00Z', ttl_seconds: 60 }, 'not_before is at or after the expiry'],
    [{ key: 'No Such Key' }, 'key must be 1 to 64 lower-case letters'],
    [{ key: 'no-such-key' }, 'key names no key of the ring'],
    [{ key: 'jwt-secret-key', algorithm: 'ES256' }, 'key and algorithm do not fit together'],
    [{ audience: [] }, 'audience must be at least 1 entries'],
    [{ subject: '' }, 'subject must be at least 1 characters'],
    [{ algorithm: 'none' }, 'algorithm must be one of HS256'],
  ],
  jwt_verify: [
    [{}, 'token is missing'],
    [{ token: 'x', public_key: CANARY }, 'public_key is not a public key or certificate in PEM'],
    [{ token: 'x', public_key: '-----BEGIN PRIVATE KEY-----' }, 'public_key holds a private key'],
    [{ token: 'x', jwks: CANARY }, 'jwks is not a JWK Set or a JWK'],
    [{ token: 'x', jwks: { keys: [] } }, 'jwks must hold 1 to 32 keys'],
    [{ token: 'x', jwks: {}, public_key: 'x' }, 'jwks is given together with another source of keys'],
    [{ token: 'x', clock_tolerance_seconds: 301 }, 'clock_tolerance_seconds must be at most 300'],
    [{ token: 'x', required_claims: [1] }, 'required_claims[0] must be text'],
  ],
  envelope_seal: [
    [{ plaintext: 'x', password: PASSWORD, fernet_key: key }, 'password and fernet_key and key: only one of them'],
    [{ plaintext: 'x', password: PASSWORD, key: 'a' }, 'password and fernet_key and key: only one of them'],
    [{ plaintext: 'x', format: 'fernet' }, 'format cannot be fernet with a key of the ring'],
    [{ plaintext: 'x', iterations: 600_000 }, 'iterations has no meaning with a key of the ring'],
    [{ plaintext: 'x', key: 'no-such-key' }, 'key names no key of the ring'],
    [{ plaintext: 'x', key: CANARY.toUpperCase() }, 'key must be 1 to 64 lower-case letters'],
    [{ plaintext: 'x', fernet_key: CANARY }, 'fernet_key is not a Fernet key'],
    [{ plaintext: 'x', fernet_key: key, context: 'c' }, 'context cannot be bound by Fernet'],
    [{ plaintext: 'x', fernet_key: key, format: 'jwe' }, 'fernet_key cannot seal a JWE'],
    [{ plaintext: 'x', fernet_key: key, iterations: 600_000 }, 'iterations has no meaning with fernet_key'],
    [{ plaintext: 'x', password: 'hunter2' }, 'password is too weak'],
    [
      { plaintext: 'x', password: PASSWORD, iterations: 1_000 },
      'iterations must be from 220000 to 2000000 for this format',
    ],
    [{ plaintext: 'x', password: PASSWORD, iterations: 1e9 }, 'iterations must be at most 2000000'],
    [{ plaintext: 'é'.repeat(300_000), fernet_key: key }, 'plaintext is over 524288 bytes'],
    [{ password: PASSWORD }, 'plaintext is missing'],
  ],
  envelope_open: [
    [{ password: 'x' }, 'envelope is missing'],
    [{ envelope: '{}' }, 'password or fernet_key is needed'],
    [{ envelope: '{}', password: 'x', fernet_key: key }, 'password and fernet_key: only one of them can be given'],
    [{ envelope: '{}', fernet_key: CANARY }, 'fernet_key is not a Fernet key'],
    [{ envelope: CANARY, password: 'x' }, 'The envelope could not be opened.'],
    [{ envelope: '{}', password: 'x', max_age_seconds: -1 }, 'max_age_seconds must be at least 0'],
  ],
  envelope_rewrap: [
    [{ envelope: '{}' }, 'password is needed'],
    [{ envelope: '{}', password: 'x', new_password: 'hunter2' }, 'new_password is too weak'],
    [{ envelope: '{}', password: 'x', iterations: 100_000 }, 'iterations must be from 220000'],
    [{ envelope: CANARY, password: 'x' }, 'The envelope could not be opened.'],
    [{ envelope: '{}', password: 'x', new_password: PASSWORD, key: 'a' }, 'key and new_password exclude each other'],
    [{ envelope: '{}', password: 'x', key: 'a', iterations: 600_000 }, 'iterations has no meaning with a key'],
  ],
  file_encrypt: [
    [{}, 'path is missing'],
    [{ path: 5 }, 'path must be text'],
    [{ path: '/a' }, 'password or recipients: exactly one of them is needed'],
    [{ path: '/a', password: PASSWORD, recipients: ['age1'] }, 'password or recipients: exactly one of them is needed'],
    [{ path: '/a', password: 'hunter2' }, 'password is too weak'],
    [{ path: '/a', recipients: [] }, 'recipients must be at least 1 entries'],
    [{ path: '/a', recipients: Array.from({ length: 17 }, () => 'a') }, 'recipients must be at most 16 entries'],
    [{ path: '/a', recipients: [CANARY] }, 'recipients[0] is not a recipient of age'],
    [{ path: `/${CANARY}`, password: PASSWORD }, 'path cannot be used: no folder is allowed'],
    [{ path: '/a', password: PASSWORD, armor: CANARY }, 'armor must be true or false'],
  ],
  file_decrypt: [
    [{}, 'path is missing'],
    [{ path: '/a.age' }, 'password or identity: exactly one of them is needed'],
    [{ path: '/a.age', password: 'x', identity: 'y' }, 'password or identity: exactly one of them is needed'],
    [{ path: '/a.age', identity: CANARY }, 'identity is not an identity of age'],
    [{ path: '/a', identity: `AGE-SECRET-KEY-1${CANARY}` }, 'output is needed where path does not end in .age'],
    [{ path: `/${CANARY}.age`, password: 'x' }, 'path cannot be used: no folder is allowed'],
    [{ path: '/a.age', password: 'x', output: '' }, 'output must be at least 1 characters'],
  ],
  secret_generate: [
    [{}, 'kind is missing'],
    [{ kind: CANARY, save_as: 'a' }, 'kind must be one of password'],
    [{ kind: 'token' }, 'save_as or reveal is needed'],
    [{ kind: 'token', length: 20, save_as: 'a' }, 'length does not go with the kind token'],
    [{ kind: 'uuid', bytes: 16, save_as: 'a' }, 'bytes does not go with the kind uuid'],
    [{ kind: 'password', length: 8, save_as: 'a' }, 'length must be at least 12'],
    [{ kind: 'passphrase', words: 3, save_as: 'a' }, 'words must be at least 4'],
    [{ kind: 'key', bytes: 8, save_as: 'a' }, 'bytes must be at least 16'],
    [{ kind: 'token', reveal: true, expires_in_seconds: 60 }, 'expires_in_seconds has no meaning without save_as'],
    [{ kind: 'token', save_as: CANARY.toUpperCase() }, 'save_as must be 1 to 64'],
  ],
  secret_request: [
    [{ purpose: 'x' }, 'name is missing'],
    [{ name: 'a' }, 'purpose is missing'],
    [{ name: CANARY.toUpperCase(), purpose: 'x' }, 'name must be 1 to 64'],
    [{ name: 'a', purpose: 'x'.repeat(301) }, 'purpose must be at most 300'],
  ],
  secret_deliver: [
    [{ to: 'file' }, 'reference is missing'],
    [{ reference: 'secret://a', to: CANARY }, 'to must be one of file, env_file, human'],
    [{ reference: `env://${CANARY}`, to: 'human' }, 'reference is none to a stored secret'],
    [{ reference: 'secret://a', to: 'file' }, 'path is missing'],
    [{ reference: 'secret://a', to: 'human', path: '/a' }, 'path has no meaning with human'],
    [{ reference: 'secret://a', to: 'env_file', path: '/a' }, 'variable is missing'],
    [{ reference: 'secret://a', to: 'file', path: '/a', variable: 'A' }, 'variable goes with env_file only'],
    [{ reference: 'secret://nobody', to: 'human' }, 'There is no secret of this name'],
  ],
  secret_list: [
    [{ name: `${CANARY}!` }, 'name must be 1 to 64'],
    [{ name: 'nobody' }, 'There is no secret of this name'],
  ],
  secret_delete: [
    [{}, 'name is missing'],
    [{ name: 'nobody' }, 'There is no secret of this name'],
  ],
  key_create: [
    [{}, 'name is missing'],
    [{ name: CANARY.toUpperCase(), purpose: 'jwt' }, 'name must be 1 to 64 lower-case letters'],
    [{ name: 'a', purpose: CANARY }, 'purpose must be one of jwt, envelope, hmac'],
    [{ name: 'a', purpose: 'jwt', algorithm: CANARY }, 'algorithm must be one of HS256'],
    [{ name: 'a', purpose: 'jwt', algorithm: 'A256KW' }, 'algorithm does not fit the purpose'],
    [{ name: 'a', purpose: 'envelope', algorithm: 'HS256' }, 'algorithm does not fit the purpose'],
    [{ name: 'a', purpose: 'jwt', rotate_after_days: 0 }, 'rotate_after_days must be at least 1'],
    [{ name: 'jwt-secret-key', purpose: 'jwt' }, 'There is a key of this name already'],
  ],
  key_rotate: [
    [{}, 'name is missing'],
    [{ name: 'no-such-key' }, 'key names no key of the ring'],
    [{ name: 'jwt-secret-key' }, 'This key comes from JWT_SECRET_KEY'],
  ],
  key_retire: [
    [{ name: 'a', version: 1 }, 'state is missing: it must be one of enabled, disabled, destroyed'],
    [{ name: 'a', version: 0, state: 'disabled' }, 'version must be at least 1'],
    [{ name: 'a', version: 1, state: CANARY }, 'state must be one of enabled'],
    [{ name: 'no-such-key', version: 1, state: 'disabled' }, 'key names no key of the ring'],
    [{ name: 'jwt-secret-key', version: 1, state: 'disabled' }, 'This key comes from JWT_SECRET_KEY'],
  ],
  key_list: [
    [{ name: 'No' }, 'name must be 1 to 64 lower-case letters'],
    [{ name: 'no-such-key' }, 'key names no key of the ring'],
    [{ public: 'yes' }, 'public must be true or false'],
  ],
  certificate_check: [
    [{}, 'targets is missing: it must be a list'],
    [{ targets: CANARY }, 'targets must be a list'],
    [{ targets: [] }, 'targets must be at least 1 entries'],
    [{ targets: ['a.test', 5] }, 'targets[1] must be text'],
    [{ targets: [''] }, 'targets[0] must be at least 1 characters'],
    [{ targets: Array.from({ length: 101 }, () => 'a.test') }, 'targets must be at most 100 entries'],
    [{ targets: ['x'.repeat(301)] }, 'targets[0] must be at most 300 characters'],
    [{ targets: ['a.test', `https://${CANARY}/a`] }, 'targets[1]: The target is a URL.'],
    [{ targets: [`${CANARY}:99999`] }, 'targets[0]: The port is not a number'],
    [{ targets: [`${CANARY}@a.test`] }, 'targets[0]: The target holds a character that no host has'],
    [{ targets: ['a.test'], server_name: `${CANARY}/` }, 'server_name is not a host name or an address'],
    [{ targets: ['a.test'], server_name: '' }, 'server_name must be at least 1 characters'],
    [{ targets: ['a.test'], revocation: CANARY }, 'revocation must be one of soft, hard, off'],
    [{ targets: ['a.test'], pins: [CANARY] }, 'pins[0] must be sha256/ and 44 characters of base64'],
    [{ targets: ['a.test'], pins: Array.from({ length: 17 }, () => '') }, 'pins must be at most 16 entries'],
    [{ targets: ['a.test'], trust: `-----BEGIN ${CANARY}` }, 'trust holds no certificate, or one that cannot be read'],
    [{ targets: ['a.test'], trust: `/${CANARY}` }, 'trust cannot be used: no folder is allowed'],
    [{ targets: ['a.test'], starttls: CANARY }, 'starttls must be one of smtp'],
    [{ targets: ['a.test'], at: CANARY }, 'at must be a time in RFC 3339'],
    [{ targets: ['a.test'], timeout_seconds: 0 }, 'timeout_seconds must be at least 1'],
    [{ targets: ['a.test'], timeout_seconds: 61 }, 'timeout_seconds must be at most 60'],
    [{ targets: ['a.test'], fetch_missing: 'yes' }, 'fetch_missing must be true or false'],
    [{ targets: ['a.test'], detail: CANARY }, 'detail must be one of concise, full'],
  ],
  certificate_verify: [
    [{}, 'certificates or path: exactly one of them is needed'],
    [{ certificates: 'a', path: '/a' }, 'certificates or path: exactly one of them is needed'],
    [{ certificates: '' }, 'certificates must be at least 1 characters'],
    [{ certificates: CANARY }, 'certificates hold nothing that can be read as PEM, DER, PKCS#7 or PKCS#12'],
    [
      { certificates: `-----BEGIN PRIVATE KEY-----${CANARY}-----END PRIVATE KEY-----` },
      'certificates hold a private key',
    ],
    [{ certificates: CERTIFICATE.replace('MII', CANARY) }, 'certificates hold no certificate that can be read'],
    [{ path: `/${CANARY}` }, 'path cannot be used: no folder is allowed'],
    [{ certificates: CERTIFICATE, password: CANARY }, 'password is given for something that is no PKCS#12 file'],
    [{ certificates: CERTIFICATE, password: [CANARY] }, 'password must be'],
    [{ certificates: CERTIFICATE, password: 'x'.repeat(1_025) }, 'password must be'],
    [{ certificates: CERTIFICATE, server_name: `${CANARY} ` }, 'server_name is not a host name or an address'],
    [
      { certificates: CERTIFICATE, trust: CERTIFICATE.slice(0, -30) },
      'trust holds no certificate, or one that cannot be read',
    ],
    [{ certificates: CERTIFICATE, crls: [CANARY] }, 'crls[0] is not a CRL in PEM'],
    [{ certificates: CERTIFICATE, crls: CANARY }, 'crls must be a list'],
    [{ certificates: CERTIFICATE, crls: Array.from({ length: 17 }, () => '') }, 'crls must be at most 16 entries'],
    [{ certificates: CERTIFICATE, ocsp_response: `${CANARY}!` }, 'ocsp_response is not base64'],
    [
      { certificates: CERTIFICATE, ocsp_response: 'A'.repeat(131_073) },
      'ocsp_response must be at most 131072 characters',
    ],
    [{ certificates: CERTIFICATE, at: 5 }, 'at must be text'],
    [{ certificates: CERTIFICATE, at: '2026-02-30T00:00:00Z' }, 'at must be a time in RFC 3339'],
    [{ certificates: CERTIFICATE, detail: CANARY }, 'detail must be one of concise, full'],
    [{ certificates: CERTIFICATE, pins: [] }, 'A field was given'],
  ],
  inspect: [
    [{}, 'text or base64 or path: exactly one of them is needed'],
    [{ text: 'a', base64: 'YQ==' }, 'text or base64 or path: exactly one of them is needed'],
    [{ base64: 'YQ==', path: '/a' }, 'text or base64 or path: exactly one of them is needed'],
    [{ path: `/${CANARY}` }, 'path cannot be used: no folder is allowed'],
    [{ path: 5 }, 'path must be text'],
    [{ text: ' \n' }, 'text is empty'],
    [{ base64: '' }, 'base64 is empty'],
    [{ base64: '%' }, 'base64 is not base64'],
    [{ text: 5 }, 'text must be text'],
  ],
  audit_query: [
    [{ tool: `${CANARY}!` }, 'tool must be the name of a tool'],
    [{ outcome: CANARY }, 'outcome must be one of ok'],
    [{ limit: 0 }, 'limit must be at least 1'],
    [{ limit: 201 }, 'limit must be at most 200'],
    [{ since: 'yesterday' }, 'since must be'],
    [{ checkpoint: CANARY }, 'checkpoint needs verify'],
    [{ session: CANARY }, 'A field was given'],
  ],
};

it('is tried on every tool', () => {
  expect(Object.keys(BAD)).toEqual(catalogue().map((tool) => tool.name));
});

describe.each(Object.entries(BAD))('%s', (name, cases) => {
  const { call } = bench({ callsPerMinute: { light: 6_000, cpu: 6_000 } });

  it.each(cases.map(([input, begins]) => [begins, input]))('"%s"', async (begins, input) => {
    const error = refused(await call(name, input));
    expect(error.message.startsWith(begins), error.message).toBe(true);
    expect(error.message).toMatch(/\.$/);
    expect(error.hint.length).toBeGreaterThan(10);
    expect(error.code).not.toBe('internal');
    expect(JSON.stringify(error)).not.toContain(CANARY);
  });
});
