/** Certificate tools: judge live servers, or certificates that are given (RFC 5280, RFC 6960, RFC 9525). */

import { z } from 'zod';

import { fromAnyBase64 } from '../crypto/bytes.js';
import { STARTTLS_PROTOCOLS } from '../crypto/certificate/checker.js';
import type { ConnectionFacts } from '../crypto/certificate/connection.js';
import { CHECK_NAMES, CHECK_STATUSES, VERDICTS } from '../crypto/certificate/judgement.js';
import { inputInvalid } from '../crypto/errors.js';
import { VIEW_URI } from '../view/address.js';
import { filePath, instant, secret, text } from './fields.js';
import { defineTool, type ToolContext } from './tool.js';

/** The reading and writing of certificates is loaded with the first call. */
const loadGiven = (): Promise<typeof import('../crypto/certificate/given.js')> =>
  import('../crypto/certificate/given.js');
const loadConcise = (): Promise<typeof import('../crypto/certificate/concise.js')> =>
  import('../crypto/certificate/concise.js');

const MAX_TEXT = 4 * 1_048_576;
const MAX_FILE_BYTES = 4 * 1_048_576;
type Reading = Pick<ToolContext, 'files' | 'signal'>;

/** Reads what a path names, within the folders that are allowed. */
function fileReader({ files, signal }: Reading): (path: string) => Promise<Uint8Array> {
  return (path) => files.read(path, { maxBytes: MAX_FILE_BYTES, signal });
}

const check = z.strictObject({
  check: z.enum(CHECK_NAMES),
  status: z.enum(CHECK_STATUSES),
  code: z.string(),
  explanation: z.string(),
  remedy: z.string().optional(),
});

const chainEntry = z.strictObject({
  subject: z.string(),
  issuer: z.string().optional(),
  serial: z.string().optional(),
  not_before: z.string().optional(),
  not_after: z.string().optional(),
  key: z.string().optional(),
  signature_algorithm: z.string().optional(),
  spki_sha256: z.string().optional(),
  sha256: z.string().optional(),
  names: z.array(z.string()).optional(),
});

const judgement = {
  target: z.string(),
  verdict: z.enum(VERDICTS),
  summary: z.string(),
  checks: z.array(check),
  chain: z.array(chainEntry),
  not_after: z.string().nullable(),
  days_remaining: z.int().nullable(),
};

const connection = z.strictObject({
  address: z.string().optional(),
  protocol: z.string().optional(),
  cipher: z.string().optional(),
  key_exchange: z.string().optional(),
});

const serverName = (): z.ZodOptional<z.ZodString> => text(255).min(1).optional();
const detail = z.enum(['concise', 'full']).optional();
const trust = (): z.ZodOptional<z.ZodString> =>
  text(MAX_TEXT).min(1).optional().describe('PEM or path; replaces system roots.');

export const certificateCheck = defineTool({
  name: 'certificate_check',
  title: 'Check TLS servers',
  description:
    'Judges up to 100 TLS servers (host[:port], [v6]:port): chain, hostname, validity, revocation, pins; reasons, remedies.',
  effect: 'none',
  reach: 'network',
  cost: 'light',
  audit: ['revocation', 'starttls', 'timeout_seconds', 'fetch_missing', 'detail'],
  input: z.strictObject({
    targets: z.array(text(300).min(1)).min(1).max(100),
    server_name: serverName().describe('If not the host.'),
    revocation: z.enum(['soft', 'hard', 'off']).optional().describe('Default soft: unknown passes.'),
    pins: z
      .array(z.string().regex(/^sha256\/[A-Za-z0-9+/]{43}=$/, 'must be sha256/ and 44 characters of base64'))
      .max(16)
      .optional()
      .describe('SPKI hashes.'),
    trust: trust(),
    starttls: z.enum(STARTTLS_PROTOCOLS).optional(),
    at: instant().optional(),
    timeout_seconds: z.int().min(1).max(60).optional().describe('Default 10.'),
    fetch_missing: z.boolean().optional().describe('Fetch intermediates.'),
    detail,
  }),
  view: VIEW_URI,
  output: z.strictObject({ results: z.array(z.strictObject({ ...judgement, connection })) }),
  async run(input, context) {
    const { targets, server_name, revocation = 'soft', pins = [], starttls, at, timeout_seconds = 10 } = input;
    const { readTrust } = await loadGiven();
    const anchors = input.trust === undefined ? undefined : await readTrust(input.trust, fileReader(context));
    const checked = await context.certificates.check(
      {
        targets,
        revocation,
        pins,
        timeoutSeconds: timeout_seconds,
        fetchMissing: input.fetch_missing ?? false,
        ...(server_name === undefined ? {} : { serverName: server_name }),
        ...(anchors === undefined ? {} : { trust: anchors }),
        ...(starttls === undefined ? {} : { starttls }),
        ...(at === undefined ? {} : { at: new Date(at) }),
      },
      context.signal,
      (finished) => context.progress(finished, targets.length),
    );
    const { concise } = await loadConcise();
    return {
      results: checked.map(({ judgement: whole, facts }) => ({
        ...(input.detail === 'full' ? whole : concise(whole)),
        connection: connectionOf(facts),
      })),
    };
  },
});

function connectionOf({ address, protocol, cipher, keyExchange }: ConnectionFacts): z.infer<typeof connection> {
  return {
    ...(address === undefined ? {} : { address }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(cipher === undefined ? {} : { cipher }),
    ...(keyExchange === undefined ? {} : { key_exchange: keyExchange }),
  };
}

export const certificateVerify = defineTool({
  name: 'certificate_verify',
  title: 'Verify a certificate',
  description: 'certificate_check without network: certificates (leaf, chain) or path, CRLs, OCSP response.',
  effect: 'none',
  reach: 'local',
  cost: 'light',
  audit: ['detail'],
  input: z.strictObject({
    certificates: text(MAX_TEXT).min(1).optional().describe('PEM, or base64 of DER, PKCS#7 or PKCS#12.'),
    path: filePath().optional(),
    password: secret('lock', 1_024).optional().describe('Of a PKCS#12.'),
    server_name: serverName(),
    trust: trust(),
    crls: z.array(text(MAX_TEXT)).max(16).optional().describe('PEM.'),
    ocsp_response: z.string().max(131_072).optional().describe('Base64.'),
    at: instant().optional(),
    detail,
  }),
  output: z.strictObject(judgement),
  guess: {
    // Only a PKCS#12 with a password can be guessed at.
    async subject(input, context) {
      if (input.password === undefined) return null;
      const given = await loadGiven();
      return given.guessSubject(await given.readGiven(input, fileReader(context)));
    },
    succeeded: () => true,
  },
  async run(input, context) {
    const given = await loadGiven();
    const readFile = fileReader(context);
    const bytes = await given.readGiven(input, readFile);
    const bundle = await given.openBundle(bytes, input.password, (password) =>
      context.openPkcs12(bytes, password, context.signal),
    );
    const leaf = given.requireLeaf(bundle);
    const { server_name, at } = input;
    const anchors = input.trust === undefined ? undefined : await given.readTrust(input.trust, readFile);
    const ocsp = input.ocsp_response === undefined ? undefined : fromAnyBase64(input.ocsp_response);
    if (ocsp === null) throw inputInvalid('ocsp_response', 'is not base64', 'Give the DER of the response in base64.');
    const whole = await context.certificates.verify(
      {
        leaf,
        others: bundle.certificates.filter((entry) => entry !== leaf),
        crls: [...bundle.crls, ...(input.crls ?? []).flatMap(given.readCrls)],
        ocspResponses: ocsp === undefined ? [] : [ocsp],
        leftOut: bundle.unreadable + bundle.leftOut,
        keyShown: bundle.privateKey && input.path === undefined,
        ...(server_name === undefined ? {} : { serverName: server_name }),
        ...(anchors === undefined ? {} : { trust: anchors }),
        ...(at === undefined ? {} : { at: new Date(at) }),
      },
      context.signal,
    );
    return input.detail === 'full' ? whole : (await loadConcise()).concise(whole);
  },
});
