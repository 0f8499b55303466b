/** Tasks about the keys of the ring and the audit, as the clients of today's hosts make them. */

import { expect } from 'vitest';

import { without, type Input, type Theme } from './task.js';

export const auditAndKeys: Theme = {
  name: 'audit and keys',
  client: 'classic',
  tasks: [
    {
      asks: 'Sign the body {"order":7} of our webhook with the key webhooks, and check the signature.',
      calls: [
        {
          as: 'signed',
          tool: 'digest_compute',
          input: { algorithm: 'sha256', text: '{"order":7}', key_name: 'webhooks' },
          mends: [
            {
              code: 'key_unknown',
              says: /key_name names no key.*key_create makes one \(purpose hmac\)/,
              first: [{ as: 'made', tool: 'key_create', input: { name: 'webhooks', purpose: 'hmac' } }],
            },
          ],
        },
        {
          as: 'checked',
          tool: 'digest_compute',
          input: (from) => ({
            algorithm: 'sha256',
            text: '{"order":7}',
            key_name: from('signed.key_id'),
            expected: from('signed.digest'),
          }),
        },
        {
          as: 'forged',
          tool: 'digest_compute',
          input: (from) => ({
            algorithm: 'sha256',
            text: '{"order":8}',
            key_name: 'webhooks',
            expected: from('signed.digest'),
          }),
        },
      ],
      outcome: (from) => {
        expect(from('checked')).toMatchObject({ matches: true, key_id: 'webhooks.1', algorithm: 'hmac-sha256' });
        expect(from('forged')).toMatchObject({ matches: false });
      },
    },
    {
      asks: 'The key mobile has leaked. See to it that its tokens are good for nothing.',
      calls: [
        { as: 'made', tool: 'key_create', input: { name: 'mobile', purpose: 'jwt', algorithm: 'ES256' } },
        { as: 'old', tool: 'jwt_sign', input: { subject: 'phone', key: 'mobile' } },
        {
          as: 'retired',
          tool: 'key_retire',
          input: { name: 'mobile', version: 1, state: 'disabled' },
          mends: [
            {
              code: 'key_state_refused',
              says: /primary version.*Use key_rotate first/,
              first: [{ as: 'rotated', tool: 'key_rotate', input: { name: 'mobile' } }],
            },
          ],
        },
        { as: 'checked', tool: 'jwt_verify', input: (from) => ({ token: from('old.token') }) },
        { as: 'new', tool: 'jwt_sign', input: { subject: 'phone', key: 'mobile' } },
        { as: 'anew', tool: 'jwt_verify', input: (from) => ({ token: from('new.token'), key: 'mobile' }) },
      ],
      outcome: (from) => {
        expect(from('checked')).toEqual({ valid: false, reason: 'key_disabled' });
        expect(from('anew')).toMatchObject({ valid: true, key_id: 'mobile.2' });
      },
    },
    {
      asks: 'Give our shop a new signing key, checkout (ES384), and the public part.',
      calls: [
        { as: 'before', tool: 'key_create', input: { name: 'checkout', purpose: 'jwt', algorithm: 'ES384' } },
        {
          as: 'made',
          tool: 'key_create',
          input: { name: 'checkout', purpose: 'jwt', algorithm: 'ES384' },
          mends: [
            {
              code: 'key_exists',
              says: /use key_rotate to give this key a new version/,
              first: [{ as: 'rotated', tool: 'key_rotate', input: { name: 'checkout' } }],
              next: 'done',
            },
          ],
        },
        { as: 'list', tool: 'key_list', input: { name: 'checkout', public: true } },
      ],
      outcome: (from) => {
        expect(from('rotated')).toMatchObject({ key_id: 'checkout.2' });
        const { keys } = from('list.jwks') as { keys: Input[] };
        expect(new Set(keys.map(({ kid, crv }) => `${String(kid)} ${String(crv)}`))).toEqual(
          new Set(['checkout.1 P-384', 'checkout.2 P-384']),
        );
        expect(keys.some((key) => 'd' in key)).toBe(false);
      },
    },
    {
      asks: 'Make a key uploads for HMACs, for HS256 or so, to be changed every 90 days.',
      calls: [
        {
          as: 'made',
          tool: 'key_create',
          input: { name: 'uploads', purpose: 'hmac', algorithm: 'HS256', rotate_after_days: 90 },
          mends: [
            {
              code: 'input_invalid',
              says: /algorithm does not fit the purpose.*leave it out for the default/,
              next: (input) => without(input, 'algorithm'),
            },
          ],
        },
        { as: 'list', tool: 'key_list', input: { name: 'uploads' } },
      ],
      outcome: (from) =>
        expect(from('list.keys.0')).toMatchObject({ purpose: 'hmac', algorithm: 'HMAC', rotate_after_days: 90 }),
    },
    {
      asks: 'Sign a token for "partner-7" with the key billing. It is for their portal.',
      given: async ({ command }) => {
        await command('keys', 'create', 'billing', 'jwt');
        return command('keys', 'policy', 'billing', '{"audiences":["billing-portal"],"max_ttl_seconds":300}');
      },
      calls: [
        {
          as: 'signed',
          tool: 'jwt_sign',
          input: { subject: 'partner-7', key: 'billing', audience: 'portal' },
          mends: [
            {
              code: 'policy_refused',
              says: /does not allow this audience.*key_list shows it/,
              first: [{ as: 'rules', tool: 'key_list', input: { name: 'billing' } }],
              next: (input, _told, from) => ({ ...input, audience: from('rules.keys.0.policy.audiences.0') }),
            },
          ],
        },
        {
          as: 'checked',
          tool: 'jwt_verify',
          input: (from) => ({ token: from('signed.token'), audience: 'billing-portal', max_age_seconds: 300 }),
        },
      ],
      outcome: (from) => {
        expect(from('checked')).toMatchObject({ valid: true, key_id: 'billing.1', claims: { aud: 'billing-portal' } });
        const { iat, exp } = from('checked.claims') as { iat: number; exp: number };
        expect(exp - iat).toBe(300);
      },
    },
    {
      asks: 'Which calls of password_hash were refused? Show me two pages with one each. Try the passwords "hunter2-a" and "hunter2-b" first.',
      calls: [
        ...['hunter2-a', 'hunter2-b'].map((password) => ({
          as: password,
          tool: 'password_hash',
          input: { password },
          mends: [{ code: 'password_weak', says: /To be accepted/, next: 'done' as const }],
        })),
        { as: 'first', tool: 'audit_query', input: { tool: 'password_hash', outcome: 'refused', limit: 1 } },
        {
          as: 'second',
          tool: 'audit_query',
          input: { tool: 'password_hash', outcome: 'refused', limit: 1, page: 2 },
          mends: [
            {
              code: 'input_invalid',
              says: /Fields of audit_query: .*before/,
              next: (input, _told, from) => ({ ...without(input, 'page'), before: from('first.next_before') }),
            },
          ],
        },
      ],
      outcome: (from) => {
        const of = (page: string): Input => from(`${page}.entries.0`) as Input;
        for (const page of ['first', 'second'])
          expect(of(page)).toMatchObject({ tool: 'password_hash', outcome: 'refused', code: 'password_weak' });
        expect(of('first')['sequence']).toBeGreaterThan(Number(of('second')['sequence']));
        expect(JSON.stringify([from('first'), from('second')])).not.toContain('hunter2');
      },
    },
    {
      asks: 'Prove that nothing was cut from the audit between two calls.',
      calls: [
        { as: 'head', tool: 'audit_query', input: { verify: true, limit: 1 } },
        { as: 'between', tool: 'secret_generate', input: { kind: 'token', bytes: 16, save_as: 'between' } },
        {
          as: 'proof',
          tool: 'audit_query',
          input: (from) => ({ checkpoint: from('head.verification.head'), limit: 1 }),
          mends: [
            {
              code: 'input_invalid',
              says: /checkpoint needs verify/,
              next: (input) => ({ ...input, verify: true }),
            },
          ],
        },
      ],
      outcome: (from) => {
        expect(from('proof.verification')).toMatchObject({ intact: true });
        expect(from('proof.verification.entries')).toBeGreaterThan(Number(from('head.verification.entries')));
      },
    },
  ],
};
