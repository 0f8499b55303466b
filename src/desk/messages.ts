/** The pages that only say something. */

import { SecurityError } from '../crypto/errors.js';
import { messagePage, type Message, type Page } from './pages.js';

export const MESSAGES = {
  stored: {
    tone: 'good',
    title: 'Stored',
    text: 'The secret is kept under its name. The agent learns the name only. You can close this page.',
  },
  declined: { tone: 'calm', title: 'Declined', text: 'The agent is told that you declined. You can close this page.' },
  gone: {
    tone: 'calm',
    title: 'Nothing here',
    text: 'This page has been used, has expired, or never was. Ask the agent to ask again if it is still needed.',
  },
  refused: { tone: 'bad', title: 'Refused', text: 'This page can be used from its own window on this machine only.' },
  tooLong: { tone: 'bad', title: 'Too long', text: 'A secret may have 64 KiB. Go back and shorten it.' },
  failed: { tone: 'bad', title: 'That went wrong', text: 'Nothing was stored. Ask the agent to ask again.' },
} as const satisfies Record<string, Message>;

/** Errors of ours say what to do; they hold no input. */
export function failedPage(error: unknown): Page {
  const text =
    error instanceof SecurityError ? `Nothing was stored. ${error.message} ${error.hint}` : MESSAGES.failed.text;
  return messagePage({ ...MESSAGES.failed, text });
}
