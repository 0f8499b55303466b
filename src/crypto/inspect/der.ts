/** The outer shape of DER (X.690 section 8.1), read without recursion and without copying: enough to tell what is before a parser gets it. */

export interface Element {
  tag: number;
  content: Uint8Array;
  /** Tag and length included. */
  whole: Uint8Array;
}

export const TAG = { integer: 0x02, octetString: 0x04, oid: 0x06, sequence: 0x30, version: 0xa0 } as const;

/** The first element in `bytes`, or null where its tag is of many bytes, its length indefinite, or its end missing. */
export function readElement(bytes: Uint8Array): Element | null {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return null;
  let length = first;
  let start = 2;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets === 0 || octets > 4 || bytes.length < 2 + octets) return null;
    length = 0;
    for (const octet of bytes.subarray(2, 2 + octets)) length = length * 256 + octet;
    start += octets;
  }
  if (start + length > bytes.length) return null;
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(0, start + length) };
}

/** The elements that fill `content`, at most `max` of them; null where they do not fill it or are more. */
export function readElements(content: Uint8Array, max = 16): Element[] | null {
  const elements: Element[] = [];
  for (let rest = content; rest.length > 0;) {
    const element = elements.length < max ? readElement(rest) : null;
    if (element === null) return null;
    elements.push(element);
    rest = rest.subarray(element.whole.length);
  }
  return elements;
}

/** The elements of a SEQUENCE that is all of `der`, or null. */
export function readSequence(der: Uint8Array, max = 16): Element[] | null {
  const outer = readElement(der);
  return outer?.tag === TAG.sequence && outer.whole.length === der.length ? readElements(outer.content, max) : null;
}

/** The content of the OID that an AlgorithmIdentifier (RFC 5280 section 4.1.1.2) begins with, in hexadecimal. */
export function algorithmOid(element: Element | undefined): string | null {
  if (element?.tag !== TAG.sequence) return null;
  const oid = readElement(element.content);
  return oid?.tag === TAG.oid && oid.content.length <= 32 ? Buffer.from(oid.content).toString('hex') : null;
}
