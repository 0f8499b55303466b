/** A fleet of servers as the real checker judges them, for what draws judgements: each kind of finding once. Made over the PKI lab. */

import { spkiPin } from '../../src/crypto/certificate/parse.js';
import type { ConnectionFacts } from '../../src/crypto/certificate/connection.js';
import type { Judgement } from '../../src/crypto/certificate/judgement.js';
import type { Issued } from './pki/certificates.js';
import { judgeSent, read, shown, type Question } from './pki/judge.js';
import { createLab } from './pki/lab.js';

/** As `certificate_check` answers with `detail: "full"`. */
export type Checked = Judgement & { connection: Record<string, string> };

export const EVIL = '<script>alert(1)</script><img src=x onerror=alert(2)>';

/** The eighth has markup and text of the other direction in its names. */
export async function judgeFleet(): Promise<Checked[]> {
  const lab = await createLab();
  const { at } = lab;
  const root = lab.issueCa({
    subject: 'CN=Example Root X1,O=Example Trust',
    key: 'p384',
    notBefore: lab.days(-2_400),
    notAfter: lab.days(4_900),
  });
  const ca = lab.issueCa({
    subject: 'CN=Example TLS CA 2026,O=Example Trust',
    issuer: root,
    pathLength: 0,
    notBefore: lab.days(-300),
    notAfter: lab.days(1_500),
  });
  const rsaRoot = lab.issueCa({
    subject: 'CN=Example Root R2,O=Example Trust',
    key: 'rsa2048',
    notBefore: lab.days(-1_200),
    notAfter: lab.days(2_300),
  });
  const rsaCa = lab.issueCa({
    subject: 'CN=Example RSA CA 7,O=Example Trust',
    issuer: rsaRoot,
    key: 'rsa2048',
    pathLength: 0,
    notBefore: lab.days(-500),
    notAfter: lab.days(700),
  });
  const stranger = lab.issueCa({ subject: 'CN=Corp Proxy Root,O=Elsewhere Ltd' });
  const leaf = (name: string, from: number, until: number, more: Parameters<typeof lab.leaf>[0] = {}): Issued =>
    lab.leaf({
      subject: `CN=${name}`,
      san: [name],
      issuer: ca,
      notBefore: lab.days(from),
      notAfter: lab.days(until),
      ...more,
    });
  const crls = [lab.crl({ issuer: root }), lab.crl({ issuer: rsaRoot })];
  const judge = async (
    target: string,
    chain: readonly Issued[],
    {
      staple,
      facts = {},
      ...question
    }: Partial<Question> & { staple?: Uint8Array; facts?: Partial<ConnectionFacts> } = {},
  ): Promise<Checked> => {
    const sent: ConnectionFacts = facts.fault
      ? { port: 443, clientCertificate: 'unknown', certificates: [], fault: facts.fault }
      : shown(chain, {
          address: `192.0.2.${target.length}`,
          keyExchange: 'X25519MLKEM768',
          ...(staple === undefined ? {} : { staple }),
          ...facts,
        });
    const serverName = /^[^:]+/.exec(target)?.[0] ?? target;
    const judged = await judgeSent(sent, at, { anchors: [root, rsaRoot], serverName, crls, ...question });
    const { address, protocol, cipher, keyExchange } = sent;
    const connection = { address, protocol, cipher, key_exchange: keyExchange };
    return {
      ...judged,
      target,
      connection: Object.fromEntries(Object.entries(connection).filter(([, value]) => value !== undefined)) as Record<
        string,
        string
      >,
    };
  };

  const shop = leaf('shop.example.com', -29, 61);
  const backup = leaf('backup.example.com', -1, 89);
  const api = leaf('api.example.com', -20, 70);
  const old = leaf('old.example.com', -102, -12);
  const www = leaf('www.example.net', -40, 50, { san: ['example.net', 'static.example.net'] });
  const mail = leaf('mail.example.com', -84, 6, { issuer: rsaCa, key: 'rsa2048' });
  const login = leaf('login.example.com', -60, 305, { issuer: stranger });
  const evil = leaf('evil.example.org', -5, 85, {
    subject: [
      { type: 'CN', value: EVIL },
      { type: 'O', value: 'safe\u202Egnp.exe\u200B, CN=good.example.com' },
    ],
    san: ['evil.example.org', EVIL],
  });
  const good = (one: Issued): Uint8Array => lab.ocsp(one, { issuer: ca });
  const pins = [spkiPin(read(shop)), spkiPin(read(backup))].map((pin) => `sha256/${pin}`);
  return [
    await judge('shop.example.com', [shop, ca], { staple: good(shop), pins }),
    await judge('api.example.com', [api, ca], {
      staple: lab.ocsp(api, { issuer: ca, status: { revokedAt: lab.days(-2), reason: 'keyCompromise' } }),
    }),
    await judge('old.example.com:8443', [old, ca], { facts: { opensslError: 'CERT_HAS_EXPIRED' } }),
    await judge('www.example.net', [www, ca], { staple: good(www) }),
    await judge('mail.example.com:465', [mail, rsaCa], {
      facts: { protocol: 'TLSv1.2', cipher: 'ECDHE-RSA-AES256-GCM-SHA384', keyExchange: 'X25519' },
    }),
    await judge('login.example.com', [login], { facts: { opensslError: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' } }),
    await judge('gone.example.com', [], {
      facts: {
        fault: {
          code: 'name_not_found',
          explanation: 'The name gone.example.com is not known to the resolver.',
          remedy: 'Check the spelling, and that the name has an address record.',
        },
      },
    }),
    await judge(`evil.example.org`, [evil, ca], { staple: good(evil) }),
  ];
}
