/** The names of the toolsets, without the tools: what reads settings needs no more. */

export const TOOLSET_NAMES = [
  'passwords',
  'digests',
  'jwt',
  'envelopes',
  'files',
  'secrets',
  'keys',
  'certificates',
  'inspection',
  'audit',
] as const;

export type Toolset = (typeof TOOLSET_NAMES)[number];
