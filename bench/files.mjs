/**
 * A large file through file_encrypt and file_decrypt for a recipient, beside the age command (where it is installed) and beside one pass of
 * node:crypto's ChaCha20-Poly1305 over the same file; what memory the server takes at its peak, and how long cheap calls wait meanwhile.
 * SECURITY_MCP_BENCH_FILE_MIB is the size of the file, 1,024 unless it says otherwise.
 */

import { spawnSync } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { generateX25519Identity, identityToRecipient } from 'age-encryption';

import { interleave, median, row, timeMs } from './measure.mjs';
import { SERVER, startServer, UNLIMITED } from './rig.mjs';

const FILE_MIB = Number(process.env.SECURITY_MCP_BENCH_FILE_MIB ?? 1_024);
const ROUNDS = 3;
const PAUSE_MS = 50;
const LIMIT_MIB = 200;

function writeRandom(path) {
  const file = openSync(path, 'wx', 0o600);
  for (let i = 0; i < FILE_MIB; i++) writeSync(file, randomBytes(1_048_576));
}

/** What the process has taken at most, where the system tells it. */
function peakMib(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

function command(name, args) {
  const { status, stderr } = spawnSync(name, args);
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
}

/** The file once through the cipher, and to the disk. */
async function raw(from, to) {
  const cipher = createCipheriv('chacha20-poly1305', randomBytes(32), randomBytes(12), { authTagLength: 16 });
  await pipeline(createReadStream(from, { highWaterMark: 262_144 }), cipher, createWriteStream(to));
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'security-mcp-bench-files-'));
  const server = await startServer(SERVER, {
    SECURITY_MCP_CALLS_PER_MINUTE: UNLIMITED,
    SECURITY_MCP_FILES: folder,
  });
  try {
    const [plain, ours, theirs, other, key] = ['plain', 'ours.age', 'theirs.age', 'other', 'key'].map((name) =>
      join(folder, name),
    );
    writeRandom(plain);
    const identity = await generateX25519Identity();
    const recipient = await identityToRecipient(identity);
    const file = openSync(key, 'wx', 0o600);
    writeSync(file, `${identity}\n`);
    const hasAge = spawnSync('age', ['--version']).status === 0;
    const waitsMs = [];
    /** Cheap calls while `work` goes on. */
    const beside = async (work) => {
      const done = new AbortController();
      const heavy = work().finally(() => done.abort());
      while (!done.signal.aborted) {
        waitsMs.push(await timeMs(() => server.call('digest_compute', { algorithm: 'sha256', text: 'hello' })));
        await sleep(PAUSE_MS);
      }
      await heavy;
    };
    const encrypted = await interleave(ROUNDS, {
      ours: () =>
        timeMs(() =>
          beside(() =>
            server.call('file_encrypt', { path: plain, output: ours, recipients: [recipient], overwrite: true }),
          ),
        ),
      raw: () => timeMs(() => raw(plain, other)),
      ...(hasAge ? { age: () => timeMs(() => command('age', ['-r', recipient, '-o', theirs, plain])) } : {}),
    });
    const decrypted = await interleave(ROUNDS, {
      ours: () =>
        timeMs(() =>
          beside(() => server.call('file_decrypt', { path: ours, output: other, identity, overwrite: true })),
        ),
      raw: () => timeMs(() => raw(plain, `${other}.raw`)),
      ...(hasAge ? { age: () => timeMs(() => command('age', ['-d', '-i', key, '-o', `${other}.age`, ours])) } : {}),
    });
    const rows = [
      ['encrypt', encrypted],
      ['decrypt', decrypted],
    ].flatMap(([what, samples]) =>
      [
        ['raw', 'node:crypto, one pass'],
        ['age', 'the age command'],
      ]
        .filter(([name]) => name in samples)
        .map(([name, against]) =>
          row({ what, ours: median(samples.ours), reference: median(samples[name]), unit: 'ms', against }),
        ),
    );
    const memory = peakMib(server.pid);
    return {
      note: `${FILE_MIB} MiB for one X25519 recipient, ${ROUNDS} interleaved rounds; the server's peak memory ${memory.toFixed(0)} MiB (goal under ${LIMIT_MIB}: ${memory < LIMIT_MIB ? 'met' : 'MISSED'}); ${waitsMs.length} cheap calls meanwhile: median ${median(waitsMs).toFixed(1)} ms, worst ${Math.max(...waitsMs).toFixed(0)} ms`,
      rows,
    };
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
}
