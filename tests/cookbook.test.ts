/**
 * The cookbook of JOSE (RFC 7520): every example that jwt.test.ts and jwe.test.ts do not have. What applies here is verified or opened
 * with our own functions; of the rest it is shown that it is refused, and that inspect says what it is.
 */

import { describe, expect, it } from 'vitest';

import { fromBase64url, fromUtf8 } from '../src/crypto/bytes.js';
import { openEnvelope } from '../src/crypto/envelope.js';
import { inspectText } from '../src/crypto/inspect.js';
import { aesGcmOpen, readJwe } from '../src/crypto/jwe.js';
import { readJwks } from '../src/crypto/jwt-keys.js';
import { verifyJws, verifyJwt } from '../src/crypto/jwt.js';
import { readEphemeralKey } from '../src/crypto/key-agreement.js';
import { cheapJwe, NOW, parseJwe, PASSWORD, refusalOf } from './support/envelopes.js';
import { EXAMPLE_TOKENS, FRODO, RFC7520_HMAC_KEY, RFC7520_RSA_KEY } from './support/jose-examples.js';

const PAYLOAD = Buffer.from(FRODO).toString('base64url');
const HMAC = readJwks(RFC7520_HMAC_KEY);
const RSA = readJwks(RFC7520_RSA_KEY);
const bytes = (text: string): Uint8Array => fromBase64url(text) ?? new Uint8Array(0);

/** https://www.rfc-editor.org/rfc/rfc7520#section-3.1, figure 1 */
const P521 = {
  kty: 'EC',
  kid: 'bilbo.baggins@hobbiton.example',
  use: 'sig',
  crv: 'P-521',
  x: 'AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt',
  y: 'AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1',
};

/** https://www.rfc-editor.org/rfc/rfc7520#section-4.3, figure 27 */
const ES512 =
  `eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.${PAYLOAD}.` +
  'AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kv' +
  'AD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2';

/** https://www.rfc-editor.org/rfc/rfc7520#section-4.6, figures 43 and 44 */
const SPECIFIC = {
  protected: 'eyJhbGciOiJIUzI1NiJ9',
  header: { kid: '018c0ae5-4d9b-471b-bfd6-eef314bc7037' },
  signature: 'bWUSVaxorn7bEF1djytBd0kHv70Ly5pvbomzMWSOr20',
};

/** https://www.rfc-editor.org/rfc/rfc7520#section-4.7, figures 48 and 49 */
const CONTENT_ONLY = {
  header: { alg: 'HS256', kid: '018c0ae5-4d9b-471b-bfd6-eef314bc7037' },
  signature: 'xuLifqLGiblpv9zBpuZczWhNj1gARaLV3UxvxhJxZuk',
};

/** https://www.rfc-editor.org/rfc/rfc7520#section-4.8, figure 61 */
const MULTIPLE = {
  payload: PAYLOAD,
  signatures: [
    {
      protected: 'eyJhbGciOiJSUzI1NiJ9',
      header: { kid: 'bilbo.baggins@hobbiton.example' },
      signature:
        'MIsjqtVlOpa71KE-Mss8_Nq2YH4FGhiocsqrgi5NvyG53uoimic1tcMdSg-qptrzZc7CG6Svw2Y13TDIqHzTUrL_lR2ZFcryNFiHkSw129EghGpwkpxaTn_THJTC' +
        'glNbADko1MZBCdwzJxwqZc-1RlpO2HibUYyXSwO97BSe0_evZKdjvvKSgsIqjytKSeAMbhMBdMma622_BG5t4sdbuCHtFjp9iJmkio47AIwqkZV1aIZsv33uPUqB' +
        'BCXbYoQJwt7mxPftHmNlGoOSMxR_3thmXTCm4US-xiNOyhbm8afKK64jU6_TPtQHiJeQJxz9G3Tx-083B745_AfYOnlC9w',
    },
    {
      header: { alg: 'ES512', kid: 'bilbo.baggins@hobbiton.example' },
      signature:
        'ARcVLnaJJaUWG8fG-8t5BREVAuTY8n8YHjwDO1muhcdCoFZFFjfISu0Cdkn9Ybdlmi54ho0x924DUz8sK7ZXkhc7AFM8ObLfTvNCrqcI3Jkl2U5IX3utNhODH6v7' +
        'xgy1Qahsn0fyb4zSAkje8bAWz4vIfj5pCMYxxm4fgV3q7ZYhm5eD',
    },
    {
      protected: 'eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9',
      signature: 's0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0',
    },
  ],
};

const verified = async (token: string, keys: typeof HMAC): Promise<string> => {
  const found = await verifyJws(token, keys);
  return 'payload' in found ? (fromUtf8(found.payload) ?? '') : found.reason;
};

describe('signatures', () => {
  it('4.3 (ES512) is refused: neither the key nor the algorithm is ours', async () => {
    expect(await verified(ES512, RSA)).toBe('algorithm_refused');
    expect(() => readJwks(P521)).toThrow('jwks holds a key of a type or curve');
    expect(inspectText(ES512, NOW).kind).toBe('jws');
  });

  it('4.5 (detached content) verifies with its content put back, and not without', async () => {
    const [header = '', , signature = ''] = EXAMPLE_TOKENS.frodoHs256.split('.');
    expect(await verified(`${header}..${signature}`, HMAC)).toBe('signature');
    expect(await verified(`${header}.${PAYLOAD}.${signature}`, HMAC)).toBe(FRODO);
  });

  it('4.6 (some of the header protected) verifies in its compact form; what is not protected says nothing', async () => {
    expect(await verified(`${SPECIFIC.protected}.${PAYLOAD}.${SPECIFIC.signature}`, HMAC)).toBe(FRODO);
  });

  it('4.7 (no header protected) has no compact form: an algorithm that is not signed is not taken', async () => {
    expect(await verified(`.${PAYLOAD}.${CONTENT_ONLY.signature}`, HMAC)).toBe('malformed');
  });

  it('4.8 (three signatures): those with a protected header of our algorithms verify', async () => {
    const compact = MULTIPLE.signatures.map(({ protected: header = '', signature }) =>
      [header, PAYLOAD, signature].join('.'),
    );
    expect(await Promise.all(compact.map((token) => verified(token, RSA)))).toEqual([
      FRODO,
      'malformed',
      'key_unknown',
    ]);
    expect(await verified(compact[2] ?? '', HMAC)).toBe(FRODO);
  });

  it.each([
    ['4.6', { payload: PAYLOAD, signatures: [SPECIFIC] }],
    ['4.7', { payload: PAYLOAD, signatures: [CONTENT_ONLY] }],
    ['4.8', MULTIPLE],
    ['4.6, flattened', { payload: PAYLOAD, ...SPECIFIC }],
  ])('%s as JSON is no token: RFC 7519 section 1 has the compact form alone', async (_section, json) => {
    const text = JSON.stringify(json);
    expect(await verifyJwt(text, HMAC, {}, NOW)).toEqual({ valid: false, reason: 'malformed' });
    expect(inspectText(text, NOW).summary).not.toBe('');
  });
});

/** https://www.rfc-editor.org/rfc/rfc7520#section-6, figures 218 (its public part) to 224 */
describe('6, a token that is signed, then encrypted', () => {
  const KEY = {
    kty: 'RSA',
    kid: 'hobbiton.example',
    use: 'sig',
    n:
      'kNrPIBDXMU6fcyv5i-QHQAQ-K8gsC3HJb7FYhYaw8hXbNJa-t8q0lDKwLZgQXYV-ffWxXJv5GGrlZE4GU52lfMEegTDzYTrRQ3tepgKFjMGg6Iy6fkl1ZNsx2gEo' +
      'nsnlShfzA9GJwRTmtKPbk1s-hwx1IU5AT-AIelNqBgcF2vE5W25_SGGBoaROVdUYxqETDggM1z5cKV4ZjDZ8-lh4oVB07bkac6LQdHpJUUySH_Er20DXx30Kyi97' +
      'PciXKTS-QKXnmm8ivyRCmux22ZoPUind2BKC5OiG4MwALhaL2Z2k8CsRdfy-7dg7z41Rp6D0ZeEvtaUp4bX4aKraL4rTfw',
    e: 'AQAB',
  };
  const SIGNED =
    'eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.' +
    'eyJpc3MiOiJob2JiaXRvbi5leGFtcGxlIiwiZXhwIjoxMzAwODE5MzgwLCJodHRwOi8vZXhhbXBsZS5jb20vaXNfcm9vdCI6dHJ1ZX0.' +
    'dPpMqwRZxFYi1UfcDAaf8M99o7kwUWtiXZ-ByvVuJih4MhJ_aZqciprz0OWaIAkIvn1qskChirjKvY9ESZNUCP4JjvfyPS-nqjJxYoA5ztWOyFk2cZNIPXjcJXSQ' +
    'wXPO9tEe-v4VSqgD0aKHqPxYog4N6Cz1lKph1U1sYDSI67_bLL7elg_vkjfMp5_W5l5LuUYGMeh6hxQIaIUXf9EwV2JmvTMuZ-vBOWy0Sniy1EFo72CRTvmtrIf5' +
    'AROo5MNliY3KtUxeP-SOmD-LEYwW9SlkohYzMVAZDDOrVbv7KVRHpeYNaK75KEQqdCEEkS_rskZS-Qtt_nlegTWh1mEYaA';
  const keys = readJwks(KEY);

  it('verifies once it has been decrypted (PS256), until it expires', async () => {
    expect(await verifyJwt(SIGNED, keys, { issuer: 'hobbiton.example' }, new Date(1_300_819_379_000))).toEqual({
      valid: true,
      algorithm: 'PS256',
      keyId: 'hobbiton.example',
      claims: { iss: 'hobbiton.example', exp: 1_300_819_380, 'http://example.com/is_root': true },
    });
    expect(await verifyJwt(SIGNED, keys, {}, NOW)).toEqual({ valid: false, reason: 'expired' });
  });

  it('is malformed as long as it is encrypted', async () => {
    const encrypted =
      'eyJhbGciOiJSU0EtT0FFUCIsImN0eSI6IkpXVCIsImVuYyI6IkExMjhHQ00ifQ.a.GbX1i9kXz0sxXPmA.SZI4.KnIKEhN8U-3C9s4gtSpjSw';
    expect(await verifyJwt(encrypted, keys, {}, NOW)).toEqual({ valid: false, reason: 'malformed' });
  });
});

describe('encryption', () => {
  /** https://www.rfc-editor.org/rfc/rfc7520#section-5, figure 72 */
  const TEXT =
    'You can trust us to stick with you through thick and thin\u2013to the bitter end. And you can trust us to keep any secret of ' +
    'yours\u2013closer than you keep it yourself. But you cannot trust us to let you face trouble alone, and go off without a word. ' +
    'We are your friends, Frodo.';

  it('5.2 (A256GCM): its content opens with its content key', () => {
    // https://www.rfc-editor.org/rfc/rfc7520#section-5.2, figures 85 to 91; its key is wrapped by RSA-OAEP, which is not ours.
    const opened = aesGcmOpen(
      bytes('mYMfsggkTAm0TbvtlFh2hyoXnbEzJQjMxmgLN3d8xXA'),
      bytes('-nBoKLH0YkLZPSI9'),
      bytes(
        'o4k2cnGN8rSSw3IDo1YuySkqeS_t2m1GXklSgqBdpACm6UJuJowOHC5ytjqYgRL-I-soPlwqMUf4UgRWWeaOGNw6vGW-xyM01lTYxrXfVzIIaRdhYtEMRBvBWbEw' +
          'P7ua1DRfvaOjgZv6Ifa3brcAM64d8p5lhhNcizPersuhw5f-pGYzseva-TUaL8iWnctc-sSwy7SQmRkfhDjwbz0fz6kFovEgj64X1I5s7E6GLp5fnbYGLa1QUiML' +
          '7Cc2GxgvI7zqWo0YIEc7aCflLG1-8BboVWFdZKLK9vNoycrYHumwzKluLWEbSVmaPpOslY2n525DxDfWaVFUfKQxMF56vn4B9QMpWAbnypNimbM8zVOw',
      ),
      bytes('UCGiqJxhBI3IFVdPalHHvA'),
      Buffer.from(
        'eyJhbGciOiJSU0EtT0FFUCIsImtpZCI6InNhbXdpc2UuZ2FtZ2VlQGhvYmJpdG9uLmV4YW1wbGUiLCJlbmMiOiJBMjU2R0NNIn0',
      ),
    );
    expect(opened === null ? null : fromUtf8(opened)).toBe(TEXT);
  });

  /** The headers of the figures, each with the wrapped key where it stands there. */
  const kid = '81b20965-8332-43d9-a468-82160ad91ac8';
  const epk384 = {
    kty: 'EC',
    crv: 'P-384',
    x: 'uBo4kHPw6kbjx5l0xowrd_oYzBmaz-GKFZu4xAFFkbYiWgutEK6iuEDsQ6wNdNg3',
    y: 'sp3p5SGhZVC2faXumI-e9JU2Mo8KpoYrFDr5yPNVtW4PgEwZOyQTA-JdaY8tb7E0',
  };
  const refused: [section: string, header: object, unprotected?: object | undefined, encryptedKey?: string][] = [
    ['5.1 (RSA1_5)', { alg: 'RSA1_5', kid: 'frodo.baggins@hobbiton.example', enc: 'A128CBC-HS256' }],
    ['5.2 (RSA-OAEP)', { alg: 'RSA-OAEP', kid: 'samwise.gamgee@hobbiton.example', enc: 'A256GCM' }],
    [
      '5.4 (ECDH-ES+A128KW)',
      { alg: 'ECDH-ES+A128KW', kid: 'peregrin.took@tuckborough.example', epk: epk384, enc: 'A128GCM' },
      undefined,
      '0DJjBXri_kBcC46IkU5_Jk9BqaQeHdv2',
    ],
    ['5.5 (ECDH-ES)', { alg: 'ECDH-ES', kid: 'meriadoc.brandybuck@buckland.example', enc: 'A128CBC-HS256' }],
    ['5.6 (dir)', { alg: 'dir', kid: '77c7e2b8-6e13-45cf-8672-617b5b45243a', enc: 'A128GCM' }],
    ['5.7 (A256GCMKW)', { alg: 'A256GCMKW', kid: '18ec08e1-bfa9-4d95-b205-2b4dd1d4321d', enc: 'A128CBC-HS256' }],
    ['5.8 (A128KW)', { alg: 'A128KW', kid, enc: 'A128GCM' }, undefined, 'CBI6oDw8MydIx1IBntf_lQcw2MmJKIQx'],
    ['5.9 (zip)', { alg: 'A128KW', kid, enc: 'A128GCM', zip: 'DEF' }, undefined, '5vUT2WOtQxKWcekM_IzVQwkGgzlFDwPi'],
    ['5.11 (some of the header protected)', { enc: 'A128GCM' }, { alg: 'A128KW', kid }],
    ['5.12 (no header protected)', {}, { alg: 'A128KW', kid, enc: 'A128GCM' }, '244YHfO_W7RMpQW81UjQrZcq5LSyqiPv'],
    ['6 (RSA-OAEP, A128GCM)', { alg: 'RSA-OAEP', cty: 'JWT', enc: 'A128GCM' }],
  ];

  it.each(refused)(
    '%s is not opened: it takes more than the name of an algorithm',
    async (_name, header, unprotected, key) => {
      const own = parseJwe(await cheapJwe('text'));
      const jwe = {
        ...own,
        protected: Buffer.from(JSON.stringify(header)).toString('base64url'),
        recipients: own.recipients.map((recipient) =>
          key === undefined ? recipient : { ...recipient, encrypted_key: key },
        ),
        ...(unprotected === undefined ? {} : { unprotected }),
      };
      for (const recipients of [jwe.recipients, jwe.recipients.map(({ encrypted_key }) => ({ encrypted_key }))]) {
        const envelope = JSON.stringify({ ...jwe, recipients });
        expect(readJwe({ ...jwe, recipients })).toBeNull();
        expect(await refusalOf(openEnvelope({ envelope, password: PASSWORD }, NOW))).toMatch(/envelope/);
      }
    },
  );

  it('5.10 (additional authenticated data) is not opened, also where all else is ours', async () => {
    const jwe = { ...parseJwe(await cheapJwe('text')), aad: 'WyJ2Y2FyZCIsW1sidmVyc2lvbiIse30sInRleHQiLCI0LjAiXV1d' };
    expect(readJwe(jwe)).toBeNull();
  });

  it('5.4 and 5.13 (P-384) name an ephemeral key of another curve than ours', () => {
    expect(readEphemeralKey(epk384)).toBeNull();
  });
});
