/** Puts the desk together: loaded with the first call that needs the human. */

import type { StrengthMeter } from './crypto/strength.js';
import { createBrowserOpener, type BrowserSurroundings } from './desk/browser.js';
import { LocalDesk } from './desk/desk.js';
import { noticeFile, type NoticeBoard } from './desk/notice.js';
import type { DeskSetting } from './desk/setting.js';
import { Home } from './storage/home.js';

interface DeskParts {
  setting: DeskSetting;
  home: string | undefined;
  userId: number | undefined;
  processId: number;
  browser: BrowserSurroundings;
  strength: StrengthMeter;
  now(): Date;
}

export function openDesk({ setting, home, userId, processId, browser, strength, now }: DeskParts): LocalDesk {
  return new LocalDesk({
    setting,
    strength,
    userId,
    openBrowser: createBrowserOpener(browser),
    notices: home === undefined ? undefined : boardIn(home, userId, noticeFile(processId)),
    clock: {
      now: () => now().getTime(),
      after(milliseconds, wake) {
        const timer = setTimeout(wake, milliseconds).unref();
        return () => clearTimeout(timer);
      },
    },
  });
}

function boardIn(folder: string, userId: number | undefined, file: string): NoticeBoard {
  let written = false;
  return {
    write(text) {
      const home = new Home(folder, userId);
      written = true;
      home.write(`${file}.draft`, text);
      home.replace(`${file}.draft`, file);
    },
    clear() {
      if (written) new Home(folder, userId).remove(file);
      written = false;
    },
  };
}
