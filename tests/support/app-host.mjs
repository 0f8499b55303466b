/**
 * A host of MCP Apps in a page, made of the bridge that hosts use: it shows a view in a sandboxed frame, and hands on what a test says.
 * Bundled for the browser by tests/support/app-bridge.ts.
 */

import { AppBridge, PostMessageTransport } from '@modelcontextprotocol/ext-apps/app-bridge';

const HOST = { name: 'test-host', version: '1.0.0' };

/** Shows the view; resolves when it has said that it is ready. */
async function show(html, hostContext) {
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', 'allow-scripts');
  frame.style.cssText = 'width: 100%; height: 400px; border: 0';
  document.body.append(frame);
  const bridge = new AppBridge(null, HOST, {}, { hostContext });
  const sizes = [];
  bridge.addEventListener('sizechange', (size) => {
    sizes.push(size);
    frame.style.height = `${size.height}px`;
  });
  const ready = new Promise((resolve) => bridge.addEventListener('initialized', resolve));
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  frame.srcdoc = html;
  await ready;
  Object.assign(globalThis, { bridge, sizes, frame });
}

globalThis.show = show;
