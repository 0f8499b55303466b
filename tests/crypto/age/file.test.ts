/** Files in the age format against the test vectors of its authors (C2SP CCTV, npm `cctv-age`), and the payload against every cut and change. */

import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';

import * as vectors from 'cctv-age';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { decryptFile, encryptFile, type FileKey } from '../../../src/crypto/age/file.js';
import { SecurityError } from '../../../src/crypto/errors.js';
import { systemRandom } from '../../../src/crypto/random.js';

const CHUNK = 65_536;

/** The bytes in pieces of one size: every boundary falls elsewhere. */
async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const piece of pieces) found.push(Buffer.from(piece));
  return Buffer.concat(found);
}

/** The plaintext, or the code of the refusal. */
async function opened(file: Uint8Array, key: FileKey, size = CHUNK): Promise<Buffer | string> {
  try {
    return await collect(decryptFile(inPieces(file, size), key));
  } catch (error) {
    if (error instanceof SecurityError) return error.code;
    throw error;
  }
}

/** `key: value` lines, an empty one, the file. */
function parsed(vector: Uint8Array): { fields: Map<string, string[]>; file: Uint8Array } {
  const end = Buffer.from(vector).indexOf('\n\n');
  const fields = new Map<string, string[]>();
  for (const line of Buffer.from(vector.subarray(0, end)).toString().split('\n')) {
    const [name = '', value = ''] = line.split(/: (.*)/s);
    fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  const rest = vector.subarray(end + 2);
  return { fields, file: fields.get('compressed')?.[0] === 'zlib' ? inflateSync(rest) : rest };
}

describe('the vectors of the format', () => {
  it('are all there', () => {
    expect(Object.keys(vectors).length).toBeGreaterThanOrEqual(143);
  });

  it.each(Object.entries(vectors))('%s', async (_name, vector) => {
    const { fields, file } = parsed(vector);
    const [password] = fields.get('passphrase') ?? [];
    const key = password !== undefined ? { password } : { identities: fields.get('identity') ?? [] };
    const [expected] = fields.get('expect') ?? [];
    for (const size of file.length > CHUNK ? [100_003] : [file.length + 1, 7]) {
      const found = await opened(file, key, size);
      if (expected === 'success')
        expect(typeof found === 'string' ? found : createHash('sha256').update(found).digest('hex')).toBe(
          fields.get('payload')?.[0],
        );
      else expect(found).toBe('envelope_rejected');
    }
  });
});

describe('what we encrypt', () => {
  let identity = '';
  let recipient = '';
  beforeAll(async () => {
    identity = await generateX25519Identity();
    recipient = await identityToRecipient(identity);
  });
  const sealed = async (plaintext: Uint8Array, size = CHUNK, armor = false): Promise<Buffer> =>
    collect(await encryptFile(inPieces(plaintext, size), { recipients: [recipient] }, armor, systemRandom));

  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5])('opens: %i bytes', async (length) => {
    const plaintext = systemRandom(length);
    for (const size of [1_000, CHUNK, 100_003])
      for (const armor of [false, true])
        expect(
          Buffer.from(plaintext).equals(
            Buffer.from(await opened(await sealed(plaintext, size, armor), { identities: [identity] }, size)),
          ),
        ).toBe(true);
  });

  it('is refused after any change of a bit and any cut', async () => {
    const file = await sealed(systemRandom(2 * CHUNK));
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.nat(7), async (at, bit) => {
        const changed = Buffer.from(file);
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
        expect(await opened(changed, { identities: [identity] })).toBe('envelope_rejected');
        expect(await opened(file.subarray(0, at), { identities: [identity] })).toBe('envelope_rejected');
      }),
      { numRuns: 60 },
    );
    expect(await opened(Buffer.concat([file, Buffer.alloc(1)]), { identities: [identity] })).toBe('envelope_rejected');
    // Cut where a chunk ends: what is left is whole chunks.
    expect(await opened(file.subarray(0, -CHUNK - 16), { identities: [identity] })).toBe('envelope_rejected');
  });

  it('is not for a post-quantum recipient and another at once', async () => {
    const { generateHybridIdentity } = await import('age-encryption');
    const recipients = [recipient, await identityToRecipient(await generateHybridIdentity())];
    await expect(encryptFile(inPieces(new Uint8Array(1), 1), { recipients }, false, systemRandom)).rejects.toThrow(
      /^recipients mixes/,
    );
  });
});

it('an endless header is refused, and its source closed', async () => {
  let closed = false;
  const endless = (async function* () {
    try {
      yield Buffer.from('age-encryption.org/v1\n');
      for (;;) yield Buffer.alloc(65_536, 'a');
    } finally {
      closed = true;
    }
  })();
  await expect(collect(decryptFile(endless, { password: 'x' }))).rejects.toMatchObject({ code: 'envelope_rejected' });
  expect(closed).toBe(true);
});
