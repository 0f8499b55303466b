/** What is pending, for `security-mcp desk`: a file that the user alone can read, one per server process. */

import { isJsonObject, parseBoundedJson } from '../crypto/json.js';
import { escapeUntrusted } from '../crypto/text.js';
import type { PendingPage } from './pending.js';

/** The place of the file: written whole, gone when nothing is pending. */
export interface NoticeBoard {
  write(text: string): void;
  clear(): void;
}

export interface Notice {
  kind: 'ask' | 'show';
  name: string;
  caller: string;
  address: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

const NAME = /^desk-(\d{1,10})\.json$/;
const MAX_NOTICE_BYTES = 65_536;

export function noticeFile(processId: number): string {
  return `desk-${processId}.json`;
}

/** The process that a file of a home belongs to, or null where it is none of these. */
export function processOf(fileName: string): number | null {
  const [, id] = NAME.exec(fileName) ?? [];
  return id === undefined ? null : Number(id);
}

export function describePages(pages: readonly PendingPage[], origin: string): string {
  const notices = pages.map(({ about, path, expiresAt }): Notice => ({
    kind: about.kind,
    name: about.name,
    caller: about.caller,
    address: `${origin}/${path}`,
    expiresAt,
  }));
  return JSON.stringify({ notices });
}

/** What a file tells, made safe for a terminal; nothing where it is damaged. */
export function readNotices(text: string, now: number): Notice[] {
  try {
    const parsed = parseBoundedJson(text, { maxBytes: MAX_NOTICE_BYTES, maxDepth: 8 });
    const notices = isJsonObject(parsed) && Array.isArray(parsed['notices']) ? (parsed['notices'] as unknown[]) : [];
    return notices.flatMap((one) => {
      if (!isJsonObject(one)) return [];
      const { kind, name, caller, address, expiresAt } = one;
      const isSound =
        (kind === 'ask' || kind === 'show') &&
        typeof name === 'string' &&
        typeof caller === 'string' &&
        typeof address === 'string' &&
        /^http:\/\/127\.0\.0\.1:\d{1,5}\/[\w-]{43}$/.test(address) &&
        typeof expiresAt === 'number';
      if (!isSound || expiresAt <= now) return [];
      return [{ kind, name: escapeUntrusted(name, 64), caller: escapeUntrusted(caller, 64), address, expiresAt }];
    });
  } catch {
    return [];
  }
}
