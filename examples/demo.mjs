/**
 * The newcomer's demonstration (`npm run demo`): a real MCP client talks to `node dist/main.js` over stdio, and every answer
 * is checked. Ends with 0 where all are as they should be, with 1 naming the step that was not.
 */

import { strict as assert } from 'node:assert';
import { createCipheriv, createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

import { askNode, startServers } from './demo-servers.mjs';
import { crlOf, daysFromNow } from './lab.mjs';

const serverScript = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const packageFile = fileURLToPath(new URL('../package.json', import.meta.url));

// Public examples, all of them: never use one for anything.
const STRONG_PASSWORD = 'correct horse battery staple';
const WRONG_PASSWORD = 'correct horse battery stable';
const WEAK_PASSWORD = 'Password1!';
const OLD_PASSWORD = 'seven silver otters juggle';
const NEW_PASSWORD = 'eleven copper herons whistle';
const EARLIER_PASSWORD = 'hunter2';
const SEALED_TEXT = 'database password: violet-anchor-93';
/** No call here takes a second; a server that hangs should not hold the demonstration for the client's minute. */
const CALL_TIMEOUT_MS = 10_000;

const JWT_SECRET_KEY = randomBytes(32).toString('base64url');
/** The demonstration leaves nothing behind. */
const home = mkdtempSync(join(tmpdir(), 'security-mcp-demo-'));
process.on('exit', () => rmSync(home, { recursive: true, force: true }));

const colourful = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code) => (text) => (colourful ? `\u001b[${code}m${text}\u001b[0m` : text);
const [bold, dim, red, green, cyan] = [1, 2, 31, 32, 36].map(paint);

/** What must not be found in the log. */
const secrets = new Set([
  STRONG_PASSWORD,
  WRONG_PASSWORD,
  WEAK_PASSWORD,
  OLD_PASSWORD,
  NEW_PASSWORD,
  EARLIER_PASSWORD,
  SEALED_TEXT,
  JWT_SECRET_KEY,
]);
const stderrLines = [];
const startedAtMs = performance.now();
let stepNumber = 0;
let stepTitle = '';

function print(text = '') {
  process.stdout.write(`${text}\n`);
}

/** What is asked. A failure from here on is this step's. */
function step(title) {
  stepNumber++;
  stepTitle = title;
  print(`\n${bold(`${String(stepNumber).padStart(2)}  ${title}`)}`);
}

/** One line of an answer: ✓ for what was granted, ✗ for what was rightly refused. */
function granted(text) {
  print(`    ${green('✓')} ${text}`);
}

function refused(text) {
  print(`    ${red('✗')} ${text}`);
}

function note(text) {
  print(`      ${dim(text)}`);
}

function shortened(text, length) {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** The arguments as one short line, long texts cut; a text in parentheses stands for something described. */
function inBrief(input) {
  const brief = (value) =>
    typeof value === 'string' && value.startsWith('(')
      ? value
      : JSON.stringify(value, (_name, inner) => (typeof inner === 'string' ? shortened(inner, 32) : inner));
  const fields = Object.entries(input).map(([name, value]) => `${name}: ${brief(value)}`);
  return shortened(fields.join(', '), 100);
}

async function connect() {
  assert.ok(existsSync(serverScript), 'dist/main.js is not there: run npm ci, or npm run build');
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [serverScript],
    // `any`: the servers that are checked here listen on the loopback address.
    env: {
      JWT_SECRET_KEY,
      SECURITY_MCP_HOME: home,
      SECURITY_MCP_LOG_LEVEL: 'error',
      SECURITY_MCP_NETWORK: 'any',
    },
    stderr: 'pipe',
  });
  let rest = '';
  const drained = new Promise((resolve) => {
    transport.stderr.setEncoding('utf8');
    transport.stderr.on('data', (text) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop();
      stderrLines.push(...lines);
    });
    transport.stderr.on('close', resolve);
  });
  const client = new Client({ name: 'demo', version: '1.0.0' });
  const close = async () => {
    await client.close();
    await drained;
  };
  try {
    await client.connect(transport);
  } catch (error) {
    await close();
    throw error;
  }
  return { client, close };
}

/** Calls a tool, showing the call; gives its structured answer, or `{error}` where it was refused. */
async function call(client, name, input, shown = input) {
  print(`    ${cyan(name)}${dim(`(${inBrief(shown)})`)}`);
  const result = await client.callTool({ name, arguments: input }, undefined, { timeout: CALL_TIMEOUT_MS });
  const text = JSON.parse(result.content[0].text);
  if (result.isError === true) return text;
  // Some hosts show a model the text and some the structure: they say the same.
  assert.deepEqual(text, result.structuredContent);
  return result.structuredContent;
}

function base64urlJson(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** What the earlier Python service wrote: Fernet (github.com/fernet/spec) under PBKDF2-HMAC-SHA256, the salt beside it. */
function earlierEnvelope(text, password) {
  const iterations = 100_000;
  const salt = randomBytes(16);
  const key = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const iv = randomBytes(16);
  const head = Buffer.alloc(9);
  head[0] = 0x80;
  head.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)), 1);
  const cipher = createCipheriv('aes-128-cbc', key.subarray(16), iv);
  const signed = Buffer.concat([head, iv, cipher.update(text, 'utf8'), cipher.final()]);
  const mac = createHmac('sha256', key.subarray(0, 16)).update(signed).digest();
  const padded = (bytes) => bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  // The service encoded the token, which is base64url already, once more.
  const token = padded(Buffer.concat([signed, mac]));
  return JSON.stringify({
    encrypted_data: padded(Buffer.from(token)),
    salt: padded(salt),
    algorithm: 'Fernet',
    kdf: 'PBKDF2HMAC',
    iterations,
  });
}

async function listTools(client) {
  step('What can the server do?');
  print(`    ${cyan('tools/list')}`);
  const { tools } = await client.listTools();
  assert.ok(tools.length > 0);
  for (const tool of tools) assert.equal(tool.inputSchema.type, 'object');
  granted(`${tools.length} tools: ${tools.map(({ name }) => name).join(', ')}`.replace(/(.{60,90}?,) /g, '$1\n      '));
}

async function judgePassword(client) {
  step(`Is "${WEAK_PASSWORD}" a good password? It has upper case, a digit and a sign ...`);
  const { score, policy, warning } = await call(client, 'password_strength', { password: WEAK_PASSWORD });
  assert.equal(policy.accepted, false);
  assert.ok(policy.reasons.includes('too_guessable'));
  refused(`not accepted: ${policy.reasons.join(', ')} (score ${score} of 4)`);
  note(warning);
}

async function hashAndVerify(client) {
  step('Hash a password for storage, then check a login');
  const { hash, algorithm, parameters } = await call(client, 'password_hash', { password: STRONG_PASSWORD });
  assert.match(hash, /^\$2b\$12\$[./A-Za-z0-9]{53}$/);
  secrets.add(hash);
  granted(`${hash}  ${dim(`${algorithm}, cost ${parameters.cost}`)}`);
  const right = await call(client, 'password_verify', { password: STRONG_PASSWORD, hash });
  assert.equal(right.valid, true);
  assert.equal(right.needs_rehash, false);
  granted('valid');
  const wrong = await call(client, 'password_verify', { password: WRONG_PASSWORD, hash });
  assert.equal(wrong.valid, false);
  refused(`not valid: ${wrong.reason}; ${wrong.attempts_remaining} attempts left in this minute`);
}

async function refuseWeakPassword(client) {
  step('Hash a weak password: refused, with the next step in the answer');
  const { error } = await call(client, 'password_hash', { password: WEAK_PASSWORD });
  assert.equal(error?.code, 'password_weak');
  assert.ok(error.hint.includes('allow_weak'));
  refused(`${error.code}: ${error.message}`);
  note(error.hint);
}

async function signAndVerify(client) {
  step('Sign a JWT and verify it; then try two forgeries');
  const signed = await call(client, 'jwt_sign', {
    subject: 'alice',
    audience: 'reports',
    claims: { role: 'reader' },
    ttl_seconds: 900,
  });
  secrets.add(signed.token);
  granted(`${shortened(signed.token, 60)}  ${dim(`${signed.algorithm}, until ${signed.expires_at}`)}`);
  const verified = await call(client, 'jwt_verify', { token: signed.token, audience: 'reports' });
  assert.equal(verified.valid, true);
  assert.equal(verified.claims.sub, 'alice');
  assert.equal(verified.claims.role, 'reader');
  granted(`valid: subject ${verified.claims.sub}, role ${verified.claims.role}`);

  const [header, payload, signature] = signed.token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  const forgedPayload = base64urlJson({ ...claims, role: 'admin' });
  const forged = await call(
    client,
    'jwt_verify',
    { token: `${header}.${forgedPayload}.${signature}`, audience: 'reports' },
    { token: '(role changed to admin, signature kept)', audience: 'reports' },
  );
  assert.deepEqual(forged, { valid: false, reason: 'signature' });
  refused(`not valid: ${forged.reason}`);

  const unsigned = await call(
    client,
    'jwt_verify',
    { token: `${base64urlJson({ alg: 'none', typ: 'JWT' })}.${forgedPayload}.`, audience: 'reports' },
    { token: '(alg "none", no signature)', audience: 'reports' },
  );
  assert.deepEqual(unsigned, { valid: false, reason: 'algorithm_refused' });
  refused(`not valid: ${unsigned.reason}`);
}

async function sealRewrapOpen(client) {
  step('Seal a text for one place, move it to a new password, open it');
  const context = 'backup/2026';
  const sealed = await call(client, 'envelope_seal', { plaintext: SEALED_TEXT, password: OLD_PASSWORD, context });
  const before = JSON.parse(sealed.envelope);
  granted(`JWE of ${sealed.envelope.length} characters; ${sealed.kdf.name}, ${sealed.kdf.iterations} iterations`);

  const rewrapped = await call(
    client,
    'envelope_rewrap',
    { envelope: sealed.envelope, password: OLD_PASSWORD, new_password: NEW_PASSWORD, context },
    { envelope: '(as sealed)', password: OLD_PASSWORD, new_password: NEW_PASSWORD, context },
  );
  const after = JSON.parse(rewrapped.envelope);
  assert.equal(rewrapped.content_unchanged, true);
  assert.equal(after.ciphertext, before.ciphertext);
  assert.notDeepEqual(after.recipients, before.recipients);
  granted('new password, same ciphertext (compared): the text itself was never shown');

  const opened = await call(
    client,
    'envelope_open',
    { envelope: rewrapped.envelope, password: NEW_PASSWORD, context },
    { envelope: '(as rewrapped)', password: NEW_PASSWORD, context },
  );
  assert.equal(opened.plaintext, SEALED_TEXT);
  granted(`"${opened.plaintext}"`);

  const { error } = await call(
    client,
    'envelope_open',
    { envelope: rewrapped.envelope, password: OLD_PASSWORD, context },
    { envelope: '(as rewrapped)', password: OLD_PASSWORD, context },
  );
  assert.equal(error?.code, 'envelope_rejected');
  refused(`${error.code}: ${error.message}`);
}

async function openEarlierEnvelope(client) {
  step('Open what the earlier Python service sealed (made here with node:crypto)');
  const envelope = earlierEnvelope('a note from before', EARLIER_PASSWORD);
  const { plaintext, format, upgrade } = await call(
    client,
    'envelope_open',
    { envelope, password: EARLIER_PASSWORD },
    { envelope: '(its JSON: encrypted_data, salt, kdf, iterations)', password: EARLIER_PASSWORD },
  );
  assert.equal(plaintext, 'a note from before');
  assert.equal(format, 'fernet');
  assert.match(upgrade ?? '', /100000 iterations.*envelope_rewrap/);
  granted(`"${plaintext}"`);
  note(`upgrade: ${upgrade}`);
}

async function inspectToken(client) {
  step('What is this token, and what is wrong with it?');
  const header = { alg: 'RS256', typ: 'JWT', jku: 'https://keys.example/jwks.json' };
  const token = `${base64urlJson(header)}.${base64urlJson({ sub: 'alice', role: 'admin' })}.${'A'.repeat(86)}`;
  const { kind, summary, findings } = await call(client, 'inspect', { text: token });
  assert.equal(kind, 'jwt');
  const codes = new Set(findings.map(({ code }) => code));
  for (const expected of ['key_in_header', 'no_expiry']) assert.ok(codes.has(expected), `finding ${expected}`);
  granted(summary);
  for (const { severity, code, explanation } of findings)
    print(`      ${severity.padEnd(8)} ${code}: ${dim(shortened(explanation, 90))}`);
}

async function compareDigest(client) {
  step('Is a file what it should be? Its SHA-256 against an expected one');
  const content = readFileSync(packageFile, 'utf8');
  const expected = createHash('sha256').update(content).digest('hex');
  const same = await call(
    client,
    'digest_compute',
    { algorithm: 'sha256', text: content, expected },
    { algorithm: 'sha256', text: '(package.json)', expected },
  );
  assert.equal(same.digest, expected);
  assert.equal(same.matches, true);
  granted(`matches (${same.input_bytes} bytes)`);
  const changed = await call(
    client,
    'digest_compute',
    { algorithm: 'sha256', text: `${content} `, expected },
    { algorithm: 'sha256', text: '(package.json and one space)', expected },
  );
  assert.equal(changed.matches, false);
  refused('does not match');
}

async function checkServers(client, { root, targets }) {
  step('Are these four TLS servers to be trusted? (They run here, on the loopback address.)');
  const { results } = await call(
    client,
    'certificate_check',
    { targets, trust: root.pem },
    { targets, trust: '(a root made for this run)' },
  );
  assert.deepEqual(
    results.map(({ verdict }) => verdict),
    ['trusted', 'untrusted', 'untrusted', 'untrusted'],
  );
  const expected = ['ok', 'expired', 'hostname_mismatch', 'revoked'];
  for (const [i, { target, verdict, summary, checks }] of results.entries()) {
    const failed = checks.filter(({ status }) => status === 'fail').map(({ code }) => code);
    assert.deepEqual(failed.length === 0 ? ['ok'] : failed, [expected[i]]);
    (verdict === 'trusted' ? granted : refused)(`${target}: ${summary}`);
  }
  const [, , , last] = await Promise.all(targets.map((target) => askNode(target, root.pem)));
  assert.equal(last, 'accepted');
  note("Node's own tls.connect accepts the last one: it does not ask whether a certificate was revoked.");
}

async function verifyGiven(client, { root, intermediate, good, revoked }) {
  step('The same without any network: a certificate and its chain as PEM, a CRL beside them');
  const given = (leaf) => ({ certificates: leaf.pem + intermediate.pem, trust: root.pem });
  const inWords = (of) => ({ certificates: `(PEM of the ${of} one)`, trust: '(the root)' });
  const at = daysFromNow(30).toISOString();
  const later = await call(client, 'certificate_verify', { ...given(good), at }, { ...inWords('good'), at });
  assert.equal(later.verdict, 'trusted');
  granted(`in thirty days: ${later.summary}`);
  const list = crlOf(intermediate, [revoked]).toString('base64');
  const crls = [`-----BEGIN X509 CRL-----\n${list}\n-----END X509 CRL-----\n`];
  const listed = await call(
    client,
    'certificate_verify',
    { ...given(revoked), crls },
    { ...inWords('revoked'), crls: '(the list of its issuer)' },
  );
  assert.equal(listed.verdict, 'untrusted');
  refused(listed.summary);
}

/** Every call has left its entry, and none of the secrets is in one. */
async function showAudit(client) {
  step('What does the audit say? The entries of this session, and the proof that none was changed');
  const { entries, verification } = await call(client, 'audit_query', { limit: 200, verify: true });
  const signed = entries.find(({ tool, event }) => tool === 'jwt_sign' && event === 'answered');
  const weak = entries.find(({ tool, code }) => tool === 'password_hash' && code === 'password_weak');
  assert.ok(signed !== undefined && weak !== undefined, 'the audit entries of jwt_sign and of the refused hash');
  print(`      ${JSON.stringify(signed)}`);
  print(`      ${JSON.stringify(weak)}`);
  assert.equal(verification.intact, true);
  const told = JSON.stringify(entries) + stderrLines.join('\n');
  for (const secret of secrets) assert.ok(!told.includes(secret), 'a secret is in the audit or the log');
  granted(`${verification.entries} entries, unbroken; no password, hash, token, key or text is in them (searched)`);
}

/** What the server said, where it may explain a failure. */
function serverComplaints() {
  return stderrLines.filter((line) => line !== '').slice(0, 10);
}

async function demonstrate() {
  print(bold('Security MCP: a demonstration'));
  print(dim('Real calls of an MCP client (@modelcontextprotocol/sdk) to `node dist/main.js` over stdio.'));
  print(dim('The passwords are public examples: never use them. The JWT key is made for this run.'));
  const servers = await startServers();
  const { client, close } = await connect().catch(async (error) => {
    await servers.close();
    throw error;
  });
  try {
    await listTools(client);
    await judgePassword(client);
    await hashAndVerify(client);
    await refuseWeakPassword(client);
    await signAndVerify(client);
    await sealRewrapOpen(client);
    await openEarlierEnvelope(client);
    await inspectToken(client);
    await compareDigest(client);
    await checkServers(client, servers);
    await verifyGiven(client, servers);
    await showAudit(client);
  } finally {
    await Promise.all([close(), servers.close()]);
  }
}

try {
  await demonstrate();
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  print(`\n${green('✓')} ${bold(`All ${stepNumber} steps as they should be`)}, in ${seconds} s.`);
} catch (error) {
  print(
    `\n${red('✗')} ${bold(stepNumber === 0 ? 'The server did not start' : `Step ${stepNumber} failed: ${stepTitle}`)}`,
  );
  print(`  ${error instanceof Error ? error.message : String(error)}`);
  for (const line of serverComplaints()) print(`  server: ${line}`);
  process.exitCode = 1;
}
