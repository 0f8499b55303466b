/** Certification requests are explained as OpenSSL reads them, their own signature checked. */

import { generateKeyPairSync } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { basicConstraints, extension, EXTENSION_OIDS } from '../../support/pki/extensions.js';
import { newKey, signer, type SignWith } from '../../support/pki/keys.js';
import { generalNames, name } from '../../support/pki/names.js';
import { bytes, codes, expectSound, integer, makeRequest, oid, pem, sequence, text, tlv } from './fixtures.js';
import { REQUEST_PEM } from './literals.js';

/** A request of the lab: any key, any way to sign, any extensions. */
function requestOf(
  keys: { publicKey: import('node:crypto').KeyObject; privateKey: import('node:crypto').KeyObject },
  extensions: readonly Uint8Array[],
  signWith?: SignWith,
): Buffer {
  const attribute = sequence(oid('1.2.840.113549.1.9.14'), tlv(0x31, sequence(...extensions)));
  const info = sequence(
    integer('00'),
    name('CN=a.example'),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa0, ...(extensions.length > 0 ? [attribute] : [])),
  );
  const { algorithm, sign } = signer(keys.privateKey, signWith);
  return sequence(info, algorithm, tlv(0x03, Buffer.from([0]), sign(info)));
}

const ec = newKey('p256');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

describe('a certification request', () => {
  it('of OpenSSL is told with its key and its names', async () => {
    const inspection = await text(REQUEST_PEM);
    expect(inspection).toEqual({
      kind: 'csr',
      summary: 'A certification request for CN=leaf.example (EC P-256), 2 alternative names.',
      details: {
        subject: 'CN=leaf.example',
        key: { type: 'ec', curve: 'prime256v1', spki_sha256: 'oOa4mtF1JfW4f4a5R7WERypRuEfmtj5C6Gy7dkfrw1s=' },
        signature_algorithm: 'SHA-256 with ECDSA',
        names: ['leaf.example', 'www.leaf.example'],
        attributes: 1,
      },
      findings: [],
    });
    expectSound(inspection);
  });

  it('that was altered has a bad_signature', async () => {
    const der = makeRequest({ subject: 'leaf.example' });
    const altered = Buffer.from(der.toString('latin1').replace('leaf.example', 'evil.example'), 'latin1');
    expect(codes(await bytes(der))).toEqual([]);
    expect(codes(await bytes(altered))).toEqual(['bad_signature']);
  });

  it('with a challenge_password warns of it and does not show it', async () => {
    const password = sequence(oid('1.2.840.113549.1.9.7'), tlv(0x31, tlv(0x0c, Buffer.from('canary-7f3a9c41'))));
    const inspection = await bytes(makeRequest({ attributes: [password] }));
    expect(codes(inspection)).toEqual(['challenge_password']);
    expectSound(inspection);
  });

  it('with thousands of names is bounded', async () => {
    const names = Array.from({ length: 3_000 }, (_, i) => `\u202E${i}.example`);
    const inspection = await bytes(makeRequest({ names }));
    expect(inspection.kind).toBe('csr');
    expectSound(inspection);
  });

  it.each([
    ['RSA', rsa, 'sha256', 'SHA-256 with RSA'],
    ['RSASSA-PSS', rsa, 'rsa-pss', 'RSASSA-PSS SHA-256'],
    ['P-384', newKey('p384'), undefined, 'SHA-384 with ECDSA'],
    ['Ed25519', newKey('ed25519'), undefined, 'Ed25519'],
    ['Ed448', newKey('ed448'), undefined, 'Ed448'],
  ] as const)('signed with %s is checked', async (_name, keys, signWith, algorithm) => {
    const der = requestOf(keys, [], signWith);
    const inspection = await bytes(der);
    expect(inspection.details['signature_algorithm']).toBe(algorithm);
    expect(codes(inspection)).toEqual([]);
    const altered = Buffer.from(der);
    altered.write('b', der.indexOf('a.example'));
    expect(codes(await bytes(altered))).toEqual(['bad_signature']);
  });

  it('of every kind of name tells each', async () => {
    const value = generalNames([
      { dns: 'a.example' },
      { ip: '2001:db8::1' },
      { email: 'a@b.example' },
      { uri: 'urn:x' },
    ]);
    const inspection = await bytes(requestOf(ec, [extension({ oid: EXTENSION_OIDS.subjectAltName, value })]));
    expect(inspection.details['names']).toEqual(['a.example', '2001:db8::1', 'mail:a@b.example', 'uri:urn:x']);
  });

  it('asks_for_ca', async () => {
    const value = basicConstraints(true);
    const inspection = await bytes(requestOf(ec, [extension({ oid: EXTENSION_OIDS.basicConstraints, value })]));
    expect(codes(inspection)).toEqual(['asks_for_ca']);
  });

  it('malformed_extension where what it asks for cannot be read', async () => {
    const value = Buffer.from([0x30, 0x05, 0x82]);
    const broken = requestOf(ec, [extension({ oid: EXTENSION_OIDS.subjectAltName, value })]);
    expect(codes(await bytes(broken))).toEqual(['malformed_extension']);
    expect(codes(await bytes(requestOf(ec, [integer('01')])))).toEqual(['malformed_extension']);
  });

  it('with trailing_data, and one that is cut off', async () => {
    const der = requestOf(ec, []);
    expect(codes(await bytes(Buffer.concat([der, Buffer.from([0])])))).toEqual(['trailing_data']);
    expect((await bytes(der.subarray(0, -1))).kind).toBe('unknown');
    expect(codes(await text(pem('CERTIFICATE REQUEST', der.subarray(0, -1))))).toEqual(['unreadable']);
  });
});
