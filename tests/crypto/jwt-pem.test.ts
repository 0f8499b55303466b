/** Public keys in PEM: which forms are read, by the same rules as a JWK, and what is refused. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { readJwks, readPublicKeyPem } from '../../src/crypto/jwt-keys.js';
import { refusal, RFC7515_EC_KEY, RFC7515_RSA_KEY } from '../support/jose-examples.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const pem = (key: KeyObject, type: 'spki' | 'pkcs1' = 'spki'): string => key.export({ type, format: 'pem' }).toString();

describe('a PEM', () => {
  it('of SubjectPublicKeyInfo or PKCS#1 is one key without kid', () => {
    for (const text of [pem(rsa.publicKey), pem(rsa.publicKey, 'pkcs1'), `Text before\n${pem(rsa.publicKey)}after`]) {
      const read = readPublicKeyPem(text);
      expect(read.key.equals(rsa.publicKey)).toBe(true);
      expect(read.algorithms).toEqual(['RS256', 'PS256']);
      expect(read.kid).toBeUndefined();
    }
    expect(readPublicKeyPem(pem(rsa.publicKey).replaceAll('\n', '\r\n')).algorithms).toEqual(['RS256', 'PS256']);
    expect(readPublicKeyPem(pem(p384.publicKey)).algorithms).toEqual(['ES384']);
  });

  // openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=example -days 36500
  const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUIHUdJyBb8lO8Qq6N1ETNw+ode5YwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHZXhhbXBsZTAgFw0yNjExMjUwMjAzMTVaGA8yMTI2MTEwMTAy
MDMxNVowEjEQMA4GA1UEAwwHZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABK8J9PKCl0iQlbrRToyJG9e6xENWkIBIyTI3Qr6TZ7of8r957I20+tEUPlF0
kbji2JG7cUP8baFfVARYybqcCzujUzBRMB0GA1UdDgQWBBTHKsMQfTCuyUCJ2q3P
nyv9FkqY3zAfBgNVHSMEGDAWgBTHKsMQfTCuyUCJ2q3Pnyv9FkqY3zAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQC5L7i/y9iP9iocl/0khhhe8X3S
AJK1t8HBcpkerozC1gIgALfI+GEEJ1uj2mxKuhHdVPZMBdG7FyjzSuoHroQ3wtQ=
-----END CERTIFICATE-----`;

  it('of a certificate is its key', () => {
    expect(readPublicKeyPem(CERTIFICATE).algorithms).toEqual(['ES256']);
  });

  it('is held to the same rules as a JWK', () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    expect(refusal(() => readPublicKeyPem(pem(short)))).toBe('public_key holds an RSA key outside 2048 to 8192 bits.');
    const weak = createPublicKey({ key: { ...RFC7515_RSA_KEY, e: 'AQ' }, format: 'jwk' });
    expect(refusal(() => readPublicKeyPem(pem(weak)))).toBe(
      'public_key holds an RSA key with an unsound public exponent.',
    );
  });

  it.each([
    ['nothing', ''],
    ['a word', 'key'],
    ['a JWK', JSON.stringify(RFC7515_EC_KEY)],
    ['a certificate request', CERTIFICATE.replaceAll('CERTIFICATE', 'CERTIFICATE REQUEST')],
    ['a cut key', pem(rsa.publicKey).slice(0, 200)],
    ['a cut certificate', CERTIFICATE.slice(0, 200)],
    ['an empty block', '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n'],
  ])('is not %s', (_name, text) => {
    expect(refusal(() => readPublicKeyPem(text))).toBe('public_key is not a public key or certificate in PEM.');
  });

  it('or any other text never makes it throw anything but the refusal', () => {
    const text = fc.oneof(
      fc.string(),
      fc.base64String().map((body) => `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----`),
    );
    fc.assert(
      fc.property(text, fc.jsonValue(), (text, json) => {
        refusal(() => readPublicKeyPem(text));
        refusal(() => readJwks(json));
        refusal(() => readJwks({ kty: 'RSA', n: text, e: json }));
      }),
    );
  });
});
