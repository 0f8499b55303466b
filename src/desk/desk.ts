/** The desk: opens pages for the human, hands their address over without telling the model, and waits for what becomes of them. */

import type { AskRequest, Desk, DeskAnswer, DeskWay, HumanReach, ShowRequest } from '../crypto/desk.js';
import { SecurityError } from '../crypto/errors.js';
import type { StrengthMeter } from '../crypto/strength.js';
import { escapeUntrusted } from '../crypto/text.js';
import type { OpenBrowser } from './browser.js';
import { describePages, type NoticeBoard } from './notice.js';
import { keyOf, PendingPage, refusalOf, type Purpose } from './pending.js';
import { DeskServer } from './server.js';
import type { DeskSetting } from './setting.js';

/** How long a page lives. */
export const LIFE_MS = 5 * 60_000;
/** How long a call waits before it answers `pending`: well within the minute after which many clients give a call up. */
const WAIT_MS = 30_000;
/** How long an outcome is kept for the call that asks for it, and a used address is told from an unknown one. */
const MEMORY_MS = 10 * 60_000;
const MAX_OPEN_PAGES = 8;

/** The time, and waking up at a later one. */
export interface DeskClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `wake` after that many milliseconds, unless what is returned is called before. Holds no process up. */
  after(milliseconds: number, wake: () => void): () => void;
}

export interface DeskOptions {
  setting: DeskSetting;
  clock: DeskClock;
  strength: StrengthMeter;
  openBrowser: OpenBrowser;
  /** Where `security-mcp desk` finds what is pending; undefined where there is no home. */
  notices: NoticeBoard | undefined;
  /** The effective user id of this process, where there are such ids. */
  userId: number | undefined;
}

export class LocalDesk implements Desk {
  readonly #options: DeskOptions;
  readonly #pages = new Map<string, PendingPage>();
  readonly #server: DeskServer;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#server = new DeskServer({ ...options, find: (path) => this.#find(path) });
  }

  async resume(name: string, signal: AbortSignal): Promise<DeskAnswer | null> {
    const page = this.#pages.get(keyOf('ask', name));
    return page === undefined ? null : this.#await(page, signal);
  }

  ask({ name, purpose, caller, keep }: AskRequest, reach: HumanReach): Promise<DeskAnswer> {
    return this.#hold({ kind: 'ask', name, purpose, caller, keep }, reach);
  }

  show({ name, kind, value, caller }: ShowRequest, reach: HumanReach): Promise<DeskAnswer> {
    return this.#hold({ kind: 'show', name, secretKind: kind, value, caller }, reach);
  }

  /** Withdraws every page and stops listening. */
  async close(): Promise<void> {
    for (const page of this.#pages.values()) page.end('withdrawn');
    this.#post();
    await this.#server.close();
  }

  async #hold(about: Purpose, reach: HumanReach): Promise<DeskAnswer> {
    const { setting, clock } = this.#options;
    const known = this.#pages.get(keyOf(about.kind, about.name));
    if (known !== undefined) return this.#await(known, reach.signal);
    if (setting === 'off') throw switchedOff();
    if (this.#open().length >= MAX_OPEN_PAGES) throw tooMany();
    const page = new PendingPage(about, clock.now() + LIFE_MS);
    this.#pages.set(page.key, page);
    const stopTimer = clock.after(LIFE_MS, () => page.end('expired'));
    void page.ended.then(() => {
      stopTimer();
      clock.after(MEMORY_MS, () => this.#forget(page));
      this.#post();
      if (this.#open().length === 0) void this.#server.close();
    });
    const withdraw = (): void => page.end('withdrawn');
    reach.signal.addEventListener('abort', withdraw, { once: true });
    try {
      await this.#handOver(page, reach);
      return await this.#await(page, reach.signal);
    } catch (error) {
      // Nobody will come back for a page whose call has failed.
      if (page.outcome === undefined) page.end('withdrawn');
      this.#forget(page);
      throw error;
    } finally {
      reach.signal.removeEventListener('abort', withdraw);
    }
  }

  /** Gets the address to the human: by the client, else their browser, else the notice board. */
  async #handOver(page: PendingPage, { signal, elicit }: HumanReach): Promise<void> {
    const { setting, openBrowser, notices } = this.#options;
    const url = `${await this.#server.listen()}/${page.path}`;
    if (signal.aborted) page.end('withdrawn');
    if (setting === 'auto' && elicit !== undefined) {
      page.through = 'elicitation';
      const asked = elicit({ url, message: messageOf(page.about) }, signal).catch(() => 'unavailable' as const);
      const said = await Promise.race([asked, page.ended]);
      if (said === 'declined') page.end('declined');
      if (said !== 'unavailable') return;
    }
    let way: DeskWay = 'terminal';
    if (setting !== 'terminal' && (await openBrowser(url))) way = 'browser';
    else if (notices === undefined) throw unreachable();
    page.through = way;
    // Also where a browser was started: it may have failed to show anything.
    this.#post();
  }

  /** Waits a while for the outcome. A told outcome is forgotten. */
  async #await(page: PendingPage, signal: AbortSignal): Promise<DeskAnswer> {
    let wake: () => void = () => undefined;
    const woken = new Promise<'waited'>((resolve) => (wake = () => resolve('waited')));
    const stopTimer = this.#options.clock.after(WAIT_MS, wake);
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
    const outcome = page.outcome ?? (await Promise.race([page.ended, woken]));
    stopTimer();
    signal.removeEventListener('abort', wake);
    if (outcome === 'waited') return { state: 'pending', through: page.through, expiresAt: page.expiresAt };
    if (!signal.aborted) this.#forget(page);
    if (outcome === 'done') return { state: 'done' };
    throw refusalOf(outcome);
  }

  #forget(page: PendingPage): void {
    if (this.#pages.get(page.key) === page) this.#pages.delete(page.key);
  }

  #open(): PendingPage[] {
    return [...this.#pages.values()].filter((page) => page.outcome === undefined);
  }

  /** The page of a path, expired by now or not. */
  #find(path: string): PendingPage | undefined {
    const page = [...this.#pages.values()].find((one) => one.path === path);
    if (page !== undefined && this.#options.clock.now() >= page.expiresAt) page.end('expired');
    return page;
  }

  /** Brings the notice board up to date. It is a convenience where another way was found. */
  #post(): void {
    const shown = this.#open().filter(({ through }) => through !== 'elicitation');
    const { notices } = this.#options;
    try {
      if (shown.length === 0) notices?.clear();
      else notices?.write(describePages(shown, this.#server.origin));
    } catch (error) {
      for (const page of shown) if (page.through === 'terminal') page.end({ error });
    }
  }
}

function messageOf(about: Purpose): string {
  const name = escapeUntrusted(about.name, 64);
  if (about.kind === 'show')
    return `Security MCP wants to show you the secret "${name}", once, on a page of this machine.`;
  const purpose = escapeUntrusted(about.purpose, 300);
  return `Security MCP asks you to type the secret "${name}" on a page of this machine. The agent says it is for: "${purpose}"`;
}

function switchedOff(): SecurityError {
  return new SecurityError('policy_refused', 'The operator has switched the desk off.', {
    hint: 'Have the operator store the secret with: security-mcp secret set NAME',
  });
}

function tooMany(): SecurityError {
  return new SecurityError('rate_limited', `The human has ${MAX_OPEN_PAGES} pages open already.`, {
    hint: 'Let them finish or decline those first.',
    retryAfterSeconds: 60,
  });
}

function unreachable(): SecurityError {
  return new SecurityError('engine_unavailable', 'There is no way to reach the human from here.', {
    hint: 'Have the operator set BROWSER or SECURITY_MCP_HOME, or use a client with URL elicitation.',
  });
}
