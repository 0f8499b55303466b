/**
 * Judging a server beside what is at hand: `openssl` as processes and a bare `tls.connect`; a hundred hosts in one call beside
 * a hundred calls; and the validation of a chain alone as the certificates that come with it grow in number.
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Worker } from 'node:worker_threads';

import { issue } from '../examples/lab.mjs';
import { interleave, median, row, timeMs } from './measure.mjs';
import { SERVER, startPipeline, startServer, UNLIMITED } from './rig.mjs';

const OPENSSL = '/usr/bin/openssl';
const ROUNDS = 21;
const BATCH_ROUNDS = 5;
const VALIDATION_ROUNDS = 11;
const VALIDATIONS = 20;
const HOSTS = 100;
const NETWORK = { SECURITY_MCP_NETWORK: 'any', SECURITY_MCP_CALLS_PER_MINUTE: UNLIMITED };

function startLab() {
  const worker = new Worker(new URL('certificate-lab.mjs', import.meta.url), { workerData: { hosts: HOSTS } });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (lab) => resolve({ ...lab, close: () => worker.terminate() }));
  });
}

function expectTrusted(verdicts, count) {
  if (verdicts.length !== count || verdicts.some((verdict) => verdict !== 'trusted'))
    throw new Error(`not trusted: ${verdicts.join(', ')}`);
}

/** A process, to its exit; what it prints is dropped. */
function openssl(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(OPENSSL, args, { stdio: 'ignore' });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`openssl ${args[0]} ended with ${code}`))));
  });
}

/** The handshake with the chain verified, then the question to the responder, as a script would. */
function opensslContestant(lab, folder) {
  const file = (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const [{ address, leaf, ocspUrl }] = lab.hosts;
  const [root, issuer] = [file('root.pem', lab.root), file('issuer.pem', lab.intermediate)];
  const certificate = file('leaf.pem', leaf);
  const trust = ['-CAfile', root];
  return async () => {
    await openssl(['s_client', '-connect', address, ...trust, '-verify_return_error', '-brief']);
    const question = ['-issuer', issuer, '-cert', certificate, '-url', ocspUrl, '-no_nonce'];
    await openssl(['ocsp', ...trust, ...question]);
  };
}

function bareTls({ root, hosts }) {
  const [host, port] = hosts[0].address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: root }, () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}

/** As a first question about a host: a checker that has nothing kept asks the responder and fetches the list. */
async function freshJudgement({ root, hosts }) {
  const [{ createCertificateChecker }, { readTrust }] = await Promise.all([
    import('../build/network/checker.js'),
    import('../build/crypto/certificate/given.js'),
  ]);
  const checker = createCertificateChecker({
    policy: { mode: 'any', allowHosts: [], ports: [] },
    extraAnchors: [],
    random: (length) => randomBytes(length),
    now: () => new Date(),
  });
  const question = {
    targets: [hosts[0].address],
    revocation: 'hard',
    pins: [],
    trust: await readTrust(root),
    timeoutSeconds: 10,
    fetchMissing: false,
  };
  const results = await checker.check(question, new AbortController().signal, () => undefined);
  expectTrusted(
    results.map(({ judgement }) => judgement.verdict),
    1,
  );
}

async function check(caller, { root }, targets) {
  const { results } = await caller.call('certificate_check', { targets, trust: root, revocation: 'hard' });
  expectTrusted(
    results.map(({ verdict }) => verdict),
    targets.length,
  );
}

async function judgements(lab) {
  const hasOpenssl = existsSync(OPENSSL);
  const folder = mkdtempSync(join(tmpdir(), 'security-mcp-bench-'));
  const pipeline = await startPipeline(NETWORK);
  try {
    const contestants = {
      fresh: () => timeMs(() => freshJudgement(lab)),
      kept: () => timeMs(() => check(pipeline, lab, [lab.hosts[0].address])),
      tls: () => timeMs(() => bareTls(lab)),
    };
    if (hasOpenssl) {
      const judge = opensslContestant(lab, folder);
      contestants.openssl = () => timeMs(judge);
    }
    await interleave(5, contestants);
    const samples = await interleave(ROUNDS, contestants);
    const ms = Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]));
    const line = (what, ours, reference, against) => row({ what, ours, reference, unit: 'ms', against });
    const whole = 'one judgement: handshake, chain, OCSP and CRL';
    const again = 'the same host again, its OCSP and CRL kept';
    const processes = 'openssl s_client, then openssl ocsp';
    return [
      ...(hasOpenssl ? [line(whole, ms.fresh, ms.openssl, processes)] : []),
      line(whole, ms.fresh, ms.tls, 'tls.connect'),
      ...(hasOpenssl ? [line(again, ms.kept, ms.openssl, processes)] : []),
      line(again, ms.kept, ms.tls, 'tls.connect'),
    ];
  } finally {
    await pipeline.close();
    rmSync(folder, { recursive: true });
  }
}

async function batches(lab) {
  const server = await startServer(SERVER, NETWORK);
  const targets = lab.hosts.map(({ address }) => address);
  const contestants = {
    together: () => timeMs(() => check(server, lab, targets)),
    apart: () =>
      timeMs(async () => {
        for (const target of targets) await check(server, lab, [target]);
      }),
  };
  try {
    // Once unmeasured: what is said of revocation is kept from then on.
    await interleave(1, contestants);
    const { together, apart } = await interleave(BATCH_ROUNDS, contestants);
    return [
      row({
        what: `${HOSTS} hosts in one call, stdio`,
        ours: median(together),
        reference: median(apart),
        unit: 'ms',
        against: `${HOSTS} calls of one host, one after the other`,
      }),
    ];
  } finally {
    await server.close();
  }
}

/** What may come with a leaf: the right issuer last, before it others of any name, or of its very name and key. */
function companions(kind, count, root, intermediate) {
  const others = Array.from({ length: count - 1 }, (_, i) =>
    kind === 'clutter'
      ? issue({ subject: `Other ${i}`, issuer: root })
      : issue({ subject: 'Bench Intermediate', issuer: issue({ subject: `Stranger ${i}` }), keyOf: intermediate }),
  );
  return [...others, intermediate];
}

async function validation() {
  const [{ parseCertificate }, { buildPath, isSound }] = await Promise.all([
    import('../build/crypto/certificate/parse.js'),
    import('../build/crypto/certificate/path.js'),
  ]);
  const root = issue({ subject: 'Bench Root' });
  const intermediate = issue({ subject: 'Bench Intermediate', issuer: root });
  const leaf = issue({ subject: 'Bench', issuer: intermediate, names: ['bench.test'] });
  const anchors = { certificates: [parseCertificate(root.der)], isPublic: () => false };
  const read = (chain) => chain.map((bytes) => parseCertificate(bytes));
  const validate = ([first, ...intermediates]) =>
    isSound(buildPath(first, { at: new Date(), purpose: 'serverAuth', anchors, intermediates }));
  // Read anew each time, so that nothing is kept in a certificate, but outside of what is measured.
  const validationMs = (chain) => async () => {
    let sum = 0;
    for (let time = 0; time < VALIDATIONS; time++) {
      const certificates = read(chain);
      sum += await timeMs(() => validate(certificates));
    }
    return sum / VALIDATIONS;
  };
  const contestants = {};
  const found = {};
  for (const kind of ['clutter', 'same name and key'])
    for (const count of [1, 10, 100]) {
      const chain = [leaf, ...companions(kind, count, root, intermediate)].map(({ der }) => der);
      found[`${kind} ${count}`] = validate(read(chain));
      contestants[`${kind} ${count}`] = validationMs(chain);
      if (kind === 'clutter') contestants[`reading ${count}`] = () => timeMs(() => read(chain));
    }
  if (!found['clutter 1'] || !found['clutter 100']) throw new Error('a good chain is not found');
  await interleave(3, contestants);
  const samples = await interleave(VALIDATION_ROUNDS, contestants);
  const ms = (name) => median(samples[name]);
  // So many certificates of the right name and key exhaust the bounds of the search, which is what bounds are for.
  const outcome = (name) => (found[name] === false ? ' (given up)' : '');
  const line = (kind, count, text) => {
    const what = `${text}${outcome(`${kind} ${count}`)}`;
    return row({
      what,
      ours: ms(`${kind} ${count}`),
      reference: ms(`${kind} 1`),
      unit: 'ms',
      against: '1 intermediate',
    });
  };
  return [
    line('clutter', 1, 'validation alone, 1 intermediate'),
    line('clutter', 10, 'validation, 10 sent, 9 of other names'),
    line('clutter', 100, 'validation, 100 sent, 99 of other names'),
    line('same name and key', 10, 'validation, 10 sent, 9 of strangers under its name and key'),
    line('same name and key', 100, 'validation, 100 sent, 99 of strangers under its name and key'),
    line('reading', 1, 'reading a leaf and 1 intermediate'),
    line('reading', 100, 'reading a leaf and 100 intermediates'),
  ];
}

export async function run() {
  const lab = await startLab();
  try {
    const rows = [...(await judgements(lab)), ...(await batches(lab)), ...(await validation())];
    const skipped = existsSync(OPENSSL) ? '' : `; ${OPENSSL} is not here, so nothing is beside it`;
    return {
      note: `servers in a thread of their own, P-256; medians of ${ROUNDS} interleaved rounds (batches ${BATCH_ROUNDS}, validation ${VALIDATION_ROUNDS} of ${VALIDATIONS})${skipped}`,
      rows,
    };
  } finally {
    await lab.close();
  }
}
