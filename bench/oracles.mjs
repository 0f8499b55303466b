/**
 * What the time of a refusal tells: the ways in which opening an envelope or verifying a password can fail, beside the plain wrong
 * password. Whole calls as the pipeline answers them, and opening alone with the cheapest derivation and the largest content that an
 * envelope can name, where whatever is done after the derivation weighs most. `the same again` is what the machine's noise makes of two
 * equal things: where that is over the goal, the machine is too busy to say anything.
 */

import { randomBytes } from 'node:crypto';

import { interleave, median, row, timeMs } from './measure.mjs';
import { GOOD_PASSWORD, startPipeline } from './rig.mjs';

const GOAL = { within: 0.1 };
const CALL_ROUNDS = 15;
const VERIFY_ROUNDS = 21;
const OPEN_ROUNDS = 201;
const KEY_ROUNDS = 101;
/** The least that sealing takes here, so that the derivation hides as little as it can. */
const ITERATIONS = 220_000;
const WRONG = 'wrong horse battery staple';

/** The JWE with a part of it changed. */
function changed(envelope, change) {
  const jwe = JSON.parse(envelope);
  change(jwe);
  return JSON.stringify(jwe);
}

/** Every part stays well formed: what is not is refused before any derivation, and by the text alone. */
const spoilTag = (envelope) => changed(envelope, (jwe) => (jwe.tag = randomBytes(16).toString('base64url')));
const cutCiphertext = (envelope) =>
  changed(envelope, (jwe) => {
    jwe.ciphertext = Buffer.from(jwe.ciphertext, 'base64url').subarray(0, -1).toString('base64url');
  });
const spoilWrappedKey = (envelope) =>
  changed(envelope, (jwe) => (jwe.recipients[0].encrypted_key = randomBytes(40).toString('base64url')));

/** Milliseconds of one run of `work`, which must be refused. */
function refusedMs(work) {
  return timeMs(async () => {
    const opened = await work().then(
      () => true,
      () => false,
    );
    if (opened) throw new Error('what must be refused was answered');
  });
}

function rowsOf(samples, what, against) {
  const [reference, ...others] = Object.keys(samples);
  return others.map((name) =>
    row({
      what: `${what}: ${name}`,
      ours: median(samples[name]),
      reference: median(samples[reference]),
      unit: 'ms',
      against: against ?? reference,
      goal: GOAL,
    }),
  );
}

/** A fresh envelope for every guess: guesses at one and the same are limited. */
async function openingCalls(pipeline) {
  const seal = async () =>
    (await pipeline.call('envelope_seal', { plaintext: 'secret', password: GOOD_PASSWORD, iterations: ITERATIONS }))
      .envelope;
  const measure = (change, password, context) => async () => {
    const envelope = change(await seal());
    return refusedMs(() => pipeline.call('envelope_open', { envelope, password, ...context }));
  };
  const contestants = {
    'wrong password': measure((text) => text, WRONG),
    'the same again': measure((text) => text, WRONG),
    'changed wrapped key': measure(spoilWrappedKey, GOOD_PASSWORD),
    'bad tag': measure(spoilTag, GOOD_PASSWORD),
    'cut ciphertext': measure(cutCiphertext, GOOD_PASSWORD),
    'wrong context': measure((text) => text, GOOD_PASSWORD, { context: 'another' }),
  };
  await interleave(1, contestants);
  return rowsOf(await interleave(CALL_ROUNDS, contestants), 'envelope_open');
}

async function openingByKey(pipeline) {
  await pipeline.call('key_create', { name: 'bench', purpose: 'envelope' }).catch(() => undefined);
  const seal = async () => (await pipeline.call('envelope_seal', { plaintext: 'secret', key: 'bench' })).envelope;
  const measure = (change) => async () => {
    const envelope = change(await seal());
    return refusedMs(() => pipeline.call('envelope_open', { envelope }));
  };
  const contestants = {
    'changed wrapped key': measure(spoilWrappedKey),
    'the same again': measure(spoilWrappedKey),
    'unknown version': measure((envelope) =>
      changed(envelope, (jwe) => {
        const { header } = jwe.recipients[0];
        header.kid = header.kid.replace(/\d+$/, '999');
      }),
    ),
    'bad tag': measure(spoilTag),
    'cut ciphertext': measure(cutCiphertext),
  };
  await interleave(3, contestants);
  return rowsOf(await interleave(KEY_ROUNDS, contestants), 'envelope_open by ring key');
}

/** 1,000 iterations and 512 KiB of content, without the pipeline. */
async function openingAlone() {
  const [{ ENVELOPE_LIMITS, openEnvelope }, jwe, { OPEN_ITERATIONS }] = await Promise.all([
    import('../build/crypto/envelope.js'),
    import('../build/crypto/jwe.js'),
    import('../build/crypto/kdf.js'),
  ]);
  const sealed = jwe.encryptContent(randomBytes(ENVELOPE_LIMITS.plaintextBytes), undefined, randomBytes);
  const recipient = await jwe.wrapForPassword(sealed.contentKey, GOOD_PASSWORD, OPEN_ITERATIONS.min, randomBytes);
  const envelope = jwe.serializeJwe({ ...sealed.jwe, recipients: [recipient] });
  const measure = (text, password, context) => {
    // A copy of its own for each: what several share lies in the caches of the processor.
    const own = changed(text, () => undefined);
    return () => refusedMs(() => openEnvelope({ envelope: own, password, ...context }, new Date()));
  };
  const contestants = {
    'wrong password': measure(envelope, WRONG),
    'the same again': measure(envelope, WRONG),
    'changed wrapped key': measure(spoilWrappedKey(envelope), GOOD_PASSWORD),
    'bad tag': measure(spoilTag(envelope), GOOD_PASSWORD),
    'cut ciphertext': measure(cutCiphertext(envelope), GOOD_PASSWORD),
    'wrong context': measure(envelope, GOOD_PASSWORD, { context: 'another' }),
  };
  await interleave(20, contestants);
  return rowsOf(await interleave(OPEN_ROUNDS, contestants), 'opening, 1,000 iterations, 512 KiB');
}

/** Hashes that nobody has made cost what others do: every password is wrong for them, and each is guessed at once. */
const HASHES = {
  bcrypt: () => `$2b$10$${randomBytes(39).toString('hex').slice(0, 53)}`,
  argon2id: () => {
    const [salt, tag] = [16, 32].map((size) => randomBytes(size).toString('base64').replaceAll('=', ''));
    return `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${tag}`;
  },
};

async function verifying(pipeline, algorithm) {
  const measure = (password) => () => {
    const hash = HASHES[algorithm]();
    return timeMs(async () => {
      const { valid } = await pipeline.call('password_verify', { password, hash });
      if (valid) throw new Error('a wrong password was accepted');
    });
  };
  const contestants = {
    'wrong password': measure(WRONG),
    'the same again': measure(WRONG),
    'of 1 byte': measure('a'),
    'of 72 bytes': measure('a'.repeat(72)),
    'of 73 bytes': measure('a'.repeat(73)),
    'of 1,000 bytes': measure('a'.repeat(1_000)),
    'with a NUL': measure(`${GOOD_PASSWORD}\0`),
  };
  await interleave(2, contestants);
  return rowsOf(await interleave(VERIFY_ROUNDS, contestants), `password_verify, ${algorithm}`);
}

export async function run() {
  const pipeline = await startPipeline();
  try {
    const rows = [
      ...(await openingCalls(pipeline)),
      ...(await openingByKey(pipeline)),
      ...(await openingAlone()),
      ...(await verifying(pipeline, 'bcrypt')),
      ...(await verifying(pipeline, 'argon2id')),
    ];
    return {
      note: `refusals, the derivation paid; medians of ${CALL_ROUNDS} (by key ${KEY_ROUNDS}, alone ${OPEN_ROUNDS}, verifying ${VERIFY_ROUNDS}) interleaved rounds`,
      rows,
    };
  } finally {
    await pipeline.close();
  }
}
