/**
 * What clients are told of the tools, as the build wrote it down: a server answers tools/list before the tools themselves are loaded. A
 * test compares it with the declarations.
 */

import { readFileSync } from 'node:fs';

import type { ToolListing } from './tool.js';
import { TOOLSET_NAMES, type Toolset } from './toolsets.js';

/** By toolset, in display order. */
export type PreparedList = Readonly<Record<Toolset, readonly ToolListing[]>>;

/** Beside the program, in either form that it is built in, or in build/ where this module is run as it was written. */
const FILE = new URL(
  import.meta.url.endsWith('.ts') ? '../../build/tools/list.json' : '../tools/list.json',
  import.meta.url,
);

/** The list of the given toolsets; with `readOnly` only tools without effect, as `catalogue` has them. */
export function preparedList(toolsets: readonly Toolset[] = TOOLSET_NAMES, readOnly = false): ToolListing[] {
  const list = JSON.parse(readFileSync(FILE, 'utf8')) as PreparedList;
  return TOOLSET_NAMES.filter((name) => toolsets.includes(name))
    .flatMap((name) => list[name])
    .filter((tool) => !readOnly || tool.annotations.readOnlyHint);
}
