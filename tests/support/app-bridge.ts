/** The page of a host of MCP Apps, with its bridge bundled into it. */

import { fileURLToPath } from 'node:url';

import { build } from 'rolldown';

export async function hostPage(): Promise<string> {
  const { output } = await build({
    input: fileURLToPath(new URL('app-host.mjs', import.meta.url)),
    platform: 'browser',
    logLevel: 'silent',
    write: false,
    output: { format: 'iife' },
  });
  const script = output[0].code.replaceAll('</script', '<\\/script');
  return `<!doctype html><html><head><meta charset="utf-8"><title>Host</title></head><body><script>${script}</script></body></html>`;
}
