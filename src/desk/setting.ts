/** How the operator lets the human be asked. */

export const DESK_SETTINGS = ['auto', 'browser', 'terminal', 'off'] as const;
export type DeskSetting = (typeof DESK_SETTINGS)[number];
