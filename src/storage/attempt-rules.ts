/** The rules of the limit on guessing, as pure functions on what the store holds of one subject. */

/** This many wrong guesses in a row, and only an operator's reset lets the next one through (SP 800-63B section 3.2.2). */
export const MAX_CONSECUTIVE_FAILURES = 100;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 3_600_000;
/** Later than any wait, and exact as a number. */
const FOR_GOOD = 9_000_000_000_000_000;
/** No call takes longer from the charge to its end: a guess that is older and has no outcome is of a process that was killed. */
const LONGEST_CALL_MS = 90_000;

export interface Limits {
  guesses: number;
  windowSeconds: number;
}

interface Charge {
  /** Milliseconds since 1970 of the store's clock. */
  time: number;
  id: string;
  /** Its outcome is not known yet. */
  pending: boolean;
}

export interface Account {
  /** The last ones that were not given back, newest first. */
  charges: readonly Charge[];
  /** Charges since the last right guess: each counts as wrong until it turns out right. */
  consecutiveFailures: number;
  blockedUntil: number;
}

export type Tried =
  | { account: Account; remaining: number }
  /** `waitMs` is infinite where only a reset helps. `undecided`: a guess under way may still make room. */
  | { waitMs: number; undecided: boolean };

/** `[time, id, 1 while pending]` each. */
export function textOf(charges: readonly Charge[]): string {
  return JSON.stringify(charges.map(({ time, id, pending }) => [time, id, pending ? 1 : 0]));
}

export function chargesOf(text: string): Charge[] {
  const list = JSON.parse(text) as [number, string, number][];
  return list.map(([time, id, pending]) => ({ time, id, pending: pending === 1 }));
}

export function isForGood(blockedUntil: number): boolean {
  return blockedUntil >= FOR_GOOD;
}

/** Charges a guess as if it were wrong, or says how long to wait. */
export function tryCharge(account: Account, now: number, id: string, { guesses, windowSeconds }: Limits): Tried {
  const windowMs = windowSeconds * 1000;
  const counted = account.charges.filter(({ time }) => now - time < windowMs);
  const oldest = counted[guesses - 1];
  const waitMs = Math.max(account.blockedUntil - now, oldest === undefined ? 0 : oldest.time + windowMs - now);
  if (waitMs > 0)
    return {
      waitMs: isForGood(account.blockedUntil) ? Infinity : waitMs,
      undecided: account.charges.some((charge) => isUnderWay(charge, now)),
    };
  const consecutiveFailures = account.consecutiveFailures + 1;
  const charges = [{ time: now, id, pending: true }, ...counted];
  return {
    account: { charges, consecutiveFailures, blockedUntil: blockAfter(consecutiveFailures, now, guesses) },
    remaining: guesses - charges.length,
  };
}

/** Past `guesses` failures the wait doubles from 30 seconds to an hour. */
function blockAfter(failures: number, now: number, guesses: number): number {
  if (failures >= MAX_CONSECUTIVE_FAILURES) return FOR_GOOD;
  const past = failures - guesses;
  return past <= 0 ? 0 : now + Math.min(FIRST_WAIT_MS * 2 ** (past - 1), LONGEST_WAIT_MS);
}

/** A right guess is given back and clears the failures but for those under way; a wrong one has been counted already. */
export function settledWith(account: Account, now: number, id: string, right: boolean): Account {
  if (!right) {
    const charges = account.charges.map((charge) => (charge.id === id ? { ...charge, pending: false } : charge));
    return { ...account, charges };
  }
  const charges = account.charges.filter((charge) => charge.id !== id);
  return {
    charges,
    consecutiveFailures: charges.filter((charge) => isUnderWay(charge, now)).length,
    blockedUntil: 0,
  };
}

function isUnderWay({ time, pending }: Charge, now: number): boolean {
  return pending && now - time < LONGEST_CALL_MS;
}
