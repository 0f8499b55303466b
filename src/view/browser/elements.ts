/** Elements made of text. Nothing here takes HTML: what a certificate says stays text. */

type Attributes = Readonly<Record<string, string | boolean | undefined>>;
type Child = Node | string | null;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Text from outside: whatever its writing direction is, it does not reorder what stands around it. */
export function outside(text: string): HTMLElement {
  return element('bdi', {}, text);
}

/** For screen readers only: what a sighted reader takes from a colour or a sign. */
export function spoken(text: string): HTMLElement {
  return element('span', { class: 'spoken' }, text);
}

const SVG = 'http://www.w3.org/2000/svg';

/** Strokes in a square of 24. */
const SIGNS = {
  pass: 'M6.5 12.5l3.8 3.8 7.2-8',
  fail: 'M8 8l8 8M16 8l-8 8',
  warn: 'M12 6.5v6.5M12 17v.4',
  unknown: 'M9.3 9.3a2.8 2.8 0 1 1 4.1 2.5c-.9.5-1.4 1.1-1.4 2M12 17.3v.2',
  skipped: 'M8 12h8',
  open: 'M9 6l6 6-6 6',
} as const;
export type Sign = keyof typeof SIGNS;

export function sign(name: Sign): SVGElement {
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', '0 0 24 24');
  drawing.setAttribute('class', `sign ${name}`);
  drawing.setAttribute('aria-hidden', 'true');
  const stroke = document.createElementNS(SVG, 'path');
  stroke.setAttribute('d', SIGNS[name]);
  drawing.append(stroke);
  return drawing;
}
