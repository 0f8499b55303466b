/** Tasks about tokens: issuing them for other services, and judging those of others. */

import { generateKeyPairSync } from 'node:crypto';

import { createLocalJWKSet, decodeJwt, exportJWK, jwtVerify, SignJWT, type JSONWebKeySet } from 'jose';
import { expect } from 'vitest';

import { warning, without, type Input, type Theme } from './task.js';

const PARTNER = 'https://id.partner.example';
const SHARED = 'a key that the shop and this server share, for tests';
const now = (): number => Math.floor(Date.now() / 1000);

/** A token of somebody else, and the public part of their key. */
async function partnerToken(): Promise<{ token: string; jwks: JSONWebKeySet; der: string }> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const token = await new SignJWT({ scope: 'orders' })
    .setProtectedHeader({ alg: 'ES256', kid: 'partner-7' })
    .setIssuer(PARTNER)
    .setAudience('orders-api')
    .setExpirationTime(now() + 600)
    .sign(privateKey);
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'partner-7', alg: 'ES256' }] };
  return { token, jwks, der: publicKey.export({ type: 'spki', format: 'der' }).toString('base64') };
}

export const tokens: Theme = {
  name: 'tokens',
  tasks: [
    {
      asks: 'Give the job "nightly" a token for the audience reports. It shall live for 15 minutes.',
      calls: [
        {
          as: 'signed',
          tool: 'jwt_sign',
          input: { subject: 'nightly', audience: 'reports', expires_in_minutes: 15 },
          mends: [
            {
              code: 'input_invalid',
              says: /ttl_seconds/,
              next: (input) => ({ ...without(input, 'expires_in_minutes'), ttl_seconds: 900 }),
              invents: { ttl_seconds: 'the 15 minutes of the user in the unit that the name of the field says' },
            },
          ],
        },
      ],
      outcome: (from) => {
        const { sub, aud, iat = 0, exp } = decodeJwt(String(from('signed.token')));
        expect({ sub, aud, exp }).toEqual({ sub: 'nightly', aud: 'reports', exp: iat + 900 });
      },
    },
    {
      asks: 'Sign a token with sub "ada", the role admin and an expiry 600 seconds from now.',
      calls: [
        {
          as: 'signed',
          tool: 'jwt_sign',
          input: () => ({ claims: { sub: 'ada', role: 'admin', exp: now() + 600 } }),
          mends: [
            {
              code: 'input_invalid',
              says: /claims holds sub, exp, which has a field of its own/,
              next: ({ claims }) => ({
                claims: without(claims as Input, 'sub', 'exp'),
                subject: 'ada',
                ttl_seconds: 600,
              }),
            },
          ],
        },
        { as: 'checked', tool: 'jwt_verify', input: (from) => ({ token: from('signed.token'), subject: 'ada' }) },
      ],
      outcome: (from) => expect(from('checked')).toMatchObject({ valid: true, claims: { sub: 'ada', role: 'admin' } }),
    },
    {
      asks: 'Sign the tokens of our shop (issuer shop, audience api) with ES256 and a key of its own, shop-api, and give me the JWKS for the API team.',
      calls: [
        {
          as: 'signed',
          tool: 'jwt_sign',
          input: { issuer: 'shop', audience: 'api', key: 'shop-api', algorithm: 'ES256' },
          mends: [
            {
              code: 'key_unknown',
              says: /key_create makes one \(purpose jwt\)/,
              first: [
                {
                  as: 'made',
                  tool: 'key_create',
                  input: { name: 'shop-api', purpose: 'jwt', algorithm: 'ES256' },
                },
              ],
            },
          ],
        },
        { as: 'list', tool: 'key_list', input: { name: 'shop-api', public: true } },
      ],
      outcome: async (from) => {
        const keys = createLocalJWKSet(from('list.jwks') as JSONWebKeySet);
        const { protectedHeader } = await jwtVerify(String(from('signed.token')), keys, {
          issuer: 'shop',
          audience: 'api',
        });
        expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: 'shop-api.1' });
        expect(JSON.stringify(from('list.jwks'))).not.toContain('"d"');
      },
    },
    {
      asks: 'Is this token of our partner good for us? We are orders-api. {token} Their keys: {jwks}',
      given: async () => {
        const { token, jwks } = await partnerToken();
        return { token, jwks: JSON.stringify(jwks) };
      },
      calls: [
        {
          as: 'checked',
          tool: 'jwt_verify',
          input: (from) => ({ token: from('token'), jwks: from('jwks') }),
          mends: [
            {
              code: 'warning',
              within: warning,
              says: /an audience that was not checked: give audience/,
              next: (input) => ({ ...input, audience: 'orders-api' }),
            },
          ],
        },
        {
          as: 'elsewhere',
          tool: 'jwt_verify',
          input: (from) => ({ token: from('token'), jwks: from('jwks'), audience: 'billing-api' }),
        },
      ],
      outcome: (from) => {
        expect(from('checked')).toMatchObject({ valid: true, key_id: 'partner-7', claims: { iss: PARTNER } });
        expect(from('checked')).not.toHaveProperty('warning');
        expect(from('elsewhere')).toEqual({ valid: false, reason: 'audience' });
      },
    },
    {
      asks: 'Verify {token} for orders-api with their public key: {der}',
      given: partnerToken,
      calls: [
        {
          as: 'checked',
          tool: 'jwt_verify',
          input: (from) => ({ token: from('token'), audience: 'orders-api', public_key: from('der') }),
          mends: [
            {
              code: 'input_invalid',
              says: /public_key is not a public key .* in PEM/,
              next: (input, told) => {
                const begin = told.word(/(-----BEGIN [A-Z ]+-----)/);
                const end = told.word(/(-----END [A-Z ]+-----)/);
                return { ...input, public_key: `${begin}\n${String(input['public_key'])}\n${end}` };
              },
            },
          ],
        },
      ],
      outcome: (from) => expect(from('checked')).toMatchObject({ valid: true, algorithm: 'ES256' }),
    },
    {
      asks: 'The shop says its token is refused: {token} Why? Be generous with the clock, say 3600 seconds.',
      given: async () => ({
        token: await new SignJWT({})
          .setProtectedHeader({ alg: 'HS256' })
          .setSubject('shop')
          .setIssuedAt(now() - 7_200)
          .setExpirationTime(now() - 5_400)
          .sign(Buffer.from(SHARED)),
      }),
      settings: { JWT_SECRET_KEY: SHARED },
      calls: [
        {
          as: 'checked',
          tool: 'jwt_verify',
          input: (from) => ({ token: from('token'), clock_tolerance_seconds: 3_600 }),
          mends: [
            {
              code: 'input_invalid',
              says: /clock_tolerance_seconds must be at most 300/,
              next: (input, told) => ({ ...input, clock_tolerance_seconds: Number(told.word(/at most (\d+)/)) }),
            },
          ],
        },
        { as: 'fresh', tool: 'jwt_sign', input: { subject: 'shop' } },
      ],
      outcome: async (from, world) => {
        expect(from('checked')).toEqual({ valid: false, reason: 'expired' });
        const { payload } = await jwtVerify(String(from('fresh.token')), Buffer.from(SHARED));
        expect(payload.sub).toBe('shop');
        expect(world.said).not.toContain(SHARED);
      },
    },
  ],
};
