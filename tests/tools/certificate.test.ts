/** The certificate tools as they are called: every form of input, files in the allowed folders only, short and full answers. */

import { writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Judgement } from '../../src/crypto/certificate/judgement.js';
import { CONCISE_BYTES } from '../../src/crypto/certificate/concise.js';
import { systemRandom } from '../../src/crypto/random.js';
import { createCertificateChecker } from '../../src/network/checker.js';
import { file, folders } from '../support/files.js';
import { answered, bench, refused, type Bench } from '../support/pipeline.js';
import { FILES, LEAF, PASSWORD, ROOT } from '../support/pkcs12-files.js';
import { toPem } from '../support/pki/certificates.js';
import { newKey } from '../support/pki/keys.js';
import { createLab, GOOD_NAME, type Lab } from '../support/pki/lab.js';
import { tlsServer, type TlsRunning } from '../support/pki/tls-servers.js';

let lab: Lab;
let server: TlsRunning;
let tools: Bench;
let target: string;
let question: Record<string, unknown>;

beforeAll(async () => {
  lab = await createLab();
  server = await tlsServer({ chain: [lab.good, lab.intermediate], privateKey: lab.good.privateKey });
  const policy = { mode: 'any', allowHosts: [], ports: [server.port] } as const;
  const certificates = createCertificateChecker({ policy, extraAnchors: [], random: systemRandom, now: () => lab.at });
  tools = bench({}, folders, certificates);
  target = `127.0.0.1:${server.port}`;
  question = { server_name: GOOD_NAME, trust: lab.rootEc.pem, at: lab.at.toISOString() };
});
afterAll(() => server.close());

function binaryFile(bytes: Uint8Array): string {
  const path = file('');
  writeFileSync(path, bytes);
  return path;
}
const verify = async (input: Record<string, unknown>): Promise<Judgement> =>
  answered(await tools.call('certificate_verify', { ...question, ...input })) as unknown as Judgement;
type Result = Judgement & { connection: Record<string, string> };
async function check(input: Record<string, unknown>): Promise<Result[]> {
  const answer = answered(
    await tools.call('certificate_check', { targets: [target], revocation: 'off', ...question, ...input }),
  );
  return answer['results'] as Result[];
}
const codeOf = ({ checks }: Judgement, name: string): string | undefined =>
  checks.find((entry) => entry.check === name)?.code;

describe('certificate_verify', () => {
  it('says that a private key given along as text must be replaced; one in a file was not shown', async () => {
    const key = lab.good.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const whole = `${key}${lab.good.pem}${lab.intermediate.pem}`;
    const pasted = await verify({ certificates: whole });
    expect(pasted.verdict).toBe('trusted');
    expect(pasted.checks.find(({ check: name }) => name === 'key')).toMatchObject({
      status: 'warn',
      code: 'private_key_shown',
    });
    expect(pasted.summary).toContain('a private key was given along');
    expect(codeOf(await verify({ path: file(whole) }), 'key')).toBe('ok');
    const weak = lab.leaf({ key: newKey('rsa1024') });
    const both = await verify({ certificates: `${key}${weak.pem}${lab.intermediate.pem}` });
    expect(codeOf(both, 'key')).toBe('weak_key');
    expect(JSON.stringify(both)).toContain('A private key was given along');
  });

  const forms: [string, () => Record<string, unknown>][] = [
    ['PEM in any order', () => ({ certificates: `${lab.rootEc.pem}${lab.good.pem}${lab.intermediate.pem}` })],
    ['a file of PEM', () => ({ path: file(`${lab.good.pem}${lab.intermediate.pem}`) })],
    [
      'a trust that is a file',
      () => ({ certificates: `${lab.good.pem}${lab.intermediate.pem}`, trust: file(lab.rootEc.pem) }),
    ],
    [
      'with the intermediate as trust',
      () => ({ certificates: Buffer.from(lab.good.der).toString('base64'), trust: lab.intermediate.pem }),
    ],
    ['DER in a file', () => ({ path: binaryFile(lab.good.der), trust: lab.intermediate.pem })],
  ];
  it.each(forms)('%s', async (_, input) => {
    expect((await verify(input())).verdict).toBe('trusted');
  });

  it('a PKCS#12 with its password, as base64 or as a file', async () => {
    const { bytes } = FILES.aes256;
    const trusted = {
      trust: toPem(ROOT),
      at: '2027-01-01T00:00:00Z',
      password: PASSWORD,
      server_name: 'leaf.test',
      detail: 'full',
    };
    for (const input of [{ certificates: Buffer.from(bytes).toString('base64') }, { path: binaryFile(bytes) }]) {
      const { chain } = await verify({ ...input, ...trusted });
      expect(chain[0]?.subject).toBe('CN=leaf');
      expect(chain).toHaveLength(3);
    }
    expect(LEAF.length).toBeGreaterThan(0);
  });

  it('guesses at the password of a PKCS#12 are counted, and other forms are not', async () => {
    const certificates = Buffer.from(FILES.aes256.bytes).toString('base64');
    const guess = async (): Promise<string> =>
      refused(await tools.call('certificate_verify', { certificates, password: 'wrong' })).code;
    const codes: string[] = [];
    for (let i = 0; i < 6; i++) codes.push(await guess());
    expect(codes.filter((code) => code === 'input_invalid').length).toBeLessThanOrEqual(5);
    expect(codes.at(-1)).toBe('rate_limited');
    for (let i = 0; i < 8; i++) expect((await verify({ certificates: lab.good.pem })).verdict).toBe('untrusted');
  });

  it('CRLs and an OCSP response that are given must say enough, and are believed', async () => {
    const certificates = `${lab.good.pem}${lab.intermediate.pem}`;
    const rootList = toPem(lab.crl({ issuer: lab.rootEc }), 'X509 CRL');
    const list = (entries: { serial: Uint8Array }[]): string =>
      toPem(lab.crl({ issuer: lab.intermediate, entries }), 'X509 CRL');
    const ocsp_response = Buffer.from(lab.ocsp(lab.good)).toString('base64');
    expect((await verify({ certificates, crls: [`${rootList}${list([])}`] })).verdict).toBe('trusted');
    expect((await verify({ certificates, crls: [rootList], ocsp_response })).verdict).toBe('trusted');
    const revoked = await verify({ certificates, crls: [rootList, list([{ serial: lab.good.serial }])] });
    expect([revoked.verdict, codeOf(revoked, 'revocation')]).toEqual(['untrusted', 'revoked']);
    const unknown = await verify({ certificates, crls: [rootList] });
    expect([unknown.verdict, codeOf(unknown, 'revocation')]).toEqual(['undetermined', 'revocation_unavailable']);
  });

  it('is for a time: the time that is given, else now', async () => {
    const certificates = `${lab.good.pem}${lab.intermediate.pem}`;
    expect(codeOf(await verify({ certificates, at: '2027-06-01T00:00:00+02:00' }), 'validity')).toBe('expired');
    expect((await verify({ certificates, at: undefined })).verdict).toBe('trusted');
  });

  it('with a key among what was given and no certificate says to replace the key', async () => {
    const pem = lab.good.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const { message, hint } = refused(await tools.call('certificate_verify', { certificates: pem }));
    expect(message).toBe('certificates hold a private key and no certificate.');
    expect(hint).toContain('replace the key');
  });

  it('leaves in the audit no name, path or text', async () => {
    await verify({ certificates: lab.good.pem, detail: 'full' });
    const text = JSON.stringify(tools.entries.at(-1));
    expect(text).toContain('"detail":"full"');
    expect(text).not.toMatch(/lab\.test|BEGIN/);
  });
});

describe('certificate_check', () => {
  it('judges each target, with its connection', async () => {
    const [first, second] = await check({ targets: [target, `localhost:${server.port}`] });
    for (const result of [first, second]) {
      expect(result).toMatchObject({ verdict: 'trusted', connection: { address: '127.0.0.1', protocol: 'TLSv1.3' } });
      expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThanOrEqual(CONCISE_BYTES);
    }
  });

  it('in full tells every check and the whole chain', async () => {
    const [full] = await check({ detail: 'full' });
    expect(full?.checks).toHaveLength(12);
    expect(full?.chain).toHaveLength(3);
    expect(full?.chain[2]).toHaveProperty('spki_sha256');
  });

  // The name of the call is what counts, whatever its spelling: never again that of the target in its place.
  it.each(['::1', '[::1]', 'OTHER.lab.test.', '127.0.0.2', '0x7f.2'])(
    'judges by server_name %s, not by the target',
    async (server_name) => {
      const [result] = await check({ server_name });
      expect([result?.verdict, codeOf(result as Result, 'hostname')]).toEqual(['untrusted', 'hostname_mismatch']);
      expect(result?.checks.find((entry) => entry.check === 'hostname')?.explanation).not.toContain(
        'not for 127.0.0.1,',
      );
    },
  );

  it('refuses a target that is none before anything is dialled', async () => {
    const before = server.connections;
    const { code, message } = refused(await tools.call('certificate_check', { targets: [target, 'a b'], ...question }));
    expect([code, message]).toEqual(['input_invalid', expect.stringMatching(/^targets\[1\]: /)]);
    expect(server.connections).toBe(before);
  });

  it('without a network says so of each target, as a judgement', async () => {
    const { call } = bench();
    const { results } = answered(await call('certificate_check', { targets: ['example.com', '192.0.2.1'] })) as {
      results: Result[];
    };
    for (const result of results)
      expect([result.verdict, codeOf(result, 'connection')]).toEqual(['undetermined', 'network_refused']);
  });
});
