/** Every parser, given valid artefacts that were changed: it answers or refuses as it says it does, and never throws anything else. */

import { describe, expect, it } from 'vitest';

import { readCheckpoint } from '../../src/crypto/audit-chain.js';
import { utf8 } from '../../src/crypto/bytes.js';
import { decryptFile } from '../../src/crypto/age/file.js';
import { toDefinite } from '../../src/crypto/certificate/ber.js';
import { readBundle } from '../../src/crypto/certificate/bundle.js';
import { readCrl, splitCrls } from '../../src/crypto/certificate/crl-list.js';
import { DerFault, elementsOf, firstElement } from '../../src/crypto/certificate/der.js';
import { readCrls, readTrust } from '../../src/crypto/certificate/given.js';
import { readReference } from '../../src/crypto/certificate/hostname.js';
import { readOcspResponse } from '../../src/crypto/certificate/ocsp.js';
import { parseCertificate } from '../../src/crypto/certificate/parse.js';
import { isPkcs12, openPkcs12, pkcs12GuessSubject } from '../../src/crypto/certificate/pkcs12.js';
import { readPkcs7 } from '../../src/crypto/certificate/pkcs7.js';
import { openEnvelope, openGuessSubject } from '../../src/crypto/envelope.js';
import { SecurityError, type ErrorCode } from '../../src/crypto/errors.js';
import { fernetCreatedAt, fernetOpen, readFernetKey } from '../../src/crypto/fernet.js';
import { inspectBytes, inspectText } from '../../src/crypto/inspect.js';
import { readJwks, readPublicKeyPem } from '../../src/crypto/jwt-keys.js';
import { verifyJwt } from '../../src/crypto/jwt.js';
import { parsePasswordHash } from '../../src/crypto/password.js';
import { pemBlocks, pemBytes } from '../../src/crypto/pem.js';
import { secretUnknown } from '../../src/crypto/secret.js';
import { readTokenPolicy } from '../../src/crypto/token-policy.js';
import { parseMasterKey } from '../../src/crypto/wrapping.js';
import { loadConfig, type ConfigFiles, type Environment } from '../../src/config.js';
import { withVariable } from '../../src/files/env-file.js';
import { resolveSecrets, type ReferenceSources } from '../../src/guard/references.js';
import { parseAllowedHost } from '../../src/network/policy.js';
import { parseTarget } from '../../src/network/target.js';
import { NOW, PASSWORD } from '../support/envelopes.js';
import { RFC7515_HMAC_KEY } from '../support/jose-examples.js';
import { judgeSent, read, shown } from '../support/pki/judge.js';
import * as valid from './artefacts.js';
import { CASES, fuzz, PATIENCE_MS, portion } from './cases.js';
import { changed } from './changes.js';

const { lab } = valid;
const ISSUER = read(lab.intermediate);
const KEYS = [...readJwks({ keys: valid.publicJwks }), ...readJwks(RFC7515_HMAC_KEY)];

/** What is wanted of a parser: that it returns, or that it refuses with one of its codes or with the fault of its folder. */
interface Parser {
  artefacts: readonly string[];
  parse(text: string, bytes: Uint8Array): unknown;
  refuses?: readonly ErrorCode[];
  throws?: typeof DerFault;
  /** How many cases beside the others: fewer where a case costs milliseconds. */
  share?: number;
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.slice(at, at + 1_000);
}

async function drained(pieces: AsyncIterable<Uint8Array>): Promise<number> {
  let length = 0;
  for await (const piece of pieces) length += piece.length;
  return length;
}

const all = [
  ...valid.certificates,
  ...valid.crls,
  ...valid.ocspResponses,
  ...valid.pkcs7,
  ...valid.pkcs12,
  ...valid.pems,
  ...valid.tokens,
  ...valid.jwks,
  ...valid.envelopes,
  ...valid.passwordHashes,
  ...valid.sshKeys,
  ...valid.ageFiles.map(({ file }) => file),
  ...valid.checkpoints,
];

const SOURCES: ReferenceSources = {
  secrets: { get: () => Promise.reject(secretUnknown()), fingerprint: async () => 'fingerprint' },
  environment: new Map([['EXPOSED', 'x'.repeat(50)]]),
};

/** A file system where one file in two can be read. */
const FILES: ConfigFiles = {
  readSecretFile(path) {
    if (path.length % 2 === 0) throw new Error('no file');
    return path.repeat(10);
  },
  resolveFolder: (path) => (path.startsWith('/srv/') ? { given: path, real: path } : null),
  isAbsolute: (path) => path.startsWith('/'),
  defaultHome: '/srv/home',
  pathDelimiter: ':',
};

/** Lines of NAME=value. */
function environment(text: string): Environment {
  return Object.fromEntries(
    text.split('\n').map((line) => {
      const [name = '', ...value] = line.split('=');
      return [name, value.join('=')];
    }),
  );
}

const PARSERS: Readonly<Record<string, Parser>> = {
  'inspect: text': { artefacts: all, parse: (text) => inspectText(text, NOW), share: 4 },
  'inspect: bytes': { artefacts: all, parse: (_text, bytes) => inspectBytes(bytes, NOW), share: 4 },
  'JWT: token': { artefacts: valid.tokens, parse: (text) => verifyJwt(text, KEYS, {}, NOW), share: 2 },
  'JWT: key set': {
    artefacts: valid.jwks,
    parse: (text) => [readJwks(text)],
    refuses: ['input_invalid'],
  },
  'JWT: key set, parsed': {
    artefacts: valid.jwks,
    parse: (text) => [readJwks(parsed(text))],
    refuses: ['input_invalid'],
  },
  'JWT: key in PEM': { artefacts: valid.pems, parse: readPublicKeyPem, refuses: ['input_invalid'] },
  'token policy': {
    artefacts: [JSON.stringify({ issuers: ['a'], audiences: ['b'], max_ttl_seconds: 60 })],
    parse: readTokenPolicy,
  },
  'envelope: JWE, the earlier service, Fernet': {
    artefacts: valid.envelopes,
    parse: (envelope) => openEnvelope({ envelope, password: PASSWORD }, NOW),
    refuses: ['envelope_rejected', 'input_invalid'],
    share: 2,
  },
  'envelope: under a key of the ring': {
    artefacts: valid.envelopes,
    parse: (envelope) => openEnvelope({ envelope }, NOW, async () => valid.KEK),
    refuses: ['envelope_rejected', 'input_invalid'],
  },
  'envelope: what is guessed at': {
    artefacts: valid.envelopes,
    parse: (envelope) => openGuessSubject({ envelope, password: PASSWORD }),
  },
  'Fernet: token': {
    artefacts: valid.fernetTokens,
    parse: (text) => [fernetOpen(text, valid.FERNET_KEY, NOW, 60), fernetCreatedAt(text)],
  },
  'Fernet: key': { artefacts: valid.fernetTokens, parse: readFernetKey },
  'master key': { artefacts: valid.masterKeys, parse: parseMasterKey },
  PEM: { artefacts: valid.pems, parse: (text) => pemBlocks(text).map(({ body }) => pemBytes(body)) },
  'PEM, DER, PKCS#7: bundle': {
    artefacts: [...valid.pems, ...valid.certificates, ...valid.pkcs7],
    parse: (_text, bytes) => readBundle(bytes),
  },
  'trust anchors': {
    artefacts: valid.pems,
    parse: (text) =>
      readTrust(text, () =>
        Promise.reject(new SecurityError('path_refused', 'path cannot be used.', { hint: 'Give text.' })),
      ),
    refuses: ['input_invalid', 'path_refused'],
  },
  'CRLs as given': { artefacts: valid.pems, parse: (text) => readCrls(text, 0), refuses: ['input_invalid'] },
  'DER: elements': {
    artefacts: valid.certificates,
    parse: (_text, bytes) => elementsOf(firstElement(bytes)),
    throws: DerFault,
  },
  'BER: definite lengths': {
    artefacts: [...valid.pkcs12, ...valid.certificates],
    parse: (_text, bytes) => toDefinite(bytes, { left: 20_000 }),
    throws: DerFault,
  },
  certificate: { artefacts: valid.certificates, parse: (_text, bytes) => parseCertificate(bytes), share: 3 },
  'certificate: the whole judgement of a handshake': {
    artefacts: valid.certificates,
    parse: (_text, der) =>
      judgeSent(shown([{ der }, lab.intermediate]), lab.at, { anchors: [lab.rootEc], serverName: 'good.lab.test' }),
    share: 0.5,
  },
  'PKCS#7': { artefacts: valid.pkcs7, parse: (_text, bytes) => readPkcs7(bytes) },
  'PKCS#12: opening': { artefacts: valid.pkcs12, parse: (_text, bytes) => openPkcs12(bytes, 'secret'), share: 0.5 },
  'PKCS#12: what is guessed at': {
    artefacts: valid.pkcs12,
    parse: (_text, bytes) => [isPkcs12(bytes), pkcs12GuessSubject(bytes)],
  },
  OCSP: {
    artefacts: valid.ocspResponses,
    parse: (_text, bytes) => readOcspResponse(bytes, { certificate: read(lab.good), issuer: ISSUER, at: lab.at }),
    share: 2,
  },
  CRL: {
    artefacts: valid.crls,
    parse: (_text, bytes) => splitCrls(bytes).map(readCrl),
    share: 2,
  },
  'OCSP and CRL in a judgement': {
    artefacts: [...valid.ocspResponses, ...valid.crls],
    parse: (_text, bytes) =>
      judgeSent(shown([lab.good, lab.intermediate], { staple: bytes }), lab.at, {
        anchors: [lab.rootEc],
        serverName: 'good.lab.test',
        crls: [bytes],
      }),
    share: 0.5,
  },
  'age: header, armor and payload': {
    artefacts: valid.ageFiles.map(({ file }) => file),
    parse: (_text, bytes) => drained(decryptFile(inPieces(bytes), { identities: valid.ageIdentities.slice(0, 2) })),
    refuses: ['envelope_rejected'],
    share: 0.5,
  },
  'age: identity': {
    artefacts: [...valid.ageIdentities, ...valid.sshKeys],
    parse: (text) => drained(decryptFile(inPieces(utf8(valid.ageFiles[0]?.file ?? '')), { identities: [text] })),
    refuses: ['envelope_rejected', 'input_invalid'],
    share: 0.5,
  },
  'reference to a secret': {
    artefacts: ['secret://db-password', 'env://EXPOSED', 'plain'],
    parse: (given) => resolveSecrets({ given }, [{ name: 'given', use: 'lock', maxLength: 100 }], SOURCES),
    refuses: ['secret_unknown', 'policy_refused', 'input_invalid'],
  },
  configuration: {
    artefacts: valid.environments,
    parse: (text) => loadConfig(environment(text), FILES),
    share: 2,
  },
  'hash of a password': { artefacts: valid.passwordHashes, parse: parsePasswordHash },
  'checkpoint of the audit': {
    artefacts: valid.checkpoints,
    parse: (text) => readCheckpoint(text, valid.CHECKPOINT_KEY),
  },
  'target of a check': { artefacts: valid.targets, parse: (text) => [parseTarget(text), parseAllowedHost(text)] },
  'host name': { artefacts: valid.targets, parse: readReference },
  '.env file': {
    artefacts: ['A=1\nexport B="two\nlines"\n# C=3\nC=\'x\'\n', 'A="unclosed\nB=1', 'A=\\\nB=2\r\n'],
    parse: (text) => [withVariable(text, 'B', 'value', true), withVariable(text, 'C', 'value', false)],
    refuses: ['input_invalid'],
  },
};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const SHARES = Object.values(PARSERS).reduce((sum, { share = 1 }) => sum + share, 0);

describe.each(Object.entries(PARSERS))('%s', (name, { artefacts, parse, refuses = [], throws, share = 1 }) => {
  it(
    'answers or refuses as it says, whatever it is given',
    async () => {
      await fuzz(name, portion(CASES.parsers, share, SHARES), changed(artefacts), async (text) => {
        try {
          expect(await parse(text, Buffer.from(text, 'latin1'))).not.toBeUndefined();
        } catch (error) {
          if (throws !== undefined && error instanceof throws) return;
          if (!(error instanceof SecurityError)) throw error;
          expect(refuses).toContain(error.code);
          expect(error.hint).not.toBe('');
        }
      });
    },
    PATIENCE_MS,
  );
});
