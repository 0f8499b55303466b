/**
 * The host's side of a view: JSON-RPC over postMessage (MCP Apps, version 2026-01-26). Only what this view needs of it: it is told the
 * answer of a call and how the host looks, it tells its size, and asks for nothing.
 */

import { isLoose, type Loose } from './reading.js';

const PROTOCOL_VERSION = '2026-01-26';
const METHOD_NOT_FOUND = -32_601;
/** The id of the only request that the view makes. */
const HELLO = 1;

export interface HostEvents {
  onInput(input: Loose): void;
  onResult(result: Loose): void;
  onCancelled(): void;
}

/** Says hello to the host, and then hears what it has to say. */
export function connectHost(version: string, events: HostEvents): void {
  const host = window.parent;
  // A host has no origin that a view could know beforehand; nothing but sizes and answers to its own questions is sent.
  const send = (message: Loose): void => host.postMessage({ jsonrpc: '2.0', ...message }, '*');
  const notify = (method: string, params: Loose): void => send({ method, params });
  let stopTelling: () => void = () => undefined;

  const answer = (id: unknown, method: unknown): void => {
    if (method === 'ui/resource-teardown') stopTelling();
    if (method === 'ping' || method === 'ui/resource-teardown') send({ id, result: {} });
    else send({ id, error: { code: METHOD_NOT_FOUND, message: 'This view does not do that.' } });
  };

  const hear = (method: unknown, params: Loose): void => {
    switch (method) {
      case 'ui/notifications/tool-input':
        return events.onInput(isLoose(params['arguments']) ? params['arguments'] : {});
      case 'ui/notifications/tool-result':
        return events.onResult(params);
      case 'ui/notifications/tool-cancelled':
        return events.onCancelled();
      case 'ui/notifications/host-context-changed':
        return dress(params);
    }
  };

  window.addEventListener('message', ({ source, data }: MessageEvent<unknown>) => {
    // Any window may post; only the host is listened to.
    if (source !== host || !isLoose(data) || data['jsonrpc'] !== '2.0') return;
    const { id, method, params, result } = data;
    if (typeof method !== 'string') {
      if (id !== HELLO || !isLoose(result)) return;
      if (isLoose(result['hostContext'])) dress(result['hostContext']);
      notify('ui/notifications/initialized', {});
      stopTelling = tellSize((size) => notify('ui/notifications/size-changed', size));
    } else if (id === undefined) hear(method, isLoose(params) ? params : {});
    else answer(id, method);
  });

  send({
    id: HELLO,
    method: 'ui/initialize',
    params: {
      protocolVersion: PROTOCOL_VERSION,
      appInfo: { name: 'security-mcp-judgement', title: 'Judgement of certificates', version },
      appCapabilities: { availableDisplayModes: ['inline', 'fullscreen'] },
    },
  });
}

/** Looks like the host: its theme, and of its CSS variables those that are colours, fonts, radii. */
function dress({ theme, styles, safeAreaInsets }: Loose): void {
  const { style, dataset } = document.documentElement;
  if (theme === 'light' || theme === 'dark') dataset['theme'] = theme;
  const variables = isLoose(styles) && isLoose(styles['variables']) ? styles['variables'] : {};
  for (const [name, value] of Object.entries(variables))
    if (/^--(?:color|font|border)-[a-z0-9-]{1,60}$/.test(name) && typeof value === 'string' && value.length <= 300)
      style.setProperty(name, value);
  if (!isLoose(safeAreaInsets)) return;
  for (const side of ['top', 'right', 'bottom', 'left']) {
    const inset = safeAreaInsets[side];
    if (typeof inset === 'number' && inset >= 0) style.setProperty(`--inset-${side}`, `${Math.min(inset, 200)}px`);
  }
}

/** Tells the size of what is drawn whenever it has changed, at most once a frame. */
function tellSize(tell: (size: { width: number; height: number }) => void): () => void {
  let waiting = false;
  let [width, height] = [0, 0];
  const measure = (): void => {
    waiting = false;
    const root = document.documentElement;
    const before = root.style.height;
    // Else it is the height of the frame that is measured, and a view that has grown could never shrink.
    root.style.height = 'max-content';
    const now = { width: Math.ceil(window.innerWidth), height: Math.ceil(root.getBoundingClientRect().height) };
    root.style.height = before;
    if (now.width === width && now.height === height) return;
    ({ width, height } = now);
    tell(now);
  };
  const observer = new ResizeObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(measure);
  });
  observer.observe(document.documentElement);
  observer.observe(document.body);
  measure();
  return () => observer.disconnect();
}
