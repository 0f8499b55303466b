/** The calls of the soak, each judged as soon as it is answered: what one server has made, another must know. */

import { createHash, randomBytes, randomInt } from 'node:crypto';

const GUESSES = 5;
const MAX_ROTATIONS = 200;
const KEEP = 200;
const BCRYPT = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A hash at the lowest cost that nobody knows a password of. The last characters of both parts carry no more bits than there are. */
function unknownHash() {
  const text = (length) => Array.from({ length }, () => BCRYPT[randomInt(64)]).join('');
  return `$2b$04$${text(21)}.${text(30)}.`;
}

const pick = (list) => list[randomInt(list.length)];

export class Work {
  problems = [];
  rotations = 0;
  guesses = 0;
  compared = 0;
  #fleet;
  #tokens = [];
  #envelopes = [];
  #hashes = [];
  #names = new Set();
  /** How often each is chosen. */
  #kinds = [
    ...Array(8).fill('digest'),
    ...Array(6).fill('token'),
    ...Array(6).fill('envelope'),
    ...Array(2).fill('secret'),
    ...Array(2).fill('guess'),
    'password',
    'rotate',
  ];

  constructor(fleet) {
    this.#fleet = fleet;
  }

  one() {
    return this[pick(this.#kinds)]();
  }

  /** `null`, the call was lost, passes; a refusal where none is due does not. */
  #require(what, answer, holds) {
    if (answer === null || (answer.error === undefined && holds(answer))) return;
    this.problems.push(`${what}: ${answer.error === undefined ? 'a wrong answer' : JSON.stringify(answer.error)}`);
  }

  #keep(list, entry) {
    if (list.length < KEEP) list.push(entry);
    else list[randomInt(KEEP)] = entry;
  }

  async digest() {
    const text = randomBytes(20).toString('hex');
    const answer = await this.#fleet.call('digest_compute', { algorithm: 'sha256', text });
    this.#require('digest', answer, ({ digest }) => digest === createHash('sha256').update(text).digest('hex'));
  }

  async token() {
    const subject = randomBytes(8).toString('hex');
    const signed = await this.#fleet.call('jwt_sign', { subject, ttl_seconds: 7_200 });
    this.#require('sign', signed, ({ token }) => typeof token === 'string');
    if (signed?.token === undefined) return;
    this.#keep(this.#tokens, { token: signed.token, subject });
    await this.#verify(pick(this.#tokens));
  }

  async #verify({ token, subject }, at) {
    const verdict = await this.#fleet.call('jwt_verify', { token }, at);
    this.#require('verify', verdict, ({ valid, claims }) => valid === true && claims.sub === subject);
  }

  async envelope() {
    const plaintext = randomBytes(16).toString('hex');
    const sealed = await this.#fleet.call('envelope_seal', { plaintext });
    this.#require('seal', sealed, ({ envelope }) => typeof envelope === 'string');
    if (sealed?.envelope === undefined) return;
    this.#keep(this.#envelopes, { envelope: sealed.envelope, plaintext });
    await this.#open(pick(this.#envelopes));
  }

  async #open({ envelope, plaintext }, at) {
    const opened = await this.#fleet.call('envelope_open', { envelope }, at);
    this.#require('open', opened, (answer) => answer.plaintext === plaintext);
  }

  /** A name is given once, by whichever server; the other is refused. */
  async secret() {
    const name = `s${randomBytes(6).toString('hex')}`;
    const input = { kind: 'token', save_as: name };
    const two = await Promise.all([
      this.#fleet.call('secret_generate', input),
      this.#fleet.call('secret_generate', input),
    ]);
    const made = two.filter((answer) => answer !== null && answer.error === undefined);
    for (const answer of two)
      if (answer?.error !== undefined && answer.error.code !== 'secret_exists')
        this.problems.push(`secret: ${JSON.stringify(answer.error)}`);
    if (made.length > 1) this.problems.push('secret: one name was given twice');
    if (made.length === 0 && !two.includes(null)) this.problems.push('secret: a new name was refused to both');
    if (made.length === 1) this.#names.add(name);
  }

  async password() {
    const password = `${randomBytes(12).toString('base64url')} aZ`;
    const hashed = await this.#fleet.call('password_hash', { password });
    this.#require('hash', hashed, ({ hash }) => typeof hash === 'string');
    if (hashed?.hash !== undefined) this.#keep(this.#hashes, { password, hash: hashed.hash });
    if (this.#hashes.length === 0) return;
    const verdict = await this.#fleet.call('password_verify', pick(this.#hashes));
    // A right guess at a hash that another lane is at, on a server that was killed, may have to wait its turn.
    if (verdict?.error?.code !== 'rate_limited') this.#require('password', verdict, ({ valid }) => valid === true);
  }

  async rotate() {
    if (this.rotations >= MAX_ROTATIONS || this.#tokens.length === 0 || this.#envelopes.length === 0) return;
    const answer = await this.#fleet.call('key_rotate', { name: pick(['jwt', 'envelope']) });
    this.#require('rotate', answer, () => true);
    if (answer !== null) this.rotations++;
  }

  /** More wrong passwords at once than one hash takes: no more are compared, and where no server was lost, no fewer. */
  async guess() {
    const [hash, count] = [unknownHash(), 6 + randomInt(6)];
    const answers = await Promise.all(
      Array.from({ length: count }, (_, i) => this.#fleet.call('password_verify', { password: `wrong ${i}`, hash })),
    );
    const compared = answers.filter((answer) => answer?.valid === false).length;
    const lost = answers.filter((answer) => answer === null).length;
    this.guesses += count;
    this.compared += compared;
    for (const answer of answers)
      if (answer !== null && answer.valid !== false && answer.error?.code !== 'rate_limited')
        this.problems.push(`guess: ${JSON.stringify(answer)}`);
    if (compared > GUESSES || compared + lost < GUESSES)
      this.problems.push(`guess: ${compared} of ${count} wrong passwords were compared, ${lost} were lost`);
  }

  /** What any server has made, all know at the end. */
  async finish() {
    for (let at = 0; at < this.#fleet.size; at++) {
      for (const kept of this.#tokens.slice(0, 50)) await this.#verify(kept, at);
      for (const kept of this.#envelopes.slice(0, 50)) await this.#open(kept, at);
    }
    const listed = new Set();
    const answer = await this.#fleet.call('secret_list', {});
    for (const { reference, name } of answer?.secrets ?? []) listed.add(name ?? reference.replace('secret://', ''));
    const missing = [...this.#names].filter((name) => !listed.has(name)).length;
    if (missing > 0) this.problems.push(`secrets: ${missing} of ${this.#names.size} are not there`);
  }
}
