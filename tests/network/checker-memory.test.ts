/** What sixteen servers cost in memory whose revocation lists are as long as any may be, all of them fetched at once. */

import { spawn } from 'node:child_process';

import { afterAll, expect, it } from 'vitest';

import { MIB } from '../support/memory.js';
import { withPort } from '../support/pki/checking.js';
import { manyEntries } from '../support/pki/crl.js';
import { httpServer } from '../support/pki/http-servers.js';
import { createLab, GOOD_NAME } from '../support/pki/lab.js';
import { closeAll, type Running } from '../support/pki/listen.js';
import { tlsServer } from '../support/pki/tls-servers.js';

/** OpenSSL goes by the real clock. */
const lab = await createLab({ at: new Date() });
const opened: Running[] = [];
afterAll(() => closeAll(opened));

async function serve<T extends Running>(starting: Promise<T>): Promise<T> {
  const running = await starting;
  opened.push(running);
  return running;
}

function childOf(question: object): Promise<{ bytes: number; summaries: string[] }> {
  const child = spawn(process.execPath, ['tests/support/checker-child.mjs', JSON.stringify(question)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
  return new Promise((resolve, reject) =>
    child.once('close', (code) =>
      code === 0
        ? resolve(JSON.parse(told) as { bytes: number; summaries: string[] })
        : reject(new Error(`exit ${code}`)),
    ),
  );
}

it('sixteen lists of 10 MiB grow the process by less than 64 MiB, and each is judged', async () => {
  const listBytes = 10 * MIB;
  const sample = lab.crl({ issuer: lab.intermediate, entries: manyEntries(1_000) });
  const empty = lab.crl({ issuer: lab.intermediate });
  const count = Math.floor((listBytes - 4_096) / ((sample.length - empty.length) / 1_000));
  const body = lab.crl({ issuer: lab.intermediate, entries: manyEntries(count) });
  expect(body.length / listBytes).toBeGreaterThan(0.99);
  expect(body.length).toBeLessThanOrEqual(listBytes);
  const lists = await serve(
    httpServer(({ path }) => (path.startsWith('/long') ? { body, contentLength: false } : { body: empty })),
  );
  const rootList = lab.crl({ issuer: lab.rootEc });
  const authority = await serve(httpServer(() => ({ body: rootList })));
  const intermediate = lab.issueCa({
    subject: 'CN=Lab Intermediate,O=Lab',
    issuer: lab.rootEc,
    crlDistributionPoints: [`${authority.url}/root`],
    key: lab.intermediate,
  });
  const server = async (path: string): Promise<string> => {
    const leaf = lab.leaf({ issuer: intermediate, crlDistributionPoints: [`${lists.url}${path}`] });
    return withPort(await serve(tlsServer({ chain: [leaf, intermediate], privateKey: leaf.privateKey })));
  };
  const first = await server('/short');
  const targets = await Promise.all(Array.from({ length: 16 }, (_, i) => server(`/long${i}`)));
  const { bytes, summaries } = await childOf({
    targets,
    first,
    trust: Buffer.from(lab.rootEc.der).toString('base64'),
    serverName: GOOD_NAME,
  });
  expect(summaries.filter((text) => !text.startsWith('trusted'))).toEqual([]);
  expect(bytes / MIB).toBeLessThan(64);
}, 120_000);
