/** Certificates no reader should take, or few: what the parser must refuse without harm. */

import { issue, type Issued } from './certificates.js';
import {
  bitString,
  boolean,
  contentOf,
  explicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  setOf,
  tlv,
} from './der.js';
import type { Lab } from './lab.js';

export interface MalformedCertificate {
  name: string;
  der: Uint8Array;
  /** Must be refused, or else: read, and judged as it is. */
  refused: 'must' | 'may';
}

const rawSpki = (algorithm: string, key: Uint8Array): Uint8Array => sequence(sequence(oid(algorithm)), bitString(key));

/** A tag and a length in a form DER does not allow: more bytes than needed. */
const longLength = (der: Uint8Array): Uint8Array => {
  const content = contentOf(der);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(content.length);
  return Buffer.concat([Uint8Array.of(der[0] ?? 0, 0x84), size, content]);
};

const indefinite = (der: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.of(der[0] ?? 0, 0x80), contentOf(der), Uint8Array.of(0, 0)]);

/** Sequences in one another, so many deep. */
const nested = (depth: number): Uint8Array => {
  let der: Uint8Array = nullValue();
  for (let level = 0; level < depth; level += 1) der = sequence(der);
  return der;
};

export function malformedCertificates(lab: Lab): MalformedCertificate[] {
  const { good } = lab;
  const list: MalformedCertificate[] = [];
  const must = (name: string, made: Uint8Array | Issued): void => {
    list.push({ name, der: made instanceof Uint8Array ? made : made.der, refused: 'must' });
  };
  const may = (name: string, made: Uint8Array | Issued): void => {
    list.push({ name, der: made instanceof Uint8Array ? made : made.der, refused: 'may' });
  };
  const changed = (from: Uint8Array, to: Uint8Array): Issued =>
    lab.leaf({
      beforeSigning: (tbs) => {
        const at = Buffer.from(tbs).indexOf(from);
        if (at < 0) throw new Error('nothing to change');
        return sequence(contentOf(Buffer.concat([tbs.subarray(0, at), to, tbs.subarray(at + from.length)])));
      },
    });
  const extra = (id: string, value: Uint8Array, critical = false): Issued =>
    lab.leaf({ extra: [{ oid: id, value, critical }] });

  must('empty', new Uint8Array());
  must('one-byte', Uint8Array.of(0x30));
  must('empty-sequence', sequence());
  must('null', nullValue());
  must('truncated', good.der.subarray(0, -1));
  must('truncated-in-the-middle', good.der.subarray(0, good.der.length >> 1));
  must('trailing-byte', lab.leaf({ trailingBytes: Uint8Array.of(0) }));
  must('two-certificates', lab.leaf({ trailingBytes: good.der }));
  must('length-of-4-gib', Buffer.concat([Buffer.from('3084ffffffff', 'hex'), contentOf(good.der)]));
  must('nested-2000', nested(2000));
  may('nested-in-extension-500', extra('1.3.6.1.4.1.55555.1.98', nested(500)));
  may('indefinite-length', indefinite(good.der));
  may('needlessly-long-length', longLength(good.der));
  must('set-for-sequence', tlv(0x31, contentOf(good.der)));
  must('tbs-only', sequence(sequence(integer(1)), sequence(oid('1.2.840.10045.4.3.2')), bitString(Buffer.alloc(64))));

  may('serial-empty', lab.leaf({ serial: new Uint8Array() }));
  may('serial-of-1000-bytes', lab.leaf({ serial: Buffer.alloc(1000, 0x11) }));
  may('serial-needless-zero', lab.leaf({ serial: Uint8Array.of(0, 0, 1) }));
  may('version-4', changed(explicit(0, integer(2)), explicit(0, integer(3))));
  must('version-as-boolean', changed(explicit(0, integer(2)), explicit(0, boolean(true))));
  may('version-1-spelled-out', changed(explicit(0, integer(2)), explicit(0, integer(0))));
  const time = (text: string, tag = 0x17): Issued => {
    const utc = (date: Date): string => `${date.toISOString().replaceAll(/[-:T]/gu, '').slice(2, 14)}Z`;
    return changed(tlv(0x17, Buffer.from(utc(lab.days(60)))), tlv(tag, Buffer.from(text)));
  };
  may('time-without-seconds', time('2701010000Z'));
  may('time-with-offset', time('270101000000+0100'));
  may('time-fractional', time('20270101000000.5Z', 0x18));
  must('time-of-month-13', time('271301000000Z'));
  must('time-of-letters', time('abcdefghijklZ'));
  must('time-empty', time(''));
  may('time-9999', time('99991231235959Z', 0x18));

  const key = Buffer.alloc(65, 4);
  may(
    'key-not-on-the-curve',
    issue({
      subject: 'CN=x',
      issuer: good,
      spki: sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), bitString(key)),
    }),
  );
  may('key-of-unknown-algorithm', issue({ subject: 'CN=x', issuer: good, spki: rawSpki('1.2.3.4', key) }));
  may(
    'key-of-unknown-curve',
    issue({
      subject: 'CN=x',
      issuer: good,
      spki: sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.3.4')), bitString(key)),
    }),
  );
  may(
    'key-rsa-garbage',
    issue({ subject: 'CN=x', issuer: good, spki: rawSpki('1.2.840.113549.1.1.1', Buffer.from('garbage')) }),
  );
  const rsaKey = (modulus: Uint8Array, exponent: number): Uint8Array =>
    sequence(
      sequence(oid('1.2.840.113549.1.1.1'), nullValue()),
      bitString(sequence(integer(modulus), integer(exponent))),
    );
  may('key-rsa-exponent-1', issue({ subject: 'CN=x', issuer: good, spki: rsaKey(Buffer.alloc(257, 0x55), 1) }));
  may('key-rsa-of-16384-bits', issue({ subject: 'CN=x', issuer: good, spki: rsaKey(Buffer.alloc(2048, 0x55), 65537) }));

  may('name-with-empty-rdn', issue({ subject: sequence(setOf()), issuer: good }));
  may('name-of-200-kb', issue({ subject: `CN=${'a'.repeat(200_000)}`, issuer: good }));
  may(
    'name-of-1000-parts',
    issue({ subject: Array.from({ length: 1000 }, (_, at) => ({ type: 'OU', value: `${at}` })), issuer: good }),
  );
  may(
    'name-with-bad-utf8',
    issue({
      subject: sequence(setOf(sequence(oid('2.5.4.3'), tlv(0x0c, Uint8Array.of(0xc0, 0xff, 0xfe))))),
      issuer: good,
    }),
  );
  may(
    'name-with-odd-bmp',
    issue({
      subject: sequence(setOf(sequence(oid('2.5.4.3'), tlv(0x1e, Uint8Array.of(0, 0x41, 0x20))))),
      issuer: good,
    }),
  );
  may('san-garbage', extra('2.5.29.17', Buffer.from('garbage')));
  may('san-as-octets', extra('2.5.29.17', octetString(Buffer.from('x'))));
  may('basic-constraints-garbage', extra('2.5.29.19', Uint8Array.of(1, 2, 3), true));
  may('basic-constraints-false-spelled-out', extra('2.5.29.19', sequence(boolean(false))));
  may('basic-constraints-negative-length', extra('2.5.29.19', sequence(boolean(true), integer(-1)), true));
  may('key-usage-empty', lab.leaf({ keyUsage: [] }));
  may('purposes-empty', lab.leaf({ extendedKeyUsage: [] }));
  may(
    'extensions-5000',
    lab.leaf({
      extra: Array.from({ length: 5000 }, (_, at) => ({ oid: `1.3.6.1.4.1.55555.2.${at}`, value: nullValue() })),
    }),
  );
  may('object-identifier-huge', extra(`1.3.6.1.4.1.${'9'.repeat(400)}`, nullValue()));
  return list;
}
