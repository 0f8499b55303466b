/** The desk as every room speaks of it: asking the human for a secret, or showing one, on a page that no model sees (DESIGN section 6). */

import type { SecretKind } from './secret.js';

/** How the address of a page reached the human. The address itself is told to nobody else. */
export const DESK_WAYS = ['elicitation', 'browser', 'terminal'] as const;
export type DeskWay = (typeof DESK_WAYS)[number];

/** What the human said to being sent to a page; `unavailable` where the client could not ask. */
export type Elicited = 'accepted' | 'declined' | 'unavailable';

/** Hands an address to the human through the client, past the model. */
export type Elicit = (page: { url: string; message: string }, signal: AbortSignal) => Promise<Elicited>;

/** How the human behind a call can be reached. */
export interface HumanReach {
  /** Aborts when the client cancels: the page that this call opened is withdrawn. */
  signal: AbortSignal;
  /** Set where the client can send its human to an address. */
  elicit?: Elicit;
}

export interface AskRequest {
  name: string;
  /** Free text of the model: shown as such. */
  purpose: string;
  /** What the client calls itself. */
  caller: string;
  /** Keeps what was typed. What it throws is what the call is refused with. */
  keep(value: string): Promise<void>;
}

export interface ShowRequest {
  name: string;
  kind: SecretKind;
  value: string;
  caller: string;
}

/** `expiresAt` in milliseconds since the epoch. */
export type DeskAnswer = { state: 'done' } | { state: 'pending'; through: DeskWay; expiresAt: number };

export interface Desk {
  /** What is known of an earlier request of this name: waits a while for one that is pending; null where there is none. */
  resume(name: string, signal: AbortSignal): Promise<DeskAnswer | null>;
  /**
   * Asks for a secret, or goes on waiting for the page of that name that is open. An outcome is told once. Throws
   * `human_declined`, `human_timeout`, `policy_refused` (switched off), `rate_limited` (too many pages), or what `keep` threw.
   */
  ask(request: AskRequest, reach: HumanReach): Promise<DeskAnswer>;
  /** Shows a secret once, in the same way. */
  show(request: ShowRequest, reach: HumanReach): Promise<DeskAnswer>;
}
