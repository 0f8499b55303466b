/** Hostile tokens: unsound encoding, too large, too deep, confused algorithms, keys the token brings along (RFC 8725). */

import { createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { readJwks, readPublicKeyPem } from '../../src/crypto/jwt-keys.js';
import { JWT_LIMITS, splitJws, verifyJws, verifyJwt, type CandidateKey } from '../../src/crypto/jwt.js';
import { hs256, RFC7515_EC_KEY, RFC7515_RSA_KEY } from '../support/jose-examples.js';

const now = new Date('2026-06-01T12:00:00Z');
const claims = { exp: now.getTime() / 1000 + 60 };
const secret = Buffer.alloc(32, 7);
const keys: CandidateKey[] = [{ kid: 'k.1', key: createSecretKey(secret), algorithms: ['HS256'] }];
const token = hs256(secret, { alg: 'HS256' }, claims);

async function reason(candidate: string, among: readonly CandidateKey[] = keys): Promise<string> {
  const verdict = await verifyJwt(candidate, among, {}, now);
  return verdict.valid ? 'valid' : verdict.reason;
}

it('the token that the attacks start from is valid', async () => {
  expect(await reason(token)).toBe('valid');
});

describe('an encoding that is not canonical base64url is malformed', () => {
  const [header = '', payload = '', signature = ''] = token.split('.');
  // 32 bytes leave two unused bits in the last character: the next three of the alphabet decode to the same bytes.
  const last = signature.charCodeAt(signature.length - 1);
  const strayBits = signature.slice(0, -1) + String.fromCharCode(last + 1);

  it('stray bits decode to the same signature, yet are refused', async () => {
    expect(Buffer.from(strayBits, 'base64url')).toEqual(Buffer.from(signature, 'base64url'));
    expect(await reason(`${header}.${payload}.${strayBits}`)).toBe('malformed');
  });

  it.each([
    ['padding', `${header}.${payload}.${signature}=`],
    ['padding of the header', `${header}==.${payload}.${signature}`],
    ['white space inside', `${header}.${payload}.${signature.slice(0, 9)} ${signature.slice(9)}`],
    ['a line break at the end', `${token}\n`],
    ['white space in front', ` ${token}`],
    ['NUL', `${token}\0`],
    ['the standard alphabet: +', `${header}.${payload}.${'+'.repeat(43)}`],
    ['the standard alphabet: /', `${header}.${payload}.${'/'.repeat(43)}`],
    ['a look-alike letter', `${header}.${payload}.${signature.slice(0, -1)}А`],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${token}.`],
    ['five parts, a JWE', `${token}.AAAA.AAAA`],
    ['nothing', ''],
    ['dots', '..'],
    ['a thousand dots', '.'.repeat(1000)],
    ['a JSON serialization', JSON.stringify({ payload, protected: header, signature })],
  ])('%s', async (_name, candidate) => {
    expect(await reason(candidate)).toBe('malformed');
  });

  it('the standard alphabet is refused also where it stands for the right bytes', async () => {
    // A signature with both characters, found by counting.
    for (let i = 0; ; i++) {
      const made = hs256(secret, { alg: 'HS256', i }, claims);
      const tag = made.slice(made.lastIndexOf('.'));
      if (!tag.includes('-') || !tag.includes('_')) continue;
      const head = made.slice(0, -tag.length);
      expect(await reason(made)).toBe('valid');
      expect(await reason(head + tag.replaceAll('-', '+'))).toBe('malformed');
      expect(await reason(head + tag.replaceAll('_', '/'))).toBe('malformed');
      break;
    }
  });
});

describe('a header or payload that is not bounded JSON is malformed', () => {
  const deep = (open: string, close: string): string => open.repeat(20_000) + close.repeat(20_000);
  it.each([
    ['a header that is no JSON', '{"alg":"HS256"', claims],
    ['a header that is an array', '["HS256"]', claims],
    ['a header that is a text', '"HS256"', claims],
    ['a header that is null', 'null', claims],
    ['a byte order mark', '\uFEFF{"alg":"HS256"}', claims],
    ['a header 2,000 levels deep', `{"alg":"HS256","a":${'['.repeat(2000)}${']'.repeat(2000)}}`, claims],
    ['a header 20,000 levels deep', `{"alg":"HS256","a":${deep('[', ']')}}`, claims],
    ['a payload 20,000 levels deep', { alg: 'HS256' }, `{"exp":${claims.exp},"a":${deep('[', ']')}}`],
    ['a payload of 5,000 open objects', { alg: 'HS256' }, '{"a":'.repeat(5_000)],
    ['a payload that is an array', { alg: 'HS256' }, '[{"exp":9999999999}]'],
    ['a payload that is null', { alg: 'HS256' }, 'null'],
    ['an empty payload', { alg: 'HS256' }, ''],
  ])('%s', async (_name, header, payload) => {
    expect(await reason(hs256(secret, header, payload))).toBe('malformed');
  });

  it('bytes that are no UTF-8', () => {
    const notUtf8 = Buffer.from('{"alg":"HS256","a":"\xff"}', 'latin1').toString('base64url');
    expect(splitJws(`${notUtf8}.e30.AAAA`)).toBeNull();
  });

  it('a header over its limit, and one just within verifies', async () => {
    const header = (bytes: number): string => `{"alg":"HS256"}${' '.repeat(bytes - 15)}`;
    expect(await reason(hs256(secret, header(JWT_LIMITS.headerBytes), claims))).toBe('valid');
    expect(await reason(hs256(secret, header(JWT_LIMITS.headerBytes + 1), claims))).toBe('malformed');
  });

  it('a token over its limit, and one just within verifies', async () => {
    const spaces = (count: number): string =>
      hs256(secret, { alg: 'HS256' }, JSON.stringify(claims) + ' '.repeat(count));
    let count = 49_000;
    while (spaces(count + 1).length <= JWT_LIMITS.tokenBytes) count++;
    expect(await reason(spaces(count))).toBe('valid');
    expect(await reason(spaces(count + 1))).toBe('malformed');
  });
});

describe('two members of one name in a header', () => {
  // RFC 7515 section 4: refuse, or take the last, as every JSON.parse does (here and in jose alike).
  it('count as the last one alone', async () => {
    expect(await reason(hs256(secret, '{"alg":"none","alg":"HS256"}', claims))).toBe('valid');
    expect(await reason(hs256(secret, '{"alg":"HS256","alg":"none"}', claims))).toBe('algorithm_refused');
    expect(await reason(hs256(secret, String.raw`{"alg":"HS256","\u0061lg":"none"}`, claims))).toBe(
      'algorithm_refused',
    );
    expect(await reason(hs256(secret, '{"alg":"HS256","kid":"k.1","kid":"k.2"}', claims))).toBe('key_unknown');
  });

  it('of the payload count as the last one alone, in the check and in the answer', async () => {
    const verdict = await verifyJwt(hs256(secret, { alg: 'HS256' }, `{"exp":1,"exp":${claims.exp}}`), keys, {}, now);
    expect(verdict).toMatchObject({ valid: true, claims });
    expect(await reason(hs256(secret, { alg: 'HS256' }, `{"exp":${claims.exp},"exp":1}`))).toBe('expired');
  });
});

describe('algorithm confusion', () => {
  const rsa = readJwks(RFC7515_RSA_KEY);
  const ec = readJwks(RFC7515_EC_KEY);
  const publicPem = (jwk: object): string =>
    createPublicKey({ key: { ...jwk }, format: 'jwk' })
      .export({ type: 'spki', format: 'pem' })
      .toString();

  it.each([
    ['an RSA', RFC7515_RSA_KEY],
    ['an EC', RFC7515_EC_KEY],
  ])('%s public key taken as the secret of HS256 is refused', async (_name, jwk) => {
    const pem = publicPem(jwk);
    const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
    for (const secretOfAttacker of [pem, pem.trim(), `${pem}\n`, der, JSON.stringify(jwk)]) {
      const forged = hs256(secretOfAttacker, { alg: 'HS256' }, claims);
      expect(await reason(forged, readJwks(jwk))).toBe('algorithm_refused');
      expect(await reason(forged, [readPublicKeyPem(pem)])).toBe('algorithm_refused');
    }
  });

  it('a PEM is not taken for a symmetric key in a JWK either', () => {
    expect(() => readJwks({ kty: 'oct', k: publicPem(RFC7515_RSA_KEY) })).toThrow(/not in base64url/);
  });

  const names =
    'none None NONE nOnE hs256 HS1 HS RS1 ES256K PS384 dir A256GCM Ed448 ML-DSA-44 constructor __proto__ toString';
  const others = ['', 'HS256 ', ' HS256', undefined, null, 0, 256, true, ['HS256'], { toString: 'HS256' }];
  it.each([...names.split(' '), ...others])('alg %j is refused, signed or not', async (alg) => {
    const made = hs256(secret, { alg }, claims);
    for (const among of [keys, rsa, ec]) {
      expect(await reason(made, among)).toBe('algorithm_refused');
      expect(await reason(made.slice(0, made.lastIndexOf('.') + 1), among)).toBe('algorithm_refused');
    }
  });

  it.each(['HS384', 'HS512', 'RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'])(
    '%s is refused under a key of HS256',
    async (alg) => {
      expect(await reason(hs256(secret, { alg }, claims))).toBe('algorithm_refused');
    },
  );

  it('ES256 is refused under a key of P-384, and RS256 under a key declared for PS256', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    expect(await reason(hs256('', { alg: 'ES256' }, claims), readJwks(publicKey.export({ format: 'jwk' })))).toBe(
      'algorithm_refused',
    );
    const declared = readJwks({ ...RFC7515_RSA_KEY, alg: 'PS256' });
    expect(await reason(hs256('', { alg: 'RS256' }, claims), declared)).toBe('algorithm_refused');
  });

  it('an ECDSA signature of zeros, of another length or in DER is no signature (CVE-2022-21449)', async () => {
    const [header = '', payload = ''] = hs256('', { alg: 'ES256' }, claims).split('.');
    const der = Buffer.from('3006020101020101', 'hex');
    for (const signature of [Buffer.alloc(64), Buffer.alloc(0), Buffer.alloc(63, 1), Buffer.alloc(65, 1), der]) {
      expect(await reason(`${header}.${payload}.${signature.toString('base64url')}`, ec)).toBe('signature');
    }
  });

  it('an empty or shortened HMAC is no signature', async () => {
    const [head, tag] = [
      token.slice(0, token.lastIndexOf('.') + 1),
      Buffer.from(token.split('.')[2] ?? '', 'base64url'),
    ];
    for (const bytes of [0, 1, 16, 31]) {
      expect(await reason(head + tag.subarray(0, bytes).toString('base64url'))).toBe('signature');
    }
  });
});

describe('a key that the token names or brings', () => {
  it.each(['k.2', 'k.1 ', 'K.1', '', '../../dev/null', '/dev/null', 'k.1\0', "k.1' OR '1'='1", '__proto__'])(
    'kid %j is unknown, though the signature is right',
    async (kid) => {
      expect(await reason(hs256(secret, { alg: 'HS256', kid }, claims))).toBe('key_unknown');
    },
  );

  it.each([1, null, true, ['k.1'], { k: 1 }])('kid %j is malformed', async (kid) => {
    expect(await reason(hs256(secret, { alg: 'HS256', kid }, claims))).toBe('malformed');
  });

  it('by kid alone picks among keys: the right signature under the other kid is refused', async () => {
    const two: CandidateKey[] = [
      ...keys,
      { kid: 'k.2', key: createSecretKey(Buffer.alloc(32, 8)), algorithms: ['HS256'] },
    ];
    expect(await reason(hs256(secret, { alg: 'HS256', kid: 'k.1' }, claims), two)).toBe('valid');
    expect(await reason(hs256(secret, { alg: 'HS256', kid: 'k.2' }, claims), two)).toBe('signature');
    expect(await reason(token, two)).toBe('valid');
  });

  const own = Buffer.alloc(32, 9);
  const ownJwk = { kty: 'oct', k: own.toString('base64url') };
  it.each([
    ['jwk', ownJwk],
    ['jku', 'https://attacker.example/keys.json'],
    ['x5u', 'https://attacker.example/certificate.pem'],
    ['x5c', ['MIIB']],
    ['x5t', 'AAAA'],
  ])('%s in the header is ignored, and does not verify a token of its own', async (name, value) => {
    expect(await reason(hs256(own, { alg: 'HS256', [name]: value }, claims))).toBe('signature');
    expect(await reason(hs256(secret, { alg: 'HS256', [name]: value }, claims))).toBe('valid');
  });

  it('jwk with a signature by its private half is not accepted (CVE-2018-0114)', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { CompactSign } = await import('jose');
    const made = await new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'ES256', jwk: pair.publicKey.export({ format: 'jwk' }) })
      .sign(pair.privateKey);
    expect(await reason(made, readJwks(RFC7515_EC_KEY))).toBe('signature');
    expect(await reason(made, [{ key: pair.publicKey, algorithms: ['ES256'] }])).toBe('valid');
  });

  it('that is disabled is named as such, and passed over where others fit', async () => {
    const disabled = keys.map((key) => ({ ...key, disabled: true }));
    expect(await reason(token, disabled)).toBe('key_disabled');
    expect(await reason(hs256(secret, { alg: 'HS256', kid: 'k.1' }, claims), disabled)).toBe('key_disabled');
    const other = { key: createSecretKey(Buffer.alloc(32)), algorithms: ['HS256' as const], kid: 'k.2' };
    expect(await reason(token, [...disabled, other])).toBe('signature');
    expect(await reason(token, [])).toBe('key_unknown');
  });
});

describe('an extension of the header is refused, rightly signed as it is', () => {
  it.each([
    { crit: ['exp'], exp: 1 },
    { crit: [] },
    { crit: null },
    { crit: ['alg'] },
    { crit: ['b64'], b64: true },
    // RFC 7797 section 6: without crit a reader that does not know b64 would read another payload.
    { b64: false },
    { crit: ['b64'], b64: false },
  ])('%j', async (extension) => {
    const made = hs256(secret, { alg: 'HS256', ...extension }, claims);
    expect(await verifyJws(made, keys)).toEqual({ reason: 'malformed' });
  });

  it('the token of RFC 7797 section 4.1, its payload not encoded', async () => {
    const unencoded =
      'eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19.This is the payload string!.' +
      'ciks0B6Hs-amhOqxI5_iG6mPKnMDlWCb7J2Wu7mtIcg';
    expect(await verifyJws(unencoded, keys)).toEqual({ reason: 'malformed' });
  });

  it('while other unknown members are ignored (RFC 7515 section 4)', async () => {
    expect(await reason(hs256(secret, { alg: 'HS256', typ: 'at+jwt', zip: 'DEF', enc: 'A256GCM' }, claims))).toBe(
      'valid',
    );
  });
});
