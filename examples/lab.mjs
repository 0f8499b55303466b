/**
 * A small certificate authority with servers on the loopback address, for the demonstration and the measurements: certificates
 * and CRLs (RFC 5280), OCSP answers (RFC 6960), all with P-256 keys made for one run. In plain JavaScript, because Node 20 runs
 * nothing else; the tests have a larger one in tests/support/pki.
 */

import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { isIPv4 } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const LOOPBACK = '127.0.0.1';
const DAY_MS = 86_400_000;

/** A value of DER (X.690): tag, length, content. */
function der(tag, ...parts) {
  const content = Buffer.concat(parts);
  const length = [content.length];
  if (content.length >= 0x80) {
    const bytes = [];
    for (let rest = content.length; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff);
    length.splice(0, 1, 0x80 | bytes.length, ...bytes);
  }
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const sequence = (...parts) => der(0x30, ...parts);
const octets = (...parts) => der(0x04, ...parts);
const bits = (bytes, unused = 0) => der(0x03, Buffer.from([unused]), bytes);
const explicit = (number, ...parts) => der(0xa0 | number, ...parts);
const integer = (bytes) => der(0x02, bytes);
const text = (tag, value) => der(tag, Buffer.from(value));
const digits = (date) => `${date.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`;
/** UTCTime, which RFC 5280 section 4.1.2.5 asks for until 2049. */
const time = (date) => text(0x17, digits(date).slice(2));
const generalizedTime = (date) => text(0x18, digits(date));

/** An object identifier. */
function oid(dotted) {
  const [first, second, ...rest] = dotted.split('.').map(Number);
  const bytes = [40 * first + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift(0x80 | (left & 0x7f));
    return groups;
  });
  return der(0x06, Buffer.from(bytes));
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const SHA1 = sequence(oid('1.3.14.3.2.26'), der(0x05));
const TRUE = der(0x01, Buffer.from([0xff]));

const distinguishedName = (commonName) => sequence(der(0x31, sequence(oid('2.5.4.3'), text(0x0c, commonName))));

function extension(dotted, critical, value) {
  return sequence(oid(dotted), ...(critical ? [TRUE] : []), octets(value));
}

/** What is to be signed, its algorithm and the signature. */
function signed(content, key) {
  return sequence(content, ECDSA_SHA256, bits(sign('sha256', content, key)));
}

/** A GeneralName: a DNS name or an IPv4 address. */
function generalName(name) {
  return isIPv4(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : text(0x82, name);
}

function pemOf(bytes) {
  const lines = bytes.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

export const daysFromNow = (days) => new Date(Date.now() + days * DAY_MS);

/**
 * Issues a certificate; without `issuer` it signs itself. A CA without `names`, a server with them. `keyOf`: another
 * certificate whose key it takes over, as a cross-signed one does.
 */
export function issue({ subject, issuer, names, from = -1, until = 90, ocspUrl, crlUrl, keyOf }) {
  const { publicKey, privateKey } = keyOf ?? generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyInfo = publicKey.export({ type: 'spki', format: 'der' });
  // The key's bits, without the header of its 91 bytes: RFC 5280 section 4.2.1.2, method 1.
  const keyId = createHash('sha1').update(keyInfo.subarray(26)).digest();
  const name = distinguishedName(subject);
  // The first bit would be its sign, and the number no 0.
  const serial = randomBytes(16);
  serial[0] = (serial[0] & 0x3f) | 0x40;
  const uri = (url) => text(0x86, url);
  const extensions = [
    extension('2.5.29.14', false, octets(keyId)),
    extension('2.5.29.35', false, sequence(der(0x80, issuer?.keyId ?? keyId))),
    // keyCertSign and cRLSign, or digitalSignature.
    extension('2.5.29.15', true, names === undefined ? bits(Buffer.from([0x06]), 1) : bits(Buffer.from([0x80]), 7)),
    ...(names === undefined
      ? [extension('2.5.29.19', true, sequence(TRUE))]
      : [
          extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'))),
          extension('2.5.29.17', false, sequence(...names.map(generalName))),
        ]),
    ...(ocspUrl === undefined
      ? []
      : [extension('1.3.6.1.5.5.7.1.1', false, sequence(sequence(oid('1.3.6.1.5.5.7.48.1'), uri(ocspUrl))))]),
    ...(crlUrl === undefined
      ? []
      : [extension('2.5.29.31', false, sequence(sequence(explicit(0, explicit(0, uri(crlUrl))))))]),
  ];
  const content = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serial),
    ECDSA_SHA256,
    issuer?.name ?? name,
    sequence(time(daysFromNow(from)), time(daysFromNow(until))),
    name,
    keyInfo,
    explicit(3, sequence(...extensions)),
  );
  const bytes = signed(content, issuer?.privateKey ?? privateKey);
  return { der: bytes, pem: pemOf(bytes), name, serial, publicKey, privateKey, keyInfo, keyId };
}

/** A CRL of the issuer, with these certificates revoked. */
export function crlOf(issuer, revoked = []) {
  const entries = revoked.map(({ serial }) => sequence(integer(serial), time(daysFromNow(-2))));
  const content = sequence(
    integer(Buffer.from([1])),
    ECDSA_SHA256,
    issuer.name,
    time(daysFromNow(-1)),
    time(daysFromNow(6)),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    explicit(0, sequence(extension('2.5.29.35', false, sequence(der(0x80, issuer.keyId))))),
  );
  return signed(content, issuer.privateKey);
}

/** An OCSP answer about one certificate, signed by its issuer: good, or revoked for a key that is known to others. */
export function ocspAnswer(certificate, issuer, { revoked = false } = {}) {
  const nameHash = createHash('sha1').update(issuer.name).digest();
  const status = revoked
    ? der(0xa1, generalizedTime(daysFromNow(-2)), explicit(0, der(0x0a, Buffer.from([1]))))
    : der(0x80);
  const content = sequence(
    explicit(2, octets(issuer.keyId)),
    generalizedTime(daysFromNow(-0.1)),
    sequence(
      sequence(
        sequence(SHA1, octets(nameHash), octets(issuer.keyId), integer(certificate.serial)),
        status,
        generalizedTime(daysFromNow(-0.1)),
        explicit(0, generalizedTime(daysFromNow(3))),
      ),
    ),
  );
  const basic = signed(content, issuer.privateKey);
  return sequence(der(0x0a, Buffer.from([0])), explicit(0, sequence(oid('1.3.6.1.5.5.7.48.1.1'), octets(basic))));
}

/** Listens on a free port of the loopback address. */
function listening(server) {
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, LOOPBACK, () => {
      const { port } = server.address();
      const close = () =>
        new Promise((done) => {
          server.close(done);
          for (const socket of sockets) socket.destroy();
        });
      resolve({ port, address: `${LOOPBACK}:${port}`, url: `http://${LOOPBACK}:${port}`, close });
    });
  });
}

/** A TLS server that shows this chain, leaf first. */
export function startTls(chain) {
  const server = createTlsServer({
    cert: chain.map(({ pem }) => pem).join(''),
    key: chain[0].privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined);
    socket.resume();
  });
  return listening(server);
}

/** An HTTP server that answers each path with the bytes that stand under it in `answers`, whatever is asked. */
export function startHttp(answers) {
  return listening(
    createHttpServer((request, response) => {
      const body = answers.get(request.url);
      request.resume();
      const isQuestion = request.headers['content-type'] === 'application/ocsp-request';
      const type = isQuestion ? 'application/ocsp-response' : 'application/pkix-crl';
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': type }).end(body);
    }),
  );
}
