/** Valid artefacts of every format that is read, small ones, which the fuzz tests change. Bytes are text in Latin-1. */

import { generateKeyPairSync } from 'node:crypto';
import { inflateSync } from 'node:zlib';

import * as ageVectors from 'cctv-age';

import { VARIABLES } from '../../src/config.js';
import { writeCheckpoint, signingKey } from '../../src/crypto/audit-chain.js';
import { base64, base64url } from '../../src/crypto/bytes.js';
import { fernetSeal, readFernetKey } from '../../src/crypto/fernet.js';
import { systemRandom } from '../../src/crypto/random.js';
import { cheapJwe, cheapLegacy, NOW } from '../support/envelopes.js';
import {
  EXAMPLE_TOKENS,
  RFC7515_EC_KEY,
  RFC7515_HMAC_KEY,
  RFC7515_RSA_KEY,
  RFC8037_KEY,
} from '../support/jose-examples.js';
import { FILES, LEAF, MID, ROOT } from '../support/pkcs12-files.js';
import { certsOnly } from '../support/pki/http-servers.js';
import { createLab } from '../support/pki/lab.js';
import { malformedCertificates } from '../support/pki/malformed.js';

export const lab = await createLab();
export const KEK = Buffer.alloc(32, 7);
export const CHECKPOINT_KEY = signingKey(Buffer.alloc(32, 5));
const FERNET_TEXT = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
export const FERNET_KEY = readFernetKey(FERNET_TEXT) ?? new Uint8Array(0);

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const small = (artefact: string): boolean => artefact.length <= 6_000;

const CERTIFICATES = [lab.good, lab.goodRsa, lab.goodEd, lab.rootEc, lab.intermediate, lab.address, lab.idn];

export const certificates = [
  ...CERTIFICATES.map(({ der }) => latin1(der)),
  ...[LEAF, MID, ROOT].map(latin1),
  ...malformedCertificates(lab)
    .map(({ der }) => latin1(der))
    .filter(small),
];

export const crls = [
  lab.crl({ issuer: lab.intermediate }),
  lab.crl({ issuer: lab.intermediate, entries: [{ serial: lab.good.serial, reason: 'keyCompromise' }] }),
  lab.crl({ issuer: lab.rootRsa, version: 1 }),
].map(latin1);

const signer = lab.ocspSigner(lab.intermediate);
export const ocspResponses = [
  lab.ocsp(lab.good),
  lab.ocsp(lab.good, { status: { revokedAt: lab.days(-1), reason: 'keyCompromise' } }),
  lab.ocsp(lab.good, { status: 'unknown' }),
  lab.ocsp(lab.good, { signer }),
  lab.ocsp(lab.good, { responseStatus: 3 }),
].map(latin1);

export const pkcs7 = [certsOnly([lab.good, lab.intermediate]), certsOnly([])].map(latin1);

export const pkcs12 = Object.values(FILES).map(({ bytes }) => latin1(bytes));

const keys = [
  generateKeyPairSync('ed25519'),
  generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  generateKeyPairSync('x25519'),
];
const publicPems = keys.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' }).toString());
const privatePems = keys.map(({ privateKey }) => privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());

export const pems = [
  ...CERTIFICATES.map(({ pem }) => pem),
  `${lab.good.pem}${lab.intermediate.pem}${lab.rootEc.pem}`,
  ...publicPems,
  ...privatePems,
  `-----BEGIN X509 CRL-----\n${Buffer.from(crls[1] ?? '', 'latin1').toString('base64')}\n-----END X509 CRL-----\n`,
];

export const tokens: readonly string[] = Object.values(EXAMPLE_TOKENS);
export const publicJwks = [RFC7515_EC_KEY, RFC7515_RSA_KEY, RFC8037_KEY];
export const jwks = [
  ...[...publicJwks, RFC7515_HMAC_KEY].map((jwk) => JSON.stringify(jwk)),
  JSON.stringify({ keys: publicJwks.map((jwk, i) => ({ ...jwk, kid: `k${i}` })) }),
];

const fernets = ['', 'text', 'x'.repeat(100)].map((text) =>
  fernetSeal(Buffer.from(text), FERNET_KEY, NOW, systemRandom),
);
export const fernetTokens = [...fernets, FERNET_TEXT];
export const envelopes = [
  await cheapJwe('text', { keyEncryptionKey: KEK }),
  await cheapJwe('text', { context: 'context' }),
  await cheapLegacy('text'),
  JSON.stringify({ encrypted_data: fernets[1], key: FERNET_TEXT }),
  ...fernets,
];

export const passwordHashes = [
  '$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$UmXmPCTTZ3fV8tRkP5YRkRm5cVUYMRjOZ8EbLpDZWy0',
  '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E',
  '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiQFdcbYEdFCoEOfaS35inz1',
  '$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D',
  '{SSHA}DkMTwBl+a/3DQTxCYEApdUtNXGgdUac3',
  'pbkdf2_sha256$600000$salt$4J3sZ3pQ2vZlq7y3Y9z0pL2p0J5gM3vUO3l8lSgV6uE=',
  '5f4dcc3b5aa765d61d8327deb882cf99',
];

/** With their identities, from the vectors of the format; not those whose passphrase costs time. */
export const ageFiles = Object.values(ageVectors)
  .map((vector) => {
    const end = Buffer.from(vector).indexOf('\n\n');
    const head = Buffer.from(vector.subarray(0, end)).toString();
    const rest = vector.subarray(end + 2);
    return { head, file: latin1(head.includes('compressed: zlib') ? inflateSync(rest) : rest) };
  })
  .filter(({ head, file }) => !head.includes('passphrase') && small(file));
export const ageIdentities = [
  ...new Set(
    ageFiles.flatMap(({ head }) => [...head.matchAll(/^identity: (.*)$/gm)].map(([, identity = '']) => identity)),
  ),
];

export const checkpoints = [
  writeCheckpoint(
    { storeId: '0b9c6a5e-6f0e-4a8e-9a57-7a1d2f3c4b5d', sequence: 7, mac: Buffer.alloc(32, 1), time: NOW.toISOString() },
    CHECKPOINT_KEY,
  ),
];

export const targets = ['example.com', 'example.com:8443', '[2001:db8::1]:443', '192.0.2.1', 'https://bücher.example/'];
export const sshKeys = [
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB3Xv1Vt9wOUVz3fGk6E6J5V0r3m4v9l6bKQWqYw0yGv me@host',
  'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
];
export const masterKeys = [base64url(KEK), base64(KEK), KEK.toString('hex')];

/** One line for each variable, of which several say something that is read by a parser of its own. */
export const environments = [
  VARIABLES.map(([name]) => `${name}=1`).join('\n'),
  [
    'SECURITY_MCP_HOME=/srv/home',
    `SECURITY_MCP_MASTER_KEY=${masterKeys[0]}`,
    'JWT_SECRET_KEY_FILE=/srv/key',
    'SECURITY_MCP_DATABASE_URL=postgres://user:pass@db.example:5432/name?sslmode=verify-full',
    'SECURITY_MCP_CALLS_PER_MINUTE=6000/120',
    'SECURITY_MCP_VERIFY_ATTEMPTS=5/60',
    'SECURITY_MCP_FILES=/srv/a:/srv/b',
    'SECURITY_MCP_ALLOW_HOSTS=a.example,*.b.example,10.0.0.0/8,[::1]',
    'SECURITY_MCP_PORTS=443,8443',
    'SECURITY_MCP_EXPOSE_ENV=EXPOSED,OTHER',
    'SECURITY_MCP_TOOLSETS=jwt,keys',
    'EXPOSED=${EXPOSED}',
  ].join('\n'),
];
