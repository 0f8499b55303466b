/**
 * Limits on guessing that last and are shared by all processes and machines of a store (docs/decisions/013-limits.md;
 * NIST SP 800-63B section 3.2.2). A guess is charged, as if it were wrong, and committed before it is checked; a right one is
 * given back. So a process that is killed in between has spent a guess, and nobody gains one.
 */

import type { Selectable, Transaction } from 'kysely';

import { base64url } from '../crypto/bytes.js';
import { SecurityError } from '../crypto/errors.js';
import type { Random } from '../crypto/random.js';
import { chargesOf, isForGood, settledWith, textOf, tryCharge, type Account } from './attempt-rules.js';
import type { AttemptsTable, Database } from './schema.js';
import type { Store } from './store.js';
import { clock } from './turns.js';

/** How long a guess waits for the outcome of those of other processes, which may be killed and never tell. */
const PATIENCE_MS = 3_000;
const PAUSE_MS = 60;
const PRUNE_EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;
const FORGET_AFTER_MS = 30 * DAY_MS;
const MAX_ROWS = 100_000;
const MAX_LISTED = 1_000;

export interface AttemptsOptions {
  /** At most so many guesses in any `windowSeconds`. */
  guesses: number;
  windowSeconds: number;
  random: Random;
  patienceMs?: number;
}

export interface Charge {
  remaining: number;
  refund(): Promise<void>;
  keep(): Promise<void>;
}

type Row = Selectable<AttemptsTable>;
type Tables = Transaction<Database>;

/** What this process knows of its own guesses at a subject. */
interface Local {
  pending: number;
  waiting: Set<() => void>;
}

/** The limit; it fits `GuessLimit` of the guard. */
export class Attempts {
  readonly #store: Store;
  readonly #options: AttemptsOptions;
  readonly #local = new Map<string, Local>();
  #pruneAt = 0;

  constructor(store: Store, options: AttemptsOptions) {
    this.#store = store;
    this.#options = options;
  }

  /**
   * Charges one guess, durably. Where guesses under way decide whether there is room, it waits for them: for those of this
   * process until they have ended, for others a few seconds. Throws `rate_limited`, or as the store does: then nothing is
   * to be checked.
   */
  async charge(subject: string, signal: AbortSignal): Promise<Charge> {
    await this.#pruneNowAndThen();
    const deadline = clock() + (this.#options.patienceMs ?? PATIENCE_MS);
    const id = base64url(this.#options.random(6));
    for (;;) {
      signal.throwIfAborted();
      const tried = await this.#store.write(
        async (trx) => {
          const row = await lock(trx, subject);
          // After the lock, so that times follow each other as charges do.
          const now = await this.#store.now(trx);
          const outcome = tryCharge(accountOf(row), now, id, this.#options);
          if ('account' in outcome) await put(trx, subject, outcome.account, now);
          return outcome;
        },
        { isolation: 'read committed' },
      );
      if ('account' in tried) return this.#charged(subject, id, tried.remaining);
      const local = this.#local.get(subject);
      const mayWait = tried.undecided && (local !== undefined || clock() < deadline);
      if (!mayWait) throw tooManyGuesses(tried.waitMs);
      await nextChange(local, signal);
    }
  }

  #charged(subject: string, id: string, remaining: number): Charge {
    const local = this.#local.get(subject) ?? { pending: 0, waiting: new Set() };
    local.pending++;
    this.#local.set(subject, local);
    const settle = async (right: boolean): Promise<void> => {
      try {
        await this.#store.write(
          async (trx) => {
            // What an operator has reset is not there any more.
            const row = await lockExisting(trx, subject);
            if (row === undefined) return;
            const now = await this.#store.now(trx);
            await put(trx, subject, settledWith(accountOf(row), now, id, right), now);
          },
          { isolation: 'read committed' },
        );
      } finally {
        if (--local.pending === 0) this.#local.delete(subject);
        for (const wake of local.waiting) wake();
      }
    };
    return { remaining, refund: () => settle(true), keep: () => settle(false) };
  }

  async #pruneNowAndThen(): Promise<void> {
    if (clock() < this.#pruneAt) return;
    await this.#store.write(async (trx) => prune(trx, await this.#store.now(trx)), { isolation: 'read committed' });
    this.#pruneAt = clock() + PRUNE_EVERY_MS;
  }
}

/** Makes the row where there is none, and locks it: the one upsert, the same on both engines. */
function lock(trx: Tables, subject: string): Promise<Row> {
  return trx
    .insertInto('attempts')
    .values({ subject, charges: textOf([]), consecutive_failures: 0, blocked_until: 0, updated_at: 0 })
    .onConflict((on) => on.column('subject').doUpdateSet((eb) => ({ updated_at: eb.ref('attempts.updated_at') })))
    .returningAll()
    .executeTakeFirstOrThrow();
}

function lockExisting(trx: Tables, subject: string): Promise<Row | undefined> {
  return trx
    .updateTable('attempts')
    .set((eb) => ({ updated_at: eb.ref('attempts.updated_at') }))
    .where('subject', '=', subject)
    .returningAll()
    .executeTakeFirst();
}

function accountOf(row: Row): Account {
  return {
    charges: chargesOf(row.charges),
    consecutiveFailures: row.consecutive_failures,
    blockedUntil: row.blocked_until,
  };
}

async function put(trx: Tables, subject: string, account: Account, now: number): Promise<void> {
  await trx
    .updateTable('attempts')
    .set({
      charges: textOf(account.charges),
      consecutive_failures: account.consecutiveFailures,
      blocked_until: account.blockedUntil,
      updated_at: now,
    })
    .where('subject', '=', subject)
    .execute();
}

/**
 * Forgets what holds nobody back: after a day where the last guess was right, after thirty where it was wrong; and of more than
 * `maxRows` the longest idle, though none before a day. Who is blocked or has to wait is never forgotten.
 */
export async function prune(trx: Tables, now: number, maxRows = MAX_ROWS): Promise<void> {
  const free = trx.deleteFrom('attempts').where('blocked_until', '<=', now);
  await free
    .where((eb) =>
      eb.or([
        eb('updated_at', '<=', now - FORGET_AFTER_MS),
        eb.and([eb('consecutive_failures', '=', 0), eb('updated_at', '<=', now - DAY_MS)]),
      ]),
    )
    .execute();
  const { count } = await trx
    .selectFrom('attempts')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  if (count <= maxRows) return;
  const longestIdle = trx
    .selectFrom('attempts')
    .select('subject')
    .where('blocked_until', '<=', now)
    .orderBy('updated_at')
    .limit(count - maxRows);
  await free
    .where('updated_at', '<=', now - DAY_MS)
    .where('subject', 'in', longestIdle)
    .execute();
}

/** Resolves when a guess of this process has ended; where there is none under way, after a moment, for others' sake. */
function nextChange(local: Local | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      local?.waiting.delete(wake);
      signal.removeEventListener('abort', onAbort);
    };
    const wake = (): void => {
      end();
      resolve();
    };
    const onAbort = (): void => {
      end();
      reject(signal.reason as Error);
    };
    let timer: NodeJS.Timeout | undefined;
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    if (local === undefined) timer = setTimeout(wake, PAUSE_MS * (0.5 + Math.random()));
    else local.waiting.add(wake);
  });
}

function tooManyGuesses(waitMs: number): SecurityError {
  if (waitMs === Infinity)
    return new SecurityError('rate_limited', 'Too many wrong attempts on this secret in a row: it is blocked.', {
      hint: 'Only an operator can unblock it: security-mcp attempts list names it, security-mcp attempts reset frees it.',
    });
  const waitSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new SecurityError('rate_limited', 'Too many attempts on this secret.', {
    hint: `Wait ${waitSeconds} seconds; further wrong attempts make the wait longer. An operator can end it: security-mcp attempts list names it, security-mcp attempts reset frees it.`,
    retryAfterSeconds: waitSeconds,
  });
}

/** What an operator sees: whatever failures are held against. */
export interface HeldSubject {
  subject: string;
  consecutive_failures: number;
  /** RFC 3339, `reset` where only an operator's reset ends it, null where it does not wait. */
  blocked_until: string | null;
  last_attempt_at: string;
}

/** The latest 1,000. */
export function listAttempts(store: Store): Promise<HeldSubject[]> {
  return store.read(async (trx) => {
    const now = await store.now(trx);
    const rows = await trx
      .selectFrom('attempts')
      .selectAll()
      .where('consecutive_failures', '>', 0)
      .orderBy('updated_at', 'desc')
      .limit(MAX_LISTED)
      .execute();
    return rows.map((row) => ({
      subject: row.subject,
      consecutive_failures: row.consecutive_failures,
      blocked_until: blockedUntil(row.blocked_until, now),
      last_attempt_at: new Date(row.updated_at).toISOString(),
    }));
  });
}

function blockedUntil(time: number, now: number): string | null {
  if (time <= now) return null;
  return isForGood(time) ? 'reset' : new Date(time).toISOString();
}

/** Frees one subject, or all; gives how many there were. */
export function resetAttempts(store: Store, subject: string | null): Promise<number> {
  return store.write(async (trx) => {
    const all = trx.deleteFrom('attempts');
    const { numDeletedRows } = await (subject === null ? all : all.where('subject', '=', subject)).executeTakeFirst();
    return Number(numDeletedRows);
  });
}
